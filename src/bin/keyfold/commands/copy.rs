//! `copy`: one field's value to the clipboard.

use crate::cli::CopyField;
use crate::clipboard;
use crate::commands::copying::{Copied, Way};
use crate::commands::value::{pick, value};
use crate::context::Context;
use crate::failure::Failure;
use crate::session::Session;

pub(crate) fn run(context: &mut Context, args: &CopyField) -> Result<(), Failure> {
    if let Some(leash) = args.holder {
        return clipboard::hold(context, leash);
    }
    let way = Way::find(context, &args.how)?;
    let mut session = Session::open(context)?;
    let picked = pick(context, &mut session, &args.wanted)?;
    let found = value(context, &mut session, &picked)?;
    let copied = Copied {
        item: Some(&picked.item.path()),
        field: &found.name,
    };
    way.copy(context, Some(&mut session), &copied, found.secret)
}
