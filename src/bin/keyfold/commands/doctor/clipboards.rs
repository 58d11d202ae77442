//! Programs that keep a history of what is copied.
//!
//! keyfold marks what it copies as a password (`x-kde-passwordManagerHint`). What is known of each program is from its own
//! source or its maintainers' word in its issues; a program of which nothing is known is told as one that keeps everything.

use super::{Finding, FindingKind, Severity};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// What a program does with what is marked as a password.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hint {
    /// Leaves it out.
    Obeyed,
    /// Leaves it out from some version on, or where another program is new enough.
    Since(&'static str),
    /// Nothing says that it looks.
    Unknown,
}

/// Names of processes, as the kernel cuts them: fifteen bytes.
const PROGRAMS: [(&str, &str, Hint); 15] = [
    // KDE's review D12539, which the mark comes from.
    ("klipper", "Klipper", Hint::Obeyed),
    ("plasmashell", "Plasma", Hint::Obeyed),
    // CopyQ's pull request 2500, merged in October 2023.
    ("copyq", "CopyQ", Hint::Since("CopyQ 8")),
    // Fcitx 5, issue 1003.
    ("fcitx5", "Fcitx 5", Hint::Since("a version of 2024")),
    // Clipse, issue 222: by what wl-clipboard tells it.
    ("clipse", "Clipse", Hint::Since("a wl-clipboard of 2025")),
    (
        "cliphist",
        "cliphist",
        Hint::Since("a wl-clipboard of 2025"),
    ),
    ("wl-paste", "wl-paste", Hint::Since("a version of 2025")),
    ("gpaste-daemon", "GPaste", Hint::Unknown),
    ("xfce4-clipman", "Xfce's Clipman", Hint::Unknown),
    ("parcellite", "Parcellite", Hint::Unknown),
    ("clipit", "ClipIt", Hint::Unknown),
    ("diodon", "Diodon", Hint::Unknown),
    ("greenclip", "Greenclip", Hint::Unknown),
    ("clipmenud", "clipmenu", Hint::Unknown),
    ("clipman", "clipman", Hint::Unknown),
];

/// `root` is where the system's own files begin; only the user's own processes count.
pub(super) fn check(root: &Path, user: u32) -> Vec<Finding> {
    let running = names_of_processes(root, user);
    let known = PROGRAMS.iter();
    let known = known.filter(|(name, ..)| running.iter().any(|running| running == name));
    known
        .filter_map(|(_, title, hint)| finding(title, *hint))
        .collect()
}

fn finding(title: &str, hint: Hint) -> Option<Finding> {
    let new = |severity, what: String, todo: &str| {
        Some(Finding::new(FindingKind::Clipboard, severity, what, todo))
    };
    match hint {
        Hint::Obeyed => None,
        Hint::Since(version) => new(
            Severity::Information,
            format!("{title} keeps what is copied; passwords it leaves out from {version} on"),
            "see that yours is as new",
        ),
        Hint::Unknown => new(
            Severity::Advice,
            format!("{title} keeps what is copied, and nothing says that it leaves passwords out"),
            "clear its history after copying one, or print it into a pipe with keyfold get",
        ),
    }
}

fn names_of_processes(root: &Path, user: u32) -> Vec<String> {
    let processes = fs::read_dir(root.join("proc")).into_iter().flatten();
    let own = processes.flatten().filter(|entry| {
        let is_process = entry
            .file_name()
            .as_encoded_bytes()
            .iter()
            .all(u8::is_ascii_digit);
        is_process && entry.metadata().is_ok_and(|found| found.uid() == user)
    });
    let names = own.filter_map(|entry| fs::read_to_string(entry.path().join("comm")).ok());
    names.map(|name| name.trim_end().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    /// A made-up list of processes of this user, gone afterwards.
    struct Processes(PathBuf, u32);

    impl Processes {
        fn new(name: &str, programs: &[&str]) -> Self {
            let root = std::env::temp_dir().join(format!("keyfold-{name}-{}", std::process::id()));
            for (number, program) in programs.iter().enumerate() {
                let folder = root.join(format!("proc/{}", number + 100));
                fs::create_dir_all(&folder).unwrap();
                fs::write(folder.join("comm"), format!("{program}\n")).unwrap();
            }
            let user = fs::metadata(&root).unwrap().uid();
            Self(root, user)
        }
    }

    impl Drop for Processes {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_program_that_keeps_passwords_is_told() {
        let Processes(root, user) = &Processes::new("keeps", &["bash", "parcellite"]);
        let found = check(root, *user);
        assert_eq!(found.len(), 1);
        assert!(found[0].what.starts_with("Parcellite"));
        assert_eq!(found[0].severity, Severity::Advice);
        // Another user's is not ours to tell.
        assert_eq!(check(root, user + 1), []);
    }

    #[test]
    fn a_program_that_leaves_passwords_out_is_not_told_and_one_that_learned_it_is_a_note() {
        let Processes(root, user) = &Processes::new("leaves", &["plasmashell", "copyq"]);
        let found = check(root, *user);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].severity, Severity::Information);
    }

    #[test]
    fn names_are_as_short_as_the_kernel_makes_them() {
        assert!(PROGRAMS.iter().all(|(name, ..)| name.len() <= 15));
    }
}
