//! The fields of one protocol buffer message, unread: numbers, and bytes that may be texts or messages again.

/// Most fields of one message.
const MAX_MESSAGE_FIELDS: usize = 100_000;

/// One field.
pub(super) struct Field<'a> {
    /// Its number in the message.
    pub(super) number: u64,
    /// What it holds.
    pub(super) value: Value<'a>,
}

/// What a field holds.
pub(super) enum Value<'a> {
    /// An integer, a truth value or one of an enumeration.
    Number(u64),
    /// Bytes, a text or a message.
    Bytes(&'a [u8]),
}

/// Takes a message apart; `None` where it is none, or cut off.
pub(super) fn parse_message(mut bytes: &[u8]) -> Option<Vec<Field<'_>>> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        if fields.len() == MAX_MESSAGE_FIELDS {
            return None;
        }
        let key = take_varint(&mut bytes)?;
        let number = key >> 3;
        let value = match key & 7 {
            0 => Value::Number(take_varint(&mut bytes)?),
            1 => Value::Number(u64::from_le_bytes(*take_array::<8>(&mut bytes)?)),
            2 => {
                let length = usize::try_from(take_varint(&mut bytes)?).ok()?;
                let (value, rest) = bytes.split_at_checked(length)?;
                bytes = rest;
                Value::Bytes(value)
            }
            5 => Value::Number(u64::from(u32::from_le_bytes(*take_array::<4>(&mut bytes)?))),
            _ => return None,
        };
        if number == 0 {
            return None;
        }
        fields.push(Field { number, value });
    }
    Some(fields)
}

/// Seven bits a byte, lowest first; ten bytes at most.
fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        let part = u64::from(first & 0x7f);
        // The tenth byte has one bit that fits.
        if shift == 63 && part > 1 {
            return None;
        }
        value |= part << shift;
        if first & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn take_array<'a, const N: usize>(bytes: &mut &'a [u8]) -> Option<&'a [u8; N]> {
    let (array, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(array)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_every_wire_type_are_taken_apart() {
        let bytes = [
            0x08, 0x96, 0x01, // 1: 150, as the protocol's own guide writes it
            0x12, 0x07, b't', b'e', b's', b't', b'i', b'n', b'g', // 2: "testing"
            0x1d, 1, 0, 0, 0, // 3: a fixed word
            0x21, 2, 0, 0, 0, 0, 0, 0, 0, // 4: a fixed double word
        ];
        let fields = parse_message(&bytes).unwrap();
        let shown: Vec<(u64, String)> = fields
            .iter()
            .map(|field| {
                let text = match &field.value {
                    Value::Number(number) => number.to_string(),
                    Value::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
                };
                (field.number, text)
            })
            .collect();
        let expected = [(1, "150"), (2, "testing"), (3, "1"), (4, "2")];
        assert_eq!(
            shown,
            expected.map(|(number, text)| (number, text.to_owned()))
        );
        for cut in [1, 2, 4, 5, 11, 13, 16, 18, 25] {
            assert!(parse_message(&bytes[..cut]).is_none(), "{cut}");
        }
    }

    #[test]
    fn what_is_no_message_is_refused() {
        for bytes in [
            &[0x00, 0x00][..],
            &[0x0b],
            &[
                0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02,
            ],
            &[
                0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01,
            ],
        ] {
            assert!(parse_message(bytes).is_none(), "{bytes:?}");
        }
    }
}
