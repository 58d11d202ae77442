//! Bitwarden's JSON, every kind of item.

use super::*;

fn item(json: &str) -> Draft {
    let text = format!("{{\"encrypted\":false,\"folders\":[],\"items\":[{json}]}}");
    read(&text).drafts.remove(0).draft
}

#[test]
fn a_login_keeps_addresses_seed_passkey_times_and_former_passwords() {
    let imported = read(
        r#"{"encrypted":false,
        "folders":[{"id":"f1","name":"Work/Mail"},{"id":"f2","name":"Unused"}],
        "items":[{"passwordHistory":[{"lastUsedDate":"2021-01-01T00:00:00.000Z","password":"old1"},
                                     {"lastUsedDate":null,"password":"old2"}],
        "revisionDate":"2022-02-02T00:00:00.000Z","creationDate":"2020-01-01T00:00:00.000Z","deletedDate":null,
        "id":"3f2a","organizationId":null,"folderId":"f1","type":1,"reprompt":1,"name":"mail","notes":"remark",
        "favorite":true,
        "fields":[{"name":"pin","value":"1","type":0,"linkedId":null},{"name":"hid","value":"2","type":1},
                  {"name":"yes","value":"true","type":2},{"name":"who","value":null,"type":3,"linkedId":100},
                  {"name":null,"value":"nameless","type":0},{"name":"empty","value":null,"type":1}],
        "login":{"fido2Credentials":[{"credentialId":"c","keyValue":"k\"1","counter":"0"}],
                 "uris":[{"match":null,"uri":"https://a.example"},{"match":3,"uri":"https://b.example/x"}],
                 "username":"anna","password":"p\\w","totp":"jbsw y3dp"},
        "collectionIds":null}]}"#,
    );
    let draft = &imported.drafts[0].draft;
    assert_eq!(draft.kind, ItemKind::Login);
    assert_eq!(draft.origin.as_deref(), Some("bitwarden:3f2a"));
    assert_eq!(draft.folder, "Work/Mail");
    assert!(draft.favourite && !draft.trashed);
    assert_eq!(draft.urls, ["https://a.example", "https://b.example/x"]);
    for (name, text, kind) in [
        ("username", "anna", FieldKind::Text),
        ("password", "p\\w", FieldKind::Secret),
        ("otp", "jbsw y3dp", FieldKind::Otp),
        ("notes", "remark", FieldKind::Multiline),
        ("match of url 2", "exact", FieldKind::Text),
        ("pin", "1", FieldKind::Secret),
        ("hid", "2", FieldKind::Secret),
        ("yes", "true", FieldKind::Text),
        ("who", "linked to username", FieldKind::Text),
        ("field", "nameless", FieldKind::Text),
        ("empty", "", FieldKind::Secret),
        (
            "passkey",
            r#"{"credentialId":"c","keyValue":"k\"1","counter":"0"}"#,
            FieldKind::Secret,
        ),
        ("created", "2020-01-01T00:00:00.000Z", FieldKind::Date),
        ("modified", "2022-02-02T00:00:00.000Z", FieldKind::Date),
        ("reprompt", "1", FieldKind::Text),
    ] {
        assert_eq!(field_text(draft, name), Some(text), "{name}");
        assert_eq!(field_kind(draft, name), Some(kind), "{name}");
    }
    let former = draft.former.iter();
    let former: Vec<_> = former
        .map(|former| (value_text(&former.value), former.set.to_rfc3339()))
        .collect();
    assert_eq!(
        former,
        [
            ("old2", "1970-01-01T00:00:00.000Z".to_owned()),
            ("old1", "2021-01-01T00:00:00.000Z".to_owned())
        ]
    );
    assert_eq!(draft.fields.len(), 15);
    assert_eq!(imported.warnings.len(), 1);
    assert!(imported.warnings[0].contains("Unused"));
}

#[test]
fn the_text_of_a_secure_note_is_secret() {
    let draft = item(r#"{"type":2,"name":"n","notes":"top\nsecret","secureNote":{"type":0}}"#);
    assert_eq!(draft.kind, ItemKind::Note);
    assert_eq!(field_text(&draft, "text"), Some("top\nsecret"));
    assert_eq!(draft.fields.len(), 1);
}

#[test]
fn a_card_has_a_month_of_expiry_or_the_parts_as_they_were() {
    let draft = item(
        r#"{"type":3,"name":"c","notes":"r","card":{"cardholderName":"J D","brand":"Visa","number":"4111","expMonth":"6","expYear":"2029","code":"697"}}"#,
    );
    assert_eq!(draft.kind, ItemKind::Card);
    for (name, text) in [
        ("holder", "J D"),
        ("brand", "Visa"),
        ("number", "4111"),
        ("expires", "2029-06"),
        ("code", "697"),
        ("notes", "r"),
    ] {
        assert_eq!(field_text(&draft, name), Some(text), "{name}");
    }
    let draft = item(r#"{"type":3,"name":"c","card":{"expMonth":"6"}}"#);
    assert_eq!(field_text(&draft, "expiry month"), Some("6"));
}

#[test]
fn an_identity_has_one_name_one_address_and_loses_nothing() {
    let draft = item(
        r#"{"type":4,"name":"me","identity":{"title":"Mrs","firstName":"Jane","middleName":null,"lastName":"van Doe",
        "address1":" 1 Road ","address2":"b","address3":null,"city":"C","state":"S","postalCode":"93103","country":"US",
        "company":"Co","email":"j@d.example","phone":"1","ssn":"2","username":"jd","passportNumber":"3","licenseNumber":"4"}}"#,
    );
    assert_eq!(draft.kind, ItemKind::Identity);
    for (name, text) in [
        ("salutation", "Mrs"),
        ("name", "Jane van Doe"),
        ("first name", "Jane"),
        ("last name", "van Doe"),
        ("address", " 1 Road \nb\nC\nS\n93103\nUS"),
        ("company", "Co"),
        ("email", "j@d.example"),
        ("phone", "1"),
        ("social-number", "2"),
        ("username", "jd"),
        ("passport-number", "3"),
        ("licence-number", "4"),
    ] {
        assert_eq!(field_text(&draft, name), Some(text), "{name}");
    }
    let draft = item(r#"{"type":4,"name":"x","identity":{"firstName":"John","lastName":"Doe"}}"#);
    assert_eq!(field_text(&draft, "name"), Some("John Doe"));
    assert_eq!(draft.fields.len(), 1);
}

#[test]
fn an_ssh_key_keeps_its_parts() {
    let draft = item(
        r#"{"type":5,"name":"k","sshKey":{"privateKey":"-----BEGIN\n","publicKey":"ssh-ed25519 A","keyFingerprint":"SHA256:x"}}"#,
    );
    assert_eq!(draft.kind, ItemKind::SshKey);
    assert_eq!(field_text(&draft, "private-key"), Some("-----BEGIN\n"));
    assert_eq!(field_text(&draft, "public-key"), Some("ssh-ed25519 A"));
    assert_eq!(field_text(&draft, "fingerprint"), Some("SHA256:x"));
}

#[test]
fn an_item_from_the_trash_stays_in_the_trash() {
    let draft = item(r#"{"type":1,"name":"t","deletedDate":"2024-01-01T00:00:00Z","login":{}}"#);
    assert!(draft.trashed);
    assert_eq!(field_text(&draft, "deleted"), Some("2024-01-01T00:00:00Z"));
}

#[test]
fn collections_of_an_organisation_are_folder_and_tags() {
    let imported = read(
        r#"{"encrypted":false,"collections":[{"id":"c1","organizationId":"o","name":"Team/Ops","externalId":null},
        {"id":"c2","organizationId":"o","name":"Shared"}],
        "items":[{"type":1,"name":"x","organizationId":"o","collectionIds":["c1","c2","c9",null]}]}"#,
    );
    let draft = &imported.drafts[0].draft;
    assert_eq!(draft.folder, "Team/Ops");
    assert_eq!(draft.tags, ["Shared"]);
    assert_eq!(field_text(draft, "organization id"), Some("o"));
    assert_eq!(field_text(draft, "collection id"), Some("c9"));
}

#[test]
fn a_field_called_created_stays_beside_the_time_of_creation() {
    let draft = item(
        r#"{"type":1,"name":"n","creationDate":"2020-01-01T00:00:00.000Z","fields":[{"name":"created","value":"by hand","type":0}]}"#,
    );
    let created = field_text(&draft, "created");
    assert_eq!(created, Some("2020-01-01T00:00:00.000Z"));
    assert_eq!(field_text(&draft, "created 2"), Some("by hand"));
}

#[test]
fn a_bank_account_and_papers_have_kinds_and_hidden_numbers() {
    use FieldKind::{Date, Secret, Text};
    for (json, item_kind, fields) in [
        (
            r#"{"type":6,"name":"b","bankAccount":{"bankName":"Nordbank","nameOnAccount":"Bo Nilsen","accountType":"savings",
            "accountNumber":"n1","routingNumber":"n2","branchNumber":"n3","pin":"n4","swiftCode":"NORDXX","iban":"NO93",
            "bankContactPhone":"555","later":"new"}}"#,
            ItemKind::BankAccount,
            &[
                ("bank", "Nordbank", Text),
                ("holder", "Bo Nilsen", Text),
                ("account type", "savings", Text),
                ("number", "n1", Secret),
                ("routing number", "n2", Secret),
                ("branch number", "n3", Secret),
                ("pin", "n4", Secret),
                ("bic", "NORDXX", Text),
                ("iban", "NO93", Text),
                ("phone", "555", Text),
                ("bankAccount.later", "new", Secret),
            ][..],
        ),
        (
            r#"{"type":7,"name":"d","driversLicense":{"firstName":"Bo","middleName":null,"lastName":"Nilsen","dateOfBirth":"1990-08-23",
            "licenseNumber":"n1","issuingCountry":"NO","issuingState":"Oslo","issueDate":"2020-01-02","expirationDate":"2030-01-02",
            "issuingAuthority":"road office","licenseClass":"B"}}"#,
            ItemKind::Identity,
            &[
                ("type", "Driver License", Text),
                ("name", "Bo Nilsen", Text),
                ("birth-date", "1990-08-23", Date),
                ("licence-number", "n1", Secret),
                ("issuing country", "NO", Text),
                ("issuing state", "Oslo", Text),
                ("issue date", "2020-01-02", Date),
                ("expires", "2030-01-02", Date),
                ("issuing authority", "road office", Text),
                ("license class", "B", Text),
            ][..],
        ),
        (
            r#"{"type":8,"name":"p","passport":{"surname":"Nilsen","givenName":"Bo","dateOfBirth":"1990-08-23","sex":"M","birthPlace":"Oslo",
            "nationality":"Norwegian","issuingCountry":"NO","passportNumber":"n1","passportType":"P","nationalIdentificationNumber":"n2",
            "issuingAuthority":"police","issueDate":"2020-01-02","expirationDate":"2030-01-02"}}"#,
            ItemKind::Identity,
            &[
                ("type", "Passport", Text),
                ("name", "Bo Nilsen", Text),
                ("birth-date", "1990-08-23", Date),
                ("sex", "M", Text),
                ("birth place", "Oslo", Text),
                ("nationality", "Norwegian", Text),
                ("issuing country", "NO", Text),
                ("passport-number", "n1", Secret),
                ("passport type", "P", Text),
                ("national identification number", "n2", Secret),
                ("issuing authority", "police", Text),
                ("issue date", "2020-01-02", Date),
                ("expires", "2030-01-02", Date),
            ][..],
        ),
    ] {
        let imported = read(&format!("{{\"items\":[{json}]}}"));
        assert_eq!(imported.warnings, [""; 0]);
        let draft = &imported.drafts[0].draft;
        assert_eq!(draft.kind, item_kind);
        for (name, text, kind) in fields {
            assert_eq!(field_text(draft, name), Some(*text), "{name}");
            assert_eq!(field_kind(draft, name), Some(*kind), "{name}");
        }
        assert_eq!(draft.fields.len(), fields.len());
    }
}

#[test]
fn what_bitwarden_may_add_one_day_is_kept_hidden() {
    let imported = read(
        r#"{"items":[{"type":99,"name":"x","newThing":{"a":[1,"b"]},"login":{"extra":"e","off":false,"none":null},"object":"item"}],"later":[1],"nothing":[]}"#,
    );
    let draft = &imported.drafts[0].draft;
    assert_eq!(draft.kind, ItemKind::Custom);
    assert_eq!(field_text(draft, "newThing"), Some(r#"{"a":[1,"b"]}"#));
    assert_eq!(field_kind(draft, "newThing"), Some(FieldKind::Secret));
    assert_eq!(field_text(draft, "login.extra"), Some("e"));
    assert_eq!(field_text(draft, "bitwarden type"), Some("99"));
    assert_eq!(draft.fields.len(), 3);
    assert_eq!(imported.warnings.len(), 2);
}

#[test]
fn attachments_are_said_to_be_missing() {
    let imported = read(
        r#"{"items":[{"type":1,"name":"x","attachments":[{"id":"1","fileName":"scan.pdf"}]}]}"#,
    );
    assert_eq!(imported.skipped.len(), 1);
    assert_eq!(imported.skipped[0].field.as_deref(), Some("attachments"));
    assert_eq!(imported.rows_read(), 1);
}

#[test]
fn an_export_under_the_account_s_own_key_is_refused_as_such() {
    for text in [
        r#"{"encrypted":true,"items":[{"type":1,"name":"2.abc"}]}"#,
        r#"{"encKeyValidation_DO_NOT_EDIT":"2.x","items":[]}"#,
    ] {
        let refused = import(text.as_bytes(), Some(Format::BitwardenJson), None).err();
        let format = Format::BitwardenJson;
        assert_eq!(refused, Some(ImportError::Encrypted { format }));
    }
}

#[test]
fn every_cut_of_the_json_is_refused() {
    let text =
        r#"{"items":[{"type":1,"name":"a","login":{"password":"p"}},{"type":2,"name":"b"}]}"#;
    for cut in 1..text.len() {
        let refused = import(&text.as_bytes()[..cut], Some(Format::BitwardenJson), None).err();
        let cut_off = matches!(
            refused,
            Some(ImportError::Json {
                problem: JsonProblem::CutOff,
                ..
            })
        );
        assert!(cut_off, "{cut}");
    }
}

#[test]
fn two_values_under_one_name_are_refused() {
    let refused =
        refusal(r#"{"items":[{"type":1,"name":"a","login":{"password":"p","password":"q"}}]}"#);
    let repeated = matches!(
        refused,
        ImportError::Json {
            problem: JsonProblem::RepeatedName,
            ..
        }
    );
    assert!(repeated);
}

#[test]
fn an_item_with_too_many_fields_is_refused() {
    let fields = vec![r#"{"name":"pin","value":"1","type":0}"#; MAX_FIELDS + 1].join(",");
    let text = format!("{{\"items\":[{{\"type\":1,\"fields\":[{fields}]}}]}}");
    let row = ImportError::Row {
        row: 1,
        line: None,
        problem: RowProblem::TooManyFields,
    };
    assert_eq!(refusal(&text), row);
}

#[test]
fn a_flood_of_unknown_members_is_refused() {
    let members: Vec<String> = (0..=MAX_FIELDS).map(|n| format!("\"x{n}\":1")).collect();
    let members = members.join(",");
    let row = ImportError::Row {
        row: 1,
        line: None,
        problem: RowProblem::TooManyFields,
    };
    for text in [
        format!("{{\"items\":[{{\"type\":1,{members}}}]}}"),
        format!("{{\"items\":[{{\"type\":1,\"login\":{{{members}}}}}]}}"),
    ] {
        assert_eq!(refusal(&text), row);
    }
}
