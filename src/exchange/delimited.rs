//! Delimited text into rows of cells (RFC 4180, with what exporters really write), borrowing wherever it can.
//!
//! It never guesses where a value ends: an open quote and text after a closing quote are refused, because a password
//! that lost a character is worse than an import that must be repeated.

use super::{ImportError, MAX_FIELDS, MAX_VALUE_BYTES, RowProblem};
use zeroize::Zeroizing;

/// How a quote inside a quoted cell is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Quoting {
    /// `""`; a backslash is a character like any other.
    Doubled,
    /// `\"`, and `\\` for a backslash; before anything else a backslash stands for itself, and `""` is a quote too.
    Backslash,
}

/// One cell; wiped when dropped where it is not part of the input.
pub(super) enum Cell<'a> {
    /// Part of the input.
    Borrowed(&'a str),
    /// With its escapes taken away.
    Owned(Zeroizing<String>),
}

impl Cell<'_> {
    /// The text.
    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Borrowed(text) => text,
            Self::Owned(text) => text,
        }
    }

    /// The text, moved where it is owned.
    pub(super) fn into_text(self) -> String {
        match self {
            Self::Borrowed(text) => text.to_owned(),
            Self::Owned(mut text) => std::mem::take(&mut *text),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Cell,
    Line,
    Text,
}

/// Reads row by row.
pub(super) struct Reader<'a> {
    text: &'a str,
    at: usize,
    line: usize,
    row: usize,
    row_line: usize,
    delimiter: u8,
    quoting: Quoting,
    last_end: End,
    lone_backslashes: usize,
}

impl<'a> Reader<'a> {
    /// A reader at the start of the text, which has no byte order mark any more.
    pub(super) fn new(text: &'a str, delimiter: u8, quoting: Quoting) -> Self {
        Self {
            text,
            at: 0,
            line: 1,
            row: 0,
            row_line: 1,
            delimiter,
            quoting,
            last_end: End::Line,
            lone_backslashes: 0,
        }
    }

    /// The same for a text whose first row is data, which counts as 1.
    pub(super) fn without_header(self) -> Self {
        Self { row: 1, ..self }
    }

    /// The next row into `cells`; `false` at the end. Lines with nothing at all on them are no rows.
    pub(super) fn next_row(&mut self, cells: &mut Vec<Cell<'a>>) -> Result<bool, ImportError> {
        cells.clear();
        while self.skip_line_end() {}
        if self.rest().is_empty() {
            return Ok(false);
        }
        self.row_line = self.line;
        loop {
            if cells.len() == MAX_FIELDS {
                return Err(self.problem(RowProblem::TooManyFields));
            }
            let cell = self.next_cell()?;
            cells.push(cell);
            self.last_end = self.end_of_cell()?;
            if self.last_end != End::Cell {
                self.row += 1;
                return Ok(true);
            }
        }
    }

    /// An error about the row that was read last, or is being read; the first row is the header and counts as 0.
    pub(super) fn problem_of_last(&self, problem: RowProblem) -> ImportError {
        ImportError::Row {
            row: self.row.saturating_sub(1),
            line: Some(self.row_line),
            problem,
        }
    }

    /// Whether the last row ended with the text instead of a line end.
    pub(super) fn ended_without_line_end(&self) -> bool {
        self.last_end == End::Text
    }

    /// How many backslashes so far stood before something that needs no escape (in backslash quoting).
    pub(super) fn lone_backslashes(&self) -> usize {
        self.lone_backslashes
    }

    fn problem(&self, problem: RowProblem) -> ImportError {
        ImportError::Row {
            row: self.row,
            line: Some(self.row_line),
            problem,
        }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Steps over `\n`, `\r\n` or `\r`.
    fn skip_line_end(&mut self) -> bool {
        let length = match self.rest().as_bytes() {
            [b'\r', b'\n', ..] => 2,
            [b'\r' | b'\n', ..] => 1,
            _ => return false,
        };
        self.at += length;
        self.line += 1;
        true
    }

    fn next_cell(&mut self) -> Result<Cell<'a>, ImportError> {
        let rest = self.rest();
        let blanks = self.count_blanks(rest);
        if rest.as_bytes().get(blanks) == Some(&b'"') {
            self.at += blanks + 1;
            return self.quoted_cell();
        }
        let delimiter = self.delimiter;
        let length = rest
            .bytes()
            .position(|byte| byte == delimiter || byte == b'\n' || byte == b'\r')
            .unwrap_or(rest.len());
        self.at += length;
        Ok(Cell::Borrowed(rest.get(..length).unwrap_or_default()))
    }

    /// The cell after an opening quote; stops behind the closing one.
    fn quoted_cell(&mut self) -> Result<Cell<'a>, ImportError> {
        let rest = self.rest();
        let bytes = rest.as_bytes();
        let mut escapes: Vec<usize> = Vec::new();
        let mut lone_backslashes = 0;
        let mut at = 0;
        let length = loop {
            let backslash = self.quoting == Quoting::Backslash;
            let found = bytes.iter().skip(at).position(|byte| {
                *byte == b'"' || *byte == b'\n' || *byte == b'\r' || (backslash && *byte == b'\\')
            });
            let Some(found) = found else {
                return Err(self.problem(RowProblem::UnterminatedQuote));
            };
            at += found;
            match (bytes.get(at), bytes.get(at + 1)) {
                (Some(b'"'), Some(b'"')) | (Some(b'\\'), Some(b'"' | b'\\')) => {
                    if escapes.len() == MAX_VALUE_BYTES {
                        return Err(self.problem(RowProblem::ValueTooLong));
                    }
                    escapes.push(at);
                    at += 2;
                }
                (Some(b'"'), _) => break at,
                (Some(b'\\'), _) => {
                    lone_backslashes += 1;
                    at += 1;
                }
                (Some(b'\r'), Some(b'\n')) => {
                    self.line += 1;
                    at += 2;
                }
                _ => {
                    self.line += 1;
                    at += 1;
                }
            }
        };
        self.at += length + 1;
        self.lone_backslashes += lone_backslashes;
        let raw = rest.get(..length).unwrap_or_default();
        if escapes.is_empty() {
            return Ok(Cell::Borrowed(raw));
        }
        // The raw length is an upper bound, so the buffer never grows and leaves no copy behind.
        let mut text = Zeroizing::new(String::with_capacity(length));
        let mut copied = 0;
        for escape in escapes {
            text.push_str(raw.get(copied..escape).unwrap_or_default());
            copied = escape + 1;
        }
        text.push_str(raw.get(copied..).unwrap_or_default());
        Ok(Cell::Owned(text))
    }

    /// Steps over what ends a cell. Blanks between a closing quote and the delimiter mean nothing.
    fn end_of_cell(&mut self) -> Result<End, ImportError> {
        let blanks = self.count_blanks(self.rest());
        let rest = self.rest().as_bytes();
        match rest.get(blanks) {
            None => {
                self.at = self.text.len();
                Ok(End::Text)
            }
            Some(byte) if *byte == self.delimiter => {
                self.at += blanks + 1;
                Ok(End::Cell)
            }
            Some(b'\n' | b'\r') => {
                self.at += blanks;
                self.skip_line_end();
                Ok(End::Line)
            }
            Some(_) => Err(self.problem(RowProblem::StrayQuote)),
        }
    }

    fn count_blanks(&self, text: &str) -> usize {
        text.bytes()
            .take_while(|byte| *byte == b' ' || (*byte == b'\t' && self.delimiter != b'\t'))
            .count()
    }
}

/// The delimiter of a file, told from its first row: the one of `,` `;` tab that stands there most often outside
/// quotes. A first line `sep=;`, which spreadsheets write, decides and is taken off.
pub(super) fn detect_delimiter(text: &str) -> (u8, &str) {
    if let Some((first, rest)) = text.split_once('\n')
        && let [b's', b'e', b'p', b'=', delimiter @ (b',' | b';' | b'\t')] =
            first.trim_end_matches('\r').as_bytes()
    {
        return (*delimiter, rest);
    }
    let mut quoted = false;
    let mut counts = [(b',', 0_usize), (b';', 0), (b'\t', 0)];
    for byte in text.trim_start_matches(['\r', '\n']).bytes() {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' | b'\r' if !quoted => break,
            _ if !quoted => {
                for (delimiter, count) in &mut counts {
                    *count += usize::from(byte == *delimiter);
                }
            }
            _ => {}
        }
    }
    let mut best = (b',', 0);
    for candidate in counts {
        if candidate.1 > best.1 {
            best = candidate;
        }
    }
    (best.0, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rows(text: &str, quoting: Quoting) -> Result<Vec<Vec<String>>, ImportError> {
        let (delimiter, text) = detect_delimiter(text);
        let mut reader = Reader::new(text, delimiter, quoting);
        let mut cells = Vec::new();
        let mut rows = Vec::new();
        while reader.next_row(&mut cells)? {
            rows.push(cells.drain(..).map(Cell::into_text).collect());
        }
        Ok(rows)
    }

    #[test]
    fn quotes_line_ends_and_delimiters_are_told_apart() {
        let expected = vec![vec!["a", "b\"\r\nc,;", ""], vec!["x\"y", " z ", "\\"]];
        for text in [
            "a,\"b\"\"\r\nc,;\",\r\n\r\nx\"y, z ,\\\r\n",
            "a;\"b\"\"\r\nc,;\";\nx\"y; z ;\"\\\"",
            "a\t\"b\"\"\r\nc,;\"\t\rx\"y\t z \t\\",
            "sep=;\r\na;\"b\"\"\r\nc,;\";\nx\"y; z ;\\\n",
            "a, \"b\"\"\r\nc,;\" ,\nx\"y, z ,\\\n",
        ] {
            assert_eq!(rows(text, Quoting::Doubled).unwrap(), expected, "{text:?}");
        }
    }

    #[test]
    fn backslash_quoting_takes_both_escapes_and_leaves_lone_backslashes() {
        let text = "\"a\\\"b\",\"c\\\\\",\"d\\e\",\"f\"\"g\",\"\"\n";
        assert_eq!(
            rows(text, Quoting::Backslash).unwrap(),
            [["a\"b", "c\\", "d\\e", "f\"g", ""]]
        );
    }

    #[test]
    fn an_open_quote_and_text_after_a_quote_are_refused_with_row_and_line() {
        let refused = |row, line, problem| {
            Err(ImportError::Row {
                row,
                line: Some(line),
                problem,
            })
        };
        assert_eq!(
            rows("a,b\n\"1\n2\",3\n\"x,y\nz", Quoting::Doubled),
            refused(2, 4, RowProblem::UnterminatedQuote)
        );
        assert_eq!(
            rows("a,b\n1,\"pa\"ss\"\n", Quoting::Doubled),
            refused(1, 2, RowProblem::StrayQuote)
        );
        assert_eq!(
            rows(&",".repeat(MAX_FIELDS), Quoting::Doubled),
            refused(0, 1, RowProblem::TooManyFields)
        );
        assert!(rows(&",".repeat(MAX_FIELDS - 1), Quoting::Doubled).is_ok());
    }

    proptest! {
        #[test]
        fn what_another_writer_wrote_is_read_back(
            table in proptest::collection::vec(proptest::collection::vec("[a-z\"\\\\,; \t\r\né]{0,6}", 3), 1..6),
            crlf in any::<bool>(),
        ) {
            let terminator = if crlf { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') };
            let mut writer = csv::WriterBuilder::new()
                .terminator(terminator)
                .quote_style(csv::QuoteStyle::NonNumeric)
                .from_writer(Vec::new());
            for row in &table {
                writer.write_record(row).unwrap();
            }
            let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
            prop_assert_eq!(rows(&text, Quoting::Doubled).unwrap(), table);
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in "[a\",;\t\r\n\\\\ é]{0,40}") {
            let _ = rows(&text, Quoting::Doubled);
            let _ = rows(&text, Quoting::Backslash);
        }
    }
}
