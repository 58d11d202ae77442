//! Encrypted exports through the program: their password comes from a file or is asked for.

use crate::program::Home;
use crate::pty::Terminal;

const PASSWORD: &str = "correct horse ä";

/// An export of Ente Auth, made with libargon2 and libsodium: TOTP of RFC 6238 and HOTP of RFC 4226 at its fifth count.
const ENTE: &str = r#"{"version":1,"kdfParams":{"memLimit":8192,"opsLimit":1,"salt":"c2FsdCBvZiAxNiBieXRlcw=="},"encryptedData":"90GFSqVTrCzaVQK+/i7qHQ8zJVgRM5qZCqZEBU22RdXHF7/lZLrn47AWPSBf1F+vNVBJrL5PMv/5Nc8hTpHJLd2X4v2ffmFETDE122mEWPu0gz18bvDFFJhh18wHEFCpeY0apqa7kX++Tgh0vusdPGZ/AsRZXWOvc7EVEXaQ/3qsP6rtWceO7hmPBBw041PzaWua5Y40K9f0N/9m8bhHA8lNst8UyTNKYwun39EHVxeMUpp01Kta+xMIRJ4RI90q3OR77S21bI4+bFgKgfQmhPPzEA/UJ7kk1ucoqAhkVPRKTqFTy3ug5eqQKvS/qa2AMEHrNbespOeZxa4ymtdeueFsrxwKNIhbDGdj","encryptionNonce":"TRNjX6UDdKY0Y6x7qSC6QSQLAK6amRHe"}"#;

#[test]
fn an_encrypted_export_is_read_under_the_password_of_a_file() {
    let home = Home::new();
    home.write("ente.json", ENTE);
    home.write("source", PASSWORD);
    home.write("wrong", "wrong\n");
    home.run(&["--no-input", "import", "ente.json"])
        .exits(5)
        .says("--source-password-file");
    home.run(&["import", "ente.json", "--source-password-file", "wrong"])
        .exits(5)
        .says("does not open")
        .says("nothing was imported");
    assert_eq!(home.ls(), "");
    let args = ["import", "ente.json", "--source-password-file", "source"];
    home.run(&args)
        .ok()
        .says("under the password of its program");
    assert_eq!(home.ls(), "Bank\nShop & Co\n");
    home.run(&["otp", "Shop & Co"]).ok().prints("254676\n");
    let again = home.run(&[&["--json"][..], &args].concat()).ok().json();
    assert_eq!(again["identical"], 2, "{again}");
}

/// A database whose key is a password and a key file, made by an independent writer.
fn database(password: Option<&str>) -> Vec<u8> {
    use keepass::config::{DatabaseConfig, KdfConfig};
    let mut config = DatabaseConfig::default();
    config.kdf_config = KdfConfig::Aes { rounds: 10 };
    let mut database = keepass::Database::with_config(config);
    let mut root = database.root_mut();
    let mut group = root.add_group();
    group.name = "Work".to_owned();
    let mut entry = group.add_entry();
    entry.set_unprotected("Title", "Bank");
    entry.set_protected("Password", "hunter2");
    let mut key = keepass::DatabaseKey::new()
        .with_keyfile(&mut &b"any file"[..])
        .unwrap();
    if let Some(password) = password {
        key = key.with_password(password);
    }
    let mut bytes = Vec::new();
    database.save(&mut bytes, key).unwrap();
    bytes
}

#[test]
fn a_database_of_keepass_is_read_with_its_key_file() {
    for password in [Some(PASSWORD), None] {
        let home = Home::new();
        std::fs::write(home.path("own.kdbx"), database(password)).unwrap();
        home.write("source", PASSWORD);
        home.write("key", "any file");
        home.run(&["--no-input", "import", "own.kdbx"])
            .exits(5)
            .says("--source-password-file");
        let mut args = vec!["import", "own.kdbx", "--source-key-file", "key"];
        if password.is_none() {
            // A password that is no part of the key is no hindrance.
            home.run(
                &[
                    &args[..],
                    &["--source-password-file", "source", "--dry-run"],
                ]
                .concat(),
            )
            .ok();
        } else {
            args.extend(["--source-password-file", "source"]);
        }
        home.run(&args)
            .ok()
            .says("under the password of its program");
        home.run(&["get", "Work/Bank"]).ok().prints("hunter2");
        let again = home.run(&[&["--json"][..], &args].concat()).ok().json();
        assert_eq!(again["identical"], 1, "{again}");
    }
}

#[test]
fn an_export_in_clear_needs_no_password_and_a_missing_file_of_one_is_said() {
    let home = Home::new();
    home.write("uris.txt", "otpauth://totp/A:a?secret=JBSWY3DPEHPK3PXP\n");
    home.run(&["import", "uris.txt", "--source-password-file", "gone"])
        .exits(1)
        .says("gone");
    home.run(&["import", "uris.txt"])
        .ok()
        .says("still lies there in clear");
    assert_eq!(home.ls(), "A\n");
}

#[test]
#[ignore = "needs setsid (util-linux)"]
fn the_password_of_an_export_is_asked_for_masked_and_may_be_typed_again() {
    let home = Home::new();
    home.write("ente.json", ENTE);
    let password = home.arg("password");
    let args = ["--password-file", &password, "import", "ente.json"];
    let mut terminal = Terminal::attached(&home, &args);
    terminal.sees("Password of ente.json: ");
    terminal.types("wrong\r");
    terminal.sees("does not open");
    terminal.sees("Password of ente.json: ");
    terminal.types(&format!("{PASSWORD}\r"));
    let (code, text) = terminal.ends();
    assert_eq!(code, 0, "{text}");
    assert!(
        !text.contains(PASSWORD) && !text.contains("wrong"),
        "{text}"
    );
    assert_eq!(home.ls(), "Bank\nShop & Co\n");
}
