//! What an export holds comes back in another vault to the byte, and an import never counts or writes twice.
#![allow(
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test may stop; the scene is shared"
)]

#[path = "scene/inout.rs"]
mod inout;
mod scene;

use inout::{
    HOTP, add, bytes_of, changed, edit, set, set_apart, set_password, take_in, text_of, vault,
};

use keyfold::exchange::native::{parse_document, write_document};
use keyfold::exchange::{self, Credentials};
use keyfold::model::draft::{Draft, FieldName};
use keyfold::model::field::{self, FieldKind, ItemKind, STANDARD_FIELDS};
use keyfold::model::ids::{FieldId, ItemId};
use keyfold::model::moment::Moment;
use keyfold::service::import::rehearse;
use keyfold::state::change::{Edit, Mark};
use keyfold::state::codec::{self, FormerBody};
use keyfold::state::op::Tag;
use keyfold::state::view::Life;
use keyfold::storage::simulated::SimulatedStorage;
use keyfold::vault::Vault;
use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;
use scene::{NOW, later, login, opened, password};
use std::sync::Arc;

/// A vault with something of everything.
fn rich() -> (Arc<SimulatedStorage>, Vault) {
    let (storage, mut vault) = vault(1);
    let mut full = Draft {
        kind: ItemKind::Identity,
        title: "a/b \\ \"quoted\" é 𝄞 \u{1}\u{7f}\u{2028}".to_owned(),
        folder: "work/ac\\/me".to_owned(),
        favourite: true,
        origin: Some("bitwarden:1".to_owned()),
        urls: [
            "https://a.example",
            "https://b.example",
            "https://a.example",
        ]
        .map(str::to_owned)
        .to_vec(),
        tags: ["ü", "b", "a"].map(str::to_owned).to_vec(),
        ..Draft::default()
    };
    for (number, name, _) in STANDARD_FIELDS
        .iter()
        .filter(|row| row.0 >= field::USERNAME)
    {
        full.push_standard(*number, format!("{name}\n\t\r\u{8}\u{c}\u{1f}"));
    }
    for (_, number, name) in FieldKind::TABLE {
        let kind = FieldKind::from_number(number).unwrap();
        full.push_custom(name, kind, format!("one {name}"));
        full.push_custom(name, kind, format!("two {name}"));
    }
    full.push_custom("", FieldKind::Text, String::new());
    add(&mut vault, NOW, full);

    let changed = add(&mut vault, later(1), login("changed", "p0"));
    for number in 1..4 {
        let mut edits = vec![set_password(&format!("p{number}"))];
        edits.push(Edit::Move {
            folder: format!("f{number}"),
            title: "changed".to_owned(),
        });
        edits.push(set(
            FieldName::Custom("extra".to_owned()),
            FieldKind::Secret,
            "x",
        ));
        edit(&mut vault, changed, later(10 + number), edits);
    }
    let removals = vec![
        Edit::Remove(FieldName::Custom("extra".to_owned())),
        Edit::Remove(FieldName::Standard(field::USERNAME)),
        Edit::RemoveUrl("https://example.com".to_owned()),
        Edit::RemoveTag("work".to_owned()),
        Edit::AddUrl("https://new.example".to_owned()),
    ];
    edit(&mut vault, changed, later(20), removals);

    let gone = add(&mut vault, later(2), login("gone", "g"));
    let mut rng = StdRng::seed_from_u64(5);
    vault
        .update(later(21), &mut rng, |plan, _| {
            plan.set_life(gone, Life::Trashed)
        })
        .unwrap();

    let mut counted = login("counted", "c");
    counted.push_standard(field::OTP, HOTP.to_owned());
    let counted = add(&mut vault, later(3), counted);
    let otp = FieldId::Standard(field::OTP);
    edit(&mut vault, counted, later(22), vec![Edit::Count(otp, 42)]);
    edit(&mut vault, counted, later(23), vec![Edit::Count(otp, 41)]);

    let former = FormerBody {
        kind: FieldKind::Text.number(),
        name: "",
        text: "earlier",
        at: 1_000_000_000_123,
        device: "an old machine",
    };
    vault
        .update(later(24), &mut rng, |plan, _| {
            for _ in 0..2 {
                let body = codec::write_former(&former);
                let id = FieldId::Standard(field::USERNAME);
                plan.put_prepared(counted, id, Tag::FORMER, body, vec![]);
            }
            Ok(())
        })
        .unwrap();
    drop(vault);

    let mut vault = opened(&storage, "b", 1, later(50)).unwrap();
    let torn = add(&mut vault, later(51), login("torn", "first"));
    set_apart(&mut vault, torn, field::PASSWORD, "second", later(52));
    drop(vault);
    let mut vault = opened(&storage, "a", 1, later(60)).unwrap();
    set_apart(&mut vault, torn, field::PASSWORD, "third", later(61));
    set_apart(&mut vault, torn, field::PASSWORD, "first", later(62));
    set_apart(&mut vault, torn, field::PASSWORD, "first", later(63));
    set_apart(&mut vault, torn, field::USERNAME, "me", later(64));
    set_apart(&mut vault, torn, field::USERNAME, "you", later(65));
    (storage, vault)
}

#[test]
fn an_export_comes_back_to_the_byte_in_another_vault() {
    let (_, vault_one) = rich();
    let bytes = bytes_of(&vault_one);
    let (storage, mut two) = vault(2);
    let ledger = take_in(&mut two, &bytes, later(1000));
    assert_eq!((ledger.items.read, ledger.items.created), (5, 5));
    let text = String::from_utf8(bytes).unwrap();
    assert_eq!(text_of(&two), text);
    drop(two);
    let again = opened(&storage, "c", 1, later(2000)).unwrap();
    assert_eq!(text_of(&again), text);
    assert!(text.contains("\"counter\": 42"));
    assert!(text.contains("\"value\": \"second\""));
    assert!(text.contains("\"device\": \"an old machine\""));
}

#[test]
fn a_document_is_written_as_it_was_read() {
    let (_, vault) = rich();
    let bytes = bytes_of(&vault);
    let document = parse_document(&bytes).unwrap();
    assert_eq!(*write_document(&document), bytes);
}

#[test]
fn an_empty_export_has_its_one_form() {
    let (_, vault) = vault(1);
    let expected = "{\n  \"schema\": 1,\n  \"format\": \"keyfold-export\",\n  \"items\": []\n}\n";
    assert_eq!(text_of(&vault), expected);
}

#[test]
fn a_small_export_is_the_format_s_to_the_letter() {
    let (_, mut vault) = vault(1);
    let mut draft = Draft {
        title: "a/b".to_owned(),
        urls: vec!["https://a.example".to_owned()],
        ..Draft::default()
    };
    draft.push_standard(field::PASSWORD, "\u{1f}\"".to_owned());
    let item = add(&mut vault, NOW, draft);
    let url = vault.state().item(item).unwrap().urls[0].id;
    let url = keyfold::exchange::native::write_field_id_text(url);
    let at = NOW.to_rfc3339();
    let field = |name: &str, kind: &str, secret: bool, value: &str| {
        format!(
            r#"        {{
          "id": "{name}",
          "name": "{name}",
          "kind": "{kind}",
          "secret": {secret},
          "value": "{value}",
          "changed": "{at}",
          "counter": null,
          "conflicts": []
        }}"#
        )
    };
    let fields = [
        field("kind", "text", false, "login"),
        field("title", "text", false, "a/b"),
        field("password", "secret", true, "\\u001f\\\""),
    ];
    let expected = format!(
        r#"{{
  "schema": 1,
  "format": "keyfold-export",
  "items": [
    {{
      "id": "{item}",
      "path": "a\\/b",
      "trashed": false,
      "tags": [],
      "urls": [
        {{
          "id": "{url}",
          "value": "https://a.example"
        }}
      ],
      "fields": [
{}
      ],
      "history": []
    }}
  ]
}}
"#,
        fields.join(",\n")
    );
    assert_eq!(text_of(&vault), expected);
}

#[test]
fn the_second_import_of_an_export_changes_nothing() {
    let (_, one) = rich();
    let bytes = bytes_of(&one);
    let (_, mut two) = vault(2);
    take_in(&mut two, &bytes, later(1000));
    for mut target in [two, one] {
        let records = target.state().record_count();
        let ledger = take_in(&mut target, &bytes, later(2000));
        assert_eq!(ledger.items.identical, 5, "{:?}", changed(&ledger));
        assert_eq!(ledger.fields.identical, ledger.fields.read);
        assert_eq!(target.state().record_count(), records);
    }
}

#[test]
fn a_newer_export_updates_and_an_older_one_takes_nothing_back() {
    let (_, mut one) = vault(1);
    let mut draft = login("mail", "old");
    draft.push_standard(field::OTP, HOTP.to_owned());
    let item = add(&mut one, NOW, draft);
    let older = bytes_of(&one);
    let (_, mut two) = vault(2);
    take_in(&mut two, &older, later(5));
    let edits = vec![
        set_password("new"),
        Edit::Favourite(Mark::Favourite),
        Edit::AddUrl("https://b.example".to_owned()),
        Edit::AddTag("fresh".to_owned()),
        Edit::Count(FieldId::Standard(field::OTP), 9),
        set(
            FieldName::Custom("pin".to_owned()),
            FieldKind::Secret,
            "1234",
        ),
    ];
    edit(&mut one, item, later(10), edits);
    let newer = bytes_of(&one);
    let ledger = take_in(&mut two, &newer, later(20));
    assert_eq!(ledger.items.updated, 1);
    assert_eq!(password(&two, "mail"), "new");
    let row = two.state().summary(item).unwrap();
    assert!(row.favourite && row.tags.contains(&"fresh".into()) && row.urls.len() == 2);
    let otp = two.state().item(item).unwrap();
    let otp = otp.field(FieldId::Standard(field::OTP)).unwrap().clone();
    assert_eq!(otp.counter, Some(9));
    for bytes in [&older, &newer] {
        let records = two.state().record_count();
        let ledger = take_in(&mut two, bytes, later(30));
        assert_eq!(ledger.items.identical, 1, "{:?}", changed(&ledger));
        assert_eq!(two.state().record_count(), records);
    }
    assert_eq!(password(&two, "mail"), "new");
}

#[test]
fn an_import_keeps_what_only_this_vault_has() {
    let (_, mut one) = vault(1);
    let item = add(&mut one, NOW, login("mail", "base"));
    let base = bytes_of(&one);
    let (_, mut two) = vault(2);
    take_in(&mut two, &base, later(5));
    edit(&mut one, item, later(10), vec![set_password("theirs")]);
    let edits = vec![
        set_password("ours"),
        set(FieldName::Custom("own".to_owned()), FieldKind::Text, "x"),
    ];
    edit(&mut two, item, later(11), edits);
    let bytes = bytes_of(&one);
    take_in(&mut two, &bytes, later(20));
    let text = text_of(&two);
    for value in ["\"theirs\"", "\"ours\"", "\"base\"", "\"own\""] {
        assert!(text.contains(value), "{value}");
    }
    assert_eq!(password(&two, "mail"), "theirs");
}

#[test]
fn a_purged_item_can_be_imported_again() {
    let (_, mut one) = vault(1);
    let item = add(&mut one, NOW, login("mail", "x"));
    let text = text_of(&one);
    let mut rng = StdRng::seed_from_u64(7);
    one.update(later(5), &mut rng, |plan, _| {
        plan.purge(item);
        Ok(())
    })
    .unwrap();
    assert!(!text_of(&one).contains("mail"));
    take_in(&mut one, text.as_bytes(), later(10));
    assert_eq!(text_of(&one), text);
}

#[test]
fn a_rehearsal_tells_what_the_import_does_and_writes_nothing() {
    let (_, one) = rich();
    let bytes = bytes_of(&one);
    let (_, mut two) = vault(2);
    let empty = text_of(&two);
    let mut rng = StdRng::seed_from_u64(9);
    let source = || exchange::read(&bytes, None, None, &Credentials::default()).unwrap();
    let told = rehearse(&two, source(), None, &mut rng).unwrap();
    assert_eq!(text_of(&two), empty);
    assert_eq!(told, take_in(&mut two, &bytes, later(100)));
}

#[test]
fn a_document_that_contradicts_itself_is_refused_whole() {
    let (_, mut vault) = vault(1);
    let item = add(&mut vault, NOW, login("mail", "canary"));
    let text = text_of(&vault);
    let id = format!("\"id\": \"{item}\"");
    for (from, to) in [
        ("\"schema\": 1", "\"schema\": 2"),
        ("keyfold-export", "keyfold-exporT"),
        (id.as_str(), "\"id\": \"00000000000000000000000000000000\""),
        (id.as_str(), "\"id\": \"0000\""),
        ("\"secret\": true", "\"secret\": false"),
        ("\"kind\": \"secret\"", "\"kind\": \"hidden\""),
        ("\"name\": \"password\"", "\"name\": \"username\""),
        (
            "\"trashed\": false",
            "\"trashed\": false, \"trashed\": false",
        ),
        ("\"trashed\": false", "\"trashed\": false, \"more\": 1"),
        ("\"trashed\": false,", ""),
        ("\"counter\": null", "\"counter\": 3"),
        ("\"counter\": null", "\"counter\": -3"),
        ("\"changed\": \"2", "\"changed\": \"x2"),
        ("\n}\n", "\n}\n{}"),
        ("\n}\n", "\n"),
    ] {
        let broken = text.replacen(from, to, 1);
        assert_ne!(broken, text, "{from}");
        let error = parse_document(broken.as_bytes()).err().unwrap();
        assert!(!format!("{error} {error:?}").contains("canary"), "{to}");
    }
    let twice = text.replacen(
        "\"items\": [",
        &format!(
            "\"items\": [{{{id},\"path\":\"\",\"trashed\":false,\"tags\":[],\"urls\":[],\"fields\":[],\"history\":[]}},"
        ),
        1,
    );
    assert!(parse_document(twice.as_bytes()).is_err());
    for end in (0..text.len() - 1).step_by(7) {
        assert!(parse_document(&text.as_bytes()[..end]).is_err(), "{end}");
    }
}

#[derive(Clone, Debug)]
enum Step {
    Add(Vec<(u8, String)>, Vec<(String, u8, String)>, bool),
    Set(usize, u8, String),
    SetApart(usize, u8, String),
    SetCustom(usize, String, u8, String),
    Remove(usize, u8),
    AddUrl(usize, String),
    RemoveUrl(usize),
    Tag(usize, String),
    Trash(usize),
    Count(usize, u64),
}

fn standard() -> impl Strategy<Value = u8> {
    prop_oneof![
        Just(field::USERNAME),
        Just(field::PASSWORD),
        Just(field::NOTES),
        Just(field::OTP),
        Just(field::TITLE),
        Just(field::FOLDER)
    ]
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-c\"\\\\/\n\u{1}é𝄞]{0,4}",
        Just(HOTP.to_owned()),
        any::<String>(),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let fields = proptest::collection::vec((standard(), text()), 0..4);
    let custom = proptest::collection::vec(("[ab]{0,1}", 1..8_u8, text()), 0..4);
    let at = 0..4_usize;
    prop_oneof![
        (fields, custom, any::<bool>())
            .prop_map(|(one, two, trashed)| Step::Add(one, two, trashed)),
        (at.clone(), standard(), text()).prop_map(|(a, b, c)| Step::Set(a, b, c)),
        (at.clone(), standard(), text()).prop_map(|(a, b, c)| Step::SetApart(a, b, c)),
        (at.clone(), "[ab]{0,1}", 1..8_u8, text())
            .prop_map(|(a, b, c, d)| Step::SetCustom(a, b, c, d)),
        (at.clone(), standard()).prop_map(|(a, b)| Step::Remove(a, b)),
        (at.clone(), text()).prop_map(|(a, b)| Step::AddUrl(a, b)),
        at.clone().prop_map(Step::RemoveUrl),
        (at.clone(), text()).prop_map(|(a, b)| Step::Tag(a, b)),
        at.clone().prop_map(Step::Trash),
        (at, 0..20_u64).prop_map(|(a, b)| Step::Count(a, b)),
    ]
}

/// Does a step; one that cannot be (no such field) changes nothing.
fn take_step(vault: &mut Vault, items: &mut Vec<ItemId>, step: Step, now: Moment) {
    let mut rng = StdRng::seed_from_u64(now.0 + 4);
    let mut edit_one = |vault: &mut Vault, at: usize, edit: Edit| {
        if let Some(item) = items.get(at).copied() {
            let _ = vault.update(now, &mut rng, |plan, rng| plan.edit(item, vec![edit], rng));
        }
    };
    match step {
        Step::Add(fields, custom, trashed) => {
            let mut draft = Draft {
                title: "t".to_owned(),
                trashed,
                ..Draft::default()
            };
            for (number, value) in fields.into_iter().filter(|row| row.0 >= field::USERNAME) {
                draft.push_standard(number, value);
            }
            for (name, kind, value) in custom {
                draft.push_custom(&name, FieldKind::from_number(kind).unwrap(), value);
            }
            items.push(add(vault, now, draft));
        }
        Step::Set(at, number, value) => {
            let kind = field::standard_field(number).unwrap().1;
            edit_one(vault, at, set(FieldName::Standard(number), kind, &value));
        }
        Step::SetApart(at, number, value) => {
            if let Some(item) = items.get(at) {
                set_apart(vault, *item, number, &value, now);
            }
        }
        Step::SetCustom(at, name, kind, value) => {
            let kind = FieldKind::from_number(kind).unwrap();
            edit_one(vault, at, set(FieldName::Custom(name), kind, &value));
        }
        Step::Remove(at, number) => {
            edit_one(vault, at, Edit::Remove(FieldName::Standard(number)));
        }
        Step::AddUrl(at, url) => edit_one(vault, at, Edit::AddUrl(url)),
        Step::RemoveUrl(at) => {
            let url = items
                .get(at)
                .and_then(|item| vault.state().item(*item)?.urls.pop());
            if let Some(url) = url {
                edit_one(vault, at, Edit::RemoveUrl(url.address));
            }
        }
        Step::Tag(at, tag) => edit_one(vault, at, Edit::AddTag(tag)),
        Step::Trash(at) => {
            if let Some(item) = items.get(at).copied() {
                let _ = vault.update(now, &mut rng, |plan, _| plan.set_life(item, Life::Trashed));
            }
        }
        Step::Count(at, count) => {
            let otp = FieldId::Standard(field::OTP);
            edit_one(vault, at, Edit::Count(otp, count));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn whatever_happened_comes_back_to_the_byte(steps in proptest::collection::vec(step(), 1..24)) {
        let (_, mut one) = vault(1);
        let mut items = Vec::new();
        for (step, second) in steps.into_iter().zip(1..) {
            // Several steps share a second, so times alone do not tell the order.
            take_step(&mut one, &mut items, step, later(second / 3));
        }
        let bytes = bytes_of(&one);
        let (_, mut two) = vault(2);
        take_in(&mut two, &bytes, later(1000));
        prop_assert_eq!(text_of(&two), String::from_utf8(bytes.clone()).unwrap());
        let records = two.state().record_count();
        let again = take_in(&mut two, &bytes, later(2000));
        prop_assert_eq!(again.fields.identical, again.fields.read);
        prop_assert_eq!(two.state().record_count(), records);
    }
}
