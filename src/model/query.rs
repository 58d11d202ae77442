//! Which item is meant: by the name somebody typed, by a reference, by the address of a page, or by a filter.
//!
//! Several matches are never narrowed down by a guess: the caller gets all of them and asks. Nothing here sees a
//! secret.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;

use super::field::ItemKind;
use super::ids::ItemId;
use super::index::Called;
use super::item::{ItemName, ItemRow, split_path};
use super::look_alike::{Disguise, Suspect};
use super::origin::{Match, Origin, compare, host_text};
use super::reference::{IdPrefix, Reference, Target};

/// At most this many withheld items are named for one address.
pub const WITHHELD_LIMIT: usize = 16;

/// Items that can be gone through as often as needed: a list of rows, or an open vault, which makes no list.
///
/// Whoever has an index ([`super::index`]) looks at fewer items where not all of them are asked for: at each that could be
/// meant, once. What else it looks at changes no answer.
pub trait Listing {
    /// Looks at the name of each item.
    fn each_name(&self, look: &mut dyn FnMut(&ItemName<'_>));
    /// Looks at the row of each item.
    fn each_row(&self, look: &mut dyn FnMut(&ItemRow<'_>));

    /// Looks at the name of each item that could be called so.
    fn each_called(&self, _called: &Called<'_>, look: &mut dyn FnMut(&ItemName<'_>)) {
        self.each_name(look);
    }

    /// Looks at the row of each item with a title, user name or host that could hold this folded text.
    fn each_holding(&self, _part: &str, look: &mut dyn FnMut(&ItemRow<'_>)) {
        self.each_row(look);
    }

    /// Looks at the row of each item with an address at the very host or of the same site.
    fn each_near(&self, _origin: &Origin, look: &mut dyn FnMut(&ItemRow<'_>)) {
        self.each_row(look);
    }

    /// Looks at the row of each item with an address of the same site, or one that the suspect could be made to look like.
    fn each_imitated(&self, _suspect: &Suspect<'_>, look: &mut dyn FnMut(&ItemRow<'_>)) {
        self.each_row(look);
    }
}

impl Listing for [ItemRow<'_>] {
    fn each_name(&self, look: &mut dyn FnMut(&ItemName<'_>)) {
        for row in self {
            look(&ItemName {
                id: row.id,
                title: Cow::Borrowed(&row.title),
                folder: Cow::Borrowed(&row.folder),
                trashed: row.trashed,
            });
        }
    }

    fn each_row(&self, look: &mut dyn FnMut(&ItemRow<'_>)) {
        self.iter().for_each(look);
    }
}

/// Which items are looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum Scope {
    /// What does not lie in the trash.
    #[default]
    Live,
    /// The trash alone.
    Trash,
    /// Everything.
    All,
}

impl Scope {
    /// Whether the item is looked at.
    #[must_use]
    pub fn contains(self, item: &ItemRow<'_>) -> bool {
        self.has(item.trashed)
    }

    fn has(self, trashed: bool) -> bool {
        match self {
            Self::Live => !trashed,
            Self::Trash => trashed,
            Self::All => true,
        }
    }
}

/// What a name came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Resolution {
    /// The one item.
    One(ItemId),
    /// Two or more, in the order of their ids; only the user can say which.
    Many(Vec<ItemId>),
    /// No item.
    None,
}

impl Resolution {
    fn of(mut found: Vec<ItemId>) -> Self {
        found.sort_unstable();
        match found.as_slice() {
            [] => Self::None,
            [id] => Self::One(*id),
            _ => Self::Many(found),
        }
    }

    /// All that were found, in the order of their ids.
    #[must_use]
    pub fn into_ids(self) -> Vec<ItemId> {
        match self {
            Self::One(id) => vec![id],
            Self::Many(ids) => ids,
            Self::None => Vec::new(),
        }
    }
}

/// The item of a name. The first of these levels with a match decides: exact path; exact title; `id:` with an id or 6
/// or more of its first digits; path or title without case; title, user name or host that contains the name, without
/// case. An empty name is no item's.
#[must_use]
pub fn resolve<L: Listing + ?Sized>(name: &str, items: &L, scope: Scope) -> Resolution {
    if name.is_empty() {
        return Resolution::None;
    }
    let wanted = WantedName::new(name);
    let mut best = LEVELS.len();
    let mut found = Vec::new();
    items.each_called(&wanted.called(), &mut |item| {
        let level = if scope.has(item.trashed) {
            wanted.level_of(item, best)
        } else {
            None
        };
        if let Some(level) = level {
            if level < best {
                best = level;
                found.clear();
            }
            found.push(item.id);
        }
    });
    if found.is_empty() {
        items.each_holding(&wanted.folded.0, &mut |item| {
            if scope.contains(item) && is_part_of(&wanted.folded, item) {
                found.push(item.id);
            }
        });
    }
    Resolution::of(found)
}

/// A name that somebody typed, ready to be compared.
struct WantedName<'a> {
    name: &'a str,
    folder: String,
    title: String,
    id: Option<IdPrefix>,
    folded: Folded,
    folded_folder: Folded,
    folded_title: Folded,
}

impl<'a> WantedName<'a> {
    fn new(name: &'a str) -> Self {
        let (folder, title) = split_path(name);
        Self {
            name,
            id: IdPrefix::parse(name),
            folded: Folded::new(name),
            folded_folder: Folded::new(&folder),
            folded_title: Folded::new(&title),
            folder,
            title,
        }
    }

    /// On whichever level this is an item's name, the item is called so.
    fn called(&self) -> Called<'_> {
        Called {
            titles: [&self.folded.0, &self.folded_title.0],
            id: self.id.as_ref(),
        }
    }

    /// The strictest level on which this is the item's name, none looser than `loosest`.
    fn level_of(&self, item: &ItemName<'_>, loosest: usize) -> Option<usize> {
        let mut tried = LEVELS.iter().take(loosest.saturating_add(1));
        tried.position(|is_meant| is_meant(self, item))
    }
}

/// The levels that a name alone decides, strictest first.
const LEVELS: [fn(&WantedName<'_>, &ItemName<'_>) -> bool; 4] = [
    |wanted, item| {
        (is_same(&item.title, &wanted.title) && is_same(&item.folder, &wanted.folder))
            || (is_odd_folder(&item.folder) && item.path() == wanted.name)
    },
    |wanted, item| is_same(&item.title, wanted.name),
    |wanted, item| wanted.id.as_ref().is_some_and(|id| id.matches(item.id)),
    |wanted, item| {
        wanted.folded.equals(&item.title)
            || (wanted.folded_folder.equals(&item.folder)
                && wanted.folded_title.equals(&item.title))
            || (is_odd_folder(&item.folder) && wanted.folded.equals(&item.path()))
    },
];

/// Compares by length first: most folders are empty, and where a text of no bytes lies nowhere, comparing it in memory is
/// slower on some processors than comparing a long one.
fn is_same(one: &str, other: &str) -> bool {
    one.len() == other.len() && (one.is_empty() || one == other)
}

fn is_part_of(name: &Folded, item: &ItemRow<'_>) -> bool {
    name.is_in(&item.title)
        || name.is_in(&item.username)
        || item.urls.iter().any(|address| {
            let mut hosts = host_texts(address);
            hosts.any(|host| name.is_in(&host))
        })
}

/// The item of a reference, outside the trash: the exact path or the id, nothing looser, since no one is there to ask.
#[must_use]
pub fn resolve_reference<L: Listing + ?Sized>(reference: &Reference, items: &L) -> Resolution {
    resolve_target(&reference.item, items)
}

/// The item that a reference is to, whatever its field.
#[must_use]
pub fn resolve_target<L: Listing + ?Sized>(target: &Target, items: &L) -> Resolution {
    let is_meant = |item: &ItemName<'_>| match target {
        Target::Path { folder, title } => {
            is_same(&item.title, title) && is_same(&item.folder, folder)
        }
        Target::Id(id) => id.matches(item.id),
    };
    let (title, id) = match target {
        Target::Path { title, .. } => (Folded::new(title), None),
        Target::Id(id) => (Folded(String::new()), Some(id)),
    };
    let called = Called {
        titles: [&title.0, &title.0],
        id,
    };
    let mut found = Vec::new();
    items.each_called(&called, &mut |item| {
        if Scope::Live.has(item.trashed) && is_meant(item) {
            found.push(item.id);
        }
    });
    Resolution::of(found)
}

/// What an address came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UrlResolution {
    /// The items at the very host, or where there are none those of the same site.
    pub found: Resolution,
    /// Where nothing was found: items that must not be given to this address, to warn about. At most
    /// [`WITHHELD_LIMIT`], one for an item.
    pub withheld: Vec<Withheld>,
}

/// An item that an address seems to ask for and does not get.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Withheld {
    /// The item.
    pub item: ItemId,
    /// The address it is stored for.
    pub stored: Origin,
    /// Why it is not given.
    pub reason: WithheldReason,
}

/// Why an address does not get an item.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WithheldReason {
    /// The address only looks like the stored one.
    LookAlike(Disguise),
    /// The address is plain `http`, the stored one is not.
    Insecure,
}

/// The items of an address: those of its exact host and port first, else those of its registrable domain, never by a
/// substring (see [`super::origin::matches`]). Stored addresses that do not parse match nothing.
#[must_use]
pub fn resolve_url<L: Listing + ?Sized>(query: &Origin, items: &L, scope: Scope) -> UrlResolution {
    let mut exact = Vec::new();
    let mut same_site = Vec::new();
    items.each_near(query, &mut |item| {
        if !scope.contains(item) {
            return;
        }
        let matches: Vec<Match> = origins(item)
            .map(|stored| compare(query, &stored))
            .collect();
        if matches.contains(&Match::Exact) {
            exact.push(item.id);
        } else if matches.contains(&Match::SameSite) {
            same_site.push(item.id);
        }
    });
    let found = if exact.is_empty() { same_site } else { exact };
    let withheld = if found.is_empty() {
        find_withheld(query, items, scope)
    } else {
        Vec::new()
    };
    UrlResolution {
        found: Resolution::of(found),
        withheld,
    }
}

fn find_withheld<L: Listing + ?Sized>(query: &Origin, items: &L, scope: Scope) -> Vec<Withheld> {
    let suspect = Suspect::new(query);
    let upgraded = query.upgraded();
    let reason = |stored: &Origin| match compare(query, stored) {
        Match::LookAlike(disguise) => Some(WithheldReason::LookAlike(disguise)),
        _ if compare(&upgraded, stored) != Match::No => Some(WithheldReason::Insecure),
        _ => suspect.imitates(stored).map(WithheldReason::LookAlike),
    };
    let mut withheld = Vec::new();
    items.each_imitated(&suspect, &mut |item| {
        if scope.contains(item) {
            withheld.extend(origins(item).find_map(|stored| {
                reason(&stored).map(|reason| Withheld {
                    item: item.id,
                    stored,
                    reason,
                })
            }));
        }
    });
    withheld.sort_by_key(|withheld| withheld.item);
    withheld.truncate(WITHHELD_LIMIT);
    withheld
}

pub(super) fn origins(item: &ItemRow<'_>) -> impl Iterator<Item = Origin> {
    item.urls
        .iter()
        .filter_map(|address| Origin::parse(address).ok())
}

/// Which items a listing shows; what is not set lets everything pass.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// The pattern given to `ls`.
    pub pattern: Option<Pattern>,
    /// Tags that an item must have, all of them, without case.
    pub tags: Vec<String>,
    /// The kind.
    pub kind: Option<ItemKind>,
    /// A folder as it is stored, with all its subfolders.
    pub folder: Option<String>,
    /// Whether the trash is shown.
    pub scope: Scope,
}

impl Filter {
    /// Whether the listing shows the item.
    #[must_use]
    pub fn accepts(&self, item: &ItemRow<'_>) -> bool {
        let has_tag = |wanted: &String| {
            let wanted = Folded::new(wanted);
            item.tags.iter().any(|tag| wanted.equals(tag))
        };
        let is_below = |folder: &String| is_folder_within(&item.folder, folder.trim_matches('/'));
        self.scope.contains(item)
            && self.kind.is_none_or(|kind| item.kind == kind)
            && self.folder.as_ref().is_none_or(is_below)
            && self.tags.iter().all(has_tag)
            && self
                .pattern
                .as_ref()
                .is_none_or(|pattern| pattern.accepts(item))
    }
}

/// A pattern over paths, without case. `work/` is a folder with all below it; with `*` (any characters, slashes too)
/// or `?` (one character) in it the pattern must fit the whole path or the whole title; anything else is a part of
/// the path. `\*` and `\?` stand for the characters themselves.
#[derive(Clone, Debug)]
pub struct Pattern(PatternKind);

#[derive(Clone, Debug)]
enum PatternKind {
    Folder(String),
    Glob(Vec<GlobPart>),
    Part(Folded),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum GlobPart {
    AnyText,
    AnyCharacter,
    Exactly(char),
}

impl Pattern {
    /// Every text is a pattern.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let glob = parse_glob(&fold(text));
        let is_wild = |part: &GlobPart| !matches!(part, GlobPart::Exactly(_));
        if glob.iter().any(is_wild) {
            return Self(PatternKind::Glob(glob));
        }
        Self(match text.strip_suffix('/') {
            // A folder's last segment may end in an escaped slash.
            Some(folder) if !folder.ends_with('\\') => {
                PatternKind::Folder(fold(folder.trim_matches('/')).into_owned())
            }
            _ => PatternKind::Part(Folded(literal_text(&glob))),
        })
    }

    fn accepts(&self, item: &ItemRow<'_>) -> bool {
        match &self.0 {
            PatternKind::Folder(folder) => is_folder_within(&fold(&item.folder), folder),
            PatternKind::Glob(glob) => {
                fits_glob(glob, &fold(&item.path())) || fits_glob(glob, &fold(&item.title))
            }
            PatternKind::Part(part) => part.is_in(&item.path()) || part.is_in(&item.title),
        }
    }
}

/// A text made ready to be compared without case and without regard to how accents are composed.
#[derive(Clone, Debug)]
struct Folded(String);

impl Folded {
    fn new(text: &str) -> Self {
        Self(fold(text).into_owned())
    }

    fn equals(&self, text: &str) -> bool {
        if text.is_ascii() {
            self.0.eq_ignore_ascii_case(text)
        } else {
            self.0 == fold(text)
        }
    }

    fn is_in(&self, text: &str) -> bool {
        fold(text).contains(&self.0)
    }
}

pub(super) fn fold(text: &str) -> Cow<'_, str> {
    if !text.is_ascii() {
        Cow::Owned(text.nfc().flat_map(char::to_lowercase).nfc().collect())
    } else if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(text.to_ascii_lowercase())
    } else {
        Cow::Borrowed(text)
    }
}

/// An address's host as people read it and, where that is another text, as it travels (`xn--`).
pub(super) fn host_texts(address: &str) -> impl Iterator<Item = Cow<'_, str>> {
    let host = host_text(address);
    let travels = if host.is_ascii() {
        None
    } else {
        Origin::parse(address).ok()
    };
    let travels = travels.map(|origin| Cow::Owned(origin.host().into_owned()));
    std::iter::once(host).chain(travels)
}

/// Whether a path with this folder is not taken apart into the same folder and title again.
pub(super) fn is_odd_folder(folder: &str) -> bool {
    folder.starts_with('/') || folder.ends_with(['/', '\\'])
}

/// Whether `folder` is `parent` or lies below it; everything lies below the top.
fn is_folder_within(folder: &str, parent: &str) -> bool {
    parent.is_empty()
        || folder
            .strip_prefix(parent)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn parse_glob(text: &str) -> Vec<GlobPart> {
    let mut parts = Vec::new();
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '*' if parts.last() == Some(&GlobPart::AnyText) => {}
            '*' => parts.push(GlobPart::AnyText),
            '?' => parts.push(GlobPart::AnyCharacter),
            '\\' => match characters.next_if(|next| matches!(next, '*' | '?')) {
                Some(literal) => parts.push(GlobPart::Exactly(literal)),
                None => parts.push(GlobPart::Exactly('\\')),
            },
            _ => parts.push(GlobPart::Exactly(character)),
        }
    }
    parts
}

fn literal_text(glob: &[GlobPart]) -> String {
    glob.iter()
        .filter_map(|part| match part {
            GlobPart::Exactly(character) => Some(*character),
            GlobPart::AnyText | GlobPart::AnyCharacter => None,
        })
        .collect()
}

/// Whether the glob fits the whole text. Only the last `*` ever takes more, so the time is bounded by the product of
/// both lengths.
fn fits_glob(glob: &[GlobPart], text: &str) -> bool {
    let (mut parts, mut rest) = (glob, text.chars());
    let mut last_star: Option<(&[GlobPart], std::str::Chars<'_>)> = None;
    loop {
        let mut ahead = rest.clone();
        match (parts.split_first(), ahead.next()) {
            (None, None) => return true,
            (Some((GlobPart::AnyText, after)), _) => {
                last_star = Some((after, rest.clone()));
                parts = after;
                continue;
            }
            (Some((GlobPart::AnyCharacter, after)), Some(_)) => {
                (parts, rest) = (after, ahead);
                continue;
            }
            (Some((GlobPart::Exactly(wanted), after)), Some(next)) if *wanted == next => {
                (parts, rest) = (after, ahead);
                continue;
            }
            _ => {}
        }
        let Some((after, from)) = &mut last_star else {
            return false;
        };
        if from.next().is_none() {
            return false;
        }
        (parts, rest) = (after, from.clone());
    }
}

#[cfg(test)]
mod tests;
