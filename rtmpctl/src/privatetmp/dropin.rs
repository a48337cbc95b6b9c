//! The one file that `rtmpctl` writes for a service, and takes away again.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Where the administrator's unit files are (systemd.unit(5)).
const UNITS: &str = "/etc/systemd/system";

/// Its own name: after what packages bring, before what an administrator writes.
const NAME: &str = "50-rtmp-privatetmp.conf";

/// How the file starts. Without this it is somebody else's, whatever its name.
const MARK: &str = "# Written by rtmpctl privatetmp enable";

/// A service's drop-in, which may be there or not.
#[derive(Debug)]
pub struct DropIn {
    unit: String,
    dir: PathBuf,
}

/// What stands at its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// Nothing.
    Nothing,
    /// What `rtmpctl` wrote.
    Ours,
    /// Another's.
    Anothers,
}

impl DropIn {
    /// The one of a unit. A unit's name holds no slash (systemd.unit(5)).
    pub fn of(unit: &str) -> Self {
        let dir = Path::new(UNITS).join(format!("{unit}.d"));
        Self { unit: unit.to_owned(), dir }
    }

    /// Its path.
    pub fn path(&self) -> PathBuf {
        self.dir.join(NAME)
    }

    /// What is there now.
    pub fn found(&self) -> io::Result<Found> {
        match fs::read(self.path()) {
            Ok(text) if text.starts_with(MARK.as_bytes()) => Ok(Found::Ours),
            Ok(_) => Ok(Found::Anothers),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Found::Nothing),
            Err(error) => Err(error),
        }
    }

    /// What it says.
    pub fn text(&self) -> String {
        let version = env!("CARGO_PKG_VERSION");
        let unit = &self.unit;
        format!(
            "{MARK} ({version}). To take it away: rtmpctl privatetmp disable {unit}\n\
             [Service]\n\
             PrivateTmp=yes\n"
        )
    }

    /// Writes it: all of it or nothing. systemd reads names that end in `.conf` and no others.
    pub fn write(&self) -> io::Result<()> {
        fs::DirBuilder::new().recursive(true).mode(0o755).create(&self.dir)?;
        let mut draft: OsString = self.path().into();
        draft.push(format!(".{}", std::process::id()));
        let written = self.write_draft(Path::new(&draft));
        if written.is_err() {
            fs::remove_file(&draft).unwrap_or_default();
            self.remove_directory();
        }
        written
    }

    fn write_draft(&self, draft: &Path) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o644).open(draft)?;
        file.write_all(self.text().as_bytes())?;
        // Whatever the umask.
        file.set_permissions(Permissions::from_mode(0o644))?;
        file.sync_all()?;
        fs::rename(draft, self.path())?;
        File::open(&self.dir)?.sync_all()
    }

    /// Removes it, and its directory if nothing else is in there.
    pub fn remove(&self) -> io::Result<()> {
        fs::remove_file(self.path())?;
        self.remove_directory();
        Ok(())
    }

    /// It stays if something else is in there, or if it is not there.
    fn remove_directory(&self) {
        fs::remove_dir(&self.dir).unwrap_or_default();
    }
}
