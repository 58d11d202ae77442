//! What an item of 1Password holds: the fields of its login form, and sections of fields that say by their kind what they
//! are, and by their id where 1Password's own form has them.

use super::MAX_FIELDS;
use super::dates::{card_expiry, from_epoch};
use super::generic_csv::meaning;
use super::json::{Json, Object};
use super::labelled::{is_overfull, push_free, push_labelled};
use super::onepux::read_former;
use super::place::{
    has_standard, keep, keep_rest, plain_kind, push_named, push_person, push_text, push_url,
    short_name,
};
use super::sections::Labels;
use super::table::Target;
use crate::model::draft::Draft;
use crate::model::field::{self, FieldKind};

/// Where 1Password's own forms have what is plainly a standard field: category, id.
const STANDARD: &[(&str, &str, u8)] = &[
    // Cards.
    ("002", "cardholder", field::HOLDER),
    ("002", "type", field::BRAND),
    ("002", "ccnum", field::NUMBER),
    ("002", "cvv", field::VERIFICATION_CODE),
    ("002", "expiry", field::EXPIRES),
    ("002", "bank", field::BANK),
    ("002", "pin", field::PIN),
    // Persons.
    ("004", "birthdate", field::BIRTH_DATE),
    ("004", "company", field::COMPANY),
    ("004", "defphone", field::PHONE),
    ("004", "username", field::USERNAME),
    ("004", "email", field::EMAIL),
    // Licences.
    ("100", "reg_code", field::LICENCE_KEY),
    ("100", "reg_name", field::HOLDER),
    ("100", "reg_email", field::EMAIL),
    ("100", "company", field::COMPANY),
    // Bank accounts.
    ("101", "bankName", field::BANK),
    ("101", "owner", field::HOLDER),
    ("101", "accountNo", field::NUMBER),
    ("101", "swift", field::BIC),
    ("101", "iban", field::IBAN),
    ("101", "telephonePin", field::PIN),
    // Databases and servers.
    ("102", "username", field::USERNAME),
    ("102", "password", field::PASSWORD),
    ("110", "username", field::USERNAME),
    ("110", "password", field::PASSWORD),
    // Papers.
    ("103", "fullname", field::FULL_NAME),
    ("103", "birthdate", field::BIRTH_DATE),
    ("103", "number", field::LICENCE_NUMBER),
    ("103", "expiry_date", field::EXPIRES),
    ("104", "name", field::FULL_NAME),
    ("104", "expires", field::EXPIRES),
    ("106", "fullname", field::FULL_NAME),
    ("106", "birthdate", field::BIRTH_DATE),
    ("106", "number", field::PASSPORT_NUMBER),
    ("106", "expiry_date", field::EXPIRES),
    ("108", "name", field::FULL_NAME),
    ("108", "number", field::SOCIAL_NUMBER),
    // Memberships.
    ("105", "member_name", field::FULL_NAME),
    ("105", "membership_no", field::NUMBER),
    ("105", "expiry_date", field::EXPIRES),
    ("105", "pin", field::PIN),
    ("107", "member_name", field::FULL_NAME),
    ("107", "membership_no", field::NUMBER),
    ("107", "pin", field::PIN),
    // Networks.
    ("109", "network_name", field::NETWORK),
    ("109", "wireless_security", field::SECURITY),
    ("109", "wireless_password", field::PASSWORD),
    // Mailboxes.
    ("111", "pop_username", field::USERNAME),
    ("111", "pop_password", field::PASSWORD),
    // Programs.
    ("112", "username", field::USERNAME),
    ("112", "credential", field::TOKEN),
    ("112", "expires", field::EXPIRES),
    // Wallets.
    ("115", "password", field::PASSWORD),
];

/// Cards by 1Password's short names.
const BRANDS: [(&str, &str); 10] = [
    ("mc", "Mastercard"),
    ("visa", "Visa"),
    ("amex", "American Express"),
    ("diners", "Diners Club"),
    ("carteblanche", "Carte Blanche"),
    ("discover", "Discover"),
    ("jcb", "JCB"),
    ("maestro", "Maestro"),
    ("visaelectron", "Visa Electron"),
    ("unionpay", "UnionPay"),
];

/// Sections of 1Password's own forms, whose titles say nothing that their fields do not.
const OWN_SECTIONS: [&str; 12] = [
    "linked items",
    "name",
    "address",
    "internet",
    "contactInfo",
    "details",
    "branchInfo",
    "customer",
    "publisher",
    "order",
    "admin_console",
    "hosting_provider_details",
];

/// How 1Password lets somebody type into a field.
const OF_FIELD: [&str; 7] = [
    "indexAtSource",
    "guarded",
    "multiline",
    "dontGenerate",
    "inputTraits",
    "clipboardFilter",
    "placeholder",
];

/// The lines of a postal address, in the order of an envelope.
const ADDRESS: [&str; 5] = ["street", "zip", "city", "state", "country"];

/// The parts of a person's name.
const PERSON: [&str; 3] = ["firstname", "initial", "lastname"];

/// A file that an item names.
pub(super) struct Wanted {
    pub(super) id: String,
    pub(super) name: String,
}

/// An item on its way into a draft.
pub(super) struct ItemReader {
    draft: Draft,
    category: String,
    person: [Option<String>; 3],
    wanted: Vec<Wanted>,
    labels: Labels,
    /// The title of the section that is read.
    section: String,
}

impl ItemReader {
    /// Goes on with a draft that has what stands beside the details.
    pub(super) fn new(draft: Draft, category: String) -> Self {
        Self {
            draft,
            category,
            person: [None, None, None],
            wanted: Vec::new(),
            labels: Labels::default(),
            section: String::new(),
        }
    }

    /// Takes the details in.
    pub(super) fn read_details(&mut self, mut details: Object<'_>) {
        for custom in details.take_list("loginFields").unwrap_or_default() {
            if is_overfull(&self.draft) {
                return;
            }
            match custom {
                Json::Object(custom) => read_login_field(&mut self.draft, custom),
                other => keep(&mut self.draft, "field", other),
            }
        }
        let mut take = |name: &str| details.take_text(name).unwrap_or_default();
        let (password, notes) = (take("password"), take("notesPlain"));
        push_free(&mut self.draft, field::PASSWORD, None, password);
        push_free(&mut self.draft, field::NOTES, None, notes);
        let sections = details.take_list("sections").unwrap_or_default();
        self.labels = Labels::of(&sections, ["fields", "title", "value"]);
        for section in sections {
            match section {
                Json::Object(section) => self.read_section(section),
                other => keep(&mut self.draft, "section", other),
            }
        }
        read_former(&mut self.draft, details.take_list("passwordHistory"));
        if let Some(document) = details.take_object("documentAttributes") {
            self.read_document("document", document);
        }
        if let Some(passkey) = details.take("passkey").filter(|key| !key.is_nothing()) {
            self.draft
                .push_custom("passkey", FieldKind::Secret, passkey.to_compact());
        }
        keep_rest(&mut self.draft, "", details);
    }

    /// Takes in what older exports say of a file beside the item; the details mostly name the same.
    pub(super) fn read_file_beside(&mut self, file: Option<Object<'_>>) {
        let Some(mut file) = file else { return };
        // Where it lies follows from its id, and its type from its name.
        drop(file.take("path"));
        if let Some(mut attributes) = file.take_object("attrs") {
            let id = attributes.take_text("uuid").unwrap_or_default();
            let name = attributes.take_text("name").unwrap_or_default();
            drop(attributes.take("type"));
            self.want(id, name);
            keep_rest(&mut self.draft, "file", attributes);
        }
        keep_rest(&mut self.draft, "file", file);
    }

    /// The draft, and the files that it is to have.
    pub(super) fn finish(mut self) -> (Draft, Vec<Wanted>) {
        if self.person.iter().any(Option::is_some) {
            push_person(&mut self.draft, self.person);
        }
        (self.draft, self.wanted)
    }

    fn read_section(&mut self, mut section: Object<'_>) {
        let name = section.take_text("name").unwrap_or_default();
        let title = section.take_text("title").unwrap_or_default();
        drop(section.take("hideAddAnotherField"));
        let fields = section.take_list("fields").unwrap_or_default();
        let says_something = |custom: &Json<'_>| match custom {
            Json::Object(custom) => custom.says("value"),
            _ => true,
        };
        if fields.iter().any(says_something) && !OWN_SECTIONS.contains(&name.as_str()) {
            push_text(&mut self.draft, "section", title.clone());
        }
        self.section = title;
        for custom in fields {
            if is_overfull(&self.draft) {
                return;
            }
            match custom {
                Json::Object(custom) => self.read_field(custom),
                other => keep(&mut self.draft, "field", other),
            }
        }
        keep_rest(&mut self.draft, "section", section);
    }

    fn read_field(&mut self, mut custom: Object<'_>) {
        let id = custom.take_text("id").unwrap_or_default();
        let title = custom
            .take_text("title")
            .filter(|title| !title.trim().is_empty());
        let label = title.unwrap_or_else(|| "field".to_owned());
        for name in OF_FIELD {
            drop(custom.take(name));
        }
        if let Some(value) = custom.take_object("value") {
            for (kind, value) in value.into_members() {
                if !value.is_nothing() {
                    self.read_value(&kind, &id, &label, value);
                }
            }
        }
        keep_rest(&mut self.draft, &label, custom);
    }

    fn read_value(&mut self, kind: &str, id: &str, label: &str, value: Json<'_>) {
        match (kind, value) {
            ("file", Json::Object(file)) => self.read_document(label, file),
            ("sshKey", Json::Object(key)) => self.read_key(label, key),
            ("address", Json::Object(address)) => self.read_address(label, address),
            ("email", Json::Object(mut email)) => {
                let text = email.take_text("email_address").unwrap_or_default();
                // Who runs the mailbox, which the address says.
                drop(email.take("provider"));
                self.push(kind, id, label, text);
                keep_rest(&mut self.draft, label, email);
            }
            ("ssoLogin", Json::Object(mut login)) => {
                let provider = login.take_text("provider").unwrap_or_default();
                push_text(&mut self.draft, label, provider);
                keep_rest(&mut self.draft, label, login);
            }
            // The id of another item, which is nothing of what the label means.
            ("reference", Json::Text(mut id)) => {
                let name = match meaning(label) {
                    Some(_) => format!("reference {}", short_name(label)),
                    None => label.to_owned(),
                };
                push_named(
                    &mut self.draft,
                    &name,
                    FieldKind::Text,
                    std::mem::take(&mut *id),
                );
            }
            (_, value) => match value.into_text() {
                Ok(text) => self.push(kind, id, label, text),
                Err(other) => keep(&mut self.draft, label, other),
            },
        }
    }

    /// A value that is one text.
    fn push(&mut self, kind: &str, id: &str, label: &str, text: String) {
        let draft = &mut self.draft;
        let hidden = matches!(kind, "concealed" | "creditCardNumber").then_some(FieldKind::Secret);
        let text = match kind {
            "date" => day_of(text),
            "monthYear" => card_expiry(&text).unwrap_or(text),
            "creditCardType" => brand_of(text),
            _ => text,
        };
        if self.category == "004"
            && let Some(part) = PERSON.iter().position(|name| *name == id)
            && let Some(place) = self.person.get_mut(part).filter(|place| place.is_none())
        {
            *place = Some(text);
            return;
        }
        let mut rows = STANDARD.iter();
        let row = rows.find(|row| row.0 == self.category && row.1 == id);
        let number = match kind {
            "totp" => Some(field::OTP),
            _ => row.map(|row| row.2),
        };
        if let Some(number) = number.filter(|number| !has_standard(draft, *number)) {
            return push_free(draft, number, hidden, text);
        }
        let (labels, section) = (&self.labels, self.section.as_str());
        if labels.bears(section, label) {
            let kind = match kind {
                "totp" => Some(FieldKind::Otp),
                "email" => Some(FieldKind::Email),
                "date" | "monthYear" => Some(FieldKind::Date),
                "url" => Some(FieldKind::Url),
                _ => hidden,
            };
            return labels.push(draft, section, label, kind, text);
        }
        match kind {
            "totp" => push_named(draft, label, FieldKind::Otp, text),
            "email" => push_labelled(draft, label, Some(FieldKind::Email), text),
            "date" | "monthYear" => push_labelled(draft, label, Some(FieldKind::Date), text),
            "url" if meaning(label) == Some(Target::Url) => push_url(draft, &text),
            "url" => push_named(draft, label, FieldKind::Url, text),
            _ => push_labelled(draft, label, hidden, text),
        }
    }

    fn read_document(&mut self, label: &str, mut document: Object<'_>) {
        let id = document.take_text("documentId").unwrap_or_default();
        let name = document.take_text("fileName").unwrap_or_default();
        drop(document.take("decryptedSize"));
        self.want(id, name);
        keep_rest(&mut self.draft, label, document);
    }

    fn want(&mut self, id: String, name: String) {
        let is_known = !id.is_empty() && self.wanted.iter().any(|file| file.id == id);
        // An item with more is refused.
        let is_room = self.wanted.len() <= MAX_FIELDS;
        if is_room && !is_known && !(id.is_empty() && name.is_empty()) {
            self.wanted.push(Wanted { id, name });
        }
    }

    fn read_key(&mut self, label: &str, mut key: Object<'_>) {
        let draft = &mut self.draft;
        let mut metadata = key.take_object("metadata").unwrap_or_default();
        let private = key.take_text("privateKey").unwrap_or_default();
        // It stands there twice.
        let again = metadata.take_text("privateKey").unwrap_or_default();
        if again != private {
            push_free(draft, field::PRIVATE_KEY, None, again);
        }
        push_free(draft, field::PRIVATE_KEY, None, private);
        let mut take = |name: &str| metadata.take_text(name).unwrap_or_default();
        push_free(draft, field::PUBLIC_KEY, None, take("publicKey"));
        push_free(draft, field::FINGERPRINT, None, take("fingerprint"));
        push_text(draft, "key type", take("keyType"));
        keep_rest(draft, label, metadata);
        keep_rest(draft, label, key);
    }

    fn read_address(&mut self, label: &str, mut address: Object<'_>) {
        let lines = ADDRESS.iter().filter_map(|name| address.take_text(name));
        let lines = lines.collect::<Vec<String>>().join("\n");
        if has_standard(&self.draft, field::ADDRESS) && !lines.is_empty() {
            push_named(&mut self.draft, label, plain_kind(&lines), lines);
        } else {
            push_free(&mut self.draft, field::ADDRESS, None, lines);
        }
        keep_rest(&mut self.draft, label, address);
    }
}

/// A field of the form that somebody filled in: `{value, name, fieldType, designation}`.
fn read_login_field(draft: &mut Draft, mut custom: Object<'_>) {
    // What the page calls it in its own code.
    let id = custom.take_text("id");
    let name = custom.take_text("name").or(id);
    let name = name.unwrap_or_else(|| "field".to_owned());
    let kind = custom.take_text("fieldType").unwrap_or_default();
    let designation = custom.take_text("designation").unwrap_or_default();
    let value = custom.take_text("value").unwrap_or_default();
    let number = match designation.as_str() {
        "username" => Some(field::USERNAME),
        "password" => Some(field::PASSWORD),
        _ => {
            push_text(draft, "designation", designation);
            None
        }
    };
    match number.filter(|number| !has_standard(draft, *number)) {
        _ if value.is_empty() => {}
        Some(number) => push_free(draft, number, None, value),
        None => {
            let kind = match kind.as_str() {
                "P" => FieldKind::Secret,
                "E" => FieldKind::Email,
                "U" => FieldKind::Url,
                _ => plain_kind(&value),
            };
            push_named(draft, &name, kind, value);
        }
    }
    keep_rest(draft, &name, custom);
}

/// A day, which 1Password writes as a minute past its noon; any other moment stays one.
fn day_of(text: String) -> String {
    let Some(moment) = from_epoch(&text) else {
        return text;
    };
    match moment.split_once('T') {
        Some((day, "12:01:00.000Z" | "12:00:00.000Z" | "00:00:00.000Z")) => day.to_owned(),
        _ => moment,
    }
}

fn brand_of(text: String) -> String {
    let mut brands = BRANDS.iter();
    let brand = brands.find(|brand| brand.0 == text);
    brand.map_or(text, |brand| brand.1.to_owned())
}
