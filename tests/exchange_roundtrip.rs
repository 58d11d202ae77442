//! What an export holds comes back in another vault to the byte, and an import never counts or writes twice.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    unreachable_pub,
    reason = "a test may stop and say what it leaves out; the scene is shared"
)]

mod scene;

use keyfold::exchange::native::{parse_document, write_document};
use keyfold::exchange::{self, Source};
use keyfold::model::draft::{Draft, DraftValue, FieldName};
use keyfold::model::field::{self, FieldKind, ItemKind, STANDARD_FIELDS};
use keyfold::model::ids::{FieldId, ItemId};
use keyfold::model::moment::Moment;
use keyfold::secret::Secret;
use keyfold::service::export::export;
use keyfold::service::import::{Entry, Ledger, Outcome, import, rehearse};
use keyfold::state::change::{Edit, Mark, PlannedValue};
use keyfold::state::codec::{self, FormerBody, SetBody};
use keyfold::state::op::Tag;
use keyfold::state::view::Life;
use keyfold::storage::simulated::SimulatedStorage;
use keyfold::vault::Vault;
use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;
use scene::{NOW, later, login, made, opened, password};
use std::path::PathBuf;
use std::sync::Arc;

const HOTP: &str = "otpauth://hotp/site:me?secret=JBSWY3DPEHPK3PXP&counter=5";

fn vault(seed: u64) -> (Arc<SimulatedStorage>, Vault) {
    let storage = Arc::new(SimulatedStorage::new());
    let vault = made(&storage, &mut StdRng::seed_from_u64(seed));
    (storage, vault)
}

fn bytes_of(vault: &Vault) -> Vec<u8> {
    write_document(&export(vault, &|_| true).unwrap()).to_vec()
}

fn text_of(vault: &Vault) -> String {
    String::from_utf8(bytes_of(vault)).unwrap()
}

fn take_in(vault: &mut Vault, bytes: &[u8], now: Moment) -> Ledger {
    let source = exchange::read(bytes, None, None).unwrap();
    let ledger = import(vault, source, None, now, &mut StdRng::seed_from_u64(now.0)).unwrap();
    assert!(ledger.items.is_balanced() && ledger.fields.is_balanced());
    let accounted = ledger.entries.iter().filter(|entry| entry.field.is_some());
    assert_eq!(accounted.count(), ledger.fields.read);
    ledger
}

fn edit(vault: &mut Vault, item: ItemId, now: Moment, edits: Vec<Edit>) {
    let mut rng = StdRng::seed_from_u64(now.0 + 1);
    vault
        .update(now, &mut rng, |plan, rng| plan.edit(item, edits, rng))
        .unwrap();
}

fn add(vault: &mut Vault, now: Moment, draft: Draft) -> ItemId {
    let mut rng = StdRng::seed_from_u64(now.0 + 2);
    vault
        .update(now, &mut rng, |plan, rng| Ok(plan.add(draft, rng)))
        .unwrap()
}

fn set(name: FieldName, kind: FieldKind, text: &str) -> Edit {
    Edit::Set(name, kind, DraftValue::new(kind, text.to_owned()))
}

fn set_password(text: &str) -> Edit {
    set(
        FieldName::Standard(field::PASSWORD),
        FieldKind::Secret,
        text,
    )
}

/// A head that replaces nothing, as another device writes one that saw none of the others.
fn set_apart(vault: &mut Vault, item: ItemId, number: u8, text: &str, now: Moment) {
    let kind = field::standard_field(number).unwrap().1;
    let id = FieldId::Standard(number);
    let mut rng = StdRng::seed_from_u64(now.0 + 3);
    vault
        .update(now, &mut rng, |plan, _| {
            let plain = if kind.is_secret() { "" } else { text };
            let body = codec::write_set(&SetBody::new(kind.number(), "", plain, Moment(0), None));
            let values = if kind.is_secret() {
                vec![PlannedValue::Secret(Secret::new(text.to_owned()))]
            } else {
                vec![]
            };
            plan.put_prepared(item, id, Tag::SET, body, values);
            Ok(())
        })
        .unwrap();
}

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

fn changed(ledger: &Ledger) -> Vec<&Entry> {
    let entries = ledger.entries.iter();
    entries
        .filter(|entry| entry.outcome != Outcome::Identical)
        .collect()
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
    assert!(row.favourite && row.tags.contains(&"fresh".to_owned()) && row.urls.len() == 2);
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
    let source = || exchange::read(&bytes, None, None).unwrap();
    let told = rehearse(&two, source(), None, &mut rng).unwrap();
    assert_eq!(text_of(&two), empty);
    assert_eq!(told, take_in(&mut two, &bytes, later(100)));
}

const ROWS: &str = "title,username,password,url,note,pin\n\
    ovh.com,one,p1,https://ovh.com/a,,1\n\
    ovh.com,two,p2,https://ovh.com/a,remark,\n\
    same,me,p3,https://x.example,,\n\
    same,me,p4,https://x.example,,\n\
    same,me,p4,https://x.example,,\n\
    other,me,p5,https://x.example,,\n\
    other,me,p6,https://y.example,,\n";

fn counts(ledger: &Ledger) -> [usize; 5] {
    let items = &ledger.items;
    [
        items.read,
        items.created,
        items.updated,
        items.identical,
        items.skipped,
    ]
}

#[test]
fn rows_that_look_alike_stay_apart_and_find_their_own_again() {
    let (_, mut vault) = vault(1);
    let first = take_in(&mut vault, ROWS.as_bytes(), later(1));
    assert_eq!(counts(&first), [7, 7, 0, 0, 0]);
    let text = text_of(&vault);
    let second = take_in(&mut vault, ROWS.as_bytes(), later(2));
    assert_eq!(counts(&second), [7, 0, 0, 7, 0], "{:?}", changed(&second));
    assert_eq!(text_of(&vault), text);
    let newer = ROWS.replace("p3", "p9").replace("p2", "p8");
    let third = take_in(&mut vault, newer.as_bytes(), later(3));
    assert_eq!(counts(&third), [7, 0, 2, 5, 0]);
    let fields: Vec<_> = changed(&third)
        .iter()
        .map(|entry| (entry.row, entry.field.clone().unwrap(), entry.outcome))
        .collect();
    let updated = |row| (row, "password".to_owned(), Outcome::Updated);
    assert_eq!(fields, [updated(2), updated(3)]);
    for value in ["p3", "p2", "p9", "p8"] {
        assert!(text_of(&vault).contains(&format!("\"value\": \"{value}\"")));
    }
}

#[test]
fn an_import_under_a_folder_finds_its_items_there_again() {
    let (_, mut vault) = vault(1);
    for expected in [[7, 7, 0, 0, 0], [7, 0, 0, 7, 0]] {
        let source = exchange::read(ROWS.as_bytes(), None, None).unwrap();
        let mut rng = StdRng::seed_from_u64(expected[1] as u64);
        let ledger = import(&mut vault, source, Some("from/csv/"), later(1), &mut rng).unwrap();
        assert_eq!(counts(&ledger), expected);
    }
    let rows = vault.state().summaries();
    assert!(rows.iter().all(|row| row.folder == "from/csv"));
}

#[test]
fn an_item_is_known_by_its_origin_whatever_it_is_called_now() {
    let export = |name: &str, password: &str| {
        format!(
            r#"{{"encrypted":false,"items":[
            {{"id":"a","type":1,"name":"{name}","login":{{"username":"u","password":"{password}"}}}},
            {{"id":"b","type":1,"name":"same","login":{{"username":"u","password":"q"}}}},
            {{"id":"c","type":1,"name":"same","login":{{"username":"u","password":"q"}}}}]}}"#
        )
    };
    let (_, mut vault) = vault(1);
    let first = take_in(&mut vault, export("same", "p").as_bytes(), later(1));
    assert_eq!(counts(&first), [3, 3, 0, 0, 0]);
    let again = take_in(&mut vault, export("same", "p").as_bytes(), later(2));
    assert_eq!(counts(&again), [3, 0, 0, 3, 0], "{:?}", changed(&again));
    let renamed = take_in(&mut vault, export("renamed", "p2").as_bytes(), later(3));
    assert_eq!(counts(&renamed), [3, 0, 1, 2, 0], "{:?}", changed(&renamed));
    assert_eq!(password(&vault, "renamed"), "p2");
}

#[test]
fn custom_fields_that_share_a_name_are_paired_by_value_then_in_order() {
    let export = |values: [&str; 3]| {
        let fields: Vec<String> = values
            .iter()
            .map(|value| format!(r#"{{"name":"k","value":"{value}","type":1}}"#))
            .collect();
        format!(
            r#"{{"items":[{{"id":"a","type":1,"name":"n","login":{{}},"fields":[{}]}}]}}"#,
            fields.join(",")
        )
    };
    let (_, mut vault) = vault(1);
    take_in(&mut vault, export(["1", "2", "3"]).as_bytes(), later(1));
    let turned = take_in(&mut vault, export(["3", "1", "2"]).as_bytes(), later(2));
    assert_eq!(turned.items.identical, 1);
    let newer = take_in(&mut vault, export(["3", "9", "1"]).as_bytes(), later(3));
    assert_eq!((newer.fields.updated, newer.fields.created), (1, 0));
    let item = vault.state().summaries()[0].id;
    let view = vault.state().item(item).unwrap();
    let values: Vec<String> = view
        .fields
        .iter()
        .filter(|field| field.name == "k")
        .map(|field| vault.reveal(item, field.id, &field.current.value).unwrap())
        .map(|value| value.expose().to_owned())
        .collect();
    assert_eq!(values.len(), 3);
    for value in ["1", "3", "9"] {
        assert!(values.iter().any(|known| known == value), "{values:?}");
    }
}

#[test]
fn what_the_trash_holds_stays_there_until_the_source_has_something_new() {
    let rows = b"title,password\nmail,x\n";
    let (_, mut vault) = vault(1);
    take_in(&mut vault, rows, later(1));
    let item = vault.state().summaries()[0].id;
    let mut rng = StdRng::seed_from_u64(3);
    vault
        .update(later(2), &mut rng, |plan, _| {
            plan.set_life(item, Life::Trashed)
        })
        .unwrap();
    let again = take_in(&mut vault, rows, later(3));
    assert_eq!(again.items.identical, 1);
    assert!(again.entries[0].reason.is_some());
    assert!(vault.state().summary(item).unwrap().trashed);
    take_in(&mut vault, b"title,password\nmail,y\n", later(4));
    assert!(!vault.state().summary(item).unwrap().trashed);
    assert_eq!(password(&vault, "mail"), "y");
}

#[test]
fn thousands_of_rows_that_differ_in_their_secret_alone_are_matched_quickly() {
    let mut rows = "title,password\n".to_owned();
    for number in 0..3000 {
        rows.push_str(&format!("token,secret-{number}\ntwin,same\n"));
    }
    let (_, mut vault) = vault(1);
    take_in(&mut vault, rows.as_bytes(), later(1));
    let again = take_in(&mut vault, rows.as_bytes(), later(2));
    assert_eq!(counts(&again), [6000, 0, 0, 6000, 0]);
}

#[test]
fn the_ledger_has_the_shape_of_the_command_line() {
    let (_, mut vault) = vault(1);
    let ledger = take_in(&mut vault, b"title,password\na,b\n,\n", later(1));
    let json = serde_json::to_value(&ledger).unwrap();
    for name in ["read", "created", "updated", "identical", "skipped"] {
        assert!(
            json[name].is_u64() && json["fields"][name].is_u64(),
            "{json}"
        );
    }
    let entry = &json["entries"][0];
    assert_eq!(entry["row"], 1);
    assert_eq!(entry["item"], "a");
    assert_eq!(entry["outcome"], "created");
    assert!(entry["reason"].is_null() && entry["field"].is_string());
    assert_eq!(json["skipped"], 1);
    assert!(!json.to_string().contains("\"b\""));
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

#[test]
fn samples_of_other_programs_balance_and_the_second_import_changes_nothing() {
    let Some(folder) = std::env::var_os("KEYFOLD_FIXTURES").map(PathBuf::from) else {
        eprintln!("KEYFOLD_FIXTURES is not set: samples are left out");
        return;
    };
    let mut samples = 0;
    for program in ["bitwarden", "chrome-edge", "keepassxc-csv"] {
        for file in std::fs::read_dir(folder.join(program)).unwrap() {
            let path = file.unwrap().path();
            let bytes = std::fs::read(&path).unwrap();
            let Ok(Source::Foreign(imported)) = exchange::read(&bytes, None, None) else {
                continue;
            };
            let rows = imported.rows_read();
            samples += 1;
            let (_, mut one) = vault(1);
            let first = take_in(&mut one, &bytes, later(1));
            assert_eq!(first.items.read, rows, "{path:?}");
            assert_eq!(first.items.created + first.items.skipped, rows, "{path:?}");
            let text = text_of(&one);
            let records = one.state().record_count();
            let second = take_in(&mut one, &bytes, later(2));
            assert_eq!(second.items.identical, first.items.created, "{path:?}");
            assert_eq!(one.state().record_count(), records);
            let (_, mut two) = vault(2);
            take_in(&mut two, text.as_bytes(), later(3));
            assert_eq!(text_of(&two), text, "{path:?}");
        }
    }
    assert!(samples >= 3);
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
