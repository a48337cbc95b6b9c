//! Throwaway worlds for the real kernel, the real libpam and the real programs.
//!
//! A [`World`] is a host of its own: root file system, users, services, network, processes and
//! system log. A test builds one, lives in it, and when it returns or panics the kernel takes
//! all of it away; the host's mounts, files and processes are never touched.
//!
//! ```no_run
//! use rtmp_tests::{Module, World};
//!
//! World::with(Module::Theirs).conf("/tmp /tmp-inst/ user root\n").run(|w| {
//!     let alice = w.login("alice");
//!     alice.sh("echo hers > /tmp/file").ok();
//!     assert!(!w.exists("/tmp/file"));
//! });
//! ```
//!
//! | room | for |
//! |---|---|
//! | [`world`] | the host: what is built, its files, its log |
//! | [`session`] | a visitor opens a session and stays, or is refused |
//! | [`pam`] | libpam by hand, for what a visitor does not do |
//! | [`process`] | work apart: attackers, children, things that may die |
//! | [`programs`], [`sshd`], [`shell`] | `su`, `sudo`, `pamtester`, OpenSSH, and a shell that stays open |
//! | [`examples`] | the configuration files that everything has to work with |
//! | [`twin`], [`application`] | the same calls with another module, and what differs |
//! | [`attack`], [`fuse`] | races, and file systems that lie or never answer |
//! | [`kernel`] | a kernel that fails on request, or lacks calls |
//! | [`caller`], [`mounts`], [`log`] | what is looked at afterwards |
//! | [`steps`] | the instructions of one call, counted |
//! | [`suite`] | another file of tests, run by a test |
//! | [`figures`] | what was counted |
//! | [`vm`] | a whole host that boots: systemd, sshd, cron, and another kernel |
//!
//! Worlds need root: `tests/run` sees to it. A test that cannot run on a machine is marked
//! `#[ignore = "the reason"]`; none returns early, which would read as `ok`.

pub mod application;
pub mod attack;
pub mod caller;
pub mod command;
mod etc;
pub mod examples;
mod explained;
pub mod figures;
mod files;
pub mod fuse;
mod ground;
#[allow(unsafe_code)]
pub mod kernel;
pub mod log;
pub mod module;
pub mod mounts;
#[allow(unsafe_code)]
pub mod pam;
pub mod process;
pub mod programs;
pub mod session;
pub mod shell;
pub mod sshd;
#[cfg(target_arch = "x86_64")]
pub mod steps;
pub mod suite;
#[allow(unsafe_code)]
mod sys;
pub mod twin;
pub mod vm;
pub mod wire;
pub mod world;

pub use caller::Caller;
pub use command::Outcome;
pub use module::Module;
pub use mounts::MountTable;
pub use pam::{Code, Pam};
pub use session::{Attempt, Login, Visitor};
pub use shell::Shell;
pub use sshd::Sshd;
pub use world::{Blueprint, World};
