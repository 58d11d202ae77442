//! Google Authenticator's transfers, written here field by field.

use super::*;
use data_encoding::BASE64;

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = u8::try_from(value & 0x7f).unwrap();
        value >>= 7;
        bytes.push(if value == 0 { low } else { low | 0x80 });
        if value == 0 {
            return bytes;
        }
    }
}

fn number(field: u64, value: u64) -> Vec<u8> {
    [varint(field << 3), varint(value)].concat()
}

fn bytes(field: u64, value: &[u8]) -> Vec<u8> {
    let length = u64::try_from(value.len()).unwrap();
    [&varint(field << 3 | 2), &varint(length), value].concat()
}

const KEY: &[u8] = b"12345678901234567890";

/// One code of a transfer: accounts, and which of how many codes it is.
fn code_of(accounts: &[Vec<u8>], size: u64, index: u64) -> String {
    let accounts: Vec<Vec<u8>> = accounts.iter().map(|account| bytes(1, account)).collect();
    let about = [
        number(2, 1),
        number(3, size),
        number(4, index),
        number(5, 123_456),
    ];
    BASE64.encode(&[accounts.concat(), about.concat()].concat())
}

fn uri(data: &str) -> String {
    let escaped = data
        .replace('+', "%2B")
        .replace('/', "%2F")
        .replace('=', "%3D");
    format!("otpauth-migration://offline?data={escaped}")
}

fn totp(name: &str) -> Vec<u8> {
    let settings = [number(4, 1), number(5, 1), number(6, 2)].concat();
    [bytes(1, KEY), bytes(2, name.as_bytes()), settings].concat()
}

#[test]
fn a_transfer_is_what_the_sample_says() {
    let bank = [
        bytes(1, KEY),
        bytes(2, b"ann@x.example"),
        bytes(3, b"Bank"),
        number(4, 1),
        number(5, 2),
        number(6, 2),
    ];
    let shop = [
        bytes(1, KEY),
        bytes(2, b"Shop & Co: bob"),
        bytes(3, b"Shop & Co"),
        number(4, 1),
        number(5, 1),
        number(6, 1),
        number(7, 5),
    ];
    let lines = [
        "# two of three".to_owned(),
        uri(&code_of(&[bank.concat()], 3, 0)),
        format!("QR-Code:{}", uri(&code_of(&[shop.concat()], 3, 2))),
    ];
    assert_eq!(lines.join("\n") + "\n", GOOGLE);
    let imported = read(GOOGLE);
    let warned = imported.transfers.warnings().join("\n");
    assert!(warned.contains("3 QR codes, and only 2"), "{warned}");
    // The third may lie in another file.
    let third = read(&uri(&code_of(&[totp("third")], 3, 1)));
    let mut transfers = imported.transfers.clone();
    transfers.add(&third.transfers);
    assert!(transfers.warnings().is_empty());
}

#[test]
fn a_whole_transfer_is_not_warned_of_and_rows_count_accounts() {
    let both = code_of(&[totp("one"), totp("two")], 2, 0);
    let last = code_of(&[totp("three")], 2, 1);
    let imported = read(&format!("{}\n{}\n{}\n", uri(&both), uri(&last), uri(&last)));
    let rows: Vec<(usize, &str)> = imported
        .drafts
        .iter()
        .map(|item| (item.row, item.draft.title.as_str()))
        .collect();
    // Somebody photographed the last one twice.
    assert_eq!(rows, [(1, "one"), (2, "two"), (3, "three")]);
    assert_eq!(imported.warnings, Vec::<String>::new());
    assert!(imported.transfers.warnings().is_empty());
}

#[test]
fn data_is_read_as_programs_escape_it() {
    // A key that needs both special letters of base64.
    let account = [
        bytes(1, &[0, 0, 0xfb, 0xef, 0xbe, 0xff, 0xff, 0xff]),
        bytes(2, b"x"),
    ]
    .concat();
    let data = code_of(&[account], 1, 0);
    assert!(data.contains('+') && data.contains('/'), "{data}");
    let web = data.replace('+', "-").replace('/', "_").replace('=', "");
    for text in [uri(&data), uri(data.trim_end_matches('=')), uri(&web)] {
        assert_eq!(read(&text).drafts.len(), 1, "{text}");
    }
    let bare = format!("OTPAUTH-MIGRATION://offline?x=1&data={data}");
    assert_eq!(read(&bare).drafts.len(), 1);
}

#[test]
fn accounts_without_codes_and_bad_seeds_are_said() {
    let with = |field| [totp("x"), field].concat();
    let accounts = [
        with(number(4, 4)),
        with(number(5, 9)),
        with(number(6, 1)),
        [with(number(6, 1)), number(7, u64::MAX)].concat(),
        with(bytes(1, b"")),
        with(bytes(9, b"later")),
        with(bytes(8, b"id")),
    ];
    let imported = read(&uri(&code_of(&accounts, 1, 0)));
    assert_eq!(imported.rows_read(), accounts.len());
    let md5 = &imported.drafts[0].draft;
    assert_eq!(field_text(md5, "seed algorithm"), Some("MD5"));
    let skipped: Vec<(usize, bool)> = imported
        .skipped
        .iter()
        .map(|entry| (entry.row, entry.field.is_none()))
        .collect();
    assert_eq!(skipped, [(1, false), (2, false), (4, false), (5, true)]);
    let later = &imported.drafts[4].draft;
    let kept = field_text(later, "migration field 9");
    assert_eq!(kept, Some("6c61746572"));
    assert_eq!(
        field_kind(later, "migration field 9"),
        Some(FieldKind::Secret)
    );
}

#[test]
fn an_account_of_too_many_parts_refuses_the_file() {
    let parts = number(9, 1).repeat(1000);
    let refused = refusal(&uri(&code_of(
        &[totp("a"), [totp("b"), parts].concat()],
        1,
        0,
    )));
    let problem = RowProblem::TooManyFields;
    let (row, line) = (2, None);
    assert_eq!(refused, ImportError::Row { row, line, problem });
}

#[test]
fn a_transfer_that_is_cut_off_is_refused_whole() {
    let whole = BASE64
        .decode(code_of(&[totp("one"), totp("two")], 1, 0).as_bytes())
        .unwrap();
    let good = uri(&code_of(&[totp("good")], 1, 0));
    let accounts = read(&uri(&BASE64.encode(&whole))).drafts.len();
    for cut in 0..whole.len() {
        let text = format!("{good}\n{}", uri(&BASE64.encode(&whole[..cut])));
        // Between two fields a message is whole, and only its accounts tell.
        match import(text.as_bytes(), None, None) {
            Ok(imported) => assert!(imported.drafts.len() <= accounts + 1, "{cut}"),
            Err(error) => assert!(
                matches!(
                    error,
                    ImportError::NotThisFormat { .. } | ImportError::Row { .. }
                ),
                "{cut}: {error}"
            ),
        }
    }
    for text in [
        "otpauth-migration://offline?data=XXXX",
        "otpauth-migration://offline?data=%4",
        "otpauth-migration://offline?data=%zz",
        "otpauth-migration://offline",
    ] {
        let refused = refusal(&format!("{good}\n{text}"));
        assert!(
            matches!(refused, ImportError::NotThisFormat { .. }),
            "{text}"
        );
    }
}
