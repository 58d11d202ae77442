//! Where there is no terminal: the desktop's pinentry, played by a script.

use crate::program::{Home, PASSWORD, finish};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

/// A `pinentry` that types the lines of a file, one a dialog, and notes what it was told.
fn fake_pinentry(home: &Home, answers: &str) -> Command {
    home.write("answers", answers);
    std::fs::create_dir(home.path("bin")).unwrap();
    let script = home.write(
        "bin/pinentry",
        "#!/bin/sh\n\
         echo OK hello\n\
         while read -r line; do\n\
           echo \"$line\" >> told\n\
           case \"$line\" in\n\
             GETPIN) answer=$(head -n 1 answers); tail -n +2 answers > rest; mv rest answers\n\
               if [ \"$answer\" = cancel ]; then echo 'ERR 83886179 cancelled'; else echo \"D $answer\"; echo OK; fi;;\n\
             BYE) echo OK; exit 0;;\n\
             *) echo OK;;\n\
           esac\n\
         done\n",
    );
    std::fs::set_permissions(script, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = home.command();
    let path = std::env::var("PATH").unwrap();
    command
        .env("PATH", format!("{}:{path}", home.arg("bin")))
        .env("DISPLAY", ":9999")
        .arg("ls");
    command
}

#[test]
fn without_a_terminal_the_desktops_pinentry_asks_and_names_the_vault() {
    let home = Home::new();
    home.run_with(&["add", "a", "--secret-stdin"], "x").ok();
    let command = fake_pinentry(&home, &format!("wrong\n{PASSWORD}\n"));
    finish(command, "").ok().prints("a\n");
    let told = std::fs::read_to_string(home.path("told")).unwrap();
    let asked = format!("SETDESC Master password of {}", home.arg("vault.keyfold"));
    assert!(told.contains(&asked), "{told}");
    assert!(
        told.contains("SETERROR That does not open the vault"),
        "{told}"
    );
}

#[test]
fn a_cancelled_pinentry_interrupts_and_without_a_display_or_input_it_never_runs() {
    let home = Home::new();
    finish(fake_pinentry(&home, "cancel\n"), "").exits(130);
    std::fs::remove_file(home.path("told")).unwrap();
    std::fs::remove_dir_all(home.path("bin")).unwrap();
    let mut without = fake_pinentry(&home, &format!("{PASSWORD}\n"));
    without.env_remove("DISPLAY");
    finish(without, "").exits(5);
    std::fs::remove_dir_all(home.path("bin")).unwrap();
    let mut silent = fake_pinentry(&home, &format!("{PASSWORD}\n"));
    silent.arg("--no-input");
    finish(silent, "").exits(5);
    assert!(!home.path("told").exists());
}
