//! What a guess at each password costs, as the vault file itself says.

use super::{Finding, FindingKind, Scene, Severity};
use keyfold::crypto::kdf::KdfCost;
use keyfold::crypto::slot::{SLOTS_READ, UnverifiedSlot};
use keyfold::log::BLOCK;
use keyfold::log::frame::{FrameKind, HEADER_LENGTH, parse_header};
use std::fs::File;
use std::io::Read;

/// Less than one part of so many of today's default is worth a word: a slow machine may well have less than the whole.
const TOLERATED: u64 = 2;

pub(super) fn check(scene: &Scene) -> Vec<Finding> {
    let Ok(file) = File::open(&scene.places.vault_file) else {
        return Vec::new();
    };
    let mut bytes = Vec::new();
    let length = (BLOCK * (1 + SLOTS_READ)) as u64;
    if file.take(length).read_to_end(&mut bytes).is_err() {
        return Vec::new();
    }
    // Slots stand first in a file that was written as a whole.
    let frames = bytes.chunks_exact(BLOCK).skip(1);
    let slots = frames.map_while(|frame| {
        let header = parse_header(frame).filter(|header| header.kind == FrameKind::Slot)?;
        Some(UnverifiedSlot::parse(header, frame.get(HEADER_LENGTH..)?))
    });
    let usable = slots.flatten();
    usable.filter_map(|slot| finding(&slot)).collect()
}

fn finding(slot: &UnverifiedSlot) -> Option<Finding> {
    let cost = slot.cost()?;
    if work(cost) * TOLERATED >= work(KdfCost::DEFAULT) {
        return None;
    }
    let in_words = |cost: KdfCost| {
        let (mib, passes) = (cost.memory_kib() / 1024, cost.passes());
        format!("{mib} MiB and {passes} passes of Argon2id")
    };
    let id: String = slot.id().to_string().chars().take(8).collect();
    Some(Finding::new(
        FindingKind::Kdf,
        Severity::Advice,
        format!(
            "a guess at the password of way in {id} costs {}; today's default is {}",
            in_words(cost),
            in_words(KdfCost::DEFAULT)
        ),
        "keyfold passwd tunes it to this machine; the password may stay the same",
    ))
}

/// What an attacker pays for a guess: memory times passes.
fn work(cost: KdfCost) -> u64 {
    u64::from(cost.memory_kib()) * u64::from(cost.passes())
}
