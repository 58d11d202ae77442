//! A time as people type it after `--at`, turned into a moment. Everything is in UTC: the same words mean the same
//! moment on every device.

use super::moment::Moment;
use std::fmt;

const SECOND: u64 = 1000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// What may stand behind a number, and how many milliseconds it is.
const UNITS: [(&[&str], u64); 7] = [
    (&["s", "sec", "second", "seconds"], SECOND),
    (&["min", "minute", "minutes"], MINUTE),
    (&["h", "hour", "hours"], HOUR),
    (&["d", "day", "days"], DAY),
    (&["w", "week", "weeks"], 7 * DAY),
    (&["month", "months"], 30 * DAY),
    (&["y", "year", "years"], 365 * DAY),
];

/// The text is no time that is understood.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NoTime;

impl fmt::Display for NoTime {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("is no time since 1970 that is understood")
    }
}

impl std::error::Error for NoTime {}

/// The moment that a text means. A date alone is that day's end, its last millisecond: the state in which the day left
/// the vault. Understood are RFC 3339, `2026-11-01`, `2026-11-01 15:30` with or without seconds, `now`, `today`,
/// `yesterday`, and an age such as `3d`, `90 min` or `2 weeks ago`; a month is 30 days and a year 365.
///
/// # Errors
/// [`NoTime`] for anything else, and for what lies before 1970.
pub fn parse_when(text: &str, now: Moment) -> Result<Moment, NoTime> {
    let text = text.trim();
    let moment = match text.to_lowercase().as_str() {
        "now" => Some(now),
        "today" => Some(end_of_day(now)),
        "yesterday" => now.0.checked_sub(DAY).map(Moment).map(end_of_day),
        lower => parse_date(text).or_else(|| parse_age(lower, now)),
    };
    moment.ok_or(NoTime)
}

fn end_of_day(moment: Moment) -> Moment {
    let begin = moment.0 - moment.0 % DAY;
    Moment(begin.saturating_add(DAY - 1))
}

/// RFC 3339, or its beginning: what is missing is completed in UTC.
fn parse_date(text: &str) -> Option<Moment> {
    let (date, time) = match text.split_once(['T', 't', ' ']) {
        None => return Moment::parse_rfc3339(&format!("{text}T00:00:00Z")).map(end_of_day),
        Some((date, time)) => (date, time.trim_start()),
    };
    let has_zone = time.ends_with(['Z', 'z']) || time.contains(['+', '-']);
    let zone = if has_zone { "" } else { "Z" };
    let seconds = if !has_zone && time.len() == 5 {
        ":00"
    } else {
        ""
    };
    Moment::parse_rfc3339(&format!("{date}T{time}{seconds}{zone}"))
}

/// `3d`, `3 days`, `3 days ago`.
fn parse_age(text: &str, now: Moment) -> Option<Moment> {
    let text = text.strip_suffix("ago").unwrap_or(text).trim_end();
    let digits = text.find(|letter: char| !letter.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(digits)?;
    let unit = unit.trim_start();
    let (_, milliseconds) = UNITS.iter().find(|(names, _)| names.contains(&unit))?;
    let age = number.parse::<u64>().ok()?.checked_mul(*milliseconds)?;
    now.0.checked_sub(age).map(Moment)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-23T15:26:49.250Z.
    const NOW: Moment = Moment(1_795_447_609_250);

    fn read(text: &str) -> Option<String> {
        parse_when(text, NOW).ok().map(Moment::to_rfc3339)
    }

    #[test]
    fn every_form_means_one_moment_in_utc() {
        for (text, wanted) in [
            ("now", "2026-11-23T15:26:49.250Z"),
            ("today", "2026-11-23T23:59:59.999Z"),
            ("Yesterday", "2026-11-22T23:59:59.999Z"),
            ("2026-11-01", "2026-11-01T23:59:59.999Z"),
            (" 2024-02-29 ", "2024-02-29T23:59:59.999Z"),
            ("2026-11-01T15:30", "2026-11-01T15:30:00.000Z"),
            ("2026-11-01 15:30", "2026-11-01T15:30:00.000Z"),
            ("2026-11-01 15:30:07", "2026-11-01T15:30:07.000Z"),
            ("2026-11-01T15:30:07.5Z", "2026-11-01T15:30:07.500Z"),
            ("2026-11-01T15:30:07+02:00", "2026-11-01T13:30:07.000Z"),
            ("2026-11-01T15:30:07-02:00", "2026-11-01T17:30:07.000Z"),
            ("3d", "2026-11-20T15:26:49.250Z"),
            ("3 days ago", "2026-11-20T15:26:49.250Z"),
            ("1 Day", "2026-11-22T15:26:49.250Z"),
            ("90min", "2026-11-23T13:56:49.250Z"),
            ("2 weeks ago", "2026-11-09T15:26:49.250Z"),
            ("5h", "2026-11-23T10:26:49.250Z"),
            ("0s", "2026-11-23T15:26:49.250Z"),
            ("1 month", "2026-10-24T15:26:49.250Z"),
            ("1y", "2025-11-23T15:26:49.250Z"),
        ] {
            assert_eq!(read(text).as_deref(), Some(wanted), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "ago",
            "d",
            "3",
            "3m",
            "3 fortnights",
            "-3d",
            "3.5d",
            "99999999999999999999d",
            "18446744073709551615y",
            "60y",
            "2026",
            "2026-11",
            "2026-11-31",
            "2026-02-29",
            "01.11.2026",
            "1969-12-31",
            "2026-11-01T25:00",
            "2026-11-01T15",
            "2026-11-01 15:30 ago",
            "\u{663}d",
            "tomorrow",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
