//! What a Bitwarden item keeps for its kind, filled from an item of ours.

use super::bitwarden::{is_date, plain_text};
use super::entry::{Entry, Shown};
use crate::exchange::native::DocumentField;
use crate::model::field;
use crate::model::ids::FieldId;
use crate::otp::{Kind, Seed};
use serde::Serialize;
use serde_json::value::RawValue;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Login<'d> {
    uris: Vec<Uri<'d>>,
    username: Option<Shown<'d>>,
    password: Option<Shown<'d>>,
    totp: Option<Shown<'d>>,
    password_revision_date: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fido2_credentials: Vec<&'d RawValue>,
}

#[derive(Serialize)]
struct Uri<'d> {
    r#match: Option<u8>,
    uri: &'d str,
}

/// How an address is compared, by the names that the reader gives Bitwarden's numbers.
const MATCHES: [&str; 6] = [
    "domain",
    "host",
    "starts with",
    "exact",
    "regular expression",
    "never",
];

impl<'d> Login<'d> {
    pub(super) fn take(entry: &mut Entry<'d>, urls: Vec<&'d str>) -> Self {
        let uris = urls.into_iter().zip(1_usize..).map(|(uri, at)| {
            let name = format!("match of url {at}");
            let number = |field: &DocumentField| {
                let text = plain_text(field);
                MATCHES.iter().position(|name| *name == text)
            };
            let rule = entry.take_custom(&name, |field| number(field).is_some());
            Uri {
                r#match: rule.and_then(number).and_then(|at| u8::try_from(at).ok()),
                uri,
            }
        });
        let uris = uris.collect();
        let id = FieldId::Standard(field::PASSWORD);
        let had_another = entry.item.history.iter().any(|former| former.id == id);
        let told = entry.take_custom("password changed", is_date);
        let password = entry.take(field::PASSWORD);
        let changed = password.filter(|_| had_another);
        let mut passkeys = Vec::new();
        while let Some(field) = entry.take_custom("passkey", |field| passkey(field).is_some()) {
            passkeys.extend(passkey(field));
        }
        Self {
            uris,
            username: entry.take(field::USERNAME).map(Shown::of),
            password: password.map(Shown::of),
            // Bitwarden takes any seed for one by time, and shows wrong codes of others.
            totp: entry
                .take_if(field::OTP, |field| !is_by_counter(field))
                .map(Shown::of),
            password_revision_date: told
                .map(|field| plain_text(field).to_owned())
                .or_else(|| changed.map(|field| field.changed.to_rfc3339())),
            fido2_credentials: passkeys,
        }
    }
}

/// Whether a field is a seed whose codes go by a counter.
pub(super) fn is_by_counter(field: &DocumentField) -> bool {
    let seed = Seed::parse(&field.value);
    seed.is_ok_and(|seed| matches!(seed.kind(), Kind::Hotp { .. }))
}

/// A passkey as Bitwarden had it: one JSON object.
fn passkey(field: &DocumentField) -> Option<&RawValue> {
    // EXPOSE: an export holds every value in clear; this borrows it.
    let text = field.value.expose();
    let is_object = field.kind.is_secret() && text.starts_with('{');
    serde_json::from_str(text).ok().filter(|_| is_object)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Card<'d> {
    cardholder_name: Option<Shown<'d>>,
    brand: Option<Shown<'d>>,
    number: Option<Shown<'d>>,
    exp_month: Option<&'d str>,
    exp_year: Option<&'d str>,
    code: Option<Shown<'d>>,
}

impl<'d> Card<'d> {
    pub(super) fn take(entry: &mut Entry<'d>) -> Self {
        let expires = entry.take_if(field::EXPIRES, |field| month_of(field).is_some());
        let (year, month) = expires.and_then(month_of).unzip();
        Self {
            cardholder_name: entry.take(field::HOLDER).map(Shown::of),
            brand: entry.take(field::BRAND).map(Shown::of),
            number: entry.take(field::NUMBER).map(Shown::of),
            exp_month: month,
            exp_year: year,
            code: entry.take(field::VERIFICATION_CODE).map(Shown::of),
        }
    }
}

/// Year and month of `YYYY-MM`, the month without a zero before it.
fn month_of(field: &DocumentField) -> Option<(&str, &str)> {
    let (year, month) = plain_text(field).split_once('-')?;
    let is_number =
        |text: &str, digits| text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    let number: u8 = month.parse().ok()?;
    let fits = is_number(year, 4) && is_number(month, 2) && (1..=12).contains(&number);
    fits.then(|| (year, month.trim_start_matches('0')))
}

#[derive(Serialize, Default)]
#[serde(rename_all = "camelCase")]
pub(super) struct Identity<'d> {
    title: Option<Shown<'d>>,
    first_name: Option<&'d str>,
    middle_name: Option<&'d str>,
    last_name: Option<&'d str>,
    address1: Option<&'d str>,
    address2: Option<&'d str>,
    address3: Option<&'d str>,
    company: Option<Shown<'d>>,
    email: Option<Shown<'d>>,
    phone: Option<Shown<'d>>,
    ssn: Option<Shown<'d>>,
    username: Option<Shown<'d>>,
    passport_number: Option<Shown<'d>>,
    license_number: Option<Shown<'d>>,
}

impl<'d> Identity<'d> {
    pub(super) fn take(entry: &mut Entry<'d>) -> Self {
        let salutation = entry.take_custom("salutation", |field| !field.kind.is_secret());
        let mut identity = Self {
            title: salutation.map(Shown::of),
            company: entry.take(field::COMPANY).map(Shown::of),
            email: entry.take(field::EMAIL).map(Shown::of),
            phone: entry.take(field::PHONE).map(Shown::of),
            ssn: entry.take(field::SOCIAL_NUMBER).map(Shown::of),
            username: entry.take(field::USERNAME).map(Shown::of),
            passport_number: entry.take(field::PASSPORT_NUMBER).map(Shown::of),
            license_number: entry.take(field::LICENCE_NUMBER).map(Shown::of),
            ..Self::default()
        };
        identity.take_name(entry);
        if let Some(address) = entry.take(field::ADDRESS) {
            identity.put_address(plain_text(address));
        }
        identity
    }

    /// Parts that an import kept count; else the words of the name are the parts, where there are two or three.
    fn take_name(&mut self, entry: &mut Entry<'d>) {
        let mut part = |name| {
            let field = entry.take_custom(name, |field| !field.kind.is_secret())?;
            Some(plain_text(field))
        };
        let parts = [part("first name"), part("middle name"), part("last name")];
        let whole: Vec<&str> = parts.iter().flatten().copied().collect();
        [self.first_name, self.middle_name, self.last_name] = parts;
        if !whole.is_empty() {
            let whole = whole.join(" ");
            entry.take_if(field::FULL_NAME, |field| plain_text(field) == whole);
            return;
        }
        let Some(name) = entry.take(field::FULL_NAME).map(plain_text) else {
            return;
        };
        let words: Vec<&str> = name.split(' ').collect();
        let is_clear = words
            .iter()
            .all(|word| !word.is_empty() && !word.contains(char::is_whitespace));
        match words.as_slice() {
            [first, last] if is_clear => {
                (self.first_name, self.last_name) = (Some(*first), Some(*last));
            }
            [first, middle, last] if is_clear => {
                (self.first_name, self.last_name) = (Some(*first), Some(*last));
                self.middle_name = Some(*middle);
            }
            _ => self.first_name = Some(name),
        }
    }

    /// Its lines, the last place taking all that are left; a line with nothing on it keeps the address in one.
    fn put_address(&mut self, address: &'d str) {
        if address.lines().any(str::is_empty) || address.ends_with('\n') {
            self.address1 = Some(address);
            return;
        }
        let mut lines = address.splitn(3, '\n');
        self.address1 = lines.next();
        self.address2 = lines.next();
        self.address3 = lines.next();
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SshKey<'d> {
    private_key: Option<Shown<'d>>,
    public_key: Option<Shown<'d>>,
    key_fingerprint: Option<Shown<'d>>,
}

impl<'d> SshKey<'d> {
    pub(super) fn take(entry: &mut Entry<'d>) -> Self {
        Self {
            private_key: entry.take(field::PRIVATE_KEY).map(Shown::of),
            public_key: entry.take(field::PUBLIC_KEY).map(Shown::of),
            key_fingerprint: entry.take(field::FINGERPRINT).map(Shown::of),
        }
    }
}
