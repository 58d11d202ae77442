//! A command's side of the socket: one question, one answer, and nothing that takes time before them.

use super::socket::RuntimeFolder;
use super::stream::{Patience, receive, receive_greeting, send, send_greeting};
use crate::context::Context;
use crate::failure::{Failure, Kind};
use crate::session::unexpected;
use keyfold::crypto::keys::Keys;
use keyfold::model::ids::SlotId;
use keyfold::model::moment::Moment;
use keyfold::service::{Request, Response};
use keyfold::vault::{Notice, Places};
use keyfold::wire::{
    Answer, Asking, Content, Copying, Display, Greeting, HeldVault, HoldLimits, Holding, Intention,
    Question,
};
use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// An agent that is there says so at once, even on a busy machine.
const GREETING_PATIENCE: Duration = Duration::from_secs(10);
/// The vault may have a long file to read or to write before it answers.
const ANSWER_PATIENCE: Patience = Patience {
    first: Duration::from_secs(600),
    rest: Duration::from_secs(60),
};

/// A vault with gigabytes of files on a slow disk is not backed up in less.
const BACKUP_PATIENCE: Patience = Patience {
    first: Duration::from_secs(12 * 3600),
    rest: Duration::from_secs(60),
};

/// A connection to an agent of this version.
pub(crate) struct Client {
    stream: UnixStream,
}

/// What a question came to.
pub(crate) enum Asked {
    /// The vault answered; what it noticed meanwhile.
    Answered(Response, Vec<Notice>),
    /// The agent does not hold that vault.
    Locked,
}

/// What an agent says of itself.
pub(crate) struct Status {
    pub(crate) pid: u32,
    pub(crate) vaults: Vec<HeldVault>,
}

/// The agent that runs, if one does.
///
/// # Errors
/// Where another version runs, or something that is no agent of this user.
pub(crate) fn connect(context: &Context) -> Result<Option<Client>, Failure> {
    let Some(stream) = RuntimeFolder::of(context)?.connect()? else {
        return Ok(None);
    };
    let Some(greeting) = greet(&stream, Intention::Talk)? else {
        return Ok(None);
    };
    let own = Greeting::new(Intention::Talk);
    // Questions grow from version to version; a protocol number that somebody forgot to raise must not make nonsense.
    if (greeting.protocol, &greeting.version) == (own.protocol, &own.version) {
        return Ok(Some(Client { stream }));
    }
    let text = format!(
        "the agent that runs is keyfold {}, this is keyfold {}",
        greeting.version, own.version
    );
    Err(Failure::failed(text).hint("keyfold agent stop ends it; the next password starts this one"))
}

/// Lets the agent forget a vault that is about to be somewhere else, if one runs and holds it.
pub(crate) fn let_go(context: &Context, places: &Places) {
    if let Ok(Some(mut client)) = connect(context) {
        // One that cannot be asked finds the vault gone by itself.
        let _locked = client.lock(Some(places.clone()));
    }
}

/// Ends the agent that runs, whichever version it is; whether one did.
pub(crate) fn stop(context: &Context) -> Result<bool, Failure> {
    let Some(mut stream) = RuntimeFolder::of(context)?.connect()? else {
        return Ok(false);
    };
    if greet(&stream, Intention::Stop)?.is_none() {
        return Ok(false);
    }
    // It hangs up when its keys are gone.
    let _closed = stream.read(&mut [0]);
    Ok(true)
}

/// The agent's greeting; `None` where it hung up, as one does that is just ending.
fn greet(stream: &UnixStream, intention: Intention) -> Result<Option<Greeting>, Failure> {
    stream.set_write_timeout(Some(GREETING_PATIENCE))?;
    let greeted = send_greeting(stream, &Greeting::new(intention))
        .and_then(|()| receive_greeting(stream, GREETING_PATIENCE));
    match greeted {
        Ok(greeting) => Ok(Some(greeting)),
        Err(error) if is_hung_up(&error) => Ok(None),
        Err(error) => Err(
            Failure::failed(format!("the agent does not answer: {error}"))
                .hint("--no-agent does without it"),
        ),
    }
}

fn is_hung_up(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset
    )
}

impl Client {
    /// Lets the agent open a vault with these keys and hold it.
    pub(crate) fn hold(
        &mut self,
        places: &Places,
        keys: &Keys,
        slot: SlotId,
        device: &str,
        limits: HoldLimits,
    ) -> Result<(), Failure> {
        let holding = Holding {
            places: places.clone(),
            keys: keys.hand_over(),
            slot,
            device: device.to_owned(),
            limits,
        };
        self.done(&Question::Hold(Box::new(holding)))
    }

    /// Asks a vault, as it was at a time or as it is.
    pub(crate) fn ask(
        &mut self,
        places: &Places,
        at: Option<Moment>,
        request: Request,
    ) -> Result<Asked, Failure> {
        let places = places.clone();
        let asking = Asking {
            places,
            at,
            request,
        };
        match self.exchange(&Question::Ask(Box::new(asking)))? {
            Answer::Answered(outcome) => match outcome.answer {
                Ok(response) => Ok(Asked::Answered(*response, outcome.notices)),
                Err(refusal) => Err(Failure::from(refusal)),
            },
            Answer::Locked => Ok(Asked::Locked),
            Answer::Refused(refusal) => Err(refusal.into()),
            _ => Err(unexpected()),
        }
    }

    /// Lets the agent forget one vault, or all.
    pub(crate) fn lock(&mut self, places: Option<Places>) -> Result<(), Failure> {
        self.done(&Question::Lock(places))
    }

    /// Lets the agent own the clipboard of this display.
    pub(crate) fn copy(&mut self, display: &Display, content: Content) -> Result<(), Failure> {
        let display = display.clone();
        self.done(&Question::Copy(Box::new(Copying { display, content })))
    }

    pub(crate) fn status(&mut self) -> Result<Status, Failure> {
        match self.exchange(&Question::Status)? {
            Answer::Status { pid, vaults } => Ok(Status { pid, vaults }),
            _ => Err(unexpected()),
        }
    }

    fn done(&mut self, question: &Question) -> Result<(), Failure> {
        match self.exchange(question)? {
            Answer::Done => Ok(()),
            Answer::Refused(refusal) => Err(refusal.into()),
            _ => Err(unexpected()),
        }
    }

    fn exchange(&mut self, question: &Question) -> Result<Answer, Failure> {
        let failed = |error: io::Error| {
            Failure::new(Kind::Failed, format!("the agent does not answer: {error}"))
                .hint("keyfold agent status tells of it, --no-agent does without it")
        };
        send(&self.stream, question).map_err(failed)?;
        match receive(&self.stream, patience(question)) {
            Ok(Some(answer)) => Ok(answer),
            Ok(None) => Err(failed(io::ErrorKind::UnexpectedEof.into())),
            Err(error) => Err(failed(error)),
        }
    }
}

/// How long an answer may take.
fn patience(question: &Question) -> Patience {
    match question {
        Question::Ask(asking) if takes_long(&asking.request) => BACKUP_PATIENCE,
        _ => ANSWER_PATIENCE,
    }
}

/// Whether a question may take minutes: it is answered aside, so that others are not kept waiting.
pub(super) fn takes_long(request: &Request) -> bool {
    matches!(request, Request::BackUp(_) | Request::VerifyBackup(_))
}
