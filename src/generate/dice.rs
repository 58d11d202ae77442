//! Unbiased choices out of random bytes. Rejects, never reduces: a remainder alone would favour small numbers.

use rand::CryptoRng;
use zeroize::Zeroizing;

/// Bytes asked for at once; a password of 20 characters takes about 27, and an OS generator costs a call each time.
const BUFFER_BYTES: usize = 64;

/// A source of unbiased numbers. What it buffered is wiped when dropped.
pub(super) struct Dice<'a> {
    rng: &'a mut dyn CryptoRng,
    buffer: Zeroizing<[u8; BUFFER_BYTES]>,
    used: usize,
}

impl<'a> Dice<'a> {
    pub(super) fn new(rng: &'a mut dyn CryptoRng) -> Self {
        Self {
            rng,
            buffer: Zeroizing::new([0; BUFFER_BYTES]),
            used: BUFFER_BYTES,
        }
    }

    /// A number from 0 to `sides` - 1, each equally likely. `sides` is 1 to 65,536.
    pub(super) fn below(&mut self, sides: usize) -> usize {
        if sides <= 1 << 8 {
            let fair = (1 << 8) - (1 << 8) % sides;
            loop {
                let [byte] = self.take();
                if usize::from(byte) < fair {
                    return usize::from(byte) % sides;
                }
            }
        }
        let fair = (1 << 16) - (1 << 16) % sides;
        loop {
            let number = usize::from(u16::from_le_bytes(self.take()));
            if number < fair {
                return number % sides;
            }
        }
    }

    /// 32 random bits.
    pub(super) fn word(&mut self) -> u32 {
        u32::from_le_bytes(self.take())
    }

    /// One of the choices, each equally likely.
    pub(super) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        *choices
            .get(self.below(choices.len()))
            .expect("a number below the length, and no empty choices")
    }

    fn take<const BYTES: usize>(&mut self) -> [u8; BYTES] {
        loop {
            let rest = self.buffer.get(self.used..).unwrap_or(&[]);
            if let Some(bytes) = rest.first_chunk::<BYTES>() {
                self.used += BYTES;
                return *bytes;
            }
            self.rng.fill_bytes(self.buffer.as_mut_slice());
            self.used = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn every_side_comes_up_and_none_beyond() {
        let mut rng = StdRng::seed_from_u64(1);
        let mut dice = Dice::new(&mut rng);
        for sides in [1, 2, 94, 255, 256, 257, 1000] {
            let mut seen = vec![0_u32; sides];
            for _ in 0..sides * 40 {
                seen[dice.below(sides)] += 1;
            }
            assert!(seen.iter().all(|count| *count > 0), "{sides}");
        }
    }
}
