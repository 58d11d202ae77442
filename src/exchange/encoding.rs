//! Bytes to text: UTF-8 as it is, UTF-16 where a byte order mark says so, anything else refused.

use super::{ImportError, MAX_FILE_BYTES};
use std::ops::Deref;
use zeroize::Zeroizing;

/// The text of a file without its byte order mark.
pub(super) enum Text<'a> {
    /// The input itself.
    Borrowed(&'a str),
    /// Converted from UTF-16.
    Converted(Zeroizing<String>),
}

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Borrowed(text) => text,
            Self::Converted(text) => text,
        }
    }
}

impl<'a> Text<'a> {
    /// The text of a whole file.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, ImportError> {
        Self::parse_up_to(bytes, MAX_FILE_BYTES)
    }

    /// The same for a file of at most so many bytes.
    pub(super) fn parse_up_to(bytes: &'a [u8], limit: usize) -> Result<Self, ImportError> {
        if bytes.len() > limit {
            return Err(ImportError::TooLarge { bytes: bytes.len() });
        }
        let text = match bytes {
            [0xff, 0xfe, rest @ ..] => Self::Converted(convert_utf16(rest, u16::from_le_bytes)?),
            [0xfe, 0xff, rest @ ..] => Self::Converted(convert_utf16(rest, u16::from_be_bytes)?),
            [0xef, 0xbb, 0xbf, rest @ ..] => Self::Borrowed(check_utf8(rest, 3)?),
            _ => Self::Borrowed(check_utf8(bytes, 0)?),
        };
        if text.trim().is_empty() {
            return Err(ImportError::Empty);
        }
        Ok(text)
    }
}

/// A zero byte is valid UTF-8, but in an export it means UTF-16 without a mark, or no text at all.
fn check_utf8(bytes: &[u8], skipped: usize) -> Result<&str, ImportError> {
    let not_text = |at: usize| ImportError::NotText {
        offset: at + skipped,
    };
    let text = std::str::from_utf8(bytes).map_err(|error| not_text(error.valid_up_to()))?;
    match text.find('\0') {
        Some(at) => Err(not_text(at)),
        None => Ok(text),
    }
}

fn convert_utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<Zeroizing<String>, ImportError> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    // No unit takes more than three bytes in UTF-8, so the buffer never grows and leaves no copy behind.
    let mut text = Zeroizing::new(String::with_capacity(pairs.len() * 3));
    let mut offset = 2;
    for decoded in char::decode_utf16(pairs.iter().map(|pair| unit(*pair))) {
        match decoded {
            Ok('\0') | Err(_) => return Err(ImportError::NotText { offset }),
            Ok(character) => {
                text.push(character);
                offset += character.len_utf16() * 2;
            }
        }
    }
    if rest.is_empty() {
        Ok(text)
    } else {
        Err(ImportError::NotText { offset })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> Result<String, ImportError> {
        Text::parse(bytes).map(|text| text.to_string())
    }

    fn utf16(text: &str, unit: fn(u16) -> [u8; 2]) -> Vec<u8> {
        "\u{feff}"
            .encode_utf16()
            .chain(text.encode_utf16())
            .flat_map(unit)
            .collect()
    }

    #[test]
    fn marks_are_taken_off_and_utf16_is_converted() {
        assert_eq!(text(b"\xef\xbb\xbfa,b"), Ok("a,b".to_owned()));
        for sample in ["a,b", "naïve — 𝄞"] {
            assert_eq!(
                text(&utf16(sample, u16::to_le_bytes)),
                Ok(sample.to_owned())
            );
            assert_eq!(
                text(&utf16(sample, u16::to_be_bytes)),
                Ok(sample.to_owned())
            );
        }
    }

    #[test]
    fn what_is_not_text_is_refused_with_its_offset() {
        let refused = |offset| Err(ImportError::NotText { offset });
        assert_eq!(text(b"abc\xff"), refused(3));
        assert_eq!(text(b"\xef\xbb\xbfabc\xe9"), refused(6));
        assert_eq!(text(b"t\0i\0"), refused(1));
        assert_eq!(text(b"\xff\xfea\0\x00\xd8b\0"), refused(4));
        assert_eq!(text(b"\xff\xfea\0b"), refused(4));
    }

    #[test]
    fn an_empty_file_is_named_so() {
        for bytes in [&b""[..], b" \r\n", b"\xff\xfe", b"\xef\xbb\xbf"] {
            assert_eq!(text(bytes), Err(ImportError::Empty));
        }
    }
}
