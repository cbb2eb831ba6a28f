//! A moment as devices write it: `2026-03-01T12:30:00+01:00`.
//!
//! Must not know the clock.

/// Milliseconds since 1970, UTC; `None` for what is no such moment, or has no zone.
pub(crate) fn utc_ms(text: &str) -> Option<i64> {
    let text = text.trim();
    if !text.is_ascii() || text.len() < 20 || text.len() > 40 {
        return None;
    }
    let (date, rest) = (&text[..10], &text[11..]);
    let mut parts = date.split('-').map(str::parse::<i64>);
    let (year, month, day) = (parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?);
    let zone_at = rest.find(['Z', 'z', '+', '-'])?;
    let (clock, zone) = rest.split_at(zone_at);
    let mut parts = clock.split('.').next()?.split(':').map(str::parse::<i64>);
    let (hour, minute) = (parts.next()?.ok()?, parts.next()?.ok()?);
    let second = parts.next().unwrap_or(Ok(0)).ok()?;
    let fits = (1970..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0..61).contains(&second);
    let minutes = (days(year, month, day) * 24 + hour) * 60 + minute - offset(zone)?;
    fits.then_some((minutes * 60 + second) * 1000)
}

/// Minutes east.
fn offset(zone: &str) -> Option<i64> {
    let sign = match zone.get(..1)? {
        "Z" | "z" => return Some(0),
        "+" => 1,
        _ => -1,
    };
    let (hours, minutes) = zone[1..].split_once(':').unwrap_or((&zone[1..], "0"));
    let (hours, minutes) = (hours.parse::<i64>().ok()?, minutes.parse::<i64>().ok()?);
    ((0..=14).contains(&hours) && (0..60).contains(&minutes))
        .then_some(sign * (hours * 60 + minutes))
}

/// Days since 1970, of the calendar that began with March: leap days are then the last of a year.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month < 3 { year - 1 } else { year };
    let month = (month + 9) % 12;
    year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_with_their_zone_and_nothing_else_is_one() {
        assert_eq!(utc_ms("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(utc_ms("2024-02-29T12:00:30+00:00"), Some(1_709_208_030_000));
        assert_eq!(utc_ms("2024-02-29T13:00:30.123+01:00"), Some(1_709_208_030_000));
        for other in ["", "tomorrow", "2024-02-29T12:00:30", "2024-13-01T00:00:00Z", "42"] {
            assert_eq!(utc_ms(other), None, "{other}");
        }
    }
}
