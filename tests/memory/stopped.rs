//! A program that a debugger holds at one of its system calls: its memory is as it is at that moment.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

/// What the debugger prints once the program stands still.
const MARK: &str = "it-stands-still";

/// A program at a system call.
pub(crate) struct Stopped {
    debugger: Child,
    commands: ChildStdin,
    pub(crate) pid: u32,
}

impl Stopped {
    /// Runs a command under gdb, with files as its standard streams, until it is about to do one of these system calls.
    pub(crate) fn at(calls: &str, command: &Command, input: &Path, output: &Path) -> Self {
        let quoted = |text: &std::ffi::OsStr| format!("'{}'", text.to_str().unwrap());
        let arguments: Vec<String> = command.get_args().map(quoted).collect();
        let run = format!(
            "run {} < '{}' > '{out}' 2> '{out}.err'",
            arguments.join(" "),
            input.display(),
            out = output.display()
        );
        let mut gdb = Command::new("gdb");
        gdb.args(["-q", "-nx", "-readnever"]);
        for line in [
            "set confirm off",
            "set pagination off",
            "set auto-solib-add off",
            "set print thread-events off",
            &format!("catch syscall {calls}"),
            &run,
            "info proc",
            &format!("echo {MARK}\\n"),
        ] {
            gdb.args(["-ex", line]);
        }
        gdb.arg(command.get_program()).env_clear();
        for (name, value) in command.get_envs() {
            gdb.env(name, value.unwrap_or_default());
        }
        if let Some(folder) = command.get_current_dir() {
            gdb.current_dir(folder);
        }
        let mut debugger = gdb
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("gdb: {error}"));
        let commands = debugger.stdin.take().unwrap();
        let mut said = Vec::new();
        for line in BufReader::new(debugger.stdout.as_mut().unwrap()).lines() {
            let line = line.unwrap();
            let is_last = line.ends_with(MARK);
            said.push(line);
            if is_last {
                break;
            }
        }
        let mut pid = said
            .iter()
            .rev()
            .filter_map(|line| line.trim_start_matches("(gdb) ").strip_prefix("process "));
        let pid = pid.next().and_then(|number| number.trim().parse().ok());
        let Some(pid) = pid else {
            let _ = debugger.kill();
            let mut errors = String::new();
            let _ = debugger.stderr.take().unwrap().read_to_string(&mut errors);
            panic!("it never stood still: {said:?} {errors}");
        };
        Self {
            debugger,
            commands,
            pid,
        }
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        let _ = self.commands.write_all(b"kill\nquit\n");
        let _ = self.debugger.wait();
    }
}
