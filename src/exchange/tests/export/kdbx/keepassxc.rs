//! KeePassXC itself opens what was written: every field, the code, files and former versions.

use super::*;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

fn run(folder: &Path, args: &[&str]) -> String {
    let mut child = Command::new("keepassxc-cli")
        .args(args)
        .current_dir(folder)
        .env("QT_QPA_PLATFORM", "offscreen")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    writeln!(child.stdin.take().unwrap(), "{PASSWORD}").unwrap();
    let output = child.wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "keepassxc-cli {args:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
#[ignore = "needs keepassxc-cli"]
fn keepassxc_opens_every_field_code_file_and_former_version() {
    let (mut document, files) = rich();
    // A path that can be named on a command line.
    for field in &mut document.items[0].fields {
        match field.name.as_str() {
            "title" => field.value = Secret::new("Mail".to_owned()),
            "folder" => field.value = Secret::new("Work/here".to_owned()),
            _ => {}
        }
    }
    let exported = exported(&document, &files);
    let folder = std::env::temp_dir().join(format!("keyfold-keepassxc-{}", std::process::id()));
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("all.kdbx"), &*exported.bytes).unwrap();
    let listed = run(&folder, &["ls", "-q", "-R", "-f", "all.kdbx"]);
    for path in ["Work/here/Mail", "Recycle Bin/Work/Old"] {
        assert!(listed.lines().any(|line| line == path), "{listed}");
    }
    let xml = run(&folder, &["export", "-q", "-f", "xml", "all.kdbx"]);
    let imported = import(xml.as_bytes(), None, None).unwrap();
    let own = reread(&exported);
    // Its own export keeps the files in the XML, and is otherwise the same.
    let sorted = |imported: &Imported| {
        let mut shapes = imported_shapes(imported);
        shapes.sort_by_key(|shape| shape.title.clone());
        shapes
    };
    assert_eq!(sorted(&imported), sorted(&own));
    let code = || {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let uri = Secret::new(URI.to_owned());
        let code = Seed::parse(&uri)
            .ok()
            .unwrap()
            .code_at(now.unwrap().as_secs())
            .unwrap();
        // EXPOSE: a test compares it.
        code.text.expose().to_owned()
    };
    let before = code();
    let shown = run(&folder, &["show", "-q", "-t", "all.kdbx", "Work/here/Mail"]);
    assert!(
        [before, code()].contains(&shown.trim().to_owned()),
        "{shown}"
    );
    for (name, content) in [("scan.pdf", &b"%PDF\0\xff"[..]), ("big", &[7; 3 << 20])] {
        let args = [
            "attachment-export",
            "-q",
            "all.kdbx",
            "Work/here/Mail",
            name,
            "out",
        ];
        run(&folder, &args);
        assert!(
            std::fs::read(folder.join("out")).unwrap() == content,
            "{name}"
        );
    }
    std::fs::remove_dir_all(&folder).unwrap();
}
