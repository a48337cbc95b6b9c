use super::*;

const FILE: &str = "namespace.conf";

/// What a text says, a line for each rule, fault and remark, in the order of the lines.
fn read(text: &[u8]) -> Vec<String> {
    let mut rules = Rules::default();
    rules.add(Path::new(FILE), text);
    let mut lines: Vec<(usize, String)> = Vec::new();
    for rule in &rules.rules {
        let Rule { polydir, backing, create, init, list, origin } = rule;
        let mut line = format!("{polydir} {backing:?} {list:?}");
        if let Some(create) = create {
            line += &format!(" {create:?}");
        }
        if *init != Init::Default {
            line += &format!(" {init:?}");
        }
        lines.push((origin.line, line));
    }
    for Fault { origin, message } in &rules.faults {
        lines.push((origin.line, format!("{origin}: {message}")));
    }
    for Remark { origin, message } in &rules.remarks {
        lines.push((origin.line, format!("{origin}: remark: {message}")));
    }
    lines.sort();
    lines.into_iter().map(|(_, line)| line).collect()
}

fn user(prefix: &str, list: &str) -> String {
    let flags = "flags: BindFlags { read_only: false, nosuid: false, nodev: false, noexec: false }";
    format!("/tmp Prefix {{ prefix: {prefix:?}, key: User, {flags} }} {list}")
}

fn shipped() -> String {
    user("/tmp-inst/", "AllBut([])")
}

#[test]
fn a_line_has_a_polydir_a_prefix_a_method_and_a_list() {
    assert_eq!(read(b"/tmp /tmp-inst/ user"), [shipped()]);
    let list = r#"AllBut([User("root"), User("adm")])"#;
    assert_eq!(read(b"/tmp /tmp-inst/ user root,adm\n"), [user("/tmp-inst/", list)]);
}

#[test]
fn comments_blanks_and_line_ends_are_passed_over() {
    for text in [
        &b"\t/tmp  \t/tmp-inst/ user"[..],
        b"# all\n\n   \n/tmp /tmp-inst/ user # rest",
        b"/tmp /tmp-inst/ user\r\n",
        b"/tmp /tmp-inst/ user\0 root",
        b"/tmp /tmp-inst/ user#root",
        b"/tmp /tmp-inst/ \"us#er\nx",
    ] {
        let lines = read(text);
        let want = match text {
            // A # cuts even in quotes, which leaves `us` here.
            [.., b'\n', b'x'] => "namespace.conf:1:17: \"us\" is not a method; the methods are \
                                  user, context, level, tmpdir and tmpfs"
                .to_owned(),
            _ => shipped(),
        };
        assert_eq!(lines.first(), Some(&want), "{}", crate::path::Shown(text));
    }
    // No continuation: a final backslash is itself.
    assert_eq!(read(b"/tmp /tmp-inst/ user \\\n"), [user("/tmp-inst/", r#"AllBut([User("\")])"#)]);
}

#[test]
fn a_fault_names_file_line_and_column_and_what_was_expected() {
    for (text, want) in [
        ("/tmp", "1:5: the instance prefix is missing; expected polydir, instance prefix, method"),
        ("\n/tmp /i/ ", "2:9: the method is missing; expected polydir, instance prefix, method"),
        (
            "/tmp /i/ uesr",
            "1:10: \"uesr\" is not a method; the methods are user, context, level, tmpdir and tmpfs",
        ),
        (
            "/tmp /i/ User",
            "1:10: \"User\" is not a method; the methods are user, context, level, tmpdir and tmpfs",
        ),
        (
            "/tmp /i/ \"\"",
            "1:10: \"\" is not a method; the methods are user, context, level, tmpdir and tmpfs",
        ),
        (
            "/tmp /i/ :",
            "1:11: \"\" is not a method; the methods are user, context, level, tmpdir and tmpfs",
        ),
        (
            "/tmp /i/ level=root",
            "1:10: \"level=root\" is not a method; the methods are user, context, level, tmpdir and tmpfs",
        ),
        ("tmp /i/ user", "1:1: polydir \"tmp\" must start with /"),
        ("/ /i/ user", "1:1: polydir \"/\" is not a directory below /"),
        ("/a/../b /i/ user", "1:1: polydir \"/a/../b\" must not contain .."),
        ("/tmp i/ user", "1:6: instance prefix \"i/\" must start with /"),
        ("/tmp /a..b/ user", "1:6: instance prefix \"/a..b/\" must not contain .."),
        ("/tmp .. tmpfs", "1:6: instance prefix \"..\" must not contain .."),
        (
            "/tmp /i/%{UDI} user",
            "1:9: \"%{UDI}\" is not a variable; the variables are %{UID}, %{USER}, %{GID} and %{HOME}",
        ),
        (
            "/tmp /i/%{UID user",
            "1:9: \"%{UID\" is not a variable; the variables are %{UID}, %{USER}, %{GID} and %{HOME}",
        ),
        (
            "/tmp /i/%{GID} user",
            "1:6: a template needs %{UID} or %{USER}, or users would share a box",
        ),
        (
            "/tmp /i/%{UID} tmpfs",
            "1:6: a %{UID} template cannot have the method tmpfs; expected user, context or level",
        ),
        ("/tmp /i/ user root,:", "1:20: \":\" is no range of uids; expected min:max, min: or :max"),
        ("/tmp /i/ user 9:1", "1:15: \"9:1\" starts above its end"),
        (
            "/tmp /i/%{UID} level=root ~bob",
            "1:22: exempt users in the method field do not go with ~",
        ),
    ] {
        assert_eq!(read(text.as_bytes()), [format!("{FILE}:{want}")], "{text}");
    }
}

#[test]
fn a_bad_line_does_not_hide_the_others() {
    assert_eq!(read(b"/tmp /i/ uesr\n/tmp /tmp-inst/ user\nx").len(), 3);
}

#[test]
fn flags_count_by_how_they_start_and_unknown_ones_are_remarked_on() {
    for (method, want) in [
        ("user:noinitxyz", "Prefix|AllBut([]) None"),
        ("user::noinit", "Prefix|AllBut([]) None"),
        (":user", "Prefix|AllBut([])"),
        ("user:iscript=x.sh", "Prefix|AllBut([]) Script(\"x.sh\")"),
        ("user:iscript=x:noinit", "Prefix|AllBut([]) None"),
        ("user:noinit:iscript=x", "Prefix|AllBut([]) None"),
    ] {
        let line = read(format!("/tmp /i/ {method}").as_bytes());
        let (kind, rest) = want.split_once('|').unwrap_or_default();
        let line = line.first().cloned().unwrap_or_default();
        assert!(line.contains(kind) && line.ends_with(rest), "{method}: {line}");
    }
    for (method, remark) in [
        (
            "user:nosuch",
            "1:15: remark: \"nosuch\" is not a flag and ignored; the flags are create, flat, iscript, mntopts, noinit and shared",
        ),
        ("user:iscript=", "1:15: remark: names no script; the default one is run"),
        (
            "user:shared",
            "1:15: remark: shared means something only with the methods context and level",
        ),
        ("user:flat", "1:15: remark: flat means something only in a %{UID} template"),
        (
            "user:mntopts=size=1m",
            "1:23: remark: \"size=1m\" is ignored; a bind mount takes nodev, noexec, nosuid and ro",
        ),
        (
            "user:create=755",
            "1:22: remark: \"755\" is not an octal number with a leading 0; it is read as 01363",
        ),
        ("user:create=-1", "1:22: remark: \"-1\" is no mode; 0777 less the umask counts"),
    ] {
        let lines = read(format!("/tmp /i/ {method}").as_bytes());
        assert_eq!(lines.get(1), Some(&format!("{FILE}:{remark}")), "{method}");
    }
}

#[test]
fn create_takes_a_mode_as_strtoul_does_and_names() {
    for (value, mode) in [
        ("0755", Some(0o755)),
        ("755", Some(755)),
        ("0x1ff", Some(0x1ff)),
        ("abc", Some(0)),
        ("0755junk", Some(0o755)),
        ("08", Some(0)),
        ("-1", None),
        ("-2", Some(u32::MAX - 1)),
        ("99999999999999999999", None),
    ] {
        assert_eq!(strtoul(value.as_bytes()), mode, "{value}");
    }
    let line = read(b"/tmp /i/ user:create=0750,bob,web");
    assert!(
        line.concat()
            .ends_with(r#"Create { mode: Some(488), owner: Some("bob"), group: Some("web") }"#)
    );
    let line = read(b"/tmp /i/ user:create=,bob,web,more");
    assert!(
        line.concat()
            .ends_with(r#"Create { mode: None, owner: Some("bob"), group: Some("web,more") }"#)
    );
    let line = read(b"/tmp /i/ user:create=,,web");
    assert!(line.concat().ends_with(r#"Create { mode: None, owner: None, group: Some("web") }"#));
}

#[test]
fn mntopts_are_flags_of_a_bind_mount_and_text_for_a_tmpfs() {
    let line = read(b"/tmp /i/ user:mntopts=nodev,ro,,noexec").concat();
    assert!(line.contains("read_only: true, nosuid: false, nodev: true, noexec: true"), "{line}");
    let mut rules = Rules::default();
    rules.add(Path::new(FILE), b"/tmp t tmpfs:mntopts=size=10%,nodev,,mode=0700,nosuid");
    let Some(Rule { backing: Backing::Tmpfs { options, .. }, .. }) = rules.rules.first() else {
        return assert_eq!(rules.faults, []);
    };
    assert_eq!(options.data.as_c_str(), c"size=10%,mode=0700");
    assert!(options.flags.nodev && options.flags.nosuid && !options.flags.noexec);
}

#[test]
fn a_template_s_method_field_may_hold_its_exempt_users() {
    let usual = read(b"/tmp /t/%{UID} level root,1:999");
    for text in [
        "/tmp /t/%{UID} level:level,root,1:999",
        "/tmp /t/%{UID} level=root,1:999",
        "/tmp /t/%{UID} level=root 1:999",
    ] {
        let lines = read(text.as_bytes());
        assert_eq!(lines.len(), 1, "{text}");
        let entries = |line: &str| {
            ["User(\"root\")", "Uids(\"1:999\", 1..=999)"].map(|entry| line.contains(entry))
        };
        assert_eq!(lines.first().map(|l| entries(l)), Some([true, true]), "{text}");
    }
    assert!(usual.concat().starts_with("/tmp Template { template: \"/t/%{UID}\", key: Level"));
}

#[test]
fn a_fifth_field_and_an_empty_name_are_remarked_on() {
    for (text, want) in [
        ("/tmp /i/ user root, adm", "1:21: remark: \"adm\" is a fifth field and ignored"),
        ("/tmp /i/ user ~", "1:15: remark: names nobody, so nobody is polyinstantiated"),
        ("/tmp /i/ user root,", "1:15: remark: holds an empty name, which matches nobody"),
    ] {
        assert!(read(text.as_bytes()).contains(&format!("{FILE}:{want}")), "{text}");
    }
}
