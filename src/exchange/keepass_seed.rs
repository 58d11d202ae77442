//! One-time password seeds in entries of KeePass: each plug-in, and each program after it, has its own names for them.

use super::authenticator::{Account, Key};
use super::keepass_xml::Value;
use crate::otp::{Seed, SeedError};
use crate::secret::Secret;
use data_encoding::{BASE64, HEXLOWER_PERMISSIVE};
use zeroize::Zeroizing;

/// The values that a seed is made of.
pub(super) struct SeedSource {
    values: Vec<Value>,
    scheme: Scheme,
}

/// Whose names they have.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scheme {
    /// `otp`: an otpauth URI (KeePassXC), or `key=…&step=…&size=…` (KeeOtp).
    Otp,
    /// `TimeOtp-…` (KeePass since 2.47).
    Time,
    /// `HmacOtp-…` (the same).
    Counter,
    /// `TOTP Seed`, `TOTP Settings` (KeeTrayTOTP).
    Tray,
}

const SCHEMES: [(Scheme, &str); 4] = [
    (Scheme::Otp, "otp"),
    (Scheme::Time, "TimeOtp-"),
    (Scheme::Counter, "HmacOtp-"),
    (Scheme::Tray, "TOTP Se"),
];

/// Takes the values of a seed out of an entry's. Where it has several seeds, the others stay as fields.
pub(super) fn take(values: &mut Vec<Value>) -> Option<SeedSource> {
    let belongs = |scheme: Scheme, prefix: &str, name: &str| match scheme {
        Scheme::Otp => name == prefix,
        _ => name.starts_with(prefix),
    };
    let (scheme, prefix) = SCHEMES.into_iter().find(|(scheme, prefix)| {
        let mut named = values.iter().filter(|value| !value.text.trim().is_empty());
        named.any(|value| belongs(*scheme, prefix, &value.name))
    })?;
    let (taken, left) = std::mem::take(values)
        .into_iter()
        .partition(|value| belongs(scheme, prefix, &value.name));
    *values = left;
    Some(SeedSource {
        values: taken,
        scheme,
    })
}

impl SeedSource {
    /// The seed; or why there is none, and the values as they were.
    pub(super) fn make(self) -> Result<Seed, (SeedError, Vec<Value>)> {
        let made = match self.scheme {
            Scheme::Otp => self.of_otp(),
            Scheme::Time => self.of_numbered("TimeOtp-", "totp"),
            Scheme::Counter => self.of_numbered("HmacOtp-", "hotp"),
            Scheme::Tray => self.of_tray(),
        };
        made.map_err(|error| (error, self.values))
    }

    fn text(&self, name: &str) -> Option<&str> {
        let found = self.values.iter().find(|value| value.name == name);
        found
            .map(|value| value.text.trim())
            .filter(|text| !text.is_empty())
    }

    fn of_otp(&self) -> Result<Seed, SeedError> {
        let text = self.text("otp").ok_or(SeedError::NoKey)?;
        if !text.contains("key=") || text.contains("://") {
            return Seed::parse(&Secret::new(text.to_owned()));
        }
        let parameter = |name: &str| {
            let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
            let mut found = pairs.filter(|(key, _)| key.trim().eq_ignore_ascii_case(name));
            found
                .next()
                .map(|(_, value)| value.replace("%3d", "=").replace("%3D", "="))
        };
        let key = parameter("key").unwrap_or_default();
        account(Key::Base32(Zeroizing::new(key)), |account| {
            account.kind = parameter("type").unwrap_or_default();
            account.period = parameter("step");
            account.digits = parameter("size");
            account.counter = parameter("counter");
            account.algorithm = parameter("otpHashMode");
        })
    }

    fn of_numbered(&self, prefix: &str, kind: &str) -> Result<Seed, SeedError> {
        let text = |name: &str| self.text(&format!("{prefix}{name}"));
        let key = if let Some(base32) = text("Secret-Base32") {
            Key::Base32(Zeroizing::new(base32.to_owned()))
        } else if let Some(hex) = text("Secret-Hex") {
            let bytes = HEXLOWER_PERMISSIVE.decode(hex.as_bytes());
            Key::Bytes(Zeroizing::new(bytes.map_err(|_| SeedError::NotBase32)?))
        } else if let Some(base64) = text("Secret-Base64") {
            let bytes = BASE64.decode(base64.as_bytes());
            Key::Bytes(Zeroizing::new(bytes.map_err(|_| SeedError::NotBase32)?))
        } else {
            let plain = text("Secret").ok_or(SeedError::NoKey)?;
            Key::Bytes(Zeroizing::new(plain.as_bytes().to_vec()))
        };
        account(key, |account| {
            account.kind = kind.to_owned();
            account.digits = text("Length").map(str::to_owned);
            account.period = text("Period").map(str::to_owned);
            account.algorithm = text("Algorithm").map(str::to_owned);
            account.counter = text("Counter").map(str::to_owned);
        })
    }

    /// Settings are `period;digits`, with `S` for Steam's letters, and perhaps the address of a clock.
    fn of_tray(&self) -> Result<Seed, SeedError> {
        let key = self.text("TOTP Seed").ok_or(SeedError::NoKey)?;
        let settings = self.text("TOTP Settings").unwrap_or_default();
        let mut parts = settings.split(';').map(str::trim);
        let period = parts.next().filter(|text| !text.is_empty());
        let digits = parts.next().filter(|text| !text.is_empty());
        account(Key::Base32(Zeroizing::new(key.to_owned())), |account| {
            account.period = period.map(str::to_owned);
            if digits == Some("S") {
                account.kind = "steam".to_owned();
            } else {
                account.digits = digits.map(str::to_owned);
            }
        })
    }
}

fn account(key: Key, fill: impl FnOnce(&mut Account)) -> Result<Seed, SeedError> {
    let mut account = Account {
        issuer: String::new(),
        name: String::new(),
        kind: String::new(),
        key,
        algorithm: None,
        digits: None,
        period: None,
        counter: None,
    };
    fill(&mut account);
    account.make_seed()
}
