//! Kinds of item, kinds of field, and the table of standard fields (vault-format.md, "Standard fields").

use serde::{Deserialize, Serialize};

/// What a field's value is. The numbers are stored.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum FieldKind {
    /// One line of plain text.
    Text,
    /// Sealed a second time; may have several lines.
    Secret,
    /// An address; the value of an item's URLs too.
    Url,
    /// A one-time password seed: otpauth URI, steam URI or base32. Sealed a second time.
    Otp,
    /// A date as the user or the import wrote it, ISO 8601 preferred.
    Date,
    /// An e-mail address.
    Email,
    /// Plain text of several lines.
    Multiline,
}

impl FieldKind {
    /// Every kind with its stored number and its name on the command line and in JSON.
    pub const TABLE: [(Self, u8, &'static str); 7] = [
        (Self::Text, 1, "text"),
        (Self::Secret, 2, "secret"),
        (Self::Url, 3, "url"),
        (Self::Otp, 4, "otp"),
        (Self::Date, 5, "date"),
        (Self::Email, 6, "email"),
        (Self::Multiline, 7, "multiline"),
    ];

    /// Whether values of this kind are sealed under the secret key.
    #[must_use]
    pub fn is_secret(self) -> bool {
        matches!(self, Self::Secret | Self::Otp)
    }

    /// The name in JSON and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::TABLE
            .iter()
            .find(|row| row.0 == self)
            .map_or("text", |row| row.2)
    }

    /// The stored number.
    #[must_use]
    pub fn number(self) -> u8 {
        Self::TABLE
            .iter()
            .find(|row| row.0 == self)
            .map_or(1, |row| row.1)
    }

    /// The kind of a stored number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::TABLE
            .iter()
            .find(|row| row.1 == number)
            .map(|row| row.0)
    }

    /// The kind of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::TABLE
            .iter()
            .find(|row| row.2 == name)
            .map(|row| row.0)
    }
}

/// What an item is. The names are stored.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
)]
pub enum ItemKind {
    /// A login at a site or program.
    #[default]
    Login,
    /// A secret text.
    Note,
    /// A payment card.
    Card,
    /// A person: names, address, papers.
    Identity,
    /// An SSH key pair.
    SshKey,
    /// A token for a program.
    ApiToken,
    /// A wireless network.
    Wifi,
    /// A bank account.
    BankAccount,
    /// A software licence.
    Licence,
    /// Anything else.
    Custom,
}

impl ItemKind {
    /// Every kind with its name and the standard fields that its template offers, main field first.
    pub const TABLE: [(Self, &'static str, &'static [u8]); 10] = [
        (Self::Login, "login", &[PASSWORD, USERNAME, OTP]),
        (Self::Note, "note", &[TEXT]),
        (
            Self::Card,
            "card",
            &[NUMBER, HOLDER, BRAND, EXPIRES, VERIFICATION_CODE, PIN],
        ),
        (
            Self::Identity,
            "identity",
            &[
                FULL_NAME,
                EMAIL,
                PHONE,
                ADDRESS,
                COMPANY,
                PASSPORT_NUMBER,
                SOCIAL_NUMBER,
                LICENCE_NUMBER,
                BIRTH_DATE,
            ],
        ),
        (
            Self::SshKey,
            "ssh-key",
            &[PRIVATE_KEY, PUBLIC_KEY, FINGERPRINT, PASSPHRASE],
        ),
        (Self::ApiToken, "api-token", &[TOKEN, USERNAME, EXPIRES]),
        (Self::Wifi, "wifi", &[PASSWORD, NETWORK, SECURITY]),
        (
            Self::BankAccount,
            "bank-account",
            &[NUMBER, HOLDER, IBAN, BIC, BANK, PIN],
        ),
        (
            Self::Licence,
            "licence",
            &[LICENCE_KEY, PRODUCT, EMAIL, EXPIRES],
        ),
        (Self::Custom, "custom", &[PASSWORD]),
    ];

    /// The name, as stored and shown.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::TABLE
            .iter()
            .find(|row| row.0 == self)
            .map_or("custom", |row| row.1)
    }

    /// The kind of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::TABLE
            .iter()
            .find(|row| row.1 == name)
            .map(|row| row.0)
    }

    /// The standard fields of the kind's template, main field first: the one that `get NAME` prints.
    #[must_use]
    pub fn template(self) -> &'static [u8] {
        Self::TABLE
            .iter()
            .find(|row| row.0 == self)
            .map_or(&[PASSWORD], |row| row.2)
    }
}

macro_rules! standard_fields {
    ($($constant:ident = $number:literal, $name:literal, $kind:ident, $doc:literal;)*) => {
        $(#[doc = $doc] pub const $constant: u8 = $number;)*
        /// Every standard field: number, name, kind. Numbers 1 to 9 describe the item itself and are not shown as fields.
        pub const STANDARD_FIELDS: &[(u8, &str, FieldKind)] = &[$(($constant, $name, FieldKind::$kind)),*];
    };
}

standard_fields! {
    KIND = 1, "kind", Text, "The item's kind, a name of [`ItemKind::TABLE`].";
    TITLE = 2, "title", Text, "The item's title.";
    FOLDER = 3, "folder", Text, "The item's folder, segments joined by `/`; empty at the top.";
    FAVOURITE = 4, "favourite", Text, "`yes` where the user marked the item.";
    ORIGIN = 5, "origin", Text, "Where an import found the item, so that a second import knows it again.";
    USERNAME = 16, "username", Text, "User name.";
    PASSWORD = 17, "password", Secret, "Password.";
    OTP = 18, "otp", Otp, "One-time password seed.";
    NOTES = 19, "notes", Multiline, "Remarks; searched by `find`.";
    TEXT = 20, "text", Secret, "The secret text of a note.";
    EMAIL = 21, "email", Email, "E-mail address.";
    NUMBER = 22, "number", Secret, "Card or account number.";
    HOLDER = 23, "holder", Text, "Card or account holder.";
    BRAND = 24, "brand", Text, "Card brand.";
    EXPIRES = 25, "expires", Date, "Expiry date.";
    VERIFICATION_CODE = 26, "code", Secret, "Card verification code.";
    PIN = 27, "pin", Secret, "PIN.";
    FULL_NAME = 28, "name", Text, "A person's name.";
    PHONE = 29, "phone", Text, "Telephone number.";
    ADDRESS = 30, "address", Multiline, "Postal address.";
    COMPANY = 31, "company", Text, "Company.";
    PASSPORT_NUMBER = 32, "passport-number", Secret, "Passport number.";
    SOCIAL_NUMBER = 33, "social-number", Secret, "Social security number.";
    LICENCE_NUMBER = 34, "licence-number", Secret, "Driving licence number.";
    BIRTH_DATE = 35, "birth-date", Date, "Date of birth.";
    PRIVATE_KEY = 36, "private-key", Secret, "Private key.";
    PUBLIC_KEY = 37, "public-key", Multiline, "Public key.";
    FINGERPRINT = 38, "fingerprint", Text, "Key fingerprint.";
    PASSPHRASE = 39, "passphrase", Secret, "Passphrase of a private key.";
    TOKEN = 40, "token", Secret, "API token.";
    NETWORK = 41, "network", Text, "Name of a wireless network.";
    SECURITY = 42, "security", Text, "Security mode of a wireless network.";
    IBAN = 43, "iban", Text, "IBAN.";
    BIC = 44, "bic", Text, "BIC.";
    BANK = 45, "bank", Text, "Name of a bank.";
    PRODUCT = 46, "product", Text, "Product that a licence is for.";
    LICENCE_KEY = 47, "licence-key", Secret, "Licence key.";
    CREATED = 48, "created", Date, "Creation date that an import brought.";
    PASSWORD_RULES = 49, "password-rules", Text, "What the site asks of passwords, in the language of its `passwordrules` attribute.";
}

/// The number of the standard field with this name (fields that describe the item itself included).
#[must_use]
pub fn standard_number(name: &str) -> Option<u8> {
    STANDARD_FIELDS
        .iter()
        .find(|row| row.1 == name)
        .map(|row| row.0)
}

/// Name and kind of a standard field.
#[must_use]
pub fn standard_field(number: u8) -> Option<(&'static str, FieldKind)> {
    STANDARD_FIELDS
        .iter()
        .find(|row| row.0 == number)
        .map(|row| (row.1, row.2))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn numbers_and_names_are_unique_and_templates_exist() {
        let numbers: BTreeSet<u8> = STANDARD_FIELDS.iter().map(|row| row.0).collect();
        let names: BTreeSet<&str> = STANDARD_FIELDS.iter().map(|row| row.1).collect();
        assert_eq!(numbers.len(), STANDARD_FIELDS.len());
        assert_eq!(names.len(), STANDARD_FIELDS.len());
        for (_, _, template) in ItemKind::TABLE {
            assert!(
                template
                    .iter()
                    .all(|number| standard_field(*number).is_some())
            );
        }
        for (kind, number, name) in FieldKind::TABLE {
            assert_eq!(FieldKind::from_number(number), Some(kind));
            assert_eq!(FieldKind::from_name(name), Some(kind));
        }
    }
}
