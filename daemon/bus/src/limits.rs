//! Limits of one sender: a token bucket for its calls and a bound on what it has in flight.

use std::time::{Duration, Instant};

/// Calls a sender may make at once before the rate counts.
pub const BURST: f64 = 4000.0;
/// Calls a second in the long run.
pub const CALLS_PER_SECOND: f64 = 2000.0;
/// Most calls of one sender without an answer.
pub const MAX_IN_FLIGHT: usize = 128;
/// Largest body of a call, bytes, checked before anything reads it. `ParseBatch` may be larger.
pub const MAX_BODY_BYTES: usize = 16 * 1024;
/// Largest body of `ParseBatch` and `SetVocabulary`, bytes.
pub const MAX_BATCH_BODY_BYTES: usize = 4 * 1024 * 1024;

/// A token bucket.
#[derive(Debug, Clone)]
pub struct Bucket {
    tokens: f64,
    filled: Instant,
}

impl Bucket {
    /// A full bucket.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self { tokens: BURST, filled: now }
    }

    /// Takes one token, or says how long to wait for it.
    ///
    /// # Errors
    /// The time until there is one.
    pub fn take(&mut self, now: Instant) -> Result<(), Duration> {
        let gained = now.saturating_duration_since(self.filled).as_secs_f64() * CALLS_PER_SECOND;
        self.tokens = (self.tokens + gained).min(BURST);
        self.filled = now;
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            return Ok(());
        }
        Err(Duration::from_secs_f64((1.0 - self.tokens) / CALLS_PER_SECOND))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_slowed_and_patience_is_served() {
        let start = Instant::now();
        let mut bucket = Bucket::new(start);
        let taken = (0..10_000).filter(|_| bucket.take(start).is_ok()).count();
        assert_eq!(taken, 4000);
        assert!(bucket.take(start + Duration::from_millis(10)).is_ok());
    }
}
