//! Bitwarden's encrypted JSON, sealed here after its description.

use super::authenticators::sealed::{PASSWORD, argon, open};
use super::*;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeEncrypt, KeyIvInit};
use data_encoding::BASE64;
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use pbkdf2::pbkdf2_hmac_array;
use sha2::{Digest, Sha256};

const FORMAT: Format = Format::BitwardenJson;
const SALT: &str = "c2FsdCBvZiAxNiBieXRlcw==";
const PBKDF2: &str = r#""kdfType":0,"kdfIterations":1000,"kdfMemory":null,"kdfParallelism":null"#;
const ARGON2: &str = r#""kdfType":1,"kdfIterations":2,"kdfMemory":1,"kdfParallelism":2"#;

fn stretch(master: [u8; 32], label: &[u8]) -> [u8; 32] {
    let mut key = [0; 32];
    let hkdf = Hkdf::<Sha256>::from_prk(&master).unwrap();
    hkdf.expand(label, &mut key).unwrap();
    key
}

fn cipher_string(master: [u8; 32], plain: &[u8]) -> String {
    let start = [9; 16];
    let key = stretch(master, b"enc");
    let cipher = cbc::Encryptor::<aes::Aes256>::new(&key.into(), &start.into());
    let sealed = cipher.encrypt_padded_vec::<Pkcs7>(plain);
    let mut mac = Hmac::<Sha256>::new_from_slice(&stretch(master, b"mac")).unwrap();
    mac.update(&start);
    mac.update(&sealed);
    let tag = mac.finalize().into_bytes();
    let [start, sealed, tag] = [&start[..], &sealed, &tag].map(|part| BASE64.encode(part));
    format!("2.{start}|{sealed}|{tag}")
}

fn sealed(cost: &str) -> String {
    let master = if cost == PBKDF2 {
        pbkdf2_hmac_array::<Sha256, 32>(PASSWORD.as_bytes(), SALT.as_bytes(), 1000)
    } else {
        argon(&Sha256::digest(SALT), 1024, 2, 2)
    };
    let data = r#"{"encrypted":false,"items":[{"id":"a","type":1,"name":"mail","login":{"password":"p"}}]}"#;
    format!(
        r#"{{"encrypted":true,"passwordProtected":true,"salt":"{SALT}",{cost},
        "encKeyValidation_DO_NOT_EDIT":"{}","data":"{}"}}"#,
        cipher_string(master, b"any random text"),
        cipher_string(master, data.as_bytes()),
    )
}

#[test]
fn both_derivations_open_under_the_password_alone() {
    for cost in [PBKDF2, ARGON2] {
        let text = sealed(cost);
        assert_eq!(detect(text.as_bytes(), None), Ok(FORMAT));
        let imported = open(text.as_bytes(), FORMAT, PASSWORD).unwrap();
        assert_eq!(imported.drafts[0].draft.title, "mail");
        let needed = import(text.as_bytes(), None, None).err();
        let format = FORMAT;
        assert_eq!(needed, Some(ImportError::SourcePasswordNeeded { format }));
        let wrong = open(text.as_bytes(), FORMAT, "wrong").err();
        assert_eq!(wrong, Some(ImportError::SourcePasswordWrong { format }));
    }
}

#[test]
fn what_is_cut_off_or_changed_is_refused() {
    let text = sealed(PBKDF2);
    for cut in 0..text.len() {
        assert!(
            open(&text.as_bytes()[..cut], FORMAT, PASSWORD).is_err(),
            "{cut}"
        );
    }
    let data = text.find("\"data\":\"2.").unwrap() + 10;
    for at in (data..text.len() - 3).step_by(3) {
        let mut changed = text.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        assert!(open(&changed, FORMAT, PASSWORD).is_err(), "{at}");
    }
}

#[test]
fn costs_are_limited_before_anything_is_derived() {
    let costly = Some(ImportError::SourceTooCostly { format: FORMAT });
    for (from, to) in [
        ("\"kdfIterations\":1000", "\"kdfIterations\":4000000000"),
        (
            "\"kdfIterations\":1000",
            "\"kdfIterations\":18446744073709551615",
        ),
    ] {
        let text = sealed(PBKDF2).replace(from, to);
        assert_eq!(open(text.as_bytes(), FORMAT, PASSWORD).err(), costly);
    }
    for (from, to) in [
        ("\"kdfMemory\":1", "\"kdfMemory\":4096"),
        ("\"kdfMemory\":1", "\"kdfMemory\":18446744073709551615"),
        ("\"kdfIterations\":2", "\"kdfIterations\":1000000000"),
        ("\"kdfParallelism\":2", "\"kdfParallelism\":100000"),
    ] {
        let text = sealed(ARGON2).replace(from, to);
        assert_eq!(
            open(text.as_bytes(), FORMAT, PASSWORD).err(),
            costly,
            "{to}"
        );
    }
}
