//! Times of day and dates: when an alarm next rings, and how that is said.
//!
//! Must not read the clock. Local time uses today's offset: an alarm set across a change of
//! daylight saving time rings an hour off.

const DAY_MS: i64 = 86_400_000;
const WEEKDAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// Now, as the host's clock says it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Now {
    /// UTC, ms.
    pub(crate) utc_ms: i64,
    /// Local time's offset, ms east.
    pub(crate) offset_ms: i64,
}

/// Why there is no such moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoMoment {
    /// The text is no time or no date.
    Unreadable,
    /// It is over.
    Past,
}

impl Now {
    fn local_ms(self) -> i64 {
        self.utc_ms.saturating_add(self.offset_ms)
    }

    /// Today as a count of days since 1970-01-01.
    pub(crate) fn day(self) -> i64 {
        self.local_ms().div_euclid(DAY_MS)
    }

    /// The local day of a moment.
    pub(crate) fn day_of(self, utc_ms: i64) -> i64 {
        utc_ms.saturating_add(self.offset_ms).div_euclid(DAY_MS)
    }

    /// Minutes since local midnight of a moment.
    pub(crate) fn minute_of(self, utc_ms: i64) -> i64 {
        utc_ms.saturating_add(self.offset_ms).rem_euclid(DAY_MS) / 60_000
    }

    /// The next moment of a time of day, on a date where one is given, in UTC ms.
    pub(crate) fn next(self, time: &str, date: Option<&str>) -> Result<i64, NoMoment> {
        let in_day = time_ms(time).ok_or(NoMoment::Unreadable)?;
        let day = match date {
            Some(date) => day_number(date).ok_or(NoMoment::Unreadable)?,
            None => self.day(),
        };
        let at = day * DAY_MS + in_day - self.offset_ms;
        match (at > self.utc_ms, date) {
            (true, _) => Ok(at),
            (false, None) => Ok(at + DAY_MS),
            (false, Some(_)) => Err(NoMoment::Past),
        }
    }

    /// "6:30", "6:30 tomorrow", "6:30 on Friday", "6:30 on 5 March".
    pub(crate) fn spoken(self, utc_ms: i64, is_24_hour: bool) -> String {
        let time = spoken_time(self.minute_of(utc_ms), is_24_hour);
        let day = self.day_of(utc_ms);
        match day - self.day() {
            0 => time,
            1 => format!("{time} tomorrow"),
            2..=6 => format!("{time} on {}", weekday(day)),
            _ => format!("{time} on {}", spoken_date(day)),
        }
    }
}

/// "18:05", "6:05 pm".
fn spoken_time(minute: i64, is_24_hour: bool) -> String {
    let (hour, minute) = (minute / 60, minute % 60);
    if is_24_hour {
        return format!("{hour}:{minute:02}");
    }
    let half = if hour < 12 { "am" } else { "pm" };
    let hour = if hour % 12 == 0 { 12 } else { hour % 12 };
    format!("{hour}:{minute:02} {half}")
}

fn weekday(day: i64) -> &'static str {
    // 1970-01-01 was a Thursday.
    let place = usize::try_from((day + 3).rem_euclid(7)).unwrap_or_default();
    WEEKDAYS.get(place).copied().unwrap_or_default()
}

fn spoken_date(day: i64) -> String {
    let (_, month, date) = civil(day);
    let name =
        usize::try_from(month - 1).ok().and_then(|m| MONTHS.get(m)).copied().unwrap_or_default();
    format!("{date} {name}")
}

/// Milliseconds since midnight of `HH:MM[:SS]`.
pub(crate) fn time_ms(time: &str) -> Option<i64> {
    let parts: Vec<i64> = time.split(':').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let (hour, minute, second) = match parts.as_slice() {
        [hour, minute] => (*hour, *minute, 0),
        [hour, minute, second] => (*hour, *minute, *second),
        _ => return None,
    };
    let fits = (0..24).contains(&hour) && (0..60).contains(&minute) && (0..60).contains(&second);
    fits.then(|| ((hour * 60 + minute) * 60 + second) * 1_000)
}

/// Days since 1970-01-01 of `YYYY-MM-DD`, proleptic Gregorian.
pub(crate) fn day_number(date: &str) -> Option<i64> {
    let parts: Vec<i64> = date.split('-').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let [year, month, day] = parts.as_slice() else { return None };
    if !(1970..=9999).contains(year) || !(1..=12).contains(month) || !(1..=31).contains(day) {
        return None;
    }
    // Years start in March, so that the leap day is the last; eras have 400 years.
    let year = if *month <= 2 { year - 1 } else { *year };
    let in_era = year.rem_euclid(400);
    let in_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = year.div_euclid(400) * 146_097 + in_era * 365 + in_era / 4 - in_era / 100 + in_year;
    let number = days - 719_468;
    (civil(number) == (parts[0], *month, *day)).then_some(number)
}

/// Year, month and day of a count of days since 1970-01-01.
fn civil(day: i64) -> (i64, i64, i64) {
    let shifted = day + 719_468;
    let in_era = shifted.rem_euclid(146_097);
    let year_of_era = (in_era - in_era / 1_460 + in_era / 36_524 - in_era / 146_096) / 365;
    let in_year = in_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * in_year + 2) / 153;
    let date = in_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + shifted.div_euclid(146_097) * 400 + i64::from(month <= 2);
    (year, month, date)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: i64 = 3_600_000;

    /// Sunday, 22 November 2026, 15:00 in Helsinki.
    fn now() -> Now {
        let day = day_number("2026-11-22").expect("a date");
        Now { utc_ms: day * DAY_MS + 13 * HOUR_MS, offset_ms: 2 * HOUR_MS }
    }

    #[test]
    fn a_time_that_is_over_today_is_tomorrows() {
        let now = now();
        let at = now.next("06:30", None).expect("a moment");
        assert_eq!(now.spoken(at, true), "6:30 tomorrow");
        let at = now.next("18:05", None).expect("a moment");
        assert_eq!(now.spoken(at, true), "18:05");
        assert_eq!(now.spoken(at, false), "6:05 pm");
    }

    #[test]
    fn a_date_is_kept_and_a_past_one_refused() {
        let now = now();
        let at = now.next("07:00", Some("2026-11-25")).expect("a moment");
        assert_eq!(now.spoken(at, true), "7:00 on Wednesday");
        let at = now.next("00:10", Some("2027-03-05")).expect("a moment");
        assert_eq!(now.spoken(at, false), "12:10 am on 5 March");
        assert_eq!(now.next("07:00", Some("2026-11-22")), Err(NoMoment::Past));
        assert_eq!(now.next("25:00", None), Err(NoMoment::Unreadable));
        assert_eq!(now.next("07:00", Some("2026-02-30")), Err(NoMoment::Unreadable));
    }

    #[test]
    fn dates_round_trip() {
        for day in [0, 59, 60, 19_782, 20_779, 47_541] {
            let (year, month, date) = civil(day);
            assert_eq!(day_number(&format!("{year:04}-{month:02}-{date:02}")), Some(day));
        }
    }

    #[test]
    fn an_hour_of_any_size_is_refused() {
        for time in ["24:00", "600003000200331:10", "-9223372036854775808:00", "7:60"] {
            assert_eq!(time_ms(time), None, "{time}");
        }
    }

    #[test]
    fn the_ends_of_time_have_words_too() {
        for at in [i64::MIN, i64::MAX] {
            assert!(now().spoken(at, true).contains(" on "), "{at}");
        }
    }
}
