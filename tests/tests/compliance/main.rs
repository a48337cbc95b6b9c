//! pam_rtmp beside pam_namespace: the same configuration, users, directories and calls, and
//! everything that can be seen is the same, but for what docs/compatibility.md lists.

mod case;
mod conf;
mod differences;
mod docs;
mod grammar;
mod listed;
mod nested;
mod session;
mod stock;

use case::check;

#[test]
fn every_file_line_method_and_flag_means_the_same() {
    check(&conf::cases());
}

#[test]
fn every_option_means_the_same() {
    check(&session::options());
}

#[test]
fn every_asker_means_the_same() {
    check(&session::asking());
}

#[test]
fn every_host_is_treated_the_same() {
    check(&session::sessions());
}

#[test]
fn every_script_is_run_the_same() {
    check(&session::scripts());
}

#[test]
fn every_session_ends_the_same() {
    check(&session::closing());
}

#[test]
fn random_lines_mean_the_same() {
    let long = std::env::var_os("RTMP_LONG").is_some();
    let seed = std::env::var("RTMP_SEED").map_or(1, |seed| seed.parse().unwrap());
    let count = std::env::var("RTMP_COUNT")
        .map_or(if long { 20_000 } else { 2_000 }, |n| n.parse().unwrap());
    grammar::random_lines(seed, count);
}
