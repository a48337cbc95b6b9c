//! The processes of this host, and what each sees in place of the polydirs.
//!
//! ```text
//!  /proc ──process──▶ Process ──table──▶ View ──judge──▶ Class
//!                     who, where         what is         private, exempt,
//!                                        mounted there   stale, ...
//! ```
//!
//! A mount table is read once for each mount namespace and root directory, not for each process.
//! What a process sees is told from mount tables alone: no file system is asked, least of all one
//! that a user has mounted.

pub mod holders;
mod home;
pub mod judge;
pub mod process;
pub mod sight;
pub mod table;

use std::collections::HashMap;

use nix::errno::Errno;
use rtmp_core::path::AbsPath;

use crate::outcome::Failure;
use crate::tree::Tree;
pub use process::{Place, Process};
pub use table::{Location, Table};

/// All processes, and the mount tables they see.
#[derive(Debug)]
pub struct Sessions {
    /// The processes, by number as `/proc` lists them.
    pub processes: Vec<Process>,
    views: HashMap<Place, Result<Table, Errno>>,
    host: Option<Place>,
}

impl Sessions {
    /// Looks at every process once.
    pub fn look() -> Result<Self, Failure> {
        let proc = |errno: Errno| Failure::Read("/proc".into(), errno.into());
        let processes = process::all().map_err(proc)?;
        let mut views: HashMap<Place, Result<Table, Errno>> = HashMap::new();
        for process in &processes {
            let Ok(place) = &process.place else { continue };
            // Another process of the same namespace may still be there to be asked.
            let is_gone =
                |view: &Result<Table, Errno>| matches!(view, Err(Errno::ENOENT | Errno::ESRCH));
            if views.get(place).is_none_or(is_gone) {
                let text = process.open().and_then(|dir| process::read(&dir, c"mountinfo"));
                views.insert(place.clone(), text.map(|text| Table::parse(&text)));
            }
        }
        let first = processes.iter().find(|process| process.pid == 1);
        let host = first.and_then(|process| process.place.clone().ok());
        Ok(Self { processes, views, host })
    }

    /// The mounts that a process sees; or why that cannot be told.
    pub fn view(&self, process: &Process) -> Result<&Table, Errno> {
        let place = process.place.as_ref().map_err(|errno| *errno)?;
        self.views.get(place).ok_or(Errno::ESRCH)?.as_ref().map_err(|errno| *errno)
    }

    /// The mounts that process 1 sees, if one may know: the host's.
    pub fn host(&self) -> Option<&Table> {
        self.views.get(self.host.as_ref()?)?.as_ref().ok()
    }

    /// Each mount table once, and how many processes see it.
    pub fn by_view(&self) -> impl Iterator<Item = (&Place, &Table, usize)> {
        let mut counts: HashMap<&Place, usize> = HashMap::new();
        for place in self.processes.iter().filter_map(|process| process.place.as_ref().ok()) {
            *counts.entry(place).or_default() += 1;
        }
        counts.into_iter().filter_map(|(place, count)| {
            Some((place, self.views.get(place)?.as_ref().ok()?, count))
        })
    }

    /// Whether every process could be looked into; who is not root sees their own only.
    pub fn sees_all(&self) -> bool {
        self.processes.iter().all(|process| self.view(process).is_ok())
    }

    /// Where a directory of the host's is in its file system.
    pub fn locate(&self, tree: &Tree, path: &AbsPath) -> Option<Location> {
        let found = tree.whereabouts(path).ok()?;
        // By the mount's number: what is hidden from a path by another mount has one, too.
        let mount = self.host()?.by_id(found.mount)?;
        Some(mount.source.below(table::rest_of(&found.path, &mount.target)?))
    }
}
