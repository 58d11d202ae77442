//! Whole numbers of any size, as 32-bit limbs, lowest first: how many passwords a set of rules allows.
//!
//! Only what counting needs. Widths are the caller's: a sum must fit the slice it goes into.

use core::cmp::Ordering;

use zeroize::Zeroizing;

use super::dice::Dice;

const LIMB_BITS: u32 = 32;

/// `sum += value * factor`.
pub(super) fn add_multiple(sum: &mut [u32], value: &[u32], factor: u32) {
    let mut carry: u64 = 0;
    let mut value = value.iter();
    for limb in sum {
        let Some(product) = value
            .next()
            .map(|v| u64::from(*v) * u64::from(factor))
            .or((carry != 0).then_some(0))
        else {
            return;
        };
        // At most (2^32-1)^2 + 2 (2^32-1), which is below 2^64.
        let total = product + u64::from(*limb) + carry;
        *limb = low(total);
        carry = total >> LIMB_BITS;
    }
    debug_assert!(carry == 0 && value.all(|v| *v == 0), "the sum fits");
}

/// `left -= right`, where `right` is not larger.
pub(super) fn subtract(left: &mut [u32], right: &[u32]) {
    let mut borrow = 0;
    for (limb, taken) in left
        .iter_mut()
        .zip(right.iter().chain(core::iter::repeat(&0)))
    {
        let (once, first) = limb.overflowing_sub(*taken);
        let (twice, second) = once.overflowing_sub(borrow);
        *limb = twice;
        borrow = u32::from(first | second);
    }
    debug_assert!(borrow == 0, "nothing negative");
}

/// Whether `left` is smaller; both have the same width.
pub(super) fn is_less(left: &[u32], right: &[u32]) -> bool {
    left.iter().rev().cmp(right.iter().rev()) == Ordering::Less
}

/// log2, right to about 1e-12: the top 65 bits or more decide, the rest is below the precision of an `f64`. Zero gives
/// negative infinity.
pub(super) fn log2(number: &[u32]) -> f64 {
    let limbs = number
        .iter()
        .rposition(|limb| *limb != 0)
        .map_or(0, |top| top + 1);
    let head = limbs.saturating_sub(3);
    let leading = number
        .iter()
        .take(limbs)
        .skip(head)
        .rev()
        .fold(0.0_f64, |sum, limb| {
            sum * 4_294_967_296.0 + f64::from(*limb)
        });
    let skipped = u32::try_from(head).expect("numbers here have thousands of bits at most");
    leading.log2() + f64::from(LIMB_BITS) * f64::from(skipped)
}

/// A number from 0 to `limit` - 1, each equally likely, as wide as the limit, which is not zero.
pub(super) fn draw_below(limit: &[u32], dice: &mut Dice<'_>) -> Zeroizing<Vec<u32>> {
    let mut number = Zeroizing::new(vec![0; limit.len()]);
    let Some(top) = limit.iter().rposition(|limb| *limb != 0) else {
        return number;
    };
    let top_limb = limit.get(top).copied().unwrap_or(0);
    let mask = u32::MAX >> top_limb.leading_zeros();
    loop {
        for limb in number.iter_mut().take(top) {
            *limb = dice.word();
        }
        if let Some(limb) = number.get_mut(top) {
            *limb = dice.word() & mask;
        }
        if is_less(&number, limit) {
            return number;
        }
    }
}

fn low(wide: u64) -> u32 {
    u32::try_from(wide & u64::from(u32::MAX)).expect("masked to 32 bits")
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    fn limbs(mut value: u128) -> Vec<u32> {
        let mut limbs = Vec::new();
        for _ in 0..5 {
            limbs.push(u32::try_from(value & 0xffff_ffff).unwrap());
            value >>= 32;
        }
        limbs
    }

    #[test]
    fn arithmetic_agrees_with_the_machines() {
        let cases: [(u128, u128, u32); 4] = [
            (0, 0, 0),
            (u128::from(u64::MAX), u128::from(u64::MAX), u32::MAX),
            ((1 << 127) - 1, (1 << 90) + 12_345, 94),
            (1 << 96, (1 << 96) - 1, 1),
        ];
        for (sum, value, factor) in cases {
            let mut result = limbs(sum);
            add_multiple(&mut result, &limbs(value), factor);
            let expected = sum + value * u128::from(factor);
            assert_eq!(result, limbs(expected));
            subtract(&mut result, &limbs(value));
            assert_eq!(result, limbs(expected.wrapping_sub(value)), "{sum}");
            assert_eq!(is_less(&limbs(sum), &limbs(value)), sum < value);
        }
    }

    #[test]
    fn logarithm_is_right_to_a_billionth() {
        assert_eq!(log2(&[0, 0]), f64::NEG_INFINITY);
        assert_eq!(log2(&[1, 0, 0]), 0.0);
        // 94^1024, whose logarithm is 1024 log2(94).
        let mut power = vec![0_u32; 212];
        power[0] = 1;
        for _ in 0..1024 {
            let before = power.clone();
            add_multiple(&mut power, &before, 93);
        }
        assert!((log2(&power) - 1024.0 * 94.0_f64.log2()).abs() < 1e-9);
    }

    #[test]
    fn draws_reach_every_number_below_the_limit() {
        let mut rng = StdRng::seed_from_u64(2);
        let mut dice = Dice::new(&mut rng);
        let mut seen = [0_u32; 5];
        for _ in 0..5000 {
            let number = draw_below(&[5, 0], &mut dice);
            seen[usize::try_from(number[0]).unwrap()] += 1;
            assert_eq!(number[1], 0);
        }
        assert!(
            seen.iter().all(|count| (850..1150).contains(count)),
            "{seen:?}"
        );
    }
}
