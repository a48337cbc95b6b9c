//! What `rtmpctl explain` says before a session is opened, held against what the module then does.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::sched::{CloneFlags, setns};
use serde::{Deserialize, Serialize};

use crate::command;
use crate::mounts::{Mount, MountTable};
use crate::process::apart;

/// Where `rtmpctl` is in a world that has it.
pub(crate) const RTMPCTL: &str = "/opt/rtmpctl";

/// A session as it is said to be.
pub(crate) struct Explained {
    refusal: Option<String>,
    decisions: Vec<Said>,
}

/// What is said of one polydir.
#[derive(Serialize, Deserialize)]
struct Said {
    /// Without links.
    polydir: PathBuf,
    /// What is to be mounted there; none for an exempt user.
    root: Option<Root>,
    /// Whose mount is to go first.
    uncovered: Option<PathBuf>,
}

/// What is mounted, as mountinfo(5) names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Root {
    Tmpfs,
    Directory(PathBuf),
}

/// What the module did.
pub(crate) struct Step {
    pub opened: bool,
    /// The session's mounts before and after, the host's own left out.
    pub before: Vec<Mount>,
    pub after: Vec<Mount>,
}

/// As `rtmpctl explain --json` writes it.
#[derive(Deserialize)]
struct Answer {
    refusal: Option<String>,
    decisions: Vec<Decision>,
}

#[derive(Deserialize)]
struct Decision {
    polydir: PathBuf,
    instance: Option<String>,
    uncover: Option<PathBuf>,
}

impl Explained {
    /// Asks on the host, where an administrator would. None: a world without `rtmpctl`, or a caller
    /// who cannot reach the host.
    pub(crate) fn ask(user: &str, asker: Option<String>) -> Option<Self> {
        if !Path::new(RTMPCTL).exists() {
            return None;
        }
        let host = fs::File::open("/proc/1/ns/mnt").ok()?;
        let (refusal, decisions) = apart(|| {
            setns(&host, CloneFlags::CLONE_NEWNS).ok()?;
            let mut words = vec![RTMPCTL, "explain", "--json", "--service", "rtmp"];
            words.extend(asker.iter().flat_map(|asker| ["--ruser", asker]));
            words.extend(["--", user]);
            let outcome = command::run("root", &command::argv(words), "");
            let answer: Answer = serde_json::from_str(&outcome.out)
                .unwrap_or_else(|_| panic!("{RTMPCTL} explain {user} said {outcome:?}"));
            let host = MountTable::here();
            let said = answer.decisions.into_iter().map(|decision| decision.on(&host));
            Some((answer.refusal, said.collect::<Vec<_>>()))
        })?;
        Some(Self { refusal, decisions })
    }

    /// Each thing that was said and is not so, and each that is so and was not said.
    pub(crate) fn broken_by(&self, step: &Step) -> Vec<String> {
        match (&self.refusal, step.opened) {
            (Some(why), true) => return vec![format!("to be refused, since {why}, and was not")],
            (None, false) => return vec!["was refused, and that was not foreseen".to_owned()],
            (Some(_), false) => return Vec::new(),
            (None, true) => {}
        }
        let goes = |target: &Path| {
            self.decisions.iter().any(|said| {
                said.root.is_some() && said.polydir == target
                    || said.uncovered.as_deref() == Some(target)
            })
        };
        let mut expected: Vec<_> = step.before.iter().map(mounted).collect();
        expected.retain(|(target, _)| !goes(target));
        let private = self.decisions.iter();
        expected.extend(private.filter_map(|s| Some((s.polydir.clone(), s.root.clone()?))));
        let mut found: Vec<_> = step.after.iter().map(mounted).collect();
        let mut broken = Vec::new();
        for (target, root) in expected {
            match found.iter().position(|mount| *mount == (target.clone(), root.clone())) {
                Some(at) => drop(found.swap_remove(at)),
                None => broken.push(format!("{root:?} is not on {}", target.display())),
            }
        }
        let unsaid =
            |(target, root): (PathBuf, Root)| format!("{root:?} is on {}", target.display());
        broken.extend(found.into_iter().map(unsaid));
        broken
    }
}

impl Decision {
    fn on(self, host: &MountTable) -> Said {
        let root = self.instance.map(|instance| match instance.split(", ").next() {
            Some("a new tmpfs for this session") => Root::Tmpfs,
            path => Root::Directory(root_of(Path::new(path.unwrap_or_default()), host)),
        });
        Said { polydir: without_links(&self.polydir), root, uncovered: self.uncover }
    }
}

/// A directory that may not be there yet, by its place in its file system.
fn root_of(path: &Path, host: &MountTable) -> PathBuf {
    let users = |link: &Path| fs::symlink_metadata(link).is_ok_and(|found| found.uid() != 0);
    let path = match (path.parent(), path.file_name()) {
        // A user's link in the parent's place is moved aside.
        (Some(parent), Some(name)) if !users(parent) => without_links(parent).join(name),
        _ => path.to_owned(),
    };
    let around = host.0.iter().filter(|mount| path.starts_with(&mount.target));
    let nearest = around.max_by_key(|mount| mount.target.len()).unwrap();
    Path::new(&nearest.root).join(path.strip_prefix(&nearest.target).unwrap())
}

fn without_links(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// As `rtmpctl` would name it: control characters escaped, and without `mkdtemp(3)`'s six letters,
/// which cannot be foreseen.
fn mounted(mount: &Mount) -> (PathBuf, Root) {
    let shown = |path: &str| {
        let shown = path.chars().map(|c| match c.is_control() {
            true => c.escape_default().to_string(),
            false => c.to_string(),
        });
        PathBuf::from(shown.collect::<String>())
    };
    let root = match (mount.fstype.as_str(), mount.root.as_str()) {
        ("tmpfs", "/") => Root::Tmpfs,
        (_, root) => match root.split_once("/chance-") {
            Some((parent, _)) => Root::Directory(shown(&format!("{parent}/chance-XXXXXX"))),
            None => Root::Directory(shown(root)),
        },
    };
    (shown(&mount.target), root)
}
