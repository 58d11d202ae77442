//! Dates as other programs write them, into ISO 8601. What is not understood without doubt is left as it was written.

use time::macros::format_description;
use time::{Duration, OffsetDateTime};

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// From this number on it counts milliseconds: as seconds it would lie in the year 5138.
const FIRST_MILLISECONDS: u64 = 100_000_000_000;

/// The same for days, birthdays of the seventies among them: as seconds it would lie in the year 2286.
const FIRST_MILLISECONDS_OF_DAYS: u64 = 10_000_000_000;

/// `YYYY-MM`; a year of two digits is of this century.
pub(super) fn expiry(year: &str, month: &str) -> Option<String> {
    let year = year.trim();
    let year = match year.len() {
        4 if is_number(year) => year.to_owned(),
        2 if is_number(year) => format!("20{year}"),
        _ => return None,
    };
    let month = month.trim();
    let number: u8 = month.parse().ok().filter(|_| is_number(month))?;
    (1..=12)
        .contains(&number)
        .then(|| format!("{year}-{number:02}"))
}

/// A card's expiry in one text, the month first or last: `06/2030`, `6/30`, `2030-06`, `062030`, `203006`, `June,2030`.
pub(super) fn card_expiry(text: &str) -> Option<String> {
    let text = text.trim();
    let parts: Vec<&str> = text.split(['/', '-', '.']).map(str::trim).collect();
    match parts.as_slice() {
        [year, month] if year.len() == 4 => expiry(year, month),
        [month, year] => expiry(year, month),
        [whole] if whole.len() == 6 && is_number(whole) => {
            let (month, year) = whole.split_at_checked(2)?;
            let (own_year, own_month) = whole.split_at_checked(4)?;
            // No month is 19 or 20, so at most one of them is a date of our days.
            expiry(year, month).or_else(|| expiry(own_year, own_month))
        }
        _ => written_out(text),
    }
}

/// A date with its month's name first: `June,2028` or `August,23,1990`.
pub(super) fn written_out(text: &str) -> Option<String> {
    let parts: Vec<&str> = text.split(',').map(str::trim).collect();
    let month = parts.first()?.to_lowercase();
    let month = MONTHS.iter().position(|name| *name == month)? + 1;
    match parts.as_slice() {
        [_, year] => expiry(year, &month.to_string()),
        [_, day, year] if year.len() == 4 => {
            let number: u8 = day.parse().ok().filter(|_| is_number(day))?;
            let date = expiry(year, &month.to_string())?;
            (1..=31)
                .contains(&number)
                .then(|| format!("{date}-{number:02}"))
        }
        _ => None,
    }
}

/// A moment that is counted from 1970 in seconds or milliseconds; before it, as birthdays are, the number is negative.
pub(super) fn from_epoch(text: &str) -> Option<String> {
    let format =
        format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    moment_of(text, FIRST_MILLISECONDS)?.format(format).ok()
}

/// The day of a moment that was midnight where the user lives: the one whose midnight in UTC is nearest. New Zealand's
/// summer, thirteen hours ahead, is counted with the east; almost nobody lives eleven hours behind.
pub(super) fn day_from_epoch(text: &str) -> Option<String> {
    let moment = moment_of(text, FIRST_MILLISECONDS_OF_DAYS)?;
    let day = moment.checked_add(Duration::hours(13))?;
    day.format(format_description!("[year]-[month]-[day]")).ok()
}

fn moment_of(text: &str, first_milliseconds: u64) -> Option<OffsetDateTime> {
    let text = text.trim();
    let digits = text.strip_prefix('-').unwrap_or(text);
    let number: i64 = text.parse().ok().filter(|_| is_number(digits))?;
    let milliseconds = if number.unsigned_abs() < first_milliseconds {
        number.checked_mul(1000)?
    } else {
        number
    };
    let moment = OffsetDateTime::from_unix_timestamp_nanos(i128::from(milliseconds) * 1_000_000);
    let moment = moment.ok().filter(|moment| moment.year() > 0);
    moment.filter(|_| number != 0)
}

/// A day with its month and day in two digits each: `2032-1-30` is `2032-01-30`.
pub(super) fn padded_day(text: &str) -> Option<String> {
    let parts: Vec<&str> = text.trim().split('-').collect();
    let [year, month, day] = parts.as_slice() else {
        return None;
    };
    if year.len() != 4 {
        return None;
    }
    let date = expiry(year, month)?;
    let number: u8 = day.parse().ok().filter(|_| is_number(day))?;
    (1..=31)
        .contains(&number)
        .then(|| format!("{date}-{number:02}"))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expiry_dates_are_months_or_left_alone() {
        for (year, month, date) in [
            ("2029", "6", Some("2029-06")),
            ("29", "12", Some("2029-12")),
            ("2029", "13", None),
            ("2029", "0", None),
            ("2029", "+6", None),
            ("", "6", None),
            ("202", "6", None),
            ("٢٠", "6", None),
        ] {
            assert_eq!(expiry(year, month).as_deref(), date, "{year}/{month}");
        }
    }

    #[test]
    fn expiry_dates_in_one_text_have_their_month_first_or_last() {
        for (text, date) in [
            ("06/2030", Some("2030-06")),
            ("6/30", Some("2030-06")),
            ("2030-06", Some("2030-06")),
            ("06-2030", Some("2030-06")),
            ("062030", Some("2030-06")),
            ("203006", Some("2030-06")),
            ("201320", None),
            ("June,2030", Some("2030-06")),
            ("2030-06-01", None),
            ("é62030", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(card_expiry(text).as_deref(), date, "{text}");
        }
    }

    #[test]
    fn months_by_name_are_understood_in_english_alone() {
        for (text, date) in [
            ("April,29", Some("2029-04")),
            ("august, 23,1990", Some("1990-08-23")),
            ("August,3,1990", Some("1990-08-03")),
            ("August,32,1990", None),
            ("August,,1990", None),
            ("Juni,2030", None),
            (",", None),
        ] {
            assert_eq!(written_out(text).as_deref(), date, "{text}");
        }
    }

    #[test]
    fn moments_are_seconds_or_milliseconds() {
        for (text, date) in [
            ("1600000000", Some("2020-09-13T12:26:40.000Z")),
            ("1600000000123", Some("2020-09-13T12:26:40.123Z")),
            ("0", None),
            ("-", None),
            ("--5", None),
            ("+5", None),
            ("-648597600000", Some("1949-06-13T02:00:00.000Z")),
            ("-99999999999999999", None),
            ("yesterday", None),
            ("99999999999999999", None),
        ] {
            assert_eq!(from_epoch(text).as_deref(), date, "{text}");
        }
    }

    #[test]
    fn days_are_those_of_the_midnight_where_the_user_lives() {
        for (text, date) in [
            // The same midnight two hours ahead, at none, four behind, thirteen ahead, ten behind.
            ("648597600000", Some("1990-07-22")),
            ("648604800000", Some("1990-07-22")),
            ("648619200000", Some("1990-07-22")),
            ("648558000000", Some("1990-07-22")),
            ("648640800000", Some("1990-07-22")),
            ("-648597600000", Some("1949-06-13")),
            ("31532400000", Some("1971-01-01")),
            ("0", None),
            ("soon", None),
            ("253402300799999", None),
        ] {
            assert_eq!(day_from_epoch(text).as_deref(), date, "{text}");
        }
    }

    #[test]
    fn days_with_single_digits_are_padded() {
        for (text, date) in [
            ("2032-1-30", Some("2032-01-30")),
            ("2032-01-3", Some("2032-01-03")),
            ("2032-1", None),
            ("32-1-3", None),
            ("2032-13-3", None),
            ("2032-1-32", None),
            ("2032-1-+3", None),
        ] {
            assert_eq!(padded_day(text).as_deref(), date, "{text}");
        }
    }
}
