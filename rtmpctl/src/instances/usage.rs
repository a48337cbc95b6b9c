//! Who is in an instance, from mount tables.

use std::collections::{HashMap, HashSet};
use std::ffi::CStr;

use crate::sessions::{Location, Sessions};

/// Who is in an instance.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Mount namespaces in which it is mounted: sessions.
    pub sessions: usize,
    /// Processes in those.
    pub processes: usize,
}

/// Who is in each instance of one parent, by its path below the parent.
#[derive(Debug, Default)]
pub struct Usages(HashMap<Vec<u8>, (HashSet<u64>, usize)>);

impl Usages {
    /// Who is in an instance or, without `inner`, in the directory itself.
    pub fn of(&self, unit: &CStr, inner: Option<&CStr>) -> Usage {
        let path = match inner {
            Some(inner) => [unit.to_bytes(), b"/", inner.to_bytes()].concat(),
            None => unit.to_bytes().to_vec(),
        };
        self.0.get(&path).map_or_else(Usage::default, |(namespaces, processes)| Usage {
            sessions: namespaces.len(),
            processes: *processes,
        })
    }
}

/// Who is in what lies below an instance parent.
pub fn below(sessions: &Sessions, parent: Option<Location>) -> Usages {
    let mut usages = Usages::default();
    let Some(parent) = parent else { return usages };
    for (place, table, processes) in sessions.by_view() {
        // One that was removed is another than the one that has its name now.
        let sources = table.mounts().iter().map(|mount| &mount.source);
        let below = sources.filter(|at| !at.is_deleted()).filter_map(|at| at.within(&parent));
        // Over two polydirs, perhaps, and in one namespace.
        for path in below.collect::<HashSet<_>>() {
            let (namespaces, count) = usages.0.entry(path.to_vec()).or_default();
            namespaces.insert(place.namespace);
            *count += processes;
        }
    }
    usages
}
