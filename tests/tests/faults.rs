//! Every system call of a login and of a logout fails once, or is the last the process makes.
//!
//! The shipped module runs in the real libpam, under a kernel that fails on request
//! ([`rtmp_tests::kernel`]). Whichever call fails, with whichever errno: the session is private, or
//! it is refused with one line and the process is where it was; every instance is complete or
//! absent; and the next login works. `RTMP_LONG=1` takes every errno at every call and kills at
//! every call; otherwise calls get one errno each in turn, and some are the last.

use std::panic::{AssertUnwindSafe, catch_unwind};

use nix::errno::Errno;
use nix::sys::statvfs::FsFlags;
use rtmp_tests::caller::Inode;
use rtmp_tests::figures::report;
use rtmp_tests::kernel::{self, Call, Fault, Kernel};
use rtmp_tests::{Caller, Code, Module, World};

#[path = "faults/layouts.rs"]
mod layouts;
#[path = "faults/mutations.rs"]
mod mutations;
#[path = "faults/visit.rs"]
mod visit;

use layouts::{Allowed, Cover, Entry, Layout};
use visit::{Visit, Window, flags, visit};

const ERRNOS: [Errno; 6] =
    [Errno::EPERM, Errno::EIO, Errno::ENOMEM, Errno::ENOSPC, Errno::EMFILE, Errno::EINTR];

/// What went wrong at one fault.
struct Case<'a> {
    w: &'a World,
    layout: &'a Layout,
    before: Vec<Entry>,
    mounts: String,
    said: usize,
    /// What `pam_close_session` changes when all goes well: the cwd is in a removed instance, say.
    usual: Vec<String>,
    wrong: Vec<String>,
}

impl<'a> Case<'a> {
    fn new(w: &'a World, layout: &'a Layout, later: bool) -> Self {
        layout.lay(w);
        if let Some(user) = layout.inside {
            drop(w.login(user));
        }
        let mut case = Case {
            w,
            layout,
            before: Vec::new(),
            mounts: Caller::now().mountinfo,
            said: 0,
            usual: Vec::new(),
            wrong: Vec::new(),
        };
        if later {
            case.next_login();
        }
        case.before = layout.look();
        case.said = w.said().len();
        case
    }

    fn must(&mut self, holds: bool, otherwise: impl FnOnce() -> String) {
        if !holds {
            self.wrong.push(otherwise());
        }
    }

    /// A session is private: each polydir shows what it should.
    fn is_private(&mut self, visit: &Visit) {
        let layout = self.layout;
        for ((polydir, cover), seen) in layout.covers.iter().zip(&visit.seen) {
            let right = match cover {
                Cover::Instance(path) => {
                    std::fs::exists(path).unwrap() && Inode::of(path) == seen.inode
                }
                Cover::Temporary(start) => seen.root.contains(start.rsplit('/').next().unwrap()),
                Cover::Tmpfs => {
                    let real = Inode::of(polydir).dev;
                    (seen.fstype.as_str(), seen.root.as_str()) == ("tmpfs", "/")
                        && seen.inode.dev != real
                }
            };
            self.must(right, || format!("{polydir} is not {cover:?} but {seen:?}"));
            let asked = layout.conf.lines().find(|line| line.starts_with(polydir));
            let asks = |flag| asked.is_some_and(|line| line.contains(flag));
            let mut wanted = flags(polydir);
            wanted |= if asks("nosuid") { FsFlags::ST_NOSUID.bits() } else { 0 };
            wanted |= if asks("nodev") { FsFlags::ST_NODEV.bits() } else { 0 };
            self.must(seen.flags & wanted == wanted, || format!("{polydir} lost mount flags"));
            let ran = seen.script_ran || !layout.script;
            self.must(ran, || format!("the script has not run for {polydir}"));
            if *polydir == "/tmp" {
                let inside = visit.cwd == seen.inode;
                self.must(inside, || "the working directory is still the shared /tmp".to_owned());
            }
        }
        let closed = visit.close == Some(Code::SUCCESS);
        self.must(closed, || format!("closing answers {:?}", visit.close));
    }

    fn opened(&mut self, visit: &Visit, call: &Call) {
        let said: Vec<_> = self.w.said().split_off(self.said);
        match visit.open {
            Code::SUCCESS => {
                self.is_private(visit);
                let mut changed = forgiven(&visit.changed, call);
                changed.retain(|what| !self.usual_at_open(what));
                self.must(changed.is_empty(), || format!("opened, and changed {changed:?}"));
            }
            Code::SESSION_ERR | Code::USER_UNKNOWN => {
                self.must(said.len() == 1, || format!("said {said:?}"));
                let changed = forgiven(&visit.changed, call);
                // The way back itself failed, which on old kernels is walked once in each login.
                let is_told = ["unable to return to the host's mount namespace", "is / now"];
                let told = said.iter().any(|line| is_told.iter().any(|words| line.contains(words)));
                let right = changed.is_empty() || told && self.layout.old;
                self.must(right, || format!("refused, and changed {changed:?}"));
                let words = said.first().map_or("", String::as_str);
                let is_user = words.starts_with("unable to open a session for user");
                let right = is_user == (visit.open == Code::USER_UNKNOWN)
                    && !words.contains("internal error");
                self.must(right, || format!("answered {:?}, said {said:?}", visit.open));
            }
            other => self.wrong.push(format!("answered {other:?}, said {said:?}")),
        }
    }

    /// What a session is: mounts in a namespace, and a working directory that moved with them.
    fn usual_at_open(&self, what: &str) -> bool {
        what.starts_with("mount ") || what.starts_with("working directory /tmp to /tmp")
    }

    /// Where the process cannot go back to where it was, it says so.
    fn closed(&mut self, visit: &Visit, call: &Call) {
        self.must(visit.close == Some(Code::SUCCESS), || format!("answered {:?}", visit.close));
        let said: Vec<_> = self.w.said().split_off(self.said);
        let mut changed = forgiven(&visit.changed_by_close, call);
        changed.retain(|what| !self.usual.iter().any(|usual| usual == what));
        let is_said = changed.is_empty() || said.len() == 1;
        self.must(is_said, || format!("closed, said {said:?}, and changed {changed:?}"));
    }

    fn disk(&mut self, fault: Fault, call: &Call, temporaries: bool) {
        let killed = fault == Fault::Kill;
        let allowed = Allowed {
            before: &self.before,
            killed,
            drafts: call.name == "unlinkat" && call.path.starts_with(":rtmp-"),
            temporaries,
        };
        let wrong = self.layout.wrong_on_disk(allowed);
        self.wrong.extend(wrong);
        let same = Caller::now().mountinfo == self.mounts;
        self.must(same, || "the host's mount table has changed".to_owned());
    }

    fn next_login(&mut self) {
        let visit =
            rtmp_tests::process::apart(|| visit(self.layout, Window::Neither, &Kernel::sound()));
        if visit.open == Code::SUCCESS {
            self.is_private(&visit);
            self.usual = visit.changed_by_close;
        } else {
            let said = self.w.said();
            self.wrong.push(format!("the next login: {:?}, {:?}", visit.open, said.last()));
        }
    }
}

/// A close that fails has let the file go; here `/dev/null` keeps the number.
fn forgiven<'c>(changed: &'c [String], call: &Call) -> Vec<&'c str> {
    let is_null = |what: &String| what.starts_with("descriptor") && what.ends_with(" /dev/null");
    let one = changed.iter().position(|what| call.name == "close" && is_null(what));
    let rest = changed.iter().enumerate().filter(|(index, _)| Some(*index) != one);
    rest.map(|(_, what)| what.as_str()).collect()
}

/// Injects one fault. None: the login has fewer calls than that.
fn inject(
    w: &World,
    layout: &Layout,
    window: Window,
    later: bool,
    (number, fault): (usize, Fault),
) -> Option<Vec<String>> {
    let mut case = Case::new(w, layout, later);
    let run = || kernel::run(&[(number, fault)], |kernel| visit(layout, window, kernel));
    let run = match catch_unwind(AssertUnwindSafe(run)) {
        Ok(run) => run,
        Err(words) => {
            let words = words.downcast_ref::<String>().cloned().unwrap_or_default();
            return Some(vec![format!("{number}, {fault:?}: the caller ended: {words}")]);
        }
    };
    let call = run.call(number)?.clone();
    match (&run.value, window) {
        (Some(visit), Window::Open) => case.opened(visit, &call),
        (Some(visit), Window::Close) => case.closed(visit, &call),
        (Some(_), Window::Neither) => {}
        (None, _) => {}
    }
    case.disk(fault, &call, window == Window::Close);
    case.next_login();
    let which = format!("{window:?}, later {later}, call {number} {call} {fault:?}");
    Some(case.wrong.iter().map(|what| format!("{which}: {what}")).collect())
}

/// How many worlds share the calls of one login: each lives a minute at most.
const PER_WORLD: usize = 30;

/// Injects at every `step`th call what `choose` says, which is asked with 0, 1, 2…; returns how
/// many there were.
fn sweep(
    layout: &Layout,
    window: Window,
    later: bool,
    step: usize,
    choose: impl Fn(usize) -> Fault,
) -> (usize, Vec<String>) {
    let (mut done, mut wrong) = (0, Vec::new());
    loop {
        let world = World::with(Module::Ours).conf(layout.conf).args(layout.args);
        let (injected, more): (usize, Vec<String>) = world.run(|w| {
            // Where a script's calls are stopped, SIGCHLD interrupts whichever its shell is at: dash,
            // which has a handler without SA_RESTART, then says "Cannot fork".
            w.sh("mount --bind /bin/bash /bin/sh").ok();
            let mut wrong = Vec::new();
            for turn in 0..PER_WORLD {
                let index = done + turn;
                match inject(w, layout, window, later, (1 + index * step, choose(index))) {
                    Some(more) => wrong.extend(more),
                    None => return (turn, wrong),
                }
            }
            (PER_WORLD, wrong)
        });
        done += injected;
        wrong.extend(more);
        if injected < PER_WORLD {
            return (done, wrong);
        }
    }
}

/// Every call of a first and a later login, and of a logout. In the short form a variant of another
/// layout, and what a first login has already shown, is sampled.
#[track_caller]
fn survives(layout: &Layout) {
    let long = std::env::var_os("RTMP_LONG").is_some();
    let (mut faults, mut kills, mut wrong) = (0, 0, Vec::new());
    for (window, later) in [(Window::Open, false), (Window::Open, true), (Window::Close, true)] {
        let sampled = layout.variant || (window, later) == (Window::Open, true);
        let mut count = |step: usize, choose: &dyn Fn(usize) -> Fault, counter: &mut usize| {
            let (count, more) = sweep(layout, window, later, step, choose);
            *counter += count;
            wrong.extend(more);
        };
        if long {
            for errno in ERRNOS {
                count(1, &|_| Fault::Errno(errno), &mut faults);
            }
            count(1, &|_| Fault::Kill, &mut kills);
        } else {
            let in_turn = |index: usize| Fault::Errno(ERRNOS[index % ERRNOS.len()]);
            count(if sampled { 5 } else { 1 }, &in_turn, &mut faults);
            count(if sampled { 23 } else { 7 }, &|_| Fault::Kill, &mut kills);
        }
    }
    report(&format!("{}: {faults} faults, {kills} kills, {} violations", layout.name, wrong.len()));
    assert!(faults > 0 && kills > 0);
    assert!(wrong.is_empty(), "{} violations:\n{}", wrong.len(), wrong.join("\n"));
}

macro_rules! every_call_of {
    ($($test:ident: $layout:ident,)*) => {
        $(#[test]
        fn $test() {
            survives(&layouts::$layout);
        })*
    };
}

every_call_of! {
    templates: TEMPLATES,
    prefix: PREFIX,
    flat: FLAT,
    tmpdir: TMPDIR,
    tmpfs: TMPFS,
    create: CREATE,
    home: HOME,
    skeleton: SKELETON,
    squatted: SQUATTED,
    forged: FORGED,
    nested: NESTED,
    nested_prefix: NESTED_PREFIX,
    chrooted: CHROOT,
    script: SCRIPT,
    script_prefix: SCRIPT_PREFIX,
    script_tmpdir: SCRIPT_TMPDIR,
    script_tmpfs: SCRIPT_TMPFS,
    old: OLD,
    old_prefix: OLD_PREFIX,
    old_tmpdir: OLD_TMPDIR,
}
