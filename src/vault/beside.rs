//! Two things at once, where the machine lets them be.

use std::thread;

/// Does the one in a thread of its own, if it has an input, while the other is done here.
pub(super) fn beside<I: Send, O: Send, H>(
    mut input: Option<I>,
    there: impl Fn(I) -> O + Sync,
    here: impl FnOnce() -> H,
) -> (Option<O>, H) {
    let mut output = None;
    let done_here = thread::scope(|scope| {
        if input.is_some() {
            let (input, output, there) = (&mut input, &mut output, &there);
            let running = move || *output = input.take().map(there);
            drop(thread::Builder::new().spawn_scoped(scope, running));
        }
        here()
    });
    // A machine without room for a thread has time.
    (output.or_else(|| input.map(there)), done_here)
}
