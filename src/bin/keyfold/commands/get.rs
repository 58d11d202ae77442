//! `get`: one field's plain value.

use crate::cli::Get;
use crate::commands::otp;
use crate::context::Context;
use crate::failure::{Failure, Kind};
use crate::output::Ending;
use crate::session::Session;
use keyfold::model::field;
use keyfold::model::ids::FieldId;
use keyfold::model::item::ItemSummary;
use keyfold::model::query::Scope;
use keyfold::model::reference::Reference;
use keyfold::secret::Secret;
use keyfold::state::view::ItemView;
use serde::Serialize;

pub(crate) fn run(context: &mut Context, args: &Get) -> Result<(), Failure> {
    let mut session = Session::open_at(context, &args.past)?;
    let (item, field) = match (&args.url, &args.name) {
        (Some(url), field) => (session.pick_by_address(context, url)?, field.clone()),
        (None, Some(name)) => {
            let item = session.pick(context, name, Scope::Live)?;
            let referenced = Reference::parse(name).ok().map(|reference| reference.field);
            (item, args.field.clone().or(referenced))
        }
        (None, None) => return Err(Failure::usage("which item?")),
    };
    if field.as_deref() == Some("otp") && args.past.at.is_some() {
        return Err(Failure::usage("codes are of now, not of the past")
            .hint("leave --at out; keyfold history shows former seeds"));
    }
    let (secret, is_code) = value(context, &mut session, &item, field.as_deref())?;
    if context.output.json {
        #[derive(Serialize)]
        struct Got<'a> {
            schema: u32,
            value: &'a str,
        }
        // EXPOSE: the user asked for this value.
        return context.output.json(&Got {
            schema: 1,
            value: secret.expose(),
        });
    }
    context.output.secret(
        &secret,
        if is_code {
            Ending::Newline
        } else {
            Ending::None
        },
    )
}

/// A field's value by its name; the main field where none is named; `otp` is the code.
fn value(
    context: &mut Context,
    session: &mut Session,
    item: &ItemSummary,
    name: Option<&str>,
) -> Result<(Secret, bool), Failure> {
    let view = session.item(context, item.id)?;
    if name == Some("otp") {
        let code = otp::code(context, session, &view)?;
        return Ok((code.code, true));
    }
    match name {
        Some("title") => return Ok((Secret::new(item.title.to_string()), false)),
        Some("path") => return Ok((Secret::new(item.path()), false)),
        Some("folder") => return Ok((Secret::new(item.folder.to_string()), false)),
        Some("kind") => return Ok((Secret::new(item.kind.name().to_owned()), false)),
        Some("url") => {
            let url = view
                .urls
                .first()
                .ok_or_else(|| missing(item, &view, "url"))?;
            return Ok((Secret::new(url.address.clone()), false));
        }
        _ => {}
    }
    let id = match name {
        Some(name) => field_named(&view, name).ok_or_else(|| missing(item, &view, name))?,
        None => main_field(&view).ok_or_else(|| missing(item, &view, "password"))?,
    };
    Ok((session.reveal(context, item.id, id, None)?, false))
}

/// The field of a name: exactly, else without case.
pub(crate) fn field_named(view: &ItemView, name: &str) -> Option<FieldId> {
    let shown = || {
        view.fields
            .iter()
            .filter(|field| !is_about_the_item(field.id))
    };
    let exact = shown().find(|field| field.name == name);
    let found =
        exact.or_else(|| shown().find(|field| field.name.to_lowercase() == name.to_lowercase()));
    found.map(|field| field.id)
}

/// The first field of the kind's template that has a value, else the password.
fn main_field(view: &ItemView) -> Option<FieldId> {
    let template = view.kind().template().iter().filter(|number| {
        field::standard_field(**number).is_some_and(|(_, kind)| kind.is_secret())
            && **number != field::OTP
    });
    let numbers = template.copied().chain([field::PASSWORD]);
    numbers
        .map(FieldId::Standard)
        .find(|id| view.field(*id).is_some())
}

/// Fields 1 to 9 describe the item and are not shown as fields.
pub(crate) fn is_about_the_item(id: FieldId) -> bool {
    matches!(id, FieldId::Standard(number) if number < field::USERNAME)
}

/// What an item's fields are called.
pub(crate) fn field_names(view: &ItemView) -> Vec<String> {
    let fields = view.fields.iter();
    let own = fields.filter(|field| !is_about_the_item(field.id));
    own.map(|field| field.name.clone()).collect()
}

fn missing(item: &ItemSummary, view: &ItemView, name: &str) -> Failure {
    let known = field_names(view);
    let failure = Failure::new(Kind::NotFound, format!("{} has no {name}", item.path()));
    if known.is_empty() {
        failure
    } else {
        failure.hint(format!("it has: {}", known.join(", ")))
    }
}
