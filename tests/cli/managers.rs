//! Exports of other password managers through the program: nobody names the format, and each field is accounted for.

#[path = "../fuzz_entries/packed.rs"]
mod packed;

use crate::program::Home;
use packed::{Entry, archive, archive_of};

const LASTPASS: &str = "url,username,password,totp,extra,name,grouping,fav\r\n\
    https://mail.example,bo,pw1,,first,mail,Home\\Post,1\r\n\
    http://sn,,,,\"NoteType:Credit Card\nName on Card:Bo Nilsen\nNumber:4000123412341234\nExpiration Date:March,2031\nNotes:\",visa,,0\r\n\
    http://group,,,,,,Home\\Empty,0\r\n";

const KEEPER: &str = r#"{"records":[{"title":"key","uid":"r4","$type":"sshKeys","login":"root",
    "custom_fields":{"$keyPair":{"publicKey":"public-1","privateKey":"private-1"},"Own":"own-value"},
    "folders":[{"folder":"Home\\Post"},{"shared_folder":"Team"}]}]}"#;

/// A zip's `data.json`; the second has a file with it, which has no place.
const PROTON: &str = r#"{"version":"1.30.0","encrypted":false,"vaults":{"v1":{"name":"Personal","items":[
    {"itemId":"i1","data":{"metadata":{"name":"mail","note":""},"type":"login","content":{"password":"pw1","urls":["https://mail.example"],"itemUsername":"bo"}},"state":2},
    {"itemId":"i2","data":{"metadata":{"name":"visa","note":""},"type":"creditCard","content":{"number":"4000123412341234","expirationDate":"2031-03"}},"state":1,"files":["file-1"]}]}}}"#;

const ONEPUX: &str = r#"{"accounts":[{"vaults":[{"attrs":{"name":"Personal"},"items":[
    {"uuid":"i1","categoryUuid":"006","overview":{"title":"contract"},"details":{"documentAttributes":{"documentId":"d1","fileName":"plan.pdf"}}},
    {"uuid":"i2","categoryUuid":"001","favIndex":1,"overview":{"title":"mail"},"details":{
    "loginFields":[{"value":"pw2","designation":"password"}],"passwordHistory":[{"value":"pw1","time":1600000000}]}}]}]}]}"#;

/// The ledger of a file that is imported twice: the second time it brings nothing new.
fn import_twice(home: &Home, name: &str, content: impl AsRef<[u8]>) -> serde_json::Value {
    std::fs::write(home.path(name), content).unwrap();
    let ledger = home.run(&["--json", "import", name]).ok().json();
    let count = |name: &str| ledger[name].as_u64().unwrap();
    assert_eq!(
        count("read"),
        count("created") + count("skipped"),
        "{ledger}"
    );
    let again = home.run(&["--json", "import", name]).ok().json();
    assert_eq!(again["identical"], ledger["created"], "{again}");
    ledger
}

#[test]
fn lastpass_brings_folders_and_the_kinds_of_its_notes() {
    let home = Home::new();
    let ledger = import_twice(&home, "lastpass.csv", LASTPASS);
    assert_eq!(
        (&ledger["created"], &ledger["skipped"]),
        (&2.into(), &1.into())
    );
    assert!(ledger.to_string().contains("empty folder"), "{ledger}");
    assert_eq!(home.ls(), "visa\nHome/Post/mail\n");
    home.run(&["get", "mail"]).ok().prints("pw1");
    home.run(&["get", "visa", "number"])
        .ok()
        .prints("4000123412341234");
    home.run(&["get", "visa", "expires"]).ok().prints("2031-03");
    let shown = home.run(&["--json", "show", "visa"]).ok().json();
    assert_eq!(shown["kind"], "card");
}

#[test]
fn keeper_brings_keys_and_every_field_of_ones_own() {
    let home = Home::new();
    import_twice(&home, "keeper.json", KEEPER);
    assert_eq!(home.ls(), "Home/Post/key\n");
    home.run(&["get", "key", "private-key"])
        .ok()
        .prints("private-1");
    home.run(&["get", "key", "Own"]).ok().prints("own-value");
    let shown = home.run(&["--json", "show", "key"]).ok().json();
    assert_eq!(shown["tags"][0], "Team");
    assert_eq!(shown["kind"], "ssh-key");
}

#[test]
fn proton_pass_brings_its_trash_and_says_which_files_stay_behind() {
    let home = Home::new();
    let ledger = import_twice(&home, "data.json", PROTON);
    assert_eq!(ledger["created"], 2, "{ledger}");
    assert!(ledger.to_string().contains("attached files"), "{ledger}");
    assert_eq!(home.ls(), "Personal/visa\n");
    home.run(&["ls", "--trash"]).ok().prints("Personal/mail\n");
    home.write("cut.json", &PROTON[..PROTON.len() - 1]);
    home.run(&["import", "cut.json"])
        .exits(1)
        .says("nothing was imported");
}

#[test]
fn proton_passs_zip_brings_the_files_too() {
    let home = Home::new();
    let zip = archive_of(&[
        ("Proton Pass/data.json", PROTON.as_bytes()),
        ("Proton Pass/files/file-1", b"one"),
    ]);
    let ledger = import_twice(&home, "proton.zip", &zip);
    assert!(!ledger.to_string().contains("attached files"), "{ledger}");
    home.run(&["attach", "get", "visa", "file-1", "-o", "-"])
        .ok()
        .prints("one");
    let sealed = archive_of(&[("Proton Pass/data.pgp", b"x")]);
    std::fs::write(home.path("sealed.zip"), sealed).unwrap();
    home.run(&["import", "sealed.zip"])
        .exits(1)
        .says("is encrypted");
}

#[test]
fn onepassword_brings_documents_and_former_passwords() {
    let home = Home::new();
    let zip = archive_of(&[
        ("export.data", ONEPUX.as_bytes()),
        ("files/d1__plan.pdf", b"%PDF"),
    ]);
    let ledger = import_twice(&home, "export.1pux", &zip);
    assert_eq!(ledger["format"], "1password");
    assert_eq!(home.ls(), "Personal/contract\nPersonal/mail\n");
    home.run(&["attach", "get", "contract", "plan.pdf", "-o", "-"])
        .ok()
        .prints("%PDF");
    home.run(&["get", "mail"]).ok().prints("pw2");
    let history = home.run(&["--json", "history", "mail", "--reveal"]).ok();
    assert!(history.out.contains("\"pw1\""), "{}", history.out);
}

/// B16 and A28, with nothing changed.
#[test]
fn an_archive_that_deceives_is_refused_whole() {
    let home = Home::new();
    let data = || Entry::stored("export.data", ONEPUX.as_bytes());
    let whole = archive(&[data()]);
    let link = Entry {
        attributes: 0o120_777 << 16,
        ..Entry::stored("files/d1__plan.pdf", b"/etc/passwd")
    };
    let large = Entry {
        size: u32::MAX - 1,
        ..Entry::stored("files/d1__plan.pdf", b"%PDF")
    };
    for (name, bytes, said) in [
        ("cut.1pux", whole[..whole.len() - 1].to_vec(), "cut off"),
        ("twice.1pux", archive(&[data(), data()]), "twice"),
        ("link.1pux", archive(&[data(), link]), "link"),
        ("large.1pux", archive(&[data(), large]), "zip archive"),
    ] {
        std::fs::write(home.path(name), bytes).unwrap();
        let refused = home.run(&["import", name]).exits(1);
        refused.says(said).says("nothing was imported");
    }
    assert_eq!(home.ls(), "");
}
