//! Shapes of files that users have and the written samples do not show: other versions of a program, its templates, what
//! its command line writes.

use super::outcomes::describe;
use super::*;

/// What a file of this format becomes, told from its content alone.
fn becomes(format: Format, text: &str) -> String {
    assert_eq!(detect(text.as_bytes(), None), Ok(format), "{text}");
    describe(&read(text))
}

#[test]
fn quotes_and_tags_of_1password_for_mac_are_read_as_it_writes_them() {
    let found = becomes(
        Format::OnePasswordCsv,
        "\"notesPlain\",\"title\",\"type\",\"tags\",\"number(ccnum)\",\"type(type)\",\"verification number(cvv)\",\"name on card(cardholder)\",\"expiry date(expiry)\",\"pin(pin)\",\"bank(bank)\",\"first name(firstname)\",\"last name(lastname)\"\n\
         \"say \\\"hi\\\"\",\"visa\",\"Credit Card\",\"{(\n    \\\"Starter Kit\\\",\n    Other\n)}\",\"4000\",\"Visa\",\"123\",\"Bo Nilsen\",\"203103\",\"4711\",\"First Bank\",\"\",\"\"\n\
         \"\",\"me\",\"Identity\",\"{(\n)}\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"Bo\",\"Nilsen\"\n",
    );
    assert_eq!(
        found,
        r#"1 card "visa"
    tag: "Starter Kit"
    tag: "Other"
    notes = "say \"hi\"" (multiline)
    holder = "Bo Nilsen" (text)
    number * "4000" (secret)
    code * "123" (secret)
    pin * "4711" (secret)
    bank = "First Bank" (text)
    expires = "2031-03" (date)
    brand = "Visa" (text)
2 identity "me"
    name = "Bo Nilsen" (text)"#
    );
}

#[test]
fn a_set_of_tags_may_be_quoted_by_doubled_quotes_and_have_other_letters() {
    let found = becomes(
        Format::OnePasswordCsv,
        "title,notesPlain,password,tags\nmail,,pw1,\"{(\n    \"\"a, b\"\",\n    \"\"caf\\U00e9\\\"\"\"\"\n)}\"\n",
    );
    let expected = "1 login \"mail\"\n    tag: \"a, b\"\n    tag: \"café\\\"\"\n    password * \"pw1\" (secret)";
    assert_eq!(found, expected);
}

#[test]
fn columns_of_1password_for_windows_are_known_by_their_names_alone() {
    let found = becomes(
        Format::OnePasswordCsv,
        "UUID,TITLE,SCOPE,NAME 1: FIRST NAME,NAME 2: LAST NAME,1: CARDHOLDER NAME,2: NUMBER,3: VERIFICATION NUMBER,4: EXPIRY DATE,5: TYPE,ACCOUNT 3: NUMBER,1: COLOUR\n\
         u1,visa,,,,Bo Nilsen,4000,123,203103,Visa,,\n\
         u2,me,,Bo,Nilsen,,,,,,,red\n\
         u3,bank,,,,,,,,,5566,\n",
    );
    assert_eq!(
        found,
        r#"1 card "visa"
    origin: "1password:u1"
    holder = "Bo Nilsen" (text)
    number * "4000" (secret)
    code * "123" (secret)
    expires = "2031-03" (date)
    brand = "Visa" (text)
2 identity "me"
    origin: "1password:u2"
    name = "Bo Nilsen" (text)
    COLOUR * "red" (secret)
3 login "bank"
    origin: "1password:u3"
    number * "5566" (secret)"#
    );
}

#[test]
fn what_no_quoting_reads_is_refused_with_the_place_where_it_begins() {
    let refused = refusal("title,notesPlain,password\nmail,,\"a\\\"b\"c\"\n");
    let expected = ImportError::Row {
        row: 1,
        line: Some(2),
        problem: RowProblem::StrayQuote,
    };
    assert_eq!(refused, expected);
}

#[test]
fn numbered_names_of_keeper_mean_what_the_others_do() {
    let found = becomes(
        Format::KeeperJson,
        r#"{"records":[
        {"title":"visa","$type":"bankCard","schema":["$ref:x"],"custom_fields":{"$text:cardholderName:1":"Bo Nilsen"}},
        {"title":"me","$type":"ssnCard","custom_fields":{"$accountNumber:identityNumber:1":"S1","$phone::1":[{"number":"555"},{"number":"556"}]}},
        {"title":"net","$type":"wifiCredentials","custom_fields":{"$text:SSID:1":"attic"}},
        {"title":"memo","$type":"encryptedNotes","notes":"outer","custom_fields":{"text":"own","$note::1":"inner"}},
        {"title":"old memo","$type":"encryptedNotes","notes":"outer","custom_fields":{"text":"own"}}]}"#,
    );
    assert_eq!(
        found,
        r#"1 card "visa"
    holder = "Bo Nilsen" (text)
2 identity "me"
    type = "ssnCard" (text)
    social-number * "S1" (secret)
    phone = "555" (text)
    phone 2 = "556" (text)
3 wifi "net"
    network = "attic" (text)
4 note "memo"
    notes = "outer" (multiline)
    text * "inner" (secret)
    text 2 * "own" (secret)
5 note "old memo"
    text * "outer" (secret)
    text 2 * "own" (secret)"#
    );
}

#[test]
fn dates_of_keeper_are_the_day_that_began_where_the_user_lives() {
    let found = becomes(
        Format::KeeperJson,
        r#"{"records":[{"title":"me","custom_fields":{"$birthDate::1":648597600000,"$expirationDate":1900018800000,"$date:Met:1":"31532400000"}}]}"#,
    );
    let expected = "1 login \"me\"\n    birth-date = \"1990-07-22\" (date)\n    expires = \"2030-03-18\" (date)\n    Met = \"1971-01-01\" (date)";
    assert_eq!(found, expected);
}

#[test]
fn a_bare_list_of_records_is_keepers_too() {
    let found = becomes(
        Format::KeeperJson,
        r#"[{"title":"mail","uid":"r1","$type":"login","login":"bo","password":"pw1","custom_fields":{}}]"#,
    );
    let expected = "1 login \"mail\"\n    origin: \"keeper:r1\"\n    username = \"bo\" (text)\n    password * \"pw1\" (secret)";
    assert_eq!(found, expected);
}

#[test]
fn rows_of_keepers_command_line_tell_kind_origin_and_rights() {
    let found = becomes(
        Format::KeeperCsv,
        "a\\b,visa,,,,remark,Team#edit#reshare,$type,bankCard,$record_uid,r1,$paymentCard::1,4000123412341234 03/2031 123,$text:cardholderName:1,Bo Nilsen\n\
         Own#edit,memo,,,,outer,,$type::1,none,$note::1,inner,text,own\n\
         ,pair,bo,,,,,\"$keyPair\",\"{\"\"publicKey\"\":\"\"ssh-rsa AAAA\"\"}\",$paymentCard,who knows,$type,sshKeys\n\
         ,mail,bo,pw1,https://mail.example,,,,\n",
    );
    assert_eq!(
        found,
        r#"1 card "visa"
    folder: "Team/a/b"
    origin: "keeper:r1"
    notes = "remark" (multiline)
    number * "4000123412341234" (secret)
    expires = "2031-03" (date)
    code * "123" (secret)
    holder = "Bo Nilsen" (text)
2 note "memo"
    folder: "Own"
    notes = "outer" (multiline)
    text * "inner" (secret)
    type * "none" (secret)
    text 2 * "own" (secret)
3 ssh-key "pair"
    username = "bo" (text)
    public-key = "ssh-rsa AAAA" (multiline)
    payment card * "who knows" (secret)
4 login "mail"
    url: "https://mail.example"
    username = "bo" (text)
    password * "pw1" (secret)"#
    );
}

#[test]
fn the_heading_of_keepers_template_is_no_item() {
    let found = becomes(
        Format::KeeperCsv,
        "Folder,Title,Login,Password,Website Address,Notes,Shared Folder,Custom Fields\nHome,mail,bo,pw1,https://mail.example,,,\nHome,door,,pw2,,,,Colour,green\n",
    );
    let expected = "1 login \"mail\"\n    folder: \"Home\"\n    url: \"https://mail.example\"\n    username = \"bo\" (text)\n    password * \"pw1\" (secret)\n\
                    2 login \"door\"\n    folder: \"Home\"\n    password * \"pw2\" (secret)\n    Colour * \"green\" (secret)";
    assert_eq!(found, expected);
}

#[test]
fn a_name_alone_is_a_folder_of_nordpass_before_rows_had_types() {
    let found = becomes(
        Format::NordPass,
        "name,url,username,password,note,cardholdername,cardnumber,cvc,folder\nHome,,,,,,,,\nmemo,,,,text,,,,Home\n",
    );
    let expected = "2 note \"memo\"\n    folder: \"Home\"\n    text * \"text\" (secret)\n\
                    left out: row 1, the row: it is a folder; items say themselves where they lie";
    assert_eq!(found, expected);
}

#[test]
fn chambers_of_zoho_are_folders_and_keys_stay_whole() {
    let found = becomes(
        Format::Zoho,
        "Password Name,SecretData,ChamberName\nkey,\"SecretType:SSH Keys\nUser Name:root\nPrivate Key:-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nabcd\n-----END RSA PRIVATE KEY-----\nPassphrase:pw1\n\",Servers\n",
    );
    assert_eq!(
        found,
        r#"1 ssh-key "key"
    folder: "Servers"
    secret type = "SSH Keys" (text)
    username = "root" (text)
    private-key * "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nabcd\n-----END RSA PRIVATE KEY-----" (secret)
    passphrase * "pw1" (secret)"#
    );
}

#[test]
fn the_general_table_of_zoho_has_a_cell_for_each_value() {
    let found = becomes(
        Format::Zoho,
        "\"Secret Name\",\"Secret URL\",\"Notes\",\"User Name\",\"Password\"\nmail,https://mail.example,remark,bo,pw1,Colour:green,plain\n",
    );
    assert_eq!(
        found,
        r#"1 login "mail"
    url: "https://mail.example"
    notes = "remark" (multiline)
    username = "bo" (text)
    password * "pw1" (secret)
    Colour * "green" (secret)
    field * "plain" (secret)"#
    );
}

#[test]
fn older_tables_of_roboform_have_fields_between_colons() {
    let found = becomes(
        Format::RoboForm,
        "Name,Url,Login,Pwd,Note,Folder,Rf_fields\nmail,https://mail.example,me,pw1,,/Home,User ID$:txt:me,Password$:pwd:secret,Motto: own$:txt:a:b,Word$:pwd:hidden,not a field\n",
    );
    assert_eq!(
        found,
        r#"1 login "mail"
    folder: "Home"
    url: "https://mail.example"
    username = "me" (text)
    password * "pw1" (secret)
    Password * "secret" (secret)
    Motto: own = "a:b" (text)
    Word * "hidden" (secret)
    RfFieldsV2 * "not a field" (secret)"#
    );
}

#[test]
fn what_lastpass_fills_into_forms_is_persons_and_cards() {
    let found = becomes(
        Format::LastPass,
        "profilename,profilelanguage,title,firstname,middlename,lastname,username,ssn,birthday,address1,city,email,ccnum,ccexp,cccsc,ccname,bankacct,notes\n\
         me,en-US,ms,Bo,,Nilsen,bo,S1,\"August,23,1990\",Long Street 1,Oslo,bo@mail.example,,,,,5566,remark\n\
         visa,,,,,,,,,,,,4000,2031-03,123,Bo Nilsen,,\n\
         both,,,Bo,,Nilsen,,,,,,,4001,,124,,,\n",
    );
    assert_eq!(
        found,
        r#"1 identity "me"
    salutation = "ms" (text)
    name = "Bo Nilsen" (text)
    username = "bo" (text)
    social-number * "S1" (secret)
    birth-date = "1990-08-23" (date)
    email = "bo@mail.example" (email)
    notes = "remark" (multiline)
    address = "Long Street 1\nOslo" (multiline)
    language = "en-US" (text)
    bankacct * "5566" (secret)
2 card "visa"
    holder = "Bo Nilsen" (text)
    number * "4000" (secret)
    code * "123" (secret)
    expires = "2031-03" (date)
3 identity "both"
    name = "Bo Nilsen" (text)
    number * "4001" (secret)
    code * "124" (secret)"#
    );
}

#[test]
fn a_note_of_lastpass_keeps_its_text_beside_fields_of_that_name() {
    let found = becomes(
        Format::LastPass,
        "url,username,password,extra,name,grouping,fav,last_touch,last_modified_gmt\n\
         http://sn,,,\"NoteType:Custom_1\nLanguage:en-US\ntext:own\nnotes:other\nNotes:real\nmore\",memo,,0,1600000000,0\n\
         http://sn,,,\"NoteType:Credit Card\nNumber:4000\nStart Date:January,\nExpiration Date:,2025\nNotes:\",visa,,0,,1600000001\n",
    );
    assert_eq!(
        found,
        r#"1 note "memo"
    note type = "Custom_1" (text)
    text * "real\nmore" (secret)
    language = "en-US" (text)
    text 2 * "own" (secret)
    notes = "other" (multiline)
    last used = "2020-09-13T12:26:40.000Z" (date)
2 card "visa"
    number * "4000" (secret)
    Start Date = "January," (text)
    Expiration Date = ",2025" (text)
    modified = "2020-09-13T12:26:41.000Z" (date)"#
    );
}

#[test]
fn groups_without_a_name_are_no_folders_of_buttercup_and_types_are_kinds() {
    let found = becomes(
        Format::Buttercup,
        "!type,!group_id,!group_name,!group_parent,title,username,password,note,id,cvv,expiry\n\
         group,g1,Home,0,,,,,,,\n\
         group,g2,--,g1,,,,,,,\n\
         group,g3,--,0,,,,,,,\n\
         note,g2,,,memo,,,the text,e1,,\n\
         credit_card,g3,--,,visa,Bo Nilsen,4000,,e2,123,032031\n",
    );
    assert_eq!(
        found,
        r#"4 note "memo"
    folder: "Home"
    origin: "buttercup:e1"
    text * "the text" (secret)
5 card "visa"
    origin: "buttercup:e2"
    holder = "Bo Nilsen" (text)
    number * "4000" (secret)
    code * "123" (secret)
    expires = "2031-03" (date)
left out: row 1, the row: it is a group; entries lie in the folder of its name
left out: row 2, the row: it is a group; entries lie in the folder of its name
left out: row 3, the row: it is a group; entries lie in the folder of its name"#
    );
}

#[test]
fn days_of_dashlane_are_padded() {
    let found = becomes(
        Format::Dashlane,
        "type,number,name,issue_date,expiration_date\npassport,P7,Bo Nilsen,2022-11-3,2032-1-30\n",
    );
    assert_eq!(
        found,
        r#"1 identity "passport"
    passport-number * "P7" (secret)
    type = "passport" (text)
    name = "Bo Nilsen" (text)
    expires = "2032-01-30" (date)
    issued = "2022-11-03" (date)"#
    );
}

#[test]
fn keepassxc_is_known_without_seeds_and_in_another_order() {
    let expected = "1 login \"mail\"\n    folder: \"Work\"\n    username = \"bo\" (text)\n    password * \"pw1\" (secret)";
    for text in [
        "Group,Title,Username,Password,URL,Notes,Icon,Last Modified,Created\nRoot/Work,mail,bo,pw1,,,3,,\n",
        "Title,Group,Username,Password,Icon\nmail,Root/Work,bo,pw1,3\n",
    ] {
        let found = becomes(Format::KeePassXc, text);
        let head: Vec<&str> = found.lines().take(4).collect();
        assert_eq!(head.join("\n"), expected);
        assert!(found.contains("left out: row 1, Icon: "), "{found}");
    }
    let found = becomes(
        Format::KeePassXc,
        "Title,Group,Username,Password,Notes,URL\nmail,Root/Work,bo,pw1,,\n",
    );
    assert!(found.starts_with(expected), "{found}");
    // A table of somebody's own may have such columns too, and loses no group for it.
    let own = "Group,Title,Username,Password,Colour\nWork,mail,bo,pw1,red\n";
    assert_eq!(detect(own.as_bytes(), None), Ok(Format::GenericCsv));
}

#[test]
fn firefox_is_known_by_its_ids_or_times_alone() {
    for text in [
        "url,username,password,guid\nhttps://a.example,bo,pw1,{g1}\n",
        "url,username,password,timeCreated,timeLastUsed\nhttps://a.example,bo,pw1,1600000000000,1600000000000\n",
    ] {
        let found = becomes(Format::Firefox, text);
        let expected = "1 login \"a.example\"\n";
        assert!(found.starts_with(expected), "{found}");
        let own = found.contains("origin: \"firefox:{g1}\"")
            || found.contains("created = \"2020-09-13T12:26:40.000Z\" (date)");
        assert!(own, "{found}");
    }
}
