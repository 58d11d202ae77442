//! Writes zip archives byte by byte, honest ones and others: what no writer of archives would let one say.

/// One entry as the archive will say it is.
pub(crate) struct Entry {
    /// Its name.
    pub(crate) name: Vec<u8>,
    /// What lies there, packed or not.
    pub(crate) data: Vec<u8>,
    /// The size that it is said to unpack to.
    pub(crate) size: u32,
    /// The checksum that its content is said to have.
    pub(crate) checksum: u32,
    /// 0 is stored, 8 deflated.
    pub(crate) packing: u16,
    /// Bit 0: encrypted; bit 3: sizes stand behind the data; bit 11: the name is UTF-8.
    pub(crate) flags: u16,
    /// The mode of a file of Unix is in its upper half.
    pub(crate) attributes: u32,
}

impl Entry {
    /// A file that is not packed.
    pub(crate) fn stored(name: &str, content: &[u8]) -> Self {
        Self {
            name: name.as_bytes().to_vec(),
            data: content.to_vec(),
            size: u32::try_from(content.len()).unwrap(),
            checksum: checksum(content),
            packing: 0,
            flags: 1 << 11,
            attributes: 0o100_644 << 16,
        }
    }
}

/// An archive of files that are not packed.
pub(crate) fn archive_of(files: &[(&str, &[u8])]) -> Vec<u8> {
    let entries = files.iter().map(|file| Entry::stored(file.0, file.1));
    archive(&entries.collect::<Vec<Entry>>())
}

/// An archive of these entries.
pub(crate) fn archive(entries: &[Entry]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut list = Vec::new();
    for entry in entries {
        let place = u32::try_from(bytes.len()).unwrap();
        let streams = entry.flags & (1 << 3) != 0;
        let (sizes, none) = (sizes_of(entry), vec![0; 12]);
        bytes.extend_from_slice(b"PK\x03\x04");
        bytes.extend_from_slice(&head_of(entry, if streams { &none } else { &sizes }));
        bytes.extend_from_slice(&entry.name);
        bytes.extend_from_slice(&entry.data);
        if streams {
            bytes.extend_from_slice(b"PK\x07\x08");
            bytes.extend_from_slice(&sizes);
        }
        // Made by Unix, so that the attributes are its modes.
        list.extend_from_slice(b"PK\x01\x02\x14\x03");
        list.extend_from_slice(&head_of(entry, &sizes));
        list.extend_from_slice(&[0; 6]);
        list.extend_from_slice(&entry.attributes.to_le_bytes());
        list.extend_from_slice(&place.to_le_bytes());
        list.extend_from_slice(&entry.name);
    }
    let (start, length) = (bytes.len(), list.len());
    bytes.extend_from_slice(&list);
    let count = u16::try_from(entries.len()).unwrap();
    bytes.extend_from_slice(&end(count, length, start));
    bytes
}

/// The end of an archive, which says where its list is.
pub(crate) fn end(count: u16, length: usize, start: usize) -> Vec<u8> {
    let mut bytes = b"PK\x05\x06\0\0\0\0".to_vec();
    bytes.extend_from_slice(&count.to_le_bytes());
    bytes.extend_from_slice(&count.to_le_bytes());
    bytes.extend_from_slice(&u32::try_from(length).unwrap().to_le_bytes());
    bytes.extend_from_slice(&u32::try_from(start).unwrap().to_le_bytes());
    bytes.extend_from_slice(&[0; 2]);
    bytes
}

fn sizes_of(entry: &Entry) -> Vec<u8> {
    let packed = u32::try_from(entry.data.len()).unwrap();
    let numbers = [entry.checksum, packed, entry.size];
    numbers.into_iter().flat_map(u32::to_le_bytes).collect()
}

/// What the list and the entry itself both say of it.
fn head_of(entry: &Entry, sizes: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for number in [20, entry.flags, entry.packing, 0, 0x21] {
        bytes.extend_from_slice(&u16::to_le_bytes(number));
    }
    bytes.extend_from_slice(sizes);
    let length = u16::try_from(entry.name.len()).unwrap();
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(&[0; 2]);
    bytes
}

/// CRC-32.
pub(crate) fn checksum(bytes: &[u8]) -> u32 {
    let mut sum = u32::MAX;
    for byte in bytes {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            let low = sum & 1;
            sum = (sum >> 1) ^ (0xedb8_8320 * low);
        }
    }
    !sum
}
