//! Where a value of another program goes in a draft: names of fields, folders, hosts, titles.

use super::json::{Json, Object};
use super::labelled::push_free;
use super::otpauth_uris::{is_seed, is_uri};
use super::{ImportError, MAX_FIELDS, MAX_FILE_BYTES};
use crate::model::draft::{Draft, DraftValue, FieldName};
use crate::model::field::{self, FieldKind, ItemKind};

/// Adds a value under a name that the user or the source gave. A name of a standard field becomes that field where it
/// is free and hides the value at least as well; otherwise the name gets a number, so that it stays reachable.
pub(super) fn push_named(draft: &mut Draft, name: &str, kind: FieldKind, text: String) {
    let FieldName::Standard(number) = FieldName::from_text(name) else {
        draft.push_custom(name, kind, text);
        return;
    };
    let standard = field::standard_field(number).map_or(FieldKind::Text, |row| row.1);
    let hides = standard.is_secret() || !kind.is_secret();
    if hides && !text.is_empty() && !has_standard(draft, number) {
        draft.push_standard(number, text);
        return;
    }
    draft.push_custom(&draft.numbered(name), kind, text);
}

/// Adds a custom date field.
pub(super) fn push_date(draft: &mut Draft, name: &str, date: Option<String>) {
    if let Some(date) = date {
        draft.push_custom(name, FieldKind::Date, date);
    }
}

/// Adds a custom text field unless the text is empty.
pub(super) fn push_text(draft: &mut Draft, name: &str, text: String) {
    if !text.is_empty() {
        draft.push_custom(name, plain_kind(&text), text);
    }
}

/// Adds a person's name, given as first, middle and last, as one text. Where that text alone no longer tells which part
/// is which, the parts are kept beside it.
pub(super) fn push_person(draft: &mut Draft, parts: [Option<String>; 3]) {
    let whole: Vec<&str> = parts.iter().filter_map(Option::as_deref).collect();
    let [first, _, last] = &parts;
    let one_word_each = whole.iter().all(|part| !part.contains(char::is_whitespace));
    let clear = one_word_each && first.is_some() && last.is_some();
    push_free(draft, field::FULL_NAME, None, whole.join(" "));
    if !clear {
        let names = ["first name", "middle name", "last name"];
        for (name, part) in names.into_iter().zip(parts) {
            push_text(draft, name, part.unwrap_or_default());
        }
    }
}

/// Text, or multiline text where it has several lines; a seed's URI is for nobody's eyes.
pub(super) fn plain_kind(text: &str) -> FieldKind {
    if is_uri(text) {
        FieldKind::Secret
    } else if text.contains(['\n', '\r']) {
        FieldKind::Multiline
    } else {
        FieldKind::Text
    }
}

/// Longest name that stands before those of other values. A longer one before each of many would make a small file fill
/// the memory.
const MAX_SHARED_BYTES: usize = 1024;

/// A name that stands before others, or for several values; one that is unreasonably long is `field`.
pub(super) fn short_name(name: &str) -> &str {
    if name.len() > MAX_SHARED_BYTES {
        "field"
    } else {
        name
    }
}

/// Keeps every member that no rule took, named after its place.
pub(super) fn keep_rest(draft: &mut Draft, place: &str, object: Object<'_>) {
    for (name, value) in object.into_members() {
        if value.is_nothing() {
            continue;
        }
        if place.is_empty() {
            keep(draft, &name, value);
        } else {
            keep(draft, &format!("{}.{name}", short_name(place)), value);
        }
    }
}

/// Keeps a value that no rule knows, hidden, since nobody knows what it is; a switch that is off says nothing.
/// Past the limit of fields nothing more is kept, since the whole file is refused for it.
pub(super) fn keep(draft: &mut Draft, name: &str, value: Json<'_>) {
    if value.is_nothing() || matches!(value, Json::Bool(false)) || draft.fields.len() > MAX_FIELDS {
        return;
    }
    let text = match value {
        Json::Text(_) => value.into_text().unwrap_or_default(),
        other => other.to_compact(),
    };
    push_named(draft, name, FieldKind::Secret, text);
}

/// Whether the draft has this standard field already.
pub(super) fn has_standard(draft: &Draft, number: u8) -> bool {
    let mut fields = draft.fields.iter();
    fields.any(|field| field.name == FieldName::Standard(number))
}

/// Makes a folder path out of a source's, whose segments are separated by any of `separators`. Empty segments are
/// left out; a slash or backslash inside a segment is escaped.
pub(super) fn folder_path(text: &str, separators: &[char]) -> String {
    let segments = text
        .split(separators)
        .filter(|part| !part.trim().is_empty());
    let escaped: Vec<String> = segments
        .map(|part| part.replace('\\', "\\\\").replace('/', "\\/"))
        .collect();
    escaped.join("/")
}

/// How much of a file's size the names take that items share by id: a long name that each of many items has would make
/// a small file fill the memory.
#[derive(Default)]
pub(super) struct SharedNames {
    bytes: usize,
}

impl SharedNames {
    /// Counts one more use of a name; an error where all uses together are larger than a file may be.
    pub(super) fn count(&mut self, name: &str) -> Result<(), ImportError> {
        self.bytes += name.len();
        if self.bytes > MAX_FILE_BYTES {
            return Err(ImportError::TooManyValues);
        }
        Ok(())
    }
}

/// Adds a tag unless it is empty or there already.
pub(super) fn push_tag(draft: &mut Draft, tag: &str) {
    let tag = tag.trim();
    if !tag.is_empty() && !holds(&draft.tags, tag) {
        draft.tags.push(tag.to_owned());
    }
}

/// Adds an address unless it is empty or there already. A seed is none, whatever the column is called.
pub(super) fn push_url(draft: &mut Draft, url: &str) {
    let url = url.trim();
    if is_seed(url) {
        push_free(draft, field::OTP, None, url.to_owned());
    } else if is_uri(url) {
        push_named(draft, "seed", FieldKind::Secret, url.to_owned());
    } else if !url.is_empty() && !holds(&draft.urls, url) {
        draft.urls.push(url.to_owned());
    }
}

/// Gives a draft without a title one: the host of its first address, else its user name, else `untitled`.
pub(super) fn settle_title(draft: &mut Draft) {
    if !draft.title.trim().is_empty() {
        return;
    }
    let host = draft.urls.first().map(|url| host_of(url));
    let username = draft.fields.iter().find_map(|entry| match &entry.value {
        DraftValue::Plain(text) if entry.name == FieldName::Standard(field::USERNAME) => {
            Some(text.trim())
        }
        _ => None,
    });
    draft.title = [host, username]
        .into_iter()
        .flatten()
        .find(|candidate| !candidate.is_empty())
        .unwrap_or("untitled")
        .to_owned();
}

/// In a note the remarks are the secret text itself.
pub(super) fn settle_note(draft: &mut Draft) {
    if draft.kind != ItemKind::Note || has_standard(draft, field::TEXT) {
        return;
    }
    let at = draft
        .fields
        .iter()
        .position(|entry| entry.name == FieldName::Standard(field::NOTES));
    if let Some(at) = at
        && let DraftValue::Plain(text) = draft.fields.remove(at).value
    {
        draft.push_standard(field::TEXT, text);
    }
}

/// The host in an address as text for a title, the whole address where none is seen. Never for matching.
fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |parts| parts.1);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let host = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    if host.is_empty() { url } else { host }
}

/// Past the limit nothing is compared any more: such a draft is refused anyway, and the search would be quadratic.
fn holds(list: &[String], text: &str) -> bool {
    list.len() <= MAX_FIELDS && list.iter().any(|other| other == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_seen_in_usual_and_odd_addresses() {
        for (url, host) in [
            ("https://example.com/login?x=1", "example.com"),
            ("http://user:pw@example.com:8080", "example.com"),
            ("example.com", "example.com"),
            ("android://hash==@com.example.app/", "com.example.app"),
            ("https://[::1]:80/", "[::1]"),
            ("https:///", "https:///"),
        ] {
            assert_eq!(host_of(url), host);
        }
    }

    #[test]
    fn folders_keep_their_nesting_and_escape_the_rest() {
        assert_eq!(folder_path("a/b//c/", &['/']), "a/b/c");
        assert_eq!(folder_path("a\\b/c", &['\\']), "a/b\\/c");
        assert_eq!(folder_path("a\\b/c", &['/']), "a\\\\b/c");
        assert_eq!(folder_path(" / ", &['/']), "");
    }

    #[test]
    fn a_standard_name_goes_to_the_standard_field_once_and_never_loses_secrecy() {
        let mut draft = Draft::default();
        for kind in [FieldKind::Text, FieldKind::Text, FieldKind::Secret] {
            push_named(&mut draft, "pin", kind, "1".to_owned());
        }
        push_named(&mut draft, "email", FieldKind::Secret, "e".to_owned());
        let names: Vec<&str> = draft.fields.iter().map(|f| f.name.as_text()).collect();
        assert_eq!(names, ["pin", "pin 2", "pin 3", "email 2"]);
        let kinds: Vec<FieldKind> = draft.fields.iter().map(|f| f.kind).collect();
        assert_eq!(
            kinds,
            [
                FieldKind::Secret,
                FieldKind::Text,
                FieldKind::Secret,
                FieldKind::Secret
            ]
        );
    }
}
