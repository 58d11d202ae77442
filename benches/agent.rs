//! What people do ten times a day, with the vault unlocked: `get`, `otp` and `copy` as whole processes, asked of a running agent.
//!
//! The floor in the same run is a process that does nothing, and beside it keyfold when it only says its version: what a
//! start costs. The promise is 3 ms at 100 and at 100,000 items, and 40 MiB for an agent that holds 10,000.
//!
//! `cargo bench --bench agent` takes a minute; `-- 5000` measures that size alone. `copy` needs a display.
#![allow(
    clippy::ok_expect,
    reason = "what holds a secret has no Debug to print it with"
)]
#![allow(clippy::print_stdout, reason = "a benchmark prints its table")]

mod scene;

use keyfold::model::draft::Draft;
use keyfold::model::field;
use keyfold::storage::RealStorage;
use keyfold::vault::Places;
use rand::SeedableRng;
use rand::rngs::StdRng;
use scene::{add_all, make_vault, median, recovery_key};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

const ROUNDS: usize = 200;
const PROGRAM: &str = env!("CARGO_BIN_EXE_keyfold");

fn main() {
    let words = std::env::args().skip(1);
    let asked: Vec<usize> = words.filter_map(|word| word.parse().ok()).collect();
    let sizes: &[usize] = if asked.is_empty() {
        &[100, 10_000, 100_000]
    } else {
        &asked
    };
    let folder = std::env::temp_dir().join(format!("keyfold-bench-{}", std::process::id()));
    println!(
        "median of {ROUNDS} whole processes in milliseconds, in brackets the ratio to the floor (a process that does nothing)"
    );
    println!(
        "{:>7} {:>8} {:>14} {:>14} {:>14} {:>14} {:>14} {:>10}",
        "items", "floor", "--version", "get", "get part", "otp", "copy", "RSS MiB"
    );
    for size in sizes {
        let scene = Scene::make(&folder.join(size.to_string()), *size);
        scene.print_row(*size);
    }
    std::fs::remove_dir_all(&folder).expect("the folder is this run's own");
}

/// A vault with an agent that holds it, until it is dropped.
struct Scene {
    folder: PathBuf,
}

impl Scene {
    fn make(folder: &Path, size: usize) -> Self {
        std::fs::create_dir_all(folder).expect("a new folder");
        fill(folder, size);
        let scene = Self {
            folder: folder.to_owned(),
        };
        let key = folder.join("recovery-key");
        let key = key.to_str().expect("a plain path");
        let unlocked = scene.command(&["--recovery-key-file", key, "unlock"]);
        assert!(run(unlocked), "the vault does not unlock");
        scene
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command
            .args(args)
            .env("HOME", &self.folder)
            .env("XDG_RUNTIME_DIR", &self.folder)
            .env("KEYFOLD_VAULT", self.folder.join("vault.keyfold"))
            .env("KEYFOLD_STATE_DIR", self.folder.join("state"))
            .env("KEYFOLD_CONFIG", self.folder.join("config.toml"));
        command
    }

    fn print_row(&self, size: usize) {
        let last = size - 1;
        let name = format!("Account {last}");
        let part = format!("user{last}@");
        let has_display = ["DISPLAY", "WAYLAND_DISPLAY"]
            .map(std::env::var_os)
            .iter()
            .any(Option::is_some);
        let ways: [Option<Vec<&str>>; 5] = [
            Some(vec!["--version"]),
            Some(vec!["get", &name]),
            Some(vec!["get", &part]),
            Some(vec!["otp", &name]),
            has_display.then(|| vec!["--quiet", "copy", &name]),
        ];
        let mut floors = Vec::new();
        let mut times: [Vec<f64>; 5] = Default::default();
        for _ in 0..ROUNDS {
            floors.push(milliseconds(Command::new("true")));
            for (way, times) in ways.iter().zip(&mut times) {
                if let Some(args) = way {
                    times.push(milliseconds(self.command(args)));
                }
            }
        }
        let floor = median(&mut floors);
        let cells = times.map(|mut times| {
            if times.is_empty() {
                return "no display".to_owned();
            }
            let time = median(&mut times);
            format!("{time:.2} ({:.1})", time / floor)
        });
        let [version, get, part, otp, copy] = cells;
        println!(
            "{size:>7} {floor:>8.2} {version:>14} {get:>14} {part:>14} {otp:>14} {copy:>14} {:>10.1}",
            self.resident_mib()
        );
    }

    /// Resident memory of the agent.
    fn resident_mib(&self) -> f64 {
        let status = self.command(&["--json", "agent", "status"]).output();
        let status = status.expect("the agent is asked");
        let status: serde_json::Value =
            serde_json::from_slice(&status.stdout).expect("it answers in JSON");
        let path = format!("/proc/{}/status", status["pid"]);
        let text = std::fs::read_to_string(path).expect("it runs on Linux");
        let line = text.lines().find(|line| line.starts_with("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok());
        kib.map_or(f64::NAN, |kib| kib / 1024.0)
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        run(self.command(&["agent", "stop"]));
    }
}

fn run(mut command: Command) -> bool {
    let ended = command.stdout(Stdio::null()).status();
    ended.expect("the program is there").success()
}

fn milliseconds(command: Command) -> f64 {
    let (time, succeeded) = scene::milliseconds(|| run(command));
    assert!(succeeded);
    time
}

/// A vault of that many logins, and its recovery key in a file.
fn fill(folder: &Path, size: usize) {
    let mut rng = StdRng::seed_from_u64(7);
    // EXPOSE: the key of a vault that is gone in a minute.
    std::fs::write(
        folder.join("recovery-key"),
        recovery_key().to_text().expose(),
    )
    .expect("there is room");
    let places = Places {
        vault_file: folder.join("vault.keyfold"),
        state_folder: folder.join("state"),
    };
    let mut vault = make_vault(Arc::new(RealStorage), &places, "bench", &mut rng);
    add_all(&mut vault, (0..size).map(login), &mut rng);
}

fn login(number: usize) -> Draft {
    let mut draft = Draft {
        title: format!("Account {number}"),
        urls: vec![format!("https://www.site{number}.example.com/login")],
        ..Draft::default()
    };
    draft.push_standard(field::USERNAME, format!("user{number}@example.com"));
    draft.push_standard(field::PASSWORD, format!("{number:032x}"));
    draft.push_standard(
        field::OTP,
        "otpauth://totp/Site:me?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Site".to_owned(),
    );
    draft
}
