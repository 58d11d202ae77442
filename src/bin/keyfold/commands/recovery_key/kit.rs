//! `recovery-key kit`: the emergency kit, one page to print that says how to come in again.

use super::proven;
use crate::context::Context;
use crate::failure::Failure;
use crate::paper::{self, Page, Shape};
use keyfold::secret::Secret;
use keyfold::vault::Vault;
use serde::Serialize;
use std::path::Path;

/// What a page calls a vault.
pub(crate) struct Named {
    pub(crate) path: String,
    pub(crate) id: String,
}

impl Named {
    pub(crate) fn of(vault: &Vault) -> Self {
        Self {
            path: vault.path().display().to_string(),
            id: vault.id().to_string(),
        }
    }
}

/// Writes the kit of the key that somebody has, once it is proven to open the vault.
pub(super) fn of_known(context: &mut Context, path: &Path) -> Result<(), Failure> {
    refuse_taken(context, path)?;
    let (key, vault) = proven(context)?;
    write(context, path, &vault, &key.to_text())?;
    tell(context, path);
    if context.output.json {
        #[derive(Serialize)]
        struct Written {
            schema: u32,
            kit: String,
        }
        return context.output.json(&Written {
            schema: 1,
            kit: path.display().to_string(),
        });
    }
    Ok(())
}

/// Fails where the page could not be written, before anything is made for it.
pub(crate) fn refuse_taken(context: &Context, path: &Path) -> Result<(), Failure> {
    paper::Kind::of(path)?;
    if context.storage.stamp(path)?.is_some() {
        return Err(Failure::failed(format!(
            "{} is there already",
            path.display()
        )));
    }
    Ok(())
}

/// Writes the page.
pub(crate) fn write(
    context: &Context,
    path: &Path,
    vault: &Named,
    key: &Secret,
) -> Result<(), Failure> {
    let today: String = context.now().to_rfc3339().chars().take(10).collect();
    let page = Page {
        title: "Emergency kit of a keyfold vault",
        lead: "With this page and the vault file you come in again when the master password is gone. So does whoever else has \
               both: keep the page where you keep papers that matter, away from your devices, and not as a file."
            .to_owned(),
        facts: vec![
            ("Vault", vault.path.clone()),
            ("Vault id", vault.id.clone()),
            ("Made", today),
            ("Recovery key", "the six groups in the frame; as a QR code too".to_owned()),
        ],
        secret: key,
        shape: Shape::Groups,
        steps: vec![
            "Get keyfold, any version from 0.1 on, and the vault file from your drive or another device. Of a backup, keyfold backup restore BACKUP --replace-into FILE makes one.".to_owned(),
            "Run: keyfold --vault FILE --recovery-key-file - passwd".to_owned(),
            "Type the recovery key where it asks. Small letters and spaces do no harm, and 0, 1, 8 are taken for O, I, B.".to_owned(),
            "Choose a new master password. The page stays valid until keyfold recovery-key make or keyfold rekey makes another.".to_owned(),
            "Once a year: keyfold recovery-key test proves that this page still opens the vault, and changes nothing.".to_owned(),
        ],
    };
    paper::write(context, path, &page)
}

/// Says where the page is and what to do with it.
pub(crate) fn tell(context: &Context, path: &Path) {
    context.output.note(&format!(
        "The emergency kit is in {}, in clear: print it, then delete the file.",
        path.display()
    ));
}
