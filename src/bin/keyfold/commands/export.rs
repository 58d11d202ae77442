//! `export`: items in a file that other programs read, or keyfold's own document. The password is asked for again by whoever
//! opens the vault. What the format does not hold is told, field by field.

pub(crate) mod beside;
mod codes;

use crate::cli::Export;
use crate::commands::ls::item_kind;
use crate::context::Context;
use crate::escape::escape;
use crate::failure::{Failure, Kind};
use crate::interrupt;
use crate::notices::plural;
use crate::prompt;
use crate::session::Session;
use crate::table::truncate;
use keyfold::exchange::export::{
    AttachedFile, ExportFormat, Exported, Order, Reader, Recipient, Remark, Stretching, write,
};
use keyfold::exchange::native::Document;
use keyfold::model::field::ItemKind;
use keyfold::model::ids::ItemId;
use keyfold::model::item::ItemSummary;
use keyfold::model::search;
use keyfold::service::export::{export, file_names, load_files};
use keyfold::storage::folder_of;
use keyfold::vault::Vault;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use zeroize::Zeroizing;

/// Widest path of an item in what is said of it.
const PATH_WIDTH: usize = 60;

pub(crate) fn run(context: &mut Context, args: &Export) -> Result<(), Failure> {
    let codes = args.format.eq_ignore_ascii_case(codes::NAME);
    let format = if codes {
        codes::check(context, args)?
    } else {
        format_of(context, args)?
    };
    let recipients = args.recipient.iter().map(|text| recipient_of(text));
    let recipients: Vec<Recipient> = recipients.collect::<Result<_, _>>()?;
    let kind = args.kind.as_deref().map(item_kind).transpose()?;
    let mut session = Session::open_own_at(context, &args.past)?;
    let selection = Selection {
        args,
        kind,
        found: match &args.query {
            Some(query) => Some(matches(&mut session, query)?),
            None => None,
        },
    };
    let mut document = export(session.vault()?, &|item| selection.takes(item))
        .map_err(|error| Failure::new(Kind::Damaged, error.to_string()))?;
    let mut beside = None;
    if let (true, Some(output)) = (args.files_beside, &args.output) {
        beside = beside::write(context, session.vault()?, &mut document, output)?;
    }
    let (files, left_out) = if args.files_beside {
        (Vec::new(), Vec::new())
    } else {
        files_of(session.vault()?, &mut document, format, args.no_files)?
    };
    let file = args.export_password_file.as_deref();
    let password = match format.is_sealed() && recipients.is_empty() {
        true => Some(prompt::export_password(context, file)?),
        false => None,
    };
    let order = Order {
        document: &document,
        files: &files,
        left_out: &left_out,
        format,
        reader: if args.for_spreadsheet {
            Reader::Spreadsheet
        } else {
            Reader::Program
        },
        password: password.as_ref(),
        recipients: &recipients,
        stretching: Stretching::default(),
    };
    let exported = {
        let _progress = context.output.progress("Exporting");
        write(&order, &mut context.rng)
    };
    let exported = exported.map_err(|error| Failure::failed(error.to_string()))?;
    if codes {
        let drawn = codes::write(context, args.output.as_deref(), &exported.bytes)?;
        return codes::tell(context, args.output.as_deref(), &drawn, &exported);
    }
    match &args.output {
        None => context.output.raw(&exported.bytes)?,
        Some(path) => {
            let written = write_new_file(context, path, &exported.bytes);
            if let (Err(_), Some(beside)) = (&written, &beside) {
                beside.remove(context);
            }
            written?;
        }
    }
    tell(context, args, format, document.items.len(), &exported)
}

/// Files that are not to come along, by item and name.
type LeftOut = Vec<(ItemId, String)>;

/// The files of the items for a format that holds them, and the names of those that are not to come along.
fn files_of(
    vault: &Vault,
    document: &mut Document,
    format: ExportFormat,
    no_files: bool,
) -> Result<(Vec<AttachedFile>, LeftOut), Failure> {
    let names = file_names(vault, document);
    if format.holds_files() && no_files {
        return Ok((Vec::new(), names));
    }
    if !format.holds_files() {
        let files = names.into_iter().map(|(item, name)| AttachedFile {
            item,
            name,
            content: Zeroizing::default(),
        });
        return Ok((files.collect(), Vec::new()));
    }
    load_files(vault, document).map_err(|error| {
        Failure::from(error).hint(
            "--files-beside writes them into a folder, --no-files leaves them out; keyfold cp --to-vault takes files of any size too",
        )
    })?;
    let mut files = Vec::new();
    // keyfold's own document has them itself.
    if format == ExportFormat::Kdbx {
        let own = std::mem::take(&mut document.files).into_iter();
        files.extend(own.map(|file| AttachedFile {
            item: file.item,
            name: file.name,
            content: file.content.into(),
        }));
    }
    Ok((files, Vec::new()))
}

/// The format, where the options go together with it.
fn format_of(context: &Context, args: &Export) -> Result<ExportFormat, Failure> {
    let format = ExportFormat::from_name(&args.format).ok_or_else(|| {
        Failure::usage(format!("there is no export format {}", args.format)).hint(format!(
            "formats: {}, {}",
            ExportFormat::names().join(", "),
            codes::NAME
        ))
    })?;
    if args.for_spreadsheet && format != ExportFormat::Csv {
        return Err(Failure::usage("--for-spreadsheet goes with a table").hint("--format csv"));
    }
    if args.files_beside && format != ExportFormat::Keyfold {
        return Err(Failure::usage(
            "--files-beside goes with keyfold's own format",
        ));
    }
    if args.export_password_file.is_some() && !format.is_sealed() {
        return Err(Failure::usage(format!(
            "an export as {} has no password",
            format.name()
        )));
    }
    if !args.recipient.is_empty() && format != ExportFormat::Age {
        return Err(Failure::usage("recipients go with age").hint("--format age"));
    }
    if format.is_binary() && args.output.is_none() && context.output.to_terminal() {
        return Err(
            Failure::usage("the export is no text for a terminal").hint("--output PATH takes it")
        );
    }
    if context.output.json && args.output.is_none() && format != ExportFormat::Keyfold {
        return Err(
            Failure::usage("--json prints one document, and the export is another")
                .hint("--output PATH takes the export"),
        );
    }
    Ok(format)
}

fn recipient_of(text: &str) -> Result<Recipient, Failure> {
    Recipient::parse(text).ok_or_else(|| {
        Failure::usage(format!("{text} is no recipient of age"))
            .hint("a recipient begins with age1; age-keygen prints one")
    })
}

/// Which items are taken.
struct Selection<'a> {
    args: &'a Export,
    kind: Option<ItemKind>,
    /// What the query found.
    found: Option<BTreeSet<ItemId>>,
}

impl Selection<'_> {
    fn takes(&self, item: &ItemSummary) -> bool {
        let folder = self.args.folder.as_deref();
        let in_folder = folder.is_none_or(|folder| {
            let rest = item.folder.strip_prefix(folder.trim_matches('/'));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        });
        let mut tags = self.args.tag.iter();
        let found = self.found.as_ref();
        in_folder
            && tags.all(|tag| item.tags.iter().any(|known| known == tag))
            && self.kind.is_none_or(|kind| item.kind == kind)
            && found.is_none_or(|found| found.contains(&item.id))
    }
}

fn matches(session: &mut Session, query: &str) -> Result<BTreeSet<ItemId>, Failure> {
    let found = search::find(query, session.vault()?.state().rows());
    Ok(found.into_iter().map(|(_, item)| item.id).collect())
}

/// Creates the file anew and private; one that is there is never written over.
pub(crate) fn write_new_file(context: &Context, path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let file = context.storage.create(path)?;
    let _unfinished = interrupt::guard_unfinished(path);
    let written = file.write_at(0, bytes).and_then(|()| file.sync());
    if let Err(error) = written.and_then(|()| context.storage.sync_folder(&folder_of(path))) {
        drop(context.storage.remove(path));
        return Err(error.into());
    }
    Ok(())
}

#[derive(Serialize)]
struct Shown<'a> {
    schema: u32,
    file: &'a str,
    format: &'static str,
    /// How many were written: accounts, where a format holds seeds alone.
    items: usize,
    entries: Vec<ShownRemark<'a>>,
}

#[derive(Serialize)]
struct ShownRemark<'a> {
    id: String,
    item: &'a str,
    field: Option<&'a str>,
    outcome: &'static str,
    reason: &'a str,
}

impl<'a> From<&'a Remark> for ShownRemark<'a> {
    fn from(remark: &'a Remark) -> Self {
        Self {
            id: remark.item.to_string(),
            item: &remark.path,
            field: remark.field.as_deref(),
            outcome: remark.what.name(),
            reason: &remark.reason,
        }
    }
}

/// What was written, and what of the items it does not hold.
fn tell(
    context: &Context,
    args: &Export,
    format: ExportFormat,
    items: usize,
    exported: &Exported,
) -> Result<(), Failure> {
    let file = args.output.as_ref().map(|path| path.display().to_string());
    if let (true, Some(file)) = (context.output.json, &file) {
        let entries = exported.remarks.iter().map(ShownRemark::from);
        return context.output.json(&Shown {
            schema: 1,
            file,
            format: format.name(),
            items: exported.seeds.unwrap_or(items),
            entries: entries.collect(),
        });
    }
    tell_remarks(context, &exported.remarks);
    let count = match exported.seeds {
        Some(seeds) => plural(seeds, "one-time password seed", "one-time password seeds"),
        None => plural(items, "item", "items"),
    };
    let place = file.map_or(String::new(), |file| format!(" to {file}"));
    let how = match (format.is_sealed(), args.recipient.is_empty()) {
        (false, _) => "in clear: keep it short-lived",
        (true, true) => "under its own password",
        (true, false) => "for its recipients alone",
    };
    context
        .output
        .note(&format!("Exported {count}{place}, {how}."));
    Ok(())
}

/// A line for the fields of an item that share a reason, and one for all items that do.
fn tell_remarks(context: &Context, remarks: &[Remark]) {
    let same = |one: &Remark, other: &Remark| {
        let both = |remark: &Remark| remark.field.is_some();
        let alike = one.what == other.what && one.reason == other.reason;
        alike && both(one) && both(other) && one.item == other.item
    };
    for group in remarks.chunk_by(same) {
        let fields: Vec<&str> = group
            .iter()
            .filter_map(|remark| remark.field.as_deref())
            .collect();
        if let (Some(remark), false) = (group.first(), fields.is_empty()) {
            let (path, fields) = (shortened(&remark.path), fields.join(", "));
            let (what, reason) = (remark.what.name(), &remark.reason);
            context
                .output
                .warn(&format!("{path}, {fields}: {what}: {reason}"));
        }
    }
    let mut whole: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for remark in remarks.iter().filter(|remark| remark.field.is_none()) {
        let items = whole
            .entry((remark.what.name(), &remark.reason))
            .or_default();
        items.push(&remark.path);
    }
    for ((what, reason), mut items) in whole {
        items.sort_unstable();
        let items: Vec<String> = items.into_iter().map(shortened).collect();
        let items = match items.as_slice() {
            [item] => item.clone(),
            items => format!("{} items ({})", items.len(), items.join(", ")),
        };
        context.output.warn(&format!("{items}: {what}: {reason}"));
    }
}

/// A path as a line on the terminal has room for it; a title may be as long as a book.
fn shortened(path: &str) -> String {
    truncate(&escape(path), PATH_WIDTH)
}
