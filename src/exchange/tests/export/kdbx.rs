//! Databases of KeePass: this program's reader brings back what was in them, an independent reader opens them, and so does
//! KeePassXC.

mod keepassxc;

use super::*;
use crate::exchange::place::plain_kind;
use crate::otp::Seed;
use keepass::{Database, DatabaseKey};

const PASSWORD: &str = "correct horse";
const URI: &str = "otpauth://totp/Site:me?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&digits=8&period=60&algorithm=SHA256";

fn exported(document: &Document, files: &[AttachedFile]) -> Exported {
    let password = Secret::new(PASSWORD.to_owned());
    let order = Order {
        files,
        password: Some(&password),
        ..order(document, ExportFormat::Kdbx)
    };
    written(&order)
}

fn reread(exported: &Exported) -> Imported {
    assert_eq!(detect(&exported.bytes, None), Ok(Format::Kdbx));
    let password = Secret::new(PASSWORD.to_owned());
    let credentials = Credentials {
        password: Some(&password),
        key_file: None,
    };
    import_with(&exported.bytes, None, None, &credentials).unwrap()
}

fn opened(exported: &Exported) -> Database {
    let key = DatabaseKey::new().with_password(PASSWORD);
    Database::open(&mut exported.bytes.as_slice(), key).unwrap()
}

fn any_item() -> impl Strategy<Value = Shape> {
    let standard = [
        field::PASSWORD,
        field::OTP,
        field::NOTES,
        field::EMAIL,
        field::PIN,
        field::ADDRESS,
        field::CREATED,
        field::EXPIRES,
    ];
    let name = FieldName::Standard(field::USERNAME);
    let login = item_of(ItemKind::Login, &standard).prop_map(move |mut item| {
        // Without anything but remarks it would be a note.
        item.fields
            .push((name.clone(), FieldKind::Text, "me".to_owned()));
        item.sorted()
    });
    let note = item_of(ItemKind::Note, &[field::CREATED]).prop_map(|mut item| {
        let text = (
            FieldName::Standard(field::TEXT),
            FieldKind::Secret,
            "a\n<b>".to_owned(),
        );
        item.fields
            .retain(|field| matches!(field.0, FieldName::Standard(_)));
        item.fields.push(text);
        item.urls.clear();
        item.sorted()
    });
    prop_oneof![3 => login, 1 => note]
}

/// What KeePass makes of an item: it knows texts and protected texts, and one value of a name.
fn expected(item: &Shape) -> Shape {
    let mut expected = item.clone();
    for (name, kind, text) in &mut expected.fields {
        match name {
            FieldName::Custom(_) => {
                *kind = if kind.is_secret() {
                    FieldKind::Secret
                } else {
                    plain_kind(text)
                };
            }
            FieldName::Standard(field::OTP) => {
                let seed = Seed::parse(&Secret::new(text.clone())).ok().unwrap();
                // EXPOSE: a test compares it.
                *text = seed.write_uri().expose().to_owned();
            }
            FieldName::Standard(_) => {}
        }
    }
    // Times are there in whole seconds.
    let changed = "2026-11-23T15:26:49.000Z".to_owned();
    let modified = FieldName::Custom("modified".to_owned());
    expected
        .fields
        .push((modified, FieldKind::Date, changed.clone()));
    let created = FieldName::Standard(field::CREATED);
    if !expected.fields.iter().any(|field| field.0 == created) {
        expected.fields.push((created, FieldKind::Date, changed));
    }
    expected.sorted()
}

/// Names that are free in KeePass, each once.
fn has_free_names(item: &Shape) -> bool {
    let names: BTreeSet<&FieldName> = item.fields.iter().map(|field| &field.0).collect();
    let taken = ["URL", "Title", "KP2A_URL"].map(|name| FieldName::Custom(name.to_owned()));
    names.len() == item.fields.len() && !taken.iter().any(|name| names.contains(name))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn a_database_comes_back_as_it_was(items in proptest::collection::vec(any_item(), 1..4)) {
        let mut items = items;
        items.retain(has_free_names);
        let document = document_of(&drafts_of(&items));
        let exported = exported(&document, &[]);
        let unsaid = said(&exported).into_iter().find(|remark| remark.1 == What::LeftOut);
        prop_assert_eq!(unsaid, None);
        let imported = reread(&exported);
        prop_assert_eq!(&imported.skipped, &vec![]);
        prop_assert_eq!(&imported.warnings, &Vec::<String>::new());
        let sorted = |mut shapes: Vec<Shape>| {
            shapes.sort_by_key(|shape| format!("{shape:?}"));
            shapes
        };
        let items = items.iter().map(expected).collect();
        prop_assert_eq!(sorted(imported_shapes(&imported)), sorted(items));
        prop_assert_eq!(opened(&exported).num_entries(), document.items.len());
    }
}

/// An item with something of everything, twice changed, and one in the trash.
fn rich() -> (Document, Vec<AttachedFile>) {
    let mut draft = titled("Mail <&> \u{1}\r\n");
    draft.folder = "Work/a\\/b".to_owned();
    draft.favourite = true;
    draft.tags = vec!["one".to_owned(), "two".to_owned()];
    draft.urls = [
        "https://a.example/?a=1&b=2",
        "https://b.example",
        "https://c.example",
    ]
    .map(str::to_owned)
    .to_vec();
    for (number, text) in [
        (field::USERNAME, "änn"),
        (field::PASSWORD, "p3 \"'<>&"),
        (field::OTP, URI),
        (field::NOTES, "line 1\nline 2"),
        (field::CREATED, "2020-01-02T03:04:05.000Z"),
        (field::EXPIRES, "2030-01-01T00:00:00.000Z"),
        (field::PIN, "1234"),
    ] {
        draft.push_standard(number, text.to_owned());
    }
    draft.push_custom("colour", FieldKind::Text, "red".to_owned());
    draft.push_custom("colour", FieldKind::Text, "blue".to_owned());
    draft.push_custom("URL", FieldKind::Secret, "hidden".to_owned());
    let mut old = titled("Old");
    old.folder = "Work".to_owned();
    old.trashed = true;
    old.push_standard(field::USERNAME, "me".to_owned());
    let mut document = document_of(&[draft, old]);
    document.items[0].history = vec![
        former(field::PASSWORD, "p2", 1_600_000_100_000),
        former(field::USERNAME, "ann", 1_600_000_000_000),
        former(field::PASSWORD, "p1", 1_600_000_000_000),
        former(field::PASSWORD, "p0", 1_600_000_000_000),
        former(field::FOLDER, "Home", 1_600_000_000_000),
    ];
    let file = |name: &str, content: &[u8]| AttachedFile {
        item: ItemId([1; 16]),
        name: name.to_owned(),
        content: content.to_vec().into(),
    };
    let files = vec![
        file("scan.pdf", b"%PDF\0\xff"),
        file("scan.pdf", b""),
        file("big", &[7; 3 << 20]),
    ];
    (document, files)
}

#[test]
fn an_independent_reader_finds_everything_in_its_place() {
    let (document, files) = rich();
    let database = opened(&exported(&document, &files));
    let root = database.root();
    let group = root.group_by_path(&["Work", "a/b"]).unwrap();
    let entry = group.entries().next().unwrap();
    assert_eq!(entry.get_title(), Some("Mail <&> \u{1}\r\n"));
    assert_eq!(entry.get_username(), Some("änn"));
    assert_eq!(entry.get_password(), Some("p3 \"'<>&"));
    assert_eq!(entry.get_url(), Some("https://a.example/?a=1&b=2"));
    for (name, value) in [
        ("Notes", "line 1\nline 2"),
        ("KP2A_URL", "https://b.example"),
        ("KP2A_URL_1", "https://c.example"),
        ("pin", "1234"),
        ("colour", "red"),
        ("colour 2", "blue"),
        ("field URL", "hidden"),
    ] {
        assert_eq!(entry.get(name), Some(value), "{name}");
    }
    let protected = |name: &str| entry.fields.get(name).unwrap().is_protected();
    assert!(protected("Password") && protected("pin") && protected("otp") && !protected("colour"));
    assert_eq!(entry.tags, ["one", "two", "Favorite"]);
    assert_eq!(entry.times.expires, Some(true));
    let versions = entry.history.as_ref().unwrap().get_entries();
    let versions: Vec<(Option<&str>, Option<&str>)> = versions
        .iter()
        .map(|version| (version.get_password(), version.get_username()))
        .collect();
    for wanted in ["p0", "p1", "p2"] {
        assert!(
            versions.iter().any(|version| version.0 == Some(wanted)),
            "{versions:?}"
        );
    }
    let mut contents: Vec<(&str, usize)> = entry
        .attachments_named()
        .map(|(name, file)| (name, file.data.get().len()))
        .collect();
    contents.sort_unstable();
    assert_eq!(
        contents,
        [("big", 3 << 20), ("scan.pdf", 6), ("scan.pdf 2", 0)]
    );
    let bin = root.group_by_path(&["Recycle Bin", "Work"]).unwrap();
    assert_eq!(bin.entries().next().unwrap().get_title(), Some("Old"));
}

#[test]
fn former_values_come_back_with_the_time_at_which_they_came_to_be() {
    let (document, files) = rich();
    let exported = exported(&document, &files);
    let imported = reread(&exported);
    let mail = imported
        .drafts
        .iter()
        .find(|item| item.draft.title.starts_with("Mail"));
    let mail = &mail.unwrap().draft;
    let former = mail.former.iter();
    let mut former: Vec<(&str, String, &str)> = former
        .map(|former| {
            let name = former.name.as_text();
            (name, former.set.to_rfc3339(), value_text(&former.value))
        })
        .collect();
    former.sort_unstable();
    let former: Vec<(String, &str)> = former
        .into_iter()
        .map(|(name, set, value)| (format!("{name} {set}"), value))
        .collect();
    assert_eq!(
        former,
        [
            ("password 2020-09-13T12:26:40.000Z", "p0"),
            ("password 2020-09-13T12:26:40.000Z", "p1"),
            ("password 2020-09-13T12:28:20.000Z", "p2"),
            ("username 2020-09-13T12:28:20.000Z", "ann"),
        ]
        .map(|(name, value)| (name.to_owned(), value))
    );
    let old = imported
        .drafts
        .iter()
        .find(|item| item.draft.title == "Old")
        .unwrap();
    assert!(old.draft.trashed);
    assert_eq!(old.draft.folder, "Work");
    let left_out: Vec<&str> = said(&exported)
        .iter()
        .filter(|remark| remark.1 == What::LeftOut)
        .map(|remark| remark.0)
        .collect();
    assert_eq!(left_out, ["folder"]);
}

#[test]
fn a_seed_by_counter_is_kept_where_no_program_takes_it_for_one_by_time() {
    let mut draft = titled("x");
    draft.push_standard(field::USERNAME, "me".to_owned());
    draft.push_standard(
        field::OTP,
        format!("otpauth://hotp/?secret={SEED}&counter=3&digits=8"),
    );
    let mut document = document_of(&[draft]);
    document.items[0].fields.last_mut().unwrap().counter = Some(41);
    let exported = exported(&document, &[]);
    let database = opened(&exported);
    let root = database.root();
    let entry = root.entries().next().unwrap();
    assert_eq!(entry.get("otp"), None);
    assert_eq!(entry.get("HmacOtp-Counter"), Some("41"));
    let imported = reread(&exported);
    let seed = field_text(&imported.drafts[0].draft, "otp").unwrap();
    assert!(seed.contains("hotp") && seed.contains("counter=41") && seed.contains("digits=8"));
}

#[test]
fn what_is_no_seed_is_kept_as_a_protected_field() {
    let mut draft = titled("x");
    draft.push_standard(field::USERNAME, "me".to_owned());
    draft.push_standard(field::OTP, "no seed!".to_owned());
    let exported = exported(&document_of(&[draft]), &[]);
    assert_eq!(said(&exported)[0].0, "otp");
    let imported = reread(&exported);
    assert_eq!(
        field_text(&imported.drafts[0].draft, "otp text"),
        Some("no seed!")
    );
}

#[test]
fn folders_without_end_share_the_last_name() {
    let mut draft = titled("x");
    draft.push_standard(field::USERNAME, "me".to_owned());
    draft.folder = vec!["f"; 10_000].join("/");
    let imported = reread(&exported(&document_of(&[draft]), &[]));
    assert!(imported.drafts[0].draft.folder.matches('f').count() == 10_000);
}

#[test]
fn no_two_groups_or_entries_share_an_id() {
    let drafts = ["a/b", "a\\/b", "a", ""].map(|folder| {
        let mut draft = titled("x");
        draft.folder = folder.to_owned();
        draft.origin = Some(format!("keepass:{}", "ab".repeat(16)));
        draft
    });
    let exported = exported(&document_of(&drafts), &[]);
    let database = opened(&exported);
    let entries: BTreeSet<String> = database
        .iter_all_entries()
        .map(|entry| entry.id().to_string())
        .collect();
    let groups: BTreeSet<String> = database
        .iter_all_groups()
        .map(|group| group.id().to_string())
        .collect();
    // The root, the recycle bin, a, a/b below it, and the one with a slash.
    assert_eq!((entries.len(), groups.len()), (4, 5));
}

#[test]
fn a_database_needs_a_password_and_shows_nothing_without_it() {
    let (document, files) = rich();
    let order = order(&document, ExportFormat::Kdbx);
    let refused = write(&order, &mut StdRng::seed_from_u64(1)).err();
    assert_eq!(refused, Some(WriteError::PasswordNeeded));
    let bytes = exported(&document, &files).bytes;
    for canary in [&b"%PDF"[..], b"KeePassFile", b"https://", "änn".as_bytes()] {
        let mut windows = bytes.windows(canary.len());
        assert!(!windows.any(|window| window == canary));
    }
    let wrong = Secret::new("correct  horse".to_owned());
    let credentials = Credentials {
        password: Some(&wrong),
        key_file: None,
    };
    let refused = import_with(&bytes, None, None, &credentials).err();
    let format = Format::Kdbx;
    assert_eq!(refused, Some(ImportError::SourcePasswordWrong { format }));
}

#[test]
fn values_that_programs_may_not_keep_are_told_each_by_its_name() {
    let mut draft = titled("a\u{1}");
    draft.folder = "plain".to_owned();
    draft.urls = vec!["https://a.example/\u{7f}".to_owned()];
    draft.push_standard(field::USERNAME, "tab\tand\r\nlines".to_owned());
    draft.push_standard(field::PASSWORD, "p\0q".to_owned());
    draft.push_custom("colour", FieldKind::Text, "re\u{1f}d".to_owned());
    let exported = exported(&document_of(&[draft]), &[]);
    let dropped = "programs may leave out its control characters";
    let cut = "programs may cut it off at its zero character";
    assert_eq!(
        said(&exported),
        [
            ("title", What::Changed, dropped),
            ("password", What::Changed, cut),
            ("colour", What::Changed, dropped),
            ("url", What::Changed, dropped),
        ]
    );
    let back = reread(&exported);
    let back = &back.drafts[0].draft;
    assert_eq!(back.title, "a\u{1}");
    assert_eq!(field_text(back, "password"), Some("p\0q"));
}

#[test]
fn folders_and_tags_that_xml_has_no_place_for_are_told_apart() {
    let mut draft = titled("x");
    draft.push_standard(field::USERNAME, "me".to_owned());
    draft.folder = "a\u{2}".to_owned();
    draft.tags = vec!["t\u{3}".to_owned()];
    let exported = exported(&document_of(&[draft]), &[]);
    let replaced = "signs that XML has no place for are replaced";
    let both = ["tags", "folder"].map(|name| (name, What::Changed, replaced));
    assert_eq!(said(&exported), both);
}

#[test]
fn kinds_and_favourites_come_back_and_fields_of_that_name_stay_fields() {
    let drafts = ItemKind::TABLE.map(|(kind, name, _)| {
        let mut draft = titled(name);
        draft.kind = kind;
        draft.favourite = true;
        draft.push_standard(field::NOTES, "remark".to_owned());
        draft.push_standard(field::PIN, "1234".to_owned());
        draft.push_custom("kind", FieldKind::Text, "card".to_owned());
        draft
    });
    let mut other = titled("other");
    other.push_standard(field::USERNAME, "me".to_owned());
    other.push_custom("kind", FieldKind::Text, "of its own".to_owned());
    let mut bare = titled("bare");
    bare.kind = ItemKind::Card;
    bare.push_standard(field::NOTES, "remark".to_owned());
    let drafts: Vec<Draft> = drafts.into_iter().chain([other, bare]).collect();
    let imported = reread(&exported(&document_of(&drafts), &[]));
    for (item, was) in imported.drafts.iter().zip(&drafts) {
        let back = &item.draft;
        assert_eq!((back.kind, &back.title), (was.kind, &was.title));
        assert_eq!(back.favourite, was.favourite, "{}", was.title);
        assert!(back.tags.is_empty());
        let expected = match was.title.as_str() {
            "other" => [None, Some("of its own")],
            "bare" => [None, None],
            _ => [Some("card"), None],
        };
        let found = ["field kind", "kind"].map(|name| field_text(back, name));
        assert_eq!(found, expected, "{}", was.title);
    }
}

#[test]
fn kinds_that_become_texts_are_told_field_by_field() {
    let mut draft = titled("x");
    draft.push_standard(field::EMAIL, "a@b.example".to_owned());
    for (kind, _, name) in FieldKind::TABLE {
        let text = if kind == FieldKind::Otp { SEED } else { "1" };
        draft.push_custom(&format!("a {name}"), kind, text.to_owned());
    }
    let exported = exported(&document_of(&[draft]), &[]);
    let reason = "the format knows texts and hidden texts; it is a text";
    let plain = said(&exported).into_iter().filter(|row| row.2 == reason);
    let plain: Vec<&str> = plain.map(|row| row.0).collect();
    assert_eq!(plain, ["a url", "a date", "a email"]);
}
