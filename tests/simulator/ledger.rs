//! What the world must not forget: every acknowledged record, every value that somebody wrote, every frame that ever lay
//! on a disk, every secret.

use super::failure::{Failure, fail};
use keyfold::crypto::keys::Keys;
use keyfold::crypto::seal::open_frame;
use keyfold::crypto::slot::UnverifiedSlot;
use keyfold::log::frame::{FrameKind, HEADER_LENGTH, NONCE_LENGTH, parse_header};
use keyfold::model::ids::{FieldId, ItemId, KeyId, RecordId};
use keyfold::state::op::Tag;
use keyfold::state::view::Value;
use keyfold::vault::Vault;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

const BLOCK: usize = 1024;

/// Texts that were written, each once, so that each tells where it comes from.
#[derive(Default)]
pub(crate) struct Values {
    made: HashSet<String>,
}

impl Values {
    pub(crate) fn make(&mut self, prefix: &str) -> String {
        let text = format!("{prefix}{}", self.made.len());
        self.made.insert(text.clone());
        text
    }

    fn knows(&self, text: &str) -> bool {
        // The kind of an item, and what is not there.
        text.is_empty() || text == "login" || self.made.contains(text)
    }
}

/// What stays of an operation whatever is erased and however often it is sealed again.
type Outline = (Tag, Option<ItemId>, Option<FieldId>);

pub(crate) struct Ledger {
    /// Every secret that was ever made, oldest first.
    pub(crate) secrets: Vec<u64>,
    pub(crate) values: Values,
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
            let plain = item
                .tags
                .iter()
                .chain(item.urls.iter().map(|url| &url.address));
            for text in plain.filter(|text| !self.values.knows(text)) {
                return fail("value", format!("nobody wrote {text:?}"));
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
        if !self.values.knows(secret.expose()) {
            return fail("value", format!("nobody wrote {:?}", secret.expose()));
        }
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

fn outline(vault: &Vault, id: RecordId) -> Vec<Outline> {
    let operations = vault.state().record_operations(id).map(|record| record.1);
    let operations = operations.into_iter().flatten();
    operations
        .map(|operation| (operation.tag, operation.item, operation.field))
        .collect()
}
