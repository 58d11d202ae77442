//! The only writer: data on standard output, everything else on standard error.
//!
//! What comes out of a vault or an import passes [`crate::escape`] before it reaches a terminal; to a pipe data goes as
//! it is. No other file of the program prints.

use crate::cli::When;
use crate::escape::escape;
use crate::failure::Failure;
use anstyle::Style;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use keyfold::otp::qr::{Paint, Qr};
use keyfold::secret::Secret;
use serde::Serialize;
use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

/// Width of a table where no terminal says otherwise.
const DEFAULT_WIDTH: usize = 100;
const DEFAULT_HEIGHT: usize = 24;

/// How and where this run prints.
#[derive(Clone)]
pub(crate) struct Output {
    pub(crate) json: bool,
    quiet: bool,
    color_out: bool,
    color_notes: bool,
}

impl Output {
    pub(crate) fn new(json: bool, quiet: bool, color: When) -> Self {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let decide = |terminal: bool| match color {
            When::Always => true,
            When::Never => false,
            When::Auto => terminal && !no_color,
        };
        let (color_out, color_notes) = (
            decide(io::stdout().is_terminal()),
            decide(io::stderr().is_terminal()),
        );
        Self {
            json,
            quiet,
            color_out,
            color_notes,
        }
    }

    /// Whether notices are not wanted.
    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Whether standard output is a terminal, where tables and colour belong.
    pub(crate) fn to_terminal(&self) -> bool {
        io::stdout().is_terminal()
    }

    /// Columns of the terminal.
    pub(crate) fn width(&self) -> usize {
        self.size().0
    }

    /// Columns and lines of the terminal.
    pub(crate) fn size(&self) -> (usize, usize) {
        #[cfg(unix)]
        if let Ok(size) = rustix::termios::tcgetwinsize(io::stdout())
            && size.ws_col > 0
        {
            return (usize::from(size.ws_col), usize::from(size.ws_row));
        }
        (DEFAULT_WIDTH, DEFAULT_HEIGHT)
    }

    /// One line of data. On a terminal it is escaped; in a pipe it is what it is.
    pub(crate) fn line(&self, text: &str) -> Result<(), Failure> {
        let shown = if self.to_terminal() {
            escape(text)
        } else {
            text.into()
        };
        self.raw(format!("{shown}\n").as_bytes())
    }

    /// A line that the program itself put together and escaped where needed.
    pub(crate) fn styled(&self, style: Style, text: &str) -> Result<(), Failure> {
        let line = if self.color_out {
            format!("{style}{text}{style:#}\n")
        } else {
            format!("{text}\n")
        };
        self.raw(line.as_bytes())
    }

    /// Text in a style where standard output has colour.
    pub(crate) fn paint(&self, style: Style, text: &str) -> String {
        if self.color_out {
            format!("{style}{text}{style:#}")
        } else {
            text.to_owned()
        }
    }

    /// Bytes of data, as they are.
    pub(crate) fn raw(&self, bytes: &[u8]) -> Result<(), Failure> {
        // Not through the standard library's buffer, which keeps what it wrote until the program ends.
        let _alone = io::stdout().lock();
        let mut left = bytes;
        while !left.is_empty() {
            let written = rustix::io::retry_on_intr(|| rustix::io::write(io::stdout(), left));
            left = left
                .get(written.map_err(io::Error::from)?..)
                .unwrap_or_default();
        }
        Ok(())
    }

    /// The last bytes of data of a process that goes on: who waits for them sees their end, and nothing is kept open.
    pub(crate) fn last(&self, bytes: &[u8]) -> Result<(), Failure> {
        self.raw(bytes)?;
        let nothing = File::options().write(true).open("/dev/null")?;
        Ok(rustix::stdio::dup2_stdout(&nothing).map_err(io::Error::from)?)
    }

    /// A QR code that was asked for: in colours of its own on a terminal, dark on light in a pipe.
    pub(crate) fn code(&self, code: &Qr) -> Result<(), Failure> {
        let paint = if self.to_terminal() {
            Paint::Ansi
        } else {
            Paint::DarkOnLight
        };
        // EXPOSE: the user asked for the picture of it.
        self.raw(code.render(paint).expose().as_bytes())
    }

    /// A secret: byte for byte to a pipe, escaped and on a line of its own on a terminal.
    pub(crate) fn secret(&self, secret: &Secret, ending: Ending) -> Result<(), Failure> {
        // EXPOSE: the user asked for this value.
        let text = secret.expose();
        if self.to_terminal() {
            return self
                .raw(crate::escape::escape_multiline(text).as_bytes())
                .and_then(|()| self.raw(b"\n"));
        }
        self.raw(text.as_bytes())?;
        if ending == Ending::Newline {
            self.raw(b"\n")
        } else {
            Ok(())
        }
    }

    /// One JSON document.
    pub(crate) fn json(&self, document: &impl Serialize) -> Result<(), Failure> {
        let text =
            serde_json::to_string(document).map_err(|error| Failure::failed(error.to_string()))?;
        let text = zeroize::Zeroizing::new(text);
        self.raw(text.as_bytes())?;
        self.raw(b"\n")
    }

    /// A notice on standard error, unless --quiet.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            self.write_note(
                Style::new(),
                &format!("{}\n", crate::escape::escape_multiline(text)),
            );
        }
    }

    /// A notice that something is wrong, unless --quiet.
    pub(crate) fn warn(&self, text: &str) {
        if !self.quiet {
            let style = anstyle::AnsiColor::Yellow.on_default();
            self.write_note(
                style,
                &format!("{}\n", crate::escape::escape_multiline(text)),
            );
        }
    }

    fn write_note(&self, style: Style, text: &str) {
        let text = if self.color_notes {
            format!("{style}{}{style:#}\n", text.trim_end_matches('\n'))
        } else {
            text.to_owned()
        };
        // A notice that nobody can read is no reason to fail.
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }

    /// Something that turns while work goes on; seen only on a terminal and only after half a second.
    pub(crate) fn progress(&self, text: &'static str) -> Progress {
        if self.quiet || self.json || !io::stderr().is_terminal() {
            return Progress(None);
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        bar.set_style(ProgressStyle::default_spinner());
        bar.set_message(text);
        let shown = bar.clone();
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(500));
            if !shown.is_finished() {
                shown.set_draw_target(ProgressDrawTarget::stderr());
                shown.enable_steady_tick(Duration::from_millis(100));
            }
        });
        Progress(Some(bar))
    }
}

/// Whether a line of data ends in a newline when it goes to a pipe.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Nothing is added.
    None,
    /// One newline is.
    Newline,
}

/// Progress that ends when it is dropped.
pub(crate) struct Progress(Option<ProgressBar>);

impl Progress {
    /// Says how far it is, where anybody sees it.
    pub(crate) fn say(&self, text: impl FnOnce() -> String) {
        if let Some(bar) = &self.0 {
            bar.set_message(text());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
