//! What the fuzz targets do with bytes, shared with the plain suite: `fuzz/fuzz_targets` feeds them what libFuzzer makes
//! up, tests/fuzz_corpus.rs what was kept. Beyond not panicking, each says what must hold of whatever is accepted.
#![allow(clippy::unwrap_used, reason = "a fuzz target finds by stopping")]

pub(crate) mod lists;
mod packed;

use keyfold::exchange::{self, Credentials, Format, Source};
use keyfold::log::scan::{FoundFrame, Verdict, scan};
use keyfold::log::{BLOCK_BYTES, preamble};
use keyfold::otp::{Kind, Seed};
use keyfold::secret::Secret;
use keyfold::state::codec;
use keyfold::state::op::Operation;
use keyfold::wire::{
    Answer, FRAME_LIMIT, GREETING_LENGTH, Greeting, LENGTH_BYTES, Question, parse_body,
    parse_length, write_frame,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What a target does with one input.
pub(crate) type Entry = fn(&[u8]);

/// Every target with its name, which is its file's in `fuzz/fuzz_targets` and its folder's in `fuzz/corpus`.
#[allow(dead_code, reason = "a fuzz target uses its own entry alone")]
pub(crate) const TARGETS: [(&str, Entry); 14] = [
    ("preamble_and_scan", preamble_and_scan),
    ("record_codec", record_codec),
    ("otpauth", otpauth),
    ("csv", csv),
    ("bitwarden_json", bitwarden_json),
    ("native_export", native_export),
    ("wire", wire),
    ("authenticators", authenticators),
    ("keepass", keepass),
    ("managers", managers),
    ("age", age),
    ("picture", picture),
    ("zips", zips),
    ("breach_list", lists::breach_list),
];

/// A file in memory.
struct Bytes<'a>(&'a [u8]);

impl keyfold::log::scan::Source for Bytes<'_> {
    type Error = ();

    fn length(&self) -> u64 {
        u64::try_from(self.0.len()).unwrap()
    }

    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), ()> {
        let start = usize::try_from(offset).map_err(drop)?;
        let end = start.checked_add(buffer.len()).ok_or(())?;
        buffer.copy_from_slice(self.0.get(start..end).ok_or(())?);
        Ok(())
    }
}

/// A picture that may hold a QR code.
pub(crate) fn picture(data: &[u8]) {
    let _read = keyfold::otp::picture::read_codes(data);
}

/// A whole vault file of hostile bytes. Whatever the verdicts are, frames and damage lie inside the file, in order.
pub(crate) fn preamble_and_scan(data: &[u8]) {
    if let Ok(vault) = preamble::parse_preamble(data) {
        assert!(data.starts_with(&preamble::write_preamble(vault)));
    }
    let length = u64::try_from(data.len()).unwrap();
    for first in [Verdict::Authentic, Verdict::Malformed, Verdict::Forged] {
        let mut reached = BLOCK_BYTES;
        let mut bodies = 0_u64;
        let mut verdict = |frame: &mut FoundFrame<'_>| {
            let frame_length = u64::try_from(frame.header.frame_length()).unwrap();
            assert_eq!(frame.offset % BLOCK_BYTES, 0);
            assert!(frame.offset >= BLOCK_BYTES && frame.offset + frame_length <= length);
            assert!(frame.offset + BLOCK_BYTES >= reached, "went back");
            reached = frame.offset;
            if frame.body().is_empty() {
                return Verdict::NeedsBody;
            }
            assert_eq!(frame.body().len(), frame.header.body_length());
            bodies += frame_length;
            // The first nonce byte decides where several frames are to be told apart.
            match frame.header.nonce.first() {
                Some(0) => Verdict::UnknownKey,
                _ => first,
            }
        };
        let damage = scan(&Bytes(data), &mut verdict).unwrap();
        assert!(
            bodies <= 6 * length,
            "{bodies} bytes of bodies in a file of {length}"
        );
        let mut end = BLOCK_BYTES;
        for part in damage {
            assert!(part.offset >= end && part.length > 0);
            end = part.offset + part.length;
            assert!(end <= length);
        }
    }
}

/// A record, or the body of an operation. What is accepted has one encoding.
pub(crate) fn record_codec(data: &[u8]) {
    if let Ok(record) = codec::parse_record(data) {
        let operations = |record: codec::DecodedRecord<'_>| -> Vec<Operation> {
            let owned = record.operations.into_iter().map(|operation| Operation {
                tag: operation.tag,
                item: operation.item,
                field: operation.field,
                replaces: operation.replaces,
                body: operation.body.to_vec(),
                sealed: operation.sealed.into_iter().map(<[u8]>::to_vec).collect(),
                chunks: operation
                    .chunks
                    .into_iter()
                    .map(|name| keyfold::state::op::ChunkName::from_slice(name).unwrap())
                    .collect(),
            });
            owned.collect()
        };
        let head = record.head.clone();
        // The list of items may be in another order at first; written by keyfold, it stays.
        let written = codec::write_record(&head, &operations(record));
        let again = codec::parse_record(&written).map_err(drop).unwrap();
        assert!(again.head == head);
        assert!(*codec::write_record(&head, &operations(again)) == *written);
    }
    let one_encoding = |written: Option<Vec<u8>>| {
        if let Some(written) = written {
            assert_eq!(written, data);
        }
    };
    one_encoding(codec::parse_set(data).map(|body| codec::write_set(&body)));
    one_encoding(codec::parse_former(data).map(|body| codec::write_former(&body)));
    one_encoding(codec::parse_url(data).map(|body| codec::write_url(&body)));
    one_encoding(codec::parse_attachment(data).map(|body| codec::write_attachment(&body)));
    one_encoding(codec::parse_slot(data).map(|body| codec::write_slot(&body)));
    one_encoding(codec::parse_text(data).map(codec::write_text));
    one_encoding(codec::parse_bytes(data).map(codec::write_bytes));
    one_encoding(codec::parse_counter(data).map(|(seed, count)| codec::write_counter(seed, count)));
    one_encoding(codec::parse_erase(data).map(|erasure| codec::write_erase(&erasure)));
}

/// A seed as sites and other programs write it. What is accepted gives a code, and is the same seed written and read.
pub(crate) fn otpauth(data: &[u8]) {
    let Some(text) = Secret::from_utf8(data.to_vec()) else {
        return;
    };
    let Ok(seed) = Seed::parse(&text) else {
        return;
    };
    let digits = match seed.kind() {
        Kind::Hotp { counter } => seed.code_for_counter(counter).unwrap().len(),
        Kind::Totp { .. } | Kind::Steam => {
            let code = seed.code_at(u64::MAX).unwrap();
            assert!(code.remaining_secs > 0 && code.remaining_secs <= code.period_secs);
            code.text.len()
        }
    };
    assert!((5..=10).contains(&digits));
    let uri = seed.write_uri();
    let again = Seed::parse(&uri).map_err(|error| error.to_string());
    assert!(again.unwrap().same_as(&seed), "another seed comes back");
    assert!(seed.warnings().len() < 8);
}

/// Text of any length in a draft stays below the limits, and titles are never empty.
fn check_drafts(bytes: &[u8], format: Option<Format>) {
    let Ok(imported) = exchange::import(bytes, format, None) else {
        return;
    };
    assert!(imported.rows_read() <= exchange::MAX_ROWS);
    let mut last = 0;
    for item in &imported.drafts {
        assert!(item.row > last, "rows come in the file's order");
        last = item.row;
        assert!(!item.draft.title.is_empty());
        assert!(item.draft.fields.len() <= 2 * exchange::MAX_FIELDS);
    }
    for entry in &imported.skipped {
        assert!(!entry.reason.is_empty());
    }
}

/// A CSV of any program, told from its content and read as each format.
pub(crate) fn csv(data: &[u8]) {
    let _ = exchange::detect(data, None);
    check_drafts(data, None);
    for name in Format::names() {
        let format = Format::from_name(name);
        if !matches!(format, Some(Format::BitwardenJson | Format::Keyfold)) {
            check_drafts(data, format);
        }
    }
}

/// Bitwarden's unencrypted JSON.
pub(crate) fn bitwarden_json(data: &[u8]) {
    check_drafts(data, Some(Format::BitwardenJson));
}

/// An export of any other password manager, told from its content and read as each format.
pub(crate) fn managers(data: &[u8]) {
    let _ = exchange::detect(data, None);
    check_drafts(data, None);
    for format in [
        Format::Apple,
        Format::Buttercup,
        Format::Dashlane,
        Format::EnpassCsv,
        Format::EnpassJson,
        Format::Firefox,
        Format::KeeperCsv,
        Format::KeeperJson,
        Format::LastPass,
        Format::NordPass,
        Format::OnePasswordCsv,
        Format::ProtonPassCsv,
        Format::ProtonPassJson,
        Format::RoboForm,
        Format::Zoho,
    ] {
        check_drafts(data, Some(format));
    }
}

/// An archive as it comes, and one whose main part is made up: its checksum would keep what is inside from being reached.
pub(crate) fn zips(data: &[u8]) {
    let _ = exchange::detect(data, None);
    check_drafts(data, None);
    for (format, name) in [
        (Format::OnePux, "export.data"),
        (Format::Dashlane, "credentials.csv"),
        (Format::ProtonPassJson, "Proton Pass/data.json"),
    ] {
        check_drafts(data, Some(format));
        let files: [(&str, &[u8]); 3] = [
            (name, data),
            ("files/doc1__scan.pdf", b"%PDF"),
            ("Proton Pass/files/file-1", b"one"),
        ];
        check_drafts(&packed::archive_of(&files), Some(format));
    }
}

/// The XML of KeePass, which lies in its databases too, and whatever begins as a database does.
pub(crate) fn keepass(data: &[u8]) {
    check_drafts(data, Some(Format::KeePassXml));
    // Without a key nothing is derived, and all before that is read.
    check_drafts(data, Some(Format::Kdbx));
}

/// A file of age, opened by the identity that the published vectors are for; a passphrase could cost a second for each input.
pub(crate) fn age(data: &[u8]) {
    let identity = b"AGE-SECRET-KEY-1EGTZVFFV20835NWYV6270LXYVK2VKNX2MMDKWYKLMGR48UAWX40Q2P2LM0";
    for key_file in [&identity[..], data] {
        let credentials = Credentials {
            password: None,
            key_file: Some(key_file),
        };
        let _ = exchange::read(data, Some(Format::Age), None, &credentials);
    }
}

/// An authenticator's export of any program, told from its content and read as each format; one of them also under a
/// password, whose derivation costs the same whatever the file says.
pub(crate) fn authenticators(data: &[u8]) {
    let _ = exchange::detect(data, Some("x.json.aes"));
    check_drafts(data, None);
    for format in [
        Format::Aegis,
        Format::AndOtp,
        Format::Cotp,
        Format::EnteAuth,
        Format::FreeOtp,
        Format::GoogleAuthenticator,
        Format::OtpauthUris,
        Format::ProtonAuthenticator,
        Format::Raivo,
        Format::Stratum,
        Format::TwoFas,
    ] {
        check_drafts(data, Some(format));
    }
    let password = Secret::new("password".to_owned());
    let credentials = Credentials {
        password: Some(&password),
        ..Credentials::default()
    };
    let _ = exchange::read(data, Some(Format::TwoFas), None, &credentials);
}

/// keyfold's own export. What is accepted is written and read as the same.
pub(crate) fn native_export(data: &[u8]) {
    let Ok(Source::Native(document)) =
        exchange::read(data, Some(Format::Keyfold), None, &Credentials::default())
    else {
        return;
    };
    let written = exchange::native::write_document(&document);
    let again = exchange::native::parse_document(&written).unwrap();
    assert!(*exchange::native::write_document(&again) == *written);
}

/// What somebody sends to the agent's socket, and what an agent that is none would answer: a greeting, a length, a body.
pub(crate) fn wire(data: &[u8]) {
    if let Some(greeting) = data.first_chunk::<GREETING_LENGTH>()
        && let Ok(read) = Greeting::parse(greeting)
    {
        assert_eq!(read.write(), *greeting, "a second encoding");
    }
    if let Some(length) = data.first_chunk::<LENGTH_BYTES>()
        && let Ok(length) = parse_length(*length)
    {
        assert!(length <= FRAME_LIMIT);
    }
    body::<Question>(data);
    body::<Answer>(data);
}

/// A body that is accepted is written and read as the same.
fn body<T: Serialize + DeserializeOwned>(data: &[u8]) {
    let Ok(message) = parse_body::<T>(data) else {
        return;
    };
    let written = write_frame(&message).unwrap();
    let again = parse_body::<T>(&written[LENGTH_BYTES..]).unwrap();
    assert!(*write_frame(&again).unwrap() == *written);
}
