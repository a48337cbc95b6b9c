//! Work in a process of its own, whose answer or panic comes back.
//!
//! The body is a closure: it sees what the test sees, runs in a forked child, and its value
//! returns as JSON through a pipe. A panic in it is a panic here, with the same words.

use std::cell::{Cell, RefCell};
use std::io::{Read, Write};
use std::marker::PhantomData;
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, resume_unwind};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, User, initgroups, pipe2, setresgid, setresuid};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::sys;

pub use crate::sys::give_up_sys_admin;

/// Where the first mapping of a process is whose line of `/proc/PID/maps` is such a one.
pub fn mapping(process: Pid, is_it: impl Fn(&str) -> bool) -> std::ops::Range<usize> {
    let maps = std::fs::read_to_string(format!("/proc/{process}/maps")).unwrap();
    let line = maps.lines().find(|line| is_it(line));
    let line = line.unwrap_or_else(|| panic!("no such mapping in:\n{maps}"));
    let (start, rest) = line.split_once('-').unwrap();
    let number = |text: &str| usize::from_str_radix(text, 16).unwrap();
    number(start)..number(rest.split(' ').next().unwrap())
}

/// A child process that is expected to report a `T`. Dropping it kills it.
pub struct Process<T> {
    pid: Pid,
    report: std::fs::File,
    reaped: Cell<bool>,
    answer: PhantomData<T>,
}

/// How many times slower than usual this machine may be: `RTMP_SLOWER`, else 1. Software emulation is.
pub fn slower() -> u32 {
    let given = std::env::var("RTMP_SLOWER");
    given.map_or(1, |times| times.parse().expect("RTMP_SLOWER is not a number"))
}

/// How many seconds to wait where a test gives up after so many.
pub fn patience(seconds: u32) -> u32 {
    seconds * slower()
}

/// Runs `body` in a forked child and waits for its value.
pub fn apart<T: Serialize + DeserializeOwned>(body: impl FnOnce() -> T) -> T {
    start(body).join()
}

/// Starts `body` in a forked child.
pub fn start<T: Serialize + DeserializeOwned>(body: impl FnOnce() -> T) -> Process<T> {
    fork(body, |report| report)
}

/// [`start`], without any descriptor of the caller but standard input, output and error.
pub(crate) fn start_bare<T: Serialize + DeserializeOwned>(body: impl FnOnce() -> T) -> Process<T> {
    fork(body, sys::close_all_but)
}

/// Makes this process the user's for good: groups, group, user.
pub fn become_user(name: &str) {
    let user = User::from_name(name).unwrap().unwrap_or_else(|| panic!("no user {name} here"));
    initgroups(&std::ffi::CString::new(name).unwrap(), user.gid).unwrap();
    setresgid(user.gid, user.gid, user.gid).unwrap();
    setresuid(user.uid, user.uid, user.uid).unwrap();
}

impl<T> Process<T> {
    /// Its process id.
    pub fn pid(&self) -> i32 {
        self.pid.as_raw()
    }

    /// Whether it has not ended yet.
    pub fn runs(&self) -> bool {
        std::fs::read_to_string(format!("/proc/{}/stat", self.pid))
            .is_ok_and(|stat| !stat.contains(") Z "))
    }

    /// Kills it, as the out-of-memory killer would.
    pub fn kill(self) {}

    fn wait(&self) -> WaitStatus {
        self.reaped.set(true);
        loop {
            match waitpid(self.pid, None) {
                Err(Errno::EINTR) => {}
                status => return status.unwrap(),
            }
        }
    }
}

impl<T: DeserializeOwned> Process<T> {
    /// Waits for its value.
    pub fn join(self) -> T {
        self.hear()
    }

    /// [`Process::join`] for one that cannot be given away. Once.
    pub fn hear(&self) -> T {
        let mut report = Vec::new();
        (&self.report).read_to_end(&mut report).unwrap();
        let status = self.wait();
        match serde_json::from_slice::<Result<T, String>>(&report) {
            Ok(Ok(value)) => value,
            Ok(Err(words)) => fail_with(words),
            Err(_) => panic!("the process ended without a word: {}", in_words(status)),
        }
    }
}

impl<T> Drop for Process<T> {
    fn drop(&mut self) {
        if !self.reaped.get() {
            // It may be gone already.
            let _ = kill(self.pid, Signal::SIGKILL);
            self.wait();
        }
    }
}

fn fork<T: Serialize>(
    body: impl FnOnce() -> T,
    settle: impl FnOnce(OwnedFd) -> OwnedFd,
) -> Process<T> {
    listen_for_panics();
    let (ours, childs) = pipe2(OFlag::O_CLOEXEC).unwrap();
    match sys::fork().unwrap() {
        ForkResult::Parent { child } => Process {
            pid: child,
            report: ours.into(),
            reaped: Cell::new(false),
            answer: PhantomData,
        },
        ForkResult::Child => {
            FORKED.store(true, Ordering::Relaxed);
            drop(ours);
            let mut report = std::fs::File::from(settle(childs));
            let answer = catch_unwind(AssertUnwindSafe(body)).map_err(words_of);
            // A parent that is gone has no use for it.
            let _ = report.write_all(&serde_json::to_vec(&answer).unwrap_or_default());
            sys::exit(i32::from(answer.is_err()))
        }
    }
}

/// Whether this process is one of ours and not the test runner.
static FORKED: AtomicBool = AtomicBool::new(false);

thread_local! {
    static LAST_WORDS: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// In a child a panic's words (with their place) go to the parent, not to a captured stderr.
fn listen_for_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic: &PanicHookInfo<'_>| {
            if FORKED.load(Ordering::Relaxed) {
                LAST_WORDS.set(Some(panic.to_string()));
            } else {
                usual(panic);
            }
        }));
    });
}

fn words_of(payload: Box<dyn std::any::Any + Send>) -> String {
    // A panic passed on from a grandchild did not go through the hook: its words are the payload.
    let passed_on = payload.downcast::<String>().map(|words| *words).unwrap_or_default();
    LAST_WORDS.take().unwrap_or(passed_on)
}

fn fail_with(words: String) -> ! {
    if !FORKED.load(Ordering::Relaxed) {
        eprintln!("{words}");
    }
    resume_unwind(Box::new(words))
}

fn in_words(status: WaitStatus) -> String {
    if let WaitStatus::Signaled(_, Signal::SIGALRM, _) = status {
        "it took too long".to_owned()
    } else {
        format!("{status:?}")
    }
}
