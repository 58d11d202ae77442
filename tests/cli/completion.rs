//! What a shell completes: names through an unlocked agent, nothing when it is locked.

use crate::program::{Home, finish};

/// What the program answers a shell about these words, the last of which is being typed.
fn completed(home: &Home, shell: &str, words: &[&str]) -> Vec<String> {
    let mut command = home.command();
    command
        .env("KEYFOLD_COMPLETE", shell)
        .env("_CLAP_IFS", "\n")
        .env("_CLAP_COMPLETE_INDEX", (words.len() - 1).to_string())
        .arg("--")
        .args(words);
    let answer = finish(command, "").ok().out;
    answer.lines().map(str::to_owned).collect()
}

fn unlocked() -> Home {
    let home = Home::new();
    for name in [
        "work/mail",
        "work/my bank",
        "Home",
        "work/$(reboot)",
        "gone",
    ] {
        home.run_with(&["add", name, "-u", "me", "--secret-stdin"], "x")
            .ok();
    }
    home.run(&["add", "work/odd\u{1b}]52;c;eA==\u{7}", "--generate"])
        .ok();
    home.run(&["rm", "gone"]).ok();
    home.run(&["unlock"]).ok();
    home
}

#[test]
fn an_unlocked_agent_completes_items_and_their_fields() {
    let home = unlocked();
    assert_eq!(
        completed(&home, "bash", &["keyfold", "get", "work/m"]),
        ["work/mail", "work/my\\ bank"]
    );
    assert_eq!(
        completed(&home, "bash", &["keyfold", "show", "ho"]),
        ["Home"]
    );
    assert_eq!(
        completed(&home, "bash", &["keyfold", "get", "work/mail", "u"]),
        ["username"]
    );
    assert_eq!(completed(&home, "bash", &["keyfold", "rm", "go"]), [""; 0]);
    assert_eq!(
        completed(&home, "bash", &["keyfold", "restore", "go"]),
        ["gone"]
    );
    assert_eq!(completed(&home, "bash", &["keyfold", "hist"]), ["history"]);
}

#[test]
fn what_a_title_holds_never_becomes_a_command_or_a_terminal_sequence() {
    let home = unlocked();
    assert_eq!(
        completed(&home, "bash", &["keyfold", "get", "work/$"]),
        ["work/\\$\\(reboot\\)"]
    );
    for shell in ["bash", "zsh", "fish"] {
        let all = completed(&home, shell, &["keyfold", "get", "work/"]).join("\n");
        assert!(all.contains("mail"), "{all}");
        assert!(!all.contains("odd"), "{all}");
    }
}

#[test]
fn a_locked_vault_completes_commands_alone_and_nobody_is_asked() {
    let home = unlocked();
    home.run(&["lock"]).ok();
    assert_eq!(completed(&home, "bash", &["keyfold", "get", "wo"]), [""; 0]);
    assert_eq!(completed(&home, "bash", &["keyfold", "hist"]), ["history"]);
    home.run(&["agent", "stop"]).ok();
    assert_eq!(completed(&home, "bash", &["keyfold", "get", "wo"]), [""; 0]);
    let status = home.run(&["--json", "agent", "status"]).ok().json();
    assert_eq!(status["running"], false);
}

#[test]
#[ignore = "needs bash"]
fn bash_takes_the_script_and_completes_with_it() {
    let home = unlocked();
    std::fs::create_dir(home.path("bin")).unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_keyfold"), home.path("bin/keyfold")).unwrap();
    let mut bash = std::process::Command::new("bash");
    home.enter(&mut bash);
    let path = std::env::var("PATH").unwrap();
    bash.env("PATH", format!("{}:{path}", home.arg("bin")))
        .args([
            "-c",
            "source <(keyfold completions bash)
         COMP_WORDS=(keyfold get work/my) COMP_CWORD=2 COMP_TYPE=9
         _clap_complete_keyfold keyfold work/my get 2>/dev/null
         printf '%s\\n' \"${COMPREPLY[@]}\"",
        ]);
    finish(bash, "").ok().prints("work/my\\ bank\n");
}
