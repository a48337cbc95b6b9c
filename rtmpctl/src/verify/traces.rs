//! What the sessions have made that was not there before, and its removal.

use std::collections::HashSet;
use std::ffi::{CStr, CString};
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use nix::errno::Errno;
use rtmp_core::instance_name::Naming;
use rtmp_core::path::AbsPath;
use rtmp_core::plan::{Place, Within};
use rtmp_core::session::stock::Stock;

use super::Visitor;
use crate::sessions::holders;
use crate::tree::{Last, Tree};

/// Names that were missing before: of instance parents, and in them.
pub struct Traces {
    parents: Vec<AbsPath>,
    units: Vec<(AbsPath, CString)>,
}

impl Traces {
    /// What is missing.
    pub fn before(tree: &Tree, visitors: &[Visitor<'_>]) -> Self {
        let is_missing = |path: &AbsPath| tree.look(path, Last::Itself) == Err(Errno::ENOENT);
        let mut traces = Self { parents: Vec::new(), units: Vec::new() };
        for (_, work) in visitors.iter().flat_map(|visitor| visitor.plan.work()) {
            let Place::Directory { parent, within, .. } = &work.place else { continue };
            let name = match within {
                Within::Named(Naming::Known(name)) => name.as_cstr(),
                Within::Boxed { user_box, .. } => user_box.as_cstr(),
                // One with a context is not known before, and a temporary one goes by itself.
                Within::Named(Naming::WithContext(_)) | Within::Temporary(_) => continue,
            };
            let path = AbsPath::new(&[parent.as_bytes(), b"/", name.to_bytes()].concat());
            if path.is_ok_and(|path| is_missing(&path)) {
                traces.add(parent, name);
            }
            if is_missing(parent) && !traces.parents.contains(parent) {
                traces.parents.push(parent.clone());
            }
        }
        traces
    }

    fn add(&mut self, parent: &AbsPath, name: &CStr) {
        let unit = (parent.clone(), name.to_owned());
        if !self.units.contains(&unit) {
            self.units.push(unit);
        }
    }

    /// Removes it, unless somebody is in it by now.
    pub fn remove(&self) -> Result<(), String> {
        for (parent, name) in &self.units {
            let shown = || format!("{parent}/{}", name.to_string_lossy());
            let stock = match Stock::open(parent) {
                Ok(stock) => stock,
                // A session that was refused has made nothing.
                Err(rtmp_core::session::Why::Os(Errno::ENOENT)) => continue,
                Err(why) => return Err(format!("{}: {why}", shown())),
            };
            let fail = |why: rtmp_core::session::Why| format!("{}: {why}", shown());
            let Some(aside) = stock.set_aside(name).map_err(fail)? else { continue };
            let names = HashSet::from([aside.aside().to_bytes().to_vec()]);
            match holders::of(&names) {
                Ok(held) if held.is_empty() => stock.remove(&aside).map_err(fail)?,
                // Their first login was at this very moment.
                Ok(_) => stock.put_back(&aside).map_err(fail)?,
                Err(failure) => {
                    stock.put_back(&aside).map_err(fail)?;
                    return Err(failure.to_string());
                }
            }
        }
        for parent in &self.parents {
            let path =
                <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(parent.as_bytes());
            match fs::remove_dir(Path::new(path)) {
                Ok(()) => {}
                // Another's first login has come meanwhile.
                Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty => {}
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(format!("{parent}: {error}")),
            }
        }
        Ok(())
    }
}
