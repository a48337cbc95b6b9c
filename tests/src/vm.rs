//! A host that boots: Debian in a virtual machine, with systemd, sshd, cron and a real kernel of its
//! own. What a [`World`](crate::World) cannot show is shown here.
//!
//! A machine starts from a saved state, in seconds, with everything running; what it changes goes
//! when it is dropped. It has no network but the way in by ssh, from this host's loopback.
//!
//! ```no_run
//! use rtmp_tests::vm::{Image, Vm};
//!
//! let vm = Vm::start(Image::Bookworm);
//! vm.run("cp /job/pam_rtmp.so /usr/lib/x86_64-linux-gnu/security/").ok();
//! assert_eq!(vm.ssh("alice").run("id -un").ok(), "alice");
//! ```
//!
//! `tests/vm` runs these tests; `tests/vm --shell IMAGE` is a shell in such a machine. Users are root,
//! alice, bob and carol (who may `sudo` without a password); every password is `secret`, and ssh has a
//! key for each. `/job` holds what was just built: `pam_rtmp.so`, `rtmpctl`, the packages.
//!
//! Every test of a machine is `#[ignore = "needs a virtual machine: tests/vm"]`. One in a module named
//! `all` takes too long for every change and runs with `tests/vm --all`. When a test fails, the
//! machine's journal and console are kept, and their last lines printed.
//!
//! With SELinux there are [`Image::SeDefault`] and [`Image::SeMls`]. The agent that [`Vm::run`] talks
//! to is `initrc_t`: what changes domain on the way may not write to its files, so end such a command
//! with `2>&1 | cat`. ssh, login, su and cron are in the domains that they have anywhere.

mod agent;
mod console;
mod host;
mod image;
mod machine;
mod ssh;

use std::cell::RefCell;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::command::Outcome;
use agent::Agent;
use machine::{From, Machine};

pub use console::Console;
pub use host::CONF;
pub use image::Image;
pub use ssh::Ssh;

/// A running machine, as root sees it from outside of every session.
pub struct Vm {
    agent: RefCell<Agent>,
    console: RefCell<Console>,
    machine: Machine,
    ssh_port: u16,
    key: PathBuf,
    image: Image,
}

impl Vm {
    /// Starts a throwaway copy of the image, which is made first if need be.
    pub fn start(image: Image) -> Self {
        Self::start_with(image, "RTMP_JOB")
    }

    /// The same, with the tests of sessions in `/job`: `debug/deps/private` and so on.
    pub fn start_with_suite(image: Image) -> Self {
        Self::start_with(image, "RTMP_SUITE")
    }

    fn start_with(image: Image, job: &str) -> Self {
        let directory = image.ready();
        let (mut machine, ports) = Machine::start(&directory, &disk_of(job), From::State);
        let ssh_port = machine.ssh_port();
        let vm = Vm {
            agent: RefCell::new(Agent::on(ports.agent)),
            console: RefCell::new(Console::on(ports.console)),
            machine,
            ssh_port,
            key: directory.join("id"),
            image,
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        // The clock stood still since the state was saved, and another job was there then. The kernel
        // is not to write to the console in the middle of what a test reads there.
        vm.run(&format!(
            "date -s @{now}; dmesg -n 1; blockdev --flushbufs /dev/vdb; mkdir /job; tar -C /job -xf /dev/vdb"
        ))
        .ok();
        vm
    }

    /// What it was started from.
    pub fn image(&self) -> Image {
        self.image
    }

    /// Runs a script with bash, as root, with no login. Something left running must not hold its
    /// standard output: `... >/dev/null 2>&1 &`.
    pub fn run(&self, script: &str) -> Outcome {
        self.agent.borrow_mut().run(script)
    }

    /// Somebody at sshd's door.
    pub fn ssh(&self, user: &str) -> Ssh {
        Ssh::new(user, self.ssh_port, &self.key)
    }

    /// The terminal on the machine's serial line. `serial-getty@ttyS0` is not running.
    pub fn console(&self) -> std::cell::RefMut<'_, Console> {
        self.console.borrow_mut()
    }

    /// Restarts it, as root would, and waits until it is up.
    pub fn reboot(&self) {
        self.go_down();
        self.come_up();
    }

    /// Restarts it, into whatever it starts then: `come_up` waits for services.
    pub fn go_down(&self) {
        self.run("systemd-run --quiet --no-block --on-active=0 systemctl reboot").ok();
    }

    /// Waits until it is up, after somebody has restarted it.
    pub fn come_up(&self) {
        let mut agent = self.agent.borrow_mut();
        agent.greeting();
        agent.run("systemctl is-system-running --wait");
    }

    /// What is in the log since the machine started, a line each: `program[pid]: text`.
    pub fn journal(&self) -> Vec<String> {
        let lines = self.run("journalctl -b --quiet --no-pager -o short-iso").ok();
        lines.lines().map(|line| line.splitn(3, ' ').nth(2).unwrap_or(line).to_owned()).collect()
    }
}

impl Drop for Vm {
    /// Keeps what a failed test's machine has to say.
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        let test = std::thread::current().name().unwrap_or("vm").replace("::", "-");
        let mut said = format!("console:\n{}\n", self.machine.console_log());
        if let Some(mut agent) = self.agent.try_borrow_mut().ok().filter(|agent| !agent.is_lost()) {
            said += &agent.run("journalctl --no-pager -o short-precise -b").out;
        }
        let kept = image::cache().join("failed").join(test);
        std::fs::create_dir_all(kept.parent().unwrap()).unwrap();
        std::fs::write(&kept, &said).unwrap();
        let lines: Vec<_> = said.lines().collect();
        let last = lines[lines.len().saturating_sub(60)..].join("\n");
        eprintln!("the end of {}:\n{last}", kept.display());
    }
}

/// The second disk: what was just built, as tests/vm puts it together and names it in a variable.
fn disk_of(job: &str) -> PathBuf {
    let disk = std::env::var_os(job).unwrap_or_else(|| panic!("{job} is not set: use tests/vm"));
    disk.into()
}
