//! `restore`: back from the trash.

use crate::cli::Several;
use crate::commands::rm::set_life;
use crate::context::Context;
use crate::failure::Failure;
use keyfold::model::query::Scope;
use keyfold::state::view::Life;

pub(crate) fn run(context: &mut Context, args: &Several) -> Result<(), Failure> {
    set_life(context, args, Scope::Trash, Life::Alive, "Back")
}
