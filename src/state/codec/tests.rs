//! Records and bodies round trip, and nothing has a second encoding.

use super::*;
use crate::model::ids::DeviceId;
use crate::model::moment::Clock;

fn sample() -> (RecordHead, Vec<Operation>) {
    let head = RecordHead {
        id: RecordId([1; 16]),
        device: DeviceId([2; 16]),
        seq: 300,
        previous: Some(RecordId([3; 16])),
        seen: vec![RecordId([4; 16])],
        clock: Clock(1 << 60),
    };
    let set = Operation {
        tag: Tag::SET,
        item: Some(ItemId([5; 16])),
        field: Some(FieldId::Standard(17)),
        replaces: vec![Dot {
            record: RecordId([6; 16]),
            index: 7,
        }],
        body: write_set(&SetBody::new(2, "", "", Moment(0), None)),
        sealed: vec![vec![9; 60]],
        chunks: vec![ChunkName([8; 56])],
    };
    let unknown = Operation {
        tag: Tag(999),
        item: None,
        field: Some(FieldId::Custom([1; 16])),
        ..Operation::new(Tag(999))
    };
    (head, vec![set, unknown])
}

#[test]
fn records_round_trip_unknown_operations_included() {
    let (head, operations) = sample();
    let bytes = write_record(&head, &operations);
    let decoded = parse_record(&bytes).unwrap();
    assert!(decoded.head == head);
    let again: Vec<Operation> = decoded
        .operations
        .iter()
        .map(DecodedOperation::to_owned)
        .collect();
    assert!(again == operations);
    assert_eq!(*write_record(&head, &again), *bytes);
}

/// Attack A29: no second encoding of anything.
#[test]
fn trailing_bytes_and_longer_numbers_are_refused() {
    let (head, operations) = sample();
    let bytes = write_record(&head, &operations);
    let mut longer = bytes.to_vec();
    longer.push(0);
    assert!(parse_record(&longer).is_err());
    assert!(parse_record(&bytes[..bytes.len() - 1]).is_err());
    // The first byte is the id's length, 16; the same number as byte 251 and u16.
    let mut clumsy = vec![251, 16, 0];
    clumsy.extend_from_slice(&bytes[1..]);
    assert!(parse_record(&clumsy).is_err());
}

#[test]
fn what_breaks_a_rule_is_refused() {
    let refuse = |change: &dyn Fn(&mut RecordHead, &mut Vec<Operation>)| {
        let (mut head, mut operations) = sample();
        change(&mut head, &mut operations);
        assert!(parse_record(&write_record(&head, &operations)).is_err());
    };
    refuse(&|_, operations| operations.clear());
    refuse(&|head, _| head.seq = 0);
    refuse(&|head, _| head.seen = vec![RecordId([1; 16]); 5]);
    refuse(&|head, operations| operations[0].replaces[0].record = head.id);
    refuse(&|_, operations| operations[0].sealed = vec![vec![]; 17]);
}

#[test]
fn a_huge_count_allocates_nothing() {
    let (head, operations) = sample();
    let mut bytes = write_record(&head, &operations).to_vec();
    // The list of seen heads claims 2^60 entries.
    let at = 17 + 17 + 3 + 17;
    bytes.splice(at..=at, [253, 0, 0, 0, 0, 0, 0, 0, 16]);
    assert!(parse_record(&bytes).is_err());
}

#[test]
fn bodies_round_trip() {
    let dot = Dot {
        record: RecordId([1; 16]),
        index: 300,
    };
    assert!(parse_counter(&write_counter(dot, 77)) == Some((dot, 77)));
    let body = write_set(&SetBody::new(4, "seed", "", Moment(5), Some(&dot)));
    let parsed = parse_set(&body).unwrap();
    assert!(parsed.origin() == Some(dot) && parsed.name == "seed" && parsed.at == 5);
    let erasure = Erasure {
        operations: vec![(RecordId([3; 16]), vec![0, 300])],
        chunks: vec![ChunkName([1; 56])],
    };
    assert_eq!(parse_erase(&write_erase(&erasure)), Some(erasure));
    assert_eq!(parse_text(&write_text("ä")), Some("ä"));
    assert_eq!(parse_text(&[1, 0xff]), None);
    assert_eq!(parse_bytes(&write_bytes(&[1, 2])), Some(&[1, 2][..]));
}

/// What the reader takes, bincode decodes and encodes again to the same bytes, and the other way round for bodies,
/// which have no further rules.
#[test]
fn the_reader_takes_what_bincode_would_write_and_nothing_else() {
    use rand::{Rng, SeedableRng};
    let mut rng = rand::rngs::StdRng::seed_from_u64(4);
    let mut below = |limit: usize| usize::try_from(rng.next_u32()).unwrap() % limit;
    let (head, operations) = sample();
    let dot = Dot {
        record: RecordId([3; 16]),
        index: 70_000,
    };
    let long = "x".repeat(300);
    let record = write_record(&head, &operations).to_vec();
    let set = write_set(&SetBody::new(2, "ä", &long, Moment(1 << 40), Some(&dot)));
    let url = write_url(&UrlBody {
        rank: 70_000,
        address: "b",
    });
    let (mut taken, mut refused) = (0, 0);
    for round in 0..60_000 {
        let mut bytes = match round % 3 {
            0 => record.clone(),
            1 => set.clone(),
            _ => url.clone(),
        };
        for _ in 0..below(3) {
            let at = below(bytes.len());
            match below(4) {
                0 => bytes[at] = u8::try_from(below(256)).unwrap(),
                1 => bytes[at] = 247 + u8::try_from(below(9)).unwrap(),
                2 => drop(bytes.splice(at..=at, [251, bytes[at], 0])),
                _ => bytes.truncate(at),
            }
            if bytes.is_empty() {
                break;
            }
        }
        let (read, decoded) = match round % 3 {
            0 => {
                let read = parse_record(&bytes).is_ok();
                (read, read && decode::<RecordWire<'_>>(&bytes).is_some())
            }
            1 => {
                let (read, decoded) = (parse_set(&bytes), decode::<SetBody<'_>>(&bytes));
                assert!(read == decoded);
                (read.is_some(), decoded.is_some())
            }
            _ => {
                let (read, decoded) = (parse_url(&bytes), decode::<UrlBody<'_>>(&bytes));
                assert!(read == decoded);
                (read.is_some(), decoded.is_some())
            }
        };
        assert_eq!(read, decoded, "{bytes:?}");
        *(if read { &mut taken } else { &mut refused }) += 1;
    }
    assert!(taken > 10_000 && refused > 10_000, "{taken} {refused}");
}

#[test]
fn random_bytes_never_panic() {
    use rand::{Rng, SeedableRng};
    let mut rng = rand::rngs::StdRng::seed_from_u64(3);
    let (head, operations) = sample();
    let good = write_record(&head, &operations);
    for _ in 0..20_000 {
        let mut bytes = good.to_vec();
        for _ in 0..=rng.next_u32() % 4 {
            let at = usize::try_from(rng.next_u32()).unwrap() % bytes.len();
            bytes[at] = u8::try_from(rng.next_u32() & 255).unwrap();
        }
        if let Ok(decoded) = parse_record(&bytes) {
            let again: Vec<Operation> = decoded
                .operations
                .iter()
                .map(DecodedOperation::to_owned)
                .collect();
            let _ = write_record(&decoded.head, &again);
        }
    }
}
