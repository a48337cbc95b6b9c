//! A service as systemd has it loaded: what `systemctl show` says, and what that means for a private
//! `/tmp`.

use std::path::PathBuf;

/// What is asked for. `PrivateTmpEx` is there since systemd 257; before, `PrivateTmp` says it all.
pub const PROPERTIES: &str = "Id,LoadState,ActiveState,MainPID,ControlGroup,PrivateTmp,PrivateTmpEx,\
    DynamicUser,JoinsNamespaceOf,RootDirectory,RootImage,KillMode,PAMName,FragmentPath,DropInPaths,\
    NeedDaemonReload,Transient";

/// `PrivateTmp=` (systemd.exec(5)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PrivateTmp {
    /// The host's.
    No,
    /// A directory of its own in the host's.
    Yes,
    /// A tmpfs of its own, since systemd 257.
    Disconnected,
}

impl PrivateTmp {
    /// As in a unit file.
    pub fn word(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::Yes => "yes",
            Self::Disconnected => "disconnected",
        }
    }
}

/// One unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// Its name, with which it was loaded; not an alias.
    pub id: String,
    /// `loaded`, `not-found`, `masked`, ...
    pub load: String,
    /// `active`, `inactive`, ...
    pub active: String,
    /// Its first process, while it runs.
    pub main_pid: Option<i32>,
    /// The control group that its processes are in.
    pub cgroup: Vec<u8>,
    /// As loaded: what its next start gets.
    pub private_tmp: PrivateTmp,
    /// `DynamicUser=`, which implies `PrivateTmp=`.
    pub dynamic_user: bool,
    /// Units whose `/tmp` it shares, if both have a private one.
    pub joins: Vec<String>,
    /// Whether it has a root directory or image of its own.
    pub own_root: bool,
    /// What stopping it ends: `control-group`, `process`, ...
    pub kill_mode: String,
    /// The PAM service whose session it runs in.
    pub pam_name: Option<String>,
    /// The unit file.
    pub fragment: Option<PathBuf>,
    /// The drop-ins.
    pub drop_ins: Vec<PathBuf>,
    /// Whether the files have changed since they were loaded.
    pub needs_reload: bool,
    /// Whether it has no file, as `systemd-run` makes them.
    pub transient: bool,
}

impl Unit {
    /// All units in an answer of `systemctl show`: lines `NAME=VALUE`, an empty line between units.
    pub fn all(text: &[u8]) -> Vec<Self> {
        let text = String::from_utf8_lossy(text);
        text.split("\n\n").filter_map(Self::parse).collect()
    }

    fn parse(text: &str) -> Option<Self> {
        let value = |name: &str| {
            let values = text.lines().filter_map(|line| line.split_once('='));
            let mut values = values.filter(|(found, _)| *found == name).map(|(_, value)| value);
            values.next().unwrap_or_default()
        };
        let full = |name: &str| Some(value(name)).filter(|value| !value.is_empty());
        let words = |name: &str| value(name).split_ascii_whitespace();
        let private_tmp = match (full("PrivateTmpEx"), value("PrivateTmp")) {
            (Some("disconnected"), _) => PrivateTmp::Disconnected,
            (Some("yes"), _) | (None, "yes") => PrivateTmp::Yes,
            _ => PrivateTmp::No,
        };
        Some(Self {
            id: full("Id")?.to_owned(),
            load: value("LoadState").to_owned(),
            active: value("ActiveState").to_owned(),
            main_pid: value("MainPID").parse().ok().filter(|&pid| pid != 0),
            cgroup: value("ControlGroup").into(),
            private_tmp,
            dynamic_user: value("DynamicUser") == "yes",
            joins: words("JoinsNamespaceOf").map(str::to_owned).collect(),
            own_root: full("RootDirectory").or(full("RootImage")).is_some(),
            kill_mode: value("KillMode").to_owned(),
            pam_name: full("PAMName").map(str::to_owned),
            fragment: full("FragmentPath").map(PathBuf::from),
            drop_ins: words("DropInPaths").map(PathBuf::from).collect(),
            needs_reload: value("NeedDaemonReload") == "yes",
            transient: value("Transient") == "yes",
        })
    }

    /// Whether it is running, or was meant to.
    pub fn is_active(&self) -> bool {
        !matches!(self.active.as_str(), "inactive" | "failed")
    }

    /// Whether it is meant to have a private `/tmp` when it is started next.
    pub fn is_private(&self) -> bool {
        self.private_tmp != PrivateTmp::No
    }

    /// Why a private `/tmp` would be one for all sessions that it starts, and would be taken from them
    /// when it is stopped; or `None`.
    pub fn spawns_sessions(&self) -> Option<String> {
        let template = self.id.split(['@', '.']).next().unwrap_or_default();
        let kind = SPAWNERS.iter().find(|(_, names)| names.contains(&template));
        if let Some((kind, _)) = kind {
            return Some(format!("{kind}, whose sessions would all share it"));
        }
        if let Some(pam) = &self.pam_name {
            return Some(format!(
                "it is a session itself (PAMName={pam}), and does not start with one beside pam_rtmp.so"
            ));
        }
        let outlive = matches!(self.kill_mode.as_str(), "process" | "none");
        outlive.then(|| {
            let mode = &self.kill_mode;
            format!("what it starts outlives it (KillMode={mode}) and would lose it at its stop")
        })
    }
}

/// Services that start sessions of users, by what they are.
const SPAWNERS: [(&str, &[&str]); 6] = [
    (
        "it lets users in",
        &["ssh", "sshd", "sshd-session", "sshd-unix-local", "dropbear", "telnetd"],
    ),
    (
        "it lets users in at a terminal",
        &[
            "getty",
            "serial-getty",
            "console-getty",
            "container-getty",
            "autovt",
            "emergency",
            "rescue",
        ],
    ),
    (
        "it is a display manager",
        &[
            "display-manager",
            "gdm",
            "gdm3",
            "greetd",
            "lightdm",
            "lxdm",
            "ly",
            "sddm",
            "slim",
            "wdm",
            "xdm",
        ],
    ),
    ("it opens remote desktops", &["xrdp-sesman", "vncserver", "cockpit"]),
    ("it runs the jobs of users", &["cron", "crond", "cronie", "fcron", "atd", "anacron"]),
    ("it is a user's service manager", &["user"]),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Recorded of systemd 252 (Debian 12), with units that were made for it.
    const RECORDED: &[u8] = include_bytes!("../../tests/recorded/systemctl-show.252");

    #[test]
    fn what_systemctl_shows_is_read() {
        let units = Unit::all(RECORDED);
        let said: Vec<_> = units
            .iter()
            .map(|unit| {
                let name = unit.id.trim_end_matches(".service");
                let how = unit.private_tmp.word();
                let implied = if unit.dynamic_user { " implied" } else { "" };
                let joins = unit.joins.join(",");
                format!("{name} {} {} {how}{implied} {joins}", unit.load, unit.active)
            })
            .collect();
        let want = [
            "other error inactive no ",
            "plain loaded active no ",
            "first loaded active yes ",
            "second loaded active yes first.service",
            "database loaded active no ",
            "reader loaded active no ",
            "dynamic loaded active yes implied ",
            "instance@a loaded active no ",
            "lingering loaded active no ",
            "session loaded active no ",
            "nothere not-found inactive no ",
        ];
        assert_eq!(said, want);
        let plain = units.iter().find(|unit| unit.id == "plain.service");
        assert_eq!(plain.and_then(|unit| unit.main_pid), Some(247));
        assert_eq!(
            plain.map(|unit| unit.cgroup.as_slice()),
            Some(&b"/system.slice/plain.service"[..])
        );
    }

    /// `PrivateTmpEx` came with systemd 257; where it is not known nothing is said of it.
    #[test]
    fn the_newer_property_counts_where_there_is_one() {
        for (text, want) in [
            ("PrivateTmp=no", PrivateTmp::No),
            ("PrivateTmp=yes", PrivateTmp::Yes),
            ("PrivateTmp=yes\nPrivateTmpEx=disconnected", PrivateTmp::Disconnected),
            ("PrivateTmp=yes\nPrivateTmpEx=yes", PrivateTmp::Yes),
            ("PrivateTmp=no\nPrivateTmpEx=no", PrivateTmp::No),
        ] {
            let units = Unit::all(format!("Id=x.service\n{text}\n").as_bytes());
            assert_eq!(units.first().map(|unit| unit.private_tmp), Some(want), "{text}");
        }
    }

    #[test]
    fn services_that_start_sessions_are_known_by_name_by_kill_mode_and_by_pam() {
        let with = |id: &str, rest: &str| {
            let units = Unit::all(format!("Id={id}\nKillMode=control-group\n{rest}").as_bytes());
            units.first().and_then(Unit::spawns_sessions).unwrap_or_default()
        };
        for (id, want) in [
            ("ssh.service", "it lets users in"),
            ("sshd@3-10.0.0.1:22.service", "it lets users in"),
            ("getty@tty1.service", "it lets users in at a terminal"),
            ("gdm3.service", "it is a display manager"),
            ("crond.service", "it runs the jobs of users"),
            ("user@1000.service", "it is a user's service manager"),
            ("nginx.service", ""),
            ("users.service", ""),
        ] {
            let said = with(id, "");
            assert_eq!(said.split(", whose").next(), Some(want), "{id}");
        }
        assert!(with("x.service", "PAMName=login").contains("PAMName=login"));
        let unit = Unit::all(b"Id=x.service\nKillMode=process\n");
        let why = unit.first().and_then(Unit::spawns_sessions).unwrap_or_default();
        assert!(why.contains("KillMode=process"), "{why}");
    }
}
