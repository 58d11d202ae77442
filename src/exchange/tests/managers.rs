//! The formats of other password managers: each is told from its content alone, accounts for every value, and is read
//! alike whatever the exporter's version did to line ends, columns and their order.

use super::accounting::{account_for_cells, account_for_rows, account_for_values};
use super::outcomes::describe;
use super::written::*;
use super::*;
use crate::model::draft::FieldName;

/// Formats whose rows are made of pairs, or go on beyond their columns: they have an order.
const ORDERED: [Format; 3] = [Format::EnpassCsv, Format::KeeperCsv, Format::RoboForm];

fn is_json(format: Format) -> bool {
    matches!(
        format,
        Format::EnpassJson | Format::KeeperJson | Format::ProtonPassJson
    )
}

/// The samples that have a first line of names.
fn tables() -> impl Iterator<Item = (Format, &'static str)> {
    let tables = WRITTEN.into_iter();
    tables.filter(|(format, _)| !is_json(*format) && !ORDERED.contains(format))
}

/// A table's rows by another reader than the importers', the first line among them.
fn records(text: &str) -> Vec<csv::StringRecord> {
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .has_headers(false)
        .from_reader(text.as_bytes());
    reader.records().map(Result::unwrap).collect()
}

/// A table with the columns in this order.
fn with_columns(text: &str, columns: &[usize], delimiter: u8) -> String {
    let mut writer = csv::WriterBuilder::new()
        .delimiter(delimiter)
        .from_writer(Vec::new());
    for record in records(text) {
        let cells = columns.iter().map(|at| record.get(*at).unwrap_or_default());
        writer.write_record(cells).unwrap();
    }
    String::from_utf8(writer.into_inner().unwrap()).unwrap()
}

fn width(text: &str) -> usize {
    records(text)[0].len()
}

/// What a file became, whatever the order of its values.
fn sorted(imported: &Imported) -> Vec<String> {
    let mut lines: Vec<String> = describe(imported).lines().map(str::to_owned).collect();
    lines.sort_unstable();
    lines
}

#[test]
fn every_sample_is_its_own_format_and_no_other() {
    for (format, text) in WRITTEN {
        assert_eq!(detect(text.as_bytes(), None), Ok(format));
        // Whoever asks for one of these says what the columns are.
        let any = [format, Format::GenericCsv, Format::KeeperCsv];
        for other in Format::TABLE.map(|row| row.0) {
            let refused = import(text.as_bytes(), Some(other), None).err();
            assert!(
                refused.is_some() || any.contains(&other),
                "{format:?} as {other:?}"
            );
        }
    }
}

#[test]
fn every_value_of_every_sample_comes_out() {
    let mut counted = 0;
    for (format, text) in WRITTEN {
        let imported = read(text);
        counted += if is_json(format) {
            account_for_values(text, &imported)
        } else {
            account_for_rows(&records(text), format != Format::KeeperCsv, &imported)
        };
    }
    assert_eq!(counted, 675);
}

#[test]
fn marks_and_line_ends_of_other_systems_change_nothing() {
    for (format, text) in WRITTEN {
        let plain = describe(&read(text)).replace("\\r\\n", "\\n");
        let unix = text.replace("\r\n", "\n");
        let windows = unix.replace('\n', "\r\n");
        for other in [
            format!("\u{feff}{unix}"),
            format!("\u{feff}{windows}"),
            windows,
        ] {
            assert_eq!(detect(other.as_bytes(), None), Ok(format));
            let other = describe(&read(&other)).replace("\\r\\n", "\\n");
            assert_eq!(other, plain);
        }
    }
}

#[test]
fn columns_in_any_order_and_with_any_delimiter_say_the_same() {
    for (format, text) in tables() {
        let expected = sorted(&read(text));
        let width = width(text);
        for shift in 0..width {
            let turned: Vec<usize> = (0..width).map(|at| (at + shift) % width).collect();
            let back: Vec<usize> = turned.iter().rev().copied().collect();
            for (columns, delimiter) in [(turned, b','), (back, b';')] {
                let other = with_columns(text, &columns, delimiter);
                assert_eq!(detect(other.as_bytes(), None), Ok(format), "{other}");
                assert_eq!(sorted(&read(&other)), expected, "{other}");
            }
        }
    }
}

#[test]
fn a_column_less_is_no_value_less_elsewhere() {
    let mut read = 0;
    for (format, text) in tables() {
        let width = width(text);
        for missing in 0..width {
            let columns: Vec<usize> = (0..width).filter(|at| *at != missing).collect();
            let other = with_columns(text, &columns, b',');
            // Without a column that tells it the format is another, or has to be named.
            let Ok(imported) = import(other.as_bytes(), None, None) else {
                continue;
            };
            read += 1;
            assert_eq!(
                imported.rows_read(),
                records(&other).len() - 1,
                "{format:?}"
            );
            account_for_cells(&other, b',', &imported);
        }
    }
    assert!(read > 100, "{read}");
}

#[test]
fn a_column_that_stands_twice_is_kept_twice() {
    for (format, text) in tables() {
        let columns: Vec<usize> = (0..width(text)).collect();
        for twice in &columns {
            let more = [columns.as_slice(), &[*twice]].concat();
            let other = with_columns(text, &more, b',');
            let imported = import(other.as_bytes(), Some(format), None).unwrap();
            let header = &records(text)[0][*twice];
            let cells = records(text).into_iter().skip(1);
            for (cell, row) in cells.map(|record| record[*twice].to_owned()).zip(1..) {
                let mut drafts = imported.drafts.iter().filter(|item| item.row == row);
                let mut fields = drafts.by_ref().flat_map(|item| &item.draft.fields);
                let again = fields.any(|field| {
                    let name = field.name.as_text();
                    name.to_lowercase().starts_with(&header.to_lowercase())
                        && value_text(&field.value) == cell
                });
                let left_out = !imported.drafts.iter().any(|item| item.row == row);
                assert!(
                    again || cell.is_empty() || left_out,
                    "{format:?} {header}: {cell}"
                );
            }
        }
    }
}

/// Rows that a text has whole, and whether it ends with one.
fn whole_rows(text: &str) -> (usize, bool) {
    let quotes_even = |end: usize| text[..end].matches('"').count().is_multiple_of(2);
    let ends = text.match_indices('\n').map(|found| found.0 + 1);
    let ends: Vec<usize> = ends.filter(|end| quotes_even(*end)).collect();
    (ends.len(), ends.last() == Some(&text.len()))
}

#[test]
fn what_is_cut_off_is_refused_or_is_rows_of_the_whole() {
    for (format, text) in WRITTEN {
        let whole = describe(&read(text));
        let whole: Vec<&str> = whole.lines().collect();
        for cut in (1..text.len()).filter(|cut| text.is_char_boundary(*cut)) {
            let part = &text[..cut];
            let Ok(imported) = import(part.as_bytes(), Some(format), None) else {
                continue;
            };
            assert!(!is_json(format), "{format:?} cut at {cut}");
            let warned = imported.warnings.iter().any(|w| w.contains("cut off"));
            let (rows, at_end) = whole_rows(part);
            // No reader can tell that more rows were to come, nor how long an unquoted last cell was to be.
            let rows = rows + usize::from(!at_end) - usize::from(format != Format::KeeperCsv);
            assert_eq!(imported.rows_read(), rows, "{format:?} cut at {cut}");
            let last = imported.drafts.last().map(|item| item.row);
            let complete = imported.drafts.into_iter();
            let complete = complete.filter(|item| at_end || Some(item.row) != last);
            let complete = Imported {
                drafts: complete.collect(),
                ..Imported::default()
            };
            for line in describe(&complete).lines() {
                assert!(whole.contains(&line), "{format:?} cut at {cut}: {line}");
            }
            if !at_end && rows > 0 && ORDERED.contains(&format) {
                assert!(warned, "{format:?} cut at {cut}");
            }
        }
    }
}

/// A standard field that a draft has twice, of which a vault would keep one.
fn standard_twice(draft: &Draft) -> Option<&str> {
    let fields = draft.fields.iter().map(|field| &field.name);
    let standard: Vec<&FieldName> = fields
        .filter(|name| matches!(name, FieldName::Standard(_)))
        .collect();
    let mut pairs = standard.iter().zip(1..);
    let twice = pairs.find(|(name, next)| standard.iter().skip(*next).any(|other| other == *name));
    twice.map(|(name, _)| name.as_text())
}

/// Labels that name a standard field beside the program's own place for it.
#[test]
fn a_field_of_ones_own_does_not_take_the_place_of_a_standard_one() {
    for (format, text) in [
        (
            Format::EnpassJson,
            r#"{"items":[{"uuid":"1","category":"login","note":"outer","createdAt":1600000000,"fields":[
            {"label":"Notes","type":"text","value":"inner"},{"label":"Created","type":"date","value":"inner"},
            {"label":"password","type":"text","value":"inner"},{"label":"Password","type":"password","value":"outer"}]}]}"#,
        ),
        (
            Format::ProtonPassJson,
            r#"{"vaults":{"v":{"items":[{"createTime":1600000000,"data":{"type":"identity","metadata":{"note":"outer"},
            "content":{"fullName":"outer","streetAddress":"outer"},
            "extraFields":[{"fieldName":"created","type":"text","data":{"content":"inner"}},
            {"fieldName":"name","type":"text","data":{"content":"inner"}},{"fieldName":"notes","type":"text","data":{"content":"inner"}}]}}]}}}"#,
        ),
        (
            Format::KeeperJson,
            r#"{"records":[{"notes":"outer","custom_fields":{"notes":"inner","$name":[{"first":"outer","last":"b"},{"first":"c","last":"d"}],
            "$address":[{"city":"a"},{"city":"b"}]}}]}"#,
        ),
        (
            Format::Buttercup,
            "!group_id,!group_name,title,username,password,note,notes\n0,,t,u,p,outer,inner\n",
        ),
        (
            Format::Zoho,
            "Password Name,Secret Name,Notes,SecretData\nt,other,outer,\"Notes:inner\nPassword:one\nPassword:two\n\"\n",
        ),
    ] {
        let imported = import(text.as_bytes(), Some(format), None).unwrap();
        let draft = &imported.drafts[0].draft;
        assert_eq!(standard_twice(draft), None, "{format:?}");
        let said = describe(&imported);
        for value in ["outer", "inner"] {
            assert!(said.contains(value), "{said}");
        }
    }
}

/// Item 1 of the one vault of an export of Proton Pass, with this beside the items.
fn proton(beside: &str, item: &str) -> Imported {
    read(&format!(
        r#"{{"version":"1.40.0","vaults":{{"v":{{"name":"Personal",{beside}"items":[{{{item}}}]}}}}}}"#
    ))
}

#[test]
fn folders_of_proton_pass_lie_below_the_vault_s() {
    let folders = r#""folders":[{"folderId":"f1","parentFolderId":null,"name":"Work"},
        {"folderId":"f2","parentFolderId":"f1","name":"a/b"}],"#;
    for (id, folder, kept) in [
        ("f2", "Personal/Work/a\\/b", None),
        ("f1", "Personal/Work", None),
        ("gone", "Personal", Some("gone")),
    ] {
        let item = format!(
            r#""folderId":"{id}","shareCount":0,"data":{{"type":"login","metadata":{{"name":"t"}}}}"#
        );
        let imported = proton(folders, &item);
        assert_eq!(imported.warnings, [""; 0]);
        let draft = &imported.drafts[0].draft;
        assert_eq!(draft.folder, folder);
        assert_eq!(field_text(draft, "folder id"), kept);
        assert_eq!(draft.fields.len(), usize::from(kept.is_some()));
    }
}

#[test]
fn addresses_of_proton_pass_are_read_from_both_lists_once() {
    let imported = proton(
        "",
        r#""data":{"type":"login","content":{"urls":["https://a.example","https://c.example"],
        "autofillUrls":[{"url":"https://a.example","mode":0},{"url":"https://b.example","mode":2}]}}"#,
    );
    let draft = &imported.drafts[0].draft;
    let urls = [
        "https://a.example",
        "https://b.example",
        "https://c.example",
    ];
    assert_eq!(draft.urls, urls);
    assert_eq!(field_text(draft, "match of url"), Some("2"));
    assert_eq!(draft.fields.len(), 1);
}

#[test]
fn the_security_of_a_network_in_proton_pass_is_said_in_words() {
    for (number, text) in [("2", Some("WPA2")), ("0", None), ("9", Some("9"))] {
        let item = format!(
            r#""data":{{"type":"wifi","content":{{"ssid":"attic","security":"{number}"}}}}"#
        );
        let imported = proton("", &item);
        assert_eq!(field_text(&imported.drafts[0].draft, "security"), text);
    }
}

/// Names and kinds of the fields that two sections with the same labels become.
fn fields_of(draft: &Draft) -> Vec<(&str, FieldKind, &str)> {
    let fields = draft.fields.iter();
    let fields = fields.map(|field| (field.name.as_text(), field.kind, value_text(&field.value)));
    fields.collect()
}

#[test]
fn labels_that_several_sections_have_bear_their_titles() {
    let proton = proton(
        "",
        r#""data":{"type":"custom","content":{"sections":[
        {"sectionName":"Production","sectionFields":[{"fieldName":"user","type":"text","data":{"content":"u1"}},
            {"fieldName":"password","type":"hidden","data":{"content":"p1"}},{"fieldName":"Motto","type":"text","data":{"content":"m"}}]},
        {"sectionName":"Staging","sectionFields":[{"fieldName":"user","type":"text","data":{"content":"u2"}},
            {"fieldName":"password","type":"hidden","data":{"content":"p2"}}]}]}}"#,
    );
    let enpass = read(
        r#"{"items":[{"uuid":"1","category":"misc","fields":[
        {"label":"Production","type":"section","value":""},{"label":"user","type":"username","value":"u1"},
        {"label":"password","type":"text","value":"p1"},{"label":"Motto","type":"text","value":"m"},
        {"label":"Staging","type":"section","value":""},{"label":"user","type":"username","value":"u2"},
        {"label":"password","type":"password","sensitive":1,"value":"p2"}]}]}"#,
    );
    for imported in [proton, enpass] {
        let fields = fields_of(&imported.drafts[0].draft);
        for field in [
            ("Production: user", FieldKind::Text, "u1"),
            ("Production: password", FieldKind::Secret, "p1"),
            ("Motto", FieldKind::Text, "m"),
            ("Staging: user", FieldKind::Text, "u2"),
            ("Staging: password", FieldKind::Secret, "p2"),
        ] {
            assert!(fields.contains(&field), "{field:?} in {fields:?}");
        }
    }
}

#[test]
fn former_values_of_enpass_are_the_history_of_what_their_field_became() {
    let imported = read(
        r#"{"items":[{"uuid":"1","category":"login","fields":[
        {"label":"Password","type":"password","sensitive":1,"value":"new",
            "history":[{"updated_at":1500000000,"value":"second"},{"updated_at":1400000000,"value":"first"}]},
        {"label":"Colour","type":"text","value":"red","history":[{"updated_at":"once","value":"blue"}]},
        {"label":"Word","type":"text","value":"","history":[{"updated_at":1450000000,"value":"gone"}]}]}]}"#,
    );
    let draft = &imported.drafts[0].draft;
    let former = draft.former.iter();
    let former: Vec<(&str, FieldKind, &str)> = former
        .map(|former| {
            (
                former.name.as_text(),
                former.kind,
                value_text(&former.value),
            )
        })
        .collect();
    assert_eq!(
        former,
        [
            ("Colour", FieldKind::Text, "blue"),
            ("password", FieldKind::Secret, "first"),
            ("Word", FieldKind::Secret, "gone"),
            ("password", FieldKind::Secret, "second"),
        ]
    );
    let set = draft.former[1].set.to_rfc3339();
    assert_eq!(set, "2014-05-13T16:53:20.000Z");
    assert_eq!(field_text(draft, "time of a former value"), Some("once"));
}

/// Whatever two places of one item both name is in the vault twice.
#[test]
fn no_sample_has_a_standard_field_twice() {
    for (format, text) in WRITTEN {
        for item in read(text).drafts {
            assert_eq!(standard_twice(&item.draft), None, "{format:?}");
        }
    }
    let both = read(
        r#"{"items":[{"type":1,"name":"n","login":{"username":"a","password":"p"},"identity":{"username":"b"}}]}"#,
    );
    let draft = &both.drafts[0].draft;
    assert_eq!(standard_twice(draft), None);
    assert_eq!(field_text(draft, "username 2"), Some("b"));
}

/// Changes that a sample may suffer: what a place is replaced by.
fn damage() -> impl Strategy<Value = Vec<(usize, usize, String)>> {
    let piece = prop_oneof![
        "[\",;:{}\\[\\]\\\\\\t\\r\\n $0-9-]{0,4}",
        Just("\u{0}é\u{202e}𝄞".to_owned()),
        Just("{\"a\":[{}]}".to_owned()),
        Just("-9223372036854775808".to_owned()),
    ];
    proptest::collection::vec((any::<usize>(), 0_usize..40, piece), 1..6)
}

proptest! {
    #[test]
    fn no_damage_makes_an_importer_panic(
        which in 0..WRITTEN.len(),
        other in 0..WRITTEN.len(),
        damage in damage(),
    ) {
        let (format, text) = WRITTEN[which];
        let mut characters: Vec<char> = text.chars().collect();
        for (at, length, piece) in damage {
            let start = at % (characters.len() + 1);
            let end = (start + length).min(characters.len());
            characters.splice(start..end, piece.chars());
        }
        let text: String = characters.into_iter().collect();
        for format in [Some(format), Some(WRITTEN[other].0), None] {
            let Ok(imported) = import(text.as_bytes(), format, None) else {
                continue;
            };
            let rows: Vec<usize> = imported.drafts.iter().map(|item| item.row).collect();
            prop_assert!(rows.is_sorted_by(|one, next| one < next));
            for item in &imported.drafts {
                prop_assert!(!item.draft.title.is_empty());
                prop_assert_eq!(standard_twice(&item.draft), None);
            }
        }
    }
}
