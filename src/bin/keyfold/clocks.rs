//! How long the machine runs and how long of that it was awake: a difference that grows says that it slept.

use rustix::time::{ClockId, clock_gettime};
use std::time::Duration;

/// Sleep of less than this is a hiccup of the two readings.
const SLEPT: Duration = Duration::from_secs(1);

/// Both clocks at one moment, since the machine started.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clocks {
    /// With the time that it slept.
    pub(crate) boot: Duration,
    /// Awake alone.
    pub(crate) awake: Duration,
}

impl Clocks {
    pub(crate) fn now() -> Self {
        // The awake time first: what passes between the two readings then looks like no sleep that was missed.
        let awake = read(ClockId::Monotonic);
        Self {
            awake,
            boot: read(boot_clock()),
        }
    }

    fn asleep(self) -> Duration {
        self.boot.saturating_sub(self.awake)
    }

    /// Whether the machine slept between an earlier moment and this one.
    pub(crate) fn slept_since(self, earlier: Self) -> bool {
        self.asleep() > earlier.asleep() + SLEPT
    }
}

#[cfg(target_os = "linux")]
fn boot_clock() -> ClockId {
    ClockId::Boottime
}

/// Elsewhere the clock that is there is the best there is.
#[cfg(not(target_os = "linux"))]
fn boot_clock() -> ClockId {
    ClockId::Monotonic
}

fn read(clock: ClockId) -> Duration {
    let time = clock_gettime(clock);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    let nanoseconds = u32::try_from(time.tv_nsec).unwrap_or_default();
    Duration::new(seconds, nanoseconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clocks(boot: u64, awake: u64) -> Clocks {
        Clocks {
            boot: Duration::from_secs(boot),
            awake: Duration::from_secs(awake),
        }
    }

    #[test]
    fn time_that_passes_awake_is_no_sleep_and_a_jump_of_the_boot_clock_is() {
        let earlier = clocks(1000, 900);
        assert!(!clocks(5000, 4900).slept_since(earlier));
        assert!(!clocks(1001, 900).slept_since(earlier));
        assert!(clocks(1002, 900).slept_since(earlier));
        assert!(clocks(90_000, 950).slept_since(earlier));
    }

    #[test]
    fn the_real_clocks_go_on() {
        let earlier = Clocks::now();
        let later = Clocks::now();
        assert!(later.boot >= earlier.boot && !later.slept_since(earlier));
    }
}
