use std::path::Path;

use rtmp_core::conf::{Origin, Rules, Word};

use super::*;

fn rule(text: &[u8]) -> Option<Rule<'_>> {
    let mut rules = Rules::default();
    rules.add(Path::new("c"), text);
    rules.rules.into_iter().next()
}

/// A rule without its place: the same meaning is equal.
fn meaning<'t>(rule: &Rule<'t>) -> Rule<'t> {
    let bare = |word: &Word<'t>| Word::new(word.as_bytes().to_vec(), 1);
    let entry = |entry: &Entry<'t>| match entry {
        Entry::User(word) => Entry::User(bare(word)),
        Entry::Group(word) => Entry::Group(bare(word)),
        Entry::Uids(word, range) => Entry::Uids(bare(word), range.clone()),
    };
    let mut rule = rule.clone();
    rule.origin = Origin { file: Path::new("c"), line: 1, column: 1 };
    rule.polydir = bare(&rule.polydir);
    match &mut rule.backing {
        Backing::Prefix { prefix, .. }
        | Backing::Tmpdir { prefix, .. }
        | Backing::Tmpfs { prefix, .. } => *prefix = bare(prefix),
        Backing::Template { template, .. } => *template = bare(template),
    }
    if let Some(create) = &mut rule.create {
        create.owner = create.owner.as_ref().map(bare);
        create.group = create.group.as_ref().map(bare);
    }
    if let Init::Script(word) = &mut rule.init {
        *word = bare(word);
    }
    rule.list = match &rule.list {
        List::AllBut(entries) => List::AllBut(entries.iter().map(entry).collect()),
        List::Only(entries) => List::Only(entries.iter().map(entry).collect()),
    };
    rule
}

fn normal(text: &[u8]) -> Vec<u8> {
    let rule = rule(text).unwrap_or_else(|| unreachable!("{} is no rule", Shown(text)));
    Line::of(&rule).map(|line| line.text()).unwrap_or_else(|why| why.to_string().into_bytes())
}

#[test]
fn a_rule_has_one_spelling() {
    for (given, want) in [
        ("  /tmp\t/tmp-inst/   user  ", "/tmp /tmp-inst/ user"),
        ("/tmp /t/%{UID} level:level,root", "/tmp /t/%{UID} level root"),
        ("/tmp /t/%{UID} level=root,root", "/tmp /t/%{UID} level root,root"),
        ("/tmp /t/%{UID} level=root adm", "/tmp /t/%{UID} level adm,root"),
        ("/tmp /i/ us\"er\" ~bob,@web,1:9", "/tmp /i/ user ~bob,@web,1:9"),
        ("/tmp /i/ :level::noinitxyz:shared", "/tmp /i/ level:noinit:shared"),
        ("/tmp /i/ user:createfoo", "/tmp /i/ user:create"),
        ("/tmp /i/ user:create=0755,bob", "/tmp /i/ user:create=0755,bob"),
        ("/tmp /i/ user:create=755", "/tmp /i/ user:create=01363"),
        ("/tmp /i/ user:create=,,web", "/tmp /i/ user:create=,,web"),
        ("/tmp /i/ user:create=0", "/tmp /i/ user:create=0000"),
        ("/tmp /i/%{UID} user:flat:iscript=x", "/tmp /i/%{UID} user:iscript=x:flat"),
        ("/tmp /i/ user:mntopts=noexec,ro", "/tmp /i/ user:mntopts=ro,noexec"),
        ("/tmp t tmpfs:mntopts=size=1m,,nodev", "/tmp t tmpfs:mntopts=nodev,size=1m"),
        ("/tmp /i/ tmpdir:bogus root fifth", "/tmp /i/ tmpdir root"),
        ("/tmp /i/ user \"\"", "/tmp /i/ user \"\""),
        ("/a\\ b /i/ user", "\"/a b\" /i/ user"),
        ("\"/a\\b\" /i/ user", "\"/a\\b\" /i/ user"),
        ("/a\\\"b\\ c /i/ user", "/a\\\"b\\ c /i/ user"),
        ("/a\\nb\\tc\\bd /i/ user", "/a\\nb\\tc\\bd /i/ user"),
    ] {
        assert_eq!(
            Shown(&normal(given.as_bytes())).to_string(),
            Shown(want.as_bytes()).to_string()
        );
    }
}

/// Every combination of these, by way of the file's own grammar, means what its normal form means.
#[test]
fn the_normal_form_of_every_line_means_the_same() {
    let polydirs: [&[u8]; 8] = [
        b"/tmp",
        b"$HOME",
        b"/a\\ b\"c d\"",
        b"/\\\"",
        b"/x\\ny\\tz\\b",
        b"/\xff",
        b"/\\\r",
        b"/e\\",
    ];
    let prefixes: [&[u8]; 5] =
        [b"/i/", b"/t/%{UID}", b"$HOME/$USER.inst/", b"\"/o o/p\"", b"/q\\\\"];
    let methods: [&[u8]; 18] = [
        b"user",
        b"level:shared",
        b"context:noinit",
        b"tmpdir",
        b"tmpfs",
        b"tmpfs:mntopts=size=5%,mode=0700,nosuid,ro",
        b"user:mntopts=nodev,nosuid,noexec,ro",
        b"level:level,root,5:9",
        b"level=root,@adm",
        b"user:create",
        b"user:create=0",
        b"user:create=-1",
        b"user:create=0700,a\\ b,\"c d\"",
        b"user:create=,,g",
        b"user:create=99999999999999999999,o",
        b"user:iscript=\"a b\"",
        b"user:flat:create=0755:noinit",
        b"\"user:iscript=x y\":mntopts=ro",
    ];
    let lists: [&[u8]; 9] = [
        b"",
        b"root",
        b"~bob",
        b"~",
        b"\"\"",
        b"root,~x",
        b"~@g,1:,:9",
        b"DOM\\\\bob,\"a b\"",
        b"a\\\"b",
    ];
    let mut seen = 0;
    for polydir in polydirs {
        for prefix in prefixes {
            for method in methods {
                for list in lists {
                    let text = [polydir, prefix, method, list].join(&b' ');
                    let Some(given) = rule(&text) else { continue };
                    let line = Line::of(&given).map(|line| line.text()).unwrap_or_default();
                    let again = rule(&line).map(|rule| meaning(&rule));
                    assert_eq!(
                        again,
                        Some(meaning(&given)),
                        "{} -> {}",
                        Shown(&text),
                        Shown(&line)
                    );
                    let once_more = again.as_ref().and_then(|rule| Line::of(rule).ok());
                    assert_eq!(once_more.map(|line| line.text()), Some(line), "{}", Shown(&text));
                    seen += 1;
                }
            }
        }
    }
    assert!(seen > 3000, "{seen}");
}

/// The tokenizer against the quoter, over words of every two bytes and their neighbours.
#[test]
fn every_word_is_read_back_as_it_was_or_said_to_be_inexpressible() {
    for a in 0..=255 {
        for b in 0..=255 {
            for word in [vec![b'/', a, b], vec![b'/', b'"', a, b, b'x'], vec![b'/', b' ', a, b]] {
                let written = quoted(&word);
                if word.iter().any(|b| matches!(b, b'#' | 0)) {
                    assert_eq!(written, Err(Inexpressible(word)));
                    continue;
                }
                let line = [written.unwrap_or_default().as_slice(), b" /i/ user"].concat();
                let read = rule(&line).map(|rule| rule.polydir.as_bytes().to_vec());
                let is_path = rtmp_core::conf::polydir_path(&word).is_ok();
                assert!(read == Some(word) || !is_path, "{}", Shown(&line));
            }
        }
    }
}

#[test]
fn a_word_with_a_comment_sign_is_refused_in_words() {
    let why = quoted(b"a#\nb").map_err(|why| why.to_string());
    let want = "\"a#\\nb\" cannot be written in namespace.conf: nothing stands for # and NUL";
    assert_eq!(why, Err(want.to_owned()));
}
