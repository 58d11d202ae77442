//! Which display a user sits at, and what is copied there: for the process that owns the clipboard, and for the agent that
//! has one ready.

use crate::secret::{Secret, in_transit};
use serde::{Deserialize, Serialize};
use std::ffi::{OsStr, OsString};

/// The variables that lead to a display, as they stand in one process's environment.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Display {
    /// `WAYLAND_DISPLAY`.
    pub wayland: Option<OsString>,
    /// `XDG_RUNTIME_DIR`, where Wayland's socket lies.
    pub runtime_folder: Option<OsString>,
    /// `DISPLAY`.
    pub x11: Option<OsString>,
    /// `XAUTHORITY`.
    pub authority: Option<OsString>,
}

/// What is to be copied.
#[derive(Serialize, Deserialize)]
pub struct Content {
    /// The text.
    #[serde(with = "in_transit")]
    pub text: Secret,
    /// How long it stays, in seconds; `None` until something else is copied.
    pub seconds: Option<u64>,
}

impl Display {
    /// The variables by name, for the environment of a child.
    #[must_use]
    pub fn variables(&self) -> [(&'static str, Option<&OsStr>); 4] {
        [
            ("WAYLAND_DISPLAY", self.wayland.as_deref()),
            ("XDG_RUNTIME_DIR", self.runtime_folder.as_deref()),
            ("DISPLAY", self.x11.as_deref()),
            ("XAUTHORITY", self.authority.as_deref()),
        ]
    }

    /// The X server's name, as one that is reached by its socket alone. One on another machine, or behind a tunnel, has none:
    /// a secret must not go there.
    #[must_use]
    pub fn local_x11(&self) -> Option<String> {
        let name = self.x11.as_ref()?.to_str()?;
        let number = [":", "unix:", "unix/:"]
            .iter()
            .find_map(|prefix| name.strip_prefix(prefix))?;
        let is_number = |letter: char| letter.is_ascii_digit() || letter == '.';
        let is_display = !number.is_empty() && number.chars().all(is_number);
        is_display.then(|| format!("unix/:{number}"))
    }

    /// Whether a clipboard may be there at all.
    #[must_use]
    pub fn is_there(&self) -> bool {
        cfg!(target_os = "macos") || self.wayland.is_some() || self.local_x11().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn x11(name: &str) -> Option<String> {
        let display = Display {
            x11: Some(name.into()),
            ..Display::default()
        };
        assert_eq!(display.is_there(), display.local_x11().is_some());
        display.local_x11()
    }

    #[test]
    fn only_a_server_of_this_machine_is_reached_and_by_its_socket_alone() {
        assert_eq!(x11(":0"), Some("unix/:0".to_owned()));
        assert_eq!(x11("unix:12.1"), Some("unix/:12.1".to_owned()));
        for name in ["localhost:10.0", "10.0.0.1:0", "tcp/:0", ":", ":x", "0", ""] {
            assert_eq!(x11(name), None, "{name}");
        }
    }
}
