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
    assert_eq!(field_text(&second, "list"), Some("- one"));
    assert_eq!(field_kind(&second, "list"), Some(FieldKind::Secret));
}

#[test]
fn free_text_goes_on_after_a_line_of_notes() {
    let one = draft("pw\nnotes: short\nfree text\n\nmore\n");
    assert_eq!(field_text(&one, "notes"), Some("short\nfree text\n\nmore"));
    assert_eq!(one.fields.len(), 2);
    let block = draft("pw\nnotes: |\n  first line\n\n    second: line\nuser: anna\nfree text");
    let notes = "first line\n\n  second: line\nfree text";
    assert_eq!(field_text(&block, "notes"), Some(notes));
    assert_eq!(field_text(&block, "username"), Some("anna"));
    let seed = draft("pw\nnotes: |\n  text\n  otpauth://totp/a?secret=JBSWY3DP\n");
    assert_eq!(field_text(&seed, "notes"), Some("text"));
    assert_eq!(field_kind(&seed, "otp"), Some(FieldKind::Otp));
    let mark = draft("pw\nsign: |\nuser: anna");
    assert_eq!(field_text(&mark, "sign"), Some("|"));
}

#[test]
fn a_seed_is_one_under_any_label() {
    let hotp = "otpauth://hotp/a?secret=JBSWY3DPEHPK3PXP&counter=1";
    let draft = draft(&format!(
        "pw\nhotp: {hotp}\nsteam guard: steam://JBSWY3DPEHPK3PXP\na label of more words than four: OTPAUTH://totp/b?secret=GEZDGNBV\n"
    ));
    assert_eq!(field_text(&draft, "otp"), Some(hotp));
    let steam = field_text(&draft, "steam guard");
    assert_eq!(steam, Some("steam://JBSWY3DPEHPK3PXP"));
    let seeds = draft
        .fields
        .iter()
        .filter(|field| field.kind == FieldKind::Otp);
    assert_eq!(seeds.count(), 3);
    let words = Some("a label of more words than four");
    assert_eq!(field_text(&draft, "notes"), words);
}

#[test]
fn what_is_indented_below_a_label_stays_with_it() {
    let draft =
        draft("pw\n---\naccount:\n  number: 42\n  owner:\n    - anna\n\nuser: anna\nempty:\n");
    let account = Some("number: 42\nowner:\n  - anna");
    assert_eq!(field_text(&draft, "account"), account);
    assert_eq!(field_kind(&draft, "account"), Some(FieldKind::Secret));
    assert_eq!(field_text(&draft, "username"), Some("anna"));
    assert_eq!(draft.fields.len(), 3);
}

#[test]
fn a_key_is_one_value_between_its_marks() {
    let key = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nQUJD\n-----END RSA PRIVATE KEY-----";
    for (text, password) in [
        (format!("pw\n{key}\nuser: anna\n"), Some("pw")),
        (format!("{key}\nuser: anna\n"), None),
    ] {
        let draft = draft(&text);
        assert_eq!(field_text(&draft, "password"), password);
        assert_eq!(field_text(&draft, "private-key"), Some(key));
        assert_eq!(field_kind(&draft, "private-key"), Some(FieldKind::Secret));
        assert_eq!(field_text(&draft, "username"), Some("anna"));
    }
    let certificate = "-----BEGIN CERTIFICATE-----\nA: b\n-----END CERTIFICATE-----";
    let shown = draft(&format!("pw\n{certificate}\n"));
    assert_eq!(field_text(&shown, "notes"), Some(certificate));
    // Without an end it is lines like any others.
    let open = draft("pw\n-----BEGIN X-----\nuser: anna\n");
    assert_eq!(field_text(&open, "username"), Some("anna"));
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
