//! Bytes to rules: the line grammar of `namespace.conf(5)` as `pam_namespace` reads it, and our
//! extensions, which live where that module ignores what it reads.

use std::ffi::CString;
use std::fmt::Arguments;
use std::path::Path;

use super::check::{Complaint, check_paths, complaint, is_template};
use super::token::{Words, before, is_space, lines};
use super::{
    Backing, BindFlags, Create, Fault, Init, Key, List, Origin, Remark, Rule, Rules, Sources,
    TmpfsOptions, Word,
};

impl<'t> Rules<'t> {
    /// The rules of all files, in order. Bad lines are set aside in [`Rules::faults`].
    pub fn parse(sources: &'t Sources) -> Self {
        // `/tmp` and `/var/tmp`, as a rule.
        let mut rules = Self { rules: Vec::with_capacity(2), ..Self::default() };
        for source in sources.iter() {
            rules.add(&source.path, &source.text);
        }
        rules
    }

    /// Adds the rules of one file.
    pub fn add(&mut self, file: &'t Path, text: &'t [u8]) {
        for (index, line) in lines(text).enumerate() {
            let mut reader = Reader {
                origin: Origin { file, line: index + 1, column: 1 },
                remarks: &mut self.remarks,
            };
            match reader.line(line) {
                Ok(rule) => self.rules.extend(rule),
                Err((column, message)) => {
                    let origin = reader.origin.at(column);
                    self.faults.push(Fault { origin, message });
                }
            }
        }
    }
}

struct Reader<'r, 't> {
    origin: Origin<'t>,
    remarks: &'r mut Vec<Remark<'t>>,
}

/// The flags of a third field, before it is known which of them its method can use.
#[derive(Default)]
struct Flags<'t> {
    create: Option<Create<'t>>,
    init: Init<'t>,
    shared: Option<Word<'t>>,
    flat: Option<Word<'t>>,
    mntopts: Option<Word<'t>>,
}

/// A third field of a template that also lists exempt users: `METHOD:METHOD,LIST`, `METHOD=LIST`.
struct Method<'t> {
    name: Word<'t>,
    flags: Vec<Word<'t>>,
    exempt: Option<Word<'t>>,
}

impl<'t> Reader<'_, 't> {
    #[cold]
    fn remark(&mut self, word: &Word<'t>, message: Arguments<'_>) {
        let origin = self.origin.at(word.column());
        self.remarks.push(Remark { origin, message: message.to_string() });
    }

    fn line(&mut self, line: &'t [u8]) -> Result<Option<Rule<'t>>, Complaint> {
        // A comment starts at any #, even in quotes; a NUL ends a line of a C program.
        let line = before(before(line, b'#'), 0);
        if line.iter().all(|&b| is_space(b)) {
            return Ok(None);
        }
        let mut words = Words::of(line);
        let mut field = |name: &str| {
            let column = words.column();
            words.next().ok_or_else(|| {
                let expected = "expected polydir, instance prefix, method";
                complaint(column, format_args!("{name} is missing; {expected}"))
            })
        };
        let polydir = field("the polydir")?;
        let prefix = field("the instance prefix")?;
        let method = field("the method")?;
        let list = words.next();
        if let Some(extra) = words.next() {
            self.remark(&extra, format_args!("\"{extra}\" is a fifth field and ignored"));
        }
        self.rule(polydir, prefix, method, list).map(Some)
    }

    fn rule(
        &mut self,
        polydir: Word<'t>,
        prefix: Word<'t>,
        method: Word<'t>,
        list: Option<Word<'t>>,
    ) -> Result<Rule<'t>, Complaint> {
        let template = is_template(&prefix)?;
        let method = split_method(&method, template);
        let flags = self.flags(&method.flags)?;
        let backing = self.backing(&method.name, prefix, template, &flags)?;
        let list = self.list(list.as_ref(), method.exempt.as_ref())?;
        check_paths(&polydir, &backing)?;
        let Flags { create, init, .. } = flags;
        Ok(Rule { origin: self.origin, polydir, backing, create, init, list })
    }

    fn flags(&mut self, words: &[Word<'t>]) -> Result<Flags<'t>, Complaint> {
        let mut flags = Flags::default();
        for word in words {
            // By prefix, so that `createfoo` counts: pam_namespace's strncmp.
            let value = |name: &str| {
                word.as_bytes().starts_with(name.as_bytes()).then(|| word.skip(name.len()))
            };
            if let Some(value) = value("create") {
                flags.create = Some(self.create(&value));
            } else if value("noinit").is_some() {
                flags.init = Init::None;
            } else if let Some(value) = value("iscript") {
                let script = value.as_bytes().starts_with(b"=").then(|| value.skip(1));
                match script.filter(|script| !script.as_bytes().is_empty()) {
                    // noinit wins over iscript, in either order.
                    Some(script) if flags.init != Init::None => flags.init = Init::Script(script),
                    Some(_) => {}
                    None => {
                        self.remark(word, format_args!("names no script; the default one is run"))
                    }
                }
            } else if value("shared").is_some() {
                flags.shared = Some(word.clone());
            } else if let Some(value) = value("mntopts") {
                if value.as_bytes().starts_with(b"=") {
                    flags.mntopts = Some(value.skip(1));
                } else {
                    let expected = "expected mntopts=OPTION,...";
                    self.remark(word, format_args!("names no mount option; {expected}"));
                }
            } else if word.as_bytes() == b"flat" {
                flags.flat = Some(word.clone());
            } else {
                let flags = "create, flat, iscript, mntopts, noinit and shared";
                self.remark(
                    word,
                    format_args!("\"{word}\" is not a flag and ignored; the flags are {flags}"),
                );
            }
        }
        Ok(flags)
    }

    #[cold]
    fn create(&mut self, value: &Word<'t>) -> Create<'t> {
        let Some(b'=') = value.as_bytes().first() else { return Create::default() };
        let value = value.skip(1);
        let cut = |word: Word<'t>| match word.split_once(b',') {
            Some((first, rest)) => (Some(first), Some(rest)),
            None => (Some(word), None),
        };
        let given = |part: Option<Word<'t>>| part.filter(|part| !part.as_bytes().is_empty());
        let (mode, rest) = cut(value);
        // What follows the second comma is the group's name, commas and all.
        let (owner, group) = rest.map_or((None, None), cut);
        let mode = given(mode);
        if let Some(mode) = &mode {
            if !matches!(mode.as_bytes(), [b'0', digits @ ..] if digits.iter().all(|d| matches!(d, b'0'..=b'7')))
            {
                match strtoul(mode.as_bytes()) {
                    Some(read) => self.remark(mode, format_args!(
                        "\"{mode}\" is not an octal number with a leading 0; it is read as 0{:o}",
                        read & 0o7777
                    )),
                    None => self.remark(
                        mode,
                        format_args!("\"{mode}\" is no mode; 0777 less the umask counts"),
                    ),
                }
            }
        }
        Create {
            mode: mode.and_then(|mode| strtoul(mode.as_bytes())),
            owner: given(owner),
            group: given(group),
        }
    }

    fn backing(
        &mut self,
        method: &Word<'t>,
        prefix: Word<'t>,
        template: bool,
        flags: &Flags<'t>,
    ) -> Result<Backing<'t>, Complaint> {
        let shared = flags.shared.is_some();
        let key = match method.as_bytes() {
            b"user" => Some(Key::User),
            b"context" => Some(Key::Context { shared }),
            b"level" => Some(Key::Level { shared }),
            b"tmpdir" | b"tmpfs" => None,
            _ => {
                let methods = "user, context, level, tmpdir and tmpfs";
                return Err(complaint(
                    method.column(),
                    format_args!("\"{method}\" is not a method; the methods are {methods}"),
                ));
            }
        };
        if let (Some(word), None | Some(Key::User)) = (&flags.shared, key) {
            let message = "shared means something only with the methods context and level";
            self.remark(word, format_args!("{message}"));
        }
        if let (Some(word), false) = (&flags.flat, template && key.is_some()) {
            self.remark(word, format_args!("flat means something only in a %{{UID}} template"));
        }
        Ok(match key {
            Some(key) if template => Backing::Template {
                template: prefix,
                key,
                flat: flags.flat.is_some(),
                flags: self.bind_flags(flags.mntopts.as_ref()),
            },
            Some(key) => {
                Backing::Prefix { prefix, key, flags: self.bind_flags(flags.mntopts.as_ref()) }
            }
            None if template => {
                let expected = "expected user, context or level";
                return Err(complaint(
                    prefix.column(),
                    format_args!("a %{{UID}} template cannot have the method {method}; {expected}"),
                ));
            }
            None if method.as_bytes() == b"tmpdir" => {
                Backing::Tmpdir { prefix, flags: self.bind_flags(flags.mntopts.as_ref()) }
            }
            None => Backing::Tmpfs { prefix, options: tmpfs_options(flags.mntopts.as_ref()) },
        })
    }

    fn bind_flags(&mut self, options: Option<&Word<'t>>) -> BindFlags {
        let mut flags = BindFlags::default();
        for option in options.iter().flat_map(|word| word.split(b',')) {
            if !flags.set(option.as_bytes()) {
                match option.as_bytes() {
                    b"" => {}
                    b"ro" => flags.read_only = true,
                    _ => self.remark(
                        &option,
                        format_args!("\"{option}\" is ignored; a bind mount takes nodev, noexec, nosuid and ro"),
                    ),
                }
            }
        }
        flags
    }

    fn list(
        &mut self,
        field: Option<&Word<'t>>,
        exempt: Option<&Word<'t>>,
    ) -> Result<List<'t>, Complaint> {
        let parse = |word: &Word<'t>| {
            List::parse(word).map_err(|(entry, message)| {
                complaint(entry.column(), format_args!("\"{entry}\" {message}"))
            })
        };
        let mut list = field.map_or_else(|| Ok(List::everybody()), parse)?;
        if let Some(exempt) = exempt {
            match (&mut list, parse(exempt)?) {
                (List::AllBut(entries), List::AllBut(more)) if entries.is_empty() => {
                    *entries = more
                }
                (List::AllBut(entries), List::AllBut(more)) => entries.extend(more),
                (List::Only(_), _) | (_, List::Only(_)) => {
                    return Err(complaint(
                        exempt.column(),
                        format_args!("exempt users in the method field do not go with ~"),
                    ));
                }
            }
        }
        if list.entries().iter().any(|entry| entry.word().as_bytes().is_empty()) {
            if let Some(word) = field.or(exempt) {
                let message = match list {
                    List::Only(ref entries) if entries.len() == 1 => {
                        "names nobody, so nobody is polyinstantiated"
                    }
                    List::Only(_) | List::AllBut(_) => "holds an empty name, which matches nobody",
                };
                self.remark(word, format_args!("{message}"));
            }
        }
        Ok(list)
    }
}

impl BindFlags {
    fn set(&mut self, option: &[u8]) -> bool {
        match option {
            b"nosuid" => self.nosuid = true,
            b"nodev" => self.nodev = true,
            b"noexec" => self.noexec = true,
            _ => return false,
        }
        true
    }
}

#[cold]
fn tmpfs_options(word: Option<&Word<'_>>) -> TmpfsOptions {
    let mut flags = BindFlags::default();
    let mut data = Vec::new();
    for option in word.iter().flat_map(|word| word.split(b',')) {
        if !option.as_bytes().is_empty() && !flags.set(option.as_bytes()) {
            if !data.is_empty() {
                data.push(b',');
            }
            data.extend_from_slice(option.as_bytes());
        }
    }
    // A line ends at its first NUL, so there is none in it.
    TmpfsOptions { flags, data: CString::new(data).unwrap_or_default() }
}

/// Splits a third field at its colons. In a template the text after `METHOD:METHOD,` and
/// `METHOD=` is a list.
fn split_method<'t>(word: &Word<'t>, template: bool) -> Method<'t> {
    if template {
        let colon = word.split_once(b':').and_then(|(name, rest)| {
            let (again, list) = rest.split_once(b',')?;
            (again.as_bytes() == name.as_bytes()).then_some((name, list))
        });
        let equals = || word.split_once(b'=').filter(|(name, _)| !name.as_bytes().contains(&b':'));
        if let Some((name, list)) = colon.or_else(equals) {
            return Method { name, flags: Vec::new(), exempt: Some(list) };
        }
    }
    // Like strtok, which passes over empty pieces.
    let mut pieces = word.split(b':').filter(|piece| !piece.as_bytes().is_empty());
    let name = pieces.next().unwrap_or_else(|| word.skip(word.as_bytes().len()));
    Method { name, flags: pieces.collect(), exempt: None }
}

/// C's `strtoul(text, NULL, 0)` as `pam_namespace` uses it: 0755 is octal, 755 decimal, 0x1ed
/// hexadecimal, no digits are 0, what follows the digits is ignored, an overflow and -1 are no mode.
fn strtoul(text: &[u8]) -> Option<u32> {
    let start = text.iter().position(|&b| !is_space(b)).unwrap_or(text.len());
    let (negative, text) = match text.get(start..).unwrap_or_default() {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] | rest => (false, rest),
    };
    let (radix, digits) = match text {
        [b'0', b'x' | b'X', digit, ..] if digit.is_ascii_hexdigit() => (16, text.get(2..)?),
        [b'0', ..] => (8, text),
        _ => (10, text),
    };
    let mut value: u64 = 0;
    for digit in digits.iter().map_while(|&b| char::from(b).to_digit(radix)) {
        value = value.checked_mul(u64::from(radix))?.checked_add(u64::from(digit))?;
    }
    let value = if negative { value.wrapping_neg() } else { value };
    u32::try_from(value & u64::from(u32::MAX)).ok().filter(|&mode| mode != u32::MAX)
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;
