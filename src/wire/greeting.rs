//! The greeting: 44 bytes that mean the same in every version, for ever.
//!
//! `magic 8 | protocol u16 little-endian | intention u8 | length of the version u8 | version, zeros behind it, 32`.

use std::fmt;

/// Bytes of a greeting.
pub const GREETING_LENGTH: usize = MAGIC.len() + 2 + 1 + 1 + VERSION_LENGTH;
/// What frames mean; another number is another language.
pub const PROTOCOL: u16 = 1;

const MAGIC: &[u8; 8] = b"keyfoldA";
const VERSION_LENGTH: usize = 32;

/// What somebody connects for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Intention {
    /// To ask.
    Talk,
    /// To end the agent, whichever version it is.
    Stop,
}

/// Who speaks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Greeting {
    /// The protocol that follows.
    pub protocol: u16,
    /// What for.
    pub intention: Intention,
    /// Version of the program, for people.
    pub version: String,
}

/// Why bytes are no greeting.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GreetingError;

impl fmt::Display for GreetingError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("that is no keyfold")
    }
}

impl std::error::Error for GreetingError {}

impl Greeting {
    /// This version's greeting.
    #[must_use]
    pub fn new(intention: Intention) -> Self {
        Self {
            protocol: PROTOCOL,
            intention,
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    /// The bytes; a version that is too long is cut.
    #[must_use]
    pub fn write(&self) -> [u8; GREETING_LENGTH] {
        let mut bytes = [0; GREETING_LENGTH];
        let version = self.version.as_bytes();
        let version = version.get(..VERSION_LENGTH).unwrap_or(version);
        let parts = MAGIC
            .iter()
            .copied()
            .chain(self.protocol.to_le_bytes())
            .chain([match self.intention {
                Intention::Talk => 0,
                Intention::Stop => 1,
            }])
            .chain(u8::try_from(version.len()))
            .chain(version.iter().copied());
        for (to, byte) in bytes.iter_mut().zip(parts) {
            *to = byte;
        }
        bytes
    }

    /// Reads one.
    ///
    /// # Errors
    /// [`GreetingError`] for anything that no version would write: a version that is not printable ASCII, or not followed
    /// by zeros.
    pub fn parse(bytes: &[u8; GREETING_LENGTH]) -> Result<Self, GreetingError> {
        let rest = bytes.strip_prefix(MAGIC).ok_or(GreetingError)?;
        let [low, high, intention, length, version @ ..] = rest else {
            return Err(GreetingError);
        };
        let (version, zeros) = version
            .split_at_checked(usize::from(*length))
            .ok_or(GreetingError)?;
        let is_printable = version.iter().all(u8::is_ascii_graphic);
        if !is_printable || zeros.iter().any(|byte| *byte != 0) {
            return Err(GreetingError);
        }
        Ok(Self {
            protocol: u16::from_le_bytes([*low, *high]),
            intention: match intention {
                0 => Intention::Talk,
                1 => Intention::Stop,
                _ => return Err(GreetingError),
            },
            version: String::from_utf8_lossy(version).into_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_are_the_ones_that_every_version_knows() {
        let greeting = Greeting {
            protocol: 0x0201,
            intention: Intention::Stop,
            version: "1.2.3".to_owned(),
        };
        let mut known = b"keyfoldA\x01\x02\x01\x051.2.3".to_vec();
        known.resize(44, 0);
        assert_eq!(greeting.write().to_vec(), known);
        assert_eq!(Greeting::parse(&greeting.write()), Ok(greeting));
    }

    #[test]
    fn what_no_version_writes_is_refused() {
        let good = Greeting::new(Intention::Talk).write();
        for (at, byte) in [(0, b'K'), (10, 2), (11, 33), (11, 2), (12, 0x1b), (43, 1)] {
            let mut bad = good;
            bad[at] = byte;
            assert_eq!(Greeting::parse(&bad), Err(GreetingError), "{at}");
        }
    }

    #[test]
    fn a_long_version_is_cut() {
        let long = Greeting {
            version: "v".repeat(100),
            ..Greeting::new(Intention::Talk)
        };
        let read = Greeting::parse(&long.write()).unwrap();
        assert_eq!(read.version, "v".repeat(32));
    }
}
