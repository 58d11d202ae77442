//! `review`: what came under a former key and cannot be merged unseen.

use crate::cli::{Review, ReviewAction};
use crate::commands::merge;
use crate::context::Context;
use crate::failure::{Failure, Kind};
use crate::notices::plural;
use crate::session::Session;
use keyfold::vault;
use serde::Serialize;

/// Digits of a key id at the start of a name; what follows is enough to tell one review from another.
const KEY_DIGITS: usize = 32;

#[derive(Serialize)]
struct List {
    schema: u32,
    reviews: Vec<Waiting>,
}

#[derive(Serialize)]
struct Waiting {
    name: String,
    path: String,
    changes: Option<usize>,
    items: Vec<String>,
}

pub(crate) fn run(context: &mut Context, args: Review) -> Result<(), Failure> {
    let mut session = Session::open_own(context)?;
    match args.action.unwrap_or(ReviewAction::List) {
        ReviewAction::List => list(context, &mut session),
        ReviewAction::Take { name, yes } => {
            let review = named(&mut session, &name)?;
            let source = session.vault()?.read_merge_source(&review.path, None)?;
            // What comes can be undone, what it erases cannot.
            let found = session.vault()?.preview_merge(&source)?;
            let erases = found.items.iter().any(|item| item.erased > 0);
            merge::take(context, &mut session, &source, yes || !erases)
        }
        ReviewAction::Dismiss { name } => {
            let review = named(&mut session, &name)?;
            let now = context.now();
            session
                .vault()?
                .dismiss_review(&review, now, &mut context.rng)?;
            session.tell(context);
            context
                .output
                .note("Dismissed; the file is in this device's trash until the next compact.");
            Ok(())
        }
    }
}

/// The part of a review's name that tells it from others.
fn short(review: &vault::Review) -> &str {
    let rest = review.name.get(KEY_DIGITS..).unwrap_or(&review.name);
    rest.trim_start_matches('-')
}

fn named(session: &mut Session, name: &str) -> Result<vault::Review, Failure> {
    let mut found = session.vault()?.reviews()?;
    found.retain(|review| short(review).starts_with(name) || review.name == name);
    match found.len() {
        0 => Err(
            Failure::new(Kind::NotFound, format!("nothing called {name} waits"))
                .hint("keyfold review lists what does"),
        ),
        1 => Ok(found.swap_remove(0)),
        _ => Err(
            Failure::new(Kind::Ambiguous, format!("several begin with {name}")).candidates(
                found
                    .iter()
                    .map(|review| short(review).to_owned())
                    .collect(),
            ),
        ),
    }
}

fn list(context: &Context, session: &mut Session) -> Result<(), Failure> {
    let mut reviews = Vec::new();
    for review in session.vault()?.reviews()? {
        let vault = session.vault()?;
        let source = vault.read_merge_source(&review.path, None);
        let found = source.and_then(|source| vault.preview_merge(&source));
        if !context.output.json {
            let changes = match &review.missing {
                Some(missing) => plural(missing.len(), "change", "changes"),
                None => "cannot be read now".to_owned(),
            };
            context
                .output
                .line(&format!("{}  {changes}", short(&review)))?;
            if let Ok(found) = &found {
                merge::show(context, found);
            }
        }
        reviews.push(Waiting {
            name: short(&review).to_owned(),
            path: review.path.display().to_string(),
            changes: review.missing.as_ref().map(Vec::len),
            items: found
                .map(|found| found.items.into_iter().map(|item| item.path).collect())
                .unwrap_or_default(),
        });
    }
    if context.output.json {
        return context.output.json(&List { schema: 1, reviews });
    }
    if reviews.is_empty() {
        context.output.note("Nothing waits for review.");
    } else {
        context
            .output
            .note("keyfold review take NAME takes it in, dismiss NAME lets it go.");
    }
    Ok(())
}
