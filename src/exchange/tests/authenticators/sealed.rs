//! Encrypted exports, sealed here after each format's description around the samples in clear.

use super::*;
use crate::exchange::{Credentials, import_with};
use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit};
use argon2::{Algorithm, Argon2, Params, Version};
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeEncrypt, KeyIvInit};
use chacha20poly1305::XChaCha20Poly1305;
use data_encoding::{BASE64, HEXLOWER};
use pbkdf2::pbkdf2_hmac_array;
use sha1::Sha1;
use sha2::{Digest, Sha256};

pub(crate) const PASSWORD: &str = "correct horse ä";
const NONCE: [u8; 12] = *b"twelve bytes";

/// What is done to a ciphertext before it is put into its file.
type Meddling = fn(Vec<u8>) -> Vec<u8>;

fn gcm(key: [u8; 32], aad: &[u8], plain: &[u8]) -> Vec<u8> {
    let cipher = Aes256Gcm::new(&key.into());
    let payload = Payload { msg: plain, aad };
    cipher.encrypt(&NONCE.into(), payload).unwrap()
}

pub(crate) fn argon(salt: &[u8], memory_kib: u32, passes: u32, lanes: u32) -> [u8; 32] {
    let params = Params::new(memory_kib, passes, lanes, Some(32)).unwrap();
    let mut key = [0; 32];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(PASSWORD.as_bytes(), salt, &mut key)
        .unwrap();
    key
}

fn split_tag(mut sealed: Vec<u8>) -> (Vec<u8>, Vec<u8>) {
    let tag = sealed.split_off(sealed.len().saturating_sub(16));
    (sealed, tag)
}

/// Two slots that no password opens, by kind and by password, before the one that it does.
fn aegis(meddle: Meddling) -> Vec<u8> {
    let cost = scrypt::Params::new(4, 8, 1).unwrap();
    let slot = |kind: u8, password: &str, master: &[u8]| {
        let mut key = [0; 32];
        scrypt::scrypt(password.as_bytes(), b"salt", &cost, &mut key).unwrap();
        let (wrapped, tag) = split_tag(gcm(key, b"", master));
        format!(
            r#"{{"type":{kind},"uuid":"u","key":"{}","key_params":{{"nonce":"{}","tag":"{}"}},
            "n":16,"r":8,"p":1,"salt":"{}","repaired":true}}"#,
            HEXLOWER.encode(&wrapped),
            HEXLOWER.encode(&NONCE),
            HEXLOWER.encode(&tag),
            HEXLOWER.encode(b"salt"),
        )
    };
    let master = [7; 32];
    let content: serde_json::Value = serde_json::from_str(AEGIS).unwrap();
    let content = serde_json::to_vec(&content["db"]).unwrap();
    let (sealed, tag) = split_tag(meddle(gcm(master, b"", &content)));
    format!(
        r#"{{"version":1,"header":{{"slots":[{},{},{}],"params":{{"nonce":"{}","tag":"{}"}}}},"db":"{}"}}"#,
        slot(2, PASSWORD, &[1; 32]),
        slot(1, "another", &[2; 32]),
        slot(1, PASSWORD, &master),
        HEXLOWER.encode(&NONCE),
        HEXLOWER.encode(&tag),
        BASE64.encode(&sealed).replace('/', "\\/"),
    )
    .into_bytes()
}

fn andotp(meddle: Meddling) -> Vec<u8> {
    let (rounds, salt) = (100_000_u32, *b"salt of 12 b");
    let key = pbkdf2_hmac_array::<Sha1, 32>(PASSWORD.as_bytes(), &salt, rounds);
    let sealed = meddle(gcm(key, b"", ANDOTP.as_bytes()));
    [&rounds.to_be_bytes()[..], &salt, &NONCE, &sealed].concat()
}

fn andotp_old(meddle: Meddling) -> Vec<u8> {
    let key = Sha256::digest(PASSWORD).into();
    let sealed = meddle(gcm(key, b"", ANDOTP.as_bytes()));
    [&NONCE[..], &sealed].concat()
}

fn two_fas(meddle: Meddling) -> Vec<u8> {
    let key = pbkdf2_hmac_array::<Sha256, 32>(PASSWORD.as_bytes(), b"salt", 10_000);
    let mut root: serde_json::Value = serde_json::from_str(TWO_FAS).unwrap();
    let services = serde_json::to_vec(&root["services"]).unwrap();
    let parts = [
        meddle(gcm(key, b"", &services)),
        b"salt".to_vec(),
        NONCE.to_vec(),
    ];
    root["services"] = serde_json::json!([]);
    root["servicesEncrypted"] = parts.map(|part| BASE64.encode(&part)).join(":").into();
    root["reference"] = "a:b:c".into();
    serde_json::to_vec(&root).unwrap()
}

fn proton(meddle: Meddling) -> Vec<u8> {
    let key = argon(b"salt of 16 bytes", 19 * 1024, 2, 1);
    let sealed = meddle(gcm(
        key,
        b"proton.authenticator.export.v1",
        PROTON.as_bytes(),
    ));
    let content = BASE64.encode(&[&NONCE[..], &sealed].concat());
    let salt = BASE64.encode(b"salt of 16 bytes");
    format!(r#"{{"version":1,"salt":"{salt}","content":"{content}"}}"#).into_bytes()
}

fn cotp(meddle: Meddling) -> Vec<u8> {
    let key = argon(b"salt of 16 bytes", 32 * 1024, 4, 4);
    let cipher = XChaCha20Poly1305::new(&key.into());
    let sealed = cipher.encrypt(&[9; 24].into(), COTP.as_bytes()).unwrap();
    format!(
        r#"{{"version":1,"nonce":"{}","salt":"{}","cipher":"{}"}}"#,
        BASE64.encode(&[9; 24]),
        BASE64.encode(b"salt of 16 bytes"),
        BASE64.encode(&meddle(sealed)),
    )
    .into_bytes()
}

fn stratum(meddle: Meddling) -> Vec<u8> {
    let key = argon(b"salt of 16 bytes", 64 * 1024, 3, 4);
    let sealed = meddle(gcm(key, b"", STRATUM.as_bytes()));
    [
        b"AUTHENTICATORPRO",
        &b"salt of 16 bytes"[..],
        &NONCE,
        &sealed,
    ]
    .concat()
}

fn stratum_old(meddle: Meddling) -> Vec<u8> {
    let salt = *b"a salt of 20 bytes..";
    let key = pbkdf2_hmac_array::<Sha1, 32>(PASSWORD.as_bytes(), &salt, 64_000);
    let start = *b"start of sixteen";
    let mut sealed = STRATUM.as_bytes().to_vec();
    sealed.resize(STRATUM.len() + 16, 0);
    let cipher = cbc::Encryptor::<aes::Aes256>::new(&key.into(), &start.into());
    let length = cipher
        .encrypt_padded::<Pkcs7>(&mut sealed, STRATUM.len())
        .unwrap()
        .len();
    sealed.truncate(length);
    [b"AuthenticatorPro", &salt[..], &start, &meddle(sealed)].concat()
}

/// Made with libsodium around two URIs; the key is Argon2id's at its least cost.
fn ente(meddle: Meddling) -> Vec<u8> {
    let (salt, nonce, sealed) = ENTE_SEALED;
    let sealed = meddle(BASE64.decode(sealed.as_bytes()).unwrap());
    let sealed = BASE64.encode(&sealed);
    format!(
        r#"{{"version":1,"kdfParams":{{"memLimit":8192,"opsLimit":1,"salt":"{salt}"}},
        "encryptedData":"{sealed}","encryptionNonce":"{nonce}"}}"#
    )
    .into_bytes()
}

/// A text as Java writes it.
fn java(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for unit in text.encode_utf16() {
        let [low, middle, high] = [unit & 0x3f, unit >> 6 & 0x3f, unit >> 12];
        let byte = |mark: u16, bits: u16| u8::try_from(mark | bits).unwrap();
        match unit {
            1..=0x7f => bytes.push(byte(0, unit)),
            0 | 0x80..=0x7ff => bytes.extend([byte(0xc0, unit >> 6), byte(0x80, low)]),
            _ => bytes.extend([byte(0xe0, high), byte(0x80, middle), byte(0x80, low)]),
        }
    }
    let length = u16::try_from(bytes.len()).unwrap().to_be_bytes();
    [b"t", &length[..], &bytes].concat()
}

fn signed(bytes: &[u8]) -> String {
    let numbers = bytes.iter().map(|byte| byte.cast_signed().to_string());
    format!("[{}]", numbers.collect::<Vec<_>>().join(","))
}

/// A backup of FreeOTP 2: the samples' accounts, and one whose name needs surrogates.
pub(super) fn freeotp(meddle: Meddling) -> Vec<u8> {
    let key = pbkdf2_hmac_array::<sha2::Sha512, 32>(PASSWORD.as_bytes(), b"salt", 1000);
    let parameters = [&[0x30, 17, 4, 12][..], &NONCE, &[2, 1, 16]].concat();
    let sealed = |key, token: &str, plain: &[u8], meddle: Meddling| {
        format!(
            r#"{{"mCipher":"AES/GCM/NoPadding","mCipherText":{},"mParameters":{},"mToken":"{token}"}}"#,
            signed(&meddle(gcm(key, token.as_bytes(), plain))),
            signed(&parameters),
        )
    };
    let master = [5; 32];
    let mut entries = vec![(
        "masterKey".to_owned(),
        format!(
            r#"{{"mAlgorithm":"PBKDF2withHmacSHA512","mEncryptedKey":{},"mIterations":1000,"mSalt":{}}}"#,
            sealed(key, "AES", &master, as_it_is),
            signed(b"salt"),
        ),
    )];
    for (id, token) in [
        (
            "i-1",
            r#"{"digits":8,"issuerExt":"Bank","label":"ann@x.example","type":"TOTP"}"#,
        ),
        (
            "i-2",
            r#"{"algo":"SHA1","counter":5,"issuerExt":"Shop & Co","label":"bob","type":"HOTP"}"#,
        ),
        (
            "i-3",
            r#"{"issuerExt":"Näme 🔑","label":"x","type":"TOTP","later":"kept later"}"#,
        ),
    ] {
        let seed = sealed(master, "HmacSHA1", b"12345678901234567890", meddle);
        entries.push((format!("{id}-token"), token.to_owned()));
        entries.push((
            id.to_owned(),
            serde_json::json!({ "key": seed }).to_string(),
        ));
    }
    let mut bytes = b"\xac\xed\x00\x05sr\x00\x11java.util.HashMap".to_vec();
    bytes.extend([0x05, 0x07, 0xda, 0xc1, 0xc3, 0x16, 0x60, 0xd1, 0x03]);
    bytes.extend(b"\x00\x02F\x00\x0aloadFactorI\x00\x09thresholdxp");
    bytes.extend(b"?@\x00\x00\x00\x00\x00\x0c\x77\x08\x00\x00\x00\x10");
    bytes.extend(u32::try_from(entries.len()).unwrap().to_be_bytes());
    for (name, text) in entries {
        bytes.extend(java(&name));
        bytes.extend(java(&text));
    }
    bytes.push(b'x');
    bytes
}

type Sealed = (&'static str, Format, fn(Meddling) -> Vec<u8>);

const SEALED: [Sealed; 10] = [
    ("Aegis", Format::Aegis, aegis),
    ("andOTP", Format::AndOtp, andotp),
    ("old andOTP", Format::AndOtp, andotp_old),
    ("2FAS", Format::TwoFas, two_fas),
    ("Proton", Format::ProtonAuthenticator, proton),
    ("cotp", Format::Cotp, cotp),
    ("Stratum", Format::Stratum, stratum),
    ("old Stratum", Format::Stratum, stratum_old),
    ("Ente", Format::EnteAuth, ente),
    ("FreeOTP 2", Format::FreeOtp, freeotp),
];

/// Reads a file under a password.
pub(crate) fn open(bytes: &[u8], format: Format, password: &str) -> Result<Imported, ImportError> {
    let password = Secret::new(password.to_owned());
    let credentials = Credentials {
        password: Some(&password),
        ..Credentials::default()
    };
    import_with(bytes, Some(format), None, &credentials)
}

fn as_it_is(bytes: Vec<u8>) -> Vec<u8> {
    bytes
}

#[test]
fn an_encrypted_export_is_told_from_its_content_and_opens_under_its_password() {
    for (what, format, make) in SEALED {
        let bytes = make(as_it_is);
        // The first versions of andOTP left no mark at all, so a name must tell.
        let name = (what == "old andOTP").then_some("otp_accounts.json.aes");
        assert_eq!(detect(&bytes, name), Ok(format), "{what}");
        let imported = open(&bytes, format, PASSWORD).unwrap();
        if format == Format::ProtonAuthenticator {
            assert_eq!(imported.drafts.len(), read(PROTON).drafts.len());
        } else {
            check_rfc_accounts(&imported, what);
        }
    }
}

#[test]
fn without_a_password_or_with_a_wrong_one_that_is_what_is_said() {
    for (what, format, make) in SEALED {
        let bytes = make(as_it_is);
        let needed = ImportError::SourcePasswordNeeded { format };
        assert_eq!(
            import(&bytes, Some(format), None).err(),
            Some(needed),
            "{what}"
        );
        let wrong = ImportError::SourcePasswordWrong { format };
        assert_eq!(open(&bytes, format, "wrong").err(), Some(wrong), "{what}");
    }
}

#[test]
fn an_export_that_was_changed_or_cut_off_is_refused_whole() {
    let changes: [Meddling; 4] = [
        |mut bytes| {
            bytes[0] ^= 1;
            bytes
        },
        |mut bytes| {
            *bytes.last_mut().unwrap() ^= 1;
            bytes
        },
        |mut bytes| {
            bytes.pop();
            bytes
        },
        |bytes| bytes[..8].to_vec(),
    ];
    for (what, format, make) in SEALED {
        for (change, number) in changes.into_iter().zip(0..) {
            let refused = open(&make(change), format, PASSWORD).err();
            let expected = matches!(
                refused,
                Some(
                    ImportError::SourcePasswordWrong { .. }
                        | ImportError::NotThisFormat { .. }
                        | ImportError::Json { .. }
                )
            );
            assert!(expected, "{what}, change {number}: {refused:?}");
        }
    }
}

#[test]
fn a_file_cut_off_anywhere_is_refused_without_a_panic() {
    for (what, format, make) in SEALED {
        let bytes = make(as_it_is);
        // Where the derivation is cheap, every cut; else some.
        let step = if format == Format::Aegis || format == Format::EnteAuth {
            7
        } else {
            601
        };
        for cut in (0..bytes.len())
            .step_by(step)
            .chain([15, 16, 17, 35, 36, 43, 44])
        {
            let refused = open(&bytes[..cut.min(bytes.len() - 1)], format, PASSWORD);
            assert!(refused.is_err(), "{what} at {cut}");
        }
    }
}

#[test]
fn costs_in_a_file_are_limited() {
    let text = String::from_utf8(aegis(as_it_is)).unwrap();
    let costly = Some(ImportError::SourceTooCostly {
        format: Format::Aegis,
    });
    for (n, r, p) in [
        ("1073741824", 8, 1),
        ("16", 2_000_000_000, 1),
        ("16", 8, 1_000_000),
    ] {
        let cost = format!(r#""n":{n},"r":{r},"p":{p}"#);
        let text = text.replace(r#""n":16,"r":8,"p":1"#, &cost);
        assert_eq!(open(text.as_bytes(), Format::Aegis, PASSWORD).err(), costly);
    }
    let text = String::from_utf8(ente(as_it_is)).unwrap();
    let costly = Some(ImportError::SourceTooCostly {
        format: Format::EnteAuth,
    });
    for (memory, passes) in [("1099511627776", "1"), ("8192", "18446744073709551615")] {
        let text = text.replace("\"memLimit\":8192", &format!("\"memLimit\":{memory}"));
        let text = text.replace("\"opsLimit\":1", &format!("\"opsLimit\":{passes}"));
        assert_eq!(
            open(text.as_bytes(), Format::EnteAuth, PASSWORD).err(),
            costly
        );
    }
}

#[test]
fn a_backup_of_freeotp_keeps_names_of_any_script_and_what_is_new() {
    let imported = open(&freeotp(as_it_is), Format::FreeOtp, PASSWORD).unwrap();
    let draft = titled(&imported, "Näme 🔑");
    assert_eq!(draft.origin.as_deref(), Some("freeotp:i-3"));
    assert_eq!(field_text(draft, "later"), Some("kept later"));
    let bytes = freeotp(as_it_is);
    // Android 6 writes one number of the map.
    let (head, tail) = bytes.split_at(34);
    let tail =
        &tail[b"\x00\x02F\x00\x0aloadFactorI\x00\x09thresholdxp?@\x00\x00\x00\x00\x00\x0c".len()..];
    let old = [head, b"\x00\x01F\x00\x0aloadFactorxp?@\x00\x00", tail].concat();
    assert_eq!(
        open(&old, Format::FreeOtp, PASSWORD).unwrap().drafts.len(),
        3
    );
    let damaged = |bytes: &[u8]| {
        matches!(
            open(bytes, Format::FreeOtp, PASSWORD).err(),
            Some(ImportError::NotThisFormat { .. })
        )
    };
    assert!(
        damaged(&[&bytes[..], b"x"].concat()),
        "something follows the map"
    );
    for cut in 25..bytes.len() {
        assert!(damaged(&bytes[..cut]), "{cut}");
    }
}

#[test]
fn slots_without_end_are_not_tried() {
    let text = String::from_utf8(aegis(as_it_is)).unwrap();
    let slot = r#"{"type":1,"n":16,"r":8,"p":1},"#;
    let text = text.replace("\"slots\":[", &format!("\"slots\":[{}", slot.repeat(20)));
    let refused = open(text.as_bytes(), Format::Aegis, PASSWORD).err();
    assert!(matches!(refused, Some(ImportError::NotThisFormat { .. })));
}

#[test]
fn the_password_of_a_clear_export_is_not_looked_at() {
    for (format, text) in SAMPLES {
        let imported = open(text.as_bytes(), format, "whatever").unwrap();
        assert_eq!(imported.drafts.len(), read(text).drafts.len());
    }
}
