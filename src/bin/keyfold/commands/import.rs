//! `import`.

use crate::cli::Import;
use crate::context::Context;
use crate::failure::Failure;

pub(crate) fn run(_context: &mut Context, _args: &Import) -> Result<(), Failure> {
    Err(Failure::failed("not yet"))
}
