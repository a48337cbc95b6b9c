//! A program that is run and waited for, by a fork of our own.

use std::ffi::{CStr, c_char, c_int};
use std::mem::MaybeUninit;
use std::os::fd::IntoRawFd;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicI32, Ordering::Relaxed};

use nix::errno::Errno;

use super::check;

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// By itself, whatever it said; or it was no program.
    Exited,
    /// By a signal.
    Killed,
}

/// What execve(2) says of a file that it will never run, and of a missing interpreter.
const NO_PROGRAM: [Errno; 5] =
    [Errno::ENOEXEC, Errno::EACCES, Errno::ENOENT, Errno::ENOTDIR, Errno::ELIBBAD];

/// Runs a program as the effective user, in `/`, with umask 022, on `/dev/null`, with no environment
/// and no descriptor of ours, and waits for it. The caller's handler of SIGCHLD is out of the way
/// meanwhile, or it would take the status.
///
/// Not by `std::process`: what that brings along is a third of all names that the module asks the
/// dynamic linker for.
///
/// # Errors
///
/// There is no process for it, it could not be prepared as said, or its end could not be learnt.
#[cold]
pub fn run(argv: [&CStr; 7]) -> Result<End, Errno> {
    let mut pointers = [std::ptr::null(); 8];
    pointers.iter_mut().zip(argv).for_each(|(pointer, argument)| *pointer = argument.as_ptr());
    let failure = SharedWord::new()?;
    let _default = DefaultSigchld::set()?;
    // SAFETY: wrong if the child did more than call the kernel: another thread of the caller may
    // hold any lock at this moment, malloc's among them, and there nobody gives it back.
    match Errno::result(unsafe { libc::fork() })? {
        0 => become_program(&pointers, failure.word()),
        child => {
            let status = wait(child)?;
            match failure.word().load(Relaxed) {
                0 if libc::WIFSIGNALED(status) => Ok(End::Killed),
                0 => Ok(End::Exited),
                errno => Err(Errno::from_raw(errno)),
            }
        }
    }
}

/// In the child, which must not come back: two processes would go on with the login. So not even
/// by a panic, which aborts at `extern "C"`.
extern "C" fn become_program(argv: &[*const c_char; 8], failure: &AtomicI32) -> ! {
    let errno = match become_alone() {
        Ok(()) => {
            let none = [std::ptr::null()];
            // SAFETY: wrong if a list did not end in NULL, or a string of `argv` were gone: `run`
            // still borrows them. execve(2), for execvp(3) has a shell read what is no program.
            unsafe { libc::execve(argv[0], argv.as_ptr(), none.as_ptr()) };
            Some(Errno::last()).filter(|errno| !NO_PROGRAM.contains(errno))
        }
        Err(errno) => Some(errno),
    };
    if let Some(errno) = errno {
        failure.store(errno as i32, Relaxed);
    }
    // SAFETY: wrong if something had to be done at the end of this process: it is the caller's to do.
    unsafe { libc::_exit(127) }
}

/// The caller's real user may be somebody else's, in a setuid program; SIGPIPE may be ignored.
fn become_alone() -> Result<(), Errno> {
    default_action(libc::SIGPIPE)?;
    nix::unistd::chdir(c"/")?;
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o022));
    nix::unistd::setuid(nix::unistd::geteuid())?;
    forget_exec_context()?;
    read_and_write_nothing()?;
    // SAFETY: wrong if one of these were needed until execve(2).
    let closed = unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, 0) };
    if closed == 0 {
        return Ok(());
    }
    // Linux before 5.9.
    let most = nix::unistd::sysconf(nix::unistd::SysconfVar::OPEN_MAX)?.unwrap_or(1024);
    for fd in 3..c_int::try_from(most).unwrap_or(1024).min(1 << 16) {
        // SAFETY: as above; a number that is no descriptor gives EBADF.
        unsafe { libc::close(fd) };
    }
    Ok(())
}

/// No O_CLOEXEC: where the caller has no standard streams, this becomes one of them as it is.
fn read_and_write_nothing() -> Result<(), Errno> {
    use nix::fcntl::{OFlag, open};
    let null = open(c"/dev/null", OFlag::O_RDWR, nix::sys::stat::Mode::empty())?;
    nix::unistd::dup2_stdin(&null)?;
    nix::unistd::dup2_stdout(&null)?;
    nix::unistd::dup2_stderr(&null)?;
    let _still_open = null.into_raw_fd();
    Ok(())
}

/// The status of a child that has ended.
fn wait(child: libc::pid_t) -> Result<c_int, Errno> {
    let mut status = 0;
    loop {
        // SAFETY: wrong if the pointer did not outlive the call.
        match Errno::result(unsafe { libc::waitpid(child, &raw mut status, 0) }) {
            Err(Errno::EINTR) => {}
            result => return result.map(|_| status),
        }
    }
}

/// A number that a forked child shares with us, 0 at first.
struct SharedWord(NonNull<AtomicI32>);

impl SharedWord {
    fn new() -> Result<Self, Errno> {
        let access = libc::PROT_READ | libc::PROT_WRITE;
        let kind = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
        // SAFETY: wrong if an address were asked for, where something else may be.
        let memory = unsafe {
            libc::mmap64(std::ptr::null_mut(), size_of::<AtomicI32>(), access, kind, -1, 0)
        };
        if memory == libc::MAP_FAILED {
            return Err(Errno::last());
        }
        NonNull::new(memory.cast()).map(Self).ok_or(Errno::ENOMEM)
    }

    fn word(&self) -> &AtomicI32 {
        // SAFETY: wrong if the memory were gone, which it is after the drop, or not of zeros and
        // aligned: it is a page of its own.
        unsafe { self.0.as_ref() }
    }
}

impl Drop for SharedWord {
    fn drop(&mut self) {
        // SAFETY: wrong if somebody still had a reference: `word` lends it no longer than this lives.
        unsafe { libc::munmap(self.0.as_ptr().cast(), size_of::<AtomicI32>()) };
    }
}

/// With SELinux the next program is to run in the context of the user who logs in, which is not
/// that of root's script. Writing nothing takes that back (`setexeccon(3)`); without SELinux there
/// is nothing to write to (EINVAL).
fn forget_exec_context() -> Result<(), Errno> {
    use nix::fcntl::{OFlag, open};
    let flags = OFlag::O_WRONLY | OFlag::O_CLOEXEC;
    let setting = match open(c"/proc/thread-self/attr/exec", flags, nix::sys::stat::Mode::empty()) {
        Ok(setting) => setting,
        Err(Errno::ENOENT) => return Ok(()),
        Err(errno) => return Err(errno),
    };
    match nix::unistd::write(&setting, b"") {
        Ok(_) | Err(Errno::EINVAL) => Ok(()),
        Err(errno) => Err(errno),
    }
}

/// Gives a signal its default action; what it was before.
fn default_action(signal: c_int) -> Result<libc::sigaction, Errno> {
    let mut before = MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: wrong if zeros were no valid sigaction: SIG_DFL is 0, with an empty mask.
    let default: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
    // SAFETY: wrong if either pointer did not lead to a sigaction.
    check(unsafe { libc::sigaction(signal, &raw const default, before.as_mut_ptr()) })?;
    // SAFETY: wrong if the call had failed, in which case we have left.
    Ok(unsafe { before.assume_init() })
}

/// SIGCHLD's default action, for a while.
struct DefaultSigchld(libc::sigaction);

impl DefaultSigchld {
    fn set() -> Result<Self, Errno> {
        default_action(libc::SIGCHLD).map(Self)
    }
}

impl Drop for DefaultSigchld {
    fn drop(&mut self) {
        // SAFETY: wrong if the pointer did not lead to a sigaction; it is the one we got.
        unsafe { libc::sigaction(libc::SIGCHLD, &raw const self.0, std::ptr::null_mut()) };
    }
}
