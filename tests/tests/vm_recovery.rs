//! docs/recovery.md on a host that boots, step by step: each command of the page, as it stands there and
//! in its order.

use rtmp_tests::vm::{Image, Vm};

const PAGE: &str = include_str!("../../docs/recovery.md");

/// The commands of the page that are still to be run.
struct Steps(Box<dyn Iterator<Item = &'static str>>);

impl Steps {
    fn of_the_page() -> Self {
        let commands = PAGE.lines().filter_map(|line| line.strip_prefix("# "));
        // Its own heading is written so, too.
        Steps(Box::new(commands.skip(1)))
    }

    /// The next one, which must begin so.
    fn next(&mut self, start: &str) -> &'static str {
        let command = self.0.next().unwrap_or_default();
        assert!(command.starts_with(start), "{command:?} instead of {start:?}");
        command
    }

    /// The end of the page.
    fn end(mut self) {
        assert_eq!(self.0.next(), None, "a command that nobody runs");
    }
}

/// The PAM files: bytes, owners, modes.
fn look(vm: &Vm) -> String {
    vm.run("cd /etc/pam.d && stat -c '%n %a %U:%G' * && sha256sum *").ok()
}

/// A host whose configuration has a mistake in it, so that nobody but root gets in.
fn break_it(vm: &Vm) {
    vm.write("/etc/security/namespace.conf", rtmp_tests::vm::CONF);
    vm.run("rtmpctl enable --yes").ok();
    vm.write("/etc/security/namespace.conf", "/tmp /tmp/user_tmpl/%{UID} uesr root");
    for user in ["alice", "carol"] {
        // "The user sees this (ssh: exit status 254)"
        assert_eq!(vm.ssh(user).run("true").status, 254, "{user}");
    }
}

/// Everybody gets in, and every file is as it was.
#[track_caller]
fn is_mended(vm: &Vm, before: &str) {
    assert_eq!(look(vm), before);
    for user in ["alice", "carol", "root"] {
        vm.ssh(user).run("true").ok();
    }
}

mod all {
    use super::*;

    #[test]
    #[ignore = "needs a virtual machine: tests/vm --all"]
    fn every_way_back_brings_everybody_back() {
        let vm = Vm::start(Image::Bookworm);
        vm.install();
        vm.run("systemctl start serial-getty@ttyS0").ok();
        let before = look(&vm);
        let mut steps = Steps::of_the_page();

        // 1. root can log in: by ssh with a key, and on the console.
        break_it(&vm);
        let reasons = vm.ssh("root").run(steps.next("journalctl ")).ok();
        let reason = PAGE.lines().find_map(|line| line.strip_prefix("pam_rtmp(su:session): "));
        assert!(reasons.contains(reason.unwrap()), "{reasons}");
        vm.console().log_in("root");
        vm.console().run("export NO_COLOR=1").ok();
        let said = vm.console().run(steps.next("rtmpctl check"));
        assert_eq!(said.status, 2);
        let (_, findings) = PAGE.split_once("# rtmpctl check\n").unwrap();
        for line in findings.lines().take_while(|line| *line != "```") {
            assert!(said.out.contains(line), "{line:?} is not in {}", said.out);
        }
        vm.console().run(steps.next("rtmpctl disable --yes")).ok();
        vm.console().log_out();
        is_mended(&vm, &before);

        // 2. Only the kernel's command line is left: the same commands in both shells that it leads to.
        let remount = steps.next("mount -o remount,rw /");
        let disable = steps.next("rtmpctl disable --yes --untried");
        let (sync, reboot) = (steps.next("sync"), steps.next("reboot -f"));
        for shell in [rescue_shell, bare_shell] {
            break_it(&vm);
            let set_right = shell(&vm);
            for command in [remount, disable, set_right, sync] {
                vm.console().run(command).ok();
            }
            vm.console().send(reboot);
            vm.come_up();
            is_mended(&vm, &before);
        }

        // 3. From a rescue system, which sees the disk and nothing that is mounted on it.
        for way in ["rtmpctl disable --root /mnt --yes", "tar -C /mnt/var/lib/rtmpctl"] {
            break_it(&vm);
            let step = steps.next(way);
            vm.run(&format!("mount --bind / /mnt && {step} && umount /mnt")).ok();
            is_mended(&vm, &before);
            vm.run("rtmpctl disable --yes").ok();
        }

        // 4. By hand.
        break_it(&vm);
        vm.run(steps.next("sed -i ")).ok();
        vm.ssh("alice").run("true").ok();
        vm.run("DEBIAN_FRONTEND=noninteractive pam-auth-update --package").ok();
        is_mended(&vm, &before);

        steps.end();
    }
}

/// What `systemd.unit=rescue.target` leads to. Returns what makes it start as ever.
fn rescue_shell(vm: &Vm) -> &'static str {
    vm.run("systemctl --quiet set-default rescue.target").ok();
    vm.go_down();
    let mut console = vm.console();
    console.expect("(or press Control-D to continue): ");
    console.send("secret");
    console.expect("# ");
    "systemctl --quiet set-default graphical.target"
}

/// What `init=/bin/sh` leads to: a shell as process 1, and the root file system as Debian's initrd
/// leaves it.
fn bare_shell(vm: &Vm) -> &'static str {
    vm.run("ln -sf /bin/sh /sbin/init").ok();
    vm.go_down();
    let mut console = vm.console();
    // Not the prompt of before.
    console.expect("job control turned off");
    console.expect("# ");
    console.run("mount -t proc proc /proc; mount -o remount,ro /").ok();
    "ln -sf /lib/systemd/systemd /sbin/init"
}
