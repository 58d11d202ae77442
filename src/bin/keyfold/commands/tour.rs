//! `tour`: what keyfold does, shown by doing it, in a throw-away folder, with no prompt and no vault of the user's own.
//!
//! Every step starts this very program as a user would, prints the command line and what came of it, and compares that
//! with what must come. It must never see the user's vault, state or configuration: its children get an environment of
//! their own.

use crate::context::{Context, program_and_temporary_folder, variable};
use crate::escape::escape_multiline;
use crate::failure::Failure;
use crate::interrupt;
use anstyle::{AnsiColor, Style};
use keyfold::otp::Seed;
use keyfold::secret::Secret;
use rand::Rng;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The password of the tour's vault, and the one that takes its place. They guard nothing but made-up logins.
const PASSWORDS: [&str; 2] = ["a password for the tour", "another password"];
/// The seed of RFC 6238, appendix B.
const SEED: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\n";
/// What a browser's export looks like.
const BROWSER_EXPORT: &str = "\
name,url,username,password,note
Forum,https://forum.example.org/login,ada,tr0ub4dor&3,
Shop,https://shop.example.com/,ada@example.com,\"with, a comma\",since 2019
";
/// Longest line of a step's output that is shown, in columns.
const SHOWN_COLUMNS: usize = 96;
/// Most lines of a step's output that are shown.
const SHOWN_LINES: usize = 12;

/// What must come of a step.
enum Expect {
    /// It succeeds, and standard output is exactly this.
    Prints(String),
    /// It succeeds, and standard output has each of these in it.
    Has(&'static [&'static str]),
    /// It ends with this exit code and prints nothing.
    Exits(i32),
}

/// One command of the tour.
struct Step {
    why: &'static str,
    args: &'static [&'static str],
    stdin: &'static str,
    expect: Expect,
}

/// What a child came to.
struct Outcome {
    code: i32,
    out: String,
    err: String,
}

/// Where the tour takes place.
struct Stage {
    program: PathBuf,
    folder: PathBuf,
    steps: usize,
}

pub(crate) fn run(context: &mut Context) -> Result<(), Failure> {
    let (program, temporary) = program_and_temporary_folder()?;
    let folder = private_folder(context, &temporary)?;
    let mut stage = Stage {
        program,
        folder,
        steps: 0,
    };
    let outcome = stage.play(context);
    interrupt::remove_files();
    outcome?;
    context.output.line("")?;
    context.output.styled(
        AnsiColor::Green.on_default().bold(),
        &format!(
            "{} commands did what they should. Nothing of this tour is left on the disk.",
            stage.steps
        ),
    )?;
    context
        .output
        .line("Now your own: keyfold init, then keyfold import FILE or keyfold add NAME --generate")
}

/// A fresh folder, 0700, that is removed on every way out.
fn private_folder(context: &mut Context, temporary: &Path) -> Result<PathBuf, Failure> {
    let mut name = [0; 8];
    context.rng.fill_bytes(&mut name);
    let name = format!("keyfold-tour-{}", data_encoding::HEXLOWER.encode(&name));
    let folder = temporary.join(name);
    context.storage.make_folder(&folder)?;
    interrupt::guard(&folder);
    Ok(folder)
}

impl Stage {
    fn play(&mut self, context: &Context) -> Result<(), Failure> {
        for (name, text) in [
            ("password", PASSWORDS[0]),
            ("new-password", PASSWORDS[1]),
            ("browser.csv", BROWSER_EXPORT),
        ] {
            std::fs::write(self.folder.join(name), text)?;
        }
        context.output.line(&format!(
            "A tour in {}; it is removed at the end.",
            self.folder.display()
        ))?;
        context.output.line(
            "Its password lies in a file, which every command reads by --password-file (not shown).",
        )?;
        for step in beginning() {
            self.step(context, &step)?;
        }
        let generated = self.generated_password(context)?;
        for step in by_address(generated.clone()) {
            self.step(context, &step)?;
        }
        self.current_code(context)?;
        for step in changes(generated).into_iter().chain(exchange()) {
            self.step(context, &step)?;
        }
        self.replace_password_file()?;
        for step in end() {
            self.step(context, &step)?;
        }
        Ok(())
    }

    /// Shows one step and stops the tour where it came to something else.
    fn step(&mut self, context: &Context, step: &Step) -> Result<Outcome, Failure> {
        self.steps += 1;
        let output = &context.output;
        output.line("")?;
        output.styled(AnsiColor::Cyan.on_default(), &format!("# {}", step.why))?;
        output.styled(Style::new().bold(), &command_line(step))?;
        let outcome = self.run(step.args, step.stdin)?;
        show(context, &outcome)?;
        let differs = match &step.expect {
            Expect::Prints(text) => outcome.code != 0 || outcome.out != *text,
            Expect::Has(parts) => {
                outcome.code != 0 || parts.iter().any(|part| !outcome.out.contains(part))
            }
            Expect::Exits(code) => outcome.code != *code || !outcome.out.is_empty(),
        };
        if differs {
            return Err(Failure::failed(format!(
                "the tour expected something else of: {}",
                command_line(step)
            ))
            .hint("this is a fault of keyfold; please report it with all of the above"));
        }
        Ok(outcome)
    }

    /// `add --generate`, and what it generated.
    fn generated_password(&mut self, context: &Context) -> Result<String, Failure> {
        let outcome = self.step(
            context,
            &Step {
                why: "The generated password comes back, byte for byte.",
                args: &["get", "work/mail"],
                stdin: "",
                expect: Expect::Has(&[]),
            },
        )?;
        if outcome.out.len() < 20 {
            return Err(Failure::failed("the generated password is too short"));
        }
        Ok(outcome.out)
    }

    /// The code of the seed, which must be the one of a moment between the start and the end of the command.
    fn current_code(&mut self, context: &Context) -> Result<(), Failure> {
        let seed = Seed::parse(&Secret::new(SEED.trim_end().to_owned()))
            .map_err(|error| Failure::failed(error.to_string()))?;
        let code = |context: &Context| {
            let code = seed.code_at(context.now().seconds());
            code.map_err(|error| Failure::failed(error.to_string()))
        };
        let before = code(context)?;
        let step = has("The current code.", &["otp", "work/mail"], &[]);
        let shown = self.step(context, &step)?.out;
        let shown = Secret::new(shown.trim_end().to_owned());
        if !shown.same_as(&before.text) && !shown.same_as(&code(context)?.text) {
            return Err(Failure::failed("that is not the code of this half minute"));
        }
        Ok(())
    }

    /// From here on the new password is the one that every command gives.
    fn replace_password_file(&self) -> Result<(), Failure> {
        let file = |name: &str| self.folder.join(name);
        std::fs::rename(file("password"), file("old-password"))?;
        Ok(std::fs::copy(file("new-password"), file("password")).map(|_| ())?)
    }

    fn run(&self, args: &[&str], stdin: &str) -> Result<Outcome, Failure> {
        let mut command = Command::new(&self.program);
        // A second --password-file would be refused: the step that tries the old password brings its own.
        if !args.contains(&"--password-file") {
            command.arg("--password-file").arg("password");
        }
        self.with_own_environment(command.args(args))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let output = interrupt::run_child(&mut command, stdin.as_bytes())?;
        let text = |bytes| {
            String::from_utf8(bytes).map_err(|_| Failure::failed("a step printed what is no text"))
        };
        Ok(Outcome {
            code: output.status.code().unwrap_or(-1),
            out: text(output.stdout)?,
            err: text(output.stderr)?,
        })
    }

    fn with_own_environment<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        let at = |name: &str| -> PathBuf { Path::new(&self.folder).join(name) };
        command
            .env_clear()
            .envs(variable("PATH").map(|path| ("PATH", path)))
            .env("HOME", &self.folder)
            .env("KEYFOLD_VAULT", at("vault.keyfold"))
            .env("KEYFOLD_STATE_DIR", at("state"))
            .env("KEYFOLD_CONFIG", at("config.toml"))
            .current_dir(&self.folder)
    }
}

fn command_line(step: &Step) -> String {
    let quoted = step.args.iter().map(|arg| {
        if arg.contains([' ', '&', '*']) {
            format!("'{arg}'")
        } else {
            (*arg).to_owned()
        }
    });
    let words: Vec<String> = quoted.collect();
    let input = match step.stdin {
        "" => String::new(),
        text => format!("echo '{}' | ", text.trim_end()),
    };
    format!("$ {input}keyfold {}", words.join(" "))
}

/// Shows what a step printed, cut to a screen.
fn show(context: &Context, outcome: &Outcome) -> Result<(), Failure> {
    let ends_open = !outcome.out.is_empty() && !outcome.out.ends_with('\n');
    let between = if ends_open { "\n" } else { "" };
    let all = format!("{}{between}{}", outcome.out, outcome.err);
    let shown = escape_multiline(&all);
    for (line, at) in shown.lines().flat_map(wrapped).zip(0..) {
        if at == SHOWN_LINES {
            context.output.line("  …")?;
            break;
        }
        context.output.line(&format!("  {line}"))?;
    }
    if outcome.code != 0 {
        context
            .output
            .line(&format!("  (exit code {})", outcome.code))?;
    }
    Ok(())
}

/// A line broken between words; a word that is too long is cut.
fn wrapped(line: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut current = String::new();
    // Columns of a table are parted by several spaces: such a line stays as it is.
    let words: Vec<&str> = if line.chars().count() <= SHOWN_COLUMNS {
        vec![line]
    } else {
        line.split(' ').collect()
    };
    for word in words {
        let length = current.chars().count() + 1 + word.chars().count();
        if !current.is_empty() && length > SHOWN_COLUMNS {
            lines.push(std::mem::take(&mut current));
        }
        if !current.is_empty() {
            current.push(' ');
        }
        if word.chars().count() > SHOWN_COLUMNS {
            current.extend(word.chars().take(SHOWN_COLUMNS - 1));
            current.push('…');
        } else {
            current.push_str(word);
        }
    }
    lines.push(current);
    lines
}

fn has(why: &'static str, args: &'static [&'static str], parts: &'static [&'static str]) -> Step {
    Step {
        why,
        args,
        stdin: "",
        expect: Expect::Has(parts),
    }
}

fn prints(why: &'static str, args: &'static [&'static str], text: impl Into<String>) -> Step {
    Step {
        why,
        args,
        stdin: "",
        expect: Expect::Prints(text.into()),
    }
}

fn exits(why: &'static str, args: &'static [&'static str], code: i32) -> Step {
    Step {
        why,
        args,
        stdin: "",
        expect: Expect::Exits(code),
    }
}

/// A vault and its first item.
fn beginning() -> Vec<Step> {
    vec![
        prints(
            "A new vault. The tour takes the cheapest key derivation that is allowed; yours is tuned.",
            &[
                "init",
                "--kdf-memory",
                "19",
                "--kdf-passes",
                "2",
                "--kdf-lanes",
                "1",
            ],
            "",
        ),
        prints(
            "A login with a generated password.",
            &[
                "add",
                "work/mail",
                "-u",
                "ada@example.com",
                "--url",
                "https://mail.example.com",
                "--generate",
            ],
            "",
        ),
    ]
}

/// The item by its address, and its seed.
fn by_address(generated: String) -> Vec<Step> {
    vec![
        prints(
            "It comes back by the address of a page too,",
            &["get", "--url", "https://mail.example.com/inbox"],
            generated,
        ),
        exits(
            "and nothing for a page that only looks like it.",
            &["get", "--url", "https://mail.example.com@evil.example/"],
            3,
        ),
        Step {
            why: "A seed for one-time codes, as a site shows it under its QR code.",
            args: &["otp", "add", "work/mail", "--otp-stdin"],
            stdin: SEED,
            expect: Expect::Prints(String::new()),
        },
    ]
}

/// Changes, and how each of them is taken back.
fn changes(generated: String) -> Vec<Step> {
    vec![
        prints(
            "Another password. The former one is not lost:",
            &["edit", "work/mail", "--generate=32"],
            "",
        ),
        has(
            "every field keeps its history.",
            &["history", "work/mail"],
            &["password"],
        ),
        prints(
            "Brought back from the history,",
            &["history", "work/mail", "--restore", "1"],
            "",
        ),
        prints(
            "it is the first password again.",
            &["get", "work/mail"],
            generated,
        ),
        prints(
            "A removed item lies in the trash,",
            &["rm", "work/mail"],
            "",
        ),
        prints("where it is listed", &["ls", "--trash"], "work/mail\n"),
        prints("and brought back from.", &["restore", "work/mail"], ""),
        prints(
            "Any change can be taken back: this one was a slip,",
            &["edit", "work/mail", "-u", "oops"],
            "",
        ),
        prints("now it is undone.", &["undo"], ""),
        prints(
            "The user name is what it was.",
            &["get", "work/mail", "username"],
            "ada@example.com",
        ),
    ]
}

/// What comes from elsewhere and goes elsewhere, and another password for all of it.
fn exchange() -> Vec<Step> {
    vec![
        has(
            "What a browser exported comes in with a ledger.",
            &["import", "browser.csv", "--into", "web"],
            &["items", "fields"],
        ),
        has(
            "Twice changes nothing; scripts read the ledger as JSON.",
            &["import", "browser.csv", "--into", "web", "--json"],
            &["\"identical\":2"],
        ),
        prints(
            "Search is fuzzy and never looks into secrets.",
            &["find", "shp"],
            "web/Shop\n",
        ),
        prints(
            "A password with a comma came through whole.",
            &["get", "web/Shop"],
            "with, a comma",
        ),
        prints(
            "Everything in a pipe is one path a line.",
            &["ls"],
            "web/Forum\nweb/Shop\nwork/mail\n",
        ),
        prints(
            "All of it leaves as one documented JSON file, private to you.",
            &["export", "--output", "all.json"],
            "",
        ),
        prints(
            "Another master password.",
            &[
                "passwd",
                "--new-password-file",
                "new-password",
                "--kdf-memory",
                "19",
                "--kdf-passes",
                "2",
                "--kdf-lanes",
                "1",
            ],
            "",
        ),
        exits(
            "The old one opens nothing now.",
            &["ls", "--password-file", "password"],
            5,
        ),
    ]
}

/// The state of the file, with the new password.
fn end() -> Vec<Step> {
    vec![
        has(
            "The new one opens the vault, which is whole.",
            &["check"],
            &["everything is whole"],
        ),
        prints(
            "A new data key too, for the day somebody may know the old password and have a copy.",
            &[
                "rekey",
                "--yes",
                "--new-password-file",
                "new-password",
                "--kdf-memory",
                "19",
                "--kdf-passes",
                "2",
                "--kdf-lanes",
                "1",
            ],
            "",
        ),
        has("The file is written small,", &["compact"], &["KiB now"]),
        has(
            "and nothing was lost on the way.",
            &["check", "--json"],
            &["\"ok\":true"],
        ),
        has(
            "A passphrase needs no vault at all.",
            &["gen", "--words", "6"],
            &["-"],
        ),
    ]
}
