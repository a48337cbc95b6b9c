//! Items 1 to 34: the files, their grammar, their methods and flags.

use rtmp_tests::application::Call;

use crate::case::{Case, case, open};

/// A user who can log in and whose home is elsewhere.
fn user(line: &str) -> String {
    format!("echo '{line}' >> /etc/passwd")
}

const BASIC: &str = "/tmp /tmp-inst/ user root\n";

pub fn cases() -> Vec<Case> {
    let mut all = files();
    all.extend(grammar());
    all.extend(paths());
    all.extend(methods());
    all.extend(create());
    all.extend(lists());
    all
}

fn files() -> Vec<Case> {
    let dropin = |name: &str| {
        format!(
            "mkdir -p /srv/a; echo '/srv/a /srv/{name}.inst/ user' > /etc/security/namespace.d/{name}"
        )
    };
    vec![
        case("a private /tmp for alice", &[1]).conf(BASIC),
        case("an instance parent inside its polydir", &[2])
            .conf("/tmp /tmp-inst/ user root\n/var/tmp /var/tmp/tmp-inst/ user root\n"),
        case("the lines that security benchmarks look for", &[3]).conf(
            "/tmp     /tmp/tmp-inst/            level      root,adm\n/var/tmp /var/tmp/tmp-inst/    level      root,adm\n",
        ),
        case("the lines of the example that Linux-PAM ships", &[4]).conf(
            "/tmp     /tmp-inst/               level      root,adm\n/var/tmp /var/tmp/tmp-inst/       level      root,adm\n$HOME    $HOME/$USER.inst/        level\n",
        ),
        case("comments, whole lines, at the end and in quotes", &[5]).conf(
            "# all\n  # of it\n/tmp /tmp-inst/ user root # the rest\n/var/tmp \"/var/tmp/in#st/\" user\n",
        ),
        case("a comment right after the method", &[5]).conf("/tmp /tmp-inst/ user#root\n"),
        case("blank lines, tabs and indentation", &[6])
            .conf("\n   \n\t\n\x0b\x0c\n\t /tmp\t \t/tmp-inst/  user\t root \t\n"),
        case("no newline at the end", &[7]).conf("/tmp /tmp-inst/ user root"),
        case("lines that end with carriage return and newline", &[8])
            .conf("/tmp /tmp-inst/ user root\r\n\r\n/var/tmp /var/tmp/tmp-inst/ user\r\n"),
        case("drop-in files in the order of their names' bytes", &[31])
            .conf("/srv/a /srv/main.inst/ user\n")
            .setup(&dropin("9.conf"))
            .setup(&dropin("10.conf"))
            .setup(&dropin("Z.conf"))
            .setup(&dropin("_.conf"))
            .setup(&dropin("a.conf"))
            .setup(&dropin(".hidden.conf"))
            .setup(&dropin("other.cnf"))
            .setup("mkdir /etc/security/namespace.d/directory.conf"),
        case("a drop-in file that is a dangling link", &[31])
            .conf(BASIC)
            .setup("ln -s /nowhere /etc/security/namespace.d/x.conf"),
        case("a namespace.d that cannot be read", &[31])
            .conf(BASIC)
            .setup("rmdir /etc/security/namespace.d; ln -s loop /etc/security/namespace.d; ln -s loop /etc/security/loop"),
        case("no namespace.d", &[31]).conf(BASIC).setup("rmdir /etc/security/namespace.d"),
        case("no configuration file", &[33]),
        case("no configuration file, and drop-ins", &[33]).setup(&dropin("x.conf")),
        case("an empty configuration file", &[33]).conf(""),
        case("a bad line among good ones", &[34]).conf(&format!("{BASIC}/var/tmp inst user\n")),
        case("a bad line that is passed over", &[34])
            .conf(&format!("/var/tmp inst user\n{BASIC}"))
            .args("ignore_config_error"),
        case("no configuration file, with ignore_config_error", &[34]).args("ignore_config_error"),
        case("a file with nothing but bad lines that are passed over", &[34])
            .conf("/tmp\tinst user\n/tmp x\n")
            .args("ignore_config_error"),
        case("files are read again at every open", &[1]).conf(BASIC).calls([
            open("alice"),
            Call::Close,
            Call::Write("/etc/security/namespace.conf".into(), b"/var/tmp /vt/ user\n".into()),
            open("alice"),
            Call::End,
        ]),
    ]
}

fn grammar() -> Vec<Case> {
    let lines = |text: &str| format!("{text}\n");
    vec![
        case("quotes in the middle of a word", &[9])
            .conf(&lines("/t\"m\"p /tmp-inst/ us\"er\" root")),
        case("a blank and a backslash in quotes", &[9])
            .conf(&lines("\"/srv/a b\" \"/srv/in\\st/\" user"))
            .setup("mkdir '/srv/a b'"),
        case("escapes: blank, backslash, a letter", &[10])
            .conf(&lines("/srv/a\\ b /srv/i\\\\n\\x/ user"))
            .setup("mkdir '/srv/a b'"),
        case("escapes: tab, newline and backspace", &[10])
            .conf(&lines("/tmp /srv/a\\tb\\nc\\bd- user"))
            .setup(""),
        case("a backslash at the end of a line", &[10]).conf(&lines("/tmp /tmp-inst/ user root\\")),
        case("a backslash does not continue a line", &[10]).conf("/tmp /tmp-inst/ \\\nuser root\n"),
        case("a quote that is not closed", &[11]).conf(&lines("/tmp /tmp-inst/ \"user")),
        case("a quote that is not closed swallows the list", &[11])
            .conf(&lines("/tmp /tmp-inst/ \"user root")),
        case("a line with one field", &[12]).conf(&lines("/tmp")),
        case("a line with two fields", &[12]).conf(&lines("/tmp /tmp-inst/")),
        case("a line that is an empty word", &[12]).conf(&lines("\"\"")),
        case("an empty polydir", &[12]).conf(&lines("\"\" /tmp-inst/ user")),
        case("an empty instance prefix", &[12]).conf(&lines("/tmp \"\" user")),
        case("five and more fields", &[13])
            .conf(&lines("/tmp /tmp-inst/ user root bob more words")),
        case("a line of 10,000 bytes", &[14])
            .conf(&lines(&format!("/tmp /tmp-inst/ user {}root", "nobody,".repeat(1430)))),
        case("a comment of 10,000 bytes", &[14])
            .conf(&format!("# {}\n{BASIC}", "x".repeat(10_000))),
        case("$USER and $HOME with letters behind them", &[15])
            .conf(&lines("$HOMEstead /inst-$USERX/ user"))
            .setup("mkdir /home/alicestead"),
        case("$USER after a backslash, and braces", &[15])
            .conf(&lines("/srv/${USER} /srv/\\$USER/ user"))
            .setup("mkdir '/srv/${USER}'"),
        case("a variable that nobody knows", &[15])
            .conf(&lines("/srv/$FOO /srv/$FOO.inst/ user"))
            .setup("mkdir '/srv/$FOO'"),
        case("$USER in the instance prefix", &[16]).conf(&lines("/tmp /srv/$USER/ user")),
        case("$USER in the prefix, with gen_hash", &[16, 37])
            .conf(&lines("/tmp /srv/$USER- user"))
            .args("gen_hash")
            .setup("chmod 0 /srv"),
        case("a private home", &[17]).conf(&lines("$HOME /home-inst/ user root")),
        case("instances in the home they replace", &[17])
            .conf(&lines("$HOME $HOME/$USER.inst/ user root")),
        case("a user without a home", &[17])
            .conf(&lines("$HOME /home-inst/ user"))
            .setup(&user("dora:x:1005:1005:::/bin/sh"))
            .calls([open("dora"), Call::Close, Call::End]),
        case("a home that is /", &[17])
            .conf(&lines("$HOME /home-inst/ user"))
            .setup(&user("dora:x:1005:1005::/:/bin/sh"))
            .calls([open("dora"), Call::Close, Call::End]),
        case("a home with a slash at its end", &[17, 21])
            .conf(&lines("$HOME/x /home-inst/ user"))
            .setup(&user("dora:x:1005:1005::/home/alice/:/bin/sh"))
            .setup("mkdir /home/alice/x")
            .calls([open("dora"), Call::Close, Call::End]),
    ]
}

fn paths() -> Vec<Case> {
    let one = |name, items, line: &str| case(name, items).conf(&format!("{line}\n"));
    vec![
        one("a relative polydir", &[18], "tmp /tmp-inst/ user"),
        one("a relative prefix", &[18], "/tmp tmp-inst/ user"),
        one("a tmpfs with a relative prefix", &[18, 56], "/tmp none tmpfs"),
        one("a tmpfs with a relative polydir", &[18], "tmp none tmpfs"),
        one("dots in the polydir", &[19], "/var/../tmp /tmp-inst/ user"),
        one("dots inside a name of the polydir", &[19], "/srv/a..b /tmp-inst/ user")
            .setup("mkdir /srv/a..b"),
        one("dots in the prefix", &[19], "/tmp /srv/../tmp-inst/ user"),
        one("dots in the prefix of a tmpfs", &[19], "/tmp ..none tmpfs"),
        one("a slash at the polydir's end", &[20], "/tmp/ /tmp-inst/ user").setup(RECORDER),
        one("slashes at the polydir's end", &[20], "/tmp/// /tmp-inst/ user").setup(RECORDER),
        one("a dot as a component", &[20], "/./tmp /srv/./tmp-inst/ user"),
        one("two slashes inside the polydir", &[21], "/var//tmp /tmp-inst/ user"),
        one("two slashes at the polydir's start", &[21], "//tmp /tmp-inst/ user"),
        one("two slashes inside the prefix", &[21], "/tmp /srv//tmp-inst/ user"),
        one("two slashes at the prefix's end", &[21], "/tmp /tmp-inst// user"),
        one("a prefix without a slash at its end", &[22], "/tmp /tmp-inst/pfx- user")
            .setup("mkdir -m 0 /tmp-inst"),
        one("a prefix whose parent is /", &[22], "/tmp /tmp-inst user"),
        one("the polydir /", &[20], "/ /tmp-inst/ user"),
        one("a polydir of 4096 bytes", &[14], &format!("/{} /tmp-inst/ user", "x/".repeat(2048))),
        one(
            "a name that is too long for a directory",
            &[14],
            &format!("/{} /tmp-inst/ user", "x".repeat(300)),
        ),
    ]
}

fn methods() -> Vec<Case> {
    let one = |name, items, line: &str| case(name, items).conf(&format!("{line}\n"));
    vec![
        one("an unknown method", &[23], "/tmp /tmp-inst/ users"),
        one("a method in capitals", &[23], "/tmp /tmp-inst/ User"),
        one("an empty method", &[23], "/tmp /tmp-inst/ \"\""),
        one("a method that is a colon", &[23], "/tmp /tmp-inst/ :"),
        one("colons before and within the method", &[23], "/tmp /tmp-inst/ ::user::noinit:"),
        one(
            "flags that start like flags",
            &[24],
            "/srv/new /tmp-inst/ user:createfoo:noinitxyz:sharedness",
        ),
        one("unknown flags", &[24], "/tmp /tmp-inst/ user:foo:Create:mntopt=ro"),
        one("the method tmpdir", &[57], "/tmp /tmp-inst/chance- tmpdir"),
        one("the method tmpdir with a list", &[57], "/tmp /tmp-inst/chance- tmpdir root"),
        one("the method tmpfs", &[56], "/tmp tmpfs tmpfs"),
        one("a tmpfs over a user's directory", &[56], "/home/bob tmpfs tmpfs"),
        one("a tmpfs over the user's home, and the stock script", &[56, 71], "$HOME tmpfs tmpfs")
            .setup("echo x > /etc/skel/.profile"),
        one(
            "a skipped shared line whose polydir is missing",
            &[41],
            "/srv/no /tmp-inst/ level:shared\n/var/tmp /vt/ user",
        ),
        one(
            "a skipped shared line and create",
            &[41],
            "/srv/new /tmp-inst/ level:shared:create\n/var/tmp /vt/ user",
        ),
        one(
            "mntopts: a size and a mode",
            &[28],
            "/tmp tmpfs tmpfs:mntopts=size=1m,mode=0700,uid=1001",
        ),
        one(
            "mntopts: nosuid, noexec and nodev",
            &[28],
            "/tmp tmpfs tmpfs:mntopts=nosuid,noexec,nodev",
        ),
        one("mntopts: ro", &[28], "/tmp tmpfs tmpfs:mntopts=ro"),
        one("mntopts: noatime", &[28], "/tmp tmpfs tmpfs:mntopts=noatime"),
        one("mntopts: what no file system knows", &[28], "/tmp tmpfs tmpfs:mntopts=bogus=1"),
        one("mntopts: nothing", &[28], "/tmp tmpfs tmpfs:mntopts="),
        one("mntopts: empty items", &[28], "/tmp tmpfs tmpfs:mntopts=,nosuid,,size=1m,"),
        one("mntopts: without a value", &[28], "/tmp tmpfs tmpfs:mntopts"),
        one(
            "mntopts: twice, the last counts",
            &[28],
            "/tmp tmpfs tmpfs:mntopts=size=1m:mntopts=nosuid",
        ),
        one("mntopts: a variable stays as it is", &[28], "/tmp tmpfs tmpfs:mntopts=uid=$USER"),
        one("the same polydir twice", &[30], "/tmp /a/ user\n/tmp /b/ user"),
        one("a polydir in a polydir", &[30], "/var /v/ user\n/var/tmp /vt/ user"),
        one("a polydir in a private one, inner first", &[30], "/var/tmp /vt/ user\n/var /v/ user"),
        one(
            "context and level without SELinux",
            &[41],
            "/tmp /tmp-inst/ level\n/var/tmp /vt/ context",
        ),
        one(
            "shared without SELinux",
            &[41],
            "/tmp /tmp-inst/ level:shared\n/var/tmp /vt/ context:shared",
        ),
        one(
            "shared without SELinux beside a line that works",
            &[41],
            "/tmp /tmp-inst/ level:shared\n/var/tmp /vt/ user:shared",
        ),
    ]
}

fn create() -> Vec<Case> {
    let one =
        |name, flag: &str| case(name, &[25]).conf(&format!("/srv/new /tmp-inst/ user:{flag}\n"));
    vec![
        one("create", "create"),
        one("create with an octal mode", "create=0750"),
        one("create with a sticky mode", "create=01777"),
        one("create with a decimal mode", "create=755"),
        one("create with a hexadecimal mode", "create=0x1ff"),
        one("create with letters for a mode", "create=abc"),
        one("create with letters after the mode", "create=0711x"),
        one("create with a mode that is too large", "create=077777777777777777777777777"),
        one("create with an empty mode", "create="),
        one("create with a negative mode", "create=-1"),
        one("create with an owner", "create=0700,bob"),
        one("create with an owner and no mode", "create=,bob"),
        one("create with a group", "create=0700,,students"),
        one("create with an owner and a group", "create=0700,bob,students"),
        one("create with an unknown owner", "create=0700,mallory"),
        one("create with an unknown group", "create=0700,bob,nogroupatall"),
        one("create with a number for an owner", "create=0700,1002"),
        one("create with more after the group", "create=0700,bob,students,more"),
        one("create twice, the last counts", "create=0700:create=0711,bob"),
        one("create twice, the first with an unknown owner", "create=0700,mallory:create"),
        case("create with a bad owner that is passed over", &[25, 34])
            .conf("/srv/new /tmp-inst/ user:create=0700,mallory\n/tmp /t/ user\n")
            .args("ignore_config_error"),
        case("create of a directory that is there", &[26])
            .conf("/srv/old /tmp-inst/ user:create=0700,bob\n")
            .setup("mkdir -m 0711 /srv/old"),
        case("create below a directory that is missing", &[26])
            .conf("/srv/no/new /tmp-inst/ user:create\n"),
        case("create without a mode under another umask", &[26])
            .conf("/srv/new /tmp-inst/ user:create\n")
            .calls([Call::Umask(0o027), open("alice"), Call::Close, Call::End]),
        case("create with a mode under another umask", &[26])
            .conf("/srv/new /tmp-inst/ user:create=0777\n")
            .calls([Call::Umask(0o077), open("alice"), Call::Close, Call::End]),
        case("create for an exempt user", &[26]).conf("/srv/new /tmp-inst/ user:create alice\n"),
        case("create for a tmpfs", &[26]).conf("/srv/new /tmp-inst/ tmpfs:create=0700\n"),
        case("create in the user's home", &[26]).conf("$HOME/new /tmp-inst/ user:create=0700\n"),
        case("a missing polydir, without create", &[55]).conf("/srv/new /tmp-inst/ user\n"),
    ]
}

fn lists() -> Vec<Case> {
    let one = |name, list: &str| {
        case(name, &[29]).conf(&format!("/tmp /tmp-inst/ user {list}\n")).calls([
            open("alice"),
            Call::Again,
            open("bob"),
            Call::Again,
            open("root"),
        ])
    };
    vec![
        one("a list of exempt users", "root,bob"),
        one("no list: root is private, too", ""),
        one("a list of the only private users", "~alice,bob"),
        one("a tilde alone", "~"),
        one("a tilde before an unknown name", "~mallory"),
        one("a tilde in the middle", "root,~alice"),
        one("an unknown name", "mallory,root"),
        one("a number in a list", "1001,root"),
        one("a blank after the comma", "root, alice"),
        one("empty names", ",root,,"),
        one("a quoted list", "\"root,alice\""),
        one("a name in capitals", "ALICE,root"),
        one("a second name of the same user", "sister,root")
            .setup(&user("sister:x:1001:1001::/home/alice:/bin/sh")),
        one("a second name of the same user after a tilde", "~sister")
            .setup(&user("sister:x:1001:1001::/home/alice:/bin/sh")),
        one("a second name of root's", "toor").setup(&user("toor:x:0:0::/root:/bin/sh")),
        one("root under another name", "root").setup(&user("toor:x:0:0::/root:/bin/sh")).calls([
            open("toor"),
            Call::Close,
            Call::End,
        ]),
    ]
}

/// A `namespace.init` that writes down how it was called.
pub const RECORDER: &str = r#"
mkdir -p /srv/record
cat > /etc/security/namespace.init <<'END'
#!/bin/sh
{
    printf '%s arguments:' $#; printf ' [%s]' "$@"; echo
    printf 'environment: '; tr '\0' ' ' < /proc/$$/environ; echo
    printf 'in %s, umask %s\n' "$(readlink /proc/$$/cwd)" "$(umask)"
    for fd in /proc/$$/fd/*; do
        case $(readlink "$fd") in *record*|*namespace.init|'') ;; *) echo "has ${fd##*/}: $(readlink "$fd" | sed 's/\[.*//')";; esac
    done
    printf '%s is %s\n' "$1" "$(stat -c '%a %u:%g' "$1")"
} >> /srv/record/init 2>&1
END
chmod 755 /etc/security/namespace.init
"#;
