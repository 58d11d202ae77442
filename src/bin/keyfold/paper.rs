//! Pages to print: what a secret is for, the secret as text and as QR code, and what to do with it on the day.
//!
//! A page is one file that needs no other: HTML without script and without anything from elsewhere, or PDF. It holds a
//! secret in clear, so whoever writes it writes it privately and says so.

mod html;
mod pdf;

use crate::commands::export::write_new_file;
use crate::context::Context;
use crate::failure::Failure;
use keyfold::otp::qr::Qr;
use keyfold::secret::Secret;
use std::path::Path;
use zeroize::Zeroizing;

/// A page.
pub(crate) struct Page<'a> {
    pub(crate) title: &'a str,
    /// What this is, in a sentence or two.
    pub(crate) lead: String,
    /// What it belongs to, by name.
    pub(crate) facts: Vec<(&'static str, String)>,
    pub(crate) secret: &'a Secret,
    pub(crate) shape: Shape,
    /// What to do, in order.
    pub(crate) steps: Vec<String>,
}

/// How the secret is set, so that it is copied by hand without losing the place.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Groups joined by hyphens, three a line.
    Groups,
    /// Words, numbered.
    Words,
}

impl Shape {
    /// The pieces of a secret, in order.
    fn pieces(self, secret: &str) -> Vec<&str> {
        let between = match self {
            Self::Groups => '-',
            Self::Words => ' ',
        };
        secret.split(between).collect()
    }
}

/// The two kinds of file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Html,
    Pdf,
}

impl Kind {
    /// The kind by a path's extension.
    pub(crate) fn of(path: &Path) -> Result<Self, Failure> {
        let extension = path.extension().and_then(|extension| extension.to_str());
        match extension.map(str::to_ascii_lowercase).as_deref() {
            Some("html" | "htm") => Ok(Self::Html),
            Some("pdf") => Ok(Self::Pdf),
            _ => Err(Failure::usage(format!(
                "{} is neither .html nor .pdf",
                path.display()
            ))),
        }
    }
}

/// Writes a page into a new, private file.
pub(crate) fn write(context: &Context, path: &Path, page: &Page<'_>) -> Result<(), Failure> {
    let code = Qr::new(page.secret).map_err(|error| Failure::failed(error.to_string()))?;
    let bytes = match Kind::of(path)? {
        Kind::Html => html::write(page, &code),
        Kind::Pdf => pdf::write(page, &code),
    };
    write_new_file(context, path, &bytes)
}

/// Bytes of a page, wiped once they are written.
type Bytes = Zeroizing<Vec<u8>>;
