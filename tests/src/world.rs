//! A host of one's own, for the length of one closure.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::unistd::{alarm, geteuid, setsid};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::command::{self, Outcome, argv};
use crate::kernel::Lacking;
use crate::log::{Journal, Line, Severity};
use crate::module::{self, Module, VENDOR_DIR};
use crate::process;
use crate::session::{Attempt, Login, Visitor};
use crate::{etc, ground};

/// A world that hangs is ended after this many seconds, unless it asks for more.
const LIFETIME: u32 = 60;

/// What happens to a mount made in a world's `/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Propagation {
    /// It reaches the namespaces copied from this one, as under systemd.
    Shared,
    /// It stays, as under sysvinit or in a container.
    Private,
}

/// A world to be: what is decided before it exists.
#[derive(Clone, Debug)]
pub struct Blueprint {
    pub(crate) module: Module,
    pub(crate) own_module: Option<PathBuf>,
    pub(crate) propagation: Propagation,
    pub(crate) brought: Vec<(PathBuf, PathBuf)>,
    pub(crate) layers: Vec<(PathBuf, PathBuf)>,
    args: String,
    conf: Option<String>,
    lifetime: u32,
    lacking: Option<Lacking>,
}

impl Blueprint {
    /// The words after the module's name in every service file.
    pub fn args(mut self, args: &str) -> Self {
        self.args = args.to_owned();
        self
    }

    /// The text of `/etc/security/namespace.conf`, which is otherwise absent.
    pub fn conf(mut self, text: &str) -> Self {
        self.conf = Some(text.to_owned());
        self
    }

    /// Lets the world live this many seconds.
    pub fn lifetime(mut self, seconds: u32) -> Self {
        self.lifetime = seconds;
        self
    }

    /// Gives the world a kernel without some calls. Every world has the one that `RTMP_LACKING` names,
    /// if the run has that setting: `RTMP_LACKING=openat2,statx:ENOSYS`.
    pub fn lacking(mut self, calls: Lacking) -> Self {
        self.lacking = Some(calls);
        self
    }

    /// Makes `/` private, where systemd would have made it shared.
    pub fn private_root(mut self) -> Self {
        self.propagation = Propagation::Private;
        self
    }

    /// Shows a file or directory of the host, to read only, at a path of the world.
    pub fn bring(mut self, host: impl AsRef<Path>, inside: impl AsRef<Path>) -> Self {
        let host = host.as_ref();
        let real = fs::canonicalize(host).unwrap_or_else(|e| panic!("{}: {e}", host.display()));
        self.brought.push((real, inside.as_ref().to_owned()));
        self
    }

    /// Lays a directory of the host over one of the world: where both have a file, this one counts.
    pub fn layer(mut self, host: impl Into<PathBuf>, inside: impl AsRef<Path>) -> Self {
        self.layers.push((host.into(), inside.as_ref().to_owned()));
        self
    }

    /// Has our module built with a vendor directory, and shows this directory of the host there.
    pub fn with_vendor_dir(mut self, host: &Path) -> Self {
        self.own_module = Some(module::with_vendor_dir().to_owned());
        let above = Path::new(VENDOR_DIR).ancestors().nth(2).unwrap();
        self.layer(host, above)
    }

    /// Builds the world, lives in it, and returns what `life` returns; a panic in it fails here.
    ///
    /// `life` runs as root and as process 1 of the world. Nothing of the world outlives it.
    pub fn run<T: Serialize + DeserializeOwned>(mut self, life: impl FnOnce(&World) -> T) -> T {
        assert!(geteuid().is_root(), "a world needs root: run the tests with `tests/run`");
        if self.module == Module::Ours && self.own_module.is_none() {
            // Here and not in the child, where another test's build could not be waited for.
            self.own_module = Some(self.module.file());
        }
        let outside = process::start_bare(|| {
            // If the test runner is killed, or the time is up, this process dies; with it the
            // world's process 1; and with that one everything in the world.
            set_pdeathsig(Signal::SIGKILL).unwrap();
            alarm::set(process::patience(self.lifetime));
            let own = CloneFlags::CLONE_NEWNS
                | CloneFlags::CLONE_NEWPID
                | CloneFlags::CLONE_NEWNET
                | CloneFlags::CLONE_NEWUTS;
            unshare(own).unwrap_or_else(|e| panic!("unable to make namespaces: {e}"));
            process::apart(|| {
                set_pdeathsig(Signal::SIGKILL).unwrap();
                setsid().unwrap();
                ground::lay(&self);
                if let Some(lacking) = self.lacking {
                    lacking.take_away();
                }
                let world = World { module: self.module, journal: Journal::open() };
                if let Some(text) = &self.conf {
                    world.write(CONF, text);
                }
                life(&world)
            })
        });
        outside.join()
    }

    pub(crate) fn module_line(&self) -> String {
        module_line(self.module, &self.args)
    }
}

/// Where the module under test reads its rules.
pub const CONF: &str = "/etc/security/namespace.conf";

/// The world, seen from inside. Paths are the world's; so is every ordinary `std::fs` call.
pub struct World {
    module: Module,
    journal: Journal,
}

impl World {
    /// A world whose services call this module.
    ///
    /// Users: root, alice, bob, carol (who may `sudo` without a password; all passwords are
    /// `secret`), and the system's `_apt`, `nobody`, `sshd`. alice and bob are `students`.
    pub fn with(module: Module) -> Blueprint {
        Blueprint {
            module,
            own_module: None,
            propagation: Propagation::Shared,
            brought: Vec::new(),
            layers: Vec::new(),
            args: String::new(),
            conf: None,
            lifetime: LIFETIME,
            lacking: Lacking::of_this_run(),
        }
    }

    /// The module under test.
    pub fn module(&self) -> Module {
        self.module
    }

    /// Changes the words after the module's name, in every service file.
    pub fn set_args(&self, args: &str) {
        etc::write_services(&module_line(self.module, args));
    }

    /// Somebody at the door, who has yet to say more.
    pub fn visitor(&self, user: &str) -> Visitor<'_> {
        Visitor::new(self, user)
    }

    /// Opens a session for `user`; fails the test if it is refused.
    #[track_caller]
    pub fn login(&self, user: &str) -> Login {
        self.visitor(user).login()
    }

    /// Opens a session for `user`, expects nothing, and closes it again.
    pub fn attempt(&self, user: &str) -> Attempt {
        self.visitor(user).attempt()
    }

    /// Runs a shell command as root, outside every session.
    pub fn sh(&self, command: &str) -> Outcome {
        self.sh_as("root", command)
    }

    /// Runs a shell command as a user who has no session: what cron does, and what attackers use.
    pub fn sh_as(&self, user: &str, command: &str) -> Outcome {
        command::run(user, &command::shell(command), "")
    }

    /// Runs a program as root, outside every session.
    pub fn exec(&self, words: impl IntoIterator<Item = impl Into<String>>) -> Outcome {
        self.exec_with_input(words, "")
    }

    /// Runs a program as root, outside every session, with `input` to read.
    pub fn exec_with_input(
        &self,
        words: impl IntoIterator<Item = impl Into<String>>,
        input: &str,
    ) -> Outcome {
        command::run("root", &argv(words), input)
    }

    /// All lines of the system log so far.
    pub fn log(&self) -> Vec<Line> {
        self.journal.lines()
    }

    /// What the module under test has logged so far, debug lines left out.
    pub fn said(&self) -> Vec<String> {
        let log = self.log();
        let lines = log.iter().filter(|line| line.severity != Severity::Debug);
        let ours = lines.filter(|line| line.is_from(self.module.name()));
        ours.map(|line| line.words().to_owned()).collect()
    }

    /// Writes a file.
    pub fn write(&self, path: &str, text: &str) {
        fs::write(path, text).unwrap_or_else(|e| panic!("{path}: {e}"));
    }

    /// Reads a file.
    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(path).unwrap_or_else(|e| panic!("{path}: {e}"))
    }

    /// Makes a directory with exactly this mode and owner.
    pub fn mkdir(&self, path: &str, mode: u32, (uid, gid): (u32, u32)) {
        fs::create_dir(path).unwrap_or_else(|e| panic!("{path}: {e}"));
        chown(path, Some(uid), Some(gid)).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    /// Mounts a tmpfs on a directory, with flags such as `MsFlags::MS_NOSUID`, mode 1777.
    pub fn mount_tmpfs(&self, path: &str, flags: MsFlags) {
        mount(Some("tmpfs"), path, Some("tmpfs"), flags, Some("mode=1777")).unwrap();
    }

    /// Whether there is something at `path`, be it a dangling link.
    pub fn exists(&self, path: &str) -> bool {
        fs::symlink_metadata(path).is_ok()
    }

    /// The permission bits, set-id bits and sticky bit of what is at `path`.
    pub fn mode(&self, path: &str) -> u32 {
        self.stat(path).mode() & 0o7777
    }

    /// The user and group that own what is at `path`.
    pub fn owner(&self, path: &str) -> (u32, u32) {
        let found = self.stat(path);
        (found.uid(), found.gid())
    }

    /// What is at `path`, without following a link.
    pub fn stat(&self, path: &str) -> fs::Metadata {
        fs::symlink_metadata(path).unwrap_or_else(|e| panic!("{path}: {e}"))
    }
}

fn module_line(module: Module, args: &str) -> String {
    format!("session required {} {args}", module.name())
}
