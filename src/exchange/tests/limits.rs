//! Small files that would become large, and large ones: refused, or bounded in what they become.

use super::written::WRITTEN;
use super::*;
use std::time::{Duration, Instant};

/// Longer than the slowest of these takes without a limit's help.
const SOON: Duration = Duration::from_secs(20);

fn repeated(piece: &str, count: usize) -> String {
    vec![piece; count].join(",")
}

fn long_name() -> String {
    "n".repeat(MAX_VALUE_BYTES - 1)
}

/// The bytes of all names and values that a file became; none where it was refused.
fn size_of(text: &str, format: Format) -> usize {
    let Ok(imported) = import(text.as_bytes(), Some(format), None) else {
        return 0;
    };
    let drafts = imported.drafts.iter().map(|item| {
        let fields = item.draft.fields.iter();
        let fields = fields.map(|field| field.name.as_text().len() + field.value.len());
        let texts = item.draft.tags.iter().chain(&item.draft.urls);
        let texts = texts.chain([&item.draft.title, &item.draft.folder]);
        let former = item.draft.former.iter();
        let former = former.map(|former| former.name.as_text().len() + former.value.len());
        let fields = fields.chain(former);
        fields.chain(texts.map(String::len)).sum::<usize>()
    });
    let warnings = imported.warnings.iter().map(String::len);
    drafts.chain(warnings).sum()
}

#[test]
fn a_name_that_stands_before_many_values_does_not_multiply_without_end() {
    let name = long_name();
    let members: Vec<String> = (0..900).map(|n| format!("\"k{n}\":1")).collect();
    let members = members.join(",");
    let former = repeated(r#"{"value":"x"}"#, 900);
    let labels = repeated(
        r#"{"fieldName":"a","type":"text","data":{"content":"b"}}"#,
        450,
    );
    let many = [
        // Enpass: members of a field, and its former values.
        (
            Format::EnpassJson,
            format!(
                r#"{{"items":[{{"uuid":"1","fields":[{{"label":"{name}","value":"x",{members}}}]}}]}}"#
            ),
        ),
        (
            Format::EnpassJson,
            format!(
                r#"{{"items":[{{"uuid":"1","fields":[{{"label":"{name}","history":[{former}]}}]}}]}}"#
            ),
        ),
        // Keeper: values of one name, and parts of one.
        (
            Format::KeeperJson,
            format!(
                r#"{{"records":[{{"custom_fields":{{"$x:{name}":[{}]}}}}]}}"#,
                repeated("1", 900)
            ),
        ),
        (
            Format::KeeperJson,
            format!(r#"{{"records":[{{"custom_fields":{{"$x:{name}":{{{members}}}}}}}]}}"#),
        ),
        // Proton Pass: members of a field, and of a vault.
        (
            Format::ProtonPassJson,
            format!(
                r#"{{"vaults":{{"v":{{"items":[{{"data":{{"extraFields":[{{"fieldName":"{name}",{members}}}]}}}}]}}}}}}"#
            ),
        ),
        (
            Format::ProtonPassJson,
            format!(r#"{{"vaults":{{"v":{{"name":"{name}",{members}}}}}}}"#),
        ),
        // Proton Pass: the title of a section that stands before labels which another has too.
        (
            Format::ProtonPassJson,
            format!(
                r#"{{"vaults":{{"v":{{"items":[{{"data":{{"content":{{"sections":[
                {{"sectionName":"{name}","sectionFields":[{labels}]}},{{"sectionFields":[{labels}]}}]}}}}}}]}}}}}}"#
            ),
        ),
        // NordPass: members of a field, in a cell.
        (
            Format::NordPass,
            format!(
                "name,url,username,password,cardholdername,cardnumber,folder,custom_fields\n,,,,,,,\"{}\"\n",
                format!(r#"[{{"label":"{}",{members}}}]"#, "n".repeat(500_000))
                    .replace('"', "\"\"")
            ),
        ),
    ];
    for (format, text) in many {
        let size = size_of(&text, format);
        assert!(size > 900, "{format:?} was refused");
        assert!(
            size < 2 * text.len(),
            "{format:?}: {size} of {}",
            text.len()
        );
    }
}

#[test]
fn a_name_that_many_items_share_does_not_multiply_without_end() {
    let name = long_name();
    let rows = |row: &str| row.repeat(1000);
    let shared = [
        (
            Format::GenericCsv,
            format!("title,{name}\n{}", rows("t,v\n")),
        ),
        (
            Format::Apple,
            format!("Title,URL,Username,Password,OTPAuth\n{}", rows("t,,,,\n")),
        ),
        (
            Format::Firefox,
            format!(
                "url,username,password,httpRealm,formActionOrigin,{name}\n{}",
                rows(",,,,,v\n")
            ),
        ),
        (
            Format::Buttercup,
            format!(
                "!type,!group_id,!group_name,!group_parent,title\ngroup,g,{name},0,\n{}",
                rows("entry,g,,,t\n")
            ),
        ),
        (
            Format::EnpassJson,
            format!(
                r#"{{"folders":[{{"uuid":"f","title":"{name}"}}],"items":[{}]}}"#,
                repeated(r#"{"uuid":"1","folders":["f"]}"#, 1000)
            ),
        ),
        (
            Format::ProtonPassJson,
            format!(
                r#"{{"vaults":{{"v":{{"name":"{name}","items":[{}]}}}}}}"#,
                repeated("{}", 1000)
            ),
        ),
    ];
    for (format, text) in shared {
        let refused = import(text.as_bytes(), Some(format), None).err();
        let expected = (format != Format::Apple).then_some(ImportError::TooManyValues);
        assert_eq!(refused, expected, "{format:?}");
    }
}

#[test]
fn values_rows_and_columns_over_the_limits_are_refused_in_every_format() {
    let long = "x".repeat(MAX_VALUE_BYTES + 1);
    for (format, text) in WRITTEN {
        // A value that stands in the sample by itself.
        let value = [
            "pw1",
            "pw2",
            "code 99",
            "First Bank",
            "Oslo",
            "bobo",
            "motto-value",
        ];
        let value = value.into_iter().find(|value| text.contains(value));
        let text = text.replacen(value.unwrap(), &long, 1);
        let refused = import(text.as_bytes(), Some(format), None).err();
        let expected = matches!(
            refused,
            Some(
                ImportError::Row {
                    problem: RowProblem::ValueTooLong,
                    ..
                } | ImportError::Json {
                    problem: JsonProblem::ValueTooLong,
                    ..
                }
            )
        );
        assert!(expected, "{format:?}: {refused:?}");
    }
    let wide = format!(
        "Title,URL,Username,Password,OTPAuth{}\n",
        ",x".repeat(MAX_FIELDS)
    );
    assert!(matches!(
        import(wide.as_bytes(), Some(Format::Apple), None).err(),
        Some(ImportError::Row {
            problem: RowProblem::TooManyFields,
            ..
        })
    ));
    let entries = repeated("0", MAX_ROWS + 1);
    for (format, text) in [
        (Format::KeeperJson, format!("{{\"records\":[{entries}]}}")),
        (Format::EnpassJson, format!("{{\"items\":[{entries}]}}")),
        (
            Format::ProtonPassJson,
            format!("{{\"vaults\":{{\"v\":{{\"items\":[{entries}]}}}}}}"),
        ),
    ] {
        let refused = import(text.as_bytes(), Some(format), None).err();
        assert_eq!(refused, Some(ImportError::TooManyRows), "{format:?}");
    }
}

#[test]
fn fields_over_the_limit_refuse_the_file_whatever_they_are_written_as() {
    let count = MAX_FIELDS + 1;
    let lines = |line: &str| line.repeat(count);
    let pairs = ",a,b".repeat(MAX_FIELDS / 2);
    let cell = repeated(r#"{""label"":""a"",""value"":""b""}"#, count);
    let many = [
        (
            Format::EnpassCsv,
            format!("Title,Field,Value,Note\nt{pairs}{pairs},\n"),
        ),
        (
            Format::KeeperCsv,
            format!("f,t,l,p,https://a.example,n,s{pairs}{pairs}\n"),
        ),
        (
            Format::Zoho,
            format!("Password Name,SecretData\nt,\"{}\"\n", lines("a:b\n")),
        ),
        (
            Format::LastPass,
            format!(
                "url,username,password,extra,name,grouping,fav\nhttp://sn,,,\"NoteType:Custom_1\n{}\",t,,\n",
                lines("a:b\n")
            ),
        ),
        (
            Format::NordPass,
            format!(
                "name,url,username,password,cardholdername,cardnumber,folder,custom_fields\n,,,,,,,\"[{cell}]\"\n"
            ),
        ),
        (
            Format::EnpassJson,
            format!(
                r#"{{"items":[{{"uuid":"1","fields":[{}]}}]}}"#,
                repeated(r#"{"label":"a","value":"b"}"#, count)
            ),
        ),
        (
            Format::KeeperJson,
            format!(
                r#"{{"records":[{{"custom_fields":{{"$x:a":[{}]}}}}]}}"#,
                repeated("1", count)
            ),
        ),
        (
            Format::ProtonPassJson,
            format!(
                r#"{{"vaults":{{"v":{{"items":[{{"data":{{"extraFields":[{}]}}}}]}}}}}}"#,
                repeated(r#"{"fieldName":"a","data":{"content":"b"}}"#, count)
            ),
        ),
    ];
    for (format, text) in many {
        let refused = import(text.as_bytes(), Some(format), None).err();
        let expected = matches!(
            refused,
            Some(ImportError::Row {
                problem: RowProblem::TooManyFields,
                ..
            })
        );
        assert!(expected, "{format:?}: {refused:?}");
    }
}

#[test]
fn deep_json_is_refused_as_a_file_and_kept_as_text_in_a_cell() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for (format, before) in [
        (Format::EnpassJson, "{\"items\":"),
        (Format::KeeperJson, "{\"records\":"),
        (Format::ProtonPassJson, "{\"vaults\":"),
    ] {
        let text = format!("{before}{deep}}}");
        let refused = import(text.as_bytes(), Some(format), None).err();
        let expected = matches!(
            refused,
            Some(ImportError::Json {
                problem: JsonProblem::TooDeep,
                ..
            })
        );
        assert!(expected, "{format:?}: {refused:?}");
    }
    for (text, field) in [
        (
            format!(
                "name,url,username,password,cardholdername,cardnumber,folder,custom_fields\nt,,,,,,,\"{deep}\"\n"
            ),
            "custom_fields",
        ),
        (
            format!(
                "type,name,url,username,password,note,totp,vault,autofillUrls\nlogin,t,,,,,,,\"{deep}\"\n"
            ),
            "autofillUrls",
        ),
    ] {
        let imported = read(&text);
        let draft = &imported.drafts[0].draft;
        assert_eq!(field_text(draft, field), Some(deep.as_str()));
    }
}

#[test]
fn a_file_of_one_value_is_refused_in_a_moment() {
    let long = "x\n".repeat(MAX_FILE_BYTES / 2 - 1000);
    for (format, _) in WRITTEN {
        let text = match format {
            Format::EnpassJson => format!("{{\"items\":[\"{long}\"]}}"),
            Format::KeeperJson => format!("{{\"records\":[\"{long}\"]}}"),
            Format::ProtonPassJson => format!("{{\"vaults\":[\"{long}\"]}}"),
            _ => format!("{},\"{long}\"\n", first_line(format)),
        };
        let begun = Instant::now();
        let refused = import(text.as_bytes(), Some(format), None).err();
        assert!(refused.is_some(), "{format:?}");
        assert!(begun.elapsed() < SOON, "{format:?}: {:?}", begun.elapsed());
    }
}

/// The columns of a format's first sample, and the beginning of a row.
fn first_line(format: Format) -> String {
    let mut samples = WRITTEN.iter();
    let text = samples.find(|row| row.0 == format).map_or("", |row| row.1);
    let header = text.lines().next().unwrap_or_default();
    format!("{header}\nx")
}
