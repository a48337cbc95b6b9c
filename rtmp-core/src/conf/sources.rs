//! Which files, in what order.

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use nix::NixPath;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;

use crate::sys;

/// The bytes of one configuration file.
#[derive(Debug)]
pub struct Source {
    /// Its path, for messages.
    pub path: PathBuf,
    /// What it says.
    pub text: Vec<u8>,
}

/// The bytes of all configuration files, in the order in which they count.
#[derive(Debug, Default)]
pub struct Sources(Vec<Source>);

/// A configuration file that is missing or cannot be read: nothing is known of what it wanted, so
/// nobody may log in past it, `ignore_config_error` or not.
#[derive(Debug, thiserror::Error)]
#[error("unable to read {}: {}", path.display(), reason(error))]
pub struct SourcesError {
    /// The file or directory.
    pub path: PathBuf,
    /// Why.
    pub error: io::Error,
}

/// Where the administrator's files are (`namespace.conf(5)`).
pub const SYSTEM_DIR: &str = "/etc/security";

/// Where the distribution's files are, if it has them apart from the administrator's: set by
/// `RTMP_VENDOR_DIR` when this is built, `/usr/share/pam/security` or `/usr/etc/security`, say.
/// Debian has none.
pub const VENDOR_DIR: Option<&str> = option_env!("RTMP_VENDOR_DIR");

impl Sources {
    /// The system's configuration.
    pub fn system() -> Result<Self, SourcesError> {
        Self::merged(Path::new(SYSTEM_DIR), VENDOR_DIR.map(Path::new))
    }

    /// `namespace.conf` of a directory, then `namespace.d/*.conf` beside it.
    pub fn under(dir: &Path) -> Result<Self, SourcesError> {
        Self::merged(dir, None)
    }

    /// `namespace.conf`, the vendor's where the administrator has none; then the `*.conf` of both
    /// `namespace.d`, sorted by name in byte order, the administrator's in place of the vendor's
    /// of the same name. Files whose name starts with a dot are passed over, and so are
    /// directories.
    pub fn merged(dir: &Path, vendor: Option<&Path>) -> Result<Self, SourcesError> {
        let main = b"namespace.conf";
        let missing = |error: &SourcesError| error.error.kind() == io::ErrorKind::NotFound;
        let first = match (read(within(dir, main)), vendor) {
            (Err(error), Some(vendor)) if missing(&error) => read(within(vendor, main)),
            (result, _) => result,
        };
        let mut sources = Self(vec![first?]);
        let mut drop_ins = drop_ins(within(dir, b"namespace.d"))?;
        if let Some(vendor) = vendor {
            let more = self::drop_ins(within(vendor, b"namespace.d"))?;
            let is_new =
                |path: &PathBuf| drop_ins.iter().all(|own| own.file_name() != path.file_name());
            let mut new: Vec<_> = more.into_iter().filter(is_new).collect();
            drop_ins.append(&mut new);
        }
        if !drop_ins.is_empty() {
            sources.add(drop_ins)?;
        }
        Ok(sources)
    }

    /// Adds the files of `namespace.d`, of which most hosts have none.
    #[cold]
    fn add(&mut self, mut drop_ins: Vec<PathBuf>) -> Result<(), SourcesError> {
        drop_ins.sort_unstable_by(|a, b| a.file_name().cmp(&b.file_name()));
        for path in drop_ins {
            match read(path) {
                Ok(source) => self.0.push(source),
                // A directory called x.conf yields nothing in pam_namespace, so it does here.
                Err(error) if error.error.kind() == io::ErrorKind::IsADirectory => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Only this text: a file that is not installed, or a test.
    pub fn text(path: impl Into<PathBuf>, text: impl Into<Vec<u8>>) -> Self {
        Self(vec![Source { path: path.into(), text: text.into() }])
    }

    /// Only these files.
    pub fn files(paths: impl IntoIterator<Item = PathBuf>) -> Result<Self, SourcesError> {
        paths.into_iter().map(read).collect::<Result<_, _>>().map(Self)
    }

    /// The files in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Source> {
        self.0.iter()
    }
}

/// A name in a directory. Not [`Path::join`]: a login reaches for no page of std that it can do
/// without.
fn within(dir: &Path, name: &[u8]) -> PathBuf {
    OsString::from_vec([dir.as_os_str().as_bytes(), b"/", name].concat()).into()
}

/// The configuration files of a `namespace.d`, in no order.
fn drop_ins(dir: PathBuf) -> Result<Vec<PathBuf>, SourcesError> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let entries = match open(&dir, flags, Mode::empty()) {
        Err(Errno::ENOENT) => return Ok(Vec::new()),
        result => result.and_then(sys::entries),
    };
    let counts = |name: &[u8]| name.ends_with(b".conf") && !name.starts_with(b".");
    match entries {
        Ok(entries) => {
            let names = entries.iter().map(|(name, _)| name.to_bytes());
            Ok(names.filter(|name| counts(name)).map(|name| within(&dir, name)).collect())
        }
        Err(errno) => Err(SourcesError { path: dir, error: errno.into() }),
    }
}

fn read(path: PathBuf) -> Result<Source, SourcesError> {
    match open_to_read(&path).and_then(read_all) {
        Ok(text) => Ok(Source { path, text }),
        Err(errno) => Err(SourcesError { path, error: errno.into() }),
    }
}

/// Opens a file, once more where a signal comes between: on NFS, say.
pub fn open_to_read<P: NixPath + ?Sized>(path: &P) -> Result<OwnedFd, Errno> {
    loop {
        match open(path, OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty()) {
            Err(Errno::EINTR) => {}
            result => return result,
        }
    }
}

/// All of a small file, in one read(2) as a rule: a regular file gives less than was asked for only
/// at its end.
pub fn read_all(file: impl AsFd) -> Result<Vec<u8>, Errno> {
    const FIRST: usize = 2048;
    loop {
        match sys::read_start::<FIRST>(&file) {
            Ok(text) if text.len() < FIRST => return Ok(text),
            Ok(text) => return read_rest(file, text),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
    }
}

fn read_rest(file: impl AsFd, mut text: Vec<u8>) -> Result<Vec<u8>, Errno> {
    text.reserve(2 * text.len());
    loop {
        let room = text.capacity() - text.len();
        match sys::read_into_room(&file, &mut text) {
            Ok(got) if got < room => return Ok(text),
            Ok(_) => text.reserve(2 * text.len()),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
    }
}

fn reason(error: &io::Error) -> String {
    error.raw_os_error().map_or_else(
        || error.to_string(),
        |errno| {
            let errno = nix::errno::Errno::from_raw(errno);
            format!("{} ({errno:?})", errno.desc())
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    /// A directory of the test's own, removed at its end.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> io::Result<Self> {
            let dir =
                std::env::temp_dir().join(format!("rtmp-sources-{name}-{}", std::process::id()));
            fs::create_dir_all(dir.join("etc/namespace.d"))?;
            fs::create_dir_all(dir.join("vendor/namespace.d"))?;
            Ok(Self(dir))
        }

        fn write(&self, path: &str) -> io::Result<()> {
            fs::write(self.0.join(path), path)
        }

        /// The files that count, by what they say, or the error.
        fn read(&self, vendor: bool) -> Vec<String> {
            let vendor = vendor.then(|| self.0.join("vendor"));
            match Sources::merged(&self.0.join("etc"), vendor.as_deref()) {
                Ok(sources) => {
                    let texts = sources.iter().map(|source| source.text.clone());
                    texts.map(|text| String::from_utf8_lossy(&text).into_owned()).collect()
                }
                Err(error) => {
                    vec![error.to_string().replace(&self.0.display().to_string(), "")]
                }
            }
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap_or_default();
        }
    }

    #[test]
    fn drop_ins_come_after_the_main_file_in_byte_order() -> io::Result<()> {
        let scratch = Scratch::new("order")?;
        for name in ["namespace.conf", "namespace.d/a.conf", "namespace.d/Z.conf"] {
            scratch.write(&format!("etc/{name}"))?;
        }
        for name in ["10.conf", "9.conf", "_.conf", ".hidden.conf", "x.txt"] {
            scratch.write(&format!("etc/namespace.d/{name}"))?;
        }
        fs::create_dir(scratch.0.join("etc/namespace.d/dir.conf"))?;
        let names = ["10", "9", "Z", "_", "a"].map(|name| format!("etc/namespace.d/{name}.conf"));
        assert_eq!(scratch.read(false), [&["etc/namespace.conf".to_owned()][..], &names].concat());
        Ok(())
    }

    #[test]
    fn the_vendor_s_files_count_where_the_administrator_has_none() -> io::Result<()> {
        let scratch = Scratch::new("vendor")?;
        for name in ["namespace.conf", "namespace.d/a.conf", "namespace.d/b.conf"] {
            scratch.write(&format!("vendor/{name}"))?;
        }
        scratch.write("etc/namespace.d/b.conf")?;
        let merged = ["vendor/namespace.d/a.conf", "etc/namespace.d/b.conf"];
        assert_eq!(scratch.read(true), [&["vendor/namespace.conf"][..], &merged].concat());
        // An empty file of the administrator's masks the vendor's.
        fs::write(scratch.0.join("etc/namespace.conf"), "")?;
        assert_eq!(scratch.read(true), [&[""][..], &merged].concat());
        Ok(())
    }

    #[test]
    fn a_file_that_is_missing_or_leads_nowhere_is_an_error() -> io::Result<()> {
        let scratch = Scratch::new("missing")?;
        let missing = "No such file or directory (ENOENT)";
        assert_eq!(scratch.read(false), [format!("unable to read /etc/namespace.conf: {missing}")]);
        scratch.write("etc/namespace.conf")?;
        symlink("nowhere", scratch.0.join("etc/namespace.d/x.conf"))?;
        let path = "/etc/namespace.d/x.conf";
        assert_eq!(scratch.read(false), [format!("unable to read {path}: {missing}")]);
        Ok(())
    }

    #[test]
    fn a_file_longer_than_one_read_is_read_whole() -> io::Result<()> {
        let scratch = Scratch::new("long")?;
        let text = "x".repeat(100_000);
        fs::write(scratch.0.join("etc/namespace.conf"), &text)?;
        assert_eq!(scratch.read(false), [text]);
        Ok(())
    }
}
