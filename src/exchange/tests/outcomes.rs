//! What each sample of another program becomes, compared with a file that was reviewed line by line against the sample.

use super::written::WRITTEN;
use super::*;

/// What a file became, each value on a line of its own: `name = value`, hidden ones `name * value`.
pub(super) fn describe(imported: &Imported) -> String {
    let mut lines = Vec::new();
    for item in &imported.drafts {
        let draft = &item.draft;
        let mut head = format!("{} {} {:?}", item.row, draft.kind.name(), draft.title);
        let marks = [(draft.favourite, "favourite"), (draft.trashed, "trashed")];
        for (_, mark) in marks.iter().filter(|mark| mark.0) {
            head.push_str(&format!(" {mark}"));
        }
        lines.push(head);
        let places = [
            (
                "folder",
                Some(&draft.folder).filter(|folder| !folder.is_empty()),
            ),
            ("origin", draft.origin.as_ref()),
        ];
        for (name, value) in places {
            lines.extend(value.map(|value| format!("    {name}: {value:?}")));
        }
        lines.extend(draft.urls.iter().map(|url| format!("    url: {url:?}")));
        lines.extend(draft.tags.iter().map(|tag| format!("    tag: {tag:?}")));
        lines.extend(draft.fields.iter().map(|field| {
            let sign = if field.kind.is_secret() { '*' } else { '=' };
            let kind = field.kind.name();
            let value = value_text(&field.value);
            format!("    {} {sign} {value:?} ({kind})", field.name.as_text())
        }));
        lines.extend(draft.former.iter().map(|former| {
            let (name, set) = (former.name.as_text(), former.set.to_rfc3339());
            format!(
                "    former {name}, set {set} * {:?}",
                value_text(&former.value)
            )
        }));
        lines.extend(item.files.iter().map(|file| {
            let content = content_of(file);
            format!(
                "    file {:?}: {:?}",
                file.name,
                String::from_utf8_lossy(content)
            )
        }));
    }
    lines.extend(imported.skipped.iter().map(|entry| {
        let field = entry.field.as_deref().unwrap_or("the row");
        format!("left out: row {}, {field}: {}", entry.row, entry.reason)
    }));
    let warnings = imported.warnings.iter();
    lines.extend(warnings.map(|warning| format!("warning: {warning}")));
    lines.join("\n")
}

#[test]
fn every_sample_becomes_what_was_reviewed() {
    let found: Vec<String> = WRITTEN
        .iter()
        .map(|(format, text)| format!("== {}\n{}\n", format.name(), describe(&read(text))))
        .collect();
    let found = found.join("\n");
    let reviewed = include_str!("written.txt");
    for (line, number) in found.lines().zip(1..) {
        let expected = reviewed.lines().nth(number - 1).unwrap_or_default();
        assert_eq!(line, expected, "line {number} of:\n{found}");
    }
    assert_eq!(found, reviewed);
}
