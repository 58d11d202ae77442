//! The names of conflict copies, program by program. A pattern is here because the program's source, its
//! documentation or a trial says so, and each says which; it matches whole names only.

#[cfg(test)]
mod tests;

use super::Drive;
use std::ffi::OsStr;
use unicode_normalization::UnicodeNormalization;

/// No file system takes a longer name: 255 bytes, or 255 units of UTF-16, which are at most 765 bytes.
const LONGEST_NAME: usize = 1024;
/// The longest name of a person or a machine within a mark, in bytes.
const LONGEST_INNER_NAME: usize = 128;
/// How often a program may have marked its own copy's copy.
const MARKS: usize = 4;

/// Which program made `other` as a conflict copy of `vault`, two names in one folder; `None` where nobody says so.
///
/// Exact rather than generous, since what matches may be moved away once it is merged. So nothing here takes what
/// people and file managers call their own copies: `vault (1)`, `vault 2`, `vault-old`, `Copy of vault`, `vault.bak`.
/// This leaves out what Google Drive, iCloud Drive, MEGA, Box and Tresorit are said to make (`vault (1)`, `vault 2`,
/// `vault-copy of`, or something that no document shows): such a copy is merged like any, and stays where it is.
#[must_use]
pub fn recognise(vault: &OsStr, other: &OsStr) -> Option<Drive> {
    let (vault, other) = (vault.as_encoded_bytes(), other.as_encoded_bytes());
    if other.len() > LONGEST_NAME || other == vault {
        return None;
    }
    let (stem, extension) = split(vault)?;
    let inside = other
        .strip_prefix(stem)
        .and_then(|rest| rest.strip_suffix(extension))
        .and_then(mark);
    let behind = other.strip_prefix(vault).and_then(mark);
    let inside = inside.as_deref().and_then(|mark| first(&INSIDE, mark));
    inside.or_else(|| behind.as_deref().and_then(|mark| first(&BEHIND, mark)))
}

type Pattern = (Drive, fn(&str) -> bool);

/// What may stand between the stem and the extension.
const INSIDE: [Pattern; 12] = [
    (Drive::Dropbox, is_dropbox),
    (Drive::Nextcloud, is_nextcloud),
    (Drive::OneDrive, is_onedrive),
    (Drive::PCloud, is_pcloud),
    (Drive::ProtonDrive, is_proton_drive),
    (Drive::Qsync, is_qsync),
    (Drive::Rclone, is_rclone_inside),
    (Drive::Resilio, is_resilio),
    (Drive::Seafile, is_seafile),
    (Drive::Synology, is_synology),
    (Drive::Syncthing, is_syncthing),
    (Drive::Unison, is_unison),
];

/// What may stand behind the whole name.
const BEHIND: [Pattern; 3] = [
    (Drive::PCloud, is_pcloud_behind),
    (Drive::Rclone, is_rclone),
    (Drive::Resilio, is_resilio),
];

fn first(patterns: &[Pattern], mark: &str) -> Option<Drive> {
    let found = patterns.iter().find(|(_, matches)| matches(mark));
    found.map(|(drive, _)| *drive)
}

/// Stem and extension with its dot, as all these programs split: at the last dot, unless the name begins with it.
fn split(vault: &[u8]) -> Option<(&[u8], &[u8])> {
    let dot = vault.iter().rposition(|byte| *byte == b'.');
    let at = dot.filter(|at| *at > 0).unwrap_or(vault.len());
    let (stem, extension) = vault.split_at(at);
    (!stem.is_empty()).then_some((stem, extension))
}

/// What a program added, composed as Macs do not write it, if it is text that could stand in a mark.
fn mark(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?;
    let hostile = |letter: char| {
        letter.is_control()
            || matches!(letter, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    (!text.is_empty() && !text.contains(hostile)).then(|| text.nfc().collect())
}

/// Dropbox, by its help ("the editor's username, 'conflicted copy' and the save date") and by file names in public
/// repositories for the other languages: ` (NAME's conflicted copy 2024-05-06)`, counted where there are several on one
/// day. Old and mobile versions left out the name or the date in English. ` (Case Conflict)` and ` (Selective Sync
/// Conflict)` are other files, not copies.
fn is_dropbox(mark: &str) -> bool {
    let Some(inner) = in_parentheses(mark) else {
        return false;
    };
    let inner = inner.to_lowercase().replace('\u{2019}', "'");
    if inner
        .strip_suffix("'s conflicted copy")
        .is_some_and(is_name)
    {
        return true;
    }
    let Some(phrase) = before_counted_date(&inner) else {
        return false;
    };
    let ends = DROPBOX_BEHIND_NAME.iter();
    let begins = DROPBOX_BEFORE_NAME.iter();
    phrase == "conflicted copy"
        || ends
            .filter_map(|words| phrase.strip_suffix(words))
            .any(|name| is_name(name.strip_suffix(' ').unwrap_or(name)))
        || begins
            .filter_map(|words| phrase.strip_prefix(words)?.strip_prefix(' '))
            .any(is_name)
}

/// The words that follow a name: English, German, Japanese (new and old), Chinese (both scripts), Korean.
const DROPBOX_BEHIND_NAME: [&str; 7] = [
    "'s conflicted copy",
    " in konflikt stehende kopie",
    "の競合コピー",
    "上の問題のあるコピー",
    "的冲突副本",
    "的衝突複本",
    "와(과) 충돌하는 사본",
];

/// The words before a name: German of old, French, Spanish (new and old), Italian, Portuguese, Polish, Russian.
const DROPBOX_BEFORE_NAME: [&str; 8] = [
    "in konflikt stehende kopie von",
    "copie en conflit de",
    "copia en conflicto de",
    "copia conflictiva de",
    "copia in conflitto di",
    "cópia em conflito de",
    "kopia powodująca konflikt użytkownika",
    "конфликтующая копия пользователя",
];

/// Nextcloud and ownCloud, `Utility::makeConflictFileName`: ` (conflicted copy USER 2024-05-06 070809)`, the user only
/// where the server takes conflict files; never translated. Before ownCloud 2.5, `makeConflictFileName` of the
/// downloader: `_conflict-20240506-070809` or `_conflict_USER-20240506-070809`. ` (case clash from …)` is another file.
fn is_nextcloud(mark: &str) -> bool {
    let new = || {
        let rest = in_parentheses(mark)?.strip_prefix("conflicted copy ")?;
        let (rest, time) = rest.rsplit_once(' ')?;
        let date = rest.rsplit_once(' ').map_or(rest, |(_, date)| date);
        let user = rest.strip_suffix(date)?;
        Some(is_time(time) && is_date(date) && (user.is_empty() || is_name(user.trim_end())))
    };
    let old = || {
        let rest = mark.strip_prefix("_conflict")?;
        let (rest, time) = rest.rsplit_once('-')?;
        let (user, date) = rest.rsplit_once('-')?;
        let is_user = user.is_empty() || user.strip_prefix('_').is_some_and(is_name);
        Some(is_time(time) && is_compact_date(date) && is_user)
    };
    new().or_else(old).unwrap_or(false)
}

/// OneDrive puts the machine's name behind the file's: `-DESKTOP-A1B2C3D`, counted `-2` where that exists.
///
/// A machine may be called `old` or `backup`, and a person may so call a copy. Therefore only the names are taken
/// that Windows makes up itself when it is installed, which nobody types. A copy from a machine with a name of its own
/// is merged all the same, and stays.
fn is_onedrive(mark: &str) -> bool {
    // The prefix, and how many letters and digits Windows puts behind it.
    let made_up = [("DESKTOP-", 7), ("LAPTOP-", 8), ("WIN-", 11)];
    let Some(machine) = mark.strip_prefix('-') else {
        return false;
    };
    made_up.iter().any(|(prefix, length)| {
        let rest = machine.strip_prefix(prefix);
        rest.and_then(|rest| rest.split_at_checked(*length))
            .is_some_and(|(random, counter)| {
                let is_random = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
                random.bytes().all(is_random)
                    && (counter.is_empty() || counter.strip_prefix('-').is_some_and(is_counter))
            })
    })
}

/// pCloud: ` [conflicted]` and ` [conflicted 2]`, by file names in published archives.
fn is_pcloud(mark: &str) -> bool {
    let rest = mark.strip_prefix(" [conflicted");
    let rest = rest.and_then(|rest| rest.strip_suffix(']'));
    rest.is_some_and(|rest| rest.is_empty() || rest.strip_prefix(' ').is_some_and(is_counter))
}

/// pCloud, by its help: "the suffix filename.conflicted".
fn is_pcloud_behind(mark: &str) -> bool {
    mark == ".conflicted"
}

/// Proton Drive, the name patterns of its Windows client: ` (# Edit conflict 2024-05-06 a1b2c3C #)`, likewise where
/// two machines made a file of one name or one deleted what the other changed.
fn is_proton_drive(mark: &str) -> bool {
    let inner = in_parentheses(mark).and_then(|inner| inner.strip_prefix("# "));
    let Some(inner) = inner.and_then(|inner| inner.strip_suffix("C #")) else {
        return false;
    };
    ["Edit conflict ", "Name clash ", "Delete conflict "]
        .iter()
        .filter_map(|kind| inner.strip_prefix(kind)?.split_once(' '))
        .any(|(date, random)| {
            let is_random = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
            is_date(date) && random.len() == 6 && random.bytes().all(is_random)
        })
}

/// QNAP Qsync, by a file name in its own cache folder: `(Conflicted copy 2024-05-06 from MACHINE)`.
fn is_qsync(mark: &str) -> bool {
    let inner = mark.strip_prefix(' ').unwrap_or(mark).strip_prefix('(');
    inner
        .and_then(|inner| inner.strip_suffix(')')?.strip_prefix("Conflicted copy "))
        .and_then(|rest| rest.split_once(" from "))
        .is_some_and(|(date, machine)| is_date(date) && is_name(machine))
}

/// rclone bisync. `..path1` and `..path2` by trial with 1.60, where the first name vanishes; `.conflict1` by default
/// since 1.66, `.path1` with its `--conflict-loser pathname` (its manual, which also says that a copy can be marked
/// again). A suffix that somebody chose is not known here.
fn is_rclone(mark: &str) -> bool {
    is_repeated(mark, |mark| {
        let sides = ["..path1", "..path2", ".path1", ".path2"];
        let side = sides.iter().find_map(|side| mark.strip_prefix(side));
        side.or_else(|| after_number(mark.strip_prefix(".conflict")?))
    })
}

/// The same with `--suffix-keep-extension`.
fn is_rclone_inside(mark: &str) -> bool {
    is_repeated(mark, |mark| after_number(mark.strip_prefix(".conflict")?))
}

/// Resilio Sync, "Conflict files in Sync" of its help: `.Conflict`, `.Conflict1`, and a copy marked again.
fn is_resilio(mark: &str) -> bool {
    is_repeated(mark, |mark| {
        let rest = mark.strip_prefix(".Conflict")?;
        Some(after_number(rest).unwrap_or(rest))
    })
}

/// Seafile, `gen_conflict_path`: ` (SFConflict USER 2024-05-06-07-08-09)`, at times without the user.
fn is_seafile(mark: &str) -> bool {
    let inner = in_parentheses(mark).and_then(|inner| inner.strip_prefix("SFConflict "));
    inner.is_some_and(|inner| {
        let (user, moment) = inner.rsplit_once(' ').unwrap_or(("", inner));
        let (date, time) = moment.split_at_checked(10).unwrap_or((moment, ""));
        let time: Vec<&str> = time.split('-').skip(1).collect();
        let is_two_digits = |text: &&str| text.len() == 2 && is_digits(text);
        is_date(date)
            && time.len() == 3
            && time.iter().all(is_two_digits)
            && (is_name(user) || inner == moment)
    })
}

/// Synology Drive, its knowledge base and file names in public repositories: `_MACHINE_May-06-0708-2024_Conflict`, with
/// seconds in newer versions, counted `_1`. A `_CaseConflict` and its like are other files.
fn is_synology(mark: &str) -> bool {
    let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let parsed = || {
        let rest = mark.strip_prefix('_')?;
        let (whole, counter) = rest.rsplit_once('_')?;
        let rest = if is_counter(counter) { whole } else { rest };
        let (machine, moment) = rest.strip_suffix("_Conflict")?.rsplit_once('_')?;
        let parts: Vec<&str> = moment.split('-').collect();
        let [month, day, time, year] = parts.as_slice() else {
            return None;
        };
        let is_time = [4, 6].contains(&time.len()) && is_digits(time);
        Some(is_name(machine) && months.contains(month) && is_time && is_day(day) && is_year(year))
    };
    parsed().unwrap_or(false)
}

/// Syncthing, `conflictName` in lib/model: `.sync-conflict-20240506-070809-ABCDEF7`, by the machine that changed it
/// last, seven letters of base32 or none. Versions before 0.14.50 wrote no machine.
fn is_syncthing(mark: &str) -> bool {
    let parts = mark.strip_prefix(".sync-conflict-");
    let parts: Vec<&str> = parts.map_or(Vec::new(), |rest| rest.split('-').collect());
    let is_base32 = |byte: u8| byte.is_ascii_uppercase() || matches!(byte, b'2'..=b'7');
    match parts.as_slice() {
        [date, time] | [date, time, ""] => is_compact_date(date) && is_time(time),
        [date, time, machine] => {
            let is_machine = machine.len() == 7 && machine.bytes().all(is_base32);
            is_compact_date(date) && is_time(time) && is_machine
        }
        _ => false,
    }
}

/// Unison, `finishCopy` in files.ml: ` (conflict_on_2024-05-06)`, ` (conflict #1_on_2024-05-06)`, and with
/// `_was_deleted` what the other side had deleted.
fn is_unison(mark: &str) -> bool {
    let parsed = || {
        let inner = in_parentheses(mark)?.strip_prefix("conflict")?;
        let inner = inner.strip_suffix("_was_deleted").unwrap_or(inner);
        let (counter, date) = inner.split_once("_on_")?;
        let is_counted = counter.is_empty() || counter.strip_prefix(" #").is_some_and(is_counter);
        Some(is_counted && is_date(date))
    };
    parsed().unwrap_or(false)
}

/// What ` (…)` encloses.
fn in_parentheses(mark: &str) -> Option<&str> {
    mark.strip_prefix(" (")?.strip_suffix(')')
}

/// What stands before ` 2024-05-06`, which may be counted: ` 2024-05-06 (1)` or ` 2024-05-06 1`.
fn before_counted_date(text: &str) -> Option<&str> {
    let counted = text.rsplit_once(' ').filter(|(_, counter)| {
        let bare = counter
            .strip_prefix('(')
            .and_then(|rest| rest.strip_suffix(')'));
        is_counter(bare.unwrap_or(counter))
    });
    let text = counted.map_or(text, |(text, _)| text);
    let (before, date) = text.rsplit_once(' ')?;
    is_date(date).then_some(before)
}

/// Whether the text is one to four marks, each of which `after` takes from its beginning.
fn is_repeated(text: &str, after: impl Fn(&str) -> Option<&str>) -> bool {
    let mut rest = text;
    for _ in 0..MARKS {
        match after(rest) {
            Some("") => return true,
            Some(more) => rest = more,
            None => return false,
        }
    }
    false
}

/// What follows a number of one to three digits.
fn after_number(text: &str) -> Option<&str> {
    let rest = text.trim_start_matches(|letter: char| letter.is_ascii_digit());
    is_counter(text.strip_suffix(rest)?).then_some(rest)
}

/// The name of a person or a machine, as far as a mark may hold any.
fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= LONGEST_INNER_NAME
        && text.trim() == text
        && !text.contains(['(', ')', '/', '\\'])
}

/// 1 to 999.
fn is_counter(text: &str) -> bool {
    (1..=3).contains(&text.len()) && is_digits(text) && !text.starts_with('0')
}

/// `2024-05-06`.
fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    matches!(parts.as_slice(), [year, month, day] if is_year(year) && is_month(month) && is_day(day))
}

/// `20240506`.
fn is_compact_date(text: &str) -> bool {
    let parts = text.split_at_checked(4);
    parts.is_some_and(|(year, rest)| {
        let (month, day) = rest.split_at_checked(2).unwrap_or_default();
        is_year(year) && is_month(month) && is_day(day)
    })
}

/// `070809`.
fn is_time(text: &str) -> bool {
    text.len() == 6 && is_digits(text)
}

fn is_year(text: &str) -> bool {
    text.len() == 4 && is_digits(text) && (text.starts_with("19") || text.starts_with('2'))
}

fn is_month(text: &str) -> bool {
    text.len() == 2 && is_digits(text) && ("01"..="12").contains(&text)
}

fn is_day(text: &str) -> bool {
    text.len() == 2 && is_digits(text) && ("01"..="31").contains(&text)
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}
