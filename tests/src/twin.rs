//! Twins: the same host, the same file and the same calls, once with a reference module and once
//! with ours; and everything that can be seen afterwards, as lines that can be compared.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use crate::application::Call;
use crate::explained::RTMPCTL;
use crate::log::Severity;
use crate::module::{Module, directory, rtmpctl};
use crate::world::{Blueprint, World};

/// A module under comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Twin {
    /// `pam_rtmp.so`.
    Ours,
    /// The distribution's `pam_namespace.so`: 1.5.2 on Debian 12.
    Installed,
    /// The newest `pam_namespace.so` in Debian's archive, with its own libpam and C library.
    Newest,
}

impl Twin {
    /// The two that ours is compared with.
    pub const REFERENCES: [Self; 2] = [Self::Installed, Self::Newest];

    /// A world whose services call it.
    pub fn host(self) -> Blueprint {
        let plan = World::with(self.module());
        if self != Self::Newest {
            return plan;
        }
        let libraries = directory().parent().unwrap();
        plan.layer(newest().join("root").join(libraries.strip_prefix("/").unwrap()), libraries)
    }

    fn module(self) -> Module {
        match self {
            Self::Ours => Module::Ours,
            Self::Installed | Self::Newest => Module::Theirs,
        }
    }
}

/// A kind of thing that can be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Facet {
    /// The return codes.
    Answer,
    /// Whether the mount namespace was left.
    Namespace,
    /// The mounts of the session and what was mounted on the host.
    Mounts,
    /// What the session sees at its polydirs: owner, mode, how many entries.
    Seen,
    /// Files and directories of the host: owner and mode.
    Files,
    /// What scripts wrote down: arguments, environment, working directory, descriptors.
    Script,
    /// Descriptors, working directory, umask, credentials and signals of the caller.
    Caller,
    /// What commands in the session said.
    Output,
    /// The severity of the worst line that was logged.
    Log,
    /// How the calling process ended, if not by itself.
    Death,
    /// Where `rtmpctl explain` had said something else. Of ours only.
    Explained,
}

/// Something that was seen.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Sight {
    /// After which call: 0 is before the first.
    pub step: usize,
    /// What kind of thing it is.
    pub facet: Facet,
    /// What it is.
    pub text: String,
}

/// Everything that was seen.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed(pub Vec<Sight>);

impl Observed {
    /// Takes out what is of one kind.
    pub fn take(&mut self, facet: Facet) -> Vec<Sight> {
        let all = std::mem::take(&mut self.0);
        let (taken, kept) = all.into_iter().partition(|sight| sight.facet == facet);
        self.0 = kept;
        taken
    }

    /// The lines that only one of the two has: `-` for this one, `+` for the other. Where one dies,
    /// or one opens a session and the other refuses it, that is the difference, and what follows
    /// from it is left out.
    pub fn diff(&self, other: &Self) -> Diff {
        let (mine, theirs): (BTreeSet<_>, BTreeSet<_>) =
            (self.0.iter().collect(), other.0.iter().collect());
        let only = |sign, left: &BTreeSet<&Sight>, right: &BTreeSet<&Sight>| {
            left.difference(right).map(|&sight| (sight.clone(), sign)).collect::<Vec<_>>()
        };
        let mut lines = only('-', &mine, &theirs);
        lines.extend(only('+', &theirs, &mine));
        lines.sort();
        for overriding in [Facet::Death, Facet::Answer] {
            if lines.iter().any(|(sight, _)| sight.facet == overriding) {
                lines.retain(|(sight, _)| sight.facet == overriding);
            }
        }
        // A difference that stays is shown where it begins.
        let mut shown = BTreeSet::new();
        lines.retain(|(sight, sign)| shown.insert((sight.facet, sight.text.clone(), *sign)));
        Diff(lines)
    }
}

impl fmt::Debug for Observed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|sight| writeln!(f, "      {sight}"))
    }
}

impl fmt::Display for Sight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}: {}", self.step, self.facet, self.text)
    }
}

/// What two twins differ in.
#[derive(Clone, PartialEq, Eq)]
pub struct Diff(pub Vec<(Sight, char)>);

impl Diff {
    /// The kinds of things that differ.
    pub fn facets(&self) -> BTreeSet<Facet> {
        self.0.iter().map(|(sight, _)| sight.facet).collect()
    }
}

impl fmt::Display for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(sight, sign)| writeln!(f, "      {sign} {sight}"))
    }
}

/// A host and what happens on it.
#[derive(Clone, Debug, Default)]
pub struct Scene {
    /// The text of `namespace.conf`; `None`: there is no such file.
    pub conf: Option<String>,
    /// The words after the module's name.
    pub args: String,
    /// A shell script that prepares the host, after `namespace.conf` was written.
    pub setup: String,
    /// Whether `/` is private instead of shared.
    pub private_root: bool,
    /// The calls, in one process.
    pub calls: Vec<Call>,
}

impl Scene {
    /// What is seen with this module.
    pub fn play(&self, twin: Twin) -> Observed {
        let applications: Vec<Vec<Call>> =
            self.calls.split(|call| *call == Call::Again).map(<[Call]>::to_vec).collect();
        let mut all = Vec::new();
        for (number, observed) in self.play_many(twin, &applications).into_iter().enumerate() {
            let later = |sight: Sight| Sight { step: sight.step + 10 * number, ..sight };
            all.extend(observed.0.into_iter().map(later));
        }
        Observed(all)
    }

    /// What is seen on one host where several applications run, one after the other.
    pub fn play_many(&self, twin: Twin, applications: &[Vec<Call>]) -> Vec<Observed> {
        let mut plan = twin.host().args(&self.args).bring(application(), PROGRAM);
        if twin == Twin::Ours {
            plan = plan.bring(rtmpctl(), RTMPCTL);
        }
        if let Some(conf) = &self.conf {
            plan = plan.conf(conf);
        }
        if self.private_root {
            plan = plan.private_root();
        }
        let (setup, name) = (&self.setup, twin.module().name());
        plan.run(|w| {
            w.sh(&format!("set -e\n{setup}")).ok();
            let play = |calls: &Vec<Call>| {
                let before = w.log().len();
                let script = serde_json::to_string(calls).unwrap();
                let outcome = w.exec_with_input([PROGRAM], &script);
                let read = |line: &str| {
                    serde_json::from_str::<Sight>(line)
                        .unwrap_or_else(|_| panic!("{PROGRAM} said {line}"))
                };
                let mut sights: Vec<Sight> = outcome.out.lines().map(read).collect();
                let mut see = |facet, text: String| {
                    sights.push(Sight { step: calls.len(), facet, text });
                };
                if outcome.status != 0 {
                    assert!(outcome.status > 128, "{PROGRAM}: {}", outcome.err);
                    see(Facet::Death, format!("killed by signal {}", outcome.status - 128));
                }
                let log = w.log().split_off(before);
                let lines = log.iter().filter(|line| line.is_from(name));
                let worst = lines.map(|line| line.severity).min();
                let silent = worst.is_none_or(|worst| worst == Severity::Debug);
                // The words are each module's own.
                see(
                    Facet::Log,
                    if silent {
                        "nothing".to_owned()
                    } else {
                        format!("{:?}", worst.unwrap_or(Severity::Debug))
                    },
                );
                Observed(sights)
            };
            applications.iter().map(play).collect()
        })
    }
}

/// Where the program is that calls libpam, in a world.
const PROGRAM: &str = "/opt/application";

/// Built by cargo beside the test that is running.
fn application() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let target = test.parent().and_then(|deps| deps.parent()).expect("not run by cargo");
    target.join("application")
}

/// The newest reference, fetched once by `tests/reference`. Without a network and a copy from an
/// earlier day its tests fail.
pub fn newest() -> &'static PathBuf {
    static FETCHED: OnceLock<PathBuf> = OnceLock::new();
    FETCHED.get_or_init(|| {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/reference");
        let fetched = Command::new(script).output().unwrap();
        assert!(
            fetched.status.success(),
            "the newest pam_namespace.so cannot be fetched, so nothing is compared with it: {}",
            String::from_utf8_lossy(&fetched.stderr)
        );
        PathBuf::from(String::from_utf8(fetched.stdout).unwrap().trim_end())
    })
}

/// The version of the newest reference.
pub fn newest_version() -> String {
    std::fs::read_to_string(newest().join("version")).unwrap().trim_end().to_owned()
}
