//! What is known of the time, for keys that expire.
//!
//! Must not read a clock: whoever asks says what it shows and whether anybody vouches for it.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// The time as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    /// What the clock shows.
    pub now: Timestamp,
    /// Whether it was set by something that knows the time since it last stood still.
    pub trusted: bool,
    /// The latest trusted time that was ever seen here: it is not earlier than that.
    pub latest_seen: Timestamp,
}

/// How a day stands to the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It has not ended.
    Ahead,
    /// It is over, whatever the clock shows.
    Over,
    /// The clock is not to be trusted, and what was seen proves neither.
    Unknown,
}

impl Clock {
    /// How the end of a day (UTC) stands to now.
    pub(crate) fn standing(&self, day: Date) -> Standing {
        let end = day.tomorrow().ok().and_then(|next| next.to_zoned(TimeZone::UTC).ok());
        // A day without a next one is past every clock.
        let Some(end) = end else { return Standing::Ahead };
        let end = end.timestamp();
        if self.latest_seen >= end || (self.trusted && self.now >= end) {
            Standing::Over
        } else if self.trusted {
            Standing::Ahead
        } else {
            Standing::Unknown
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(now: &str, trusted: bool, latest_seen: &str) -> Clock {
        let time = |text: &str| text.parse().expect("a time");
        Clock { now: time(now), trusted, latest_seen: time(latest_seen) }
    }

    #[test]
    fn a_day_is_over_when_a_trusted_clock_or_the_past_says_so() {
        let day: Date = "2027-06-30".parse().expect("a day");
        let early = "2026-01-01T00:00:00Z";
        for (now, trusted, seen, expected) in [
            ("2027-06-30T23:59:59Z", true, early, Standing::Ahead),
            ("2027-07-01T00:00:00Z", true, early, Standing::Over),
            ("2027-06-01T00:00:00Z", false, early, Standing::Unknown),
            ("1970-01-01T00:00:00Z", false, "2027-07-01T00:00:00Z", Standing::Over),
            ("2099-01-01T00:00:00Z", false, early, Standing::Unknown),
            ("2026-01-01T00:00:00Z", true, "2027-07-02T00:00:00Z", Standing::Over),
        ] {
            assert_eq!(clock(now, trusted, seen).standing(day), expected, "{now} {trusted} {seen}");
        }
    }
}
