//! A text as a QR code in a terminal (ISO/IEC 18004), two modules a character.
//!
//! The text is usually a seed, so the picture is a secret too. This file must never print.

use core::fmt;

use qrcodegen::{QrCode, QrCodeEcc};
use zeroize::Zeroizing;

use crate::secret::Secret;

/// Light modules around the code; ISO/IEC 18004 §5.3.8 asks for four.
pub const QUIET_ZONE: usize = 4;
/// Longest text: what the largest QR code holds as bytes with the least error correction.
pub const MAX_QR_BYTES: usize = 2953;

/// Whether a module is printed dark.
const DARK: bool = true;
/// Two rows of modules make one line of characters.
const MODULES_A_LINE: usize = 2;
/// Black on white whatever the terminal's theme: colours 16 and 231 of the 256 are fixed, 0 to 15 are not.
const BLACK_ON_WHITE: &str = "\x1b[38;5;16;48;5;231m";
const RESET: &str = "\x1b[0m";
/// A block character is at most three bytes.
const CHARACTER_BYTES: usize = 3;

/// The text does not fit into a QR code: it is longer than [`MAX_QR_BYTES`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TooLong;

impl fmt::Display for TooLong {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("it is too long for a QR code")
    }
}

impl core::error::Error for TooLong {}

/// How the terminal shows characters, so that the code is dark on light.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Paint {
    /// Light characters on a dark ground, no colours.
    LightOnDark,
    /// Dark characters on a light ground, no colours.
    DarkOnLight,
    /// Colours of its own (ANSI, 256 colours), right on every ground.
    Ansi,
}

/// A QR code with its quiet zone. Wiped when dropped.
pub struct Qr {
    side: usize,
    modules: Zeroizing<Vec<bool>>,
}

impl Qr {
    /// Draws a text, with more error correction where it costs no size.
    ///
    /// # Errors
    /// [`TooLong`] above [`MAX_QR_BYTES`].
    pub fn new(text: &Secret) -> Result<Self, TooLong> {
        if text.len() > MAX_QR_BYTES {
            return Err(TooLong);
        }
        // EXPOSE: the text becomes the picture.
        let code = QrCode::encode_text(text.expose(), QrCodeEcc::Low).map_err(|_| TooLong)?;
        let margin = i32::try_from(QUIET_ZONE).expect("four");
        let range = -margin..code.size() + margin;
        let modules = range
            .clone()
            .flat_map(|y| range.clone().map(move |x| (x, y)))
            .map(|(x, y)| code.get_module(x, y))
            .collect();
        Ok(Self {
            side: range.len(),
            modules: Zeroizing::new(modules),
        })
    }

    /// Modules a side, quiet zone included.
    #[must_use]
    pub fn side(&self) -> usize {
        self.side
    }

    /// The rows of modules from the top, quiet zone included; `true` is dark.
    pub fn rows(&self) -> impl Iterator<Item = &[bool]> {
        self.modules.chunks(self.side)
    }

    /// The code as lines of half blocks, each ended by a newline; [`Self::side`] columns wide, half as many lines.
    #[must_use]
    pub fn render(&self, paint: Paint) -> Secret {
        let line_bytes = self.side * CHARACTER_BYTES + BLACK_ON_WHITE.len() + RESET.len() + 1;
        let mut text = String::with_capacity(line_bytes * self.side.div_ceil(MODULES_A_LINE));
        let mut rows = self.rows();
        while let Some(upper) = rows.next() {
            // The side is odd; below its last row the ground is light, like the quiet zone.
            let lower = rows.next();
            if paint == Paint::Ansi {
                text.push_str(BLACK_ON_WHITE);
            }
            for (column, top) in upper.iter().enumerate() {
                let bottom = lower.and_then(|row| row.get(column)).unwrap_or(&!DARK);
                text.push(half_blocks(*top, *bottom, paint));
            }
            if paint == Paint::Ansi {
                text.push_str(RESET);
            }
            text.push('\n');
        }
        Secret::new(text)
    }
}

/// The character that inks the modules which the paint has to ink.
fn half_blocks(top: bool, bottom: bool, paint: Paint) -> char {
    let inked = match paint {
        Paint::LightOnDark => !DARK,
        Paint::DarkOnLight | Paint::Ansi => DARK,
    };
    match (top == inked, bottom == inked) {
        (true, true) => '█',
        (true, false) => '▀',
        (false, true) => '▄',
        (false, false) => ' ',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn qr(text: &str) -> Qr {
        Qr::new(&Secret::new(text.to_owned())).unwrap()
    }

    #[test]
    fn code_has_its_finder_and_its_quiet_zone() {
        let code = qr("otpauth://totp/a?secret=AA");
        let rows: Vec<&[bool]> = code.rows().collect();
        assert_eq!(rows.len(), code.side());
        assert_eq!((code.side() - 2 * QUIET_ZONE) % 4, 1);
        for (y, row) in rows.iter().enumerate() {
            for (x, dark) in row.iter().enumerate() {
                let inside = |n: usize| (QUIET_ZONE..code.side() - QUIET_ZONE).contains(&n);
                assert!(!dark || (inside(x) && inside(y)));
            }
        }
        let finder = [
            "1111111", "1000001", "1011101", "1011101", "1011101", "1000001", "1111111",
        ];
        for (y, line) in finder.iter().enumerate() {
            for (x, module) in line.chars().enumerate() {
                assert_eq!(rows[y + QUIET_ZONE][x + QUIET_ZONE], module == '1');
            }
        }
    }

    #[test]
    fn every_paint_shows_the_same_modules() {
        let code = qr("steam://ABCDEFGH");
        let expected: Vec<bool> = code.modules.to_vec();
        for (paint, ink_is_dark) in [
            (Paint::LightOnDark, false),
            (Paint::DarkOnLight, true),
            (Paint::Ansi, true),
        ] {
            let text = code.render(paint);
            let mut shown = Vec::new();
            // EXPOSE: a test reads the picture.
            for line in text.expose().lines() {
                let line = line
                    .trim_start_matches(BLACK_ON_WHITE)
                    .trim_end_matches(RESET);
                assert_eq!(line.chars().count(), code.side());
                for half in 0..2 {
                    shown.extend(line.chars().map(|c| {
                        let inked = c == '█' || (c == '▀' && half == 0) || (c == '▄' && half == 1);
                        inked == ink_is_dark
                    }));
                }
            }
            // The line below the last row is ground, not a module.
            shown.truncate(expected.len());
            assert_eq!(shown, expected);
        }
    }

    #[test]
    fn text_beyond_the_largest_code_is_refused() {
        assert!(Qr::new(&Secret::new("x".repeat(MAX_QR_BYTES))).is_ok());
        assert!(Qr::new(&Secret::new("x".repeat(MAX_QR_BYTES + 1))).is_err());
    }
}
