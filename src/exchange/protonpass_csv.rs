//! Proton Pass's CSV: `type,name,url,autofillUrls,email,username,password,note,totp,createTime,modifyTime,vault`; older
//! ones have fewer. A card's or a person's note is the whole item as JSON. The JSON export keeps more.

use super::json::Json;
use super::labelled::push_free;
use super::place::{keep, keep_rest};
use super::protonpass_json::{kind_of, read_content, read_url};
use super::row::{Column, Row, has_columns, read_named};
use super::table::Target;
use super::{Format, ImportError, Imported};
use crate::model::draft::Draft;
use crate::model::field::{self, ItemKind};
use zeroize::Zeroizing;

const COLUMNS: &[Column] = &[
    ("name", Target::Title),
    ("url", Target::UrlList),
    ("username", Target::Standard(field::USERNAME)),
    ("password", Target::Standard(field::PASSWORD)),
    ("note", Target::Standard(field::NOTES)),
    ("totp", Target::Standard(field::OTP)),
    ("vault", Target::Folder(&[])),
];

/// Reads the export.
pub(super) fn import(text: &str) -> Result<Imported, ImportError> {
    let mut imported = read_named(text, Format::ProtonPassCsv, is_header, |row, draft| {
        let kind = row.take("type");
        draft.kind = kind_of(draft, &kind);
        if matches!(draft.kind, ItemKind::Card | ItemKind::Identity) {
            read_note(row, draft, &kind);
        }
        // Who has no user name signs in with the e-mail address.
        let email = if row.has("username") || kind == "alias" {
            field::EMAIL
        } else {
            field::USERNAME
        };
        row.put(draft, "email", &Target::Standard(email));
        row.put_all(draft, COLUMNS);
        read_urls(row, draft);
        row.put_epoch(draft, "createtime", "created");
        row.put_epoch(draft, "modifytime", "modified");
        Ok(())
    })?;
    imported
        .warnings
        .push("Proton Pass's CSV has no custom fields and no trash; its JSON has".to_owned());
    Ok(imported)
}

/// Whether a first line is this format's.
pub(super) fn is_header(headers: &[String]) -> bool {
    has_columns(
        headers,
        &[
            "type", "name", "url", "username", "password", "note", "totp",
        ],
    ) && (has_columns(headers, &["vault"]) || has_columns(headers, &["createtime"]))
}

/// Where the note is not the JSON it should be, it stays a note.
fn read_note(row: &mut Row<'_, '_>, draft: &mut Draft, kind: &str) {
    if !row.text("note").starts_with('{') {
        return;
    }
    let text = Zeroizing::new(row.take("note"));
    if let Ok(Json::Object(mut content)) = Json::parse(&text) {
        push_free(
            draft,
            field::NOTES,
            None,
            content.take_text("note").unwrap_or_default(),
        );
        read_content(draft, &mut content, kind);
        keep_rest(draft, "", content);
    } else {
        push_free(draft, field::NOTES, None, text.to_string());
    }
}

/// The addresses once more, each with the way it is compared.
fn read_urls(row: &mut Row<'_, '_>, draft: &mut Draft) {
    let text = Zeroizing::new(row.take("autofillurls"));
    if text.is_empty() {
        return;
    }
    match Json::parse(&text) {
        Ok(Json::List(urls)) => urls.into_iter().for_each(|url| read_url(draft, url)),
        _ => keep(draft, "autofillUrls", Json::Text(text)),
    }
}
