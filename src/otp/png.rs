//! A QR code as a picture (PNG, ISO/IEC 15948): black on white, one bit a pixel, nothing packed, so that no compressor keeps a
//! copy. The picture is a secret as the code is.

use super::qr::Qr;
use flate2::Crc;
use zeroize::Zeroizing;

/// Pixels a side of a module.
const SCALE: usize = 8;
const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";
/// One bit a pixel, grey; deflate, the five filters, not interlaced.
const FORMAT: [u8; 5] = [1, 0, 0, 0, 0];
/// No filter, before each row.
const UNFILTERED: u8 = 0;
/// Deflate with a small window and the check that belongs to it.
const ZLIB: [u8; 2] = [0x78, 0x01];
/// Longest block that is stored as it is.
const BLOCK: usize = 0xffff;
const BLOCK_HEAD: usize = 5;
const ADLER: u32 = 65_521;
/// Length, name and check of a chunk.
const CHUNK_FRAME: usize = 12;

impl Qr {
    /// The code as a picture, quiet zone included.
    #[must_use]
    pub fn write_png(&self) -> Zeroizing<Vec<u8>> {
        let side = self.side() * SCALE;
        let rows = self.write_rows(side);
        let mut data = Zeroizing::new(Vec::with_capacity(
            rows.len() + rows.len().div_ceil(BLOCK) * BLOCK_HEAD + ZLIB.len() + 4,
        ));
        store(&rows, &mut data);
        let size = u32::try_from(side).expect("at most 185 modules of eight pixels");
        let mut head = [0; 13];
        head[..4].copy_from_slice(&size.to_be_bytes());
        head[4..8].copy_from_slice(&size.to_be_bytes());
        head[8..].copy_from_slice(&FORMAT);
        let room = SIGNATURE.len() + head.len() + data.len() + 3 * CHUNK_FRAME;
        let mut picture = Zeroizing::new(Vec::with_capacity(room));
        picture.extend_from_slice(SIGNATURE);
        for (name, content) in [
            (b"IHDR", &head[..]),
            (b"IDAT", data.as_slice()),
            (b"IEND", &[]),
        ] {
            push_chunk(&mut picture, name, content);
        }
        picture
    }

    /// Rows of pixels, eight a byte: a module is a byte wide.
    fn write_rows(&self, side: usize) -> Zeroizing<Vec<u8>> {
        let mut rows = Zeroizing::new(Vec::with_capacity(side * (self.side() + 1)));
        for row in self.rows() {
            for _ in 0..SCALE {
                rows.push(UNFILTERED);
                rows.extend(row.iter().map(|is_dark| if *is_dark { 0 } else { 0xff }));
            }
        }
        rows
    }
}

/// A zlib stream of blocks that are as they are.
fn store(bytes: &[u8], to: &mut Vec<u8>) {
    to.extend_from_slice(&ZLIB);
    let mut blocks = bytes.chunks(BLOCK).peekable();
    while let Some(block) = blocks.next() {
        let length = u16::try_from(block.len()).expect("a block is at most as long");
        to.push(u8::from(blocks.peek().is_none()));
        to.extend_from_slice(&length.to_le_bytes());
        to.extend_from_slice(&(!length).to_le_bytes());
        to.extend_from_slice(block);
    }
    let (mut one, mut two) = (1, 0);
    for byte in bytes {
        one = (one + u32::from(*byte)) % ADLER;
        two = (two + one) % ADLER;
    }
    to.extend_from_slice(&(two << 16 | one).to_be_bytes());
}

fn push_chunk(to: &mut Vec<u8>, name: &[u8; 4], content: &[u8]) {
    let length = u32::try_from(content.len()).expect("a picture of a code is small");
    to.extend_from_slice(&length.to_be_bytes());
    to.extend_from_slice(name);
    to.extend_from_slice(content);
    let mut check = Crc::new();
    check.update(name);
    check.update(content);
    to.extend_from_slice(&check.sum().to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::otp::qr::MAX_QR_BYTES;
    use crate::secret::Secret;
    use std::io::Read;

    /// The pixels of a picture, read by another inflater.
    fn pixels(picture: &[u8]) -> Vec<Vec<bool>> {
        let mut rest = picture.strip_prefix(SIGNATURE).unwrap();
        let mut data = Vec::new();
        let mut names = Vec::new();
        while !rest.is_empty() {
            let length = u32::from_be_bytes(rest[..4].try_into().unwrap()) as usize;
            names.push(&rest[4..8]);
            if &rest[4..8] == b"IDAT" {
                data.extend_from_slice(&rest[8..8 + length]);
            }
            rest = &rest[length + CHUNK_FRAME..];
        }
        assert_eq!(names, [b"IHDR", b"IDAT", b"IEND"]);
        let side = u32::from_be_bytes(picture[16..20].try_into().unwrap()) as usize;
        let mut rows = Vec::new();
        let mut reader = flate2::read::ZlibDecoder::new(data.as_slice());
        reader.read_to_end(&mut rows).unwrap();
        let bits = |byte: &u8| {
            (0..8)
                .map(|bit| byte & (0x80 >> bit) == 0)
                .collect::<Vec<_>>()
        };
        let rows = rows.chunks(1 + side.div_ceil(8));
        rows.map(|row| row[1..].iter().flat_map(bits).collect())
            .collect()
    }

    #[test]
    fn every_module_is_a_square_of_pixels() {
        for length in [1, 100, MAX_QR_BYTES] {
            let code = Qr::new(&Secret::new("x".repeat(length))).unwrap();
            let seen = pixels(&code.write_png());
            assert_eq!(seen.len(), code.side() * SCALE);
            let modules: Vec<&[bool]> = code.rows().collect();
            for (y, row) in seen.iter().enumerate() {
                assert_eq!(row.len(), seen.len());
                for (x, is_dark) in row.iter().enumerate() {
                    assert_eq!(*is_dark, modules[y / SCALE][x / SCALE]);
                }
            }
        }
    }
}
