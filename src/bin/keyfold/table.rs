//! Aligned columns for a terminal of a given width, and how wide a text is there.
//!
//! Pure: gives text, prints nothing, knows no colour. Every cell is escaped here, so no caller can forget it.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::escape::escape;

/// Blank columns between two columns.
const GAP: usize = 2;
/// A column is dropped before it gets narrower than this.
const COLUMN_MIN: usize = 6;
const ELLIPSIS: char = '…';
const ZERO_WIDTH_JOINER: char = '\u{200D}';

/// How many columns an escaped text takes in a terminal.
pub(crate) fn display_width(text: &str) -> usize {
    text.width()
}

/// The escaped text, cut to at most `width` columns; what was cut ends in `…`. No emoji or accent is cut apart.
pub(crate) fn truncate(text: &str, width: usize) -> String {
    if display_width(text) <= width {
        return text.to_owned();
    }
    let Some(room) = width.checked_sub(1) else {
        return String::new();
    };
    let mut kept = "";
    let mut used: usize = 0;
    for (start, piece) in pieces(text) {
        used = used.saturating_add(display_width(piece));
        if used > room {
            break;
        }
        kept = text.get(..start + piece.len()).unwrap_or_default();
    }
    format!("{}{ELLIPSIS}", kept.trim_end())
}

/// Lines of a table, without line ends: the headings first, then the rows. The first column, the title, gives way
/// last; what does not fit is cut, and columns at the end are left out where nothing of them would be left to read.
/// A row with fewer cells than headings is filled up, further ones are ignored.
pub(crate) fn render(headings: &[&str], rows: &[Vec<String>], width: usize) -> Vec<String> {
    let headings = headings.iter().map(|heading| escape(heading).into_owned());
    let lines: Vec<Vec<String>> = std::iter::once(headings.collect())
        .chain(rows.iter().map(|row| {
            let cells = row.iter().map(|cell| escape(cell).into_owned());
            cells.collect()
        }))
        .collect();
    let columns = lines.first().map_or(0, Vec::len);
    let natural: Vec<usize> = (0..columns)
        .map(|column| {
            let cells = lines.iter().filter_map(|line| line.get(column));
            cells.map(|cell| display_width(cell)).max().unwrap_or(0)
        })
        .collect();
    let fitted = fit(&natural, width);
    lines
        .iter()
        .map(|line| render_line(line, &fitted))
        .collect()
}

fn render_line(cells: &[String], widths: &[usize]) -> String {
    let mut out = String::new();
    for (column, width) in widths.iter().enumerate() {
        if column > 0 {
            out.push_str(&" ".repeat(GAP));
        }
        let cell = truncate(cells.get(column).map_or("", String::as_str), *width);
        let blank = width.saturating_sub(display_width(&cell));
        out.push_str(&cell);
        out.push_str(&" ".repeat(blank));
    }
    out.truncate(out.trim_end_matches(' ').len());
    out
}

/// Widths of as many columns as fit.
fn fit(natural: &[usize], width: usize) -> Vec<usize> {
    let Some((title, others)) = natural.split_first() else {
        return Vec::new();
    };
    let mut others = others;
    loop {
        let room = width.saturating_sub(GAP.saturating_mul(others.len()));
        let wanted: usize = others.iter().sum();
        // The title has half the room at least, and all that the others do not want.
        let title = (*title).min(room.saturating_sub(wanted).max(room / 2));
        let left = room.saturating_sub(title);
        let cap = widest_cap(others, left);
        if cap < COLUMN_MIN && others.iter().any(|natural| *natural > cap) {
            let Some((_, fewer)) = others.split_last() else {
                return vec![title];
            };
            others = fewer;
            continue;
        }
        let capped = others.iter().map(|natural| (*natural).min(cap));
        return std::iter::once(title).chain(capped).collect();
    }
}

/// The widest cap under which the columns together take no more than `room`.
fn widest_cap(natural: &[usize], room: usize) -> usize {
    let mut sorted = natural.to_vec();
    sorted.sort_unstable();
    let mut left = room;
    let mut count = sorted.len();
    for natural in sorted {
        // All that are left are at least this wide: either each gets it, or they share evenly.
        if natural.saturating_mul(count) > left {
            return left / count;
        }
        left -= natural;
        count -= 1;
    }
    usize::MAX
}

/// The text in pieces that are shown as one, with their starts: a character with whatever takes no column of its own
/// or is joined to it.
fn pieces(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut start = 0;
    std::iter::from_fn(move || {
        let rest = text.get(start..)?;
        let mut before = rest.chars().next()?;
        let end = rest
            .char_indices()
            .skip(1)
            .find(|(_, character)| {
                let is_start = character.width() != Some(0) && before != ZERO_WIDTH_JOINER;
                before = *character;
                is_start
            })
            .map_or(rest.len(), |(at, _)| at);
        let piece = (start, rest.get(..end)?);
        start += end;
        Some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rows(rows: &[&[&str]]) -> Vec<Vec<String>> {
        rows.iter()
            .map(|row| row.iter().map(|cell| (*cell).to_owned()).collect())
            .collect()
    }

    #[test]
    fn columns_are_aligned_by_what_is_shown() {
        let rows = rows(&[
            &["mail", "bob", "x"],
            &["日本語", "e\u{301}", ""],
            &["👩\u{200D}💻", "z"],
        ]);
        assert_eq!(
            render(&["TITLE", "USER", "TAGS"], &rows, 80),
            [
                "TITLE   USER  TAGS",
                "mail    bob   x",
                "日本語  e\u{301}",
                "👩\u{200D}💻      z",
            ]
        );
    }

    #[test]
    fn the_title_gives_way_last() {
        let rows = rows(&[&["a title of some length", "a-user-name@example.com", "tag"]]);
        assert_eq!(
            render(&["TITLE", "USER", "TAGS"], &rows, 40),
            [
                "TITLE               USER            TAGS",
                "a title of some l…  a-user-name@e…  tag",
            ]
        );
    }

    #[test]
    fn columns_without_room_are_left_out() {
        let rows = rows(&[&["mail", "a-user-name@example.com", "a-long-tag"]]);
        assert_eq!(
            render(&["TITLE", "USER", "TAGS"], &rows, 14),
            ["TITLE  USER", "mail   a-user…"]
        );
        assert_eq!(
            render(&["TITLE", "USER", "TAGS"], &rows, 6),
            ["TITLE", "mail"]
        );
        assert_eq!(render(&["TITLE"], &rows, 3), ["TI…", "ma…"]);
        assert_eq!(render(&["TITLE"], &rows, 0), ["", ""]);
        assert_eq!(render(&[], &rows, 80), ["", ""]);
    }

    #[test]
    fn cells_are_escaped() {
        let rows = rows(&[&["\u{1b}[2J", "a\nb"]]);
        assert_eq!(
            render(&["TITLE", "USER"], &rows, 80),
            ["TITLE      USER", r"\u{1b}[2J  a\u{a}b"]
        );
    }

    #[test]
    fn texts_are_cut_between_what_belongs_together() {
        for (text, width, cut) in [
            ("abc", 3, "abc"),
            ("abcd", 3, "ab…"),
            ("ab cd", 4, "ab…"),
            ("abc", 1, "…"),
            ("abc", 0, ""),
            ("日本語", 5, "日本…"),
            ("日本語", 4, "日…"),
            ("e\u{301}e\u{301}e\u{301}", 2, "e\u{301}…"),
            ("👩\u{200D}💻👩\u{200D}💻", 3, "👩\u{200D}💻…"),
            ("👩\u{200D}💻👩\u{200D}💻", 2, "…"),
        ] {
            assert_eq!(truncate(text, width), cut, "{text} to {width}");
        }
    }

    proptest! {
        #[test]
        fn no_line_is_wider_than_the_terminal(
            cells in prop::collection::vec(prop::collection::vec("[a-z日é👍]{0,12}|.{0,12}", 0..5), 0..5),
            width in 0_usize..60,
        ) {
            let lines = render(&["TITLE", "USER", "TAGS"], &cells, width);
            prop_assert_eq!(lines.len(), cells.len() + 1);
            for line in lines {
                prop_assert!(display_width(&line) <= width, "{:?} in {}", line, width);
                prop_assert!(!line.contains(char::is_control));
            }
        }

        #[test]
        fn pieces_make_up_the_text(text in "([e\u{301}👩\u{200D}💻]|.){0,20}") {
            let together: String = pieces(&text).map(|piece| piece.1).collect();
            prop_assert_eq!(together, text);
        }

        #[test]
        fn cut_texts_fit(text in "([ae\u{301}日👍]|.){0,20}", width in 0_usize..12) {
            let text = escape(&text).into_owned();
            prop_assert!(display_width(&truncate(&text, width)) <= width);
        }
    }
}
