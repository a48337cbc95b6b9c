//! What an instance takes: by descriptor, without following a link or crossing a mount.

use std::collections::HashSet;
use std::ffi::CString;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::stat::fstat;
use rtmp_core::session::Why;
use rtmp_core::session::stock::{Dir, Found, Stock};

use super::Instance;

/// What is in an instance.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Size {
    /// As allocated, the directories' own included. A file with several names counts once.
    pub bytes: u64,
    /// How many files and directories there are.
    pub files: u64,
    /// When one of them was last read, written or changed, in seconds since 1970.
    pub used: i64,
}

/// Counts all of them, and says on standard error how far it is where somebody is waiting.
pub fn of_all(instances: &[Instance]) -> Vec<Result<Size, String>> {
    let mut progress = Progress::begin(instances.len());
    let mut sizes = Vec::with_capacity(instances.len());
    for (index, instance) in instances.iter().enumerate() {
        let mut tell = |files| progress.tell(index, files);
        sizes.push(of(instance, &mut tell).map_err(|why| why.to_string()));
    }
    progress.end();
    sizes
}

fn of(instance: &Instance, tell: &mut impl FnMut(u64)) -> Result<Size, Why> {
    let stock = Stock::open(&instance.parent)?;
    let mut top = stock.open_in(stock.parent(), &instance.unit)?;
    if let Some(inner) = &instance.inner {
        top = stock.open_in(&top, inner)?;
    }
    below(&stock, top, tell)
}

/// Counts a directory and all that is in it.
pub fn below(stock: &Stock, top: Dir, tell: &mut impl FnMut(u64)) -> Result<Size, Why> {
    Count { stock, size: Size::default(), seen: HashSet::new() }.count(top, tell)
}

struct Count<'s> {
    stock: &'s Stock,
    size: Size,
    /// Files with several names that were counted.
    seen: HashSet<((u32, u32), u64)>,
}

/// A directory on the way down: what is left to do in it, and what it is, so that the way back up
/// is known to lead to it.
struct Level {
    left: Vec<CString>,
    identity: (u64, u64),
}

impl Count<'_> {
    /// One descriptor at a time, however deep the tree is: the way back up is `..`.
    fn count(mut self, top: Dir, tell: &mut impl FnMut(u64)) -> Result<Size, Why> {
        self.add(self.stock.find(&top, c".")?);
        let mut dir = top;
        let mut levels = vec![self.level(&dir)?];
        while let Some(level) = levels.last_mut() {
            tell(self.size.files);
            match level.left.pop() {
                Some(name) => match self.stock.open_in(&dir, &name) {
                    Ok(below) => {
                        dir = below;
                        let level = self.level(&dir)?;
                        levels.push(level);
                    }
                    // Something is mounted there, or it has gone.
                    Err(Why::Mounted | Why::Link | Why::NotADirectory | Why::Os(Errno::ENOENT)) => {
                    }
                    Err(why) => return Err(why),
                },
                None => {
                    levels.pop();
                    let Some(above) = levels.last() else { break };
                    dir = self.up(&dir, above)?;
                }
            }
        }
        Ok(self.size)
    }

    fn level(&mut self, dir: &Dir) -> Result<Level, Why> {
        let mut left = Vec::new();
        for (name, is_dir) in self.stock.names(dir)? {
            if self.add(self.stock.find(dir, &name)?) && is_dir {
                left.push(name);
            }
        }
        Ok(Level { left, identity: identity(dir)? })
    }

    fn up(&self, dir: &Dir, above: &Level) -> Result<Dir, Why> {
        let up = self.stock.open_above(dir)?;
        // Its owner has moved it elsewhere: what is above it now was not asked for.
        if identity(&up)? == above.identity { Ok(up) } else { Err(Why::Contested) }
    }

    /// `false`: there is nothing, or something that is mounted.
    fn add(&mut self, found: Option<Found>) -> bool {
        let Some(found) = found else { return false };
        if found.links < 2 || self.seen.insert(found.identity) {
            self.size.bytes = self.size.bytes.saturating_add(found.bytes);
        }
        self.size.files += 1;
        self.size.used = self.size.used.max(found.used);
        true
    }
}

fn identity(dir: &Dir) -> Result<(u64, u64), Errno> {
    fstat(dir).map(|found| (found.st_dev, found.st_ino))
}

/// A line on standard error that is written over again and again, where that is a terminal.
struct Progress {
    all: usize,
    next: Option<Instant>,
    told: bool,
}

impl Progress {
    fn begin(all: usize) -> Self {
        /// What is over sooner needs no telling.
        const PATIENCE: Duration = Duration::from_secs(1);
        let next = std::io::stderr().is_terminal().then(|| Instant::now() + PATIENCE);
        Self { all, next, told: false }
    }

    fn tell(&mut self, index: usize, files: u64) {
        const PAUSE: Duration = Duration::from_millis(200);
        if let Some(next) = self.next.as_mut().filter(|next| Instant::now() >= **next) {
            *next = Instant::now() + PAUSE;
            self.told = true;
            eprint!("\r\x1b[Kcounting instance {} of {}: {files} files", index + 1, self.all);
        }
    }

    fn end(self) {
        if self.told {
            eprint!("\r\x1b[K");
        }
    }
}
