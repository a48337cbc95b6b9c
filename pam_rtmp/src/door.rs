//! The entry points that libpam calls, and the guard behind them.

use std::ffi::CStr;
use std::panic::{AssertUnwindSafe, catch_unwind};

use pam::constants::{PamFlag, PamResultCode};
use pam::module::{PamHandle, PamHooks};
use pam::pam_hooks;
use rtmp_core::options::Options;

use crate::Denied;
use crate::host::{Host, Priority};

struct Module;

pam_hooks!(Module);

impl PamHooks for Module {
    // PAM_SILENT needs no reading: the module never speaks to the user.
    fn sm_open_session(pamh: &mut PamHandle, args: Vec<&CStr>, _: PamFlag) -> PamResultCode {
        guarded(pamh, |host| {
            let denied = crate::open_session(host, &options(&args));
            match denied {
                Ok(()) => PamResultCode::PAM_SUCCESS,
                Err(Denied::Session(why)) => {
                    host.log(Priority::Error, &why);
                    PamResultCode::PAM_SESSION_ERR
                }
                Err(Denied::User(why)) => {
                    host.log(Priority::Error, &why);
                    PamResultCode::PAM_USER_UNKNOWN
                }
            }
        })
    }

    fn sm_close_session(pamh: &mut PamHandle, args: Vec<&CStr>, _: PamFlag) -> PamResultCode {
        guarded(pamh, |host| {
            crate::close_session(host, &options(&args));
            PamResultCode::PAM_SUCCESS
        })
    }
}

fn options(args: &[&CStr]) -> Options {
    Options::parse(args.iter().map(|arg| arg.to_bytes()))
}

/// Turns a panic into one line of the log and `PAM_SESSION_ERR`. Rust's own hook would write to
/// the host's standard error and, if the caller's environment asks for it, a backtrace.
fn guarded(
    pamh: &mut PamHandle,
    body: impl FnOnce(&mut Host<'_>) -> PamResultCode,
) -> PamResultCode {
    std::panic::set_hook(Box::new(|_| {}));
    let mut host = Host::new(pamh);
    match catch_unwind(AssertUnwindSafe(|| body(&mut host))) {
        Ok(answer) => answer,
        Err(payload) => {
            host.log(Priority::Critical, &format_args!("internal error: {}", reason(&*payload)));
            // Dropping what was thrown could throw again.
            std::mem::forget(payload);
            PamResultCode::PAM_SESSION_ERR
        }
    }
}

fn reason(payload: &(dyn std::any::Any + Send)) -> &str {
    payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without a reason")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::panic)]
    fn a_panic_becomes_a_session_error() {
        let answer =
            crate::host::tests::with_a_real_handle(|pamh| guarded(pamh, |_| panic!("on purpose")));
        assert_eq!(answer, PamResultCode::PAM_SESSION_ERR);
    }
}
