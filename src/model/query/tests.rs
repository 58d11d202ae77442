//! Tests of names, addresses and filters.

use super::*;
use crate::model::item::ItemSummary;
use proptest::prelude::*;

fn item(number: u8, folder: &str, title: &str) -> ItemSummary {
    ItemSummary {
        title: title.to_owned().into(),
        folder: folder.to_owned().into(),
        ..ItemSummary::empty(ItemId([number; 16]), ItemKind::Login)
    }
}

fn with_url(number: u8, url: &str) -> ItemSummary {
    ItemSummary {
        urls: vec![url.to_owned().into()],
        ..item(number, "", &format!("item {number}"))
    }
}

fn one(number: u8) -> Resolution {
    Resolution::One(ItemId([number; 16]))
}

fn many(numbers: &[u8]) -> Resolution {
    Resolution::Many(numbers.iter().map(|number| ItemId([*number; 16])).collect())
}

fn live(name: &str, items: &[ItemSummary]) -> Resolution {
    resolve(name, items, Scope::Live)
}

#[test]
fn an_exact_path_comes_before_an_exact_title() {
    let items = [item(1, "work", "mail"), item(2, "", "mail")];
    assert_eq!(live("mail", &items), one(2));
    assert_eq!(live("work/mail", &items), one(1));
    assert_eq!(live("/work/mail", &items), one(1));
    let items = [item(1, "work", "mail"), item(2, "", "work/mail")];
    assert_eq!(live("work/mail", &items), one(1));
    assert_eq!(live(r"work\/mail", &items), one(2));
}

#[test]
fn an_exact_title_comes_before_an_id() {
    let items = [item(0xAB, "", "x"), item(2, "work", "id:ababab")];
    assert_eq!(live("id:ababab", &items), one(2));
}

#[test]
fn an_id_comes_before_a_name_without_case() {
    let items = [item(0xAB, "", "x"), item(2, "", "ID:ABABAB")];
    assert_eq!(live("id:ababab", &items), one(0xAB));
    assert_eq!(live("id:ABABAB", &items), one(0xAB));
}

#[test]
fn a_name_without_case_comes_before_a_part() {
    let items = [item(1, "", "my mail account"), item(2, "Work", "Mail")];
    assert_eq!(live("mail", &items), one(2));
    assert_eq!(live("work/MAIL", &items), one(2));
    assert_eq!(live("account", &items), one(1));
}

#[test]
fn exact_letters_come_before_other_case() {
    let items = [item(1, "", "Mail"), item(2, "work", "mail")];
    assert_eq!(live("mail", &items), one(2));
    assert_eq!(live("Mail", &items), one(1));
    assert_eq!(live("MAIL", &items), many(&[1, 2]));
}

#[test]
fn title_user_name_and_host_are_searched_for_a_part() {
    let mut by_user = item(1, "", "one");
    by_user.username = "Alice@Example.org".into();
    let by_host = with_url(2, "https://login.bank.test/alicepath");
    let by_idn = with_url(3, "https://xn--bcher-kva.de/");
    let items = [by_user, by_host, by_idn, item(4, "folder", "four")];
    assert_eq!(live("alice", &items), one(1));
    assert_eq!(live("LOGIN.bank", &items), one(2));
    assert_eq!(live("bücher", &items), one(3));
    assert_eq!(live("bcher-kva", &items), one(3));
    // Paths of addresses, folders and schemes are no names.
    assert_eq!(live("https", &items), Resolution::None);
    assert_eq!(live("older", &items), Resolution::None);
}

#[test]
fn several_matches_at_one_level_are_all_named() {
    let items = [
        item(1, "a", "mail"),
        item(2, "b", "mail"),
        item(3, "c", "post"),
        item(4, "c", "post"),
        item(5, "", "mailbox"),
    ];
    assert_eq!(live("mail", &items), many(&[1, 2]));
    assert_eq!(live("c/post", &items), many(&[3, 4]));
    assert_eq!(live("ai", &items), many(&[1, 2, 5]));
}

#[test]
fn bare_digits_are_never_an_id() {
    let items = [item(0xAB, "", "x"), item(2, "", "y")];
    let whole = ItemId([0xAB; 16]).to_string();
    assert_eq!(live(&whole, &items), Resolution::None);
    assert_eq!(live("ababab", &items), Resolution::None);
    assert_eq!(live(&format!("id:{whole}"), &items), one(0xAB));
    assert_eq!(live("id:ababa", &items), Resolution::None);
}

#[test]
fn ids_that_share_their_first_digits_are_all_named() {
    let mut items = [item(0xAB, "", "x"), item(0xAB, "", "y")];
    if let Some(last) = items[1].id.0.last_mut() {
        *last = 0;
    }
    assert!(matches!(live("id:ababab", &items), Resolution::Many(found) if found.len() == 2));
}

#[test]
fn the_trash_is_looked_at_only_when_asked() {
    let mut items = [item(1, "", "mail"), item(2, "work", "mail")];
    items[0].trashed = true;
    assert_eq!(live("mail", &items), one(2));
    assert_eq!(resolve("mail", &items[..], Scope::Trash), one(1));
    assert_eq!(resolve("mail", &items[..], Scope::All), one(1));
    assert_eq!(resolve("ai", &items[..], Scope::All), many(&[1, 2]));
}

#[test]
fn accents_may_be_composed_either_way() {
    let items = [item(1, "", "Cafe\u{301}")];
    assert_eq!(live("caf\u{e9}", &items), one(1));
    assert_eq!(live("f\u{c9}", &items), one(1));
    assert_eq!(live("cafe", &items), Resolution::None);
}

#[test]
fn odd_names_find_what_they_name() {
    let items = [
        item(1, "", "c:\\dir"),
        item(2, "", "a/b"),
        item(3, "x\\/", "t"),
        item(4, "w", ""),
    ];
    assert_eq!(live("c:\\dir", &items), one(1));
    assert_eq!(live("c:\\\\dir", &items), one(1));
    assert_eq!(live("a/b", &items), one(2));
    assert_eq!(live("x\\//t", &items), one(3));
    assert_eq!(live("w/", &items), one(4));
    assert_eq!(live("", &items), Resolution::None);
}

#[test]
fn a_reference_is_never_guessed_at() {
    let mut items = [
        item(1, "work", "Mail"),
        item(2, "", "mail"),
        item(3, "", "x"),
    ];
    items[2].trashed = true;
    let resolve = |text: &str| resolve_reference(&Reference::parse(text).unwrap(), &items[..]);
    assert_eq!(resolve("keyfold://work/Mail/otp"), one(1));
    assert_eq!(resolve("keyfold://work/mail/otp"), Resolution::None);
    assert_eq!(resolve("keyfold://Mail/otp"), Resolution::None);
    assert_eq!(resolve("keyfold://id:020202/otp"), one(2));
    assert_eq!(resolve("keyfold://id:030303/otp"), Resolution::None);
}

fn at(url: &str, items: &[ItemSummary]) -> UrlResolution {
    resolve_url(&Origin::parse(url).unwrap(), items, Scope::Live)
}

#[test]
fn the_exact_host_comes_before_the_site() {
    let items = [
        with_url(1, "https://accounts.example.com"),
        with_url(2, "https://example.com"),
        with_url(3, "no url at all"),
    ];
    assert_eq!(at("https://example.com/x", &items).found, one(2));
    assert_eq!(at("accounts.example.com", &items).found, one(1));
    assert_eq!(at("https://www.example.com", &items).found, many(&[1, 2]));
    assert_eq!(at("https://ample.com", &items).found, Resolution::None);
}

#[test]
fn any_of_an_items_addresses_counts_once() {
    let mut item = with_url(1, "https://other.test");
    item.urls.push("https://example.com".into());
    item.urls.push("https://example.com/again".into());
    assert_eq!(at("example.com", &[item]).found, one(1));
}

/// Attack B18, end to end: nothing is offered, the user is told what was withheld and why.
#[test]
fn withheld_items_are_named_with_their_reason() {
    let items = [
        with_url(1, "https://google.com"),
        with_url(2, "https://example.com"),
    ];
    for (query, withheld) in [
        (
            "https://google.com@evil.net",
            Some((1, WithheldReason::LookAlike(Disguise::UserInfo))),
        ),
        (
            "https://me@google.com",
            Some((1, WithheldReason::LookAlike(Disguise::UserInfo))),
        ),
        (
            "https://gооgle.com",
            Some((1, WithheldReason::LookAlike(Disguise::Confusable))),
        ),
        (
            "https://example.com.evil.net",
            Some((2, WithheldReason::LookAlike(Disguise::Embedded))),
        ),
        (
            "http://www.example.com",
            Some((2, WithheldReason::Insecure)),
        ),
        ("https://evilgoogle.com", None),
    ] {
        let answer = at(query, &items);
        assert_eq!(answer.found, Resolution::None, "{query}");
        let named: Vec<_> = answer
            .withheld
            .iter()
            .map(|withheld| (withheld.item.0[0], withheld.reason))
            .collect();
        assert_eq!(named, Vec::from_iter(withheld), "{query}");
    }
}

#[test]
fn an_item_of_its_own_is_not_withheld_from_a_look_alike() {
    let items = [
        with_url(1, "https://paypal.com"),
        with_url(2, "https://paypa1.com"),
    ];
    let answer = at("https://paypa1.com", &items);
    assert_eq!((answer.found, answer.withheld), (one(2), Vec::new()));
}

#[test]
fn a_flood_of_look_alikes_is_bounded() {
    let items = vec![with_url(1, "https://google.com"); WITHHELD_LIMIT + 5];
    assert_eq!(
        at("https://g00gle.com", &items).withheld.len(),
        WITHHELD_LIMIT
    );
}

fn accepted(pattern: &str, items: &[ItemSummary]) -> Vec<u8> {
    let filter = Filter {
        pattern: Some(Pattern::parse(pattern)),
        ..Filter::default()
    };
    items
        .iter()
        .filter(|item| filter.accepts(item))
        .map(|item| item.id.0[0])
        .collect()
}

#[test]
fn patterns_are_folders_globs_or_parts_of_a_path() {
    let items = [
        item(1, "Work", "Mail"),
        item(2, "work/acme", "bank"),
        item(3, "workshop", "saw"),
        item(4, "", "what?*"),
        item(5, "", "a/b"),
    ];
    for (pattern, expected) in [
        ("work/", vec![1, 2]),
        ("/work/ACME/", vec![2]),
        ("/", vec![1, 2, 3, 4, 5]),
        ("", vec![1, 2, 3, 4, 5]),
        ("work", vec![1, 2, 3]),
        ("k/a", vec![2]),
        ("a/b", vec![5]),
        (r"a\/b", vec![5]),
        ("work/*", vec![1, 2]),
        ("*bank", vec![2]),
        ("b?nk", vec![2]),
        ("ban", vec![2]),
        ("b*", vec![2]),
        ("?a*", vec![1, 2, 3]),
        (r"\?\*", vec![4]),
        (r"*\?*", vec![4]),
        ("**", vec![1, 2, 3, 4, 5]),
        ("b?", vec![]),
    ] {
        assert_eq!(accepted(pattern, &items), expected, "{pattern}");
    }
}

#[test]
fn every_part_of_a_filter_must_agree() {
    let mut tagged = item(1, "work/acme", "mail");
    tagged.tags = vec!["Home".into(), "tv".into()];
    let note = ItemSummary {
        kind: ItemKind::Note,
        ..item(2, "work", "mail")
    };
    let trashed = ItemSummary {
        trashed: true,
        ..item(3, "workshop", "mail")
    };
    let items = [tagged, note, trashed];
    let accepted = |filter: Filter| -> Vec<u8> {
        let kept = items.iter().filter(|item| filter.accepts(item));
        kept.map(|item| item.id.0[0]).collect()
    };
    let tags = |tags: &[&str]| Filter {
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        ..Filter::default()
    };
    let folder = |folder: &str, scope| Filter {
        folder: Some(folder.to_owned()),
        scope,
        ..Filter::default()
    };
    assert_eq!(accepted(Filter::default()), [1, 2]);
    assert_eq!(accepted(tags(&["home"])), [1]);
    assert_eq!(accepted(tags(&["home", "TV"])), [1]);
    assert_eq!(accepted(tags(&["home", "car"])), [0_u8; 0]);
    assert_eq!(accepted(tags(&["hom"])), [0_u8; 0]);
    assert_eq!(accepted(folder("work", Scope::All)), [1, 2]);
    assert_eq!(accepted(folder("work/acme/", Scope::All)), [1]);
    assert_eq!(accepted(folder("", Scope::Trash)), [3]);
    let notes = Filter {
        kind: Some(ItemKind::Note),
        ..Filter::default()
    };
    assert_eq!(accepted(notes), [2]);
}

#[test]
fn a_hostile_glob_takes_bounded_time() {
    let items = [item(1, "", &"a".repeat(20_000))];
    assert_eq!(accepted(&"*a".repeat(500), &items), [1]);
    assert_eq!(
        accepted(&format!("{}b", "*a".repeat(500)), &items),
        [0_u8; 0]
    );
}

prop_compose! {
    fn any_item()(
        number: u8,
        folder in r"([/\\ab]|.){0,5}",
        title in r"([/\\ab]|.){0,5}",
        username in ".{0,4}",
        url in "(https?://)?[a-b.@:\\[\\]]{0,8}.{0,3}",
        trashed: bool,
    ) -> ItemSummary {
        ItemSummary { username: username.into(), urls: vec![url.into()], trashed, ..item(number, &folder, &title) }
    }
}

proptest! {
    #[test]
    fn no_name_makes_anything_panic(
        name in r"([/\\ab*?]|id:|.){0,8}",
        items in prop::collection::vec(any_item(), 0..4),
    ) {
        for scope in [Scope::Live, Scope::Trash, Scope::All] {
            match resolve(&name, &items[..], scope) {
                Resolution::Many(found) => prop_assert!(found.len() > 1),
                Resolution::One(id) => prop_assert!(items.iter().any(|item| item.id == id && scope.contains(item))),
                Resolution::None => {}
            }
            if let Ok(origin) = Origin::parse(&name) {
                let _ = resolve_url(&origin, &items[..], scope);
            }
        }
        let pattern = Pattern::parse(&name);
        for item in &items {
            let _ = pattern.accepts(item);
        }
    }

    #[test]
    fn every_item_is_found_by_its_path(items in prop::collection::vec(any_item(), 1..4)) {
        for item in items.iter().filter(|item| !item.path().is_empty()) {
            match resolve(&item.path(), &items[..], Scope::All) {
                Resolution::One(id) => prop_assert_eq!(id, item.id),
                Resolution::Many(found) => prop_assert!(found.contains(&item.id)),
                Resolution::None => prop_assert!(false, "not found by its path"),
            }
        }
    }

    #[test]
    fn a_glob_without_wildcards_is_equality(text in "[a-c]{0,4}", other in "[a-c]{0,4}") {
        prop_assert_eq!(fits_glob(&parse_glob(&text), &other), text == other);
        let around = format!("*{text}*");
        prop_assert_eq!(fits_glob(&parse_glob(&around), &other), other.contains(&text));
    }
}
