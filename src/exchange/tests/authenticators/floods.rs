//! Files that are small and would become large.

use super::*;
use crate::exchange::MAX_FIELDS;

const KEY: &str = "JBSWY3DPEHPK3PXP";

fn aegis_with(groups: &str, entries: &str) -> String {
    format!(
        r#"{{"version":1,"header":{{"slots":null}},"db":{{"version":3,"groups":[{groups}],"entries":[{entries}]}}}}"#
    )
}

fn aegis_entry(groups: &str) -> String {
    format!(r#"{{"type":"totp","name":"n","info":{{"secret":"{KEY}"}},"groups":[{groups}]}}"#)
}

const TOO_MANY_FIELDS: fn(usize) -> ImportError = |row| ImportError::Row {
    row,
    line: None,
    problem: RowProblem::TooManyFields,
};

#[test]
fn long_names_that_many_entries_refer_to_are_refused_before_they_fill_memory() {
    let name = "x".repeat(1000);
    let count = 900;
    let groups: Vec<String> = (0..count)
        .map(|at| format!(r#"{{"uuid":"{at}","name":"{at}{name}"}}"#))
        .collect();
    let ids: Vec<String> = (0..count).map(|at| format!("\"{at}\"")).collect();
    let entries = vec![aegis_entry(&ids.join(",")); 200];
    let text = aegis_with(&groups.join(","), &entries.join(","));
    assert!(text.len() < 4 << 20);
    assert_eq!(refusal(&text), ImportError::TooManyValues);
}

#[test]
fn a_name_of_no_reason_is_no_tag_and_its_id_is_kept() {
    let groups = format!(r#"{{"uuid":"g","name":"{}"}}"#, "x".repeat(1025));
    let imported = read(&aegis_with(&groups, &aegis_entry("\"g\"")));
    let draft = &imported.drafts[0].draft;
    assert_eq!(draft.tags, Vec::<String>::new());
    assert_eq!(field_text(draft, "group id"), Some("g"));
}

#[test]
fn an_entry_of_too_many_parts_refuses_the_file() {
    let many = MAX_FIELDS + 1;
    let ids: Vec<String> = (0..many).map(|at| format!("\"{at}\"")).collect();
    let entries = format!("{},{}", aegis_entry(""), aegis_entry(&ids.join(",")));
    assert_eq!(refusal(&aegis_with("", &entries)), TOO_MANY_FIELDS(2));
    let parameters: String = (0..many).map(|at| format!("&a{at}=1")).collect();
    let uri = format!("otpauth://totp/a?secret={KEY}");
    assert_eq!(
        refusal(&format!("{uri}\n{uri}{parameters}")),
        TOO_MANY_FIELDS(2)
    );
}

#[test]
fn a_uri_without_end_is_left_out() {
    let uri = format!("otpauth://totp/a?secret={KEY}");
    let imported = read(&format!("{uri}\n{uri}&x={}", "y".repeat(64 * 1024)));
    assert_eq!((imported.drafts.len(), imported.skipped.len()), (1, 1));
    assert!(imported.skipped[0].reason.contains("longer"));
}

#[test]
fn links_of_stratum_s_categories_copy_no_name() {
    let name = "x".repeat(1 << 20);
    let link = format!(r#"{{"CategoryId":"c","AuthenticatorSecret":"{KEY}"}}"#);
    let links = vec![link; 20_000].join(",");
    let text = format!(
        r#"{{"Authenticators":[{{"Type":2,"Issuer":"I","Secret":"{KEY}"}}],"Categories":[{{"Id":"c","Name":"{name}"}}],
        "AuthenticatorCategories":[{links}]}}"#
    );
    assert_eq!(refusal(&text), TOO_MANY_FIELDS(1));
}
