//! The system calls by name.

use libc::c_long;

macro_rules! calls {
    ($($call:ident)*) => { [$(libc::$call),*] };
}

/// Memory, the test's report, the log's and libpam's own sockets (fcntl is on
/// one of them), and what cannot fail.
pub(super) const NEVER_STOPPED: [c_long; 47] = calls![
    SYS_mmap SYS_munmap SYS_mprotect SYS_mremap SYS_madvise SYS_brk SYS_membarrier SYS_rseq
    SYS_write SYS_writev SYS_socket SYS_connect SYS_sendto SYS_sendmsg SYS_recvfrom SYS_recvmsg
    SYS_bind SYS_getsockname SYS_setsockopt SYS_getsockopt SYS_exit SYS_exit_group SYS_futex
    SYS_rt_sigreturn SYS_rt_sigaction SYS_rt_sigprocmask SYS_sigaltstack SYS_umask SYS_getpid
    SYS_getppid SYS_gettid SYS_getuid SYS_geteuid SYS_getgid SYS_getegid SYS_clock_gettime
    SYS_gettimeofday SYS_nanosleep SYS_clock_nanosleep SYS_sched_yield SYS_fcntl SYS_sched_getaffinity
    SYS_set_tid_address SYS_set_robust_list SYS_restart_syscall SYS_uname SYS_lseek
];

macro_rules! names {
    ($($path:expr, $($call:ident = $name:literal)+;)*) => {
        [$($((libc::$call, $name, $path)),+),*]
    };
}

/// The calls that a module makes, and which of their arguments is a path.
pub(super) const NAMES: [(c_long, &str, Option<usize>); 46] = names![
    Some(1), SYS_openat = "openat" SYS_openat2 = "openat2" SYS_statx = "statx"
        SYS_newfstatat = "newfstatat" SYS_mkdirat = "mkdirat" SYS_fchownat = "fchownat"
        SYS_unlinkat = "unlinkat" SYS_readlinkat = "readlinkat" SYS_renameat = "renameat"
        SYS_renameat2 = "renameat2" SYS_faccessat = "faccessat" SYS_open_tree = "open_tree"
        SYS_mount = "mount" SYS_mount_setattr = "mount_setattr" SYS_faccessat2 = "faccessat2";
    Some(2), SYS_symlinkat = "symlinkat";
    Some(3), SYS_move_mount = "move_mount";
    Some(0), SYS_umount2 = "umount2" SYS_chdir = "chdir" SYS_chroot = "chroot"
        SYS_execve = "execve" SYS_statfs = "statfs";
    None, SYS_fstat = "fstat" SYS_read = "read" SYS_close = "close" SYS_fchown = "fchown"
        SYS_fchmod = "fchmod" SYS_unshare = "unshare" SYS_setns = "setns" SYS_fchdir = "fchdir"
        SYS_getcwd = "getcwd" SYS_getrandom = "getrandom" SYS_fstatfs = "fstatfs"
        SYS_getdents64 = "getdents64" SYS_flock = "flock" SYS_clone = "clone"
        SYS_clone3 = "clone3" SYS_pipe2 = "pipe2"
        SYS_dup3 = "dup3" SYS_setuid = "setuid" SYS_wait4 = "wait4"
        SYS_close_range = "close_range" SYS_copy_file_range = "copy_file_range"
        SYS_sendfile = "sendfile" SYS_ioctl = "ioctl" SYS_prctl = "prctl";
];
