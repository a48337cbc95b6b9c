//! A program that opens sessions, and writes down what it sees after every call.
//!
//! It is a program of its own, and not a fork of the test, so that it can run with another C
//! library and another libpam than the test's.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::mount::{MntFlags, umount2};
use nix::sched::{CloneFlags, setns};
use nix::sys::stat::{Mode, umask};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, User, alarm, dup2_stderr, dup2_stdin, dup2_stdout};
use serde::{Deserialize, Serialize};

use crate::caller::Caller;
use crate::command;
use crate::explained::{Explained, Step};
use crate::files::{Fixture, owner, walk};
use crate::kernel::lacks;
use crate::mounts::{Mount, MountTable};
use crate::pam::{Code, Item, Pam};
use crate::process::{apart, become_user, give_up_sys_admin};
use crate::sys;
use crate::twin::{Facet, Sight};

/// Something that the program does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Call {
    /// Opens a session of this user, with the handle that is there or a new one.
    Open(String),
    /// The same in a child, as newrole(1) does it; the parent has the handle, too.
    OpenInChild(String),
    /// Says who asks: `PAM_RUSER`.
    Ruser(String),
    /// `pam_close_session`.
    Close,
    /// `pam_close_session` in a child that became this user: what systemd does.
    CloseAs(String),
    /// `pam_end`.
    End,
    /// `pam_end` with `PAM_DATA_SILENT` in a forked child.
    EndInChild,
    /// Goes to a directory.
    Cd(String),
    /// Sets the umask.
    Umask(u32),
    /// Keeps a file or directory open.
    Hold(String),
    /// Has this file as its standard output.
    Stdout(String),
    /// Takes `/proc` away, and what Linux 6.11 has in place of it.
    WithoutProc,
    /// Loses CAP_SYS_ADMIN.
    WithoutSysAdmin,
    /// Has this user as its real user, as a set-user-id program has.
    RealUser(u32),
    /// Runs a shell command as this user, in the session.
    Sh(String, String),
    /// Writes a file: a new `namespace.conf`, say.
    Write(String, Vec<u8>),
    /// Changes the words after the module's name, for handles to come.
    Args(String),
    /// For each of these files as `namespace.conf`, in turn: a fresh `/g` (made by this shell
    /// script) and a session of alice's in a child. Each counts as a step.
    Files(String, Vec<String>),
    /// What follows is done by another process of the same program.
    Again,
    /// Ends the program when this many seconds have passed from here.
    Patience(u32),
}

/// A module that hangs does not hang for ever.
const PATIENCE: u32 = 20;

/// The whole program: calls as JSON on standard input, [`Sight`]s on standard output.
pub fn main() {
    let mut script = String::new();
    std::io::stdin().read_to_string(&mut script).unwrap();
    let calls: Vec<Call> = serde_json::from_str(&script).unwrap();
    let report = set_aside(std::io::stdout());
    // Standard error is what scripts have, so a panic of this program is heard elsewhere.
    let complaints = set_aside(std::io::stderr());
    std::panic::set_hook(Box::new(move |panic| {
        let _ = writeln!(&complaints, "{panic}");
    }));
    let null = fs::OpenOptions::new().read(true).write(true).open("/dev/null").unwrap();
    dup2_stdin(&null).unwrap();
    dup2_stdout(&null).unwrap();
    dup2_stderr(&null).unwrap();
    sys::open_syslog();
    alarm::set(PATIENCE);
    Application::new(report).perform(calls);
}

/// A stream under a number that no program expects.
fn set_aside(stream: impl AsFd) -> fs::File {
    let number = fcntl(stream, FcntlArg::F_DUPFD_CLOEXEC(100)).unwrap();
    let path = format!("/proc/self/fd/{number}");
    fs::OpenOptions::new().append(true).open(path).unwrap()
}

struct Application {
    report: fs::File,
    step: usize,
    base: BTreeSet<String>,
    pam: Option<Pam>,
    before: Caller,
    asker: Option<String>,
    held: Vec<OwnedFd>,
}

impl Application {
    fn new(report: fs::File) -> Self {
        let before = Caller::now();
        let base = before.mounts().0.iter().map(|mount| shown(mount, false)).collect();
        Self { report, step: 0, base, pam: None, before, asker: None, held: Vec::new() }
    }

    fn see(&mut self, facet: Facet, text: impl Into<String>) {
        let text = without_chance(&text.into());
        let sight = Sight { step: self.step, facet, text };
        writeln!(self.report, "{}", serde_json::to_string(&sight).unwrap()).unwrap();
    }

    fn perform(&mut self, calls: Vec<Call>) {
        for call in calls {
            self.step += 1;
            self.before = if self.has_proc() { Caller::now() } else { self.before.clone() };
            self.does(call);
        }
    }

    fn has_proc(&self) -> bool {
        Path::new("/proc/self").exists()
    }

    fn pam(&mut self, user: &str) -> &mut Pam {
        if let Some(pam) = &mut self.pam {
            assert_eq!(pam.set(Item::User, user), Code::SUCCESS);
        }
        self.pam.get_or_insert_with(|| Pam::start("rtmp", user).unwrap())
    }

    /// As the modules find out who asks.
    fn asker(&self) -> Option<String> {
        let real = || User::from_uid(nix::unistd::getuid()).unwrap().map(|user| user.name);
        self.asker.clone().or_else(real)
    }

    /// The mounts that the host did not have.
    fn mounts(&self) -> Vec<Mount> {
        let table = if self.has_proc() { MountTable::here().0 } else { Vec::new() };
        let mut base = self.base.clone();
        table.into_iter().filter(|mount| !base.remove(&shown(mount, false))).collect()
    }

    /// Opens a session, and says where `rtmpctl explain` had said something else.
    fn open_as_explained(&mut self, user: &str) -> Code {
        let explained = Explained::ask(user, self.asker());
        let before = self.mounts();
        let answer = self.pam(user).open_session();
        let step = Step { opened: answer == Code::SUCCESS, before, after: self.mounts() };
        for broken in explained.iter().flat_map(|said| said.broken_by(&step)) {
            self.see(Facet::Explained, format!("{user}: {broken}"));
        }
        answer
    }

    fn answered(&mut self, text: String) {
        self.see(Facet::Answer, text);
        self.look();
    }

    fn does(&mut self, call: Call) {
        match call {
            Call::Open(user) => {
                let answer = self.open_as_explained(&user);
                self.answered(format!("open {user}: {answer:?}"));
            }
            Call::OpenInChild(user) => {
                let pam = self.pam(&user);
                let answer = apart(|| pam.open_session());
                self.answered(format!("open {user} in a child: {answer:?}"));
            }
            Call::Close => {
                let answer = self.pam.as_mut().unwrap().close_session();
                self.answered(format!("close: {answer:?}"));
            }
            Call::CloseAs(user) => {
                let pam = self.pam.as_mut().unwrap();
                let answer = apart(|| {
                    become_user(&user);
                    pam.close_session()
                });
                self.answered(format!("close as {user}: {answer:?}"));
            }
            Call::End => {
                let answer = self.pam.take().unwrap().end();
                self.answered(format!("end: {answer:?}"));
            }
            Call::EndInChild => {
                self.pam.as_ref().unwrap().end_silently_in_a_child();
                self.look();
            }
            Call::Sh(user, line) => {
                let outcome = command::run(&user, &command::shell(&line), "");
                self.see(
                    Facet::Output,
                    format!("{user}$ {line}: {} {:?}", outcome.status, outcome.out),
                );
            }
            Call::Files(fixture, files) => {
                self.try_files(&fixture, &files);
            }
            // Where applications begin and end, see `Scene::play`.
            Call::Again => {}
            Call::Ruser(name) => {
                let pam = self.pam("alice");
                assert_eq!(pam.set(Item::Ruser, &name), Code::SUCCESS);
                self.asker = Some(name).filter(|name| !name.is_empty());
            }
            Call::Cd(path) => std::env::set_current_dir(path).unwrap(),
            Call::Umask(mask) => {
                umask(Mode::from_bits_truncate(mask));
            }
            // Programs that this one starts inherit it.
            Call::Hold(path) => {
                self.held.push(nix::unistd::dup(fs::File::open(path).unwrap()).unwrap())
            }
            Call::Stdout(path) => dup2_stdout(fs::File::create(path).unwrap()).unwrap(),
            Call::WithoutProc => {
                umount2("/proc", MntFlags::MNT_DETACH).unwrap();
                lacks(&[libc::SYS_pidfd_open], Errno::ENOSYS);
            }
            Call::WithoutSysAdmin => give_up_sys_admin(),
            Call::RealUser(uid) => {
                let root = nix::unistd::Uid::from_raw(0);
                nix::unistd::setresuid(uid.into(), root, root).unwrap();
            }
            Call::Write(path, bytes) => fs::write(path, bytes).unwrap(),
            Call::Args(args) => {
                let service = fs::read_to_string("/etc/pam.d/rtmp").unwrap();
                let line = |line: &str| match line.split_once(".so") {
                    Some((module, _)) if line.starts_with("session") => {
                        format!("{module}.so {args}\n")
                    }
                    _ => format!("{line}\n"),
                };
                fs::write("/etc/pam.d/rtmp", service.lines().map(line).collect::<String>())
                    .unwrap();
            }
            Call::Patience(seconds) => {
                alarm::set(seconds);
            }
        }
    }

    fn try_files(&mut self, fixture: &str, files: &[String]) {
        assert_eq!(command::run("root", &command::shell(fixture), "").status, 0);
        let fixture = Fixture::of(&["/g", "/home"]);
        for conf in files {
            fixture.restore();
            fs::write(crate::world::CONF, conf).unwrap();
            match sys::fork().unwrap() {
                ForkResult::Child => {
                    self.try_file();
                    sys::exit(0);
                }
                ForkResult::Parent { child } => {
                    if let WaitStatus::Signaled(_, signal, _) = waitpid(child, None).unwrap() {
                        self.see(Facet::Death, format!("killed by {signal}"));
                    } else {
                        let mut files = Vec::new();
                        walk(Path::new("/g"), &mut files);
                        walk(Path::new("/home"), &mut files);
                        files.into_iter().for_each(|(facet, text)| self.see(facet, text));
                    }
                }
            }
            self.step += 1;
        }
    }

    fn try_file(&mut self) {
        let answer = self.open_as_explained("alice");
        self.see(Facet::Answer, format!("{answer:?}"));
        if answer == Code::SUCCESS {
            self.look_at_mounts(&MountTable::here(), "");
        }
    }

    fn look(&mut self) {
        if !self.has_proc() {
            return;
        }
        let now = Caller::now();
        let new = if now.mnt_ns == self.before.mnt_ns { "the same" } else { "a new one" };
        self.see(Facet::Namespace, new);
        let mounts = now.mounts();
        self.look_at_mounts(&mounts, "");
        self.look_at_polydirs(&mounts);
        self.look_at_caller(&now);
        self.look_at_host();
    }

    fn look_at_mounts(&mut self, table: &MountTable, whose: &str) {
        let lines: BTreeSet<String> = table.0.iter().map(|mount| shown(mount, false)).collect();
        let gone: Vec<String> = self.base.difference(&lines).cloned().collect();
        for line in gone {
            self.see(Facet::Mounts, format!("{whose}gone: {line}"));
        }
        let mut seen = BTreeMap::new();
        let mut kinds = BTreeSet::new();
        for mount in &table.0 {
            if self.base.contains(&shown(mount, false)) {
                kinds.insert(propagation(mount));
            } else if !covers_itself(mount, table) {
                let count = seen.entry(&mount.target).and_modify(|n| *n += 1).or_insert(1);
                self.see(Facet::Mounts, format!("{whose}{count}. {}", shown(mount, true)));
            }
        }
        self.see(Facet::Mounts, format!("{whose}the host's own are {kinds:?}"));
    }

    fn look_at_polydirs(&mut self, table: &MountTable) {
        let new = table.0.iter().filter(|mount| !self.base.contains(&shown(mount, false)));
        let targets = new.filter(|mount| !covers_itself(mount, table)).map(|m| m.target.clone());
        let always = ["/tmp", "/var/tmp"].map(str::to_owned);
        for path in targets.chain(always).collect::<BTreeSet<_>>() {
            let Ok(found) = fs::metadata(&path) else { continue };
            let entries = fs::read_dir(&path).map_or(0, Iterator::count);
            let owner = owner(&found);
            self.see(Facet::Seen, format!("{path} is {owner} with {entries} entries"));
        }
    }

    fn look_at_caller(&mut self, now: &Caller) {
        let here = fs::metadata(&now.cwd).is_ok_and(|found| {
            (found.dev(), found.ino()) == (now.cwd_inode.dev, now.cwd_inode.ino)
        });
        let whether = if here { "is" } else { "is not" };
        self.see(
            Facet::Caller,
            format!("in {}, which {whether} what is there now", now.cwd.display()),
        );
        if now.root != self.before.root {
            self.see(Facet::Caller, "has another root");
        }
        for (fd, target) in &now.descriptors {
            let target = target.split(['[']).next().unwrap_or_default();
            // Which device a descriptor is on cannot be told apart from its path.
            self.see(Facet::Caller, format!("has {fd}: {target}"));
        }
        for (field, value) in &now.status {
            if self.before.status.get(field) != Some(value) {
                self.see(Facet::Caller, format!("{field} is {value}"));
            }
        }
    }

    /// The host, from the namespace of process 1.
    fn look_at_host(&mut self) {
        if nix::unistd::geteuid().is_root() {
            let base = self.base.clone();
            let seen: Option<(String, Vec<(Facet, String)>)> = apart(|| {
                let host = fs::File::open("/proc/1/ns/mnt").ok()?;
                setns(&host, CloneFlags::CLONE_NEWNS).ok()?;
                let mut files = Vec::new();
                walk(Path::new("/"), &mut files);
                Some((fs::read_to_string("/proc/self/mountinfo").ok()?, files))
            });
            let Some((mountinfo, files)) = seen else { return };
            for (facet, text) in files {
                self.see(facet, text);
            }
            for mount in &MountTable::parse(&mountinfo).0 {
                if !base.contains(&shown(mount, false)) {
                    self.see(Facet::Mounts, format!("on the host: {}", shown(mount, true)));
                }
            }
        }
    }
}

/// A mount without what differs from world to world: numbers and devices.
fn shown(mount: &Mount, propagates: bool) -> String {
    let Mount { target, root, fstype, options, source, super_options, .. } = mount;
    // What was brought, and cargo has built anew since.
    let is_brought = target.starts_with("/opt/");
    let root = root.strip_suffix("//deleted").filter(|_| is_brought).unwrap_or(root);
    // A file system of its own is known by its options; the world's root by its name alone.
    let options = options.join(",");
    let own = match (fstype.as_str(), root) {
        ("tmpfs", "/") => {
            let kept = super_options.iter().filter(|option| *option != "inode64");
            format!(" {source} {}", kept.cloned().collect::<Vec<_>>().join(","))
        }
        _ => String::new(),
    };
    let kind = if propagates { format!(" {}", propagation(mount)) } else { String::new() };
    format!("{target} is {fstype}:{root} {options}{own}{kind}")
}

fn propagation(mount: &Mount) -> String {
    let kinds: Vec<&str> =
        mount.propagation.iter().filter_map(|field| field.split(':').next()).collect();
    if kinds.is_empty() { "private".to_owned() } else { kinds.join("+") }
}

/// A directory that is bound over itself: nothing can be told from it.
fn covers_itself(mount: &Mount, table: &MountTable) -> bool {
    let Some(below) = table.0.iter().find(|below| below.id == mount.parent) else { return false };
    let Some(rest) = mount.target.strip_prefix(&below.target.trim_end_matches('/').to_owned())
    else {
        return false;
    };
    let covered = format!("{}{rest}", below.root.trim_end_matches('/'));
    mount.device == below.device && mount.root == covered
}

/// `mkdtemp(3)`'s six letters.
fn without_chance(text: &str) -> String {
    const START: &str = "/chance-";
    let mut parts = text.split(START);
    let mut clean = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        clean += START;
        clean += "??????";
        clean += part.get(6..).unwrap_or_default();
    }
    clean
}
