//! `passwd`: another master password; also what a password costs to guess, for every command that makes a slot.

use crate::cli::{KdfFlags, Passwd};
use crate::commands::init::stretched;
use crate::context::Context;
use crate::failure::Failure;
use crate::memory::MappedMemory;
use crate::prompt;
use crate::session::Session;
use keyfold::crypto::kdf::{KdfCost, NormalizedPassword, derive_password_key_in, tune};
use keyfold::secret::Secret;
use keyfold::vault::Credential;
use std::path::Path;
use std::time::Instant;

/// What a guess should take on this machine, in milliseconds.
const TARGET_MILLISECONDS: u64 = 1000;

pub(crate) fn run(context: &mut Context, args: &Passwd) -> Result<(), Failure> {
    given_cost(&args.kdf)?;
    let mut session = Session::open_own(context)?;
    let old = session
        .vault()?
        .opened_with()
        .ok_or_else(|| Failure::failed("the vault was not opened with a way in"))?;
    let new = new_credential(
        context,
        args.new_password_file.as_deref(),
        args.new_key_file.as_deref(),
    )?;
    let cost = cost(context, &args.kdf)?;
    let secret = stretched(context, &new, cost, "password")?;
    let now = context.now();
    session
        .vault()?
        .replace_slot(old, secret, now, &mut context.rng)?;
    session.tell(context);
    session.hand_over(context)?;
    context.output.note("The password is changed. Other devices ask for the new one as soon as your drive has brought it.");
    context.output.note(
        "If somebody else may know the old password and have a copy of the file: keyfold rekey.",
    );
    crate::commands::backup::remind(context);
    Ok(())
}

/// A new password, with its key file where one is wanted.
pub(crate) fn new_credential(
    context: &mut Context,
    password_file: Option<&Path>,
    key_file: Option<&Path>,
) -> Result<Credential, Failure> {
    let password = prompt::new_password(context, password_file, "New master password")?;
    let key_file = prompt::key_file_or_new(context, key_file)?;
    Ok(Credential::Password { password, key_file })
}

/// The cost by flags, or tuned towards one second on this machine.
pub(crate) fn cost(context: &Context, flags: &KdfFlags) -> Result<KdfCost, Failure> {
    match given_cost(flags)? {
        Some(cost) => Ok(cost),
        None => Ok(tuned(context)),
    }
}

/// The cost that flags name. Asked for before a prompt, so that nobody types a password for nothing.
pub(crate) fn given_cost(flags: &KdfFlags) -> Result<Option<KdfCost>, Failure> {
    if flags.kdf_memory.is_none() && flags.kdf_passes.is_none() && flags.kdf_lanes.is_none() {
        return Ok(None);
    }
    let default = KdfCost::DEFAULT;
    let memory = match flags.kdf_memory {
        Some(mib) => mib
            .checked_mul(1024)
            .ok_or_else(|| Failure::usage("--kdf-memory is too large"))?,
        None => default.memory_kib(),
    };
    let passes = flags.kdf_passes.unwrap_or(default.passes());
    KdfCost::new(memory, passes, flags.kdf_lanes.unwrap_or(default.lanes()))
        .map(Some)
        .map_err(|error| Failure::usage(error.to_string()))
}

fn tuned(context: &Context) -> KdfCost {
    let _progress = context.output.progress("Measuring this machine");
    let lanes = KdfCost::DEFAULT.lanes();
    tune(
        TARGET_MILLISECONDS,
        machine_memory_bytes(),
        lanes,
        &mut |cost| {
            let sample =
                NormalizedPassword::new(&Secret::new("how fast is this machine?".to_owned()));
            let start = Instant::now();
            // A machine that cannot even run it is told to take less: an hour is over every target.
            match derive_password_key_in(&sample, &[0; 32], cost, &mut MappedMemory) {
                Ok(_) => u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX),
                Err(_) => 3_600_000,
            }
        },
    )
}

#[cfg(target_os = "linux")]
fn machine_memory_bytes() -> u64 {
    let info = rustix::system::sysinfo();
    info.totalram.saturating_mul(u64::from(info.mem_unit))
}

/// What a machine of this kind has at least.
#[cfg(not(target_os = "linux"))]
fn machine_memory_bytes() -> u64 {
    8 << 30
}
