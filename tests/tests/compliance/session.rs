//! Items 35 to 81: options, sessions, scripts and their end.

use rtmp_tests::application::Call;
use rtmp_tests::twin::newest;

use crate::case::{Case, case, open, sh};
use crate::conf::RECORDER;

const BASIC: &str = "/tmp /tmp-inst/ user root\n";
const INSIDE: &str = "/tmp /tmp/tmp-inst/ user root\n/var/tmp /var/tmp/tmp-inst/ user root\n";

fn ruser(name: &str) -> Call {
    Call::Ruser(name.to_owned())
}

fn cd(path: &str) -> Call {
    Call::Cd(path.to_owned())
}

pub fn options() -> Vec<Case> {
    let twice = || [open("alice"), Call::Again, open("bob")];
    vec![
        case("options that nobody knows", &[35])
            .conf(BASIC)
            .args("no_unmount_on_close DEBUG what=ever"),
        case("debug", &[36]).conf(BASIC).args("debug"),
        case("gen_hash", &[37])
            .conf("/tmp /tmp-inst/ level root\n")
            .args("gen_hash")
            .calls(twice()),
        case("gen_hash and a prefix without a slash at its end", &[37])
            .conf("/tmp /tmp-inst/x- user\n")
            .setup("mkdir -m 0 /tmp-inst")
            .args("gen_hash"),
        case("a name of 80 bytes", &[38]).conf(BASIC).setup(&long(80)).calls(long_login(80)),
        case("a name of 81 bytes", &[38]).conf(BASIC).setup(&long(81)).calls(long_login(81)),
        case("a name of 200 bytes", &[38]).conf(BASIC).setup(&long(200)).calls(long_login(200)),
        case("a name of 300 bytes", &[38]).conf(BASIC).setup(&long(300)).calls(long_login(300)),
        case("require_selinux where SELinux is off", &[39]).conf(BASIC).args("require_selinux"),
        case("use_current_context where SELinux is off, method user", &[40])
            .conf(BASIC)
            .args("use_current_context"),
        case("use_current_context where SELinux is off, method level", &[40])
            .conf("/tmp /tmp-inst/ level root\n")
            .args("use_current_context"),
        case("use_default_context where SELinux is off, method level", &[40])
            .conf("/tmp /tmp-inst/ level root\n")
            .args("use_default_context"),
        case("use_current_context where SELinux is off, shared", &[40])
            .conf("/tmp /tmp-inst/ level:shared root\n")
            .args("use_current_context"),
        case("a parent of mode 0755", &[42, 54]).conf(BASIC).setup("mkdir -m 755 /tmp-inst"),
        case("a parent of mode 0755, which does not matter", &[42])
            .conf(BASIC)
            .setup("mkdir -m 755 /tmp-inst")
            .args("ignore_instance_parent_mode"),
        case("a parent of a user's, which does not matter", &[42])
            .conf(BASIC)
            .setup("mkdir /tmp-inst; chown bob /tmp-inst")
            .args("ignore_instance_parent_mode"),
        case("mount_private, where / is private", &[43])
            .conf(BASIC)
            .args("mount_private")
            .private_root(),
        case("mount_private, where / is shared", &[43]).conf(BASIC).args("mount_private"),
    ]
}

fn long(length: usize) -> String {
    format!("echo {}:x:1009:1009::/home/alice:/bin/sh >> /etc/passwd", "n".repeat(length))
}

fn long_login(length: usize) -> [Call; 3] {
    [open(&"n".repeat(length)), Call::Close, Call::End]
}

pub fn asking() -> Vec<Case> {
    let nested = |first: &str, asks: &str, second: &str| {
        [open(first), ruser(asks), cd("/tmp"), open(second), Call::Close, Call::End]
    };
    vec![
        case("unmnt_remnt from alice to bob, the working directory in /tmp", &[46])
            .conf(BASIC)
            .args("unmnt_remnt")
            .calls(nested("alice", "alice", "bob")),
        case("unmnt_remnt from alice to bob, parents inside", &[46])
            .conf(INSIDE)
            .args("unmnt_remnt")
            .calls(nested("alice", "alice", "bob")),
        case("unmnt_remnt from alice to root, who is exempt", &[45])
            .conf(BASIC)
            .args("unmnt_remnt")
            .calls(nested("alice", "alice", "root")),
        case("unmnt_remnt from alice to alice", &[46])
            .conf(BASIC)
            .args("unmnt_remnt")
            .calls(nested("alice", "alice", "alice")),
        case("unmnt_remnt with nothing mounted, asked by alice", &[47])
            .conf(BASIC)
            .args("unmnt_remnt")
            .calls([ruser("alice"), open("bob"), Call::Close, Call::End]),
        case("unmnt_remnt with nothing of ours on a /tmp that is a mount", &[47])
            .conf(BASIC)
            .setup("mount -t tmpfs -o mode=1777 tmpfs /tmp; touch /tmp/the-hosts")
            .args("unmnt_remnt")
            .calls([ruser("alice"), open("bob"), sh("root", "ls /tmp"), Call::Close, Call::End]),
        case("unmnt_remnt to an exempt root with nothing of ours on a /tmp that is a mount", &[47])
            .conf(BASIC)
            .setup("mount -t tmpfs -o mode=1777 tmpfs /tmp; touch /tmp/the-hosts")
            .args("unmnt_remnt")
            .calls([ruser("alice"), open("root"), sh("root", "ls /tmp"), Call::Close, Call::End]),
        case("unmnt_remnt asked by root, who is exempt", &[45])
            .conf(BASIC)
            .args("unmnt_remnt")
            .calls([ruser("root"), open("bob"), Call::Close, Call::End]),
        case("unmnt_remnt without PAM_RUSER, real user root", &[50])
            .conf(BASIC)
            .args("unmnt_remnt")
            .calls([open("alice"), open("bob"), Call::Close, Call::End]),
        case("unmnt_remnt without PAM_RUSER, real user alice", &[50])
            .conf(BASIC)
            .args("unmnt_remnt")
            .calls([open("alice"), Call::RealUser(1001), open("bob"), Call::Close, Call::End]),
        case("unmnt_remnt with private homes", &[46])
            .conf("$HOME /home-inst/ user root\n")
            .args("unmnt_remnt")
            .calls([open("alice"), ruser("alice"), open("bob"), Call::End]),
        case("unmnt_only in alice's session", &[48]).conf(BASIC).args("unmnt_only").calls([
            ruser("alice"),
            open("bob"),
            Call::Close,
            Call::End,
        ]),
        case("unmnt_only with a session's mount there", &[48]).conf(BASIC).calls([
            open("alice"),
            Call::End,
            Call::Args("unmnt_only".into()),
            ruser("alice"),
            cd("/tmp"),
            open("bob"),
            Call::Close,
            Call::End,
        ]),
        case("unmnt_only then unmnt_remnt, the last counts", &[48])
            .conf(BASIC)
            .args("unmnt_only unmnt_remnt")
            .calls(nested("alice", "alice", "bob")),
        case("unmnt_remnt of the working directory's namesake", &[46])
            .conf(BASIC)
            .setup("mkdir /tmpfoo")
            .args("unmnt_remnt")
            .calls([open("alice"), ruser("alice"), cd("/tmpfoo"), open("bob"), Call::End]),
        case("an empty PAM_RUSER", &[50]).conf(BASIC).calls([
            ruser(""),
            open("alice"),
            Call::Close,
            Call::End,
        ]),
        case("a PAM_RUSER whom nobody knows, without unmnt_remnt", &[50]).conf(BASIC).calls([
            ruser("mallory"),
            open("alice"),
            Call::Close,
            Call::End,
        ]),
        case("a PAM_RUSER whom nobody knows, with unmnt_remnt", &[50])
            .conf(BASIC)
            .args("unmnt_remnt")
            .calls([ruser("mallory"), open("alice"), Call::Close, Call::End]),
        case("a PAM_USER whom nobody knows", &[51]).conf(BASIC).calls([
            open("mallory"),
            Call::Close,
            Call::End,
        ]),
        case("a PAM_USER that is empty", &[51]).conf(BASIC).calls([
            open(""),
            Call::Close,
            Call::End,
        ]),
        case("the user ..", &[51])
            .conf(BASIC)
            .setup("echo '..:x:1005:1005::/:/bin/sh' >> /etc/passwd")
            .calls([open(".."), Call::Close, Call::End]),
        case("the user a/b", &[51])
            .conf(BASIC)
            .setup("echo 'a/b:x:1005:1005::/:/bin/sh' >> /etc/passwd")
            .calls([open("a/b"), Call::Close, Call::End]),
        case("a session in a session without unmnt_remnt, parent outside", &[49])
            .conf(BASIC)
            .calls(nested("alice", "alice", "bob")),
        case("a session in a session without unmnt_remnt, parent inside", &[49])
            .conf(INSIDE)
            .calls(nested("alice", "alice", "bob")),
        case("newrole's options: unmnt_remnt no_unmount_on_close", &[35, 46])
            .conf(BASIC)
            .args("unmnt_remnt no_unmount_on_close")
            .calls(nested("alice", "alice", "alice")),
    ]
}

pub fn sessions() -> Vec<Case> {
    vec![
        case("an exempt user", &[44]).conf(BASIC).calls([open("root"), Call::Close, Call::End]),
        case("an instance has the polydir's owner and mode", &[52])
            .conf("/srv/a /a.inst/ user\n/srv/b /b.inst/ user\n/srv/c /c.inst/ user\n")
            .setup("mkdir -m 2775 /srv/a; chown bob:students /srv/a; chmod 2775 /srv/a; mkdir -m 700 /srv/b; chown alice: /srv/b; mkdir -m 3751 /srv/c"),
        case("an instance that is there is used again", &[53]).conf(BASIC).setup(RECORDER)
            .calls([open("alice"), sh("alice", "echo hers > /tmp/file; ls /tmp"), Call::Again, open("alice"), sh("alice", "ls /tmp")]),
        case("an instance of another owner and mode", &[53]).conf(BASIC)
            .setup("mkdir -m 0 /tmp-inst; mkdir -m 701 /tmp-inst/alice; chown bob:students /tmp-inst/alice"),
        case("an instance that is a link", &[53]).conf(BASIC).setup("mkdir -m 0 /tmp-inst; ln -s /etc /tmp-inst/alice"),
        case("an instance that is a file", &[53]).conf(BASIC).setup("mkdir -m 0 /tmp-inst; touch /tmp-inst/alice"),
        case("a parent of mode 01000", &[54]).conf(BASIC).setup("mkdir /tmp-inst; chmod 7000 /tmp-inst"),
        case("a parent of mode 0700", &[54]).conf(BASIC).setup("mkdir -m 700 /tmp-inst"),
        case("a parent of another group", &[54]).conf(BASIC).setup("mkdir -m 0 /tmp-inst; chgrp users /tmp-inst"),
        case("a parent of a user's", &[54]).conf(BASIC).setup("mkdir -m 0 /tmp-inst; chown bob /tmp-inst"),
        case("a parent that is root's link", &[54]).conf(BASIC).setup("mkdir -m 0 /srv/real; ln -s /srv/real /tmp-inst"),
        case("a parent that is a link to nothing", &[54]).conf(BASIC).setup("ln -s /srv/real /tmp-inst"),
        case("a parent that is a file", &[54]).conf(BASIC).setup("touch /tmp-inst"),
        case("two levels of the parent missing", &[54]).conf("/tmp /srv/a/b/ user\n"),
        case("a parent inside /tmp that is a user's link", &[54]).conf(INSIDE)
            .setup("ln -s /etc /tmp/tmp-inst; chown -h bob /tmp/tmp-inst"),
        case("a parent inside /tmp that is a user's directory", &[54]).conf(INSIDE)
            .setup("mkdir -m 0 /tmp/tmp-inst; chown bob /tmp/tmp-inst"),
        case("a polydir that is root's link", &[55]).conf("/srv/link /tmp-inst/ user\n").setup("mkdir -m 1777 /srv/real; ln -s real /srv/link"),
        case("a polydir that is a user's link in the user's directory", &[55])
            .conf("/home/bob/link /tmp-inst/ user\n").setup("ln -s /etc /home/bob/link; chown -h bob /home/bob/link"),
        case("a polydir that is a file", &[55]).conf("/srv/file /tmp-inst/ user\n").setup("touch /srv/file"),
        case("a polydir that is a FIFO", &[55]).conf("/srv/fifo /tmp-inst/ user\n").setup("mkfifo /srv/fifo")
            .calls([Call::Patience(4), open("alice"), Call::Close, Call::End]),
        case("a polydir below a FIFO in a user's directory", &[55]).conf("/home/bob/fifo/x /tmp-inst/ user\n")
            .setup("mkfifo /home/bob/fifo").calls([Call::Patience(4), open("alice"), Call::Close, Call::End]),
        case("what is mounted below the polydir is hidden", &[58]).conf(BASIC)
            .setup("mkdir /tmp/sub; mount -t tmpfs tmpfs /tmp/sub")
            .calls([open("alice"), sh("alice", "ls -A /tmp"), Call::Close, Call::End]),
        case("the flags of a mount on /tmp", &[59]).conf(BASIC).setup("mount -t tmpfs -o nosuid,nodev,noexec,mode=1777 tmpfs /tmp"),
        case("the flags of the instance's file system", &[59]).conf("/tmp /srv/inst/ user\n")
            .setup("mount -t tmpfs -o nosuid,nodev,noexec,mode=755 tmpfs /srv"),
        case("the flags of a mount on /tmp, under a tmpfs", &[59]).conf("/tmp none tmpfs\n")
            .setup("mount -t tmpfs -o nosuid,nodev,noexec,mode=1777 tmpfs /tmp"),
        case("mounts of the host reach the session, mounts of the session stay in it", &[60]).conf(BASIC).calls([
            open("alice"),
            sh("root", "mount -t tmpfs inner /mnt; grep -c inner /proc/self/mountinfo"),
            sh("root", "nsenter -t 1 -m sh -c 'mount -t tmpfs outer /srv; ls -d /srv'; grep -c outer /proc/self/mountinfo"),
            Call::Close, Call::End,
        ]),
        case("a private root", &[60]).conf(BASIC).private_root(),
        case("a private root and a shared /tmp", &[61]).conf(BASIC)
            .setup("mount -t tmpfs -o mode=1777 tmpfs /tmp; mount --make-shared /tmp").private_root(),
        case("the second polydir fails", &[62]).conf(&format!("{BASIC}/srv/no /a/ user\n")),
        case("the second parent fails", &[62]).conf(&format!("{BASIC}/var/tmp /srv/no/a/ user\n")),
        case("the second polydir fails after a tmpdir", &[62]).conf("/tmp /tmp-inst/chance- tmpdir\n/srv/no /a/ user\n"),
        case("a parent in the polydir of an earlier line", &[2, 54]).conf("/tmp /tmp-inst/ user\n/var/tmp /tmp/vt/ user\n"),
        case("no /proc, before Linux 6.11", &[63]).conf(BASIC).calls([Call::WithoutProc, open("alice"), Call::Close, Call::End]),
        case("no CAP_SYS_ADMIN", &[64]).conf(BASIC).calls([Call::WithoutSysAdmin, open("alice"), Call::Close, Call::End]),
        case("no CAP_SYS_ADMIN, and an exempt user", &[64]).conf(BASIC).calls([Call::WithoutSysAdmin, open("root"), Call::Close, Call::End]),
        case("an instance that a killed login left half made", &[65]).conf(BASIC)
            .setup("mkdir -m 0 /tmp-inst; mkdir -m 400 /tmp-inst/alice"),
        case("a working directory in /tmp", &[66]).conf(BASIC)
            .calls([cd("/tmp"), open("alice"), sh("alice", "touch here; ls /tmp"), Call::Close, Call::End]),
        case("a working directory below /tmp", &[66]).conf(BASIC).setup("mkdir /tmp/sub")
            .calls([cd("/tmp/sub"), open("alice"), Call::Close, Call::End]),
        case("a working directory elsewhere", &[66]).conf(BASIC)
            .calls([cd("/var/lib"), open("alice"), Call::Close, Call::End]),
        case("an open descriptor on /tmp", &[67]).conf(BASIC)
            .calls([Call::Hold("/tmp".into()), open("alice"), sh("alice", "ls /tmp"), Call::Close, Call::End]),
        case("/dev/shm on a tmpfs with a size", &[28, 56]).conf("/dev/shm tmpfs tmpfs:mntopts=size=8m,nosuid,nodev\n"),
        case("a children's desktop: tmpfs for ~alice and ~bob", &[29, 56])
            .conf("/tmp tmpfs tmpfs:mntopts=size=16m ~alice,bob\n/var/tmp tmpfs tmpfs ~alice,bob\n")
            .calls([open("alice"), Call::Again, open("carol")]),
        case("an application of umask 077", &[52]).conf(BASIC).calls([Call::Umask(0o077), open("alice"), Call::Close, Call::End]),
    ]
}

pub fn scripts() -> Vec<Case> {
    let init = |text: &str, mode: &str| {
        format!(
            "printf '{text}' > /etc/security/namespace.init; chmod {mode} /etc/security/namespace.init"
        )
    };
    let named = |path: &str| {
        format!(
            "{RECORDER}\nmv /etc/security/namespace.init {path}; sed -i 's,record/init,record/named,' {path}"
        )
    };
    vec![
        case("a script's arguments, environment, directory, umask and descriptors", &[68]).conf(BASIC).setup(RECORDER),
        case("a script of a caller with open descriptors", &[68]).conf(BASIC).setup(RECORDER)
            .calls([Call::Hold("/tmp".into()), Call::Hold("/etc/shadow".into()), open("alice")]),
        case("a script in another umask and directory", &[68]).conf(BASIC).setup(RECORDER)
            .calls([Call::Umask(0o077), cd("/var"), open("alice"), Call::Close, Call::End]),
        case("a script that prints", &[68]).conf(BASIC).setup("mkdir /srv/record").setup(&init("#!/bin/sh\\necho hello\\n", "755"))
            .calls([Call::Stdout("/srv/record/stdout".into()), open("alice"), Call::Close, Call::End]),
        case("a script runs at every login, $3 is 1 and then 0", &[69]).conf(BASIC).setup(RECORDER)
            .calls([open("alice"), Call::Again, open("alice"), Call::Again, open("bob")]),
        case("a script that exits with 1", &[70]).conf(BASIC).setup(&init("#!/bin/sh\\nexit 1\\n", "755")),
        case("a script that is killed", &[70]).conf(BASIC).setup(&init("#!/bin/sh\\nkill -9 $$\\n", "755")),
        case("a script of a bad interpreter", &[70]).conf(BASIC).setup(&init("#!/bin/nothing\\n", "755")),
        case("a script without an interpreter", &[70]).conf(BASIC).setup(&init("touch /srv/ran\\n", "755")),
        case("a script that is not executable", &[70]).conf(BASIC).setup(&init("#!/bin/sh\\n", "644")),
        case("a script that is not executable, with noinit", &[70]).conf("/tmp /tmp-inst/ user:noinit\n").setup(&init("#!/bin/sh\\n", "644")),
        case("noinit", &[70]).conf("/tmp /tmp-inst/ user:noinit\n").setup(RECORDER),
        case("no script", &[70]).conf(BASIC).setup("rm /etc/security/namespace.init"),
        case("a script for an exempt user", &[69]).conf(BASIC).setup(RECORDER).calls([open("root"), Call::End]),
        case("iscript with a relative path", &[27]).conf("/tmp /tmp-inst/ user:iscript=mine\n").setup(&named("/etc/security/namespace.d/mine")),
        case("iscript with an absolute path", &[27]).conf("/tmp /tmp-inst/ user:iscript=/srv/mine\n").setup(&named("/srv/mine")),
        case("iscript without a path", &[27]).conf("/tmp /tmp-inst/ user:iscript=\n/var/tmp /v/ user:iscript\n").setup(RECORDER),
        case("iscript of a file that is not there", &[27]).conf("/tmp /tmp-inst/ user:iscript=none\n").setup(RECORDER),
        case("iscript and noinit", &[27]).conf("/tmp /tmp-inst/ user:iscript=/srv/mine:noinit\n").setup(&named("/srv/mine")),
        case("noinit and iscript", &[27]).conf("/tmp /tmp-inst/ user:noinit:iscript=/srv/mine\n").setup(&named("/srv/mine")),
        case("the stock script and an ordinary polydir", &[71]).conf(BASIC),
        case("the stock script fills a new home from /etc/skel", &[71]).conf("$HOME /home-inst/ user root\n")
            .setup("echo x > /etc/skel/.profile; mkdir -p /etc/skel/a/b; ln -s a /etc/skel/l; chmod 4711 /etc/skel/.profile"),
        case("the stock script and a home that is there", &[71]).conf("$HOME /home-inst/ user root\n")
            .setup("echo x > /etc/skel/.profile")
            .calls([open("alice"), sh("alice", "rm -f ~/.profile"), Call::Again, open("alice")]),
        case("the stock script and UMASK of login.defs", &[71]).conf("$HOME /home-inst/ user root\n").setup("echo 'UMASK 027' > /etc/login.defs"),
        case("the stock script and a login.defs without UMASK", &[71]).conf("$HOME /home-inst/ user root\n").setup("echo > /etc/login.defs"),
        case("the newest stock script fills a new home from /etc/skel", &[71]).conf("$HOME /home-inst/ user root\n")
            .setup("echo x > /etc/skel/.profile; mkdir -p /etc/skel/a/b; ln -s a /etc/skel/l").setup(&newest_script()),
        case("the newest stock script and an ordinary polydir", &[71]).conf(BASIC).setup(&newest_script()),
        case("a script for a tmpfs", &[72]).conf("/tmp none tmpfs\n").setup(RECORDER),
        case("a script for a tmpdir", &[57]).conf("/tmp /tmp-inst/chance- tmpdir\n").setup(RECORDER),
        case("a script for level without SELinux, gen_hash", &[68]).conf("/tmp /tmp-inst/ level root\n").args("gen_hash").setup(RECORDER),
        case("safe and unsafe paths", &[73])
            .conf("/tmp /tmp/tmp-inst/ user\n/var/tmp /vt/ user\n/home/alice/x /home/alice/y/ user\n/srv/a /srv/a.inst/ user\n")
            .setup("mkdir /home/alice/x; chown alice /home/alice/x; mkdir /srv/a").setup(RECORDER),
        case("a script in a polydir, which is not the one that is run", &[73]).conf("/srv/a /tmp-inst/ user:iscript=/srv/a/mine\n")
            .setup("mkdir /srv/a").setup(&named("/srv/a/mine")),
    ]
}

/// The host's is 1.5.2's.
fn newest_script() -> String {
    let text = std::fs::read_to_string(newest().join("root/etc/security/namespace.init")).unwrap();
    format!("cat > /etc/security/namespace.init <<'END'\n{text}END")
}

pub fn closing() -> Vec<Case> {
    let home = "/home/alice/x /tmp-inst/ user\n";
    let make = "mkdir /home/alice/x; chown alice: /home/alice/x";
    vec![
        case("close without an option", &[74]).conf(INSIDE),
        case("close with unmount_on_close", &[75]).conf(INSIDE).args("unmount_on_close"),
        case("close with unmount_on_close of nested polydirs", &[76])
            .conf("/var /v/ user\n/var/tmp /vt/ user\n").setup("mkdir -m 0 /v; mkdir -p /v/alice/tmp").args("unmount_on_close"),
        case("close with unmount_on_close of a shared line beside another", &[75])
            .conf("/tmp /tmp-inst/ level:shared\n/var/tmp /vt/ user\n").args("unmount_on_close"),
        case("close of the same polydir twice with unmount_on_close", &[75, 30])
            .conf("/tmp /a/ user\n/tmp /b/ user\n").args("unmount_on_close"),
        case("tmpdir and unmount_on_close", &[57, 75]).conf("/tmp /tmp-inst/chance- tmpdir\n").args("unmount_on_close")
            .calls([open("alice"), sh("alice", "mkdir -p /tmp/a/b; touch /tmp/a/b/c; ln -s /etc /tmp/link"), Call::Close, Call::End]),
        case("tmpdir and a file that stays open", &[57]).conf("/tmp /tmp-inst/chance- tmpdir\n")
            .calls([open("alice"), sh("alice", "mkdir /tmp/a; touch /tmp/a/c"), Call::Close, Call::End]),
        case("a private directory below a user's: close", &[77]).conf(home).setup(make),
        case("a private directory below a user's: a child ends its handle", &[77]).conf(home).setup(make)
            .calls([open("alice"), Call::EndInChild, Call::Close, Call::End]),
        case("a private directory below a user's: end without close", &[77]).conf(home).setup(make)
            .calls([open("alice"), Call::End]),
        case("a child ends its handle", &[77]).conf(BASIC).calls([open("alice"), Call::EndInChild, Call::Close, Call::End]),
        case("a child ends its handle, with unmount_on_close", &[77]).conf(BASIC).args("unmount_on_close")
            .calls([open("alice"), Call::EndInChild, Call::Close, Call::End]),
        case("a child ends its handle, tmpdir", &[77]).conf("/tmp /tmp-inst/chance- tmpdir\n")
            .calls([open("alice"), Call::EndInChild]),
        case("close as the user", &[78]).conf(BASIC).calls([open("alice"), Call::CloseAs("alice".into()), Call::End]),
        case("close as the user, with unmount_on_close", &[78]).conf(BASIC).args("unmount_on_close")
            .calls([open("alice"), Call::CloseAs("alice".into()), Call::End]),
        case("close as the user, tmpdir", &[78]).conf("/tmp /tmp-inst/chance- tmpdir\n")
            .calls([open("alice"), Call::CloseAs("alice".into()), Call::End]),
        case("open in a child, close in the parent", &[79]).conf(BASIC).calls([Call::OpenInChild("alice".into()), Call::Close, Call::End]),
        case("open in a child, close in the parent, with unmount_on_close", &[79]).conf(BASIC).args("unmount_on_close")
            .calls([Call::OpenInChild("alice".into()), Call::Close, Call::End]),
        case("close without open", &[81]).conf(BASIC).calls([Call::Ruser("bob".into()), Call::Close, Call::End]),
        case("close twice", &[79]).conf(BASIC).calls([open("alice"), Call::Close, Call::Close, Call::End]),
        case("close twice, with unmount_on_close", &[79]).conf(BASIC).args("unmount_on_close")
            .calls([open("alice"), Call::Close, Call::Close, Call::End]),
        case("open twice on one handle", &[80]).conf(BASIC).calls([open("alice"), open("alice"), Call::Close, Call::End]),
        case("open twice on one handle, with unmount_on_close", &[80]).conf(BASIC).args("unmount_on_close")
            .calls([open("alice"), open("alice"), Call::Close, Call::Close, Call::End]),
        case("alice and then bob on one handle", &[80]).conf(BASIC).calls([open("alice"), Call::Close, open("bob"), Call::Close, Call::End]),
        case("alice and then bob on one handle, parents inside", &[80]).conf(INSIDE)
            .calls([open("alice"), Call::Close, open("bob"), Call::Close, Call::End]),
        case("alice and then bob on one handle, with unmount_on_close", &[80]).conf(BASIC).args("unmount_on_close")
            .calls([open("alice"), Call::Close, open("bob"), Call::Close, Call::End]),
        case("alice, and then root, who is exempt, on one handle", &[80]).conf(BASIC)
            .calls([open("alice"), Call::Close, open("root"), Call::Close, Call::End]),
        case("close after a refused open", &[81]).conf("/tmp x user\n"),
        case("a second open after a refused one", &[81]).conf("/tmp x user\n").calls([
            open("alice"),
            Call::Write("/etc/security/namespace.conf".into(), BASIC.into()),
            open("alice"), Call::Close, Call::End,
        ]),
        case("end without close", &[74]).conf(BASIC).calls([open("alice"), Call::End]),
        case("instance and parent can be removed after close", &[1]).conf("/tmp /tmp-inst/ level root,adm\n").calls([
            open("alice"), Call::Close, Call::End,
            sh("root", "nsenter -t 1 -m rmdir /tmp-inst/alice /tmp-inst; nsenter -t 1 -m ls -d /tmp-inst"),
        ]),
    ]
}
