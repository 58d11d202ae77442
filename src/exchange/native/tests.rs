//! The document's one form, and what is refused.

use super::*;
use crate::exchange::{Credentials, detect, read};
use proptest::prelude::*;

const EMPTY: &str = "{\n  \"schema\": 1,\n  \"format\": \"keyfold-export\",\n  \"items\": []\n}\n";

#[test]
fn field_ids_have_one_text_each() {
    for number in 0..=u8::MAX {
        let id = FieldId::Standard(number);
        assert_eq!(parse_field_id(&write_field_id_text(id)), Some(id));
    }
    let custom = FieldId::Custom([0xab; 16]);
    assert_eq!(write_field_id_text(custom), "ab".repeat(16));
    assert_eq!(parse_field_id(&"ab".repeat(16)), Some(custom));
    assert_eq!(write_field_id_text(FieldId::Standard(200)), "#200");
    assert_eq!(parse_field_id("#16"), Some(FieldId::Standard(16)));
    let upper = "AB".repeat(16);
    for text in [
        "",
        "#",
        "#016",
        "#256",
        "#+1",
        "abcd",
        "nothing",
        upper.as_str(),
    ] {
        assert_eq!(parse_field_id(text), None, "{text}");
    }
}

#[test]
fn a_document_is_told_from_other_exports_and_is_no_list_of_drafts() {
    assert_eq!(detect(EMPTY.as_bytes(), None), Ok(Format::Keyfold));
    assert!(matches!(
        read(EMPTY.as_bytes(), None, None, &Credentials::default()),
        Ok(crate::exchange::Source::Native(_))
    ));
    let refused = crate::exchange::import(EMPTY.as_bytes(), None, None).err();
    assert!(matches!(refused, Some(ImportError::NotThisFormat { .. })));
    let huge = vec![b' '; MAX_DOCUMENT_BYTES + 1];
    let refused = parse_document(&huge).err();
    assert!(matches!(refused, Some(ImportError::TooLarge { .. })));
}

#[test]
fn what_is_wrong_is_told_by_its_place() {
    let problem = |text: &str| match parse_document(text.as_bytes()).err() {
        Some(ImportError::Json { problem, line, .. }) => Some((problem, line)),
        _ => None,
    };
    let shape = EMPTY.replace("[]", "[{\"id\": 3}]");
    assert_eq!(problem(&shape), Some((JsonProblem::Shape, 4)));
    let twice = EMPTY.replace("\"items\"", "\"schema\": 1, \"items\"");
    assert_eq!(problem(&twice), Some((JsonProblem::RepeatedName, 4)));
    let cut = EMPTY.trim_end().trim_end_matches('}');
    assert!(matches!(problem(cut), Some((JsonProblem::CutOff, _))));
    let deep = EMPTY.replace("[]", &"[".repeat(100_000));
    assert!(problem(&deep).is_some());
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(
        pieces in proptest::collection::vec(prop_oneof![
            Just("{\"schema\": 1, \"format\": \"keyfold-export\", \"items\": [".to_owned()),
            Just("{\"id\": \"0123456789abcdef0123456789abcdef\", \"path\": \"\", ".to_owned()),
            Just("\"trashed\": true, \"tags\": [\"a\"], \"urls\": [], ".to_owned()),
            Just("\"fields\": [], \"history\": []}".to_owned()),
            Just("\"fields\": [{\"id\": \"#9\", \"name\": \"#9\", \"kind\": \"otp\", ".to_owned()),
            Just("]}".to_owned()),
            "[\\[\\]{}\",:a0#\\\\ -]{0,12}",
        ], 0..7)
    ) {
        let text = pieces.concat();
        if let Ok(document) = parse_document(text.as_bytes()) {
            let written = write_document(&document);
            let again = parse_document(&written);
            prop_assert!(again.is_ok_and(|again| *write_document(&again) == *written));
        }
    }
}
