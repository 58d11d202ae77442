//! Items that are used without encryption, out in the world: they have no other address of the same host.

use super::{Audit, Finding, FindingKind};

pub(super) fn check(audit: &Audit<'_>, findings: &mut Vec<Finding>) {
    for subject in &audit.subjects {
        let hosts = subject.insecure.iter();
        let hosts = hosts.filter(|host| !subject.secure.contains(host));
        let hosts: Vec<&str> = hosts.map(String::as_str).collect();
        if hosts.is_empty() {
            continue;
        }
        let what = format!("http:// and not https:// at {}", hosts.join(", "));
        let field = Some("url".to_owned());
        findings.push(Finding::new(FindingKind::Http, subject, field, what));
    }
}
