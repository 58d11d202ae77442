//! The vaults that an agent holds, and when each is locked: by a limit, by a sleep of the machine, by whoever asks for it.

use super::clocks::Clocks;
use crate::context::now;
use keyfold::storage::RealStorage;
use keyfold::vault::{Places, Vault, VaultError, locate};
use keyfold::wire::{HeldVault, HoldLimits, Holding};
use rand::rngs::StdRng;
use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The clocks are looked at this often while a vault is held, for a sleep that nothing else told of.
const GLANCE: Duration = Duration::from_secs(5);
/// Vault files and their copies are looked at this often without a question.
pub(super) const LOOK: Duration = Duration::from_secs(30);

/// All vaults of an agent.
#[derive(Default)]
pub(super) struct Holds {
    held: Mutex<HashMap<Places, Arc<Held>>>,
    changed: Condvar,
}

/// One of them. Its mutex lets one question at a time into it, and keeps nobody from the others.
pub(super) struct Held {
    vault: Mutex<Option<Open>>,
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
        let clocks = Clocks::now();
        let held = Held {
            vault: Mutex::new(Some(Open { vault, rng })),
            limits: holding.limits,
            times: Mutex::new(Times {
                opened: clocks,
                used: clocks,
            }),
        };
        let former = locked(&self.held).insert(holding.places.clone(), Arc::new(held));
        if let Some(former) = former {
            former.forget();
        }
        self.changed.notify_all();
        Ok(())
    }

    /// A vault that is asked something: its time begins anew. `None` where it is not held, or not any more.
    pub(super) fn get(&self, places: &Places) -> Option<Arc<Held>> {
        let clocks = Clocks::now();
        let held = locked(&self.held).get(places).cloned()?;
        if held.is_over(clocks) {
            self.lock(places);
            return None;
        }
        locked(&held.times).used = clocks;
        Some(held)
    }

    /// Forgets a vault and its keys.
    pub(super) fn lock(&self, places: &Places) {
        // In a statement of its own: whoever waits for the vault must not keep the others waiting.
        let held = locked(&self.held).remove(places);
        if let Some(held) = held {
            held.forget();
        }
    }

    /// Forgets all vaults.
    pub(super) fn lock_all(&self) {
        let held: Vec<Arc<Held>> = locked(&self.held).drain().map(|(_, held)| held).collect();
        for held in held {
            held.forget();
        }
    }

    /// What is held, by path.
    pub(super) fn list(&self) -> Vec<HeldVault> {
        let clocks = Clocks::now();
        let held = locked(&self.held);
        let rows = held.iter().map(|(places, held)| HeldVault {
            places: places.clone(),
            locks_in_secs: held.left(clocks).map(|left| left.as_secs()),
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
            let next = held.values().filter_map(|held| held.left(clocks)).min();
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
        let over: Vec<Places> = locked(&self.held)
            .iter()
            .filter(|(_, held)| held.is_over(clocks))
            .map(|(places, _)| places.clone())
            .collect();
        for places in over {
            self.lock(&places);
        }
    }

    /// Looks at the files of vaults that nobody asks anything just now: copies merge, and what waits is delivered.
    pub(super) fn look_around(&self) {
        let all: Vec<(Places, Arc<Held>)> = locked(&self.held)
            .iter()
            .map(|(places, held)| (places.clone(), Arc::clone(held)))
            .collect();
        for (places, held) in all {
            let Ok(mut open) = held.vault.try_lock() else {
                continue;
            };
            let looked = open.as_mut().map(Open::look);
            drop(open);
            if let Some(Err(VaultError::Unlock(_))) = looked {
                self.lock(&places);
            }
        }
    }
}

impl Held {
    /// The vault, when it is its turn; `None` where it was locked meanwhile.
    pub(super) fn open(&self) -> MutexGuard<'_, Option<Open>> {
        locked(&self.vault)
    }

    fn forget(&self) {
        // Keys are wiped as they are dropped.
        drop(locked(&self.vault).take());
    }

    /// How long it is still held; `None` for ever.
    fn left(&self, clocks: Clocks) -> Option<Duration> {
        let times = locked(&self.times);
        let since = |then: Clocks| clocks.boot.saturating_sub(then.boot);
        let idle = self.limits.idle_secs.map(Duration::from_secs);
        let age = self.limits.age_secs.map(Duration::from_secs);
        let idle = idle.map(|limit| limit.saturating_sub(since(times.used)));
        let age = age.map(|limit| limit.saturating_sub(since(times.opened)));
        idle.into_iter().chain(age).min()
    }

    fn is_over(&self, clocks: Clocks) -> bool {
        let slept = clocks.slept_since(locked(&self.times).opened);
        slept || self.left(clocks) == Some(Duration::ZERO)
    }
}

impl Open {
    /// What opening does, for a vault that is open.
    pub(super) fn look(&mut self) -> Result<(), VaultError> {
        self.vault.look_again(now(), &mut self.rng)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
