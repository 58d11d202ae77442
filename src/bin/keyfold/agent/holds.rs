//! The vaults that an agent holds, and when each is locked: by a limit, by a sleep of the machine, by whoever asks for it.
//!
//! Nobody waits here for a vault that is at work: its keys go when its question is answered, those of all others at once.

use super::stoppable::Stoppable;
use crate::clocks::Clocks;
use crate::context::now;
use keyfold::storage::RealStorage;
use keyfold::vault::{Places, Vault, VaultError, locate};
use keyfold::wire::{HeldVault, HoldLimits, Holding};
use rand::rngs::StdRng;
use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread::sleep;
use std::time::Duration;

/// The clocks are looked at this often while a vault is held, for a sleep that nothing else told of.
const GLANCE: Duration = Duration::from_secs(5);
/// Vault files and their copies are looked at this often without a question.
pub(super) const LOOK: Duration = Duration::from_secs(30);
/// How long whoever locks waits for a vault that is at work, and how often it looks.
const AT_WORK: Duration = Duration::from_secs(5);
const MOMENT: Duration = Duration::from_millis(5);

/// Why a vault is locked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Why {
    /// Somebody said so.
    Told,
    /// It was not used for so long as its limit says.
    Unused,
    /// It was unlocked for so long as its limit says.
    Old,
    /// The machine slept.
    Slept,
    /// The machine is about to sleep.
    Sleeps,
    /// The screen was locked.
    Screen,
    /// The session is over.
    LoggedOut,
    /// The way in was closed, the key was replaced, or the vault is not there any more.
    NoWayIn,
    /// The agent ends.
    Ends,
}

impl fmt::Display for Why {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Told => "somebody said so",
            Self::Unused => "it was not used for long enough",
            Self::Old => "it was unlocked for long enough",
            Self::Slept => "the machine slept",
            Self::Sleeps => "the machine is about to sleep",
            Self::Screen => "the screen was locked",
            Self::LoggedOut => "the session is over",
            Self::NoWayIn => "the keys open it no more",
            Self::Ends => "the agent ends",
        })
    }
}

/// All vaults of an agent.
pub(super) struct Holds {
    held: Mutex<HashMap<Places, Arc<Held>>>,
    changed: Condvar,
    tell: Box<dyn Fn(&str) + Send + Sync>,
    locked: Box<dyn Fn() + Send + Sync>,
}

/// One of them. Its mutex lets one question at a time into it, and keeps nobody from the others.
pub(super) struct Held {
    vault: Mutex<Option<Open>>,
    /// Whoever still waits for the vault finds it locked.
    is_locked: AtomicBool,
    /// The disks of those who work on the vault opened once more, and so have its keys.
    aside: Mutex<Vec<Stoppable>>,
    limits: HoldLimits,
    times: Mutex<Times>,
}

/// A vault and what its questions need.
pub(super) struct Open {
    pub(super) vault: Vault,
    pub(super) rng: StdRng,
}

struct Times {
    opened: Clocks,
    used: Clocks,
}

impl Holds {
    /// None yet. `tell` takes what happens to them, for who looks on; `locked` is called whenever one was locked, for what
    /// must not outlast it.
    pub(super) fn new(
        tell: impl Fn(&str) + Send + Sync + 'static,
        locked: impl Fn() + Send + Sync + 'static,
    ) -> Self {
        Self {
            held: Mutex::default(),
            changed: Condvar::new(),
            tell: Box::new(tell),
            locked: Box::new(locked),
        }
    }

    /// Opens a vault and holds it; one that was held already is opened anew.
    pub(super) fn hold(&self, holding: &Holding, mut rng: StdRng) -> Result<(), VaultError> {
        let located = locate(Arc::new(RealStorage), &holding.places)?;
        let vault = located.open(
            holding.keys.take(),
            Some(holding.slot),
            &holding.device,
            now(),
            &mut rng,
        )?;
        vault.remember_use(now());
        let clocks = Clocks::now();
        let held = Held::new(Open { vault, rng }, holding.limits, clocks);
        let former = locked(&self.held).insert(holding.places.clone(), Arc::new(held));
        if let Some(former) = former {
            former.forget();
        }
        self.changed.notify_all();
        self.say(&holding.places, "is unlocked");
        Ok(())
    }

    /// A vault that is asked something: its time begins anew. `None` where it is not held, or not any more.
    pub(super) fn get(&self, places: &Places) -> Option<Arc<Held>> {
        let clocks = Clocks::now();
        let held = locked(&self.held).get(places).cloned()?;
        if let Some(why) = held.is_over(clocks) {
            self.lock(places, why);
            return None;
        }
        locked(&held.times).used = clocks;
        Some(held)
    }

    /// Prepares a vault for its next question, after the last one was answered: nobody waits for that. Free where little
    /// changed.
    pub(super) fn make_ready(&self, places: &Places) {
        let held = locked(&self.held).get(places).cloned();
        if let Some(held) = held {
            held.try_with(|open| open.vault.hold());
        }
    }

    /// Forgets a vault and its keys: at once, or when the question that it is at work on is answered.
    pub(super) fn lock(&self, places: &Places, why: Why) -> Option<Arc<Held>> {
        // In a statement of its own: nobody else waits meanwhile.
        let held = locked(&self.held).remove(places)?;
        held.forget();
        (self.locked)();
        self.say(places, &format!("is locked: {why}"));
        Some(held)
    }

    /// Forgets all vaults, in the same way.
    pub(super) fn lock_all(&self, why: Why) -> Vec<Arc<Held>> {
        let held: Vec<_> = locked(&self.held).drain().collect();
        // First all keys, then words about it.
        for (_, held) in &held {
            held.forget();
        }
        (self.locked)();
        let told = held.into_iter().map(|(places, held)| {
            self.say(&places, &format!("is locked: {why}"));
            held
        });
        told.collect()
    }

    /// Whether nothing is held.
    pub(super) fn is_empty(&self) -> bool {
        locked(&self.held).is_empty()
    }

    /// What is held, by path.
    pub(super) fn list(&self) -> Vec<HeldVault> {
        let clocks = Clocks::now();
        let held = locked(&self.held);
        let rows = held.iter().map(|(places, held)| HeldVault {
            places: places.clone(),
            locks_in_secs: held.left(clocks).map(|(left, _)| left.as_secs()),
        });
        let mut rows: Vec<HeldVault> = rows.collect();
        rows.sort_by(|one, other| one.places.vault_file.cmp(&other.places.vault_file));
        rows
    }

    /// Locks what is over its time, for ever. Sleeps while nothing is held.
    pub(super) fn watch(&self) -> ! {
        loop {
            self.lock_what_is_over();
            let held = locked(&self.held);
            let clocks = Clocks::now();
            let next = held.values().filter_map(|held| held.left(clocks));
            let next = next.map(|(left, _)| left).min();
            let pause = next
                .unwrap_or(GLANCE)
                .clamp(Duration::from_millis(10), GLANCE);
            if held.is_empty() {
                drop(self.changed.wait(held));
            } else {
                drop(self.changed.wait_timeout(held, pause));
            }
        }
    }

    fn lock_what_is_over(&self) {
        let clocks = Clocks::now();
        let over: Vec<(Places, Why)> = locked(&self.held)
            .iter()
            .filter_map(|(places, held)| Some((places.clone(), held.is_over(clocks)?)))
            .collect();
        for (places, why) in over {
            self.lock(&places, why);
        }
    }

    /// Looks at the files of vaults that nobody asks anything just now: copies merge, and what waits is delivered.
    pub(super) fn look_around(&self) {
        let all: Vec<Places> = locked(&self.held).keys().cloned().collect();
        for places in all {
            let held = locked(&self.held).get(&places).cloned();
            let looked =
                held.and_then(|held| held.try_with(|open| open.look().map(|()| open.vault.hold())));
            if looked.is_some_and(|looked| looked.is_err_and(|error| is_final(&error))) {
                self.lock(&places, Why::NoWayIn);
            }
        }
    }

    fn say(&self, places: &Places, what: &str) {
        (self.tell)(&format!("{} {what}.", places.vault_file.display()));
    }
}

/// Whether a vault that says so is to be locked: its keys are no use any more.
pub(super) fn is_final(error: &VaultError) -> bool {
    matches!(error, VaultError::Unlock(_) | VaultError::NoVault(_))
}

/// Gives vaults that are at work a while to finish their question, so that "locked" means that the keys are gone.
pub(super) fn wait_for(held: &[Arc<Held>]) {
    let mut waited = Duration::ZERO;
    while waited < AT_WORK && held.iter().any(|held| held.is_at_work()) {
        sleep(MOMENT);
        waited += MOMENT;
    }
}

impl Held {
    fn new(open: Open, limits: HoldLimits, clocks: Clocks) -> Self {
        Self {
            vault: Mutex::new(Some(open)),
            is_locked: AtomicBool::new(false),
            aside: Mutex::default(),
            limits,
            times: Mutex::new(Times {
                opened: clocks,
                used: clocks,
            }),
        }
    }

    /// Lets somebody at the vault when it is their turn; `None` where it was locked meanwhile.
    pub(super) fn with<T>(&self, work: impl FnOnce(&mut Open) -> T) -> Option<T> {
        self.work_on(locked(&self.vault), work)
    }

    /// Lets somebody work for long on the vault opened once more, while others ask it; `None` where it is locked before the
    /// work is done. The work ends then at its next call on the disk, and those keys go with it.
    pub(super) fn aside<T>(
        &self,
        rng: StdRng,
        work: impl FnOnce(&mut Open) -> T,
    ) -> Option<Result<T, VaultError>> {
        let disk = Stoppable::default();
        locked(&self.aside).push(disk.clone());
        let again = self.with(|open| {
            open.look()?;
            let storage = Arc::new(disk.clone());
            open.vault.open_again(storage, now(), &mut open.rng)
        });
        let done = again.map(|again| again.map(|vault| work(&mut Open { vault, rng })));
        // It was used until now, and before it is not at work any more.
        locked(&self.times).used = Clocks::now();
        locked(&self.aside).retain(|other| !other.is_same(&disk));
        done.filter(|_| !disk.is_stopped())
    }

    /// As [`Held::with`], unless somebody else is at it.
    fn try_with<T>(&self, work: impl FnOnce(&mut Open) -> T) -> Option<T> {
        self.work_on(try_locked(&self.vault)?, work)
    }

    fn work_on<T>(
        &self,
        mut vault: MutexGuard<'_, Option<Open>>,
        work: impl FnOnce(&mut Open) -> T,
    ) -> Option<T> {
        let is_locked = || self.is_locked.load(Ordering::SeqCst);
        let done = vault.as_mut().filter(|_| !is_locked()).map(work);
        drop(vault);
        // After the guard is gone: whoever locked it meanwhile either found it free or is seen here.
        if is_locked() {
            self.forget();
        }
        done
    }

    /// Wipes the keys, unless somebody is at the vault, who then does.
    fn forget(&self) {
        self.is_locked.store(true, Ordering::SeqCst);
        for disk in &*locked(&self.aside) {
            disk.stop();
        }
        if let Some(mut vault) = try_locked(&self.vault) {
            drop(vault.take());
        }
    }

    fn is_at_work(&self) -> bool {
        !locked(&self.aside).is_empty() || try_locked(&self.vault).is_none()
    }

    /// How long it is still held, and what ends it then; `None` for ever.
    fn left(&self, clocks: Clocks) -> Option<(Duration, Why)> {
        let limits = self.limits_now();
        locked(&self.times).left(limits, clocks)
    }

    /// Why it is to be locked now, if it is.
    fn is_over(&self, clocks: Clocks) -> Option<Why> {
        let limits = self.limits_now();
        locked(&self.times).is_over(limits, clocks)
    }

    /// A vault that is at work for long is used: only its age counts meanwhile.
    fn limits_now(&self) -> HoldLimits {
        let mut limits = self.limits;
        if !locked(&self.aside).is_empty() {
            limits.idle_secs = None;
        }
        limits
    }
}

impl Times {
    fn left(&self, limits: HoldLimits, clocks: Clocks) -> Option<(Duration, Why)> {
        let left = |limit: Option<u64>, then: Clocks, why| {
            let since = clocks.boot.saturating_sub(then.boot);
            let limit = limit.map(Duration::from_secs);
            limit.map(|limit| (limit.saturating_sub(since), why))
        };
        let idle = left(limits.idle_secs, self.used, Why::Unused);
        let age = left(limits.age_secs, self.opened, Why::Old);
        idle.into_iter().chain(age).min_by_key(|(left, _)| *left)
    }

    fn is_over(&self, limits: HoldLimits, clocks: Clocks) -> Option<Why> {
        if clocks.slept_since(self.opened) {
            return Some(Why::Slept);
        }
        let (left, why) = self.left(limits, clocks)?;
        left.is_zero().then_some(why)
    }
}

impl Open {
    /// What opening does, for a vault that is open.
    pub(super) fn look(&mut self) -> Result<(), VaultError> {
        self.vault.look_again(now(), &mut self.rng)
    }
}

/// `None` where somebody else has it. One that had it and panicked is no reason to keep keys.
fn try_locked<T>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    match mutex.try_lock() {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    const LIMITS: HoldLimits = HoldLimits {
        idle_secs: Some(900),
        age_secs: Some(3600),
    };

    /// So many seconds after the start, of which the machine slept some.
    fn clocks(second: u64, asleep: u64) -> Clocks {
        Clocks {
            boot: Duration::from_secs(second),
            awake: Duration::from_secs(second - asleep),
        }
    }

    #[test]
    fn use_puts_off_the_one_limit_and_not_the_other() {
        let mut times = Times {
            opened: clocks(1000, 0),
            used: clocks(1000, 0),
        };
        let is_over = |times: &Times, second| times.is_over(LIMITS, clocks(second, 0));
        assert_eq!(is_over(&times, 1899), None);
        assert_eq!(is_over(&times, 1900), Some(Why::Unused));
        for second in [1899, 2700, 3500, 4300] {
            times.used = clocks(second, 0);
            assert_eq!(is_over(&times, second), None);
        }
        let left = times.left(LIMITS, clocks(4300, 0));
        assert_eq!(left, Some((Duration::from_secs(300), Why::Old)));
        assert_eq!(is_over(&times, 4599), None);
        assert_eq!(is_over(&times, 4600), Some(Why::Old));
    }

    #[test]
    fn work_that_takes_long_is_use_until_it_ends() {
        let held = Held {
            vault: Mutex::default(),
            is_locked: AtomicBool::new(false),
            aside: Mutex::default(),
            limits: LIMITS,
            times: Mutex::new(Times {
                opened: clocks(1, 0),
                used: clocks(1, 0),
            }),
        };
        assert_eq!(held.is_over(clocks(901, 0)), Some(Why::Unused));
        locked(&held.aside).push(Stoppable::default());
        assert_eq!(held.is_over(clocks(901, 0)), None);
        let left = held.left(clocks(901, 0));
        assert_eq!(left, Some((Duration::from_secs(2700), Why::Old)));
        assert_eq!(held.is_over(clocks(3601, 0)), Some(Why::Old));
        assert_eq!(held.is_over(clocks(901, 10)), Some(Why::Slept));
        locked(&held.aside).clear();
        // Whatever became of the work.
        let before = Clocks::now();
        drop(held.aside(StdRng::from_seed([0; 32]), |_| ()));
        assert!(locked(&held.times).used.boot >= before.boot);
        assert!(!held.is_at_work());
    }

    #[test]
    fn never_is_never() {
        let limits = HoldLimits {
            idle_secs: None,
            age_secs: None,
        };
        let times = Times {
            opened: clocks(1, 0),
            used: clocks(1, 0),
        };
        assert_eq!(times.is_over(limits, clocks(1 << 40, 0)), None);
        assert_eq!(times.left(limits, clocks(1 << 40, 0)), None);
    }

    #[test]
    fn a_sleep_ends_it_whatever_the_limits_say() {
        let limits = HoldLimits {
            idle_secs: None,
            age_secs: None,
        };
        // It had slept before the vault was unlocked: that is no matter.
        let times = Times {
            opened: clocks(1000, 400),
            used: clocks(1000, 400),
        };
        assert_eq!(times.is_over(limits, clocks(1500, 400)), None);
        assert_eq!(times.is_over(limits, clocks(1500, 410)), Some(Why::Slept));
    }
}
