//! Spans of time as people write them in settings and options: 90s, 15m, 8h, 2d, never.

use crate::failure::Failure;

/// Seconds of a span; `Some(None)` for `never`, `None` for what is no span or no time at all.
fn parse(text: &str) -> Option<Option<u64>> {
    let text = text.trim();
    if text == "never" {
        return Some(None);
    }
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_lowercase());
    let number: u64 = digits.parse().ok().filter(|number| *number > 0)?;
    let seconds = match text.get(digits.len()..)? {
        "" | "s" => 1,
        "m" | "min" => 60,
        "h" => 3600,
        "d" => 86_400,
        "w" => 7 * 86_400,
        _ => return None,
    };
    number.checked_mul(seconds).map(Some)
}

/// Seconds of a span that `what` says; `None` for `never`.
///
/// # Errors
/// Where it says no span.
pub(crate) fn read(what: &str, text: &str) -> Result<Option<u64>, Failure> {
    parse(text).ok_or_else(|| {
        Failure::usage(format!("{what} is no time: {text}")).hint("for instance 8h, 30s, 2m, never")
    })
}

/// As people read it: the two largest parts.
pub(crate) fn describe(seconds: u64) -> String {
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, 0) => format!("{minutes} min"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, 0, _) => format!("{hours} h"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_as_written() {
        for (text, seconds) in [
            ("90s", 90),
            ("30", 30),
            ("15m", 900),
            ("8h", 28_800),
            ("2d", 172_800),
            ("1w", 604_800),
        ] {
            assert_eq!(parse(text), Some(Some(seconds)), "{text}");
        }
        assert_eq!(parse("never"), Some(None));
        for text in [
            "",
            "0",
            "-1",
            "5x",
            "m",
            "1h30m",
            "99999999999999999999s",
            "9999999999999999999d",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn spans_are_told_in_two_parts_at_most() {
        for (seconds, text) in [
            (5, "5 s"),
            (60, "1 min"),
            (899, "14 min 59 s"),
            (3600, "1 h"),
            (5400, "1 h 30 min"),
        ] {
            assert_eq!(describe(seconds), text);
        }
    }
}
