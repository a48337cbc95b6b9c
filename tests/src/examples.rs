//! The four configuration files of the project's first page, and what each has to mean.

use nix::unistd::User;

/// A configuration file and the directories it makes private.
#[derive(Clone, Copy, Debug)]
pub struct Example {
    /// The file.
    pub conf: &'static str,
    /// What becomes of each polydir, in the order of the lines.
    pub places: &'static [Place],
}

/// Where the instances of one polydir are.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// The directory that every user sees in an own version.
    pub polydir: &'static str,
    /// The directory above the instances or the boxes.
    pub parent: &'static str,
    /// The name of the instance in a template's box; none in a prefix layout.
    pub in_box: Option<&'static str>,
}

impl Place {
    /// What the parent is made with: boxes and root keep others out, so it may be listed; or
    /// nobody but root gets in.
    pub fn parent_mode(&self) -> u32 {
        if self.in_box.is_some() { 0o755 } else { 0 }
    }

    /// The user's box; none in a prefix layout.
    pub fn box_of(&self, user: &str) -> Option<String> {
        self.in_box.map(|_| format!("{}/{}", self.parent, uid_of(user)))
    }

    /// The user's instance.
    pub fn instance_of(&self, user: &str) -> String {
        match (self.box_of(user), self.in_box) {
            (Some(user_box), Some(name)) => format!("{user_box}/{name}"),
            _ => format!("{}/{user}", self.parent),
        }
    }
}

/// A user's number, in this world.
pub fn uid_of(user: &str) -> u32 {
    let found = User::from_name(user).unwrap();
    found.unwrap_or_else(|| panic!("no user {user} here")).uid.as_raw()
}

/// Boxes for both directories.
pub const TEMPLATES: Example = Example {
    conf: "\
/tmp     /tmp/user_tmpl/%{UID}     level:level,root
/var/tmp /var/tmp/user_tmpl/%{UID} level:level,root
",
    places: &[
        Place { polydir: "/tmp", parent: "/tmp/user_tmpl", in_box: Some("tmp") },
        Place { polydir: "/var/tmp", parent: "/var/tmp/user_tmpl", in_box: Some("var-tmp") },
    ],
};

/// Boxes for `/tmp`, in the other spelling.
pub const TEMPLATE: Example = Example {
    conf: "/tmp     /tmp/user_tmpl/%{UID}     level=root,root\n",
    places: &[Place { polydir: "/tmp", parent: "/tmp/user_tmpl", in_box: Some("tmp") }],
};

/// `pam_namespace(8)`'s layout, the parent of `/tmp` outside of it.
pub const PREFIXES: Example = Example {
    conf: "\
/tmp     /tmp-inst/            level      root,adm
/var/tmp /var/tmp/tmp-inst/    level      root,adm
",
    places: &[
        Place { polydir: "/tmp", parent: "/tmp-inst", in_box: None },
        Place { polydir: "/var/tmp", parent: "/var/tmp/tmp-inst", in_box: None },
    ],
};

/// The same with the parent inside the polydir.
pub const PREFIX: Example = Example {
    conf: "/tmp     /tmp/tmp-inst/        level      root,adm\n",
    places: &[Place { polydir: "/tmp", parent: "/tmp/tmp-inst", in_box: None }],
};

/// All four, verbatim.
pub const FOUR: [Example; 4] = [TEMPLATES, TEMPLATE, PREFIXES, PREFIX];
