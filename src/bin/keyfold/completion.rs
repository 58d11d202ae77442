//! What a shell completes: commands and options always, names of items and fields while the agent holds the vault open.
//!
//! Nothing here asks, starts an agent or opens a vault. A name that a shell would not take as plain text is quoted or left
//! out: what somebody else put into a title must not become a command.

use crate::cli::{Cli, Globals};
use crate::commands::value::field_names;
use crate::context::{Context, completed_words};
use crate::escape::escape;
use crate::session::Session;
use clap::{ArgMatches, CommandFactory, FromArgMatches};
use clap_complete::CompleteEnv;
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use clap_complete::env::Shells;
use keyfold::model::item::ItemSummary;
use keyfold::model::query::Scope;
use keyfold::service::Request;
use std::ffi::{OsStr, OsString};
use std::sync::OnceLock;

/// The variable in which the shell's script says which shell it is.
pub(crate) const VARIABLE: &str = "KEYFOLD_COMPLETE";
const PROGRAM: &str = "keyfold";
/// Nobody reads more; a shell would ask whether to show them all.
const MOST: usize = 500;

/// What is being completed; the engine hands its completers the last word alone.
static QUERY: OnceLock<Query> = OnceLock::new();

struct Query {
    shell: String,
    words: Vec<OsString>,
}

/// Answers a shell that asks for completions; whether it was one.
pub(crate) fn answer() -> Result<bool, clap::Error> {
    let Some((shell, words)) = completed_words(VARIABLE) else {
        return Ok(false);
    };
    let arguments: Vec<OsString> = [OsString::from(PROGRAM), OsString::from("--")]
        .into_iter()
        .chain(words.iter().cloned())
        .collect();
    QUERY.get_or_init(|| Query { shell, words });
    CompleteEnv::with_factory(Cli::command)
        .var(VARIABLE)
        .bin(PROGRAM)
        .completer(PROGRAM)
        .try_complete(arguments, None)
}

/// The script that makes a shell ask.
pub(crate) fn script(shell: &str) -> Option<Vec<u8>> {
    let mut script = Vec::new();
    let shells = Shells::builtins();
    let completer = shells.completer(shell)?;
    let written = completer.write_registration(VARIABLE, PROGRAM, PROGRAM, PROGRAM, &mut script);
    written.ok().map(|()| script)
}

/// Completes names of living items.
pub(crate) fn items() -> ArgValueCompleter {
    ArgValueCompleter::new(|word: &OsStr| named(word, |item| !item.trashed))
}

/// Completes names for `rm`, `restore` and `purge`: what comes back lies in the trash.
pub(crate) fn several() -> ArgValueCompleter {
    ArgValueCompleter::new(|word: &OsStr| {
        let words = QUERY.get().map(|query| query.words.as_slice());
        if words.is_some_and(|words| words.iter().any(|word| word == "restore")) {
            named(word, |item| item.trashed)
        } else {
            named(word, |item| !item.trashed)
        }
    })
}

/// Completes names of the fields of the item that stands before.
pub(crate) fn fields() -> ArgValueCompleter {
    ArgValueCompleter::new(|word: &OsStr| fields_of_item(word).unwrap_or_default())
}

fn named(word: &OsStr, is_wanted: fn(&ItemSummary) -> bool) -> Vec<CompletionCandidate> {
    let items = open()
        .and_then(|(mut context, mut session, _)| session.items(&mut context, Request::Items).ok());
    let items = items.unwrap_or_default().into_iter().filter(is_wanted);
    matching(word, items.map(|item| item.path()).collect())
}

fn fields_of_item(word: &OsStr) -> Option<Vec<CompletionCandidate>> {
    let (mut context, mut session, matches) = open()?;
    let (_, command) = matches.subcommand()?;
    let name = command.try_get_one::<String>("name").ok()??.clone();
    let request = Request::Named(name, Scope::Live);
    let item = session.items(&mut context, request).ok()?.pop()?;
    let view = session.item(&mut context, item.id).ok()?;
    Some(matching(word, field_names(&view)))
}

/// The vault as the agent holds it, and what the words say; `None` where it is locked.
fn open() -> Option<(Context, Session, ArgMatches)> {
    let words = &QUERY.get()?.words;
    let matches = Cli::command()
        .ignore_errors(true)
        .try_get_matches_from(words)
        .ok()?;
    let mut globals = Globals::from_arg_matches(&matches).ok()?;
    globals.no_input = true;
    globals.quiet = true;
    let mut context = Context::new(globals).ok()?;
    let session = Session::peek(&mut context)?;
    Some((context, session, matches))
}

/// The texts that go on where the word ends; without case where none does.
fn matching(word: &OsStr, mut texts: Vec<String>) -> Vec<CompletionCandidate> {
    let Some(word) = word.to_str() else {
        return Vec::new();
    };
    let is_bash = QUERY.get().is_some_and(|query| query.shell == "bash");
    let typed = if is_bash {
        unquoted(word)
    } else {
        word.to_owned()
    };
    texts.retain(|text| !text.is_empty() && escape(text) == *text);
    let exact = |text: &String| text.starts_with(&typed);
    let folded = typed.to_lowercase();
    if texts.iter().any(exact) {
        texts.retain(exact);
    } else {
        texts.retain(|text| text.to_lowercase().starts_with(&folded));
    }
    texts.sort_unstable();
    texts.dedup();
    texts.truncate(MOST);
    let quote = |text: String| if is_bash { quoted(&text) } else { text };
    let candidates = texts.into_iter().map(quote);
    candidates.map(CompletionCandidate::new).collect()
}

/// As bash reads it as one word of plain text. The other shells quote what they insert themselves.
fn quoted(text: &str) -> String {
    let mut word = String::with_capacity(text.len());
    for character in text.chars() {
        let is_plain = character.is_alphanumeric() || "/._-+,@%".contains(character);
        if !is_plain {
            word.push('\\');
        }
        word.push(character);
    }
    word
}

fn unquoted(word: &str) -> String {
    let mut text = String::with_capacity(word.len());
    let mut characters = word.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => text.extend(characters.next()),
            '\'' | '"' => {}
            plain => text.push(plain),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_bash_would_run_or_split_is_quoted_and_read_back() {
        for text in [
            "a b",
            "$(reboot)",
            "a;b|c&d",
            "it's",
            "`x`",
            "~root",
            "!1",
            "ä/ö",
            "a\\b",
        ] {
            let word = quoted(text);
            assert_eq!(unquoted(&word), text);
            let mut escaped = false;
            for character in word.chars() {
                assert!(
                    escaped || !"$`;|&<>()'\"!~ *?[#".contains(character),
                    "{word}"
                );
                escaped = !escaped && character == '\\';
            }
        }
    }

    #[test]
    fn a_name_with_control_characters_is_left_out() {
        let texts = ["good", "go\nod", "go\u{202e}od"]
            .map(str::to_owned)
            .to_vec();
        let found = matching(OsStr::new("go"), texts);
        let values: Vec<&OsStr> = found.iter().map(CompletionCandidate::get_value).collect();
        assert_eq!(values, ["good"]);
    }
}
