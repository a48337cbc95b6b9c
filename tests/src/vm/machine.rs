//! The emulated machine: one command line, which saving and restoring must share, and QMP.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::unistd::mkdtemp;
use serde_json::{Value, json};

/// A machine that says nothing for so long is taken for dead. Generous: software emulation on a
/// busy host is ten times slower than on an idle one.
pub(super) const PATIENCE: Duration = Duration::from_secs(600);

/// Where a machine starts from.
pub(super) enum From {
    /// The image's disk, which this machine changes: only to save its state.
    Disk,
    /// The saved state; what this machine changes is thrown away with it.
    State,
}

/// A running qemu. Dropping it kills it and removes all that it wrote.
pub(super) struct Machine {
    qemu: Child,
    qmp: BufReader<UnixStream>,
    directory: PathBuf,
}

/// What a machine is connected to.
pub(super) struct Ports {
    pub agent: UnixStream,
    pub console: UnixStream,
}

impl Machine {
    /// Starts it from `image`, with `job` as its second disk. From a state it is still paused.
    pub fn start(image: &Path, job: &Path, from: From) -> (Self, Ports) {
        let directory = mkdtemp(&std::env::temp_dir().join("rtmp-vm-XXXXXX")).unwrap();
        let agent = UnixListener::bind(directory.join("agent")).unwrap();
        let console = UnixListener::bind(directory.join("console")).unwrap();
        let (qmp, theirs) = UnixStream::pair().unwrap();
        let theirs = OwnedFd::from(theirs);
        let qemu = command(image, job, &directory, &from)
            .stdin(theirs.try_clone().unwrap())
            .stdout(theirs)
            .stderr(File::create(directory.join("qemu.log")).unwrap())
            .spawn()
            .expect("qemu-system-x86_64 and setpriv are needed: tests/vm installs them");
        qmp.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut machine = Machine { qemu, qmp: BufReader::new(qmp), directory };
        // By the time it greets it is connected to all sockets.
        machine.hear();
        machine.tell("qmp_capabilities", json!({}));
        let ports =
            Ports { agent: agent.accept().unwrap().0, console: console.accept().unwrap().0 };
        ports.agent.set_read_timeout(Some(PATIENCE)).unwrap();
        if matches!(from, From::State) {
            machine.tell_migration(
                "migrate-incoming",
                json!({ "uri": format!("file:{}", image.join("state").display()) }),
            );
            machine.tell("cont", json!({}));
        }
        (machine, ports)
    }

    /// Writes the state to `image` and ends the machine.
    pub fn save(mut self, image: &Path) {
        self.tell("stop", json!({}));
        let state = image.join("state.part");
        self.tell_migration("migrate", json!({ "uri": format!("file:{}", state.display()) }));
        self.tell("quit", json!({}));
        self.qemu.wait().unwrap();
        std::fs::rename(state, image.join("state")).unwrap();
    }

    /// The port of this host's loopback that leads to the machine's port 22.
    pub fn ssh_port(&mut self) -> u16 {
        let table = self.tell("human-monitor-command", json!({ "command-line": "info usernet" }));
        let table = table.as_str().unwrap_or_default();
        // Protocol[State] FD Source-Address Port Dest.-Address Port ...
        let forward = table.lines().find(|line| line.contains("HOST_FORWARD"));
        let port = forward.and_then(|line| line.split_whitespace().nth(3)?.parse().ok());
        port.unwrap_or_else(|| panic!("no forwarded port: {table}"))
    }

    /// What the kernel and whoever else wrote to the serial line.
    pub fn console_log(&self) -> String {
        let bytes = std::fs::read(self.directory.join("console.log")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Starts a migration, and waits until it is through.
    fn tell_migration(&mut self, command: &str, arguments: Value) {
        let events = json!({ "capabilities": [{ "capability": "events", "state": true }] });
        self.tell("migrate-set-capabilities", events);
        self.tell(command, arguments);
        loop {
            let heard = self.hear();
            match heard["data"]["status"].as_str() {
                Some("completed") if heard["event"] == "MIGRATION" => return,
                Some("failed") => panic!("{command} failed: {}", self.complaints()),
                _ => {}
            }
        }
    }

    /// Gives an order, and returns the answer to it.
    fn tell(&mut self, command: &str, arguments: Value) -> Value {
        let order = json!({ "execute": command, "arguments": arguments });
        if writeln!(self.qmp.get_mut(), "{order}").is_err() {
            panic!("qemu ended: {}", self.complaints());
        }
        loop {
            let heard = self.hear();
            assert_eq!(heard["error"], Value::Null, "{order}");
            if let Some(answer) = heard.get("return") {
                return answer.clone();
            }
        }
    }

    fn hear(&mut self) -> Value {
        let mut line = String::new();
        match self.qmp.read_line(&mut line) {
            Ok(0) => panic!("qemu ended: {}", self.complaints()),
            Ok(_) => serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}")),
            Err(e) => panic!("qemu does not answer: {e}: {}", self.complaints()),
        }
    }

    fn complaints(&self) -> String {
        let mut text = String::new();
        let log = File::open(self.directory.join("qemu.log"));
        log.and_then(|mut log| log.read_to_string(&mut text)).unwrap();
        text
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.qemu.kill();
        let _ = self.qemu.wait();
        let _ = self.qmp.get_ref().shutdown(Shutdown::Both);
        // What a test found counts, not whether somebody else cleaned up first.
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// A state can be restored only with the devices, memory and processor that it was saved with.
fn command(image: &Path, job: &Path, directory: &Path, from: &From) -> Command {
    let mut command = Command::new("setpriv");
    // If the test is killed, so is the machine.
    command.args(["--pdeathsig", "KILL", "qemu-system-x86_64"]);
    let own = std::fs::read_to_string(image.join("cmdline")).unwrap();
    let (snapshot, incoming) = match from {
        From::Disk => ("off", false),
        From::State => ("on", true),
    };
    let option = |name: &str, value: String| [name.to_owned(), value];
    command
        .env("TMPDIR", directory) // where snapshot=on keeps what is written
        // No KVM: where the host is itself a machine of some cloud, it may be there and not work.
        .args(["-accel", "tcg,thread=multi,tb-size=512", "-machine", "pc-q35-10.0"])
        .args(["-cpu", "Nehalem", "-smp", "2", "-m", "768"])
        .args(["-nodefaults", "-no-user-config", "-display", "none", "-qmp", "stdio"])
        .args(option("-kernel", image.join("vmlinux").display().to_string()))
        .args(option("-initrd", image.join("initrd").display().to_string()))
        .args(option("-append", format!("{KERNEL} {}", own.trim())))
        .args(option("-drive", format!("{},snapshot={snapshot}", drive(&disk(image), "qcow2"))))
        .args(option("-drive", format!("{},readonly=on", drive(job, "raw"))))
        .args(["-device", "virtio-rng-pci", "-device", "virtio-serial-pci"])
        .args(option("-chardev", socket("agent", directory)))
        .args(["-device", "virtserialport,chardev=agent,name=agent"])
        .args(option(
            "-chardev",
            socket("console", directory)
                + &format!(",logfile={}", directory.join("console.log").display()),
        ))
        .args(["-serial", "chardev:console"])
        // Nothing but the way in: port 0 is whichever is free.
        .args(["-nic", "user,model=virtio-net-pci,restrict=on,hostfwd=tcp:127.0.0.1:0-:22"]);
    if incoming {
        command.args(["-incoming", "defer"]);
    }
    command.stdin(Stdio::null());
    command
}

/// A kernel that panics starts again, which the agent's greeting gives away.
const KERNEL: &str = "console=ttyS0 panic=-1 mitigations=off random.trust_cpu=on quiet \
                      systemd.show_status=0";

/// A thin layer over the image's disk, as it was when the state was saved.
pub(super) fn disk(image: &Path) -> PathBuf {
    image.join("disk.qcow2")
}

fn drive(file: &Path, format: &str) -> String {
    format!("file={},if=virtio,format={format},cache=unsafe", file.display())
}

fn socket(name: &str, directory: &Path) -> String {
    format!("socket,id={name},path={}", directory.join(name).display())
}
