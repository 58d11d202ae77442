//! The only reader of passwords and other secrets: from a prompt, a file, a command, or standard input.
//!
//! A secret never comes from the command line or the environment. Standard input is read once: its first line may be
//! the password, and the rest another secret.

use crate::cli::SourceFlags;
use crate::context::Context;
use crate::failure::{Failure, Kind};
use crate::pinentry;
use keyfold::crypto::recovery::RecoveryKey;
use keyfold::crypto::slot::{KEY_FILE_LIMIT, KeyFile};
use keyfold::generate::{Rating, strength};
use keyfold::secret::Secret;
use keyfold::vault::Credential;
use rand::Rng;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use zeroize::Zeroizing;

/// A secret from standard input or a file is no larger than this.
const SECRET_LIMIT: usize = 1 << 20;
/// A fresh key file has this many random bytes.
const KEY_FILE_LENGTH: usize = 32;

/// What is left of standard input once something was taken from it.
static STANDARD_INPUT: Mutex<Option<Zeroizing<Vec<u8>>>> = Mutex::new(None);

/// The master password by the options of this run, else asked for at the terminal, else by pinentry. `wrong` says what was
/// wrong with the last one.
pub(crate) fn password(
    context: &Context,
    question: &str,
    wrong: Option<&str>,
) -> Result<Secret, Failure> {
    if let Some(given) = given_password(context)? {
        return Ok(given);
    }
    if pinentry::is_there(context) {
        return pinentry::password(question, wrong);
    }
    if let Some(wrong) = wrong {
        context.output.warn(wrong);
    }
    if !context.may_ask() {
        return Err(missing_password());
    }
    masked(question)
}

/// The password that options of this run name.
pub(crate) fn given_password(context: &Context) -> Result<Option<Secret>, Failure> {
    if let Some(path) = &context.globals.password_file {
        return first_line_of(path).map(Some);
    }
    context
        .globals
        .password_command
        .as_deref()
        .map(first_line_of_command)
        .transpose()
}

fn missing_password() -> Failure {
    Failure::new(
        Kind::Locked,
        "a password is needed, and there is nobody to ask",
    )
    .hint("keyfold unlock once at a terminal, or --password-file PATH or --password-command CMD")
}

/// A new master password: from a file, or asked for twice with its strength.
pub(crate) fn new_password(
    context: &Context,
    file: Option<&Path>,
    what: &str,
) -> Result<Secret, Failure> {
    if let Some(path) = file {
        return refuse_empty(first_line_of(path)?);
    }
    if !context.may_ask() {
        return Err(missing_password().hint("--password-file or --new-password-file PATH gives it"));
    }
    loop {
        let first = masked(&format!("{what}: "))?;
        if first.is_empty() {
            context.output.warn("An empty password protects nothing.");
            continue;
        }
        let rated = strength(&first, &[]);
        context.output.note(&format!(
            "  {}: about {:.0} bits{}",
            rated.rating.words(),
            rated.bits,
            hint_of(&rated)
        ));
        if rated.rating <= Rating::Weak && !confirm(context, "Take it all the same?")? {
            continue;
        }
        if masked("Once more: ")?.same_as(&first) {
            return Ok(first);
        }
        context.output.warn("The two differ. Try again.");
    }
}

fn hint_of(rated: &keyfold::generate::Strength) -> String {
    rated
        .hint
        .as_ref()
        .map(|hint| format!("; {hint}"))
        .unwrap_or_default()
}

fn refuse_empty(password: Secret) -> Result<Secret, Failure> {
    if password.is_empty() {
        Err(Failure::usage("the new password is empty"))
    } else {
        Ok(password)
    }
}

/// The key file that options of this run name.
pub(crate) fn key_file(context: &Context) -> Result<Option<KeyFile>, Failure> {
    let Some(path) = &context.globals.key_file else {
        return Ok(None);
    };
    needed_key_file(context, path).map(Some)
}

fn needed_key_file(context: &Context, path: &Path) -> Result<KeyFile, Failure> {
    read_key_file(context, path)?
        .ok_or_else(|| Failure::failed(format!("the key file {} is not there", path.display())))
}

/// A key file for a new slot: read where it is there, else made of random bytes.
pub(crate) fn key_file_or_new(
    context: &mut Context,
    path: Option<&Path>,
) -> Result<Option<KeyFile>, Failure> {
    let Some(path) = path else { return Ok(None) };
    if let Some(key_file) = read_key_file(context, path)? {
        return Ok(Some(key_file));
    }
    let mut content = Zeroizing::new([0; KEY_FILE_LENGTH]);
    context.rng.fill_bytes(&mut *content);
    let text = Zeroizing::new(format!(
        "keyfold key file\n{}\n",
        data_encoding::BASE32.encode(&*content)
    ));
    let file = context.storage.create(path)?;
    file.write_at(0, text.as_bytes())?;
    file.sync()?;
    context
        .storage
        .sync_folder(&keyfold::storage::folder_of(path))?;
    context.output.note(&format!(
        "Made the key file {}. Without it the password opens nothing: keep a copy.",
        path.display()
    ));
    Ok(KeyFile::from_content(text.as_bytes()))
}

fn read_key_file(context: &Context, path: &Path) -> Result<Option<KeyFile>, Failure> {
    let Some(file) = context.storage.open_read(path)? else {
        return Ok(None);
    };
    let content = Zeroizing::new(keyfold::storage::read_whole(&*file, KEY_FILE_LIMIT)?);
    let empty = || Failure::failed(format!("the key file {} is empty", path.display()));
    KeyFile::from_content(&content).ok_or_else(empty).map(Some)
}

/// The recovery key: from the file that an option names, else asked for.
pub(crate) fn recovery_key(context: &Context) -> Result<RecoveryKey, Failure> {
    let typed = match &context.globals.recovery_key_file {
        // Nobody types a key in clear, and then the end of the input.
        Some(path) if path == Path::new("-") && context.may_ask() => masked("Recovery key: ")?,
        Some(path) => first_line_of(path)?,
        None if context.may_ask() => masked("Recovery key: ")?,
        None => return Err(missing_password().hint("--recovery-key-file PATH gives it")),
    };
    parse_recovery_key(&typed)
}

fn parse_recovery_key(typed: &Secret) -> Result<RecoveryKey, Failure> {
    RecoveryKey::parse(typed).map_err(|_| {
        Failure::new(
            Kind::Locked,
            "that is not a recovery key, or one symbol of it is wrong",
        )
        .hint("it has six groups of five letters and digits")
    })
}

/// The lines of a file that are not empty, each a secret.
pub(crate) fn secret_lines(path: &Path) -> Result<Vec<Secret>, Failure> {
    let text = text_file(path)?;
    // EXPOSE: the text is taken apart into its lines.
    let lines = text.expose().lines().map(str::trim);
    let filled = lines.filter(|line| !line.is_empty());
    Ok(filled.map(|line| Secret::new(line.to_owned())).collect())
}

/// A share of a recovery key, asked for.
pub(crate) fn share(context: &Context, question: &str) -> Result<Secret, Failure> {
    if context.may_ask() {
        masked(question)
    } else {
        Err(Failure::new(
            Kind::Locked,
            "more shares are needed, and there is nobody to ask",
        )
        .hint("--share-file PATH gives them, one a line"))
    }
}

/// Files that options name for a vault file other than this run's own.
pub(crate) struct SecretFiles<'a> {
    pub(crate) password: Option<&'a Path>,
    pub(crate) key_file: Option<&'a Path>,
    pub(crate) recovery_key: Option<&'a Path>,
}

impl<'a> From<&'a SourceFlags> for SecretFiles<'a> {
    fn from(flags: &'a SourceFlags) -> Self {
        Self {
            password: flags.source_password_file.as_deref(),
            key_file: flags.source_key_file.as_deref(),
            recovery_key: flags.source_recovery_key_file.as_deref(),
        }
    }
}

/// What opens another file: from the files that its own options name, else asked for; `missing` says that nobody may be.
pub(crate) fn other_credential(
    context: &Context,
    files: &SecretFiles<'_>,
    question: &str,
    missing: impl FnOnce() -> Failure,
) -> Result<Credential, Failure> {
    if let Some(path) = files.recovery_key {
        return Ok(Credential::RecoveryKey(parse_recovery_key(
            &first_line_of(path)?,
        )?));
    }
    let key_file = match files.key_file {
        Some(path) => Some(needed_key_file(context, path)?),
        None => None,
    };
    let password = match files.password {
        Some(path) => first_line_of(path)?,
        None if context.may_ask() => masked(question)?,
        None => return Err(missing()),
    };
    Ok(Credential::Password { password, key_file })
}

/// The password of an encrypted export: from the file that an option names.
pub(crate) fn given_source_password(file: Option<&Path>) -> Result<Option<Secret>, Failure> {
    file.map(first_line_of).transpose()
}

/// The password of an encrypted export, asked for; `wrong` says what was wrong with the last one.
pub(crate) fn source_password(
    context: &Context,
    question: &str,
    wrong: Option<&str>,
) -> Result<Secret, Failure> {
    if let Some(wrong) = wrong {
        context.output.warn(wrong);
    }
    if context.may_ask() {
        masked(question)
    } else {
        Err(Failure::new(
            Kind::Locked,
            "the file is encrypted, and there is nobody to ask for its password",
        )
        .hint("--source-password-file PATH gives it"))
    }
}

/// The password that an export goes under: from a file, or asked for twice with its strength.
pub(crate) fn export_password(context: &Context, file: Option<&Path>) -> Result<Secret, Failure> {
    if file.is_none() && !context.may_ask() {
        return Err(Failure::new(
            Kind::Locked,
            "the export needs a password of its own, and there is nobody to ask",
        )
        .hint("--export-password-file PATH gives it"));
    }
    new_password(context, file, "Password of the export")
}

/// A secret field, asked for once.
pub(crate) fn secret(context: &Context, question: &str) -> Result<Secret, Failure> {
    if context.may_ask() {
        masked(question)
    } else {
        Err(Failure::new(
            Kind::Locked,
            format!(
                "{} is needed, and there is nobody to ask",
                question.trim_end_matches(": ")
            ),
        )
        .hint("--secret-stdin or --json-stdin gives it"))
    }
}

/// All that is left of standard input, less one final newline.
pub(crate) fn secret_from_stdin() -> Result<Secret, Failure> {
    let mut rest = take_stdin()?;
    if rest.last() == Some(&b'\n') {
        rest.pop();
    }
    utf8(rest, "standard input")
}

/// A text file, or what is left of standard input for `-`.
pub(crate) fn text_file(path: &Path) -> Result<Secret, Failure> {
    if path == Path::new("-") {
        secret_from_stdin()
    } else {
        utf8(read_limited(path)?, &path.display().to_string())
    }
}

/// Yes or no; no where nobody may be asked.
pub(crate) fn confirm(context: &Context, question: &str) -> Result<bool, Failure> {
    if !context.may_ask() {
        return Ok(false);
    }
    let answer = line(&format!("{question} [y/N] "))?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// One line that is no secret.
pub(crate) fn line(question: &str) -> Result<String, Failure> {
    crate::interrupt::install();
    io::stderr()
        .lock()
        .write_all(crate::escape::escape(question).as_bytes())?;
    let mut answer = String::new();
    if io::stdin().read_line(&mut answer)? == 0 {
        return Err(Failure::new(Kind::Interrupted, "the input ended"));
    }
    Ok(answer)
}

/// A choice from a list, with a search; `None` where it was left without one.
pub(crate) fn pick(question: &str, choices: &[String]) -> Result<Option<usize>, Failure> {
    crate::interrupt::install();
    let shown: Vec<String> = choices
        .iter()
        .map(|choice| crate::escape::escape(choice).into_owned())
        .collect();
    let picked = dialoguer::FuzzySelect::new()
        .with_prompt(question)
        .items(&shown)
        .default(0)
        .max_length(12)
        .interact_opt();
    picked.map_err(|error| {
        let dialoguer::Error::IO(error) = error;
        Failure::from(error)
    })
}

fn masked(question: &str) -> Result<Secret, Failure> {
    crate::interrupt::install();
    let config = rpassword::ConfigBuilder::new()
        .password_feedback_mask('*')
        .build();
    let typed = rpassword::prompt_password_with_config(crate::escape::escape(question), config);
    typed.map(Secret::new).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => Failure::new(Kind::Interrupted, "the input ended"),
        _ => error.into(),
    })
}

fn first_line_of(path: &Path) -> Result<Secret, Failure> {
    if path != Path::new("-") {
        return first_line(&mut read_limited(path)?, &path.display().to_string());
    }
    let mut all = take_stdin()?;
    let line = first_line(&mut all, "standard input")?;
    // What follows the first line is for whoever asks next.
    *STANDARD_INPUT
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner) = Some(all);
    Ok(line)
}

fn first_line_of_command(command: &str) -> Result<Secret, Failure> {
    let child = Command::new("sh")
        .arg("-c")
        .arg(command)
        .stdin(Stdio::inherit())
        .stdout(Stdio::piped())
        .spawn();
    let mut child = child
        .map_err(|error| Failure::failed(format!("the password command did not start: {error}")))?;
    let mut printed = Zeroizing::new(Vec::with_capacity(SECRET_LIMIT.min(4096)));
    if let Some(out) = child.stdout.take() {
        out.take(SECRET_LIMIT as u64).read_to_end(&mut printed)?;
    }
    if !child.wait()?.success() {
        return Err(Failure::new(Kind::Locked, "the password command failed"));
    }
    first_line(&mut printed, "what the password command printed")
}

/// Takes the first line out of the bytes, without its newline.
fn first_line(bytes: &mut Zeroizing<Vec<u8>>, source: &str) -> Result<Secret, Failure> {
    let end = bytes.iter().position(|byte| *byte == b'\n');
    let mut line = Zeroizing::new(
        bytes
            .get(..end.unwrap_or(bytes.len()))
            .unwrap_or_default()
            .to_vec(),
    );
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    let rest = Zeroizing::new(
        end.and_then(|at| bytes.get(at + 1..))
            .unwrap_or_default()
            .to_vec(),
    );
    *bytes = rest;
    utf8(line, source)
}

fn read_limited(path: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let failed = |error: io::Error| Failure::failed(format!("{}: {error}", path.display()));
    // Not through Storage: a FIFO or /dev/fd/3 is fine here, and links are the user's own.
    let file = std::fs::File::open(path).map_err(failed)?;
    read_all(file).map_err(failed)
}

fn take_stdin() -> Result<Zeroizing<Vec<u8>>, Failure> {
    let held = STANDARD_INPUT
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
        .take();
    match held {
        Some(rest) => Ok(rest),
        // Not through the standard library's buffer, which keeps what it read until the program ends.
        None => Ok(read_all(std::fs::File::from(
            io::stdin().as_fd().try_clone_to_owned()?,
        ))?),
    }
}

fn read_all(source: impl Read) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(4096));
    source
        .take(SECRET_LIMIT as u64 + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() > SECRET_LIMIT {
        return Err(io::Error::other("more than 1 MiB"));
    }
    Ok(bytes)
}

fn utf8(mut bytes: Zeroizing<Vec<u8>>, source: &str) -> Result<Secret, Failure> {
    Secret::from_utf8(std::mem::take(&mut *bytes))
        .ok_or_else(|| Failure::failed(format!("{source} is not UTF-8 text")))
}
