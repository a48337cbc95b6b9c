//! Which files, in what order.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

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
#[error("unable to read {}: {error}", path.display())]
pub struct SourcesError {
    /// The file or directory.
    pub path: PathBuf,
    /// Why.
    pub error: io::Error,
}

/// Where the system's files are: `/etc/security` (`namespace.conf(5)`).
pub const SYSTEM_DIR: &str = "/etc/security";

impl Sources {
    /// The system's configuration.
    pub fn system() -> Result<Self, SourcesError> {
        Self::under(Path::new(SYSTEM_DIR))
    }

    /// `namespace.conf` of a directory, then `namespace.d/*.conf` beside it, sorted by name in byte
    /// order. Files whose name starts with a dot are passed over, and so are directories.
    pub fn under(dir: &Path) -> Result<Self, SourcesError> {
        let main = dir.join("namespace.conf");
        let mut sources = Vec::with_capacity(1);
        sources.push(read(main)?);
        let drop_ins = dir.join("namespace.d");
        let mut names = match fs::read_dir(&drop_ins) {
            Ok(entries) => entries
                .map(|entry| entry.map(|entry| entry.file_name()))
                .collect::<io::Result<Vec<_>>>(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        }
        .map_err(|error| SourcesError { path: drop_ins.clone(), error })?;
        names.retain(|name| {
            name.as_bytes().ends_with(b".conf") && !name.as_bytes().starts_with(b".")
        });
        names.sort();
        for name in names {
            let path = drop_ins.join(name);
            match read(path) {
                Ok(source) => sources.push(source),
                // A directory called x.conf yields nothing in pam_namespace, so it does here.
                Err(error) if error.error.kind() == io::ErrorKind::IsADirectory => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Self(sources))
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

fn read(path: PathBuf) -> Result<Source, SourcesError> {
    match fs::read(&path) {
        Ok(text) => Ok(Source { path, text }),
        Err(error) => Err(SourcesError { path, error }),
    }
}
