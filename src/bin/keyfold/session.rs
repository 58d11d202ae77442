//! An open vault for one command: found, unlocked here or in the agent, asked, and its notices told.

mod remote;

use crate::cli::Past;
use crate::context::Context;
use crate::failure::{Failure, Kind};
use crate::keyring;
use crate::memory::MappedMemory;
use crate::pinentry;
use crate::prompt;
use keyfold::crypto::keys::Keys;
use keyfold::model::ids::{DeviceId, Dot, FieldId, ItemId, SlotId};
use keyfold::model::item::{ItemRow, ItemSummary};
use keyfold::model::moment::Moment;
use keyfold::model::query::{Filter, Scope};
use keyfold::model::when::parse_when;
use keyfold::secret::Secret;
use keyfold::service::{ClockCheck, Request, Response, answer};
use keyfold::state::view::ItemView;
use keyfold::vault::{Credential, Located, Notice, Places, UnlockError, Vault, VaultError, locate};
use keyfold::wire::{Content, Display};
use remote::{Agent, Remote};
use std::collections::{BTreeMap, HashSet};

/// How often a wrong password may be typed at a prompt.
const ATTEMPTS: usize = 3;

/// An open vault, asked through the one door.
pub(crate) struct Session {
    door: Door,
}

/// Where the vault is open.
enum Door {
    /// In this process.
    Here(Box<Vault>),
    /// In the agent.
    Agent(Box<Remote>),
}

/// Where a command needs the vault.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Needed {
    /// Wherever it is open.
    Anywhere,
    /// In this process, with a secret that is given anew.
    Here,
}

impl Session {
    /// The vault of this run: as the agent holds it, else opened with what the options give, else with a password that is
    /// asked for, which unlocks it for the next commands too.
    pub(crate) fn open(context: &mut Context) -> Result<Self, Failure> {
        let mut session = Self::open_silently(context)?;
        session.tell(context);
        Ok(session)
    }

    /// The same, for a command that tells itself what was noticed.
    pub(crate) fn open_silently(context: &mut Context) -> Result<Self, Failure> {
        let mut session = match Agent::of_run(context)? {
            Agent::Holding(remote) => Self {
                door: Door::Agent(remote),
            },
            agent => Self::unlock(context, agent, Needed::Anywhere)?,
        };
        session.look_at_the_clock(context)?;
        Ok(session)
    }

    /// Opens the vault in this process with a secret that is given anew: for what only its owner may do, and for what
    /// takes in or gives away whole files.
    pub(crate) fn open_own(context: &mut Context) -> Result<Self, Failure> {
        let agent = Agent::of_run(context)?;
        let mut session = Self::unlock(context, agent, Needed::Here)?;
        session.look_at_the_clock(context)?;
        session.tell(context);
        Ok(session)
    }

    /// The vault as the agent holds it, if it does: asks nobody, starts nothing, says nothing.
    pub(crate) fn peek(context: &mut Context) -> Option<Self> {
        if !Agent::is_used(context).ok()? {
            return None;
        }
        match Agent::there(context).ok()? {
            Agent::Holding(remote) => Some(Self {
                door: Door::Agent(remote),
            }),
            _ => None,
        }
    }

    /// A session with a vault that was opened already.
    pub(crate) fn of(vault: Vault) -> Self {
        Self {
            door: Door::Here(Box::new(vault)),
        }
    }

    /// Opens the vault with a secret that is given or asked for. What somebody typed unlocks the agent too.
    fn unlock(context: &mut Context, agent: Agent, needed: Needed) -> Result<Self, Failure> {
        let places = context.places()?;
        let located = match locate(context.storage.clone(), &places) {
            Err(VaultError::NoVault(path)) if context.may_ask() => {
                return crate::commands::init::offer(context, &path);
            }
            located => located?,
        };
        let by_keyring = match needed {
            Needed::Anywhere => Self::keys_by_keyring(context, &located),
            Needed::Here => None,
        };
        if let Some((keys, slot)) = by_keyring {
            match Self::enter(context, agent, needed, located, (keys, slot)) {
                Err(failure) if failure.kind == Kind::Locked => {
                    Self::tell_lost_keyring(context, &failure);
                }
                entered => return entered,
            }
            let located = locate(context.storage.clone(), &places)?;
            let (found, _) = Self::find_keys(context, &located, &places)?;
            let agent = Agent::of_run(context)?;
            return Self::enter(context, agent, needed, located, found);
        }
        let (found, _) = Self::find_keys(context, &located, &places)?;
        Self::enter(context, agent, needed, located, found)
    }

    /// Opens the vault with its keys, in the agent where it may be there.
    fn enter(
        context: &mut Context,
        agent: Agent,
        needed: Needed,
        located: Located,
        (keys, slot): (Keys, SlotId),
    ) -> Result<Self, Failure> {
        let remote = agent.take_over(context, &keys, slot)?;
        if let (Some(remote), Needed::Anywhere) = (remote, needed) {
            return Ok(Self {
                door: Door::Agent(remote),
            });
        }
        let device = context.device_name()?.value;
        let now = context.now();
        let vault = located.open(keys, Some(slot), &device, now, &mut context.rng)?;
        vault.remember_use(now);
        Ok(Self::of(vault))
    }

    /// As [`Session::open_own`], with the credential that opened it: for a command that closes every other way in.
    pub(crate) fn open_own_keeping(context: &mut Context) -> Result<(Self, Credential), Failure> {
        let places = context.places()?;
        let located = locate(context.storage.clone(), &places)?;
        let (found, credential) = Self::find_keys(context, &located, &places)?;
        let agent = Agent::of_run(context)?;
        let mut session = Self::enter(context, agent, Needed::Here, located, found)?;
        session.look_at_the_clock(context)?;
        session.tell(context);
        Ok((session, credential))
    }

    fn tell_lost_keyring(context: &Context, failure: &Failure) {
        let why = failure.told();
        context
            .output
            .warn(&format!("The keyring's way in is closed: {why}"));
    }

    /// The keys by the way in that this device's keyring holds, where it holds one and no option brings another. Anything
    /// that goes wrong is told, and the password is asked for.
    fn keys_by_keyring(context: &Context, located: &Located) -> Option<(Keys, SlotId)> {
        if context.globals.gives_secret() {
            return None;
        }
        let slot = located.keyring_slot()?;
        let told = match keyring::load(context, slot) {
            Ok(Some(key)) => match located.unlock(&Credential::Keyring(key), &mut MappedMemory) {
                Ok(found) => return Some(found),
                Err(VaultError::Unlock(_)) => {
                    "The keyring's way in does not open the vault any more.".to_owned()
                }
                Err(error) => format!("The keyring's way in could not be tried: {error}."),
            },
            Ok(None) => "The keyring does not hold the way in that it was given.".to_owned(),
            Err(error) => format!("The keyring's way in is not to be had: {error}."),
        };
        context.output.warn(&told);
        None
    }

    /// Unlocks the vault in the agent; whether it was unlocked already.
    pub(crate) fn unlock_agent(context: &mut Context) -> Result<bool, Failure> {
        let agent = Agent::there(context)?;
        if matches!(agent, Agent::Holding(_)) && !context.globals.gives_secret() {
            return Ok(true);
        }
        let places = context.places()?;
        let located = locate(context.storage.clone(), &places)?;
        let mut agent = agent;
        if let Some((keys, slot)) = Self::keys_by_keyring(context, &located) {
            match agent.hand(context, &keys, slot) {
                Err(failure) if failure.kind == Kind::Locked => {
                    Self::tell_lost_keyring(context, &failure);
                    agent = Agent::there(context)?;
                }
                handed => {
                    crate::notices::tell(context, &handed?.noticed);
                    return Ok(false);
                }
            }
        }
        let ((keys, slot), _) = Self::find_keys(context, &located, &places)?;
        let remote = agent.hand(context, &keys, slot)?;
        crate::notices::tell(context, &remote.noticed);
        Ok(false)
    }

    /// Finds the keys with a secret that is given or asked for, a few times if it is typed wrongly.
    fn find_keys(
        context: &Context,
        located: &Located,
        places: &Places,
    ) -> Result<((Keys, SlotId), Credential), Failure> {
        let vault = places.vault_file.display().to_string();
        let given = context.globals.gives_secret();
        let asks = !given && (context.may_ask() || pinentry::is_there(context));
        let found = try_keys(context, located, asks, |was_wrong| {
            let wrong = was_wrong.then_some("That does not open the vault. Try again.");
            Self::credential(context, &vault, wrong)
        });
        let tried = found?;
        Ok((tried.unlocked?, tried.credential))
    }

    /// Unlocks the agent anew after a command that changed the way in or the key, where a typed secret unlocked it before.
    pub(crate) fn hand_over(&mut self, context: &mut Context) -> Result<(), Failure> {
        let agent = Agent::of_run(context)?;
        let Door::Here(vault) = &mut self.door else {
            return Ok(());
        };
        if let Some(slot) = vault.opened_with() {
            agent.take_over(context, vault.keys(), slot)?;
        }
        Ok(())
    }

    /// The vault itself, for a command that opened it in this process by [`Session::open_own`].
    pub(crate) fn vault(&mut self) -> Result<&mut Vault, Failure> {
        match &mut self.door {
            Door::Here(vault) => Ok(vault),
            Door::Agent(_) => Err(unexpected()),
        }
    }

    fn look_at_the_clock(&mut self, context: &mut Context) -> Result<(), Failure> {
        let clock = match &mut self.door {
            Door::Agent(remote) => remote.clock,
            Door::Here(_) => match self.ask_silently(context, Request::Clock)? {
                Response::Clock(clock) => clock,
                _ => return Err(unexpected()),
            },
        };
        match clock {
            ClockCheck::Plausible => {}
            ClockCheck::ChangeAhead => context.output.warn("A change in the vault is dated in the future: this machine's clock is behind, or another device's is ahead; keyfold devices tells which."),
            ClockCheck::Behind => context.output.warn("This machine's clock is behind the newest change in the vault; one-time codes may be wrong."),
        }
        Ok(())
    }

    /// As [`Session::open`], and shows the vault as it was where a time is given. The time is read first: nobody types a
    /// password for a command that cannot be.
    pub(crate) fn open_at(context: &mut Context, past: &Past) -> Result<Self, Failure> {
        let moment = moment_of(context, past)?;
        Self::open(context).map(|session| session.rewound(context, moment))
    }

    /// As [`Session::open_own`], and shows the vault as it was where a time is given.
    pub(crate) fn open_own_at(context: &mut Context, past: &Past) -> Result<Self, Failure> {
        let moment = moment_of(context, past)?;
        Self::open_own(context).map(|session| session.rewound(context, moment))
    }

    fn rewound(mut self, context: &Context, moment: Option<Moment>) -> Self {
        let Some(moment) = moment else {
            return self;
        };
        match &mut self.door {
            Door::Here(vault) => vault.rewind(moment),
            Door::Agent(remote) => remote.past = Some(moment),
        }
        context
            .output
            .note(&format!("As it was at {}.", moment.to_rfc3339()));
        self
    }

    /// What opens the vault, by the options of this run or by a prompt that names the vault.
    pub(crate) fn credential(
        context: &Context,
        vault: &str,
        wrong: Option<&str>,
    ) -> Result<Credential, Failure> {
        if context.globals.recovery_key_file.is_some() {
            return Ok(Credential::RecoveryKey(prompt::recovery_key(context)?));
        }
        let key_file = prompt::key_file(context)?;
        let question = format!("Master password of {vault}: ");
        let password = prompt::password(context, &question, wrong)?;
        Ok(Credential::Password { password, key_file })
    }

    /// Asks the vault, and tells what it noticed meanwhile.
    pub(crate) fn ask(
        &mut self,
        context: &mut Context,
        request: Request,
    ) -> Result<Response, Failure> {
        let response = self.ask_silently(context, request);
        self.tell(context);
        response
    }

    /// The same, for a command that tells itself what was noticed.
    pub(crate) fn ask_silently(
        &mut self,
        context: &mut Context,
        request: Request,
    ) -> Result<Response, Failure> {
        let now = context.now();
        match &mut self.door {
            Door::Here(vault) => Ok(answer(vault, request, now, &mut context.rng)?),
            Door::Agent(remote) => remote.ask(request),
        }
    }

    /// Asks for items.
    pub(crate) fn items(
        &mut self,
        context: &mut Context,
        request: Request,
    ) -> Result<Vec<ItemSummary>, Failure> {
        match self.ask(context, request)? {
            Response::Items(items) => Ok(items),
            _ => Err(unexpected()),
        }
    }

    /// The items that a filter accepts, in no order. A vault that is open here lends them: nobody makes ten thousand copies
    /// to print them.
    pub(crate) fn listing(
        &mut self,
        context: &mut Context,
        filter: &Filter,
    ) -> Result<Vec<ItemRow<'_>>, Failure> {
        if matches!(self.door, Door::Agent(_)) {
            let mut items = self.items(context, Request::Items)?;
            items.retain(|item| filter.accepts(item));
            return Ok(items);
        }
        let rows = self.vault()?.state().rows();
        Ok(rows.filter(|item| filter.accepts(item)).collect())
    }

    /// One item.
    pub(crate) fn item(&mut self, context: &mut Context, id: ItemId) -> Result<ItemView, Failure> {
        match self.ask(context, Request::Item(id))? {
            Response::Item(view) => Ok(*view),
            _ => Err(unexpected()),
        }
    }

    /// What the devices are called.
    pub(crate) fn device_names(
        &mut self,
        context: &mut Context,
    ) -> Result<BTreeMap<DeviceId, String>, Failure> {
        match self.ask(context, Request::DeviceNames)? {
            Response::DeviceNames(names) => Ok(names),
            _ => Err(unexpected()),
        }
    }

    /// One value in clear.
    pub(crate) fn reveal(
        &mut self,
        context: &mut Context,
        item: ItemId,
        field: FieldId,
        dot: Option<Dot>,
    ) -> Result<Secret, Failure> {
        match self.ask(context, Request::Reveal { item, field, dot })? {
            Response::Secret(secret) => Ok(secret),
            _ => Err(unexpected()),
        }
    }

    /// Lets the agent own the clipboard, where the vault is open there and it can: it has a process ready for that.
    pub(crate) fn copy(&mut self, display: &Display, text: &Secret, seconds: Option<u64>) -> bool {
        let Door::Agent(remote) = &mut self.door else {
            return false;
        };
        let text = text.duplicate();
        // Whoever asked starts a process of their own then, and tells what is wrong if that fails too.
        remote.copy(display, Content { text, seconds }).is_ok()
    }

    /// The one item that a name means: by cli.md's levels, or a `keyfold://` reference. Several: a picker on a terminal.
    pub(crate) fn pick(
        &mut self,
        context: &mut Context,
        name: &str,
        scope: Scope,
    ) -> Result<ItemSummary, Failure> {
        let found = self.items(context, Request::Named(name.to_owned(), scope))?;
        the_one(context, found, name, scope)
    }

    /// The same, and what it has.
    pub(crate) fn pick_whole(
        &mut self,
        context: &mut Context,
        name: &str,
        scope: Scope,
    ) -> Result<(ItemSummary, ItemView), Failure> {
        let request = Request::OneNamed(name.to_owned(), scope);
        let Response::OneNamed(found, view) = self.ask(context, request)? else {
            return Err(unexpected());
        };
        let item = the_one(context, found, name, scope)?;
        let view = match view {
            Some(view) => *view,
            None => self.item(context, item.id)?,
        };
        Ok((item, view))
    }
    /// The one item that an address is for. What is kept back is warned of.
    pub(crate) fn pick_by_address(
        &mut self,
        context: &mut Context,
        address: &str,
    ) -> Result<ItemSummary, Failure> {
        let request = Request::ForAddress(address.to_owned());
        let Response::ForAddress(mut answer) = self.ask(context, request)? else {
            return Err(unexpected());
        };
        for (path, why) in &answer.withheld {
            context.output.warn(&format!("{path} is kept back: {why}."));
        }
        if answer.items.len() > 1 {
            let question = format!("Several items are for {address}");
            return choose(context, answer.items, &question, || {
                Failure::new(Kind::Ambiguous, format!("several items are for {address}"))
            });
        }
        answer
            .items
            .pop()
            .ok_or_else(|| Failure::new(Kind::NotFound, format!("no item is for {address}")))
    }

    /// The items that names mean, each once, and all that a search finds.
    pub(crate) fn pick_several(
        &mut self,
        context: &mut Context,
        names: &[String],
        query: Option<&str>,
        scope: Scope,
    ) -> Result<Vec<ItemSummary>, Failure> {
        let mut picked: Vec<ItemSummary> = Vec::new();
        for name in names {
            picked.push(self.pick(context, name, scope)?);
        }
        if let Some(query) = query {
            picked.extend(self.items(context, Request::Find(query.to_owned(), scope))?);
        }
        let mut known = HashSet::new();
        picked.retain(|item| known.insert(item.id));
        if picked.is_empty() {
            return Err(Failure::new(Kind::NotFound, "no item matches"));
        }
        Ok(picked)
    }

    /// What was noticed and not told yet.
    pub(crate) fn take_notices(&mut self) -> Vec<Notice> {
        match &mut self.door {
            Door::Here(vault) => vault.take_notices(),
            Door::Agent(remote) => std::mem::take(&mut remote.noticed),
        }
    }

    /// Tells each notice once.
    pub(crate) fn tell(&mut self, context: &Context) {
        crate::notices::tell(context, &self.take_notices());
    }
}

/// What came of the last attempt, and what it was made with.
pub(crate) struct Tried {
    pub(crate) unlocked: Result<(Keys, SlotId), VaultError>,
    pub(crate) credential: Credential,
}

/// Tries what is given, or what is asked for a few times as long as it is wrong. `ask` hears whether the last one was.
pub(crate) fn try_keys(
    context: &Context,
    located: &Located,
    asks: bool,
    ask: impl Fn(bool) -> Result<Credential, Failure>,
) -> Result<Tried, Failure> {
    let mut left = if asks { ATTEMPTS } else { 1 };
    let mut was_wrong = false;
    loop {
        left -= 1;
        let credential = ask(was_wrong)?;
        let unlocked = {
            let _progress = context.output.progress("Unlocking");
            located.unlock(&credential, &mut MappedMemory)
        };
        was_wrong = matches!(unlocked, Err(VaultError::Unlock(UnlockError::WrongSecret)));
        if !was_wrong || left == 0 {
            return Ok(Tried {
                unlocked,
                credential,
            });
        }
    }
}

fn moment_of(context: &Context, past: &Past) -> Result<Option<Moment>, Failure> {
    let Some(text) = &past.at else {
        return Ok(None);
    };
    let moment = parse_when(text, context.now()).map_err(|error| {
        Failure::usage(format!("{text:?} {error}")).hint(
            "for instance 2026-11-01, \"2026-11-01 15:30\", yesterday, 3d, \"2 weeks ago\"; times are UTC",
        )
    })?;
    Ok(Some(moment))
}

/// One of several items: a picker on a terminal, else a failure that names them all.
fn choose(
    context: &Context,
    mut items: Vec<ItemSummary>,
    question: &str,
    failure: impl FnOnce() -> Failure,
) -> Result<ItemSummary, Failure> {
    let label = |item: &ItemSummary| {
        let user = if item.username.is_empty() {
            String::new()
        } else {
            format!("  {}", item.username)
        };
        let short: String = item.id.to_string().chars().take(8).collect();
        format!("{}{user}  id:{short}", item.path())
    };
    let candidates: Vec<String> = items.iter().map(label).collect();
    if !context.may_ask() {
        return Err(failure().candidates(candidates));
    }
    match prompt::pick(question, &candidates)? {
        Some(at) if at < items.len() => Ok(items.swap_remove(at)),
        _ => Err(Failure::new(Kind::Interrupted, "nothing was picked")),
    }
}

/// The one item of those that a name means: a picker on a terminal where there are several.
fn the_one(
    context: &Context,
    mut found: Vec<ItemSummary>,
    name: &str,
    scope: Scope,
) -> Result<ItemSummary, Failure> {
    if found.len() > 1 {
        return choose(
            context,
            found,
            &format!("Several items match {name}"),
            || {
                Failure::new(Kind::Ambiguous, format!("several items match {name}"))
                    .hint("name one by its path, or by id:…")
            },
        );
    }
    found.pop().ok_or_else(|| {
        Failure::new(Kind::NotFound, format!("there is no item {name}")).hint(match scope {
            Scope::Trash => "keyfold ls --trash lists what lies in the trash",
            _ => "keyfold ls lists all items, keyfold find searches them",
        })
    })
}

/// An answer to another question: a fault of the program itself.
pub(crate) fn unexpected() -> Failure {
    Failure::failed("the vault answered something else than was asked")
}
