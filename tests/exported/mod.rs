//! An open vault as the document of vault-format.md, section 8, for tests that hold it against other code.
#![allow(clippy::unwrap_used, reason = "a test may stop")]

use keyfold::exchange::native::write_document;
use keyfold::service::export::export;
use keyfold::vault::Vault;

/// What `export` writes of the whole vault, trash included.
pub(crate) fn exported(vault: &Vault) -> String {
    let document = export(vault, &|_| true).unwrap();
    String::from_utf8(write_document(&document).to_vec()).unwrap()
}
