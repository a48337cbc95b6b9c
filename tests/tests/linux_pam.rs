//! What Linux-PAM's own tests expect of its modules.

use rtmp_tests::process::apart;
use rtmp_tests::{Code, Module, Pam, World, pam};

/// `tst-dlopen.c`: every symbol is there when the module is loaded, not when it is first needed.
#[test]
fn the_module_loads_with_all_its_symbols_bound() {
    let module = Module::Ours.file();
    // Apart: a world that another thread forks meanwhile would begin with half a dlopen(3).
    let loaded = apart(|| ["/etc/passwd".as_ref(), &*module].map(pam::load_and_bind));
    assert!(loaded[0].is_err());
    assert_eq!(loaded[1], Ok(()));
}

/// `xtests/tst-pam_namespace1`: with this line a session is opened, closed and ended; meanwhile the
/// parent and the instance were made, and afterwards rmdir(1) can remove both.
#[test]
fn the_directories_of_a_first_login_are_made_and_can_be_removed_after_it() {
    World::with(Module::Ours).conf("/tmp /tmp-inst/ level root,adm\n").run(|w| {
        let (mode, owner) = (w.mode("/tmp"), w.owner("/tmp"));
        let login = w.login("alice");
        assert_eq!((w.mode("/tmp-inst"), w.owner("/tmp-inst")), (0, (0, 0)));
        assert_eq!((w.mode("/tmp-inst/alice"), w.owner("/tmp-inst/alice")), (mode, owner));
        assert_eq!(login.close(), Code::SUCCESS);
        w.sh("rmdir /tmp-inst/alice /tmp-inst").ok();
        let mut pam = Pam::start("rtmp", "alice").unwrap();
        assert_eq!(pam.open_session(), Code::SUCCESS);
        assert_eq!(pam.close_session(), Code::SUCCESS);
        assert_eq!(pam.end(), Code::SUCCESS);
    });
}
