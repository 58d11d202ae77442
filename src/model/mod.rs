//! What an item is, apart from how it is stored: identifiers, times, kinds of item and field, drafts, summaries.
//!
//! Nothing here knows of records, keys or files.

pub mod draft;
pub mod field;
pub mod file_name;
pub mod ids;
pub mod index;
pub mod item;
pub mod look_alike;
pub mod moment;
pub mod origin;
pub mod query;
pub mod reference;
pub mod search;
pub mod when;
