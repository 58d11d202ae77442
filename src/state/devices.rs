//! The devices that write to a vault: what they are called, which of them are retired, what has not arrived of each and
//! what each had not seen (vault-format.md, sections 5.2 and 5.8). Reads only; serves reports, never what is kept.

use super::change::PlannedOperation;
use super::codec;
use super::fold::{Oddity, State};
use super::op::{RecordHead, Tag};
use super::runs::Folded;
use crate::model::ids::{DeviceId, FieldId, RecordId};
use crate::model::moment::{CLOCK_TOLERANCE_MILLISECONDS, Clock, Moment};
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Of this many devices, those that changed something last, it is worked out what they had not seen: each costs a look at
/// all records, and whoever holds the key could write any number of devices.
pub const DEVICES_COMPARED: usize = 64;

/// A device as it is listed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DeviceRow {
    /// The device.
    pub id: DeviceId,
    /// What it is called, or was when it was retired; empty where it has no name. Anybody with the key chose it: escape it.
    pub name: String,
    /// Whether it is in use.
    pub standing: Standing,
    /// When it wrote its newest record, by its own clock; none where it has not written yet.
    pub last_change: Option<Moment>,
    /// How many records of it are here.
    pub records: usize,
    /// Records that it wrote for certain and that have not arrived; 0 for a retired device.
    pub ahead: u64,
    /// Records here that it had not seen when it wrote its newest one, as far as its records tell: it may have read them
    /// since. 0 for this device; none beyond the [`DEVICES_COMPARED`] devices.
    pub behind: Option<usize>,
    /// What is wrong with its clock.
    pub clock: ClockState,
}

/// Whether a device is in use.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Standing {
    /// It is the one that asks.
    This,
    /// Another one.
    Other,
    /// Somebody said that it is no more.
    Retired,
}

/// What the records of a device tell of its clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum ClockState {
    /// Nothing is wrong with it.
    Plausible,
    /// A record of it is more than 24 h in the future, by this many milliseconds.
    Ahead(u64),
    /// Its newest record is more than 24 h older than one that it had seen, by this many milliseconds.
    Behind(u64),
}

impl State {
    /// What devices are called: by the newest naming that stands; a retired one keeps its last name.
    #[must_use]
    pub fn device_names(&self) -> BTreeMap<DeviceId, String> {
        let operations = self.operations_on_vault();
        let mut all: Vec<&Folded<'_>> = operations.iter().collect();
        all.sort_by_key(|operation| self.order_of(operation));
        // A later one takes the place of an earlier one; those that stand come last, oldest first.
        let heads = self.heads(&operations);
        let namings = all.into_iter().chain(heads.into_iter().rev());
        namings
            .filter_map(naming_of)
            .filter(|(_, name)| !name.is_empty())
            .map(|(device, name)| (device, name.to_owned()))
            .collect()
    }

    /// Devices of which the newest naming that stands is empty.
    #[must_use]
    pub fn retired_devices(&self) -> BTreeSet<DeviceId> {
        let operations = self.operations_on_vault();
        let heads = self.heads(&operations);
        let namings = heads.iter().rev().filter_map(|head| naming_of(head));
        let newest: BTreeMap<DeviceId, &str> = namings.collect();
        let retired = newest.into_iter().filter(|(_, name)| name.is_empty());
        retired.map(|(device, _)| device).collect()
    }

    /// Whether a device has a name and is not retired, so that its next record need not name it.
    #[must_use]
    pub fn is_device_named(&self, device: DeviceId) -> bool {
        self.device_names().contains_key(&device) && !self.retired_devices().contains(&device)
    }

    /// The operation that gives a device its name in the place of those that it has; an empty name retires it.
    #[must_use]
    pub fn plan_device_name(&self, device: DeviceId, name: &str) -> PlannedOperation {
        let field = Some(FieldId::Custom(device.0));
        let operations = self.operations_on_vault();
        let heads = self.heads(&operations).into_iter();
        let replaces = heads
            .filter(|head| head.field == field)
            .map(|head| self.dot_of(head));
        PlannedOperation {
            replaces: replaces.collect(),
            ..PlannedOperation::on_vault(Tag::DEVICE, field, codec::write_text(name))
        }
    }

    /// Every device that wrote a record, and `own`: those in use first, the last to change something first.
    #[must_use]
    pub fn device_rows(&self, own: DeviceId, now: Moment) -> Vec<DeviceRow> {
        let histories = Histories::new(self, own);
        let (names, retired, gaps) = (self.device_names(), self.retired_devices(), self.gaps());
        let mut order: Vec<usize> = (0..histories.devices.len()).collect();
        order.sort_by_key(|at| {
            let (device, records) = &histories.devices[*at];
            let last_change = records.last().map(|head| head.clock.moment());
            (retired.contains(device), Reverse(last_change), *device)
        });
        let rows = order.into_iter().zip(0..).map(|(at, place)| {
            let (device, records) = &histories.devices[at];
            let reach = (place < DEVICES_COMPARED).then(|| histories.reach_of(at, now));
            let behind = reach
                .as_ref()
                .map(|reach| self.record_count().saturating_sub(reach.count));
            let is_own = *device == own;
            DeviceRow {
                id: *device,
                name: names.get(device).cloned().unwrap_or_default(),
                standing: match (retired.contains(device), is_own) {
                    (true, _) => Standing::Retired,
                    (false, true) => Standing::This,
                    (false, false) => Standing::Other,
                },
                last_change: records.last().map(|head| head.clock.moment()),
                records: records.len(),
                ahead: gaps.get(device).copied().unwrap_or_default(),
                behind: if is_own { Some(0) } else { behind },
                clock: clock_state(records, reach.map(|reach| reach.newest), now),
            }
        });
        rows.collect()
    }

    /// Records of each device that were written and have not arrived.
    #[must_use]
    pub fn gaps(&self) -> BTreeMap<DeviceId, u64> {
        let mut gaps: BTreeMap<DeviceId, u64> = BTreeMap::new();
        for oddity in self.oddities() {
            if let Oddity::Gap(device, count) = oddity {
                let sum = gaps.entry(device).or_default();
                *sum = sum.saturating_add(count);
            }
        }
        gaps
    }
}

/// Device and name of a DEVICE operation that this version can read.
fn naming_of<'a>(operation: &Folded<'a>) -> Option<(DeviceId, &'a str)> {
    match operation.field {
        Some(FieldId::Custom(device)) if operation.tag == Tag::DEVICE => {
            codec::parse_text(operation.body).map(|name| (DeviceId(device), name))
        }
        _ => None,
    }
}

fn clock_state(records: &[RecordHead], seen: Option<Clock>, now: Moment) -> ClockState {
    let furthest = records.iter().map(|head| head.clock).max();
    if let Some(clock) = furthest.filter(|clock| clock.is_ahead_of(now)) {
        return ClockState::Ahead(clock.moment().0.saturating_sub(now.0));
    }
    let (Some(last), Some(seen)) = (records.last(), seen) else {
        return ClockState::Plausible;
    };
    match seen.moment().0.saturating_sub(last.clock.moment().0) {
        lag if lag > CLOCK_TOLERANCE_MILLISECONDS => ClockState::Behind(lag),
        _ => ClockState::Plausible,
    }
}

/// The records of each device in the order of their numbers, and where each lies.
struct Histories {
    devices: Vec<(DeviceId, Vec<RecordHead>)>,
    places: HashMap<RecordId, (usize, usize)>,
}

/// What a device had seen when it wrote its newest record.
struct Reach {
    /// How many records.
    count: usize,
    /// The newest of their clocks that is not more than 24 h in the future.
    newest: Clock,
}

impl Histories {
    fn new(state: &State, own: DeviceId) -> Self {
        let mut by_device: BTreeMap<DeviceId, Vec<RecordHead>> = BTreeMap::new();
        by_device.insert(own, Vec::new());
        for head in state.record_heads() {
            by_device.entry(head.device).or_default().push(head);
        }
        let mut devices: Vec<(DeviceId, Vec<RecordHead>)> = by_device.into_iter().collect();
        let mut places = HashMap::new();
        for ((_, records), device) in devices.iter_mut().zip(0..) {
            records.sort_by_key(|head| (head.seq, head.clock, head.id));
            places.extend(
                records
                    .iter()
                    .zip(0..)
                    .map(|(head, at)| (head.id, (device, at))),
            );
        }
        Self { devices, places }
    }

    /// Goes from the device's newest record to all that it names, and on from there. Who saw a record of a device saw those
    /// before it: a gap hides nothing that is here.
    fn reach_of(&self, device: usize, now: Moment) -> Reach {
        let mut reached = vec![0; self.devices.len()];
        let mut newest = Clock::default();
        let mut open = vec![(device, self.devices[device].1.len())];
        while let Some((device, end)) = open.pop() {
            let begin = reached[device];
            let news = self.devices[device].1.get(begin..end).unwrap_or_default();
            reached[device] = begin.max(end);
            for head in news {
                if !head.clock.is_ahead_of(now) {
                    newest = newest.max(head.clock);
                }
                let named = head.seen.iter().chain(&head.previous);
                let places = named.filter_map(|id| self.places.get(id));
                open.extend(places.map(|(device, at)| (*device, at + 1)));
            }
        }
        let count = reached.iter().sum();
        Reach { count, newest }
    }
}
