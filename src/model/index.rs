//! Which items a name or an address could mean, found without looking at all of them.
//!
//! An index only narrows down. It names every item that could be meant, and some that are not; [`super::query`] decides by
//! what the items themselves say, as it does without an index. So nothing that an index holds is ever an answer, and an
//! item that changed has only to be named each time.

use super::ids::ItemId;
use super::item::ItemRow;
use super::look_alike::{Suspect, skeleton};
use super::origin::Origin;
use super::query::{fold, host_texts, is_odd_folder, origins};
use super::reference::IdPrefix;
use memchr::memmem;
use std::hash::{BuildHasher, RandomState};
use zeroize::Zeroizing;

/// Stands behind each text that is searched; no text holds it, since it is no UTF-8.
const TEXT_END: u8 = 0xFF;

/// What items are called and where they belong, as of the moment when it was built. Holds nothing that is sealed a second
/// time.
pub struct Index {
    /// By an item's number here: the item.
    ids: Vec<ItemId>,
    /// By the first digits of ids.
    id_digits: Numbers,
    /// By titles without case.
    titles: Numbers,
    /// Items whose path is not taken apart into their own folder and title again.
    odd: Vec<u32>,
    /// Titles, user names and hosts without case, an item's together.
    texts: Zeroizing<Vec<u8>>,
    /// By an item's number: where its texts end.
    ends: Vec<u32>,
    /// By registrable domains, or hosts where there are none.
    sites: Numbers,
    /// By what sites and hosts look like.
    looks: Numbers,
    /// Keyed anew for each index, so that nobody can choose titles that collide.
    hash: RandomState,
}

/// What an item has to be called to be looked at: one of these titles, folded, or such an id.
#[derive(Clone, Copy)]
pub struct Called<'a> {
    pub(super) titles: [&'a str; 2],
    pub(super) id: Option<&'a IdPrefix>,
}

impl Index {
    /// Indexes these items; `None` where they hold more text than can be numbered.
    #[must_use]
    pub fn build<'a>(items: impl Iterator<Item = ItemRow<'a>>) -> Option<Self> {
        let mut index = Self {
            ids: Vec::new(),
            id_digits: Numbers::default(),
            titles: Numbers::default(),
            odd: Vec::new(),
            texts: Zeroizing::default(),
            ends: Vec::new(),
            sites: Numbers::default(),
            looks: Numbers::default(),
            hash: RandomState::new(),
        };
        for item in items {
            index.add(&item)?;
        }
        index.ids.shrink_to_fit();
        index.ends.shrink_to_fit();
        index.texts.shrink_to_fit();
        for numbers in [
            &mut index.id_digits,
            &mut index.titles,
            &mut index.sites,
            &mut index.looks,
        ] {
            numbers.close();
        }
        Some(index)
    }

    fn add(&mut self, item: &ItemRow<'_>) -> Option<()> {
        let number = u32::try_from(self.ids.len()).ok()?;
        self.ids.push(item.id);
        self.id_digits.add(leading_digits(item.id), number);
        let title = fold(&item.title);
        self.titles.add(self.key(&title), number);
        if is_odd_folder(&item.folder) {
            self.odd.push(number);
        }
        self.add_text(&title);
        self.add_text(&fold(&item.username));
        for address in &item.urls {
            for host in host_texts(address) {
                self.add_text(&fold(&host));
            }
        }
        self.ends.push(u32::try_from(self.texts.len()).ok()?);
        for origin in origins(item) {
            self.add_origin(&origin, number);
        }
        Some(())
    }

    fn add_text(&mut self, text: &str) {
        if !text.is_empty() {
            self.texts.extend_from_slice(text.as_bytes());
            self.texts.push(TEXT_END);
        }
    }

    fn add_origin(&mut self, origin: &Origin, number: u32) {
        let (site, host) = (origin.site_or_host(), origin.host());
        self.sites.add(self.key(&site), number);
        self.looks.add(self.key(&skeleton(&site)), number);
        if site != host {
            self.looks.add(self.key(&skeleton(&host)), number);
        }
    }

    fn key(&self, text: &str) -> u32 {
        let [low, _] = halves(self.hash.hash_one(text));
        low
    }

    /// Items that could be called so.
    #[must_use]
    pub fn called(&self, called: &Called<'_>) -> Vec<ItemId> {
        let mut numbers = self.odd.clone();
        for title in called.titles {
            numbers.extend(self.titles.of(self.key(title)));
        }
        if let Some(key) = called.id.and_then(IdPrefix::leading_digits) {
            numbers.extend(self.id_digits.of(key));
        }
        self.items(numbers)
    }

    /// Items with a title, user name or host that could hold this text, which is folded.
    #[must_use]
    pub fn holding(&self, part: &str) -> Vec<ItemId> {
        let finder = memmem::Finder::new(part.as_bytes());
        let mut found = Vec::new();
        let mut from = 0;
        while let Some(at) = self.texts.get(from..).and_then(|texts| finder.find(texts)) {
            let at = from + at;
            let number = self.ends.partition_point(|end| as_place(*end) <= at);
            let Some(end) = self.ends.get(number) else {
                break;
            };
            found.extend(self.ids.get(number));
            from = as_place(*end);
        }
        found
    }

    /// Items with an address at the very host or of the same site.
    #[must_use]
    pub fn near(&self, origin: &Origin) -> Vec<ItemId> {
        let numbers = self.sites.of(self.key(&origin.site_or_host()));
        self.items(numbers.collect())
    }

    /// Items with an address that the suspect could be made to look like; `None` where there is too much to look up.
    #[must_use]
    pub fn imitated(&self, suspect: &Suspect<'_>) -> Option<Vec<ItemId>> {
        let looks = suspect.looks()?;
        let numbers = looks.iter().flat_map(|look| self.looks.of(self.key(look)));
        Some(self.items(numbers.collect()))
    }

    fn items(&self, mut numbers: Vec<u32>) -> Vec<ItemId> {
        numbers.sort_unstable();
        numbers.dedup();
        let ids = numbers.into_iter();
        ids.filter_map(|number| self.ids.get(as_place(number)).copied())
            .collect()
    }
}

/// Numbers of items by a key that several may share, and that strangers may share by chance.
#[derive(Default)]
struct Numbers(Vec<(u32, u32)>);

impl Numbers {
    fn add(&mut self, key: u32, number: u32) {
        self.0.push((key, number));
    }

    /// To be called when all were added.
    fn close(&mut self) {
        self.0.sort_unstable();
        self.0.dedup();
        self.0.shrink_to_fit();
    }

    fn of(&self, key: u32) -> impl Iterator<Item = u32> {
        let from = self.0.partition_point(|row| row.0 < key);
        let rows = self.0.get(from..).unwrap_or_default().iter();
        rows.take_while(move |row| row.0 == key).map(|row| row.1)
    }
}

/// The first [`super::reference::ID_DIGITS_MIN`] digits of an id: as many as every shortened one has.
fn leading_digits(id: ItemId) -> u32 {
    let [first, second, third, ..] = id.0;
    u32::from_be_bytes([0, first, second, third])
}

fn halves(wide: u64) -> [u32; 2] {
    let [a, b, c, d, e, f, g, h] = wide.to_le_bytes();
    [[a, b, c, d], [e, f, g, h]].map(u32::from_le_bytes)
}

fn as_place(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
