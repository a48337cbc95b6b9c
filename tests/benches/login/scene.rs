//! Who is compared with whom: the subjects that meet in one run, in turn.

use crate::floor;
use crate::layout::{Layout, PREFIX, TEMPLATE};
use crate::subject::{Act, Host, NameService, Subject};

/// Subjects that are measured in turn.
pub struct Scene {
    /// Its name in the tables.
    pub name: &'static str,
    pub subjects: Vec<Subject>,
    /// How often each is measured in one pass.
    pub rounds: u32,
}

pub const MAIN: &str = "30 mounts";
pub const LOADING: &str = "loading the module";
pub const MANY: [(&str, usize, u32); 3] =
    [("100 mounts", 100, 200), ("1,000 mounts", 1_000, 120), ("10,000 mounts", 10_000, 24)];
pub const CIRCUMSTANCES: [&str; 6] = [
    "looked up before the fork",
    "cold name service",
    "first login",
    "`root,adm` listed",
    "5,000 users",
    "both",
];

/// What the scenes are made of, by name.
pub mod name {
    pub const MINIMAL: &str = "minimal safe floor";
    pub const CONFIGURED: &str = "minimal safe floor, configuration read";
    pub const LOOKED_UP: &str = "floor, prefix, user looked up";
    pub const FLOOR_TEMPLATE: &str = "floor, template";
    pub const FLOOR_PREFIX: &str = "floor, prefix";
    pub const TEMPLATE: &str = "pam_rtmp, template";
    pub const TEMPLATE_SCRIPT: &str = "pam_rtmp, template, stock script";
    pub const PREFIX: &str = "pam_rtmp, prefix";
    pub const PREFIX_SCRIPT: &str = "pam_rtmp, prefix, stock script";
    pub const THEIRS: &str = "pam_namespace, prefix";
    pub const THEIRS_SCRIPT: &str = "pam_namespace, prefix, stock script";
    pub const NOTHING: &str = "a C module that does nothing";
    pub const START: &str = "pam_start: pam_rtmp";
    pub const START_THEIRS: &str = "pam_start: pam_namespace";
    pub const START_NOTHING: &str = "pam_start: a C module";
    pub const JOIN_BY_PID: &str = "join, by a process";
    pub const JOIN_BY_HANDLE: &str = "join, by a handle";
}

/// Services by their modules. For `pam_open_session` a clock stands before and after the module.
pub const SERVICES: [(&str, &[&str]); 6] = [
    ("ours", &["clock", "pam_rtmp", "clock"]),
    ("theirs", &["clock", "pam_namespace", "clock"]),
    ("nothing", &["clock", "still", "clock"]),
    ("start-ours", &["pam_rtmp"]),
    ("start-theirs", &["pam_namespace"]),
    ("start-nothing", &["still"]),
];

/// All scenes of one pass; `share` of the usual number of rounds.
pub fn all(share: f64) -> Vec<Scene> {
    let mut scenes = vec![loading(), main()];
    scenes.extend(MANY.map(|(name, mounts, rounds)| Scene {
        name,
        subjects: on(few(), |host| host.mounts = mounts),
        rounds,
    }));
    let both = |host: &mut Host| {
        host.conf = host.conf.replace("root\n", "root,adm\n");
        host.passwd = 5_000;
    };
    let [forked, cold, first, listed, users, together] = CIRCUMSTANCES;
    let circumstance = |name, change: &dyn Fn(&mut Host)| Scene {
        name,
        subjects: on(modules(), change),
        rounds: 200,
    };
    scenes.push(circumstance(forked, &|host| host.nss = NameService::Forked));
    scenes.push(circumstance(cold, &|host| host.nss = NameService::Cold));
    scenes.push(circumstance(first, &|host| host.first = true));
    let list = |host: &mut Host| host.conf = host.conf.replace("root\n", "root,adm\n");
    scenes.push(circumstance(listed, &list));
    scenes.push(circumstance(users, &|host| host.passwd = 5_000));
    scenes.push(circumstance(together, &both));
    for scene in &mut scenes {
        scene.rounds = (f64::from(scene.rounds) * share).ceil() as u32;
    }
    scenes
}

fn loading() -> Scene {
    let start = |name, service| subject(name, Act::Start(service), &TEMPLATE, false);
    let subjects = vec![
        start(name::START, "start-ours"),
        start(name::START_THEIRS, "start-theirs"),
        start(name::START_NOTHING, "start-nothing"),
    ];
    Scene { name: LOADING, subjects, rounds: 1_000 }
}

fn main() -> Scene {
    let mut subjects = few();
    subjects.extend([
        subject(name::CONFIGURED, Act::Bare(floor::configured, &PREFIX), &PREFIX, false),
        subject(name::LOOKED_UP, Act::Bare(floor::looked_up, &PREFIX), &PREFIX, false),
        opening(name::TEMPLATE_SCRIPT, "ours", &TEMPLATE, true),
        opening(name::PREFIX_SCRIPT, "ours", &PREFIX, true),
        opening(name::NOTHING, "nothing", &TEMPLATE, false),
    ]);
    Scene { name: MAIN, subjects, rounds: 300 }
}

/// What the number of mounts makes dearer, or does not.
fn few() -> Vec<Subject> {
    let mut subjects = modules();
    subjects.extend([
        subject(name::MINIMAL, Act::Bare(floor::minimal, &PREFIX), &PREFIX, false),
        subject(name::FLOOR_TEMPLATE, Act::Bare(floor::floor, &TEMPLATE), &TEMPLATE, false),
        subject(name::FLOOR_PREFIX, Act::Bare(floor::floor, &PREFIX), &PREFIX, false),
        subject(name::JOIN_BY_PID, Act::JoinByPid(&TEMPLATE), &TEMPLATE, false),
        subject(name::JOIN_BY_HANDLE, Act::JoinByHandle(&TEMPLATE), &TEMPLATE, false),
    ]);
    subjects.push(opening(name::THEIRS_SCRIPT, "theirs", &PREFIX, true));
    subjects
}

/// Both modules.
fn modules() -> Vec<Subject> {
    vec![
        opening(name::TEMPLATE, "ours", &TEMPLATE, false),
        opening(name::PREFIX, "ours", &PREFIX, false),
        opening(name::THEIRS, "theirs", &PREFIX, false),
    ]
}

/// Those that log in at once.
pub fn at_once() -> Vec<Subject> {
    vec![
        subject(name::FLOOR_PREFIX, Act::Bare(floor::floor, &PREFIX), &PREFIX, false),
        opening(name::TEMPLATE, "ours", &TEMPLATE, false),
        opening(name::PREFIX, "ours", &PREFIX, false),
        opening(name::PREFIX_SCRIPT, "ours", &PREFIX, true),
        opening(name::THEIRS, "theirs", &PREFIX, false),
        opening(name::THEIRS_SCRIPT, "theirs", &PREFIX, true),
    ]
}

fn on(mut subjects: Vec<Subject>, change: impl Fn(&mut Host)) -> Vec<Subject> {
    subjects.iter_mut().for_each(|subject| change(&mut subject.host));
    subjects
}

fn opening(
    name: &'static str,
    service: &'static str,
    layout: &'static Layout,
    script: bool,
) -> Subject {
    subject(name, Act::Open(service), layout, script)
}

fn subject(name: &'static str, act: Act, layout: &'static Layout, script: bool) -> Subject {
    let conf = if script { layout.with_script } else { layout.without_script };
    let host = Host {
        conf: conf.to_owned(),
        script,
        mounts: 30,
        passwd: 0,
        nss: NameService::Warm,
        first: false,
    };
    Subject { name, act, host }
}
