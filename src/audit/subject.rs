//! What is kept of an item while the others are looked at: what it is called, what it is for, and what its plain fields say.

use super::{Options, domain};
use crate::model::field::{self, FieldKind, ItemKind};
use crate::model::ids::{FieldId, ItemId};
use crate::model::item::join_path;
use crate::model::moment::Moment;
use crate::model::origin::Origin;
use crate::state::view::{FieldView, ItemView, Life, Value};
use std::collections::BTreeSet;

/// A tag that keeps an item out of all checks; with a colon and a kind's name behind it, out of that one.
const EXCUSE: &str = "audit-ignore";
/// A custom field with one of these in its name holds a password.
const PASSWORD_WORDS: [&str; 7] = [
    "password",
    "passphrase",
    "passwort",
    "kennwort",
    "mot de passe",
    "contraseña",
    "wachtwoord",
];

/// What a secret is looked at for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// A password: how strong it is, where else it is used, whether it was breached.
    Password,
    /// The main secret of an item of another kind: whether two items have the same.
    Main,
}

/// Whether a field holds what people choose as a password.
#[must_use]
pub fn is_password_field(id: FieldId, kind: FieldKind, name: &str) -> bool {
    match id {
        FieldId::Standard(number) => matches!(number, field::PASSWORD | field::PASSPHRASE),
        FieldId::Custom(_) => {
            let name = name.to_lowercase();
            kind == FieldKind::Secret && PASSWORD_WORDS.iter().any(|word| name.contains(word))
        }
    }
}

/// The secrets of an item that are looked at, the main one among them.
pub(super) fn secrets_of(view: &ItemView) -> Vec<(FieldId, Role)> {
    let main = main_field(view);
    let passwords = view.fields.iter();
    let passwords = passwords.filter(|field| is_password_field(field.id, field.kind, &field.name));
    let mut wanted: Vec<(FieldId, Role)> =
        passwords.map(|field| (field.id, Role::Password)).collect();
    if let Some(main) = main.filter(|main| wanted.iter().all(|(id, _)| id != main)) {
        wanted.push((main, Role::Main));
    }
    wanted
}

/// The secret that an item of its kind is there for.
fn main_field(view: &ItemView) -> Option<FieldId> {
    let numbers = view.kind().template().iter();
    let secret = numbers.filter(|number| {
        let kind = field::standard_field(**number).map(|row| row.1);
        kind == Some(FieldKind::Secret)
    });
    let mut fields = secret.map(|number| FieldId::Standard(*number));
    fields.find(|id| view.field(*id).is_some())
}

/// When a field was last changed, for the check of age.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Dated {
    pub(super) id: FieldId,
    pub(super) name: String,
    pub(super) changed: Moment,
}

/// What is kept of an item.
pub(super) struct Subject {
    pub(super) number: usize,
    pub(super) id: ItemId,
    pub(super) path: String,
    pub(super) title: String,
    pub(super) kind: ItemKind,
    pub(super) username: String,
    /// Whether findings are told of it: it lies in the folder that is audited.
    pub(super) is_audited: bool,
    /// Registrable domains, or hosts where there is none, of its addresses.
    pub(super) sites: Vec<String>,
    /// Hosts of its addresses, for the check of one-time codes.
    pub(super) hosts: Vec<(String, Option<String>)>,
    /// Hosts that it has addresses without encryption of, and those that it has others of.
    pub(super) insecure: Vec<String>,
    pub(super) secure: Vec<String>,
    pub(super) has_seed: bool,
    pub(super) has_passkey: bool,
    /// Whether anything but title, kind, folder and dates is in it.
    pub(super) has_anything: bool,
    pub(super) has_notes: bool,
    /// Secret fields that are no password and no main one: they are not opened, and taken for full.
    pub(super) has_other_secret: bool,
    pub(super) secrets: Vec<Dated>,
    /// Dates until which it is good, as they are written.
    pub(super) dates: Vec<(String, String)>,
    /// Plain fields in which something about recovery questions stands.
    pub(super) questions: Vec<String>,
    /// What devices changed apart.
    pub(super) conflicts: Vec<String>,
    excused: BTreeSet<String>,
}

impl Subject {
    pub(super) fn of(view: &ItemView, number: usize, options: &Options<'_>) -> Self {
        let folder = view.text(field::FOLDER);
        let title = view.text(field::TITLE);
        let opened: Vec<FieldId> = secrets_of(view).into_iter().map(|(id, _)| id).collect();
        let mut subject = Self {
            number,
            id: view.id,
            path: join_path(folder, title),
            title: title.to_owned(),
            kind: view.kind(),
            username: view.text(field::USERNAME).to_owned(),
            is_audited: is_in(folder, options.folder.as_deref()),
            sites: Vec::new(),
            hosts: Vec::new(),
            insecure: Vec::new(),
            secure: Vec::new(),
            has_seed: view.seed_field().is_some(),
            has_passkey: false,
            has_anything: !view.urls.is_empty() || !view.attachments.is_empty(),
            has_notes: !view.text(field::NOTES).trim().is_empty() || !view.attachments.is_empty(),
            has_other_secret: false,
            secrets: Vec::new(),
            dates: Vec::new(),
            questions: super::question::fields_of(view),
            conflicts: Vec::new(),
            excused: view.tags.iter().filter_map(|tag| excuse(tag)).collect(),
        };
        if view.life == Life::Back {
            subject
                .conflicts
                .push(crate::state::conflict::LIFE_NAME.to_owned());
        }
        for url in &view.urls {
            subject.add_address(&url.address);
        }
        for field in &view.fields {
            subject.add_field(field, opened.contains(&field.id));
        }
        subject
    }

    fn add_address(&mut self, address: &str) {
        let Ok(origin) = Origin::parse(address) else {
            return;
        };
        let host = origin.host().into_owned();
        let site = origin.site().map(str::to_owned);
        let place = site.clone().unwrap_or_else(|| host.clone());
        if !self.sites.contains(&place) {
            self.sites.push(place);
        }
        if !origin.is_insecure() {
            self.secure.push(host.clone());
        } else if !domain::is_local(&host) && !self.insecure.contains(&host) {
            self.insecure.push(host.clone());
        }
        self.hosts.push((host, site));
    }

    fn add_field(&mut self, field: &FieldView, is_opened: bool) {
        if let FieldId::Standard(number) = field.id
            && (number < field::USERNAME || number == field::CREATED)
        {
            return;
        }
        self.has_anything = true;
        if is_opened {
            self.secrets.push(Dated {
                id: field.id,
                name: field.name.clone(),
                changed: field.current.changed,
            });
        } else if field.kind.is_secret() {
            self.has_other_secret = true;
        }
        let name = field.name.to_lowercase();
        if field.kind == FieldKind::Secret && name.contains("passkey") {
            self.has_passkey = true;
        }
        if let Value::Plain(text) = &field.current.value
            && super::expiry::is_expiry(field.id, &name)
        {
            self.dates.push((field.name.clone(), text.clone()));
        }
    }

    /// The name of a secret that was opened.
    pub(super) fn name_of(&self, id: FieldId) -> Option<String> {
        let secret = self.secrets.iter().find(|secret| secret.id == id);
        secret.map(|secret| secret.name.clone())
    }

    /// Whether its owner said that a kind of finding is no news.
    pub(super) fn is_excused(&self, kind: super::FindingKind) -> bool {
        self.excused.contains("") || self.excused.contains(kind.name())
    }

    /// What an attacker would try first: title, user name, sites.
    pub(super) fn words(&self) -> Vec<String> {
        let texts = [&self.title, &self.username];
        let texts = texts.into_iter().chain(&self.sites);
        let mut words: Vec<String> = texts
            .flat_map(|text| {
                let parts = text.split(['@', '.', ' ', '/']);
                std::iter::once(text.as_str()).chain(parts)
            })
            .filter(|word| word.chars().count() > 2)
            .map(str::to_lowercase)
            .collect();
        words.sort();
        words.dedup();
        words
    }
}

/// The kind that a tag excuses, empty for all.
fn excuse(tag: &str) -> Option<String> {
    let rest = tag.trim().strip_prefix(EXCUSE)?;
    match rest.strip_prefix(':') {
        Some(kind) => Some(kind.trim().to_lowercase()),
        None => rest.is_empty().then(String::new),
    }
}

/// Whether a folder is the one that is asked for, or lies in it.
fn is_in(folder: &str, wanted: Option<&str>) -> bool {
    let Some(wanted) = wanted else {
        return true;
    };
    let rest = folder.strip_prefix(wanted.trim_matches('/'));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_holds_itself_and_what_lies_below() {
        assert!(is_in("clients/acme", Some("clients/acme/")));
        assert!(is_in("clients/acme/web", Some("clients/acme")));
        assert!(!is_in("clients/acme2", Some("clients/acme")));
        assert!(!is_in("", Some("clients")));
        assert!(is_in("anything", None));
    }

    #[test]
    fn tags_excuse_everything_or_one_kind() {
        assert_eq!(excuse("audit-ignore"), Some(String::new()));
        assert_eq!(excuse("audit-ignore:no-2fa"), Some("no-2fa".to_owned()));
        assert_eq!(excuse("audit-ignored"), None);
        assert_eq!(excuse("work"), None);
    }
}
