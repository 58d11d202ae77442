//! Values that are references to other entries.

use super::*;
use crate::model::draft::FieldName;

const ID: &str = "AAECAwQFBgcICQoLDA0ODw==";
const HEX: &str = "000102030405060708090A0B0C0D0E0F";

fn entry(id: &str, title: &str, strings: &str) -> String {
    let title = string("Title", title);
    format!("<Entry><UUID>{id}</UUID>{title}{strings}</Entry>")
}

fn read_entries(entries: &str) -> Result<Imported, ImportError> {
    let xml = format!(
        "<KeePassFile><Meta/><Root><Group><Name>x</Name>{entries}</Group></Root></KeePassFile>"
    );
    import(xml.as_bytes(), None, None)
}

fn plain(name: &str, text: &str) -> String {
    format!("<String><Key>{name}</Key><Value>{text}</Value></String>")
}

#[test]
fn a_reference_gives_the_value_and_a_password_stays_a_secret() {
    let strings = [
        plain("UserName", "{REF:U@T:Mail}"),
        plain("Password", &format!("{{ref:p@i:{}}}", HEX.to_lowercase())),
        plain("both", &format!("{{REF:U@I:{HEX}}}:{{REF:P@I:{HEX}}}!")),
        plain("URL", &format!("{{REF:A@I:{HEX}}}")),
        plain("lost", "{REF:P@I:FF} and {REF:}"),
        plain("braces", "{TAB} {REF"),
    ]
    .concat();
    let target = [
        plain("UserName", "me"),
        string("Password", "a&amp;b{"),
        plain("URL", "https://mail.example.com"),
    ]
    .concat();
    let former = format!(
        "<History>{}</History>",
        entry("x", "Second", &plain("UserName", "{REF:U@T:Mail}"))
    );
    // It may stand before what it refers to.
    let entries = entry("AgAAAAAAAAAAAAAAAAAAAA==", "Second", &(strings + &former))
        + &entry(ID, "Mail", &target);
    let imported = read_entries(&entries).unwrap();
    let draft = &imported.drafts[0].draft;
    for (name, text) in [
        ("username", "me"),
        ("password", "a&b{"),
        ("both", "me:a&b{!"),
        ("lost", "{REF:P@I:FF} and {REF:}"),
        ("braces", "{TAB} {REF"),
    ] {
        assert_eq!(field_text(draft, name), Some(text), "{name}");
    }
    assert_eq!(draft.urls, ["https://mail.example.com"]);
    let both = draft.fields.iter();
    let mut both = both.filter(|field| field.name == FieldName::Custom("both".to_owned()));
    assert_eq!(both.next().unwrap().kind, FieldKind::Secret);
    assert!(draft.former.is_empty(), "it was the same value");
    let warnings = imported.warnings.join("\n");
    assert!(
        warnings.contains("4 values that stood in other entries"),
        "{warnings}"
    );
    assert!(
        warnings.contains("1 value in entries that are not there"),
        "{warnings}"
    );
}

#[test]
fn references_in_circles_end_and_those_that_multiply_are_refused() {
    let own = format!("{{REF:P@I:{HEX}}}");
    let imported = read_entries(&entry(ID, "a", &string("Password", &own))).unwrap();
    let password = field_text(&imported.drafts[0].draft, "password");
    assert_eq!(password, Some(own.as_str()));
    let entries = entry(ID, "a", &string("Password", &own.repeat(100)));
    assert_eq!(
        read_entries(&entries).err(),
        Some(ImportError::TooManyValues)
    );
}
