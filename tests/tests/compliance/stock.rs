//! The scripts that both references ship are the ones that we know and do natively.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rtmp_core::accounts::Account;
use rtmp_core::init::{Preparation, Script};
use rtmp_core::path::{AbsPath, Name};
use rtmp_tests::twin::newest;

fn preparation(script: &Path, polydir: &str) -> Preparation {
    let account = Account {
        name: Name::new(b"alice").unwrap(),
        passwd_name: b"alice".into(),
        uid: 1001,
        gid: 1001,
        home: b"/home/alice".into(),
    };
    let path = AbsPath::new(script.to_str().unwrap().as_bytes()).unwrap();
    let script = Script::look(path);
    assert!(script.is_some(), "no script");
    Preparation::of(script, &AbsPath::new(polydir.as_bytes()).unwrap(), &account)
}

#[test]
fn what_the_references_ship_is_known_and_one_more_byte_is_not() {
    let newest = newest().join("root/etc/security/namespace.init");
    for script in [Path::new("/etc/security/namespace.init"), &newest] {
        assert_eq!(preparation(script, "/tmp"), Preparation::None, "{}", script.display());
        let home = preparation(script, "/home/alice");
        assert!(matches!(home, Preparation::Skeleton { .. }), "{}: {home:?}", script.display());

        let changed = Path::new(env!("CARGO_TARGET_TMPDIR")).join("changed.init");
        let text = [std::fs::read(script).unwrap(), b"\n".into()].concat();
        std::fs::write(&changed, text).unwrap();
        std::fs::set_permissions(&changed, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert!(matches!(preparation(&changed, "/tmp"), Preparation::Script(_)));
    }
}
