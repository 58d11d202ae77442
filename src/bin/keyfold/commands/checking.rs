//! What is told at once of a password that somebody just chose: that it is used elsewhere, weak, or in the list of breached ones.
//! It forbids nothing, and what was said to be done is done. Generated passwords are not looked at.

use crate::commands::audit::lists;
use crate::context::Context;
use crate::failure::Failure;
use crate::session::Session;
use keyfold::audit::is_password_field;
use keyfold::generate::{self, Rating};
use keyfold::model::draft::{DraftValue, FieldName};
use keyfold::model::field::FieldKind;
use keyfold::model::ids::{FieldId, ItemId};
use keyfold::model::item::ItemSummary;
use keyfold::secret::Secret;
use keyfold::service::Request;

/// So many other places are named.
const NAMED: usize = 5;

/// Passwords that were chosen, to be looked at once they are stored.
#[derive(Default)]
pub(crate) struct Chosen {
    passwords: Vec<(String, Secret)>,
}

impl Chosen {
    /// Those among fields that are set. `generated` is a standard field that nobody chose.
    pub(crate) fn of<'a>(
        fields: impl Iterator<Item = (&'a FieldName, FieldKind, &'a DraftValue)>,
        generated: Option<u8>,
    ) -> Self {
        let mut chosen = Self::default();
        for (name, kind, value) in fields {
            let id = match name {
                FieldName::Standard(number) => FieldId::Standard(*number),
                FieldName::Custom(_) => FieldId::Custom([0; 16]),
            };
            let is_generated =
                matches!(name, FieldName::Standard(number) if Some(*number) == generated);
            let text = name.as_text();
            if let DraftValue::Secret(secret) = value
                && is_password_field(id, kind, text)
                && !is_generated
                && !secret.is_empty()
                && !chosen
                    .passwords
                    .iter()
                    .any(|(_, known)| known.same_as(secret))
            {
                chosen
                    .passwords
                    .push((text.to_string(), secret.duplicate()));
            }
        }
        chosen
    }

    /// Tells what is wrong with them, now that these items have them. That something cannot be found out is told too, and fails nothing.
    pub(crate) fn tell(self, context: &mut Context, session: &mut Session, items: &[ItemId]) {
        if self.passwords.is_empty() || context.output.is_quiet() {
            return;
        }
        let told = self.look(context, session, items);
        if let Err(failure) = told {
            context.output.warn(&format!(
                "It was not found out whether the password is a good one: {}",
                failure.told()
            ));
        }
    }

    fn look(
        self,
        context: &mut Context,
        session: &mut Session,
        items: &[ItemId],
    ) -> Result<(), Failure> {
        if !context.checks_passwords()? {
            return Ok(());
        }
        let rows = session.items(context, Request::Rows(items.to_vec()))?;
        let breaches = lists::breaches(context, None);
        for (name, secret) in &self.passwords {
            weak(context, name, secret, rows.first());
            if let Ok(Some(list)) = &breaches {
                let found = list.contains(secret);
                if found.map_err(|error| lists::failure("list of breached passwords", &error))? {
                    context.output.warn(&format!(
                        "breached: this {name} was seen in breaches, and attackers try it."
                    ));
                }
            }
            let request = Request::SamePassword(secret.duplicate());
            let mut same = session.items(context, request)?;
            // One item that was just changed is no other place.
            if let Some(own) = items.first() {
                same.retain(|item| item.id != *own);
            }
            reused(context, name, &same);
        }
        breaches.map(|_| ())
    }
}

fn weak(context: &Context, name: &str, secret: &Secret, item: Option<&ItemSummary>) {
    let title = item.map(|item| item.title.as_ref()).unwrap_or_default();
    let user = item.map(|item| item.username.as_ref()).unwrap_or_default();
    let words: Vec<&str> = [title, user]
        .into_iter()
        .flat_map(|text| text.split(['@', '.', ' ', '/']).chain([text]))
        .filter(|word| word.chars().count() > 2)
        .collect();
    let strength = generate::strength(secret, &words);
    if strength.rating < Rating::Fair {
        let hint = strength.hint.map_or(String::new(), |hint| {
            format!(": {}", hint.trim_end_matches('.'))
        });
        let rating = strength.rating;
        context
            .output
            .warn(&format!("weak: this {name} is {rating}{hint}."));
    }
}

fn reused(context: &Context, name: &str, same: &[ItemSummary]) {
    if same.is_empty() {
        return;
    }
    let named: Vec<String> = same.iter().take(NAMED).map(ItemSummary::path).collect();
    let more = match same.len().saturating_sub(named.len()) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let places = named.join(", ");
    context.output.warn(&format!(
        "reused: this {name} is that of {places}{more} too."
    ));
}
