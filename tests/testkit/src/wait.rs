//! Waiting for events, with a hard limit and a word for what was waited for.
//!
//! Must not poll: whatever is waited for wakes the waiter.

use futures_util::{FutureExt as _, Stream, StreamExt as _};
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

/// What has arrived on a stream by now, in order. A message that a connection got before an
/// answer is here once that answer is.
pub fn arrived<S>(stream: &mut S) -> Vec<S::Item>
where
    S: Stream + Unpin,
{
    std::iter::from_fn(|| stream.next().now_or_never().flatten()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_has_arrived_is_taken_and_what_has_not_is_not_waited_for() {
        let (to, from) = tokio::sync::mpsc::unbounded_channel();
        let mut stream = std::pin::pin!(futures_util::stream::unfold(from, |mut from| async {
            from.recv().await.map(|item| (item, from))
        }));
        for number in 0..3 {
            to.send(number).expect("somebody listens");
        }
        assert_eq!(arrived(&mut stream), [0, 1, 2]);
        to.send(3).expect("somebody listens");
        assert_eq!(arrived(&mut stream), [3]);
        assert!(arrived(&mut stream).is_empty());
    }
}
