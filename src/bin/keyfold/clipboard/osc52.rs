//! Copying through the terminal: the escape sequence OSC 52, which reaches the clipboard of the machine that somebody sits at.
//!
//! No terminal can be told that this is a secret, when to forget it, or to say whether it took it.

use crate::failure::Failure;
use data_encoding::BASE64;
use keyfold::secret::Secret;
use std::fs::File;
use std::io::Write;
use zeroize::Zeroizing;

/// Sequences beyond 100,000 bytes are dropped by terminals that take them at all.
const TEXT_LIMIT: usize = 74_994;
const BEGIN: &[u8] = b"\x1b]52;c;";
const END: &[u8] = b"\x07";

/// The terminal that this process belongs to.
pub(crate) struct Osc52(File);

impl Osc52 {
    /// Finds it, wherever standard output goes.
    ///
    /// # Errors
    /// Where there is none.
    pub(crate) fn open() -> Result<Self, Failure> {
        let terminal = File::options().write(true).open("/dev/tty");
        terminal.map(Self).map_err(|_| {
            Failure::failed("there is no terminal to copy through")
                .hint("keyfold get NAME prints it to a pipe")
        })
    }

    /// Sends a text.
    ///
    /// # Errors
    /// Where it is too long.
    pub(crate) fn copy(&mut self, text: &Secret) -> Result<(), Failure> {
        if text.len() > TEXT_LIMIT {
            return Err(Failure::failed(format!(
                "terminals take no more than {TEXT_LIMIT} bytes"
            )));
        }
        let length = BASE64.encode_len(text.len());
        let mut sequence = Zeroizing::new(vec![0; BEGIN.len() + length + END.len()]);
        let (begin, rest) = sequence.split_at_mut(BEGIN.len());
        let (content, end) = rest.split_at_mut(length);
        begin.copy_from_slice(BEGIN);
        // EXPOSE: the user asked for the terminal to copy it.
        BASE64.encode_mut(text.expose().as_bytes(), content);
        end.copy_from_slice(END);
        Ok(self.0.write_all(&sequence)?)
    }
}
