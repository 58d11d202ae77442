//! `otp`: the current code; a seed in or out; codes that go on.

mod watch;

use crate::cli::{Otp, OtpAction};
use crate::commands::add::Wishes;
use crate::commands::copying::{Copied, Way};
use crate::commands::export::write_new_file;
use crate::context::Context;
use crate::failure::{Failure, Kind};
use crate::output::Ending;
use crate::prompt;
use crate::session::{Session, unexpected};
use keyfold::exchange::MAX_FILE_BYTES;
use keyfold::model::ids::FieldId;
use keyfold::model::query::Scope;
use keyfold::otp::Seed;
use keyfold::otp::picture::read_codes;
use keyfold::otp::qr::Qr;
use keyfold::secret::Secret;
use keyfold::service::{OneTimeCode, Request, Response};
use keyfold::state::change::Edit;
use keyfold::state::view::ItemView;
use keyfold::storage::read_whole;
use serde::Serialize;
use std::path::Path;
use zeroize::Zeroizing;

pub(crate) fn run(context: &mut Context, args: Otp) -> Result<(), Failure> {
    match args.action {
        Some(OtpAction::Add {
            name,
            otp_stdin,
            otp_qr,
        }) => add(context, &name, otp_stdin, otp_qr.as_deref()),
        Some(OtpAction::Uri { name }) => uri(context, &name),
        Some(OtpAction::Qr { name, output }) => qr(context, &name, output.as_deref()),
        None if args.watch => watch::run(context, &args.names),
        None => {
            let [name] = args.names.as_slice() else {
                return Err(Failure::usage("which item? One, or several with --watch"));
            };
            let way = match args.may_copy.how() {
                Some(how) => Some(Way::find(context, &how)?),
                None => None,
            };
            let mut session = Session::open(context)?;
            let (item, view) = session.pick_whole(context, name, Scope::Live)?;
            let code = if args.next {
                // A code by counter is used up when it is made.
                code_by_time(context, &mut session, &view)?
            } else {
                code(context, &mut session, &view)?
            };
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
            way.copy(context, Some(&mut session), &copied, shown)
        }
    }
}

/// The code of an item's seed: the standard field, else the only custom one.
pub(crate) fn code(
    context: &mut Context,
    session: &mut Session,
    view: &ItemView,
) -> Result<OneTimeCode, Failure> {
    let (item, field) = (view.id, seed_field(view)?);
    ask_code(context, session, Request::Code { item, field })
}

fn code_by_time(
    context: &mut Context,
    session: &mut Session,
    view: &ItemView,
) -> Result<OneTimeCode, Failure> {
    let (item, field) = (view.id, seed_field(view)?);
    ask_code(context, session, Request::CodeByTime { item, field })
}

fn ask_code(
    context: &mut Context,
    session: &mut Session,
    request: Request,
) -> Result<OneTimeCode, Failure> {
    match session.ask(context, request)? {
        Response::Code(code) => Ok(code),
        _ => Err(unexpected()),
    }
}

fn seed_field(view: &ItemView) -> Result<FieldId, Failure> {
    view.seed_field().ok_or_else(|| no_seed(view))
}

fn no_seed(view: &ItemView) -> Failure {
    Failure::new(
        Kind::NotFound,
        format!("{} has no one-time password seed", view.summary().path()),
    )
    .hint("keyfold otp add NAME gives it one")
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

fn add(
    context: &mut Context,
    name: &str,
    from_stdin: bool,
    picture: Option<&Path>,
) -> Result<(), Failure> {
    // A picture without a code is told before a password is asked for.
    let shown = picture
        .map(|path| seed_in_picture(context, path))
        .transpose()?;
    let mut session = Session::open(context)?;
    let item = session.pick(context, name, Scope::Live)?;
    let text = if let Some(text) = shown {
        text
    } else if from_stdin {
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

/// The only QR code in a picture.
fn seed_in_picture(context: &Context, path: &Path) -> Result<Secret, Failure> {
    let failed =
        |text: &dyn std::fmt::Display| Failure::failed(format!("{}: {text}", path.display()));
    let file = context.storage.open_read(path)?.ok_or_else(|| {
        Failure::new(
            Kind::NotFound,
            format!("there is no file {}", path.display()),
        )
    })?;
    let bytes = Zeroizing::new(read_whole(&*file, MAX_FILE_BYTES)?);
    let mut codes = read_codes(&bytes).map_err(|error| failed(&error))?;
    match (codes.pop(), codes.is_empty()) {
        (Some(code), true) => Ok(code),
        _ => {
            Err(failed(&"there are several QR codes in it")
                .hint("keyfold import takes them all in"))
        }
    }
}

/// The item's seed as a strict URI; issuer and account from the item where the seed has none.
fn strict_uri(context: &mut Context, name: &str) -> Result<Secret, Failure> {
    let mut session = Session::open(context)?;
    let (item, view) = session.pick_whole(context, name, Scope::Live)?;
    let field = seed_field(&view)?;
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

fn qr(context: &mut Context, name: &str, picture: Option<&Path>) -> Result<(), Failure> {
    let uri = strict_uri(context, name)?;
    let code = Qr::new(&uri).map_err(|error| Failure::failed(error.to_string()))?;
    if let Some(path) = picture {
        write_new_file(context, path, &code.write_png())?;
        context.output.note(&format!(
            "The seed is in {}, in clear: keep it short-lived.",
            path.display()
        ));
        return Ok(());
    }
    context.output.code(&code)
}
