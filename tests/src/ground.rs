//! Building a world's root file system, from the first mount to the last directory.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::stat::{Mode, SFlag, makedev, mknod, umask};
use nix::unistd::{chdir, dup2_stdin, pivot_root, sethostname};

use crate::etc;
use crate::module::directory as module_directory;
use crate::sys;
use crate::world::{Blueprint, Propagation};

/// Where the new root is assembled: a directory that every host has and nobody builds in.
const SITE: &str = "/sys";
/// The host's root, seen from the world until it is finished.
const HOST: &str = "/.host";

/// Turns this process's new namespaces into the world that the plan describes.
pub(crate) fn lay(plan: &Blueprint) {
    // First of all: from here on no mount of ours can reach the host.
    set_propagation(MsFlags::MS_PRIVATE);
    umask(Mode::from_bits_truncate(0o022));

    mount_new("tmpfs", SITE, MsFlags::empty(), "mode=0755");
    chdir(SITE).unwrap();
    make_directory(".host", 0o755);
    pivot_root(".", ".host").unwrap();
    chdir("/").unwrap();

    programs();
    proc();
    devices();
    directories();
    etc::write(Path::new(HOST));
    etc::write_services(&plan.module_line());
    brought(plan);

    umount2(HOST, MntFlags::MNT_DETACH).unwrap();
    fs::remove_dir(HOST).unwrap();

    // A service has no terminal on its standard input.
    dup2_stdin(fs::File::open("/dev/null").unwrap()).unwrap();
    sethostname("world").unwrap();
    sys::raise_loopback().unwrap();
    match plan.propagation {
        Propagation::Shared => set_propagation(MsFlags::MS_SHARED),
        Propagation::Private => {}
    }
}

/// The host's programs and libraries, which nobody in the world can change.
fn programs() {
    fs::create_dir("/usr").unwrap();
    bind_read_only(&on_host("/usr"), "/usr");
    for name in ["bin", "sbin", "lib", "lib32", "lib64", "libx32"] {
        let (there, here) = (format!("{HOST}/{name}"), format!("/{name}"));
        match fs::read_link(&there) {
            Ok(target) => symlink(target, here).unwrap(),
            Err(_) if Path::new(&there).is_dir() => {
                fs::create_dir(&here).unwrap();
                bind_read_only(&there, &here);
            }
            Err(_) => {}
        }
    }
}

/// The world's own processes; the kernel's settings, which are also the host's, to read only.
fn proc() {
    fs::create_dir("/proc").unwrap();
    mount_new("proc", "/proc", MsFlags::empty(), "");
    bind_read_only("/proc/sys", "/proc/sys");
}

fn devices() {
    fs::create_dir("/dev").unwrap();
    mount_new("tmpfs", "/dev", MsFlags::MS_NOSUID, "mode=0755");
    for (name, minor) in [("null", 3), ("zero", 5), ("full", 7), ("random", 8), ("urandom", 9)] {
        device(name, 1, minor);
    }
    device("tty", 5, 0);
    for (name, target) in [
        ("ptmx", "pts/ptmx"),
        ("fd", "/proc/self/fd"),
        ("stdin", "fd/0"),
        ("stdout", "fd/1"),
        ("stderr", "fd/2"),
    ] {
        symlink(target, Path::new("/dev").join(name)).unwrap();
    }
    make_directory("/dev/shm", 0o1777);
    make_directory("/dev/pts", 0o755);
    mount_new("devpts", "/dev/pts", MsFlags::MS_NOSUID, "newinstance,ptmxmode=0666,gid=5,mode=620");
}

fn device(name: &str, major: u64, minor: u64) {
    let path = Path::new("/dev").join(name);
    mknod(&path, SFlag::S_IFCHR, Mode::empty(), makedev(major, minor)).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
}

/// All on one file system, as on an ordinary small host; `/tmp-inst` is the test's to make.
fn directories() {
    for path in ["/etc", "/home", "/mnt", "/opt", "/run", "/srv", "/sys", "/var", "/var/log"] {
        make_directory(path, 0o755);
    }
    for path in ["/run/sshd", "/run/lock", "/var/lib", "/var/lib/sudo", "/var/mail"] {
        make_directory(path, 0o755);
    }
    symlink("/run", "/var/run").unwrap();
    make_directory("/root", 0o700);
    make_directory("/tmp", 0o1777);
    make_directory("/var/tmp", 0o1777);
    for record in ["/run/utmp", "/var/log/wtmp", "/var/log/btmp", "/var/log/lastlog"] {
        fs::write(record, "").unwrap();
    }
    for (name, uid) in [("alice", 1001), ("bob", 1002), ("carol", 1003)] {
        let home = Path::new("/home").join(name);
        make_directory(&home, 0o700);
        chown(&home, Some(uid), Some(uid)).unwrap();
    }
}

/// The module under test, beside the distribution's, and what else the test wants to see inside.
fn brought(plan: &Blueprint) {
    if Path::new(HOST).join("etc/alternatives").is_dir() {
        make_directory("/etc/alternatives", 0o755);
        bind_read_only(&on_host("/etc/alternatives"), "/etc/alternatives");
    }
    for (there, here) in &plan.layers {
        let here = here.to_str().unwrap();
        let layers = format!("lowerdir={}:{here}", on_host(there.to_str().unwrap()));
        mount_new("overlay", here, MsFlags::empty(), &layers);
    }
    if let Some(module) = &plan.own_module {
        // Copied, because libpam and the kernel must see root's file whoever built it.
        let layer = Path::new("/opt/rtmp");
        fs::create_dir(layer).unwrap();
        let copy = layer.join(plan.module.name());
        fs::write(&copy, fs::read(on_host(module.to_str().unwrap())).unwrap()).unwrap();
        let security = module_directory();
        let layers = format!("lowerdir={}:{}", layer.display(), security.display());
        mount_new("overlay", security.to_str().unwrap(), MsFlags::empty(), &layers);
    }
    for (there, here) in &plan.brought {
        let there = on_host(there.to_str().unwrap());
        fs::create_dir_all(here.parent().unwrap()).unwrap();
        if Path::new(&there).is_dir() {
            fs::create_dir_all(here).unwrap();
        } else {
            fs::write(here, "").unwrap();
        }
        bind_read_only(&there, here.to_str().unwrap());
    }
}

fn on_host(path: &str) -> String {
    format!("{HOST}{path}")
}

fn set_propagation(kind: MsFlags) {
    mount(None::<&str>, "/", None::<&str>, kind | MsFlags::MS_REC, None::<&str>).unwrap();
}

fn mount_new(fstype: &str, target: &str, flags: MsFlags, options: &str) {
    mount(Some(fstype), target, Some(fstype), flags, Some(options))
        .unwrap_or_else(|e| panic!("unable to mount {fstype} on {target}: {e}"));
}

fn bind_read_only(source: &str, target: &str) {
    let bind = MsFlags::MS_BIND | MsFlags::MS_REC;
    let read_only = MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY;
    for (source, flags) in [(Some(source), bind), (None, read_only)] {
        mount(source, target, None::<&str>, flags, None::<&str>)
            .unwrap_or_else(|e| panic!("unable to bind {source:?} to {target}: {e}"));
    }
}

/// With exactly this mode, whatever the umask.
fn make_directory(path: impl AsRef<Path>, mode: u32) {
    fs::create_dir(&path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
}
