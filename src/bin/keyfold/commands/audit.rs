//! `audit`: what could be better about what the vault holds. Every secret that it looks at is opened by a question of its own, and
//! no more of them are in memory at once than are being looked at.

mod breach_list;
mod dashboard;
mod document;
pub(crate) mod lists;

use crate::cli::{ANY, Audit as Args, AuditAction, BreachListAction};
use crate::commands::export::write_new_file;
use crate::context::Context;
use crate::failure::{Failure, Kind};
use crate::session::{Session, unexpected};
use keyfold::audit::{
    Audit, Estimate, Examiner, FindingKind, Options, Report, Seen, Severity, Wanted, html,
};
use keyfold::model::ids::ItemId;
use keyfold::secret::Secret;
use keyfold::service::{Request, Response, ServiceError};
use rayon::prelude::*;
use std::process::ExitCode;

/// Secrets are looked at on all cores, one on each, but on no more than this. Each is wiped when that is done.
const MOST_CORES: usize = 16;
/// So many items, their secrets sealed, are asked for at once.
const ASKED: usize = 64;

pub(crate) fn run(context: &mut Context, args: &Args) -> Result<ExitCode, Failure> {
    if let Some(AuditAction::BreachList { action }) = &args.action {
        let BreachListAction::Build { list, output } = action;
        return breach_list::build(context, list, output).map(|()| ExitCode::SUCCESS);
    }
    // What cannot be read or written is told before anybody types a password.
    let breaches = lists::breaches(context, args.breach_list.as_deref())?;
    let two_factor = lists::two_factor(context, args.two_factor_list.as_deref())?;
    if let Some(path) = args.html.as_ref().filter(|path| path.exists()) {
        return Err(
            Failure::failed(format!("{} is there already", path.display()))
                .hint("the report goes to a new file"),
        );
    }
    let mut session = Session::open(context)?;
    let options = Options {
        now: context.now(),
        folder: args.client.clone(),
        estimate: if args.fast {
            Estimate::Fast
        } else {
            Estimate::Thorough
        },
        breaches: breaches.as_ref(),
        two_factor: &two_factor,
    };
    let report = examine(context, &mut session, options)?;
    if let (Some(folder), 0) = (&args.client, report.items) {
        let text = format!("there is no item in the folder {folder}");
        return Err(Failure::new(Kind::NotFound, text).hint("keyfold ls lists all items"));
    }
    if let Some(path) = &args.html {
        write_new_file(context, path, html::page(&report).as_bytes())?;
        let text = format!("The report is in {}.", path.display());
        context.output.note(&text);
    }
    if context.output.json {
        context.output.json(&document::of(&report))?;
    } else {
        dashboard::print(context, &report, args.all)?;
    }
    Ok(if fails(&report, &args.fail_on) {
        Kind::Findings.exit_code()
    } else {
        ExitCode::SUCCESS
    })
}

fn fails(report: &Report, fail_on: &[String]) -> bool {
    let is_named = |kind: FindingKind| {
        fail_on.iter().any(|name| {
            name == kind.name() || name == ANY && kind.severity() < Severity::Information
        })
    };
    let mut kinds = report.findings.iter().map(|finding| finding.kind);
    kinds.any(is_named)
}

/// Goes through all items that are not in the trash.
fn examine(
    context: &mut Context,
    session: &mut Session,
    options: Options<'_>,
) -> Result<Report, Failure> {
    let progress = context.output.progress("Auditing");
    let items = session.items(context, Request::Items)?;
    let living = items.iter().filter(|item| !item.trashed);
    let living: Vec<ItemId> = living.map(|item| item.id).collect();
    let estimate = options.estimate;
    let mut audit = Audit::new(options);
    let examiner = audit.examiner(&mut context.rng);
    let mut opened: Vec<(Wanted, Secret)> = Vec::with_capacity(MOST_CORES);
    let together = match estimate {
        Estimate::Thorough => rayon::current_num_threads().clamp(1, MOST_CORES),
        // Done sooner than another core hears of it.
        Estimate::Fast => 1,
    };
    let mut number = 0;
    while let Some(left) = living.get(number..).filter(|left| !left.is_empty()) {
        progress.say(|| format!("Auditing: {number} of {} items", living.len()));
        let asked = left.iter().take(ASKED).copied().collect();
        let Response::Whole(views) = session.ask(context, Request::Whole(asked))? else {
            return Err(unexpected());
        };
        number += views.len().max(1);
        // What went away meanwhile is none.
        for view in views.into_iter().flatten() {
            for wanted in audit.add_item(&view) {
                if let Some(secret) = open(context, session, &mut audit, &wanted)? {
                    opened.push((wanted, secret));
                }
                if opened.len() >= together {
                    look(&examiner, &mut audit, &mut opened)?;
                }
            }
        }
    }
    look(&examiner, &mut audit, &mut opened)?;
    let Response::Conflicts(conflicts) = session.ask(context, Request::Conflicts(None))? else {
        return Err(unexpected());
    };
    audit.add_conflicts(&conflicts);
    Ok(audit.finish())
}

/// Opens one secret; none where it went away meanwhile, or is damaged, which is counted.
fn open(
    context: &mut Context,
    session: &mut Session,
    audit: &mut Audit<'_>,
    wanted: &Wanted,
) -> Result<Option<Secret>, Failure> {
    match session.reveal(context, wanted.item, wanted.field, None) {
        Ok(secret) => Ok(Some(secret)),
        Err(failure) if failure.kind == Kind::NotFound => Ok(None),
        Err(failure) if failure.told().contains(&ServiceError::Sealed.to_string()) => {
            audit.add_unreadable();
            Ok(None)
        }
        Err(failure) => Err(failure),
    }
}

/// Looks at what is open, and wipes it.
fn look(
    examiner: &Examiner<'_>,
    audit: &mut Audit<'_>,
    opened: &mut Vec<(Wanted, Secret)>,
) -> Result<(), Failure> {
    let examine = |(wanted, secret): &(Wanted, Secret)| examiner.examine(wanted, secret);
    let seen: Result<Vec<Seen>, _> = match opened.as_slice() {
        [one] => examine(one).map(|seen| vec![seen]),
        several => several.par_iter().map(examine).collect(),
    };
    opened.clear();
    for seen in seen.map_err(|error| lists::failure("list of breached passwords", &error))? {
        audit.add_seen(seen);
    }
    Ok(())
}
