//! Lists that an audit goes by, from the disk: passwords that were seen in breaches, sites that offer one-time codes.

use crate::context::Context;
use crate::failure::Failure;
use keyfold::audit::TwoFactorList;
use keyfold::audit::breach::{BreachList, ListFile, ListFolder, Place};
use std::fmt::Display;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// The setting that names a list of breached passwords.
pub(crate) const BREACH_LIST: &str = "breach_list";
/// The setting that names a list of sites with one-time codes.
pub(crate) const TWO_FACTOR_LIST: &str = "two_factor_list";
/// More than the largest list of sites that is read, in bytes.
const LONGEST_SITES: u64 = (16 << 20) + 1;

/// The list that an option or the configuration names, if one does.
pub(crate) fn breaches(
    context: &mut Context,
    named: Option<&Path>,
) -> Result<Option<BreachList>, Failure> {
    let Some(path) = named_or_set(context, named, BREACH_LIST)? else {
        return Ok(None);
    };
    open(&path).map(Some)
}

/// The list at a path.
pub(crate) fn open(path: &Path) -> Result<BreachList, Failure> {
    let what = format!("list of breached passwords {}", path.display());
    let place = place(path).map_err(|error| failure(&what, &error))?;
    BreachList::open(place).map_err(|error| failure(&what, &error))
}

/// The list of sites that an option or the configuration names, else keyfold's own.
pub(crate) fn two_factor(
    context: &mut Context,
    named: Option<&Path>,
) -> Result<TwoFactorList, Failure> {
    let Some(path) = named_or_set(context, named, TWO_FACTOR_LIST)? else {
        return Ok(TwoFactorList::own());
    };
    let what = format!("list of sites with one-time codes {}", path.display());
    let mut bytes = Vec::new();
    let file = regular(&path).map_err(|error| failure(&what, &error))?;
    file.take(LONGEST_SITES)
        .read_to_end(&mut bytes)
        .map_err(|error| failure(&what, &error))?;
    TwoFactorList::parse(&bytes).map_err(|error| failure(&what, &error))
}

/// What is wrong with a list.
pub(crate) fn failure(what: &str, error: &dyn Display) -> Failure {
    Failure::failed(format!("the {what} cannot be used: {error}"))
}

fn named_or_set(
    context: &mut Context,
    named: Option<&Path>,
    setting: &str,
) -> Result<Option<PathBuf>, Failure> {
    if let Some(path) = named {
        return Ok(Some(path.to_owned()));
    }
    Ok(context.setting(setting)?.map(PathBuf::from))
}

fn place(path: &Path) -> io::Result<Place> {
    if fs::metadata(path)?.is_dir() {
        let folder = path.to_owned();
        return Ok(Place::Folder(Box::new(DiskFolder { folder })));
    }
    Ok(Place::File(Box::new(DiskFile::of(regular(path)?)?)))
}

/// A file that is one: a pipe would be waited for.
fn regular(path: &Path) -> io::Result<File> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    File::open(path)
}

struct DiskFile {
    file: File,
    length: u64,
}

impl DiskFile {
    fn of(file: File) -> io::Result<Self> {
        let length = file.metadata()?.len();
        Ok(Self { file, length })
    }
}

impl ListFile for DiskFile {
    fn length(&self) -> u64 {
        self.length
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read_at(buffer, offset)
    }
}

struct DiskFolder {
    folder: PathBuf,
}

impl ListFolder for DiskFolder {
    fn open(&self, name: &str) -> io::Result<Option<Box<dyn ListFile>>> {
        match regular(&self.folder.join(name)) {
            Ok(file) => Ok(Some(Box::new(DiskFile::of(file)?))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}
