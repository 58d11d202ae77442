//! An open vault for one command: found, unlocked, asked, and its notices told.

use crate::cli::Past;
use crate::context::Context;
use crate::failure::{Failure, Kind};
use crate::memory::MappedMemory;
use crate::prompt;
use keyfold::model::ids::{Dot, FieldId, ItemId};
use keyfold::model::item::ItemSummary;
use keyfold::model::query::{Resolution, Scope, resolve, resolve_reference};
use keyfold::model::reference::Reference;
use keyfold::model::when::parse_when;
use keyfold::secret::Secret;
use keyfold::service::{Request, Response, answer};
use keyfold::state::fold::State;
use keyfold::state::view::ItemView;
use keyfold::vault::{Credential, Located, UnlockError, Vault, VaultError, locate};

/// How often a wrong password may be typed at a prompt.
pub(crate) const ATTEMPTS: usize = 3;

/// An open vault.
pub(crate) struct Session {
    pub(crate) vault: Vault,
}

impl Session {
    /// Opens the vault of this run with what its options give, else with a password that is asked for.
    pub(crate) fn open(context: &mut Context) -> Result<Self, Failure> {
        let mut session = Self::open_silently(context)?;
        session.tell(context);
        Ok(session)
    }

    /// The same, for a command that tells itself what was noticed.
    pub(crate) fn open_silently(context: &mut Context) -> Result<Self, Failure> {
        let places = context.places()?;
        let located = match locate(context.storage.clone(), &places) {
            Err(VaultError::NoVault(path)) if context.may_ask() => {
                return crate::commands::init::offer(context, &path);
            }
            located => located?,
        };
        let given =
            context.globals.password_file.is_some() || context.globals.password_command.is_some();
        let attempts = if given || context.globals.recovery_key_file.is_some() || !context.may_ask()
        {
            1
        } else {
            ATTEMPTS
        };
        let mut left = attempts;
        let (keys, slot) = loop {
            left -= 1;
            let credential = Self::credential(context, &places.vault_file.display().to_string())?;
            match Self::unlock(context, &located, &credential) {
                Err(VaultError::Unlock(UnlockError::WrongSecret)) if left > 0 => {
                    context
                        .output
                        .warn("That does not open the vault. Try again.");
                }
                outcome => break outcome?,
            }
        };
        let device = context.device_name()?.value;
        let now = context.now();
        let vault = located.open(keys, Some(slot), &device, now, &mut context.rng)?;
        let session = Self { vault };
        if session.vault.state().newest_clock().is_ahead_of(now) {
            context.output.warn("A change in the vault is dated in the future: this machine's clock is behind, or another device's is ahead; keyfold devices tells which.");
        } else if session.vault.is_clock_behind(now) {
            context.output.warn("This machine's clock is behind the newest change in the vault; one-time codes may be wrong.");
        }
        Ok(session)
    }

    /// As [`Session::open`], and shows the vault as it was where a time is given. The time is read first: nobody types a
    /// password for a command that cannot be.
    pub(crate) fn open_at(context: &mut Context, past: &Past) -> Result<Self, Failure> {
        let Some(text) = &past.at else {
            return Self::open(context);
        };
        let moment = parse_when(text, context.now()).map_err(|error| {
            Failure::usage(format!("{text:?} {error}")).hint(
                "for instance 2026-11-01, \"2026-11-01 15:30\", yesterday, 3d, \"2 weeks ago\"; times are UTC",
            )
        })?;
        let mut session = Self::open(context)?;
        session.vault.rewind(moment);
        context
            .output
            .note(&format!("As it was at {}.", moment.to_rfc3339()));
        Ok(session)
    }

    fn unlock(
        context: &Context,
        located: &Located,
        credential: &Credential,
    ) -> Result<(keyfold::crypto::keys::Keys, keyfold::model::ids::SlotId), VaultError> {
        let _progress = context.output.progress("Unlocking");
        located.unlock(credential, &mut MappedMemory)
    }

    /// What opens the vault, by the options of this run or by a prompt that names the vault.
    pub(crate) fn credential(context: &Context, vault: &str) -> Result<Credential, Failure> {
        if context.globals.recovery_key_file.is_some() {
            return Ok(Credential::RecoveryKey(prompt::recovery_key(context)?));
        }
        let key_file = prompt::key_file(context)?;
        let password = prompt::password(context, &format!("Master password of {vault}: "))?;
        Ok(Credential::Password { password, key_file })
    }

    /// Asks the vault, and tells what it noticed meanwhile.
    pub(crate) fn ask(
        &mut self,
        context: &mut Context,
        request: Request,
    ) -> Result<Response, Failure> {
        let now = context.now();
        let response = answer(&mut self.vault, request, now, &mut context.rng);
        self.tell(context);
        Ok(response?)
    }

    /// Every item, the trash included.
    pub(crate) fn items(&self) -> Vec<ItemSummary> {
        self.vault.state().summaries()
    }

    /// One item.
    pub(crate) fn item(&mut self, context: &mut Context, id: ItemId) -> Result<ItemView, Failure> {
        match self.ask(context, Request::Item(id))? {
            Response::Item(view) => Ok(*view),
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

    /// The one item that a name means: by cli.md's levels, or a `keyfold://` reference. Several: a picker on a terminal.
    pub(crate) fn pick(
        &self,
        context: &Context,
        name: &str,
        scope: Scope,
    ) -> Result<ItemSummary, Failure> {
        let state = self.vault.state();
        let resolution = match Reference::parse(name) {
            Ok(reference) if scope != Scope::Trash => resolve_reference(&reference, state),
            _ => resolve(name, state, scope),
        };
        let id = match resolution {
            Resolution::One(id) => id,
            Resolution::Many(ids) => choose(context, name, state, &ids)?,
            Resolution::None => {
                return Err(
                    Failure::new(Kind::NotFound, format!("there is no item {name}")).hint(
                        match scope {
                            Scope::Trash => "keyfold ls --trash lists what lies in the trash",
                            _ => "keyfold ls lists all items, keyfold find searches them",
                        },
                    ),
                );
            }
        };
        state.summary(id).ok_or_else(unexpected)
    }

    /// The items that names mean, each once, and all that a search finds.
    pub(crate) fn pick_several(
        &self,
        context: &Context,
        names: &[String],
        query: Option<&str>,
        scope: Scope,
    ) -> Result<Vec<ItemSummary>, Failure> {
        let mut picked: Vec<ItemSummary> = Vec::new();
        for name in names {
            let item = self.pick(context, name, scope)?;
            if !picked.iter().any(|known| known.id == item.id) {
                picked.push(item);
            }
        }
        if let Some(query) = query {
            let rows = self.vault.state().rows();
            let rows = rows.filter(|item| scope.contains(item));
            for (_, item) in keyfold::model::search::find(query, rows) {
                if !picked.iter().any(|known| known.id == item.id) {
                    picked.push(item.into_owned());
                }
            }
        }
        if picked.is_empty() {
            return Err(Failure::new(Kind::NotFound, "no item matches"));
        }
        Ok(picked)
    }

    /// Tells each notice once.
    pub(crate) fn tell(&mut self, context: &Context) {
        crate::notices::tell(context, &self.vault.take_notices());
    }
}

fn choose(context: &Context, name: &str, state: &State, ids: &[ItemId]) -> Result<ItemId, Failure> {
    let label = |id: &ItemId| {
        let item = state.summary(*id);
        let path = item.as_ref().map(ItemSummary::path).unwrap_or_default();
        let user = item
            .map(|item| item.username)
            .filter(|user| !user.is_empty());
        let short: String = id.to_string().chars().take(8).collect();
        format!(
            "{path}{}  id:{short}",
            user.map(|user| format!("  {user}")).unwrap_or_default()
        )
    };
    let candidates: Vec<String> = ids.iter().map(label).collect();
    if context.may_ask() {
        let picked = prompt::pick(&format!("Several items match {name}"), &candidates)?;
        let picked = picked.and_then(|at| ids.get(at).copied());
        return picked.ok_or_else(|| Failure::new(Kind::Interrupted, "nothing was picked"));
    }
    Err(
        Failure::new(Kind::Ambiguous, format!("several items match {name}"))
            .candidates(candidates)
            .hint("name one by its path, or by id:…"),
    )
}

/// An answer to another question: a fault of the program itself.
pub(crate) fn unexpected() -> Failure {
    Failure::failed("the vault answered something else than was asked")
}
