//! What the program does at its very start so that nobody looks into it: no core file, and no tracing by other programs of
//! the same user (attacks.md, B5).
//!
//! It never fails and never prints: a system that refuses leaves a weaker program, not a broken one, and `doctor` tells
//! what could not be had. The limit goes on to the programs that this one starts, an editor for instance; they hold the
//! same secrets and need no core files either. Tracing is allowed again in those, since the system forgets it on exec.

use rustix::process::{Resource, Rlimit, setrlimit};

/// Before anything else, arguments included: they may hold notes that somebody typed.
pub(crate) fn harden() {
    // Neither may be refused to a program that only gives something up.
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
