//! A throwaway host with `rtmpctl` in it.
#![allow(dead_code, clippy::expect_used)] // not every test uses everything

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};

use rtmp_tests::world::Blueprint;
use rtmp_tests::{Module, World};

/// Where `rtmpctl` is there.
pub const RTMPCTL: &str = "/opt/rtmpctl";

/// Each user has a box in the polydir itself; root is exempt.
pub const TEMPLATES: &str = "/tmp     /tmp/user_tmpl/%{UID}     user root\n\
                             /var/tmp /var/tmp/user_tmpl/%{UID} user root\n";

/// A host with this configuration, whose services call `pam_rtmp.so`.
pub fn with(conf: &str) -> Blueprint {
    World::with(Module::Ours).conf(conf).bring(env!("CARGO_BIN_EXE_rtmpctl"), RTMPCTL)
}

/// A command's answer in JSON.
pub fn json(said: &rtmp_tests::Outcome) -> serde_json::Value {
    let json: serde_json::Value = serde_json::from_str(&said.out).expect("JSON");
    assert_eq!(json.get("schema"), Some(&"rtmpctl/1".into()));
    json
}

/// A box as a login would have made it, for somebody who may not exist.
pub fn make_box(parent: &str, uid: u32, instance: &str) {
    let user_box = format!("{parent}/{uid}");
    fs::create_dir_all(format!("{user_box}/{instance}")).expect("a box");
    let mode = fs::Permissions::from_mode(0o1777);
    fs::set_permissions(format!("{user_box}/{instance}"), mode).expect("its mode");
    chown(&user_box, Some(uid), Some(uid)).expect("its owner");
    fs::set_permissions(&user_box, fs::Permissions::from_mode(0o700)).expect("its mode");
}

/// Lets systemd answer as a real one did (`recorded/systemctl-show.252`: Debian 12), in front of
/// whatever PATH has.
pub fn systemd(w: &World) {
    w.sh("mkdir -p /run/systemd/system /etc/systemd/system /opt/systemd").ok();
    for (name, text) in [
        ("recorded", include_str!("../recorded/systemctl-show.252")),
        ("systemctl", include_str!("../recorded/systemctl")),
        ("systemd-analyze", include_str!("../recorded/systemd-analyze")),
    ] {
        w.write(&format!("/opt/systemd/{name}"), text);
    }
    w.sh("chmod 755 /opt/systemd/systemctl /opt/systemd/systemd-analyze").ok();
}
