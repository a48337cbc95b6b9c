//! A mount namespace's mounts, from `/proc/PID/mountinfo` (`proc(5)`): the kernel's own record, for
//! which no file system is asked.

/// One mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    id: u64,
    above: u64,
    /// What is mounted.
    pub source: Location,
    /// Where, as the process sees it.
    pub target: Vec<u8>,
    /// `rw`, `nosuid`, ...
    pub options: Vec<u8>,
    /// The file system's type.
    pub kind: Vec<u8>,
}

impl Mount {
    /// Whether the mount has an option, such as `nosuid`.
    pub fn has(&self, option: &str) -> bool {
        self.options.split(|&b| b == b',').any(|each| each == option.as_bytes())
    }
}

/// A directory, by its file system and its path in it: the same wherever it is mounted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Location {
    /// `major:minor`, as written.
    pub device: Vec<u8>,
    /// From the file system's root.
    pub path: Vec<u8>,
}

impl Location {
    /// What lies at a path below it.
    pub fn below(&self, rest: &[u8]) -> Self {
        let rest = rest.strip_prefix(b"/").unwrap_or(rest);
        let path = match (self.path.as_slice(), rest) {
            (path, []) => path.to_vec(),
            (b"/", rest) => [b"/", rest].concat(),
            (path, rest) => [path, b"/", rest].concat(),
        };
        Self { device: self.device.clone(), path }
    }

    /// The rest of the path, if it lies below another.
    pub fn within(&self, above: &Self) -> Option<&[u8]> {
        let path = self.path.strip_suffix(DELETED).unwrap_or(&self.path);
        (self.device == above.device).then(|| rest_of(path, &above.path)).flatten()
    }

    /// What follows the last directory of this name, where the path from the root is not known.
    pub fn behind_name(&self, name: &[u8]) -> Option<&[u8]> {
        let path = self.path.strip_suffix(DELETED).unwrap_or(&self.path);
        let part = [b"/", name, b"/"].concat();
        let at = path.windows(part.len()).rposition(|window| window == part)?;
        path.get(at + part.len()..)
    }

    /// Whether the directory is gone from its file system.
    pub fn is_deleted(&self) -> bool {
        self.path.ends_with(DELETED)
    }
}

/// What the kernel writes behind the path of a directory that was removed.
const DELETED: &[u8] = b"//deleted";

/// The part of a path that lies below a directory, without its slash.
pub fn rest_of<'a>(path: &'a [u8], dir: &[u8]) -> Option<&'a [u8]> {
    let rest = path.strip_prefix(dir.strip_suffix(b"/").unwrap_or(dir))?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix(b"/") }
}

/// All mounts that a process sees.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table(Vec<Mount>);

impl Table {
    /// Reads mountinfo. What is no line of it is passed over.
    pub fn parse(text: &[u8]) -> Self {
        Self(text.split(|&b| b == b'\n').filter_map(mount).collect())
    }

    /// All mounts, in the kernel's order.
    pub fn mounts(&self) -> &[Mount] {
        &self.0
    }

    /// The mount with this number.
    pub fn by_id(&self, id: u64) -> Option<&Mount> {
        self.0.iter().find(|mount| mount.id == id)
    }

    /// The mount that a path without links leads into.
    pub fn around(&self, path: &[u8]) -> Option<&Mount> {
        let holds = |mount: &&Mount| rest_of(path, &mount.target).is_some();
        let is_topmost = |mount: &&Mount| self.0.iter().all(|other| other.id != mount.above);
        let mut mount = self.0.iter().filter(is_topmost).find(holds)?;
        // A path enters a mount at the first of its names that something is mounted on. Each turn
        // leads to a mount that was not entered yet, unless the table is no tree.
        for _ in 0..self.0.len() {
            let above = mount.id;
            let inner = self.0.iter().filter(|inner| inner.above == above && inner.id != above);
            match inner.filter(holds).min_by_key(|inner| inner.target.len()) {
                Some(inner) => mount = inner,
                None => break,
            }
        }
        Some(mount)
    }

    /// The directory that a path without links leads to.
    pub fn location(&self, path: &[u8]) -> Option<Location> {
        let mount = self.around(path)?;
        Some(mount.source.below(rest_of(path, &mount.target)?))
    }
}

/// `36 35 98:0 /root /target rw,noatime master:1 - ext4 /dev/sda rw`
fn mount(line: &[u8]) -> Option<Mount> {
    let mut fields = line.split(|&b| b == b' ');
    let id = number(fields.next()?)?;
    let above = number(fields.next()?)?;
    let device = fields.next()?.to_vec();
    let path = unescaped(fields.next()?);
    let target = unescaped(fields.next()?);
    let options = fields.next()?.to_vec();
    let kind = fields.skip_while(|field| *field != b"-").nth(1)?.to_vec();
    Some(Mount { id, above, source: Location { device, path }, target, options, kind })
}

/// A number written in decimal digits.
pub fn number<T: std::str::FromStr>(digits: &[u8]) -> Option<T> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// A blank, tab, newline or backslash is written as a backslash and three octal digits.
fn unescaped(field: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&first, tail)) = rest.split_first() {
        let digits = tail.get(..3).filter(|_| first == b'\\');
        let code = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        match code.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = tail.get(3..).unwrap_or_default();
            }
            None => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &[u8] = b"\
20 1 0:18 / / rw,relatime shared:1 - ext4 /dev/sda rw
21 20 0:19 / /var rw - xfs /dev/sdb rw
22 20 0:20 / /var/tmp rw - tmpfs hidden rw
31 20 0:18 /tmp-inst/al\\040ice /tmp rw,nosuid shared:2 master:1 - ext4 /dev/sda rw
32 31 0:18 /tmp-inst/bob//deleted /tmp rw - ext4 /dev/sda rw
33 20 0:18 /home/\\134\xff /mnt/a\\012b rw - ext4 /dev/sda rw
not a line
";

    fn shown(location: Option<Location>) -> String {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        location.map_or_else(String::new, |l| format!("{} {}", text(&l.device), text(&l.path)))
    }

    #[test]
    fn a_path_leads_into_the_mount_on_top_of_it() {
        let table = Table::parse(TABLE);
        for (path, want) in [
            (&b"/"[..], "0:18 /"),
            (b"/etc/passwd", "0:18 /etc/passwd"),
            (b"/tmp", "0:18 /tmp-inst/bob//deleted"),
            (b"/tmpx", "0:18 /tmpx"),
            // Mounted below /var before /var itself was.
            (b"/var/tmp", "0:19 /tmp"),
            (b"/mnt/a\nb/c", "0:18 /home/\\\u{fffd}/c"),
        ] {
            assert_eq!(shown(table.location(path)), want, "{path:?}");
        }
        assert_eq!(table.mounts().len(), 6);
        assert!(table.around(b"/tmp").is_some_and(|mount| !mount.has("nosuid")));
        assert_eq!(shown(Table::default().location(b"/tmp")), "");
    }

    #[test]
    fn a_location_lies_below_another_of_the_same_file_system() {
        let at = |device: &[u8], path: &[u8]| Location { device: device.into(), path: path.into() };
        let parent = at(b"8:1", b"/tmp-inst");
        for (device, path, want) in [
            (&b"8:1"[..], &b"/tmp-inst/alice"[..], Some(&b"alice"[..])),
            (b"8:1", b"/tmp-inst/alice//deleted", Some(b"alice")),
            (b"8:1", b"/tmp-inst", Some(b"")),
            (b"8:1", b"/tmp-instalice", None),
            (b"8:2", b"/tmp-inst/alice", None),
        ] {
            assert_eq!(at(device, path).within(&parent), want, "{path:?}");
        }
        assert_eq!(at(b"8:1", b"/x").within(&at(b"8:1", b"/")), Some(&b"x"[..]));
        assert_eq!(parent.below(b"/alice/x"), at(b"8:1", b"/tmp-inst/alice/x"));
        assert_eq!(at(b"8:1", b"/").below(b"x"), at(b"8:1", b"/x"));
    }

    #[test]
    fn a_table_that_is_no_tree_is_no_endless_walk() {
        let table = Table::parse(
            b"1 2 0:1 / /a rw - x y rw\n2 1 0:1 / /a rw - x y rw\n3 9 0:1 / / rw - x y rw\n",
        );
        assert_eq!(shown(table.location(b"/a")), "0:1 /a");
        let table = Table::parse(
            b"3 9 0:1 / / rw - x y rw\n2 3 0:2 / /a rw - x y rw\n3 2 0:1 / /a rw - x y rw\n",
        );
        assert!(table.location(b"/a").is_some());
    }
}
