//! `otp`: the current code; a seed in or out; codes that go on.

use crate::cli::{Otp, OtpAction};
use crate::commands::add::Wishes;
use crate::commands::copying::{Copied, Way};
use crate::context::Context;
use crate::failure::{Failure, Kind};
use crate::output::Ending;
use crate::prompt;
use crate::session::{Session, unexpected};
use keyfold::model::field::{self, FieldKind};
use keyfold::model::ids::FieldId;
use keyfold::model::item::ItemSummary;
use keyfold::model::query::Scope;
use keyfold::otp::qr::{Paint, Qr};
use keyfold::otp::{Kind as SeedKind, Seed};
use keyfold::secret::Secret;
use keyfold::service::{OneTimeCode, Request, Response};
use keyfold::state::change::Edit;
use keyfold::state::view::ItemView;
use serde::Serialize;
use std::time::Duration;

pub(crate) fn run(context: &mut Context, args: Otp) -> Result<(), Failure> {
    match args.action {
        Some(OtpAction::Add { name, otp_stdin }) => add(context, &name, otp_stdin),
        Some(OtpAction::Uri { name }) => uri(context, &name),
        Some(OtpAction::Qr { name }) => qr(context, &name),
        None if args.watch => watch(context, args.name.as_deref()),
        None => {
            let name = args.name.ok_or_else(|| Failure::usage("which item?"))?;
            let way = match args.may_copy.how() {
                Some(how) => Some(Way::find(context, &how)?),
                None => None,
            };
            let mut session = Session::open(context)?;
            let item = session.pick(context, &name, Scope::Live)?;
            let view = session.item(context, item.id)?;
            if args.next {
                refuse_counter(context, &mut session, &view)?;
            }
            let code = code(context, &mut session, &view)?;
            let Some(way) = way else {
                return print(context, &code, args.next);
            };
            let shown = match code.next {
                Some(next) if args.next => next,
                _ => code.code,
            };
            let copied = Copied {
                item: Some(&item.path()),
                field: "otp",
            };
            way.copy(context, &copied, shown)
        }
    }
}

/// The code of an item's seed: the standard field, else the only custom one.
pub(crate) fn code(
    context: &mut Context,
    session: &mut Session,
    view: &ItemView,
) -> Result<OneTimeCode, Failure> {
    let field = seed_field(view).ok_or_else(|| no_seed(view))?;
    match session.ask(
        context,
        Request::Code {
            item: view.id,
            field,
        },
    )? {
        Response::Code(code) => Ok(code),
        _ => Err(unexpected()),
    }
}

fn seed_field(view: &ItemView) -> Option<FieldId> {
    let standard = FieldId::Standard(field::OTP);
    if view.field(standard).is_some() {
        return Some(standard);
    }
    view.fields
        .iter()
        .find(|field| field.kind == FieldKind::Otp)
        .map(|field| field.id)
}

fn no_seed(view: &ItemView) -> Failure {
    Failure::new(
        Kind::NotFound,
        format!("{} has no one-time password seed", view.summary().path()),
    )
    .hint("keyfold otp add NAME gives it one")
}

/// Fails for a seed by counter before a code is made, since making one moves the counter.
fn refuse_counter(
    context: &mut Context,
    session: &mut Session,
    view: &ItemView,
) -> Result<(), Failure> {
    let field = seed_field(view).ok_or_else(|| no_seed(view))?;
    let seed = Seed::parse(&session.reveal(context, view.id, field, None)?);
    match seed.map(|seed| matches!(seed.kind(), SeedKind::Hotp { .. })) {
        Ok(true) => Err(
            Failure::usage("codes by counter have no next one: each is used once")
                .hint("keyfold otp NAME gives a fresh one every time"),
        ),
        _ => Ok(()),
    }
}

fn print(context: &Context, code: &OneTimeCode, next: bool) -> Result<(), Failure> {
    if context.output.json {
        #[derive(Serialize)]
        struct Shown<'a> {
            schema: u32,
            code: &'a str,
            kind: &'static str,
            period: Option<u32>,
            remaining_secs: Option<u32>,
            next: Option<&'a str>,
            counter: Option<u64>,
        }
        return context.output.json(&Shown {
            schema: 1,
            // EXPOSE: the user asked for the code.
            code: code.code.expose(),
            kind: code.kind.name(),
            period: code.period_secs,
            remaining_secs: code.remaining_secs,
            // EXPOSE: the user asked for the code.
            next: code.next.as_ref().map(|next| next.expose()),
            counter: code.counter,
        });
    }
    let shown = if next {
        code.next.as_ref().unwrap_or(&code.code)
    } else {
        &code.code
    };
    context.output.secret(shown, Ending::Newline)?;
    if let (Some(left), true) = (code.remaining_secs, context.output.to_terminal()) {
        context.output.note(&format!("{left} seconds left"));
    }
    Ok(())
}

fn add(context: &mut Context, name: &str, from_stdin: bool) -> Result<(), Failure> {
    let mut session = Session::open(context)?;
    let item = session.pick(context, name, Scope::Live)?;
    let text = if from_stdin {
        prompt::secret_from_stdin()?
    } else {
        prompt::secret(context, "otpauth URI or base32 seed: ")?
    };
    let mut wishes = Wishes::default();
    wishes.push_seed(context, text)?;
    let edits = wishes
        .fields
        .into_iter()
        .map(|field| Edit::Set(field.name, field.kind, field.value))
        .collect();
    session.ask(context, Request::Edit(vec![(item.id, edits)]))?;
    context
        .output
        .note(&format!("{} has a one-time password seed now", item.path()));
    Ok(())
}

/// The item's seed as a strict URI; issuer and account from the item where the seed has none.
fn strict_uri(context: &mut Context, name: &str) -> Result<Secret, Failure> {
    let mut session = Session::open(context)?;
    let item = session.pick(context, name, Scope::Live)?;
    let view = session.item(context, item.id)?;
    let field = seed_field(&view).ok_or_else(|| no_seed(&view))?;
    let seed = session.reveal(context, item.id, field, None)?;
    let seed = Seed::parse(&seed).map_err(|error| Failure::failed(error.to_string()))?;
    let counter = view.field(field).and_then(|field| field.counter);
    Ok(seed
        .labelled(&item.title, &item.username)
        .with_counter(counter)
        .write_uri())
}

fn uri(context: &mut Context, name: &str) -> Result<(), Failure> {
    let uri = strict_uri(context, name)?;
    if context.output.json {
        #[derive(Serialize)]
        struct Uri<'a> {
            schema: u32,
            uri: &'a str,
        }
        // EXPOSE: the user asked for the seed.
        return context.output.json(&Uri {
            schema: 1,
            uri: uri.expose(),
        });
    }
    context.output.secret(&uri, Ending::Newline)
}

fn qr(context: &mut Context, name: &str) -> Result<(), Failure> {
    let uri = strict_uri(context, name)?;
    let code = Qr::new(&uri).map_err(|error| Failure::failed(error.to_string()))?;
    let paint = if context.output.to_terminal() {
        Paint::Ansi
    } else {
        Paint::DarkOnLight
    };
    // EXPOSE: the user asked for the picture of the seed.
    context.output.raw(code.render(paint).expose().as_bytes())
}

/// A live view: until Ctrl-C on a terminal; in a pipe one round.
fn watch(context: &mut Context, name: Option<&str>) -> Result<(), Failure> {
    let mut session = Session::open(context)?;
    let mut seeds: Vec<(String, Seed)> = Vec::new();
    let items: Vec<ItemSummary> = match name {
        Some(name) => vec![session.pick(context, name, Scope::Live)?],
        None => session.items(context, Request::Items)?,
    };
    let items = items.into_iter().filter(|item| !item.trashed);
    for item in items {
        let view = session.item(context, item.id)?;
        let Some(field) = seed_field(&view) else {
            continue;
        };
        let seed = Seed::parse(&session.reveal(context, item.id, field, None)?);
        if let Some(seed) = seed
            .ok()
            .filter(|seed| !matches!(seed.kind(), SeedKind::Hotp { .. }))
        {
            seeds.push((item.path(), seed));
        }
    }
    if seeds.is_empty() {
        return Err(Failure::new(
            Kind::NotFound,
            "no item has a seed for codes by time",
        ));
    }
    seeds.sort_by(|one, other| one.0.cmp(&other.0));
    crate::interrupt::install();
    loop {
        let now = context.now();
        let mut screen = String::new();
        for (path, seed) in &seeds {
            if let Ok(code) = seed.code_at(now.seconds()) {
                let share = 10 * code.remaining_secs / code.period_secs.max(1);
                let bar: String = (0..10)
                    .map(|at| if at < share { '█' } else { '░' })
                    .collect();
                // EXPOSE: the user asked for the codes.
                let text = code.text.expose();
                screen.push_str(&format!(
                    "{text:>10}  {bar} {:>2} s  {}\n",
                    code.remaining_secs,
                    crate::escape::escape(path)
                ));
            }
        }
        context.output.raw(screen.as_bytes())?;
        if !context.output.to_terminal() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(1000 - now.0 % 1000));
        // Up again over what was drawn, each line cleared.
        context
            .output
            .raw(format!("\x1b[{}A\x1b[J", seeds.len()).as_bytes())?;
    }
}
