//! `audit breach-list build`: a small filter made of a downloaded list, once, for every audit after.

use super::lists;
use crate::context::Context;
use crate::failure::Failure;
use crate::interrupt;
use keyfold::audit::breach::{self, Built};
use keyfold::storage::{StoredFile, folder_of};
use serde::Serialize;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::Path;

/// How much is written at once.
const BUFFER: usize = 1 << 20;

pub(super) fn build(context: &Context, from: &Path, to: &Path) -> Result<(), Failure> {
    let list = lists::open(from)?;
    let file = context.storage.create(to)?;
    let _unfinished = interrupt::guard_unfinished(to);
    let built = write(context, &list, &*file)
        .and_then(|built| {
            file.sync()?;
            context.storage.sync_folder(&folder_of(to))?;
            Ok(built)
        })
        .inspect_err(|_| drop(context.storage.remove(to)))?;
    tell(context, &list, to, &built)
}

fn write(
    context: &Context,
    list: &breach::BreachList,
    file: &dyn StoredFile,
) -> Result<Built, Failure> {
    let progress = context.output.progress("Making the filter");
    let mut out = BufWriter::with_capacity(BUFFER, Writer { file, place: 0 });
    let mut say = |part: f64| {
        progress.say(|| format!("Making the filter: {:.0} %", part * 100.0));
    };
    breach::build(list, &mut out, context.now(), &mut say)
        .map_err(|error| lists::failure("list of breached passwords", &error))
}

fn tell(
    context: &Context,
    list: &breach::BreachList,
    to: &Path,
    built: &Built,
) -> Result<(), Failure> {
    if context.output.json {
        #[derive(Serialize)]
        struct Document {
            schema: u32,
            file: String,
            hash: &'static str,
            entries: u64,
            bytes: u64,
            false_positive_rate: f64,
        }
        return context.output.json(&Document {
            schema: 1,
            file: to.display().to_string(),
            hash: list.hash_kind().name(),
            entries: built.entries,
            bytes: built.bytes,
            false_positive_rate: built.false_positive_rate,
        });
    }
    context.output.note(&format!(
        "{} hashes in {} bytes, {}. It never misses one of them, and takes one of {:.0} other passwords for breached.\nkeyfold config set {} {} has every audit ask it.",
        built.entries,
        built.bytes,
        to.display(),
        1.0 / built.false_positive_rate,
        lists::BREACH_LIST,
        to.display(),
    ));
    Ok(())
}

/// Writes one behind the other into a file of the storage.
struct Writer<'a> {
    file: &'a dyn StoredFile,
    place: u64,
}

impl Write for Writer<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write_at(self.place, bytes);
        written.map_err(|error| io::Error::other(error.to_string()))?;
        self.place += u64::try_from(bytes.len()).unwrap_or_default();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Writer<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match to {
            SeekFrom::Start(place) => self.place = place,
            _ => return Err(io::Error::from(io::ErrorKind::Unsupported)),
        }
        Ok(self.place)
    }
}
