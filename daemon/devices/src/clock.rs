//! Time for the simulator, so that a test turns a clock by hand and nothing sleeps there.
//!
//! Must not know what is waited for.

use std::{
    sync::{Condvar, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Counts changes and wakes who waits for the next one.
#[derive(Debug, Default)]
pub struct Changes {
    count: Mutex<u64>,
    moved: Condvar,
}

impl Changes {
    /// How many changes there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        *self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Blocks until there were more than `seen` changes, at most `at_most`.
    pub fn wait_past(&self, seen: u64, at_most: Duration) {
        let count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        drop(
            self.moved
                .wait_timeout_while(count, at_most, |count| *count == seen)
                .unwrap_or_else(PoisonError::into_inner),
        );
    }

    /// Notes a change.
    pub(crate) fn note(&self) {
        *self.count.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.moved.notify_all();
    }
}

/// A clock that only goes forward.
pub trait SimulationClock: Send + Sync {
    /// Time since some origin.
    fn now(&self) -> Duration;

    /// Lets time pass until there were more than `seen` changes, at most `at_most`.
    fn wait(&self, changes: &Changes, seen: u64, at_most: Duration);
}

/// The monotonic clock of the system.
#[derive(Debug)]
pub struct MonotonicClock(Instant);

impl MonotonicClock {
    /// A clock that starts at zero now.
    #[must_use]
    pub fn start() -> Self {
        Self(Instant::now())
    }
}

impl SimulationClock for MonotonicClock {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }

    fn wait(&self, changes: &Changes, seen: u64, at_most: Duration) {
        changes.wait_past(seen, at_most);
    }
}

/// A clock that moves when it is told to, and when somebody waits: waiting takes no real
/// time and moves it by the whole wait.
#[derive(Debug, Default)]
pub struct ManualClock(Mutex<Duration>);

impl ManualClock {
    /// Moves the clock.
    pub fn advance(&self, by: Duration) {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *now = now.saturating_add(by);
    }
}

impl SimulationClock for ManualClock {
    fn now(&self) -> Duration {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait(&self, changes: &Changes, seen: u64, at_most: Duration) {
        if changes.count() == seen {
            self.advance(at_most);
        }
    }
}
