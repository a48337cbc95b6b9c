//! Where the sessions are opened: a copy of the host's mount table, which nothing leaves.

use std::ffi::{CString, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

use crate::outcome::Failure;
use crate::service::Service;
use crate::sessions::Table;

/// The stage, set.
pub struct Stage {
    /// The PAM service.
    pub service: CString,
    /// Its session stack, where that is not the service's own.
    pub stack: Option<Vec<u8>>,
    /// The mounts, before anybody comes.
    pub mounts: Table,
}

/// A service of its own, which is there on the stage only.
const OWN: &str = "rtmpctl-verify";

impl Stage {
    /// Goes to a copy of the mount table, for good. What is mounted in a session would reach this
    /// copy, if the module did not see to that, and never the host.
    pub fn set(service: Option<&OsStr>, services: &[Service]) -> Result<Self, Failure> {
        let fail = |what: &'static str| move |errno| Failure::Stage(what, errno);
        unshare(CloneFlags::CLONE_NEWNS).map_err(fail("unshare the mount namespace"))?;
        let propagate = |how| {
            let how = how | MsFlags::MS_REC;
            mount(None::<&str>, "/", None::<&str>, how, None::<&str>)
        };
        propagate(MsFlags::MS_SLAVE).map_err(fail("keep mounts from the host"))?;
        let (service, stack) = match service {
            Some(name) => (name.to_owned(), None),
            None => (OWN.into(), Some(own_stack(services))),
        };
        if let Some(stack) = &stack {
            let dir = Path::new("/etc/pam.d");
            mount(Some("tmpfs"), dir, Some("tmpfs"), MsFlags::empty(), Some("mode=0755"))
                .map_err(fail("mount a directory for the service file"))?;
            let path = dir.join(OWN);
            std::fs::write(&path, stack).map_err(|error| {
                let errno = Errno::from_raw(error.raw_os_error().unwrap_or(0));
                Failure::Stage("write the service file", errno)
            })?;
        }
        propagate(MsFlags::MS_SHARED).map_err(fail("share mounts with the sessions"))?;
        let service = CString::new(service.as_bytes())
            .map_err(|_| Failure::Stage("name the service", Errno::EINVAL))?;
        Ok(Self { service, stack, mounts: mounts()? })
    }
}

/// The module alone, with the words that a service gives it.
fn own_stack(services: &[Service]) -> Vec<u8> {
    let words = services.iter().flat_map(Service::our_calls).next().map(|call| call.words.clone());
    let quoted = words.unwrap_or_default().into_iter().map(|word| {
        // As pam.d(5) wants a word that holds blanks or brackets.
        let inner = String::from_utf8_lossy(&word).replace(']', "\\]").into_bytes();
        [&b" ["[..], &inner, b"]"].concat()
    });
    let mut text = b"auth required pam_deny.so\nsession required pam_rtmp.so".to_vec();
    text.extend(quoted.flatten());
    text.push(b'\n');
    text
}

/// The mounts that this process sees.
pub fn mounts() -> Result<Table, Failure> {
    let path = "/proc/self/mountinfo";
    let text = std::fs::read(path).map_err(|error| Failure::Read(path.into(), error))?;
    Ok(Table::parse(&text))
}
