//! Owning the clipboard of an X server (ICCCM, section 2), without ever handing it on: SAVE_TARGETS is neither asked nor answered.

use super::hold::Limits;
use super::{HINT_CONTENT, LENGTH_LIMIT};
use crate::failure::Failure;
use keyfold::secret::Secret;
use keyfold::wire::Display;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::fmt::Display as Shown;
use std::os::fd::AsFd;
use x11rb::connection::{Connection, RequestConnection};
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{
    Atom, AtomEnum, ConnectionExt, CreateWindowAux, EventMask, PropMode, SELECTION_NOTIFY_EVENT,
    SelectionNotifyEvent, SelectionRequestEvent, Timestamp, Window, WindowClass,
};
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;
use x11rb::{COPY_FROM_PARENT, CURRENT_TIME, NONE};

/// Requests of the protocol around a content are shorter than this.
const REQUEST_HEAD: usize = 64;

x11rb::atom_manager! {
    /// What the conversation is about.
    Atoms:
    /// The atoms on their way.
    AtomsCookie {
        CLIPBOARD,
        TARGETS,
        TIMESTAMP,
        UTF8_STRING,
        TEXT,
        MIME_UTF8: b"text/plain;charset=utf-8",
        MIME_TEXT: b"text/plain",
        HINT: super::HINT.as_bytes(),
    }
}

/// A connection with a window that nobody sees, which may own the clipboard.
pub(super) struct Owner {
    connection: RustConnection,
    window: Window,
    atoms: Atoms,
    /// Since when the clipboard is ours, by the server's clock.
    since: Timestamp,
}

impl Owner {
    /// Connects by the server's socket.
    pub(super) fn connect(display: &Display) -> Result<Self, Failure> {
        let name = display
            .local_x11()
            .ok_or_else(|| Failure::failed("there is no display whose clipboard could be used"))?;
        let (connection, screen) = RustConnection::connect(Some(&name)).map_err(|e| failed(&e))?;
        let atoms = Atoms::new(&connection).map_err(|e| failed(&e))?;
        let window = connection.generate_id().map_err(|e| failed(&e))?;
        let root = connection
            .setup()
            .roots
            .get(screen)
            .map(|screen| screen.root);
        let root = root.ok_or_else(|| failed(&"the display has no such screen"))?;
        connection
            .create_window(
                0,
                window,
                root,
                0,
                0,
                1,
                1,
                0,
                WindowClass::INPUT_ONLY,
                COPY_FROM_PARENT,
                // The server tells its time with each of them.
                &CreateWindowAux::new().event_mask(EventMask::PROPERTY_CHANGE),
            )
            .map_err(|e| failed(&e))?;
        let atoms = atoms.reply().map_err(|e| failed(&e))?;
        if connection.maximum_request_bytes() < LENGTH_LIMIT + REQUEST_HEAD {
            return Err(failed(&"the display takes small messages only"));
        }
        Ok(Self {
            connection,
            window,
            atoms,
            since: CURRENT_TIME,
        })
    }

    /// Takes the clipboard from whoever has it.
    pub(super) fn own(&mut self) -> Result<(), Failure> {
        let clipboard = self.atoms.CLIPBOARD;
        self.since = self.server_time()?;
        self.connection
            .set_selection_owner(self.window, clipboard, self.since)
            .map_err(|e| failed(&e))?;
        let owner = self.connection.get_selection_owner(clipboard);
        let owner = owner
            .map_err(|e| failed(&e))?
            .reply()
            .map_err(|e| failed(&e))?;
        if owner.owner == self.window {
            Ok(())
        } else {
            Err(failed(&"another program took it at once"))
        }
    }

    /// The server's time now: an owner says since when it is one (ICCCM 2.1), by changing nothing of a property.
    fn server_time(&self) -> Result<Timestamp, Failure> {
        let property = self.atoms.TIMESTAMP;
        self.connection
            .change_property8(
                PropMode::APPEND,
                self.window,
                property,
                AtomEnum::STRING,
                &[],
            )
            .map_err(|e| failed(&e))?;
        self.connection.flush().map_err(|e| failed(&e))?;
        loop {
            match self.connection.wait_for_event().map_err(|e| failed(&e))? {
                Event::PropertyNotify(changed) if changed.atom == property => {
                    return Ok(changed.time);
                }
                _ => {}
            }
        }
    }

    /// Gives the clipboard back where it is still ours: the server ignores it if somebody owns it since a later time.
    fn give_back(&self) -> Result<(), Failure> {
        self.connection
            .set_selection_owner(NONE, self.atoms.CLIPBOARD, self.since)
            .map_err(|e| failed(&e))?;
        self.connection.flush().map_err(|e| failed(&e))
    }

    /// Answers who pastes, until the time is over, somebody else copies, or the leash ends.
    pub(super) fn serve(&self, text: &Secret, limits: &Limits) -> Result<(), Failure> {
        loop {
            while let Some(event) = self.connection.poll_for_event().map_err(|e| failed(&e))? {
                match event {
                    Event::SelectionClear(lost) if lost.selection == self.atoms.CLIPBOARD => {
                        return Ok(());
                    }
                    Event::SelectionRequest(request) => self.answer(&request, text)?,
                    // Also errors: of windows that were gone before the answer came.
                    _ => {}
                }
            }
            self.connection.flush().map_err(|e| failed(&e))?;
            if self.is_over(limits) {
                return self.give_back();
            }
        }
    }

    /// Waits for the display; whether there is nothing more to wait for.
    fn is_over(&self, limits: &Limits) -> bool {
        let Some(pause) = limits.pause() else {
            return true;
        };
        let mut watched = vec![PollFd::from_borrowed_fd(
            self.connection.stream().as_fd(),
            PollFlags::IN,
        )];
        if let Some(leash) = &limits.leash {
            watched.push(PollFd::new(leash, PollFlags::IN));
        }
        let pause = Timespec::try_from(pause).ok();
        // An interrupted wait begins anew.
        let _ = poll(&mut watched, pause.as_ref());
        // Nothing is ever sent after the content: whatever comes by the leash is its end.
        watched
            .get(1)
            .is_some_and(|leash| !leash.revents().is_empty())
    }

    fn answer(&self, request: &SelectionRequestEvent, text: &Secret) -> Result<(), Failure> {
        // Old clients name no property: then it is the target (ICCCM 2.2).
        let property = if request.property == NONE {
            request.target
        } else {
            request.property
        };
        let is_ours = request.selection == self.atoms.CLIPBOARD && request.owner == self.window;
        let given = is_ours && self.write(request.requestor, property, request.target, text)?;
        let event = SelectionNotifyEvent {
            response_type: SELECTION_NOTIFY_EVENT,
            sequence: 0,
            time: request.time,
            requestor: request.requestor,
            selection: request.selection,
            target: request.target,
            property: if given { property } else { NONE },
        };
        self.connection
            .send_event(false, request.requestor, EventMask::NO_EVENT, event)
            .map_err(|e| failed(&e))?;
        Ok(())
    }

    /// Writes what a target stands for; whether it is one of ours.
    fn write(
        &self,
        to: Window,
        property: Atom,
        target: Atom,
        text: &Secret,
    ) -> Result<bool, Failure> {
        let atoms = &self.atoms;
        // EXPOSE: it goes to the program that pastes.
        let text = text.expose();
        let replace = PropMode::REPLACE;
        let written = if target == atoms.TARGETS {
            let targets = self.targets(text);
            self.connection
                .change_property32(replace, to, property, AtomEnum::ATOM, &targets)
        } else if target == atoms.TIMESTAMP {
            let since = [self.since];
            self.connection
                .change_property32(replace, to, property, AtomEnum::INTEGER, &since)
        } else if target == atoms.HINT {
            self.connection
                .change_property8(replace, to, property, target, HINT_CONTENT)
        } else if self.targets(text).contains(&target) {
            // TEXT leaves the choice of the encoding to the owner.
            let kind = if target == atoms.TEXT {
                atoms.UTF8_STRING
            } else {
                target
            };
            self.connection
                .change_property8(replace, to, property, kind, text.as_bytes())
        } else {
            return Ok(false);
        };
        written.map_err(|e| failed(&e))?;
        Ok(true)
    }

    fn targets(&self, text: &str) -> Vec<Atom> {
        let atoms = &self.atoms;
        let mut targets = vec![
            atoms.TARGETS,
            atoms.TIMESTAMP,
            atoms.UTF8_STRING,
            atoms.MIME_UTF8,
            atoms.MIME_TEXT,
            atoms.TEXT,
            atoms.HINT,
        ];
        // STRING is Latin-1, which UTF-8 agrees with as far as ASCII goes.
        if text.is_ascii() {
            targets.push(AtomEnum::STRING.into());
        }
        targets
    }
}

fn failed(error: &dyn Shown) -> Failure {
    Failure::failed(format!("the display's clipboard cannot be had: {error}"))
}
