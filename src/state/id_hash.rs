//! A quick hash for ids, which are 16 random bytes.
//!
//! Ids come from whoever holds the key, and such a one could choose ids that collide to slow this device down; so the
//! hash is keyed anew in every process, like the standard library's, and mixes all bytes with one wide product.

use std::hash::{BuildHasher, Hasher, RandomState};

/// Makes hashers under two keys of this map.
#[derive(Clone)]
pub struct IdHash {
    keys: [u64; 2],
}

impl Default for IdHash {
    fn default() -> Self {
        let random = RandomState::new();
        Self {
            keys: [random.hash_one(0_u8), random.hash_one(1_u8)],
        }
    }
}

impl BuildHasher for IdHash {
    type Hasher = IdHasher;

    fn build_hasher(&self) -> IdHasher {
        IdHasher {
            state: self.keys[0],
            key: self.keys[1],
        }
    }
}

/// One hash in the making.
pub struct IdHasher {
    state: u64,
    key: u64,
}

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        for part in bytes.chunks(16) {
            let mut block = [0; 16];
            for (to, byte) in block.iter_mut().zip(part) {
                *to = *byte;
            }
            let [low, high] = halves(u128::from_le_bytes(block));
            let product = u128::from(low ^ self.state) * u128::from(high ^ self.key);
            let [low, high] = halves(product);
            self.state = low ^ high;
        }
    }

    fn write_usize(&mut self, _length: usize) {
        // The length prefix of an array, the same for every id; or which kind of field follows, which the id tells too.
    }

    fn finish(&self) -> u64 {
        let [low, high] = halves(u128::from(self.state ^ self.key) * MULTIPLIER);
        low ^ high
    }
}

/// Odd, with bits spread evenly: the golden ratio in 64 bits.
const MULTIPLIER: u128 = 0x9e37_79b9_7f4a_7c15;

fn halves(wide: u128) -> [u64; 2] {
    let bytes = wide.to_le_bytes();
    let half = |at: usize| {
        bytes
            .iter()
            .skip(at)
            .take(8)
            .rev()
            .fold(0, |sum, byte| sum << 8 | u64::from(*byte))
    };
    [half(0), half(8)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ids::ItemId;
    use std::collections::HashSet;

    #[test]
    fn ids_that_differ_in_one_bit_hash_apart() {
        let hash = IdHash::default();
        let ids = (0..128).map(|bit| ItemId((1_u128 << bit).to_le_bytes()));
        let hashes: HashSet<u64> = ids.map(|id| hash.hash_one(id)).collect();
        assert_eq!(hashes.len(), 128);
    }

    #[test]
    fn another_map_has_other_hashes() {
        let id = ItemId([7; 16]);
        assert_ne!(
            IdHash::default().hash_one(id),
            IdHash::default().hash_one(id)
        );
    }
}
