//! What is wrong, and the smallest story that shows it.

use std::fmt;

/// A promise that did not hold.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    /// Which: a smaller story must break the same one.
    pub(crate) kind: &'static str,
    pub(crate) text: String,
    /// What happened until then.
    pub(crate) log: Vec<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.kind, self.text)
    }
}

pub(crate) fn fail<T>(kind: &'static str, text: String) -> Result<T, Failure> {
    let log = Vec::new();
    Err(Failure { kind, text, log })
}

/// Leaves out whatever can be left out, in ever smaller pieces, as long as the same failure stays.
pub(crate) fn minimise<T: Clone>(
    mut steps: Vec<T>,
    mut failure: Failure,
    run: impl Fn(&[T]) -> Result<(), Failure>,
) -> (Vec<T>, Failure) {
    let mut size = steps.len().div_ceil(2);
    while size > 0 {
        let mut at = 0;
        let mut left_out_any = false;
        while at < steps.len() {
            let end = (at + size).min(steps.len());
            let fewer = [&steps[..at], &steps[end..]].concat();
            match run(&fewer) {
                Err(smaller) if smaller.kind == failure.kind => {
                    steps = fewer;
                    failure = smaller;
                    left_out_any = true;
                }
                _ => at = end,
            }
        }
        if !left_out_any || size > 1 {
            size /= 2;
        }
    }
    (steps, failure)
}
