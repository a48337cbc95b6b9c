//! One pass over all scenes: a world for each, zygotes in it, and samples in turn.

use std::collections::BTreeMap;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Instant;

use rtmp_tests::{Code, Module, Pam, World, process};

use crate::layout::{Layout, PREFIX, TEMPLATE};
use crate::scene::{self, Scene};
use crate::stats::Summary;
use crate::zygote::{Processors, Zygote};

/// Of every subject of a scene.
pub type Measured = BTreeMap<String, Summary>;

/// What came out of one pass.
#[derive(Debug, serde::Serialize)]
pub struct Pass {
    /// By scene and subject.
    pub scenes: BTreeMap<String, Measured>,
    /// By the number of logins at once, and subject: logins per second.
    pub at_once: BTreeMap<usize, BTreeMap<String, f64>>,
}

/// The numbers of logins at once.
pub const AT_ONCE: [usize; 4] = [1, 2, 8, 64];

/// Seconds after which a world is ended.
const LIFETIME: u32 = 900;

/// Does all scenes once, or only this one, with a share of the usual rounds.
pub fn run(share: f64, only: Option<&str>) -> Pass {
    let mut scenes = BTreeMap::new();
    for scene in scene::all(share) {
        if only.is_none_or(|only| scene.name == only) {
            eprintln!("  {}", scene.name);
            scenes.insert(scene.name.to_owned(), measure(&scene));
        }
    }
    if only.is_some() {
        return Pass { scenes, at_once: BTreeMap::new() };
    }
    eprintln!("  at once");
    Pass { scenes, at_once: at_once((8.0 * share).ceil() as usize) }
}

fn in_a_world<T: serde::Serialize + serde::de::DeserializeOwned>(life: impl FnOnce() -> T) -> T {
    World::with(Module::Ours).lifetime(LIFETIME).run(|w| {
        prepare(w);
        life()
    })
}

/// Each subject once in every round, in an order that is another each time: what the machine does
/// besides falls on all of them, and so does what the one before leaves in the caches.
fn measure(scene: &Scene) -> Measured {
    in_a_world(|| {
        let processors = Processors::One(last_processor());
        let subjects = scene.subjects.iter().enumerate();
        let mut zygotes: Vec<_> =
            subjects.map(|(n, subject)| Zygote::start(subject, n, processors)).collect();
        let mut samples = vec![Vec::new(); zygotes.len()];
        let mut order: Vec<usize> = (0..zygotes.len()).collect();
        for round in 0..scene.rounds {
            order.sort_by_key(|&n| shuffled(round, n));
            for &n in &order {
                zygotes[n].begin(1);
                samples[n].extend(zygotes[n].finish());
            }
        }
        let names = scene.subjects.iter().map(|subject| subject.name.to_owned());
        names.zip(samples.iter().map(|samples| Summary::of(samples))).collect()
    })
}

/// A key that sorts the subjects differently in each round, and alike in each run.
fn shuffled(round: u32, subject: usize) -> u64 {
    let mut hasher = DefaultHasher::new();
    (round, subject).hash(&mut hasher);
    hasher.finish()
}

/// Logins per second where so many processes log in one after the other, on all processors. The
/// median of the bursts, in which the subjects take turns.
fn at_once(bursts: usize) -> BTreeMap<usize, BTreeMap<String, f64>> {
    let one = |together: usize| {
        in_a_world(|| {
            let subjects = scene::at_once();
            let mut crowds: Vec<Vec<Zygote>> = Vec::new();
            for (n, subject) in subjects.iter().enumerate() {
                let numbers = n * together..(n + 1) * together;
                crowds.push(numbers.map(|n| Zygote::start(subject, n, Processors::All)).collect());
            }
            let each = u32::try_from(64 / together).unwrap();
            let mut rates = vec![Vec::new(); crowds.len()];
            for _ in 0..bursts {
                for (crowd, rates) in crowds.iter_mut().zip(&mut rates) {
                    rates.push(burst(crowd, each));
                }
            }
            let names = subjects.iter().map(|subject| subject.name.to_owned());
            names.zip(rates.into_iter().map(crate::stats::median)).collect()
        })
    };
    AT_ONCE.map(|together| (together, one(together))).into()
}

fn burst(crowd: &mut [Zygote], each: u32) -> f64 {
    let began = Instant::now();
    crowd.iter_mut().for_each(|zygote| zygote.begin(each));
    let done: usize = crowd.iter_mut().map(|zygote| zygote.finish().len()).sum();
    done as f64 / began.elapsed().as_secs_f64()
}

/// The modules in C, the services, pam_namespace's instance parents, and alice's instances.
fn prepare(w: &World) {
    w.mkdir("/opt/bench", 0o755, (0, 0));
    for (name, source) in [("clock", include_str!("clock.c")), ("still", include_str!("still.c"))] {
        let (source_file, module) =
            (format!("/opt/bench/{name}.c"), format!("/opt/bench/{name}.so"));
        w.write(&source_file, source);
        // In a process of its own, so that the name service stays cold in this one.
        let cc = ["cc", "-O2", "-fPIC", "-shared", "-o", &module, &source_file, "-lpam"];
        process::apart(|| w.exec(cc).ok());
    }
    // All modules from one directory: what the file system does is the same for each.
    for module in [Module::Ours, Module::Theirs] {
        let installed = rtmp_tests::module::directory().join(module.name());
        fs::copy(installed, format!("/opt/bench/{}", module.name())).unwrap();
    }
    for (name, modules) in scene::SERVICES {
        let lines =
            modules.iter().map(|module| format!("session required /opt/bench/{module}.so\n"));
        w.write(&format!("/etc/pam.d/{name}"), &lines.collect::<String>());
    }
    // libpam reads it beside every service, and would load its modules.
    w.write("/etc/pam.d/other", "");
    w.mkdir("/tmp-inst", 0, (0, 0));
    w.mkdir("/var/tmp/tmp-inst", 0, (0, 0));
    for Layout { with_script, .. } in [&TEMPLATE, &PREFIX] {
        w.write("/etc/security/namespace.conf", with_script);
        let code = process::apart(|| Pam::start("start-ours", "alice").unwrap().open_session());
        assert_eq!(code, Code::SUCCESS);
    }
}

fn last_processor() -> usize {
    let all = nix::sched::sched_getaffinity(nix::unistd::Pid::this()).unwrap();
    let is_set = |n: &usize| all.is_set(*n).unwrap_or(false);
    (0..nix::sched::CpuSet::count()).rev().find(is_set).expect("a processor")
}
