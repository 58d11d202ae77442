//! Seeds for authenticators: every kind with every setting comes back, and what is no seed is said to be missing.

use super::*;
use crate::otp::{Algorithm, Kind, Parts, Seed};

const PASSWORD: &str = "correct horse";

fn export_as(format: ExportFormat, document: &Document) -> Exported {
    let password = Secret::new(PASSWORD.to_owned());
    let order = Order {
        password: Some(&password),
        ..order(document, format)
    };
    written(&order)
}

fn reread(exported: &Exported, format: Format) -> Imported {
    assert_eq!(detect(&exported.bytes, None), Ok(format));
    let password = Secret::new(PASSWORD.to_owned());
    let credentials = Credentials {
        password: Some(&password),
        key_file: None,
    };
    import_with(&exported.bytes, None, None, &credentials).unwrap()
}

fn seed_uri() -> impl Strategy<Value = String> {
    let kind = prop_oneof![
        (1..=crate::otp::MAX_PERIOD_SECS).prop_map(|period_secs| Kind::Totp { period_secs }),
        (0..=crate::otp::MAX_COUNTER).prop_map(|counter| Kind::Hotp { counter }),
        Just(Kind::Steam),
    ];
    let algorithms = vec![Algorithm::Sha1, Algorithm::Sha256, Algorithm::Sha512];
    let algorithm = proptest::sample::select(algorithms);
    let names = ("[A-Z][a-z&=é]{0,6}", "[a-z][a-z@.]{0,6}");
    let key = proptest::collection::vec(any::<u8>(), 10..65);
    (kind, algorithm, 6_u8..=10, names, key).prop_map(
        |(kind, algorithm, digits, (issuer, account), key)| {
            let parts = Parts {
                kind,
                algorithm,
                digits,
                issuer,
                account,
                key: key.into(),
            };
            // EXPOSE: a test compares it.
            Seed::from_parts(parts)
                .unwrap()
                .write_uri()
                .expose()
                .to_owned()
        },
    )
}

fn seeds_of(imported: &Imported) -> Vec<String> {
    let seeds = imported.drafts.iter();
    seeds
        .map(|item| field_text(&item.draft, "otp").unwrap().to_owned())
        .collect()
}

fn with_seed(title: &str, uri: &str) -> Draft {
    let mut draft = titled(title);
    draft.push_standard(field::OTP, uri.to_owned());
    draft
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn every_seed_comes_back_from_every_format(
        uris in proptest::collection::vec(seed_uri(), 1..5),
    ) {
        let drafts: Vec<Draft> = uris.iter().map(|uri| with_seed("x", uri)).collect();
        let document = document_of(&drafts);
        for (format, read) in [
            (ExportFormat::Otpauth, Format::OtpauthUris),
            (ExportFormat::Aegis, Format::Aegis),
        ] {
            let imported = reread(&export_as(format, &document), read);
            prop_assert_eq!(&imported.skipped, &vec![]);
            prop_assert_eq!(&seeds_of(&imported), &uris);
        }
    }
}

#[test]
fn aegis_keeps_notes_groups_and_favourites_in_clear_and_encrypted() {
    let mut draft = with_seed("Site", SEED);
    draft.push_standard(field::USERNAME, "me".to_owned());
    draft.push_standard(field::NOTES, "line 1\nline 2".to_owned());
    draft.tags = vec!["one".to_owned(), "two".to_owned()];
    draft.favourite = true;
    let document = document_of(&[draft]);
    for format in [ExportFormat::Aegis, ExportFormat::AegisSealed] {
        let exported = export_as(format, &document);
        assert_eq!(said(&exported), []);
        let is_clear = exported
            .bytes
            .windows(SEED.len())
            .any(|window| window == SEED.as_bytes());
        assert_eq!(is_clear, format == ExportFormat::Aegis);
        let imported = reread(&exported, Format::Aegis);
        let back = shape(&imported.drafts[0].draft);
        assert_eq!((back.title.as_str(), back.favourite), ("Site", true));
        assert_eq!(back.tags, ["one".to_owned(), "two".to_owned()].into());
        assert_eq!(
            field_text(&imported.drafts[0].draft, "username"),
            Some("me")
        );
        assert_eq!(
            field_text(&imported.drafts[0].draft, "notes"),
            Some("line 1\nline 2")
        );
    }
}

#[test]
fn an_encrypted_one_opens_with_its_password_alone() {
    let document = document_of(&[with_seed("Site", SEED)]);
    let exported = export_as(ExportFormat::AegisSealed, &document);
    let wrong = Secret::new("another".to_owned());
    let credentials = Credentials {
        password: Some(&wrong),
        key_file: None,
    };
    let refused = import_with(&exported.bytes, None, None, &credentials).err();
    let format = Format::Aegis;
    assert_eq!(refused, Some(ImportError::SourcePasswordWrong { format }));
    let order = order(&document, ExportFormat::AegisSealed);
    let refused = write(&order, &mut StdRng::seed_from_u64(1)).err();
    assert_eq!(refused, Some(WriteError::PasswordNeeded));
}

#[test]
fn what_is_no_seed_is_said_to_be_left_out() {
    let mut full = with_seed("Site", "otpauth://totp/Other:me?secret=GEZDGNBVGY3TQOJQ");
    full.folder = "work".to_owned();
    full.urls = vec!["https://a.example".to_owned()];
    full.tags = vec!["t".to_owned()];
    full.push_standard(field::USERNAME, "me".to_owned());
    full.push_standard(field::PASSWORD, "p".to_owned());
    full.push_custom("second", FieldKind::Otp, SEED.to_owned());
    full.push_custom("third", FieldKind::Otp, "no seed!".to_owned());
    let bare = titled("bare");
    let mut gone = with_seed("gone", SEED);
    gone.trashed = true;
    let document = document_of(&[full, bare, gone]);
    let exported = export_as(ExportFormat::Otpauth, &document);
    assert_eq!(text_of(&exported).lines().count(), 2);
    let mut fields: Vec<&str> = said(&exported).iter().map(|remark| remark.0).collect();
    fields.sort_unstable();
    fields.dedup();
    let expected = [
        "folder", "item", "password", "tags", "third", "title", "url",
    ];
    assert_eq!(fields, expected);
    let second = text_of(&exported).lines().last().unwrap();
    assert!(second.contains("issuer=Site"), "{second}");
}
