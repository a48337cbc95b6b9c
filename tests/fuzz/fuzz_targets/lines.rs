//! One line: what is shown of it means the same.
#![no_main]

#[path = "../../tests/bytes/properties.rs"]
#[allow(dead_code)]
mod properties;

libfuzzer_sys::fuzz_target!(|line: &[u8]| {
    properties::what_is_shown_means_the_same(line);
});
