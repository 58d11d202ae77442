//! What is written for other programs: read back by this program's own readers, it is what it was, and what a format does
//! not hold is said.

mod age;
mod authenticators;
mod bitwarden;
mod csv;
mod kdbx;

use super::*;
use crate::exchange::export::{
    AttachedFile, ExportFormat, Exported, Order, Reader, Stretching, What, WriteError, write,
};
use crate::exchange::native::{
    Document, DocumentConflict, DocumentField, DocumentFormer, DocumentItem, DocumentUrl,
    write_document,
};
use crate::model::draft::FieldName;
use crate::model::field;
use crate::model::ids::{FieldId, ItemId};
use crate::model::item::join_path;
use crate::model::moment::Moment;
use crate::secret::Secret;
use rand::SeedableRng;
use rand::rngs::StdRng;
use std::collections::BTreeSet;

/// 2026-11-23T15:26:49.250Z.
const CHANGED: Moment = Moment(1_795_447_609_250);
/// RFC 6238, appendix B.
const SEED: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

/// Drafts as a vault would export them.
fn document_of(drafts: &[Draft]) -> Document {
    let items = drafts
        .iter()
        .zip(1_u8..)
        .map(|(draft, number)| DocumentItem {
            id: ItemId([number; 16]),
            path: join_path(&draft.folder, &draft.title),
            trashed: draft.trashed,
            tags: draft.tags.clone(),
            urls: urls_of(draft),
            fields: fields_of(draft),
            history: Vec::new(),
        });
    Document {
        items: items.collect(),
        files: Vec::new(),
        elsewhere: Vec::new(),
    }
}

fn urls_of(draft: &Draft) -> Vec<DocumentUrl> {
    let urls = draft.urls.iter().zip(1_u8..);
    let urls = urls.map(|(url, number)| DocumentUrl {
        id: FieldId::Custom([number; 16]),
        value: url.clone(),
    });
    urls.collect()
}

fn fields_of(draft: &Draft) -> Vec<DocumentField> {
    let favourite = if draft.favourite { "yes" } else { "" };
    let describing = [
        (field::KIND, draft.kind.name()),
        (field::TITLE, draft.title.as_str()),
        (field::FOLDER, draft.folder.as_str()),
        (field::FAVOURITE, favourite),
        (field::ORIGIN, draft.origin.as_deref().unwrap_or_default()),
    ];
    let describing = describing
        .into_iter()
        .filter(|(_, text)| !text.is_empty())
        .map(|(number, text)| {
            let (name, kind) = field::standard_field(number).unwrap();
            field_with(FieldId::Standard(number), name, kind, text)
        });
    let own = draft.fields.iter().zip(101_u8..).map(|(own, number)| {
        let id = match own.name {
            FieldName::Standard(number) => FieldId::Standard(number),
            FieldName::Custom(_) => FieldId::Custom([number; 16]),
        };
        field_with(id, own.name.as_text(), own.kind, value_text(&own.value))
    });
    describing.chain(own).collect()
}

fn field_with(id: FieldId, name: &str, kind: FieldKind, text: &str) -> DocumentField {
    DocumentField {
        id,
        name: name.to_owned(),
        kind,
        secret: kind.is_secret(),
        value: Secret::new(text.to_owned()),
        changed: CHANGED,
        counter: None,
        conflicts: Vec::new(),
    }
}

fn titled(title: &str) -> Draft {
    Draft {
        title: title.to_owned(),
        ..Draft::default()
    }
}

fn former(number: u8, text: &str, at: u64) -> DocumentFormer {
    let (name, kind) = field::standard_field(number).unwrap();
    DocumentFormer {
        id: FieldId::Standard(number),
        name: name.to_owned(),
        kind,
        value: Secret::new(text.to_owned()),
        changed: Moment(at),
        device: "laptop".to_owned(),
    }
}

fn order(document: &Document, format: ExportFormat) -> Order<'_> {
    Order {
        document,
        files: &[],
        left_out: &[],
        format,
        reader: Reader::Program,
        password: None,
        recipients: &[],
        stretching: QUICK,
    }
}

/// What a test has time for.
const QUICK: Stretching = Stretching {
    memory_kib: 64,
    passes: 1,
    lanes: 2,
};

fn written(order: &Order<'_>) -> Exported {
    write(order, &mut StdRng::seed_from_u64(1)).unwrap()
}

fn text_of(exported: &Exported) -> &str {
    std::str::from_utf8(&exported.bytes).unwrap()
}

/// All that a draft says, in an order of its own; it can be printed where a test fails.
#[derive(Clone, PartialEq, Debug, Default)]
struct Shape {
    kind: ItemKind,
    title: String,
    folder: String,
    favourite: bool,
    trashed: bool,
    urls: Vec<String>,
    tags: BTreeSet<String>,
    fields: Vec<(FieldName, FieldKind, String)>,
}

fn shape(draft: &Draft) -> Shape {
    let fields = draft.fields.iter().map(|field| {
        let text = value_text(&field.value).to_owned();
        (field.name.clone(), field.kind, text)
    });
    Shape {
        kind: draft.kind,
        title: draft.title.clone(),
        folder: draft.folder.clone(),
        favourite: draft.favourite,
        trashed: draft.trashed,
        urls: draft.urls.clone(),
        tags: draft.tags.iter().cloned().collect(),
        fields: fields.collect(),
    }
    .sorted()
}

impl Shape {
    fn sorted(mut self) -> Self {
        self.fields.sort();
        self
    }

    fn draft(&self) -> Draft {
        let fields = self.fields.iter().map(|(name, kind, text)| DraftField {
            name: name.clone(),
            kind: *kind,
            value: DraftValue::new(*kind, text.clone()),
        });
        Draft {
            kind: self.kind,
            title: self.title.clone(),
            folder: self.folder.clone(),
            favourite: self.favourite,
            trashed: self.trashed,
            urls: self.urls.clone(),
            tags: self.tags.iter().cloned().collect(),
            fields: fields.collect(),
            ..Draft::default()
        }
    }
}

fn drafts_of(shapes: &[Shape]) -> Vec<Draft> {
    shapes.iter().map(Shape::draft).collect()
}

fn imported_shapes(imported: &Imported) -> Vec<Shape> {
    imported
        .drafts
        .iter()
        .map(|item| shape(&item.draft))
        .collect()
}

/// Fields, reasons and what became of them, of all remarks.
fn said(exported: &Exported) -> Vec<(&str, What, &str)> {
    let remarks = exported.remarks.iter();
    let said = remarks.map(|remark| {
        (
            remark.field.as_deref().unwrap_or("item"),
            remark.what,
            remark.reason.as_str(),
        )
    });
    said.collect()
}

/// A value that has everything in it which a format could stumble over.
fn value() -> impl Strategy<Value = String> {
    "[a-z0-9é𝄞=+@\",;:'<>&\\[\\]{}\\\\/\t #-]{1,12}"
}

fn values_of_several_lines() -> impl Strategy<Value = String> {
    "[a-z\",;<&]{0,3}(\r\n|\n)[a-z =\"\\\\]{1,4}\n?"
}

/// Names that a reader could take for something else.
fn custom_name() -> impl Strategy<Value = String> {
    const KNOWN: &[&str] = &[
        "Website",
        "login",
        "otp secret",
        "door (text)",
        "a,b",
        "=cmd",
        "fields",
        "type",
        "x;y",
        "KP2A_URL",
        "URL",
        "Title",
        "é\"q",
        "[b]",
    ];
    prop_oneof![
        proptest::sample::select(KNOWN).prop_map(str::to_owned),
        "[b-d]{1,2}"
    ]
}

fn custom_field() -> impl Strategy<Value = (FieldName, FieldKind, String)> {
    let kinds: Vec<FieldKind> = FieldKind::TABLE.iter().map(|row| row.0).collect();
    let kind = proptest::sample::select(kinds);
    let parts = (custom_name(), kind, value(), values_of_several_lines());
    parts.prop_map(|(name, kind, one, several)| {
        let text = match kind {
            FieldKind::Multiline => several,
            FieldKind::Otp => SEED.to_owned(),
            _ => one,
        };
        (FieldName::Custom(name), kind, text)
    })
}

fn standard_value(number: u8) -> BoxedStrategy<String> {
    match number {
        field::OTP => Just(format!("otpauth://totp/a:b?secret={SEED}")).boxed(),
        field::EXPIRES => "20[0-9][0-9]-0[1-9]".boxed(),
        field::CREATED => Just("2020-01-02T03:04:05.000Z".to_owned()).boxed(),
        field::FULL_NAME => "[A-Z][a-zé]{1,5} [A-Z][a-z]{1,5}".boxed(),
        _ => prop_oneof![value(), values_of_several_lines()].boxed(),
    }
}

/// An item of a kind, with some of these standard fields.
fn item_of(kind: ItemKind, standard: &[u8]) -> BoxedStrategy<Shape> {
    let rows = standard.iter().map(|number| {
        let (_, kind) = field::standard_field(*number).unwrap();
        let name = FieldName::Standard(*number);
        let row = standard_value(*number).prop_map(move |text| (name.clone(), kind, text));
        proptest::option::of(row)
    });
    let rows: Vec<_> = rows.collect();
    let words = || proptest::collection::btree_set("[a-z=é\"][a-z \"]{0,4}[a-z]", 0..3);
    let urls =
        proptest::collection::btree_set("https://[a-z]{1,4}\\.example/[a-z,=;&]{0,5}x", 0..3);
    let top = (
        "t[a-z=\",é]{0,8}",
        words(),
        any::<[bool; 2]>(),
        urls,
        words(),
    );
    let custom = proptest::collection::vec(custom_field(), 0..4);
    let parts = (top, rows, custom);
    let made = parts.prop_map(move |((title, folder, flags, urls, tags), rows, custom)| {
        let folder: Vec<String> = folder.into_iter().collect();
        Shape {
            kind,
            title,
            folder: folder.join("/"),
            favourite: flags[0],
            trashed: flags[1],
            urls: urls.into_iter().collect(),
            tags,
            fields: rows.into_iter().flatten().chain(custom).collect(),
        }
        .sorted()
    });
    made.boxed()
}

#[test]
fn names_lead_to_export_formats_and_back() {
    for (format, name) in ExportFormat::TABLE {
        assert_eq!(format.name(), name);
        assert_eq!(ExportFormat::from_name(&name.to_uppercase()), Some(format));
    }
    assert_eq!(ExportFormat::from_name("nothing"), None);
}

#[test]
fn keyfolds_own_document_says_only_that_files_are_missing() {
    let mut document = document_of(&[Draft::default()]);
    document.items[0]
        .history
        .push(former(field::PASSWORD, "old", 1));
    document.items[0].fields[0]
        .conflicts
        .push(DocumentConflict {
            value: Secret::new("other".to_owned()),
            changed: CHANGED,
        });
    let file = AttachedFile {
        item: ItemId([1; 16]),
        name: "scan.pdf".to_owned(),
        content: b"%PDF".to_vec().into(),
    };
    let order = Order {
        files: &[file],
        ..order(&document, ExportFormat::Keyfold)
    };
    let exported = written(&order);
    assert_eq!(*exported.bytes, *write_document(&document));
    let [(field, what, _)] = said(&exported)[..] else {
        panic!("{:?}", exported.remarks);
    };
    assert_eq!((field, what), ("file scan.pdf", What::LeftOut));
}
