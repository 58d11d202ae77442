//! Values that bring labels of their own: what a label means, and texts of one `label:value` a line.

use super::MAX_FIELDS;
use super::dates::card_expiry;
use super::generic_csv::{is_secret_name, meaning};
use super::place::{has_standard, plain_kind, push_named, push_url};
use super::table::Target;
use crate::model::draft::Draft;
use crate::model::field::{self, FieldKind, ItemKind};

/// Adds a value under a label that somebody chose: an address, the standard field that the label means, else a custom
/// field of that name. Without a kind the label's sound decides whether it is hidden.
pub(super) fn push_labelled(draft: &mut Draft, label: &str, kind: Option<FieldKind>, text: String) {
    let label = label.trim();
    let hidden = kind.is_some_and(FieldKind::is_secret);
    match meaning(label) {
        Some(Target::Url) if !hidden && !text.trim().is_empty() => {
            text.lines().for_each(|line| push_url(draft, line));
        }
        Some(Target::Standard(field::EXPIRES)) if draft.kind == ItemKind::Card => {
            let text = card_expiry(&text).unwrap_or(text);
            push_free(draft, field::EXPIRES, kind, text);
        }
        Some(Target::Standard(number)) if !has_standard(draft, number) => {
            push_free(draft, number, kind, text);
        }
        _ => {
            let label = if label.is_empty() { "field" } else { label };
            let sound = if is_secret_name(label) {
                FieldKind::Secret
            } else {
                plain_kind(&text)
            };
            push_named(draft, label, kind.unwrap_or(sound), text);
        }
    }
}

/// The same where the source does not tell whether the value is secret: it is hidden unless the label means something
/// that is not.
pub(super) fn push_untold(draft: &mut Draft, label: &str, text: String) {
    let kind = meaning(label).is_none().then_some(FieldKind::Secret);
    push_labelled(draft, label, kind, text);
}

/// Adds a standard field where it is free, else a custom one with its name and a number; nothing for an empty text. A
/// kind that hides more than the field does is kept too.
pub(super) fn push_free(draft: &mut Draft, number: u8, kind: Option<FieldKind>, text: String) {
    if text.is_empty() {
        return;
    }
    if let Some((name, own)) = field::standard_field(number) {
        let kind = kind.filter(|kind| kind.is_secret()).unwrap_or(own);
        push_named(draft, name, kind, text);
    }
}

/// How the first and the last line of a key or certificate begin (RFC 7468, section 2).
pub(super) const PEM_BEGIN: &str = "-----BEGIN ";
pub(super) const PEM_END: &str = "-----END ";

/// The labels and values of a text with one `label:value` a line. A line that begins no value continues the one before
/// it, and so does one between the marks of a key in PEM; what stands before the first label has an empty one.
pub(super) fn split_entries(
    text: &str,
    mut is_label: impl FnMut(&str) -> bool,
) -> Vec<(&str, &str)> {
    let mut found: Vec<(&str, usize, usize)> = Vec::new();
    let mut at = 0;
    let last_end = text.rfind(PEM_END).unwrap_or_default();
    let mut in_key = false;
    for line in text.split_inclusive('\n') {
        let end = at + line.trim_end_matches(['\r', '\n']).len();
        in_key &= !line.contains(PEM_END);
        // The beginning of an address is no label.
        let label = line
            .split_once(':')
            .filter(|(label, rest)| !in_key && !rest.starts_with("//") && is_label(label))
            .map(|(label, _)| label);
        // A key that never ends is none.
        in_key |= line.contains(PEM_BEGIN) && !line.contains(PEM_END) && at < last_end;
        match (label, found.last_mut()) {
            (Some(label), _) => found.push((label, at + label.len() + 1, end)),
            (None, Some(last)) => last.2 = end,
            (None, None) => found.push(("", at, end)),
        }
        at += line.len();
    }
    let entries = found.into_iter();
    entries
        .map(|(label, start, end)| (label.trim(), text.get(start..end).unwrap_or_default()))
        .collect()
}

/// `birthDate` is `birth date`.
pub(super) fn words_of(name: &str) -> String {
    let mut words = String::new();
    for character in name.chars() {
        if character.is_uppercase() {
            words.push(' ');
        }
        words.extend(character.to_lowercase());
    }
    words
}

/// Whether a draft is past the limit of fields already: the row is refused for it, and nothing more needs to be added.
pub(super) fn is_overfull(draft: &Draft) -> bool {
    draft.fields.len() > MAX_FIELDS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_mean_standard_fields_once_and_never_show_what_was_hidden() {
        let mut draft = Draft::default();
        for (label, kind, text) in [
            ("E-mail", None, "e"),
            ("User Name", None, "u"),
            ("Website", None, "https://a.example"),
            ("Website", Some(FieldKind::Secret), "https://b.example"),
            ("Email", None, "f"),
            ("Member ID", Some(FieldKind::Secret), "m"),
            ("Security answer", None, "s"),
            ("Colour", None, "red\nblue"),
            ("", None, "x"),
        ] {
            push_labelled(&mut draft, label, kind, text.to_owned());
        }
        assert_eq!(draft.urls, ["https://a.example"]);
        let fields: Vec<(&str, FieldKind)> = draft
            .fields
            .iter()
            .map(|field| (field.name.as_text(), field.kind))
            .collect();
        assert_eq!(
            fields,
            [
                ("email", FieldKind::Email),
                ("username", FieldKind::Text),
                ("Website", FieldKind::Secret),
                ("Email", FieldKind::Text),
                ("Member ID", FieldKind::Secret),
                ("Security answer", FieldKind::Secret),
                ("Colour", FieldKind::Multiline),
                ("field", FieldKind::Text),
            ]
        );
    }

    #[test]
    fn entries_keep_every_line_with_its_label() {
        let text = "before\r\na:1:2\r\nmore\nB b:\nc:x\n\ny\n";
        let entries = split_entries(text, |label| label != "y");
        assert_eq!(
            entries,
            [
                ("", "before"),
                ("a", "1:2\r\nmore"),
                ("B b", ""),
                ("c", "x\n\ny"),
            ]
        );
        assert_eq!(split_entries("", |_| true), []);
        let key = "k:-----BEGIN KEY-----\nProc-Type: 4\n\nab\n-----END KEY-----\nc:-----BEGIN KEY-----\nd:x\n";
        let entries = split_entries(key, |_| true);
        assert_eq!(
            entries,
            [
                (
                    "k",
                    "-----BEGIN KEY-----\nProc-Type: 4\n\nab\n-----END KEY-----"
                ),
                ("c", "-----BEGIN KEY-----"),
                ("d", "x"),
            ]
        );
    }
}
