//! `fingerprint`: six words that tell one vault and key from another.

use crate::context::Context;
use crate::failure::Failure;
use crate::session::{Session, unexpected};
use keyfold::generate::{WORD_COUNT, word};
use keyfold::service::{Request, Response};
use serde::Serialize;

pub(crate) fn run(context: &mut Context) -> Result<(), Failure> {
    let mut session = Session::open(context)?;
    let count =
        u16::try_from(WORD_COUNT).map_err(|_| Failure::failed("the word list is too long"))?;
    let Response::Fingerprint(places) = session.ask(context, Request::Fingerprint(count))? else {
        return Err(unexpected());
    };
    let words: Vec<&str> = places.iter().filter_map(|at| word(*at)).collect();
    if context.output.json {
        #[derive(Serialize)]
        struct Fingerprint<'a> {
            schema: u32,
            words: Vec<&'a str>,
        }
        return context.output.json(&Fingerprint { schema: 1, words });
    }
    context.output.line(&words.join(" "))
}
