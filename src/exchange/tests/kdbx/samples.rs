//! The samples of other programs, where KEYFOLD_FIXTURES names their folder: each is read with its password or key file and
//! counted, and those that are broken are refused.

use super::*;
use crate::exchange::tests::samples::sample;

fn sample_of(name: &str) -> Option<Vec<u8>> {
    sample(&format!("kdbx/{name}"))
}

fn entries(name: &str, password: Option<&str>, key_file: Option<&str>) -> Option<Imported> {
    let bytes = sample_of(name)?;
    let key_file = key_file.and_then(sample_of);
    let opened = open_with(&bytes, password, key_file.as_deref());
    Some(opened.unwrap_or_else(|error| panic!("{name}: {error}")))
}

#[test]
fn every_good_sample_is_read_with_all_its_entries() {
    for (name, password, key_file, count) in [
        ("kpxc__Format200.kdbx", Some("a"), None, None),
        ("kpxc__Format300.kdbx", Some("a"), None, Some(1)),
        ("kpxc__Format400.kdbx", Some("t"), None, Some(1)),
        ("kpxc__NonAscii.kdbx", Some("Δöض"), None, Some(1)),
        ("kpxc__Compressed.kdbx", Some(""), None, Some(1)),
        (
            "kpxc__ProtectedStrings.kdbx",
            Some("masterpw"),
            None,
            Some(1),
        ),
        (
            "kpxc__FileKeyBinary.kdbx",
            None,
            Some("kpxc__FileKeyBinary.key"),
            None,
        ),
        (
            "kpxc__FileKeyHex.kdbx",
            None,
            Some("kpxc__FileKeyHex.key"),
            None,
        ),
        (
            "kpxc__FileKeyXml.kdbx",
            None,
            Some("kpxc__FileKeyXml.key"),
            None,
        ),
        (
            "kpxc__FileKeyXmlV2.kdbx",
            None,
            Some("kpxc__FileKeyXmlV2.keyx"),
            Some(0),
        ),
        ("kpxc__NewDatabase.kdbx", Some("a"), None, Some(2)),
        ("kpxc__NewDatabaseBrowser.kdbx", Some("a"), None, Some(2)),
        ("kpxc__RecycleBinWithData.kdbx", Some("123"), None, None),
        (
            "kprs__test_db_kdbx41_features.kdbx",
            Some("demopass"),
            None,
            Some(2),
        ),
        (
            "kprs__test_db_kdbx41_with_password_aes.kdbx",
            Some("demopass"),
            None,
            Some(4),
        ),
        (
            "kprs__test_db_kdbx4_with_password_argon2.kdbx",
            Some("demopass"),
            None,
            Some(2),
        ),
        (
            "kprs__test_db_kdbx4_with_password_argon2id.kdbx",
            Some("demopass"),
            None,
            Some(2),
        ),
        (
            "kprs__test_db_kdbx4_with_password_argon2id_chacha20.kdbx",
            Some("demopass"),
            None,
            Some(1),
        ),
        (
            "kprs__test_db_kdbx4_with_password_argon2_twofish.kdbx",
            Some("demopass"),
            None,
            Some(1),
        ),
        (
            "kprs__test_db_kdbx4_with_totp_entry.kdbx",
            Some("test"),
            None,
            Some(1),
        ),
        (
            "kprs__test_db_kdbx4_with_totp_sha512_entry.kdbx",
            Some("test"),
            None,
            Some(1),
        ),
        (
            "kprs__test_db_kdbx4_with_password_deleted_entry.kdbx",
            Some("demopass"),
            None,
            Some(3),
        ),
        (
            "kprs__test_db_kdbx3_with_chacha20_protected_fields.kdbx",
            Some("password"),
            None,
            Some(1),
        ),
    ] {
        let Some(imported) = entries(name, password, key_file) else {
            return;
        };
        if let Some(count) = count {
            assert_eq!(imported.drafts.len(), count, "{name}");
        }
    }
}

#[test]
fn every_broken_sample_is_refused() {
    let Some(broken) = sample_of("kpxc__BrokenHeaderHash.kdbx") else {
        return;
    };
    let told = refused(&broken, "").to_string();
    assert!(told.contains("changed"), "{told}");
    let bytes = sample_of("kpxc__FileKeyXmlV2HashFail.kdbx").unwrap();
    let key_file = sample_of("kpxc__FileKeyXmlV2HashFail.keyx").unwrap();
    let told = open_with(&bytes, None, Some(&key_file)).err().unwrap();
    assert!(told.to_string().contains("key file is damaged"), "{told}");
    for name in [
        "kprs__broken_kdbx_version.kdbx",
        "kprs__broken_random_data.kdbx",
    ] {
        let bytes = sample_of(name).unwrap();
        assert!(open(&bytes, "demopass").is_err(), "{name}");
    }
}

#[test]
fn values_of_samples_are_those_that_their_programs_show() {
    let Some(imported) = entries("kpxc__ProtectedStrings.kdbx", Some("masterpw"), None) else {
        return;
    };
    let draft = &imported.drafts[0].draft;
    assert_eq!(draft.title, "Sample Entry");
    assert_eq!(field_text(draft, "password"), Some("ProtectedPassword"));
    assert_eq!(field_text(draft, "TestProtected"), Some("ABC"));
    assert_eq!(field_text(draft, "TestUnprotected"), Some("DEF"));
    let totp = entries(
        "kprs__test_db_kdbx4_with_totp_entry.kdbx",
        Some("test"),
        None,
    )
    .unwrap();
    assert!(field_text(&totp.drafts[0].draft, "otp").is_some());
    assert_eq!(totp.skipped.len(), 0, "{:?}", totp.skipped);
}
