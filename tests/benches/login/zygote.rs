//! A prepared parent: a process with a host of its own, whose children do one act each.

use std::fs;
use std::path::Path;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, CpuSet, sched_setaffinity, unshare};
use nix::unistd::Pid;
use rtmp_tests::MountTable;
use rtmp_tests::process::{self, Process};
use rtmp_tests::wire::Wire;
use serde::de::DeserializeOwned;

use crate::subject::{self, Host, NameService, Sample, Subject};
use crate::sys;

/// The parent of everything one subject does.
pub struct Zygote {
    wire: Wire,
    process: Process<()>,
}

/// The processors its children may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Processors {
    /// Only this one.
    One(usize),
    All,
}

impl Zygote {
    /// Prepares the host of a subject in a mount namespace of its own. `number` is unlike any
    /// other zygote's.
    pub fn start(subject: &Subject, number: usize, processors: Processors) -> Self {
        let (wire, theirs) = Wire::pair();
        let subject = subject.clone();
        let process = process::start(move || serve(&subject, number, processors, theirs));
        let mut zygote = Self { wire, process };
        zygote.hear::<()>();
        zygote
    }

    /// Begins to do it so many times, one after the other.
    pub fn begin(&mut self, times: u32) {
        self.wire.send(&times);
    }

    /// What was begun.
    pub fn finish(&mut self) -> Vec<Sample> {
        self.hear()
    }

    fn hear<T: DeserializeOwned>(&mut self) -> T {
        self.wire.receive().unwrap_or_else(|| {
            self.process.hear();
            unreachable!("a zygote that ended without a panic")
        })
    }
}

fn serve(subject: &Subject, number: usize, processors: Processors, mut wire: Wire) {
    if let Processors::One(number) = processors {
        let mut only = CpuSet::new();
        only.set(number).unwrap();
        sched_setaffinity(Pid::this(), &only).unwrap();
    }
    subject.host.build(number);
    let act = subject.act.ready();
    if subject.host.nss != NameService::Cold {
        subject::ask_for_alice();
    }
    wire.send(&());
    while let Some(times) = wire.receive::<u32>() {
        let once = || {
            if subject.host.first {
                forget_alice();
            }
            process::apart(|| {
                sys::own_the_heap();
                if subject.host.nss == NameService::Warm {
                    subject::ask_for_alice();
                }
                act.run()
            })
        };
        wire.send(&(0..times).map(|_| once()).collect::<Vec<_>>());
    }
}

impl Host {
    /// Makes this process's namespace that of the host. As under systemd all of it is shared, but
    /// with no other zygote.
    fn build(&self, number: usize) {
        unshare(CloneFlags::CLONE_NEWNS).unwrap();
        let propagate = |kind: MsFlags| {
            mount(None::<&str>, "/", None::<&str>, kind | MsFlags::MS_REC, None::<&str>).unwrap();
        };
        propagate(MsFlags::MS_PRIVATE);
        let own = format!("/srv/{number}");
        fs::create_dir_all(format!("{own}/namespace.d")).unwrap();
        fs::write(format!("{own}/namespace.conf"), &self.conf).unwrap();
        if self.script {
            fs::copy("/etc/security/namespace.init", format!("{own}/namespace.init")).unwrap();
        }
        bind(&own, "/etc/security");
        if self.passwd > 0 {
            let file = format!("{own}/passwd");
            fs::write(&file, many_users(self.passwd)).unwrap();
            bind(&file, "/etc/passwd");
        }
        for n in MountTable::here().0.len()..self.mounts {
            let target = format!("/mnt/{n}");
            fs::create_dir_all(&target).unwrap();
            bind("/srv", &target);
        }
        propagate(MsFlags::MS_SHARED);
    }
}

fn bind(source: &str, target: &str) {
    mount(Some(source), target, None::<&str>, MsFlags::MS_BIND, None::<&str>).unwrap();
}

/// The world's users, others, and alice at the end.
fn many_users(lines: usize) -> String {
    let few = fs::read_to_string("/etc/passwd").unwrap();
    let (alice, others): (Vec<_>, Vec<_>) =
        few.lines().partition(|line| line.starts_with("alice:"));
    let more = (0..lines - few.lines().count())
        .map(|n| format!("user{n:05}:x:{0}:{0}:User {n}:/home/user{n:05}:/bin/bash", 10_000 + n));
    let all = others.into_iter().map(str::to_owned).chain(more);
    all.chain(alice.into_iter().map(str::to_owned)).map(|line| line + "\n").collect()
}

/// Removes her instances and boxes.
fn forget_alice() {
    for parent in ["/tmp/user_tmpl", "/var/tmp/user_tmpl", "/tmp-inst", "/var/tmp/tmp-inst"] {
        for name in ["1001", "alice"] {
            let path = Path::new(parent).join(name);
            if path.exists() {
                fs::remove_dir_all(path).unwrap();
            }
        }
    }
}
