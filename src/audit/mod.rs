//! What could be better about what a vault holds: one file a check, from items to findings.
//!
//! This room holds no password. It sees one opened secret at a time and keeps a keyed digest of it, how strong it is, and whether
//! a list of breached ones has it; the key is random, of this run alone, and wiped with the digests. No finding and no
//! report has a secret in it. Time comes in as an argument, lists as [`breach::ListFile`]; who opens the secrets is the caller's
//! matter.

pub mod breach;
mod breached;
mod conflict;
mod domain;
mod duplicate;
mod empty;
mod expiry;
mod finding;
pub mod html;
mod http;
mod marks;
mod old;
mod question;
mod report;
mod reused;
mod score;
mod similar;
mod strength;
mod subject;
mod two_factor;

pub use finding::{Finding, FindingKind, Severity};
pub use report::{AGE_STEPS, Listed, Report};
pub use strength::Estimate;
pub use subject::{Role, is_password_field};
pub use two_factor::{TwoFactorError, TwoFactorList};

use crate::model::ids::{FieldId, ItemId};
use crate::model::moment::Moment;
use crate::secret::{Secret, scrub_stack};
use crate::state::conflict::Conflict;
use crate::state::view::ItemView;
use breach::{BreachError, BreachList};
use marks::{Mark, Marker};
use rand::CryptoRng;
use std::collections::HashMap;
use subject::Subject;

/// What an audit goes by.
pub struct Options<'a> {
    /// The time that it is.
    pub now: Moment,
    /// Only items of this folder and those below it, where one is named. What they share with others is counted, and no other
    /// is named.
    pub folder: Option<String>,
    /// How passwords are rated.
    pub estimate: Estimate,
    /// Passwords that were seen in breaches.
    pub breaches: Option<&'a BreachList>,
    /// Sites that offer one-time codes.
    pub two_factor: &'a TwoFactorList,
}

/// A secret that is to be opened for the audit.
#[derive(Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Its item.
    pub item: ItemId,
    /// Its field.
    pub field: FieldId,
    /// What it is looked at for.
    pub role: Role,
    /// Which of the items that were added has it.
    subject: usize,
    /// Whether findings are told of its item; of others only what they share matters.
    is_audited: bool,
    /// What an attacker would try first.
    words: Vec<String>,
}

/// What is kept of a secret that was opened.
pub struct Seen {
    subject: usize,
    field: FieldId,
    role: Role,
    is_empty: bool,
    mark: Mark,
    similar: Option<Mark>,
    strength: Option<strength::Rated>,
    is_breached: bool,
}

/// What looks at opened secrets. Several threads may ask it at once, each with one secret.
pub struct Examiner<'a> {
    marker: Marker,
    estimate: Estimate,
    breaches: Option<&'a BreachList>,
}

impl Examiner<'_> {
    /// Looks at a secret, and keeps nothing of it that could give it back.
    ///
    /// # Errors
    /// What is wrong with the list of breached passwords.
    pub fn examine(&self, wanted: &Wanted, secret: &Secret) -> Result<Seen, BreachError> {
        let seen = self.look(wanted, secret);
        scrub_stack();
        seen
    }

    #[inline(never)]
    fn look(&self, wanted: &Wanted, secret: &Secret) -> Result<Seen, BreachError> {
        let is_password = wanted.role == Role::Password && !secret.is_empty();
        let is_judged = is_password && wanted.is_audited;
        let breaches = self.breaches.filter(|_| is_judged);
        let is_breached = match breaches {
            Some(list) => list.contains(secret)?,
            None => false,
        };
        let words: Vec<&str> = wanted.words.iter().map(String::as_str).collect();
        Ok(Seen {
            subject: wanted.subject,
            field: wanted.field,
            role: wanted.role,
            is_empty: secret.is_empty(),
            mark: self.marker.mark(secret),
            similar: is_password.then(|| self.marker.mark_core(secret)).flatten(),
            strength: is_judged.then(|| strength::rate(self.estimate, secret, &words)),
            is_breached,
        })
    }
}

/// An audit while it goes on.
pub struct Audit<'a> {
    options: Options<'a>,
    subjects: Vec<Subject>,
    by_id: HashMap<ItemId, usize>,
    seen: Vec<Seen>,
    unreadable: usize,
}

impl<'a> Audit<'a> {
    /// One that has seen nothing yet.
    #[must_use]
    pub fn new(options: Options<'a>) -> Self {
        Self {
            options,
            subjects: Vec::new(),
            by_id: HashMap::new(),
            seen: Vec::new(),
            unreadable: 0,
        }
    }

    /// What is to look at the secrets of this audit, with a key of its own.
    #[must_use]
    pub fn examiner(&self, rng: &mut dyn CryptoRng) -> Examiner<'a> {
        Examiner {
            marker: Marker::make(rng),
            estimate: self.options.estimate,
            breaches: self.options.breaches,
        }
    }

    /// Takes an item in that is not in the trash, and says which of its secrets are to be opened.
    pub fn add_item(&mut self, view: &ItemView) -> Vec<Wanted> {
        let number = self.subjects.len();
        let subject = Subject::of(view, number, &self.options);
        let secrets = subject::secrets_of(view).into_iter();
        let wanted = secrets.map(|(field, role)| Wanted {
            item: view.id,
            field,
            role,
            subject: number,
            is_audited: subject.is_audited,
            words: match role {
                Role::Password if subject.is_audited => subject.words(),
                _ => Vec::new(),
            },
        });
        let wanted = wanted.collect();
        self.subjects.push(subject);
        self.by_id.insert(view.id, number);
        wanted
    }

    /// Takes in what was seen of a secret.
    pub fn add_seen(&mut self, seen: Seen) {
        self.seen.push(seen);
    }

    /// Counts a secret that does not open in its place.
    pub fn add_unreadable(&mut self) {
        self.unreadable += 1;
    }

    /// Takes in what devices changed apart.
    pub fn add_conflicts(&mut self, conflicts: &[Conflict]) {
        for conflict in conflicts {
            let number = self.by_id.get(&conflict.item);
            if let Some(subject) = number.and_then(|number| self.subjects.get_mut(*number)) {
                subject.conflicts.push(conflict.name.clone());
            }
        }
    }

    /// All findings.
    #[must_use]
    pub fn finish(self) -> Report {
        report::make(&self)
    }
}

/// Every check, in the order in which findings of an item are told.
const CHECKS: [fn(&Audit<'_>, &mut Vec<Finding>); 13] = [
    breached::check,
    strength::check,
    reused::check,
    similar::check,
    two_factor::check,
    http::check,
    question::check,
    conflict::check,
    expiry::check_expired,
    expiry::check_expiring,
    duplicate::check,
    empty::check,
    old::check,
];
