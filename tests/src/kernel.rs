//! A kernel that fails on request, for the module as it is shipped.
//!
//! [`run`] forks a child. Where it calls [`Kernel::watch`] it comes under a seccomp filter that
//! stops at every system call (`seccomp(2)`, `SECCOMP_RET_USER_NOTIF`). This process counts them,
//! lets each pass, answers one with an errno instead, or kills the child there. Libpam's own few
//! calls around the module are counted with it; a program that the module starts is not, but its
//! fork is until then. [`Lacking`] takes calls away for good: an old kernel.
//!
//! Not stopped, and so never failed: memory (Rust aborts without it), writing (the test's own
//! report), sockets (the log), and what cannot fail. Needs Linux 5.9 on the test machine.

mod calls;
mod lacking;

use std::cell::Cell;
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixStream;

use libc::{c_long, c_uint, seccomp_notif, seccomp_notif_resp, sock_filter, sock_fprog};
use nix::errno::Errno;
use nix::sys::signal::{SigHandler, Signal, kill};
use nix::unistd::Pid;
use serde::Serialize;
use serde::de::DeserializeOwned;

use calls::{NAMES, NEVER_STOPPED};
pub use lacking::{Lacking, NEWER};

use crate::process::{self, Process};
pub use crate::sys::open_syslog;

/// What happens at a call instead of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is not made, and this is the answer.
    Errno(Errno),
    /// The child is killed before it is made.
    Kill,
}

/// One call of the child's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Its name, or number.
    pub name: String,
    /// The path or name it is about, as far as it has one.
    pub path: String,
}

/// What became of a child.
#[derive(Debug)]
pub struct Run<T> {
    /// Its value; none if it was killed.
    pub value: Option<T>,
    /// The calls it made while it was watched, or would have made.
    pub calls: Vec<Call>,
}

impl<T> Run<T> {
    /// The call with this number, if the child got so far. The first is 1.
    pub fn call(&self, number: usize) -> Option<&Call> {
        self.calls.get(number.checked_sub(1)?)
    }
}

/// Numbers that no kernel gives to a call: they tell the parent when to count.
const BEGIN: c_long = 1_000_001;
const END: c_long = 1_000_002;

/// What a child of [`run`] asks to be watched by.
pub struct Kernel(Cell<Option<UnixStream>>);

impl Kernel {
    /// One that watches nothing and always works.
    pub fn sound() -> Self {
        Kernel(Cell::new(None))
    }

    /// Counts the calls of `body`, and fails them as told. Once.
    pub fn watch<T>(&self, body: impl FnOnce() -> T) -> T {
        let Some(parent) = self.0.take() else { return body() };
        hand_over(parent);
        mark(BEGIN);
        let value = body();
        mark(END);
        value
    }
}

/// Runs `body` in a child; at the calls with these numbers, counted from 1, the kernel does as
/// told. Its value must be short (a pipe's length), since nobody reads it before the child has
/// ended.
pub fn run<T: Serialize + DeserializeOwned>(
    faults: &[(usize, Fault)],
    body: impl FnOnce(&Kernel) -> T,
) -> Run<T> {
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    let child = process::start(move || body(&Kernel(Cell::new(Some(theirs)))));
    let mut number = [0; 4];
    if ours.read_exact(&mut number).is_err() {
        // Nothing was watched.
        return Run { value: Some(child.join()), calls: Vec::new() };
    }
    let pidfd = pidfd_open(child.pid()).unwrap();
    let listener = pidfd_getfd(&pidfd, RawFd::from_ne_bytes(number)).unwrap();
    // SAFETY: false if the request took a pointer. Linux before 6.6 does not know it: slower.
    unsafe { libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_SET_FLAGS, 1_u64) };
    ours.write_all(b"!").unwrap();
    let mut supervisor = Supervisor {
        listener,
        child: child.pid(),
        faults,
        null: File::open("/dev/null").unwrap(),
        counting: false,
        killed: false,
        ours: HashMap::new(),
        calls: Vec::new(),
    };
    while supervisor.waits_for_a_call(&pidfd) {
        supervisor.serve();
    }
    // What it has left behind, a script, must not wait for us.
    let Supervisor { killed, calls, listener, .. } = supervisor;
    drop(listener);
    Run { value: (!killed).then(|| Process::join(child)), calls }
}

/// From now on these calls fail with this errno, in this process and all that come from it.
pub fn lacks(calls: &[c_long], errno: Errno) {
    let answer = libc::SECCOMP_RET_ERRNO | errno as c_uint;
    install(&filter(calls, answer, libc::SECCOMP_RET_ALLOW), 0).unwrap();
}

/// Whether this kernel comes before a release, by its own word (`uname(2)`).
pub fn is_older_than(release: (u32, u32)) -> bool {
    let uname = nix::sys::utsname::uname().unwrap();
    let mut numbers = uname.release().to_str().unwrap().split(['.', '-']).map(str::parse);
    let mut number = || numbers.next().unwrap().unwrap();
    (number(), number()) < release
}

/// As a caller may that wants no zombies: children end without a word (`signal(7)`).
pub fn ignore_children() {
    // SAFETY: false if a handler were installed; ignoring runs no code.
    unsafe { nix::sys::signal::signal(Signal::SIGCHLD, SigHandler::SigIgn) }.unwrap();
}

struct Supervisor<'f> {
    listener: OwnedFd,
    child: i32,
    faults: &'f [(usize, Fault)],
    null: File,
    counting: bool,
    killed: bool,
    /// Whether a process does the module's work: the child, and its forks until they are programs.
    ours: HashMap<u32, bool>,
    calls: Vec<Call>,
}

impl Supervisor<'_> {
    /// False: the child has ended.
    fn waits_for_a_call(&self, pidfd: &OwnedFd) -> bool {
        let poll =
            |fd: &OwnedFd| libc::pollfd { fd: fd.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        let mut both = [poll(&self.listener), poll(pidfd)];
        // SAFETY: false if there were fewer than two entries.
        while unsafe { libc::poll(both.as_mut_ptr(), 2, -1) } < 0 {}
        both[0].revents & libc::POLLIN != 0 || both[1].revents == 0
    }

    fn serve(&mut self) {
        // SAFETY: false if zeros were no valid notification; the kernel demands them.
        let mut asked: seccomp_notif = unsafe { std::mem::zeroed() };
        if !self.ioctl(libc::SECCOMP_IOCTL_NOTIF_RECV, &raw mut asked) {
            // It was killed meanwhile.
            return;
        }
        let go_on = libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32;
        let mut answer = seccomp_notif_resp { id: asked.id, val: 0, error: 0, flags: go_on };
        match c_long::from(asked.data.nr) {
            mark @ (BEGIN | END) => {
                self.counting = mark == BEGIN;
                answer.flags = 0;
            }
            nr if self.counting && self.is_ours(asked.pid) => {
                self.calls.push(Call::of(&asked));
                let number = self.calls.len();
                match self.faults.iter().find(|(at, _)| *at == number) {
                    Some((_, Fault::Errno(errno))) => {
                        if nr == libc::SYS_close {
                            self.release(&asked);
                        }
                        answer.flags = 0;
                        answer.error = -(*errno as i32);
                    }
                    Some((_, Fault::Kill)) => {
                        self.killed = true;
                        kill(Pid::from_raw(self.child), Signal::SIGKILL).unwrap();
                    }
                    None if nr == libc::SYS_execve => {
                        self.ours.insert(asked.pid, false);
                    }
                    None => {}
                }
            }
            _ => {}
        }
        self.ioctl(libc::SECCOMP_IOCTL_NOTIF_SEND, &raw mut answer);
    }

    /// A close that fails lets the file go all the same. `/dev/null` takes its place.
    fn release(&self, asked: &seccomp_notif) {
        let mut instead = libc::seccomp_notif_addfd {
            id: asked.id,
            flags: libc::SECCOMP_ADDFD_FLAG_SETFD as u32,
            srcfd: self.null.as_raw_fd().unsigned_abs(),
            newfd: asked.data.args[0] as u32,
            newfd_flags: libc::O_CLOEXEC.unsigned_abs(),
        };
        // SAFETY: false if the pointer did not lead to what the request is for.
        unsafe {
            let request = libc::SECCOMP_IOCTL_NOTIF_ADDFD;
            libc::ioctl(self.listener.as_raw_fd(), request, &raw mut instead)
        };
    }

    fn is_ours(&mut self, pid: u32) -> bool {
        let child = self.child;
        *self.ours.entry(pid).or_insert_with(|| {
            let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
            let is_fork = status.lines().any(|line| line == format!("PPid:\t{child}"));
            pid == child.unsigned_abs() || is_fork
        })
    }

    fn ioctl<T>(&self, request: libc::Ioctl, argument: *mut T) -> bool {
        // SAFETY: false if the request were not for a `T`; the two callers pass what libc's
        // definition of the request names.
        unsafe { libc::ioctl(self.listener.as_raw_fd(), request, argument) == 0 }
    }
}

impl Call {
    fn of(asked: &seccomp_notif) -> Self {
        let nr = c_long::from(asked.data.nr);
        let newer = NEWER.into_iter().map(|(name, call)| (call, name, None));
        let (name, path) = match NAMES.into_iter().chain(newer).find(|(known, ..)| *known == nr) {
            Some((_, name, path)) => (name.to_owned(), path),
            None => (format!("call {nr}"), None),
        };
        let path = path.and_then(|index| {
            let mut text = [0; 256];
            let memory = File::open(format!("/proc/{}/mem", asked.pid)).ok()?;
            let length = memory.read_at(&mut text, *asked.data.args.get(index)?).ok()?;
            let text = text[..length].split(|&byte| byte == 0).next()?;
            Some(String::from_utf8_lossy(text).into_owned())
        });
        Call { name, path: path.unwrap_or_default() }
    }
}

impl std::fmt::Display for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}({:?})", self.name, self.path)
    }
}

/// In the child: from here on every call is stopped until the parent has the listener.
fn hand_over(mut parent: UnixStream) {
    let (pass, stop) = (libc::SECCOMP_RET_ALLOW, libc::SECCOMP_RET_USER_NOTIF);
    let program = filter(&NEVER_STOPPED, pass, stop);
    let listener = install(&program, libc::SECCOMP_FILTER_FLAG_NEW_LISTENER).unwrap();
    parent.write_all(&listener.to_ne_bytes()).unwrap();
    parent.read_exact(&mut [0]).unwrap();
    // SAFETY: false if somebody else owned the number; the kernel has just made it for us.
    drop(unsafe { OwnedFd::from_raw_fd(listener) });
    // Closing it would be a change in the process that is being looked at.
    std::mem::forget(parent);
}

const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
const IF_EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;

/// A program that answers these calls so, and all others otherwise.
fn filter(listed: &[c_long], answer: c_uint, otherwise: c_uint) -> Vec<sock_filter> {
    let step = |code, jf, k| sock_filter { code, jt: 0, jf, k };
    // The number is the first field of `struct seccomp_data`.
    let mut program = vec![step(LOAD, 0, 0)];
    for &call in listed {
        program.push(step(IF_EQUAL, 1, u32::try_from(call).unwrap()));
        program.push(step(RETURN, 0, answer));
    }
    program.push(step(RETURN, 0, otherwise));
    program
}

fn install(program: &[sock_filter], flags: libc::c_ulong) -> io::Result<RawFd> {
    let len = u16::try_from(program.len()).unwrap();
    let program = sock_fprog { len, filter: program.as_ptr().cast_mut() };
    // SAFETY: false if `len` were more than there is, or the kernel kept the pointer: it copies.
    let result = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::c_ulong::from(libc::SECCOMP_SET_MODE_FILTER),
            flags,
            &raw const program,
        )
    };
    Ok(Errno::result(result)? as RawFd)
}

fn mark(number: c_long) {
    // SAFETY: false if a kernel had a call of this number; until then the answer is ENOSYS.
    unsafe { libc::syscall(number) };
}

fn pidfd_open(pid: i32) -> io::Result<OwnedFd> {
    // SAFETY: false if the call took a pointer; it takes two numbers.
    let fd = Errno::result(unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) })?;
    // SAFETY: false if somebody else owned the number; the kernel has just made it for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}

fn pidfd_getfd(process: &OwnedFd, number: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: false if the call took a pointer; it takes three numbers.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_getfd, process.as_raw_fd(), number, 0) };
    let fd = Errno::result(fd)?;
    // SAFETY: false if somebody else owned the number; the kernel has just made it for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}
