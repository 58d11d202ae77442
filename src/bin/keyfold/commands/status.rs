//! `status`: where this device stands.

use crate::commands::backup::describe_age;
use crate::context::Context;
use crate::escape::escape;
use crate::failure::Failure;
use crate::notices::{self, plural};
use crate::session::{Session, unexpected};
use keyfold::model::moment::Moment;
use keyfold::service::{Request, Response};
use keyfold::state::devices::{DeviceRow, Standing};
use keyfold::vault::{Event, FileState, NotedBackup, Presence, Status, known_vault, noted_backups};
use serde::Serialize;

/// Events that a terminal shows.
const EVENTS: usize = 5;
/// A vault file worth compacting is at least this long, and so many times what its records need.
const LARGE: u64 = 1 << 20;
const SPREAD: u64 = 3;

#[derive(Serialize)]
struct Report {
    schema: u32,
    vault: String,
    file: &'static str,
    file_reason: Option<String>,
    file_bytes: Option<u64>,
    generation: usize,
    records: usize,
    devices: Vec<Device>,
    pending: usize,
    gaps: Vec<Gap>,
    reviews: usize,
    conflicts: usize,
    events: Vec<Happened>,
    backup: Option<Backup>,
}

/// The newest backup that was verified.
#[derive(Serialize)]
struct Backup {
    file: String,
    target: String,
    made: String,
    last_verified: String,
    age_secs: u64,
    /// Whether it was seen there just now; its disk may be elsewhere.
    there: bool,
}

#[derive(Serialize)]
struct Device {
    id: String,
    name: Option<String>,
    last_change: Option<String>,
    ahead: u64,
    behind: Option<usize>,
    this_device: bool,
    retired: bool,
}

#[derive(Serialize)]
struct Gap {
    device: String,
    missing: u64,
}

#[derive(Serialize)]
struct Happened {
    at: String,
    what: String,
}

pub(crate) fn run(context: &mut Context) -> Result<(), Failure> {
    let mut session = Session::open(context)?;
    let Response::Status(status) = session.ask(context, Request::Status)? else {
        return Err(unexpected());
    };
    let Response::Devices(devices, _) = session.ask(context, Request::Devices)? else {
        return Err(unexpected());
    };
    let path = context.places()?.vault_file.display().to_string();
    let now = context.now();
    let backup = newest_backup(context)?;
    if context.output.json {
        let backup = backup.map(|(noted, there)| Backup::new(&noted, there, now));
        let mut report = report(path, *status, devices);
        report.backup = backup;
        return context.output.json(&report);
    }
    let mut lines = lines(&path, &status, &devices);
    let events = lines.iter().position(|(name, _)| *name == "event");
    let at = events.unwrap_or(lines.len());
    lines.insert(at, ("backup", backup_words(backup.as_ref(), now)));
    for (name, text) in lines {
        context
            .output
            .raw(format!("{name:<12}{}\n", escape(&text)).as_bytes())?;
    }
    if status
        .file_length
        .is_some_and(|length| length >= LARGE && length > SPREAD * status.packed)
    {
        context
            .output
            .note("keyfold compact would write the vault file a good deal smaller.");
    }
    Ok(())
}

/// The newest backup that was verified and is not known to be gone.
fn newest_backup(context: &mut Context) -> Result<Option<(NotedBackup, bool)>, Failure> {
    let places = context.places()?;
    let storage = &*context.storage;
    let Some(vault) = known_vault(storage, &places)? else {
        return Ok(None);
    };
    let now = context.now();
    let noted = noted_backups(storage, &places, vault).into_iter();
    let credible = noted.filter(|backup| !backup.is_of_the_future(now));
    let mut left = credible.filter_map(|backup| match backup.presence(storage, vault) {
        Presence::There => Some((backup, true)),
        Presence::Away => Some((backup, false)),
        Presence::Gone | Presence::Changed => None,
    });
    Ok(left.next())
}

impl Backup {
    fn new(noted: &NotedBackup, there: bool, now: Moment) -> Self {
        Self {
            file: noted.path().display().to_string(),
            target: noted.folder.display().to_string(),
            made: noted.made.to_rfc3339(),
            last_verified: noted.verified.to_rfc3339(),
            age_secs: now.0.saturating_sub(noted.made.0) / 1000,
            there,
        }
    }
}

fn backup_words(backup: Option<&(NotedBackup, bool)>, now: Moment) -> String {
    let Some((noted, there)) = backup else {
        return "none that is known here; keyfold backup --to FOLDER makes one".to_owned();
    };
    let away = if *there {
        ""
    } else {
        ", which is not there now"
    };
    format!(
        "made {}, verified {}, in {}{away}",
        describe_age(noted.made, now),
        describe_age(noted.verified, now),
        noted.folder.display()
    )
}

fn file_words(state: &FileState) -> (&'static str, Option<String>) {
    match state {
        FileState::Complete => ("complete", None),
        FileState::Behind => ("behind", None),
        FileState::OtherKey => ("other-key", None),
        FileState::Absent => ("absent", None),
        FileState::Unusable(reason) => ("unusable", Some(reason.clone())),
    }
}

fn what_happened(event: &Event) -> String {
    match notices::calm(&event.notice) {
        Some(text) => text,
        None => notices::briefly(&event.notice).to_owned(),
    }
}

fn lines(path: &str, status: &Status, devices: &[DeviceRow]) -> Vec<(&'static str, String)> {
    let size = status.file_length.map_or(String::new(), |length| {
        format!(", {} KiB", length.div_ceil(1024))
    });
    let file = match &status.file {
        FileState::Complete => "holds everything".to_owned(),
        FileState::Behind => "lacks changes that this device has".to_owned(),
        FileState::OtherKey => {
            "lies under another key; open it once with the new password".to_owned()
        }
        FileState::Absent => "is not there".to_owned(),
        FileState::Unusable(reason) => format!("cannot be used: {reason}"),
    };
    let mut lines = vec![
        ("vault", path.to_owned()),
        ("file", format!("{file}{size}")),
        (
            "changes",
            format!(
                "{} here, {} waiting for the vault file",
                status.records, status.pending
            ),
        ),
    ];
    if status.generation > 0 {
        lines.push(("key", plural(status.generation, "rekey", "rekeys")));
    }
    for device in devices
        .iter()
        .filter(|row| row.standing != Standing::Retired)
    {
        let name = if device.name.is_empty() {
            device.id.to_string()
        } else {
            device.name.clone()
        };
        let mut text = name;
        if device.standing == Standing::This {
            text.push_str(" (this device)");
        }
        if let Some(moment) = device.last_change {
            text.push_str(&format!(
                ", last change {}",
                moment.to_rfc3339().get(..16).unwrap_or_default()
            ));
        }
        if device.ahead > 0 {
            text.push_str(&format!(", {} of it missing here", device.ahead));
        }
        if let Some(behind) = device.behind.filter(|behind| *behind > 0) {
            text.push_str(&format!(", had not seen {behind} of ours then"));
        }
        lines.push(("device", text));
    }
    if status.conflicts > 0 {
        let items = plural(status.conflicts, "item", "items");
        lines.push(("conflicts", format!("{items}; keyfold conflicts")));
    }
    if !status.reviews.is_empty() {
        let files = plural(status.reviews.len(), "file", "files");
        lines.push(("review", format!("{files}; keyfold review")));
    }
    let skipped = status.events.len().saturating_sub(EVENTS);
    for event in status.events.iter().skip(skipped) {
        let at = event.at.to_rfc3339();
        let text = format!(
            "{} {}",
            at.get(..16).unwrap_or_default(),
            what_happened(event)
        );
        lines.push(("event", text));
    }
    lines
}

fn report(path: String, status: Status, devices: Vec<DeviceRow>) -> Report {
    let (file, file_reason) = file_words(&status.file);
    let devices = devices.into_iter().map(|row| Device {
        id: row.id.to_string(),
        this_device: row.standing == Standing::This,
        retired: row.standing == Standing::Retired,
        name: (!row.name.is_empty()).then_some(row.name),
        last_change: row.last_change.map(|moment| moment.to_rfc3339()),
        ahead: row.ahead,
        behind: row.behind,
    });
    Report {
        schema: 1,
        vault: path,
        file,
        file_reason,
        file_bytes: status.file_length,
        generation: status.generation,
        records: status.records,
        devices: devices.collect(),
        pending: status.pending,
        gaps: status
            .gaps
            .iter()
            .map(|(device, missing)| Gap {
                device: device.to_string(),
                missing: *missing,
            })
            .collect(),
        reviews: status.reviews.len(),
        conflicts: status.conflicts,
        events: status
            .events
            .iter()
            .map(|event| Happened {
                at: event.at.to_rfc3339(),
                what: what_happened(event),
            })
            .collect(),
        backup: None,
    }
}
