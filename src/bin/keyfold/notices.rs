//! What a vault noticed, in words: what went well on one line, what is wrong on a line each.

use crate::context::Context;
use keyfold::vault::Notice;

/// Tells each notice once.
pub(crate) fn tell(context: &Context, notices: &[Notice]) {
    let calm: Vec<String> = notices.iter().filter_map(calm).collect();
    if !calm.is_empty() {
        let mut line = calm.join("; ");
        if let Some(first) = line.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        context.output.note(&format!("{line}."));
    }
    for text in notices.iter().filter_map(serious) {
        context.output.warn(&text);
    }
}

/// A count with its noun.
pub(crate) fn plural(count: usize, one: &str, many: &str) -> String {
    if count == 1 {
        format!("1 {one}")
    } else {
        format!("{count} {many}")
    }
}

/// What was brought in order, as a part of a sentence.
pub(crate) fn calm(notice: &Notice) -> Option<String> {
    let changes = |count: usize| plural(count, "change", "changes");
    Some(match notice {
        Notice::Merged(count) => format!("merged {} from the drive", changes(*count)),
        Notice::CopiesMoved(count) => {
            format!(
                "took in {}",
                plural(*count, "conflict copy", "conflict copies")
            )
        }
        Notice::Healed(count) => format!("put {} back into the vault file", changes(*count)),
        Notice::RolledBack(count) => format!(
            "the vault file had gone back to an earlier version; {} put back",
            changes(*count)
        ),
        Notice::PutBack => {
            "the vault file was gone and was written again from this device's copy".to_owned()
        }
        Notice::Replaced => "the vault file held what is no more and was replaced".to_owned(),
        Notice::Adopted(0) => {
            "the vault has a new key since another device's rekey; this device goes on under it"
                .to_owned()
        }
        Notice::Adopted(count) => format!(
            "the vault has a new key since another device's rekey; this device goes on under it, and {} of its own came along",
            changes(*count)
        ),
        _ => return None,
    })
}

/// What is wrong, as sentences.
pub(crate) fn serious(notice: &Notice) -> Option<String> {
    Some(match notice {
        Notice::Pending(why) => {
            format!("Saved on this device; the vault file will follow: {why}.")
        }
        Notice::Unusable(why) => {
            format!("The vault file cannot be used: {why}. This device's copy is used instead.")
        }
        Notice::Damaged(count) => format!(
            "The vault file is damaged in {}; keyfold check tells more.",
            plural(*count, "place", "places")
        ),
        Notice::ForgedSlots(count) => format!(
            "The vault file holds {} that nobody here made.",
            plural(*count, "way in", "ways in")
        ),
        Notice::NewDevice => "This device's own state had gone back in time, or another machine goes on with a copy of it; it goes on as a new device.".to_owned(),
        Notice::Odd(text) => text.clone(),
        Notice::PasswordsApart(count) => format!(
            "Passwords were changed on devices that did not know of each other: {count} ways in that took the place of one are good; keyfold slots list shows them, slots remove closes one."
        ),
        Notice::LastWayIn => "Devices that did not know of each other closed every way in; the one that was closed last stays good. keyfold passwd makes a new one.".to_owned(),
        Notice::OtherKey => "The vault seems to have been given a new key on another device; open it once with the new password. Until then this device keeps to its own copy.".to_owned(),
        Notice::Review => "A file under a former key held changes that this vault does not know; keyfold review shows them.".to_owned(),
        _ => return None,
    })
}

/// The same in a few words, for a list of what happened.
pub(crate) fn briefly(notice: &Notice) -> &'static str {
    match notice {
        Notice::Pending(_) => "the vault file could not take a change",
        Notice::Unusable(_) => "the vault file could not be used",
        Notice::Damaged(_) => "the vault file was damaged",
        Notice::ForgedSlots(_) => "the vault file held ways in that nobody here made",
        Notice::NewDevice => "this device took a new id",
        Notice::OtherKey => "a file lay under a key that this device did not hold",
        Notice::PasswordsApart(_) => "passwords that were changed apart are all good",
        Notice::LastWayIn => "every way in had been closed; the last one counts",
        Notice::Review => "changes under a former key were kept for review",
        _ => "something else happened",
    }
}
