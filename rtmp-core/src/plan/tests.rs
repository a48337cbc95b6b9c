use std::cell::RefCell;
use std::ffi::CStr;
use std::path::Path;

use nix::errno::Errno;

use super::*;
use crate::accounts::Passwd;
use crate::options::ContextSource;
use crate::selinux::{Context, NoContext, Range, Subject};

/// A name service with a few people, which counts what it is asked.
#[derive(Default)]
struct People {
    asked: RefCell<Vec<String>>,
    silent: bool,
    /// SELinux is enabled, and this is known of the session's context.
    subject: Option<Result<Subject, NoContext>>,
}

impl People {
    fn ask(&self, what: &CStr) -> Result<String, Unanswered> {
        let what = what.to_string_lossy().into_owned();
        self.asked.borrow_mut().push(what.clone());
        if self.silent { Err(Unanswered(Errno::EIO)) } else { Ok(what) }
    }
}

fn passwd(name: &str, uid: u32) -> Passwd {
    Passwd { name: name.into(), uid, gid: uid, home: format!("/home/{name}").into() }
}

impl Surroundings for People {
    fn user(&self, name: &CStr) -> Result<Option<Passwd>, Unanswered> {
        Ok(match self.ask(name)?.as_str() {
            "root" => Some(passwd("root", 0)),
            "bob" => Some(passwd("bob", 1002)),
            "EXAMPLE\\alice" | "alice" => Some(passwd("alice", 1001)),
            _ => None,
        })
    }

    fn group(&self, name: &CStr) -> Result<Option<u32>, Unanswered> {
        Ok(match self.ask(name)?.as_str() {
            "alice" => Some(1001),
            "students" => Some(500),
            "web" => Some(33),
            _ => None,
        })
    }

    fn groups_of(&self, user: &CStr, primary: u32) -> Result<Vec<u32>, Unanswered> {
        self.ask(user)?;
        Ok(vec![primary, 500])
    }

    fn selinux(&self) -> Selinux {
        if self.labels() { Selinux::Enabled } else { Selinux::Disabled }
    }

    fn labels(&self) -> bool {
        self.subject.is_some()
    }

    fn subject(&self, _: ContextSource, _: &Name) -> Result<Subject, NoContext> {
        self.subject.clone().unwrap_or(Err(NoContext::NotSet))
    }

    fn script(&self, _: AbsPath) -> Option<crate::init::Script> {
        None
    }
}

fn alice() -> Account {
    account("alice", 1001)
}

fn account(name: &str, uid: u32) -> Account {
    let found = passwd(name, uid);
    let Ok(name) = Name::new(name.as_bytes()) else { unreachable!() };
    Account { name, passwd_name: found.name, uid, gid: found.gid, home: found.home }
}

fn explain_with(text: &str, who: Account, options: &str, people: &People) -> String {
    let mut rules = Rules::default();
    rules.add(Path::new("c"), text.as_bytes());
    let options = Options::parse(options.split_whitespace().map(str::as_bytes));
    match Plan::new(rules, who, None, &options, people) {
        Ok(plan) => plan.to_string().trim_end().to_owned(),
        Err(refusal) => refusal.to_string(),
    }
}

fn explain(text: &str, who: Account) -> String {
    explain_with(text, who, "", &People::default())
}

#[test]
fn the_lines_of_the_source_material_mean_what_they_say() {
    let templates = "/tmp /tmp/user_tmpl/%{UID} level:level,root\n\
                     /var/tmp /var/tmp/user_tmpl/%{UID} level:level,root";
    assert_eq!(
        explain(templates, alice()),
        "/tmp is /tmp/user_tmpl/1001/tmp (c:1)\n\
         /var/tmp is /var/tmp/user_tmpl/1001/var-tmp (c:2)"
    );
    assert_eq!(
        explain(templates, account("root", 0)),
        "/tmp stays: exempt by \"root\" (c:1)\n/var/tmp stays: exempt by \"root\" (c:2)"
    );
    assert_eq!(
        explain("/tmp /tmp/user_tmpl/%{UID} level=root,root", alice()),
        "/tmp is /tmp/user_tmpl/1001/tmp (c:1)"
    );
    assert_eq!(explain("/tmp /tmp-inst/ level root,adm", alice()), "/tmp is /tmp-inst/alice (c:1)");
}

#[test]
fn variables_are_expanded_anywhere_and_cannot_be_escaped() {
    for (text, want) in [
        ("$HOME $HOME/$USER.inst/ user", "/home/alice is /home/alice/alice.inst/alice (c:1)"),
        ("/t /i/$USERX/ user", "/t is /i/aliceX/alice (c:1)"),
        ("/t /i/\\$USER/ user", "/t is /i/alice/alice (c:1)"),
        ("/t /i/${USER}/$FOO/ user", "/t is /i/${USER}/$FOO/alice (c:1)"),
        ("/t /i/%{USER}-%{GID} user", "/t is /i/alice-1001/t (c:1)"),
        ("/t /i/%{UID} user:flat", "/t is /i/1001 (c:1)"),
        ("/t %{HOME}/i/%{UID} user", "/t is /home/alice/i/1001/t (c:1)"),
    ] {
        assert_eq!(explain(text, alice()), want, "{text}");
    }
}

#[test]
fn a_prefix_and_a_name_are_joined_and_parted_at_the_last_slash() {
    for (text, want) in [
        ("/tmp /inst/pfx- user", "/tmp is /inst/pfx-alice (c:1)"),
        ("/tmp /tmp-inst user", "/tmp is /tmp-instalice (c:1)"),
        ("/tmp //a//b// user", "/tmp is /a/b/alice (c:1)"),
        ("/tmp/ /i/ user", "/tmp is /i/alice (c:1)"),
    ] {
        assert_eq!(explain(text, alice()), want, "{text}");
    }
}

#[test]
fn an_expanded_path_is_checked_like_a_written_one() {
    let mut nowhere = alice();
    nowhere.home = Vec::new();
    assert_eq!(
        explain("$HOME /i/ user", nowhere.clone()),
        "c:1:1: polydir \"$HOME\" must start with /"
    );
    nowhere.home = b"/home/../etc".to_vec();
    assert_eq!(
        explain("/tmp $HOME/i/ user", nowhere),
        "c:1:6: instance prefix \"$HOME/i/\" must not contain .."
    );
}

#[test]
fn a_bad_line_refuses_everybody_unless_it_is_to_be_ignored() {
    let text = "/tmp /i/ uesr\n/var/tmp /i/ user";
    let fault =
        "c:1:10: \"uesr\" is not a method; the methods are user, context, level, tmpdir and tmpfs";
    assert_eq!(explain(text, alice()), fault);
    assert_eq!(
        explain_with(text, alice(), "ignore_config_error", &People::default()),
        format!("ignored: {fault}\n/var/tmp is /i/alice (c:2)")
    );
}

#[test]
fn a_list_exempts_or_selects_users_groups_and_ranges() {
    let private = "/tmp is /i/alice (c:1)";
    for (list, want) in [
        ("alice", "/tmp stays: exempt by \"alice\" (c:1)"),
        ("root", private),
        ("bob,1000:2000", "/tmp stays: exempt by \"1000:2000\" (c:1)"),
        (":999", private),
        ("@students", "/tmp stays: exempt by \"@students\" (c:1)"),
        ("@alice", "/tmp stays: exempt by \"@alice\" (c:1)"),
        ("@web", private),
        ("@nosuch", private),
        ("EXAMPLE\\\\alice", "/tmp stays: exempt by \"EXAMPLE\\alice\" (c:1)"),
        ("~alice", private),
        ("~EXAMPLE\\\\alice", private),
        ("~bob", "/tmp stays: not in the list of those who get an instance (c:1)"),
        ("~", "/tmp stays: not in the list of those who get an instance (c:1)"),
        ("~nosuch", "/tmp stays: not in the list of those who get an instance (c:1)"),
        ("~@students", private),
        ("~@web,1001:1001", private),
        ("root,~alice", private),
    ] {
        assert_eq!(explain(&format!("/tmp /i/ user {list}"), alice()), want, "{list}");
    }
    assert_eq!(
        explain("/tmp /i/ user root", account("toor", 0)),
        "/tmp stays: exempt by \"root\" (c:1)"
    );
}

#[test]
fn names_are_looked_up_only_when_the_answer_depends_on_them() {
    for (list, want) in [
        ("root,adm,bob", &[][..]),
        ("~alice,bob", &[]),
        ("~bob,1001:", &[]),
        ("~bob,adm", &["bob", "adm"]),
        ("@web,@students", &["web", "alice", "students"]),
    ] {
        let people = People::default();
        explain_with(&format!("/tmp /i/ user {list}"), alice(), "", &people);
        assert_eq!(people.asked.take(), want, "{list}");
    }
}

#[test]
fn a_silent_name_service_makes_nobody_less_private() {
    let silent = || People { silent: true, ..People::default() };
    let ask = |list: &str| explain_with(&format!("/tmp /i/ user {list}"), alice(), "", &silent());
    assert_eq!(ask("@web"), "/tmp is /i/alice (c:1)");
    assert_eq!(
        ask("~@web"),
        "c:1:16: unable to tell whether \"@web\" matches: the name service gives no answer: I/O error"
    );
    assert_eq!(ask("~alice,@web"), "/tmp is /i/alice (c:1)");
}

#[test]
fn create_names_an_owner_and_a_group_or_takes_the_user_s() {
    let creation = |flag: &str| {
        let mut rules = Rules::default();
        let text = format!("/tmp /i/ user:{flag}");
        rules.add(Path::new("c"), text.as_bytes());
        let people = People::default();
        match Plan::new(rules, alice(), None, &Options::default(), &people) {
            Ok(plan) => format!("{:?}", plan.work().next().and_then(|(_, work)| work.create)),
            Err(refusal) => refusal.to_string(),
        }
    };
    for (flag, want) in [
        ("create", "Some(Creation { mode: None, uid: 1001, gid: 1001 })"),
        ("create=01777,root", "Some(Creation { mode: Some(1023), uid: 0, gid: 0 })"),
        ("create=,bob,web", "Some(Creation { mode: None, uid: 1002, gid: 33 })"),
        ("create=,,web", "Some(Creation { mode: None, uid: 1001, gid: 33 })"),
        ("create=,1002", "c:1:23: there is no user \"1002\""),
        ("create=,,nosuch", "c:1:24: there is no group \"nosuch\""),
    ] {
        assert_eq!(creation(flag), want, "{flag}");
    }
}

#[test]
fn level_and_context_are_user_where_selinux_is_disabled() {
    assert_eq!(explain("/tmp /i/ context", alice()), "/tmp is /i/alice (c:1)");
    assert_eq!(
        explain("/tmp /i/ level:shared", alice()),
        "/tmp stays: shared, and SELinux is disabled, so there is no context to share by (c:1)"
    );
    assert_eq!(
        explain_with("/tmp /i/ user", alice(), "require_selinux", &People::default()),
        "SELinux is required by require_selinux and is disabled"
    );
}

#[test]
fn a_name_that_would_be_another_directory_makes_no_account() {
    for name in ["", ".", "..", "a/b", "/"] {
        assert!(Name::new(name.as_bytes()).is_err(), "{name}");
    }
}

#[test]
fn long_names_are_cut_and_gen_hash_hashes() {
    assert_eq!(
        explain_with("/tmp /i/ user", alice(), "gen_hash", &People::default()),
        "/tmp is /i/6384e2b2184bcbf58eccf10ca7a6563c (c:1)"
    );
    let long = "a".repeat(300);
    assert_eq!(
        explain("/tmp /i/ user", account(&long, 1001)).len(),
        "/tmp is /i/ (c:1)".len() + 80
    );
}

fn explain_labelled(text: &str, options: &str, subject: Result<Subject, NoContext>) -> String {
    let people = People { subject: Some(subject), ..People::default() };
    explain_with(text, alice(), options, &people)
}

/// What only opening can know, the polydir's context, is a hole in the plan.
#[test]
fn a_context_is_a_hole_in_a_plan() {
    let context = || Subject::Context(Context::new(c"staff_u:staff_r:staff_t:s0-s0:c1"));
    let at = |range: &str| Subject::Range(Range::new(range.as_bytes()));
    for (text, subject, want) in [
        ("/t /i/ user", Subject::Unknown, "/t is /i/alice (c:1)"),
        ("/t /i/ level", context(), "/t is /i/<user:role:type>:s0-s0:c1_alice (c:1)"),
        ("/t /i/ level", at("s3:c1"), "/t is /i/<user:role:type>:s3:c1_alice (c:1)"),
        ("/t /i/ level", Subject::Unknown, "/t is /i/<context>_alice (c:1)"),
        ("/t /i/x- level", Subject::Unknown, "/t is /i/x-<context>_alice (c:1)"),
        ("/t /i/ level:shared", at("s0"), "/t is /i/<user:role:type>:s0 (c:1)"),
        ("/t /i/ context", context(), "/t is /i/<context>_alice (c:1)"),
        ("/t /i/ context", at("s0"), "/t is /i/<context>_alice (c:1)"),
        ("/var/t /i/%{UID} level", at("s0"), "/var/t is /i/1001/var-t_<user:role:type>:s0 (c:1)"),
        ("/t /i/%{UID} context", context(), "/t is /i/1001/t_<context> (c:1)"),
        ("/t /i/%{UID} user", context(), "/t is /i/1001/t (c:1)"),
        (
            "/t /i/%{UID} level:flat",
            context(),
            "c:1:4: flat has one instance for all contexts of a user, and level one for each",
        ),
        (
            "/t /i/ level ~bob",
            context(),
            "/t stays: not in the list of those who get an instance (c:1)",
        ),
    ] {
        assert_eq!(explain_labelled(text, "", Ok(subject)), want, "{text}");
    }
    assert_eq!(
        explain_labelled("/t /i/ level", "gen_hash", Ok(at("s0"))),
        "/t is /i/<md5 of <user:role:type>:s0_alice> (c:1)"
    );
}

/// "SELinux enabled and no exec context: refuse, with the cure in the message (falling back would
/// merge levels)". Who is exempt, or private by name, needs no context.
#[test]
fn a_session_without_a_context_is_refused_where_a_context_would_name_an_instance() {
    let refused = "c:1:1: the methods level and context need the session's SELinux context, and none \
                   is set: in the PAM service, pam_rtmp.so must come after \"pam_selinux.so open\"";
    for (text, want) in [
        ("/t /i/ level", refused),
        ("/t /i/ context:shared", refused),
        ("/t /i/ level alice", "/t stays: exempt by \"alice\" (c:1)"),
        ("/t /i/ user", "/t is /i/alice (c:1)"),
        ("/t /i/ tmpdir", "/t is /i/XXXXXX, a new directory for this session (c:1)"),
        ("/t /i/ tmpfs", "/t is a new tmpfs for this session (c:1)"),
    ] {
        assert_eq!(explain_labelled(text, "", Err(NoContext::NotSet)), want, "{text}");
    }
    assert_eq!(
        explain_labelled("/t /i/ level", "", Err(NoContext::Os(Errno::EACCES))),
        "c:1:1: unable to tell the session's SELinux context: Permission denied"
    );
}
