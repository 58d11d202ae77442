//! The clipboard for clients: one child owns it, and the next one waits, connected already, so that a copy need not wait for
//! a process to start.

use crate::clipboard::{Holder, Leash};
use crate::failure::{Failure, Kind};
use keyfold::wire::{Content, Copying, Display};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

/// What was copied last, and what is ready for the next copy.
#[derive(Default)]
pub(super) struct Copies {
    children: Mutex<Children>,
    /// How often everything was let go of. Nobody who does that waits for a display that does not answer: whoever waits for
    /// it sees this afterwards.
    endings: AtomicU64,
}

#[derive(Default)]
struct Children {
    /// Owns the clipboard, or did.
    owner: Option<Holder>,
    /// Owned it before, and is to be waited for: it ends by itself.
    former: Option<Holder>,
    /// Has nothing yet, and the display that it is connected to.
    spare: Option<(Display, Holder)>,
}

impl Copies {
    /// Lets a child own the client's clipboard.
    pub(super) fn copy(&self, copying: &Copying) -> Result<(), Failure> {
        let Copying { display, content } = copying;
        let endings = self.endings.load(Ordering::SeqCst);
        let mut children = self.children();
        let spare = children.spare.take();
        let spare = spare.filter(|(connected, _)| connected == display);
        let given = spare.and_then(|(_, spare)| give(spare, content).ok());
        let owner = match given {
            Some(owner) => owner,
            // None was ready, or its display was gone meanwhile.
            None => give(Holder::start(display, Leash::Held)?, content)?,
        };
        children.former = children.owner.replace(owner);
        if self.ended_since(endings, &mut children) {
            return Err(Failure::new(
                Kind::Locked,
                "the agent locked the vault meanwhile",
            ));
        }
        Ok(())
    }

    /// Gets ready for the next copy on a display, and waits for who is over: after an answer, when nobody waits for this.
    pub(super) fn make_ready(&self, display: &Display) {
        let endings = self.endings.load(Ordering::SeqCst);
        let mut children = self.children();
        children.clean_up();
        let is_ready = children
            .spare
            .as_ref()
            .is_some_and(|(connected, _)| connected == display);
        if !is_ready {
            // Why none starts is told to who copies.
            let spare = Holder::start(display, Leash::Held).ok();
            children.spare = spare.map(|spare| (display.clone(), spare));
        }
        self.ended_since(endings, &mut children);
    }

    /// Waits for who is over.
    pub(super) fn clean_up(&self) {
        self.children().clean_up();
    }

    /// Clears what was copied, where it is still ours, and keeps nothing ready.
    pub(super) fn let_go(&self) {
        self.endings.fetch_add(1, Ordering::SeqCst);
        match self.children.try_lock() {
            Ok(mut children) => *children = Children::default(),
            Err(TryLockError::Poisoned(poisoned)) => *poisoned.into_inner() = Children::default(),
            // Whoever is at it does so in the end.
            Err(TryLockError::WouldBlock) => {}
        }
    }

    /// Lets go of all children where that was asked for meanwhile; whether it was.
    fn ended_since(&self, endings: u64, children: &mut Children) -> bool {
        let is_ended = self.endings.load(Ordering::SeqCst) != endings;
        if is_ended {
            *children = Children::default();
        }
        is_ended
    }

    fn children(&self) -> MutexGuard<'_, Children> {
        self.children.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Children {
    fn clean_up(&mut self) {
        self.former = None;
        if self.owner.as_mut().is_some_and(Holder::is_over) {
            self.owner = None;
        }
        if self
            .spare
            .as_mut()
            .is_some_and(|(_, spare)| spare.is_over())
        {
            self.spare = None;
        }
    }
}

fn give(mut holder: Holder, content: &Content) -> Result<Holder, Failure> {
    holder.give(content)?;
    Ok(holder)
}
