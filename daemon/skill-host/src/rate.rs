//! How often a skill may reach beyond its sandbox: one bucket of tokens for each kind of call, full at
//! first and filled again evenly over a minute. All turns of a skill draw from the same ones.
//!
//! Must not read a clock; the time comes in.

use std::time::Instant;
use valet_core::rates::Rates;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rated {
    HttpFetch,
    MqttCommand,
    DbusCall,
    Announcement,
    Alarm,
    StoreWrite,
}

const KINDS: usize = 6;
/// Most calls a minute that are told apart from any number of them.
const MAX_CALLS: u32 = 100_000;
/// A minute, ns; also what one call takes from a bucket that gets its calls of a minute each ns.
const MINUTE_NS: u64 = 60_000_000_000;

/// The buckets of one skill.
#[derive(Debug)]
pub(crate) struct Buckets {
    a_minute: [u64; KINDS],
    left: [u64; KINDS],
    filled: Instant,
    limited: u64,
}

impl Buckets {
    pub(crate) fn new(rates: &Rates, now: Instant) -> Self {
        let a_minute = [
            rates.http_fetches,
            rates.mqtt_commands,
            rates.dbus_calls,
            rates.announcements,
            rates.alarms,
            rates.store_writes,
        ]
        .map(|calls| u64::from(calls.min(MAX_CALLS)));
        let left = a_minute.map(|calls| calls * MINUTE_NS);
        Self { a_minute, left, filled: now, limited: 0 }
    }

    /// Takes one of a kind; false, and counted, where there is none left.
    pub(crate) fn take(&mut self, rated: Rated, now: Instant) -> bool {
        let since = now.saturating_duration_since(self.filled).as_nanos();
        // Whatever takes longer than a minute fills them all.
        let since = u64::try_from(since).unwrap_or(MINUTE_NS).min(MINUTE_NS);
        self.filled = self.filled.max(now);
        for (left, a_minute) in self.left.iter_mut().zip(self.a_minute) {
            *left = (*left + a_minute * since).min(a_minute * MINUTE_NS);
        }
        let left = &mut self.left[rated as usize];
        let taken = left.checked_sub(MINUTE_NS);
        match taken {
            Some(rest) => *left = rest,
            None => self.limited += 1,
        }
        taken.is_some()
    }

    /// How often there was none left.
    pub(crate) fn limited(&self) -> u64 {
        self.limited
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_bucket_empties_fills_evenly_and_counts_what_it_refused() {
        let start = Instant::now();
        let rates = Rates { mqtt_commands: 6, ..Rates::default() };
        let mut buckets = Buckets::new(&rates, start);
        let mut take =
            |after_s: u64| buckets.take(Rated::MqttCommand, start + Duration::from_secs(after_s));
        assert!((0..6).all(|_| take(0)), "a full bucket at once");
        assert!(!take(0) && !take(9), "nine tenths of one is none");
        assert!(take(10) && !take(10), "one each ten seconds");
        assert!(!take(1), "time does not go back");
        assert!((0..6).all(|_| take(3600)) && !take(3600), "never more than full");
        assert_eq!(buckets.limited(), 5);
    }

    #[test]
    fn one_kind_does_not_use_up_another() {
        let start = Instant::now();
        let rates = Rates { announcements: 1, http_fetches: 0, ..Rates::default() };
        let mut buckets = Buckets::new(&rates, start);
        assert!(buckets.take(Rated::Announcement, start));
        assert!(!buckets.take(Rated::Announcement, start));
        assert!(!buckets.take(Rated::HttpFetch, start), "none at all");
        for other in [Rated::MqttCommand, Rated::DbusCall, Rated::Alarm, Rated::StoreWrite] {
            assert!(buckets.take(other, start), "{other:?}");
        }
    }
}
