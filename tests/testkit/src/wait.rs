//! Waiting for events, with a hard limit and a word for what was waited for.
//!
//! Must not poll: whatever is waited for wakes the waiter.

use futures_util::{Stream, StreamExt as _};
use std::{future::Future, time::Duration};

/// Long enough for a loaded machine of two cores that trains the encoder's heads for the first
/// time; nothing waits this long when all is well.
pub const LIMIT: Duration = Duration::from_secs(120);

/// The outcome of a future, at most [`LIMIT`] from now.
///
/// # Panics
/// When the limit passes: the test fails and says what never came.
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(LIMIT, future).await {
        Ok(value) => value,
        Err(_) => panic!("{what} did not happen within {} s", LIMIT.as_secs()),
    }
}

/// The first item of a stream for which `pick` gives something.
///
/// # Panics
/// When the stream ends or [`LIMIT`] passes first.
pub async fn until<S, T>(
    what: &str,
    stream: &mut S,
    mut pick: impl FnMut(S::Item) -> Option<T>,
) -> T
where
    S: Stream + Unpin,
{
    within(what, async {
        while let Some(item) = stream.next().await {
            if let Some(found) = pick(item) {
                return found;
            }
        }
        panic!("the stream ended before {what}")
    })
    .await
}
