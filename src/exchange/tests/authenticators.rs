//! Authenticators in clear. Each sample is written by hand after the program's own format; most hold the same accounts,
//! whose codes are those of RFC 6238 and RFC 4226.

use super::*;
use crate::otp::{Kind, Seed};
use crate::secret::Secret;

mod fixtures;
mod floods;
mod google;
mod samples;
pub(super) mod sealed;
pub(super) use samples::*;

/// The seed of a draft.
pub(super) fn seed_of(draft: &Draft) -> Seed {
    let uri = field_text(draft, "otp").expect("the entry has a seed");
    Seed::parse(&Secret::new(uri.to_owned())).unwrap()
}

pub(super) fn titled<'i>(imported: &'i Imported, title: &str) -> &'i Draft {
    let mut items = imported.drafts.iter();
    let found = items.find(|item| item.draft.title == title);
    &found.unwrap_or_else(|| panic!("no entry {title}")).draft
}

/// The accounts that every sample has: TOTP of RFC 6238 (appendix B) and HOTP of RFC 4226 (appendix D) at its fifth count.
pub(super) fn check_rfc_accounts(imported: &Imported, what: &str) {
    let bank = titled(imported, "Bank");
    assert_eq!(
        field_text(bank, "username"),
        Some("ann@x.example"),
        "{what}"
    );
    let code = seed_of(bank).code_at(59).unwrap().text;
    assert_eq!(code.expose(), "94287082", "{what}");
    let shop = titled(imported, "Shop & Co");
    assert_eq!(field_text(shop, "username"), Some("bob"), "{what}");
    let seed = seed_of(shop);
    let Kind::Hotp { counter } = seed.kind() else {
        panic!("{what}: not HOTP");
    };
    assert_eq!(counter, 5, "{what}");
    let code = seed.code_for_counter(counter).unwrap();
    assert_eq!(code.expose(), "254676", "{what}");
}

#[test]
fn every_sample_is_told_from_its_content_and_has_the_codes_of_the_standards() {
    for (format, text) in SAMPLES {
        let what = format.name();
        assert_eq!(detect(text.as_bytes(), None), Ok(format), "{what}");
        let imported = read(text);
        // Proton's program has no counters.
        if format != Format::ProtonAuthenticator {
            check_rfc_accounts(&imported, what);
        }
        let marked = format!("\u{feff}{}", text.replace('\n', "\r\n"));
        assert_eq!(read(&marked).drafts.len(), imported.drafts.len(), "{what}");
    }
}

#[test]
fn no_sample_is_read_as_another_format() {
    for (format, text) in SAMPLES {
        for (other, _) in SAMPLES {
            let same_reader = [Format::EnteAuth, Format::OtpauthUris];
            let lists = [Format::AndOtp, Format::Cotp, Format::Raivo];
            if other == format
                || [same_reader.as_slice(), &lists]
                    .iter()
                    .any(|group| group.contains(&format) && group.contains(&other))
            {
                continue;
            }
            let what = format!("{} as {}", format.name(), other.name());
            let refused = import(text.as_bytes(), Some(other), None).err();
            let expected = matches!(
                refused,
                Some(ImportError::NotThisFormat { .. } | ImportError::Json { .. })
            );
            assert!(expected, "{what}");
        }
    }
}

#[test]
fn a_file_that_is_cut_off_is_refused_whole() {
    for (format, text) in SAMPLES {
        if !text.starts_with(['{', '[']) {
            continue;
        }
        let end = text.trim_end().len();
        for cut in (1..end).filter(|cut| text.is_char_boundary(*cut)) {
            let refused = import(&text.as_bytes()[..cut], Some(format), None).err();
            let is_cut = matches!(
                refused,
                Some(ImportError::Json {
                    problem: JsonProblem::CutOff,
                    ..
                })
            );
            assert!(is_cut, "{} at {cut}", format.name());
        }
    }
}

/// Members that only say how a program shows its entries, which is said once a file; what a file says of itself; and kinds
/// that stand in the seed in other words.
const NOT_SOUGHT: [&str; 34] = [
    "CopyCount",
    "CustomIcons",
    "Icon",
    "Id",
    "CategoryId",
    "Ranking",
    "Type",
    "Algorithm",
    "appOrigin",
    "appVersionCode",
    "appVersionName",
    "badge",
    "entry_type",
    "group id",
    "icon",
    "iconType",
    "iconValue",
    "icon_hash",
    "icon_mime",
    "icons_optimized",
    "image",
    "isExpanded",
    "last_used",
    "link",
    "order",
    "pinned",
    "schemaVersion",
    "source",
    "thumbnail",
    "tokenOrder",
    "updatedAt",
    "used_frequency",
    "uuid",
    "version",
];

/// Everything that became of a file, as one text.
fn all_that_came(imported: &Imported) -> String {
    let mut said: Vec<String> = imported.warnings.clone();
    for item in &imported.drafts {
        let draft = &item.draft;
        said.extend([draft.title.clone()]);
        said.extend(draft.origin.clone());
        said.extend(draft.tags.iter().cloned());
        for entry in &draft.fields {
            said.push(entry.name.as_text().to_owned());
            said.push(value_text(&entry.value).to_owned());
        }
    }
    said.join("\n")
}

fn seek(value: &serde_json::Value, name: &str, came: &str, what: &str, count: &mut usize) {
    use serde_json::Value;
    let text = match value {
        Value::Null | Value::Bool(_) => return,
        Value::Array(bytes) if name == "secret" => {
            let bytes = bytes
                .iter()
                .map(|byte| byte.as_i64().unwrap().to_be_bytes()[7]);
            data_encoding::BASE32_NOPAD.encode(&bytes.collect::<Vec<u8>>())
        }
        Value::Array(values) => {
            return values
                .iter()
                .for_each(|value| seek(value, name, came, what, count));
        }
        Value::Object(members) => {
            return members
                .iter()
                .filter(|(name, _)| !NOT_SOUGHT.contains(&name.as_str()))
                .for_each(|(name, value)| seek(value, name, came, what, count));
        }
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.trim_end_matches('=').to_owned(),
    };
    // A count that is none is how programs fill a member.
    let fills = ["counter", "Counter", "period", "Period", "timer"].contains(&name);
    // Ids of groups became their names.
    if text.is_empty()
        || text == "g1"
        || (fills && ["0", "-1", "30", "10"].contains(&text.as_str()))
    {
        return;
    }
    *count += 1;
    // A URI is written anew, an account's site may stand before it.
    let mut pieces = text
        .split(&[':', '/', '?', '&', '=', '%'][..])
        .map(str::trim);
    let found = came.contains(&text)
        || came.to_lowercase().contains(&text.to_lowercase())
        || pieces.all(|piece| came.to_lowercase().contains(&piece.to_lowercase()));
    let in_parts = text.split(" - ").all(|part| came.contains(part));
    assert!(found || in_parts, "{what}: {name} {text:?}");
}

#[test]
fn every_value_of_every_sample_comes_out_or_is_said_to_stay_behind() {
    let mut counted = Vec::new();
    for (format, text) in SAMPLES {
        let Ok(root) = serde_json::from_str::<serde_json::Value>(text) else {
            continue;
        };
        let mut count = 0;
        let came = all_that_came(&read(text));
        seek(&root, "", &came, format.name(), &mut count);
        counted.push((format.name(), count));
    }
    let expected = [
        ("aegis", 44),
        ("andotp", 22),
        ("cotp", 20),
        ("freeotp", 24),
        ("proton-authenticator", 7),
        ("raivo", 14),
        ("stratum", 18),
        ("2fas", 23),
    ];
    assert_eq!(counted, expected);
}

#[test]
fn raivo_s_pins_are_favourites() {
    let imported = read(RAIVO);
    assert!(titled(&imported, "Bank").favourite);
    assert!(!titled(&imported, "Shop & Co").favourite);
}

#[test]
fn aegis_keeps_notes_groups_marks_and_says_that_icons_stay() {
    let imported = read(AEGIS);
    let bank = titled(&imported, "Bank");
    assert_eq!(bank.origin.as_deref(), Some("aegis:01-a"));
    assert!(bank.favourite);
    assert_eq!(bank.tags, ["Money", "Old way"]);
    assert_eq!(field_text(bank, "notes"), Some("kept note"));
    let icon = &imported.skipped[0];
    assert_eq!(icon.field.as_deref(), Some("icon"));
    assert_eq!(icon.item.as_deref(), Some("Bank"));
    let steam = titled(&imported, "Steam");
    assert!(matches!(seed_of(steam).kind(), Kind::Steam));
    assert_eq!(titled(&imported, "alone").tags, Vec::<String>::new());
}

#[test]
fn kinds_without_codes_are_kept_as_secret_fields_and_said_so() {
    let imported = read(AEGIS);
    for (title, kind) in [("Yandex", "yandex"), ("Office", "motp")] {
        let draft = titled(&imported, title);
        assert_eq!(field_text(draft, "otp"), None);
        assert_eq!(field_kind(draft, "seed"), Some(FieldKind::Secret));
        assert_eq!(field_text(draft, "seed kind"), Some(kind));
        assert_eq!(field_kind(draft, "pin"), Some(FieldKind::Secret));
        let mut skipped = imported.skipped.iter();
        assert!(skipped.any(|entry| {
            entry.item.as_deref() == Some(title) && entry.field.as_deref() == Some("otp")
        }));
    }
    let uri = "otpauth://yaotp/Yandex:ann?secret=JBSWY3DPEHPK3PXP&pin=1234";
    let imported = read(uri);
    let draft = titled(&imported, "Yandex");
    assert_eq!(field_text(draft, "username"), Some("ann"));
    let kept = "otpauth://yaotp/Yandex:ann?secret=JBSWY3DPEHPK3PXP";
    assert_eq!(field_text(draft, "seed"), Some(kept));
    assert_eq!(field_text(draft, "pin"), Some("1234"));
    assert_eq!(imported.skipped.len(), 1);
}

#[test]
fn bad_seeds_are_kept_as_fields_with_their_reason_and_the_rest_is_read() {
    let entry = |secret: &str, more: &str| {
        format!(r#"{{"secret":"{secret}","issuer":"I","label":"l","type":"TOTP"{more}}}"#)
    };
    let key = "JBSWY3DPEHPK3PXP";
    let entries = [
        entry("not base32!", ""),
        entry("", ""),
        entry(key, r#","digits":3"#),
        entry(key, r#","digits":-6"#),
        entry(key, r#","digits":6.5"#),
        entry(key, r#","period":0"#),
        entry(key, r#","period":4294967296"#),
        format!(r#"{{"secret":"{key}","label":"l","type":"HOTP","counter":18446744073709551615}}"#),
        format!(r#"{{"secret":"{key}","label":"l","type":"HOTP","counter":-1}}"#),
        "7".to_owned(),
        entry(
            key,
            r#","digits":"8","period":"60","algorithm":"HmacSHA256""#,
        ),
    ];
    let text = format!("[{}]", entries.join(","));
    let imported = import(text.as_bytes(), Some(Format::AndOtp), None).unwrap();
    assert_eq!(imported.rows_read(), entries.len());
    // What has no seed at all is left out.
    let rows: Vec<usize> = imported.drafts.iter().map(|item| item.row).collect();
    assert_eq!(rows, [1, 3, 4, 5, 6, 7, 8, 9, 11]);
    let kept = &imported.drafts[1].draft;
    assert_eq!(field_text(kept, "otp"), None);
    assert_eq!(field_text(kept, "seed"), Some(key));
    assert_eq!(field_kind(kept, "seed"), Some(FieldKind::Secret));
    assert_eq!(field_text(kept, "seed digits"), Some("3"));
    let broken = &imported.drafts[0].draft;
    assert_eq!(field_text(broken, "seed"), Some("not base32!"));
    let reasons: Vec<&str> = imported
        .skipped
        .iter()
        .map(|entry| entry.reason.as_str())
        .collect();
    for (at, word) in [
        (0, "base32"),
        (1, "no seed"),
        (2, "digits"),
        (3, "digits"),
        (4, "digits"),
        (5, "period"),
        (6, "period"),
        (7, "counter"),
        (8, "counter"),
        (9, "not an object"),
    ] {
        assert!(reasons[at].contains(word), "{at}: {}", reasons[at]);
    }
    let good = seed_of(&imported.drafts[8].draft);
    assert_eq!(good.digits(), 8);
    assert_eq!(good.kind(), Kind::Totp { period_secs: 60 });
    assert_eq!(good.algorithm(), crate::otp::Algorithm::Sha256);
}

/// `6.0` is a whole number, and a URI that says the same twice says it.
#[test]
fn numbers_with_a_fraction_and_parameters_said_twice_are_understood() {
    let text = r#"[{"secret":"JBSWY3DPEHPK3PXP","issuer":"I","label":"l","type":"TOTP","digits":8.0,"period":60.0}]"#;
    let seed = seed_of(
        &import(text.as_bytes(), Some(Format::AndOtp), None)
            .unwrap()
            .drafts[0]
            .draft,
    );
    assert_eq!(
        (seed.digits(), seed.kind()),
        (8, Kind::Totp { period_secs: 60 })
    );
    let uri = "otpauth://totp/A:b?secret=JBSWY3DPEHPK3PXP&issuer=A&issuer=A";
    assert_eq!(seed_of(titled(&read(uri), "A")).account(), "b");
    let unclear = format!("{uri}&digits=6&digits=8");
    let imported = read(&unclear);
    let kept = field_text(titled(&imported, "A"), "seed").unwrap();
    assert!(kept.ends_with("digits=6&digits=8"), "{kept}");
    assert!(imported.skipped[0].reason.contains("twice"));
}

#[test]
fn a_site_before_the_account_is_the_title_where_nothing_else_is() {
    let entry = |issuer: &str, label: &str| {
        let text = format!(
            r#"[{{"secret":"JBSWY3DPEHPK3PXP","issuer":"{issuer}","label":"{label}","type":"TOTP"}}]"#
        );
        let draft = import(text.as_bytes(), Some(Format::AndOtp), None).unwrap();
        let draft = &draft.drafts[0].draft;
        let username = field_text(draft, "username").unwrap_or_default();
        (draft.title.clone(), username.to_owned())
    };
    let pair = |title: &str, username: &str| (title.to_owned(), username.to_owned());
    assert_eq!(entry("", "Forge: joe"), pair("Forge", "joe"));
    assert_eq!(entry("FORGE", "forge:joe"), pair("FORGE", "joe"));
    assert_eq!(entry("Other", "Forge:joe"), pair("Other", "Forge:joe"));
    assert_eq!(entry("", "https://x"), pair("https://x", "https://x"));
    let motp = read("motp://Site:ann?secret=0123456789abcdef");
    assert_eq!(field_text(titled(&motp, "Site"), "username"), Some("ann"));
}

#[test]
fn lists_with_marks_and_transfers_in_them_are_read_in_any_order() {
    let seed = "otpauth://totp/A:b?secret=JBSWY3DPEHPK3PXP&issuer=A";
    let transfer = GOOGLE.lines().nth(1).unwrap();
    for text in [
        format!("- {seed}\n\"{transfer}\""),
        format!("{seed}\n{transfer}"),
        format!("{transfer}\n\"{seed}\",\n"),
    ] {
        let imported = read(&text);
        assert_eq!(imported.drafts.len(), 2, "{text}");
        assert!(imported.skipped.is_empty(), "{text}");
        titled(&imported, "A");
        titled(&imported, "Bank");
    }
}

/// Programs and people write members in any order, and what tells the format may come after a lot of something else.
#[test]
fn a_format_is_told_by_names_that_come_late() {
    let groups =
        r#"{"id":"01234567-89ab-cdef-0123-456789abcdef","name":"Group","isExpanded":true},"#;
    let groups = groups.repeat(40);
    let groups = groups.trim_end_matches(',');
    let note = "n".repeat(3000);
    for (text, format) in [
        (
            format!(r#"{{"groups":[{groups}],"services":[],"schemaVersion":4}}"#),
            Format::TwoFas,
        ),
        (
            format!(
                r#"{{"db":{{"version":3,"entries":[{{"note":"{note}"}}]}},"header":{{"slots":null}}}}"#
            ),
            Format::Aegis,
        ),
        (
            format!(r#"{{"CustomIcons":[{{"Data":"{note}"}}],"Authenticators":[]}}"#),
            Format::Stratum,
        ),
        (
            format!(r#"{{"version":1,"entries":[{{"note":"{note}","content":{{}}}}]}}"#),
            Format::ProtonAuthenticator,
        ),
        (
            r#"{"version":1,"entries":[]}"#.to_owned(),
            Format::ProtonAuthenticator,
        ),
    ] {
        assert_eq!(detect(text.as_bytes(), None), Ok(format), "{format:?}");
    }
}

#[test]
fn names_too_long_for_a_uri_stay_whole_beside_their_seed() {
    let long = "n".repeat(300);
    let text = format!(
        r#"[{{"secret":"JBSWY3DPEHPK3PXP","issuer":"{long}","label":"{long}@x","type":"TOTP"}}]"#
    );
    let imported = read(&text);
    let draft = titled(&imported, &long);
    assert_eq!(
        field_text(draft, "username"),
        Some(format!("{long}@x").as_str())
    );
    assert_eq!(seed_of(draft).issuer(), "");
}

#[test]
fn an_algorithm_without_codes_keeps_its_seed() {
    let text = r#"[{"secret":"JBSWY3DPEHPK3PXP","label":"Site - me","type":"TOTP","algorithm":"MD5","digits":7}]"#;
    let imported = read(text);
    let draft = titled(&imported, "Site");
    assert_eq!(field_text(draft, "username"), Some("me"));
    assert_eq!(field_text(draft, "seed"), Some("JBSWY3DPEHPK3PXP"));
    assert_eq!(field_text(draft, "seed algorithm"), Some("MD5"));
    assert_eq!(field_text(draft, "seed digits"), Some("7"));
}

#[test]
fn seeds_that_were_cut_or_are_short_are_warned_of() {
    let text = r#"[{"secret":"JBSWY3","label":"short","type":"TOTP"}]"#;
    let warnings = read(text).warnings.join("\n");
    assert!(
        warnings.contains("24 bits") && warnings.contains("entry 1"),
        "{warnings}"
    );
    assert!(warnings.contains("cut"), "{warnings}");
}

#[test]
fn two_fas_takes_the_user_s_names_groups_and_old_versions() {
    let imported = read(TWO_FAS);
    let bank = titled(&imported, "Bank");
    assert_eq!(bank.tags, ["Money"]);
    assert_eq!(field_text(bank, "issuer"), Some("kept issuer"));
    assert!(matches!(
        seed_of(titled(&imported, "Steam")).kind(),
        Kind::Steam
    ));
    let old = r#"{"appOrigin":"android","schemaVersion":1,"services":[{"name":"Deno","order":{"position":0},
        "otp":{"account":"m","issuer":"Deno","label":"Deno:m"},"secret":"JBSWY3DPEHPK3PXP","type":"Unknown"}]}"#;
    let imported = read(old);
    let draft = titled(&imported, "Deno");
    assert_eq!(seed_of(draft).kind(), Kind::Totp { period_secs: 30 });
    assert_eq!(
        draft.fields.len(),
        2,
        "nothing but the account and its seed"
    );
}

#[test]
fn ente_keeps_tags_notes_pins_and_the_trash() {
    let imported = read(ENTE);
    let bank = titled(&imported, "Bank");
    assert_eq!(bank.tags, ["Money", "a,b"]);
    assert_eq!(field_text(bank, "notes"), Some("two\nlines"));
    assert!(bank.favourite && !bank.trashed);
    let shop = titled(&imported, "Shop & Co");
    assert!(shop.trashed && !shop.favourite);
}

#[test]
fn a_list_of_uris_skips_what_is_none_and_keeps_what_no_seed_is_made_of() {
    let text = "# a comment\n\notpauth://totp/A:a?secret=JBSWY3DPEHPK3PXP&image=https%3A%2F%2Fx.example%2Fi.png&amp;lock=yes\n\
                hello\nsteam://JBSWY3DPEHPK3PXP\notpauth://totp/B:b?secret=1\n";
    let imported = read(text);
    assert_eq!(imported.rows_read(), 4);
    let draft = titled(&imported, "A");
    assert_eq!(field_text(draft, "image"), Some("https://x.example/i.png"));
    assert_eq!(field_text(draft, "lock"), Some("yes"));
    assert_eq!(titled(&imported, "untitled").fields.len(), 1);
    let skipped: Vec<(usize, Option<&str>)> = imported
        .skipped
        .iter()
        .map(|entry| (entry.row, entry.item.as_deref()))
        .collect();
    assert_eq!(skipped, [(2, None), (4, Some("B"))]);
    assert!(imported.warnings[0].contains("1 lines that begin with #"));
}

#[test]
fn freeotp_takes_what_the_user_called_an_entry_and_counts_as_it_would_go_on() {
    let imported = read(FREEOTP);
    let bank = titled(&imported, "Bank");
    assert_eq!(field_text(bank, "issuer"), Some("kept issuer"));
    assert_eq!(field_text(bank, "label"), Some("kept label"));
    let fresh = titled(&imported, "Fresh");
    assert_eq!(seed_of(fresh).kind(), Kind::Hotp { counter: 0 });
    let bad = r#"{"tokens":[{"algo":"SHA1","label":"l","secret":[1,2,300],"type":"TOTP"}]}"#;
    let imported = read(bad);
    assert_eq!((imported.drafts.len(), imported.skipped.len()), (0, 1));
}

#[test]
fn stratum_makes_tags_of_categories() {
    let imported = read(STRATUM);
    assert_eq!(titled(&imported, "Bank").tags, ["Money", "Web"]);
    let icon = imported
        .skipped
        .iter()
        .find(|entry| entry.field.as_deref() == Some("Icon"));
    assert_eq!(icon.unwrap().item.as_deref(), Some("Bank"));
}

#[test]
fn proton_authenticator_keeps_names_that_differ_and_names_steam_s() {
    let imported = read(PROTON);
    let bank = titled(&imported, "Bank");
    assert_eq!(field_text(bank, "name"), Some("kept name"));
    assert_eq!(bank.origin.as_deref(), Some("proton-authenticator:p1"));
    assert_eq!(field_text(bank, "notes"), Some("kept note"));
    let code = seed_of(bank).code_at(59).unwrap().text;
    assert_eq!(code.expose(), "94287082");
    assert!(matches!(
        seed_of(titled(&imported, "My Steam")).kind(),
        Kind::Steam
    ));
}
