//! What the program does at its very start so that nobody looks into it: no core file, and no tracing by other programs of
//! the same user (attacks.md, B5).
//!
//! It never fails and never prints: a system that refuses leaves a weaker program, not a broken one, and `doctor` tells
//! what could not be had. The limit goes on to the programs that this one starts, an editor for instance; they hold the
//! same secrets and need no core files either. Tracing is allowed again in those, since the system forgets it on exec.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What keeps others from looking in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hardening {
    /// No core file is written when the program crashes.
    pub(crate) no_core: bool,
    /// No other program of the user can read its memory or trace it; `None` where the system has no such thing.
    pub(crate) untraceable: Option<bool>,
}

/// Before anything else, arguments included: they may hold notes that somebody typed.
pub(crate) fn harden() {
    // Whatever is refused shows in `in_force`.
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    let _ = setrlimit(Resource::Core, none);
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    }
}

/// What is in force, asked of the system itself.
pub(crate) fn in_force() -> Hardening {
    Hardening {
        no_core: getrlimit(Resource::Core).maximum == Some(0),
        untraceable: is_untraceable(),
    }
}

#[cfg(target_os = "linux")]
fn is_untraceable() -> Option<bool> {
    use rustix::process::{DumpableBehavior, dumpable_behavior};
    Some(dumpable_behavior() == Ok(DumpableBehavior::NotDumpable))
}

#[cfg(not(target_os = "linux"))]
fn is_untraceable() -> Option<bool> {
    None
}
