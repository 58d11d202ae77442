//! What all commands share that copy something: by which way, for how long, and what is said of it. Never the value.

use crate::cli::CopyHow;
use crate::clipboard::{Holder, Leash, Osc52};
use crate::context::Context;
use crate::failure::Failure;
use crate::session::Session;
use crate::span;
use keyfold::secret::Secret;
use keyfold::wire::{Content, Display};
use serde::Serialize;

/// By which way a copy goes. It is found before anything is asked for: nobody types a password for what cannot be.
pub(crate) enum Way {
    /// To the clipboard of a display, for so many seconds.
    Display(Display, Option<u64>),
    /// Through the terminal.
    Terminal(Osc52),
}

/// What was copied.
pub(crate) struct Copied<'a> {
    /// The item's path, where it comes from one.
    pub(crate) item: Option<&'a str>,
    pub(crate) field: &'a str,
}

impl Way {
    pub(crate) fn find(context: &mut Context, how: &CopyHow) -> Result<Self, Failure> {
        if how.osc52 {
            return Osc52::open().map(Self::Terminal);
        }
        let seconds = match &how.timeout {
            Some(text) => span::read("--timeout", text)?,
            None => context.clipboard_seconds()?,
        };
        let display = context.display();
        Holder::refuse_no_display(&display)?;
        Ok(Self::Display(display, seconds))
    }

    /// Copies, and says so. The value comes from a session, or from none.
    pub(crate) fn copy(
        mut self,
        context: &Context,
        session: Option<&mut Session>,
        what: &Copied<'_>,
        text: Secret,
    ) -> Result<(), Failure> {
        let is_copied = match (&self, session) {
            (Self::Display(display, seconds), Some(session)) => {
                session.copy(display, &text, *seconds)
            }
            _ => false,
        };
        if !is_copied {
            self.give(text, Leash::Free)?;
        }
        self.tell(context, what)
    }

    /// Copies for as long as what comes back is kept, at the longest; a terminal's clipboard cannot be let go of.
    pub(crate) fn hold(&mut self, text: Secret) -> Result<Option<Holder>, Failure> {
        self.give(text, Leash::Held)
    }

    fn give(&mut self, text: Secret, leash: Leash) -> Result<Option<Holder>, Failure> {
        match self {
            Self::Terminal(terminal) => terminal.copy(&text).map(|()| None),
            Self::Display(display, seconds) => {
                let mut holder = Holder::start(display, leash)?;
                let seconds = *seconds;
                holder.give(&Content { text, seconds })?;
                Ok(Some(holder))
            }
        }
    }

    /// Seconds after which a copy is cleared; `None` where it is not.
    pub(crate) fn seconds(&self) -> Option<u64> {
        match self {
            Self::Display(_, seconds) => *seconds,
            Self::Terminal(_) => None,
        }
    }

    fn tell(&self, context: &Context, what: &Copied<'_>) -> Result<(), Failure> {
        let from = what
            .item
            .map_or(String::new(), |item| format!(" of {item}"));
        let until = match self {
            Self::Terminal(_) => {
                "; a terminal can neither mark it as a secret nor clear it: copy something else"
                    .to_owned()
            }
            Self::Display(_, Some(seconds)) => {
                format!("; it is cleared in {}", span::describe(*seconds))
            }
            Self::Display(_, None) => "; it stays until something else is copied".to_owned(),
        };
        context
            .output
            .note(&format!("Copied {}{from}{until}.", what.field));
        if matches!(self, Self::Terminal(_)) && context.is_in_tmux() {
            context
                .output
                .note("Inside tmux this needs its setting: tmux set -g set-clipboard on");
        }
        if !context.output.json {
            return Ok(());
        }
        #[derive(Serialize)]
        struct Shown<'a> {
            schema: u32,
            item: Option<&'a str>,
            field: &'a str,
            clears_in_secs: Option<u64>,
        }
        context.output.json(&Shown {
            schema: 1,
            item: what.item,
            field: what.field,
            clears_in_secs: self.seconds(),
        })
    }
}
