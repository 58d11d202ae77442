//! Makes text from a vault, an import or a file name fit for a terminal: nothing in it can move the cursor, set the
//! clipboard, reorder the line or hide (attack B14).
//!
//! What is not shown is replaced by its number, `\u{202e}`, never dropped: two names that differ must look different.
//! Only for showing: what a pipe gets from `get` is the value itself.

use std::borrow::Cow;
use std::fmt::Write;

use unicode_normalization::char::is_combining_mark;

/// Most combining marks on one letter; pointed Hebrew and decomposed Vietnamese have three. More of them grow over
/// the lines above and below.
const MARKS_LIMIT: usize = 4;

/// The text on one line, forbidden characters as `\u{…}`. Line ends are forbidden too.
pub(crate) fn escape(text: &str) -> Cow<'_, str> {
    let is_plain = |byte: u8| (b' '..0x7F).contains(&byte);
    if text.bytes().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    escape_onto(&mut out, text);
    Cow::Owned(out)
}

/// The text with its line ends (LF or CR LF, both given as LF), everything else as in [`escape`].
pub(crate) fn escape_multiline(text: &str) -> Cow<'_, str> {
    if !text.contains('\n') {
        return escape(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut lines = text.split('\n').peekable();
    while let Some(line) = lines.next() {
        let line = match lines.peek() {
            Some(_) => line.strip_suffix('\r').unwrap_or(line),
            None => line,
        };
        escape_onto(&mut out, line);
        if lines.peek().is_some() {
            out.push('\n');
        }
    }
    Cow::Owned(out)
}

fn escape_onto(out: &mut String, text: &str) {
    // The character before, if it was shown as it is.
    let mut before = None;
    let mut marks: usize = 0;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let is_mark = is_combining_mark(character);
        marks = if is_mark { marks.saturating_add(1) } else { 0 };
        let is_shown = if is_joiner(character) {
            joins(character, before, characters.peek().copied())
        } else if is_presentation_selector(character) {
            before.is_some_and(takes_presentation)
        } else if is_mark {
            // A mark needs a letter of its own: it would stand on what is printed before the text.
            marks <= MARKS_LIMIT
                && before.is_some_and(|letter| letter != ' ')
                && !is_hidden(character)
        } else {
            !character.is_control() && !is_hidden(character)
        };
        if is_shown {
            out.push(character);
            before = Some(character);
        } else {
            write!(out, "\\u{{{:x}}}", u32::from(character)).expect("a String takes every text");
            before = None;
        }
    }
}

/// Format characters without a shape of their own: direction, joining, filling, annotation, tags (Unicode 17,
/// Default_Ignorable_Code_Point and most of category Cf), line and paragraph separators, blanks that are not spaces,
/// and noncharacters. The joiners and the two presentation selectors are decided elsewhere.
fn is_hidden(character: char) -> bool {
    let code = u32::from(character);
    matches!(
        code,
        0x00AD                  // soft hyphen
        | 0x034F                // combining grapheme joiner
        | 0x061C                // Arabic letter mark
        | 0x070F                // Syriac abbreviation mark
        | 0x115F..=0x1160       // Hangul fillers
        | 0x17B4..=0x17B5       // Khmer inherent vowels
        | 0x180B..=0x180F       // Mongolian selectors and vowel separator
        | 0x200B..=0x200F       // zero-width space, joiners, direction marks
        | 0x2028..=0x202E       // line and paragraph separator, embeddings and overrides
        | 0x2060..=0x206F       // word joiner, invisible operators, isolates, shaping
        | 0x2800                // Braille blank
        | 0x3164                // Hangul filler
        | 0xFDD0..=0xFDEF       // noncharacters
        | 0xFE00..=0xFE0F       // variation selectors
        | 0xFEFF                // byte order mark
        | 0xFFA0                // halfwidth Hangul filler
        | 0xFFF0..=0xFFFB       // interlinear annotation and unassigned ignorables
        | 0x13430..=0x1345F     // Egyptian format controls
        | 0x1BCA0..=0x1BCA3     // shorthand format controls
        | 0x1D173..=0x1D17A     // musical format controls
        | 0xE0000..=0xE0FFF     // tags, variation selectors supplement
    ) || code & 0xFFFE == 0xFFFE
}

fn is_joiner(character: char) -> bool {
    matches!(character, '\u{200C}' | '\u{200D}')
}

/// Whether a joiner does what it is for: it changes how the two letters beside it look, in scripts that need it, or
/// (ZWJ alone) makes one emoji of two.
fn joins(joiner: char, before: Option<char>, after: Option<char>) -> bool {
    let (Some(before), Some(after)) = (before, after) else {
        return false;
    };
    let is_emoji_tail = |character| is_emoji(character) || character == '\u{FE0F}';
    let in_emoji = joiner == '\u{200D}' && is_emoji_tail(before) && is_emoji(after);
    let block = joining_block(before);
    in_emoji || (block.is_some() && block == joining_block(after))
}

/// Scripts whose spelling uses joiners: Arabic and its relatives (Persian, Urdu), and those of India.
fn joining_block(character: char) -> Option<u32> {
    match u32::from(character) {
        0x0620..=0x06D3 | 0x06EE..=0x06FF | 0x0750..=0x077F | 0x08A0..=0x08C7 => Some(0x0600),
        // 128 code points for each script from Devanagari to Sinhala, their marks included.
        code @ 0x0900..=0x0DFF => Some(code & !0x7F),
        _ => None,
    }
}

fn is_presentation_selector(character: char) -> bool {
    matches!(character, '\u{FE0E}' | '\u{FE0F}')
}

/// Whether a text or emoji selector may follow, which chooses between two shapes of these.
fn takes_presentation(character: char) -> bool {
    is_emoji(character) || matches!(character, '0'..='9' | '#' | '*' | '©' | '®')
}

/// The blocks of pictographs (with a few neighbours: an arrow more does no harm).
fn is_emoji(character: char) -> bool {
    matches!(
        u32::from(character),
        0x203C | 0x2049 | 0x2122 | 0x2139
        | 0x2190..=0x21FF
        | 0x2300..=0x27BF
        | 0x2900..=0x297F
        | 0x2B00..=0x2BFF
        | 0x3030 | 0x303D | 0x3297 | 0x3299
        | 0x1F000..=0x1FAFF
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Attack B14: escapes, OSC 52, bidi in any field.
    #[test]
    fn nothing_that_commands_a_terminal_comes_through() {
        for (hostile, shown) in [
            ("\u{1b}]52;c;ZXZpbA==\u{7}", r"\u{1b}]52;c;ZXZpbA==\u{7}"),
            (
                "\u{1b}]52;c;ZXZpbA==\u{1b}\\",
                r"\u{1b}]52;c;ZXZpbA==\u{1b}\",
            ),
            ("\u{9d}52;c;ZXZpbA==\u{9c}", r"\u{9d}52;c;ZXZpbA==\u{9c}"),
            ("\u{1b}[2J\u{1b}[H", r"\u{1b}[2J\u{1b}[H"),
            ("\u{9b}2J", r"\u{9b}2J"),
            ("\u{90}q\u{9c}", r"\u{90}q\u{9c}"),
            ("safe\rEVIL", r"safe\u{d}EVIL"),
            ("a\u{8}b\u{7f}c\0", r"a\u{8}b\u{7f}c\u{0}"),
            ("a\nb\tc\u{b}\u{c}\u{85}", r"a\u{a}b\u{9}c\u{b}\u{c}\u{85}"),
            ("a\u{2028}b\u{2029}", r"a\u{2028}b\u{2029}"),
        ] {
            assert_eq!(escape(hostile), shown);
        }
    }

    /// Attack B14: the reordered and the invisible.
    #[test]
    fn nothing_hides_or_reorders() {
        for code in [
            0xAD, 0x34F, 0x61C, 0x115F, 0x180E, 0x200B, 0x200C, 0x200D, 0x200E, 0x200F, 0x202A,
            0x202B, 0x202C, 0x202D, 0x202E, 0x2060, 0x2064, 0x2066, 0x2067, 0x2068, 0x2069, 0x2800,
            0x3164, 0xFE00, 0xFE0F, 0xFEFF, 0xFFA0, 0xFFF9, 0xFFFB, 0xFFFE, 0xFFFF, 0x1D173,
            0x1FFFF, 0xE0001, 0xE0041, 0xE007F, 0xE0100, 0xE01EF,
        ] {
            let hidden = char::from_u32(code).unwrap();
            assert_eq!(escape(&format!("a{hidden}b")), format!("a\\u{{{code:x}}}b"));
        }
    }

    #[test]
    fn what_people_write_is_left_alone() {
        for text in [
            "",
            "plain ASCII ~ c:\\dir {x}",
            "Żółć, naïve, e\u{301}, Việt",
            "tiê\u{301}ng",
            "привет ελληνικά 日本語 한국어",
            "שָׁלוֹם",
            "می\u{200C}خواهم",
            "क\u{94D}\u{200D}ष",
            "ශ්\u{200D}රී",
            "ภาษาไทย ที่",
            "👍🏽 🇵🇱 ❤\u{FE0F} 1\u{FE0F}\u{20E3} ©\u{FE0F}",
            "👩\u{200D}💻 👨\u{200D}👩\u{200D}👧 ❤\u{FE0F}\u{200D}🔥",
            "a\u{A0}b\u{3000}c",
        ] {
            assert_eq!(escape(text), text);
        }
    }

    #[test]
    fn joiners_and_selectors_stay_only_where_they_have_a_use() {
        for (text, shown) in [
            ("pay\u{200D}pal", r"pay\u{200d}pal"),
            ("pay\u{200C}pal", r"pay\u{200c}pal"),
            ("👍\u{200C}👍", "👍\\u{200c}👍"),
            ("👍\u{200D}", "👍\\u{200d}"),
            ("\u{200D}👍", "\\u{200d}👍"),
            ("👍\u{200D}\u{200D}👍", "👍\\u{200d}\\u{200d}👍"),
            ("م\u{200C}क", "م\\u{200c}क"),
            ("a\u{FE0F}", r"a\u{fe0f}"),
            ("❤\u{FE0F}\u{FE0F}", "❤\u{FE0F}\\u{fe0f}"),
            ("❤\u{FE01}", "❤\\u{fe01}"),
        ] {
            assert_eq!(escape(text), shown);
        }
    }

    #[test]
    fn marks_do_not_flood_and_never_stand_alone() {
        let flood = format!("a{}b", "\u{301}".repeat(10));
        let kept = "\u{301}".repeat(MARKS_LIMIT);
        let rest = r"\u{301}".repeat(10 - MARKS_LIMIT);
        assert_eq!(escape(&flood), format!("a{kept}{rest}b"));
        assert_eq!(escape("\u{301}a"), r"\u{301}a");
        assert_eq!(escape("a \u{20E3}"), r"a \u{20e3}");
        assert_eq!(escape("\u{1b}\u{301}"), r"\u{1b}\u{301}");
    }

    #[test]
    fn only_line_ends_survive_in_several_lines() {
        assert_eq!(escape_multiline("a\nb\r\nc\n"), "a\nb\nc\n");
        assert_eq!(escape_multiline("a\rb\r\r\n\tc"), "a\\u{d}b\\u{d}\n\\u{9}c");
        assert_eq!(
            escape_multiline("a\n\u{301}\u{1b}[2J"),
            "a\n\\u{301}\\u{1b}[2J"
        );
        assert_eq!(escape_multiline("a\r"), r"a\u{d}");
    }

    #[test]
    fn plain_text_is_not_copied() {
        assert!(matches!(escape("plain"), Cow::Borrowed(_)));
        assert!(matches!(escape_multiline("plain"), Cow::Borrowed(_)));
    }

    /// Written without the code above: what must never reach a terminal, whatever stands around it.
    fn is_forbidden(character: char) -> bool {
        matches!(
            character,
            '\0'..='\u{1F}'
                | '\u{7F}'..='\u{9F}'
                | '\u{200B}'
                | '\u{200E}'
                | '\u{200F}'
                | '\u{061C}'
                | '\u{2028}'..='\u{202E}'
                | '\u{2066}'..='\u{2069}'
                | '\u{FEFF}'
                | '\u{FFF9}'..='\u{FFFB}'
                | '\u{E0000}'..='\u{E007F}'
        )
    }

    fn any_text() -> impl Strategy<Value = String> {
        let hostile = prop::sample::select(vec![
            '\u{1b}',
            '\n',
            '\r',
            '\t',
            '\u{7f}',
            '\u{9b}',
            '\u{200b}',
            '\u{200c}',
            '\u{200d}',
            '\u{200e}',
            '\u{202e}',
            '\u{2066}',
            '\u{301}',
            '\u{34f}',
            '\u{fe0f}',
            '\u{feff}',
            '\u{e0041}',
            '\u{e0100}',
            '👍',
            '❤',
            'م',
            'क',
            '\u{94d}',
            'a',
            ' ',
            '\\',
            '1',
        ]);
        let character = prop_oneof![3 => hostile, 1 => any::<char>()];
        prop::collection::vec(character, 0..40).prop_map(String::from_iter)
    }

    proptest! {
        #[test]
        fn escaped_text_never_holds_what_is_forbidden(text in any_text()) {
            let shown = escape(&text);
            prop_assert!(!shown.contains(is_forbidden), "{:?}", shown);
            let lines = escape_multiline(&text);
            prop_assert!(!lines.contains(|character| character != '\n' && is_forbidden(character)));
            prop_assert_eq!(lines.matches('\n').count(), text.matches('\n').count());
        }

        #[test]
        fn escaping_again_changes_nothing(text in any_text()) {
            let shown = escape(&text);
            prop_assert_eq!(escape(&shown), shown.clone());
            let lines = escape_multiline(&text);
            prop_assert_eq!(escape_multiline(&lines), lines.clone());
        }

        #[test]
        fn pieces_of_escaped_text_stay_harmless(text in any_text(), keep in 0_usize..40) {
            let piece: String = escape(&text).chars().take(keep).collect();
            prop_assert!(!piece.contains(is_forbidden));
        }
    }
}
