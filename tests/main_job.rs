//! The main job, run through the program: import what other programs exported, live with it, take it elsewhere.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test may stop and say what it leaves out"
)]

mod real;

use real::{FLOOR, Home, json, needs, ok, told, value};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

const BITWARDEN: &str = r#"{"encrypted": false,
"folders": [{"id": "f1", "name": "Work/Ops"}, {"id": "f2", "name": "Home"}],
"items": [
 {"id": "i1", "organizationId": null, "folderId": "f1", "type": 1, "reprompt": 0, "name": "mail", "notes": "two\nlines",
  "favorite": true, "fields": [{"name": "pin", "value": "0042", "type": 1}, {"name": "since", "value": "1999", "type": 0}],
  "login": {"uris": [{"match": null, "uri": "https://mail.example"}, {"match": null, "uri": "https://imap.example"}],
   "username": "me@mail.example", "password": "p1, \"quoted\"", "totp": "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"}, "collectionIds": null},
 {"id": "i2", "folderId": null, "type": 1, "reprompt": 1, "name": "eight digits", "notes": null, "favorite": false,
  "login": {"uris": null, "username": "u", "password": "p2",
   "totp": "otpauth://totp/Site:u?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&digits=8&period=60&algorithm=SHA256&issuer=Site"}},
 {"id": "i3", "folderId": "f2", "type": 3, "reprompt": 0, "name": "plastic", "notes": "blue", "favorite": false,
  "card": {"cardholderName": "M E", "brand": "Visa", "number": "4111111111111111", "expMonth": "2", "expYear": "2031", "code": "123"}},
 {"id": "i4", "folderId": null, "type": 4, "reprompt": 0, "name": "me", "notes": null, "favorite": false,
  "identity": {"title": "Dr", "firstName": "M", "middleName": null, "lastName": "E", "address1": "1 Street", "address2": null,
   "city": "Town", "country": "IE", "email": "me@mail.example", "phone": "+353 1", "username": "me", "ssn": null}},
 {"id": "i5", "folderId": "f2", "type": 2, "reprompt": 0, "name": "remember", "notes": "a note", "favorite": false,
  "secureNote": {"type": 0}},
 {"id": "i6", "folderId": null, "type": 1, "reprompt": 0, "name": "sha512", "notes": null, "favorite": false,
  "login": {"username": "u", "password": null, "totp": "otpauth://totp/x?secret=MFRGGZDFMZTWQ2LK&algorithm=SHA512&digits=7"}}
]}"#;
const CHROME: &str = "name,url,username,password,note\n\
    mail.example,https://mail.example/,me,\"p,1\",\n\
    two.example,https://two.example/a,you,\"line\"\"quote\",a remark\n\
    ,https://three.example/,,p3,\n";
const KEEPASSXC: &str = "\"Group\",\"Title\",\"Username\",\"Password\",\"URL\",\"Notes\",\"TOTP\",\"Icon\",\"Last Modified\",\"Created\"\n\
    \"Passwords/Mail\",\"mail\",\"me\",\"p1\",\"https://mail.example\",\"some\nlines\",\"otpauth://totp/mail:me?secret=GEZDGNBVGY3TQOJQ&period=30&digits=6&issuer=mail\",\"0\",\"2024-01-02T03:04:05Z\",\"2023-01-02T03:04:05Z\"\n\
    \"Passwords\",\"plain\",\"\",\"p2\",\"\",\"\",\"\",\"0\",\"2024-01-02T03:04:05Z\",\"2023-01-02T03:04:05Z\"\n";

/// The samples: real exports where the environment names them, else small ones.
fn samples(home: &Home) -> Vec<PathBuf> {
    if let Some(folder) = std::env::var_os("KEYFOLD_FIXTURES").map(PathBuf::from) {
        let mut found = Vec::new();
        for program in ["bitwarden", "chrome-edge", "keepassxc-csv"] {
            for file in std::fs::read_dir(folder.join(program)).unwrap() {
                let path = file.unwrap().path();
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                if !name.contains("encrypted") || name.contains("unencrypted") {
                    found.push(path);
                }
            }
        }
        found.sort();
        assert!(found.len() >= 5, "{found:?}");
        return found;
    }
    eprintln!("KEYFOLD_FIXTURES is not set: small samples stand in");
    let small = [
        ("bitwarden.json", BITWARDEN),
        ("chrome.csv", CHROME),
        ("keepassxc.csv", KEEPASSXC),
    ];
    small
        .into_iter()
        .map(|(name, text)| {
            let path = home.path(name);
            std::fs::write(&path, text).unwrap();
            path
        })
        .collect()
}

/// What a source holds, counted without keyfold: by row, how many facts there are and every text that must come through.
struct Counted {
    facts: BTreeMap<u64, usize>,
    texts: Vec<String>,
}

fn count(path: &Path) -> Counted {
    let text = std::fs::read_to_string(path).unwrap();
    if path.extension().is_some_and(|name| name == "json") {
        count_bitwarden(&serde_json::from_str(&text).unwrap())
    } else {
        count_cells(&text)
    }
}

/// A non-empty cell is a fact, whatever the columns mean; the exceptions are what exporters write to say nothing.
fn count_cells(text: &str) -> Counted {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes());
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let (headers, rows) = rows.split_first().unwrap();
    let is_bitwarden = headers.iter().any(|header| header == "login_uri");
    let mut counted = Counted {
        facts: BTreeMap::new(),
        texts: Vec::new(),
    };
    for (row, number) in rows.iter().zip(1..) {
        // An item without a title gets one, which the ledger shows too.
        let has_title = headers.iter().zip(row).any(|(header, cell)| {
            ["name", "Title", "Account"].contains(&header) && !cell.is_empty()
        });
        let mut facts = usize::from(!has_title);
        for (header, cell) in headers.iter().zip(row) {
            // The kind of an item is no field; a group is shown as a path, its root left out.
            let says_nothing =
                cell.is_empty() || header == "Icon" && cell == "0" || header == "type";
            if says_nothing {
                continue;
            }
            let is_root =
                header == "Group" && (cell == "Passwords" || cell == "Root" || cell == "/");
            if is_root {
                continue;
            }
            let lines = cell.lines().filter(|line| !line.is_empty()).count();
            facts += if is_bitwarden && header == "fields" {
                lines
            } else {
                1
            };
            let is_moved = ["Group", "folder", "fields", "TOTP", "login_totp"].contains(&header);
            if !is_moved {
                counted.texts.push(cell.to_owned());
            }
        }
        counted.facts.insert(number, facts);
    }
    counted
}

/// Facts of a Bitwarden item: leaves that say something, where parts of one name, address or expiry are one fact.
fn count_bitwarden(root: &Value) -> Counted {
    let mut counted = Counted {
        facts: BTreeMap::new(),
        texts: Vec::new(),
    };
    for (item, number) in root["items"].as_array().unwrap().iter().zip(1..) {
        let mut groups = std::collections::BTreeSet::new();
        let mut leaves = Vec::new();
        collect(item, "", &mut leaves);
        for (path, leaf) in &leaves {
            let text = match leaf {
                Value::Null => continue,
                Value::Bool(false) => continue,
                Value::String(text) if text.is_empty() => continue,
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            let words: Vec<&str> = path.split('.').collect();
            let group = match words.as_slice() {
                ["id" | "type"] | ["secureNote", "type"] => continue,
                ["reprompt"] if text == "0" => continue,
                ["collectionIds", _] => continue,
                ["fields", at, _] => format!("fields.{at}"),
                ["card", "expMonth" | "expYear"] => "card.expires".to_owned(),
                ["identity", "firstName" | "middleName" | "lastName"] => "identity.name".to_owned(),
                ["identity", part]
                    if part.starts_with("address")
                        || ["city", "state", "postalCode", "country"].contains(part) =>
                {
                    "identity.address".to_owned()
                }
                _ => path.clone(),
            };
            groups.insert(group);
            let is_moved = matches!(
                words.as_slice(),
                ["folderId" | "favorite" | "reprompt"]
                    | ["fields", _, "type"]
                    | ["login", "totp"]
                    | ["card", "expMonth"]
            );
            if !is_moved {
                counted.texts.push(text.trim().to_owned());
            }
        }
        counted.facts.insert(number, groups.len());
    }
    counted
}

fn collect<'a>(value: &'a Value, path: &str, leaves: &mut Vec<(String, &'a Value)>) {
    let mut below = |name: &str, value| {
        let path = if path.is_empty() {
            name.to_owned()
        } else {
            format!("{path}.{name}")
        };
        collect(value, &path, leaves);
    };
    match value {
        Value::Object(members) => members.iter().for_each(|(name, value)| below(name, value)),
        Value::Array(list) => {
            for (value, at) in list.iter().zip(0..) {
                below(&usize::to_string(&at), value);
            }
        }
        leaf => leaves.push((path.to_owned(), leaf)),
    }
}

/// The sum of the outcomes is what was read.
fn assert_balanced(counts: &Value) {
    let number = |name: &str| counts[name].as_u64().unwrap();
    let sum: u64 = ["created", "updated", "identical", "skipped"]
        .map(number)
        .iter()
        .sum();
    assert_eq!(number("read"), sum, "{counts}");
}

/// Every text of an export: titles, folders, values, names, addresses, tags.
fn texts_of(export: &Value) -> Vec<String> {
    let mut leaves = Vec::new();
    collect(export, "", &mut leaves);
    leaves
        .into_iter()
        .filter_map(|(_, leaf)| leaf.as_str().map(str::to_owned))
        .collect()
}

#[test]
fn an_import_accounts_for_every_field_and_the_second_one_changes_nothing() {
    let home = Home::with_vault();
    for path in samples(&home) {
        let file = path.to_str().unwrap();
        // Each its own folder: the samples of one family hold the same items.
        let name = path
            .file_name()
            .unwrap()
            .to_string_lossy()
            .replace('.', "-");
        let into = ["--into", &name];
        let counted = count(&path);
        let ledger = home.json(&[&["import", file][..], &into].concat());
        assert_balanced(&ledger);
        assert_balanced(&ledger["fields"]);
        assert_eq!(ledger["read"].as_u64().unwrap(), counted.facts.len() as u64);
        let mut entries: BTreeMap<u64, usize> = BTreeMap::new();
        for entry in ledger["entries"].as_array().unwrap() {
            // --into gives each item a folder, which the source does not know.
            *entries.entry(entry["row"].as_u64().unwrap()).or_default() += 1;
        }
        let folders = without_folder(&path);
        let facts: BTreeMap<u64, usize> = counted
            .facts
            .iter()
            .map(|(row, facts)| (*row, facts + usize::from(folders.contains(row))))
            .collect();
        assert_eq!(entries, facts, "{file}");
        let total: usize = facts.values().sum();
        assert_eq!(ledger["fields"]["read"].as_u64().unwrap(), total as u64);

        let export: Value = serde_json::from_str(&home.ok(&["export", "--folder", &name])).unwrap();
        let kept = texts_of(&export);
        for text in &counted.texts {
            assert!(
                kept.iter().any(|known| known.contains(text.as_str())),
                "{file}: {text:?} is lost"
            );
        }

        let before = home.ok(&["export"]);
        let again = home.json(&[&["import", file][..], &into].concat());
        assert_eq!(again["identical"], ledger["created"], "{file}: {again}");
        assert_eq!(again["created"], 0);
        assert_eq!(again["updated"], 0);
        assert_eq!(home.ok(&["export"]), before);
    }
    assert_eq!(home.json(&["check"])["ok"], true);
}

/// Rows whose item lies in no folder by its source.
fn without_folder(path: &Path) -> Vec<u64> {
    let text = std::fs::read_to_string(path).unwrap();
    if path.extension().is_some_and(|name| name == "json") {
        let root: Value = serde_json::from_str(&text).unwrap();
        let items = root["items"].as_array().unwrap().iter().zip(1..);
        return items
            .filter(|(item, _)| item["folderId"].is_null())
            .map(|(_, row)| row)
            .collect();
    }
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .from_reader(text.as_bytes());
    let headers = reader.headers().unwrap().clone();
    let column = headers
        .iter()
        .position(|header| header == "Group" || header == "folder");
    let rows = reader.records().map(Result::unwrap).zip(1..);
    rows.filter(|(row, _)| {
        let cell = column.and_then(|column| row.get(column)).unwrap_or("");
        ["", "Passwords", "Root", "/"].contains(&cell)
    })
    .map(|(_, row)| row)
    .collect()
}

#[test]
fn a_login_is_added_read_edited_trashed_restored_and_undone() {
    let home = Home::with_vault();
    home.ok(&["add", "work/mail", "-u", "me", "--generate=24"]);
    let first = home.ok(&["get", "work/mail"]);
    assert_eq!(first.chars().count(), 24);
    home.ok(&["edit", "mail", "--generate=30", "-u", "you"]);
    let second = home.ok(&["get", "mail"]);
    assert_eq!(second.chars().count(), 30);
    assert_eq!(home.ok(&["get", "mail", "username"]), "you");
    let history = home.json(&["history", "mail", "--reveal"]);
    let former: Vec<&str> = history["history"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["value"].as_str().unwrap())
        .collect();
    assert!(former.contains(&first.as_str()) && former.contains(&"me"));

    home.ok(&["rm", "mail"]);
    let gone = home.keyfold(&["get", "mail"]).output().unwrap();
    assert_eq!(gone.status.code(), Some(3), "{}", told(&gone));
    assert_eq!(home.ok(&["ls", "--trash"]), "work/mail\n");
    home.ok(&["restore", "mail"]);
    assert_eq!(home.ok(&["get", "mail"]), second);

    home.ok(&["undo", "--count", "3"]);
    assert_eq!(home.ok(&["get", "mail"]), first);
    assert_eq!(home.ok(&["get", "mail", "username"]), "me");
    assert_eq!(home.json(&["check"])["ok"], true);
}

#[test]
fn after_passwd_the_old_password_opens_nothing() {
    let home = Home::with_vault();
    home.ok(&["add", "mail", "-g"]);
    let before = home.ok(&["export"]);
    let new = home.path("new");
    let new = ["passwd", "--new-password-file", new.to_str().unwrap()];
    home.ok(&[&new[..], &FLOOR].concat());
    let refused = home.keyfold(&["ls"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(5), "{}", told(&refused));
    // Nor does it where this device's state, which knows what was retired, is missing.
    let refused = home.export_of_fresh_device("old");
    assert_eq!(refused.status.code(), Some(5), "{}", told(&refused));
    assert_eq!(home.ok_with("new", &["export"]), before);
}

#[test]
fn an_export_imported_into_a_second_vault_gives_the_same_export() {
    let home = Home::with_vault();
    for path in samples(&home) {
        home.ok(&["-q", "import", path.to_str().unwrap()]);
    }
    home.ok(&["add", "mine", "-g"]);
    home.ok(&["edit", "mine", "-g", "--tag", "a"]);
    home.ok(&["rm", "mine"]);
    let text = home.ok(&["export"]);
    let second = Home::with_vault();
    std::fs::write(second.path("export.json"), &text).unwrap();
    let ledger = second.json(&["import", second.path("export.json").to_str().unwrap()]);
    assert_balanced(&ledger);
    assert_balanced(&ledger["fields"]);
    let (one, two): (Value, Value) = (
        serde_json::from_str(&text).unwrap(),
        serde_json::from_str(&second.ok(&["export"])).unwrap(),
    );
    assert_eq!(one, two);
    assert_eq!(second.json(&["check"])["ok"], true);
}

/// What the next two tests read out of an otpauth URI, without keyfold.
struct Seed {
    secret: String,
    algorithm: String,
    digits: String,
    period: String,
}

fn seed(uri: &str) -> Option<Seed> {
    let query = uri.strip_prefix("otpauth://totp/")?.split_once('?')?.1;
    let all: BTreeMap<&str, &str> = query
        .split('&')
        .filter_map(|part| part.split_once('='))
        .collect();
    let value = |name: &str, default: &str| (*all.get(name).unwrap_or(&default)).to_owned();
    Some(Seed {
        secret: value("secret", ""),
        algorithm: value("algorithm", "SHA1").to_lowercase(),
        digits: value("digits", "6"),
        period: value("period", "30"),
    })
}

fn seconds() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    since.as_secs()
}

#[test]
#[ignore = "needs oathtool"]
fn codes_of_imported_items_are_those_of_oathtool_at_the_same_second() {
    needs("oathtool");
    let home = Home::with_vault();
    for path in samples(&home) {
        home.ok(&["-q", "import", path.to_str().unwrap()]);
    }
    let export: Value = serde_json::from_str(&home.ok(&["export"])).unwrap();
    let mut compared = 0;
    for item in export["items"].as_array().unwrap() {
        // The seed as keyfold keeps it is read from `otp uri`; what it means is oathtool's to say.
        let id = format!("id:{}", item["id"].as_str().unwrap());
        if value(item, "otp").is_empty() {
            continue;
        }
        let uri = home.ok(&["otp", "uri", &id]);
        let Some(seed) = seed(uri.trim()) else {
            eprintln!("left out: {}", item["path"]);
            continue;
        };
        if uri.contains("steam") || seed.digits.parse::<u32>().unwrap() > 8 {
            eprintln!("left out: {}", item["path"]);
            continue;
        }
        let ours = loop {
            let before = seconds();
            let shown = json(&mut home.keyfold(&["--json", "otp", &id]));
            let period: u64 = seed.period.parse().unwrap();
            if before / period == seconds() / period {
                break (before, shown["code"].as_str().unwrap().to_owned());
            }
        };
        let theirs = ok(Command::new("oathtool")
            .arg(format!("--totp={}", seed.algorithm))
            .args(["--base32", "--digits", &seed.digits])
            .arg(format!("--time-step-size={}s", seed.period))
            .arg(format!("--now=@{}", ours.0))
            .arg(&seed.secret));
        assert_eq!(ours.1, theirs.trim(), "{}", item["path"]);
        compared += 1;
    }
    eprintln!("{compared} codes compared");
    assert!(compared >= 3);
}
