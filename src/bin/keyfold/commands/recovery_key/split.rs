//! `recovery-key split`: the key in shares, for several people or places to keep.

use super::kit::Named;
use super::proven;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::Ending;
use crate::paper::{self, Page, Shape};
use keyfold::crypto::shares::{Share, split};
use keyfold::generate::WordList;
use keyfold::otp::qr::Qr;
use keyfold::secret::Secret;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// What is asked for.
pub(super) struct Wanted<'a> {
    pub(super) shares: u8,
    pub(super) threshold: u8,
    pub(super) folder: Option<&'a Path>,
    pub(super) extension: &'a str,
    pub(super) shows_codes: bool,
}

#[derive(Serialize)]
struct Split<'a> {
    schema: u32,
    split: String,
    threshold: u8,
    shares: Vec<Shown<'a>>,
}

#[derive(Serialize)]
struct Shown<'a> {
    number: u8,
    words: Option<&'a str>,
    file: Option<String>,
}

pub(super) fn run(context: &mut Context, wanted: &Wanted<'_>) -> Result<(), Failure> {
    let refused = |error: keyfold::crypto::shares::ShareError| Failure::usage(error.to_string());
    if !(2..=wanted.shares).contains(&wanted.threshold) {
        return Err(refused(keyfold::crypto::shares::ShareError::Numbers));
    }
    let (key, vault) = proven(context)?;
    let shares = split(&key, wanted.shares, wanted.threshold, &mut context.rng).map_err(refused)?;
    let list = WordList::Large.words();
    let texts: Vec<Secret> = shares.iter().map(|share| share.to_words(list)).collect();
    let name = shares.first().map(Share::split_name).unwrap_or_default();
    let files = write_pages(context, wanted, &vault, &shares, &texts)?;
    if context.output.json {
        let rows = shares.iter().zip(&texts).enumerate();
        let shown = rows.map(|(at, (share, text))| Shown {
            number: share.number(),
            // EXPOSE: the user asked for the shares.
            words: files.is_empty().then(|| text.expose()),
            file: files.get(at).map(|path| path.display().to_string()),
        });
        return context.output.json(&Split {
            schema: 1,
            split: name,
            threshold: wanted.threshold,
            shares: shown.collect(),
        });
    }
    context.output.note(&format!(
        "{} shares, split {name}; any {} of them are the recovery key, fewer say nothing about it.",
        wanted.shares, wanted.threshold
    ));
    for path in &files {
        context.output.note(&format!("  {}", path.display()));
    }
    if !files.is_empty() {
        context
            .output
            .note("They are in clear: print them, then delete the files.");
        return Ok(());
    }
    for (share, text) in shares.iter().zip(&texts) {
        context
            .output
            .note(&format!("Share {} of {}:", share.number(), wanted.shares));
        context.output.secret(text, Ending::Newline)?;
        if wanted.shows_codes {
            let code = Qr::new(text).map_err(|error| Failure::failed(error.to_string()))?;
            context.output.code(&code)?;
        }
    }
    context
        .output
        .note("keyfold recovery-key combine puts the key together again.");
    Ok(())
}

/// A page for each share, all or none.
fn write_pages(
    context: &Context,
    wanted: &Wanted<'_>,
    vault: &Named,
    shares: &[Share],
    texts: &[Secret],
) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    let Some(folder) = wanted.folder else {
        return Ok(files);
    };
    for (share, text) in shares.iter().zip(texts) {
        let file = folder.join(format!(
            "keyfold-share-{}-{}-of-{}.{}",
            share.split_name(),
            share.number(),
            wanted.shares,
            wanted.extension
        ));
        if let Err(failure) = write_page(context, wanted, vault, share, text, &file) {
            for path in &files {
                drop(context.storage.remove(path));
            }
            return Err(failure);
        }
        files.push(file);
    }
    Ok(files)
}

fn write_page(
    context: &Context,
    wanted: &Wanted<'_>,
    vault: &Named,
    share: &Share,
    text: &Secret,
    file: &Path,
) -> Result<(), Failure> {
    let today: String = context.now().to_rfc3339().chars().take(10).collect();
    let (number, all, needed) = (share.number(), wanted.shares, wanted.threshold);
    let title = format!("Share {number} of {all} of a keyfold recovery key");
    let page = Page {
        title: &title,
        lead: format!(
            "Any {needed} of the {all} shares together are the recovery key of a vault, which opens it when the master password is \
             gone. Fewer say nothing about it. Keep this one away from the others."
        ),
        facts: vec![
            ("Vault id", vault.id.clone()),
            ("Split", share.split_name()),
            ("Made", today),
        ],
        secret: text,
        shape: Shape::Words,
        steps: vec![
            format!("Bring {needed} of the shares of this split together, where you trust the machine."),
            "Get keyfold, any version from 0.1 on, and the vault file from your drive or another device. Of a backup, keyfold backup restore BACKUP --replace-into FILE makes one.".to_owned(),
            "Run: keyfold --vault FILE recovery-key combine, and type the words of each share where it asks.".to_owned(),
            "With the key that it shows: keyfold --vault FILE --recovery-key-file - passwd".to_owned(),
        ],
    };
    paper::write(context, file, &page)
}
