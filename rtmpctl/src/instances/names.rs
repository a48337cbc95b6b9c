//! Users by number and by name, for thousands of look-ups.

use std::collections::HashMap;

use rtmp_core::accounts::{Account, Surroundings};
use rtmp_core::path::Name;

use super::Owner;
use crate::people::People;

/// What `/etc/passwd` says, read once; the name service is asked for the rest.
#[derive(Debug)]
pub struct Names<'a> {
    people: &'a People<'a>,
    by_uid: HashMap<u32, &'a [u8]>,
    by_name: HashMap<&'a [u8], u32>,
}

impl<'a> Names<'a> {
    /// Of the tree's users.
    pub fn of(people: &'a People<'a>) -> Self {
        let (mut by_uid, mut by_name) = (HashMap::new(), HashMap::new());
        for user in people.users() {
            // The first of several counts, as in a search from the start of the file.
            by_uid.entry(user.uid).or_insert(user.name.as_slice());
            by_name.entry(user.name.as_slice()).or_insert(user.uid);
        }
        Self { people, by_uid, by_name }
    }

    /// Whose number it is.
    pub fn of_uid(&self, uid: u32) -> Owner {
        if let Some(name) = self.by_uid.get(&uid) {
            return Owner::User { uid, name: name.to_vec() };
        }
        match Account::of_uid(uid) {
            Ok(Some(account)) => Owner::User { uid, name: account.passwd_name },
            Ok(None) => Owner::Deleted { uid: Some(uid), name: None },
            Err(_) => Owner::Unknown { uid: Some(uid) },
        }
    }

    /// Whose name it is.
    pub fn of_name(&self, text: &[u8]) -> Owner {
        if let Some(uid) = self.by_name.get(text) {
            return Owner::User { uid: *uid, name: text.to_vec() };
        }
        let Ok(name) = Name::new(text) else { return Owner::Unknown { uid: None } };
        match self.people.user(name.as_cstr()) {
            Ok(Some(user)) => Owner::User { uid: user.uid, name: text.to_vec() },
            Ok(None) => Owner::Deleted { uid: None, name: Some(text.to_vec()) },
            Err(_) => Owner::Unknown { uid: None },
        }
    }
}
