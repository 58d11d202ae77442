//! Exports that are archives: 1Password's, Dashlane's and Proton Pass's, and archives that are made to deceive, to fill the
//! memory, or to be taken although something of them is missing.

#[path = "../../../tests/fuzz_entries/packed.rs"]
mod packed;

use super::accounting::account_for_items;
use super::outcomes::describe;
use super::samples::sample;
use super::*;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use packed::{Entry, archive, archive_of, checksum, end};
use std::io::Write;

const DATA: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/fuzz/corpus/zips/onepux.json"
));
const PROTON: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/fuzz/corpus/managers/protonpass.json"
));
const ATTRIBUTES: &[u8] =
    br#"{"version":3,"description":"1Password Unencrypted Export","createdAt":1600000000}"#;
/// Names and contents.
type Files = Vec<(&'static str, &'static [u8])>;

const SEALED: u16 = 1;
const STREAMED: u16 = 1 << 3;

/// The entries of 1Password's export: two ways to name files, and two pictures.
fn onepux_entries() -> Files {
    vec![
        ("files/", b""),
        ("files/doc1__scan.pdf", b"%PDF"),
        ("files/doc2__", b"%PDF-1.7"),
        ("files/doc3___film.mp4", b"film"),
        ("files/face.png", b"face"),
        ("files/door.png", b"door"),
        ("export.attributes", ATTRIBUTES),
        ("export.data", DATA.as_bytes()),
    ]
}

fn deflated(name: &str, content: &[u8]) -> Entry {
    let mut writer = DeflateEncoder::new(Vec::new(), Compression::best());
    writer.write_all(content).unwrap();
    Entry {
        data: writer.finish().unwrap(),
        packing: 8,
        ..Entry::stored(name, content)
    }
}

fn dashlane_entries() -> Files {
    macro_rules! table {
        ($name:literal) => {
            include_bytes!(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/fuzz/corpus/managers/dashlane_",
                $name
            ))
        };
    }
    vec![
        ("credentials.csv", table!("credentials.csv")),
        ("ids.csv", table!("ids.csv")),
        ("payments.csv", table!("payments.csv")),
        ("personalInfo.csv", table!("persons.csv")),
        ("securenotes.csv", table!("notes.csv")),
        ("wifi.csv", table!("networks.csv")),
    ]
}

fn proton_entries() -> Files {
    vec![
        ("Proton Pass/data.json", PROTON.as_bytes()),
        ("Proton Pass/files/file-1", b"one"),
    ]
}

/// Every kind of archive that is an export, stored.
fn exports() -> [(Format, Files); 3] {
    [
        (Format::OnePux, onepux_entries()),
        (Format::Dashlane, dashlane_entries()),
        (Format::ProtonPassJson, proton_entries()),
    ]
}

fn open(bytes: &[u8]) -> Result<Imported, ImportError> {
    import(bytes, None, None)
}

fn refused(bytes: &[u8]) -> ImportError {
    open(bytes).err().expect("it is taken")
}

/// An export of one item with this as its details.
fn onepux_of(details: &str, others: &[(&str, &[u8])]) -> Vec<u8> {
    let data = format!(
        r#"{{"accounts":[{{"vaults":[{{"items":[{{"categoryUuid":"001","details":{details}}}]}}]}}]}}"#
    );
    let mut entries = others.to_vec();
    entries.push(("export.data", data.as_bytes()));
    archive_of(&entries)
}

#[test]
fn every_archive_becomes_what_was_reviewed() {
    let found: Vec<String> = exports()
        .iter()
        .map(|(format, entries)| {
            let imported = open(&archive_of(entries)).unwrap();
            format!("== {}\n{}\n", format.name(), describe(&imported))
        })
        .collect();
    let found = found.join("\n");
    let reviewed = include_str!("zips.txt");
    for (line, number) in found.lines().zip(1..) {
        let expected = reviewed.lines().nth(number - 1).unwrap_or_default();
        assert_eq!(line, expected, "line {number} of:\n{found}");
    }
    assert_eq!(found, reviewed);
}

/// What 1Password says of an item by numbers and short names, and what it says of how it treats one; the reviewed outcome
/// shows what became of the former.
const OF_ONEPUX: &[&str] = &[
    ".categoryUuid",
    ".favIndex",
    ".state",
    ".trashed",
    ".details.loginFields.name",
    ".details.loginFields.designation",
    ".details.loginFields.fieldType",
    ".details.documentAttributes.documentId",
    ".details.documentAttributes.decryptedSize",
    ".details.sections.name",
    ".details.sections.title",
    ".details.sections.fields.id",
    ".details.sections.fields.title",
    ".details.sections.fields.indexAtSource",
    ".details.sections.fields.guarded",
    ".details.sections.fields.dontGenerate",
    ".details.sections.fields.clipboardFilter",
    ".details.sections.fields.inputTraits.keyboard",
    ".details.sections.fields.inputTraits.correction",
    ".details.sections.fields.inputTraits.capitalization",
    ".details.sections.fields.placeholder",
    ".details.sections.fields.value.email.provider",
    ".details.sections.fields.value.creditCardType",
    ".details.sections.fields.value.date",
    ".details.sections.fields.value.monthYear",
    ".details.sections.fields.value.file.documentId",
    ".details.sections.fields.value.file.decryptedSize",
    ".details.sections.fields.value.file.fileName",
    ".overview.subtitle",
    ".overview.ps",
    ".overview.pbe",
    ".overview.pgrng",
    ".overview.urls.label",
    ".overview.watchtowerExclusions.weak",
    ".overview.watchtowerExclusions.vulnerable",
    ".overview.watchtowerExclusions.reused",
];

/// Items of an export in one list, as other means see it.
fn items_of(data: &str) -> Vec<serde_json::Value> {
    let root: serde_json::Value = serde_json::from_str(data).unwrap();
    let accounts = root["accounts"].as_array().unwrap().iter();
    let vaults = accounts.flat_map(|account| account["vaults"].as_array().unwrap());
    let items = vaults.flat_map(|vault| vault["items"].as_array().unwrap());
    // At first an item and its file stood side by side.
    let items = items.map(|item| item.get("item").unwrap_or(item).clone());
    items.collect()
}

#[test]
fn every_value_of_an_archive_comes_out() {
    let imported = open(&archive_of(&onepux_entries())).unwrap();
    let items = items_of(DATA);
    assert_eq!(imported.drafts.len(), items.len());
    assert!(account_for_items(&items, OF_ONEPUX, &imported) > 600);
    let dashlane = open(&archive_of(&dashlane_entries())).unwrap();
    let apart = dashlane_entries().into_iter();
    let apart: usize = apart
        .map(|(_, table)| open(table).unwrap().rows_read())
        .sum();
    assert_eq!(dashlane.rows_read(), apart);
}

#[test]
fn files_of_proton_pass_are_found_by_cleaned_names_and_by_ids() {
    let data = br#"{"vaults":{"v":{"items":[{"data":{"metadata":{"name":"t"}},
        "files":["a/b\\c.x7dF.pdf","0123456789abcdef","missing"]}]}}}"#;
    let imported = open(&archive_of(&[
        ("Proton Pass/data.json", data),
        ("Proton Pass/files/a_b_c.x7dF.pdf", b"one"),
        ("Proton Pass/files/0123456789abcdef-scan.png", b"two"),
    ]))
    .unwrap();
    let files = imported.drafts[0].files.iter();
    let files: Vec<(&str, &[u8])> = files
        .map(|file| (file.name.as_str(), content_of(file)))
        .collect();
    let expected: [(&str, &[u8]); 2] = [("a/b\\c.pdf", b"one"), ("scan.png", b"two")];
    assert_eq!(files, expected);
    assert_eq!(imported.warnings, [""; 0]);
    let left = imported.skipped.iter().map(|left| left.field.as_deref());
    assert_eq!(left.collect::<Vec<_>>(), [Some("file missing")]);
}

#[test]
fn sections_of_1password_tell_their_labels_apart_and_references_are_no_addresses() {
    let details = r#"{"sections":[
        {"name":"a1","title":"Production","fields":[{"id":"1","title":"user","placeholder":"who","value":{"string":"u1"}},
            {"id":"2","title":"password","value":{"concealed":"p1"}},{"id":"3","title":"website","value":{"reference":"xyz"}}]},
        {"name":"a2","title":"Staging","fields":[{"id":"4","title":"user","value":{"string":"u2"}},
            {"id":"5","title":"password","value":{"string":"p2"}},
            {"id":"6","title":"E-mail","value":{"email":{"email_address":"bo@mail.example","provider":"inner"}}}]}]}"#;
    let imported = open(&onepux_of(details, &[])).unwrap();
    let draft = &imported.drafts[0].draft;
    assert_eq!(draft.urls, [""; 0]);
    for (name, kind, text) in [
        ("Production: user", FieldKind::Text, "u1"),
        ("Production: password", FieldKind::Secret, "p1"),
        ("Staging: user", FieldKind::Text, "u2"),
        ("Staging: password", FieldKind::Secret, "p2"),
        ("reference website", FieldKind::Text, "xyz"),
        ("email", FieldKind::Email, "bo@mail.example"),
    ] {
        assert_eq!(field_text(draft, name), Some(text), "{name}");
        assert_eq!(field_kind(draft, name), Some(kind), "{name}");
    }
    // Beside these the titles of the sections.
    assert_eq!(draft.fields.len(), 8);
}

#[test]
fn each_archive_is_told_from_what_is_in_it_and_is_no_other() {
    for (format, entries) in exports() {
        let bytes = archive_of(&entries);
        assert_eq!(detect(&bytes, Some("x.csv")), Ok(format));
        for other in Format::TABLE.map(|row| row.0) {
            let read = import(&bytes, Some(other), None);
            assert_eq!(read.is_ok(), other == format, "{format:?} as {other:?}");
        }
        let mapping = Mapping::parse("title=Name").unwrap();
        let refused = import(&bytes, None, Some(&mapping)).err();
        assert_eq!(refused, Some(ImportError::MappingNotForFormat { format }));
    }
    let other = archive_of(&[("letter.txt", b"hello"), ("data.json", b"{}")]);
    assert_eq!(detect(&other, None), Err(ImportError::UnknownFormat));
    assert_eq!(refused(&archive_of(&[])), ImportError::UnknownFormat);
}

#[test]
fn a_single_text_that_somebody_packed_is_read_as_what_it_is() {
    let uri = "otpauth://totp/Site:me?secret=GEZDGNBVGY3TQOJQ\n";
    let raivo = r#"[{"issuer":"Site","account":"me","secret":"GEZDGNBVGY3TQOJQ","kind":"TOTP",
        "algorithm":"SHA1","digits":"6","timer":"30","counter":"0"}]"#;
    for (name, text, format) in [
        ("raivo-otp-export.json", raivo, Format::Raivo),
        ("codes/list", uri, Format::OtpauthUris),
        ("x", "title,password\nmail,p\n", Format::GenericCsv),
    ] {
        let bytes = archive_of(&[("codes/", b""), (name, text.as_bytes())]);
        assert_eq!(detect(&bytes, None), Ok(format));
        for asked in [None, Some(format)] {
            let imported = import(&bytes, asked, None).unwrap();
            assert_eq!(imported.drafts.len(), 1, "{name}");
            assert_eq!(imported.warnings, open(text.as_bytes()).unwrap().warnings);
        }
        let other = Some(Format::Aegis);
        assert!(import(&bytes, other, None).is_err());
        let two = archive_of(&[(name, text.as_bytes()), ("more", b"x")]);
        assert_eq!(detect(&two, None), Err(ImportError::UnknownFormat));
    }
    let sealed = archive_of(&[(
        "2fas",
        br#"{"schemaVersion":4,"servicesEncrypted":"a:b:c"}"#,
    )]);
    assert!(refused(&sealed).to_string().contains("unpack the archive"));
    let inner = archive_of(&[("list", uri.as_bytes())]);
    let nested = archive_of(&[("inner.zip", &inner[..])]);
    assert_eq!(refused(&nested), ImportError::UnknownFormat);
}

#[test]
fn packed_streamed_and_put_into_a_folder_it_is_the_same() {
    for (format, entries) in exports() {
        let plain = describe(&open(&archive_of(&entries)).unwrap());
        let packed: Vec<Entry> = entries
            .iter()
            .map(|file| deflated(file.0, file.1))
            .collect();
        assert_eq!(describe(&open(&archive(&packed)).unwrap()), plain);
        let streamed: Vec<Entry> = entries
            .iter()
            .map(|file| Entry {
                flags: STREAMED,
                ..deflated(file.0, file.1)
            })
            .collect();
        assert_eq!(describe(&open(&archive(&streamed)).unwrap()), plain);
        if format == Format::OnePux {
            let below: Vec<(String, &[u8])> = entries
                .iter()
                .map(|file| (format!("Export/{}", file.0), file.1))
                .collect();
            let below: Vec<(&str, &[u8])> = below.iter().map(|file| (&*file.0, file.1)).collect();
            assert_eq!(describe(&open(&archive_of(&below)).unwrap()), plain);
        }
    }
}

/// The inputs that fuzzing begins with were packed by Python.
#[test]
fn archives_of_another_writer_are_read() {
    macro_rules! kept {
        ($name:literal) => {
            include_bytes!(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/fuzz/corpus/zips/",
                $name
            ))
        };
    }
    for (bytes, format, rows, files) in [
        (&kept!("onepux.1pux")[..], Format::OnePux, 22, 1),
        (&kept!("small_stored.1pux")[..], Format::OnePux, 1, 1),
        (&kept!("dashlane.zip")[..], Format::Dashlane, 8, 0),
        (&kept!("proton.zip")[..], Format::ProtonPassJson, 8, 1),
    ] {
        assert_eq!(detect(bytes, None), Ok(format));
        let imported = open(bytes).unwrap();
        let attached = imported.drafts.iter().map(|item| item.files.len());
        assert_eq!((imported.rows_read(), attached.sum()), (rows, files));
    }
}

#[test]
fn every_cut_of_an_archive_is_refused_and_so_is_what_follows_it() {
    for (format, entries) in exports() {
        let bytes = archive_of(&entries);
        for end in (0..bytes.len()).filter(|end| end % 7 == 0 || bytes.len() - end < 400) {
            for format in [None, Some(format)] {
                let cut = import(&bytes[..end], format, None);
                assert!(cut.is_err(), "{format:?} cut at {end}");
            }
        }
        let longer = [bytes.as_slice(), b"\0"].concat();
        assert_eq!(refused(&longer), ImportError::Zip(ZipProblem::NoEnd));
    }
}

/// An archive that is attached to an item has an end of its own, with which a cut one may end.
#[test]
fn an_archive_inside_another_is_not_taken_for_it() {
    let inner = onepux_of(r#"{"password":"inner"}"#, &[]);
    let data = r#"{"accounts":[]}"#.as_bytes();
    let outer = archive_of(&[("export.data", data), ("files/a__b.zip", &inner)]);
    assert_eq!(open(&outer).unwrap().drafts.len(), 0);
    let ends = outer.windows(4).position(|window| window == b"PK\x05\x06");
    let cut = &outer[..ends.unwrap() + 22];
    assert_eq!(refused(cut), ImportError::Zip(ZipProblem::Damaged));
}

#[test]
fn every_changed_bit_is_refused_or_changes_nothing() {
    let details =
        r#"{"password":"hunter2","documentAttributes":{"documentId":"a","fileName":"b"}}"#;
    let bytes = onepux_of(
        details,
        &[("files/a__b", b"content"), ("files/c.png", b"c")],
    );
    let whole = describe(&open(&bytes).unwrap());
    let mut same = 0;
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << bit;
            if let Ok(imported) = open(&changed) {
                same += 1;
                assert_eq!(describe(&imported), whole, "byte {at}, bit {bit}");
            }
        }
    }
    // Times, versions and the modes of files.
    assert!(same < bytes.len() * 2, "{same}");
}

#[test]
fn what_would_unpack_without_end_is_refused() {
    let limit = usize::try_from(MAX_UNPACKED_BYTES).unwrap();
    let zeros = deflated("files/a__zeros", &vec![0; limit / 2 + 1]);
    let data = |entries: Vec<Entry>| {
        let data = Entry::stored("export.data", br#"{"accounts":[]}"#);
        archive(&entries.into_iter().chain([data]).collect::<Vec<Entry>>())
    };
    let again = Entry {
        name: b"files/b__zeros".to_vec(),
        data: zeros.data.clone(),
        ..Entry::stored("", b"")
    };
    let again = Entry {
        size: zeros.size,
        checksum: zeros.checksum,
        packing: 8,
        ..again
    };
    let too_large = ImportError::Zip(ZipProblem::TooLarge);
    assert_eq!(refused(&data(vec![zeros, again])), too_large);
    // One that says that it is small, and one that says that it is large.
    for size in [10, u32::MAX - 1, limit.try_into().unwrap()] {
        let liar = Entry {
            size,
            ..deflated("files/a__zeros", &vec![0; 1 << 20])
        };
        let told = refused(&data(vec![liar]));
        assert!(matches!(told, ImportError::Zip(_)), "{told}");
    }
}

#[test]
fn one_file_that_is_named_by_many_items_is_refused_in_the_end() {
    let item = r#"{"details":{"documentAttributes":{"documentId":"a","fileName":"b"}}}"#;
    let items = vec![item; 400].join(",");
    let data = format!(r#"{{"accounts":[{{"vaults":[{{"items":[{items}]}}]}}]}}"#);
    let file = vec![7; 1 << 20];
    let bytes = archive_of(&[("files/a__b", &file), ("export.data", data.as_bytes())]);
    let told = refused(&bytes);
    assert!(
        [
            ImportError::TooManyValues,
            ImportError::Zip(ZipProblem::TooLarge)
        ]
        .contains(&told),
        "{told}"
    );
}

#[test]
fn overlapping_repeated_linked_and_sealed_entries_are_refused() {
    let data = || Entry::stored("export.data", br#"{"accounts":[]}"#);
    let with = |entry: Entry| archive(&[data(), entry]);
    let link = Entry {
        attributes: 0o120_777 << 16,
        ..Entry::stored("files/a__b", b"/etc/passwd")
    };
    assert_eq!(refused(&with(link)), ImportError::Zip(ZipProblem::Link));
    let sealed = Entry {
        flags: SEALED,
        ..Entry::stored("files/a__b", b"0123456789ab")
    };
    assert_eq!(
        refused(&with(sealed)),
        ImportError::Zip(ZipProblem::Encrypted)
    );
    let bzip2 = Entry {
        packing: 12,
        ..Entry::stored("files/a__b", b"")
    };
    assert_eq!(refused(&with(bzip2)), ImportError::Zip(ZipProblem::Packing));
    assert_eq!(
        refused(&with(data())),
        ImportError::Zip(ZipProblem::RepeatedName)
    );
    // Names that no text could tell apart.
    let odd = |byte: u8| Entry {
        name: vec![b'x', byte],
        flags: 0,
        ..Entry::stored("", b"")
    };
    assert_eq!(
        refused(&archive(&[data(), odd(0xfe), odd(0xff)])),
        ImportError::Zip(ZipProblem::RepeatedName)
    );
    // The list names the second file at the place of the first.
    let bytes = archive_of(&[("aa", b"one"), ("ab", b"one"), ("export.data", b"{}")]);
    let second = bytes.windows(2).rposition(|window| window == b"ab");
    let place = second.unwrap() - 4;
    let mut overlapping = bytes.clone();
    overlapping[place..place + 4].copy_from_slice(&[0; 4]);
    assert_eq!(refused(&overlapping), ImportError::Zip(ZipProblem::Damaged));
    // Another checksum, and more entries than there are or than anybody packs.
    let wrong = Entry {
        checksum: checksum(b"other"),
        ..Entry::stored("files/a.png", b"this")
    };
    assert_eq!(refused(&with(wrong)), ImportError::Zip(ZipProblem::Damaged));
    for (count, problem) in [
        (0, ZipProblem::Damaged),
        (2, ZipProblem::Damaged),
        (4, ZipProblem::Damaged),
        (u16::MAX, ZipProblem::TooManyEntries),
    ] {
        let list = bytes.windows(4).position(|window| window == b"PK\x01\x02");
        let (start, body) = (list.unwrap(), bytes.len() - 22);
        let other = [&bytes[..body], &end(count, body - start, start)].concat();
        assert_eq!(refused(&other), ImportError::Zip(problem), "{count}");
    }
}

/// Names lead nowhere: they are looked up in the archive and stand in drafts as they are.
#[test]
fn names_are_keys_and_never_paths() {
    let names = [
        "../../../etc/cron.d/x",
        "/etc/passwd",
        "C:\\Windows\\x",
        "a/../../b",
        "\u{1b}]52;c;x\u{7}",
    ];
    for name in names {
        let id = data_encoding::HEXLOWER.encode(name.as_bytes());
        let place = format!("files/{id}__{name}");
        let file = serde_json::json!({"documentId": id, "fileName": name});
        let details = serde_json::json!({"documentAttributes": file}).to_string();
        let bytes = onepux_of(&details, &[(&place, b"content"), (name, b"elsewhere")]);
        let imported = open(&bytes).unwrap();
        let [file] = imported.drafts[0].files.as_slice() else {
            panic!("one file");
        };
        assert_eq!(
            (file.name.as_str(), content_of(file)),
            (name, &b"content"[..])
        );
        let said = format!("{name:?} belongs to no item and is left out");
        assert!(imported.warnings.contains(&said));
    }
    // An id does not lead out of the folder of files either.
    let details = r#"{"documentAttributes":{"documentId":"../export.data","fileName":"x"}}"#;
    let imported = open(&onepux_of(details, &[])).unwrap();
    assert!(imported.drafts[0].files.is_empty());
    assert_eq!(imported.skipped[0].field.as_deref(), Some("file x"));
}

#[test]
fn an_encrypted_export_of_proton_pass_is_told() {
    for entries in [
        vec![("Proton Pass/data.pgp", &b"-----BEGIN PGP MESSAGE-----"[..])],
        vec![
            ("Proton Pass/data.pgp", b""),
            ("Proton Pass/data.json", b"{}"),
        ],
    ] {
        let format = Format::ProtonPassJson;
        let told = refused(&archive_of(&entries));
        assert_eq!(told, ImportError::Encrypted { format });
    }
}

#[test]
fn files_have_the_names_that_people_gave_them() {
    let items = r#"{"itemId":"1","data":{"metadata":{"name":"a"}},"files":["my.scan.x7d2f9.pdf","plain.0123456789abcdef0","gone.x.txt",7]}"#;
    let data = format!(r#"{{"vaults":{{"v":{{"name":"V","items":[{items}]}}}}}}"#);
    let bytes = archive_of(&[
        ("Proton Pass/data.json", data.as_bytes()),
        ("Proton Pass/files/my.scan.x7d2f9.pdf", b"scan"),
        ("Proton Pass/files/plain.0123456789abcdef0", b"plain"),
        ("Proton Pass/files/7", b"seven"),
        ("Proton Pass/files/unknown", b"?"),
    ]);
    let imported = open(&bytes).unwrap();
    let files = imported.drafts[0].files.iter();
    let names: Vec<&str> = files.map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["my.scan.pdf", "plain", "7"]);
    assert_eq!(
        imported.skipped[0].field.as_deref(),
        Some("file gone.x.txt")
    );
    assert!(imported.warnings[0].contains("files/unknown"));
}

#[test]
fn the_files_of_bitwarden_lie_in_folders_named_after_items() {
    let data = br#"{"encrypted":false,"items":[{"id":"i1","type":1,"name":"a"},{"id":"i2","type":1,"name":"b"}]}"#;
    let bytes = archive_of(&[
        ("data.json", data),
        ("attachments/i2/scan.pdf", b"scan"),
        ("attachments/i2/deep/er.txt", b"deep"),
        ("attachments/i3/lost.txt", b"lost"),
    ]);
    assert_eq!(detect(&bytes, None), Ok(Format::BitwardenJson));
    let imported = open(&bytes).unwrap();
    let files: Vec<Vec<(&str, &[u8])>> = imported
        .drafts
        .iter()
        .map(|item| {
            let files = item.files.iter();
            files
                .map(|file| (file.name.as_str(), content_of(file)))
                .collect()
        })
        .collect();
    let of_second: Vec<(&str, &[u8])> = vec![("deep/er.txt", b"deep"), ("scan.pdf", b"scan")];
    assert_eq!(files, [vec![], of_second]);
    assert_eq!(imported.warnings.len(), 1);
    assert!(imported.warnings[0].contains("attachments/i3/lost.txt"));
}

/// A text may be no longer than a megabyte, but for a file.
#[test]
fn the_files_of_enpass_may_be_as_long_as_its_export() {
    let content = vec![7; MAX_VALUE_BYTES + 1];
    let encoded = data_encoding::BASE64.encode(&content);
    let export = |field: &str| {
        format!(
            r#"{{"items":[{{"uuid":"1","title":"t","note":"{field}","attachments":[
            {{"name":"a.bin","kind":"x","order":1,"data":"{encoded}","more":"kept"}},
            {{"name":"b.bin","data":"no base64!"}},{{"name":"c.bin"}},"odd",{{"name":"empty","data":""}},{{"name":"broken.txt","data":"aGVs\r\nbG8="}}]}}]}}"#
        )
    };
    let imported = open(export("note").as_bytes()).unwrap();
    let [item] = imported.drafts.as_slice() else {
        panic!("one item");
    };
    let files = item.files.iter();
    let files: Vec<(&str, &[u8])> = files
        .map(|file| (file.name.as_str(), content_of(file)))
        .collect();
    let expected: [(&str, &[u8]); 3] = [
        ("a.bin", &content),
        ("empty", b""),
        ("broken.txt", b"hello"),
    ];
    assert!(files == expected);
    assert_eq!(field_text(&item.draft, "file b.bin"), Some("no base64!"));
    assert_eq!(field_text(&item.draft, "attachment.more"), Some("kept"));
    assert_eq!(field_text(&item.draft, "attachments"), Some("odd"));
    let missing = imported.skipped.iter().map(|entry| entry.field.as_deref());
    let missing: Vec<Option<&str>> = missing.collect();
    assert_eq!(missing, [Some("file b.bin"), Some("file c.bin")]);
    let long = "x".repeat(MAX_VALUE_BYTES + 1);
    let told = refused(export(&long).as_bytes());
    let problem = RowProblem::ValueTooLong;
    assert!(matches!(told, ImportError::Row { problem: told, .. } if told == problem));
}

#[test]
fn accounts_and_vaults_are_folders_and_odd_ones_are_told() {
    let data = r#"{"accounts":[
        {"attrs":{"accountName":"One"},"vaults":[{"attrs":{"name":"A/B"},"items":[{},7]},8],"more":1},
        {"attrs":{"email":"two@x"},"vaults":[{"items":[{"overview":{"title":"t"}}],"new":true}]},
        "three"],"other":[1]}"#;
    let attributes = br#"{"version":4}"#;
    let bytes = archive_of(&[
        ("export.attributes", attributes),
        ("export.data", data.as_bytes()),
    ]);
    let imported = open(&bytes).unwrap();
    let folders: Vec<&str> = imported
        .drafts
        .iter()
        .map(|item| item.draft.folder.as_str())
        .collect();
    assert_eq!(folders, ["One/A\\/B", "two@x"]);
    assert_eq!(imported.rows_read(), 3);
    assert_eq!(imported.warnings.len(), 6, "{:?}", imported.warnings);
}

#[test]
fn the_sample_of_1password_is_read_whole() {
    let Some(bytes) = sample("1password/kpxc__1PasswordExport.1pux") else {
        return;
    };
    assert_eq!(detect(&bytes, None), Ok(Format::OnePux));
    let imported = open(&bytes).unwrap();
    let mut archive = crate::exchange::zipped::Archive::open(&bytes).unwrap();
    let data = archive.take("export.data").unwrap().unwrap();
    let items = items_of(std::str::from_utf8(&data).unwrap());
    assert_eq!(imported.drafts.len(), items.len());
    account_for_items(&items, OF_ONEPUX, &imported);
    let logo = imported
        .drafts
        .iter()
        .find(|item| item.draft.title == "KeePassXC Logo")
        .unwrap();
    assert_eq!(logo.files[0].name, "keepassxc.png");
    assert!(content_of(&logo.files[0]).starts_with(b"\x89PNG"));
    assert_eq!(content_of(&logo.files[0]).len(), 18_422);
    let login = &imported.drafts[0].draft;
    assert!(login.favourite);
    assert_eq!(login.folder, "Personal");
    assert_eq!(field_text(login, "password"), Some("password"));
    assert_eq!(field_text(login, "otp"), Some("DFDFDEF"));
    assert_eq!(login.tags, ["website"]);
    let person = imported
        .drafts
        .iter()
        .find(|item| item.draft.title == "Identity")
        .unwrap();
    assert_eq!(field_text(&person.draft, "name"), Some("KeePass XC"));
    assert_eq!(field_text(&person.draft, "birth-date"), Some("2016-01-01"));
    assert!(imported.skipped.is_empty());
}

proptest! {
    #[test]
    fn no_archive_makes_an_importer_panic(
        which in 0..3_usize,
        changes in proptest::collection::vec((any::<usize>(), any::<u8>()), 1..8),
        at_end in any::<bool>(),
    ) {
        let (format, entries) = &exports()[which];
        let mut bytes = archive_of(entries);
        let length = bytes.len();
        for (at, byte) in changes {
            // The list at the end is where most is said.
            let at = if at_end { length - 1 - at % 700.min(length) } else { at % length };
            bytes[at] = byte;
        }
        let _ = detect(&bytes, None);
        let _ = import(&bytes, Some(*format), None);
    }

    #[test]
    fn no_data_makes_an_importer_panic(
        changes in proptest::collection::vec((any::<usize>(), 0_usize..40, "[\",:{}\\[\\]0-9a-z]{0,4}"), 1..6),
    ) {
        let mut characters: Vec<char> = DATA.chars().collect();
        for (at, length, piece) in changes {
            let start = at % (characters.len() + 1);
            let end = (start + length).min(characters.len());
            characters.splice(start..end, piece.chars());
        }
        let data: String = characters.into_iter().collect();
        if let Ok(imported) = open(&archive_of(&[("export.data", data.as_bytes())])) {
            for item in &imported.drafts {
                prop_assert!(!item.draft.title.is_empty());
            }
        }
    }
}
