//! How long the machine itself stood still: a thread that only sleeps, as nice as the daemon, and how late it wakes.
//!
//! Must not do anything else: what it sees is nobody's fault but the machine's.

use rustix::process::setpriority_process;
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// How long it sleeps.
const NAP: Duration = Duration::from_millis(5);
/// What is less is no standstill.
const LEAST: Duration = Duration::from_millis(10);

/// What such a thread has seen.
#[derive(Clone, Default)]
pub(super) struct Yardstick(Arc<Mutex<Vec<(Instant, Instant)>>>);

impl Yardstick {
    /// Begins to watch, until this process ends.
    pub(super) fn begin(nice: i32) -> anyhow::Result<Self> {
        let yardstick = Self::default();
        let seen = yardstick.clone();
        std::thread::Builder::new().name("yardstick".into()).spawn(move || {
            // Of this thread alone. Where that is refused it is quicker, and excuses less.
            let _ = setpriority_process(None, nice);
            loop {
                let due = Instant::now() + NAP;
                std::thread::sleep(NAP);
                let woke = Instant::now();
                if woke.saturating_duration_since(due) >= LEAST {
                    seen.0.lock().unwrap_or_else(PoisonError::into_inner).push((due, woke));
                }
            }
        })?;
        Ok(yardstick)
    }

    /// How long it stood still between two moments.
    pub(super) fn stood_still(&self, from: Instant, to: Instant) -> Duration {
        overlap(&self.0.lock().unwrap_or_else(PoisonError::into_inner), from, to)
    }

    /// The longest that it ever stood still.
    pub(super) fn longest(&self) -> Duration {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.iter().map(|(due, woke)| woke.duration_since(*due)).max().unwrap_or_default()
    }
}

fn overlap(stalls: &[(Instant, Instant)], from: Instant, to: Instant) -> Duration {
    stalls
        .iter()
        .map(|(due, woke)| (*woke).min(to).saturating_duration_since((*due).max(from)))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_fell_within_excuses() {
        let zero = Instant::now();
        let at = |ms: u64| zero + Duration::from_millis(ms);
        let stalls = [(at(10), at(40)), (at(100), at(160))];
        let ms = |from, to| overlap(&stalls, at(from), at(to)).as_millis();
        assert_eq!(ms(0, 200), 90);
        assert_eq!(ms(20, 110), 30);
        assert_eq!(ms(40, 100), 0);
    }
}
