//! The user-space instructions of one call of a module, counted one by one.

use nix::sys::ptrace;
use nix::sys::signal::{Signal, raise};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid};

use crate::process::mapping;
use crate::sys;

/// How many instructions a call took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Steps {
    /// From its first to its last, libc's included, the look-ups left out.
    pub own: u64,
    /// Those of the look-ups.
    pub look_ups: u64,
    /// How many look-ups there were.
    pub times: u64,
    /// How far apart the first and the last byte lie of what it ran of the object's code.
    pub span: usize,
}

/// Counts the instructions between entering and leaving the first function of `object` (the end of
/// a mapping's path) that `body` calls after `prepare`, in a process of its own. What `look_up`
/// does, a function of this process, is counted apart.
pub fn count<T>(
    object: &str,
    look_up: usize,
    prepare: impl FnOnce() -> T,
    body: impl FnOnce(&mut T),
) -> Steps {
    let child = match sys::fork().unwrap() {
        ForkResult::Child => {
            ptrace::traceme().unwrap();
            let mut prepared = prepare();
            raise(Signal::SIGSTOP).unwrap();
            body(&mut prepared);
            sys::exit(0)
        }
        ForkResult::Parent { child } => child,
    };
    assert!(matches!(wait(child), WaitStatus::Stopped(_, Signal::SIGSTOP)), "it did not prepare");
    let object = text_of(child, object);
    let mut steps = Steps { own: 0, look_ups: 0, times: 0, span: 0 };
    let (mut first, mut last) = (usize::MAX, 0);
    // Where the call under count, and the look-up in it, will return to.
    let (mut call, mut away) = (None, None);
    loop {
        ptrace::step(child, None).unwrap();
        let WaitStatus::Stopped(_, Signal::SIGTRAP) = wait(child) else {
            panic!("it ended before the call did");
        };
        let registers = ptrace::getregs(child).unwrap();
        let here = usize::try_from(registers.rip).unwrap();
        let returns_to = || ptrace::read(child, registers.rsp as ptrace::AddressType).unwrap();
        match call {
            None if object.contains(&here) => call = Some((returns_to(), registers.rsp)),
            None => continue,
            Some((address, stack)) if address as usize == here && registers.rsp > stack => break,
            Some(_) => {}
        }
        if object.contains(&here) {
            (first, last) = (first.min(here), last.max(here));
        }
        match away {
            None if here == look_up => {
                away = Some((returns_to(), registers.rsp));
                steps.times += 1;
            }
            Some((address, stack)) if address as usize == here && registers.rsp > stack => {
                away = None;
            }
            Some(_) | None => {}
        }
        *(if away.is_some() { &mut steps.look_ups } else { &mut steps.own }) += 1;
    }
    ptrace::kill(child).unwrap();
    wait(child);
    Steps { span: last.saturating_sub(first), ..steps }
}

fn wait(child: Pid) -> WaitStatus {
    waitpid(child, Some(WaitPidFlag::__WALL)).unwrap()
}

/// Where the code of a mapped file is.
fn text_of(process: Pid, object: &str) -> std::ops::Range<usize> {
    mapping(process, |line| line.ends_with(object) && line.contains(" r-xp "))
}
