//! The end of a session that detaches its mounts.

use super::error::Why;
use super::walk::MountApi;
use crate::path::AbsPath;

/// A mount that a session made, to be detached when it closes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Over this polydir.
    pub polydir: AbsPath,
    /// Its number in `mountinfo`.
    pub id: u64,
}

/// Detaches the mounts of a session, newest first; one whose place is taken by another mount, or
/// by none, is left alone. Says of each that stays why it does: `EPERM` where systemd closes the
/// session as the user.
pub fn close(mounts: &[Mount]) -> impl Iterator<Item = (&AbsPath, Why)> {
    mounts.iter().rev().filter_map(|mount| {
        let result = match detach(MountApi::Descriptors, mount) {
            Err(Why::CallMissing) => detach(MountApi::Classic, mount),
            result => result,
        };
        result.err().map(|why| (&mount.polydir, why))
    })
}

fn detach(api: MountApi, mount: &Mount) -> Result<(), Why> {
    let top = api.open_top(&mount.polydir)?;
    if top.stat.mount != mount.id {
        return Ok(());
    }
    super::cover::detach(&top).map_err(Why::Os)
}
