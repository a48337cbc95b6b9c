//! The tests of sessions on other kernels, userlands and C libraries: each in a machine that boots it,
//! with the module as it is shipped and that machine's own libpam. docs/kernels.md has the table.

use std::fmt;
use std::fs;
use std::sync::Mutex;

use rtmp_tests::examples::TEMPLATE;
use rtmp_tests::figures::report;
use rtmp_tests::kernel::NEWER;
use rtmp_tests::suite::SESSIONS;
use rtmp_tests::vm::{Image, Vm};

/// A row of the table: what one machine showed.
#[derive(Debug)]
struct Row {
    machine: &'static str,
    linux: String,
    libc: String,
    libpam: String,
    passed: u32,
    failed: u32,
    /// Those that cannot run there.
    ignored: u32,
    /// The calls of a login.
    calls: String,
    /// The same where `/tmp` is mounted nosuid, nodev and noexec, which the session keeps.
    hardened: String,
}

impl Row {
    fn measured(image: Image) -> Self {
        let vm = Vm::start_with_suite(image);
        let mut row = Row {
            machine: image.name(),
            linux: vm.run("uname -r | grep -oE '^[0-9]+\\.[0-9]+'").ok(),
            libc: version(&vm, "libc6"),
            libpam: version(&vm, "libpam0g"),
            passed: 0,
            failed: 0,
            ignored: 0,
            calls: calls(&vm, TEMPLATE.conf, "true"),
            hardened: calls(&vm, APART, "mount -t tmpfs -o nosuid,nodev,noexec tmpfs /tmp"),
        };
        for file in SESSIONS {
            row.add(&vm, file);
        }
        row
    }

    /// Runs one file of tests and counts.
    fn add(&mut self, vm: &Vm, file: &str) {
        let skip: String =
            unable(vm.image()).map(|unable| format!(" --skip {}", unable.test)).collect();
        // What the tests would have cargo build is there.
        let told = vm.run(&format!(
            "cd /job; export CARGO=true RTMP_SLOWER=20 RTMP_MODULE={}
             debug/deps/{file} --test-threads=2{skip}",
            module(vm.image())
        ));
        let Some(sum) = told.out.lines().find_map(|line| line.strip_prefix("test result: ")) else {
            panic!("{file} did not come to an end: {}{}", told.out, told.err)
        };
        let [passed, failed, ignored, _, filtered]: [u32; 5] = numbers(sum).try_into().unwrap();
        report(&format!("{}, {file}: {sum}", self.machine));
        self.passed += passed;
        self.failed += failed;
        self.ignored += ignored + filtered;
        if failed > 0 {
            println!("{}{}", told.out, told.err);
        }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Row { machine, linux, libc, libpam, passed, failed, ignored, calls, hardened } = self;
        write!(f, "| {machine} | {linux} | {libc} | {libpam} ")?;
        write!(f, "| {passed} | {failed} | {ignored} | {calls} | {hardened} |")
    }
}

/// The whole numbers in `3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; ...`.
fn numbers(sum: &str) -> Vec<u32> {
    sum.split(' ').filter_map(|word| word.parse().ok()).collect()
}

/// The upstream version of a package.
fn version(vm: &Vm, package: &str) -> String {
    let full = vm.run(&format!("dpkg-query -W -f '${{Version}}' {package}")).ok();
    full.split(['-', '+']).next().unwrap().to_owned()
}

/// What is shipped for Debian 12 and newer wants a C library that Debian 11 is too old for.
fn module(image: Image) -> &'static str {
    let is_older = image == Image::Bullseye;
    if is_older { "/job/bullseye/pam_rtmp.so" } else { "/job/pam_rtmp.so" }
}

/// Instances on another mount than `/tmp`, which have its flags only if they are given them.
const APART: &str = "/tmp /srv/inst/%{UID} user root";

/// What alice's login asked of the kernel, of the calls that not every one has: those that it has,
/// and what was done instead.
fn calls(vm: &Vm, conf: &str, prepare: &str) -> String {
    vm.write("/etc/pam.d/rtmp", "session required pam_rtmp.so");
    vm.write("/etc/security/namespace.conf", conf);
    let trace = vm.run(&format!(
        "install -m 0644 {} /lib/x86_64-linux-gnu/security/pam_rtmp.so
         unshare --mount sh -ec '{prepare}
             strace -f -o /root/trace pamtester rtmp alice open_session close_session >&2'
         cat /root/trace",
        module(vm.image())
    ));
    let trace = trace.ok();
    // strace(1) may be older than the call.
    let is = |line: &str, name: &str, number| {
        line.contains(&format!(" {name}(")) || line.contains(&format!(" syscall_{number:#x}("))
    };
    let mut had = Vec::new();
    for (name, number) in NEWER {
        let mut lines = trace.lines().filter(|line| is(line, name, number)).peekable();
        if lines.peek().is_none() {
            continue;
        }
        // EINVAL is for pidfd_open's flag PIDFD_THREAD, younger than the call.
        let lacking = lines.any(|line| line.contains("ENOSYS") || line.contains("EINVAL"));
        had.push(if lacking { format!("no {name}") } else { format!("`{name}`") });
    }
    if trace.lines().any(|line| line.contains(" mount(") && line.contains("MS_BIND")) {
        had.push("`mount` instead".to_owned());
    }
    had.join(", ")
}

/// A test that a machine cannot run, and why.
struct Unable {
    test: &'static str,
    on: &'static [Image],
    reason: &'static str,
}

const UNABLE: [Unable; 1] = [Unable {
    test: "cve_2024_22365_a_fifo_blocks_nobody",
    on: &[Image::Bullseye, Image::Trixie],
    reason: "it begins with what Debian 12's pam_namespace does, and this one is fixed",
}];

fn unable(image: Image) -> impl Iterator<Item = &'static Unable> {
    UNABLE.iter().filter(move |unable| unable.on.contains(&image))
}

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/kernels.md");

/// Runs everything on this machine. Its row is that of the document, where only more tests may have
/// passed meanwhile; `RTMP_BLESS=1` writes it.
fn on(image: Image) {
    static WRITING: Mutex<()> = Mutex::new(());
    let row = Row::measured(image);
    for Unable { test, reason, .. } in unable(image) {
        report(&format!("{}, {test}: ignored, {reason}", row.machine));
    }
    report(&row.to_string());
    assert_eq!(row.failed, 0);
    let _one_at_a_time = WRITING.lock();
    let page = fs::read_to_string(PAGE).unwrap();
    let start = format!("| {} |", image.name());
    let old = page.lines().find(|line| line.starts_with(&start)).expect("no row for it");
    if std::env::var_os("RTMP_BLESS").is_some() {
        fs::write(PAGE, page.replace(old, &row.to_string())).unwrap();
        return;
    }
    let cells: Vec<_> = old.split('|').map(str::trim).collect();
    let passed = cells.get(5).and_then(|cell| cell.parse().ok()).expect("no number of tests");
    assert!(row.passed >= passed, "only {} tests", row.passed);
    assert_eq!(Row { passed, ..row }.to_string(), old, "write it with RTMP_BLESS=1");
}

mod all {
    use super::*;

    #[test]
    #[ignore = "needs a virtual machine: tests/vm --all"]
    fn every_test_of_sessions_passes_on_debian_11() {
        on(Image::Bullseye);
    }

    #[test]
    #[ignore = "needs a virtual machine: tests/vm --all"]
    fn every_test_of_sessions_passes_on_debian_12() {
        on(Image::Bookworm);
    }

    #[test]
    #[ignore = "needs a virtual machine: tests/vm --all"]
    fn every_test_of_sessions_passes_on_debian_13() {
        on(Image::Trixie);
    }

    #[test]
    #[ignore = "needs a virtual machine: tests/vm --all"]
    fn every_test_of_sessions_passes_on_linux_7() {
        on(Image::Linux7);
    }
}
