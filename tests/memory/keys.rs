//! The keys of a vault, derived from its first slot and the password by the words of vault-format.md, sections 1.4 and 2,
//! and by nothing of keyfold but its Argon2: what must not be found in memory.

use super::Canary;
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use hkdf::Hkdf;
use keyfold::crypto::kdf::{KdfCost, NormalizedPassword, PlainMemory, derive_password_key_in};
use keyfold::secret::Secret;
use sha2::Sha256;
use std::path::Path;

const BLOCK: usize = 1024;

/// Every key below the password that opens one of the first slots of a vault file, the password's own included.
pub(crate) fn keys_of(vault_file: &Path, password: &str) -> Vec<Canary> {
    let file = std::fs::read(vault_file).unwrap();
    let slots = file.chunks(BLOCK).skip(1).take_while(|frame| frame[8] == 1);
    let mut keys = slots.filter_map(|frame| keys_in(&file[..32], frame, password));
    keys.next().expect("a slot that the password opens")
}

fn keys_in(context: &[u8], frame: &[u8], password: &str) -> Option<Vec<Canary>> {
    let (header, body) = frame.split_at(64);
    if body[0] != 1 {
        return None;
    }
    let number = |at: usize| u32::from_le_bytes(body[at..at + 4].try_into().unwrap());
    let salt = body[32..64].try_into().unwrap();
    let cost = KdfCost::new(number(4), number(8), number(12)).unwrap();
    let typed = NormalizedPassword::new(&Secret::new(password.to_owned()));
    let stretched = derive_password_key_in(&typed, &salt, cost, &mut PlainMemory).unwrap();

    let mut slot_key_and_commitment = [0; 64];
    let info = [b"keyfold v1 slot", context, header, &body[..64]].concat();
    Hkdf::<Sha256>::new(Some(&salt), &*stretched)
        .expand(&info, &mut slot_key_and_commitment)
        .unwrap();
    let (slot_key, commitment) = slot_key_and_commitment.split_at(32);
    if commitment != &body[64..96] {
        return None;
    }
    let sealed = Payload {
        msg: &body[96..144],
        aad: &[context, header, &body[..96]].concat(),
    };
    let nonce = XNonce::try_from(&header[32..56]).unwrap();
    let cipher = XChaCha20Poly1305::new_from_slice(slot_key).unwrap();
    let data = cipher.decrypt(&nonce, sealed).unwrap();

    let root = Hkdf::<Sha256>::new(Some(&context[16..32]), &data);
    let key = |label: &str| {
        let mut key = [0; 32];
        root.expand(format!("keyfold v1 {label}").as_bytes(), &mut key)
            .unwrap();
        key
    };
    let mut keys = vec![
        Canary::new("stretched password", *stretched),
        Canary::new("slot key", slot_key),
        Canary::new("data key", &data),
    ];
    let labels = ["record", "secret", "slot mac", "nonce"];
    keys.extend(labels.map(|label| Canary::new(&format!("{label} key"), key(label))));
    Some(keys)
}
