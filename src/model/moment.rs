//! Times: milliseconds since 1970-01-01 UTC, and the hybrid logical clock that orders records.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

/// 9999-12-31T23:59:59.999Z.
const LAST_MILLISECOND: u64 = 253_402_300_799_999;

/// A wall-clock time in milliseconds since 1970-01-01T00:00:00Z.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
)]
pub struct Moment(pub u64);

impl Moment {
    /// RFC 3339 in UTC with three decimals; past the year 9999 its last millisecond.
    #[must_use]
    pub fn to_rfc3339(self) -> String {
        let nanoseconds = i128::from(self.0.min(LAST_MILLISECOND)) * 1_000_000;
        let format = format_description!(
            "[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z"
        );
        let moment = OffsetDateTime::from_unix_timestamp_nanos(nanoseconds)
            .unwrap_or(OffsetDateTime::UNIX_EPOCH);
        moment.format(format).unwrap_or_default()
    }

    /// Reads RFC 3339; `None` for anything else and for times before 1970.
    #[must_use]
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let moment = OffsetDateTime::parse(text, &Rfc3339).ok()?;
        u64::try_from(moment.unix_timestamp_nanos() / 1_000_000)
            .ok()
            .map(Self)
    }

    /// Whole seconds since 1970.
    #[must_use]
    pub fn seconds(self) -> u64 {
        self.0 / 1000
    }
}

/// A hybrid logical clock reading: 48 bits of milliseconds, 16 bits of counter.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
)]
pub struct Clock(pub u64);

/// How far ahead of the wall clock another device's reading may be and still push this device's own.
pub const CLOCK_TOLERANCE_MILLISECONDS: u64 = 24 * 60 * 60 * 1000;

impl Clock {
    /// The reading's wall-clock part.
    #[must_use]
    pub fn moment(self) -> Moment {
        Moment(self.0 >> 16)
    }

    /// The next reading of a device that has seen `newest`, at wall-clock time `now`: later than both, except that a
    /// reading more than 24 h ahead of `now` is not followed.
    #[must_use]
    pub fn after(newest: Self, now: Moment) -> Self {
        let wall = Self((now.0 & 0xFFFF_FFFF_FFFF) << 16);
        if newest.is_ahead_of(now) || newest < wall {
            wall
        } else {
            Self(newest.0.saturating_add(1))
        }
    }

    /// Whether the reading is more than 24 h ahead of `now`.
    #[must_use]
    pub fn is_ahead_of(self, now: Moment) -> bool {
        self.moment().0 > now.0.saturating_add(CLOCK_TOLERANCE_MILLISECONDS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_round_trip() {
        let moment = Moment(1_795_447_609_250);
        assert_eq!(moment.to_rfc3339(), "2026-11-23T15:26:49.250Z");
        assert_eq!(Moment::parse_rfc3339(&moment.to_rfc3339()), Some(moment));
        assert_eq!(Moment(0).to_rfc3339(), "1970-01-01T00:00:00.000Z");
        assert_eq!(Moment::parse_rfc3339("1969-12-31T23:59:59Z"), None);
        assert_eq!(Moment(u64::MAX).to_rfc3339(), "9999-12-31T23:59:59.999Z");
    }

    #[test]
    fn the_clock_never_goes_back_and_ignores_the_far_future() {
        let now = Moment(1_000_000_000);
        let first = Clock::after(Clock(0), now);
        assert_eq!(first.moment(), now);
        assert!(Clock::after(first, now) > first);
        assert!(Clock::after(first, Moment(now.0 - 5)) > first);
        let far = Clock((now.0 + CLOCK_TOLERANCE_MILLISECONDS + 1) << 16);
        assert_eq!(Clock::after(far, now), first);
    }
}
