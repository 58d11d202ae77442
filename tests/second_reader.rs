//! Vaults made with the library on the real disk, read by the second reader: the Python in `tests/second_reader`, which was
//! written from vault-format.md alone. Both must find the same records, the same damage and the same meaning.
//!
//! Run with `cargo test --test second_reader -- --ignored`, after `pip install -r tests/second_reader/requirements.txt`.
#![allow(clippy::unwrap_used, reason = "a test may stop")]

mod exported;
mod scene;

use exported::exported;
use keyfold::crypto::kdf::{KdfCost, PlainMemory};
use keyfold::crypto::slot::KeyFile;
use keyfold::model::draft::{Draft, DraftValue, FieldName};
use keyfold::model::field::{self, FieldKind, ItemKind};
use keyfold::model::ids::{FieldId, ItemId};
use keyfold::model::moment::Moment;
use keyfold::secret::Secret;
use keyfold::state::change::{ChangeError, Edit, Mark, Plan};
use keyfold::state::view::Life;
use keyfold::storage::RealStorage;
use keyfold::vault::{
    Credential, NewSecret, NewVault, Places, Replacement, Vault, VaultError, create, locate,
};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use scene::{later, login};
use serde_json::Value as Json;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

const KEY_FILE: &[u8] = b"\x00any file\xff";
const HOTP: &str = "otpauth://hotp/Bank:me?secret=GEZDGNBVGY3TQOJQ&issuer=Bank&counter=5";

/// Something that opens a vault, for both programs.
#[derive(Clone, Copy)]
enum Way {
    Password(&'static str),
    Both(&'static str),
    /// The recovery key made from this seed.
    Recovery(u64),
}

impl Way {
    fn credential(self) -> Credential {
        let secret = |text: &str| Secret::new(text.to_owned());
        match self {
            Self::Password(text) => Credential::Password {
                password: secret(text),
                key_file: None,
            },
            Self::Both(text) => Credential::Password {
                password: secret(text),
                key_file: KeyFile::from_content(KEY_FILE),
            },
            Self::Recovery(seed) => scene::recovery(seed),
        }
    }
}

/// A folder with a vault file and the state of some devices.
struct Bench {
    folder: PathBuf,
    rng: StdRng,
    /// Seconds since the scene began; each step is later than the one before.
    seconds: u64,
}

impl Bench {
    fn new(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join("second_reader")
            .join(name);
        if folder.exists() {
            std::fs::remove_dir_all(&folder).unwrap();
        }
        std::fs::create_dir_all(&folder).unwrap();
        Self {
            folder,
            rng: StdRng::seed_from_u64(7),
            seconds: 0,
        }
    }

    fn places(&self, device: &str) -> Places {
        Places {
            vault_file: self.folder.join("vault.keyfold"),
            state_folder: self.folder.join(device),
        }
    }

    fn file(&self) -> PathBuf {
        self.places("").vault_file
    }

    fn now(&mut self) -> Moment {
        self.seconds += 1;
        later(self.seconds)
    }

    fn secret(&mut self, way: Way) -> NewSecret {
        NewSecret::make(
            &way.credential(),
            KdfCost::FLOOR,
            "way",
            &mut PlainMemory,
            &mut self.rng,
        )
        .unwrap()
    }

    fn create(&mut self, ways: &[Way]) -> Vault {
        let new = NewVault {
            secrets: ways.iter().map(|way| self.secret(*way)).collect(),
            device_name: "laptop \u{e9}".to_owned(),
        };
        let now = self.now();
        create(
            Arc::new(RealStorage),
            &self.places("laptop"),
            new,
            now,
            &mut self.rng,
        )
        .unwrap()
    }

    fn open(&mut self, device: &str, way: Way) -> Result<Vault, VaultError> {
        let now = self.now();
        let located = locate(Arc::new(RealStorage), &self.places(device))?;
        let (keys, slot) = located.unlock(&way.credential(), &mut PlainMemory)?;
        located.open(keys, Some(slot), device, now, &mut self.rng)
    }

    fn add(&mut self, vault: &mut Vault, draft: Draft) -> ItemId {
        let now = self.now();
        vault
            .update(now, &mut self.rng, |plan, rng| Ok(plan.add(draft, rng)))
            .unwrap()
    }

    fn edit(&mut self, vault: &mut Vault, item: ItemId, edits: Vec<Edit>) {
        let now = self.now();
        vault
            .update(now, &mut self.rng, |plan, rng| plan.edit(item, edits, rng))
            .unwrap();
    }

    fn set_life(&mut self, vault: &mut Vault, item: ItemId, life: Life) {
        let now = self.now();
        vault
            .update(now, &mut self.rng, |plan, _| plan.set_life(item, life))
            .unwrap();
    }

    fn change(
        &mut self,
        vault: &mut Vault,
        wish: impl FnOnce(&mut Plan<'_>) -> Result<(), ChangeError>,
    ) {
        let now = self.now();
        vault
            .update(now, &mut self.rng, |plan, _| wish(plan))
            .unwrap();
    }

    fn compact(&mut self, vault: &mut Vault) {
        let now = self.now();
        vault.compact(now, &mut self.rng).unwrap();
    }

    /// What the second reader prints, or what it complains of.
    fn second(&self, way: Way, command: &str) -> Result<String, String> {
        let script =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/second_reader/keyfold_reader.py");
        let hand = |name: &str, content: &[u8]| {
            let path = self.folder.join(name);
            std::fs::write(&path, content).unwrap();
            path
        };
        let mut python = Command::new("python3");
        python.arg("-B").arg(script).arg(self.file()).arg(command);
        match way {
            Way::Password(text) => {
                python
                    .arg("--password-file")
                    .arg(hand("password", text.as_bytes()));
            }
            Way::Both(text) => {
                python
                    .arg("--password-file")
                    .arg(hand("password", text.as_bytes()));
                python.arg("--key-file").arg(hand("key", KEY_FILE));
            }
            Way::Recovery(_) => {
                let Credential::RecoveryKey(key) = way.credential() else {
                    unreachable!("a recovery key")
                };
                let text = key.to_text();
                python
                    .arg("--recovery-key-file")
                    .arg(hand("recovery", text.expose().as_bytes()));
            }
        }
        let out = python.output().unwrap();
        let (good, bad) = (
            String::from_utf8(out.stdout).unwrap(),
            String::from_utf8(out.stderr).unwrap(),
        );
        assert!(!bad.contains("Traceback"), "{bad}");
        if out.status.success() {
            Ok(good)
        } else {
            Err(bad)
        }
    }

    fn second_json(&self, way: Way, command: &str) -> Json {
        serde_json::from_str(&self.second(way, command).unwrap()).unwrap()
    }

    /// Both programs must say the same of the vault file.
    fn compare(&self, vault: &Vault, ways: &[Way]) {
        for way in ways {
            assert_eq!(check_of(vault), numbers(&self.second_json(*way, "check")));
            let second = self.second(*way, "export").unwrap();
            assert_eq!(exported(vault), second);
        }
    }

    fn bend(&self, change: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = std::fs::read(self.file()).unwrap();
        change(&mut bytes);
        std::fs::write(self.file(), bytes).unwrap();
    }
}

/// What a check counts.
#[derive(PartialEq, Eq, Debug)]
struct Numbers {
    /// Frames of a file without damage; the page does not say what is one in a file that has some.
    frames: Option<u64>,
    records: u64,
    unknown: u64,
    forged_slots: u64,
    damage: Vec<(u64, u64)>,
}

fn check_of(vault: &Vault) -> Numbers {
    let report = vault.check().unwrap();
    assert_eq!(report.unusable, None);
    let number = |count: usize| u64::try_from(count).unwrap();
    let is_whole = report.damage.is_empty() && report.forged_slots == 0;
    Numbers {
        frames: is_whole.then(|| number(report.frames)),
        records: number(report.records),
        unknown: number(report.unknown),
        forged_slots: number(report.forged_slots),
        damage: report
            .damage
            .iter()
            .map(|found| (found.offset, found.length))
            .collect(),
    }
}

fn numbers(report: &Json) -> Numbers {
    let number = |found: &Json| found.as_u64().unwrap();
    let damage = report["damage"].as_array().unwrap();
    let is_whole = damage.is_empty() && report["forged_slots"] == 0;
    Numbers {
        frames: is_whole.then(|| number(&report["frames"])),
        records: number(&report["records"]),
        unknown: number(&report["unknown"]),
        forged_slots: number(&report["forged_slots"]),
        damage: damage
            .iter()
            .map(|found| (number(&found["offset"]), number(&found["length"])))
            .collect(),
    }
}

fn set(number: u8, text: &str) -> Edit {
    let kind = field::standard_field(number).unwrap().1;
    Edit::Set(
        FieldName::Standard(number),
        kind,
        DraftValue::new(kind, text.to_owned()),
    )
}

fn set_custom(name: &str, kind: FieldKind, text: &str) -> Edit {
    Edit::Set(
        FieldName::Custom(name.to_owned()),
        kind,
        DraftValue::new(kind, text.to_owned()),
    )
}

/// An item with something of everything.
fn rich() -> Draft {
    let mut draft = Draft {
        kind: ItemKind::Card,
        title: "a/b \\ \"c\"\t\u{1}\u{7f}\u{2028} \u{1f511}".to_owned(),
        folder: "work/x\\/y".to_owned(),
        favourite: true,
        origin: Some("bitwarden:1".to_owned()),
        urls: vec![
            "https://b.example".to_owned(),
            "https://a.example".to_owned(),
        ],
        tags: vec!["z".to_owned(), "\u{e9}".to_owned(), "Z".to_owned()],
        ..Draft::default()
    };
    draft.push_standard(field::OTP, HOTP.to_owned());
    draft.push_standard(field::NOTES, "long\n".repeat(400));
    draft.push_custom("same", FieldKind::Text, "1".to_owned());
    draft.push_custom("same", FieldKind::Secret, "2".to_owned());
    draft.push_custom("empty", FieldKind::Secret, String::new());
    draft.push_custom("date", FieldKind::Date, "2026-02".to_owned());
    draft.push_custom("", FieldKind::Multiline, "no name".to_owned());
    draft
}

#[test]
#[ignore = "needs python3 with argon2-cffi and cryptography"]
fn every_kind_of_slot_opens_in_both() {
    let mut bench = Bench::new("slots");
    let ways = [
        Way::Password("caf\u{e9} horse"),
        Way::Both("with a file"),
        Way::Recovery(3),
    ];
    let mut vault = bench.create(&ways);
    bench.add(&mut vault, login("mail", "hunter2"));
    bench.compare(&vault, &ways);
    // Another normal form of the same password.
    bench.compare(&vault, &[Way::Password("cafe\u{301} horse")]);
    for wrong in [
        Way::Password("cafe horse"),
        Way::Password("with a file"),
        Way::Recovery(4),
    ] {
        assert!(
            bench
                .second(wrong, "check")
                .unwrap_err()
                .contains("no slot opens")
        );
    }
}

#[test]
#[ignore = "needs python3 with argon2-cffi and cryptography"]
fn everything_an_item_can_have_means_the_same_grown_and_packed() {
    let mut bench = Bench::new("rich");
    let way = Way::Recovery(1);
    let mut vault = bench.create(&[way]);
    let item = bench.add(&mut vault, rich());
    let mail = bench.add(&mut vault, login("mail", "one"));
    for count in [7, 9] {
        bench.edit(
            &mut vault,
            item,
            vec![Edit::Count(FieldId::Standard(field::OTP), count)],
        );
    }
    let seed = vault
        .state()
        .item(item)
        .unwrap()
        .field(FieldId::Standard(field::OTP))
        .unwrap()
        .current
        .dot;
    for text in ["two", "three"] {
        bench.edit(
            &mut vault,
            mail,
            vec![
                set(field::PASSWORD, text),
                Edit::AddTag(text.to_owned()),
                Edit::AddUrl(format!("https://{text}.example")),
            ],
        );
    }
    bench.edit(
        &mut vault,
        mail,
        vec![
            Edit::RemoveTag("two".to_owned()),
            Edit::RemoveUrl("https://example.com".to_owned()),
            Edit::Move {
                folder: "x".to_owned(),
                title: "mail/2".to_owned(),
            },
            Edit::Favourite(Mark::Favourite),
            set_custom("pin", FieldKind::Secret, "1234"),
        ],
    );
    bench.edit(
        &mut vault,
        mail,
        vec![Edit::Remove(FieldName::Custom("pin".to_owned()))],
    );
    bench.edit(
        &mut vault,
        item,
        vec![set(field::OTP, "otpauth://totp/x?secret=GEZDGNBVGY3TQOJQ")],
    );
    bench.compare(&vault, &[way]);
    // A former seed comes back with its counter.
    bench.edit(
        &mut vault,
        item,
        vec![Edit::Restore(FieldId::Standard(field::OTP), seed)],
    );
    let gone = bench.add(&mut vault, login("gone", "x"));
    bench.set_life(&mut vault, gone, Life::Trashed);
    bench.compare(&vault, &[way]);
    let last = vault.undoable_records()[0];
    let now = bench.now();
    vault
        .update(now, &mut bench.rng, |plan, _| plan.undo(last))
        .unwrap();
    bench.compare(&vault, &[way]);
    let grown = bench.second(way, "export").unwrap();
    assert!(grown.contains("\"counter\": 9"), "{grown}");
    bench.compact(&mut vault);
    bench.compare(&vault, &[way]);
    assert_eq!(bench.second(way, "export").unwrap(), grown);
}

#[test]
#[ignore = "needs python3 with argon2-cffi and cryptography"]
fn many_items_in_many_packs_mean_the_same() {
    let mut bench = Bench::new("many");
    let way = Way::Recovery(1);
    let mut vault = bench.create(&[way]);
    let now = bench.now();
    vault
        .update(now, &mut bench.rng, |plan, rng| {
            for number in 0..300 {
                plan.add(login(&format!("item {number}"), "x"), rng);
            }
            Ok(())
        })
        .unwrap();
    for number in 0..60 {
        let mut draft = login(&format!("long {number}"), "x");
        draft.push_standard(field::NOTES, "n".repeat(number * 50));
        bench.add(&mut vault, draft);
    }
    let mut huge = login("huge", "x");
    huge.push_standard(field::NOTES, "h".repeat(200_000));
    bench.add(&mut vault, huge);
    bench.compare(&vault, &[way]);
    bench.compact(&mut vault);
    bench.compare(&vault, &[way]);
}

#[test]
#[ignore = "needs python3 with argon2-cffi and cryptography"]
fn what_two_devices_wrote_apart_means_the_same() {
    let mut bench = Bench::new("apart");
    let way = Way::Recovery(1);
    let mut laptop = bench.create(&[way]);
    let items: Vec<ItemId> = ["a", "b", "c"]
        .iter()
        .map(|title| bench.add(&mut laptop, login(title, "old")))
        .collect();
    let fork = std::fs::read(bench.file()).unwrap();
    bench.edit(
        &mut laptop,
        items[0],
        vec![
            set(field::PASSWORD, "laptop"),
            set(field::USERNAME, "same"),
            Edit::RemoveTag("work".to_owned()),
        ],
    );
    bench.edit(
        &mut laptop,
        items[0],
        vec![Edit::Move {
            folder: String::new(),
            title: "laptop".to_owned(),
        }],
    );
    bench.edit(&mut laptop, items[1], vec![set(field::PASSWORD, "laptop")]);
    bench.set_life(&mut laptop, items[2], Life::Trashed);
    let behind = std::fs::read(bench.file()).unwrap();
    // The drive has nothing of it yet when the phone goes on.
    std::fs::write(bench.file(), fork).unwrap();
    drop(laptop);
    let mut phone = bench.open("phone", way).unwrap();
    bench.edit(
        &mut phone,
        items[0],
        vec![
            set(field::PASSWORD, "phone"),
            set(field::USERNAME, "same"),
            Edit::AddTag("work".to_owned()),
        ],
    );
    bench.edit(
        &mut phone,
        items[0],
        vec![Edit::Move {
            folder: "f".to_owned(),
            title: "phone".to_owned(),
        }],
    );
    bench.set_life(&mut phone, items[1], Life::Trashed);
    bench.edit(&mut phone, items[2], vec![set(field::PASSWORD, "phone")]);
    drop(phone);
    let laptop = bench.open("laptop", way).unwrap();
    bench.compare(&laptop, &[way]);
    let export = bench.second_json(way, "export");
    let conflicts = export["items"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|item| item["fields"].as_array().unwrap());
    assert_eq!(
        conflicts
            .filter(|field| field["conflicts"] != Json::Array(Vec::new()))
            .count(),
        2
    );
    drop(laptop);
    // Both halves side by side, as a drive that joins files would leave them.
    bench.bend(|bytes| bytes.extend_from_slice(&behind));
    let mut tablet = bench.open("tablet", way).unwrap();
    bench.compare(&tablet, &[way]);
    bench.compact(&mut tablet);
    bench.compare(&tablet, &[way]);
    // Decided, and that taken back; a device is renamed and retired.
    let open = tablet.state().conflicts();
    assert!(open.len() > 2, "fields and lives");
    for (conflict, taken) in open.iter().zip([1, 0].into_iter().cycle()) {
        bench.change(&mut tablet, |plan| plan.resolve(conflict, taken));
    }
    bench.compare(&tablet, &[way]);
    for record in tablet.undoable_records() {
        bench.change(&mut tablet, |plan| plan.undo(record));
        bench.compare(&tablet, &[way]);
    }
    let phone = open[0].values[0].device;
    for name in ["pocket", ""] {
        bench.change(&mut tablet, |plan| {
            plan.push(plan.state().plan_device_name(phone, name));
            Ok(())
        });
        bench.compare(&tablet, &[way]);
    }
}

#[test]
#[ignore = "needs python3 with argon2-cffi and cryptography"]
fn random_histories_of_two_devices_mean_the_same() {
    let way = Way::Recovery(1);
    for seed in 0..6 {
        let mut bench = Bench::new(&format!("random {seed}"));
        drop(bench.create(&[way]));
        let mut dice = StdRng::seed_from_u64(seed);
        let mut items = Vec::new();
        for _ in 0..8 {
            let device = ["laptop", "phone"][dice.random_range(0..2)];
            let before = std::fs::read(bench.file()).unwrap();
            let mut vault = bench.open(device, way).unwrap();
            for _ in 0..dice.random_range(1..5) {
                random_step(&mut bench, &mut vault, &mut items, &mut dice);
            }
            drop(vault);
            // Now and then the drive loses what was written; the device that wrote it brings it back.
            if dice.random_range(0..3) == 0 {
                std::fs::write(bench.file(), before).unwrap();
            }
        }
        drop(bench.open("laptop", way).unwrap());
        drop(bench.open("phone", way).unwrap());
        let vault = bench.open("laptop", way).unwrap();
        bench.compare(&vault, &[way]);
    }
}

fn random_step(bench: &mut Bench, vault: &mut Vault, items: &mut Vec<ItemId>, dice: &mut StdRng) {
    let known: Vec<ItemId> = items
        .iter()
        .copied()
        .filter(|id| vault.state().item(*id).is_some())
        .collect();
    if known.is_empty() || dice.random_range(0..6) == 0 {
        items.push(bench.add(
            vault,
            if dice.random_range(0..2) == 0 {
                rich()
            } else {
                login("mail", "x")
            },
        ));
        return;
    }
    let item = known[dice.random_range(0..known.len())];
    let text = format!("v{}", dice.random_range(0..4));
    match dice.random_range(0..11) {
        0 => bench.set_life(vault, item, Life::Trashed),
        1 => bench.set_life(vault, item, Life::Alive),
        2 => bench.edit(vault, item, vec![Edit::AddTag(text)]),
        3 => bench.edit(vault, item, vec![Edit::AddUrl(text)]),
        4 => bench.edit(vault, item, vec![set(field::USERNAME, &text)]),
        5 => bench.edit(
            vault,
            item,
            vec![set_custom("own", FieldKind::Secret, &text)],
        ),
        6 => {
            let tags = vault.state().item(item).unwrap().tags;
            bench.edit(vault, item, tags.into_iter().map(Edit::RemoveTag).collect());
        }
        7 => {
            let now = bench.now();
            if let Some(last) = vault.undoable_records().first().copied() {
                // What cannot be undone stays as it is.
                let _ = vault.update(now, &mut bench.rng, |plan, _| plan.undo(last));
            }
        }
        8 => {
            let now = bench.now();
            vault
                .update(now, &mut bench.rng, |plan, _| {
                    plan.prune_history(item);
                    Ok(())
                })
                .unwrap();
        }
        9 => {
            let now = bench.now();
            vault
                .update(now, &mut bench.rng, |plan, _| {
                    plan.purge(item);
                    Ok(())
                })
                .unwrap();
        }
        _ => bench.edit(vault, item, vec![set(field::PASSWORD, &text)]),
    }
}

#[test]
#[ignore = "needs python3 with argon2-cffi and cryptography"]
fn damage_is_found_in_the_same_places() {
    let mut bench = Bench::new("damage");
    let way = Way::Recovery(1);
    let mut vault = bench.create(&[way]);
    for number in 0..12 {
        let mut draft = login(&format!("i{number}"), "x");
        draft.push_standard(field::NOTES, "n".repeat(number % 4 * 2000));
        bench.add(&mut vault, draft);
    }
    drop(vault);
    let whole = std::fs::read(bench.file()).unwrap();
    let mut dice = StdRng::seed_from_u64(5);
    for round in 0..40 {
        std::fs::write(bench.file(), &whole).unwrap();
        bench.bend(|bytes| match round % 4 {
            0 => {
                for _ in 0..3 {
                    let at = dice.random_range(2048..bytes.len());
                    bytes[at] ^= 1 << dice.random_range(0..8);
                }
            }
            1 => bytes.truncate(dice.random_range(2048..whole.len())),
            2 => {
                // A stretch that was never written.
                let at = dice.random_range(2..bytes.len() / 1024) * 1024;
                let end = (at + dice.random_range(1..4000)).min(bytes.len());
                bytes[at..end].fill(0);
            }
            _ => {
                // Blocks in another order.
                let at = |dice: &mut StdRng| dice.random_range(2..whole.len() / 1024) * 1024;
                let (from, to) = (at(&mut dice), at(&mut dice));
                bytes.copy_within(from..from + 1024, to);
                bytes.extend_from_slice(&whole[from..from + 700]);
            }
        });
        // Each time a device that has no replica yet, so that nothing is healed.
        let device = format!("reader {round}");
        let before = std::fs::read(bench.file()).unwrap();
        let vault = bench.open(&device, way).unwrap();
        assert_eq!(
            std::fs::read(bench.file()).unwrap(),
            before,
            "round {round}"
        );
        bench.compare(&vault, &[way]);
    }
}

#[test]
#[ignore = "needs python3 with argon2-cffi and cryptography"]
fn what_was_purged_is_gone_for_both() {
    let mut bench = Bench::new("purged");
    let way = Way::Recovery(1);
    let mut vault = bench.create(&[way]);
    let item = bench.add(&mut vault, login("mail", "one"));
    let gone = bench.add(&mut vault, login("gone", "purged-secret"));
    bench.edit(
        &mut vault,
        item,
        vec![set(field::PASSWORD, "two"), set(field::USERNAME, "you")],
    );
    bench.set_life(&mut vault, gone, Life::Trashed);
    let now = bench.now();
    vault
        .update(now, &mut bench.rng, |plan, _| {
            plan.purge(gone);
            plan.prune_history(item);
            Ok(())
        })
        .unwrap();
    bench.compare(&vault, &[way]);
    bench.compact(&mut vault);
    bench.compare(&vault, &[way]);
    let export = bench.second_json(way, "export");
    assert_eq!(export["items"].as_array().unwrap().len(), 1);
    assert_eq!(export["items"][0]["history"], Json::Array(Vec::new()));
}

#[test]
#[ignore = "needs python3 with argon2-cffi and cryptography"]
fn a_changed_password_and_a_new_key_shut_the_same_people_out() {
    let mut bench = Bench::new("rekeyed");
    let (old, new, newest) = (
        Way::Password("old"),
        Way::Password("new"),
        Way::Both("newest"),
    );
    let mut vault = bench.create(&[old, Way::Recovery(1)]);
    bench.add(&mut vault, login("mail", "one"));
    let former = std::fs::read(bench.file()).unwrap();
    let slot = vault
        .slot_rows()
        .iter()
        .find(|row| row.in_use)
        .or(vault.slot_rows().first())
        .unwrap()
        .id;
    let (secret, now) = (bench.secret(new), bench.now());
    vault
        .replace_slot(slot, secret, now, &mut bench.rng)
        .unwrap();
    bench.compare(&vault, &[new, Way::Recovery(1)]);
    assert!(bench.second(old, "check").is_err());
    // The old slot's frame comes back: a copy from before, joined on.
    let kept = std::fs::read(bench.file()).unwrap();
    bench.bend(|bytes| bytes.extend_from_slice(&former));
    assert!(bench.second(old, "check").unwrap_err().contains("retired"));
    std::fs::write(bench.file(), &kept).unwrap();
    let (secret, now) = (bench.secret(newest), bench.now());
    vault
        .rekey(
            Replacement {
                secrets: vec![secret],
            },
            now,
            &mut bench.rng,
        )
        .unwrap();
    bench.compare(&vault, &[newest]);
    bench.add(&mut vault, login("later", "two"));
    bench.compare(&vault, &[newest]);
    for shut in [old, new, Way::Recovery(1)] {
        assert!(bench.second(shut, "check").is_err());
    }
    bench.compact(&mut vault);
    bench.compare(&vault, &[newest]);
    drop(vault);
    // The former vault joined on: its frames do not count.
    bench.bend(|bytes| bytes.extend_from_slice(&kept));
    let before = std::fs::read(bench.file()).unwrap();
    let vault = bench.open("phone", newest).unwrap();
    if std::fs::read(bench.file()).unwrap() == before {
        bench.compare(&vault, &[newest]);
    }
}
