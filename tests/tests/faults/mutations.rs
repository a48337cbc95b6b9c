//! The suites' teeth: what is broken on purpose, and what then fails.
//!
//! `cargo test --test faults -- --ignored every_mutation_is_found` breaks a copy of the tree in one
//! place after the other, builds the module, and runs the test named here against it. That test
//! must fail and say the words given here. `RTMP_MUTATION` chooses by words of the promise.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rtmp_tests::figures::report;
use rtmp_tests::suite::tests_of;

/// One promise broken.
struct Mutation {
    promise: &'static str,
    /// Below `rtmp-core/src/session`.
    file: &'static str,
    line: &'static str,
    instead: &'static str,
    /// The test's binary and name.
    test: (&'static str, &'static str),
    says: &'static str,
}

const MUTATIONS: [Mutation; 18] = [
    Mutation {
        promise: "a chrooted caller gets its root back",
        file: "namespace.rs",
        line: "        fchdir(&self.root)?;\n        chroot(c\".\")?;\n",
        instead: "        fchdir(&self.root)?;\n",
        test: ("faults", "chrooted"),
        says: "\"root directory\"",
    },
    Mutation {
        promise: "a caller gets its working directory back",
        file: "namespace.rs",
        line: "            Cwd::At(cwd) => fchdir(cwd)?,\n            Cwd::Root | Cwd::Unknown(_) => chdir(c\"/\")?,\n",
        instead: "            Cwd::At(_) | Cwd::Root | Cwd::Unknown(_) => {}\n",
        test: ("faults", "flat"),
        says: "refused, and changed [\"working directory",
    },
    Mutation {
        promise: "undo is leaving",
        file: "namespace.rs",
        line: "        setns(&self.namespace, CloneFlags::CLONE_NEWNS)?;\n",
        instead: "",
        test: ("faults", "flat"),
        says: "refused, and changed [\"mount namespace\"",
    },
    Mutation {
        promise: "no mount of a session reaches the host",
        file: "mod.rs",
        line: "    namespace.stop_propagation()?;\n",
        instead: "",
        test: ("faults", "flat"),
        says: "the host's mount table has changed",
    },
    Mutation {
        promise: "an instance is complete or absent: it is finished in a closed room",
        file: "instance.rs",
        line: "    let dir = draft.finished(recipe)?;\n    match draft.publish(&parent.dir, name) {",
        instead: "    drop(draft);\n    let mut dir = super::draft::make_in(api, &parent.dir, name, super::draft::CLOSED, None)?;\n    super::draft::finish(api, &mut dir, recipe)?;\n    match Ok::<(), Errno>(()) {",
        test: ("faults", "prefix"),
        says: "on disk: /srv/inst/alice 0 0 700",
    },
    Mutation {
        promise: "an instance has the polydir's owner and mode before it has its name",
        file: "draft.rs",
        line: "        fchmod(dir, Mode::from_bits_truncate(self.mode))\n",
        instead: "        fchmod(dir, Mode::from_bits_truncate(self.mode)).or(Ok(()))\n",
        test: ("faults", "prefix"),
        says: "on disk: /srv/inst/alice 0 0 700",
    },
    Mutation {
        promise: "a draft is removed when its login fails",
        file: "draft.rs",
        line: "        removal::empty(self.api, &self.room).unwrap_or_default();\n",
        instead: "",
        test: ("faults", "prefix"),
        says: "on disk: /srv/inst/:rtmp-",
    },
    Mutation {
        promise: "a tmpdir instance does not outlive a refused login",
        file: "mod.rs",
        line: "    close::remove_new(calls, ledger.temporaries());\n",
        instead: "",
        test: ("faults", "tmpdir"),
        says: "on disk: /tmp/inst/t.",
    },
    Mutation {
        promise: "a squat is moved aside and not removed",
        file: "draft.rs",
        line: "        self.holds_anothers = true;\n",
        instead: "",
        test: ("faults", "squatted"),
        says: "missing: /tmp/user_tmpl 1002 1002",
    },
    Mutation {
        promise: "the caller's working directory is inside its private /tmp",
        file: "mod.rs",
        line: "            around_cwd = Some((path, cover.into()));\n",
        instead: "            drop(cover);\n",
        test: ("faults", "tmpfs"),
        says: "the working directory is still the shared /tmp",
    },
    Mutation {
        promise: "nobody finds an instance inside another user's",
        file: "mod.rs",
        line: "        nesting::step_out(api, plan)?;\n",
        instead: "",
        test: ("faults", "nested"),
        says: "/tmp is not Instance",
    },
    Mutation {
        promise: "no descriptor stays open",
        file: "namespace.rs",
        line: "    pub fn keep(mut self) {\n        self.host = None;\n",
        instead: "    pub fn keep(self) {\n        std::mem::forget(self);\n",
        test: ("faults", "flat"),
        says: "opened, and changed [\"descriptor",
    },
    Mutation {
        promise: "flags of a polydir's mount survive",
        file: "cover.rs",
        line: "            flags |= kept_flags(polydir)?;\n",
        instead: "",
        test: ("faults", "prefix"),
        says: "lost mount flags",
    },
    Mutation {
        promise: "a working directory that the kernel does not tell is not taken for none",
        file: "mod.rs",
        line: "        Err(Errno::ENOENT) => Ok(None),\n",
        instead: "        Err(_) if true => Ok(None),\n",
        test: ("faults", "flat"),
        says: "the working directory is still the shared /tmp",
    },
    Mutation {
        promise: "a script that the kernel could not start refuses the login",
        file: "script.rs",
        line: "    ])?;\n",
        instead: "    ])\n    .unwrap_or(End::Exited);\n",
        test: ("faults", "script"),
        says: "the script has not run",
    },
    Mutation {
        promise: "a directory that was made in place goes again when its login fails",
        file: "creation.rs",
        line: ".inspect_err(|_| removal::take_back(self.above, self.name))",
        instead: "",
        test: ("faults", "home"),
        says: "on disk: /home/alice/boxes 0 0 750",
    },
    Mutation {
        promise: "what was moved aside is told, also where the login began again",
        file: "ledger.rs",
        line: "        self.notices.retain(|notice| notice.event.outlives_the_namespace());\n",
        instead: "        self.notices.clear();\n",
        test: ("old_kernels", "what_a_user_puts_in_the_box_is_moved_aside"),
        says: "left: 0",
    },
    Mutation {
        promise: "what the older calls cannot do is not skipped",
        file: "mod.rs",
        line: "        (Ok(host), Why::CallMissing) => Attempt::WithOlderCalls(host),\n",
        instead: "",
        test: ("old_kernels", "a_caller_in_tmp_stands_in_the_instance"),
        says: "the kernel lacks a system call",
    },
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn source(root: &Path, mutation: &Mutation) -> PathBuf {
    root.join("rtmp-core/src/session").join(mutation.file)
}

/// A table that speaks of lines that are gone would prove nothing.
#[test]
fn every_mutation_is_of_a_line_that_is_there() {
    for mutation in &MUTATIONS {
        let text = fs::read_to_string(source(root(), mutation)).unwrap();
        let found = text.matches(mutation.line).count();
        assert_eq!(found, 1, "{}: {}", mutation.file, mutation.line);
    }
}

#[test]
#[ignore = "builds the module once for each mutation: minutes; run it alone"]
fn every_mutation_is_found() {
    let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mutants");
    let run = |program: &str, args: &[&str], dir: &Path| {
        let output = Command::new(program).args(args).current_dir(dir).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    fs::create_dir_all(&copy).unwrap();
    let parts = [
        "Cargo.toml",
        "Cargo.lock",
        "rtmp-core",
        "pam_rtmp",
        "rtmpctl",
        "tests/Cargo.toml",
        "tests/src",
        "tests/benches",
    ];
    for part in parts {
        run("cp", &["-a", "--parents", part, copy.to_str().unwrap()], root());
    }
    let mut missed = Vec::new();
    let chosen = std::env::var("RTMP_MUTATION").unwrap_or_default();
    let mut tried = 0;
    for mutation in MUTATIONS.iter().filter(|mutation| mutation.promise.contains(&chosen)) {
        tried += 1;
        let file = source(&copy, mutation);
        let text = fs::read_to_string(&file).unwrap();
        fs::write(&file, text.replace(mutation.line, mutation.instead)).unwrap();
        let target = copy.join("target");
        run(
            "cargo",
            &["build", "-q", "-p", "pam_rtmp", "--target-dir", target.to_str().unwrap()],
            &copy,
        );
        let (binary, test) = mutation.test;
        let output = tests_of(binary)
            .args([test, "--exact"])
            .env("RTMP_MODULE", target.join("debug/libpam_rtmp.so"))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        let found = !output.status.success() && said.contains(mutation.says);
        println!("{}: {}", if found { "found" } else { "MISSED" }, mutation.promise);
        if !found {
            missed.push(mutation.promise);
        }
        fs::write(&file, text).unwrap();
    }
    report(&format!("{} of {tried} mutations found", tried - missed.len()));
    assert!(missed.is_empty(), "{missed:#?}");
}
