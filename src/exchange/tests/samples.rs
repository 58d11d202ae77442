//! The samples of other programs, where KEYFOLD_FIXTURES names their folder. They are not part of this project.

use super::accounting::{account_for_cells, account_for_json, account_for_values};
use super::*;
use std::path::PathBuf;

/// A sample's bytes; `None` where there are no samples.
pub(super) fn sample(path: &str) -> Option<Vec<u8>> {
    let folder = std::env::var_os("KEYFOLD_FIXTURES")?;
    let path = PathBuf::from(folder).join(path);
    Some(std::fs::read(&path).expect("KEYFOLD_FIXTURES has the sample"))
}

/// Reads a sample, counts its values by other means, and checks what is told of it.
fn check(path: &str, format: Format, rows: usize, values: usize) -> Option<Imported> {
    let bytes = sample(path)?;
    assert_eq!(detect(&bytes, None), Ok(format), "{path}");
    let imported = import(&bytes, None, None).expect(path);
    assert_eq!(imported.rows_read(), rows, "{path}");
    let text = std::str::from_utf8(&bytes).unwrap();
    let counted = match format {
        Format::BitwardenJson => account_for_json(text, &imported),
        Format::EnpassJson => account_for_values(text, &imported),
        _ => account_for_cells(text, b',', &imported),
    };
    assert_eq!(counted, values, "{path}");
    Some(imported)
}

fn titled<'i>(imported: &'i Imported, title: &str) -> &'i Draft {
    let mut items = imported.drafts.iter();
    &items.find(|item| item.draft.title == title).unwrap().draft
}

/// The tables hold the same vault, whatever program wrote them.
fn check_common(imported: &Imported) {
    let garbage = titled(imported, "dpbx@klivak.xb");
    assert_eq!(
        field_text(garbage, "password"),
        Some("2cUqe}e9}>IVZf)Ye>3C8ZN,r")
    );
    assert_eq!(
        field_text(garbage, "notes"),
        Some("This is a garbage address")
    );
    let bank = titled(imported, "aib");
    assert_eq!(
        field_text(bank, "password"),
        Some("ws5T@;_UB[Q|P!8'`~z%XC'JHFUbf#IX _E0}:HF,[{ei0hBg14")
    );
    let backslash = titled(imported, "dpbx@afoqwdr.tx");
    assert_eq!(
        field_text(backslash, "password"),
        Some("9KVHnx:.S_S;cF`=CE@e\\p{v6")
    );
    let address = titled(imported, "https://news.ycombinator.com");
    assert_eq!(address.urls, ["https://news.ycombinator.com"]);
    let without = titled(imported, "empty password");
    assert_eq!(field_text(without, "password"), None);
    assert_eq!(field_text(without, "username"), Some("vkeelpbu"));
}

#[test]
fn the_chrome_sample_is_read_whole() {
    if let Some(imported) = check("chrome-edge/pi__chrome.csv", Format::Chrome, 14, 50) {
        check_common(&imported);
        let note = titled(&imported, "note");
        assert!(
            field_text(note, "notes")
                .unwrap()
                .contains("mower\nacutely")
        );
    }
}

#[test]
fn the_keepass_samples_are_read_whole() {
    if let Some(imported) = check("keepassxc-csv/pi__keepass.csv", Format::KeePass1, 14, 50) {
        check_common(&imported);
    }
    if let Some(imported) = check("keepassxc-csv/pi__keepassx2.csv", Format::KeePassX, 14, 64) {
        check_common(&imported);
        assert_eq!(titled(&imported, "dpbx@fner.ws").folder, "Emails/WS");
        assert_eq!(titled(&imported, "aib").folder, "Bank");
    }
}

#[test]
fn the_bitwarden_csv_sample_is_read_whole() {
    if let Some(imported) = check("bitwarden/pi__bitwarden.csv", Format::BitwardenCsv, 14, 79) {
        check_common(&imported);
        let bank = titled(&imported, "aib");
        assert_eq!(field_text(bank, "pin"), Some("462916"));
        assert_eq!(field_text(bank, "oldpin"), Some("489019"));
        assert_eq!(titled(&imported, "note").kind, ItemKind::Note);
    }
}

#[test]
fn the_bitwarden_json_samples_are_read_whole() {
    if let Some(imported) = check(
        "bitwarden/pi__bitwarden.json",
        Format::BitwardenJson,
        14,
        100,
    ) {
        check_common(&imported);
        assert_eq!(field_text(titled(&imported, "aib"), "pin"), Some("462916"));
        assert_eq!(titled(&imported, "dpbx@fner.ws").folder, "Emails/WS");
    }
    let path = "bitwarden/kpxc__bitwarden_export.json";
    if let Some(imported) = check(path, Format::BitwardenJson, 4, 86) {
        let login = titled(&imported, "Login Name");
        assert_eq!(login.urls.len(), 3);
        assert_eq!(login.folder, "My Folder");
        assert!(login.favourite);
        assert!(
            field_text(login, "otp")
                .unwrap()
                .contains("secret=DFDFDEF%3D&period=30")
        );
        let card = titled(&imported, "Card Name");
        assert_eq!(field_text(card, "expires"), Some("2021-10"));
        let person = titled(&imported, "My Identity");
        assert_eq!(field_text(person, "name"), Some("Jane A Doe"));
        assert_eq!(field_kind(person, "Hidden Field"), Some(FieldKind::Secret));
    }
    let path = "bitwarden/str__bitwarden.unencrypted.json";
    if let Some(imported) = check(path, Format::BitwardenJson, 11, 105) {
        let seed = |title| field_text(titled(&imported, title), "otp");
        assert_eq!(
            seed("Steam"),
            Some("steam://GJD4ZX3RQMLCAXKCT7GGQ4U27VN4FPK6")
        );
        assert_eq!(seed("Secret"), Some("JOR2VZXMNHACFNLRAOACFFRDRYAOFMLB"));
        assert_eq!(titled(&imported, "Long").folder, "My Folder");
        let note = titled(&imported, "Secure Note");
        assert_eq!(field_text(note, "text"), Some("My secret text"));
    }
}

#[test]
fn the_encrypted_sample_opens_under_its_password() {
    let format = Format::BitwardenJson;
    let (path, password, items) = ("bitwarden/kpxc__bitwarden_encrypted_export.json", "a", 1);
    if let Some(bytes) = sample(path) {
        assert_eq!(detect(&bytes, None), Ok(format));
        let opened = authenticators::sealed::open(&bytes, format, password).expect(path);
        assert_eq!(opened.rows_read(), items, "{path}");
        let wrong = authenticators::sealed::open(&bytes, format, "wrong").err();
        assert_eq!(wrong, Some(ImportError::SourcePasswordWrong { format }));
    }
}

#[test]
fn the_samples_of_other_managers_are_read_whole() {
    for (path, format, rows, values) in [
        ("lastpass/bc__lastpass.csv", Format::LastPass, 4, 24),
        ("lastpass/pi__lastpass.csv", Format::LastPass, 14, 78),
        ("firefox/pi__firefox.csv", Format::Firefox, 14, 93),
        ("enpass/pi__enpass.csv", Format::EnpassCsv, 14, 85),
        ("enpass/pi__enpass.json", Format::EnpassJson, 14, 468),
    ] {
        let Some(imported) = check(path, format, rows, values) else {
            return;
        };
        assert!(imported.skipped.is_empty(), "{path}");
        assert!(imported.warnings.is_empty(), "{path}");
    }
    // An exporter of other hands writes the title where the address should be, and no notes.
    let path = "firefox/pi__ff-password-exporter.csv";
    if let Some(imported) = check(path, Format::Firefox, 14, 37) {
        assert_eq!(imported.drafts[5].draft.urls, ["aib"]);
    }
}

/// What the vault that all these samples hold looks like in each program.
#[test]
fn the_samples_of_other_managers_keep_folders_notes_and_fields() {
    let read = |path| sample(path).map(|bytes| import(&bytes, None, None).expect(path));
    if let Some(imported) = read("lastpass/pi__lastpass.csv") {
        check_common(&imported);
        assert_eq!(titled(&imported, "dpbx@fner.ws").folder, "Emails/WS");
    }
    if let Some(imported) = read("lastpass/bc__lastpass.csv") {
        let note = field_text(titled(&imported, "baz.com"), "notes");
        assert_eq!(note, Some("This is a\nmultiline string"));
        assert_eq!(titled(&imported, "foo.com").folder, "FooBar");
    }
    if let Some(imported) = read("enpass/pi__enpass.csv") {
        check_common(&imported);
        assert_eq!(field_text(titled(&imported, "aib"), "pin"), Some("462916"));
        assert_eq!(titled(&imported, "note").kind, ItemKind::Note);
    }
    if let Some(imported) = read("enpass/pi__enpass.json") {
        check_common(&imported);
        let bank = titled(&imported, "aib");
        assert_eq!(field_text(bank, "pin"), Some("462916"));
        assert_eq!(field_kind(bank, "pin"), Some(FieldKind::Secret));
        let modified = field_text(bank, "modified");
        assert_eq!(modified, Some("2017-01-01T00:00:00.000Z"));
        assert_eq!(titled(&imported, "dpbx@fner.ws").folder, "Emails/WS");
    }
    if let Some(imported) = read("firefox/pi__firefox.csv") {
        let address = titled(&imported, "news.ycombinator.com");
        assert_eq!(address.urls, ["https://news.ycombinator.com"]);
        let created = field_text(address, "created");
        assert_eq!(created, Some("2020-09-13T12:26:40.000Z"));
    }
}
