//! Which item and field a command line means, and what stands there: shared by `get`, `copy` and `login`.

use crate::cli::Wanted;
use crate::commands::otp;
use crate::context::Context;
use crate::failure::{Failure, Kind};
use crate::session::Session;
use keyfold::model::field;
use keyfold::model::ids::FieldId;
use keyfold::model::item::ItemSummary;
use keyfold::model::query::Scope;
use keyfold::model::reference::Reference;
use keyfold::secret::Secret;
use keyfold::state::view::ItemView;

/// What a command line means.
pub(crate) struct Picked {
    pub(crate) item: ItemSummary,
    view: ItemView,
    /// The field's name, where one is named.
    pub(crate) field: Option<String>,
}

/// The item, and the field's name where one is named.
pub(crate) fn pick(
    context: &mut Context,
    session: &mut Session,
    wanted: &Wanted,
) -> Result<Picked, Failure> {
    match (&wanted.url, &wanted.name) {
        (Some(url), field) => {
            let item = session.pick_by_address(context, url)?;
            let view = session.item(context, item.id)?;
            // The only word there is names the field then.
            let field = field.clone();
            Ok(Picked { item, view, field })
        }
        (None, Some(name)) => {
            let (item, view) = session.pick_whole(context, name, Scope::Live)?;
            let referenced = Reference::parse(name).ok().map(|reference| reference.field);
            let field = wanted.field.clone().or(referenced);
            Ok(Picked { item, view, field })
        }
        (None, None) => Err(Failure::usage("which item?")),
    }
}

/// A field's value, and what the field is called.
pub(crate) struct Found {
    pub(crate) secret: Secret,
    pub(crate) name: String,
    pub(crate) is_code: bool,
}

/// The value of what was picked: by the field's name; the main field's where none is named; `otp` is the code.
pub(crate) fn value(
    context: &mut Context,
    session: &mut Session,
    picked: &Picked,
) -> Result<Found, Failure> {
    let Picked { item, view, field } = picked;
    let name = field.as_deref();
    if name == Some("otp") {
        let code = otp::code(context, session, view)?;
        return Ok(Found {
            secret: code.code,
            name: "otp".to_owned(),
            is_code: true,
        });
    }
    if let Some(name) = name
        && let Some(text) = about_the_item(item, view, name)?
    {
        return Ok(Found {
            secret: Secret::new(text),
            name: name.to_owned(),
            is_code: false,
        });
    }
    let id = match name {
        Some(name) => field_named(view, name).ok_or_else(|| missing(item, view, name))?,
        None => main_field(view).ok_or_else(|| missing(item, view, "password"))?,
    };
    Ok(Found {
        secret: session.reveal(context, item.id, id, None)?,
        name: view
            .field(id)
            .map_or(String::new(), |field| field.name.clone()),
        is_code: false,
    })
}

/// What describes the item and is no field of its own, by the names that scripts use.
fn about_the_item(
    item: &ItemSummary,
    view: &ItemView,
    name: &str,
) -> Result<Option<String>, Failure> {
    Ok(Some(match name {
        "title" => item.title.to_string(),
        "path" => item.path(),
        "folder" => item.folder.to_string(),
        "kind" => item.kind.name().to_owned(),
        "url" => {
            let url = view.urls.first();
            url.ok_or_else(|| missing(item, view, "url"))?
                .address
                .clone()
        }
        _ => return Ok(None),
    }))
}

/// The field of a name: exactly, else without case.
fn field_named(view: &ItemView, name: &str) -> Option<FieldId> {
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
pub(crate) fn main_field(view: &ItemView) -> Option<FieldId> {
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
