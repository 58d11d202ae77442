//! Tables: back to what they were where a program reads them, harmless where a spreadsheet does.

use super::*;
use crate::exchange::delimited::{Quoting, Reader as Rows};

fn table(document: &Document) -> Exported {
    written(&order(document, ExportFormat::Csv))
}

fn for_spreadsheet(document: &Document) -> Exported {
    let order = Order {
        reader: Reader::Spreadsheet,
        ..order(document, ExportFormat::Csv)
    };
    written(&order)
}

/// Every standard field.
fn standard_fields() -> Vec<u8> {
    let numbers = field::STANDARD_FIELDS.iter().map(|row| row.0);
    numbers
        .filter(|number| *number >= field::USERNAME)
        .collect()
}

fn any_item() -> impl Strategy<Value = Shape> {
    let kinds = ItemKind::TABLE.iter().map(|row| row.0);
    let items = kinds
        .filter(|kind| *kind != ItemKind::Note)
        .map(|kind| item_of(kind, &standard_fields()));
    // The remarks of a note without a text would become its text.
    let note = item_of(ItemKind::Note, &[field::TEXT, field::USERNAME]);
    proptest::strategy::Union::new(items.chain([note]))
}

proptest! {
    #[test]
    fn a_table_comes_back_as_it_was(items in proptest::collection::vec(any_item(), 1..4)) {
        let exported = table(&document_of(&drafts_of(&items)));
        prop_assert_eq!(said(&exported), vec![]);
        prop_assert_eq!(detect(&exported.bytes, None), Ok(Format::GenericCsv));
        let imported = import(&exported.bytes, None, None).unwrap();
        prop_assert_eq!(&imported.skipped, &vec![]);
        prop_assert_eq!(imported_shapes(&imported), items);
    }

    #[test]
    fn no_cell_for_a_spreadsheet_begins_like_a_formula(
        item in any_item(),
        value in "[=+@\t\r\n＝＋－＠-]{1,2}[a-z\"']{0,3}",
    ) {
        let mut draft = item.draft();
        draft.title.clone_from(&value);
        draft.folder.clone_from(&value.replace('\n', ""));
        draft.tags = vec![value.clone()];
        draft.urls = vec![value.clone()];
        draft.push_custom(&value, FieldKind::Text, value.clone());
        let exported = for_spreadsheet(&document_of(&[draft]));
        let text = text_of(&exported).strip_prefix('\u{feff}').unwrap();
        for separator in [b',', b';', b'\t'] {
            let mut rows = Rows::new(text, separator, Quoting::Doubled);
            let mut cells = Vec::new();
            // Whatever a spreadsheet takes for the separator, no cell of another than a comma begins anew.
            while matches!(rows.next_row(&mut cells), Ok(true)) {
                for cell in &cells {
                    let harmless = !cell.as_str().starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
                    prop_assert!(harmless, "{:?}", cell.as_str());
                }
            }
        }
        prop_assert!(said(&exported).iter().any(|remark| remark.0 == "title"));
    }
}

#[test]
fn a_table_for_programs_leaves_formulas_as_they_are() {
    let mut draft = titled("=1+1");
    draft.push_standard(field::PASSWORD, "@SUM(1)".to_owned());
    let document = document_of(&[draft]);
    let plain = table(&document);
    assert_eq!(
        text_of(&plain),
        "title,folder,url,username,password,otp,notes\n=1+1,,,,@SUM(1),,\n"
    );
    let guarded = for_spreadsheet(&document);
    assert!(text_of(&guarded).contains("\"'=1+1\",\"\",\"\",\"\",\"'@SUM(1)\""));
    assert_eq!(said(&guarded).len(), 2);
}

#[test]
fn what_a_table_does_not_hold_is_said() {
    let mut draft = Draft {
        title: "x".to_owned(),
        folder: "a\\/b/c".to_owned(),
        tags: vec!["one,two".to_owned()],
        ..Draft::default()
    };
    draft.push_custom("nothing", FieldKind::Text, String::new());
    let mut document = document_of(&[draft]);
    let item = &mut document.items[0];
    item.history = vec![
        former(field::PASSWORD, "p2", 2),
        former(field::PASSWORD, "p1", 1),
        former(field::USERNAME, "u1", 1),
    ];
    item.fields[1].conflicts.push(DocumentConflict {
        value: Secret::new("y".to_owned()),
        changed: CHANGED,
    });
    let exported = table(&document);
    let fields: Vec<(&str, What)> = said(&exported)
        .iter()
        .map(|(field, what, _)| (*field, *what))
        .collect();
    assert_eq!(
        fields,
        [
            ("password", What::LeftOut),
            ("username", What::LeftOut),
            ("title", What::LeftOut),
            ("folder", What::Changed),
            ("tags", What::Changed),
            ("nothing", What::LeftOut),
        ]
    );
}

#[test]
fn a_seed_by_counter_goes_on_where_it_was() {
    let mut draft = titled("x");
    draft.push_standard(
        field::OTP,
        format!("otpauth://hotp/a?secret={SEED}&counter=3"),
    );
    let mut document = document_of(&[draft]);
    let seed = document.items[0].fields.last_mut().unwrap();
    seed.counter = Some(41);
    assert!(text_of(&table(&document)).contains("&counter=41"));
}

#[test]
fn rare_fields_share_a_column_so_that_a_table_stays_one() {
    let drafts: Vec<Draft> = (0..3)
        .map(|item| {
            let mut draft = titled(&format!("item {item}"));
            draft.push_custom("everywhere", FieldKind::Text, "e".to_owned());
            for number in 0..100 {
                let name = format!("former password {item} {number}");
                draft.push_custom(&name, FieldKind::Secret, format!("v{item}.{number}"));
            }
            draft
        })
        .collect();
    let exported = table(&document_of(&drafts));
    let header = text_of(&exported).lines().next().unwrap();
    assert!(header.contains("everywhere (text)") && header.ends_with(",fields (secret)"));
    assert!(header.split(',').count() < 220);
    let text = text_of(&exported);
    for item in 0..3 {
        for number in 0..100 {
            assert!(text.contains(&format!("v{item}.{number}")));
        }
    }
    assert_eq!(exported.remarks.len(), 3 * 100 + 1 - 200);
    assert_eq!(import(&exported.bytes, None, None).unwrap().drafts.len(), 3);
}

#[test]
fn a_zero_character_is_replaced_so_that_the_table_can_be_read_back() {
    let mut draft = titled("a\0b");
    draft.push_standard(field::PASSWORD, "p\0,\"\0\0".to_owned());
    draft.push_custom("door\0code", FieldKind::Text, "1".to_owned());
    draft.tags = vec!["t\0".to_owned()];
    let exported = table(&document_of(&[draft]));
    let fields: Vec<(&str, What)> = said(&exported).iter().map(|row| (row.0, row.1)).collect();
    let changed = ["title", "password", "tags", "door\0code"].map(|name| (name, What::Changed));
    assert_eq!(fields, changed);
    let back = import(&exported.bytes, None, None).unwrap();
    let back = &back.drafts[0].draft;
    assert_eq!(back.title, "a\u{fffd}b");
    assert_eq!(
        field_text(back, "password"),
        Some("p\u{fffd},\"\u{fffd}\u{fffd}")
    );
    assert_eq!(field_text(back, "door\u{fffd}code"), Some("1"));
    assert_eq!(back.tags, ["t\u{fffd}"]);
}

#[test]
fn what_parts_tags_is_named_as_it_is() {
    for (tag, reason) in [
        ("a,b", "a comma in a tag parts tags in this format"),
        ("a;b", "a semicolon in a tag parts tags in this format"),
        (
            "a;b,c",
            "a comma and a semicolon in a tag part tags in this format",
        ),
    ] {
        let mut draft = titled("x");
        draft.tags = vec![tag.to_owned()];
        let exported = table(&document_of(&[draft]));
        assert_eq!(said(&exported), [("tags", What::Changed, reason)]);
    }
}

#[test]
fn white_space_around_a_name_is_told_because_readers_leave_it_out() {
    let mut draft = titled("x");
    draft.push_custom(" door ", FieldKind::Text, "1".to_owned());
    draft.push_custom("in side", FieldKind::Text, "2".to_owned());
    let exported = table(&document_of(&[draft]));
    let [(name, what, _)] = said(&exported)[..] else {
        panic!("{:?}", exported.remarks);
    };
    assert_eq!((name, what), (" door ", What::Changed));
    let back = import(&exported.bytes, None, None).unwrap();
    assert_eq!(field_text(&back.drafts[0].draft, "door"), Some("1"));
}
