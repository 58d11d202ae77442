//! An index finds what a look at all items finds: for any items, any names, any addresses.

use super::*;
use crate::model::field::ItemKind;
use crate::model::item::{ItemName, ItemSummary};
use crate::model::query::{Listing, Resolution, Scope, resolve, resolve_target, resolve_url};
use crate::model::reference::Target;
use proptest::prelude::*;
use proptest::sample::select;
use std::collections::HashSet;

/// Items with an index over them.
struct Narrowed<'a> {
    rows: &'a [ItemSummary],
    index: Index,
}

impl<'a> Narrowed<'a> {
    fn new(rows: &'a [ItemSummary]) -> Self {
        let index = Index::build(rows.iter().cloned()).unwrap();
        Self { rows, index }
    }

    fn pass(&self, ids: &[ItemId], look: &mut dyn FnMut(&ItemRow<'_>)) {
        let unique: HashSet<&ItemId> = ids.iter().collect();
        assert_eq!(unique.len(), ids.len(), "each item is looked at once");
        let rows = self.rows.iter().filter(|row| ids.contains(&row.id));
        rows.for_each(look);
    }
}

impl Listing for Narrowed<'_> {
    fn each_name(&self, _look: &mut dyn FnMut(&ItemName<'_>)) {
        unreachable!("nothing looks at all names");
    }

    fn each_row(&self, _look: &mut dyn FnMut(&ItemRow<'_>)) {
        unreachable!("nothing looks at all rows");
    }

    fn each_called(&self, called: &Called<'_>, look: &mut dyn FnMut(&ItemName<'_>)) {
        let ids = self.index.called(called);
        let rows: Vec<ItemSummary> = self
            .rows
            .iter()
            .filter(|row| ids.contains(&row.id))
            .cloned()
            .collect();
        rows[..].each_name(look);
    }

    fn each_holding(&self, part: &str, look: &mut dyn FnMut(&ItemRow<'_>)) {
        self.pass(&self.index.holding(part), look);
    }

    fn each_near(&self, origin: &Origin, look: &mut dyn FnMut(&ItemRow<'_>)) {
        self.pass(&self.index.near(origin), look);
    }

    fn each_imitated(&self, suspect: &Suspect<'_>, look: &mut dyn FnMut(&ItemRow<'_>)) {
        let mut ids = self.index.imitated(suspect).unwrap();
        ids.extend(self.index.near(suspect.query()));
        ids.sort_unstable();
        ids.dedup();
        self.pass(&ids, look);
    }
}

/// Letters with odd cases, marks that compose, what paths are made of, and what hosts are mistaken for.
const LETTERS: [&str; 22] = [
    "a", "B", "b", "ß", "ẞ", "İ", "i", "ı", "I", "K", "k", "\u{212A}", "é", "e\u{301}", "Σ", "ς",
    "σ", "/", "\\", " ", "1", "l",
];

fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(select(&LETTERS[..]), 0..5).prop_map(|parts| parts.concat())
}

fn address() -> impl Strategy<Value = String> {
    let scheme = select(&["", "http://", "https://", "ssh://"][..]);
    let user = select(&["", "", "", "me@", "google.com@", "x.paypal.com@"][..]);
    let label = select(
        &[
            "a.",
            "www.",
            "googIe.",
            "google.",
            "gооgle.",
            "paypal.",
            "paypa1.",
            "com-",
            "google.com.",
            "bücher.",
        ][..],
    );
    let labels = prop::collection::vec(label, 0..4).prop_map(|labels| labels.concat());
    let end = select(
        &[
            "com",
            "co.uk",
            "github.io",
            "lan",
            "de",
            "10.0.0.1",
            "[::1]",
            "a b",
            "",
        ][..],
    );
    let port = select(&["", "", ":443", ":8080", "/path"][..]);
    (scheme, user, labels, end, port)
        .prop_map(|(scheme, user, labels, end, port)| format!("{scheme}{user}{labels}{end}{port}"))
}

fn items() -> impl Strategy<Value = Vec<ItemSummary>> {
    let id = (0..3_u8, 0..3_u8);
    let urls = prop::collection::vec(address(), 0..3);
    let item = (id, text(), text(), text(), urls, any::<bool>());
    let items = prop::collection::vec(item, 0..8);
    items.prop_map(|items| {
        let rows = items.into_iter().zip(0..);
        rows.map(
            |(((first, fourth), folder, title, username, urls, trashed), number)| {
                let mut id = [0x11; 16];
                (id[0], id[3], id[15]) = (first, fourth, number);
                ItemSummary {
                    folder: folder.into(),
                    title: title.into(),
                    username: username.into(),
                    urls: urls.into_iter().map(Into::into).collect(),
                    trashed,
                    ..ItemSummary::empty(ItemId(id), ItemKind::Login)
                }
            },
        )
        .collect()
    })
}

const SCOPES: [Scope; 3] = [Scope::Live, Scope::Trash, Scope::All];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn names_find_what_a_look_at_all_items_finds(
        items in items(),
        asked in prop::collection::vec(text(), 1..4),
        digits in "id:0[0-3]1111(0[0-3])?(1{2,24})?",
    ) {
        let narrowed = Narrowed::new(&items);
        let mut names = asked;
        names.push(digits);
        for item in &items {
            names.extend([item.path(), item.title.to_string(), item.title.to_uppercase(), item.path().to_lowercase()]);
            names.extend([item.username.to_string(), format!("id:{}", item.id)]);
            names.extend(item.urls.iter().map(ToString::to_string));
            names.extend(item.urls.iter().filter_map(|url| Some(Origin::parse(url).ok()?.host().into_owned())));
        }
        for name in &names {
            for scope in SCOPES {
                prop_assert_eq!(resolve(name, &narrowed, scope), resolve(name, &items[..], scope), "{:?}", name);
            }
        }
        for item in &items {
            let target = Target::Path { folder: item.folder.to_string(), title: item.title.to_string() };
            prop_assert_eq!(resolve_target(&target, &narrowed), resolve_target(&target, &items[..]));
            let target = Target::Id(item.id.into());
            prop_assert_eq!(resolve_target(&target, &narrowed), resolve_target(&target, &items[..]));
        }
    }

    #[test]
    fn addresses_find_what_a_look_at_all_items_finds(items in items(), asked in prop::collection::vec(address(), 1..4)) {
        let narrowed = Narrowed::new(&items);
        let stored = items.iter().flat_map(|item| item.urls.iter().map(ToString::to_string));
        let embedded: Vec<String> = stored.clone().map(|url| format!("{url}.evil.net")).collect();
        for address in asked.into_iter().chain(stored).chain(embedded) {
            let Ok(origin) = Origin::parse(&address) else { continue };
            for scope in SCOPES {
                let found = resolve_url(&origin, &narrowed, scope);
                prop_assert_eq!(found, resolve_url(&origin, &items[..], scope), "{}", address);
            }
        }
    }
}

#[test]
fn an_index_looks_at_few_items() {
    let rows: Vec<ItemSummary> = (0..200_u8)
        .map(|number| ItemSummary {
            title: format!("Account {number}").into(),
            username: format!("user{number}@mail").into(),
            urls: vec![format!("https://www.site{number}.com").into()],
            ..ItemSummary::empty(ItemId([number; 16]), ItemKind::Login)
        })
        .collect();
    let index = Index::build(rows.iter().cloned()).unwrap();
    let id = IdPrefix::from(ItemId([7; 16]));
    let called = Called {
        titles: ["account 5", "account 6"],
        id: Some(&id),
    };
    let expected = [5, 6, 7].map(|number| ItemId([number; 16]));
    assert_eq!(index.called(&called), expected);
    assert_eq!(index.holding("user9@").len(), 1);
    assert_eq!(index.holding("site19").len(), 11);
    assert_eq!(index.holding("user200").len(), 0);
    let origin = Origin::parse("https://mail.site7.com").unwrap();
    assert_eq!(index.near(&origin), [ItemId([7; 16])]);
}

#[test]
fn an_address_with_endless_parts_is_held_against_all() {
    let address = format!("https://{}@evil.net", "a.b-".repeat(900));
    let origin = Origin::parse(&address).unwrap();
    assert!(Suspect::new(&origin).looks().is_none());
    let rows = [ItemSummary {
        urls: vec!["https://a.b-a.b".into()],
        ..ItemSummary::empty(ItemId([1; 16]), ItemKind::Login)
    }];
    let found = resolve_url(&origin, &rows[..], Scope::Live);
    assert_eq!((found.found, found.withheld.len()), (Resolution::None, 1));
}
