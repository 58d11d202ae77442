//! Files of age: every published vector, and what was sealed here opened again.

use super::*;
use crate::exchange::age::{Recipient, open, seal_for, seal_under_password};
use crate::secret::Secret;
use data_encoding::HEXLOWER;
use rand::SeedableRng;
use rand::rngs::StdRng;
use sha2::{Digest, Sha256};
use std::io::Read;
use std::path::Path;

/// Of the vector `x25519`.
const IDENTITY: &[u8] =
    b"# a remark\nAGE-SECRET-KEY-1EGTZVFFV20835NWYV6270LXYVK2VKNX2MMDKWYKLMGR48UAWX40Q2P2LM0\n";

struct Vector {
    expect: String,
    payload: Option<String>,
    password: Option<Secret>,
    identities: Vec<u8>,
    file: Vec<u8>,
}

fn parse_vector(bytes: &[u8]) -> Vector {
    let end = bytes
        .windows(2)
        .position(|window| window == b"\n\n")
        .unwrap();
    let header = std::str::from_utf8(&bytes[..end]).unwrap();
    let mut vector = Vector {
        expect: String::new(),
        payload: None,
        password: None,
        identities: Vec::new(),
        file: bytes[end + 2..].to_vec(),
    };
    for line in header.lines() {
        let (name, value) = line.split_once(": ").unwrap();
        match name {
            "expect" => vector.expect = value.to_owned(),
            "payload" => vector.payload = Some(value.to_owned()),
            "passphrase" => vector.password = Some(Secret::new(value.to_owned())),
            "identity" => vector.identities.extend(format!("{value}\n").bytes()),
            "compressed" => {
                let mut file = Vec::new();
                let mut reader = flate2::read::ZlibDecoder::new(&bytes[end + 2..]);
                reader.read_to_end(&mut file).unwrap();
                vector.file = file;
            }
            "file key" | "comment" => {}
            other => panic!("{other}"),
        }
    }
    vector
}

#[test]
fn every_published_vector_is_opened_or_refused_as_it_should() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/age");
    let (mut opened, mut refused) = (0, 0);
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        if path.ends_with("README.md") {
            continue;
        }
        let vector = parse_vector(&bytes);
        let credentials = Credentials {
            password: vector.password.as_ref(),
            key_file: Some(vector.identities.as_slice()),
        };
        let result = open(&vector.file, &credentials);
        let name = path.display();
        if vector.expect == "success" {
            let plain = result.unwrap_or_else(|error| panic!("{name}: {error}"));
            let hash = HEXLOWER.encode(&Sha256::digest(&*plain));
            assert_eq!(Some(hash), vector.payload, "{name}");
            opened += 1;
        } else {
            assert!(result.is_err(), "{name}: {}", vector.expect);
            refused += 1;
        }
    }
    assert!(
        opened >= 15 && refused >= 60,
        "{opened} opened, {refused} refused"
    );
}

fn identity() -> Credentials<'static> {
    Credentials {
        password: None,
        key_file: Some(IDENTITY),
    }
}

/// The recipient that belongs to the identity above.
fn recipient() -> Recipient {
    Recipient::parse("age1xmwwc06ly3ee5rytxm9mflaz2u56jjj36s0mypdrwsvlul66mv4q47ryef").unwrap()
}

#[test]
fn what_was_sealed_opens_and_no_part_of_it_may_change() {
    let mut rng = StdRng::seed_from_u64(3);
    for length in [0, 1, 65_535, 65_536, 65_537, 131_072] {
        let plain = vec![b'x'; length];
        let sealed = seal_for(&plain, &[recipient()], &mut rng).unwrap();
        let opened = open(&sealed, &identity()).unwrap();
        assert!(*opened == plain, "{length}");
    }
    let sealed = seal_for(b"short", &[recipient()], &mut rng).unwrap();
    for at in 0..sealed.len() {
        assert!(open(&sealed[..at], &identity()).is_err(), "cut at {at}");
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        assert!(open(&changed, &identity()).is_err(), "changed at {at}");
    }
}

#[test]
fn a_passphrase_opens_what_it_sealed_and_its_cost_is_limited() {
    let password = Secret::new("correct horse".to_owned());
    let mut rng = StdRng::seed_from_u64(4);
    let sealed = seal_under_password(b"text", &password, 1 << 8, &mut rng).unwrap();
    let with = |password| Credentials {
        password: Some(password),
        key_file: None,
    };
    assert_eq!(open(&sealed, &with(&password)).unwrap().as_slice(), b"text");
    let wrong = Secret::new("wrong".to_owned());
    let format = Format::Age;
    let refused = open(&sealed, &with(&wrong)).err();
    assert_eq!(refused, Some(ImportError::SourcePasswordWrong { format }));
    let refused = open(&sealed, &Credentials::default()).err();
    assert_eq!(refused, Some(ImportError::SourcePasswordNeeded { format }));
    let text = String::from_utf8_lossy(&sealed).into_owned();
    assert!(text.contains(" 8\n"));
    let at = sealed
        .windows(3)
        .position(|window| window == b" 8\n")
        .unwrap();
    for (factor, error) in [
        ("21", ImportError::SourceTooCostly { format }),
        ("63", ImportError::SourceTooCostly { format }),
    ] {
        let costly = [&sealed[..=at], factor.as_bytes(), &sealed[at + 2..]].concat();
        assert_eq!(open(&costly, &with(&password)).err(), Some(error));
    }
}

#[test]
fn only_native_recipients_are_taken() {
    for text in [
        "",
        "age1",
        "AGE1XMWWC06LY3EE5RYTXM9MFLAZ2U56JJJ36S0MYPDRWSVLUL66MV4Q47RYEF",
        "age1xmwwc06ly3ee5rytxm9mflaz2u56jjj36s0mypdrwsvlul66mv4q47ryeg",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHsKLqeplhpW+uObz5dvMgjz1OxfM/XXUB+VHtZ6isGN",
        "AGE-SECRET-KEY-1EGTZVFFV20835NWYV6270LXYVK2VKNX2MMDKWYKLMGR48UAWX40Q2P2LM0",
    ] {
        assert!(Recipient::parse(text).is_none(), "{text}");
    }
}
