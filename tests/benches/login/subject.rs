//! What is compared: an act, and the host it is done on.

use nix::unistd::User;
use rtmp_tests::process::{self, Process};
use rtmp_tests::{Code, Pam};
use serde::{Deserialize, Serialize};

use crate::clock::{Clock, Reading};
use crate::floor::{self, Namespace};
use crate::layout::Layout;
use crate::sys::Handle;

/// Something whose cost is asked for.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Its name in the tables.
    pub name: &'static str,
    pub act: Act,
    pub host: Host,
}

/// What is done, as root, in a process of its own.
#[derive(Clone, Debug)]
pub enum Act {
    /// The bare calls of a floor.
    Bare(fn(&Layout), &'static Layout),
    /// A user's namespace is joined, found by a process in it or by a kept handle.
    JoinByPid(&'static Layout),
    JoinByHandle(&'static Layout),
    /// `pam_open_session` of a service.
    Open(&'static str),
    /// `pam_start` of a service.
    Start(&'static str),
}

/// The host a login meets.
#[derive(Clone, Debug)]
pub struct Host {
    /// `namespace.conf`.
    pub conf: String,
    /// Whether the distribution's namespace.init is there.
    pub script: bool,
    /// Mounts in its mount table.
    pub mounts: usize,
    /// Lines of its passwd file, alice's the last; 0: a world's few.
    pub passwd: usize,
    /// What was asked of the name service before.
    pub nss: NameService,
    /// Whether alice has no instance yet.
    pub first: bool,
}

/// What one act cost: the module alone, and the whole call of libpam around it. For the bare calls
/// both are the same.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Sample {
    pub module: Reading,
    pub whole: Reading,
}

/// An act that has what it needs.
pub enum Ready {
    Bare(fn(&Layout), &'static Layout),
    Join { layout: &'static Layout, namespace: Namespace, _session: Process<()> },
    Open(&'static str),
    Start(&'static str),
}

impl Act {
    /// Gets what the act needs; a session to be joined is opened.
    pub fn ready(&self) -> Ready {
        match *self {
            Self::Bare(calls, layout) => Ready::Bare(calls, layout),
            Self::JoinByPid(layout) => {
                let session = living_session(layout);
                let namespace = Namespace::Of(session.pid());
                Ready::Join { layout, namespace, _session: session }
            }
            Self::JoinByHandle(layout) => {
                let session = living_session(layout);
                let namespace = std::fs::File::open(format!("/proc/{}/ns/mnt", session.pid()));
                let handle = Handle::of(namespace.unwrap());
                let handle = handle.expect("nsfs gives handles since Linux 6.18");
                Ready::Join { layout, namespace: Namespace::Kept(handle), _session: session }
            }
            Self::Open(service) => Ready::Open(service),
            Self::Start(service) => Ready::Start(service),
        }
    }
}

/// A process that is in a session of this layout until it is dropped.
fn living_session(layout: &'static Layout) -> Process<()> {
    let (mut ready, mut tell) = rtmp_tests::wire::Wire::pair();
    let session = process::start(move || {
        floor::floor(layout);
        tell.send(&());
        nix::unistd::pause();
    });
    ready.receive::<()>().expect("no living session");
    session
}

impl Ready {
    /// Does it once, in this process, which is then in another namespace.
    pub fn run(&self) -> Sample {
        match self {
            Self::Bare(calls, layout) => timed(|| calls(layout)),
            Self::Join { layout, namespace, .. } => timed(|| floor::join(layout, *namespace)),
            Self::Open(service) => {
                let mut pam = Pam::start(service, "alice").unwrap();
                let clock = Clock::start();
                let code = pam.open_session();
                let whole = clock.stop();
                assert_eq!(code, Code::SUCCESS, "{service}");
                let module = pam.env("BENCH_CLOCK").and_then(|text| Reading::parse(&text));
                Sample { module: module.expect("the clock stands around the module"), whole }
            }
            Self::Start(service) => timed(|| std::mem::forget(Pam::start(service, "alice"))),
        }
    }
}

fn timed(act: impl FnOnce()) -> Sample {
    let clock = Clock::start();
    act();
    let reading = clock.stop();
    Sample { module: reading, whole: reading }
}

/// What was asked of the name service before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameService {
    /// This process has looked the user up, as sshd, login, su and pam_unix do.
    Warm,
    /// The parent has, before the fork: the libraries are there, their pages are not.
    Forked,
    /// Nothing.
    Cold,
}

/// Looks the user up.
pub fn ask_for_alice() {
    assert!(User::from_name("alice").unwrap().is_some());
}
