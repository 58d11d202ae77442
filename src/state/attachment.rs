//! Files that are attached to items: what they are called and how long they are. Their pieces lie in chunks
//! (vault-format.md, section 5.2), which only [`crate::vault`] reads.

use super::codec;
use super::fold::State;
use super::op::{ChunkName, Tag};
use super::runs::Folded;
use crate::model::ids::{DeviceId, Dot, FieldId, ItemId, RecordId};
use crate::model::moment::Moment;
use serde::{Deserialize, Serialize};

/// A file of an item. Files that devices attached apart in one place each show.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AttachmentView {
    /// Which register.
    pub id: FieldId,
    /// The operation that attached it.
    pub dot: Dot,
    /// What it is called: any text, from any device.
    pub name: String,
    /// Bytes.
    pub length: u64,
    /// How many chunks it lies in.
    pub pieces: usize,
    /// When it was attached.
    pub attached: Moment,
    /// By which device.
    pub device: DeviceId,
}

impl State {
    /// The names of the chunks that a file lies in, in their order; `None` where nothing of it is left.
    #[must_use]
    pub fn pieces_of(&self, item: ItemId, dot: Dot) -> Option<Vec<ChunkName>> {
        let operations = self.operations_of(item);
        let meant = |operation: &&Folded<'_>| {
            operation.tag == Tag::ATTACHMENT && self.dot_of(operation) == dot
        };
        let found = operations.iter().find(meant)?;
        (!self.is_erased(found)).then(|| self.chunk_names_of(found))
    }

    /// The names of all chunks that operations of a record refer to and no ERASE took.
    #[must_use]
    pub fn chunks_of_record(&self, id: RecordId) -> Vec<ChunkName> {
        let Some((_, operations)) = self.record_operations(id) else {
            return Vec::new();
        };
        let mut names: Vec<ChunkName> = operations
            .into_iter()
            .flat_map(|operation| operation.chunks)
            .collect();
        names.retain(|name| !self.is_chunk_erased(name));
        names
    }

    pub(super) fn attachment_view(&self, operation: &Folded<'_>) -> Option<AttachmentView> {
        let id @ FieldId::Custom(_) = operation.field? else {
            return None;
        };
        let body = codec::parse_attachment(operation.body)?;
        let head = self.record_of(operation);
        Some(AttachmentView {
            id,
            dot: self.dot_of(operation),
            name: body.name.to_owned(),
            length: body.length,
            pieces: self.chunk_names_of(operation).len(),
            attached: head.clock.moment(),
            device: head.device,
        })
    }
}
