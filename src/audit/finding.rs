//! What a check found, and how much it matters. The kinds' names are part of the command line and of JSON.

use crate::model::ids::ItemId;

/// How much a finding matters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Severity {
    /// Somebody could get in with it.
    Problem,
    /// It could be better.
    Advice,
    /// Good to know; no reason to do anything by itself.
    Information,
}

impl Severity {
    /// The name in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Problem => "problem",
            Self::Advice => "advice",
            Self::Information => "information",
        }
    }
}

/// What a finding is about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum FindingKind {
    /// A list of breached passwords has it.
    Breached,
    /// It is guessed soon.
    Weak,
    /// Another item has the same password.
    Reused,
    /// Another item's password differs only as people make passwords differ.
    Similar,
    /// The site offers one-time codes and the item has no seed.
    NoTwoFactor,
    /// An address without encryption.
    Http,
    /// An answer to a recovery question stands in the clear.
    RecoveryQuestion,
    /// Devices changed it apart and nobody decided.
    Conflict,
    /// A date that says until when is past.
    Expired,
    /// Such a date is near.
    Expiring,
    /// Another item is for the same account with the same secret.
    Duplicate,
    /// There is nothing in it that a password manager is for.
    Empty,
    /// It was not changed for long.
    Old,
}

impl FindingKind {
    /// Every kind, the worst first: its name, how much it matters, what it takes from an item's hundred points, and what it is.
    pub const TABLE: [(Self, &'static str, Severity, u32, &'static str); 13] = [
        (
            Self::Breached,
            "breached",
            Severity::Problem,
            60,
            "in a list of breached passwords",
        ),
        (Self::Weak, "weak", Severity::Problem, 40, "guessed soon"),
        (
            Self::Reused,
            "reused",
            Severity::Problem,
            40,
            "the same password in several items",
        ),
        (
            Self::Similar,
            "similar",
            Severity::Advice,
            15,
            "nearly the same password in several items",
        ),
        (
            Self::NoTwoFactor,
            "no-2fa",
            Severity::Advice,
            10,
            "one-time codes are offered and not used",
        ),
        (
            Self::Http,
            "http",
            Severity::Advice,
            15,
            "an address without encryption",
        ),
        (
            Self::RecoveryQuestion,
            "recovery-question",
            Severity::Advice,
            10,
            "recovery questions in plain fields",
        ),
        (
            Self::Conflict,
            "conflict",
            Severity::Advice,
            10,
            "changed apart on two devices, undecided",
        ),
        (
            Self::Expired,
            "expired",
            Severity::Advice,
            10,
            "past its date",
        ),
        (
            Self::Expiring,
            "expiring",
            Severity::Information,
            2,
            "soon past its date",
        ),
        (
            Self::Duplicate,
            "duplicate",
            Severity::Advice,
            5,
            "the same account twice",
        ),
        (Self::Empty, "empty", Severity::Advice, 5, "nothing in it"),
        (
            Self::Old,
            "old",
            Severity::Information,
            2,
            "not changed for long",
        ),
    ];

    fn row(self) -> &'static (Self, &'static str, Severity, u32, &'static str) {
        let [first, ..] = &Self::TABLE;
        Self::TABLE
            .iter()
            .find(|row| row.0 == self)
            .unwrap_or(first)
    }

    /// The name on the command line, in tags and in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().1
    }

    /// How much it matters.
    #[must_use]
    pub fn severity(self) -> Severity {
        self.row().2
    }

    /// What it takes from an item's hundred points.
    #[must_use]
    pub fn weight(self) -> u32 {
        self.row().3
    }

    /// What it is, in a few words.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        self.row().4
    }

    /// The kind of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let row = Self::TABLE.iter().find(|row| row.1 == name);
        row.map(|row| row.0)
    }
}

/// Something about an item that could be better. It holds no secret.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// What it is about.
    pub kind: FindingKind,
    /// The item.
    pub item: ItemId,
    /// The item's path.
    pub path: String,
    /// The field, where it is about one.
    pub field: Option<String>,
    /// What was found, in words.
    pub what: String,
    /// Paths of other items that share it: the first few.
    pub with: Vec<String>,
    /// How many others share it, with those that are not named.
    pub others: usize,
    /// Which of the items that were looked at.
    pub(super) subject: usize,
}

/// So many others are named.
const NAMED: usize = 5;

impl Finding {
    /// About an item by itself.
    pub(super) fn new(
        kind: FindingKind,
        subject: &super::Subject,
        field: Option<String>,
        what: impl Into<String>,
    ) -> Self {
        Self {
            kind,
            item: subject.id,
            path: subject.path.clone(),
            field,
            what: what.into(),
            with: Vec::new(),
            others: 0,
            subject: subject.number,
        }
    }

    /// The same, with others that share it; only those of the audited folder are named.
    pub(super) fn shared_with(mut self, others: &[&super::Subject]) -> Self {
        let named = others.iter().filter(|other| other.is_audited);
        self.with = named.take(NAMED).map(|other| other.path.clone()).collect();
        self.others = others.len();
        self
    }

    /// The others in words: `a, b and 3 more`.
    #[must_use]
    pub fn others_in_words(&self) -> String {
        let more = self.others.saturating_sub(self.with.len());
        let named = self.with.join(", ");
        match (named.is_empty(), more) {
            (true, 1) => "1 other item".to_owned(),
            (true, more) => format!("{more} other items"),
            (false, 0) => named,
            (false, more) => format!("{named} and {more} more"),
        }
    }
}
