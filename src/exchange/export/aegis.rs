//! Aegis's vault as it exports it (its docs/vault.md), in clear or under a password: a master key encrypts the content, and
//! one slot has that key under what scrypt makes of the password.

use super::bitwarden::write_uuid;
use super::entry::{Entry, Remarks, Shown};
use super::seeds::{Account, accounts};
use super::{Buffer, Order, WriteError};
use crate::exchange::Format;
use crate::exchange::native::DocumentItem;
use crate::exchange::unlock::{Credentials, GCM_NONCE, Key, Opener, ScryptCost};
use crate::model::field;
use crate::model::ids::FieldId;
use crate::otp::Kind;
use data_encoding::{BASE64, HEXLOWER};
use rand::CryptoRng;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use zeroize::Zeroizing;

const ORIGIN: &str = "aegis:";
const STEAM_PERIOD_SECS: u32 = 30;
const SALT: usize = 32;
/// What Aegis itself asks of scrypt.
const COST: ScryptCost = ScryptCost {
    n: 1 << 15,
    r: 8,
    p: 1,
};

#[derive(Serialize)]
struct Root<T> {
    version: u8,
    header: Header,
    db: T,
}

#[derive(Serialize, Default)]
struct Header {
    slots: Option<Vec<Slot>>,
    params: Option<Params>,
}

#[derive(Serialize)]
struct Slot {
    r#type: u8,
    uuid: String,
    key: String,
    key_params: Params,
    n: u64,
    r: u32,
    p: u32,
    salt: String,
    repaired: bool,
    is_backup: bool,
}

#[derive(Serialize)]
struct Params {
    nonce: String,
    tag: String,
}

#[derive(Serialize)]
struct Content<'d> {
    version: u8,
    entries: Vec<Row<'d>>,
    groups: Vec<Group<'d>>,
    icons_optimized: bool,
}

#[derive(Serialize)]
struct Group<'d> {
    uuid: String,
    name: &'d str,
}

#[derive(Serialize)]
struct Row<'d> {
    r#type: &'static str,
    uuid: String,
    name: String,
    issuer: String,
    note: Shown<'d>,
    favorite: bool,
    icon: Option<&'d str>,
    info: Info<'d>,
    groups: Vec<String>,
}

#[derive(Serialize)]
struct Info<'d> {
    secret: Shown<'d>,
    algo: &'static str,
    digits: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    period: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    counter: Option<u64>,
}

/// Writes the seeds of the items in clear.
pub(super) fn write(
    order: &Order<'_>,
    remarks: &mut Remarks,
) -> Result<Zeroizing<Vec<u8>>, WriteError> {
    write_json(&Root {
        version: 1,
        header: Header::default(),
        db: content(order, remarks),
    })
}

/// Writes the seeds of the items under the order's password.
pub(super) fn write_sealed(
    order: &Order<'_>,
    remarks: &mut Remarks,
    rng: &mut dyn CryptoRng,
) -> Result<Zeroizing<Vec<u8>>, WriteError> {
    let credentials = Credentials {
        password: order.password,
        key_file: None,
    };
    let opener =
        Opener::new(Format::Aegis, &credentials).map_err(|_| WriteError::PasswordNeeded)?;
    let mut master: Key = Zeroizing::default();
    rng.fill_bytes(&mut *master);
    let (mut salt, mut id) = ([0; SALT], [0; 16]);
    rng.fill_bytes(&mut salt);
    rng.fill_bytes(&mut id);
    let key = opener.derive_scrypt(&salt, &COST)?;
    let mut wrapped = master.clone();
    let key_params = seal(&key, wrapped.as_mut_slice(), rng)?;
    let mut content = write_json(&content(order, remarks))?;
    let params = seal(&master, &mut content, rng)?;
    let slot = Slot {
        r#type: 1,
        uuid: write_uuid(&id),
        key: HEXLOWER.encode(wrapped.as_slice()),
        key_params,
        n: COST.n,
        r: COST.r,
        p: COST.p,
        salt: HEXLOWER.encode(&salt),
        repaired: true,
        is_backup: false,
    };
    write_json(&Root {
        version: 1,
        header: Header {
            slots: Some(vec![slot]),
            params: Some(params),
        },
        db: BASE64.encode(&content),
    })
}

fn write_json(value: &impl Serialize) -> Result<Zeroizing<Vec<u8>>, WriteError> {
    let mut buffer = Buffer::default();
    serde_json::to_writer_pretty(&mut buffer, value).map_err(|_| WriteError::Unwritable)?;
    Ok(buffer.into_bytes())
}

fn seal(key: &Key, buffer: &mut [u8], rng: &mut dyn CryptoRng) -> Result<Params, WriteError> {
    let mut nonce = [0; GCM_NONCE];
    rng.fill_bytes(&mut nonce);
    let tag = Opener::seal_gcm(key, &nonce, buffer).ok_or(WriteError::TooLarge)?;
    Ok(Params {
        nonce: HEXLOWER.encode(&nonce),
        tag: HEXLOWER.encode(&tag),
    })
}

fn content<'d>(order: &Order<'d>, remarks: &mut Remarks) -> Content<'d> {
    let notes = FieldId::Standard(field::NOTES);
    let accounts = accounts(order, remarks, |id| id == notes);
    let tags = accounts.iter().flat_map(|account| &account.item.tags);
    let groups: BTreeMap<&str, String> = tags
        .map(|tag| {
            (
                tag.as_str(),
                write_uuid(&derive_id(&[b"tag", tag.as_bytes()])),
            )
        })
        .collect();
    let row = |account: &Account<'d>| {
        let tags = account.item.tags.iter();
        let ids = tags.filter_map(|tag| groups.get(tag.as_str()).cloned());
        row(account, ids.collect())
    };
    Content {
        version: 3,
        entries: accounts.iter().map(row).collect(),
        groups: groups
            .iter()
            .map(|(name, uuid)| Group {
                uuid: uuid.clone(),
                name,
            })
            .collect(),
        icons_optimized: true,
    }
}

fn row<'d>(account: &Account<'d>, groups: Vec<String>) -> Row<'d> {
    let (item, seed) = (account.item, &account.seed);
    let mut entry = Entry::new(item);
    let (period, counter) = match seed.kind() {
        Kind::Totp { period_secs } => (Some(period_secs), None),
        Kind::Hotp { counter } => (None, Some(counter)),
        Kind::Steam => (Some(STEAM_PERIOD_SECS), None),
    };
    Row {
        r#type: seed.kind().name(),
        uuid: id_of(item, account.field),
        name: seed.account().to_owned(),
        issuer: seed.issuer().to_owned(),
        favorite: entry.is_favourite(),
        note: entry.take(field::NOTES).map_or(Shown::Plain(""), Shown::of),
        icon: None,
        info: Info {
            secret: Shown::Made(seed.write_base32()),
            algo: seed.algorithm().name(),
            digits: seed.digits(),
            period,
            counter,
        },
        groups,
    }
}

/// The id that Aegis gave it; else one that is the same in every export.
fn id_of(item: &DocumentItem, field: FieldId) -> String {
    let is_main = field == FieldId::Standard(field::OTP);
    let known = item.text(field::ORIGIN).strip_prefix(ORIGIN);
    match (known, field) {
        (Some(id), _) if is_main && !id.is_empty() => id.to_owned(),
        (_, FieldId::Custom(id)) => write_uuid(&derive_id(&[&item.id.0, &id])),
        _ => write_uuid(&item.id.0),
    }
}

fn derive_id(parts: &[&[u8]]) -> [u8; 16] {
    let mut digest = Sha256::new();
    parts.iter().for_each(|part| digest.update(part));
    let mut id = [0; 16];
    id.copy_from_slice(&digest.finalize()[..16]);
    id
}
