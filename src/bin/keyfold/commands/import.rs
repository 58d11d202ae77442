//! `import`: what another program exported, with a ledger that accounts for every field.

mod store;

use crate::cli::Import;
use crate::commands::export::beside;
use crate::context::Context;
use crate::failure::{Failure, Kind};
use crate::prompt;
use crate::session::{Session, unexpected};
use crate::table;
use keyfold::exchange::{
    Credentials, Format, ImportError, MAX_FILE_BYTES, Mapping, Source, Transfers, detect, read,
};
use keyfold::secret::Secret;
use keyfold::service::import::{Counts, Entry, Ledger, Outcome};
use keyfold::service::{Request, Response};
use keyfold::storage::read_whole;
use serde::Serialize;
use std::path::Path;
use zeroize::Zeroizing;

#[derive(Serialize)]
struct Shown<'a> {
    schema: u32,
    file: String,
    format: &'static str,
    dry_run: bool,
    #[serde(flatten)]
    items: Counts,
    fields: Counts,
    entries: &'a [Entry],
    warnings: &'a [String],
}

pub(crate) fn run(context: &mut Context, args: &Import) -> Result<(), Failure> {
    let format = args.format.as_deref().map(format_named).transpose()?;
    let mapping = args.map.as_deref().map(Mapping::parse).transpose();
    let mapping = mapping.map_err(|error| Failure::usage(format!("--map: {error}")))?;
    let file = args.source_password_file.as_deref();
    let wanted = Wanted {
        format,
        mapping: mapping.as_ref(),
        password: prompt::given_source_password(file)?,
        key_file: match &args.source_key_file {
            Some(path) => Some(load_bytes(context, path)?),
            None => None,
        },
    };
    let [path] = args.files.as_slice() else {
        return run_several(context, args, &wanted);
    };
    // The file is read before the password is asked for: a wrong file is noticed first.
    let mut source = load(context, path, &wanted)?;
    source.warnings.extend(source.transfers.warnings());
    let mut session = Session::open(context)?;
    one(context, &mut session, args, path, source)
}

/// Several files, each an import of its own; all are read before the first is imported.
fn run_several(context: &mut Context, args: &Import, wanted: &Wanted<'_>) -> Result<(), Failure> {
    if context.output.json {
        return Err(Failure::usage("--json prints one document").hint("import one file at a time"));
    }
    let mut sources = Vec::new();
    for path in &args.files {
        sources.push((path, load(context, path, wanted)?));
    }
    let mut transfers = Transfers::default();
    for (_, source) in &sources {
        transfers.add(&source.transfers);
    }
    if let Some((_, last)) = sources.last_mut() {
        last.warnings.extend(transfers.warnings());
    }
    let mut session = Session::open(context)?;
    for (path, source) in sources {
        context.output.note(&format!("{}:", path.display()));
        one(context, &mut session, args, path, source)?;
    }
    Ok(())
}

fn format_named(name: &str) -> Result<Format, Failure> {
    Format::from_name(name).ok_or_else(|| {
        Failure::usage(format!("there is no format {name}"))
            .hint(format!("formats: {}", Format::names().join(", ")))
    })
}

/// How the options want the files read.
struct Wanted<'a> {
    format: Option<Format>,
    mapping: Option<&'a Mapping>,
    /// What opens encrypted ones.
    password: Option<Secret>,
    key_file: Option<Zeroizing<Vec<u8>>>,
}

/// A source that was read, with its format and what the reader warned about.
struct Loaded {
    source: Source,
    format: Format,
    warnings: Vec<String>,
    /// Codes of transfers that were read; the others may lie in another file.
    transfers: Transfers,
    /// Whether whoever has the file can read it.
    in_clear: bool,
}

fn load(context: &Context, path: &Path, wanted: &Wanted<'_>) -> Result<Loaded, Failure> {
    if path.is_dir() {
        return load_store(context, path, wanted);
    }
    let bytes = {
        let _progress = context.output.progress("Reading");
        load_bytes(context, path)?
    };
    let refused = |error: ImportError| refusal(path, &error);
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    let format = match wanted.format {
        Some(format) => format,
        None if wanted.mapping.is_some() => Format::GenericCsv,
        None => detect(&bytes, name.as_deref()).map_err(|error| match error {
            // What it is does not matter while it is not whole.
            ImportError::Zip(_) => refused(error),
            _ => refused(error).hint(format!(
                "--format NAME says what it is: {}",
                Format::names().join(", ")
            )),
        })?,
    };
    let read_with = |password: Option<&Secret>| {
        let _progress = context.output.progress("Reading");
        let credentials = Credentials {
            password,
            key_file: wanted.key_file.as_ref().map(|content| content.as_slice()),
        };
        read(&bytes, Some(format), wanted.mapping, &credentials)
    };
    // Whoever gives a key file and a password mostly means both; a derivation that is tried in vain costs a second.
    let given = wanted.password.as_ref();
    let has_both = format == Format::Kdbx && wanted.key_file.is_some() && given.is_some();
    let first = match read_with(given.filter(|_| has_both)) {
        Err(ImportError::SourcePasswordWrong { .. }) if has_both => read_with(None),
        first => first,
    };
    let (source, in_clear) = match first {
        // A key file may open it alone, and where it does not, a password belongs to it.
        Err(ImportError::SourcePasswordNeeded { .. } | ImportError::SourcePasswordWrong { .. }) => {
            let opened = open_sealed(context, path, given, read_with)?;
            (opened, false)
        }
        other => (other.map_err(refused)?, format != Format::Kdbx),
    };
    let mut source = source;
    if let Source::Native(document) = &mut source {
        beside::read(context, document, path)?;
    }
    let (warnings, transfers) = match &source {
        Source::Foreign(imported) => (imported.warnings.clone(), imported.transfers.clone()),
        Source::Native(_) => Default::default(),
    };
    Ok(Loaded {
        source,
        format,
        warnings,
        transfers,
        in_clear,
    })
}

fn load_store(context: &Context, path: &Path, wanted: &Wanted<'_>) -> Result<Loaded, Failure> {
    let is_other = wanted.format.is_some_and(|format| format != Format::Pass);
    if is_other || wanted.mapping.is_some() {
        return Err(Failure::usage(format!("{} is a folder", path.display()))
            .hint("a folder is imported as a store of pass"));
    }
    let imported = store::load(context, path)?;
    Ok(Loaded {
        warnings: imported.warnings.clone(),
        source: Source::Foreign(imported),
        format: Format::Pass,
        transfers: Transfers::default(),
        in_clear: false,
    })
}

/// Times that a password may be mistyped.
const ATTEMPTS: usize = 3;

/// Reads an encrypted export under the given password, else under one that is asked for.
fn open_sealed(
    context: &Context,
    path: &Path,
    given: Option<&Secret>,
    read_with: impl Fn(Option<&Secret>) -> Result<Source, ImportError>,
) -> Result<Source, Failure> {
    if let Some(password) = given {
        return read_with(Some(password)).map_err(|error| refusal(path, &error));
    }
    let question = format!("Password of {}: ", path.display());
    let mut wrong: Option<ImportError> = None;
    for _ in 0..ATTEMPTS {
        let said = wrong.map(|error| error.to_string());
        let password = prompt::source_password(context, &question, said.as_deref())?;
        match read_with(Some(&password)) {
            Err(error @ ImportError::SourcePasswordWrong { .. }) => wrong = Some(error),
            other => return other.map_err(|error| refusal(path, &error)),
        }
    }
    Err(wrong.map_or_else(unexpected, |error| refusal(path, &error)))
}

fn refusal(path: &Path, error: &ImportError) -> Failure {
    let kind = match error {
        ImportError::SourcePasswordNeeded { .. } | ImportError::SourcePasswordWrong { .. } => {
            Kind::Locked
        }
        _ => Kind::Failed,
    };
    Failure::new(kind, format!("{}: {error}", path.display())).hint("nothing was imported")
}

fn load_bytes(context: &Context, path: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    if path == Path::new("-") {
        // EXPOSE: the export is parsed by the caller; the buffer is wiped.
        let text = prompt::text_file(path)?;
        return Ok(Zeroizing::new(text.expose().as_bytes().to_vec()));
    }
    let missing = || Failure::failed(format!("{} is not there", path.display()));
    let file = context.storage.open_read(path)?.ok_or_else(missing)?;
    Ok(Zeroizing::new(read_whole(&*file, MAX_FILE_BYTES)?))
}

fn one(
    context: &mut Context,
    session: &mut Session,
    args: &Import,
    path: &Path,
    loaded: Loaded,
) -> Result<(), Failure> {
    let into = args.into.as_deref().map(|folder| folder.trim_matches('/'));
    let (source, into) = (Box::new(loaded.source), into.map(str::to_owned));
    let request = if args.dry_run {
        Request::Rehearse(source, into)
    } else {
        Request::Import(source, into)
    };
    let answer = {
        let _progress = context.output.progress("Importing");
        session.ask(context, request)?
    };
    let Response::Ledger(ledger) = answer else {
        return Err(unexpected());
    };
    if !ledger.items.is_balanced() || !ledger.fields.is_balanced() {
        return Err(Failure::new(
            Kind::Failed,
            "the ledger does not balance; please report this",
        ));
    }
    if context.output.json {
        return context.output.json(&Shown {
            schema: 1,
            file: path.display().to_string(),
            format: loaded.format.name(),
            dry_run: args.dry_run,
            items: ledger.items,
            fields: ledger.fields,
            entries: &ledger.entries,
            warnings: &loaded.warnings,
        });
    }
    print(context, &ledger, loaded.format, &loaded.warnings)?;
    if args.dry_run {
        context
            .output
            .note("This was a rehearsal: nothing was imported.");
    } else if path != Path::new("-") {
        let how = if loaded.in_clear {
            "in clear"
        } else {
            "under the password of its program"
        };
        context.output.note(&format!(
            "{} still lies there {how}. Delete it when you have checked the import.",
            path.display()
        ));
    }
    Ok(())
}

fn print(
    context: &Context,
    ledger: &Ledger,
    format: Format,
    warnings: &[String],
) -> Result<(), Failure> {
    let row = |what: &str, counts: Counts| {
        let numbers = [
            counts.read,
            counts.created,
            counts.updated,
            counts.identical,
            counts.skipped,
        ];
        std::iter::once(what.to_owned())
            .chain(numbers.iter().map(usize::to_string))
            .collect::<Vec<_>>()
    };
    let headings = [
        format.name(),
        "read",
        "created",
        "updated",
        "identical",
        "skipped",
    ];
    let rows = [row("items", ledger.items), row("fields", ledger.fields)];
    for line in table::render(&headings, &rows, context.output.width()) {
        context.output.raw(format!("{line}\n").as_bytes())?;
    }
    for entry in ledger
        .entries
        .iter()
        .filter(|entry| entry.outcome == Outcome::Skipped || entry.reason.is_some())
    {
        let item = entry.item.as_deref().unwrap_or("(no title)");
        let field = entry
            .field
            .as_deref()
            .map(|field| format!(", {field}"))
            .unwrap_or_default();
        let reason = entry.reason.as_deref().unwrap_or("left out");
        context.output.line(&format!(
            "row {}: {item}{field}: {}: {reason}",
            entry.row,
            entry.outcome.name()
        ))?;
    }
    for warning in warnings {
        context.output.warn(warning);
    }
    Ok(())
}
