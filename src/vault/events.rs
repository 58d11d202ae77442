//! What happened to the vault file lately, kept in the local state so that `status` can tell it. Lines of a time, a word and a number: nothing of what is in the vault.

use super::local::overwrite;
use super::{Notice, Vault};
use crate::model::moment::Moment;
use crate::storage::{Storage, read_whole};
use serde::{Deserialize, Serialize};
use std::mem::discriminant;
use std::path::Path;

/// Bytes of the log; past it the older half goes.
const LIMIT: usize = 32 << 10;

/// Something that happened.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Event {
    /// When, by this device's clock.
    pub at: Moment,
    /// What. Texts are empty.
    pub notice: Notice,
}

impl Vault {
    /// What happened lately, oldest first.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        let text = read(&*self.storage, &self.local.events);
        text.lines().filter_map(parse).collect()
    }

    /// Logs what was noticed since the last call. The exclusive lock is held.
    pub(super) fn log_events(&mut self, now: Moment) {
        let new = self.notices.get(self.logged..).unwrap_or_default();
        if new.is_empty() {
            self.logged = self.notices.len();
            return;
        }
        // What lasts is found anew by every command, and is one event all the same.
        let last = self.events().pop().map(|event| event.notice);
        let is_news =
            |notice: &&Notice| !lasts(notice) || last.as_ref().and_then(word) != word(notice);
        let lines: String = new
            .iter()
            .filter(is_news)
            .filter_map(word)
            .map(|(word, count)| format!("{} {word} {count}\n", now.0))
            .collect();
        self.logged = self.notices.len();
        self.append_events(&lines);
    }

    /// Puts notices of earlier looks before those of the last one: what was done stays told, what lasts is told as it was
    /// found last.
    pub(super) fn put_before(&mut self, mut earlier: Vec<Notice>) {
        let found = &self.notices;
        let is_found = |notice: &Notice| {
            found
                .iter()
                .any(|other| discriminant(other) == discriminant(notice))
        };
        earlier.retain(|notice| !lasts(notice) || !(is_found_anew(notice) || is_found(notice)));
        self.logged += earlier.len();
        earlier.append(&mut self.notices);
        self.notices = earlier;
    }

    fn append_events(&self, lines: &str) {
        if lines.is_empty() {
            return;
        }
        let mut text = read(&*self.storage, &self.local.events);
        if text.len() + lines.len() > LIMIT {
            let kept = text.len() / 2;
            let cut = text.get(kept..).and_then(|rest| rest.find('\n'));
            text = text.split_off((kept + cut.map_or(0, |at| at + 1)).min(text.len()));
        }
        text.push_str(lines);
        overwrite(&*self.storage, &self.local.events, text.as_bytes());
    }
}

/// Whether it is a state that goes on rather than something that was done.
fn lasts(notice: &Notice) -> bool {
    matches!(
        notice,
        Notice::Pending(_)
            | Notice::Unusable(_)
            | Notice::Damaged(_)
            | Notice::ForgedSlots(_)
            | Notice::OtherKey
    )
}

/// Whether every look finds it as long as it lasts, so that it is over where one does not.
fn is_found_anew(notice: &Notice) -> bool {
    matches!(
        notice,
        Notice::Pending(_) | Notice::Unusable(_) | Notice::OtherKey
    )
}

fn read(storage: &dyn Storage, path: &Path) -> String {
    let bytes = match storage.open_read(path) {
        Ok(Some(file)) => read_whole(&*file, 2 * LIMIT).unwrap_or_default(),
        _ => Vec::new(),
    };
    // A crash may tear a line; what is no line of ours is nobody's.
    String::from_utf8(bytes).unwrap_or_default()
}

fn word(notice: &Notice) -> Option<(&'static str, usize)> {
    Some(match notice {
        Notice::Merged(count) => ("merged", *count),
        Notice::CopiesMoved(count) => ("copies", *count),
        Notice::Healed(count) => ("healed", *count),
        Notice::RolledBack(count) => ("rolled-back", *count),
        Notice::PutBack => ("put-back", 0),
        Notice::Replaced => ("replaced", 0),
        Notice::Pending(_) => ("pending", 0),
        Notice::Unusable(_) => ("unusable", 0),
        Notice::Damaged(count) => ("damaged", *count),
        Notice::ForgedSlots(count) => ("forged-slots", *count),
        Notice::NewDevice => ("new-device", 0),
        Notice::OtherKey => ("other-key", 0),
        Notice::Review => ("review", 0),
        Notice::Adopted(count) => ("adopted", *count),
        Notice::PasswordsApart(count) => ("passwords-apart", *count),
        Notice::LastWayIn => ("last-way-in", 0),
        Notice::Odd(_) => return None,
    })
}

fn parse(line: &str) -> Option<Event> {
    let mut words = line.split(' ');
    let at = Moment(words.next()?.parse().ok()?);
    let (word, count) = (words.next()?, words.next()?.parse().ok()?);
    let notice = match word {
        "merged" => Notice::Merged(count),
        "copies" => Notice::CopiesMoved(count),
        "healed" => Notice::Healed(count),
        "rolled-back" => Notice::RolledBack(count),
        "put-back" => Notice::PutBack,
        "replaced" => Notice::Replaced,
        "pending" => Notice::Pending(String::new()),
        "unusable" => Notice::Unusable(String::new()),
        "damaged" => Notice::Damaged(count),
        "forged-slots" => Notice::ForgedSlots(count),
        "new-device" => Notice::NewDevice,
        "other-key" => Notice::OtherKey,
        "review" => Notice::Review,
        "adopted" => Notice::Adopted(count),
        "passwords-apart" => Notice::PasswordsApart(count),
        "last-way-in" => Notice::LastWayIn,
        _ => return None,
    };
    Some(Event { at, notice })
}
