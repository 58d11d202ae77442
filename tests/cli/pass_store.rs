//! Stores of pass, with the real GnuPG.

use crate::program::{Home, finish};
use std::io::Write;
use std::process::{Command, Stdio};

/// Runs gpg with a key ring of its own.
fn gpg(home: &Home, args: &[&str], input: &[u8]) {
    let mut command = Command::new("gpg");
    home.enter(&mut command);
    command
        .env("GNUPGHOME", home.path("gnupg"))
        .args(["--batch", "--quiet", "--yes"])
        .args(args)
        .stdin(Stdio::piped());
    let mut child = command.spawn().expect("gpg is installed");
    child.stdin.take().unwrap().write_all(input).unwrap();
    assert!(child.wait().unwrap().success(), "{args:?}");
}

#[test]
#[ignore = "needs gpg"]
fn a_store_of_pass_is_imported_whole_or_not_at_all() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::new();
    std::fs::create_dir(home.path("gnupg")).unwrap();
    let private = std::fs::Permissions::from_mode(0o700);
    std::fs::set_permissions(home.path("gnupg"), private).unwrap();
    let key = [
        "--pinentry-mode",
        "loopback",
        "--passphrase",
        "",
        "--quick-gen-key",
        "me@example.org",
        "default",
        "default",
        "never",
    ];
    gpg(&home, &key, b"");
    std::fs::create_dir_all(home.path("store/web/.git")).unwrap();
    home.write("store/.gpg-id", "me@example.org\n");
    home.write("store/web/.git/config.gpg", "no entry");
    for (name, content) in [
        ("store/mail.gpg", "hunter2\nuser: anna\n"),
        (
            "store/web/shop.gpg",
            "s3cret\nurl: https://shop.example\notpauth://totp/a?secret=JBSWY3DPEHPK3PXP\n",
        ),
    ] {
        let target = home.arg(name);
        gpg(
            &home,
            &[
                "--trust-model",
                "always",
                "-r",
                "me@example.org",
                "-o",
                &target,
                "-e",
            ],
            content.as_bytes(),
        );
    }
    let import = |code: i32| {
        let mut command = home.command();
        command.env("GNUPGHOME", home.path("gnupg")).args([
            "--password-file",
            &home.arg("password"),
            "--json",
            "import",
            "store",
        ]);
        finish(command, "").exits(code)
    };
    let ledger = import(0).json();
    assert_eq!(
        (&ledger["format"], &ledger["created"]),
        (&"pass".into(), &2.into())
    );
    assert_eq!(import(0).json()["identical"], 2);
    home.run(&["get", "web/shop"]).ok().prints("s3cret");
    home.run(&["get", "mail", "username"]).ok().prints("anna");
    // One that does not open leaves everything as it was.
    home.write("store/damaged.gpg", "no message");
    home.write("store/aaa.gpg", "no message");
    let before = std::fs::read(home.vault()).unwrap();
    import(5);
    assert_eq!(std::fs::read(home.vault()).unwrap(), before);
    let mut stop = Command::new("gpgconf");
    stop.env("GNUPGHOME", home.path("gnupg"))
        .args(["--kill", "all"]);
    let _stopped = stop.status();
}

#[test]
fn a_folder_that_is_no_store_is_told() {
    let home = Home::new();
    std::fs::create_dir(home.path("empty")).unwrap();
    home.run(&["import", "empty"])
        .exits(1)
        .says("no entries of pass");
    home.run(&["import", "empty", "--format", "chrome"])
        .exits(2);
}
