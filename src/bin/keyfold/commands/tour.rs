//! `tour`: what keyfold does, shown by doing it, in a throw-away folder, with no prompt and no vault of the user's own.
//!
//! Every step starts this very program as a user would, prints the command line and what came of it, and compares that
//! with what must come. It must never see the user's vault, state or configuration: its children get an environment of
//! their own.

mod steps;

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
/// What Syncthing calls the version that came second.
const CONFLICT_COPY: &str = "vault.sync-conflict-20261125-070000-ABCDEFG.keyfold";
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
    /// It succeeds, and standard error has each of these in it.
    Says(&'static [&'static str]),
    /// It ends with this exit code and prints nothing.
    Exits(i32),
}

/// On which of the tour's devices a step takes place.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Device {
    Laptop,
    Phone,
}

impl Device {
    /// Its name, and the folder that its drive keeps in step.
    fn name(self) -> &'static str {
        match self {
            Self::Laptop => "laptop",
            Self::Phone => "phone",
        }
    }
}

/// One command of the tour.
struct Step {
    device: Device,
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
            ("laptop.toml", "device = \"laptop\"\n"),
            ("phone.toml", "device = \"phone\"\n"),
        ] {
            std::fs::write(self.folder.join(name), text)?;
        }
        for folder in [Device::Laptop.name(), Device::Phone.name(), "stick"] {
            std::fs::create_dir(self.folder.join(folder))?;
        }
        context.output.line(&format!(
            "A tour in {}; it is removed at the end.",
            self.folder.display()
        ))?;
        context.output.line(
            "Its password lies in a file, which every command reads by --password-file (not shown).",
        )?;
        for step in steps::beginning() {
            self.step(context, &step)?;
        }
        let generated = self.generated_password(context)?;
        for step in steps::by_address(generated.clone()) {
            self.step(context, &step)?;
        }
        self.current_code(context)?;
        for step in steps::changes(generated) {
            self.step(context, &step)?;
        }
        self.two_devices(context)?;
        for step in steps::backed_up() {
            self.step(context, &step)?;
        }
        for step in steps::exchange() {
            self.step(context, &step)?;
        }
        self.replace_password_file()?;
        for step in steps::end() {
            self.step(context, &step)?;
        }
        Ok(())
    }

    /// Two devices that write apart, and a drive that makes the worst of it.
    fn two_devices(&mut self, context: &Context) -> Result<(), Failure> {
        let (laptop, phone) = (self.vault_of(Device::Laptop), self.vault_of(Device::Phone));
        std::fs::copy(&laptop, &phone)?;
        let old_version = std::fs::read(&laptop)?;
        for step in steps::apart() {
            self.step(context, &step)?;
        }
        std::fs::copy(&phone, laptop.with_file_name(CONFLICT_COPY))?;
        for step in steps::met() {
            self.step(context, &step)?;
        }
        std::fs::write(&laptop, old_version)?;
        for step in steps::rolled_back() {
            self.step(context, &step)?;
        }
        Ok(())
    }

    fn vault_of(&self, device: Device) -> PathBuf {
        self.folder.join(device.name()).join("vault.keyfold")
    }

    /// Shows one step and stops the tour where it came to something else.
    fn step(&mut self, context: &Context, step: &Step) -> Result<Outcome, Failure> {
        self.steps += 1;
        let output = &context.output;
        output.line("")?;
        output.styled(AnsiColor::Cyan.on_default(), &format!("# {}", step.why))?;
        output.styled(Style::new().bold(), &command_line(step))?;
        let outcome = self.run(step)?;
        show(context, &outcome)?;
        let differs = match &step.expect {
            Expect::Prints(text) => outcome.code != 0 || outcome.out != *text,
            Expect::Has(parts) => {
                outcome.code != 0 || parts.iter().any(|part| !outcome.out.contains(part))
            }
            Expect::Says(parts) => {
                outcome.code != 0 || parts.iter().any(|part| !outcome.err.contains(part))
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
                device: Device::Laptop,
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
        let step = steps::code();
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

    fn run(&self, step: &Step) -> Result<Outcome, Failure> {
        let Step {
            device,
            args,
            stdin,
            ..
        } = *step;
        let mut command = Command::new(&self.program);
        // A second --password-file would be refused: the step that tries the old password brings its own.
        if !args.contains(&"--password-file") {
            command.arg("--password-file").arg("password");
        }
        self.with_own_environment(device, command.args(args))
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

    fn with_own_environment<'a>(
        &self,
        device: Device,
        command: &'a mut Command,
    ) -> &'a mut Command {
        let name = device.name();
        command
            .env_clear()
            .envs(variable("PATH").map(|path| ("PATH", path)))
            .env("HOME", &self.folder)
            .env("KEYFOLD_VAULT", self.vault_of(device))
            .env(
                "KEYFOLD_STATE_DIR",
                self.folder.join(format!("{name}-state")),
            )
            .env("KEYFOLD_CONFIG", self.folder.join(format!("{name}.toml")))
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
    let prompt = match step.device {
        Device::Laptop => "$",
        Device::Phone => "phone$",
    };
    format!("{prompt} {input}keyfold {}", words.join(" "))
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
