//! The test vectors of vault-format.md, section 9: what other code made of the page, opened with the library.
//!
//! `tests/vectors/README.md` describes the files; `tests/second_reader/make_vectors.py` makes them.
#![allow(clippy::unwrap_used, reason = "a test may stop")]

mod exported;
mod scene;

use exported::exported;
use keyfold::crypto::kdf::PlainMemory;
use keyfold::crypto::recovery::RecoveryKey;
use keyfold::crypto::slot::KeyFile;
use keyfold::secret::Secret;
use keyfold::service::export::{ExportError, export};
use keyfold::storage::simulated::SimulatedStorage;
use keyfold::vault::{CheckReport, Credential, UnlockError, Vault, VaultError, locate};
use rand::SeedableRng;
use rand::rngs::StdRng;
use scene::{NOW, places};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// One file of `tests/vectors`.
struct Vector {
    name: String,
    head: Vec<(String, String)>,
    content: Vec<u8>,
}

impl Vector {
    fn parse(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap();
        let (head, hex) = text.split_once("\n\n").unwrap();
        Self {
            name: path.file_stem().unwrap().to_string_lossy().into_owned(),
            head: head.lines().map(parse_line).collect(),
            content: hex.lines().flat_map(parse_bytes).collect(),
        }
    }

    fn all(&self, key: &str) -> impl Iterator<Item = &str> {
        let lines = self.head.iter().filter(move |line| line.0 == key);
        lines.map(|line| line.1.as_str())
    }

    fn one(&self, key: &str) -> Option<&str> {
        self.all(key).next()
    }

    fn count(&self, key: &str) -> usize {
        self.one(key).map_or(0, |number| number.parse().unwrap())
    }

    /// Everything that the vector says may be tried; each alone must give what is expected.
    fn credentials(&self) -> Vec<Credential> {
        let secret = |text: &str| Secret::new(text.to_owned());
        let password = self.one("password").map(|password| Credential::Password {
            password: secret(password),
            key_file: self
                .one("key-file")
                .map(|hex| KeyFile::from_content(&parse_hex(hex)).unwrap()),
        });
        let recovery = self
            .one("recovery-key")
            .map(|key| Credential::RecoveryKey(RecoveryKey::parse(&secret(key)).unwrap()));
        password.into_iter().chain(recovery).collect()
    }

    /// What the library makes of it on a device that sees the vault for the first time.
    fn open(&self, credential: &Credential) -> Result<Vault, VaultError> {
        let storage = Arc::new(SimulatedStorage::new());
        storage.place(&places("a").vault_file, &self.content);
        let mut rng = StdRng::seed_from_u64(1);
        let located = locate(storage, &places("a"))?;
        let (keys, slot) = located.unlock(credential, &mut PlainMemory)?;
        located.open(keys, Some(slot), "reader", NOW, &mut rng)
    }

    /// What is wrong, in words; nothing where the library does as the vector says.
    fn disagreements(&self) -> Vec<String> {
        let mut found = Vec::new();
        for credential in self.credentials() {
            match self.open(&credential) {
                Err(error) => found.extend(differs(
                    "outcome",
                    self.one("expect"),
                    Some(outcome(&error)),
                )),
                Ok(vault) => {
                    found.extend(differs("outcome", self.one("expect"), Some("ok")));
                    if self.one("expect") == Some("ok") {
                        found.extend(self.misread(&vault));
                    }
                }
            }
        }
        found
            .iter()
            .map(|what| format!("{}: {what}", self.name))
            .collect()
    }

    fn misread(&self, vault: &Vault) -> Vec<String> {
        let report: CheckReport = vault.check().unwrap();
        let damage: Vec<String> = report
            .damage
            .iter()
            .map(|damage| format!("{} {}", damage.offset, damage.length))
            .collect();
        [
            differs("records", self.count("records"), report.records),
            differs("unknown", self.count("unknown"), report.unknown),
            differs(
                "forged slots",
                self.count("forged-slots"),
                report.forged_slots,
            ),
            differs(
                "damage",
                self.all("damage").collect::<Vec<_>>(),
                damage.iter().map(String::as_str).collect(),
            ),
            self.misexported(vault),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    fn misexported(&self, vault: &Vault) -> Option<String> {
        let refused = match export(vault, &|_| true) {
            Ok(_) => None,
            Err(ExportError::Unreadable { item, field }) => Some(format!("{item} {field}")),
        };
        match self.one("export") {
            Some(file) if refused.is_none() => {
                let wanted = std::fs::read_to_string(folder().join(file)).unwrap();
                first_difference(&wanted, &exported(vault))
            }
            _ => differs(
                "refused export",
                self.one("export-refused"),
                refused.as_deref(),
            ),
        }
    }
}

fn differs<T: PartialEq + std::fmt::Debug>(what: &str, wanted: T, found: T) -> Option<String> {
    (wanted != found).then(|| format!("{what}: the vector says {wanted:?}, the library {found:?}"))
}

/// Where two documents part, by line.
fn first_difference(wanted: &str, found: &str) -> Option<String> {
    let mut lines = wanted.split('\n').zip(found.split('\n'));
    let line = lines.find(|(wanted, found)| wanted != found);
    line.and_then(|(wanted, found)| differs("export", wanted.trim(), found.trim()))
        .or_else(|| differs("length of the export", wanted.len(), found.len()))
}

fn outcome(error: &VaultError) -> &'static str {
    match error {
        VaultError::Unlock(UnlockError::WrongSecret) => "wrong-secret",
        VaultError::Unlock(UnlockError::Retired { .. }) => "retired",
        VaultError::Unlock(UnlockError::SeveralKeys) => "several-keys",
        VaultError::Unlock(UnlockError::NoUsableSlot) => "no-usable-slot",
        VaultError::Unreadable { reason, .. } if reason.contains("newer") => "newer",
        VaultError::Unreadable { .. } => "not-a-vault",
        _ => "another error",
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors")
}

fn parse_line(line: &str) -> (String, String) {
    let (key, value) = line.split_once(": ").unwrap();
    (key.to_owned(), value.to_owned())
}

fn parse_bytes(line: &str) -> Vec<u8> {
    match line.strip_prefix("zeros ") {
        Some(count) => vec![0; count.parse().unwrap()],
        None => parse_hex(line),
    }
}

fn parse_hex(hex: &str) -> Vec<u8> {
    data_encoding::HEXLOWER.decode(hex.as_bytes()).unwrap()
}

fn vectors() -> Vec<Vector> {
    let entries = std::fs::read_dir(folder()).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "txt"));
    paths.sort();
    paths.iter().map(|path| Vector::parse(path)).collect()
}

#[test]
fn the_library_does_with_every_vector_what_the_vector_says() {
    let vectors = vectors();
    assert!(vectors.len() > 40, "only {} vectors", vectors.len());
    let found: Vec<String> = vectors.iter().flat_map(Vector::disagreements).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}
