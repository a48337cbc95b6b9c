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

#![allow(dead_code)]

pub mod judge;
pub mod process;
pub mod table;

use std::collections::HashMap;

use nix::errno::Errno;

use crate::outcome::Failure;
pub use process::{Place, Process};
pub use table::Table;

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

    /// Each mount table once, and the processes that see it.
    pub fn by_view(&self) -> impl Iterator<Item = (&Place, &Table)> {
        self.views.iter().filter_map(|(place, table)| Some((place, table.as_ref().ok()?)))
    }

    /// How many processes could not be looked into: another user's, for who is not root.
    pub fn unseen(&self) -> usize {
        self.processes.iter().filter(|process| self.view(process).is_err()).count()
    }
}
