//! What every answer in JSON has in common.

use std::path::Path;

use rtmp_core::path::Shown;
use serde_json::{Map, Value};

/// The schema's name. It changes when a field goes or changes its meaning, not when one comes.
const SCHEMA: &str = "rtmpctl/1";

/// An answer: the schema, the command, and what a command adds.
pub fn answer(command: &str, facts: Value) -> Vec<u8> {
    let mut answer = Map::new();
    answer.insert("schema".to_owned(), SCHEMA.into());
    answer.insert("command".to_owned(), command.into());
    if let Value::Object(facts) = facts {
        answer.extend(facts);
    }
    format!("{:#}\n", Value::Object(answer)).into_bytes()
}

/// Bytes as a string. JSON knows no bytes, so what is not UTF-8 or not printable is escaped.
pub fn bytes(text: &[u8]) -> Value {
    Shown(text).to_string().into()
}

/// A path as a string, escaped like [`bytes`].
pub fn path(path: &Path) -> Value {
    crate::diagnostic::shown(path).to_string().into()
}
