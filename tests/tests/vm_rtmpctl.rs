//! `rtmpctl` on a host that boots: `privatetmp` with a real systemd, `exec` with a real login.

use rtmp_tests::vm::{Image, Vm};

const SERVICES: &str = r#"
service() { printf '%s\n' '[Service]' "ExecStart=$2" "${@:3}" >/etc/systemd/system/$1.service; }
service plain '/bin/sleep 1000'
service first '/bin/sleep 1000' PrivateTmp=yes
service second '/bin/sleep 1000' PrivateTmp=yes
sed -i '1i [Unit]\nJoinsNamespaceOf=first.service' /etc/systemd/system/second.service
service database "/usr/bin/perl -MIO::Socket::UNIX -e '\$\$s=IO::Socket::UNIX->new(Local=>\"/tmp/.s.PGSQL.5432\",Listen=>1) or die; sleep 1000'"
service reader '/bin/sh -c "exec sleep 1000 3</tmp/shared"'
service writer '/bin/sh -c "exec sleep 1000 3</tmp/shared"'
touch /tmp/shared
systemctl daemon-reload
systemctl start plain first second database reader writer
until test -S /tmp/.s.PGSQL.5432; do sleep 0.2; done
"#;

const MODULE: &str = r#"
cp /job/pam_rtmp.so /usr/lib/x86_64-linux-gnu/security/
printf '/tmp /tmp/user_tmpl/%%{UID} user root\n' >/etc/security/namespace.conf
echo 'session required pam_rtmp.so' >>/etc/pam.d/common-session
"#;

/// The line of a unit, its words one blank apart.
fn line_of(table: &str, unit: &str) -> String {
    let line = table.lines().find(|line| line.starts_with(&format!("{unit}.service ")));
    line.unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
#[ignore = "needs a virtual machine: tests/vm"]
fn services_get_a_private_tmp_and_give_it_back() {
    let vm = Vm::start(Image::Bookworm);
    let ask = |words: &str| vm.run(&format!("/job/rtmpctl privatetmp {words}"));
    vm.run(SERVICES).ok();

    let table = ask("list").ok();
    for (unit, want) in [
        ("plain", "no no possible: it has nothing open there now"),
        ("first", "yes yes one and the same with second.service"),
        ("second", "yes yes one and the same with first.service"),
        ("database", "no no risky: others reach it by /tmp/.s.PGSQL.5432"),
        ("reader", "no no risky: /tmp/shared is open in writer.service, too"),
        ("ssh", "no no leave it: it lets users in, whose sessions would all share it"),
        ("systemd-logind", "yes yes -"),
    ] {
        assert_eq!(line_of(&table, unit), format!("{unit}.service {want}"), "{table}");
    }
    let proof = ask("verify").ok();
    assert_eq!(proof.matches("PASS").count(), 6, "{proof}");
    assert!(proof.contains("/tmp/systemd-private-"), "{proof}");
    let wrong = ask("verify plain first");
    assert_eq!((wrong.status, wrong.out.matches("FAIL").count()), (2, 2), "{}", wrong.out);

    let warned = ask("enable database --dry-run").ok();
    assert!(warned.contains("warning: others reach it by /tmp/.s.PGSQL.5432"), "{warned}");
    for unit in ["ssh", "getty@tty1", "cron", "user@1000"] {
        let refused = ask(&format!("enable plain {unit}"));
        assert!(refused.status == 2 && refused.out.contains("refused"), "{}", refused.out);
    }
    vm.run("test ! -e /etc/systemd/system/plain.service.d").ok();

    ask("enable plain").ok();
    let loaded = line_of(&ask("list plain").ok(), "plain");
    assert_eq!(loaded, "plain.service yes no restart: what runs began before");
    assert_eq!(ask("verify plain").status, 2, "configured is not yet effective");
    assert!(ask("enable plain").ok().contains("what runs began before: restart it"));
    vm.run("systemctl restart plain").ok();
    assert_eq!(line_of(&ask("list plain").ok(), "plain"), "plain.service yes yes -");
    ask("verify plain").ok();
    ask("disable plain --restart").ok();
    assert!(line_of(&ask("list plain").ok(), "plain").starts_with("plain.service no no"));

    // One of the distribution's, which has to be of use with it.
    let answers =
        "systemctl -q is-active polkit; pkaction --action-id org.freedesktop.login1.reboot";
    vm.run("systemctl start polkit").ok();
    ask("enable polkit --restart").ok();
    assert_eq!(line_of(&ask("list polkit").ok(), "polkit"), "polkit.service yes yes -");
    ask("verify polkit").ok();
    vm.run(answers).ok();
    ask("disable polkit --restart").ok();
    assert!(line_of(&ask("list polkit").ok(), "polkit").starts_with("polkit.service no no"));
    vm.run(answers).ok();

    let records = vm.run("journalctl -t rtmpctl --facility=authpriv -o cat").ok();
    let want = ["plain", "polkit"].map(|unit| {
        ["enable", "disable"]
            .map(|what| format!("privatetmp {what} by root (uid 0), not logged in: {unit}.service"))
    });
    let want = want.concat().join("\n");
    assert_eq!(records, want);
}

#[test]
#[ignore = "needs a virtual machine: tests/vm"]
fn root_runs_a_command_in_the_view_of_somebody_who_came_by_ssh() {
    let vm = Vm::start(Image::Bookworm);
    vm.run(MODULE).ok();
    let mut alice = vm.ssh("alice").shell();
    alice.sh("echo hers > /tmp/file").ok();
    let carol = |command: &str| vm.ssh("carol").run(&format!("sudo /job/rtmpctl {command}"));
    assert_eq!(carol("exec alice -- cat /tmp/file").ok(), "hers");
    assert_eq!(carol("exec alice --as-user -- id -un").ok(), "alice");
    assert_eq!(carol("host -- ls -d /tmp/file").status, 2);
    let records = vm.run("journalctl -t rtmpctl --facility=authpriv -o cat").ok();
    let lines: Vec<_> = records.lines().collect();
    let who = "by root (uid 0), logged in as carol (uid 1002): ";
    assert!(lines.iter().all(|line| line.contains(who)) && lines.len() == 3, "{records}");
    assert!(records.contains("in the view of alice (uid 1000), of process "), "{records}");
}
