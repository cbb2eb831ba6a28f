//! The clock of a turn: monotonic instants as data, and one deadline that only shrinks.
//!
//! Must not read a clock; whoever makes a turn passes the time in, so that a dialogue
//! can be replayed from a log.

use std::time::Duration;

/// Microseconds since the daemon started, monotonic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Instant(pub u64);

impl Instant {
    /// This instant plus `by`, saturating.
    #[must_use]
    pub fn after(self, by: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(by.as_micros()).unwrap_or(u64::MAX)))
    }

    /// Time from `earlier` to here; zero when `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

/// When a turn must have answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Instant);

impl Deadline {
    /// A deadline `budget` after `now`.
    #[must_use]
    pub fn new(now: Instant, budget: Duration) -> Self {
        Self(now.after(budget))
    }

    /// The earlier of this deadline and `budget` after `now`: a deadline only shrinks.
    #[must_use]
    pub fn shrink(self, now: Instant, budget: Duration) -> Self {
        Self(self.0.min(now.after(budget)))
    }

    /// What is left at `now`; zero once it has passed.
    #[must_use]
    pub fn left(self, now: Instant) -> Duration {
        self.0.since(now)
    }

    /// The instant itself.
    #[must_use]
    pub fn at(self) -> Instant {
        self.0
    }

    /// Whether it has passed at `now`.
    #[must_use]
    pub fn is_over(self, now: Instant) -> bool {
        now >= self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_never_grows() {
        let start = Instant(0);
        let d = Deadline::new(start, Duration::from_millis(500));
        assert_eq!(d.shrink(start, Duration::from_secs(9)), d);
        let e = d.shrink(start, Duration::from_millis(100));
        assert_eq!(e.left(Instant(40_000)), Duration::from_millis(60));
        assert!(e.is_over(Instant(100_000)));
    }
}
