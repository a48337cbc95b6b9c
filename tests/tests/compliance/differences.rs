//! The differences from pam_namespace that are meant.

/// A difference that is meant.
pub struct Difference {
    /// `D-n` in docs/compatibility.md.
    pub number: u8,
    /// What it does and what we do.
    pub what: &'static str,
    /// Why.
    pub why: &'static str,
}

const fn d(number: u8, what: &'static str, why: &'static str) -> Difference {
    Difference { number, what, why }
}

/// All of them.
pub const ALL: &[Difference] = &[
    d(
        1,
        "What kills or blocks the process that logs somebody in (an empty method; a line of one field and a FIFO as polydir or above it in 1.5.2; `use_current_context` with `shared` and without SELinux in 1.7) is a refusal, or means nothing.",
        "A configuration file or a user must not be able to crash or hang login(1).",
    ),
    d(
        2,
        "A session that is refused leaves the caller where it was: no namespace, no mount, no `tmpdir` instance. pam_namespace leaves the new namespace and what it had mounted. Instance parents, which we make before the first mount, stay as its do.",
        "`optional` would go on in half a session; sshd's monitor would stay in it.",
    ),
    d(
        3,
        "A session opened inside another session of the module (`su - bob`, `sudo -i -u bob`, a second open in one process) steps out of the first one's instances: bob gets his own. pam_namespace stacks, and makes bob's instance inside alice's where the instance parent lies in the polydir.",
        "One user, one `/tmp`, from wherever they come.",
    ),
    d(
        4,
        "A working directory inside a polydir becomes the polydir's new root, also with `unmnt_remnt` and `unmnt_only`, where pam_namespace goes to the directory above the polydir (and takes `/tmpfoo` for a directory in `/tmp`).",
        "`.` would be the shared `/tmp`, which the session is meant to be private of.",
    ),
    d(
        5,
        "`unmnt_remnt` and `unmnt_only` remove only what covers the polydir in this namespace and is not the host's own; where there is nothing to remove, nothing is logged. pam_namespace removes whatever is on top, the host's own `/tmp` included.",
        "su from a session without private directories must not show what lies below the host's `/tmp`.",
    ),
    d(
        6,
        "An unknown `PAM_RUSER` refuses the session only where a rule needs to know who asks (`unmnt_remnt`, `unmnt_only`).",
        "Programs put what they like there: a remote user's name, for one.",
    ),
    d(
        7,
        "The user names `..`, `.` and those that are empty or hold a slash are refused with PAM_SESSION_ERR, `a/b` before anything is touched. For `..` pam_namespace mounts the directory above the instance parent; `a/b` makes another parent of it. Names longer than 255 bytes are not cut.",
        "A name is one component of a path, or it is an attack.",
    ),
    d(
        8,
        "In a list of exempt users a plain lower-case name matches the user of that name and is not looked up; `root` matches uid 0. A second name of the same uid is private. Names that nobody has are not logged at each login, in either kind of list; `rtmpctl check` shows them.",
        "A login does not pay for a look-up of every name in the list, and `root,adm` is not an error at every login on Debian. Private is the safe side.",
    ),
    d(
        9,
        "`use_current_context` and `use_default_context` without SELinux change nothing: `level` and `context` mean `user`, `shared` means nobody. pam_namespace names the instance `(null)_alice`, or dies.",
        "`(null)` is a NULL pointer's name.",
    ),
    d(
        10,
        "Scripts get six arguments, as from Linux-PAM 1.7.1 on, where 1.5.2 gives four.",
        "A script must be able to tell whether root may touch a path.",
    ),
    d(
        11,
        "Scripts run in `/`, with umask 022, on `/dev/null`, and without a descriptor of the caller's. pam_namespace passes on the caller's (descriptors until 1.6).",
        "What root runs must not depend on who logs in from where.",
    ),
    d(
        12,
        "Several slashes in a row count as one, in a polydir and in a prefix. 1.5.2 refuses them in a prefix, 1.7 in a polydir and inside a prefix; 1.5.2 strips only one slash at a polydir's end and tells the script so.",
        "The references disagree; `$HOME/x` works where the passwd entry ends in a slash.",
    ),
    d(
        13,
        "The polydir `/` is refused.",
        "A mount over `/` changes nothing that a process can see: a promise that is not kept.",
    ),
    d(
        14,
        "A `tmpdir` instance is removed when the session is closed, with and without `unmount_on_close`.",
        "pam_namespace(8) says so. The module has not done so since 2012.",
    ),
    d(
        15,
        "The flags nosuid, nodev and noexec of the polydir's mount are kept, on a bind and on a tmpfs.",
        "Going private must not make a hardened `/tmp` a soft one.",
    ),
    d(
        16,
        "No mount of a session reaches the host, also where `/` is private and `/tmp` is shared.",
        "pam_namespace shows alice's `/tmp` to everybody there.",
    ),
    d(
        17,
        "An instance that is a link or no directory is refused by all but 1.5.2, which follows the link. One that an interrupted login left empty with mode 0400 is completed, and one line says so.",
        "A user who was unlucky once could never use `/tmp` again.",
    ),
    d(
        18,
        "Mounts below a user's own directory stay after close_session, pam_end, and pam_end in a forked child. pam_namespace's vanish, since its mounts of directories over themselves are lazily removed and take those on top with them.",
        "We do not mount directories over themselves: it protects nothing. PAM data without side effects harms no child.",
    ),
    d(
        19,
        "`unmount_on_close` detaches the mounts of the session that is closed, newest first. What it cannot detach (as the user, as systemd closes) is a debug line. pam_namespace goes in the order of the file, stops at the first failure, and logs an error.",
        "Nested polydirs, skipped `shared` lines and systemd's close are no errors.",
    ),
    d(
        20,
        "One event is one line. A refusal and a line passed over by `ignore_config_error` have severity err. pam_namespace logs notice and err, or crit, and says nothing of a script that is not executable.",
        "Who is locked out finds out why.",
    ),
    d(
        21,
        "A `namespace.d` that cannot be read refuses the login.",
        "pam_namespace goes on without rules it was given: users who should be private are not.",
    ),
    d(
        22,
        "Somebody else's directory or link in the instance parent's place, in a sticky directory, is moved aside and the parent made; one line names the owner. pam_namespace refuses every login until root removes it.",
        "One user must not lock out everybody.",
    ),
    d(
        23,
        "Before Linux 6.11 `/proc` must be mounted, as for 1.7; 1.5.2 does without.",
        "The way back after a failure leads through `/proc/thread-self/ns/mnt` where the kernel does not give it.",
    ),
    d(
        24,
        "A user for whom every line is a skipped `shared` line (no SELinux) is treated as exempt: no namespace; and a skipped line looks at no polydir. pam_namespace makes a namespace and the polydir (`create`), or refuses where it is missing, and then mounts nothing.",
        "Where nothing is private nothing is changed.",
    ),
    d(
        25,
        "All instance parents are opened before the first mount. One that lies in another line's polydir is therefore the host's; pam_namespace makes it anew in each user's instance.",
        "A parent that only this user can see is none: the next login would not find the instance.",
    ),
    d(
        26,
        "Of several `create` flags in one method the last alone is looked at. pam_namespace refuses the file for an unknown owner or group in any of them.",
        "What is overridden plays no part.",
    ),
];

/// Cases in which a login is refused and `rtmpctl explain` did not say so, and why it cannot.
pub const UNFORESEEN: &[(&str, &str)] = &[
    ("a script that is killed", SCRIPT),
    ("mntopts: noatime", KERNEL),
    ("mntopts: what no file system knows", KERNEL),
    ("mntopts: a variable stays as it is", KERNEL),
];
const SCRIPT: &str = "how a script ends is known when it has ended";
const KERNEL: &str =
    "the kernel judges a tmpfs's options; `rtmpctl check` names those that tmpfs(5) does not have";
