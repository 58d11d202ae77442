//! Arguments of what attaches files to items.

use crate::completion;
use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Args)]
pub(crate) struct Attach {
    #[command(subcommand)]
    pub(crate) action: AttachAction,
}

/// What to do with files of an item.
#[derive(Subcommand)]
pub(crate) enum AttachAction {
    /// Put files into the vault with an item; the files stay where they are
    Add(AttachFiles),
    /// Write an item's files out, into this folder unless another is named; never over a file
    Get(AttachOut),
    /// List an item's files
    Ls {
        /// The item
        #[arg(add = completion::items())]
        name: String,
    },
    /// Take files away from an item; undo brings them back
    Rm {
        /// The item
        #[arg(add = completion::items())]
        name: String,
        /// The files, as `attach ls` calls them
        #[arg(required = true, value_name = "FILE")]
        files: Vec<String>,
    },
    /// Open a file of an item in its program, from a private copy that is gone afterwards
    Open {
        /// The item
        #[arg(add = completion::items())]
        name: String,
        /// The file, where the item has several
        file: Option<String>,
    },
}

#[derive(Args)]
pub(crate) struct AttachFiles {
    /// The item
    #[arg(add = completion::items())]
    pub(crate) name: String,
    /// The files; `-` is standard input
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// What the file is called in the vault
    #[arg(long = "as", value_name = "FILE")]
    pub(crate) file_name: Option<String>,
    /// Take the place of a file of that name
    #[arg(long)]
    pub(crate) replace: bool,
}

#[derive(Args)]
pub(crate) struct AttachOut {
    /// The item
    #[arg(add = completion::items())]
    pub(crate) name: String,
    /// The files, as `attach ls` calls them; all of the item's where none is named
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<String>,
    /// The folder to write them into; `-` prints one file
    #[arg(long, short, value_name = "FOLDER", default_value = ".")]
    pub(crate) output: PathBuf,
}
