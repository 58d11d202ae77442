//! Which backups are kept: a function of the times at which they were made, and nothing else.
//!
//! Every rule says what stays; what no rule names may go. Without a rule nothing goes, and the newest one never does.

use super::CLOCK_SLACK_MILLISECONDS;
use crate::model::moment::Moment;
use std::collections::BTreeSet;
use time::OffsetDateTime;

/// Rules, each a number of backups: as restic and borg have them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Keep {
    /// The newest ones.
    pub last: Option<usize>,
    /// The newest one of each of so many days that have any; days, weeks and months are those of UTC.
    pub daily: Option<usize>,
    /// The newest one of each of so many weeks that have any; a week begins on Monday.
    pub weekly: Option<usize>,
    /// The newest one of each of so many months that have any.
    pub monthly: Option<usize>,
}

/// What two backups of one period have in common.
type Period = (i32, i32);

/// A rule's number, and the period that a time is in.
type Rule = (Option<usize>, fn(Moment) -> Period);

impl Keep {
    /// Whether there is no rule: then everything is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Which of these times no rule keeps. What is dated in the future, by a clock that was wrong, neither counts nor goes:
    /// it would crowd out all that is right.
    #[must_use]
    pub fn surplus(&self, made: &[Moment], now: Moment) -> BTreeSet<Moment> {
        let latest = Moment(now.0.saturating_add(CLOCK_SLACK_MILLISECONDS));
        let credible: BTreeSet<Moment> = made.iter().copied().filter(|at| *at <= latest).collect();
        let newest_first: Vec<Moment> = credible.iter().rev().copied().collect();
        if self.is_empty() {
            return BTreeSet::new();
        }
        let mut kept: BTreeSet<Moment> = newest_first.iter().take(1).copied().collect();
        kept.extend(newest_first.iter().take(self.last.unwrap_or_default()));
        let by_period: [Rule; 3] = [
            (self.daily, day),
            (self.weekly, week),
            (self.monthly, month),
        ];
        for (count, period) in by_period {
            let mut seen = BTreeSet::new();
            let firsts = newest_first.iter().filter(|at| seen.insert(period(**at)));
            kept.extend(firsts.take(count.unwrap_or_default()));
        }
        credible.difference(&kept).copied().collect()
    }
}

fn date(at: Moment) -> time::Date {
    let seconds = i64::try_from(at.seconds()).unwrap_or(i64::MAX);
    OffsetDateTime::from_unix_timestamp(seconds).map_or(time::Date::MAX, OffsetDateTime::date)
}

fn day(at: Moment) -> Period {
    let date = date(at);
    (date.year(), i32::from(date.ordinal()))
}

fn week(at: Moment) -> Period {
    let (year, week, _) = date(at).to_iso_week_date();
    (year, i32::from(week))
}

fn month(at: Moment) -> Period {
    let date = date(at);
    (date.year(), i32::from(u8::from(date.month())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HOUR: u64 = 60 * 60 * 1000;
    const DAY: u64 = 24 * HOUR;
    /// 2026-11-23T15:26:49.250Z, a Monday.
    const NOW: Moment = Moment(1_795_447_609_250);

    /// Slow and plain: a backup stays if fewer than the rule's number of newer backups are the newest of their period.
    fn is_kept(keep: &Keep, made: &[Moment], at: Moment) -> bool {
        let days = |at: Moment| at.0 / DAY;
        // 1970-01-01 was a Thursday.
        let weeks = |at: Moment| (at.0 / DAY + 3) / 7;
        let months = |at: Moment| {
            let text = at.to_rfc3339();
            text[..7].replace('-', "").parse::<u64>().unwrap()
        };
        let same = |period: &dyn Fn(Moment) -> u64, one: Moment, other: Moment| {
            period(one) == period(other)
        };
        let rule = |count: Option<usize>, period: &dyn Fn(Moment) -> u64| {
            let is_newest_of_its = |one: Moment| {
                !made
                    .iter()
                    .any(|other| *other > one && same(period, *other, one))
            };
            let newer = made
                .iter()
                .filter(|other| **other > at && is_newest_of_its(**other));
            is_newest_of_its(at) && newer.count() < count.unwrap_or_default()
        };
        made.iter().all(|other| *other <= at)
            || rule(keep.last, &|at| at.0)
            || rule(keep.daily, &days)
            || rule(keep.weekly, &weeks)
            || rule(keep.monthly, &months)
    }

    fn times() -> impl Strategy<Value = Vec<Moment>> {
        let ages = prop_oneof![0..3 * DAY, 0..60 * DAY, 0..800 * DAY];
        let made = ages.prop_map(|age| Moment((NOW.0 - age) / 1000 * 1000));
        prop::collection::btree_set(made, 0..40).prop_map(|set| set.into_iter().collect())
    }

    fn rules() -> impl Strategy<Value = Keep> {
        let rule = || prop::option::of(0..8_usize);
        (rule(), rule(), rule(), rule()).prop_map(|(last, daily, weekly, monthly)| Keep {
            last,
            daily,
            weekly,
            monthly,
        })
    }

    proptest! {
        #[test]
        fn what_goes_is_what_no_rule_names(made in times(), keep in rules()) {
            let surplus = keep.surplus(&made, NOW);
            for at in &made {
                let stays = keep.is_empty() || is_kept(&keep, &made, *at);
                prop_assert_eq!(surplus.contains(at), !stays, "{:?} {:?}", keep, at);
            }
            // At least one is left, and what is left has no surplus of its own.
            prop_assert!(made.is_empty() || surplus.len() < made.len());
            let left: Vec<Moment> = made.iter().copied().filter(|at| !surplus.contains(at)).collect();
            prop_assert_eq!(keep.surplus(&left, NOW), BTreeSet::new());
        }
    }

    #[test]
    fn what_a_wrong_clock_dated_in_the_future_crowds_nothing_out_and_stays() {
        let keep = Keep {
            last: Some(1),
            ..Keep::default()
        };
        let made = [
            Moment(NOW.0 - DAY),
            Moment(NOW.0 - HOUR),
            Moment(NOW.0 + 400 * DAY),
        ];
        assert_eq!(keep.surplus(&made, NOW), BTreeSet::from([made[0]]));
        // A clock that was set back to before all of them touches none.
        assert_eq!(
            keep.surplus(&made, Moment(NOW.0 - 2 * DAY)),
            BTreeSet::new()
        );
    }
}
