//! The page as PDF, on A4: the fonts every reader has, one content stream, no script and no links.

use super::{Bytes, Page, Shape};
use keyfold::otp::qr::Qr;
use pdf_writer::{Content, Finish, Name, Pdf, Rect, Ref, Str};
use zeroize::Zeroizing;

const WIDTH: f32 = 595.0;
const HEIGHT: f32 = 842.0;
const MARGIN: f32 = 56.0;
/// Side of the code.
const CODE: f32 = 120.0;
/// Characters of a line at text size: 483 points, at some 5 a character.
const LINE: usize = 90;

const TEXT: Name<'static> = Name(b"T");
const BOLD: Name<'static> = Name(b"B");
const FIXED: Name<'static> = Name(b"F");

pub(super) fn write(page: &Page<'_>, code: &Qr) -> Bytes {
    let [catalog, pages, sheet, content] = [1, 2, 3, 4].map(Ref::new);
    let fonts = [
        (TEXT, "Helvetica"),
        (BOLD, "Helvetica-Bold"),
        (FIXED, "Courier-Bold"),
    ];
    let mut pdf = Pdf::new();
    pdf.catalog(catalog).pages(pages);
    pdf.pages(pages).kids([sheet]).count(1);
    let mut one = pdf.page(sheet);
    one.parent(pages)
        .media_box(Rect::new(0.0, 0.0, WIDTH, HEIGHT))
        .contents(content);
    let mut resources = one.resources();
    let mut named = resources.fonts();
    for ((name, _), id) in fonts.iter().zip(5..) {
        named.pair(*name, Ref::new(id));
    }
    named.finish();
    resources.finish();
    one.finish();
    for ((_, font), id) in fonts.iter().zip(5..) {
        pdf.type1_font(Ref::new(id))
            .base_font(Name(font.as_bytes()))
            .encoding_predefined(Name(b"WinAnsiEncoding"));
    }
    let drawn = Zeroizing::new(Sheet::draw(page, code));
    pdf.stream(content, &drawn);
    Zeroizing::new(pdf.finish())
}

/// A sheet that is written from its top.
struct Sheet {
    content: Content,
    y: f32,
}

impl Sheet {
    fn draw(page: &Page<'_>, code: &Qr) -> Vec<u8> {
        let mut sheet = Self {
            content: Content::new(),
            y: HEIGHT - MARGIN - 20.0,
        };
        sheet.text(BOLD, 20.0, MARGIN, page.title);
        sheet.y -= 24.0;
        sheet.paragraph(MARGIN, &page.lead, LINE);
        sheet.y -= 10.0;
        for (name, value) in &page.facts {
            sheet.text(BOLD, 10.0, MARGIN, name);
            sheet.paragraph(MARGIN + 90.0, value, LINE - 20);
        }
        sheet.y -= 8.0;
        sheet.secret(page, code);
        for (number, step) in (1..).zip(&page.steps) {
            sheet.text(TEXT, 10.0, MARGIN, &format!("{number}."));
            sheet.paragraph(MARGIN + 18.0, step, LINE - 4);
            sheet.y -= 3.0;
        }
        sheet.y -= 24.0;
        sheet.text(
            TEXT,
            10.0,
            MARGIN,
            "Where the vault file lies: ______________________________________________",
        );
        sheet.content.finish().into_vec()
    }

    /// One line here; nothing moves.
    fn text(&mut self, font: Name<'_>, size: f32, x: f32, text: &str) {
        let bytes = Zeroizing::new(win_ansi(text));
        self.content
            .begin_text()
            .set_font(font, size)
            .next_line(x, self.y)
            .show(Str(&bytes))
            .end_text();
    }

    /// Lines broken at spaces, or inside a word that is longer than a line.
    fn paragraph(&mut self, x: f32, text: &str, line: usize) {
        for text in broken(text, line) {
            self.text(TEXT, 10.0, x, &text);
            self.y -= 14.0;
        }
    }

    /// A frame with the code at its left and the pieces at its right.
    fn secret(&mut self, page: &Page<'_>, code: &Qr) {
        let frame = CODE + 24.0;
        let bottom = self.y - frame;
        self.content
            .set_line_width(1.5)
            .rect(MARGIN, bottom, WIDTH - 2.0 * MARGIN, frame)
            .stroke();
        self.code(code, MARGIN + 12.0, bottom + 12.0);
        // EXPOSE: the page is made to hold it.
        let pieces = page.shape.pieces(page.secret.expose());
        let (columns, size, step, leading) = match page.shape {
            Shape::Groups => (3, 16.0, 70.0, 30.0),
            Shape::Words => (2, 12.0, 150.0, 16.0),
        };
        let rows = pieces.len().div_ceil(columns);
        let (left, top) = (MARGIN + CODE + 44.0, self.y);
        let over = (frame - leading * as_f32(rows)) / 2.0;
        for (at, piece) in pieces.iter().enumerate() {
            let (row, column) = match page.shape {
                Shape::Groups => (at / columns, at % columns),
                // Down a column: numbered words are read so.
                Shape::Words => (at % rows, at / rows),
            };
            self.y = top - over - leading * (as_f32(row) + 0.7);
            let x = left + step * as_f32(column);
            if page.shape == Shape::Words {
                self.text(TEXT, 9.0, x, &format!("{}", at + 1));
                self.text(FIXED, size, x + 18.0, piece);
            } else {
                self.text(FIXED, size, x, piece);
            }
        }
        self.y = bottom - 24.0;
    }

    fn code(&mut self, code: &Qr, left: f32, bottom: f32) {
        let module = CODE / as_f32(code.side());
        for (row, modules) in code.rows().enumerate() {
            let y = bottom + CODE - module * (as_f32(row) + 1.0);
            let mut column = 0;
            for run in modules.chunk_by(|left, right| left == right) {
                if run.first() == Some(&true) {
                    let x = left + module * as_f32(column);
                    self.content.rect(x, y, module * as_f32(run.len()), module);
                }
                column += run.len();
            }
        }
        self.content.fill_nonzero();
    }
}

fn as_f32(number: usize) -> f32 {
    f32::from(u16::try_from(number).unwrap_or(u16::MAX))
}

/// The text in the encoding of the fonts: what Latin-1 has, and a question mark for the rest.
fn win_ansi(text: &str) -> Vec<u8> {
    let encoded = text.chars().map(|character| match character {
        ' '..='~' | '\u{A0}'..='\u{FF}' => u8::try_from(u32::from(character)).unwrap_or(b'?'),
        '…' => 0x85,
        '‘' => 0x91,
        '’' => 0x92,
        '“' => 0x93,
        '”' => 0x94,
        '–' => 0x96,
        _ => b'?',
    });
    encoded.collect()
}

fn broken(text: &str, line: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let mut word: Vec<char> = word.chars().collect();
        loop {
            let last = lines.last_mut().expect("there is one from the beginning");
            let used = last.chars().count();
            if used + usize::from(used > 0) + word.len() <= line {
                if used > 0 {
                    last.push(' ');
                }
                last.extend(word);
                break;
            }
            if used == 0 {
                last.extend(word.drain(..line));
            }
            lines.push(String::new());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_at_spaces_and_inside_words_that_are_too_long() {
        assert_eq!(broken("a bc def", 4), ["a bc", "def"]);
        assert_eq!(broken("abcdefghij k", 4), ["abcd", "efgh", "ij k"]);
        assert_eq!(broken("", 4), [""]);
        assert_eq!(broken("äöü äöü", 3), ["äöü", "äöü"]);
    }

    #[test]
    fn what_the_fonts_lack_becomes_a_question_mark() {
        assert_eq!(win_ansi("Mär\u{1b}…鍵"), b"M\xE4r?\x85?");
    }
}
