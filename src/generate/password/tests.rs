//! Entropy against brute force, and draws against chi-square (attack row B21).

use std::collections::{BTreeMap, BTreeSet};

use rand::SeedableRng;
use rand::rngs::StdRng;

use super::super::deviation;
use super::super::rules::{Alphabet, Class, MAX_LENGTH, Requirement};
use super::*;

fn rng() -> StdRng {
    StdRng::seed_from_u64(0x6b65_7966)
}

fn plan(text: &str, length: usize) -> Plan {
    Plan::new(&Rules::parse(text).unwrap().with_length(length)).unwrap()
}

/// Every password of the alphabet and length that meets the rules, by trying all.
fn all_of(rules: &Checked) -> BTreeSet<Vec<u8>> {
    let mut all = vec![Vec::new()];
    for _ in 0..rules.length {
        all = all
            .into_iter()
            .flat_map(|start: Vec<u8>| {
                rules.allowed.characters().map(move |character| {
                    let mut longer = start.clone();
                    longer.push(character);
                    longer
                })
            })
            .collect();
    }
    all.retain(|password| is_met(rules, password));
    all.into_iter().collect()
}

const TINY: [(&str, usize); 12] = [
    ("allowed: [abc]", 1),
    ("allowed: [abc]", 5),
    ("required: [ab]; required: [12]", 4),
    ("required: [a]; required: [b]; required: [c]", 5),
    ("required: [ab]; required: [bc]; allowed: [d]", 4),
    ("allowed: [abc]; max-consecutive: 1", 5),
    ("allowed: [abc]; max-consecutive: 2", 6),
    ("allowed: [abc]; max-consecutive: 5", 5),
    ("required: [a]; allowed: [bc]; max-consecutive: 1", 5),
    ("required: [ab]; required: [1]; max-consecutive: 2", 6),
    (
        "required: [ab]; required: [b1]; required: [1]; max-consecutive: 3",
        5,
    ),
    ("allowed: [a]; max-consecutive: 4", 4),
];

#[test]
fn entropy_is_the_logarithm_of_a_brute_force_count() {
    for (text, length) in TINY {
        let plan = plan(text, length);
        let count = u32::try_from(all_of(&plan.rules).len()).unwrap();
        assert!(
            (plan.entropy_bits() - f64::from(count).log2()).abs() < 1e-12,
            "{text}"
        );
    }
}

#[test]
fn entropy_of_minimums_above_one_agrees_with_brute_force() {
    for (letters, digits, max_consecutive) in [
        (2, 1, None),
        (1, 3, None),
        (3, 2, None),
        (1, 4, Some(2)),
        (2, 2, Some(1)),
    ] {
        let rules = Checked {
            length: 5,
            allowed: Alphabet::of(b"ab12"),
            required: vec![
                Requirement {
                    alphabet: Alphabet::of(b"ab"),
                    at_least: letters,
                },
                Requirement {
                    alphabet: Alphabet::of(b"12"),
                    at_least: digits,
                },
            ],
            max_consecutive,
        };
        let walk = Walk::new(Machine::new(&rules).unwrap(), rules.length).unwrap();
        let counted = log2(walk.rows[rules.length].count(walk.machine.start()));
        let brute = u32::try_from(all_of(&rules).len()).unwrap();
        assert!(
            (counted - f64::from(brute).log2()).abs() < 1e-12,
            "{letters} {digits}"
        );
    }
}

#[test]
fn both_ways_of_drawing_give_every_password_the_same_chance() {
    let mut rng = rng();
    let mut dice = Dice::new(&mut rng);
    for (text, length) in TINY {
        let plan = plan(text, length);
        let walk = Walk::new(Machine::new(&plan.rules).unwrap(), length).unwrap();
        let all = all_of(&plan.rules);
        let draws = all.len() * 50;
        for way in 0..2 {
            let mut seen: BTreeMap<Vec<u8>, u64> =
                all.iter().map(|password| (password.clone(), 0)).collect();
            for _ in 0..draws {
                let drawn = match way {
                    0 => plan.draw_by_rejection(&mut dice),
                    _ => walk.draw(&mut dice),
                };
                // EXPOSE: a test counts what was drawn.
                let text = drawn.expose();
                *seen.get_mut(text.as_bytes()).expect("meets the rules") += 1;
            }
            let counts: Vec<u64> = seen.into_values().collect();
            if counts.len() > 1 {
                assert!(deviation(&counts).abs() < 5.0, "{text}, way {way}");
            }
        }
    }
}

#[test]
fn ten_million_draws_show_no_bias() {
    const PASSWORDS: usize = 500_000;
    let plan = Plan::new(&Rules::free(20)).unwrap();
    let mut rng = rng();
    let mut counts = [0_u64; 128];
    for _ in 0..PASSWORDS {
        // EXPOSE: a test counts what was drawn.
        for byte in plan.draw(&mut rng).expose().as_bytes() {
            counts[usize::from(*byte)] += 1;
        }
    }
    let counts: Vec<u64> = plan
        .characters
        .iter()
        .map(|character| counts[usize::from(*character)])
        .collect();
    assert_eq!(counts.len(), 94);
    assert_eq!(counts.iter().sum::<u64>(), 10_000_000);
    assert!(deviation(&counts).abs() < 5.0, "{}", deviation(&counts));
}

#[test]
fn ten_million_draws_of_each_class_show_no_bias() {
    for (class, characters) in [
        (Class::Lower, 26),
        (Class::Upper, 26),
        (Class::Digit, 10),
        (Class::Symbol, 32),
    ] {
        let plan = Plan::new(&Rules::only(1000, class.alphabet())).unwrap();
        let mut rng = rng();
        let mut counts = [0_u64; 128];
        for _ in 0..10_000 {
            // EXPOSE: a test counts what was drawn.
            for byte in plan.draw(&mut rng).expose().as_bytes() {
                counts[usize::from(*byte)] += 1;
            }
        }
        let counts: Vec<u64> = plan
            .characters
            .iter()
            .map(|character| counts[usize::from(*character)])
            .collect();
        assert_eq!(counts.len(), characters);
        assert_eq!(counts.iter().sum::<u64>(), 10_000_000);
        let deviation = deviation(&counts);
        assert!(deviation.abs() < 5.0, "{class:?}: {deviation}");
    }
}

#[test]
fn sets_of_ones_own_are_drawn_from_and_kept_out() {
    let mut rng = rng();
    let rules = Rules::only(6, Alphabet::parse("abc12").unwrap())
        .with_one_of(Alphabet::parse("12").unwrap())
        .without(Alphabet::parse("c").unwrap());
    let plan = Plan::new(&rules).unwrap();
    // 4^6 strings of a, b, 1, 2 less the 2^6 without a digit.
    assert!((plan.entropy_bits() - f64::from(4096 - 64).log2()).abs() < 1e-12);
    for _ in 0..100 {
        let drawn = plan.draw(&mut rng);
        // EXPOSE: a test looks at what was drawn.
        let text = drawn.expose();
        assert!(text.bytes().all(|byte| b"ab12".contains(&byte)));
        assert!(text.bytes().any(|byte| byte.is_ascii_digit()));
    }
    // A set that is not allowed yet becomes so by being asked for.
    let with_space = Rules::only(8, Alphabet::of(b"x")).with_one_of(Alphabet::parse(" ").unwrap());
    let drawn = Plan::new(&with_space).unwrap().draw(&mut rng);
    // EXPOSE: a test looks at what was drawn.
    assert!(drawn.expose().contains(' '));
    for text in ["", "é", "a\u{7}", "a\n"] {
        assert_eq!(Alphabet::parse(text), Err(RulesError::Characters));
    }
}

#[test]
fn chi_square_would_see_a_remainder_without_rejection() {
    let mut counts = [0_u64; 94];
    for draw in 0..10_000_000_usize {
        counts[draw % 256 % 94] += 1;
    }
    assert!(deviation(&counts) > 1000.0);
}

#[test]
fn default_meets_its_minimums_and_reaches_every_character() {
    let plan = Plan::new(&Rules::default()).unwrap();
    let mut rng = rng();
    let mut reached = BTreeSet::new();
    for _ in 0..500 {
        let drawn = plan.draw(&mut rng);
        // EXPOSE: a test looks at what was drawn.
        let bytes = drawn.expose().as_bytes();
        assert_eq!(bytes.len(), 20);
        for class in Class::ALL {
            assert!(bytes.iter().any(|byte| class.alphabet().contains(*byte)));
        }
        reached.extend(bytes.iter().copied());
    }
    assert_eq!(reached, Alphabet::PRINTABLE.characters().collect());
    assert!(plan.entropy_bits() < 20.0 * 94.0_f64.log2());
    assert!(plan.entropy_bits() > 130.0);
}

#[test]
fn tight_rules_are_drawn_from_the_table_and_meet_them() {
    let rules = Rules::default()
        .with_class(Class::Digit, 9)
        .with_class(Class::Symbol, 9)
        .with_max_consecutive(1);
    let plan = Plan::new(&rules).unwrap();
    assert!(plan.walk.is_some());
    let mut rng = rng();
    for _ in 0..200 {
        let drawn = plan.draw(&mut rng);
        // EXPOSE: a test looks at what was drawn.
        assert!(is_met(&plan.rules, drawn.expose().as_bytes()));
    }
    // 20!/(9! 9!) arrangements before runs are looked at; without runs the count would be this product.
    let arrangements = 18_475_600.0_f64;
    let free =
        arrangements.log2() + 9.0 * 10.0_f64.log2() + 9.0 * 32.0_f64.log2() + 2.0 * 26.0_f64.log2();
    assert!(plan.entropy_bits() < free && plan.entropy_bits() > free - 2.0);
}

#[test]
fn entropy_without_requirements_is_length_times_the_alphabets() {
    for length in [1, 20, MAX_LENGTH] {
        let drawn = password(&mut rng(), &Rules::free(length)).unwrap();
        assert_eq!(drawn.value.len(), length);
        assert!((drawn.entropy_bits - as_f64(length) * 94.0_f64.log2()).abs() < 1e-9);
    }
}

#[test]
fn similar_characters_stay_out() {
    let plan = Plan::new(&Rules::default().without_similar()).unwrap();
    let mut rng = rng();
    for _ in 0..200 {
        let drawn = plan.draw(&mut rng);
        // EXPOSE: a test looks at what was drawn.
        let text = drawn.expose();
        assert!(!text.bytes().any(|byte| Alphabet::SIMILAR.contains(byte)));
    }
}

#[test]
fn impossible_and_boundless_rules_are_refused() {
    for (rules, error) in [
        (Rules::default().with_length(3), RulesError::Impossible),
        (
            Rules::only(3, Alphabet::of(b"a")).with_max_consecutive(2),
            RulesError::Impossible,
        ),
        (
            Class::ALL
                .into_iter()
                .fold(Rules::free(1024), |rules, class| {
                    rules.with_class(class, 100)
                }),
            RulesError::TooComplex,
        ),
    ] {
        assert_eq!(Plan::new(&rules).err(), Some(error));
    }
}

#[test]
fn longest_password_with_one_of_each_class_can_be_counted() {
    let plan = Plan::new(&Rules::default().with_length(MAX_LENGTH)).unwrap();
    let free = as_f64(MAX_LENGTH) * 94.0_f64.log2();
    assert!(plan.entropy_bits() <= free && plan.entropy_bits() > free - 1e-9);
}
