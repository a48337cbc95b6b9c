//! One login and logout, seen from inside the process that makes them.

use nix::errno::Errno;
use nix::sys::stat::{Mode, umask};
use nix::sys::statvfs::{FsFlags, statvfs};
use nix::unistd::chroot;
use rtmp_tests::caller::Inode;
use rtmp_tests::kernel::{self, Kernel, Lacking};
use rtmp_tests::{Caller, Code, Pam};
use serde::{Deserialize, Serialize};

use crate::layouts::Layout;

/// Which of libpam's two calls is made to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    Open,
    Close,
    Neither,
}

/// What a login was like, from inside.
#[derive(Debug, Serialize, Deserialize)]
pub struct Visit {
    pub open: Code,
    /// What `pam_open_session` changed in its caller.
    pub changed: Vec<String>,
    pub seen: Vec<Seen>,
    pub cwd: Inode,
    /// Of a session that was open.
    pub close: Option<Code>,
    /// What `pam_close_session` changed.
    pub changed_by_close: Vec<String>,
}

/// What is seen at a polydir.
#[derive(Debug, Serialize, Deserialize)]
pub struct Seen {
    pub inode: Inode,
    pub fstype: String,
    pub root: String,
    pub flags: u64,
    pub script_ran: bool,
}

/// Logs alice in and out again: from `/tmp`, with an unusual umask.
pub fn visit(layout: &Layout, window: Window, kernel: &Kernel) -> Visit {
    std::env::set_current_dir("/tmp").unwrap();
    umask(Mode::from_bits_truncate(0o027));
    kernel::open_syslog();
    if layout.old {
        Lacking::all(Errno::ENOSYS).take_away();
    }
    let around = layout.inside.map(|user| {
        let mut pam = Pam::start("rtmp", user).unwrap();
        assert_eq!(pam.open_session(), Code::SUCCESS);
        pam
    });
    let mut pam = Pam::start("rtmp", "alice").unwrap();
    kernel::ignore_children();
    if let Some(root) = layout.chroot {
        chroot(root).unwrap();
        std::env::set_current_dir("/tmp").unwrap();
    }
    let before = Caller::now();
    let open = match window {
        Window::Open => kernel.watch(|| pam.open_session()),
        Window::Close | Window::Neither => pam.open_session(),
    };
    let after = Caller::now();
    let mut visit = Visit {
        open,
        changed: differences(&before, &after),
        seen: Vec::new(),
        cwd: after.cwd_inode,
        close: None,
        changed_by_close: Vec::new(),
    };
    if open == Code::SUCCESS {
        visit.seen = layout.covers.iter().map(|(polydir, _)| see(polydir, &after)).collect();
        if layout.covers.iter().any(|(polydir, _)| *polydir == "/tmp") {
            std::fs::create_dir_all("/tmp/a/b/c").unwrap();
            std::fs::write("/tmp/a/file", "").unwrap();
        }
        let before = Caller::now();
        visit.close = Some(match window {
            Window::Close => kernel.watch(|| pam.close_session()),
            Window::Open | Window::Neither => pam.close_session(),
        });
        visit.changed_by_close = differences(&before, &Caller::now());
    }
    std::mem::forget(around);
    visit
}

fn see(polydir: &str, caller: &Caller) -> Seen {
    let mounts = caller.mounts();
    let (fstype, root) = mounts
        .top_at(polydir)
        .map_or_else(Default::default, |top| (top.fstype.clone(), top.root.clone()));
    let script_ran = std::fs::exists(format!("{polydir}/.ran")).unwrap();
    Seen { inode: Inode::of(polydir), fstype, root, flags: flags(polydir), script_ran }
}

/// nosuid, nodev and noexec.
pub fn flags(path: &str) -> u64 {
    let kept = FsFlags::ST_NOSUID | FsFlags::ST_NODEV | FsFlags::ST_NOEXEC;
    (statvfs(path).unwrap().flags() & kept).bits()
}

/// In which way two states of a process differ.
fn differences(before: &Caller, after: &Caller) -> Vec<String> {
    let mut found = Vec::new();
    let mut note = |same: bool, what: String| {
        if !same {
            found.push(what);
        }
    };
    note(before.mnt_ns == after.mnt_ns, "mount namespace".to_owned());
    note(before.mountinfo == after.mountinfo, "mount table".to_owned());
    note(before.root == after.root, "root directory".to_owned());
    let (one, other) = (before.cwd.display(), after.cwd.display());
    let same = (&before.cwd, before.cwd_inode) == (&after.cwd, after.cwd_inode);
    note(same, format!("working directory {one} to {other}"));
    note(before.status == after.status, format!("status {:?}", after.status));
    let gone = before.descriptors.keys().filter(|fd| !after.descriptors.contains_key(*fd));
    let gone: Vec<_> = gone.map(|fd| format!("descriptor {fd} closed")).collect();
    let other = after.descriptors.iter().filter(|(fd, to)| before.descriptors.get(fd) != Some(to));
    found.extend(other.map(|(fd, to)| format!("descriptor {fd} is {to}")));
    found.extend(gone);
    found
}
