//! The wall clock and the monotonic clock of the daemon.

use std::time::{Duration, SystemTime, UNIX_EPOCH};
use valet_core::{
    deadline::Instant,
    ports::{Clock, WallClock},
};

/// Reads the system's clock. Local time comes from the zone database, each time anew, so
/// that a journey across a border needs no restart.
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> WallClock {
        let utc_ms = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX));
        let offset_min = jiff::Timestamp::from_millisecond(utc_ms)
            .map_or(0, |t| jiff::tz::TimeZone::system().to_offset(t).seconds() / 60);
        WallClock { utc_ms, offset_min, trusted: is_synchronised() }
    }
}

/// Whether systemd-timesyncd or its kin say that the clock is right. Where nobody says, a
/// year that this program could not have been built in is taken as wrong.
fn is_synchronised() -> bool {
    std::path::Path::new("/run/systemd/timesync/synchronized").exists()
}

/// Local date and time of day for understanding "tomorrow"; none for a clock before 2025.
#[must_use]
pub(crate) fn local_now() -> Option<(i16, u8, u8, u8, u8)> {
    let now = jiff::Zoned::now();
    let small = |v: i8| u8::try_from(v).unwrap_or(0);
    (now.year() >= 2025).then(|| {
        (now.year(), small(now.month()), small(now.day()), small(now.hour()), small(now.minute()))
    })
}

/// The monotonic clock since the daemon started.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Monotonic(std::time::Instant);

impl Monotonic {
    /// Starts it.
    #[must_use]
    pub(crate) fn start() -> Self {
        Self(std::time::Instant::now())
    }

    /// Now.
    #[must_use]
    pub(crate) fn now(self) -> Instant {
        Instant(u64::try_from(self.0.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    /// The same instant for tokio's timers.
    #[must_use]
    pub(crate) fn to_tokio(self, at: Instant) -> tokio::time::Instant {
        tokio::time::Instant::from_std(self.0 + Duration::from_micros(at.0))
    }
}
