//! The calls that are unsafe to make from Rust, made safe to call.

use std::io::Write;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::unistd::{ForkResult, Gid, Uid};

/// Forks this process.
///
/// Other threads may be running (the test runner's are), and a lock that one of them holds stays
/// held in the child for ever. glibc frees its own; Rust's locks around stdout and stderr are
/// taken here, by the one thread that goes on in the child; the panic hook's lock is only read.
pub fn fork() -> nix::Result<ForkResult> {
    let mut out = std::io::stdout().lock();
    let _err = std::io::stderr().lock();
    // What is buffered now would be written twice.
    let _ = out.flush();
    // SAFETY: false if the child took a lock that another thread held at this moment; the two
    // that Rust code takes on its own (stdout, stderr) are ours, see above.
    unsafe { nix::unistd::fork() }
}

/// Ends this process at once: no destructor of the parent's stack runs a second time.
pub fn exit(status: i32) -> ! {
    // SAFETY: false if something still had to be flushed or dropped in this process; callers have
    // written their report, and the rest is the parent's.
    unsafe { libc::_exit(status) }
}

/// Closes every descriptor from 3 up but `kept`, which becomes number 3.
///
/// For a child just forked: a sibling thread's pipe must not stay open in it.
pub fn close_all_but(kept: OwnedFd) -> OwnedFd {
    // SAFETY: false if an `OwnedFd` of this process were used or dropped later: in a fresh child
    // they all belong to frames that never return here.
    unsafe { libc::dup3(kept.as_raw_fd(), 3, libc::O_CLOEXEC) };
    std::mem::forget(kept);
    // The system call: glibc has a function for it only since 2.34.
    // SAFETY: as above; 3 is the report's and stays.
    unsafe { libc::syscall(libc::SYS_close_range, 4, libc::c_uint::MAX, 0) };
    // SAFETY: false if 3 had another owner; `kept` was forgotten and all others are as above. If
    // `kept` was 3 already, dup3 failed with EINVAL and left it as it was.
    unsafe { OwnedFd::from_raw_fd(3) }
}

/// Makes `command` run as this user, as login(1) does: groups, group, user.
pub fn run_as(command: &mut Command, uid: Uid, gid: Gid, groups: Vec<Gid>) {
    let drop_privileges = move || {
        nix::unistd::setgroups(&groups)?;
        nix::unistd::setresgid(gid, gid, gid)?;
        nix::unistd::setresuid(uid, uid, uid)?;
        Ok(())
    };
    // SAFETY: false if the closure allocated or took a lock between fork and exec: it makes three
    // system calls on values that exist already.
    unsafe { command.pre_exec(drop_privileges) };
}

/// Brings the loopback interface of a new network namespace up.
pub fn raise_loopback() -> std::io::Result<()> {
    let socket = std::net::UdpSocket::bind("0.0.0.0:0")?;
    let mut request = libc::ifreq {
        ifr_name: [0; libc::IFNAMSIZ],
        ifr_ifru: libc::__c_anonymous_ifr_ifru { ifru_flags: libc::IFF_UP as libc::c_short },
    };
    request.ifr_name[0] = b'l' as libc::c_char;
    request.ifr_name[1] = b'o' as libc::c_char;
    // SAFETY: false if SIOCSIFFLAGS read more than the name and the flags of an `ifreq`.
    match unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &raw const request) } {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error()),
    }
}

/// Opens syslog(3)'s socket now, so that a module's first line does not open a descriptor.
pub fn open_syslog() {
    // SAFETY: false if the identity were freed before the last line; NULL means the program's name.
    unsafe { libc::openlog(std::ptr::null(), libc::LOG_NDELAY, libc::LOG_AUTHPRIV) }
}

/// Drops CAP_SYS_ADMIN from this process, root or not, as a container's root does not have it.
pub fn give_up_sys_admin() {
    const CAP_SYS_ADMIN: u32 = 21; // linux/capability.h
    const VERSION_3: u32 = 0x2008_0522;
    let header = [VERSION_3, 0];
    // Effective, permitted and inheritable, each for 32 capabilities, twice.
    let mut sets = [0_u32; 6];
    // SAFETY: false if the kernel wrote more than six numbers for this version.
    let got = unsafe { libc::syscall(libc::SYS_capget, header.as_ptr(), sets.as_mut_ptr()) };
    assert_eq!(got, 0, "capget");
    sets[..3].iter_mut().for_each(|set| *set &= !(1 << CAP_SYS_ADMIN));
    // SAFETY: false if the kernel read more than six numbers for this version.
    let set = unsafe { libc::syscall(libc::SYS_capset, header.as_ptr(), sets.as_ptr()) };
    assert_eq!(set, 0, "capset");
}
