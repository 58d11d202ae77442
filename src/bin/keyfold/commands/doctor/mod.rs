//! `doctor`: what around the vault could be better, and what to do about it.
//!
//! It never asks for a password: everything here is seen from outside. Where the options of the run give one, or the agent
//! holds the vault, the vault itself is asked as well. Every check is a file of its own that looks and changes nothing.

mod agent;
mod backups;
mod clipboards;
mod clock;
mod drive;
mod permissions;
mod protection;
mod swap;
mod ways_in;

use crate::cli::{Doctor, FindingKind};
use crate::context::Context;
use crate::escape::escape;
use crate::failure::{Failure, Kind};
use crate::session::{Session, unexpected};
use keyfold::model::moment::Moment;
use keyfold::service::{ClockCheck, Request, Response};
use keyfold::vault::{Places, Status};
use serde::Serialize;
use std::path::PathBuf;
use std::process::ExitCode;

/// How much a finding matters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum Severity {
    /// Secrets or the vault are at risk.
    Problem,
    /// It could be better.
    Advice,
    /// Good to know; never a reason to fail.
    Information,
}

/// Something that could be better.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
struct Finding {
    kind: FindingKind,
    severity: Severity,
    what: String,
    todo: String,
}

impl Finding {
    fn new(
        kind: FindingKind,
        severity: Severity,
        what: impl Into<String>,
        todo: impl Into<String>,
    ) -> Self {
        Self {
            kind,
            severity,
            what: what.into(),
            todo: todo.into(),
        }
    }
}

/// What the checks look at.
struct Scene {
    places: Places,
    config: PathBuf,
    /// Where the system's own files begin; another folder in tests.
    root: PathBuf,
    user: u32,
    now: Moment,
    /// What an open vault says, where it is unlocked or the run's options open it.
    opened: Option<Opened>,
    backups: backups::Backups,
}

/// What only an open vault knows.
struct Opened {
    status: Status,
    clock: ClockCheck,
}

/// Every check, in the order in which findings are told.
const CHECKS: [fn(&Context, &Scene) -> Vec<Finding>; 8] = [
    |_, scene| permissions::check(scene),
    drive::check,
    |_, scene| ways_in::check(scene),
    |context, scene| backups::check(&*context.storage, scene),
    |_, scene| clock::check(scene),
    |_, scene| swap::check(&scene.root),
    |_, scene| clipboards::check(&scene.root, scene.user),
    |_, _| protection::check(),
];

pub(crate) fn run(context: &mut Context, args: &Doctor) -> Result<ExitCode, Failure> {
    let scene = look(context)?;
    let checks = CHECKS.iter();
    let mut findings: Vec<Finding> = checks.flat_map(|check| check(context, &scene)).collect();
    findings.extend(agent::check(context));
    findings.sort_by_key(|finding| finding.severity);
    if context.output.json {
        #[derive(Serialize)]
        struct Report<'a> {
            schema: u32,
            opened: bool,
            findings: &'a [Finding],
        }
        context.output.json(&Report {
            schema: 1,
            opened: scene.opened.is_some(),
            findings: &findings,
        })?;
    } else {
        print(context, &scene, &findings)?;
    }
    let fails = findings.iter().any(|finding| {
        let named = |kind: &FindingKind| *kind == FindingKind::Any || *kind == finding.kind;
        finding.severity < Severity::Information && args.fail_on.iter().any(named)
    });
    Ok(if fails {
        Kind::Findings.exit_code()
    } else {
        ExitCode::SUCCESS
    })
}

fn look(context: &mut Context) -> Result<Scene, Failure> {
    let session = if context.globals.gives_secret() {
        Some(Session::open_silently(context)?)
    } else {
        Session::peek(context)
    };
    let opened = match session {
        Some(session) => Some(ask(context, session)?),
        None => None,
    };
    Ok(Scene {
        places: context.places()?,
        config: PathBuf::from(context.config_path()?.value),
        root: PathBuf::from("/"),
        user: rustix::process::geteuid().as_raw(),
        now: context.now(),
        backups: backups::look(context)?,
        opened,
    })
}

fn ask(context: &mut Context, mut session: Session) -> Result<Opened, Failure> {
    let Response::Clock(clock) = session.ask(context, Request::Clock)? else {
        return Err(unexpected());
    };
    let Response::Status(status) = session.ask(context, Request::Status)? else {
        return Err(unexpected());
    };
    Ok(Opened {
        status: *status,
        clock,
    })
}

fn print(context: &Context, scene: &Scene, findings: &[Finding]) -> Result<(), Failure> {
    for finding in findings {
        let severity = match finding.severity {
            Severity::Problem => "problem",
            Severity::Advice => "advice",
            Severity::Information => "note",
        };
        let (what, todo) = (escape(&finding.what), escape(&finding.todo));
        let text = format!("{severity:<9}{what}\n{:<9}{todo}\n", "");
        context.output.raw(text.as_bytes())?;
    }
    let wrong = findings.iter();
    if !wrong
        .clone()
        .any(|found| found.severity < Severity::Information)
    {
        context.output.line("Nothing is wrong.")?;
    }
    if scene.opened.is_none() {
        context
            .output
            .note("The vault is locked. keyfold unlock, or --password-file PATH, and more can be told: what waits for the drive, and the clock.");
    }
    Ok(())
}
