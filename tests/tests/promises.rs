//! What the module costs and what it shows: no allocation in the private namespace, few system
//! calls and as many on a host with many mounts, six names, two libraries.
#![allow(unsafe_code)] // an allocator that counts

use std::alloc::{GlobalAlloc, Layout, System};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use nix::mount::{MsFlags, mount};
use nix::unistd::chdir;
use rtmp_core::accounts::{self, Account};
use rtmp_core::conf::{Rules, Sources};
use rtmp_core::options::Options;
use rtmp_core::path::Name;
use rtmp_core::plan::Plan;
use rtmp_core::session;
use rtmp_tests::caller::Inode;
use rtmp_tests::examples::{FOUR, PREFIXES, TEMPLATES};
use rtmp_tests::kernel::is_older_than;
use rtmp_tests::process::apart;
use rtmp_tests::{Module, MountTable, World};

/// The namespace outside of which allocations are counted; 0: none are.
static HOME: AtomicU64 = AtomicU64::new(0);
static COUNTED: AtomicU64 = AtomicU64::new(0);

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Counts if this thread is in another mount namespace than it started in. Allocates nothing.
fn count() {
    let home = HOME.load(Relaxed);
    if home == 0 {
        return;
    }
    let mut found = std::mem::MaybeUninit::<libc::stat>::uninit();
    // SAFETY: false if the path had no NUL or `found` were no `stat`.
    let done = unsafe { libc::stat(c"/proc/thread-self/ns/mnt".as_ptr(), found.as_mut_ptr()) };
    // SAFETY: false if stat had failed; the number is looked at only if it did not.
    let away = done != 0 || unsafe { found.assume_init() }.st_ino != home;
    COUNTED.fetch_add(u64::from(away), Relaxed);
}

// SAFETY: false if memory came from elsewhere than the system's allocator: each call is passed on.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: false if the caller broke the contract that is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.realloc(memory, layout, size) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(memory, layout) }
    }
}

/// How often `body` allocates while this thread is in another namespace than at its start.
fn allocations_away<T>(body: impl FnOnce() -> T) -> (u64, T) {
    allocations_outside(Inode::of("/proc/thread-self/ns/mnt").ino, body)
}

/// How often `body` allocates, wherever.
fn allocations<T>(body: impl FnOnce() -> T) -> (u64, T) {
    allocations_outside(u64::MAX, body)
}

fn allocations_outside<T>(namespace: u64, body: impl FnOnce() -> T) -> (u64, T) {
    COUNTED.store(0, Relaxed);
    HOME.store(namespace, Relaxed);
    let result = body();
    HOME.store(0, Relaxed);
    (COUNTED.load(Relaxed), result)
}

/// Opens a session with rtmp-core alone, as the door does, and says whether it was opened.
fn open_alone(user: &str, options: &Options, open: impl FnOnce(&Plan<'_>) -> bool) -> bool {
    let name = Name::new(user.as_bytes()).unwrap();
    let account = Account::find(name, &accounts::System).unwrap().unwrap();
    let sources = Sources::system().unwrap();
    let rules = Rules::parse(&sources);
    open(&Plan::new(rules, account, None, options, &accounts::System).unwrap())
}

/// In a process of its own: the allocations in the private namespace, and whether it was opened.
fn open(user: &str, cwd: &str, options: &Options) -> (u64, bool) {
    apart(|| {
        chdir(cwd).unwrap();
        let mut count = 0;
        let opened = open_alone(user, options, |plan| {
            let (away, opened) = allocations_away(|| session::open(plan));
            count = away;
            opened.is_ok()
        });
        (count, opened)
    })
}

#[test]
fn the_counter_counts() {
    World::with(Module::Theirs).run(|_| {
        let (count, ()) = apart(|| {
            allocations_away(|| {
                drop(Box::new([0_u8; 100]));
                nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNS).unwrap();
                drop(std::hint::black_box(Box::new([0_u8; 100])));
                drop(std::hint::black_box(vec![0_u8; 100]));
            })
        });
        assert_eq!(count, 2);
    });
}

/// "6. Plan may allocate; from `unshare` to the last mount nothing does."
#[test]
fn nothing_is_allocated_between_the_unsharing_and_the_last_mount() {
    let options = Options::default();
    let unmounting = Options { unmount_on_close: true, ..Options::default() };
    for example in FOUR {
        World::with(Module::Ours).conf(example.conf).run(|w| {
            for when in ["first", "later"] {
                for cwd in ["/", "/tmp"] {
                    assert_eq!(open("alice", cwd, &options), (0, true), "{when} login from {cwd}");
                }
            }
            assert_eq!(open("alice", "/", &unmounting), (0, true));
            let parent = example.places[0].parent;
            if parent.starts_with("/tmp/") {
                w.sh(&format!("rm -r {parent}")).ok();
                w.sh_as("bob", &format!("mkdir {parent}")).ok();
                assert_eq!(open("alice", "/", &options), (0, true), "past a squat");
            }
        });
    }
}

/// One for each thing that is kept: a file's bytes, a path, a name, a list. None for a word of a line.
#[test]
fn a_login_allocates_as_often_as_it_has_things_to_keep() {
    for (example, count) in [(TEMPLATES, 31), (PREFIXES, 29)] {
        World::with(Module::Ours).conf(example.conf).run(|w| {
            w.login("alice");
            let open =
                || open_alone("alice", &Options::default(), |plan| session::open(plan).is_ok());
            assert_eq!(apart(|| allocations(open)), (count, true), "{}", example.conf);
        });
    }
}

/// From another user's session: what is read of the mount table is read without allocating.
#[test]
fn nothing_is_allocated_inside_another_session_either() {
    for example in FOUR {
        World::with(Module::Ours).conf(example.conf).run(|_| {
            let counts = apart(|| {
                let mut pam = rtmp_tests::Pam::start("rtmp", "alice").unwrap();
                assert_eq!(pam.open_session(), rtmp_tests::Code::SUCCESS);
                [(); 2].map(|()| open("bob", "/", &Options::default()))
            });
            assert_eq!(counts, [(0, true); 2]);
        });
    }
}

fn output(program: &str, arguments: &[&str]) -> String {
    let module = Module::Ours.file();
    let output = Command::new(program).args(arguments).arg(module).output().unwrap();
    assert!(output.status.success(), "{program}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// `nm -D`: only `pam_sm_*` is exported.
#[test]
fn the_module_shows_six_names() {
    let text = output("nm", &["-D", "--defined-only"]);
    let mut names: Vec<_> = text.lines().filter_map(|line| line.split(' ').nth(2)).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "pam_sm_acct_mgmt",
            "pam_sm_authenticate",
            "pam_sm_chauthtok",
            "pam_sm_close_session",
            "pam_sm_open_session",
            "pam_sm_setcred",
        ]
    );
}

/// `readelf -d`: libpam and libc only, no libgcc_s; libc brings its own loader.
#[test]
fn the_module_needs_libpam_and_libc() {
    let text = output("readelf", &["-d", "--wide"]);
    let needed = text.lines().filter(|line| line.contains("(NEEDED)"));
    let mut needed: Vec<_> =
        needed.filter_map(|line| line.split_once('[')?.1.split(']').next()).collect();
    needed.retain(|name| !name.starts_with("ld-linux"));
    needed.sort_unstable();
    assert_eq!(needed, ["libc.so.6", "libpam.so.0"]);
}

/// What the dynamic linker does with the module at each login: it looks up each name that is not
/// defined here, through all libraries of the program, and writes each page that has an address in it.
/// `std::process` would bring 31 names along.
#[test]
fn loading_the_module_takes_few_names_and_pages() {
    let names = output("nm", &["-D", "--undefined-only"]);
    let names: Vec<_> = names.lines().map(str::trim).collect();
    assert!(names.len() <= 84, "{} names: {names:#?}", names.len());
    let starters = |name: &&&str| name.contains("_ITM_") || name.contains("__gmon_start__");
    assert_eq!(names.iter().find(starters), None, "linked with crtbeginS.o");

    let segments = output("readelf", &["--segments", "--wide"]);
    let pages = segments.lines().filter(|line| line.contains("LOAD") && line.contains(" RW "));
    let pages = pages.map(|line| {
        // Type, offset, address, physical address, size in the file, size in memory.
        let numbers: Vec<_> = line
            .split_whitespace()
            .skip(2)
            .map(|word| u64::from_str_radix(word.trim_start_matches("0x"), 16).unwrap_or(0))
            .collect();
        let (start, end) = (numbers[0], numbers[0] + numbers[3]);
        end.div_ceil(4096) - start / 4096
    });
    assert!(pages.clone().sum::<u64>() <= 4, "{:?}: {segments}", pages.collect::<Vec<_>>());
}

/// The system calls of one login through pamtester, strace's line for each: from the end of the
/// account step, which has looked the user up before, to the answer to `pam_open_session`.
fn calls_of_a_login(w: &World) -> Vec<String> {
    let (trace, steps) = ("/run/trace", ["acct_mgmt", "open_session"]);
    let strace = ["strace", "-f", "-qq", "-s", "4096", "-o", trace];
    // By lines, so that what it says stands where it was said.
    let strace = strace.into_iter().chain(["stdbuf", "-oL", "pamtester", "counted", "alice"]);
    w.exec(strace.chain(steps)).ok();
    let text = w.read(trace);
    let lines = text.lines().map(|line| line.split_once(' ').unwrap().1.trim_start());
    let before = |line: &&str| !line.contains("account management done");
    let lines = lines.skip_while(before).skip(1);
    // libpam tells the kernel's audit of the answer as soon as it has it.
    let end = |line: &&str| !line.contains("NETLINK_AUDIT") && !line.contains("opened a session");
    lines.take_while(end).map(str::to_owned).collect()
}

fn names(calls: &[String]) -> Vec<&str> {
    let names = calls.iter().map(|call| call.split('(').next().unwrap());
    let name = |name| match name {
        // From glibc 2.33 to 2.38 fstat(3) is made by this.
        "newfstatat" => "fstat",
        // strace(1) may be older than the call.
        "syscall_0x1cd" => "lsm_list_modules",
        name => name,
    };
    names.map(name).collect()
}

/// The account step looks the user up, so that the name service is warm, as in sshd.
const SERVICE: &str = "account required pam_unix.so\nsession required pam_rtmp.so\n";

/// "the exact number of system calls asserted per layout (<= 64 with the lookup; every one of them
/// justified in a table)": the table of docs/performance.md, call by call, for a later login with
/// the distribution's namespace.init in its place. What the look-up calls is libc's own business.
#[test]
fn a_login_makes_the_system_calls_that_the_document_lists_and_at_most_64() {
    for (layout, example) in [("templates", TEMPLATES), ("prefixes", PREFIXES)] {
        let listed = on_this_kernel(documented_calls(layout));
        assert!(listed.len() > 30, "{listed:?}");
        World::with(Module::Ours).conf(example.conf).run(|w| {
            w.write("/etc/pam.d/counted", SERVICE);
            calls_of_a_login(w);
            let calls = calls_of_a_login(w);
            let found = calls.iter().position(|call| call.contains("/security/namespace.conf"));
            assert_eq!(names(&calls[found.unwrap()..]), listed, "{layout}: {calls:#?}");
            assert!(calls.len() <= 64, "{layout}: {}", calls.len());
        });
    }
}

/// The document's calls are those of Linux 6.11. Before, the pidfd does not give the namespace, before
/// 6.9 there is none of a thread, and before 6.8 only sysfs says whether SELinux is there.
fn on_this_kernel(mut calls: Vec<&str>) -> Vec<&str> {
    let selinux = calls.iter().position(|call| *call == "lsm_list_modules").expect("SELinux?");
    if is_older_than((6, 8)) {
        calls.insert(selinux + 1, "statfs");
    }
    let ioctl = calls.iter().position(|call| *call == "ioctl").expect("the way back");
    if is_older_than((6, 9)) {
        calls.splice(ioctl..ioctl + 2, ["openat"]);
    } else if is_older_than((6, 11)) {
        calls.insert(ioctl + 2, "openat");
    }
    calls
}

/// The calls of one layout, in order, from the table under `## System calls`.
fn documented_calls(layout: &str) -> Vec<&'static str> {
    const DOCUMENT: &str = include_str!("../../docs/performance.md");
    let table = DOCUMENT.split_once("## System calls").expect("the section").1;
    let rows = table.lines().skip_while(|line| !line.starts_with('|'));
    let mut rows = rows.take_while(|line| line.starts_with('|')).map(|row| row.split('|'));
    let column = rows.next().unwrap().position(|cell| cell.trim() == layout).expect(layout);
    let cells = rows.skip(1).filter_map(|mut row| row.nth(column));
    cells
        .flat_map(|cell| cell.trim().trim_matches('`').split(' '))
        .filter(|c| !c.is_empty())
        .collect()
}

/// The instructions of alice's second login.
#[cfg(target_arch = "x86_64")]
fn steps_of_a_login(w: &World) -> rtmp_tests::steps::Steps {
    use rtmp_tests::{Code, Pam, steps};
    w.login("alice");
    let look_up = libc::getpwnam_r as *const () as usize;
    let prepare = || {
        nix::unistd::User::from_name("alice").unwrap().unwrap();
        Pam::start("rtmp", "alice").unwrap()
    };
    let open = |pam: &mut Pam| assert_eq!(pam.open_session(), Code::SUCCESS);
    steps::count("/pam_rtmp.so", look_up, prepare, open)
}

/// "One passwd lookup." The instructions are our own and what libc does for us, with the look-up
/// left out: more than 33,000 would be a new way of doing things, not a line or two.
#[test]
#[cfg(target_arch = "x86_64")]
fn a_login_takes_few_instructions_of_its_own() {
    for example in [TEMPLATES, PREFIXES] {
        World::with(Module::Ours).conf(example.conf).run(|w| {
            let steps = steps_of_a_login(w);
            assert_eq!(steps.times, 1, "{steps:?}");
            assert!(steps.own <= 33_000, "{steps:?}");
        });
    }
}

/// pam_rtmp/login.ld: the code of a login lies side by side, since a look at another 64 KiB of it is a
/// page fault. A stock script is known by code of sha2's, which does not lie there.
#[test]
#[cfg(target_arch = "x86_64")]
fn the_code_that_a_login_runs_lies_side_by_side() {
    for line in ["/tmp /tmp/user_tmpl/%{UID} level:noinit root", "/tmp /tmp-inst/ user:noinit root"]
    {
        World::with(Module::Ours).conf(line).run(|w| {
            let steps = steps_of_a_login(w);
            assert!(steps.span <= 2 * 64 * 1024, "{steps:?}");
        });
    }
}

/// "equal at 30 and 1,000 mounts, [...] no clone, no mountinfo, one passwd lookup"
#[test]
fn a_login_makes_the_same_calls_on_a_host_with_many_mounts() {
    for example in [TEMPLATES, PREFIXES] {
        World::with(Module::Ours).conf(example.conf).run(|w| {
            w.write("/etc/pam.d/counted", SERVICE);
            mount_more(w, 30);
            let first = calls_of_a_login(w);
            let few = calls_of_a_login(w);
            mount_more(w, 1000);
            let many = calls_of_a_login(w);
            assert_eq!(names(&few), names(&many), "at 1,000 mounts");
            for calls in [&first, &few, &many] {
                let times = |what: &str| calls.iter().filter(|call| call.contains(what)).count();
                for unwanted in ["clone(", "clone3(", "fork(", "execve", "mountinfo", "/mounts"] {
                    assert_eq!(times(unwanted), 0, "{unwanted}: {calls:#?}");
                }
                assert_eq!(times("\"/etc/passwd\""), 1, "{calls:#?}");
                assert_eq!(times("\"/etc/group\""), 0, "{calls:#?}");
                assert_eq!(times("unshare(CLONE_NEWNS)"), 1, "{calls:#?}");
            }
        });
    }
}

fn mount_more(w: &World, total: usize) {
    for n in MountTable::here().0.len()..total {
        let target = format!("/mnt/{n}");
        w.mkdir(&target, 0o755, (0, 0));
        mount(Some("/srv"), &*target, None::<&str>, MsFlags::MS_BIND, None::<&str>).unwrap();
    }
}
