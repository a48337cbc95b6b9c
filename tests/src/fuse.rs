//! A user's own file system, as fusermount3(1) mounts it: real FUSE, and what it says is a lie.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::AsRawFd;

use nix::mount::{MsFlags, mount};
use nix::sys::stat::{Mode, SFlag, makedev, mknod};

use crate::examples::uid_of;
use crate::process::{self, Process};

/// What a file system claims to have: a name in its root directory, its mode, and where it leads
/// if it is a link. All of it is root's.
#[derive(Clone, Copy, Debug)]
pub struct Claim {
    /// The name.
    pub name: &'static str,
    /// Type and permissions.
    pub mode: u32,
    /// A link's target.
    pub target: &'static str,
}

/// A mounted file system. Dropping it kills its daemon.
pub struct Fuse {
    _device: File,
    _daemon: Option<Process<()>>,
}

/// What the daemon does.
#[derive(Clone, Copy, Debug)]
pub enum Daemon {
    /// It never answers: whoever asks waits for ever.
    Mute,
    /// It claims that its root directory and these are root's.
    Liar(&'static [Claim]),
}

impl Fuse {
    /// Mounts it for a user as the setuid fusermount3 does, with `user_allow_other` in fuse.conf.
    pub fn mount(user: &str, target: &str, daemon: Daemon) -> Self {
        Self::mount_with("allow_other", user, target, daemon)
    }

    /// Mounts it as fusermount3 otherwise does: not even root may look inside.
    pub fn mount_for_the_user_alone(user: &str, target: &str, daemon: Daemon) -> Self {
        Self::mount_with("default_permissions", user, target, daemon)
    }

    fn mount_with(who_may: &str, user: &str, target: &str, daemon: Daemon) -> Self {
        if !std::path::Path::new("/dev/fuse").exists() {
            let mode = Mode::from_bits_truncate(0o666);
            mknod("/dev/fuse", SFlag::S_IFCHR, mode, makedev(10, 229)).unwrap();
        }
        let device = OpenOptions::new().read(true).write(true).open("/dev/fuse").unwrap();
        let uid = uid_of(user);
        let is_dir = std::fs::metadata(target).unwrap().is_dir();
        let options = format!(
            "fd={},rootmode={},user_id={uid},group_id={uid},{who_may}",
            device.as_raw_fd(),
            if is_dir { "40000" } else { "100000" }
        );
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
        mount(Some("theirs"), target, Some("fuse.theirs"), flags, Some(options.as_str())).unwrap();
        let daemon = match daemon {
            Daemon::Mute => None,
            Daemon::Liar(claims) => {
                let device = device.try_clone().unwrap();
                let user = user.to_owned();
                Some(process::start(move || {
                    process::become_user(&user);
                    serve(&device, claims);
                }))
            }
        };
        Fuse { _device: device, _daemon: daemon }
    }
}

fn serve(mut device: &File, claims: &[Claim]) {
    let mut request = vec![0; 1 << 17];
    while let Ok(length) = device.read(&mut request) {
        let word = |at: usize| u32::from_ne_bytes(request[at..at + 4].try_into().unwrap());
        let (opcode, node) = (word(4), u64::from_ne_bytes(request[16..24].try_into().unwrap()));
        let name = request[40..length].split(|&b| b == 0).next().unwrap_or_default();
        let claim = usize::try_from(node).ok().and_then(|n| claims.get(n.checked_sub(2)?));
        let root = Claim { name: "", mode: 0o40755, target: "" };
        let this = claim.unwrap_or(&root);
        let mut reply = Vec::new();
        let mut error = 0_i32;
        match opcode {
            // INIT: version 7.31, no flags.
            26 => {
                for n in [7_u32, 31, 0, 0, 0, 1 << 16, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0] {
                    reply.extend(n.to_ne_bytes());
                }
            }
            // LOOKUP
            1 => match claims.iter().position(|claim| claim.name.as_bytes() == name) {
                Some(at) if node == 1 => {
                    for n in [at as u64 + 2, 0, 0, 0, 0] {
                        reply.extend(n.to_ne_bytes());
                    }
                    reply.extend(attributes(at as u64 + 2, claims[at].mode));
                }
                _ => error = libc::ENOENT,
            },
            // GETATTR
            3 => {
                reply.extend([0; 16]);
                reply.extend(attributes(node, this.mode));
            }
            // READLINK
            5 => reply.extend(this.target.as_bytes()),
            // FORGET, BATCH_FORGET, INTERRUPT: no answer.
            2 | 42 | 36 => continue,
            // STATFS
            17 => reply.extend([0; 80]),
            // OPENDIR
            27 => reply.extend([0; 16]),
            // READDIR, RELEASEDIR, ACCESS, FLUSH: empty.
            28 | 29 | 34 | 25 => {}
            _ => error = libc::ENOSYS,
        }
        let mut answer = Vec::new();
        answer.extend((16 + reply.len() as u32).to_ne_bytes());
        answer.extend((-error).to_ne_bytes());
        answer.extend(&request[8..16]);
        answer.extend(if error == 0 { reply } else { Vec::new() });
        if error != 0 {
            answer[0..4].copy_from_slice(&16_u32.to_ne_bytes());
        }
        // An interrupted request has no reader any more.
        let _ = device.write(&answer);
    }
}

/// struct fuse_attr: root's, of this mode.
fn attributes(node: u64, mode: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    for n in [node, 0, 0, 0, 0, 0] {
        bytes.extend(n.to_ne_bytes());
    }
    for n in [0, 0, 0, mode, 2, 0, 0, 0, 4096, 0_u32] {
        bytes.extend(n.to_ne_bytes());
    }
    bytes
}
