//! Entries of pass and gopass.

use super::*;
use crate::exchange::pass::split_label;
use crate::secret::SecretBytes;

fn entry(path: &str, content: &[u8]) -> PassEntry {
    PassEntry {
        path: path.to_owned(),
        content: SecretBytes::new(content.to_vec()),
    }
}

fn draft(text: &str) -> Draft {
    let mut imported = import_pass(vec![entry("web/shop/site.example", text.as_bytes())]).unwrap();
    imported.drafts.pop().unwrap().draft
}

#[test]
fn an_entry_is_password_labels_seed_and_remarks() {
    let draft = draft(
        "p: w\nuser: anna\nurl: https://site.example/login\nPIN: 1234\n\
         otpauth://totp/a?secret=JBSWY3DPEHPK3PXP\nAsk Bob: he knows\nhttps://a.example is old\nplain remark\n",
    );
    assert_eq!(
        (draft.folder.as_str(), draft.title.as_str()),
        ("web/shop", "site.example")
    );
    assert_eq!(draft.origin.as_deref(), Some("pass:web/shop/site.example"));
    assert_eq!(draft.urls, ["https://site.example/login"]);
    for (name, text, kind) in [
        ("password", "p: w", FieldKind::Secret),
        ("username", "anna", FieldKind::Text),
        (
            "otp",
            "otpauth://totp/a?secret=JBSWY3DPEHPK3PXP",
            FieldKind::Otp,
        ),
        ("Ask Bob", "he knows", FieldKind::Text),
        (
            "notes",
            "https://a.example is old\nplain remark",
            FieldKind::Multiline,
        ),
    ] {
        assert_eq!(field_text(&draft, name), Some(text), "{name}");
        assert_eq!(field_kind(&draft, name), Some(kind), "{name}");
    }
    let pin = draft
        .fields
        .iter()
        .find(|field| field.name.as_text().eq_ignore_ascii_case("pin"));
    assert_eq!(pin.unwrap().kind, FieldKind::Secret);
}

#[test]
fn older_forms_of_gopass_are_read_too() {
    let first = draft("GOPASS-SECRET-1.0\nPassword: pw\nUsername: anna\n\nremark");
    assert_eq!(field_text(&first, "password"), Some("pw"));
    assert_eq!(field_text(&first, "username"), Some("anna"));
    assert_eq!(field_text(&first, "notes"), Some("remark"));
    let second = draft("pw\n---\nusername: anna\nlist:\n  - one\n");
    assert_eq!(field_text(&second, "username"), Some("anna"));
    assert_eq!(field_text(&second, "notes"), Some("- one"));
}

#[test]
fn what_is_no_text_is_a_file() {
    let imported = import_pass(vec![entry("keys/id", b"\xff\x00\x01")]).unwrap();
    let file = &imported.drafts[0].files[0];
    // EXPOSE: a test.
    assert_eq!(
        (file.name.as_str(), file.content.expose()),
        ("id", &b"\xff\x00\x01"[..])
    );
}

proptest! {
    /// Every line of an entry is somewhere in what it became.
    #[test]
    fn nothing_is_dropped(lines in prop::collection::vec("[a-zA-Z0-9:/ .@-]{0,30}", 1..12)) {
        let text = lines.join("\n");
        let draft = draft(&text);
        let all: Vec<String> = draft
            .fields
            .iter()
            .map(|field| format!("{} {}", field.name.as_text(), value_text(&field.value)))
            .chain(draft.urls.iter().cloned())
            .collect();
        let all = all.join("\n").to_lowercase();
        for line in lines.iter().skip(1).map(|line| line.trim()).filter(|line| *line != "---") {
            let value = split_label(line).map_or(line, |row| row.1);
            prop_assert!(all.contains(&value.trim().to_lowercase()), "{line:?} in {all:?}");
        }
    }
}
