//! Pictures of QR codes: seeds as sites show them, and accounts as Google Authenticator shows them for another phone.

use super::encoding::Text;
use super::{Format, ImportError, Imported, Skipped, google_auth, otpauth_uris};
use crate::otp::picture::read_codes;
use std::collections::HashSet;
use zeroize::Zeroizing;

const FORMAT: Format = Format::QrPicture;
const MIGRATION: &str = "otpauth-migration:";
const SEED: &str = "otpauth:";

/// Reads a PNG or JPEG.
pub(super) fn import(bytes: &[u8]) -> Result<Imported, ImportError> {
    let codes = read_codes(bytes).map_err(|problem| ImportError::NotThisFormat {
        format: FORMAT,
        reason: problem.as_text(),
    })?;
    let mut seeds = Zeroizing::new(String::new());
    let mut migrations = Zeroizing::new(String::new());
    let mut others = 0;
    let mut seen = HashSet::new();
    for code in &codes {
        // EXPOSE: read as an authenticator's export, whose importers take over what is secret in it.
        let text = code.expose().trim();
        // A picture may show one twice.
        if !seen.insert(text) {
            continue;
        }
        let begins = |scheme: &str| {
            let start = text.get(..scheme.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(scheme))
        };
        let list = if text.contains(['\n', '\r']) {
            None
        } else if begins(MIGRATION) {
            Some(&mut migrations)
        } else if begins(SEED) {
            Some(&mut seeds)
        } else {
            None
        };
        match list {
            Some(list) => {
                list.push_str(text);
                list.push('\n');
            }
            None => others += 1,
        }
    }
    if seeds.is_empty() && migrations.is_empty() {
        return Err(ImportError::NotThisFormat {
            format: FORMAT,
            reason: "the QR code in it is no one-time password seed",
        });
    }
    let mut imported = Imported::default();
    if !seeds.is_empty() {
        let text = Text::parse(seeds.as_bytes())?;
        imported = otpauth_uris::import(&text, Format::OtpauthUris)?;
    }
    if !migrations.is_empty() {
        let text = Text::parse(migrations.as_bytes())?;
        imported.append(google_auth::import(&text)?);
    }
    let read = imported.rows_read();
    imported.skipped.extend((1..=others).map(|number| Skipped {
        row: read + number,
        item: None,
        field: None,
        reason: "the QR code is no one-time password seed".to_owned(),
    }));
    Ok(imported)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::{detect, import as import_any};

    #[test]
    fn a_picture_of_another_format_is_told_which_are_read() {
        let bytes = b"GIF89a\x01\0\x01\0\xf0\0\0";
        assert_eq!(detect(bytes, None), Ok(FORMAT));
        for asked in [None, Some(FORMAT)] {
            let refused = import_any(bytes, asked, None).err();
            let said = refused.map(|error| error.to_string()).unwrap_or_default();
            assert!(said.contains("read as PNG or JPEG"), "{said}");
        }
    }
}
