//! Who holds a directory: by a mount, by a descriptor, or by standing in it.

use std::collections::{HashMap, HashSet};

use nix::errno::Errno;

use super::process::{self, Process};
use super::table::Table;
use crate::outcome::Failure;

/// Which of these names, which nothing else has, are on the way to something that a process holds,
/// and that process.
///
/// Of each process its descriptors are read first and then its mounts, nothing is remembered from
/// one process to the next. A login that is opening a session holds a descriptor of the instance
/// until it has mounted it, so one or the other is seen.
pub fn of(names: &HashSet<Vec<u8>>) -> Result<HashMap<Vec<u8>, i32>, Failure> {
    let fail = |errno: Errno| Failure::Read("/proc".into(), errno.into());
    let mut held = HashMap::new();
    for process in process::all().map_err(fail)? {
        match held_by(&process, names) {
            Ok(found) => held.extend(found.into_iter().map(|name| (name, process.pid))),
            // It has ended.
            Err(Errno::ENOENT | Errno::ESRCH) => {}
            Err(errno) => return Err(fail(errno)),
        }
    }
    Ok(held)
}

fn held_by(process: &Process, names: &HashSet<Vec<u8>>) -> Result<HashSet<Vec<u8>>, Errno> {
    let dir = process.open()?;
    let mut paths = process::links(&dir)?;
    let table = Table::parse(&process::read(&dir, c"mountinfo")?);
    paths.extend(table.mounts().iter().map(|mount| mount.source.path.clone()));
    let parts = paths.iter().flat_map(|path| path.split(|&b| b == b'/'));
    Ok(parts.filter(|part| names.contains(*part)).map(<[u8]>::to_vec).collect())
}
