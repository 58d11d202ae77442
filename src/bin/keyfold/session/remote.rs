//! The vault as an agent holds it: asked over the socket, and unlocked there with keys that were found here.

use crate::agent::{self, Asked, Client};
use crate::context::Context;
use crate::failure::{Failure, Kind};
use crate::session::unexpected;
use keyfold::crypto::keys::Keys;
use keyfold::model::ids::SlotId;
use keyfold::model::moment::Moment;
use keyfold::service::{ClockCheck, Request, Response};
use keyfold::vault::{Notice, Places};
use keyfold::wire::{Content, Display};

/// How the agent stands to the vault of this run.
pub(super) enum Agent {
    /// It holds it.
    Holding(Box<Remote>),
    /// It may hold it once somebody typed the password. It need not run yet.
    Locked(Option<Client>),
    /// It is not used: an option or a setting says so, an option brings the secret, or it cannot be talked to.
    Unused,
}

impl Agent {
    /// The agent, if this run is to use one. That one cannot be talked to is told, and keeps nobody from going on.
    pub(super) fn of_run(context: &mut Context) -> Result<Self, Failure> {
        if !Self::is_used(context)? {
            return Ok(Self::Unused);
        }
        Self::there(context).or_else(|failure| {
            context.output.warn(&failure.told());
            Ok(Self::Unused)
        })
    }

    /// Whether this run is to use one: not where an option brings the secret.
    pub(super) fn is_used(context: &mut Context) -> Result<bool, Failure> {
        Ok(!context.globals.gives_secret() && context.uses_agent()?)
    }

    /// The agent as it is there.
    pub(super) fn there(context: &mut Context) -> Result<Self, Failure> {
        let places = context.places()?;
        let Some(client) = agent::connect(context)? else {
            return Ok(Self::Locked(None));
        };
        Ok(match Remote::enter(client, places)? {
            Ok(remote) => Self::Holding(Box::new(remote)),
            Err(client) => Self::Locked(Some(client)),
        })
    }

    /// Hands keys to the agent where one is used; `None` where it cannot be had, which is told.
    pub(super) fn take_over(
        self,
        context: &mut Context,
        keys: &Keys,
        slot: SlotId,
    ) -> Result<Option<Box<Remote>>, Failure> {
        if matches!(self, Self::Unused) {
            return Ok(None);
        }
        Ok(match self.hand(context, keys, slot) {
            Ok(remote) => Some(remote),
            Err(failure) => {
                context.output.warn(&failure.told());
                None
            }
        })
    }

    /// Hands keys to the agent, which is started where none runs.
    pub(super) fn hand(
        self,
        context: &mut Context,
        keys: &Keys,
        slot: SlotId,
    ) -> Result<Box<Remote>, Failure> {
        let mut client = match self {
            Self::Holding(remote) => remote.client,
            Self::Locked(Some(client)) => client,
            Self::Locked(None) | Self::Unused => agent::start(context)?,
        };
        let places = context.places()?;
        let device = context.device_name()?.value;
        let limits = context.agent_limits()?;
        client.hold(&places, keys, slot, &device, limits)?;
        let remote = Remote::enter(client, places)?;
        let remote = remote.map_err(|_| Failure::failed("the agent locked the vault at once"))?;
        Ok(Box::new(remote))
    }
}

/// A vault that an agent holds.
pub(super) struct Remote {
    client: Client,
    places: Places,
    /// How this machine's clock stood to the vault when the command began.
    pub(super) clock: ClockCheck,
    /// The time whose state is shown, where that is not now.
    pub(super) past: Option<Moment>,
    /// What the vault noticed and nobody was told yet.
    pub(super) noticed: Vec<Notice>,
    /// What this command was told of, once.
    known: Vec<Notice>,
}

impl Remote {
    /// The vault, or the client back where the agent does not hold it.
    fn enter(mut client: Client, places: Places) -> Result<Result<Self, Client>, Failure> {
        match client.ask(&places, None, Request::Clock)? {
            Asked::Locked => Ok(Err(client)),
            Asked::Answered(Response::Clock(clock), noticed) => Ok(Ok(Self {
                client,
                places,
                clock,
                past: None,
                known: noticed.clone(),
                noticed,
            })),
            Asked::Answered(..) => Err(unexpected()),
        }
    }

    /// Lets the agent own the clipboard of a display.
    pub(super) fn copy(&mut self, display: &Display, content: Content) -> Result<(), Failure> {
        self.client.copy(display, content)
    }

    pub(super) fn ask(&mut self, request: Request) -> Result<Response, Failure> {
        match self.client.ask(&self.places, self.past, request)? {
            Asked::Answered(response, noticed) => {
                // What lasts is noticed at every question; a command tells it once.
                let news = noticed
                    .into_iter()
                    .filter(|notice| !self.known.contains(notice));
                self.noticed.extend(news);
                self.known.extend(self.noticed.iter().cloned());
                Ok(response)
            }
            Asked::Locked => Err(Failure::new(
                Kind::Locked,
                "the agent locked the vault meanwhile",
            )
            .hint("the same command again asks for the password")),
        }
    }
}
