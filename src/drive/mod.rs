//! What is known of the programs that carry the vault file between machines: which of them gave a file its name.
//!
//! A name explains where a copy came from and whether it may be moved away once everything in it is delivered. Whether
//! it is a copy of the vault is for its content to say: nothing here is ever a reason to open, merge or believe a file.

mod names;

use std::fmt;

pub use names::recognise;

/// A program that makes conflict copies under names of its own.
///
/// Programs that take names which people and file managers also give are not here, see [`recognise`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Drive {
    /// Dropbox.
    Dropbox,
    /// Nextcloud's desktop client and ownCloud's, which it comes from.
    Nextcloud,
    /// Microsoft OneDrive.
    OneDrive,
    /// pCloud.
    PCloud,
    /// Proton Drive.
    ProtonDrive,
    /// QNAP Qsync.
    Qsync,
    /// rclone's bisync.
    Rclone,
    /// Resilio Sync.
    Resilio,
    /// Seafile.
    Seafile,
    /// Synology Drive.
    Synology,
    /// Syncthing.
    Syncthing,
    /// Unison.
    Unison,
}

impl fmt::Display for Drive {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Dropbox => "Dropbox",
            Self::Nextcloud => "Nextcloud or ownCloud",
            Self::OneDrive => "OneDrive",
            Self::PCloud => "pCloud",
            Self::ProtonDrive => "Proton Drive",
            Self::Qsync => "Qsync",
            Self::Rclone => "rclone",
            Self::Resilio => "Resilio Sync",
            Self::Seafile => "Seafile",
            Self::Synology => "Synology Drive",
            Self::Syncthing => "Syncthing",
            Self::Unison => "Unison",
        })
    }
}
