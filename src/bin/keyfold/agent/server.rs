//! The agent's side of the socket: a thread for each client that is there, one question at a time into each vault.

use super::bus::listen_to;
use super::client::takes_long;
use super::copies::Copies;
use super::holds::{Holds, LOOK, Open, Why, is_final, wait_for};
use super::socket::{BoundSocket, Listening, RuntimeFolder, is_own_peer};
use super::stream::{Patience, receive, receive_greeting, send, send_greeting};
use super::workers::Workers;
use crate::context::{Bus, Context, now, random};
use crate::failure::Failure;
use keyfold::service::answer;
use keyfold::vault::{Places, VaultError};
use keyfold::wire::{
    Answer, Asking, Display, Greeting, Holding, Intention, PROTOCOL, Question, VaultAnswer,
};
use std::io;
use std::os::unix::net::UnixStream;
use std::process::exit;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Clients at once. One more ends the connection that was silent longest.
const CLIENTS: usize = 64;
const GREETING_PATIENCE: Duration = Duration::from_secs(5);
/// Between two questions a client may be silent (somebody looks at codes), within one it may not.
const PATIENCE: Patience = Patience {
    first: Duration::from_secs(3600),
    rest: Duration::from_secs(10),
};
const WRITE_PATIENCE: Duration = Duration::from_secs(10);

/// What all threads of an agent share.
struct Server {
    holds: Holds,
    copies: Arc<Copies>,
    /// The display that the agent was started on.
    display: Display,
    clients: Mutex<Vec<Connected>>,
    workers: Workers<Arc<UnixStream>>,
    socket: BoundSocket,
    ending: Mutex<()>,
}

/// What to get ready for once a question is answered.
#[derive(Default)]
struct Next {
    places: Option<Places>,
    display: Option<Display>,
}

impl Next {
    fn after(question: &Question, own: &Display) -> Self {
        match question {
            Question::Hold(holding) => Self {
                places: Some(holding.places.clone()),
                display: own.is_there().then(|| own.clone()),
            },
            Question::Ask(asking) => Self {
                places: Some(asking.places.clone()),
                display: None,
            },
            Question::Copy(copying) => Self {
                places: None,
                display: Some(copying.display.clone()),
            },
            Question::Status | Question::Lock(_) => Self::default(),
        }
    }
}

/// A client that is connected.
struct Connected {
    stream: Arc<UnixStream>,
    /// Since when it is silent; `None` while it is answered.
    silent: Option<Instant>,
}

/// Listens and serves until it is told to end, and locks when one of the buses tells a reason to. `ready` is called when clients may come.
pub(crate) fn serve(
    context: &Context,
    buses: Vec<Bus>,
    ready: impl FnOnce() -> Result<(), Failure>,
) -> Result<(), Failure> {
    let listening = RuntimeFolder::of(context)?.listen()?;
    let output = context.output.clone();
    let copies = Arc::new(Copies::default());
    let copied = Arc::clone(&copies);
    let server = Arc::new(Server {
        holds: Holds::new(move |what| output.note(what), move || copied.let_go()),
        copies,
        display: context.display(),
        clients: Mutex::default(),
        workers: Workers::default(),
        socket: listening.socket.clone(),
        ending: Mutex::default(),
    });
    server.end_on_signals()?;
    server.start("limits", |server| server.holds.watch())?;
    server.start("files", |server| {
        loop {
            thread::sleep(LOOK);
            // Nobody finds an agent whose socket is gone, as after a logout: it must not hold keys for ever.
            if !server.socket.is_there() {
                server.end();
            }
            server.holds.look_around();
            server.copies.clean_up();
        }
    })?;
    for bus in buses {
        server.start("desktop", move |server| {
            listen_to(&bus, &|why| drop(server.holds.lock_all(why)));
        })?;
    }
    ready()?;
    server.accept(&listening)
}

impl Server {
    fn start(
        self: &Arc<Self>,
        name: &str,
        work: impl FnOnce(&Self) + Send + 'static,
    ) -> io::Result<()> {
        let server = Arc::clone(self);
        let thread = thread::Builder::new().name(name.to_owned());
        thread.spawn(move || work(&server)).map(drop)
    }

    fn end_on_signals(self: &Arc<Self>) -> Result<(), Failure> {
        let server = Arc::clone(self);
        ctrlc::set_handler(move || server.end())
            .map_err(|error| Failure::failed(format!("signals cannot be caught: {error}")))
    }

    /// Forgets all keys, takes the socket away and ends the process.
    fn end(&self) -> ! {
        // Whoever comes second waits here for the end.
        let _ending = self.ending.lock();
        wait_for(&self.holds.lock_all(Why::Ends));
        self.socket.remove();
        exit(0)
    }

    fn accept(self: &Arc<Self>, listening: &Listening) -> Result<(), Failure> {
        loop {
            match listening.listener.accept() {
                Ok((stream, _)) if is_own_peer(&stream) => self.welcome(stream),
                Ok(_) => {}
                // Out of descriptors, for instance: others go on, and some of them end.
                Err(_) => thread::sleep(Duration::from_millis(100)),
            }
        }
    }

    fn welcome(self: &Arc<Self>, stream: UnixStream) {
        let stream = Arc::new(stream);
        self.make_room();
        self.clients().push(Connected {
            stream: Arc::clone(&stream),
            silent: Some(Instant::now()),
        });
        let Err(stream) = self.workers.hand(stream) else {
            return;
        };
        let first = Arc::clone(&stream);
        let started = self.start("client", move |server| {
            let mut next = Some(first);
            while let Some(stream) = next {
                // A client that goes away or makes no sense is no matter of the agent's.
                let _ended = server.converse(&stream);
                server.farewell(&stream);
                drop(stream);
                next = server.workers.next();
            }
        });
        if started.is_err() {
            self.farewell(&stream);
        }
    }

    /// Ends the connection that was silent longest where there are too many.
    fn make_room(&self) {
        let mut clients = self.clients();
        while clients.len() >= CLIENTS {
            let silent = clients.iter().enumerate();
            let longest = silent.min_by_key(|(_, client)| (client.silent.is_none(), client.silent));
            let Some((at, _)) = longest else { return };
            let client = clients.swap_remove(at);
            let _closed = client.stream.shutdown(std::net::Shutdown::Both);
        }
    }

    fn farewell(&self, stream: &Arc<UnixStream>) {
        let _closed = stream.shutdown(std::net::Shutdown::Both);
        self.clients()
            .retain(|client| !Arc::ptr_eq(&client.stream, stream));
    }

    fn note(&self, stream: &Arc<UnixStream>, silent: Option<Instant>) {
        let mut clients = self.clients();
        let client = clients
            .iter_mut()
            .find(|client| Arc::ptr_eq(&client.stream, stream));
        if let Some(client) = client {
            client.silent = silent;
        }
    }

    fn clients(&self) -> std::sync::MutexGuard<'_, Vec<Connected>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn converse(&self, stream: &Arc<UnixStream>) -> io::Result<()> {
        stream.set_write_timeout(Some(WRITE_PATIENCE))?;
        let greeting = receive_greeting(stream, GREETING_PATIENCE)?;
        send_greeting(stream, &Greeting::new(Intention::Talk))?;
        if greeting.intention == Intention::Stop {
            self.end();
        }
        if greeting.protocol != PROTOCOL {
            return Ok(());
        }
        while let Some(question) = receive(stream, PATIENCE)? {
            self.note(stream, None);
            let next = Next::after(&question, &self.display);
            let answer = self.answer(question);
            send(stream, &answer)?;
            self.note(stream, Some(Instant::now()));
            self.make_ready(&next);
        }
        Ok(())
    }

    /// Gets ready for what may be asked next, when nobody waits.
    fn make_ready(&self, next: &Next) {
        if let Some(places) = &next.places {
            self.holds.make_ready(places);
        }
        if let Some(display) = &next.display
            && !self.holds.is_empty()
        {
            self.copies.make_ready(display);
        }
    }

    fn answer(&self, question: Question) -> Answer {
        match question {
            Question::Status => Answer::Status {
                pid: std::process::id(),
                vaults: self.holds.list(),
            },
            Question::Hold(holding) => match self.hold(&holding) {
                Ok(()) => Answer::Done,
                Err(failure) => Answer::Refused(failure.into()),
            },
            Question::Ask(asking) => self.ask(*asking),
            Question::Copy(copying) => match self.copies.copy(&copying) {
                Ok(()) => Answer::Done,
                Err(failure) => Answer::Refused(failure.into()),
            },
            Question::Lock(Some(places)) => {
                let held = self.holds.lock(&places, Why::Told);
                wait_for(held.as_slice());
                Answer::Done
            }
            Question::Lock(None) => {
                wait_for(&self.holds.lock_all(Why::Told));
                Answer::Done
            }
        }
    }

    fn hold(&self, holding: &Holding) -> Result<(), Failure> {
        Ok(self.holds.hold(holding, random()?)?)
    }

    fn ask(&self, asking: Asking) -> Answer {
        let Some(held) = self.holds.get(&asking.places) else {
            return Answer::Locked;
        };
        let places = asking.places.clone();
        let answered = if takes_long(&asking.request) {
            match random() {
                Ok(rng) => held
                    .aside(rng, |open| ask(open, asking))
                    .map(Result::flatten),
                Err(failure) => return Answer::Refused(failure.into()),
            }
        } else {
            held.with(|open| ask(open, asking))
        };
        match answered {
            Some(Ok(answer)) => Answer::Answered(answer),
            // The password that is asked for now says why.
            Some(Err(error)) if is_final(&error) => {
                self.holds.lock(&places, Why::NoWayIn);
                Answer::Locked
            }
            Some(Err(error)) => Answer::Refused(Failure::from(error).into()),
            None => Answer::Locked,
        }
    }
}

fn ask(open: &mut Open, asking: Asking) -> Result<VaultAnswer, VaultError> {
    open.look()?;
    if let Some(moment) = asking.at {
        open.vault.rewind(moment);
    }
    let answered = answer(&mut open.vault, asking.request, now(), &mut open.rng);
    open.vault.return_to_now();
    Ok(VaultAnswer {
        answer: answered
            .map(Box::new)
            .map_err(|error| Failure::from(error).into()),
        notices: open.vault.take_notices(),
    })
}
