//! Polyinstantiated directories: from the bytes of `namespace.conf` to a private mount namespace.
//!
//! ```text
//!  namespace.conf ──conf──▶ Rules ──plan──▶ Plan ──session──▶ Session ──close──▶ gone
//!  bytes                    what the        what this          what this process
//!                           file says       login gets         now lives in
//!                                             └──explain──▶ text
//! ```
//!
//! No arrow points left. [`conf`] knows no users, [`plan`] knows no descriptors, [`session`] knows
//! no configuration. Planning may look but never touch; opening may touch but never decide.
//!
//! # Terminology
//!
//! The words are those of `pam_namespace(8)`:
//!
//! - **polydir**: the directory that every user sees in an own version (`/tmp`)
//! - **instance**: the directory a user sees in the polydir's place
//! - **instance parent**: the directory the instances, or the users' boxes, are kept in
//! - **instance prefix**: the second field of a line of `namespace.conf`
//! - **box**: of a `%{UID}` template, the user's 0700 directory that holds the instances
//! - **method**: what tells two instances apart: `user`, `context`, `level`, `tmpdir`, `tmpfs`
//! - **exempt**: a user who keeps the real polydir
//! - **draft**: a directory that is not finished, under a name that nobody uses
//!
//! # What is cold
//!
//! `#[cold]` is what no ordinary login runs: the first of a user, a refusal, an older kernel, the end
//! of a session. `pam_rtmp/login.ld` lays the rest side by side.

pub mod accounts;
pub mod conf;
pub mod explain;
pub mod init;
pub mod instance_name;
pub mod options;
pub mod path;
pub mod plan;
pub mod selinux;
pub mod session;

#[allow(unsafe_code)]
mod sys;

pub use sys::owner_of_namespace;
