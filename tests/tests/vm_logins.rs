//! The table of docs/hosts.md: whose /tmp and /var/tmp each way into a Debian gives, measured.
//!
//! Every row is a way in, every test one of the table's columns. The cell in the document must be what
//! the machine says.

use std::fs;
use std::path::Path;

use nix::unistd::mkdtemp;
use rtmp_tests::Outcome;
use rtmp_tests::vm::{Image, Vm};

/// Runs `whose` as alice, or as said, in a session of this kind.
type Way = fn(&Vm) -> Outcome;

const WAYS: [(&str, Way); 29] = [
    ("ssh with a key", |vm| vm.ssh("alice").run("whose")),
    ("ssh with a password", |vm| vm.ssh("alice").password("secret").run("whose")),
    ("ssh on a terminal", |vm| vm.ssh("alice").option("-tt").run("whose")),
    ("ssh -A, and the agent's socket works", |vm| {
        vm.ssh("alice").run_with_agent("ssh-add -l >/dev/null && [ -S $SSH_AUTH_SOCK ] && whose")
    }),
    ("scp", |vm| fetched(|to| vm.ssh("alice").scp("/tmp/whose", to))),
    ("sftp", |vm| {
        fetched(|to| vm.ssh("alice").sftp(&format!("get /tmp/whose {}\n", to.display())))
    }),
    ("login on the console", console),
    ("su, from root", |vm| vm.run("su alice -c whose")),
    ("su -, from root", |vm| vm.run("su - alice -c whose")),
    ("sudo -u, from root", |vm| vm.run("sudo -u alice whose")),
    ("sudo -i -u, from root", |vm| vm.run("sudo -i -u alice whose")),
    ("su -, from bob's session", |vm| vm.ssh("bob").run("echo secret | su - alice -c whose")),
    ("sudo -u, from carol's session", |vm| vm.ssh("carol").run("sudo -u alice whose")),
    ("sudo -i -u, from carol's session", |vm| vm.ssh("carol").run("sudo -i -u alice whose")),
    ("cron", |vm| {
        written(
            vm,
            "rm -f /run/crond.reboot; echo '@reboot whose >seen' | crontab -u alice -; systemctl restart cron",
        )
    }),
    ("at", |vm| written(vm, "cd /home/alice; echo 'whose >seen' | runuser -u alice -- at now")),
    ("systemd --user, while logged in", |vm| {
        vm.ssh("alice").run("systemd-run --user --quiet --wait --pipe whose")
    }),
    ("systemd --user, lingering", |vm| {
        vm.run(
            "loginctl terminate-user alice; loginctl enable-linger alice
             until systemctl -q is-active user@1000.service; do sleep 0.1; done
             systemd-run --user -M alice@ --quiet --wait --pipe whose",
        )
    }),
    ("tmux, started in one login, joined from another", |vm| {
        vm.ssh("alice").run("tmux new-session -d").ok();
        written(vm, "su - alice -c 'tmux new-window \"whose >seen\"'")
    }),
    ("machinectl shell", |vm| vm.run("machinectl -q shell alice@ /usr/bin/whose")),
    ("a unit with PAMName=login", |vm| unit(vm, "-p PAMName=login")),
    ("a unit with PAMName=login and PrivateTmp=yes", |vm| {
        unit(vm, "-p PAMName=login -p PrivateTmp=yes")
    }),
    ("a unit with PAMName=login and a TemporaryFileSystem= there", |vm| {
        unit(vm, "-p PAMName=login -p 'TemporaryFileSystem=/tmp:mode=1777 /var/tmp:mode=1777'")
    }),
    ("sudo as root, from carol's session", |vm| vm.ssh("carol").run("sudo whose")),
    ("ssh as root", |vm| vm.ssh("root").run("whose")),
    ("systemd-run --uid: no PAM", |vm| unit(vm, "")),
    ("runuser: no common-session", |vm| vm.run("runuser -u alice whose")),
    ("runuser -l: no common-session", |vm| vm.run("runuser -l alice -c whose")),
    ("the directory of X11's sockets, by ssh", |vm| {
        vm.ssh("alice").run("if [ -d /tmp/.X11-unix ]; then echo there; else echo absent; fi")
    }),
];

#[test]
#[ignore = "needs a virtual machine: tests/vm"]
fn with_pam_rtmp_a_user_has_the_same_tmp_whichever_way_they_come_in() {
    let vm = Vm::start(Image::Bookworm);
    vm.enable();
    assert_eq!(measured(&vm), documented("pam_rtmp"));
    assert_eq!(complaints(&vm), NOTHING);
}

mod all {
    use super::*;

    #[test]
    #[ignore = "needs a virtual machine: tests/vm --all"]
    fn on_debian_13_a_user_has_the_same_tmp_whichever_way_they_come_in() {
        let vm = Vm::start(Image::Trixie);
        vm.enable();
        assert_eq!(measured(&vm), documented("pam_rtmp, Debian 13"));
        assert_eq!(complaints(&vm), NOTHING);
    }

    #[test]
    #[ignore = "needs a virtual machine: tests/vm --all"]
    fn with_pam_namespace_in_both_common_session_files_they_do_not() {
        let vm = Vm::start(Image::Bookworm);
        enable_pam_namespace(&vm, "");
        assert_eq!(measured(&vm), documented("pam_namespace"));
    }

    #[test]
    #[ignore = "needs a virtual machine: tests/vm --all"]
    fn with_pam_namespace_in_common_session_alone_they_do_not() {
        let vm = Vm::start(Image::Bookworm);
        enable_pam_namespace(&vm, "Session-Interactive-Only: yes");
        assert_eq!(measured(&vm), documented("pam_namespace, interactive"));
    }
}

/// What the module said.
fn complaints(vm: &Vm) -> Vec<String> {
    vm.journal().into_iter().filter(|line| line.contains("pam_rtmp(")).collect()
}

const NOTHING: [&str; 0] = [];

/// The distribution's module for the same two directories, in the same place of the stack.
fn enable_pam_namespace(vm: &Vm, only: &str) {
    vm.write(
        "/usr/share/pam-configs/namespace",
        &format!(
            "Name: namespace\nDefault: no\nPriority: 64\nSession-Type: Additional\n{only}\n\
             Session:\n\trequired\tpam_namespace.so"
        ),
    );
    vm.write(
        "/etc/security/namespace.conf",
        "/tmp /tmp/tmp-inst/ user root\n/var/tmp /var/tmp/tmp-inst/ user root",
    );
    vm.run("sed -i '/^$/d' /usr/share/pam-configs/namespace; pam-auth-update --enable namespace")
        .ok();
}

/// A row for each way in, as the document has them.
fn measured(vm: &Vm) -> Vec<String> {
    vm.mark();
    let rows: Vec<_> = WAYS
        .iter()
        .map(|(name, way)| {
            let told = way(vm);
            let whose = match told.status {
                0 => told.out.trim().to_owned(),
                status => format!("no session ({status})"),
            };
            format!("{name}: {whose}")
        })
        .collect();
    println!("{rows:#?}");
    rows
}

/// The column of docs/hosts.md under this heading.
fn documented(heading: &str) -> Vec<String> {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/hosts.md");
    let page = fs::read_to_string(page).unwrap();
    let mut rows = page.lines().filter(|line| line.starts_with("| ")).map(|line| {
        line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>()
    });
    let headings = rows.next().unwrap();
    let column = headings.iter().position(|cell| cell == heading).unwrap();
    rows.map(|row| format!("{}: {}", row[0], row[column])).collect()
}

fn unit(vm: &Vm, options: &str) -> Outcome {
    vm.run(&format!("systemd-run --quiet --wait --pipe -p User=alice {options} whose"))
}

/// What a job that `start` left behind writes to alice's file `seen`.
fn written(vm: &Vm, start: &str) -> Outcome {
    let seen = "/home/alice/seen";
    vm.run(&format!(
        "rm -f {seen}; {{ {start}; }} >/dev/null 2>&1
         timeout 300 sh -c 'until [ -s {seen} ]; do sleep 0.1; done'; cat {seen}"
    ))
}

/// What is in the file that `fetch` brings here.
fn fetched(fetch: impl FnOnce(&Path) -> Outcome) -> Outcome {
    let here = mkdtemp(&std::env::temp_dir().join("rtmp-fetched-XXXXXX")).unwrap();
    let told = fetch(&here.join("whose"));
    let out = fs::read_to_string(here.join("whose")).unwrap_or_default();
    fs::remove_dir_all(here).unwrap();
    Outcome { out, ..told }
}

fn console(vm: &Vm) -> Outcome {
    vm.run("rm -f /home/alice/seen; systemctl start serial-getty@ttyS0").ok();
    let mut console = vm.console();
    console.log_in("alice");
    console.run("whose >seen").ok();
    console.log_out();
    vm.run("cat /home/alice/seen")
}
