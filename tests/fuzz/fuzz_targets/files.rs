//! A whole file, and a login that meets it. The first line is the user's name, the second the home.
#![no_main]

#[path = "../../tests/bytes/properties.rs"]
#[allow(dead_code)]
mod properties;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut parts = bytes.splitn(3, |&byte| byte == b'\n');
    let [user, home, text] = [(); 3].map(|()| parts.next().unwrap_or_default());
    properties::a_file_means_what_its_lines_mean(text);
    properties::a_plan_is_made_or_refused(text, user, home);
    properties::two_polydirs_have_two_names(user, home);
});
