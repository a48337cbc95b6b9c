//! A session: somebody comes to the door, and stays or is refused.

use std::cell::RefCell;

use nix::sys::stat::{Mode, umask};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::caller::Caller;
use crate::command::{self, Argv, Outcome, argv};
use crate::log::{Facility, Line, Severity};
use crate::pam::{Code, Item, Manner, Pam};
use crate::process::{self, Process};
use crate::sys;
use crate::wire::Wire;
use crate::world::World;

/// Somebody at the door: what the service tells libpam, and how its process stands there.
#[derive(Clone)]
pub struct Visitor<'w> {
    world: &'w World,
    service: String,
    user: String,
    items: Vec<(Item, String)>,
    manner: Manner,
    cwd: String,
    umask: u32,
    first: fn(),
}

impl<'w> Visitor<'w> {
    pub(crate) fn new(world: &'w World, user: &str) -> Self {
        Visitor {
            world,
            service: "rtmp".to_owned(),
            user: user.to_owned(),
            items: Vec::new(),
            manner: Manner::Plain,
            cwd: "/".to_owned(),
            umask: 0o022,
            first: || (),
        }
    }

    /// Comes through this service instead of `rtmp`, which is the module alone.
    pub fn service(mut self, name: &str) -> Self {
        self.service = name.to_owned();
        self
    }

    /// Says who asked: `PAM_RUSER`.
    pub fn ruser(self, name: &str) -> Self {
        self.item(Item::Ruser, name)
    }

    /// Says from which host: `PAM_RHOST`.
    pub fn rhost(self, name: &str) -> Self {
        self.item(Item::Rhost, name)
    }

    /// Says at which terminal: `PAM_TTY`.
    pub fn tty(self, name: &str) -> Self {
        self.item(Item::Tty, name)
    }

    /// Opens with `PAM_SILENT`.
    pub fn silently(mut self) -> Self {
        self.manner = Manner::Silent;
        self
    }

    /// Stands in this directory.
    pub fn cwd(mut self, path: &str) -> Self {
        self.cwd = path.to_owned();
        self
    }

    /// Has this umask.
    pub fn umask(mut self, mask: u32) -> Self {
        self.umask = mask;
        self
    }

    /// Does this before anything else, in the process that will open the session.
    pub fn first(mut self, act: fn()) -> Self {
        self.first = act;
        self
    }

    /// Opens a session and stays; fails the test if it is refused.
    #[track_caller]
    pub fn login(self) -> Login {
        let world = self.world;
        let (login, code) = self.enter();
        assert_eq!(code, Code::SUCCESS, "no session for {}: {:#?}", login.user, world.log());
        login
    }

    /// Opens a session, and if that succeeds closes it again.
    pub fn attempt(self) -> Attempt {
        let world = self.world;
        let said_before = world.log().len();
        let (login, code) = self.enter();
        let (before, after) = (login.before.clone(), login.after.clone());
        let close = login.close();
        Attempt { code, close, before, after, log: world.log().split_off(said_before) }
    }

    fn enter(self) -> (Login, Code) {
        let (mut wire, theirs) = Wire::pair();
        let user = self.user.clone();
        let process = process::start(move || self.serve(theirs));
        let Some(entry) = wire.receive::<Entry>() else {
            process.hear();
            unreachable!("a session that ended before it began without a panic")
        };
        (
            Login {
                before: entry.before,
                after: entry.after,
                user,
                process,
                wire: RefCell::new(wire),
            },
            entry.code,
        )
    }

    fn item(mut self, item: Item, value: &str) -> Self {
        self.items.push((item, value.to_owned()));
        self
    }

    /// The session's process: opens, does as it is told, and closes.
    fn serve(self, mut wire: Wire) {
        std::env::set_current_dir(&self.cwd).unwrap_or_else(|e| panic!("{}: {e}", self.cwd));
        umask(Mode::from_bits_truncate(self.umask));
        sys::open_syslog();
        (self.first)();
        let mut pam = Pam::start(&self.service, &self.user).expect("pam_start");
        for (item, value) in &self.items {
            assert_eq!(pam.set(*item, value), Code::SUCCESS);
        }
        let before = Caller::now();
        let code = pam.open_session_in(self.manner);
        wire.send(&Entry { code, before, after: Caller::now() });
        while let Some(order) = wire.receive() {
            match order {
                Order::Run { user, argv, input } => wire.send(&command::run(&user, &argv, &input)),
                Order::Report => wire.send(&Caller::now()),
                Order::Close => wire.send(&pam.close_session()),
                Order::End => return wire.send(&pam.end()),
            }
        }
    }
}

/// A session that was tried.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The answer to `pam_open_session`.
    pub code: Code,
    /// The answer to the `pam_close_session` that followed.
    pub close: Code,
    /// The caller before it.
    pub before: Caller,
    /// The caller after it.
    pub after: Caller,
    /// The lines that were logged meanwhile.
    pub log: Vec<Line>,
}

impl Attempt {
    /// Fails the test unless the session was refused with this code and exactly this sentence, on
    /// one line, and the caller is as it was.
    #[track_caller]
    pub fn is_refused(&self, code: Code, sentence: &str) {
        let said: Vec<_> = self.log.iter().map(Line::words).collect();
        assert_eq!(said, [sentence]);
        assert_eq!(self.code, code, "{sentence}");
        let line = &self.log[0];
        assert_eq!((line.facility, line.severity), (Facility::AUTHPRIV, Severity::Err));
        assert!(line.text.starts_with("pam_rtmp(rtmp:session): "), "{}", line.text);
        assert_eq!(self.before, self.after, "{sentence}");
    }
}

/// A live session. Several may live at once; dropping one kills its process.
pub struct Login {
    /// The caller before `pam_open_session`.
    pub before: Caller,
    /// The caller after `pam_open_session`.
    pub after: Caller,
    user: String,
    process: Process<()>,
    wire: RefCell<Wire>,
}

impl Login {
    /// The process that opened the session.
    pub fn pid(&self) -> i32 {
        self.process.pid()
    }

    /// Runs a shell command in the session, as its user.
    pub fn sh(&self, command: &str) -> Outcome {
        self.exec(command::shell(command))
    }

    /// Runs a program in the session, as its user.
    pub fn exec(&self, words: impl IntoIterator<Item = impl Into<String>>) -> Outcome {
        self.exec_with_input(words, "")
    }

    /// Runs a program in the session, as its user, with `input` to read.
    pub fn exec_with_input(
        &self,
        words: impl IntoIterator<Item = impl Into<String>>,
        input: &str,
    ) -> Outcome {
        let (user, input) = (self.user.clone(), input.to_owned());
        self.ask(&Order::Run { user, argv: argv(words), input })
    }

    /// Runs a shell command in the session, as root.
    pub fn sh_as_root(&self, command: &str) -> Outcome {
        let (user, input) = ("root".to_owned(), String::new());
        self.ask(&Order::Run { user, argv: command::shell(command), input })
    }

    /// The process that opened the session, as it is now.
    pub fn caller(&self) -> Caller {
        self.ask(&Order::Report)
    }

    /// `pam_close_session`; the process stays as it then is.
    pub fn close_session(&self) -> Code {
        self.ask(&Order::Close)
    }

    /// `pam_close_session` and `pam_end`; returns the answer to the first.
    pub fn close(self) -> Code {
        let code = self.close_session();
        let end: Code = self.ask(&Order::End);
        assert_eq!(end, Code::SUCCESS, "pam_end");
        self.process.join();
        code
    }

    fn ask<T: DeserializeOwned>(&self, order: &Order) -> T {
        let mut wire = self.wire.borrow_mut();
        wire.send(order);
        wire.receive().unwrap_or_else(|| {
            self.process.hear();
            unreachable!("{}'s session ended without a panic", self.user)
        })
    }
}

#[derive(Serialize, Deserialize)]
struct Entry {
    code: Code,
    before: Caller,
    after: Caller,
}

/// What a session's process can be told to do.
#[derive(Serialize, Deserialize)]
enum Order {
    Run { user: String, argv: Argv, input: String },
    Report,
    Close,
    End,
}
