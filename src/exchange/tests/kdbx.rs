//! Databases of KeePass: written by an independent writer (KDBX 4), by a small one here (KDBX 3.1), cut off and changed at
//! every place; and the samples of the programs themselves.

mod hashed;
mod references;
mod samples;

use super::*;
use crate::model::moment::Moment;
use crate::secret::Secret;
use hashed::{Hashed, write_hashed};
use keepass::config::{
    CompressionConfig, DatabaseConfig, InnerCipherConfig, KdfConfig, OuterCipherConfig,
};
use keepass::db::{Value, fields};
use keepass::{Database, DatabaseKey};

const PASSWORD: &str = "correct horse";
/// RFC 6238, appendix B.
const SEED: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

fn open(bytes: &[u8], password: &str) -> Result<Imported, ImportError> {
    open_with(bytes, Some(password), None)
}

fn open_with(
    bytes: &[u8],
    password: Option<&str>,
    key_file: Option<&[u8]>,
) -> Result<Imported, ImportError> {
    let password = password.map(|password| Secret::new(password.to_owned()));
    let credentials = Credentials {
        password: password.as_ref(),
        key_file,
    };
    import_with(bytes, None, None, &credentials)
}

fn refused(bytes: &[u8], password: &str) -> ImportError {
    open(bytes, password).err().expect("it is taken")
}

/// Costs that a test has time for.
fn quick() -> DatabaseConfig {
    let mut config = DatabaseConfig::default();
    config.kdf_config = KdfConfig::Aes { rounds: 3 };
    config
}

fn saved(database: &Database, key: DatabaseKey) -> Vec<u8> {
    let mut bytes = Vec::new();
    database.save(&mut bytes, key).unwrap();
    bytes
}

fn with_password(database: &Database) -> Vec<u8> {
    saved(database, DatabaseKey::new().with_password(PASSWORD))
}

/// One entry at the top.
fn small(config: DatabaseConfig) -> Database {
    let mut database = Database::with_config(config);
    let mut root = database.root_mut();
    root.name = "Vault".to_owned();
    let mut entry = root.add_entry();
    entry.set_unprotected(fields::TITLE, "Mail");
    entry.set_unprotected(fields::USERNAME, "änn");
    entry.set_protected(fields::PASSWORD, "hunter2 & <more>");
    database
}

fn check_small(imported: &Imported) {
    let [item] = imported.drafts.as_slice() else {
        panic!("{} entries", imported.drafts.len());
    };
    assert_eq!(
        (item.draft.title.as_str(), item.draft.folder.as_str()),
        ("Mail", "")
    );
    assert_eq!(field_text(&item.draft, "username"), Some("änn"));
    assert_eq!(
        field_text(&item.draft, "password"),
        Some("hunter2 & <more>")
    );
}

#[test]
fn every_cipher_and_derivation_is_read() {
    let derivations = [KdfConfig::Aes { rounds: 1000 }, argon2d(), argon2id()];
    let outer = [
        OuterCipherConfig::AES256,
        OuterCipherConfig::Twofish,
        OuterCipherConfig::ChaCha20,
    ];
    let inner = [
        InnerCipherConfig::Plain,
        InnerCipherConfig::Salsa20,
        InnerCipherConfig::ChaCha20,
    ];
    let packings = [CompressionConfig::None, CompressionConfig::GZip];
    for derivation in &derivations {
        for outer in &outer {
            for inner in &inner {
                for packing in &packings {
                    let mut config = quick();
                    config.kdf_config = derivation.clone();
                    config.outer_cipher_config = outer.clone();
                    config.inner_cipher_config = inner.clone();
                    config.compression_config = packing.clone();
                    let bytes = with_password(&small(config));
                    assert_eq!(detect(&bytes, None), Ok(Format::Kdbx));
                    check_small(&open(&bytes, PASSWORD).unwrap());
                }
            }
        }
    }
}

/// Argon2d that costs little. Its version's type has no name here, so all else is changed in what a fresh configuration has.
fn argon2d() -> KdfConfig {
    let mut derivation = DatabaseConfig::default().kdf_config;
    if let KdfConfig::Argon2 {
        iterations,
        memory,
        parallelism,
        ..
    } = &mut derivation
    {
        (*iterations, *memory, *parallelism) = (1, 64 << 10, 2);
    }
    derivation
}

fn argon2id() -> KdfConfig {
    match argon2d() {
        KdfConfig::Argon2 {
            iterations,
            memory,
            parallelism,
            version,
        } => KdfConfig::Argon2id {
            iterations,
            memory,
            parallelism,
            version,
        },
        other => other,
    }
}

#[test]
fn a_password_is_needed_and_a_wrong_one_is_told() {
    let bytes = with_password(&small(quick()));
    let needed = ImportError::SourcePasswordNeeded {
        format: Format::Kdbx,
    };
    assert_eq!(import(&bytes, None, None).err(), Some(needed));
    let wrong = ImportError::SourcePasswordWrong {
        format: Format::Kdbx,
    };
    for password in ["", "Correct horse"] {
        assert_eq!(refused(&bytes, password), wrong);
    }
    let old = write_hashed(&Hashed::default());
    assert_eq!(refused(&old, "no"), wrong);
    let empty = saved(&small(quick()), DatabaseKey::new().with_password(""));
    check_small(&open(&empty, "").unwrap());
}

#[test]
fn key_files_of_every_kind_open_it_and_a_damaged_one_is_told() {
    let binary = [7; 32];
    let hex = data_encoding::HEXUPPER.encode(&binary).into_bytes();
    let base64 = data_encoding::BASE64.encode(&binary);
    let one = format!(
        "<?xml version=\"1.0\"?>\n<KeyFile><Meta><Version>1.00</Version></Meta><Key><Data>{base64}</Data></Key></KeyFile>"
    );
    let grouped = "07070707 07070707 07070707 07070707\n  07070707 07070707 07070707 07070707";
    let two = |hash: &str| {
        format!(
            "<KeyFile><Meta><Version>2.0</Version></Meta><Key><Data Hash=\"{hash}\">\n {grouped}\n</Data></Key></KeyFile>"
        )
    };
    let digest = <sha2::Sha256 as sha2::Digest>::digest(binary);
    let good = two(&data_encoding::HEXUPPER.encode(&digest[..4]));
    let any = b"a picture, for instance".to_vec();
    for file in [&binary[..], &hex, one.as_bytes(), good.as_bytes(), &any] {
        for password in [Some(PASSWORD), None] {
            let mut key = DatabaseKey::new();
            if let Some(password) = password {
                key = key.with_password(password);
            }
            let bytes = saved(&small(quick()), key.with_keyfile(&mut &*file).unwrap());
            check_small(&open_with(&bytes, password, Some(file)).unwrap());
            // Asked for a password, somebody without one types none.
            let typed = password.or(Some(""));
            check_small(&open_with(&bytes, typed, Some(file)).unwrap());
            let other = open_with(&bytes, typed, Some(b"another file")).err();
            let wrong = ImportError::SourcePasswordWrong {
                format: Format::Kdbx,
            };
            assert_eq!(other, Some(wrong));
        }
    }
    let bad = two("00000000");
    let bytes = with_password(&small(quick()));
    let told = open_with(&bytes, Some(PASSWORD), Some(bad.as_bytes())).err();
    let told = told.unwrap().to_string();
    assert!(told.contains("key file is damaged"), "{told}");
}

#[test]
fn what_is_cut_off_or_changed_at_any_place_is_refused() {
    let new = with_password(&small(quick()));
    let old = write_hashed(&Hashed::default());
    check_small(&open(&old, PASSWORD).unwrap());
    for (bytes, name) in [(&new, "new"), (&old, "old")] {
        for end in 0..bytes.len() {
            assert!(
                open(&bytes[..end], PASSWORD).is_err(),
                "{name} cut at {end}"
            );
        }
        for at in 0..bytes.len() {
            for bit in [0x01, 0x80] {
                let mut changed = bytes.clone();
                changed[at] ^= bit;
                assert!(open(&changed, PASSWORD).is_err(), "{name} changed at {at}");
            }
        }
    }
}

#[test]
fn an_old_database_proves_its_header_and_its_start() {
    let plain = Hashed {
        is_compressed: false,
        ..Hashed::default()
    };
    check_small(&open(&write_hashed(&plain), PASSWORD).unwrap());
    let broken = Hashed {
        states_header: Some([9; 32]),
        ..Hashed::default()
    };
    let told = refused(&write_hashed(&broken), PASSWORD).to_string();
    assert!(told.contains("damaged, or was changed"), "{told}");
}

#[test]
fn what_would_cost_without_end_is_refused_before_it_is_done() {
    let too_costly = ImportError::SourceTooCostly {
        format: Format::Kdbx,
    };
    let rounds = Hashed {
        stated_rounds: Some(u64::MAX),
        ..Hashed::default()
    };
    assert_eq!(refused(&write_hashed(&rounds), PASSWORD), too_costly);
    let mut bytes = with_password(&small({
        let mut config = quick();
        config.kdf_config = argon2d();
        config
    }));
    // The memory stands behind its name, as eight bytes behind their length; the header's hash is made anew.
    let at = bytes
        .windows(6)
        .position(|window| window == [5, 1, 0, 0, 0, b'M'])
        .unwrap()
        + 10;
    bytes[at..at + 8].copy_from_slice(&(1_u64 << 40).to_le_bytes());
    assert_eq!(refused(&bytes, PASSWORD), too_costly);
    let bomb = Hashed {
        xml: vec![b' '; usize::try_from(MAX_UNPACKED_BYTES).unwrap() + 1],
        ..Hashed::default()
    };
    let told = refused(&write_hashed(&bomb), PASSWORD).to_string();
    assert!(told.contains("unpacks to more"), "{told}");
}

#[test]
fn a_mapping_is_refused_as_for_every_format_that_is_no_table() {
    let bytes = with_password(&small(quick()));
    let mapping = Mapping::parse("title=Name").unwrap();
    let refused = import_with(
        &bytes,
        Some(Format::Kdbx),
        Some(&mapping),
        &Credentials::default(),
    );
    let expected = ImportError::MappingNotForFormat {
        format: Format::Kdbx,
    };
    assert_eq!(refused.err(), Some(expected));
}

#[test]
fn a_database_of_keepass_1_is_named_so() {
    let told = refused(b"\x03\xd9\xa2\x9a\x65\xfb\x4b\xb5rest", PASSWORD).to_string();
    assert!(told.contains("KeePass 1"), "{told}");
}

/// All that an entry may have.
fn full() -> Database {
    let mut database = Database::with_config(quick());
    let mut root = database.root_mut();
    root.name = "Vault".to_owned();
    let mut work = root.add_group();
    work.name = "Work / Home".to_owned();
    work.tags.push("inherited".to_owned());
    let mut deep = work.add_group();
    deep.name = "Déep".to_owned();
    let mut entry = deep.add_entry();
    entry.set_protected(fields::PASSWORD, "older");
    entry.set_unprotected(fields::TITLE, "Bank");
    entry.edit_tracking(|entry| entry.set_protected(fields::PASSWORD, "newer"));
    entry.set_unprotected(fields::USERNAME, "ann");
    entry.set_unprotected(fields::URL, "https://bank.example/login");
    entry.set_unprotected("KP2A_URL_1", "https://m.bank.example");
    entry.set_unprotected(fields::NOTES, "two\nlines");
    entry.set_protected("PIN", "1234");
    entry.set_unprotected("Branch", "Main street");
    entry.set_protected(
        "otp",
        format!("otpauth://totp/Bank:ann?secret={SEED}&digits=8"),
    );
    entry.tags = vec!["money".to_owned(), "2fa".to_owned()];
    entry.times.expires = Some(true);
    entry.add_attachment("contract.pdf", Value::unprotected(b"%PDF".to_vec()));
    let mut bin = database.root_mut();
    let mut bin = bin.add_group();
    bin.name = "Recycle Bin".to_owned();
    let id = bin.id().uuid();
    bin.add_entry().set_unprotected(fields::TITLE, "Old");
    database.meta.recyclebin_uuid = Some(id);
    database.meta.recyclebin_enabled = Some(true);
    database
}

#[test]
fn all_of_an_entry_comes_across() {
    let imported = open(&with_password(&full()), PASSWORD).unwrap();
    let titled = |title: &str| {
        let mut items = imported.drafts.iter();
        &items.find(|item| item.draft.title == title).unwrap().draft
    };
    let bank = titled("Bank");
    assert_eq!(bank.folder, "Work \\/ Home/Déep");
    assert_eq!(
        bank.urls,
        ["https://bank.example/login", "https://m.bank.example"]
    );
    assert_eq!(bank.tags, ["money", "2fa", "inherited"]);
    for (name, text, kind) in [
        ("username", "ann", FieldKind::Text),
        ("password", "newer", FieldKind::Secret),
        ("notes", "two\nlines", FieldKind::Multiline),
        ("pin", "1234", FieldKind::Secret),
        ("Branch", "Main street", FieldKind::Text),
    ] {
        let name = if name == "pin" { "PIN" } else { name };
        assert_eq!(field_text(bank, name), Some(text), "{name}");
        assert_eq!(field_kind(bank, name), Some(kind), "{name}");
    }
    let seed = field_text(bank, "otp").unwrap();
    assert!(seed.contains(SEED) && seed.contains("digits=8"), "{seed}");
    assert!(field_text(bank, "created").unwrap().ends_with('Z'));
    assert!(field_text(bank, "expires").is_some());
    let former: Vec<_> = bank
        .former
        .iter()
        .map(|former| former.name.as_text())
        .collect();
    assert_eq!(former, ["password"]);
    assert_eq!(value_text(&bank.former[0].value), "older");
    assert!(bank.former[0].set > Moment(1_600_000_000_000));
    assert!(bank.origin.as_deref().unwrap().starts_with("keepass:"));
    let old = titled("Old");
    assert!(old.trashed && old.folder.is_empty() && !bank.trashed);
    assert!(imported.skipped.is_empty());
    let files = imported.drafts.iter().flat_map(|item| &item.files);
    // EXPOSE: a test.
    let files: Vec<_> = files
        .map(|file| (&*file.name, file.content.expose()))
        .collect();
    assert_eq!(files, [("contract.pdf", &b"%PDF"[..])]);
}

fn entry_of(strings: &str) -> Imported {
    let xml = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<KeePassFile><Meta/><Root><Group><Name>x</Name><Entry>{strings}</Entry></Group></Root></KeePassFile>"
    );
    import(xml.as_bytes(), None, None).unwrap()
}

fn string(name: &str, text: &str) -> String {
    format!("<String><Key>{name}</Key><Value ProtectInMemory=\"True\">{text}</Value></String>")
}

#[test]
fn seeds_are_read_by_every_program_s_names() {
    let base32 = string("TimeOtp-Secret-Base32", SEED);
    let tray = string("TOTP Seed", SEED);
    for (strings, parts) in [
        (
            string("otp", &format!("key={SEED}&amp;step=60&amp;size=8")),
            ["period=60", "digits=8"],
        ),
        (
            format!(
                "{base32}{}{}",
                string("TimeOtp-Length", "8"),
                string("TimeOtp-Algorithm", "HMAC-SHA-256")
            ),
            ["digits=8", "SHA256"],
        ),
        (
            format!(
                "{}{}",
                string(
                    "HmacOtp-Secret-Hex",
                    "3132333435363738393031323334353637383930"
                ),
                string("HmacOtp-Counter", "5")
            ),
            ["otpauth://hotp/", "counter=5"],
        ),
        (
            string("TimeOtp-Secret", "12345678901234567890"),
            ["otpauth://totp/", SEED],
        ),
        (
            string("TimeOtp-Secret-Base64", "MTIzNDU2Nzg5MDEyMzQ1Njc4OTA="),
            ["otpauth://totp/", SEED],
        ),
        (
            format!("{tray}{}", string("TOTP Settings", "45;7")),
            ["period=45", "digits=7"],
        ),
        (
            format!("{tray}{}", string("TOTP Settings", "30;S")),
            ["team", SEED],
        ),
    ] {
        let imported = entry_of(&strings);
        let otp = field_text(&imported.drafts[0].draft, "otp").expect(&strings);
        for part in parts {
            assert!(otp.contains(part), "{part} in {otp}");
        }
        assert_eq!(imported.drafts[0].draft.fields.len(), 1, "{strings}");
    }
    let broken = entry_of(&string("otp", "not base32!"));
    assert_eq!(broken.skipped.len(), 1);
    assert_eq!(
        field_text(&broken.drafts[0].draft, "seed otp"),
        Some("not base32!")
    );
}

#[test]
fn long_names_of_groups_do_not_multiply_without_end() {
    let name = "n".repeat(1 << 20);
    let group = |inside: &str| format!("<Group><Name>{name}</Name>{inside}</Group>");
    let entries = "<Entry></Entry>".repeat(1000);
    let groups = group(&"<Group><Name>x</Name></Group>".repeat(1000));
    for inside in [group(&entries), groups] {
        let xml = format!(
            "<KeePassFile><Root><Group><Name>top</Name>{inside}</Group></Root></KeePassFile>"
        );
        let refused = import(xml.as_bytes(), None, None).err();
        assert_eq!(refused, Some(ImportError::TooManyValues));
    }
}

#[test]
fn what_no_rule_knows_is_kept_and_a_note_is_a_note() {
    let imported = entry_of(
        "<UUID>AAAAAAAAAAAAAAAAAAAAAA==</UUID><Later><Thing>new</Thing></Later><OverrideURL>cmd://x</OverrideURL><AutoType><Enabled>False</Enabled><DefaultSequence>{TAB}</DefaultSequence></AutoType><CustomData><Item><Key>k</Key><Value>v</Value></Item></CustomData>",
    );
    let draft = &imported.drafts[0].draft;
    for (name, text) in [
        ("Later.Thing", "new"),
        ("OverrideURL", "cmd://x"),
        ("autotype", "off"),
        ("autotype sequence", "{TAB}"),
        ("k", "v"),
    ] {
        assert_eq!(field_text(draft, name), Some(text), "{name}");
    }
    let zeros = "keepass:00000000000000000000000000000000";
    assert_eq!(draft.origin.as_deref(), Some(zeros));
    let note = entry_of(&string("Notes", "remember"));
    assert_eq!(note.drafts[0].draft.kind, ItemKind::Note);
    assert_eq!(field_text(&note.drafts[0].draft, "text"), Some("remember"));
}

proptest! {
    #[test]
    fn any_values_come_back_as_they_were(
        title in "[^\u{0}-\u{1f}\u{7f}-\u{9f}\u{fffe}\u{ffff}]{1,20}",
        values in prop::collection::btree_map("[A-Za-z][A-Za-z0-9 ]{0,9}x", "[^\u{0}-\u{1f}\u{7f}-\u{9f}\u{fffe}\u{ffff}]{1,30}", 0..6),
    ) {
        let mut database = Database::with_config(quick());
        let mut root = database.root_mut();
        let mut entry = root.add_entry();
        entry.set_unprotected(fields::TITLE, title.clone());
        for (at, (name, text)) in values.iter().enumerate() {
            let text = text.clone();
            let value = if at % 2 == 0 { Value::protected(text) } else { Value::unprotected(text) };
            entry.set(name.clone(), value);
        }
        let imported = open(&with_password(&database), PASSWORD).unwrap();
        let draft = &imported.drafts[0].draft;
        if !title.trim().is_empty() {
            prop_assert_eq!(&draft.title, &title);
        }
        for (name, text) in &values {
            prop_assert_eq!(field_text(draft, name), Some(text.as_str()));
        }
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let signed = [&b"\x03\xd9\xa2\x9a\x67\xfb\x4b\xb5\x01\x00\x04\x00"[..], &bytes].concat();
        let _ = open(&signed, PASSWORD);
        let _ = open(&[&b"\x03\xd9\xa2\x9a\x67\xfb\x4b\xb5\x01\x00\x03\x00"[..], &bytes].concat(), PASSWORD);
    }
}

/// A field of one's own may be called as keyfold calls what every entry has, and stand before it.
#[test]
fn fields_called_like_keyfold_s_own_displace_nothing() {
    let strings = [
        string("notes", "own"),
        string("username", "other"),
        string("Notes", "the note"),
        string("UserName", "me"),
    ];
    let imported = entry_of(&strings.concat());
    let draft = &imported.drafts[0].draft;
    assert_eq!(field_text(draft, "notes"), Some("the note"));
    assert_eq!(field_text(draft, "username"), Some("me"));
    let texts = draft.fields.iter().map(|field| field.value.len());
    assert_eq!(texts.collect::<Vec<_>>(), [8, 2, 3, 5]);
}

#[test]
fn a_second_group_at_the_top_is_refused() {
    let group = "<Group><Name>x</Name><Entry/></Group>";
    for inside in [
        format!("<Root>{group}{group}</Root>"),
        format!("<Root>{group}</Root><Root>{group}</Root>"),
    ] {
        let xml = format!("<KeePassFile><Meta/>{inside}</KeePassFile>");
        let refused = import(xml.as_bytes(), None, None).err();
        assert!(matches!(refused, Some(ImportError::NotThisFormat { .. })));
    }
}
