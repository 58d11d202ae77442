//! A report on a terminal: the score, bars for what was found, then the findings, the worst first.

use crate::context::Context;
use crate::escape::escape;
use crate::failure::Failure;
use crate::table;
use anstyle::{AnsiColor, Style};
use keyfold::audit::{AGE_STEPS, Finding, Report, Severity};
use keyfold::generate::Rating;

/// Columns of the longest bar.
const LONGEST_BAR: usize = 40;
/// Columns of a bar's label.
const LABEL: usize = 18;
/// So many findings of a kind are listed on a terminal, unless all are asked for.
const SHOWN: usize = 10;
/// Parts of a column, one eighth to seven.
const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

pub(super) fn print(context: &Context, report: &Report, all: bool) -> Result<(), Failure> {
    let output = &context.output;
    let of = match &report.folder {
        Some(folder) => format!(" of {}", escape(folder)),
        None => String::new(),
    };
    let (items, passwords) = (report.items, report.passwords);
    let heading = format!("Audit{of}: {items} items, {passwords} passwords");
    output.styled(Style::new().bold(), &heading)?;
    let score = usize::from(report.score);
    let style = grade(report.score).bold();
    row(context, "score of 100", score, 100, style)?;
    line(context, "")?;
    let counts = report.counts();
    let most = counts.iter().map(|(_, count)| *count).max().unwrap_or(0);
    for (kind, count) in counts.iter().filter(|(_, count)| *count > 0) {
        row(
            context,
            kind.name(),
            *count,
            most,
            style_of(kind.severity()),
        )?;
    }
    if report.findings.is_empty() {
        line(context, "Nothing was found.")?;
    }
    print_bars(context, report)?;
    print_findings(context, report, all)?;
    print_remarks(context, report);
    Ok(())
}

fn print_bars(context: &Context, report: &Report) -> Result<(), Failure> {
    if report.passwords == 0 {
        return Ok(());
    }
    let most = report.passwords;
    line(context, "\npasswords by strength")?;
    for (rating, count) in &report.ratings {
        let style = match rating {
            Rating::VeryWeak | Rating::Weak => AnsiColor::Red,
            Rating::Fair => AnsiColor::Yellow,
            Rating::Good | Rating::Strong => AnsiColor::Green,
        };
        row(context, rating.words(), *count, most, style.on_default())?;
    }
    line(context, "\npasswords by age")?;
    for ((_, label), count) in AGE_STEPS.iter().zip(report.ages) {
        row(context, label, count, most, AnsiColor::Blue.on_default())?;
    }
    Ok(())
}

/// A line of a plot: what is counted, how much of it, and its bar.
fn row(
    context: &Context,
    label: &str,
    count: usize,
    most: usize,
    style: Style,
) -> Result<(), Failure> {
    let bar = bar(count, most);
    let bar = match bar.is_empty() {
        true => bar,
        false => context.output.paint(style, &bar),
    };
    line(context, &format!("{label:<LABEL$}{count:>6}  {bar}"))
}

fn print_findings(context: &Context, report: &Report, all: bool) -> Result<(), Failure> {
    let to_terminal = context.output.to_terminal();
    let shown = if all || !to_terminal {
        usize::MAX
    } else {
        SHOWN
    };
    let width = if to_terminal {
        context.output.width()
    } else {
        usize::MAX
    };
    for group in report
        .findings
        .chunk_by(|one, other| one.kind == other.kind)
    {
        let Some(kind) = group.first().map(|finding| finding.kind) else {
            continue;
        };
        line(context, "")?;
        let title = context
            .output
            .paint(style_of(kind.severity()).bold(), kind.name());
        line(context, &format!("{title}: {}", kind.meaning()))?;
        let rows: Vec<Vec<String>> = group.iter().take(shown).map(cells).collect();
        for row in table::render(&["item", "field", "what"], &rows, width)
            .iter()
            .skip(1)
        {
            line(context, row)?;
        }
        if group.len() > shown {
            let more = group.len() - shown;
            line(context, &format!("… and {more} more; --all lists them"))?;
        }
    }
    Ok(())
}

fn cells(finding: &Finding) -> Vec<String> {
    let field = finding.field.clone().unwrap_or_default();
    vec![finding.path.clone(), field, finding.what.clone()]
}

/// What the report rests on.
fn print_remarks(context: &Context, report: &Report) {
    match &report.breaches {
        Some(list) => {
            let rate = if list.false_positive_rate > 0.0 {
                let one_of = 1.0 / list.false_positive_rate;
                format!("; it takes one of {one_of:.0} other passwords for breached")
            } else {
                String::new()
            };
            let (entries, hash) = (list.entries, list.hash);
            let made = list.made.map(|made| {
                let day = made.to_rfc3339();
                format!(", made {}", day.split('T').next().unwrap_or_default())
            });
            let made = made.unwrap_or_default();
            context
                .output
                .note(&format!("Breaches: {entries} {hash} hashes{made}{rate}."));
        }
        None => context
            .output
            .note("No list of breached passwords was asked: --breach-list PATH, or keyfold config set breach_list PATH."),
    }
    let sites = report.two_factor_sites;
    let date = report.two_factor_date.as_deref();
    let date = date.map_or(String::new(), |date| format!(", made {}", escape(date)));
    context.output.note(&format!(
        "One-time codes: {sites} sites{date}; the list is not complete."
    ));
    if report.excused > 0 {
        let text = format!("{} findings are excused by tags.", report.excused);
        context.output.note(&text);
    }
    if report.unreadable > 0 {
        let count = report.unreadable;
        let text = format!("{count} secrets are damaged, do not open and were not looked at.");
        context.output.warn(&text);
    }
}

fn line(context: &Context, text: &str) -> Result<(), Failure> {
    // Put together here, and escaped where it came from outside.
    let text = text.trim_end();
    context.output.raw(format!("{text}\n").as_bytes())
}

/// A bar for a part of the most.
fn bar(part: usize, most: usize) -> String {
    let eighths = part.saturating_mul(LONGEST_BAR * 8) / most.max(1);
    let rest = EIGHTHS.get(eighths % 8).copied().unwrap_or_default();
    let bar = format!("{}{rest}", "█".repeat(eighths / 8));
    // What is there shows, however little it is.
    if bar.is_empty() && part > 0 {
        "▏".to_owned()
    } else {
        bar
    }
}

fn grade(score: u8) -> Style {
    match score {
        0..60 => AnsiColor::Red,
        60..85 => AnsiColor::Yellow,
        _ => AnsiColor::Green,
    }
    .on_default()
}

fn style_of(severity: Severity) -> Style {
    match severity {
        Severity::Problem => AnsiColor::Red,
        Severity::Advice => AnsiColor::Yellow,
        Severity::Information => AnsiColor::Blue,
    }
    .on_default()
}

#[cfg(test)]
mod tests {
    use super::{LONGEST_BAR, bar};

    #[test]
    fn bars_are_as_long_as_their_part_and_never_nothing_for_something() {
        assert_eq!(bar(0, 10), "");
        assert_eq!(bar(10, 10).chars().count(), LONGEST_BAR);
        assert_eq!(bar(5, 10).chars().count(), LONGEST_BAR / 2);
        assert_eq!(bar(1, 100_000), "▏");
        assert_eq!(bar(0, 0), "");
    }
}
