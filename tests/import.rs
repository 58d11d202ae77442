//! Another program's items in a vault: every row and field is accounted for, and a second import finds each its own.
#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test may stop and say what it leaves out; the scene is shared"
)]

#[path = "scene/inout.rs"]
mod inout;
mod scene;

use inout::{HOTP, changed, take_in, text_of, vault};
use keyfold::exchange::{self, Credentials, ImportError, Imported, ImportedItem, Source};
use keyfold::model::draft::{Draft, DraftFile, DraftFormer, DraftValue, FieldName};
use keyfold::model::field::{self, FieldKind};
use keyfold::model::ids::FieldId;
use keyfold::model::moment::Moment;
use keyfold::secret::SecretBytes;
use keyfold::service::import::{Ledger, Outcome, import, rehearse};
use keyfold::state::change::Edit;
use keyfold::state::view::Life;
use keyfold::vault::{Vault, VaultError};
use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;
use scene::{content_of, later, password};
use std::path::{Path, PathBuf};

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
        let source = exchange::read(ROWS.as_bytes(), None, None, &Credentials::default()).unwrap();
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
        // EXPOSE: a test compares it.
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
fn samples_of_authenticators_balance_and_the_second_import_changes_nothing() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/authenticators");
    let mut samples = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.contains("sealed") || name.contains("cut") {
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        samples += 1;
        let (_, mut one) = vault(1);
        let first = take_in(&mut one, &bytes, later(1));
        assert!(first.items.is_balanced() && first.fields.is_balanced());
        assert_eq!(first.items.created, first.items.read, "{name}");
        let (text, records) = (text_of(&one), one.state().record_count());
        let second = take_in(&mut one, &bytes, later(2));
        assert_eq!(second.items.identical, first.items.created, "{name}");
        assert_eq!(one.state().record_count(), records, "{name}");
        let (_, mut two) = vault(2);
        take_in(&mut two, text.as_bytes(), later(3));
        assert_eq!(text_of(&two), text, "{name}");
    }
    assert_eq!(samples, 11);
}

#[test]
fn samples_of_other_programs_balance_and_the_second_import_changes_nothing() {
    let Some(folder) = std::env::var_os("KEYFOLD_FIXTURES").map(PathBuf::from) else {
        eprintln!("KEYFOLD_FIXTURES is not set: samples are left out");
        return;
    };
    let mut samples = 0;
    for program in [
        "aegis",
        "andotp",
        "bitwarden",
        "chrome-edge",
        "enpass",
        "firefox",
        "freeotp-plus",
        "google-auth-migration",
        "keepassxc-csv",
        "lastpass",
        "otpauth-uri-list",
    ] {
        for file in std::fs::read_dir(folder.join(program)).unwrap() {
            let path = file.unwrap().path();
            let bytes = std::fs::read(&path).unwrap();
            let imported = match exchange::read(&bytes, None, None, &Credentials::default()) {
                Ok(Source::Foreign(imported)) => imported,
                Err(ImportError::Encrypted { .. } | ImportError::SourcePasswordNeeded { .. }) => {
                    continue;
                }
                // The first versions of andOTP left no mark in what they encrypted.
                Err(ImportError::NotText { .. }) if program == "andotp" => continue,
                Err(_) if path.ends_with("otp__test_export_wrong_data.txt") => continue,
                Ok(Source::Native(_)) => panic!("{path:?} is not keyfold's"),
                Err(error) => panic!("{path:?}: {error}"),
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

#[test]
fn a_source_that_lags_behind_does_not_turn_an_hotp_counter_back() {
    let rows = |counter: &str| {
        let uri = HOTP.replace("counter=5", counter);
        format!("title,password,otp\nsite,x,{uri}\n")
    };
    let (_, mut vault) = vault(1);
    take_in(&mut vault, rows("counter=5").as_bytes(), later(1));
    let item = vault.state().summaries()[0].id;
    let otp = FieldId::Standard(field::OTP);
    inout::edit(&mut vault, item, later(2), vec![Edit::Count(otp, 42)]);
    let lagging = take_in(&mut vault, rows("counter=7").as_bytes(), later(3));
    assert_eq!(lagging.items.identical, 1);
    assert!(text_of(&vault).contains("\"counter\": 42"));
    let ahead = take_in(&mut vault, rows("counter=50").as_bytes(), later(4));
    assert_eq!(ahead.items.updated, 1);
    assert!(text_of(&vault).contains("\"counter\": 50"));
}

/// One login of a Bitwarden export, out of few values so that many look alike.
fn bitwarden_item() -> impl Strategy<Value = String> {
    let uris = proptest::collection::vec("[ab]", 0..3);
    let fields = proptest::collection::vec(("[kl]", "[12]", 0..2_u8), 0..3);
    let id = prop_oneof![
        Just(String::new()),
        Just("i".to_owned()),
        Just("j".to_owned())
    ];
    let flags = (any::<bool>(), any::<bool>(), "[n]{0,1}");
    (id, "[st]", "[p]{0,1}", uris, fields, flags).prop_map(
        |(id, name, password, uris, fields, (favourite, trashed, notes))| {
            let uris = uris
                .iter()
                .map(|uri| format!(r#"{{"uri":"https://{uri}.example"}}"#));
            let fields = fields.iter().map(|(name, value, kind)| {
                format!(r#"{{"name":"{name}","value":"{value}","type":{kind}}}"#)
            });
            let id = if id.is_empty() {
                String::new()
            } else {
                format!(r#""id":"{id}","#)
            };
            let deleted = if trashed {
                r#""2024-01-01T00:00:00Z""#
            } else {
                "null"
            };
            format!(
                r#"{{{id}"type":1,"name":"{name}","favorite":{favourite},"notes":"{notes}",
                "deletedDate":{deleted},"fields":[{}],
                "login":{{"username":"u","password":"{password}","uris":[{}]}}}}"#,
                fields.collect::<Vec<_>>().join(","),
                uris.collect::<Vec<_>>().join(",")
            )
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn importing_twice_changes_nothing_however_alike_the_items_are(
        items in proptest::collection::vec(bitwarden_item(), 1..8)
    ) {
        let export = format!(r#"{{"encrypted":false,"items":[{}]}}"#, items.join(","));
        let (_, mut vault) = vault(1);
        let first = take_in(&mut vault, export.as_bytes(), later(1));
        prop_assert_eq!(first.items.created, items.len());
        let text = text_of(&vault);
        let again = take_in(&mut vault, export.as_bytes(), later(2));
        prop_assert_eq!(again.items.identical, items.len(), "{:?}", changed(&again));
        prop_assert_eq!(text_of(&vault), text);
    }
}

/// An item with these files and former passwords, as some program's export has it.
fn brought(files: &[(&str, &str)], former: &[(&str, u64)]) -> Source {
    let mut draft = Draft {
        title: "contract".to_owned(),
        origin: Some("keepass:1".to_owned()),
        ..Draft::default()
    };
    draft.push_standard(field::PASSWORD, "p".to_owned());
    for (value, set) in former {
        draft.former.push(DraftFormer {
            name: FieldName::Standard(field::PASSWORD),
            kind: FieldKind::Secret,
            value: DraftValue::new(FieldKind::Secret, (*value).to_owned()),
            set: Moment(*set),
        });
    }
    let mut item = ImportedItem::new(1, draft);
    for (name, content) in files {
        item.files.push(DraftFile {
            name: (*name).to_owned(),
            content: SecretBytes::new(content.as_bytes().to_vec()),
        });
    }
    Source::Foreign(Imported {
        drafts: vec![item],
        ..Imported::default()
    })
}

#[test]
fn files_and_former_values_come_along_once_and_leave_with_an_undo() {
    let (storage, mut vault) = vault(1);
    let mut rng = StdRng::seed_from_u64(5);
    let files = [("a.pdf", "one"), ("a.pdf", "two"), ("b.pdf", "three")];
    let former = [("old", 1_600_000_000_000), ("older", 0)];
    let rehearsed = rehearse(&vault, brought(&files, &former), None, &mut rng).unwrap();
    let before = storage.content(vault.path()).unwrap().len();
    let first = import(
        &mut vault,
        brought(&files, &former),
        None,
        later(1),
        &mut rng,
    )
    .unwrap();
    assert_eq!(rehearsed, first);
    assert_eq!(counts(&first), [1, 1, 0, 0, 0]);
    assert!(first.fields.is_balanced() && first.fields.created == 7);
    let item = vault.state().item_ids()[0];
    let contents = |vault: &Vault| {
        let view = vault.state().item(item).unwrap();
        let files = view.attachments.iter();
        let mut contents: Vec<_> = files
            .map(|file| (file.name.clone(), content_of(vault, item, file).unwrap()))
            .collect();
        contents.sort();
        contents
    };
    let text = |name: &str, content: &str| (name.to_owned(), content.as_bytes().to_vec());
    let all = [
        text("a.pdf", "one"),
        text("a.pdf", "two"),
        text("b.pdf", "three"),
    ];
    assert_eq!(contents(&vault), all);
    assert_eq!(vault.state().history(item).len(), 2);

    let size = storage.content(vault.path()).unwrap().len();
    assert!(size > before);
    let again = import(
        &mut vault,
        brought(&files, &former),
        None,
        later(2),
        &mut rng,
    )
    .unwrap();
    assert_eq!(counts(&again), [1, 0, 0, 1, 0], "{:?}", changed(&again));
    assert_eq!(storage.content(vault.path()).unwrap().len(), size);

    let newer = [("a.pdf", "one"), ("a.pdf", "two"), ("b.pdf", "four")];
    let third = import(&mut vault, brought(&newer, &[]), None, later(3), &mut rng).unwrap();
    let fields: Vec<_> = changed(&third)
        .iter()
        .map(|entry| (entry.field.clone().unwrap(), entry.outcome))
        .collect();
    assert_eq!(fields, [("file b.pdf".to_owned(), Outcome::Updated)]);
    assert_eq!(contents(&vault)[2], text("b.pdf", "four"));
    for second in [4, 5] {
        let last = vault.undoable_records()[0];
        vault
            .update(later(second), &mut rng, |plan, _| plan.undo(last))
            .unwrap();
    }
    let view = vault.state().item(item);
    assert!(view.is_none_or(|view| view.attachments.is_empty()));
}

#[test]
fn an_import_that_fails_takes_its_files_back() {
    let (storage, mut vault) = vault(1);
    let mut rng = StdRng::seed_from_u64(5);
    let replica = |vault: &Vault| {
        let path = format!("/a/{}/replica", vault.id());
        storage.content(Path::new(&path)).unwrap()
    };
    let before = replica(&vault);
    let Source::Foreign(mut imported) = brought(&[("a.pdf", "one")], &[]) else {
        panic!("it is foreign");
    };
    // More than one change may hold.
    let large = "x".repeat(1 << 20);
    for row in 2..70 {
        let mut draft = Draft {
            title: format!("{row}"),
            ..Draft::default()
        };
        draft.push_standard(field::NOTES, large.clone());
        imported.drafts.push(ImportedItem::new(row, draft));
    }
    let source = Source::Foreign(imported);
    let refused = import(&mut vault, source, None, later(1), &mut rng);
    assert!(matches!(refused, Err(VaultError::TooLarge)));
    assert_eq!(replica(&vault), before);
    assert!(vault.state().item_ids().is_empty());
}
