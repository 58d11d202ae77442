//! What an entry of a KeePass database says of an item, value by value: under the names that programs understand, and each
//! name once.

use super::entry::{Entry, Remarks, Shown};
use super::kdbx::Shape;
use super::keepass_history::Row;
use crate::exchange::keepass_xml::{KIND, written_kind};
use crate::exchange::native::DocumentItem;
use crate::model::field::{self, FieldKind, ItemKind};
use crate::model::ids::FieldId;
use crate::otp::Kind;
use std::borrow::Cow;
use std::collections::BTreeSet;

/// Names that programs understand by themselves, and beginnings of such names.
const RESERVED: [&str; 6] = ["Title", "UserName", "Password", "URL", "Notes", "otp"];
const RESERVED_BEGINNINGS: [&str; 5] = ["KP2A_URL", "TimeOtp-", "HmacOtp-", "TOTP Se", "KPEX_"];

/// A value of an entry.
pub(super) struct Attribute<'d> {
    pub(super) name: String,
    pub(super) value: Shown<'d>,
    pub(super) is_protected: bool,
}

/// The values of a version of an entry; what became of each is said, where somebody listens.
pub(super) fn attributes<'d>(
    shape: &Shape<'d>,
    addresses: impl Iterator<Item = &'d str>,
    remarks: Option<&mut Remarks>,
) -> Vec<Attribute<'d>> {
    let mut list = Attributes::default();
    list.put(shape, addresses, remarks);
    list.list
}

/// Values under names that are there once.
#[derive(Default)]
struct Attributes<'d> {
    list: Vec<Attribute<'d>>,
    names: BTreeSet<String>,
}

impl<'d> Attributes<'d> {
    fn put(
        &mut self,
        shape: &Shape<'d>,
        mut addresses: impl Iterator<Item = &'d str>,
        mut remarks: Option<&mut Remarks>,
    ) {
        let notes = if shape.is_note {
            field::TEXT
        } else {
            field::NOTES
        };
        let places = [
            ("Title", field::TITLE),
            ("UserName", field::USERNAME),
            ("Password", field::PASSWORD),
            ("Notes", notes),
        ];
        let row = |number| {
            let id = FieldId::Standard(number);
            shape.rows.iter().find(|row| row.id == id)
        };
        for (name, number) in places {
            let value = row(number).map_or(Shown::Plain(""), Row::shown);
            self.push(name.to_owned(), value, number == field::PASSWORD);
        }
        if let Some(remarks) = remarks.as_deref_mut() {
            say_unsafe(shape, remarks);
        }
        let address = addresses.next().unwrap_or_default();
        self.push("URL".to_owned(), Shown::Plain(address), false);
        for (address, number) in addresses.zip(0..) {
            let name = match number {
                0 => "KP2A_URL".to_owned(),
                number => format!("KP2A_URL_{number}"),
            };
            self.push(name, Shown::Plain(address), false);
        }
        if let Some(seed) = row(field::OTP) {
            self.put_seed(shape.item, seed, remarks.as_deref_mut());
        }
        let entry = Entry::new(shape.item);
        if entry.kind != ItemKind::Login && !shape.is_note {
            self.push(KIND.to_owned(), Shown::Plain(entry.kind.name()), false);
        }
        let has_place = |row: &&Row<'d>| {
            let numbers = places.map(|place| place.1).into_iter().chain([field::OTP]);
            numbers.map(FieldId::Standard).any(|id| id == row.id)
        };
        for row in shape.rows.iter().filter(|row| !has_place(row)) {
            self.put_row(shape.item, row, remarks.as_deref_mut());
        }
    }

    fn put_row(&mut self, item: &DocumentItem, row: &Row<'d>, remarks: Option<&mut Remarks>) {
        let name = match row.name {
            // The reader of exchange/ would take it for what the item is.
            KIND if written_kind(row.shown().text()).is_some() => {
                unique(format!("field {KIND}"), &self.names)
            }
            name => self.free_name(name),
        };
        if let Some(remarks) = remarks {
            if row.kind == FieldKind::Otp {
                let reason = "KeePass has one seed an entry; it is a protected field";
                remarks.change(item, row.name, reason);
            }
            if name != row.name {
                let reason = format!("its name is taken or means something else; it is {name:?}");
                remarks.change(item, row.name, &reason);
            }
        }
        self.push(name, row.shown(), row.kind.is_secret());
    }

    /// KeePassXC takes a seed by counter for one by time where it finds it under its own name, so it goes under KeePass's.
    fn put_seed(&mut self, item: &DocumentItem, row: &Row<'d>, remarks: Option<&mut Remarks>) {
        let Some(seed) = row.seed() else {
            let name = self.free_name("otp text");
            self.push(name, row.shown(), true);
            if let Some(remarks) = remarks {
                remarks.change(item, "otp", "it is no seed; it is a protected field");
            }
            return;
        };
        let Kind::Hotp { counter } = seed.kind() else {
            self.push("otp".to_owned(), Shown::Made(seed.write_uri()), true);
            return;
        };
        let has_label = !seed.issuer().is_empty() || !seed.account().is_empty();
        if let Some(remarks) = remarks.filter(|_| has_label) {
            remarks.change(
                item,
                "otp",
                "KeePass keeps a seed by counter without its names",
            );
        }
        let mut push = |name: &str, text: Shown<'d>| {
            self.push(format!("HmacOtp-{name}"), text, name == "Secret-Base32");
        };
        push("Secret-Base32", Shown::Made(seed.write_base32()));
        push("Counter", Shown::made(counter.to_string()));
        push("Length", Shown::made(seed.digits().to_string()));
        push("Algorithm", Shown::Plain(seed.algorithm().name()));
    }

    /// The name as a program may have it for a field that it does not know.
    fn free_name(&self, name: &str) -> String {
        let means_something = RESERVED.contains(&name)
            || RESERVED_BEGINNINGS
                .iter()
                .any(|begin| name.starts_with(begin));
        let name = match printable(name) {
            name if name.trim().is_empty() => "field".to_owned(),
            name if means_something => format!("field {name}"),
            name => name.into_owned(),
        };
        unique(name, &self.names)
    }

    fn push(&mut self, name: String, value: Shown<'d>, is_protected: bool) {
        self.names.insert(name.clone());
        self.list.push(Attribute {
            name,
            value,
            is_protected,
        });
    }
}

/// The name, with a number where it is taken.
pub(super) fn unique(name: String, taken: &BTreeSet<String>) -> String {
    if !taken.contains(&name) {
        return name;
    }
    let numbered = (2..).map(|number| format!("{name} {number}"));
    let mut free = numbered.filter(|name| !taken.contains(name));
    free.next().unwrap_or(name)
}

/// Says which values programs may not keep. They are there whole, covered where XML has no place for a sign: keyfold reads
/// them back, while KeePassXC's text fields end at a zero, and it leaves control characters out of what it saves.
fn say_unsafe(shape: &Shape<'_>, remarks: &mut Remarks) {
    let item = shape.item;
    let mut say = |name: &str, text: &str| {
        if text.contains('\0') {
            remarks.change(item, name, "programs may cut it off at its zero character");
        } else if text.chars().any(is_dropped) {
            remarks.change(item, name, "programs may leave out its control characters");
        }
    };
    // A seed is written anew, in signs that every program keeps.
    let is_seed = |row: &&Row<'_>| row.id == FieldId::Standard(field::OTP) && row.seed().is_some();
    for row in shape.rows.iter().filter(|row| !is_seed(row)) {
        say(row.name, row.shown().text());
    }
    for url in &item.urls {
        say("url", &url.value);
    }
}

/// What KeePassXC leaves out when it saves (`stripInvalidXml10Chars`).
fn is_dropped(character: char) -> bool {
    let is_kept = matches!(character, '\t' | '\n' | '\r' | '\u{85}');
    (character.is_control() && !is_kept) || !has_place_in_xml(character)
}

/// Whether XML 1.0 has a place for every sign of it.
pub(super) fn is_printable(text: &str) -> bool {
    text.chars().all(has_place_in_xml)
}

fn has_place_in_xml(character: char) -> bool {
    let is_odd = matches!(character, '\u{fffe}' | '\u{ffff}');
    !is_odd && (character >= ' ' || matches!(character, '\t' | '\n' | '\r'))
}

/// The text with a mark in the place of each sign that XML has no place for.
pub(super) fn printable(text: &str) -> Cow<'_, str> {
    if is_printable(text) {
        return Cow::Borrowed(text);
    }
    let shown = |character| Some(character).filter(|character| has_place_in_xml(*character));
    let marked = text
        .chars()
        .map(|character| shown(character).unwrap_or('\u{fffd}'));
    Cow::Owned(marked.collect())
}
