//! One account of an authenticator as a draft: what the formats of all such programs share.
//!
//! A seed that keyfold makes no codes of is kept as a secret field; an account without any is left out. Both are said, and
//! neither is a failure of the file.

use super::json::{Json, Object};
use super::place::{keep_rest, push_named, push_tag, push_text, settle_title};
use super::{
    ImportError, Imported, ImportedItem, MAX_FIELDS, MAX_FILE_BYTES, MAX_ROWS, MAX_VALUES,
    RowProblem, Skipped,
};
use crate::model::draft::{Draft, DraftField, DraftFile, DraftValue, FieldName};
use crate::model::field::{self, FieldKind};
use crate::otp::{Algorithm, Kind, Parts, Seed, SeedError};
use crate::secret::Secret;
use data_encoding::BASE32_NOPAD;
use std::collections::HashMap;
use zeroize::Zeroizing;

const DEFAULT_DIGITS: u8 = 6;
const DEFAULT_PERIOD_SECS: u32 = 30;
const NO_CODES: &str =
    "keyfold makes no codes of this kind; the seed and its settings are kept as fields";
/// Longest URI that is looked at: notes and tags of Ente Auth stand in them.
const MAX_URI_BYTES: usize = 64 * 1024;
/// Longest name of a group that becomes a tag.
const MAX_GROUP_BYTES: usize = 1024;
/// Most bytes of all drafts of a file.
pub(super) const MAX_DRAFT_BYTES: usize = 2 * MAX_FILE_BYTES;
/// Why an icon stays behind.
pub(super) const NO_ICONS: &str = "keyfold has no icons";

/// A shared key as the file has it.
pub(super) enum Key {
    /// Base32 text.
    Base32(Zeroizing<String>),
    /// The key itself.
    Bytes(Zeroizing<Vec<u8>>),
}

/// What an authenticator keeps of one account. Numbers are texts, since programs write them as either; what is absent has
/// the default that all programs have.
pub(super) struct Account {
    /// The site.
    pub(super) issuer: String,
    /// The account there.
    pub(super) name: String,
    /// `totp`, `hotp`, `steam` in any case, or a program's own; empty is TOTP.
    pub(super) kind: String,
    /// The shared key.
    pub(super) key: Key,
    /// The hash inside the HMAC.
    pub(super) algorithm: Option<String>,
    /// Digits of a code.
    pub(super) digits: Option<String>,
    /// How long a code is valid, in seconds.
    pub(super) period: Option<String>,
    /// The next counter of HOTP.
    pub(super) counter: Option<String>,
}

impl Account {
    /// The account as the beginning of a draft: title, user name and seed. `None` where the seed is none, which
    /// [`Imported::skipped`] then says.
    pub(super) fn into_draft(mut self, row: usize, imported: &mut Imported) -> Option<Draft> {
        self.part_name();
        let mut draft = name_draft(&self.issuer, &self.name);
        let mut seed = self.make_seed();
        if matches!(seed, Err(SeedError::LabelTooLong)) {
            // Title and user name have it whole; a URI has not the room.
            self.issuer.clear();
            self.name.clear();
            seed = self.make_seed();
        }
        match seed {
            Ok(seed) => push_seed(&mut draft, &seed, row, imported),
            Err(error) if error.leaves_nothing() => {
                skip_seed(&draft, error, row, imported);
                return None;
            }
            Err(error) => self.keep_as_fields(&mut draft, error, row, imported),
        }
        Some(draft)
    }

    /// Several programs repeat the site before the account, and some have it nowhere else.
    fn part_name(&mut self) {
        let Some((site, account)) = self.name.split_once(':') else {
            return;
        };
        let (site, account) = (site.trim(), account.trim());
        if site.is_empty() || account.is_empty() || account.starts_with("//") {
            return;
        }
        if self.issuer.trim().is_empty() {
            self.issuer = site.to_owned();
        } else if site.to_lowercase() != self.issuer.trim().to_lowercase() {
            return;
        }
        self.name = account.to_owned();
    }

    /// The seed alone.
    pub(super) fn make_seed(&self) -> Result<Seed, SeedError> {
        let kind = self.seed_kind()?;
        let algorithm = match self.algorithm.as_deref() {
            Some(name) => Algorithm::from_name(name).ok_or(SeedError::UnknownAlgorithm)?,
            None => Algorithm::default(),
        };
        let digits = match self.digits.as_deref() {
            Some(text) => parse_number(text).ok_or(SeedError::Digits)?,
            None => DEFAULT_DIGITS,
        };
        let (issuer, account) = (self.issuer.clone(), self.name.clone());
        let parts = |key| Parts {
            kind,
            algorithm,
            digits,
            issuer,
            account,
            key,
        };
        match &self.key {
            Key::Base32(text) => Seed::from_base32(text, parts),
            Key::Bytes(bytes) => Seed::from_parts(parts(bytes.clone())),
        }
    }

    fn seed_kind(&self) -> Result<Kind, SeedError> {
        let period_secs = || match self.period.as_deref() {
            Some(text) => parse_number(text).ok_or(SeedError::Period),
            None => Ok(DEFAULT_PERIOD_SECS),
        };
        match self.kind.to_ascii_lowercase().as_str() {
            "totp" | "" => Ok(Kind::Totp {
                period_secs: period_secs()?,
            }),
            "hotp" => Ok(Kind::Hotp {
                counter: match self.counter.as_deref() {
                    Some(text) => parse_number(text).ok_or(SeedError::Counter)?,
                    None => 0,
                },
            }),
            "steam" => Ok(Kind::Steam),
            _ => Err(SeedError::UnknownKind),
        }
    }

    fn keep_as_fields(
        self,
        draft: &mut Draft,
        error: SeedError,
        row: usize,
        imported: &mut Imported,
    ) {
        let seed = match self.key {
            Key::Base32(mut text) => std::mem::take(&mut *text),
            Key::Bytes(bytes) => BASE32_NOPAD.encode(&bytes),
        };
        draft.push_custom("seed", FieldKind::Secret, seed);
        push_text(draft, "seed kind", self.kind);
        for (name, value) in [
            ("seed algorithm", self.algorithm),
            ("seed digits", self.digits),
            ("seed period", self.period),
            ("seed counter", self.counter),
        ] {
            push_text(draft, name, value.unwrap_or_default());
        }
        say_no_codes(draft, error, row, imported);
    }
}

/// A draft with what an account is called by: the site is the title, the account there the user name.
fn name_draft(issuer: &str, account: &str) -> Draft {
    let mut draft = Draft {
        title: issuer.trim().to_owned(),
        ..Draft::default()
    };
    draft.push_standard(field::USERNAME, account.trim().to_owned());
    settle_title(&mut draft);
    draft
}

/// Names and values.
pub(super) type Parameters = Vec<(String, Zeroizing<String>)>;

/// A draft out of a URI, and the parameters in it that no seed is made of.
pub(super) fn draft_of_uri(
    uri: &Secret,
    row: usize,
    imported: &mut Imported,
) -> Option<(Draft, Parameters)> {
    if uri.len() > MAX_URI_BYTES {
        imported.skipped.push(Skipped {
            row,
            item: None,
            field: None,
            reason: format!("the URI is longer than {MAX_URI_BYTES} bytes"),
        });
        return None;
    }
    let (seed_uri, around) = Seed::split_uri(uri);
    let draft = match Seed::parse(&seed_uri) {
        Ok(seed) => {
            let mut draft = name_draft(seed.issuer(), seed.account());
            push_seed(&mut draft, &seed, row, imported);
            draft
        }
        Err(error) if error.leaves_nothing() => {
            let draft = name_draft(&around.issuer, &around.account);
            skip_seed(&draft, error, row, imported);
            return None;
        }
        Err(error) => {
            let mut draft = name_draft(&around.issuer, &around.account);
            draft.fields.push(DraftField {
                name: FieldName::Custom("seed".to_owned()),
                kind: FieldKind::Secret,
                value: DraftValue::Secret(seed_uri),
            });
            say_no_codes(&draft, error, row, imported);
            draft
        }
    };
    Some((draft, around.others))
}

/// Adds a seed, and says what is odd about it.
pub(super) fn push_seed(draft: &mut Draft, seed: &Seed, row: usize, imported: &mut Imported) {
    for warning in seed.warnings() {
        imported.warnings.push(format!("entry {row}: {warning}"));
    }
    draft.fields.push(DraftField {
        name: FieldName::Standard(field::OTP),
        kind: FieldKind::Otp,
        value: DraftValue::Secret(seed.write_uri()),
    });
}

/// Keeps a URI's parameter that no seed is made of, hidden, since nobody knows what it is.
pub(super) fn push_other(draft: &mut Draft, name: &str, mut value: Zeroizing<String>) {
    push_named(draft, name, FieldKind::Secret, std::mem::take(&mut *value));
}

fn say_no_codes(draft: &Draft, error: SeedError, row: usize, imported: &mut Imported) {
    let is_unknown = matches!(
        error,
        SeedError::UnknownKind | SeedError::UnknownScheme | SeedError::UnknownAlgorithm
    );
    let reason = if is_unknown {
        NO_CODES.to_owned()
    } else {
        format!("{error}; the seed and its settings are kept as fields")
    };
    skip_field(draft, "otp", &reason, row, imported);
}

/// Leaves a field of an account out, and says so.
pub(super) fn skip_field(
    draft: &Draft,
    field: &str,
    reason: &str,
    row: usize,
    imported: &mut Imported,
) {
    imported.skipped.push(Skipped {
        row,
        item: Some(draft.title.clone()),
        field: Some(field.to_owned()),
        reason: reason.to_owned(),
    });
}

fn skip_seed(draft: &Draft, error: SeedError, row: usize, imported: &mut Imported) {
    imported.skipped.push(Skipped {
        row,
        item: Some(draft.title.clone()),
        field: None,
        reason: error.to_string(),
    });
}

/// Takes drafts in and counts what they hold. A name that many entries refer to comes out once for each of them, so a file's
/// size alone is no limit to what becomes of it.
#[derive(Default)]
pub(super) struct Tally {
    values: usize,
    bytes: usize,
}

impl Tally {
    /// Takes the draft of a row in, or refuses the file.
    pub(super) fn push(
        &mut self,
        row: usize,
        draft: Draft,
        imported: &mut Imported,
    ) -> Result<(), ImportError> {
        if count_values(&draft) > MAX_FIELDS {
            return Err(ImportError::Row {
                row,
                line: None,
                problem: RowProblem::TooManyFields,
            });
        }
        self.count(&draft)?;
        imported.drafts.push(ImportedItem::new(row, draft));
        Ok(())
    }

    /// Gives the draft that came last its files, or refuses the file: one that is named a thousand times is a thousand files.
    pub(super) fn push_files(
        &mut self,
        files: Vec<DraftFile>,
        imported: &mut Imported,
    ) -> Result<(), ImportError> {
        self.values += files.len();
        self.bytes += files.iter().map(|file| file.content.len()).sum::<usize>();
        if self.values > MAX_VALUES || self.bytes > MAX_DRAFT_BYTES {
            return Err(ImportError::TooManyValues);
        }
        if let Some(item) = imported.drafts.last_mut() {
            item.files = files;
        }
        Ok(())
    }

    /// Counts a draft, or refuses the file.
    pub(super) fn count(&mut self, draft: &Draft) -> Result<(), ImportError> {
        let name_bytes = |name: &FieldName| match name {
            FieldName::Standard(_) => 0,
            FieldName::Custom(name) => name.len(),
        };
        let fields = draft.fields.iter();
        let fields = fields.map(|entry| name_bytes(&entry.name) + entry.value.len());
        let texts = draft.tags.iter().chain(&draft.urls);
        let texts = texts.chain([&draft.title, &draft.folder]);
        let former = draft.former.iter();
        let former = former.map(|former| name_bytes(&former.name) + former.value.len());
        self.values += count_values(draft);
        self.bytes += fields
            .chain(former)
            .chain(texts.map(String::len))
            .sum::<usize>();
        if self.values > MAX_VALUES || self.bytes > MAX_DRAFT_BYTES {
            return Err(ImportError::TooManyValues);
        }
        Ok(())
    }
}

/// How many values an item has.
pub(super) fn count_values(draft: &Draft) -> usize {
    draft.fields.len() + draft.former.len() + draft.urls.len() + draft.tags.len()
}

/// Names of groups by their ids, out of a list of objects that have both.
pub(super) fn read_groups(
    list: Option<Vec<Json<'_>>>,
    id: &str,
    name: &str,
) -> HashMap<String, String> {
    let mut groups = HashMap::new();
    for group in list.unwrap_or_default() {
        if let Json::Object(mut group) = group
            && let (Some(id), Some(name)) = (group.take_text(id), group.take_text(name))
        {
            groups.insert(id, name);
        }
    }
    groups
}

/// Tags a draft with the name of a group; the id of one that is not there, or has no reasonable name, is kept as it is.
pub(super) fn push_group(draft: &mut Draft, groups: &HashMap<String, String>, id: String) {
    // Such a draft is refused.
    if draft.tags.len() > MAX_FIELDS || draft.fields.len() > MAX_FIELDS {
        return;
    }
    match groups.get(&id).filter(|name| name.len() <= MAX_GROUP_BYTES) {
        Some(name) => push_tag(draft, name),
        None => push_named(draft, "group id", FieldKind::Text, id),
    }
}

/// Hands every object of a list of entries to `read`, which makes a draft of it unless it left it out, and said so.
pub(super) fn read_entries<'a>(
    entries: Vec<Json<'a>>,
    imported: &mut Imported,
    mut read: impl FnMut(&mut Object<'a>, usize, &mut Imported) -> Option<Draft>,
) -> Result<(), ImportError> {
    if entries.len() > MAX_ROWS {
        return Err(ImportError::TooManyRows);
    }
    let mut tally = Tally::default();
    for (entry, row) in entries.into_iter().zip(1..) {
        let Json::Object(mut entry) = entry else {
            imported.skipped.push(Skipped {
                row,
                item: None,
                field: None,
                reason: "not an object, so not an entry".to_owned(),
            });
            continue;
        };
        if let Some(mut draft) = read(&mut entry, row, imported) {
            keep_rest(&mut draft, "", entry);
            tally.push(row, draft, imported)?;
        }
    }
    Ok(())
}

/// Takes an account's settings out of an object, by the names that most programs have for them; what it is called is left
/// to the caller.
pub(super) fn take_account(object: &mut Object<'_>, kind: &str, period: &str) -> Account {
    Account {
        issuer: String::new(),
        name: String::new(),
        kind: object.take_text(kind).unwrap_or_default(),
        key: take_key(object, "secret"),
        algorithm: object.take_text("algorithm"),
        digits: object.take_text("digits"),
        period: object.take_text(period),
        counter: object.take_text("counter"),
    }
}

/// Takes a base32 key out of an object; an absent one is empty, which no seed is made of.
pub(super) fn take_key(object: &mut Object<'_>, name: &str) -> Key {
    Key::Base32(Zeroizing::new(object.take_text(name).unwrap_or_default()))
}

/// Takes members out that only say how a program shows an entry, and says that there were some.
pub(super) fn take_looks(object: &mut Object<'_>, names: &[&str], imported: &mut Imported) {
    let taken = names.iter().filter_map(|name| object.take(name));
    if taken.filter(|value| !value.is_nothing()).count() > 0 {
        say_looks(imported);
    }
}

/// Says once a file that how a program showed its entries stays behind.
pub(super) fn say_looks(imported: &mut Imported) {
    const SAID: &str =
        "icons, colours, the order of entries and how often they were used are left out";
    if !imported.warnings.iter().any(|warning| warning == SAID) {
        imported.warnings.push(SAID.to_owned());
    }
}

/// Warns of members beside the entries that no rule took.
pub(super) fn warn_of_rest(object: Object<'_>, imported: &mut Imported) {
    for (name, value) in object.into_members() {
        if !value.is_nothing() {
            imported
                .warnings
                .push(format!("{name:?} beside the entries is left out"));
        }
    }
}

/// A number without a sign, as no seed has one; some programs write all of theirs with a fraction.
fn parse_number<T: std::str::FromStr>(text: &str) -> Option<T> {
    let text = text.trim();
    let text = text.strip_suffix(".0").unwrap_or(text);
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    is_plain.then(|| text.parse().ok()).flatten()
}
