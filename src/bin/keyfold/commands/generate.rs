//! `gen`: passwords, passphrases, PINs, user names and addresses, with their exact entropy.

use crate::cli::Generate;
use crate::commands::copying::{Copied, Way};
use crate::context::Context;
use crate::failure::Failure;
use keyfold::generate::{
    self, Alphabet, Capitals, Class, Digit, Generated, Phrase, Plan, Rules, WordList,
};
use keyfold::secret::Secret;
use serde::Serialize;
use zeroize::Zeroizing;

/// How many are made at once.
const COUNT_LIMIT: u32 = 1_000_000;
/// Characters where nothing says otherwise.
const DEFAULT_LENGTH: u16 = 20;
/// Digits of a PIN where nothing says otherwise.
const PIN_LENGTH: u16 = 6;

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
            field: what(args),
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

/// What is made, in a word.
fn what(args: &Generate) -> &'static str {
    if args.words.is_some() {
        "passphrase"
    } else if args.pin {
        "PIN"
    } else if args.user_name {
        "user name"
    } else if args.plus_address.is_some() {
        "address"
    } else {
        "password"
    }
}

fn make(context: &mut Context, args: &Generate) -> Result<(Vec<Secret>, f64), Failure> {
    let plan = if is_by_rules(args) {
        Some(Plan::new(&rules(args)?).map_err(usage)?)
    } else {
        None
    };
    let mut values = Vec::new();
    let mut bits = 0.0;
    for _ in 0..args.count {
        let made = match &plan {
            Some(plan) => Generated {
                value: plan.draw(&mut context.rng),
                entropy_bits: plan.entropy_bits(),
            },
            None => make_other(context, args)?,
        };
        bits = made.entropy_bits;
        values.push(made.value);
    }
    Ok((values, bits))
}

/// Whether what is made is a string that meets rules.
fn is_by_rules(args: &Generate) -> bool {
    args.words.is_none() && !args.pronounceable && !args.user_name && args.plus_address.is_none()
}

fn make_other(context: &mut Context, args: &Generate) -> Result<Generated, Failure> {
    let rng = &mut context.rng;
    if let Some(words) = args.words {
        let phrase = Phrase {
            words: usize::from(words),
            list: WordList::from_name(&args.list).unwrap_or_default(),
            separator: args.separator.clone(),
            capitals: if args.capitals {
                Capitals::EachWord
            } else {
                Capitals::Never
            },
            digit: if args.add_digit {
                Digit::AfterOneWord
            } else {
                Digit::Never
            },
        };
        return generate::passphrase(rng, &phrase).map_err(usage);
    }
    if let Some(address) = &args.plus_address {
        return generate::plus_address(rng, address, args.label.as_deref()).map_err(usage);
    }
    if args.user_name {
        return Ok(generate::user_name(rng));
    }
    let length = usize::from(args.length.unwrap_or(DEFAULT_LENGTH));
    generate::pronounceable(rng, length).map_err(usage)
}

fn usage(error: impl std::fmt::Display) -> Failure {
    Failure::usage(error.to_string())
}

fn rules(args: &Generate) -> Result<Rules, Failure> {
    let length = |otherwise: u16| usize::from(args.length.unwrap_or(otherwise));
    if args.pin {
        return Ok(Rules::only(length(PIN_LENGTH), Class::Digit.alphabet()));
    }
    let mut rules = match (&args.rules, &args.characters) {
        (Some(text), _) => {
            let rules = Rules::parse(text).map_err(usage)?;
            let length = args.length.map_or(rules.length(), usize::from);
            rules.with_length(length)
        }
        (None, Some(set)) => {
            Rules::only(length(DEFAULT_LENGTH), Alphabet::parse(set).map_err(usage)?)
        }
        (None, None) => Rules::default().with_length(length(DEFAULT_LENGTH)),
    };
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
    for set in &args.require {
        rules = rules.with_one_of(Alphabet::parse(set).map_err(usage)?);
    }
    if let Some(set) = &args.exclude {
        let set = Alphabet::parse(set).map_err(usage)?;
        // One of each class is wanted only because nothing said otherwise.
        for (class, minimum) in wanted {
            if minimum.is_none() && class.alphabet().without(set).is_empty() {
                rules = rules.without_class(class);
            }
        }
        rules = rules.without(set);
    }
    if args.exclude_similar {
        rules = rules.without_similar();
    }
    Ok(rules)
}
