//! Counts what a source holds, by other means than the importer's, and looks for each value in what came out.

use super::*;

/// Everything a row or item became, as texts to search.
fn outcome(imported: &Imported, row: usize) -> Vec<String> {
    let mut texts: Vec<String> = Vec::new();
    for item in imported.drafts.iter().filter(|item| item.row == row) {
        let draft = &item.draft;
        texts.extend([draft.title.clone(), draft.folder.clone()]);
        texts.extend(draft.origin.clone());
        texts.extend(draft.urls.iter().chain(&draft.tags).cloned());
        for entry in &draft.fields {
            texts.push(entry.name.as_text().to_owned());
            texts.push(value_text(&entry.value).to_owned());
        }
        for former in &draft.former {
            texts.extend([
                value_text(&former.value).to_owned(),
                former.set.to_rfc3339(),
            ]);
        }
        texts.extend(item.files.iter().map(|file| file.name.clone()));
        texts.push(draft.kind.name().to_owned());
        if draft.favourite {
            texts.extend(["1", "yes", "true", "y", "on", "x"].map(str::to_owned));
        }
    }
    texts
}

/// Reads cells with another CSV reader and looks for each; how many non-empty cells there were.
pub(super) fn account_for_cells(text: &str, delimiter: u8, imported: &Imported) -> usize {
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .has_headers(false)
        .delimiter(delimiter)
        .from_reader(text.as_bytes());
    let records: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    account_for_rows(&records, true, imported)
}

/// The same for rows that are read already, the first of which may name the columns.
pub(super) fn account_for_rows(
    records: &[csv::StringRecord],
    named: bool,
    imported: &Imported,
) -> usize {
    let (headers, records) = match records.split_first() {
        Some((first, rest)) if named => (first.clone(), rest),
        _ => (csv::StringRecord::new(), records),
    };
    let mut count = 0;
    for (record, row) in records.iter().zip(1..) {
        let texts = outcome(imported, row);
        let left_out = |field| {
            let mut skipped = imported.skipped.iter();
            skipped.any(|entry| entry.row == row && entry.field.as_deref() == field)
        };
        for (cell, at) in record.iter().zip(0..) {
            if cell.trim().is_empty() {
                continue;
            }
            count += 1;
            let header = headers.get(at);
            let unmarked = header.is_some_and(|header| header.starts_with("fav"))
                && ["n", "no", "off", "false"].contains(&cell);
            assert!(
                left_out(None) || left_out(header) || unmarked || is_told(cell, &texts),
                "row {row}, column {header:?}: {cell:?}"
            );
        }
    }
    count
}

/// What a source says by a name of its own, and what the draft says instead.
const SAID_OTHERWISE: &[(&str, &str)] = &[
    // Kinds.
    ("entry", "login"),
    ("password", "login"),
    ("Web Account", "login"),
    ("Login", "login"),
    ("website", "login"),
    ("payment_card", "card"),
    ("credit_card", "card"),
    ("creditCard", "card"),
    ("Credit Card", "card"),
    ("SSH Key", "ssh-key"),
    ("bank", "bank-account"),
    // Names of kinds themselves.
    ("NoteType", ""),
    ("SecretType", ""),
    ("http://sn", ""),
    // The beginning of an address with nothing after it.
    ("http://", ""),
    // A folder's id.
    ("g1", "Home"),
    ("g2", "Post"),
    // Dates.
    ("March", "-03"),
    ("May", "-05"),
    ("August", "-08"),
    ("6", "-06"),
    ("203103", "2031-03"),
    // RoboForm's way to write what begins with a sign.
    ("'@pw1", "@pw1"),
    ("''bo", "'bo"),
];

/// Names that stand beside a value, which became a standard field or an address, or that are empty.
#[rustfmt::skip]
const NAMES: &[&str] = &[
    // Enpass.
    "Username", "E-mail", "Password", "URL", "One-time password", "Cardholder", "Type", "Number", "CVC", "PIN",
    "Expiry date", "Expiry", "Website", "App", "TOTP",
    // LastPass.
    "Name on Card", "Security Code", "Start Date", "Expiration Date", "Notes", "Format", "Passphrase", "Private Key",
    "Public Key", "Title", "First Name", "Middle Name", "Last Name", "Birthday", "Address 1", "City", "Town",
    "Email Address", "Phone", "Language",
    // Members of JSON inside a cell.
    "label", "type", "value", "text", "hidden", "url", "mode", "cardholderName", "number", "verificationNumber",
    "expirationDate", "pin", "note",
    // Zoho Vault.
    "User Name", "Account Number", "Site",
    // RoboForm.
    "User ID$", "Password$", "TOTP KEY$", "Motto$", "Word$", "txt", "pwd",
    // Keeper.
    "TFC", "Keeper", "$text:Colour:1", "$hidden::1",
];

/// Whether a cell stands in the texts: as it is, as the date that it means, or taken apart.
fn is_told(cell: &str, texts: &[String]) -> bool {
    let holds = |piece: &str| {
        let mut others = SAID_OTHERWISE.iter().filter(|row| row.0 == piece);
        texts.iter().any(|text| text.contains(piece))
            || others.any(|row| texts.iter().any(|text| text.contains(row.1)))
            || NAMES.contains(&piece)
    };
    let whole = texts.iter().any(|text| text == cell.trim() || text == cell);
    // Zero is how exporters say nothing.
    let nothing = ["0", "false"].contains(&cell);
    // Lists are taken apart, and so is JSON: every piece must be there.
    let mut pieces = cell.split(['/', ',', ';', '\n', '\\', ':', '"', '{', '}', '[', ']']);
    let in_pieces = pieces.all(|piece| {
        let piece = piece.trim();
        piece == "Root"
            || holds(piece)
            || moment(piece).is_some_and(|moment| holds(&moment))
            || day(piece).is_some_and(|day| holds(&day))
    });
    whole || nothing || in_pieces || holds(cell)
}

/// Seconds or milliseconds since 1970 as importers write them.
fn moment(number: &str) -> Option<String> {
    Some(crate::model::moment::Moment(milliseconds(number)?).to_rfc3339())
}

/// The same where it was the midnight of a day.
fn day(number: &str) -> Option<String> {
    let moment = crate::model::moment::Moment(milliseconds(number)? + 13 * 3_600_000);
    Some(moment.to_rfc3339().get(..10)?.to_owned())
}

fn milliseconds(number: &str) -> Option<u64> {
    let number: u64 = number.parse().ok()?;
    Some(if number > 100_000_000_000 {
        number
    } else {
        number * 1000
    })
}

/// Numbers of Bitwarden that became a kind, a rule's name or a folder's name; the other tests look at those.
const OF_BITWARDEN: &[&str] = &[
    ".type",
    ".fields.type",
    ".fields.linkedId",
    ".secureNote.type",
    ".login.uris.match",
    ".folderId",
    ".collectionIds",
    ".reprompt",
    ".object",
];

/// What became a kind, a folder's name or a mark, and what says nothing of an item: its picture, its form, its own id
/// inside the export. What each sample becomes shows the former.
const OF_MANAGERS: &[&str] = &[
    // Enpass.
    ".category",
    ".folders",
    ".fields.type",
    ".fields.order",
    ".fields.uid",
    ".fields.updated_at",
    ".fields.value_updated_at",
    ".icon.fav",
    ".icon.image.file",
    ".template_type",
    ".attachments.data",
    ".attachments.kind",
    // Keeper.
    ".$type",
    ".folders.can_edit",
    // Proton Pass.
    ".shareId",
    ".contentFormatVersion",
    ".data.type",
    ".data.metadata.itemUuid",
    ".data.extraFields.type",
    ".data.content.extraWorkDetails.type",
    ".data.content.extraSections.sectionFields.type",
    ".data.content.sections.sectionFields.type",
    ".state",
];

/// Walks Bitwarden's JSON with another reader; how many values all items had.
pub(super) fn account_for_json(text: &str, imported: &Imported) -> usize {
    let root: serde_json::Value = serde_json::from_str(text).unwrap();
    account_for_items(root["items"].as_array().unwrap(), OF_BITWARDEN, imported)
}

/// The same for the JSON of the other password managers.
pub(super) fn account_for_values(text: &str, imported: &Imported) -> usize {
    let root: serde_json::Value = serde_json::from_str(text).unwrap();
    let vaults = root["vaults"].as_object().into_iter().flatten();
    let lists = vaults.map(|vault| &vault.1["items"]);
    let lists = lists.chain([&root["items"], &root["records"]]);
    let mut items: Vec<serde_json::Value> = lists
        .filter_map(serde_json::Value::as_array)
        .flatten()
        .cloned()
        .collect();
    // A field of Enpass's forms without a value is one that nobody filled in.
    for item in &mut items {
        if let Some(fields) = item["fields"].as_array_mut() {
            fields.retain(|field| field["value"] != "");
        }
    }
    account_for_items(&items, OF_MANAGERS, imported)
}

/// The same for items of any shape; what stands at `translated` became something else.
pub(super) fn account_for_items(
    items: &[serde_json::Value],
    translated: &[&str],
    imported: &Imported,
) -> usize {
    let mut count = 0;
    for (item, row) in items.iter().zip(1..) {
        let texts = outcome(imported, row);
        assert!(!texts.is_empty(), "item {row}");
        walk(item, "", &mut |path, text| {
            count += 1;
            let found = texts.iter().any(|candidate| candidate.contains(text));
            assert!(
                found || translated.contains(&path) || is_told(text, &texts),
                "item {row}, {path}"
            );
        });
    }
    count
}

/// Hands every value that says something to `look`, with where it stands.
fn walk(value: &serde_json::Value, path: &str, look: &mut impl FnMut(&str, &str)) {
    use serde_json::Value;
    match value {
        Value::Null | Value::Bool(false) => {}
        Value::Array(values) => values.iter().for_each(|value| walk(value, path, look)),
        Value::Object(members) => members
            .iter()
            .for_each(|(name, value)| walk(value, &format!("{path}.{name}"), look)),
        Value::Bool(true) => look(path, "true"),
        Value::Number(number) => look(path, &number.to_string()),
        Value::String(text) => look(path, text),
    }
}

#[test]
fn every_cell_of_a_wide_and_ragged_table_comes_out() {
    let text = "title,url,username,password,notes,folder,totp,tags,favourite,pin,Colour,created\n\
                t1,https://a.example,u1,\"p,\"\"1\",\"l1\nl2\",F/G,JBSWY3DP,\"x,y\",yes,9,red,2020-01-01\n\
                t2,,,,,,,,maybe,,,,surplus,,more\n\
                ,,,,,,,,,,only-this\n\
                ,,,,\n\
                t3\n";
    let imported = read(text);
    assert_eq!(account_for_cells(text, b',', &imported), 18);
    assert_eq!(imported.rows_read(), 5);
    assert_eq!(imported.skipped.len(), 1);
}

#[test]
fn every_value_of_a_full_json_item_comes_out() {
    let text = r#"{"encrypted":false,"folders":[{"id":"f","name":"F"}],"items":[{"id":"i1","folderId":"f","type":1,
        "reprompt":1,"name":"n1","notes":"r1","favorite":true,"creationDate":"d1","revisionDate":"d2",
        "deletedDate":"d3","archivedDate":"d4","organizationId":"o1","collectionIds":["c1"],
        "passwordHistory":[{"lastUsedDate":"d5","password":"h1"},{"lastUsedDate":"d6","password":""}],
        "fields":[{"name":"a1","value":"a2","type":0,"linkedId":77},{"name":"a3","value":"a4","type":9,"new":"a5"}],
        "login":{"uris":[{"uri":"u1","match":4,"more":"u2"},"u3"],"uri":"u4","username":"u5","password":"u6",
        "totp":"u7","passwordRevisionDate":"d7","fido2Credentials":[{"x":"y1"},"y2"],"other":{"z":["z1",2.5]}},
        "card":{"number":"k1","expMonth":"13","expYear":"k2","code":5,"unknown":"k3"},
        "identity":{"title":"w1","firstName":"w2","address3":"w3","licenseNumber":"w4","unknown":true},
        "sshKey":{"privateKey":"s1","keyFingerprint":"s2","unknown":["s3"]},"secureNote":{"type":3},
        "attachments":[{"fileName":"q1"}],"loginn":"x1"},{"type":12,"name":"n2","weird":"x2"}]}"#;
    let imported = read(text);
    assert_eq!(account_for_json(text, &imported), 57);
}

proptest! {
    #[test]
    fn every_cell_of_any_table_comes_out(
        headers in proptest::collection::vec(
            proptest::sample::select(vec![
                "name", "title", "url", "website", "user", "login", "email", "password", "pwd", "notes", "comments",
                "otp", "tags", "group", "fav", "pin", "note", "type", "host", "Thing", "",
            ]),
            1..12,
        ),
        rows in proptest::collection::vec(proptest::collection::vec("[a-z]{0,3}[0-9\"é]{0,2}", 1..14), 1..6),
    ) {
        let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
        let mut all = vec!["title".to_owned()];
        all.extend(headers.iter().map(|header| (*header).to_owned()));
        writer.write_record(&all).unwrap();
        for row in &rows {
            writer.write_record(row).unwrap();
        }
        let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
        let imported = import(text.as_bytes(), Some(Format::GenericCsv), None).unwrap();
        account_for_cells(&text, b',', &imported);
    }
}
