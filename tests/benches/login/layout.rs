//! The two layouts, as files and as names.

use std::ffi::CStr;

/// Her number in a world.
pub const ALICE: u32 = 1001;

/// Where the instances are, and the lines of `namespace.conf` that say so.
#[derive(Debug)]
pub struct Layout {
    /// The lines where the module is to run no script, or finds none.
    pub without_script: &'static str,
    /// The lines where the distribution's script counts.
    pub with_script: &'static str,
    /// The mode of an instance parent.
    pub parent_mode: u32,
    /// What is covered, by what.
    pub places: [Place; 2],
}

/// Where alice's instance of one polydir is.
#[derive(Debug)]
pub struct Place {
    pub polydir: &'static CStr,
    pub parent: &'static CStr,
    /// Her box in the parent.
    pub user_box: Option<&'static CStr>,
    /// Her instance, below the parent.
    pub instance: &'static CStr,
}

/// Boxes: `%{UID}`.
pub static TEMPLATE: Layout = Layout {
    without_script: "\
/tmp     /tmp/user_tmpl/%{UID}     level:noinit root
/var/tmp /var/tmp/user_tmpl/%{UID} level:noinit root
",
    with_script: "\
/tmp     /tmp/user_tmpl/%{UID}     level:level,root
/var/tmp /var/tmp/user_tmpl/%{UID} level:level,root
",
    parent_mode: 0o755,
    places: [
        Place {
            polydir: c"/tmp",
            parent: c"/tmp/user_tmpl",
            user_box: Some(c"1001"),
            instance: c"1001/tmp",
        },
        Place {
            polydir: c"/var/tmp",
            parent: c"/var/tmp/user_tmpl",
            user_box: Some(c"1001"),
            instance: c"1001/var-tmp",
        },
    ],
};

/// `pam_namespace`'s own.
pub static PREFIX: Layout = Layout {
    without_script: "\
/tmp     /tmp-inst/          user:noinit root
/var/tmp /var/tmp/tmp-inst/  user:noinit root
",
    with_script: "\
/tmp     /tmp-inst/          user root
/var/tmp /var/tmp/tmp-inst/  user root
",
    parent_mode: 0,
    places: [
        Place { polydir: c"/tmp", parent: c"/tmp-inst", user_box: None, instance: c"alice" },
        Place {
            polydir: c"/var/tmp",
            parent: c"/var/tmp/tmp-inst",
            user_box: None,
            instance: c"alice",
        },
    ],
};
