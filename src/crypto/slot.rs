//! Slots: the ways in, each wrapping the data key once (vault-format.md, section 1.4).
//!
//! A slot read from a file is [`UnverifiedSlot`]: its cost is within the limits and its zeros are zeros, no more. Only
//! [`UnverifiedSlot::open`] makes keys of it, and only if commitment, key id and MAC fit.

use super::kdf::{KdfCost, UnverifiedKdfCost};
use super::keys::{DataKey, KEY_LENGTH, Keys, derive_mac, derive_slot_key};
use super::recovery::RecoveryKey;
use super::seal;
use crate::log::BLOCK;
use crate::log::frame::{FrameHeader, HEADER_LENGTH, NONCE_LENGTH, SMALL_BODY, write_frame};
use crate::log::preamble::Context;
use crate::model::ids::{KeyId, SlotId, VaultId};
use rand::CryptoRng;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Slots of one file that a reader looks at; also how often it runs Argon2 at most.
pub const SLOTS_READ: usize = 32;
/// Slots that a writer leaves in a vault.
pub const SLOTS_WRITTEN: usize = 8;
/// The largest key file, in bytes.
pub const KEY_FILE_LIMIT: usize = 16 << 20;

const COST_AT: usize = 4;
const ID_AT: usize = 16;
const SALT_AT: usize = 32;
const COMMITMENT_AT: usize = 64;
const WRAPPED_AT: usize = 96;
const MAC_AT: usize = 144;
const ZEROS_AT: usize = 176;

/// What opens a slot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SlotKind {
    /// A password.
    Password,
    /// A password and a key file.
    PasswordAndKeyFile,
    /// A recovery key.
    RecoveryKey,
    /// Random bytes that the keyring of one device's desktop holds.
    Keyring,
}

impl SlotKind {
    const ALL: [Self; 4] = [
        Self::Password,
        Self::PasswordAndKeyFile,
        Self::RecoveryKey,
        Self::Keyring,
    ];

    /// The stored number.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::Password => 1,
            Self::PasswordAndKeyFile => 2,
            Self::RecoveryKey => 3,
            Self::Keyring => 4,
        }
    }

    /// The kind as shown.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::PasswordAndKeyFile => "password and key file",
            Self::RecoveryKey => "recovery key",
            Self::Keyring => "keyring",
        }
    }

    /// Whether what opens it may be guessed, and is stretched by Argon2id.
    #[must_use]
    pub fn is_stretched(self) -> bool {
        match self {
            Self::Password | Self::PasswordAndKeyFile => true,
            Self::RecoveryKey | Self::Keyring => false,
        }
    }
}

/// The 32 bytes that a key file stands for: its SHA-256.
pub struct KeyFile(Zeroizing<[u8; 32]>);

impl KeyFile {
    /// Hashes a key file's content; `None` where it is empty or larger than [`KEY_FILE_LIMIT`].
    #[must_use]
    pub fn from_content(content: &[u8]) -> Option<Self> {
        let fits = (1..=KEY_FILE_LIMIT).contains(&content.len());
        fits.then(|| Self(Zeroizing::new(Sha256::digest(content).into())))
    }
}

/// 32 random bytes for the keyring of a desktop. Wiped when dropped.
pub struct KeyringKey(Zeroizing<[u8; KEY_LENGTH]>);

impl KeyringKey {
    /// 256 fresh random bits.
    #[must_use]
    pub fn make(rng: &mut dyn CryptoRng) -> Self {
        let mut key = Zeroizing::new([0; KEY_LENGTH]);
        rng.fill_bytes(&mut *key);
        Self(key)
    }

    /// What a keyring gave back; `None` where it is not 32 bytes.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(|key| Self(Zeroizing::new(key)))
    }

    /// A second copy: one for the slot, one for the keyring.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        Self(self.0.clone())
    }

    /// The bytes, for the keyring.
    #[must_use]
    pub fn expose(&self) -> &[u8; KEY_LENGTH] {
        &self.0
    }
}

/// What HKDF makes a slot's keys from. Wiped when dropped.
pub struct SlotSecret(Zeroizing<Vec<u8>>);

impl SlotSecret {
    /// A password that Argon2id stretched, with the key file's digest where there is one.
    #[must_use]
    pub fn from_password(
        stretched: &Zeroizing<[u8; KEY_LENGTH]>,
        key_file: Option<&KeyFile>,
    ) -> Self {
        let mut secret = Zeroizing::new(Vec::with_capacity(2 * KEY_LENGTH));
        secret.extend_from_slice(&**stretched);
        if let Some(KeyFile(digest)) = key_file {
            secret.extend_from_slice(&**digest);
        }
        Self(secret)
    }

    /// A recovery key; random enough to need no stretching.
    #[must_use]
    pub fn from_recovery_key(key: &RecoveryKey) -> Self {
        // EXPOSE: the symbols are the slot's secret, wiped with it.
        Self(Zeroizing::new(key.expose().to_vec()))
    }

    /// What a keyring holds; random enough to need no stretching.
    #[must_use]
    pub fn from_keyring_key(key: &KeyringKey) -> Self {
        Self(Zeroizing::new(key.0.to_vec()))
    }
}

/// A slot's whole frame, one block, whose MAC was made or checked.
#[derive(Clone, PartialEq, Eq)]
pub struct Slot {
    /// Names the slot.
    pub id: SlotId,
    /// What opens it.
    pub kind: SlotKind,
    /// How dear a guess is; `None` where nothing can be guessed.
    pub cost: Option<KdfCost>,
    /// The frame as it lies in a file.
    pub frame: Vec<u8>,
}

/// A slot as a file has it. Its cost is within the limits; nothing is authentic.
pub struct UnverifiedSlot {
    id: SlotId,
    kind: SlotKind,
    cost: Option<KdfCost>,
    header: FrameHeader,
    body: [u8; SMALL_BODY],
}

/// Why a slot cannot be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SlotError {
    /// Its bytes break a rule, or its cost is over or under a limit.
    Refused,
    /// The secret is not its secret (or the slot was changed, which looks the same).
    WrongSecret,
    /// The secret fits but key id or MAC do not: somebody put the slot together from others' parts.
    Forged,
}

impl UnverifiedSlot {
    /// Reads a slot. Nothing is allocated for its cost and no key is derived.
    ///
    /// # Errors
    /// [`SlotError::Refused`].
    pub fn parse(header: FrameHeader, body: &[u8]) -> Result<Self, SlotError> {
        let body: [u8; SMALL_BODY] = body.try_into().map_err(|_| SlotError::Refused)?;
        let kind = SlotKind::ALL
            .into_iter()
            .find(|kind| kind.number() == body[0])
            .ok_or(SlotError::Refused)?;
        if body[1..COST_AT] != [0; 3] || body[ZEROS_AT..].iter().any(|byte| *byte != 0) {
            return Err(SlotError::Refused);
        }
        let number = |at: usize| {
            let bytes = body
                .get(at..at + 4)
                .and_then(|bytes| bytes.try_into().ok())
                .unwrap_or_default();
            u32::from_le_bytes(bytes)
        };
        let cost = UnverifiedKdfCost {
            memory_kib: number(COST_AT),
            passes: number(COST_AT + 4),
            lanes: number(COST_AT + 8),
        };
        let is_zero = (cost.memory_kib, cost.passes, cost.lanes) == (0, 0, 0);
        let cost = match (kind.is_stretched(), is_zero) {
            (true, _) => Some(cost.check().map_err(|_| SlotError::Refused)?),
            (false, true) => None,
            (false, false) => return Err(SlotError::Refused),
        };
        let id = SlotId::from_slice(&body[ID_AT..SALT_AT]).ok_or(SlotError::Refused)?;
        Ok(Self {
            id,
            kind,
            cost,
            header,
            body,
        })
    }

    /// Names the slot.
    #[must_use]
    pub fn id(&self) -> SlotId {
        self.id
    }

    /// What would open it.
    #[must_use]
    pub fn kind(&self) -> SlotKind {
        self.kind
    }

    /// How Argon2id is to run; `None` where nothing can be guessed.
    #[must_use]
    pub fn cost(&self) -> Option<KdfCost> {
        self.cost
    }

    /// The key that it says it wraps.
    #[must_use]
    pub fn key(&self) -> KeyId {
        self.header.key
    }

    /// The salt for Argon2id.
    #[must_use]
    pub fn salt(&self) -> [u8; 32] {
        let mut salt = [0; 32];
        salt.copy_from_slice(&self.body[SALT_AT..COMMITMENT_AT]);
        salt
    }

    /// Opens the slot: commitment, wrapped key, key id, MAC, in this order.
    ///
    /// # Errors
    /// [`SlotError::WrongSecret`] or [`SlotError::Forged`].
    pub fn open(&self, vault: VaultId, secret: &SlotSecret) -> Result<Keys, SlotError> {
        let context = Context::new(vault);
        let header = self.header.write();
        let bound = [context.as_bytes(), &header, &self.body[..COMMITMENT_AT]];
        let (slot_key, commitment) =
            derive_slot_key(&secret.0, &self.body[SALT_AT..COMMITMENT_AT], &bound);
        // Constant time, and before the AEAD: XChaCha20-Poly1305 does not commit to its key.
        if !bool::from(commitment.ct_eq(&self.body[COMMITMENT_AT..WRAPPED_AT])) {
            return Err(SlotError::WrongSecret);
        }
        let associated = [context.as_bytes(), &header, &self.body[..WRAPPED_AT]].concat();
        let wrapped = &self.body[WRAPPED_AT..MAC_AT];
        let opened = seal::open(slot_key.expose(), &self.header.nonce, &associated, wrapped);
        let opened = opened.ok_or(SlotError::WrongSecret)?;
        let mut data = Zeroizing::new([0; KEY_LENGTH]);
        data.copy_from_slice(&opened);
        let keys = Keys::derive(DataKey::from_bytes(&data), vault);
        if keys.id != self.header.key || self.verify(&keys).is_none() {
            return Err(SlotError::Forged);
        }
        Ok(keys)
    }

    /// The slot as a live one, if its MAC is right under these keys.
    #[must_use]
    pub fn verify(&self, keys: &Keys) -> Option<Slot> {
        let mac = slot_mac(keys, &self.header.write(), &self.body);
        let fits =
            keys.id == self.header.key && bool::from(mac.ct_eq(&self.body[MAC_AT..ZEROS_AT]));
        fits.then(|| Slot {
            id: self.id,
            kind: self.kind,
            cost: self.cost,
            frame: write_frame(&self.header, &self.body),
        })
    }
}

/// Names and salts a slot that is about to be made; the caller stretches the password with its salt.
pub struct SlotDraft {
    id: SlotId,
    kind: SlotKind,
    cost: Option<KdfCost>,
    salt: [u8; 32],
}

impl SlotDraft {
    /// A slot to be: fresh id and salt. `cost` is `None` for what is not stretched, and never one that a file stated.
    #[must_use]
    pub fn make(kind: SlotKind, cost: Option<KdfCost>, rng: &mut dyn CryptoRng) -> Self {
        let mut salt = [0; 32];
        rng.fill_bytes(&mut salt);
        Self {
            id: SlotId::make(rng),
            kind,
            cost,
            salt,
        }
    }

    /// Names the slot.
    #[must_use]
    pub fn id(&self) -> SlotId {
        self.id
    }

    /// The salt for Argon2id.
    #[must_use]
    pub fn salt(&self) -> &[u8; 32] {
        &self.salt
    }

    /// The cost for Argon2id.
    #[must_use]
    pub fn cost(&self) -> Option<KdfCost> {
        self.cost
    }

    /// What will open it.
    #[must_use]
    pub fn kind(&self) -> SlotKind {
        self.kind
    }

    /// Wraps the data key.
    #[must_use]
    pub fn wrap(self, keys: &Keys, secret: &SlotSecret, rng: &mut dyn CryptoRng) -> Slot {
        let mut nonce = [0; NONCE_LENGTH];
        rng.fill_bytes(&mut nonce);
        let header = FrameHeader::for_slot(keys.id, nonce);
        let header_bytes = header.write();
        let mut body = [0; SMALL_BODY];
        body[0] = self.kind.number();
        if let Some(cost) = self.cost {
            body[COST_AT..COST_AT + 4].copy_from_slice(&cost.memory_kib().to_le_bytes());
            body[COST_AT + 4..COST_AT + 8].copy_from_slice(&cost.passes().to_le_bytes());
            body[COST_AT + 8..COST_AT + 12].copy_from_slice(&cost.lanes().to_le_bytes());
        }
        body[ID_AT..SALT_AT].copy_from_slice(&self.id.0);
        body[SALT_AT..COMMITMENT_AT].copy_from_slice(&self.salt);
        let context = Context::new(keys.vault);
        let bound = [context.as_bytes(), &header_bytes, &body[..COMMITMENT_AT]];
        let (slot_key, commitment) = derive_slot_key(&secret.0, &self.salt, &bound);
        body[COMMITMENT_AT..WRAPPED_AT].copy_from_slice(&commitment);
        let associated = [context.as_bytes(), &header_bytes, &body[..WRAPPED_AT]].concat();
        let mut wrapped = Zeroizing::new(Vec::with_capacity(MAC_AT - WRAPPED_AT));
        wrapped.extend_from_slice(keys.data.expose());
        seal::seal_in_place(slot_key.expose(), &nonce, &associated, &mut wrapped);
        body[WRAPPED_AT..MAC_AT].copy_from_slice(&wrapped);
        let mac = slot_mac(keys, &header_bytes, &body);
        body[MAC_AT..ZEROS_AT].copy_from_slice(&mac);
        let frame = write_frame(&header, &body);
        Slot {
            id: self.id,
            kind: self.kind,
            cost: self.cost,
            frame,
        }
    }
}

fn slot_mac(keys: &Keys, header: &[u8; HEADER_LENGTH], body: &[u8; SMALL_BODY]) -> [u8; 32] {
    let context = Context::new(keys.vault);
    derive_mac(
        keys.slot_mac.expose(),
        &[context.as_bytes(), header, &body[..MAC_AT]],
    )
}

const _: () = assert!(HEADER_LENGTH + SMALL_BODY == BLOCK && ZEROS_AT < SMALL_BODY);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::frame::parse_header;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    const VAULT: VaultId = VaultId([7; 16]);

    fn stretched(byte: u8) -> SlotSecret {
        SlotSecret::from_password(&Zeroizing::new([byte; 32]), None)
    }

    fn made(seed: u64) -> (Keys, Slot) {
        let mut rng = StdRng::seed_from_u64(seed);
        let keys = Keys::derive(DataKey::make(&mut rng), VAULT);
        let slot = SlotDraft::make(SlotKind::Password, Some(KdfCost::FLOOR), &mut rng).wrap(
            &keys,
            &stretched(1),
            &mut rng,
        );
        (keys, slot)
    }

    fn parse(frame: &[u8]) -> Result<UnverifiedSlot, SlotError> {
        let header = parse_header(frame).ok_or(SlotError::Refused)?;
        UnverifiedSlot::parse(header, &frame[HEADER_LENGTH..])
    }

    fn refit_checksum(frame: &mut [u8]) {
        let digest = Sha256::digest(&frame[..56]);
        frame[56..64].copy_from_slice(&digest[..8]);
    }

    #[test]
    fn the_right_secret_opens_and_a_wrong_one_does_not() {
        let (keys, slot) = made(1);
        let read = parse(&slot.frame).ok().unwrap();
        assert_eq!(read.open(VAULT, &stretched(1)).ok().unwrap().id, keys.id);
        assert_eq!(
            read.open(VAULT, &stretched(2)).err(),
            Some(SlotError::WrongSecret)
        );
        assert_eq!(
            read.open(VaultId([8; 16]), &stretched(1)).err(),
            Some(SlotError::WrongSecret)
        );
        assert!(read.verify(&keys).unwrap() == slot);
    }

    #[test]
    fn a_key_file_is_part_of_the_secret() {
        let mut rng = StdRng::seed_from_u64(3);
        let keys = Keys::derive(DataKey::make(&mut rng), VAULT);
        let word = Zeroizing::new([1; 32]);
        let file = KeyFile::from_content(b"any file").unwrap();
        let secret = SlotSecret::from_password(&word, Some(&file));
        let draft = SlotDraft::make(SlotKind::PasswordAndKeyFile, Some(KdfCost::FLOOR), &mut rng);
        let slot = parse(&draft.wrap(&keys, &secret, &mut rng).frame)
            .ok()
            .unwrap();
        assert!(slot.open(VAULT, &secret).is_ok());
        assert!(
            slot.open(VAULT, &SlotSecret::from_password(&word, None))
                .is_err()
        );
        let other = KeyFile::from_content(b"another").unwrap();
        assert!(
            slot.open(VAULT, &SlotSecret::from_password(&word, Some(&other)))
                .is_err()
        );
        assert!(KeyFile::from_content(b"").is_none());
    }

    #[test]
    fn a_keyring_holds_a_secret_of_its_own_and_names_no_cost() {
        let mut rng = StdRng::seed_from_u64(4);
        let keys = Keys::derive(DataKey::make(&mut rng), VAULT);
        let key = KeyringKey::make(&mut rng);
        let draft = SlotDraft::make(SlotKind::Keyring, None, &mut rng);
        let secret = SlotSecret::from_keyring_key(&key);
        let frame = draft.wrap(&keys, &secret, &mut rng).frame;
        let slot = parse(&frame).ok().unwrap();
        assert_eq!((slot.kind(), slot.cost()), (SlotKind::Keyring, None));
        let given_back = KeyringKey::from_bytes(key.expose()).unwrap();
        let given_back = SlotSecret::from_keyring_key(&given_back);
        assert_eq!(slot.open(VAULT, &given_back).ok().unwrap().id, keys.id);
        let other = SlotSecret::from_keyring_key(&KeyringKey::make(&mut rng));
        assert_eq!(slot.open(VAULT, &other).err(), Some(SlotError::WrongSecret));
        assert!(KeyringKey::from_bytes(&[0; 31]).is_none());
        let mut dear = frame;
        dear[68] = 1;
        assert_eq!(parse(&dear).err(), Some(SlotError::Refused));
    }

    #[test]
    fn every_flipped_bit_closes_the_slot() {
        let (_, slot) = made(1);
        for bit in 0..slot.frame.len() * 8 {
            let mut frame = slot.frame.clone();
            frame[bit / 8] ^= 1 << (bit % 8);
            assert!(
                parse(&frame)
                    .and_then(|slot| slot.open(VAULT, &stretched(1)))
                    .is_err(),
                "bit {bit}"
            );
        }
    }

    /// Attack A4: lowered parameters never unlock; A5: a bomb is refused before anything is derived.
    #[test]
    fn changed_costs_are_refused_or_do_not_open() {
        let (_, slot) = made(1);
        for (memory, passes, lanes) in [(19_456_u32, 3_u32, 1_u32), (19_457, 2, 1), (19_456, 2, 2)]
        {
            let mut frame = slot.frame.clone();
            frame[68..72].copy_from_slice(&memory.to_le_bytes());
            frame[72..76].copy_from_slice(&passes.to_le_bytes());
            frame[76..80].copy_from_slice(&lanes.to_le_bytes());
            assert_eq!(
                parse(&frame).ok().unwrap().open(VAULT, &stretched(1)).err(),
                Some(SlotError::WrongSecret)
            );
        }
        for (memory, passes, lanes) in [
            (8, 1, 1),
            (u32::MAX, 1, 1),
            (19_456, u32::MAX, 1),
            (19_456, 2, u32::MAX),
            (2_097_152, 16, 1),
        ] {
            let mut frame = slot.frame.clone();
            frame[68..72].copy_from_slice(&memory.to_le_bytes());
            frame[72..76].copy_from_slice(&passes.to_le_bytes());
            frame[76..80].copy_from_slice(&lanes.to_le_bytes());
            assert_eq!(parse(&frame).err(), Some(SlotError::Refused));
        }
    }

    /// Attack A6: a slot body made to decrypt under a chosen secret still lacks the right commitment.
    #[test]
    fn the_commitment_is_checked_before_the_cipher() {
        let (_, slot) = made(1);
        let mut frame = slot.frame.clone();
        let body = &mut frame[HEADER_LENGTH..];
        // An attacker who knows a candidate secret can make its commitment, and then only that one passes.
        let header = parse_header(&slot.frame).unwrap().write();
        let (_, commitment) = derive_slot_key(
            &stretched(9).0,
            &body[SALT_AT..COMMITMENT_AT],
            &[
                Context::new(VAULT).as_bytes(),
                &header,
                &body[..COMMITMENT_AT],
            ],
        );
        body[COMMITMENT_AT..WRAPPED_AT].copy_from_slice(&commitment);
        for secret in 0..=20 {
            assert_eq!(
                parse(&frame)
                    .ok()
                    .unwrap()
                    .open(VAULT, &stretched(secret))
                    .err(),
                Some(SlotError::WrongSecret)
            );
        }
    }

    #[test]
    fn a_slot_with_another_vaults_key_has_no_right_mac() {
        let (keys, _) = made(1);
        let (_, other) = made(2);
        assert!(parse(&other.frame).ok().unwrap().verify(&keys).is_none());
        let mut posing = other.frame;
        posing[16..32].copy_from_slice(&keys.id.0);
        refit_checksum(&mut posing);
        assert!(parse(&posing).ok().unwrap().verify(&keys).is_none());
    }
}
