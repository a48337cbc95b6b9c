//! The words behind `pam_rtmp.so` in a PAM service file: `pam_namespace(8)`'s.

/// The module's options. The default is a line without any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// `debug`: say what is decided and done.
    pub debug: bool,
    /// `ignore_config_error`: pass over bad lines instead of refusing the login.
    pub ignore_config_error: bool,
    /// `ignore_instance_parent_mode`: accept any instance parent in a prefix layout.
    pub ignore_instance_parent_mode: bool,
    /// `gen_hash`: name instances by the MD5 of their name.
    pub gen_hash: bool,
    /// `require_selinux`: refuse where SELinux is off.
    pub require_selinux: bool,
    /// `unmount_on_close`: detach the session's mounts in `close_session`.
    pub unmount_on_close: bool,
    /// `unmnt_remnt` and `unmnt_only`.
    pub unmount: Unmount,
    /// `use_current_context` and `use_default_context`.
    pub context: ContextSource,
    /// Words nobody knows. They are accepted, since `pam_namespace` accepts them.
    pub unknown: Vec<Vec<u8>>,
}

/// What happens to the instances of the user who asks (`PAM_RUSER`) before ours are mounted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Unmount {
    /// They stay.
    #[default]
    Never,
    /// `unmnt_remnt`: they are detached, then the user's are mounted.
    Remount,
    /// `unmnt_only`: they are detached, and nothing is mounted.
    Only,
}

/// Whose SELinux context names the instance.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ContextSource {
    /// The one the session's programs will get.
    #[default]
    Exec,
    /// `use_current_context`: the calling process's.
    Current,
    /// `use_default_context`: the user's default.
    Default,
}

impl Options {
    /// Reads the words in order; of two that exclude each other the last counts.
    pub fn parse<'a>(words: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut options = Self::default();
        for word in words {
            match word {
                b"debug" => options.debug = true,
                b"ignore_config_error" => options.ignore_config_error = true,
                b"ignore_instance_parent_mode" => options.ignore_instance_parent_mode = true,
                b"gen_hash" => options.gen_hash = true,
                b"require_selinux" => options.require_selinux = true,
                b"unmount_on_close" => options.unmount_on_close = true,
                b"unmnt_remnt" => options.unmount = Unmount::Remount,
                b"unmnt_only" => options.unmount = Unmount::Only,
                b"use_current_context" => options.context = ContextSource::Current,
                b"use_default_context" => options.context = ContextSource::Default,
                // Propagation out of a session is always stopped, so there is nothing to choose.
                b"mount_private" => {}
                // Meant something to pam_namespace before 2012 and is the default since.
                b"no_unmount_on_close" => {}
                other => options.unknown.push(other.to_vec()),
            }
        }
        options
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_exact_and_unknown_ones_are_kept_for_a_debug_line() {
        let options = Options::parse([&b"gen_hash"[..], b"DEBUG", b"unmnt_only", b"unmnt_remnt"]);
        assert!(options.gen_hash && !options.debug);
        assert_eq!(options.unmount, Unmount::Remount);
        assert_eq!(options.unknown, [b"DEBUG".to_vec()]);
    }
}
