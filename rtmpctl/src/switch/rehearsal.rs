//! A stage: a mount namespace of one's own where other PAM files stand in the place of the host's, for
//! the real libpam, the real modules and the real tools. Nothing of it reaches the host, and with the
//! thread that plays there it is gone.

use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{chdir, chroot};

use crate::outcome::Failure;
use crate::stacks::{Files, Kind, MEMORY};
use crate::tree::Tree;

/// Plays a scene where these files stand in `/etc/pam.d` and `/var/lib/pam`. `root`: the system below
/// that directory is the one that is seen.
pub fn rehearse<T: Send>(
    root: Option<&Path>,
    files: &Files,
    scene: impl FnOnce() -> Result<T, Failure> + Send,
) -> Result<T, Failure> {
    // Only this thread leaves the host's namespace: CLONE_NEWNS takes CLONE_FS with it (unshare(2)).
    let played = thread::scope(|scope| {
        let thread = scope.spawn(|| {
            set_the_stage(root, files)?;
            scene()
        });
        thread.join()
    });
    played.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn set_the_stage(root: Option<&Path>, files: &Files) -> Result<(), Failure> {
    let fail = |what: &str| {
        let what = what.to_owned();
        move |errno: nix::Error| Failure::Act(what, errno.into())
    };
    unshare(CloneFlags::CLONE_NEWNS)
        .map_err(fail("make a mount namespace to try the stacks in"))?;
    let slave = MsFlags::MS_SLAVE | MsFlags::MS_REC;
    mount(None::<&str>, "/", None::<&str>, slave, None::<&str>)
        .map_err(fail("keep mounts in a namespace of their own"))?;
    if let Some(root) = root {
        chroot(root).and_then(|()| chdir("/")).map_err(fail("change the root directory"))?;
    }
    for dir in ["/etc/pam.d", MEMORY] {
        let within = |path: &Path| path.parent() == Some(Path::new(dir));
        if files.iter().any(|(path, _)| within(path)) {
            cover(dir)?;
            for (path, item) in files.iter().filter(|(path, _)| within(path)) {
                lay(path, item)
                    .map_err(|error| Failure::Act(format!("write {}", path.display()), error))?;
            }
        }
    }
    Ok(())
}

/// An empty directory in a directory's place.
pub fn cover(dir: &str) -> Result<(), Failure> {
    mount(Some("tmpfs"), dir, Some("tmpfs"), MsFlags::empty(), Some("mode=0755")).map_err(|errno| {
        Failure::Act(format!("mount a tmpfs over {dir} to try the stacks in"), errno.into())
    })
}

/// A file in a file's place.
pub fn put_over(file: &str, place: &str) -> Result<(), Failure> {
    mount(Some(file), place, None::<&str>, MsFlags::MS_BIND, None::<&str>)
        .map_err(|errno| Failure::Act(format!("put {file} over {place}"), errno.into()))
}

fn lay(path: &Path, item: &crate::stacks::Item) -> io::Result<()> {
    match &item.kind {
        Kind::Link(target) => symlink(target, path),
        Kind::File { owner: (uid, gid), mode } => {
            fs::write(path, &item.text)?;
            chown(path, Some(*uid), Some(*gid))?;
            fs::set_permissions(path, fs::Permissions::from_mode(*mode))
        }
    }
}

/// Which of Debian's profiles is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Every session.
    All,
    /// All but cron, at, sudo and user services.
    Interactive,
    /// None of them.
    Neither,
}

impl Profile {
    const NAMES: [&str; 2] = ["rtmp", "rtmp-interactive"];

    /// Its name in `/usr/share/pam-configs`.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Self::All => Some("rtmp"),
            Self::Interactive => Some("rtmp-interactive"),
            Self::Neither => None,
        }
    }
}

/// The files as `pam-auth-update(8)` writes them with this profile, and what it said.
///
/// It is Debian's own tool that runs here, on copies, and with a debconf database that is nobody's:
/// which profiles are on it reads from the files themselves.
pub fn auth_update(
    root: Option<&Path>,
    files: &Files,
    profile: Profile,
) -> Result<(Files, String), Failure> {
    rehearse(root, files, || {
        if Path::new("/var/cache/debconf").is_dir() {
            cover("/var/cache/debconf")?;
        }
        let mut command = program("pam-auth-update");
        command.env("DEBIAN_FRONTEND", "noninteractive").arg("--package");
        if let Some(name) = profile.name() {
            command.args(["--enable", name]);
        }
        let others = Profile::NAMES.into_iter().filter(|name| Some(*name) != profile.name());
        let others: Vec<_> =
            others.filter(|name| remembers(files, &format!("Module: {name}\n"))).collect();
        if !others.is_empty() {
            command.arg("--remove").args(others);
        }
        let output = command.output();
        let output =
            output.map_err(|error| Failure::Act("run pam-auth-update".to_owned(), error))?;
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).trim().to_owned();
        Ok((Files::read(&Tree::open(None)?)?, said))
    })
}

/// Whether `pam-auth-update` has this in what it remembers to have written.
pub fn remembers(files: &Files, text: &str) -> bool {
    let mut memory = files.iter().filter(|(path, _)| path.starts_with(MEMORY));
    memory.any(|(_, item)| String::from_utf8_lossy(&item.text).contains(text))
}

/// A program of the system's, with nothing of the caller's about it.
pub fn program(name: &str) -> Command {
    let mut command = Command::new(name);
    command
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("LC_ALL", "C")
        .stdin(Stdio::null());
    command
}
