//! Sites that offer one-time codes, and items for them without a seed. The project's own list is made by hand and dated
//! ([`TwoFactorList::own`]); users may bring a fuller one.

use super::{Audit, Finding, FindingKind};
use crate::model::field::ItemKind;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt;

/// The project's own list.
const OWN: &str = include_str!("two_factor.txt");
/// A line of it that says when it was made.
const DATE: &str = "# date: ";
/// The largest list that is read, in bytes.
pub(super) const LONGEST_LIST: usize = 16 << 20;
/// How codes by time are called in the lists that others make.
const TOTP: &str = "totp";

/// Why a list of sites is none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TwoFactorError {
    /// It is larger than 16 MiB.
    TooLarge,
    /// It begins like JSON and is none.
    Json,
    /// No site is in it.
    Empty,
    /// A line is no domain.
    Line(usize),
}

impl fmt::Display for TwoFactorError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => out.write_str("it is larger than 16 MiB"),
            Self::Json => out.write_str("it is not JSON of the two shapes that are read"),
            Self::Empty => out.write_str("no site with one-time codes is in it"),
            Self::Line(number) => write!(out, "line {number} is no domain"),
        }
    }
}

impl std::error::Error for TwoFactorError {}

/// Sites that offer one-time codes by time.
pub struct TwoFactorList {
    domains: BTreeSet<String>,
    date: Option<String>,
}

impl TwoFactorList {
    /// The project's own list.
    #[must_use]
    pub fn own() -> Self {
        Self::parse(OWN.as_bytes()).unwrap_or(Self {
            domains: BTreeSet::new(),
            date: None,
        })
    }

    /// Reads a list: a domain a line with remarks behind `#`, or JSON as the 2fa.directory gives it: an array of
    /// `[name, {"domain": …, "tfa": […]}]`, or an object of `domain: {"methods": […]}`.
    ///
    /// # Errors
    /// As [`TwoFactorError`] says.
    pub fn parse(bytes: &[u8]) -> Result<Self, TwoFactorError> {
        if bytes.len() > LONGEST_LIST {
            return Err(TwoFactorError::TooLarge);
        }
        let text = String::from_utf8_lossy(bytes);
        let text = text.trim_start_matches('\u{feff}').trim_start();
        let list = if text.starts_with(['[', '{']) {
            Self {
                domains: parse_json(text).ok_or(TwoFactorError::Json)?,
                date: None,
            }
        } else {
            parse_lines(text)?
        };
        if list.domains.is_empty() {
            return Err(TwoFactorError::Empty);
        }
        Ok(list)
    }

    /// When it was made, where it says so.
    #[must_use]
    pub fn date(&self) -> Option<&str> {
        self.date.as_deref()
    }

    /// How many sites it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.domains.len()
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.domains.is_empty()
    }

    /// The entry that a host belongs to: the host itself or a domain above it, down to the registrable one.
    #[must_use]
    pub fn find(&self, host: &str, site: Option<&str>) -> Option<&str> {
        let site = site.unwrap_or(host);
        let mut name = host;
        loop {
            if let Some(found) = self.domains.get(name) {
                return Some(found);
            }
            if name.len() <= site.len() {
                return None;
            }
            name = name.split_once('.')?.1;
        }
    }
}

fn parse_lines(text: &str) -> Result<TwoFactorList, TwoFactorError> {
    let date = text.lines().find_map(|line| line.strip_prefix(DATE));
    let mut domains = BTreeSet::new();
    for (at, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        domains.insert(domain(line).ok_or(TwoFactorError::Line(at + 1))?);
    }
    let date = date.map(|date| date.trim().to_owned());
    Ok(TwoFactorList { domains, date })
}

fn parse_json(text: &str) -> Option<BTreeSet<String>> {
    let offers = |methods: Option<&Value>| {
        let methods = methods.and_then(Value::as_array);
        methods.is_some_and(|methods| methods.iter().any(|method| method == TOTP))
    };
    let mut domains = BTreeSet::new();
    match serde_json::from_str(text).ok()? {
        Value::Array(rows) => {
            for row in &rows {
                let about = row.get(1)?;
                if offers(about.get("tfa")) {
                    domains.extend(about.get("domain").and_then(Value::as_str).and_then(domain));
                    let more = about.get("additional-domains").and_then(Value::as_array);
                    let more = more.into_iter().flatten().filter_map(Value::as_str);
                    domains.extend(more.filter_map(domain));
                }
            }
        }
        Value::Object(sites) => {
            for (name, about) in &sites {
                if offers(about.get("methods")) || offers(about.get("tfa")) {
                    domains.extend(domain(name));
                }
            }
        }
        _ => return None,
    }
    Some(domains)
}

/// A domain in lower case.
fn domain(text: &str) -> Option<String> {
    let is_expected = |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '.' | '_');
    let is_domain = text.contains('.') && text.len() <= 253 && text.chars().all(is_expected);
    is_domain.then(|| text.to_lowercase())
}

pub(super) fn check(audit: &Audit<'_>, findings: &mut Vec<Finding>) {
    let with_seed = audit.subjects.iter().filter(|subject| subject.has_seed);
    // Imports from an authenticator have the seed in an item of its own, called as the site calls itself.
    let mut seeds: BTreeSet<String> = BTreeSet::new();
    for subject in with_seed {
        seeds.extend(subject.sites.iter().cloned());
        seeds.insert(letters(&subject.title));
    }
    for seen in audit.seen.iter().filter(|seen| seen.strength.is_some()) {
        let Some(subject) = audit.subjects.get(seen.subject) else {
            continue;
        };
        let has_one = subject.has_seed
            || subject.has_passkey
            || subject.sites.iter().any(|site| {
                let label = site.split('.').next().unwrap_or_default();
                seeds.contains(site) || seeds.contains(&letters(label))
            });
        if has_one || subject.kind != ItemKind::Login {
            continue;
        }
        let mut hosts = subject.hosts.iter();
        let list = audit.options.two_factor;
        let found = hosts.find_map(|(host, site)| list.find(host, site.as_deref()));
        let is_told = findings.last().is_some_and(|last| {
            last.kind == FindingKind::NoTwoFactor && last.subject == subject.number
        });
        if let Some(domain) = found.filter(|_| !is_told) {
            let what = format!("{domain} offers one-time codes, and no seed is here");
            findings.push(Finding::new(FindingKind::NoTwoFactor, subject, None, what));
        }
    }
}

/// A name as two programs may write it apart: letters and digits in lower case.
fn letters(text: &str) -> String {
    let kept = text.chars().filter(|letter| letter.is_alphanumeric());
    kept.flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_list_is_dated_and_has_registrable_domains_each_once() {
        let list = TwoFactorList::own();
        assert!(list.len() >= 250, "{}", list.len());
        assert!(list.date().is_some_and(|date| date.len() == 10));
        let lines = OWN
            .lines()
            .filter(|line| !line.starts_with('#') && !line.is_empty());
        let lines: Vec<&str> = lines.collect();
        assert_eq!(lines.len(), list.len(), "a domain stands twice");
        for domain in lines {
            // Some give their customers names below their own.
            let names = [psl::domain_str(domain), psl::suffix_str(domain)];
            assert!(names.contains(&Some(domain)), "{domain}");
        }
    }

    #[test]
    fn hosts_belong_to_the_entries_above_them_and_to_no_others() {
        let list = TwoFactorList::parse(b"example.com # a remark\nshop.example.co.uk\nco.uk\n");
        let list = list.expect("it is a list");
        let find = |host, site| list.find(host, Some(site));
        assert_eq!(
            find("login.example.com", "example.com"),
            Some("example.com")
        );
        assert_eq!(find("example.com", "example.com"), Some("example.com"));
        assert_eq!(
            find("a.shop.example.co.uk", "example.co.uk"),
            Some("shop.example.co.uk")
        );
        assert_eq!(find("example.co.uk", "example.co.uk"), None);
        assert_eq!(find("badexample.com", "badexample.com"), None);
        assert_eq!(list.find("com", None), None);
    }

    #[test]
    fn lists_of_others_are_read_in_both_shapes() {
        let array = br#"[["Example", {"domain": "example.com", "tfa": ["sms", "totp"], "additional-domains": ["example.net"]}],
            ["Other", {"domain": "other.example", "tfa": ["sms"]}]]"#;
        let object = br#"{"example.com": {"methods": ["totp"]}, "example.net": {"methods": ["totp", "u2f"]}, "other.example": {"methods": ["u2f"]}}"#;
        for bytes in [array.as_slice(), object] {
            let list = TwoFactorList::parse(bytes).expect("it is a list");
            assert_eq!(list.len(), 2);
            assert_eq!(list.find("example.net", None), Some("example.net"));
        }
    }

    #[test]
    fn what_is_no_list_is_refused() {
        let parse = |text: &str| TwoFactorList::parse(text.as_bytes()).map(|list| list.len());
        assert_eq!(parse(""), Err(TwoFactorError::Empty));
        assert_eq!(parse("# nothing\n"), Err(TwoFactorError::Empty));
        assert_eq!(parse("example.com\n<html>\n"), Err(TwoFactorError::Line(2)));
        assert_eq!(parse("{\"a\""), Err(TwoFactorError::Json));
        assert_eq!(parse(&"[".repeat(10_000)), Err(TwoFactorError::Json));
        assert_eq!(parse("[]"), Err(TwoFactorError::Empty));
    }
}
