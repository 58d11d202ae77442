//! The CSV formats, each quirk of theirs one test.

use super::*;

#[test]
fn chrome_rows_are_logins_and_may_lack_the_note() {
    let imported = read(
        "name,url,username,password,note\r\n\
         site,https://site.example/,anna,\"a,\"\"b\"\" c\",\"two\r\nlines\"\r\n\
         ,android://x==@com.example/,,p\r\n",
    );
    assert_eq!(imported.rows_read(), 2);
    let [first, second] = [&imported.drafts[0].draft, &imported.drafts[1].draft];
    assert_eq!(first.title, "site");
    assert_eq!(first.kind, ItemKind::Login);
    assert_eq!(first.urls, ["https://site.example/"]);
    assert_eq!(field_text(first, "username"), Some("anna"));
    assert_eq!(field_text(first, "password"), Some("a,\"b\" c"));
    assert_eq!(field_text(first, "notes"), Some("two\r\nlines"));
    assert_eq!(second.title, "com.example");
    assert_eq!(imported.drafts[1].row, 2);
}

#[test]
fn titles_fall_back_to_host_user_and_a_word() {
    let imported = read("url,username,password\nhttps://h.example:8443/x,u,p\n,u,p\n,,p\n");
    let titles: Vec<&str> = imported
        .drafts
        .iter()
        .map(|i| i.draft.title.as_str())
        .collect();
    assert_eq!(titles, ["h.example", "u", "untitled"]);
}

#[test]
fn keepassxc_groups_lose_the_root_and_times_and_seeds_stay() {
    let imported = read(
        "\"Group\",\"Title\",\"Username\",\"Password\",\"URL\",\"Notes\",\"TOTP\",\"Icon\",\"Last Modified\",\"Created\"\n\
         \"Passwörter/Work/Mail\",\"a\",\"u\",\"p\",\"https://a.example\",\"n\",\"otpauth://totp/a?secret=GEZDGNBV&period=30\",\"0\",\"2024-05-06T07:08:09Z\",\"2023-01-02T03:04:05Z\"\n\
         \"Passwörter\",\"b\",\"\",\"\",\"\",\"\",\"\",\"12\",\"\",\"\"\n",
    );
    let [first, second] = [&imported.drafts[0].draft, &imported.drafts[1].draft];
    assert_eq!(first.folder, "Work/Mail");
    assert_eq!(second.folder, "");
    assert_eq!(
        field_text(first, "otp"),
        Some("otpauth://totp/a?secret=GEZDGNBV&period=30")
    );
    assert_eq!(field_kind(first, "otp"), Some(FieldKind::Otp));
    assert_eq!(field_text(first, "created"), Some("2023-01-02T03:04:05Z"));
    assert_eq!(field_text(first, "modified"), Some("2024-05-06T07:08:09Z"));
    assert_eq!(imported.skipped.len(), 1);
    assert_eq!(imported.skipped[0].field.as_deref(), Some("Icon"));
    assert_eq!(imported.skipped[0].item.as_deref(), Some("b"));
    assert_eq!(imported.rows_read(), 2);
    assert!(imported.warnings[0].contains("Passwörter"));
}

#[test]
fn keepassx_groups_that_differ_lose_only_root() {
    let imported = read(
        "\"Group\",\"Title\",\"Username\",\"Password\",\"URL\",\"Notes\"\n\
         \"Root/A\",\"a\",\"\",\"\",\"\",\"\"\n\"B/C\",\"b\",\"\",\"\",\"\",\"\"\n",
    );
    assert_eq!(imported.drafts[0].draft.folder, "A");
    assert_eq!(imported.drafts[1].draft.folder, "B/C");
}

const KEEPASS1: &str = "\"Account\",\"Login Name\",\"Password\",\"Web Site\",\"Comments\"\n";

#[test]
fn keepass1_escapes_are_undone_where_the_file_uses_them() {
    let text =
        format!("{KEEPASS1}\"a\",\"u\",\"x\\\"y\\\\\",\"https://a.example\",\"l1\r\nl2\"\r\n");
    let imported = read(&text);
    let draft = &imported.drafts[0].draft;
    assert_eq!(field_text(draft, "password"), Some("x\"y\\"));
    assert_eq!(field_text(draft, "notes"), Some("l1\r\nl2"));
}

#[test]
fn keepass1_backslashes_stay_where_the_file_does_not_escape_them() {
    let text = format!("{KEEPASS1}\"a\",\"u\",\"end\\\",\"\",\"C:\\dir \"\"q\"\"\"\n");
    let imported = read(&text);
    let draft = &imported.drafts[0].draft;
    assert_eq!(field_text(draft, "password"), Some("end\\"));
    assert_eq!(field_text(draft, "notes"), Some("C:\\dir \"q\""));
}

#[test]
fn keepass1_with_quotes_nobody_can_read_is_refused() {
    let text = format!("{KEEPASS1}\"a\",\"u\",\"x\"y\",\"\",\"\"\n");
    assert!(matches!(
        refusal(&text),
        ImportError::Row {
            row: 1,
            line: Some(2),
            problem: RowProblem::StrayQuote
        }
    ));
}

#[test]
fn bitwarden_csv_splits_fields_and_addresses_and_knows_notes() {
    let imported = read(
        "folder,favorite,type,name,notes,fields,reprompt,login_uri,login_username,login_password,login_totp\r\n\
         A/B,1,login,x,n,\"pin: 12\nold: 3\",0,\"https://a.example/?q=1,2,https://b.example\",u,p,steam://AAAA\r\n\
         ,,note,y,the secret,,1,,,,",
    );
    let [first, second] = [&imported.drafts[0].draft, &imported.drafts[1].draft];
    assert!(first.favourite);
    assert_eq!(first.folder, "A/B");
    assert_eq!(
        first.urls,
        ["https://a.example/?q=1,2", "https://b.example"]
    );
    assert_eq!(field_text(first, "pin"), Some("12"));
    assert_eq!(field_kind(first, "old"), Some(FieldKind::Secret));
    assert_eq!(field_text(first, "otp"), Some("steam://AAAA"));
    assert_eq!(field_text(first, "reprompt"), None);
    assert_eq!(second.kind, ItemKind::Note);
    assert_eq!(field_text(second, "text"), Some("the secret"));
    assert_eq!(field_text(second, "notes"), None);
    assert_eq!(field_text(second, "reprompt"), Some("1"));
}

#[test]
fn generic_headers_are_recognised_in_many_spellings() {
    let imported = read(
        "Grouping;Web_Site;LOGIN-NAME;Passwd;Item Name;Extra;Fav;otpauth;Labels;E-Mail\n\
         Work\\Mail;https://a.example;u;p;t;n;yes;JBSW Y3DP;a, b;c@d.example\n",
    );
    let draft = &imported.drafts[0].draft;
    assert_eq!(draft.folder, "Work/Mail");
    assert_eq!(draft.urls, ["https://a.example"]);
    assert_eq!(draft.title, "t");
    assert_eq!(draft.tags, ["a", "b"]);
    assert!(draft.favourite);
    for (name, text) in [
        ("username", "u"),
        ("password", "p"),
        ("notes", "n"),
        ("otp", "JBSW Y3DP"),
        ("email", "c@d.example"),
    ] {
        assert_eq!(field_text(draft, name), Some(text), "{name}");
    }
    assert_eq!(draft.fields.len(), 5);
}

#[test]
fn an_email_is_the_user_name_where_nothing_else_is() {
    let imported = read("title,email,password\nt,a@b.example,p\n");
    let draft = &imported.drafts[0].draft;
    assert_eq!(field_text(draft, "username"), Some("a@b.example"));
    assert_eq!(field_text(draft, "email"), None);
}

#[test]
fn other_columns_become_fields_and_hide_what_sounds_secret() {
    let imported = read(
        "title\tPIN\tAPI token\tApiKey\tPassport Number\tColour\tpassword hint\tpassword\tpassword\t\n\
         t\t1\t2\t3\t4\t5\t6\t7\t8\t9\t10\n",
    );
    let draft = &imported.drafts[0].draft;
    for (name, text, kind) in [
        ("pin", "1", FieldKind::Secret),
        ("API token", "2", FieldKind::Secret),
        ("ApiKey", "3", FieldKind::Secret),
        ("passport-number", "4", FieldKind::Secret),
        ("Colour", "5", FieldKind::Text),
        ("password hint", "6", FieldKind::Text),
        ("password", "7", FieldKind::Secret),
        ("password 2", "8", FieldKind::Secret),
        ("column 10", "9", FieldKind::Secret),
        ("column 11", "10", FieldKind::Secret),
    ] {
        assert_eq!(field_text(draft, name), Some(text), "{name}");
        assert_eq!(field_kind(draft, name), Some(kind), "{name}");
    }
}

#[test]
fn columns_that_want_the_same_place_all_stay() {
    let imported = read(
        "name,title,login,user,url,website,notes,comment,favorite,type\nn,t,l,u,a,b,x,y,maybe,thing\n",
    );
    let draft = &imported.drafts[0].draft;
    assert_eq!(draft.title, "t");
    assert_eq!(draft.urls, ["a", "b"]);
    for (name, text) in [
        ("name", "n"),
        ("username", "l"),
        ("user", "u"),
        ("notes", "x"),
        ("comment", "y"),
        ("favorite", "maybe"),
        ("type", "thing"),
    ] {
        assert_eq!(field_text(draft, name), Some(text), "{name}");
    }
}

#[test]
fn a_mapping_decides_before_recognition() {
    let text = "Name,Pass,What\nn,p,w\n";
    let mapping = Mapping::parse("title=what,password=Pass,username=Name").unwrap();
    let imported = import(text.as_bytes(), None, Some(&mapping)).unwrap();
    let draft = &imported.drafts[0].draft;
    assert_eq!(draft.title, "w");
    assert_eq!(field_text(draft, "password"), Some("p"));
    assert_eq!(field_text(draft, "username"), Some("n"));

    let wrong = Mapping::parse("title=Nothing").unwrap();
    let refused = import(text.as_bytes(), None, Some(&wrong)).err();
    let column = "Nothing".to_owned();
    assert_eq!(refused, Some(ImportError::NoSuchColumn { column }));
    let refused = import(text.as_bytes(), Some(Format::Chrome), Some(&mapping)).err();
    let format = Format::Chrome;
    assert_eq!(refused, Some(ImportError::MappingNotForFormat { format }));
}

#[test]
fn short_rows_are_filled_and_empty_ones_named() {
    let imported = read("title,url,password\na\n,,\n\nb,https://b.example\nc,,p\n");
    let rows: Vec<usize> = imported.drafts.iter().map(|item| item.row).collect();
    assert_eq!(rows, [1, 3, 4]);
    assert_eq!(imported.skipped.len(), 1);
    assert_eq!(
        (imported.skipped[0].row, imported.skipped[0].field.is_none()),
        (2, true)
    );
    assert_eq!(imported.rows_read(), 4);
}

#[test]
fn a_cut_last_row_is_refused_and_a_short_one_with_a_line_end_is_not() {
    let cut = |row, line| ImportError::Row {
        row,
        line: Some(line),
        problem: RowProblem::CutOff,
    };
    assert_eq!(refusal("title,url,password\na,b,c\nd,e"), cut(2, 3));
    assert_eq!(read("title,url,password\na,b,c\nd,e\n").rows_read(), 2);
    assert_eq!(refusal(&format!("{KEEPASS1}\"a\",\"b\"")), cut(1, 2));
    assert_eq!(
        refusal("title,password\n\"a\nb\",c\nd,\"e"),
        ImportError::Row {
            row: 2,
            line: Some(4),
            problem: RowProblem::UnterminatedQuote
        }
    );
}

#[test]
fn every_cut_of_a_keepassxc_file_is_refused_warned_of_or_whole_rows() {
    let text = "\"Group\",\"Title\",\"Username\",\"Password\",\"URL\",\"Notes\"\n\
                \"Root\",\"a\",\"u\",\"p\"\"q\",\"\",\"n\"\"m\"\n\"Root\",\"b\",\"u\",\"r\",\"\",\"o\"\n";
    let header = text.find('\n').unwrap() + 1;
    for cut in header + 1..text.len() {
        let whole_rows = text[..cut].ends_with('\n');
        match import(&text.as_bytes()[..cut], None, None) {
            Ok(imported) if !whole_rows => {
                assert!(
                    imported.warnings.iter().any(|w| w.contains("cut off")),
                    "{cut}"
                );
            }
            Ok(imported) => assert_eq!(imported.rows_read(), 1),
            Err(ImportError::Row { .. }) => assert!(!whole_rows),
            Err(other) => panic!("{cut}: {other}"),
        }
    }
}

#[test]
fn a_file_without_a_header_is_not_read_as_if_it_had_one() {
    assert_eq!(
        import(b"a.example,anna,hunter2\n", Some(Format::GenericCsv), None).err(),
        Some(ImportError::NoKnownColumn)
    );
}

#[test]
fn values_and_rows_over_the_limits_are_refused() {
    let row = |problem| ImportError::Row {
        row: 1,
        line: Some(2),
        problem,
    };
    let long = "x".repeat(MAX_VALUE_BYTES + 1);
    assert_eq!(
        refusal(&format!("title\n{long}\n")),
        row(RowProblem::ValueTooLong)
    );
    let quotes = "\"\"".repeat(MAX_VALUE_BYTES + 1);
    assert_eq!(
        refusal(&format!("title\n\"{quotes}\"\n")),
        row(RowProblem::ValueTooLong)
    );
    let wide = "x,".repeat(MAX_FIELDS);
    assert_eq!(
        refusal(&format!("title\n{wide}\n")),
        row(RowProblem::TooManyFields)
    );
    let tags: Vec<String> = (0..=MAX_FIELDS).map(|n| n.to_string()).collect();
    let tags = tags.join(";");
    assert_eq!(
        refusal(&format!("title,tags\nt,{tags}\n")),
        row(RowProblem::TooManyFields)
    );
    let rows = "a\n".repeat(MAX_ROWS + 1);
    assert_eq!(refusal(&format!("title\n{rows}")), ImportError::TooManyRows);
}

/// A list of seeds as a table: an address that is a seed is none.
#[test]
fn a_seed_is_never_an_address_nor_a_text() {
    let uri = "otpauth://totp/a?secret=JBSWY3DPEHPK3PXP";
    let imported = read(&format!("name,url,remark\na,{uri},{uri}\n"));
    let draft = &imported.drafts[0].draft;
    assert!(draft.urls.is_empty());
    assert_eq!(field_text(draft, "otp"), Some(uri));
    assert_eq!(field_kind(draft, "remark"), Some(FieldKind::Secret));
    // One that keyfold makes no codes of is kept, hidden.
    let other = "motp://a:b?secret=0123456789abcdef";
    let draft = &read(&format!("name,url\na,{other}\n")).drafts[0].draft;
    assert!(draft.urls.is_empty());
    assert_eq!(field_text(draft, "otp"), None);
    assert_eq!(field_kind(draft, "seed"), Some(FieldKind::Secret));
}

#[test]
fn rows_with_too_few_values_are_warned_of() {
    let imported = read(
        "url,username,password,totp,extra,name,grouping,fav\n,,,,first line\nsecond,my title,,0\nhttps://a.example,me,x,,,A,,0\n",
    );
    assert_eq!(imported.drafts.len(), 3);
    let warned = imported.warnings.join("\n");
    assert!(warned.contains("2 rows have fewer values"), "{warned}");
    assert!(warned.contains(": 1, 2"), "{warned}");
}

#[test]
fn columns_are_known_in_any_writing() {
    let imported = read(
        "serviceName,userName,loginPassword,cardNumber,cccsc,url,mailPwd\nS,me,x,4111,123,\"https://a.example, https://b.example\",y\n",
    );
    let draft = &imported.drafts[0].draft;
    assert_eq!(draft.title, "S");
    for (name, text) in [
        ("username", "me"),
        ("password", "x"),
        ("number", "4111"),
        ("code", "123"),
    ] {
        assert_eq!(field_text(draft, name), Some(text), "{name}");
    }
    assert_eq!(field_kind(draft, "mailPwd"), Some(FieldKind::Secret));
    assert_eq!(draft.urls, ["https://a.example", "https://b.example"]);
    let one = read("name,url,username,password\na,\"https://a.example/?x=1, 2\",me,x\n");
    assert_eq!(one.drafts[0].draft.urls, ["https://a.example/?x=1, 2"]);
}

#[test]
fn a_row_of_enpass_that_is_cut_off_below_a_heading_is_refused() {
    let cut = "Title,Field,Value,Note\na,Username,me,n\nb,Username,me";
    assert!(matches!(
        import(cut.as_bytes(), Some(Format::EnpassCsv), None).err(),
        Some(ImportError::Row { .. })
    ));
}

#[test]
fn a_table_of_enpass_needs_no_heading() {
    let imported = read(
        "\"Shop\",\"Username\",\"me\",\"*Password\",\"s3cret\",\"the note\"\n\"Visa\",\"Cardholder\",\"J D\",\"Number\",\"4111\",\"*CVC\",\"123\",\"*PIN\",\"9\"\n",
    );
    let shop = &imported.drafts[0].draft;
    assert_eq!(field_text(shop, "password"), Some("s3cret"));
    assert_eq!(field_text(shop, "notes"), Some("the note"));
    let visa = &imported.drafts[1].draft;
    assert_eq!(visa.kind, ItemKind::Card);
    for (name, text) in [("number", "4111"), ("code", "123"), ("pin", "9")] {
        assert_eq!(field_text(visa, name), Some(text), "{name}");
    }
    assert_eq!(imported.warnings.len(), 0, "{:?}", imported.warnings);
}
