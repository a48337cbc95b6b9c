//! A throwaway host with `rtmpctl` in it.
#![allow(dead_code, clippy::expect_used)] // not every test uses everything

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
