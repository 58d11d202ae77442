//! A report as one page: a file that stands alone, with its plots drawn into it. No script, nothing from elsewhere, and a policy that
//! forbids both; no secret, and no user name. Every text of the vault is escaped here, so that a title cannot become a page.

use super::{AGE_STEPS, Finding, FindingKind, Report, Severity};
use crate::generate::Rating;
use data_encoding::BASE64;
use sha2::{Digest, Sha256};
use std::fmt::Write;

/// The page's only style. Its digest stands in the policy, so no other one is applied.
const STYLE: &str = include_str!("html.css");
/// Width of a plot's bars, in the picture's own units.
const BAR: f64 = 420.0;
/// Where the bars begin, behind their labels.
const LABELS: f64 = 170.0;
/// Height of a bar with the space below it.
const ROW: f64 = 26.0;
/// Radius of the ring of the score.
const RADIUS: f64 = 52.0;

/// The page.
#[must_use]
pub fn page(report: &Report) -> String {
    let mut page = String::new();
    head(&mut page, report);
    summary(&mut page, report);
    plots(&mut page, report);
    tables(&mut page, report);
    foot(&mut page, report);
    page
}

/// Adds a line. Writing into a text does not fail.
macro_rules! add {
    ($page:expr, $($text:tt)*) => {{ let _ = writeln!($page, $($text)*); }};
}

fn head(page: &mut String, report: &Report) {
    let digest = BASE64.encode(&Sha256::digest(STYLE));
    let day = day(report);
    add!(page, "<!DOCTYPE html>");
    add!(page, "<html lang=\"en\"><head><meta charset=\"utf-8\">");
    add!(
        page,
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'\">"
    );
    add!(
        page,
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
    );
    add!(
        page,
        "<meta name=\"referrer\" content=\"no-referrer\"><meta name=\"color-scheme\" content=\"light dark\">"
    );
    add!(page, "<title>Audit of passwords, {day}</title>");
    add!(page, "<style>{STYLE}</style></head><body><main>");
}

fn day(report: &Report) -> String {
    let text = report.at.to_rfc3339();
    text.split('T').next().unwrap_or_default().to_owned()
}

fn summary(page: &mut String, report: &Report) {
    let of = match &report.folder {
        Some(folder) => format!(" of <bdi>{}</bdi>", text(folder)),
        None => String::new(),
    };
    let round = std::f64::consts::TAU * RADIUS;
    let filled = round * f64::from(report.score) / 100.0;
    add!(
        page,
        "<header><svg class=\"ring {}\" viewBox=\"0 0 130 130\" role=\"img\" aria-label=\"Score {} of 100\">",
        grade(report.score),
        report.score
    );
    add!(
        page,
        "<circle class=\"track\" cx=\"65\" cy=\"65\" r=\"{RADIUS}\"/>"
    );
    add!(
        page,
        "<circle class=\"arc\" cx=\"65\" cy=\"65\" r=\"{RADIUS}\" stroke-dasharray=\"{filled:.1} {round:.1}\" transform=\"rotate(-90 65 65)\"/>"
    );
    add!(
        page,
        "<text class=\"score\" x=\"65\" y=\"74\">{}</text></svg>",
        report.score
    );
    add!(
        page,
        "<div><h1>Audit{of}</h1><p>{}, {} items, {} passwords. Nothing to do at {} of the items.</p>",
        day(report),
        report.items,
        report.passwords,
        report.items_without_trouble()
    );
    let problems = of_severity(report, Severity::Problem);
    let advice = of_severity(report, Severity::Advice);
    let information = of_severity(report, Severity::Information);
    add!(
        page,
        "<p><span class=\"tag problem\">{problems} problems</span> <span class=\"tag advice\">{advice} pieces of advice</span> <span class=\"tag information\">{information} notes</span></p></div></header>"
    );
}

/// What colour a score has.
fn grade(score: u8) -> &'static str {
    match score {
        0..60 => "problem",
        60..85 => "advice",
        _ => "good",
    }
}

fn of_severity(report: &Report, severity: Severity) -> usize {
    let findings = report.findings.iter();
    findings
        .filter(|finding| finding.kind.severity() == severity)
        .count()
}

fn plots(page: &mut String, report: &Report) {
    let counts = report.counts().into_iter();
    let kinds: Vec<Bar<'_>> = counts
        .map(|(kind, count)| Bar {
            label: kind.name(),
            count,
            class: kind.severity().name(),
        })
        .collect();
    let ratings: Vec<Bar<'_>> = report
        .ratings
        .iter()
        .map(|(rating, count)| Bar {
            label: rating.words(),
            count: *count,
            class: match rating {
                Rating::VeryWeak | Rating::Weak => "problem",
                Rating::Fair => "advice",
                Rating::Good | Rating::Strong => "good",
            },
        })
        .collect();
    let ages: Vec<Bar<'_>> = AGE_STEPS
        .iter()
        .zip(report.ages)
        .map(|((_, label), count)| Bar {
            label,
            count,
            class: "information",
        })
        .collect();
    add!(page, "<section class=\"plots\">");
    plot(page, "Items by what was found", &kinds);
    plot(page, "Passwords by strength", &ratings);
    plot(page, "Passwords by age", &ages);
    add!(page, "</section>");
}

/// A bar of a plot.
struct Bar<'a> {
    label: &'a str,
    count: usize,
    class: &'a str,
}

fn plot(page: &mut String, title: &str, bars: &[Bar<'_>]) {
    let most = bars.iter().map(|bar| bar.count).max().unwrap_or(0).max(1);
    let height = number(bars.len()) * ROW + 4.0;
    let width = LABELS + BAR + 70.0;
    add!(
        page,
        "<figure><figcaption>{title}</figcaption><svg viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{title}\">"
    );
    for (at, bar) in bars.iter().enumerate() {
        let top = number(at) * ROW + 4.0;
        let middle = top + 14.0;
        let length = BAR * number(bar.count) / number(most);
        let end = LABELS + length + 8.0;
        add!(
            page,
            "<text class=\"label\" x=\"{}\" y=\"{middle}\">{}</text>",
            LABELS - 10.0,
            text(bar.label)
        );
        add!(
            page,
            "<rect class=\"{}\" x=\"{LABELS}\" y=\"{top}\" width=\"{length:.1}\" height=\"18\" rx=\"3\"/>",
            bar.class
        );
        add!(
            page,
            "<text x=\"{end:.1}\" y=\"{middle}\">{}</text>",
            bar.count
        );
    }
    add!(page, "</svg></figure>");
}

fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

fn tables(page: &mut String, report: &Report) {
    if report.findings.is_empty() {
        add!(page, "<p>Nothing was found.</p>");
    }
    for group in report
        .findings
        .chunk_by(|one, other| one.kind == other.kind)
    {
        let Some(kind) = group.first().map(|finding| finding.kind) else {
            continue;
        };
        table(page, kind, group);
    }
}

fn table(page: &mut String, kind: FindingKind, findings: &[Finding]) {
    let severity = kind.severity().name();
    let opened = if kind.severity() == Severity::Information {
        ""
    } else {
        " open"
    };
    add!(
        page,
        "<details{opened}><summary><span class=\"tag {severity}\">{}</span> {} <span class=\"count\">{}</span></summary>",
        kind.name(),
        text(kind.meaning()),
        findings.len()
    );
    add!(
        page,
        "<table><thead><tr><th>Item</th><th>Field</th><th>What</th></tr></thead><tbody>"
    );
    for finding in findings {
        let field = finding.field.as_deref().unwrap_or_default();
        add!(
            page,
            "<tr><td><bdi>{}</bdi></td><td><bdi>{}</bdi></td><td><bdi>{}</bdi></td></tr>",
            text(&finding.path),
            text(field),
            text(&finding.what)
        );
    }
    add!(page, "</tbody></table></details>");
}

fn foot(page: &mut String, report: &Report) {
    add!(page, "<footer>");
    match &report.breaches {
        Some(list) => {
            let rate = if list.false_positive_rate > 0.0 {
                format!(
                    ", which takes one of {:.0} other passwords for breached",
                    1.0 / list.false_positive_rate
                )
            } else {
                String::new()
            };
            add!(
                page,
                "<p>Breached passwords by a list of about {} {} hashes{rate}. Nothing was sent anywhere.</p>",
                list.entries,
                list.hash
            );
        }
        None => add!(page, "<p>No list of breached passwords was asked.</p>"),
    }
    let date = match &report.two_factor_date {
        Some(date) => format!(", made {}", text(date)),
        None => String::new(),
    };
    add!(
        page,
        "<p>One-time codes by a list of {} sites{date}; it is not complete. Strength by {}. Excused by tags: {}.</p>",
        report.two_factor_sites,
        report.estimate.name(),
        report.excused
    );
    let weights = FindingKind::TABLE
        .iter()
        .map(|row| format!("{} {}", row.1, row.3));
    let weights: Vec<String> = weights.collect();
    add!(
        page,
        "<p>Score: what is left of each item's 100 points in the mean, less {}. It compares this vault with itself, not with others.</p>",
        weights.join(", ")
    );
    add!(
        page,
        "<p>This page names what you have accounts for. It holds no secret; keep it to yourself all the same.</p></footer></main></body></html>"
    );
}

/// A text that is a text in a page, whatever stands in it. What would reorder it or is no letter shows as a mark.
fn text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            letter if is_doubtful(letter) => out.push('\u{fffd}'),
            letter => out.push(letter),
        }
    }
    out
}

fn is_doubtful(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn a_text_cannot_become_markup_or_turn_round() {
        assert_eq!(text("<script>&\"'"), "&lt;script&gt;&amp;&quot;&#39;");
        assert_eq!(text("a\u{202e}b\u{0}c\n"), "a\u{fffd}b\u{fffd}c\u{fffd}");
        assert_eq!(text("Bücher 東京"), "Bücher 東京");
    }
}
