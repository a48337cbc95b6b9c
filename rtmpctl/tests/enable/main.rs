//! `rtmpctl enable` and `rtmpctl disable`, on hosts whose session stacks belong to `pam-auth-update`, to
//! `pam-config`, or to nobody but the administrator: real tools, real libpam, real logins.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod grace;
#[path = "../host/mod.rs"]
mod host;
mod hosts;
mod killed;
mod recovery;
mod refused;
mod removed;
mod written;
