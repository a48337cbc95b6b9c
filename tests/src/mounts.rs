//! Reading `/proc/PID/mountinfo`.

use std::fmt;

/// One line of mountinfo: a mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// Its number.
    pub id: u32,
    /// The number of the mount it is attached to.
    pub parent: u32,
    /// `major:minor` of the file system.
    pub device: String,
    /// The directory of the file system that is its root.
    pub root: String,
    /// Where it is attached.
    pub target: String,
    /// The options of this mount: `rw`, `nosuid`, ...
    pub options: Vec<String>,
    /// Its propagation: `shared:1`, `master:1`; empty when private.
    pub propagation: Vec<String>,
    /// The file system's type.
    pub fstype: String,
    /// What was mounted, as the file system names it.
    pub source: String,
    /// The options of the file system.
    pub super_options: Vec<String>,
}

impl Mount {
    /// Whether this mount has the option, such as `nosuid`.
    pub fn has(&self, option: &str) -> bool {
        self.options.iter().any(|each| each == option)
    }

    /// Whether its mounts reach a peer.
    pub fn is_shared(&self) -> bool {
        self.propagation.iter().any(|field| field.starts_with("shared:"))
    }

    fn parse(line: &str) -> Option<Self> {
        let list = |text: &str| text.split(',').map(str::to_owned).collect();
        let (of_mount, of_file_system) = line.split_once(" - ")?;
        let mut fields = of_mount.split(' ');
        let mut rest = of_file_system.split(' ');
        Some(Mount {
            id: fields.next()?.parse().ok()?,
            parent: fields.next()?.parse().ok()?,
            device: fields.next()?.to_owned(),
            root: unescaped(fields.next()?),
            target: unescaped(fields.next()?),
            options: list(fields.next()?),
            propagation: fields.map(str::to_owned).collect(),
            fstype: rest.next()?.to_owned(),
            source: unescaped(rest.next()?),
            super_options: list(rest.next()?),
        })
    }
}

/// A mount namespace's mounts, in the order the kernel lists them.
#[derive(Clone, PartialEq, Eq)]
pub struct MountTable(pub Vec<Mount>);

impl MountTable {
    /// Reads the text of a mountinfo file.
    pub fn parse(text: &str) -> Self {
        let line = |line| Mount::parse(line).unwrap_or_else(|| panic!("not mountinfo: {line}"));
        MountTable(text.lines().map(line).collect())
    }

    /// The mounts of this process.
    pub fn here() -> Self {
        Self::parse(&std::fs::read_to_string("/proc/self/mountinfo").unwrap())
    }

    /// The mounts stacked at exactly this path, the lowest first.
    pub fn at(&self, path: &str) -> Vec<&Mount> {
        self.0.iter().filter(|mount| mount.target == path).collect()
    }

    /// The mount that is seen at exactly this path.
    pub fn top_at(&self, path: &str) -> Option<&Mount> {
        let stack = self.at(path);
        let covered = |below: &Mount| stack.iter().any(|above| above.parent == below.id);
        stack.iter().copied().find(|mount| !covered(mount))
    }
}

impl fmt::Debug for MountTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|m| format!("{} is {}:{}", m.target, m.device, m.root)))
            .finish()
    }
}

/// mountinfo writes blank, tab, newline and backslash as `\ooo`.
fn unescaped(field: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = field.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let octal = tail.get(..3).filter(|_| first == b'\\');
        let code = octal.and_then(|digits| std::str::from_utf8(digits).ok());
        match code.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[3..];
            }
            None => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
20 1 0:18 / / rw,relatime shared:1 - tmpfs tmpfs rw,mode=755
31 20 0:18 /tmp-inst/al\\040ice /tmp rw,nosuid shared:2 master:1 - tmpfs tmpfs rw
32 31 0:30 / /tmp rw - tmpfs tm\\134pfs rw,size=4k
";

    #[test]
    fn the_mount_on_top_is_the_one_that_no_other_covers() {
        let table = MountTable::parse(TABLE);
        assert_eq!(table.at("/tmp").len(), 2);
        assert_eq!(table.top_at("/tmp").unwrap().id, 32);
        assert!(table.top_at("/var").is_none());
    }

    #[test]
    fn a_line_is_read_to_its_last_field() {
        let mount = MountTable::parse(TABLE).at("/tmp")[0].clone();
        assert_eq!(mount.root, "/tmp-inst/al ice");
        assert_eq!(mount.propagation, ["shared:2", "master:1"]);
        assert!(mount.has("nosuid") && mount.is_shared());
        assert_eq!(MountTable::parse(TABLE).0[2].source, "tm\\pfs");
    }
}
