//! What the world must not forget: every acknowledged record, every value that somebody wrote, every frame that ever lay
//! on a disk, every secret.

use super::device::{Key, key_of};
use super::edits::content_of;
use super::failure::{Failure, fail};
use keyfold::crypto::keys::Keys;
use keyfold::crypto::seal::open_frame;
use keyfold::crypto::slot::UnverifiedSlot;
use keyfold::log::frame::{FrameKind, HEADER_LENGTH, NONCE_LENGTH, parse_header};
use keyfold::model::ids::{FieldId, ItemId, KeyId, RecordId};
use keyfold::state::attachment::AttachmentView;
use keyfold::state::op::Tag;
use keyfold::state::view::Value;
use keyfold::vault::Vault;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;

const BLOCK: usize = 1024;

/// Texts that were written, each once and numbered, so that each tells where it comes from.
#[derive(Default)]
pub(crate) struct Values(HashMap<String, usize>);

impl Values {
    pub(crate) fn make(&mut self, prefix: &str) -> String {
        let number = self.0.len();
        let text = format!("{prefix}{number}");
        self.0.insert(text.clone(), number);
        text
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// What stays of an operation whatever is erased and however often it is sealed again.
type Outline = (Tag, Option<ItemId>, Option<FieldId>);

/// What somebody with an old secret wrote.
#[derive(Default)]
pub(crate) struct Forgeries(Vec<Forged>);

pub(crate) struct Forged {
    /// The key that it was written under.
    pub(crate) key: Key,
    pub(crate) records: BTreeSet<RecordId>,
    /// Numbers of the values.
    pub(crate) values: Range<usize>,
    /// Whether somebody who could not know better took it along: it was written under the key that counted there.
    pub(crate) is_excused: bool,
}

impl Forgeries {
    pub(crate) fn add(&mut self, forgery: Forged) {
        self.0.push(forgery);
    }

    /// What this vault holds was written under its own key, or the user wanted it.
    pub(crate) fn excuse(&mut self, vault: &Vault) {
        for forgery in &mut self.0 {
            forgery.is_excused |= forgery.records.iter().any(|id| vault.state().contains(*id));
        }
    }

    fn forbids(&self, number: usize, key: &Key) -> bool {
        let by = self
            .0
            .iter()
            .find(|forgery| forgery.values.contains(&number));
        by.is_some_and(|forgery| !forgery.is_excused && forgery.key != *key)
    }
}

pub(crate) struct Ledger {
    /// Every secret that was ever made, oldest first.
    pub(crate) secrets: Vec<u64>,
    pub(crate) values: Values,
    pub(crate) forgeries: Forgeries,
    acknowledged: BTreeMap<RecordId, Vec<Outline>>,
    /// Every key that a secret opened.
    keys: BTreeMap<KeyId, Keys>,
    frames: HashMap<(KeyId, [u8; NONCE_LENGTH]), Vec<u8>>,
    sealed: HashMap<Vec<u8>, Vec<u8>>,
}

impl Ledger {
    pub(crate) fn new() -> Self {
        Self {
            secrets: Vec::new(),
            values: Values::default(),
            forgeries: Forgeries::default(),
            acknowledged: BTreeMap::new(),
            keys: BTreeMap::new(),
            frames: HashMap::new(),
            sealed: HashMap::new(),
        }
    }

    pub(crate) fn make_secret(&mut self) -> u64 {
        let next = self.secrets.last().map_or(1, |last| last + 1);
        self.secrets.push(next);
        next
    }

    pub(crate) fn acknowledge(&mut self, records: &BTreeSet<RecordId>, vault: &Vault) {
        for id in records {
            self.acknowledged.insert(*id, outline(vault, *id));
        }
    }

    /// Takes note of the frames of a file: no nonce seals two different texts under one key.
    pub(crate) fn note_frames(&mut self, file: &[u8]) -> Result<(), Failure> {
        for at in (0..file.len()).step_by(BLOCK) {
            let Some(header) = parse_header(&file[at..]) else {
                continue;
            };
            let Some(frame) = file.get(at..at + header.frame_length()) else {
                continue;
            };
            let name = (header.key, header.nonce);
            match self.frames.get(&name) {
                Some(held) if held == frame => {}
                // A drive may have broken either: only what authenticates was sealed.
                Some(held) if self.is_whole(held) => {
                    if self.is_whole(frame) {
                        return fail("nonce", format!("one nonce, two frames at {at}"));
                    }
                }
                _ => {
                    self.frames.insert(name, frame.to_vec());
                }
            }
        }
        Ok(())
    }

    pub(crate) fn is_acknowledged(&self, id: RecordId) -> bool {
        self.acknowledged.contains_key(&id)
    }

    /// Whether a record only makes and closes ways in, while there were several keys: under another key it means nothing.
    pub(crate) fn is_about_keys_alone(&self, id: RecordId) -> bool {
        let outline = self.acknowledged.get(&id);
        let is_about_items =
            outline.is_none_or(|outline| outline.iter().any(|(_, item, _)| item.is_some()));
        self.keys.len() > 1 && !is_about_items
    }

    pub(crate) fn knows_key(&self, id: KeyId) -> bool {
        self.keys.contains_key(&id)
    }

    pub(crate) fn note_key(&mut self, keys: Keys) {
        self.keys.insert(keys.id, keys);
    }

    fn is_whole(&self, frame: &[u8]) -> bool {
        let whole = parse_header(frame).and_then(|header| {
            let keys = self.keys.get(&header.key)?;
            let body = &frame[HEADER_LENGTH..];
            Some(match header.kind {
                FrameKind::Slot => UnverifiedSlot::parse(header, body)
                    .ok()?
                    .verify(keys)
                    .is_some(),
                _ => open_frame(keys, &header, body).is_ok(),
            })
        });
        whole == Some(true)
    }

    /// No value in sight that nobody wrote, none under a used nonce, no acknowledged record other than it was written.
    pub(crate) fn check(&mut self, vault: &Vault) -> Result<(), Failure> {
        let state = vault.state();
        for id in state.item_ids() {
            let Some(item) = state.item(id) else { continue };
            let heads = item.fields.iter().flat_map(|field| {
                let all = std::iter::once(&field.current).chain(&field.others);
                all.map(|view| (field.id, view.value.clone()))
            });
            let history = state.history(id);
            let former = history
                .into_iter()
                .map(|former| (former.id, former.value.value));
            for (field, value) in heads.chain(former) {
                self.check_value(vault, id, field, &value)?;
            }
            for text in item
                .tags
                .iter()
                .chain(item.urls.iter().map(|url| &url.address))
            {
                self.check_text(vault, text)?;
            }
            for file in &item.attachments {
                self.check_text(vault, &file.name)?;
                if content(vault, id, file).is_some_and(|read| read != content_of(&file.name)) {
                    return fail("file", format!("{} is not what was attached", file.name));
                }
            }
        }
        let known = self
            .acknowledged
            .iter()
            .filter(|(id, _)| state.contains(**id));
        for (id, written) in known {
            if outline(vault, *id) != *written {
                return fail(
                    "changed record",
                    format!("record {id} is not what was written"),
                );
            }
        }
        Ok(())
    }

    /// Every file that is attached can be read.
    pub(crate) fn check_files(&self, vault: &Vault, name: &str) -> Result<(), Failure> {
        let items = vault.state().item_ids().into_iter();
        for item in items.filter_map(|id| vault.state().item(id)) {
            for file in &item.attachments {
                if content(vault, item.id, file).is_none() {
                    return fail("file", format!("{} is not all there on {name}", file.name));
                }
            }
        }
        Ok(())
    }

    fn check_text(&self, vault: &Vault, text: &str) -> Result<(), Failure> {
        // The kind of an item, and what is not there.
        if text.is_empty() || text == "login" {
            return Ok(());
        }
        match self.values.0.get(text) {
            None => fail("value", format!("nobody wrote {text:?}")),
            Some(number) if self.forgeries.forbids(*number, &key_of(vault)) => {
                fail("forged", format!("{text:?} is shown"))
            }
            Some(_) => Ok(()),
        }
    }

    fn check_value(
        &mut self,
        vault: &Vault,
        item: ItemId,
        field: FieldId,
        value: &Value,
    ) -> Result<(), Failure> {
        let Some(secret) = vault.reveal(item, field, value) else {
            return fail("value", format!("a value of item {item} does not open"));
        };
        // EXPOSE: it is compared with what was written.
        self.check_text(vault, secret.expose())?;
        if let Value::Sealed(sealed) = value
            && let Some((nonce, body)) = sealed.split_first_chunk::<NONCE_LENGTH>()
        {
            let held = self
                .sealed
                .entry(nonce.to_vec())
                .or_insert_with(|| body.to_vec());
            if held != body {
                return fail("nonce", format!("one nonce, two values of item {item}"));
            }
        }
        Ok(())
    }
}

/// A file's content, if all its pieces are there.
fn content(vault: &Vault, item: ItemId, file: &AttachmentView) -> Option<Vec<u8>> {
    let pieces = (0..file.pieces).map(|number| vault.read_piece(item, file.dot, number).ok());
    let pieces: Option<Vec<_>> = pieces.collect();
    // EXPOSE: it is compared with what was attached.
    pieces.map(|pieces| {
        pieces
            .iter()
            .flat_map(|piece| piece.expose().iter().copied())
            .collect()
    })
}

fn outline(vault: &Vault, id: RecordId) -> Vec<Outline> {
    let operations = vault.state().record_operations(id).map(|record| record.1);
    let operations = operations.into_iter().flatten();
    operations
        .map(|operation| (operation.tag, operation.item, operation.field))
        .collect()
}
