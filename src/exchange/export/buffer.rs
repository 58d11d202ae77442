//! Where an export is put together: bytes that are wiped when they move to a larger place and when they are dropped.

use std::io;
use zeroize::Zeroizing;

const FIRST_BYTES: usize = 4096;

/// The bytes so far.
#[derive(Default)]
pub(super) struct Buffer(Zeroizing<Vec<u8>>);

impl Buffer {
    /// Adds a text.
    pub(super) fn push(&mut self, text: &str) {
        self.push_bytes(text.as_bytes());
    }

    /// Adds bytes. A vector that grows by itself would leave what it held behind.
    pub(super) fn push_bytes(&mut self, bytes: &[u8]) {
        let wanted = self.0.len() + bytes.len();
        if wanted > self.0.capacity() {
            let room = wanted.max(self.0.capacity() * 2).max(FIRST_BYTES);
            let mut larger = Zeroizing::new(Vec::with_capacity(room));
            larger.extend_from_slice(&self.0);
            self.0 = larger;
        }
        self.0.extend_from_slice(bytes);
    }

    /// The bytes so far.
    pub(super) fn as_slice(&self) -> &[u8] {
        &self.0
    }

    /// All of it.
    pub(super) fn into_bytes(self) -> Zeroizing<Vec<u8>> {
        self.0
    }
}

impl io::Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.push_bytes(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
