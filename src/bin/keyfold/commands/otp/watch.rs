//! `otp --watch`: codes that go on, with their seconds as a bar. On a terminal until somebody ends it; in a pipe once.
//!
//! Seeds stay where they are: what is asked for is each code that shows, once in its period.

use crate::context::Context;
use crate::escape::escape;
use crate::failure::{Failure, Kind};
use crate::interrupt;
use crate::keyboard::{Keyboard, Press};
use crate::output::Output;
use crate::session::{Session, unexpected};
use crate::table::{display_width, truncate};
use anstyle::{AnsiColor, Style};
use keyfold::model::query::Scope;
use keyfold::service::{CodeKind, OneTimeCode, Request, Response, SeedRow};
use serde::Serialize;
use std::thread::sleep;
use std::time::Duration;

const BAR_WIDTH: u64 = 15;
/// A code with fewer seconds than these is shown with its successor: nobody types it in time.
const SHORT_SECS: u64 = 6;
/// The screen that programs draw on, and back (xterm, modes 1049 and 25).
const ENTER: &[u8] = b"\x1b[?1049h\x1b[?25l";
const LEAVE: &[u8] = b"\x1b[?25h\x1b[?1049l";

/// A seed by time, and its code while that is good.
struct Watched {
    row: SeedRow,
    path: String,
    current: Option<Current>,
}

struct Current {
    code: OneTimeCode,
    /// The second since 1970 that it ends with.
    until: u64,
}

impl Current {
    /// Seconds that are left of the period; none where it is over, or the clock was set back.
    fn left(&self, now: u64) -> Option<u64> {
        let left = self.until.checked_sub(now).filter(|left| *left > 0)?;
        (left <= self.period()).then_some(left)
    }

    fn period(&self) -> u64 {
        self.code.period_secs.map_or(0, u64::from)
    }
}

pub(super) fn run(context: &mut Context, names: &[String]) -> Result<(), Failure> {
    let mut session = Session::open(context)?;
    let (mut watched, left_out) = find(context, &mut session, names)?;
    if watched.is_empty() {
        let failure = Failure::new(Kind::NotFound, "there is no seed for codes by time");
        return Err(match left_out {
            Some(why) => failure.hint(why),
            None => failure.hint("keyfold otp add NAME gives an item one"),
        });
    }
    if context.output.json || !context.output.to_terminal() {
        if let Some(why) = left_out {
            context.output.note(&why);
        }
        return once(context, &mut session, &mut watched);
    }
    let keyboard = Keyboard::take()?;
    let output = context.output.clone();
    let screen = Screen::enter(&output)?;
    let outcome = go_on(context, &mut session, &mut watched, keyboard, left_out);
    drop(screen);
    session.tell(context);
    outcome
}

/// The seeds by time, by path; and what has to be said of others.
fn find(
    context: &mut Context,
    session: &mut Session,
    names: &[String],
) -> Result<(Vec<Watched>, Option<String>), Failure> {
    let items = if names.is_empty() {
        None
    } else {
        let items = session.pick_several(context, names, None, Scope::Live)?;
        Some(items.iter().map(|item| item.id).collect::<Vec<_>>())
    };
    let asked = items.as_ref().map_or(0, Vec::len);
    let Response::Seeds(rows) = session.ask(context, Request::Seeds(items))? else {
        return Err(unexpected());
    };
    let without = asked.saturating_sub(rows.len());
    let is_by_time = |row: &SeedRow| matches!(row.kind, Some(CodeKind::Totp | CodeKind::Steam));
    let (by_time, others): (Vec<_>, Vec<_>) = rows.into_iter().partition(is_by_time);
    let watched = by_time.into_iter().map(|row| Watched {
        path: row.item.path(),
        row,
        current: None,
    });
    let mut watched: Vec<Watched> = watched.collect();
    watched.sort_by(|one, other| one.path.cmp(&other.path));
    Ok((watched, describe_left_out(&others, without)))
}

fn describe_left_out(others: &[SeedRow], without: usize) -> Option<String> {
    let of = |kind: Option<CodeKind>| {
        let rows = others.iter().filter(|row| row.kind == kind);
        let paths: Vec<String> = rows.map(|row| row.item.path()).collect();
        paths.join(", ")
    };
    let (counters, broken) = (of(Some(CodeKind::Hotp)), of(None));
    let mut parts = Vec::new();
    if !counters.is_empty() {
        parts.push(format!(
            "{counters} (by counter: keyfold otp NAME uses one up)"
        ));
    }
    if !broken.is_empty() {
        parts.push(format!("{broken} (the seed makes no sense)"));
    }
    if without > 0 {
        parts.push(format!("{without} without a seed"));
    }
    (!parts.is_empty()).then(|| format!("Left out: {}", parts.join("; ")))
}

/// Each code once.
fn once(
    context: &mut Context,
    session: &mut Session,
    watched: &mut Vec<Watched>,
) -> Result<(), Failure> {
    let now = context.now().seconds();
    let all = watched.len();
    refresh(context, session, watched, 0..all, now)?;
    let current = watched
        .iter()
        .filter_map(|watched| Some((watched, watched.current.as_ref()?)));
    if context.output.json {
        #[derive(Serialize)]
        struct Shown<'a> {
            schema: u32,
            codes: Vec<ShownCode<'a>>,
        }
        #[derive(Serialize)]
        struct ShownCode<'a> {
            id: String,
            path: &'a str,
            code: &'a str,
            kind: &'static str,
            period: Option<u32>,
            remaining_secs: Option<u32>,
        }
        let codes = current.map(|(watched, current)| ShownCode {
            id: watched.row.item.id.to_string(),
            path: &watched.path,
            // EXPOSE: the user asked for the codes.
            code: current.code.code.expose(),
            kind: current.code.kind.name(),
            period: current.code.period_secs,
            remaining_secs: current.code.remaining_secs,
        });
        return context.output.json(&Shown {
            schema: 1,
            codes: codes.collect(),
        });
    }
    let mut lines = String::new();
    for (watched, current) in current {
        // EXPOSE: the user asked for the codes.
        let code = current.code.code.expose();
        let left = current.code.remaining_secs.unwrap_or_default();
        lines.push_str(&format!("{code}\t{left}\t{}\n", watched.path));
    }
    context.output.raw(lines.as_bytes())
}

/// Draws every second, until somebody ends it.
fn go_on(
    context: &mut Context,
    session: &mut Session,
    watched: &mut Vec<Watched>,
    keyboard: Option<Keyboard>,
    left_out: Option<String>,
) -> Result<(), Failure> {
    let mut top = 0;
    loop {
        let now = context.now();
        let (width, height) = context.output.size();
        // One line says how to end it, one what is left out.
        let room = height.saturating_sub(1 + usize::from(left_out.is_some()));
        let room = room.clamp(1, watched.len().max(1));
        top = top.min(watched.len() - room.min(watched.len()));
        refresh(context, session, watched, top..top + room, now.seconds())?;
        if watched.is_empty() {
            return Err(Failure::new(
                Kind::NotFound,
                "none of the items is there any more",
            ));
        }
        let shown = watched.iter().skip(top).take(room);
        let mut lines: Vec<String> = shown
            .map(|watched| line(&context.output, watched, now.seconds(), width))
            .collect();
        let hidden = watched.len().saturating_sub(room);
        lines.extend(left_out.as_deref().map(|why| truncate(&escape(why), width)));
        lines.push(foot(keyboard.is_some(), hidden, width));
        draw(&context.output, &lines)?;
        let pause = Duration::from_millis(1000 - now.0 % 1000);
        match &keyboard {
            None => sleep(pause),
            Some(keyboard) => match keyboard.wait(pause)? {
                Some(Press::End) => return Ok(()),
                Some(Press::Up) => top = top.saturating_sub(1),
                Some(Press::Down) => top += 1,
                _ => {}
            },
        }
    }
}

/// Asks for the codes of these rows that are over. What is gone meanwhile is watched no more.
fn refresh(
    context: &mut Context,
    session: &mut Session,
    watched: &mut Vec<Watched>,
    rows: std::ops::Range<usize>,
    now: u64,
) -> Result<(), Failure> {
    let mut at = rows.start;
    while at < rows.end
        && let Some(one) = watched.get_mut(at)
    {
        at += 1;
        if one
            .current
            .as_ref()
            .is_some_and(|current| current.left(now).is_some())
        {
            continue;
        }
        let (item, field) = (one.row.item.id, one.row.field);
        // What is noticed meanwhile is told when the screen is the terminal's own again.
        match session.ask_silently(context, Request::CodeByTime { item, field }) {
            Ok(Response::Code(code)) => {
                let left = code.remaining_secs.map_or(0, u64::from);
                one.current = Some(Current {
                    code,
                    until: now + left,
                });
            }
            Ok(_) => return Err(unexpected()),
            Err(failure) if failure.kind == Kind::NotFound => {
                at -= 1;
                watched.remove(at);
            }
            Err(failure) => return Err(failure),
        }
    }
    Ok(())
}

fn line(output: &Output, watched: &Watched, now: u64, width: usize) -> String {
    let Some(current) = &watched.current else {
        return truncate(&escape(&watched.path), width);
    };
    let left = current.left(now).unwrap_or_default();
    let is_short = left < SHORT_SECS;
    let full = (left * BAR_WIDTH).div_ceil(current.period().max(1));
    let bar: String = (0..BAR_WIDTH)
        .map(|at| if at < full { '█' } else { '░' })
        .collect();
    // EXPOSE: the user asked for the codes.
    let code = format!("{:>10}", current.code.code.expose());
    let next = match &current.code.next {
        // EXPOSE: as above.
        Some(next) if is_short => format!("  then {}", next.expose()),
        _ => String::new(),
    };
    let time = format!("  {bar} {left:>2} s  ");
    let taken: usize = [&code, &time, &next]
        .map(|part| display_width(part))
        .iter()
        .sum();
    let room = width.saturating_sub(taken);
    let color = if is_short {
        AnsiColor::Yellow
    } else {
        AnsiColor::Green
    };
    format!(
        "{}{}{}{}",
        output.paint(Style::new().bold(), &code),
        output.paint(color.on_default(), &time),
        truncate(&escape(&watched.path), room),
        output.paint(Style::new().bold(), &next),
    )
}

fn foot(has_keys: bool, hidden: usize, width: usize) -> String {
    let end = if has_keys { "q ends" } else { "Ctrl-C ends" };
    let text = match hidden {
        0 => end.to_owned(),
        _ if has_keys => format!("{end}, ↑ and ↓ show {hidden} more"),
        _ => format!("{end}; {hidden} more have no room"),
    };
    truncate(&text, width)
}

/// The terminal's other screen, while this lives: what was there before comes back, and no code stays.
struct Screen<'a>(&'a Output);

impl Screen<'_> {
    fn enter(output: &Output) -> Result<Screen<'_>, Failure> {
        interrupt::guard_screen(LEAVE);
        output.raw(ENTER)?;
        Ok(Screen(output))
    }
}

impl Drop for Screen<'_> {
    fn drop(&mut self) {
        // A terminal that is gone has no screen to bring back.
        let _ = self.0.raw(LEAVE);
        interrupt::guard_screen(b"");
    }
}

/// Over what was drawn before, each line cleared to its end, and all below.
fn draw(output: &Output, lines: &[String]) -> Result<(), Failure> {
    let text = lines.join("\x1b[K\r\n");
    output.raw(format!("\x1b[H{text}\x1b[K\x1b[J").as_bytes())
}
