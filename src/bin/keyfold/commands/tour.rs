//! `tour`.

use crate::context::Context;
use crate::failure::Failure;

pub(crate) fn run(_context: &mut Context) -> Result<(), Failure> {
    Err(Failure::failed("not yet"))
}
