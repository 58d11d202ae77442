//! What keeps other programs and the disk from seeing keyfold's memory, as far as the system granted it.

use super::{Finding, FindingKind, Severity};
use crate::hardening::{self, Hardening};
use crate::memory::{self, KeyProtection};

pub(super) fn check() -> Vec<Finding> {
    findings(hardening::in_force(), memory::key_protection())
}

fn findings(hardening: Hardening, keys: KeyProtection) -> Vec<Finding> {
    let advice = |what: &str, todo: &str| {
        Finding::new(FindingKind::Protection, Severity::Advice, what, todo)
    };
    let mut found = Vec::new();
    if !hardening.no_core {
        found.push(advice(
            "a crash of keyfold could leave its memory in a core file",
            "ulimit -c 0, before keyfold is started",
        ));
    }
    match hardening.untraceable {
        Some(true) => {}
        Some(false) => found.push(advice(
            "other programs of yours can read keyfold's memory",
            "the system refused to close it; look at what confines keyfold (a container, a security module)",
        )),
        None => found.push(Finding::new(
            FindingKind::Protection,
            Severity::Information,
            "this system has no way to keep other programs of yours from reading keyfold's memory",
            "run nothing that you do not trust as the same user",
        )),
    }
    if !keys.is_locked {
        found.push(advice(
            "the keys of an open vault may be written to swap: no memory may be locked",
            "allow 64 KiB at least (ulimit -l, or memlock in the system's limits), or encrypt the swap",
        ));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: (Hardening, KeyProtection) = (
        Hardening {
            no_core: true,
            untraceable: Some(true),
        },
        KeyProtection {
            is_locked: true,
            is_undumped: true,
        },
    );

    #[test]
    fn what_was_granted_is_not_mentioned() {
        assert_eq!(findings(ALL.0, ALL.1), []);
    }

    #[test]
    fn each_protection_that_is_missing_is_told() {
        let (all, keys) = ALL;
        let told = |hardening, keys| findings(hardening, keys).len();
        let no_core = false;
        assert_eq!(told(Hardening { no_core, ..all }, keys), 1);
        for untraceable in [Some(false), None] {
            assert_eq!(told(Hardening { untraceable, ..all }, keys), 1);
        }
        let is_locked = false;
        assert_eq!(told(all, KeyProtection { is_locked, ..keys }), 1);
    }
}
