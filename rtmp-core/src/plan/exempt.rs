//! Whether a rule applies to a user.

use std::ffi::CString;

use super::decide::Login;
use super::{Refusal, Why};
use crate::accounts::{Account, Surroundings, Unanswered};
use crate::conf::{Entry, Key, List, Rule};
use crate::selinux::Selinux;

impl<H: Surroundings> Login<'_, H> {
    /// Why the rule does not apply, if it does not.
    pub fn exemption<'t>(
        &self,
        who: &Account,
        rule: &Rule<'t>,
    ) -> Result<Option<Why<'t>>, Refusal<'t>> {
        let matching = self.matching(who, rule)?;
        match (&rule.list, matching) {
            (List::AllBut(_), Some(entry)) => return Ok(Some(Why::Listed(entry.word().clone()))),
            (List::Only(_), None) => return Ok(Some(Why::NotListed)),
            (List::AllBut(_), None) | (List::Only(_), Some(_)) => {}
        }
        let shared = match rule.backing.key() {
            Some(Key::Context { shared } | Key::Level { shared }) => shared,
            Some(Key::User) | None => return Ok(None),
        };
        if self.host.labels() {
            return Ok(None);
        }
        let state = self.selinux.get().unwrap_or_else(|| self.host.selinux());
        self.selinux.set(Some(state));
        match state {
            Selinux::Enabled => Err(Refusal::SelinuxUnsupported(rule.origin)),
            Selinux::Disabled if shared => Ok(Some(Why::SharedWithoutSelinux)),
            Selinux::Disabled => Ok(None),
        }
    }

    /// The entry of the rule's list that this login matches. Entries that need no name service
    /// come first.
    fn matching<'r, 't>(
        &self,
        who: &Account,
        rule: &'r Rule<'t>,
    ) -> Result<Option<&'r Entry<'t>>, Refusal<'t>> {
        let entries = rule.list.entries();
        if let Some(entry) = entries.iter().find(|entry| is_plainly(who, entry)) {
            return Ok(Some(entry));
        }
        for entry in entries {
            let answer = match (entry, &rule.list) {
                // An exempt name is the user of that name, so that a login does not pay for a
                // look-up of every name in the list. Whoever shares a number with a listed name,
                // root apart, is private.
                (Entry::User(word), List::AllBut(_)) if is_plain_name(word.as_bytes()) => Ok(false),
                (Entry::User(word), _) => self.is_user(who, word.as_bytes()),
                (Entry::Group(word), _) => self.is_in_group(who, word.skip(1).as_bytes()),
                (Entry::Uids(..), _) => Ok(false),
            };
            match (answer, &rule.list) {
                (Ok(true), _) => return Ok(Some(entry)),
                (Ok(false), _) => {}
                // Private is the safe answer to "is this user exempt?".
                (Err(_), List::AllBut(_)) => {}
                (Err(error), List::Only(_)) => {
                    return Err(Refusal::Unanswered {
                        origin: rule.origin.at(entry.word().column()),
                        entry: entry.word().clone(),
                        error,
                    });
                }
            }
        }
        Ok(None)
    }

    fn is_user(&self, who: &Account, name: &[u8]) -> Result<bool, Unanswered> {
        let Ok(name) = CString::new(name) else { return Ok(false) };
        Ok(self.host.user(&name)?.is_some_and(|found| found.uid == who.uid))
    }

    fn is_in_group(&self, who: &Account, name: &[u8]) -> Result<bool, Unanswered> {
        let Ok(name) = CString::new(name) else { return Ok(false) };
        let Some(gid) = self.host.group(&name)? else { return Ok(false) };
        if gid == who.gid {
            return Ok(true);
        }
        let ask = || self.host.groups_of(who.name.as_cstr(), who.gid);
        // Remembered for the user, of whom every rule asks.
        let groups = if who == self.account { self.groups.get_or_init(ask) } else { &ask() };
        Ok(groups.as_ref().map_err(|error| *error)?.contains(&gid))
    }
}

fn is_plainly(who: &Account, entry: &Entry<'_>) -> bool {
    match entry {
        Entry::User(word) if word.as_bytes() == b"root" => who.uid == 0,
        Entry::User(word) => {
            word.as_bytes() == who.name.as_bytes() || word.as_bytes() == who.passwd_name
        }
        Entry::Uids(_, range) => range.contains(&who.uid),
        Entry::Group(_) => false,
    }
}

/// Whether a name is one that a local user would have: no directory service spells it differently.
fn is_plain_name(name: &[u8]) -> bool {
    name.iter()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-' | b'.'))
}
