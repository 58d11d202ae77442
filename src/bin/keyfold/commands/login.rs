//! `login`: user name, password and code to the clipboard, one after another, each at the press of a key.
//!
//! A value is asked for when its turn comes, and is in the clipboard until the next one, or until its time is over.

use crate::cli::Login;
use crate::clipboard::Holder;
use crate::clocks::Clocks;
use crate::commands::copying::Way;
use crate::commands::otp;
use crate::commands::value::main_field;
use crate::context::Context;
use crate::failure::{Failure, Kind};
use crate::keyboard::{Keyboard, Press};
use crate::session::Session;
use crate::span;
use keyfold::model::field;
use keyfold::model::ids::FieldId;
use keyfold::model::query::Scope;
use keyfold::secret::Secret;
use keyfold::state::view::ItemView;
use std::time::Duration;

/// A code with fewer seconds left is not worth pasting.
const FRESH_SECS: u32 = 5;
/// The boot clock is looked at this often: a machine that slept must not hold a secret longer for it.
const GLANCE: Duration = Duration::from_secs(1);

/// What is copied in a turn.
#[derive(Clone, Copy)]
enum Turn {
    Username,
    Secret(FieldId),
    Code,
}

/// How the wait after a copy came to its end.
enum Waited {
    Next,
    Again,
    Ended,
}

pub(crate) fn run(context: &mut Context, args: &Login) -> Result<(), Failure> {
    if !context.may_ask() || !context.output.to_terminal() {
        return Err(Failure::usage(
            "login waits for keys, and there is no terminal to press them at",
        )
        .hint("keyfold copy NAME FIELD and keyfold otp NAME -c copy one value each"));
    }
    let way = Way::find(context, &args.how)?;
    let mut session = Session::open(context)?;
    let (item, view) = session.pick_whole(context, &args.name, Scope::Live)?;
    let turns = turns(&view);
    if turns.is_empty() {
        let text = format!("{} has nothing to log in with", item.path());
        return Err(Failure::new(Kind::NotFound, text)
            .hint("keyfold edit NAME gives it a user name or a password"));
    }
    if args.open {
        open_address(&view)?;
    }
    let Some(keyboard) = Keyboard::take()? else {
        return Err(Failure::usage("standard input is no terminal"));
    };
    let path = item.path();
    Round {
        context,
        session,
        view,
        way,
        keyboard,
        held: None,
    }
    .play(&path, &turns)
}

/// What the item has of the three.
fn turns(view: &ItemView) -> Vec<Turn> {
    let username = (!view.text(field::USERNAME).is_empty()).then_some(Turn::Username);
    let secret = main_field(view).map(Turn::Secret);
    let code = view.seed_field().map(|_| Turn::Code);
    [username, secret, code].into_iter().flatten().collect()
}

/// Only what a browser opens: an address may come from another device, or from an import.
fn open_address(view: &ItemView) -> Result<(), Failure> {
    let addresses = view.urls.iter().map(|url| url.address.as_str());
    let is_web = |address: &&str| {
        let scheme = address.split(':').next().unwrap_or_default();
        ["http", "https"]
            .iter()
            .any(|web| scheme.eq_ignore_ascii_case(web))
            && !address.chars().any(|letter| letter.is_control())
    };
    let address = addresses.into_iter().find(is_web).ok_or_else(|| {
        let text = format!(
            "{} has no address that a browser opens",
            view.summary().path()
        );
        Failure::new(Kind::NotFound, text)
    })?;
    open::that_detached(address)
        .map_err(|error| Failure::failed(format!("no browser opens it: {error}")))
}

/// One login.
struct Round<'a> {
    context: &'a mut Context,
    session: Session,
    view: ItemView,
    way: Way,
    keyboard: Keyboard,
    /// Dropped, it clears the clipboard where that is still ours.
    held: Option<Holder>,
}

impl Round<'_> {
    fn play(mut self, path: &str, turns: &[Turn]) -> Result<(), Failure> {
        let output = &self.context.output;
        output.note(&format!(
            "Logging in with {path}. A key copies the next value, r the same once more, q ends."
        ));
        let mut turns = turns.iter().peekable();
        while let Some(turn) = turns.next() {
            let next = turns.peek().map(|turn| self.name(**turn));
            loop {
                if !self.copy(*turn)? {
                    return self.end();
                }
                match self.wait(next.as_deref())? {
                    Waited::Next => break,
                    Waited::Again => {}
                    Waited::Ended => return self.end(),
                }
            }
        }
        self.end()
    }

    fn end(mut self) -> Result<(), Failure> {
        let is_held = self.held.take().is_some();
        self.context.output.note(if is_held {
            "Done; what was copied is cleared."
        } else {
            match self.way {
                Way::Display(..) => "Done.",
                Way::Terminal(_) => {
                    "Done. A terminal cannot clear what it copied: copy something else."
                }
            }
        });
        Ok(())
    }

    fn name(&self, turn: Turn) -> String {
        match turn {
            Turn::Username => "user name".to_owned(),
            Turn::Secret(id) => self
                .view
                .field(id)
                .map_or(String::new(), |field| field.name.clone()),
            Turn::Code => "code".to_owned(),
        }
    }

    /// Copies what this turn is for; whether it did, and nobody ended it meanwhile.
    fn copy(&mut self, turn: Turn) -> Result<bool, Failure> {
        let (text, more) = match turn {
            Turn::Username => (
                Secret::new(self.view.text(field::USERNAME).to_owned()),
                None,
            ),
            Turn::Secret(id) => (
                self.session.reveal(self.context, self.view.id, id, None)?,
                None,
            ),
            Turn::Code => match self.fresh_code()? {
                Some(code) => code,
                None => return Ok(false),
            },
        };
        // The new holder takes the clipboard before the former one lets go: it is never empty between two.
        self.held = self.way.hold(text)?;
        let more = more.map_or(String::new(), |left| format!(", good for {left} s"));
        let text = format!("  {} is copied{more}", self.name(turn));
        self.keyboard.clear();
        self.context.output.note(&text);
        Ok(true)
    }

    /// The code and its seconds, once it is good for long enough; `None` where somebody ended it meanwhile.
    fn fresh_code(&mut self) -> Result<Option<(Secret, Option<u32>)>, Failure> {
        let mut is_told = false;
        loop {
            let code = otp::code(self.context, &mut self.session, &self.view)?;
            let Some(left) = code.remaining_secs.filter(|left| *left < FRESH_SECS) else {
                return Ok(Some((code.code, code.remaining_secs)));
            };
            // A code of a second's period is never fresher.
            if code.period_secs.is_some_and(|period| period <= FRESH_SECS) {
                return Ok(Some((code.code, code.remaining_secs)));
            }
            if !is_told {
                self.context
                    .output
                    .note(&format!("  a fresh code comes in {left} s"));
                is_told = true;
            }
            let pause = 1000 - self.context.now().0 % 1000;
            if self.keyboard.wait(Duration::from_millis(pause))? == Some(Press::End) {
                return Ok(None);
            }
        }
    }

    /// Waits for a key. When its time is over, the value goes; after the last one that is the end.
    fn wait(&mut self, next: Option<&str>) -> Result<Waited, Failure> {
        let copied = Clocks::now().boot;
        let mut limit = self.way.seconds().map(Duration::from_secs);
        loop {
            match self.keyboard.wait(GLANCE)? {
                Some(Press::End) => return Ok(Waited::Ended),
                Some(Press::Again) => return Ok(Waited::Again),
                Some(_) => return Ok(Waited::Next),
                None => {}
            }
            let Some(time) =
                limit.filter(|time| Clocks::now().boot.saturating_sub(copied) >= *time)
            else {
                continue;
            };
            let Some(next) = next else {
                return Ok(Waited::Ended);
            };
            (self.held, limit) = (None, None);
            let time = span::describe(time.as_secs());
            self.context.output.note(&format!(
                "  cleared after {time}; r copies it once more, another key the {next}"
            ));
        }
    }
}
