//! `export --format qr`: one-time password seeds as QR codes, on the terminal or as a picture each.

use super::{ShownRemark, tell_remarks, write_new_file};
use crate::cli::Export;
use crate::context::Context;
use crate::failure::{Failure, Kind};
use keyfold::exchange::export::{ExportFormat, Exported};
use keyfold::model::file_name;
use keyfold::otp::Seed;
use keyfold::otp::qr::Qr;
use keyfold::secret::Secret;
use serde::Serialize;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What the format is called.
pub(super) const NAME: &str = "qr";

/// One code: whose it is, and the file that holds it where it was not shown.
pub(super) struct Drawn {
    name: String,
    file: Option<PathBuf>,
}

/// The format whose lines are drawn, where the options go together with it.
pub(super) fn check(context: &Context, args: &Export) -> Result<ExportFormat, Failure> {
    if args.for_spreadsheet
        || args.export_password_file.is_some()
        || !args.recipient.is_empty()
        || args.files_beside
    {
        return Err(Failure::usage(
            "QR codes are neither a table nor encrypted, and take no files along",
        ));
    }
    match &args.output {
        None if context.output.json => Err(Failure::usage(
            "--json prints one document, and codes are none",
        )
        .hint("--output FOLDER takes a picture of each")),
        Some(folder) if !folder.is_dir() => {
            let text = format!("there is no folder {}", folder.display());
            Err(Failure::new(Kind::NotFound, text).hint("each code is a picture of its own in it"))
        }
        _ => Ok(ExportFormat::Otpauth),
    }
}

/// Draws every otpauth URI; pictures all or none.
pub(super) fn write(
    context: &Context,
    folder: Option<&Path>,
    lines: &[u8],
) -> Result<Vec<Drawn>, Failure> {
    let text = str::from_utf8(lines).map_err(|_| Failure::failed("a seed is no text"))?;
    let mut drawn = Vec::new();
    let mut taken = BTreeSet::new();
    for line in text.lines() {
        let uri = Secret::new(line.to_owned());
        let outcome = draw(context, folder, &uri, &mut taken);
        match outcome {
            Ok(one) => drawn.push(one),
            Err(failure) => {
                for file in drawn.iter().filter_map(|one| one.file.as_ref()) {
                    drop(context.storage.remove(file));
                }
                return Err(failure);
            }
        }
    }
    Ok(drawn)
}

fn draw(
    context: &Context,
    folder: Option<&Path>,
    uri: &Secret,
    taken: &mut BTreeSet<String>,
) -> Result<Drawn, Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::failed(error.to_string());
    let seed = Seed::parse(uri).map_err(|error| failed(&error))?;
    let name = match (seed.issuer(), seed.account()) {
        ("", account) => account.to_owned(),
        (issuer, "") => issuer.to_owned(),
        (issuer, account) => format!("{issuer} {account}"),
    };
    let code = Qr::new(uri).map_err(|error| failed(&error))?;
    let Some(folder) = folder else {
        context.output.line(&name)?;
        context.output.code(&code)?;
        return Ok(Drawn { name, file: None });
    };
    let plain = file_name::sanitise(&format!("{name}.png"));
    let file = file_name::number_until(&plain, |name| taken.insert(name.to_lowercase()));
    let file = folder.join(file);
    write_new_file(context, &file, &code.write_png())?;
    let file = Some(file);
    Ok(Drawn { name, file })
}

/// What was drawn, and what of the items the codes do not hold.
pub(super) fn tell(
    context: &Context,
    folder: Option<&Path>,
    drawn: &[Drawn],
    exported: &Exported,
) -> Result<(), Failure> {
    if let (true, Some(_)) = (context.output.json, folder) {
        #[derive(Serialize)]
        struct Shown<'a> {
            schema: u32,
            format: &'static str,
            codes: Vec<ShownCode<'a>>,
            entries: Vec<ShownRemark<'a>>,
        }
        #[derive(Serialize)]
        struct ShownCode<'a> {
            name: &'a str,
            file: Option<String>,
        }
        let codes = drawn.iter().map(|one| ShownCode {
            name: &one.name,
            file: one.file.as_ref().map(|file| file.display().to_string()),
        });
        return context.output.json(&Shown {
            schema: 1,
            format: NAME,
            codes: codes.collect(),
            entries: exported.remarks.iter().map(ShownRemark::from).collect(),
        });
    }
    tell_remarks(context, &exported.remarks);
    let place = folder.map_or(String::new(), |folder| format!(" to {}", folder.display()));
    context.output.note(&format!(
        "{} QR codes{place}, in clear: keep them short-lived.",
        drawn.len()
    ));
    Ok(())
}
