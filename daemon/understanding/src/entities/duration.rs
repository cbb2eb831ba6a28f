//! Lengths of time: "an hour and a half", "90 seconds", "1h30".
//!
//! Must not read a bare number as a duration: its unit is not known.

use super::number::{and_fraction, fraction, numbers};
use crate::normalise::Tokens;

const SECOND: f64 = 1000.0;
const MINUTE: f64 = 60.0 * SECOND;
const HOUR: f64 = 60.0 * MINUTE;
const DAY: f64 = 24.0 * HOUR;
/// Longest duration, ms: a hundred years.
const MOST: f64 = 36_525.0 * DAY;
/// Most parts such as "2 hours 5 minutes 3 seconds".
const MAX_PARTS: usize = 5;

fn unit(word: &str) -> Option<f64> {
    Some(match word {
        "ms" | "millisecond" | "milliseconds" => 1.0,
        "s" | "sec" | "secs" | "second" | "seconds" => SECOND,
        "m" | "min" | "mins" | "minute" | "minutes" => MINUTE,
        "h" | "hr" | "hrs" | "hour" | "hours" => HOUR,
        "d" | "day" | "days" => DAY,
        "week" | "weeks" => 7.0 * DAY,
        _ => return None,
    })
}

/// One part with its unit: ms, the unit in ms, end.
fn part(tokens: &Tokens, start: usize) -> Option<(f64, f64, usize)> {
    // "an hour and a half" has its fraction behind the unit.
    let with_tail = |count: f64, at: usize| {
        let ms = unit(tokens.norm(at))?;
        Some(match and_fraction(tokens, at + 1) {
            Some((more, end)) => ((count + more) * ms, ms, end),
            None => (count * ms, ms, at + 1),
        })
    };
    let skip_more =
        |at: usize| at + usize::from(matches!(tokens.norm(at), "more" | "extra" | "full"));
    if let Some((share, end)) = fraction(tokens, start) {
        // "half an hour", "half hour", "three quarters of an hour".
        let of = end + usize::from(tokens.norm(end) == "of");
        let at = of + usize::from(matches!(tokens.norm(of), "a" | "an"));
        if let Some(ms) = unit(tokens.norm(at)) {
            return Some((share * ms, ms, at + 1));
        }
    }
    for (count, end) in numbers(tokens, start) {
        if count >= 0.0
            && let Some(found) = with_tail(count, skip_more(end))
        {
            return Some(found);
        }
    }
    match tokens.norm(start) {
        "a" | "an" | "another" => with_tail(1.0, skip_more(start + 1)),
        _ => None,
    }
}

/// Durations that begin at a token: ms and end; the longest comes last.
pub(crate) fn durations(tokens: &Tokens, start: usize) -> Vec<(u64, usize)> {
    let mut all = Vec::new();
    let (mut total, mut last_unit, mut at) = (0.0, f64::INFINITY, start);
    for index in 0..MAX_PARTS {
        let from = at + usize::from(index > 0 && tokens.norm(at) == "and");
        match part(tokens, from) {
            Some((ms, unit, end)) if unit < last_unit => {
                total += ms;
                last_unit = unit;
                at = end;
            }
            _ => {
                // "one hour thirty", "1h30": the next smaller unit is meant.
                if let Some((ms, end)) = bare_rest(tokens, from, last_unit) {
                    total += ms;
                    at = end;
                    last_unit = 0.0;
                } else {
                    break;
                }
            }
        }
        if total <= MOST {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            all.push((total.round() as u64, at));
        }
    }
    all
}

fn bare_rest(tokens: &Tokens, at: usize, last_unit: f64) -> Option<(f64, usize)> {
    let smaller = match last_unit {
        HOUR => MINUTE,
        MINUTE => SECOND,
        _ => return None,
    };
    let (count, end) = *numbers(tokens, at).last()?;
    (count.fract() == 0.0 && (1.0..60.0).contains(&count)).then_some((count * smaller, end))
}
