//! `init`: a new vault.

use crate::cli::{Init, KdfFlags};
use crate::commands::passwd::{cost, given_cost};
use crate::commands::recovery_key::kit;
use crate::context::Context;
use crate::failure::{Failure, Kind};
use crate::memory::MappedMemory;
use crate::output::Ending;
use crate::prompt;
use crate::session::Session;
use keyfold::crypto::kdf::KdfCost;
use keyfold::crypto::recovery::RecoveryKey;
use keyfold::secret::Secret;
use keyfold::vault::{Credential, NewSecret, NewVault, Vault, create};
use serde::Serialize;
use std::path::Path;

pub(crate) fn run(context: &mut Context, args: &Init) -> Result<(), Failure> {
    let (vault, recovery_key) = make(context, args)?;
    let mut session = Session::of(vault);
    // The recovery key is shown before anything else can fail.
    let shown = show_made(context, &mut session, recovery_key.as_ref());
    session.hand_over(context)?;
    shown
}

fn show_made(
    context: &Context,
    session: &mut Session,
    recovery_key: Option<&Secret>,
) -> Result<(), Failure> {
    if context.output.json {
        #[derive(Serialize)]
        struct Made<'a> {
            schema: u32,
            vault: String,
            id: String,
            recovery_key: Option<&'a str>,
        }
        return context.output.json(&Made {
            schema: 1,
            vault: session.vault()?.path().display().to_string(),
            id: session.vault()?.id().to_string(),
            // EXPOSE: the key is shown this once.
            recovery_key: recovery_key.map(Secret::expose),
        });
    }
    Ok(())
}

/// Where a command finds no vault: a new one, or wait for the drive to bring it.
pub(crate) fn offer(context: &mut Context, path: &Path) -> Result<Session, Failure> {
    context
        .output
        .note(&format!("There is no vault at {}.", path.display()));
    loop {
        let question = "Make a [n]ew one, or [j]oin one that your drive has yet to bring? ";
        let answer = prompt::line(question)?;
        match answer.trim().to_lowercase().as_str() {
            "n" | "new" => break,
            "j" | "join" => return Err(not_yet(path)),
            _ => context.output.warn("n or j, please."),
        }
    }
    let args = Init {
        kdf: KdfFlags::default(),
        recovery_key: false,
        kit: None,
    };
    let mut session = Session::of(make(context, &args)?.0);
    session.hand_over(context)?;
    Ok(session)
}

fn not_yet(path: &Path) -> Failure {
    let text = format!("there is no vault at {} yet", path.display());
    Failure::new(Kind::NoVault, text).hint(
        "wait for your drive to bring the file, then run the command again; --vault PATH names another place",
    )
}

/// Makes the vault and tells of it. A recovery key that nobody was shown yet comes back.
fn make(context: &mut Context, args: &Init) -> Result<(Vault, Option<Secret>), Failure> {
    if let Some(path) = &args.kit {
        kit::refuse_taken(context, path)?;
    }
    let places = context.places()?;
    let path = places.vault_file.display().to_string();
    if context.storage.stamp(&places.vault_file)?.is_some() {
        return Err(Failure::failed(format!("{path} exists already"))
            .hint("--vault PATH names another place"));
    }
    given_cost(&args.kdf)?;
    let given = prompt::given_password(context)?;
    let password = match given {
        Some(password) if password.is_empty() => {
            return Err(Failure::usage("the password is empty"));
        }
        Some(password) => password,
        None => prompt::new_password(context, None, &format!("New master password for {path}"))?,
    };
    let key_file_path = context.globals.key_file.clone();
    let key_file = prompt::key_file_or_new(context, key_file_path.as_deref())?;
    let cost = cost(context, &args.kdf)?;
    let mut secrets = vec![stretched(
        context,
        &Credential::Password { password, key_file },
        cost,
        "password",
    )?];
    let mut recovery_key = None;
    if args.recovery_key || args.kit.is_some() {
        let key = RecoveryKey::make(&mut context.rng);
        recovery_key = Some(key.to_text());
        secrets.push(stretched(
            context,
            &Credential::RecoveryKey(key),
            cost,
            "recovery key",
        )?);
    }
    let device_name = context.device_name()?.value;
    let now = context.now();
    let vault = create(
        context.storage.clone(),
        &places,
        NewVault {
            secrets,
            device_name,
        },
        now,
        &mut context.rng,
    )?;
    context.output.note(&format!("Made a vault at {path}."));
    let unshown = show(context, args, &vault, recovery_key)?;
    context
        .output
        .note("Then: keyfold add work/mail -u me@example.com --generate");
    Ok((vault, unshown))
}

/// Shows the recovery key this once, or writes it on the page. With `--json` it comes back, for the document.
fn show(
    context: &Context,
    args: &Init,
    vault: &Vault,
    recovery_key: Option<Secret>,
) -> Result<Option<Secret>, Failure> {
    let Some(text) = recovery_key else {
        context
            .output
            .note("Next: keyfold recovery-key make, for the day the password is forgotten.");
        return Ok(None);
    };
    if let Some(path) = &args.kit {
        match kit::write(context, path, &kit::Named::of(vault), &text) {
            Ok(()) => {
                kit::tell(context, path);
                return Ok(None);
            }
            // The vault is made; without the page the key must not be lost.
            Err(failure) => context.output.warn(&format!(
                "{} could not be written: {}",
                path.display(),
                failure.told()
            )),
        }
    }
    if context.output.json {
        return Ok(Some(text));
    }
    context
        .output
        .note("Recovery key, shown this once. Write it down and keep it away from this device:");
    context.output.secret(&text, Ending::Newline)?;
    Ok(None)
}

/// Stretches a credential for a slot of its own, with progress.
pub(crate) fn stretched(
    context: &mut Context,
    credential: &Credential,
    cost: KdfCost,
    label: &str,
) -> Result<NewSecret, Failure> {
    let _progress = context.output.progress("Deriving keys");
    Ok(NewSecret::make(
        credential,
        cost,
        label,
        &mut MappedMemory,
        &mut context.rng,
    )?)
}
