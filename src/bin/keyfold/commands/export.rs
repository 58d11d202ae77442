//! `export`.

use crate::cli::Export;
use crate::context::Context;
use crate::failure::Failure;

pub(crate) fn run(_context: &mut Context, _args: &Export) -> Result<(), Failure> {
    Err(Failure::failed("not yet"))
}
