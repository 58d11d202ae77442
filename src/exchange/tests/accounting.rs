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
        .delimiter(delimiter)
        .from_reader(text.as_bytes());
    let headers = reader.headers().unwrap().clone();
    let mut count = 0;
    for (record, row) in reader.records().zip(1..) {
        let texts = outcome(imported, row);
        for (cell, at) in record.unwrap().iter().zip(0..) {
            if cell.trim().is_empty() {
                continue;
            }
            count += 1;
            let header = headers.get(at);
            let named = imported
                .skipped
                .iter()
                .any(|entry| entry.row == row && entry.field.as_deref() == header);
            let whole = texts.iter().any(|text| text == cell.trim() || text == cell);
            // Lists are taken apart: every piece must be there. Zero is how exporters say nothing.
            let mut pieces = cell.split(['/', ',', ';', '\n', '\\', ':']);
            let in_pieces = pieces.all(|piece| {
                let piece = piece.trim();
                piece == "Root" || texts.iter().any(|text| text.contains(piece))
            });
            let unmarked = header.is_some_and(|header| header.starts_with("fav"))
                && ["n", "no", "off", "false"].contains(&cell);
            assert!(
                named || whole || in_pieces || unmarked || cell == "0",
                "row {row}, column {header:?}"
            );
        }
    }
    count
}

/// Walks the JSON with another reader; how many values each item had.
pub(super) fn account_for_json(text: &str, imported: &Imported) -> usize {
    let root: serde_json::Value = serde_json::from_str(text).unwrap();
    let mut count = 0;
    for (item, row) in root["items"].as_array().unwrap().iter().zip(1..) {
        let texts = outcome(imported, row);
        assert!(!texts.is_empty(), "item {row}");
        walk(item, "", &texts, &mut count);
    }
    count
}

fn walk(value: &serde_json::Value, path: &str, texts: &[String], count: &mut usize) {
    use serde_json::Value;
    let text = match value {
        Value::Null | Value::Bool(false) => return,
        Value::Array(values) => {
            return values
                .iter()
                .for_each(|value| walk(value, path, texts, count));
        }
        Value::Object(members) => {
            return members
                .iter()
                .for_each(|(name, value)| walk(value, &format!("{path}.{name}"), texts, count));
        }
        Value::Bool(true) => "true".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
    };
    *count += 1;
    // Numbers that became a kind, a rule's name or a folder's name; the other tests look at those.
    let translated = [
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
    let found = texts.iter().any(|candidate| candidate.contains(&text));
    assert!(
        text.is_empty() || found || translated.contains(&path),
        "{path}"
    );
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
