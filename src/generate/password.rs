//! Passwords drawn uniformly from all those that meet the rules, and exactly how many those are.
//!
//! Counting is dynamic programming in whole numbers of any size: a state is what the requirements still lack, and
//! where runs are limited also the last character's group and run. So the entropy is log2 of an exact count. Drawing
//! throws whole passwords away until one meets the rules, or, where few would, walks the table of counts; both give
//! every password the same chance.

use std::collections::BTreeMap;

use rand::CryptoRng;

use super::Generated;
use super::count::{add_multiple, draw_below, is_less, log2, subtract};
use super::dice::Dice;
use super::rules::{Checked, Rules, RulesError};
use crate::secret::Secret;

/// How many limb operations counting may take: about a second.
const MAX_WORK: usize = 1 << 28;
/// How many states the rules may make.
const MAX_STATES: usize = 1 << 16;
/// How many limbs a kept table may have: 64 MiB.
const MAX_TABLE_LIMBS: usize = 1 << 24;
/// Below this share of acceptable passwords (in bits: one in eight) the table is walked instead.
const LEAST_ACCEPTANCE_BITS: f64 = -3.0;

/// Draws one password. For several with the same rules make a [`Plan`] once.
///
/// # Errors
/// [`RulesError`] where the rules cannot be met or counted.
pub fn password(rng: &mut dyn CryptoRng, rules: &Rules) -> Result<Generated, RulesError> {
    let plan = Plan::new(rules)?;
    Ok(Generated {
        value: plan.draw(rng),
        entropy_bits: plan.entropy_bits(),
    })
}

/// Rules made ready for drawing any number of passwords.
pub struct Plan {
    rules: Checked,
    characters: Vec<u8>,
    walk: Option<Walk>,
    entropy_bits: f64,
}

impl Plan {
    /// Counts the passwords that meet the rules.
    ///
    /// # Errors
    /// [`RulesError`] where the rules cannot be met or counted.
    pub fn new(rules: &Rules) -> Result<Self, RulesError> {
        let rules = rules.check()?;
        let characters: Vec<u8> = rules.allowed.characters().collect();
        let machine = Machine::new(&rules)?;
        let mut last = Row::end(&machine);
        for left in 1..=rules.length {
            last = last.before(&machine, left);
        }
        let entropy_bits = log2(last.count(machine.start()));
        if entropy_bits == f64::NEG_INFINITY {
            return Err(RulesError::Impossible);
        }
        let all_bits = as_f64(rules.length) * as_f64(characters.len()).log2();
        let walk = if entropy_bits - all_bits < LEAST_ACCEPTANCE_BITS {
            Some(Walk::new(machine, rules.length)?)
        } else {
            None
        };
        Ok(Self {
            rules,
            characters,
            walk,
            entropy_bits,
        })
    }

    /// log2 of the number of passwords that meet the rules, right to 1e-9.
    #[must_use]
    pub fn entropy_bits(&self) -> f64 {
        self.entropy_bits
    }

    /// Draws one password; every one that meets the rules is equally likely.
    #[must_use]
    pub fn draw(&self, rng: &mut dyn CryptoRng) -> Secret {
        let mut dice = Dice::new(rng);
        match &self.walk {
            Some(walk) => walk.draw(&mut dice),
            None => self.draw_by_rejection(&mut dice),
        }
    }

    fn draw_by_rejection(&self, dice: &mut Dice<'_>) -> Secret {
        let mut text = String::with_capacity(self.rules.length);
        loop {
            for _ in 0..self.rules.length {
                text.push(char::from(dice.pick(&self.characters)));
            }
            if is_met(&self.rules, text.as_bytes()) {
                return Secret::new(text);
            }
            // The next attempt writes over this one in place.
            text.clear();
        }
    }
}

/// Whether a password of the right length and alphabet meets the rules.
fn is_met(rules: &Checked, password: &[u8]) -> bool {
    let enough = rules.required.iter().all(|row| {
        let found = password
            .iter()
            .filter(|character| row.alphabet.contains(**character));
        found.take(row.at_least).count() == row.at_least
    });
    enough
        && rules.max_consecutive.is_none_or(|most| {
            password
                .chunk_by(|left, right| left == right)
                .all(|run| run.len() <= most)
        })
}

/// A step from one state to another.
struct Step {
    /// How many characters take it.
    ways: u32,
    next: usize,
    choice: Choice,
}

/// Which characters take a step.
#[derive(Clone, Copy)]
enum Choice {
    /// Any of a group.
    Any(usize),
    /// Any of a group but the last character.
    Other(usize),
    /// The last character again.
    Same,
}

/// The states and steps that the rules make of any password.
struct Machine {
    /// Characters that the same requirements count.
    groups: Vec<Vec<u8>>,
    /// For each state its steps. State 0 lacks nothing and has no last character.
    steps: Vec<Vec<Step>>,
    start: usize,
    /// States that lack nothing come first in every block of this many.
    needs: usize,
    /// log2 of the alphabet's size, rounded up to a hundredth; how fast counts grow.
    centibits: usize,
}

impl Machine {
    fn new(rules: &Checked) -> Result<Self, RulesError> {
        let groups = groups_of(rules);
        let needs = rules
            .required
            .iter()
            .try_fold(1_usize, |product, row| {
                product.checked_mul(row.at_least + 1)
            })
            .ok_or(RulesError::TooComplex)?;
        let runs = rules
            .max_consecutive
            .map_or(1, |most| 1 + groups.len() * most);
        let centibits = centibits(rules.allowed.characters().count());
        let limbs = limbs_of(centibits, rules.length);
        // Rows grow evenly, so half of the widest is what they have on average.
        needs
            .checked_mul(runs)
            .filter(|states| *states <= MAX_STATES)
            .and_then(|states| states.checked_mul((groups.len() + 1) * rules.length))
            .and_then(|work| work.checked_mul(limbs.div_ceil(2)))
            .filter(|work| *work <= MAX_WORK)
            .ok_or(RulesError::TooComplex)?;
        let sizes: Vec<usize> = groups.values().map(Vec::len).collect();
        let masks: Vec<u32> = groups.keys().copied().collect();
        let mut steps = Vec::with_capacity(needs * runs);
        for run in 0..runs {
            for need in 0..needs {
                let after: Vec<usize> = masks
                    .iter()
                    .map(|mask| need_after(rules, need, *mask))
                    .collect();
                steps.push(steps_from(
                    run,
                    needs,
                    &sizes,
                    &after,
                    rules.max_consecutive,
                ));
            }
        }
        Ok(Self {
            groups: groups.into_values().collect(),
            steps,
            start: needs - 1,
            needs,
            centibits,
        })
    }

    /// Lacks everything, no character yet.
    fn start(&self) -> usize {
        self.start
    }
}

/// The allowed characters by the requirements that count them, one bit each.
fn groups_of(rules: &Checked) -> BTreeMap<u32, Vec<u8>> {
    let mut groups: BTreeMap<u32, Vec<u8>> = BTreeMap::new();
    for character in rules.allowed.characters() {
        let mask = (0..)
            .zip(&rules.required)
            .filter(|(_, row)| row.alphabet.contains(character))
            .fold(0_u32, |mask, (bit, _): (u32, _)| mask | 1 << bit);
        groups.entry(mask).or_default().push(character);
    }
    groups
}

/// What is still lacking after a character of a group: a need is a number with one digit for each requirement.
fn need_after(rules: &Checked, need: usize, mask: u32) -> usize {
    let mut place = 1;
    let mut after = need;
    for (bit, row) in (0_u32..).zip(&rules.required) {
        let digits = row.at_least + 1;
        let lacking = need / place % digits;
        if mask >> bit & 1 == 1 && lacking > 0 {
            after -= place;
        }
        place *= digits;
    }
    after
}

/// The steps out of a state. Run 0 is "no last character, or runs don't matter"; then come the groups' runs 1, 2, ….
fn steps_from(
    run: usize,
    needs: usize,
    sizes: &[usize],
    after: &[usize],
    max_consecutive: Option<usize>,
) -> Vec<Step> {
    let Some(most) = max_consecutive else {
        return (0..)
            .zip(sizes.iter().zip(after))
            .map(|(group, (size, need))| Step::new(*size, *need, Choice::Any(group)))
            .collect();
    };
    let state =
        |group: usize, length: usize, need: usize| (1 + group * most + length - 1) * needs + need;
    let last = run.checked_sub(1).map(|run| (run / most, run % most + 1));
    let mut steps = Vec::with_capacity(sizes.len() + 1);
    for (group, (size, need)) in (0..).zip(sizes.iter().zip(after)) {
        match last {
            Some((same, length)) if same == group => {
                steps.push(Step::new(
                    size - 1,
                    state(group, 1, *need),
                    Choice::Other(group),
                ));
                if length < most {
                    steps.push(Step::new(1, state(group, length + 1, *need), Choice::Same));
                }
            }
            _ => steps.push(Step::new(*size, state(group, 1, *need), Choice::Any(group))),
        }
    }
    steps
}

impl Step {
    fn new(ways: usize, next: usize, choice: Choice) -> Self {
        Self {
            ways: u32::try_from(ways).expect("at most 128 characters"),
            next,
            choice,
        }
    }
}

/// For each state, how many ways there are to end well with so many characters left.
struct Row {
    limbs: usize,
    counts: Vec<u32>,
}

impl Row {
    /// No characters left: good where nothing is lacking.
    fn end(machine: &Machine) -> Self {
        let states = 0..machine.steps.len();
        Self {
            limbs: 1,
            counts: states
                .map(|state| u32::from(state % machine.needs == 0))
                .collect(),
        }
    }

    /// One character more left than in this row.
    fn before(&self, machine: &Machine, left: usize) -> Self {
        let limbs = limbs_of(machine.centibits, left);
        let mut counts = vec![0; limbs * machine.steps.len()];
        for (sum, steps) in counts.chunks_exact_mut(limbs).zip(&machine.steps) {
            for step in steps {
                add_multiple(sum, self.count(step.next), step.ways);
            }
        }
        Self { limbs, counts }
    }

    fn count(&self, state: usize) -> &[u32] {
        self.counts
            .chunks_exact(self.limbs)
            .nth(state)
            .expect("every step leads to a state")
    }
}

/// The whole table of counts, for rules that few passwords meet.
struct Walk {
    machine: Machine,
    /// By characters left, from 0.
    rows: Vec<Row>,
}

impl Walk {
    fn new(machine: Machine, length: usize) -> Result<Self, RulesError> {
        let limbs = limbs_of(machine.centibits, length).div_ceil(2) * (length + 1);
        if machine.steps.len().saturating_mul(limbs) > MAX_TABLE_LIMBS {
            return Err(RulesError::TooComplex);
        }
        let mut rows = Vec::with_capacity(length + 1);
        let mut last = Row::end(&machine);
        for left in 1..=length {
            let next = last.before(&machine, left);
            rows.push(last);
            last = next;
        }
        rows.push(last);
        Ok(Self { machine, rows })
    }

    /// Takes each step with its share of the passwords that are still possible.
    fn draw(&self, dice: &mut Dice<'_>) -> Secret {
        let mut text = String::with_capacity(self.rows.len());
        let mut state = self.machine.start();
        let mut last = None;
        for (after, before) in self.rows.iter().zip(self.rows.iter().skip(1)).rev() {
            let step = self.choose(state, before, after, dice);
            let character = match step.choice {
                Choice::Same => last.expect("a run has a last character"),
                Choice::Any(group) => dice.pick(self.group(group)),
                Choice::Other(group) => {
                    let others: Vec<u8> = self
                        .group(group)
                        .iter()
                        .copied()
                        .filter(|character| Some(*character) != last)
                        .collect();
                    dice.pick(&others)
                }
            };
            text.push(char::from(character));
            last = Some(character);
            state = step.next;
        }
        Secret::new(text)
    }

    fn choose(&self, state: usize, before: &Row, after: &Row, dice: &mut Dice<'_>) -> &Step {
        let mut number = draw_below(before.count(state), dice);
        let steps = self
            .machine
            .steps
            .get(state)
            .expect("a state of the machine");
        let mut share = vec![0; before.limbs];
        for step in steps {
            share.fill(0);
            add_multiple(&mut share, after.count(step.next), step.ways);
            if is_less(&number, &share) {
                return step;
            }
            subtract(&mut number, &share);
        }
        unreachable!("the shares add up to the count, and the number is below it")
    }

    fn group(&self, group: usize) -> &[u8] {
        self.machine
            .groups
            .get(group)
            .expect("a group of the machine")
    }
}

/// Hundredths of a bit that one more character adds to a count, rounded up.
fn centibits(characters: usize) -> usize {
    let needed = as_f64(characters).log2() * 100.0;
    (0..=700)
        .find(|hundredths| as_f64(*hundredths) >= needed)
        .unwrap_or(700)
}

/// How many limbs hold every count with so many characters left: alphabet^left at most.
fn limbs_of(centibits: usize, left: usize) -> usize {
    centibits * left / 3200 + 1
}

fn as_f64(number: usize) -> f64 {
    f64::from(u32::try_from(number).expect("lengths and alphabets are small"))
}

#[cfg(test)]
mod tests;
