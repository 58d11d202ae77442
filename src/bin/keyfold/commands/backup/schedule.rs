//! `backup schedule`: what runs backups by itself, printed for the user to install. Nothing is installed here.

use crate::cli::ScheduleKind;
use crate::context::{Context, program_and_temporary_folder, variable};
use crate::failure::Failure;
use crate::span;
use serde::Serialize;

/// Variables that say where things lie, where they are set.
const VARIABLES: [&str; 3] = ["KEYFOLD_STATE_DIR", "KEYFOLD_CONFIG", "XDG_RUNTIME_DIR"];

pub(super) fn run(
    context: &mut Context,
    kind: ScheduleKind,
    if_older: &str,
) -> Result<(), Failure> {
    span::read("--if-older", if_older)?;
    let words = words(context, if_older)?;
    let variables = variables()?;
    let text = match kind {
        ScheduleKind::Systemd => systemd(&words, &variables),
        ScheduleKind::Cron => cron(&words, &variables),
    };
    if context.output.json {
        #[derive(Serialize)]
        struct Shown {
            schema: u32,
            text: String,
        }
        return context.output.json(&Shown { schema: 1, text });
    }
    context.output.raw(text.as_bytes())
}

/// The command line: this program, this vault, and what opens it, where the options of this run say so.
fn words(context: &mut Context, if_older: &str) -> Result<Vec<String>, Failure> {
    let (program, _) = program_and_temporary_folder()?;
    let vault = context.places()?.vault_file;
    let globals = &context.globals;
    let mut words = vec![text(program.into_os_string())?, "--vault".to_owned()];
    words.push(text(vault.into_os_string())?);
    let files = [
        ("--password-file", &globals.password_file),
        ("--key-file", &globals.key_file),
        ("--recovery-key-file", &globals.recovery_key_file),
    ];
    for (option, path) in files {
        if let Some(path) = path {
            if path.as_os_str() == "-" {
                return Err(Failure::usage(
                    "a timer has no standard input to read a password from",
                ));
            }
            words.push(option.to_owned());
            words.push(text(std::path::absolute(path)?.into_os_string())?);
        }
    }
    if let Some(command) = &globals.password_command {
        words.extend(["--password-command".to_owned(), command.clone()]);
    }
    if globals.no_agent {
        words.push("--no-agent".to_owned());
    }
    let rest = ["--no-input", "backup", "--if-older", if_older];
    words.extend(rest.map(str::to_owned));
    if words.iter().any(|word| word.contains(['\n', '\r', '\0'])) {
        return Err(Failure::usage(
            "a path with a line break cannot stand in a timer",
        ));
    }
    Ok(words)
}

fn text(word: std::ffi::OsString) -> Result<String, Failure> {
    word.into_string()
        .map_err(|word| Failure::usage(format!("a path is not UTF-8: {}", word.to_string_lossy())))
}

fn variables() -> Result<Vec<(&'static str, String)>, Failure> {
    let mut found = Vec::new();
    for name in VARIABLES {
        if let Some(value) = variable(name) {
            let value = text(value)?;
            if value.contains(['\n', '\r']) {
                return Err(Failure::usage(format!("{name} has a line break")));
            }
            found.push((name, value));
        }
    }
    Ok(found)
}

/// Every hour, since a laptop sleeps at any fixed hour; what is young enough is left alone without a password.
fn systemd(words: &[String], variables: &[(&str, String)]) -> String {
    let words: Vec<String> = words.iter().map(|word| for_systemd(word, "$$")).collect();
    // The manager of user services has its own XDG_RUNTIME_DIR.
    let set = variables
        .iter()
        .filter(|(name, _)| *name != "XDG_RUNTIME_DIR");
    let set = set.map(|(name, value)| {
        format!(
            "Environment={}\n",
            for_systemd(&format!("{name}={value}"), "$")
        )
    });
    format!(
        "# ~/.config/systemd/user/keyfold-backup.service\n\
         [Unit]\n\
         Description=keyfold backup: a verified copy of the vault\n\
         \n\
         [Service]\n\
         Type=oneshot\n\
         ExecStart={}\n\
         {}LimitCORE=0\n\
         NoNewPrivileges=yes\n\
         RestrictAddressFamilies=AF_UNIX\n\
         \n\
         # ~/.config/systemd/user/keyfold-backup.timer; then: systemctl --user enable --now keyfold-backup.timer\n\
         [Unit]\n\
         Description=keyfold backup, where the newest one is too old\n\
         \n\
         [Timer]\n\
         OnCalendar=hourly\n\
         RandomizedDelaySec=5m\n\
         Persistent=true\n\
         \n\
         [Install]\n\
         WantedBy=timers.target\n",
        words.join(" "),
        set.collect::<String>(),
    )
}

/// As systemd reads one word: in quotes, with its own signs doubled (systemd.service, "Command lines").
fn for_systemd(word: &str, dollar: &str) -> String {
    let word = word.replace('\\', "\\\\").replace('"', "\\\"");
    let word = word.replace('%', "%%").replace('$', dollar);
    format!("\"{word}\"")
}

fn cron(words: &[String], variables: &[(&str, String)]) -> String {
    let set = variables
        .iter()
        .map(|(name, value)| format!("{name}={}", for_cron(value)));
    let words = words.iter().map(|word| for_cron(word));
    let line: Vec<String> = set.chain(words).collect();
    format!("17 * * * * {}\n", line.join(" "))
}

/// As the shell that cron starts reads one word, and cron itself before it: a percent sign is a line break there.
fn for_cron(word: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-+=:,@".contains(letter);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    let word = word.replace('\'', "'\\''").replace('%', "\\%");
    format!("'{word}'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_for_who_reads_them() {
        assert_eq!(for_cron("/usr/bin/keyfold"), "/usr/bin/keyfold");
        assert_eq!(for_cron("/a b/it's 5%"), "'/a b/it'\\''s 5\\%'");
        assert_eq!(for_cron("$(x)`y`;"), "'$(x)`y`;'");
        assert_eq!(
            for_systemd("/a \"b\" 5%$x\\", "$$"),
            "\"/a \\\"b\\\" 5%%$$x\\\\\""
        );
        assert_eq!(for_systemd("A=$x", "$"), "\"A=$x\"");
    }
}
