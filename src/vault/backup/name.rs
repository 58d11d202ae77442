//! What a backup is called: `<vault's name>.<time>.<vault id>.keyfold-backup` (vault-format.md, section 1.7).
//!
//! Names sort by time, two vaults may share a folder, and what is not exactly such a name is nobody's backup: it is never
//! counted, touched or removed.

use crate::model::ids::VaultId;
use crate::model::moment::Moment;
use std::ffi::OsStr;
use std::fmt;
use std::path::Path;

/// What every name of a backup ends in.
const END: &str = ".keyfold-backup";
/// Digits of the vault's id: enough for people to tell vaults apart; what counts is the whole id inside.
const ID_DIGITS: usize = 8;
/// `20261129T081948Z`.
const TIME_LENGTH: usize = 16;
/// Bytes of the vault's own name that are repeated: with all the rest, and a temporary file's marks, below the usual 255.
const STEM_LIMIT: usize = 100;

/// The name of a backup.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct BackupName {
    /// When it was made, in whole seconds.
    made: Moment,
    vault: String,
    stem: String,
}

impl BackupName {
    /// The name of a backup of the vault that lies at this path, made now.
    #[must_use]
    pub fn new(vault_file: &Path, vault: VaultId, made: Moment) -> Self {
        let stem = vault_file.file_stem().unwrap_or_default();
        let mut plain: String = stem
            .to_string_lossy()
            .chars()
            .map(|letter| if is_refused(letter) { '_' } else { letter })
            .collect();
        let fitting = plain
            .char_indices()
            .map(|(at, letter)| at + letter.len_utf8());
        let end = fitting.take_while(|end| *end <= STEM_LIMIT).last();
        plain.truncate(end.unwrap_or_default());
        // A hidden file would be missed by whoever looks for it on the day it is needed.
        let stem = plain.trim_start_matches('.');
        let stem = if stem.is_empty() { "vault" } else { stem };
        Self {
            made: Moment(made.seconds() * 1000),
            vault: short(vault),
            stem: stem.to_owned(),
        }
    }

    /// Reads a name; `None` for everything that [`BackupName::new`] would not make.
    #[must_use]
    pub fn parse(name: &OsStr) -> Option<Self> {
        let text = name.to_str()?;
        let (rest, vault) = text.strip_suffix(END)?.rsplit_once('.')?;
        let (stem, time) = rest.rsplit_once('.')?;
        let is_id = vault.len() == ID_DIGITS
            && vault
                .bytes()
                .all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
        let is_stem = !stem.is_empty()
            && stem.len() <= STEM_LIMIT
            && !stem.starts_with('.')
            && !stem.contains(is_refused);
        if !is_id || !is_stem {
            return None;
        }
        let found = Self {
            made: parse_time(time)?,
            vault: vault.to_owned(),
            stem: stem.to_owned(),
        };
        (found.to_string() == text).then_some(found)
    }

    /// When it was made, by the name.
    #[must_use]
    pub fn made(&self) -> Moment {
        self.made
    }

    /// Whether it says that it is one of this vault.
    #[must_use]
    pub fn is_of(&self, vault: VaultId) -> bool {
        self.vault == short(vault)
    }

    /// The same a second later, where another backup has this name.
    #[must_use]
    pub(super) fn next(mut self) -> Self {
        self.made = Moment(self.made.0.saturating_add(1000));
        self
    }
}

impl fmt::Display for BackupName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time: String = self
            .made
            .to_rfc3339()
            .chars()
            .take("2026-11-29T08:19:48".len())
            .filter(|letter| !matches!(letter, '-' | ':'))
            .collect();
        write!(out, "{}.{time}Z.{}{END}", self.stem, self.vault)
    }
}

/// Whether a file of this name is a backup by its name: what lies beside a vault under such a name is no conflict copy.
#[must_use]
pub fn is_backup_name(name: &OsStr) -> bool {
    BackupName::parse(name).is_some()
}

/// Letters that no name has: a stick's file system takes none of them.
fn is_refused(letter: char) -> bool {
    letter.is_control() || "\"*/:<>?\\|".contains(letter)
}

fn short(vault: VaultId) -> String {
    vault.to_string().chars().take(ID_DIGITS).collect()
}

fn parse_time(text: &str) -> Option<Moment> {
    if text.len() != TIME_LENGTH || !text.is_ascii() {
        return None;
    }
    let part = |range: std::ops::Range<usize>| text.get(range).unwrap_or_default();
    Moment::parse_rfc3339(&format!(
        "{}-{}-{}{}:{}:{}",
        part(0..4),
        part(4..6),
        part(6..8),
        part(8..11),
        part(11..13),
        part(13..16),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drive::recognise;

    const VAULT: VaultId = VaultId([0xab; 16]);
    const NOW: Moment = Moment(1_795_447_609_250);

    fn parse(text: &str) -> Option<BackupName> {
        BackupName::parse(OsStr::new(text))
    }

    #[test]
    fn a_name_is_read_back_as_it_was_made_and_sorts_by_time() {
        let name = BackupName::new(Path::new("/drive/vault.keyfold"), VAULT, NOW);
        assert_eq!(
            name.to_string(),
            "vault.20261123T152649Z.abababab.keyfold-backup"
        );
        assert_eq!(parse(&name.to_string()), Some(name.clone()));
        assert_eq!(name.made(), Moment(1_795_447_609_000));
        assert!(name.is_of(VAULT) && !name.is_of(VaultId([0xac; 16])));
        let later = name.clone().next();
        assert!(later.to_string() > name.to_string() && later > name);
    }

    #[test]
    fn odd_names_of_vaults_make_names_that_are_read_back() {
        for path in [
            "/drive/a.b.c.keyfold",
            "/drive/.hidden",
            "/drive/two\nlines",
            "/drive/a:b?.keyfold",
            "/drive/ö.keyfold",
            "/",
            "/drive/....",
        ] {
            let name = BackupName::new(Path::new(path), VAULT, NOW);
            assert_eq!(parse(&name.to_string()), Some(name), "{path}");
        }
        let long = format!("/drive/{}.keyfold", "ö".repeat(200));
        let name = BackupName::new(Path::new(&long), VAULT, NOW);
        assert!(name.to_string().len() < 160, "{name}");
        assert_eq!(parse(&name.to_string()), Some(name));
    }

    #[test]
    fn whatever_else_a_file_is_called_it_is_no_backup() {
        for text in [
            "vault.keyfold",
            "vault.20261123T152649Z.abababab.keyfold-backup.tmp",
            "vault.20261123T152649Z.abababab.keyfold-backup (1)",
            "vault.20261123T152649Z.abababab (1).keyfold-backup",
            "vault.20261123T152649Z.ABABABAB.keyfold-backup",
            "vault.20261123T152649Z.ababab.keyfold-backup",
            "vault.20261123T152649z.abababab.keyfold-backup",
            "vault.20261123T152649.abababab.keyfold-backup",
            "vault.20261123T152669Z.abababab.keyfold-backup",
            "vault.20261323T152649Z.abababab.keyfold-backup",
            "vault.20260230T152649Z.abababab.keyfold-backup",
            "vault.2026112+T152649Z.abababab.keyfold-backup",
            "vault.19691231T235959Z.abababab.keyfold-backup",
            "20261123T152649Z.abababab.keyfold-backup",
            ".20261123T152649Z.abababab.keyfold-backup",
            ".vault.20261123T152649Z.abababab.keyfold-backup",
            "a:b.20261123T152649Z.abababab.keyfold-backup",
            "a\u{1b}b.20261123T152649Z.abababab.keyfold-backup",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn no_drive_calls_a_conflict_copy_so() {
        let name = BackupName::new(Path::new("/drive/vault.keyfold"), VAULT, NOW).to_string();
        assert_eq!(
            recognise(OsStr::new("vault.keyfold"), OsStr::new(&name)),
            None
        );
    }
}
