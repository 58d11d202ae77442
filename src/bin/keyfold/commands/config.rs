//! `config`: what is in force and why, and how to change it.

use crate::cli::{Config, ConfigAction};
use crate::commands::audit::lists::{BREACH_LIST, TWO_FACTOR_LIST};
use crate::context::{Context, InForce, SETTINGS};
use crate::failure::Failure;
use keyfold::storage::{StorageError, folder_of, replace_file};
use serde::Serialize;
use std::path::PathBuf;

/// Settings that are tables of paths, each with a name.
const TABLES: [&str; 2] = ["vaults", "backups"];

#[derive(Serialize)]
struct Row {
    setting: &'static str,
    value: String,
    why: String,
}

pub(crate) fn run(context: &mut Context, args: &Config) -> Result<(), Failure> {
    match &args.action {
        Some(ConfigAction::Set { key, value }) => set(context, key, value),
        None => show(context),
    }
}

fn show(context: &mut Context) -> Result<(), Failure> {
    let row = |setting, InForce { value, why }| Row {
        setting,
        value,
        why,
    };
    let mut rows = vec![
        row("vault", context.vault()?),
        row("state", context.state_folder()?),
        row("config", context.config_path()?),
        row("device", context.device_name()?),
    ];
    for setting in SETTINGS
        .iter()
        .filter(|setting| !is_told_above(setting.name))
    {
        rows.extend(
            context
                .in_force(setting)?
                .map(|found| row(setting.name, found)),
        );
    }
    for setting in SETTINGS.iter().filter(|setting| setting.default.is_none()) {
        let is_shown =
            setting.name.contains('.') || rows.iter().any(|row| row.setting == setting.name);
        if let (false, Some(found)) = (is_shown, context.in_force(setting)?) {
            rows.push(row(setting.name, found));
        }
    }
    for table in TABLES {
        let named = context.table(table)?.into_iter();
        rows.extend(named.map(|(name, path)| Row {
            setting: table,
            value: path,
            why: format!("called {name}"),
        }));
    }
    if context.output.json {
        #[derive(Serialize)]
        struct All {
            schema: u32,
            settings: Vec<Row>,
        }
        return context.output.json(&All {
            schema: 1,
            settings: rows,
        });
    }
    for row in rows {
        context
            .output
            .line(&format!("{} = {}  ({})", row.setting, row.value, row.why))?;
    }
    Ok(())
}

/// Settings that are shown with what they come to.
fn is_told_above(name: &str) -> bool {
    ["vault", "vaults.NAME", "device"].contains(&name)
}

/// A path that means the same from everywhere.
fn from_everywhere(key: &str, value: &str) -> Result<String, Failure> {
    if ![BREACH_LIST, TWO_FACTOR_LIST].contains(&key) || value.is_empty() {
        return Ok(value.to_owned());
    }
    Ok(std::path::absolute(value)?.display().to_string())
}

fn set(context: &mut Context, key: &str, value: &str) -> Result<(), Failure> {
    let value = &*from_everywhere(key, value)?;
    let known = match key.split_once('.') {
        Some((table, name)) if TABLES.contains(&table) => {
            !name.is_empty() && !name.contains(['.', '/'])
        }
        None => SETTINGS.iter().any(|setting| setting.name == key),
        Some(_) => false,
    };
    if !known {
        let settings: Vec<String> = SETTINGS
            .iter()
            .map(|setting| format!("{}: {}", setting.name, setting.meaning))
            .collect();
        return Err(Failure::usage(format!("there is no setting {key}")).candidates(settings));
    }
    let value = match key.split_once('.') {
        // A timer starts in another folder.
        Some(("backups", _)) if !value.is_empty() => absolute(value)?,
        _ => value.to_owned(),
    };
    let path = PathBuf::from(context.config_path()?.value);
    let config = context.config()?;
    match key.split_once('.') {
        Some((table, name)) => {
            let rows = config.entry(table).or_insert_with(toml_edit::table);
            let rows = rows
                .as_table_like_mut()
                .ok_or_else(|| Failure::usage(format!("[{table}] must be a table")))?;
            if value.is_empty() {
                drop(rows.remove(name))
            } else {
                drop(rows.insert(name, toml_edit::value(value)))
            }
        }
        None if value.is_empty() => drop(config.remove(key)),
        None => drop(config.insert(key, toml_edit::value(value))),
    }
    let text = config.to_string();
    context.storage.make_folder(&folder_of(&path))?;
    let mut parts = std::iter::once(Ok::<_, StorageError>(text));
    replace_file(&*context.storage, &path, &mut parts, &mut context.rng)?;
    context
        .output
        .note(&format!("Written to {}.", path.display()));
    Ok(())
}

fn absolute(path: &str) -> Result<String, Failure> {
    let path = std::path::absolute(path)?;
    let text = path.into_os_string().into_string();
    text.map_err(|_| Failure::usage("the current folder's name is not UTF-8"))
}
