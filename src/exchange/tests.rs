//! What every importer must do: account for every value, refuse what is cut off, never panic. Samples of the programs
//! themselves are read where KEYFOLD_FIXTURES names their folder.

use super::*;
use crate::model::draft::{DraftField, DraftFile, DraftValue};
use crate::model::field::{FieldKind, ItemKind};
use proptest::prelude::*;

mod accounting;
mod age;
mod authenticators;
mod bitwarden;
mod bitwarden_encrypted;
mod csv_formats;
mod export;
mod kdbx;
mod limits;
mod managers;
mod older;
mod outcomes;
mod pass;
mod samples;
mod shapes;
mod written;
mod zips;

/// The text of a field, secret or not.
fn field_text<'d>(draft: &'d Draft, name: &str) -> Option<&'d str> {
    let mut fields = draft.fields.iter();
    let found = fields.find(|entry| entry.name.as_text() == name)?;
    Some(value_text(&found.value))
}

fn value_text(value: &DraftValue) -> &str {
    match value {
        DraftValue::Plain(text) => text,
        // EXPOSE: a test compares it.
        DraftValue::Secret(secret) => secret.expose(),
    }
}

fn content_of(file: &DraftFile) -> &[u8] {
    // EXPOSE: a test compares it.
    file.content.expose()
}

fn field_kind(draft: &Draft, name: &str) -> Option<FieldKind> {
    let mut fields = draft.fields.iter();
    let found = fields.find(|entry| entry.name.as_text() == name)?;
    Some(found.kind)
}

fn read(text: &str) -> Imported {
    import(text.as_bytes(), None, None).unwrap()
}

fn refusal(text: &str) -> ImportError {
    import(text.as_bytes(), None, None).err().unwrap()
}

#[test]
fn a_format_that_is_asked_for_must_be_the_file_s() {
    for (_, name, _, _) in Format::TABLE {
        let format = Format::from_name(name);
        let refused = import(b"a,b\n1,2\n", format, None).err().unwrap();
        let expected = matches!(
            refused,
            ImportError::NotThisFormat { .. }
                | ImportError::NoKnownColumn
                | ImportError::Json { .. }
        );
        assert!(expected, "{name}: {refused}");
    }
}

#[test]
fn a_file_over_the_limit_is_refused_unread() {
    let bytes = vec![b'a'; MAX_FILE_BYTES + 1];
    let refused = import(&bytes, Some(Format::GenericCsv), None).err();
    let bytes = MAX_FILE_BYTES + 1;
    assert_eq!(refused, Some(ImportError::TooLarge { bytes }));
}

#[test]
fn utf16_is_read_like_utf8() {
    let text = "name,url,username,password\nnaïve,https://a.example,ü,pä\"ß\n";
    let bytes: Vec<u8> = "\u{feff}"
        .encode_utf16()
        .chain(text.encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    let imported = import(&bytes, None, None).unwrap();
    let draft = &imported.drafts[0].draft;
    assert_eq!(draft.title, "naïve");
    assert_eq!(field_text(draft, "password"), Some("pä\"ß"));
}

#[test]
fn no_error_shows_a_value_of_the_file() {
    let canary = "correct-horse";
    for text in [
        format!("title,password\nx,\"{canary}"),
        format!("title,password\nx,\"{canary}\"y\n"),
        format!("{canary},{canary}\n{canary},x\n"),
        format!("{{\"items\":[{{\"login\":{{\"password\":\"{canary}"),
        format!("{{\"items\":\"{canary}\"}}"),
        format!("{{\"items\":[\"{canary}\" 1]}}"),
        format!("{{\"encrypted\":true,\"data\":\"{canary}\"}}"),
        format!("[{{\"secret\":\"{canary}\",\"type\":\"{canary}\",\"label\":\"x\"}}"),
        format!("otpauth-migration://offline?data={canary}"),
        format!("{{\"kdfParams\":{{\"salt\":\"{canary}\"}},\"encryptedData\":\"{canary}\"}}"),
        canary.to_owned(),
    ] {
        for format in Format::TABLE
            .map(|row| Some(row.0))
            .into_iter()
            .chain([None])
        {
            if let Err(error) = import(text.as_bytes(), format, None) {
                assert!(!format!("{error} {error:?}").contains(canary));
            }
        }
    }
}

/// Texts that get further than random bytes do.
fn hostile_text() -> impl Strategy<Value = String> {
    let pieces = prop_oneof![
        Just("name,url,username,password,note\n".to_owned()),
        Just("\"Account\",\"Login Name\",\"Password\",\"Web Site\",\"Comments\"\n".to_owned()),
        Just("Group,Title,Username,Password,URL,Notes,TOTP,Icon\n".to_owned()),
        Just("type,name,login_uri,login_username,login_password,fields,collections\n".to_owned()),
        Just("sep=;\n".to_owned()),
        Just("{\"items\":[{\"type\":1,\"login\":{\"uris\":[{\"uri\":".to_owned()),
        Just(
            "{\"version\":1,\"header\":{\"slots\":null},\"db\":{\"entries\":[{\"info\":".to_owned()
        ),
        Just("[{\"secret\":\"JBSWY3DPEHPK3PXP\",\"label\":\"a\",\"type\":".to_owned()),
        Just("otpauth-migration://offline?data=CgYKBDEyMzQ%3D\n".to_owned()),
        Just("otpauth://totp/a:b?secret=JBSWY3DP&codeDisplay=%7B".to_owned()),
        Just(
            "{\"kdfParams\":{},\"encryptedData\":\"\",\"servicesEncrypted\":\"a:b:c\",".to_owned()
        ),
        Just("\"fields\":[{\"name\":\"pin\",\"value\":null,\"type\":1}],".to_owned()),
        Just(
            "{\"encrypted\":false,\"items\":[{\"type\":4,\"identity\":{\"title\":1}}]}".to_owned()
        ),
        "[a-z0-9\",;:{}\\[\\]\\\\/\t\r\n =.@é-]{0,30}",
    ];
    proptest::collection::vec(pieces, 0..6).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_bytes_make_an_importer_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        for format in Format::TABLE.map(|row| Some(row.0)).into_iter().chain([None]) {
            let _ = import(&bytes, format, None);
        }
        let _ = detect(&bytes, Some("x.csv"));
    }

    #[test]
    fn no_text_makes_an_importer_panic(text in hostile_text()) {
        let mapping = Mapping::parse("title=name,otp=password").unwrap();
        for format in Format::TABLE.map(|row| Some(row.0)).into_iter().chain([None]) {
            let _ = import(text.as_bytes(), format, None);
            let _ = import(text.as_bytes(), format, Some(&mapping));
        }
    }

    #[test]
    fn no_text_makes_a_mapping_panic(text in "[a-z=,\\\\ ]{0,40}") {
        let _ = Mapping::parse(&text);
    }
}
