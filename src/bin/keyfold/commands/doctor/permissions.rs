//! Who may read or change the vault file, this device's state and the configuration.

use super::{Finding, FindingKind, Scene, Severity};
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

const OTHERS_READ: u32 = 0o044;
const OTHERS_WRITE: u32 = 0o022;
/// In such a folder nobody removes the files of others.
const STICKY: u32 = 0o1000;

/// What must not be allowed to others.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Closed {
    /// Reading and writing.
    Fully,
    /// Writing: reading gives nothing away.
    AgainstChange,
}

pub(super) fn check(scene: &Scene) -> Vec<Finding> {
    let vault_file = &scene.places.vault_file;
    let mut found = Vec::new();
    found.extend(look(
        scene.user,
        vault_file,
        "the vault file",
        Closed::Fully,
    ));
    if let Some(folder) = vault_file.parent() {
        let what = "the vault's folder";
        found.extend(look(scene.user, folder, what, Closed::AgainstChange));
    }
    let state = &scene.places.state_folder;
    found.extend(look(
        scene.user,
        state,
        "this device's state",
        Closed::Fully,
    ));
    let what = "the configuration";
    found.extend(look(scene.user, &scene.config, what, Closed::AgainstChange));
    found
}

fn look(user: u32, path: &Path, what: &str, closed: Closed) -> Option<Finding> {
    // What is not there is no matter of permissions. Links are the user's own: what they lead to counts.
    let metadata = std::fs::metadata(path).ok()?;
    let shown = path.display();
    let found = |severity, text: String, todo: String| {
        Some(Finding::new(FindingKind::Permissions, severity, text, todo))
    };
    if metadata.uid() != user && metadata.uid() != 0 {
        return found(
            Severity::Problem,
            format!("{what} belongs to another user, who can change it: {shown}"),
            format!("chown {user} '{shown}', or put it where only you write"),
        );
    }
    if may_be_changed(&metadata) {
        return found(
            Severity::Problem,
            format!("other users of this machine can change {what}: {shown}"),
            format!("chmod go-w '{shown}'"),
        );
    }
    if closed == Closed::Fully && metadata.mode() & OTHERS_READ != 0 {
        return found(
            Severity::Advice,
            format!(
                "other users of this machine can copy {what}, and guess at the password: {shown}"
            ),
            format!("chmod go-rwx '{shown}'"),
        );
    }
    None
}

fn may_be_changed(metadata: &Metadata) -> bool {
    let is_sticky = metadata.is_dir() && metadata.mode() & STICKY != 0;
    metadata.mode() & OTHERS_WRITE != 0 && !is_sticky
}
