//! Cards, keys, licences, tokens and papers that are past their date, or soon will be. A date that could be read in two ways is
//! left alone.

use super::old::{DAY, span};
use super::{Audit, Finding, FindingKind};
use crate::model::field;
use crate::model::ids::FieldId;
use crate::model::moment::Moment;
use time::{Date, Duration, Month, OffsetDateTime, Time};

/// So many days before the date it is told.
const SOON_DAYS: u64 = 60;
/// A custom field with one of these in its name says until when something is good.
const WORDS: [&str; 10] = [
    "expir",
    "valid until",
    "valid to",
    "valid thru",
    "good thru",
    "gültig bis",
    "läuft ab",
    "ablauf",
    "caduca",
    "vence",
];

pub(super) fn check_expired(audit: &Audit<'_>, findings: &mut Vec<Finding>) {
    for_each_date(audit, &mut |subject, name, text, end| {
        let now = audit.options.now;
        if end <= now {
            let days = (now.0 - end.0) / DAY;
            let what = format!("past its date, {text}, for {}", span(days));
            let name = Some(name.to_owned());
            findings.push(Finding::new(FindingKind::Expired, subject, name, what));
        }
    });
}

pub(super) fn check_expiring(audit: &Audit<'_>, findings: &mut Vec<Finding>) {
    for_each_date(audit, &mut |subject, name, text, end| {
        let left = end.0.saturating_sub(audit.options.now.0);
        if left > 0 && left <= SOON_DAYS * DAY {
            let what = format!("past its date, {text}, in {}", span(left / DAY));
            let name = Some(name.to_owned());
            findings.push(Finding::new(FindingKind::Expiring, subject, name, what));
        }
    });
}

fn for_each_date(audit: &Audit<'_>, take: &mut dyn FnMut(&super::Subject, &str, &str, Moment)) {
    for subject in &audit.subjects {
        for (name, text) in &subject.dates {
            if let Some(end) = end_of(text) {
                take(subject, name, text, end);
            }
        }
    }
}

/// Whether a field of this lower-case name says until when the item is good.
pub(super) fn is_expiry(id: FieldId, name: &str) -> bool {
    match id {
        FieldId::Standard(number) => number == field::EXPIRES,
        FieldId::Custom(_) => WORDS.iter().any(|word| name.contains(word)),
    }
}

/// When what is good until a date is good no more: a month and a day count to their ends. Read are `2029-06`, `2029-06-30`,
/// RFC 3339, `06/2029`, `06/29`, `30.06.2029`; a year of two digits is of this century.
fn end_of(text: &str) -> Option<Moment> {
    let text = text.trim();
    if let Some(moment) = Moment::parse_rfc3339(text) {
        return Some(moment);
    }
    let parts: Vec<&str> = text.split(['-', '/', '.']).map(str::trim).collect();
    let is_number =
        |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !parts.iter().all(is_number) {
        return None;
    }
    let last = match parts.as_slice() {
        [year, month] if year.len() == 4 => end_of_month(year, month)?,
        [month, year] if matches!(year.len(), 2 | 4) => end_of_month(year, month)?,
        [year, month, day] if year.len() == 4 => date(year, month, day)?,
        // With slashes nobody knows whether the month comes first.
        [day, month, year] if year.len() == 4 && text.contains('.') => date(year, month, day)?,
        _ => return None,
    };
    let next = last.checked_add(Duration::DAY)?;
    let moment = OffsetDateTime::new_utc(next, Time::MIDNIGHT).unix_timestamp_nanos() / 1_000_000;
    u64::try_from(moment).ok().map(Moment)
}

fn date(year: &str, month: &str, day: &str) -> Option<Date> {
    let month = Month::try_from(month.parse::<u8>().ok()?).ok()?;
    Date::from_calendar_date(year.parse().ok()?, month, day.parse().ok()?).ok()
}

fn end_of_month(year: &str, month: &str) -> Option<Date> {
    let year: i32 = match year.len() {
        2 => format!("20{year}").parse().ok()?,
        _ => year.parse().ok()?,
    };
    let month = Month::try_from(month.parse::<u8>().ok()?).ok()?;
    Date::from_calendar_date(year, month, month.length(year)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_people_and_imports_write_them() {
        for (text, end) in [
            ("2029-06", "2029-07-01T00:00:00.000Z"),
            ("06/2029", "2029-07-01T00:00:00.000Z"),
            ("6/29", "2029-07-01T00:00:00.000Z"),
            ("12/2029", "2030-01-01T00:00:00.000Z"),
            ("2028-02", "2028-03-01T00:00:00.000Z"),
            ("2029-06-15", "2029-06-16T00:00:00.000Z"),
            ("15.06.2029", "2029-06-16T00:00:00.000Z"),
            ("2029-06-15T10:00:00Z", "2029-06-15T10:00:00.000Z"),
        ] {
            let read = end_of(text).map(Moment::to_rfc3339);
            assert_eq!(read.as_deref(), Some(end), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_or_two_is_left_alone() {
        for text in [
            "",
            "never",
            "2029",
            "13/2029",
            "06/07/2029",
            "2029-02-30",
            "0/29",
            "1999999-01",
            "-6/29",
        ] {
            assert_eq!(end_of(text), None, "{text}");
        }
    }
}
