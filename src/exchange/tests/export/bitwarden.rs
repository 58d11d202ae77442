//! Bitwarden's JSON: what it holds comes back as it was, and what becomes something else is said.

use super::*;
use crate::exchange::place::plain_kind;

fn exported(document: &Document) -> Exported {
    written(&order(document, ExportFormat::Bitwarden))
}

fn reread(exported: &Exported) -> Imported {
    assert_eq!(detect(&exported.bytes, None), Ok(Format::BitwardenJson));
    import(&exported.bytes, None, None).unwrap()
}

/// Items of the kinds that Bitwarden has.
fn any_item() -> impl Strategy<Value = Shape> {
    let shared = [field::CREATED, field::NOTES, field::PIN, field::BANK];
    let items = [
        (
            ItemKind::Login,
            vec![field::USERNAME, field::PASSWORD, field::OTP, field::EMAIL],
        ),
        (ItemKind::Note, vec![field::TEXT, field::PASSWORD]),
        (
            ItemKind::Card,
            vec![
                field::NUMBER,
                field::HOLDER,
                field::BRAND,
                field::EXPIRES,
                field::VERIFICATION_CODE,
            ],
        ),
        (
            ItemKind::Identity,
            ItemKind::Identity
                .template()
                .iter()
                .copied()
                .chain([field::USERNAME])
                .collect(),
        ),
        (
            ItemKind::SshKey,
            vec![
                field::PRIVATE_KEY,
                field::PUBLIC_KEY,
                field::FINGERPRINT,
                field::PASSPHRASE,
            ],
        ),
    ];
    let items = items.map(|(kind, mut numbers)| {
        if kind == ItemKind::Note {
            numbers.push(field::CREATED);
        } else {
            numbers.extend(shared);
        }
        numbers.sort_unstable();
        numbers.dedup();
        item_of(kind, &numbers)
    });
    proptest::strategy::Union::new(items)
}

/// What this format makes of an item: it knows texts and hidden texts, and addresses of logins alone.
fn expected(item: &Shape) -> Shape {
    let mut expected = item.clone();
    for (name, kind, text) in &mut expected.fields {
        if matches!(name, FieldName::Custom(_)) {
            *kind = if kind.is_secret() {
                FieldKind::Secret
            } else {
                plain_kind(text)
            };
        }
    }
    let mut push = |name: &str, text: String| {
        let name = FieldName::Custom(name.to_owned());
        expected.fields.push((name, FieldKind::Text, text));
    };
    if item.kind != ItemKind::Login {
        item.urls.iter().for_each(|url| push("url", url.clone()));
        expected.urls.clear();
    }
    let date = |name: &str| {
        (
            FieldName::Custom(name.to_owned()),
            FieldKind::Date,
            CHANGED.to_rfc3339(),
        )
    };
    expected.fields.push(date("modified"));
    if item.trashed {
        expected.fields.push(date("deleted"));
    }
    expected.sorted()
}

proptest! {
    #[test]
    fn every_kind_that_bitwarden_has_comes_back_as_it_was(
        items in proptest::collection::vec(any_item(), 1..4),
    ) {
        let imported = reread(&exported(&document_of(&drafts_of(&items))));
        prop_assert_eq!(&imported.skipped, &vec![]);
        prop_assert_eq!(&imported.warnings, &Vec::<String>::new());
        let items: Vec<Shape> = items.iter().map(expected).collect();
        prop_assert_eq!(imported_shapes(&imported), items);
    }
}

#[test]
fn what_bitwarden_wrote_itself_comes_back_in_its_own_places() {
    let text = r#"{"encrypted": false, "folders": [{"id": "f", "name": "Work/Mail"}], "items": [{
        "id": "3f2a7c1e-0000-4000-8000-0123456789ab", "folderId": "f", "type": 1, "name": "Mail", "favorite": true,
        "creationDate": "2020-01-01T00:00:00.000Z", "revisionDate": "2021-01-01T00:00:00.000Z",
        "deletedDate": "2022-01-01T00:00:00.000Z", "archivedDate": "2021-06-01T00:00:00.000Z",
        "login": {"username": "me", "password": "p", "totp": "steam://GEZDGNBVGY3TQOJQ",
            "passwordRevisionDate": "2020-06-01T00:00:00.000Z",
            "uris": [{"uri": "https://a.example", "match": null}, {"uri": "https://b.example", "match": 3}],
            "fido2Credentials": [{"credentialId": "x", "counter": "0", "rpName": "a\"b"}]}}]}"#;
    let first = import(text.as_bytes(), None, None).unwrap();
    let drafts: Vec<Draft> = first.drafts.into_iter().map(|item| item.draft).collect();
    let again = exported(&document_of(&drafts));
    assert_eq!(said(&again), []);
    let json: serde_json::Value = serde_json::from_slice(&again.bytes).unwrap();
    let item = &json["items"][0];
    assert_eq!(item["id"], "3f2a7c1e-0000-4000-8000-0123456789ab");
    assert_eq!(item["folderId"], json["folders"][0]["id"]);
    assert_eq!(json["folders"][0]["name"], "Work/Mail");
    let dates = [
        "creationDate",
        "revisionDate",
        "deletedDate",
        "archivedDate",
    ];
    assert_eq!(
        dates.map(|name| &item[name].as_str().unwrap()[..7]),
        ["2020-01", "2021-01", "2022-01", "2021-06"]
    );
    let login = &item["login"];
    assert_eq!(login["uris"][0]["match"], serde_json::Value::Null);
    assert_eq!(login["uris"][1]["match"], 3);
    assert_eq!(login["fido2Credentials"][0]["rpName"], "a\"b");
    assert_eq!(login["passwordRevisionDate"], "2020-06-01T00:00:00.000Z");
    assert_eq!(item["fields"], serde_json::json!([]));
    assert_eq!(
        imported_shapes(&reread(&again)),
        drafts.iter().map(shape).collect::<Vec<_>>()
    );
}

#[test]
fn former_passwords_have_the_time_at_which_they_were_replaced() {
    let mut draft = titled("x");
    draft.push_standard(field::PASSWORD, "p3".to_owned());
    let mut document = document_of(&[draft]);
    document.items[0].history = vec![
        former(field::PASSWORD, "p2", 2000),
        former(field::PIN, "1234", 1500),
        former(field::PASSWORD, "p1", 1000),
        former(field::USERNAME, "u1", 1000),
    ];
    let exported = exported(&document);
    let json: serde_json::Value = serde_json::from_slice(&exported.bytes).unwrap();
    let history = json["items"][0]["passwordHistory"]
        .as_array()
        .unwrap()
        .iter();
    let history: Vec<(&str, &str)> = history
        .map(|row| {
            (
                row["password"].as_str().unwrap(),
                row["lastUsedDate"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        history,
        [
            ("p2", "2026-11-23T15:26:49.250Z"),
            ("pin: 1234", "1970-01-01T00:00:01.500Z"),
            ("p1", "1970-01-01T00:00:02.000Z"),
        ]
    );
    assert_eq!(
        said(&exported),
        [("username", What::LeftOut, "a former value of it")]
    );
}

#[test]
fn kinds_that_bitwarden_has_not_become_logins_and_that_is_said() {
    let mut draft = titled("net");
    draft.kind = ItemKind::Wifi;
    draft.push_standard(field::PASSWORD, "p".to_owned());
    draft.push_standard(field::NETWORK, "guests".to_owned());
    draft.push_custom("backup", FieldKind::Otp, SEED.to_owned());
    let exported = exported(&document_of(&[draft]));
    let fields: Vec<&str> = said(&exported).iter().map(|row| row.0).collect();
    assert_eq!(fields, ["kind", "backup"]);
    let imported = reread(&exported);
    let back = &imported.drafts[0].draft;
    assert_eq!(back.kind, ItemKind::Wifi);
    assert_eq!(field_text(back, "kind"), None);
    assert_eq!(field_text(back, "network"), Some("guests"));
    assert_eq!(field_text(back, "password"), Some("p"));
}

#[test]
fn names_and_addresses_of_any_form_keep_their_text() {
    for (name, address) in [
        ("Ann", "Street 1"),
        ("Ann  Lee", "Street 1\n\nTown"),
        ("Ann van der Berg", "a\nb\nc\nd\ne"),
        ("A B C D", "a\r\nb\n"),
    ] {
        let mut draft = titled("x");
        draft.kind = ItemKind::Identity;
        draft.push_standard(field::FULL_NAME, name.to_owned());
        draft.push_standard(field::ADDRESS, address.to_owned());
        let back = reread(&exported(&document_of(&[draft])));
        let back = &back.drafts[0].draft;
        assert_eq!(field_text(back, "name"), Some(name));
        let has_extra = field_text(back, "first name").is_some();
        assert_eq!(has_extra, name.contains("  "), "{name}");
        assert_eq!(field_text(back, "address"), Some(address));
    }
}

#[test]
fn a_seed_by_counter_is_a_hidden_field_and_comes_back_as_a_seed() {
    let mut draft = titled("x");
    let uri = format!("otpauth://hotp/a?secret={SEED}&counter=3");
    draft.push_standard(field::OTP, uri);
    let mut document = document_of(&[draft]);
    document.items[0].fields.last_mut().unwrap().counter = Some(41);
    let exported = exported(&document);
    let json: serde_json::Value = serde_json::from_slice(&exported.bytes).unwrap();
    let item = &json["items"][0];
    assert_eq!(item["login"]["totp"], serde_json::Value::Null);
    assert_eq!(
        (&item["fields"][0]["name"], &item["fields"][0]["type"]),
        (&"otp".into(), &1.into())
    );
    let [(field, what, reason)] = said(&exported)[..] else {
        panic!("{:?}", exported.remarks);
    };
    assert_eq!((field, what), ("otp", What::Changed));
    assert!(reason.contains("by counter"), "{reason}");
    let imported = reread(&exported);
    let back = &imported.drafts[0].draft;
    assert_eq!(field_kind(back, "otp"), Some(FieldKind::Otp));
    assert!(field_text(back, "otp").unwrap().contains("counter=41"));
}

#[test]
fn only_what_was_written_as_kind_and_tags_is_put_back() {
    let mut draft = titled("x");
    draft.tags = vec!["a b".to_owned(), "c".to_owned()];
    draft.push_custom("kind", FieldKind::Text, "wifi".to_owned());
    draft.push_custom("tags", FieldKind::Text, "red, blue".to_owned());
    draft.push_custom("kind", FieldKind::Text, "of its own".to_owned());
    draft.push_custom("kind", FieldKind::Secret, "wifi".to_owned());
    let exported = exported(&document_of(&[draft]));
    let renamed: Vec<&str> = said(&exported).iter().map(|row| row.0).collect();
    assert_eq!(renamed, ["tags", "kind", "tags"]);
    let imported = reread(&exported);
    let back = &imported.drafts[0].draft;
    assert_eq!(
        (back.kind, back.tags.join("|")),
        (ItemKind::Login, "a b|c".to_owned())
    );
    let custom = back
        .fields
        .iter()
        .filter(|field| field.kind != FieldKind::Date);
    let custom: Vec<(&str, &str)> = custom
        .map(|field| (field.name.as_text(), value_text(&field.value)))
        .collect();
    assert_eq!(
        custom,
        [
            ("field kind", "wifi"),
            ("field tags", "red, blue"),
            ("kind", "of its own"),
            ("kind", "wifi"),
        ]
    );
}

#[test]
fn kinds_that_become_texts_are_told_field_by_field() {
    let mut draft = titled("x");
    draft.push_standard(field::EMAIL, "a@b.example".to_owned());
    for (kind, _, name) in FieldKind::TABLE {
        let text = if kind == FieldKind::Otp { SEED } else { "1" };
        draft.push_custom(&format!("a {name}"), kind, text.to_owned());
    }
    let exported = exported(&document_of(&[draft]));
    let reason = "the format knows texts and hidden texts; it is a text";
    let plain = said(&exported).into_iter().filter(|row| row.2 == reason);
    let plain: Vec<&str> = plain.map(|row| row.0).collect();
    assert_eq!(plain, ["a url", "a date", "a email"]);
}
