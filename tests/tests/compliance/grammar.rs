//! Random lines of the grammar: both refuse them, or both make the same mounts and directories.

use std::collections::BTreeMap;

use rtmp_tests::application::Call;
use rtmp_tests::twin::{Facet, Observed, Scene, Sight, Twin};

/// Small, and the same on every machine: splitmix64.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end).unwrap()).unwrap()
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.below(all.len())]
    }

    /// One of the words that mean something in every login, or now and then one that does not.
    fn mostly<'a>(&mut self, good: &[&'a str], odd: &[&'a str]) -> &'a str {
        if self.one_in(5) { self.of(odd) } else { self.of(good) }
    }
}

const POLYDIRS: [&str; 9] = [
    "/g/tmp",
    "/g/home",
    "/g/set",
    "/g/tmp/",
    "/g/$USER",
    "$HOME",
    "$HOME/x",
    "/g/a..b-$USERX",
    "/g/link",
];
const ODD_POLYDIRS: [&str; 12] = [
    "/g/missing",
    "/g/new",
    "/g/no/new",
    "/g/file",
    "g/tmp",
    "/g/../g/tmp",
    "/g/a..b",
    "",
    "/g/$FOO",
    "$USER",
    "/g/${USER}",
    "/g/dangling",
];
const PREFIXES: [&str; 9] = [
    "/g/i/",
    "/g/auto/",
    "/g/i/p-",
    "/g/i/$USER-",
    "/g/$USER.i/",
    "/g/tmp/in/",
    "/g/i-link/",
    "$HOME/in/",
    "/g/i/$USERX-",
];
const ODD_PREFIXES: [&str; 10] = [
    "/g/open/",
    "/g/no/x/",
    "g/i/",
    "/g/../i/",
    "none",
    "/g/bobs/",
    "",
    "/g/file/",
    "/g/i..",
    "/g/dangling/",
];
const METHODS: [&str; 6] = ["user", "user", "context", "level", "tmpfs", ":user"];
const ODD_METHODS: [&str; 7] = ["users", "USER", "use", "", ":", "tmpfs2", "user,level"];
const FLAGS: [&str; 9] = [
    "noinit",
    "create",
    "create=0750",
    "create=0700,bob",
    "create=0711,bob,students",
    "create=,bob",
    "iscript=mine",
    "shared",
    "create=0x1ff",
];
const ODD_FLAGS: [&str; 14] = [
    "noinitx",
    "Create",
    "foo",
    "",
    "create=abc",
    "create=",
    "create=0700,mallory",
    "create=755",
    "create=0700,,mallory",
    "create=0700,1002",
    "iscript=",
    "iscript",
    "sharedX",
    "createX",
];
const OPTIONS: [&str; 9] = [
    "size=1m",
    "nosuid",
    "nodev,noexec",
    "mode=0700",
    "ro",
    "uid=1001,gid=1001",
    "",
    "bogus",
    ",nosuid,,",
];
const LISTS: [&str; 8] =
    ["", "root", "root,bob", "~alice", "~alice,bob", "alice", "~bob", "bob,alice,root"];
const ODD_LISTS: [&str; 10] = [
    "~",
    "mallory",
    "~mallory,alice",
    "1001",
    ",alice",
    "root,~alice",
    "~~alice",
    "ALICE",
    "root, alice",
    "adm,",
];

/// A line, and which of its words are written oddly.
fn line(chance: &mut Chance) -> String {
    let mut method = chance.mostly(&METHODS, &ODD_METHODS).to_owned();
    let mut prefix = chance.mostly(&PREFIXES, &ODD_PREFIXES);
    if chance.one_in(8) {
        method = "tmpdir".to_owned();
        prefix = chance.of(&["/g/i/chance-", "/g/auto/chance-", "/g/open/chance-", "g/chance-"]);
    }
    let is_tmpfs = method == "tmpfs";
    while chance.one_in(3) {
        let flag = chance.mostly(&FLAGS, &ODD_FLAGS);
        // Several create, and create with shared, are cases of their own: see D-24.
        if !(method.contains("create") || method.contains("shared"))
            || !matches!(flag.get(..1), Some("c" | "s"))
        {
            method += ":";
            method += flag;
        }
    }
    if is_tmpfs && chance.one_in(2) {
        method += ":mntopts=";
        method += chance.of(&OPTIONS);
    }
    // The six letters are known by what is before them.
    let prefix =
        if method.contains("tmpdir") { prefix.to_owned() } else { written(chance, prefix) };
    // A line that is skipped does not look at its polydir: see D-24.
    let is_skipped = method.contains("shared");
    let polydir = chance.mostly(&POLYDIRS, if is_skipped { &POLYDIRS } else { &ODD_POLYDIRS });
    let polydir = if is_skipped { polydir.to_owned() } else { written(chance, polydir) };
    let list = chance.mostly(&LISTS, &ODD_LISTS);
    let mut words = vec![polydir, prefix, written(chance, &method)];
    if !list.is_empty() || chance.one_in(20) {
        words.push(written(chance, list));
    }
    while chance.one_in(15) {
        words.push(chance.of(&["more", "\"", "\\", "x y"]).to_owned());
    }
    while chance.one_in(25) {
        words.pop();
    }
    let mut text = chance.of(&["", "", "", " ", "\t ", "\x0b"]).to_owned();
    for word in words {
        text += &word;
        text += chance.of(&[" ", " ", "  ", "\t", " \t "]);
    }
    text += chance.of(&["", "", "", "\r", "# comment", "#", "\\", " \" # \""]);
    text
}

/// A word as somebody might write it: with quotes and backslashes that mean nothing, or something.
fn written(chance: &mut Chance, word: &str) -> String {
    let at = chance.below(word.len() + 1);
    let (start, end) = word.split_at(at);
    match chance.below(24) {
        0 => format!("\"{word}\""),
        1 => format!("{start}\"{end}\""),
        2 => format!("{start}\\{end}"),
        3 => format!("{start}\"\"{end}"),
        4 => format!("{start}#{end}"),
        5 => format!("{start}\"{end}"),
        6 => format!("{start} {end}"),
        _ if word.is_empty() => "\"\"".to_owned(),
        _ => word.to_owned(),
    }
}

/// A configuration: one line, and now and then a good one before or after it.
fn file(chance: &mut Chance) -> String {
    let (line, other) = (line(chance), "/var/tmp /g/vt/ user root");
    match chance.below(8) {
        0 => format!("{other}\n{line}\n"),
        1 => format!("{line}\n{other}\n"),
        2 => line,
        _ => format!("{line}\n"),
    }
}

/// What the files of one run find.
const FIXTURE: &str = "umask 022; mkdir -p /g /home /g/i /g/open /g/bobs /g/tmp /g/set /g/alice /g/real /g/a..b-aliceX /g/a..b
mkdir -m 700 /g/home /home/alice; mkdir /home/alice/x
chmod 1777 /g/tmp; chmod 2770 /g/set; chmod 0 /g/i /g/bobs
chown bob:students /g/set; chown bob /g/bobs; chown -R alice:alice /g/home /home/alice
ln -s real /g/link; ln -s i /g/i-link; ln -s nowhere /g/dangling; touch /g/file";

fn by_step(observed: Vec<Observed>) -> BTreeMap<usize, Observed> {
    let mut steps = BTreeMap::new();
    for sight in observed.into_iter().flat_map(|observed| observed.0) {
        let Sight { step, facet, .. } = &sight;
        let (step, facet) = (*step, *facet);
        // Whether there is a namespace although nothing is mounted: see D-24.
        let whether = sight.text.starts_with("the host's own are");
        if facet != Facet::Log && !whether {
            let at: &mut Observed = steps.entry(step).or_insert_with(|| Observed(Vec::new()));
            at.0.push(Sight { step: 0, ..sight });
        }
    }
    steps
}

/// What is compared: of a refusal only that it is one, see D-2.
fn verdict(observed: &Observed) -> Observed {
    let answers =
        observed.0.iter().filter(|sight| matches!(sight.facet, Facet::Answer | Facet::Death));
    let answers = Observed(answers.cloned().collect());
    if answers.0.iter().any(|sight| sight.text == "PAM_SUCCESS") {
        observed.clone()
    } else {
        answers
    }
}

/// How many files are tried in one world.
const BATCH: usize = 100;

pub fn random_lines(seed: u64, count: usize) {
    let (mut opened, mut refused, mut died) = (0, 0, BTreeMap::new());
    let mut wrong = Vec::new();
    for batch in 0..count.div_ceil(BATCH) {
        let seed = seed + u64::try_from(batch).unwrap();
        let mut chance = Chance(seed);
        let files: Vec<String> = (0..BATCH.min(count)).map(|_| file(&mut chance)).collect();
        let calls = vec![Call::Patience(50), Call::Files(FIXTURE.to_owned(), files.clone())];
        // The scripts are compared elsewhere; here they would only take time.
        let setup = "rm -f /etc/security/namespace.init".to_owned();
        let scene = Scene { setup, calls, conf: Some(String::new()), ..Scene::default() };
        let play = |twin| {
            let observed = by_step(vec![scene.play(twin)]);
            assert_eq!(observed.len(), files.len(), "seed {seed}, {twin:?} took too long");
            observed
        };
        let mut ours = play(Twin::Ours);
        for (observed, file) in ours.values_mut().zip(&files) {
            // The kernel judges a tmpfs's options: see UNFORESEEN.
            let unforeseen = file.replace(['"', '\\'], "").contains("mntopts=");
            for broken in observed.take(Facet::Explained).iter().filter(|_| !unforeseen) {
                wrong.push(format!("seed {seed}, rtmpctl explain: {file:?}\n      {broken}"));
            }
        }
        for reference in Twin::REFERENCES {
            for ((number, theirs), file) in play(reference).iter().zip(&files) {
                let (ours, theirs) = (verdict(&ours[number]), verdict(theirs));
                let dies = |seen: &Observed| seen.0.iter().any(|s| s.facet == Facet::Death);
                if dies(&theirs) && !dies(&ours) {
                    *died.entry(reference).or_insert(0) += 1;
                } else if theirs.diff(&ours).0.is_empty() && !dies(&ours) {
                    *(if ours.0.len() > 1 { &mut opened } else { &mut refused }) += 1;
                } else {
                    let diff = theirs.diff(&ours);
                    wrong.push(format!("seed {seed}, {reference:?}: {file:?}\n{diff}"));
                }
            }
        }
    }
    println!(
        "seed {seed}: {count} files, the same mounts {opened} times, both refused {refused} times, died: {died:?}"
    );
    assert!(wrong.is_empty(), "{} of {count} files differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(opened > count / 4 && refused > count / 4, "the generator is lopsided");
}
