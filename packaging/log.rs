//! A system log for packaging/try: `log SOCKET` prints what is sent to SOCKET, a line each,
//! without the priority and the time.

use std::fs::{Permissions, set_permissions};
use std::io::{Result, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;

fn main() -> Result<()> {
    let path = std::env::args_os().nth(1).expect("usage: log SOCKET");
    let socket = UnixDatagram::bind(&path)?;
    set_permissions(&path, Permissions::from_mode(0o666))?;
    let mut datagram = [0; 8192];
    loop {
        let length = socket.recv(&mut datagram)?;
        let text = String::from_utf8_lossy(&datagram[..length]);
        // <83>Nov 23 23:37:59 su: pam_rtmp(su:session): ...
        let after_priority = text.split_once('>').map_or(&*text, |(_, rest)| rest);
        let line = after_priority.get("Nov 23 23:37:59 ".len()..).unwrap_or(after_priority);
        writeln!(std::io::stdout(), "{}", line.trim_end_matches(['\n', '\0']))?;
    }
}
