//! Names for files that are written out: an attached file may be called anything, by anybody.

/// Longest name, in bytes: what every file system takes, with room for a number.
const LIMIT: usize = 200;
/// Names that mean a device on some system, whatever stands behind a dot.
const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "com", "lpt"];

/// A plain name that stays in its folder on every system: no path, no hidden file, nothing that a shell or a terminal takes
/// for something else. Its ending stays.
#[must_use]
pub fn sanitise(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let plain: String = last
        .chars()
        .map(|letter| match letter {
            '<' | '>' | ':' | '"' | '|' | '?' | '*' | '\u{fffd}' => '_',
            letter if letter.is_control() || is_format(letter) => '_',
            letter => letter,
        })
        .collect();
    let plain = plain.trim().trim_end_matches(['.', ' ']);
    let is_option_or_hidden = plain.starts_with(['.', '-', '~']);
    let stem = plain.split('.').next().unwrap_or_default().to_lowercase();
    let stem = stem.trim_end_matches(|letter: char| letter.is_ascii_digit());
    let is_device = DEVICES.contains(&stem);
    let mark = if plain.is_empty() || is_option_or_hidden || is_device {
        "_"
    } else {
        ""
    };
    shorten(&format!("{mark}{plain}"))
}

/// Letters that are not seen and turn or join what stands around them.
fn is_format(letter: char) -> bool {
    matches!(letter,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

fn shorten(name: &str) -> String {
    if name.len() <= LIMIT {
        return name.to_owned();
    }
    let (stem, ending) = split(name);
    let ending: &str = if ending.len() > 16 { "" } else { ending };
    let mut stem = stem.to_owned();
    while stem.len() + ending.len() > LIMIT {
        stem.pop();
    }
    stem + ending
}

/// Stem and ending, the dot with the ending.
fn split(name: &str) -> (&str, &str) {
    match name.rfind('.') {
        Some(at) if at > 0 => name.split_at(at),
        _ => (name, ""),
    }
}

/// The name, or the first with a number behind its stem that is accepted.
pub fn number_until(name: &str, mut accept: impl FnMut(&str) -> bool) -> String {
    let (stem, ending) = split(name);
    let numbered = (2..u32::MAX).map(|number| format!("{stem} ({number}){ending}"));
    let mut candidates = std::iter::once(name.to_owned()).chain(numbered);
    candidates
        .find(|candidate| accept(candidate))
        .unwrap_or_else(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_become_plain() {
        for (name, plain) in [
            ("report.pdf", "report.pdf"),
            ("Größe 2026.txt", "Größe 2026.txt"),
            ("../../etc/passwd", "passwd"),
            ("C:\\Windows\\system.ini", "system.ini"),
            ("/", "_"),
            ("..", "_"),
            (".bashrc", "_.bashrc"),
            ("-rf", "_-rf"),
            ("a\u{1b}]52;c;x\u{7}b", "a_]52;c;x_b"),
            ("invoice\u{202e}fdp.exe", "invoice_fdp.exe"),
            ("NUL.txt", "_NUL.txt"),
            ("com7", "_com7"),
            ("console.log", "console.log"),
            ("end. . .", "end"),
            ("", "_"),
        ] {
            assert_eq!(sanitise(name), plain, "{name:?}");
        }
        let long = "x".repeat(1000) + ".tar";
        assert_eq!(sanitise(&long).len(), LIMIT);
        assert!(sanitise(&long).ends_with(".tar"));
    }

    #[test]
    fn a_name_that_is_taken_gets_a_number() {
        let mut taken = vec!["a.txt".to_owned(), "a (2).txt".to_owned()];
        let name = number_until("a.txt", |name| {
            let is_free = !taken.contains(&name.to_owned());
            taken.push(name.to_owned());
            is_free
        });
        assert_eq!(name, "a (3).txt");
    }

    proptest! {
        #[test]
        fn whatever_it_is_called_it_stays_in_its_folder(name in any::<String>()) {
            let plain = sanitise(&name);
            let path = std::path::Path::new(&plain);
            prop_assert_eq!(path.components().count(), 1);
            prop_assert!(matches!(path.components().next(), Some(std::path::Component::Normal(_))));
            prop_assert!(!plain.starts_with('.') && plain.len() <= LIMIT);
            prop_assert!(!plain.chars().any(char::is_control));
            prop_assert_eq!(sanitise(&plain), plain);
        }
    }
}
