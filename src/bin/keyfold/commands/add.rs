//! `add`: a new item; also how flags become fields, which `edit` shares.

use crate::cli::{Add, ItemFlags};
use crate::commands::checking::Chosen;
use crate::commands::ls::{self, item_kind};
use crate::context::Context;
use crate::failure::Failure;
use crate::prompt;
use crate::session::{Session, unexpected};
use keyfold::generate::{self, Phrase, Rules, RulesError};
use keyfold::model::draft::{Draft, DraftField, DraftValue, FieldName};
use keyfold::model::field::{self, FieldKind, ItemKind};
use keyfold::model::ids::ItemId;
use keyfold::model::item::{join_path, split_path};
use keyfold::otp::Seed;
use keyfold::secret::Secret;
use keyfold::service::{Request, Response};
use std::collections::BTreeMap;
use std::path::Path;

/// A generated password of fewer bits falls to who has its hash and patience.
const WEAK_BITS: f64 = 50.0;

/// What flags and standard input say about an item's fields.
#[derive(Default)]
pub(crate) struct Wishes {
    pub(crate) fields: Vec<DraftField>,
    pub(crate) urls: Vec<String>,
    pub(crate) tags: Vec<String>,
}

pub(crate) fn run(context: &mut Context, args: Add) -> Result<(), Failure> {
    let (folder, title) = split_path(&args.name);
    if title.is_empty() {
        return Err(Failure::usage("an item needs a title"));
    }
    let kind = args.item.kind.as_deref().map(item_kind).transpose()?;
    let mut session = Session::open(context)?;
    let taken = same_path(context, &mut session, &folder, &title)?;
    if let (Some(id), true) = (taken, args.or_update) {
        return super::edit::apply_flags(context, &mut session, id, &args.item);
    }
    if taken.is_some() && !args.duplicate {
        return Err(
            self::taken(&folder, &title).hint("--or-update changes it, --duplicate adds another")
        );
    }
    let kind = kind.unwrap_or_default();
    let wishes = wishes(context, &args.item, kind, Asks::MainSecret)?;
    let path = join_path(&folder, &title);
    let chosen = if args.item.no_check {
        Chosen::default()
    } else {
        let fields = wishes.fields.iter();
        let set = fields.map(|field| (&field.name, field.kind, &field.value));
        Chosen::of(set, drawn_field(&args.item, kind))
    };
    let draft = Draft {
        kind,
        title,
        folder,
        fields: wishes.fields,
        urls: wishes.urls,
        tags: wishes.tags,
        ..Draft::default()
    };
    let Response::Added(ids) = session.ask(context, Request::Add(vec![draft]))? else {
        return Err(unexpected());
    };
    if context.output.json {
        let added = session.items(context, Request::Rows(ids.clone()))?;
        ls::print(context, &added)?;
    } else {
        context.output.note(&format!("Added {path}"));
    }
    chosen.tell(context, &mut session, &ids);
    Ok(())
}

/// The standard field that flags have generated: nobody chose what is in it.
pub(crate) fn drawn_field(flags: &ItemFlags, kind: ItemKind) -> Option<u8> {
    flags.generates().then(|| main_of(kind))
}

/// The field that `get` prints.
fn main_of(kind: ItemKind) -> u8 {
    kind.template().first().copied().unwrap_or(field::PASSWORD)
}

/// The item that has exactly this path, unless it lies in the trash.
pub(crate) fn same_path(
    context: &mut Context,
    session: &mut Session,
    folder: &str,
    title: &str,
) -> Result<Option<ItemId>, Failure> {
    let (folder, title) = (folder.to_owned(), title.to_owned());
    let there = session.items(context, Request::AtPath { folder, title })?;
    Ok(there.first().map(|item| item.id))
}

/// Fails where another item than this one has the path already.
pub(crate) fn refuse_taken(
    context: &mut Context,
    session: &mut Session,
    path: &str,
    item: ItemId,
) -> Result<(), Failure> {
    let (folder, title) = split_path(path);
    match same_path(context, session, &folder, &title)? {
        Some(id) if id != item => {
            Err(taken(&folder, &title).hint("rename or remove that one first"))
        }
        _ => Ok(()),
    }
}

/// The failure of a command that would make a second item of this path.
pub(crate) fn taken(folder: &str, title: &str) -> Failure {
    let path = join_path(folder, title);
    Failure::failed(format!("there is an item {path} already"))
}

/// Whether the item's main secret is asked for where no flag brings it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asks {
    /// On a terminal it is; where flags want it drawn it is.
    MainSecret,
    /// Only what flags bring. What they want drawn is drawn for each item by [`generated`].
    Nothing,
}

/// Collects what flags say; secrets come by prompt, standard input or generation, never from the flags themselves.
pub(crate) fn wishes(
    context: &mut Context,
    flags: &ItemFlags,
    kind: ItemKind,
    asks: Asks,
) -> Result<Wishes, Failure> {
    let notes_from_stdin = flags.note_file.as_deref() == Some(Path::new("-"));
    if notes_from_stdin && (flags.secret_stdin || flags.otp_stdin || flags.json_stdin) {
        return Err(
            Failure::usage("standard input cannot be the notes and a secret")
                .hint("--json-stdin takes both at once"),
        );
    }
    let mut wishes = Wishes {
        urls: flags.url.clone(),
        tags: flags.tag.clone(),
        ..Wishes::default()
    };
    let main = main_of(kind);
    if let Some(username) = &flags.username {
        wishes.push(FieldName::Standard(field::USERNAME), username.clone());
    }
    if let Some(rules) = &flags.rules {
        // Rules that nothing understands would be found out only at the next change.
        Rules::parse(rules).map_err(|error| Failure::usage(error.to_string()))?;
        wishes.push(FieldName::Standard(field::PASSWORD_RULES), rules.clone());
    }
    if let Some(secret) = main_secret(context, flags, asks, main)? {
        wishes.push_secret(main, secret);
    }
    if flags.otp_stdin {
        wishes.push_seed(context, prompt::secret_from_stdin()?)?;
    }
    for text in &flags.field {
        let (name, value) = text.split_once('=').ok_or_else(|| {
            Failure::usage(format!("--field {text} has no =")).hint("--field NAME=VALUE")
        })?;
        let name = FieldName::from_text(name);
        if kind_of(&name).is_secret() {
            return Err(Failure::usage(format!(
                "{} is a secret and does not belong on the command line",
                name.as_text()
            ))
            .hint(format!("--secret-field {} asks for it", name.as_text())));
        }
        wishes.push(name, value.to_owned());
    }
    for name in &flags.secret_field {
        let secret = prompt::secret(context, &format!("{name}: "))?;
        let name = FieldName::from_text(name);
        let kind = if kind_of(&name) == FieldKind::Otp {
            FieldKind::Otp
        } else {
            FieldKind::Secret
        };
        wishes.fields.push(DraftField {
            name,
            kind,
            value: DraftValue::Secret(secret),
        });
    }
    if let Some(note) = &flags.note {
        wishes.push(FieldName::Standard(field::NOTES), note.clone());
    }
    if let Some(path) = &flags.note_file {
        let text = prompt::text_file(path)?;
        // EXPOSE: notes are no secret field.
        wishes.push(FieldName::Standard(field::NOTES), text.expose().to_owned());
    }
    if flags.json_stdin {
        wishes.read_json(context, &prompt::secret_from_stdin()?)?;
    }
    Ok(wishes)
}

fn main_secret(
    context: &mut Context,
    flags: &ItemFlags,
    asks: Asks,
    main: u8,
) -> Result<Option<Secret>, Failure> {
    if flags.generates() {
        return match asks {
            Asks::MainSecret => generated(context, flags, None),
            Asks::Nothing => Ok(None),
        };
    }
    if flags.secret_stdin {
        return prompt::secret_from_stdin().map(Some);
    }
    let brings_other = flags.json_stdin || flags.otp_stdin;
    if asks == Asks::Nothing || brings_other || !context.may_ask() {
        return Ok(None);
    }
    let name = field::standard_field(main).map_or("secret", |row| row.0);
    let typed = prompt::secret(context, &format!("{name} (empty for none): "))?;
    Ok((!typed.is_empty()).then_some(typed))
}

/// The main secret that flags want drawn. The rules that the item remembers hold where no flag brings others.
pub(crate) fn generated(
    context: &mut Context,
    flags: &ItemFlags,
    remembered: Option<&str>,
) -> Result<Option<Secret>, Failure> {
    let usage = |error: RulesError| Failure::usage(error.to_string());
    let made = if let Some(length) = flags.generate {
        let rules = match (&flags.rules, remembered) {
            (Some(text), _) => Rules::parse(text).map_err(usage)?,
            (None, Some(text)) => Rules::parse(text).map_err(|error| {
                Failure::failed(format!("the item's password-rules are no rules: {error}"))
                    .hint("--rules TEXT replaces them, --remove-field password-rules drops them")
            })?,
            (None, None) => Rules::default(),
        };
        let rules = match length {
            Some(length) => rules.with_length(usize::from(length)),
            None => rules,
        };
        generate::password(&mut context.rng, &rules).map_err(usage)?
    } else if let Some(words) = flags.words {
        let phrase = Phrase {
            words: usize::from(words),
            ..Phrase::default()
        };
        generate::passphrase(&mut context.rng, &phrase).map_err(usage)?
    } else {
        return Ok(None);
    };
    context
        .output
        .note(&format!("Generated: {:.1} bits", made.entropy_bits));
    if let (Some(_), None, Some(_)) = (flags.generate, &flags.rules, remembered)
        && made.entropy_bits < WEAK_BITS
    {
        context.output.warn(&format!("That password has only {:.1} bits: the password-rules that the item remembers allow no more, or the length that was given. --rules TEXT replaces them, --remove-field password-rules drops them.", made.entropy_bits));
    }
    Ok(Some(made.value))
}

/// The kind that a field of this name has.
fn kind_of(name: &FieldName) -> FieldKind {
    match name {
        FieldName::Standard(number) => {
            field::standard_field(*number).map_or(FieldKind::Text, |row| row.1)
        }
        FieldName::Custom(_) => FieldKind::Text,
    }
}

impl Wishes {
    fn push(&mut self, name: FieldName, value: String) {
        let kind = kind_of(&name);
        self.fields.push(DraftField {
            name,
            kind,
            value: DraftValue::new(kind, value),
        });
    }

    fn push_secret(&mut self, number: u8, secret: Secret) {
        let name = FieldName::Standard(number);
        let kind = kind_of(&name);
        self.fields.push(DraftField {
            name,
            kind,
            value: DraftValue::Secret(secret),
        });
    }

    /// A seed is tried before it is stored: a wrong one would be noticed only at the next login.
    pub(crate) fn push_seed(&mut self, context: &Context, text: Secret) -> Result<(), Failure> {
        let seed = Seed::parse(&text).map_err(|error| {
            Failure::failed(format!("that is no one-time password seed: {error}"))
        })?;
        for warning in seed.warnings() {
            context.output.warn(&format!("{warning}"));
        }
        self.push_secret(field::OTP, text);
        Ok(())
    }

    /// `{"password": "…", "urls": ["…"], "tags": ["…"], "pin": {"kind": "secret", "value": "…"}, …}`
    fn read_json(&mut self, context: &Context, text: &Secret) -> Result<(), Failure> {
        #[derive(serde::Deserialize)]
        #[serde(untagged)]
        enum Given {
            Text(String),
            List(Vec<String>),
            Field { kind: String, value: String },
        }
        // EXPOSE: the fields are taken out of the JSON here.
        let given: BTreeMap<String, Given> =
            serde_json::from_str(text.expose()).map_err(|error| {
                // The parser's own message would quote what stands there.
                Failure::usage(format!(
                    "standard input is not a JSON object of fields, at line {} column {}",
                    error.line(),
                    error.column()
                ))
            })?;
        for (name, value) in given {
            match (name.as_str(), value) {
                ("urls", Given::List(list)) => self.urls.extend(list),
                ("url", Given::Text(url)) => self.urls.push(url),
                ("tags", Given::List(list)) => self.tags.extend(list),
                ("otp", Given::Text(seed)) => self.push_seed(context, Secret::new(seed))?,
                (_, Given::Text(text)) => self.push(FieldName::from_text(&name), text),
                (_, Given::Field { kind, value }) => {
                    let kind = FieldKind::from_name(&kind)
                        .ok_or_else(|| Failure::usage(format!("there is no field kind {kind}")))?;
                    let name = FieldName::from_text(&name);
                    // A standard field keeps its own kind: a password never becomes plain text.
                    let kind = if matches!(name, FieldName::Standard(_)) {
                        kind_of(&name)
                    } else {
                        kind
                    };
                    self.fields.push(DraftField {
                        name,
                        kind,
                        value: DraftValue::new(kind, value),
                    });
                }
                (_, Given::List(_)) => {
                    return Err(Failure::usage(format!("{name} cannot be a list")));
                }
            }
        }
        Ok(())
    }
}
