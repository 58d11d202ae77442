//! `gen`: passwords and passphrases, with their exact entropy.

use crate::cli::Generate;
use crate::commands::copying::{Copied, Way};
use crate::context::Context;
use crate::failure::Failure;
use keyfold::generate::{self, Class, Phrase, Plan, Rules};
use keyfold::secret::Secret;
use serde::Serialize;
use zeroize::Zeroizing;

/// How many are made at once.
const COUNT_LIMIT: u32 = 1_000_000;
/// Characters where nothing says otherwise.
const DEFAULT_LENGTH: u16 = 20;

pub(crate) fn run(context: &mut Context, args: &Generate) -> Result<(), Failure> {
    if !(1..=COUNT_LIMIT).contains(&args.count) {
        return Err(Failure::usage(format!("--count is 1 to {COUNT_LIMIT}")));
    }
    if let Some(how) = args.may_copy.how() {
        if args.count != 1 {
            return Err(Failure::usage("--copy takes one, not several"));
        }
        let way = Way::find(context, &how)?;
        let (mut values, entropy_bits) = make(context, args)?;
        tell_entropy(context, entropy_bits);
        let value = values.pop().unwrap_or_else(|| Secret::new(String::new()));
        let what = Copied {
            item: None,
            field: if args.words.is_some() {
                "passphrase"
            } else {
                "password"
            },
        };
        return way.copy(context, None, &what, value);
    }
    let (values, entropy_bits) = make(context, args)?;
    if context.output.json {
        #[derive(Serialize)]
        struct Made<'a> {
            schema: u32,
            // EXPOSE: the user asked for them.
            values: Vec<&'a str>,
            entropy_bits: f64,
        }
        let values = values.iter().map(Secret::expose).collect();
        return context.output.json(&Made {
            schema: 1,
            values,
            entropy_bits,
        });
    }
    let mut lines = Zeroizing::new(String::with_capacity(
        values.iter().map(|value| value.len() + 1).sum(),
    ));
    for value in &values {
        // EXPOSE: the user asked for it.
        lines.push_str(value.expose());
        lines.push('\n');
    }
    context.output.raw(lines.as_bytes())?;
    tell_entropy(context, entropy_bits);
    Ok(())
}

fn tell_entropy(context: &Context, bits: f64) {
    context.output.note(&format!("{bits:.1} bits of entropy"));
}

fn make(context: &mut Context, args: &Generate) -> Result<(Vec<Secret>, f64), Failure> {
    let usage = |error: &dyn std::fmt::Display| Failure::usage(error.to_string());
    let mut values = Vec::new();
    let mut bits = 0.0;
    if let Some(words) = args.words {
        let phrase = Phrase {
            words: usize::from(words),
            separator: args.separator.clone(),
            ..Phrase::default()
        };
        for _ in 0..args.count {
            let made =
                generate::passphrase(&mut context.rng, &phrase).map_err(|error| usage(&error))?;
            bits = made.entropy_bits;
            values.push(made.value);
        }
    } else if args.pronounceable {
        let length = usize::from(args.length.unwrap_or(DEFAULT_LENGTH));
        for _ in 0..args.count {
            let made =
                generate::pronounceable(&mut context.rng, length).map_err(|error| usage(&error))?;
            bits = made.entropy_bits;
            values.push(made.value);
        }
    } else {
        let plan = Plan::new(&rules(args)?).map_err(|error| usage(&error))?;
        bits = plan.entropy_bits();
        values.extend((0..args.count).map(|_| plan.draw(&mut context.rng)));
    }
    Ok((values, bits))
}

fn rules(args: &Generate) -> Result<Rules, Failure> {
    let mut rules = match &args.rules {
        Some(text) => Rules::parse(text).map_err(|error| Failure::usage(error.to_string()))?,
        None => Rules::default().with_length(usize::from(args.length.unwrap_or(DEFAULT_LENGTH))),
    };
    if let (Some(length), true) = (args.length, args.rules.is_some()) {
        rules = rules.with_length(usize::from(length));
    }
    let wanted = [
        (Class::Lower, args.lower),
        (Class::Upper, args.upper),
        (Class::Digit, args.digit),
        (Class::Symbol, args.symbol),
    ];
    for (class, minimum) in wanted {
        rules = match minimum {
            None => rules,
            Some(0) => rules.without_class(class),
            Some(minimum) => rules.with_class(class, usize::from(minimum)),
        };
    }
    if args.exclude_similar {
        rules = rules.without_similar();
    }
    Ok(rules)
}
