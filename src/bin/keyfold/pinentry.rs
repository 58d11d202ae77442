//! The master password where there is no terminal but a display: launchers and key bindings ask by the desktop's pinentry.
//!
//! Only the program that is called `pinentry` is ever run: no setting names another.

use crate::context::Context;
use crate::escape::escape;
use crate::failure::{Failure, Kind};
use keyfold::secret::Secret;
use pinentry::{Error, PassphraseInput};
use secrecy::ExposeSecret;

/// A line of the protocol has at most 1,000 bytes, and each of these may take three.
const TEXT_LIMIT: usize = 300;

/// Whether nobody sits at a terminal, but somebody may look at a display.
pub(crate) fn is_there(context: &Context) -> bool {
    let display = context.display();
    // A window may be shown by way of another machine, too.
    let has_display = display.wayland.is_some() || display.x11.is_some();
    !context.globals.no_input
        && !context.may_ask()
        && has_display
        && PassphraseInput::with_default_binary().is_some()
}

/// Asks for a password. A question that is asked again says what was wrong.
pub(crate) fn password(question: &str, wrong: Option<&str>) -> Result<Secret, Failure> {
    let missing = || Failure::failed("pinentry is not there");
    let mut dialog = PassphraseInput::with_default_binary().ok_or_else(missing)?;
    let text = short(question.trim_end_matches(": "));
    dialog
        .with_title("keyfold")
        .with_description(&text)
        .with_prompt("Password:");
    if let Some(wrong) = wrong {
        dialog.with_error(wrong);
    }
    match dialog.interact() {
        // EXPOSE: copied from one wiped type into another.
        Ok(typed) => Ok(Secret::new(typed.expose_secret().to_owned())),
        Err(Error::Cancelled | Error::Timeout) => {
            Err(Failure::new(Kind::Interrupted, "pinentry was cancelled"))
        }
        Err(error) => Err(Failure::new(
            Kind::Locked,
            format!("pinentry could not ask for the password: {error}"),
        )
        .hint("--password-file PATH or --password-command CMD gives it")),
    }
}

/// One line that fits into the protocol.
fn short(text: &str) -> String {
    let mut text = escape(text).into_owned();
    if text.len() > TEXT_LIMIT {
        let start = text.len() - TEXT_LIMIT;
        let start = (start..text.len()).find(|at| text.is_char_boundary(*at));
        // The end of a path tells more than its beginning.
        text = format!("…{}", text.split_off(start.unwrap_or(text.len())));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_keeps_its_end_and_whole_characters() {
        let long = format!("{}/vault.keyfold", "ä".repeat(400));
        let text = short(&long);
        assert!(text.len() <= TEXT_LIMIT + "…".len() && text.ends_with("ä/vault.keyfold"));
        assert!(!short("Password of a\nb").contains('\n'));
    }
}
