//! Times of day: "quarter past seven", "7 pm", "noon", "in ten minutes".
//!
//! Must not guess morning or evening: an hour without a word for it is read on the 24-hour clock.

use super::{Context, Ending, duration::durations, number::cardinal};
use crate::normalise::Tokens;
use valet_core::entity::Value;

#[derive(Clone, Copy)]
struct Clock {
    hour: u8,
    minute: u8,
}

/// A part of the day that moves an hour.
#[derive(Clone, Copy)]
enum Half {
    Morning,
    Afternoon,
    Night,
}

impl Clock {
    /// The time in that half of the day; `None` where it makes no sense ("19 am").
    fn within(self, half: Half) -> Option<Self> {
        let hour = match (half, self.hour) {
            (Half::Morning, 12) => 0,
            (Half::Afternoon, 1..=11) => self.hour + 12,
            (Half::Night, 5..=11) => self.hour + 12,
            (Half::Night, 12) => 0,
            (Half::Morning, hour) if hour > 12 => return None,
            (_, hour) => hour,
        };
        Some(Self { hour, ..self })
    }

    fn value(self) -> Value {
        Value::Time(format!("{:02}:{:02}", self.hour % 24, self.minute))
    }
}

/// A whole number from `least` to `most` at a token.
fn whole(tokens: &Tokens, at: usize, least: u8, most: u8) -> Option<(u8, usize)> {
    let (value, end) = cardinal(tokens, at)?;
    let fits = value.fract() == 0.0 && (f64::from(least)..=f64::from(most)).contains(&value);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    fits.then_some((value as u8, end))
}

/// `7:30`, `19.30`, `0730`, and `730`, as recognisers write it.
fn clock_digits(word: &str) -> Option<Clock> {
    let (hour, minute) = match word.split_once([':', '.']) {
        Some((hour, minute)) => (hour, minute.split(':').next()?),
        None if matches!(word.len(), 3 | 4) && word.bytes().all(|b| b.is_ascii_digit()) => {
            word.split_at(word.len() - 2)
        }
        None => return None,
    };
    if minute.len() != 2 || hour.len() > 2 {
        return None;
    }
    let (hour, minute) = (hour.parse().ok()?, minute.parse().ok()?);
    (hour < 24 && minute < 60).then_some(Clock { hour, minute })
}

/// The word for a half of the day behind a time, and how many tokens it takes.
fn half_of_day(tokens: &Tokens, at: usize) -> Option<(Half, usize)> {
    match tokens.norm(at) {
        "am" => return Some((Half::Morning, 1)),
        "pm" => return Some((Half::Afternoon, 1)),
        "tonight" => return Some((Half::Night, 1)),
        _ => {}
    }
    let (name, length) = match (tokens.norm(at), tokens.norm(at + 1)) {
        ("in", "the") => (tokens.norm(at + 2), 3),
        ("at" | "this", name) => (name, 2),
        _ => return None,
    };
    let half = match name {
        "morning" => Half::Morning,
        "afternoon" | "evening" => Half::Afternoon,
        "night" => Half::Night,
        _ => return None,
    };
    Some((half, length))
}

fn push_with_half(tokens: &Tokens, clock: Clock, end: usize, all: &mut Vec<Ending>) {
    let oclock = end + usize::from(tokens.norm(end) == "oclock");
    let sharp = oclock + usize::from(matches!(tokens.norm(oclock), "sharp" | "exactly"));
    for end in [end, oclock, sharp] {
        all.push((clock.value(), end));
        if let Some((half, length)) = half_of_day(tokens, end)
            && let Some(clock) = clock.within(half)
        {
            all.push((clock.value(), end + length));
        }
    }
}

/// An hour that minutes count from or to.
fn hour_named(tokens: &Tokens, at: usize) -> Option<(u8, usize)> {
    match tokens.norm(at) {
        "noon" | "midday" => Some((12, at + 1)),
        "midnight" => Some((24, at + 1)),
        _ => whole(tokens, at, 1, 23),
    }
}

/// "half past six", "quarter to nine", "twenty minutes past three", "half six".
fn counted(tokens: &Tokens, start: usize, all: &mut Vec<Ending>) {
    let first = start + usize::from(tokens.norm(start) == "a");
    let (minutes, at) = match tokens.norm(first) {
        "half" => (30, first + 1),
        "quarter" => (15, first + 1),
        _ => match whole(tokens, start, 1, 59) {
            Some((minutes, end)) => (
                minutes,
                end + usize::from(matches!(tokens.norm(end), "minutes" | "minute" | "min")),
            ),
            None => return,
        },
    };
    let clock = match tokens.norm(at) {
        "past" | "after" => hour_named(tokens, at + 1)
            .map(|(hour, end)| (Clock { hour: hour % 24, minute: minutes }, end)),
        "to" | "before" | "til" | "till" => hour_named(tokens, at + 1)
            .map(|(hour, end)| (Clock { hour: (hour + 23) % 24, minute: 60 - minutes }, end)),
        _ if minutes == 30 && first == start && tokens.norm(first) == "half" => {
            whole(tokens, at, 1, 12).map(|(hour, end)| (Clock { hour, minute: 30 }, end))
        }
        _ => None,
    };
    if let Some((clock, end)) = clock {
        push_with_half(tokens, clock, end, all);
    }
}

/// "seven", "seven thirty", "seven oh five", "18 hundred hours".
fn spoken(tokens: &Tokens, start: usize, all: &mut Vec<Ending>) {
    if let Some((hundreds, end)) = cardinal(tokens, start)
        && end > 0
        && tokens.norm(end - 1) == "hundred"
        && (100.0..=2400.0).contains(&hundreds)
    {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let clock = Clock { hour: (hundreds / 100.0) as u8, minute: 0 };
        all.push((clock.value(), end));
        if tokens.norm(end) == "hours" {
            all.push((clock.value(), end + 1));
        }
    }
    let Some((hour, end)) = whole(tokens, start, 0, 24) else { return };
    let clock = |minute| Clock { hour: hour % 24, minute };
    push_with_half(tokens, clock(0), end, all);
    if matches!(tokens.norm(end), "oh" | "o" | "zero")
        && let Some((minute, end)) = whole(tokens, end + 1, 1, 9)
    {
        push_with_half(tokens, clock(minute), end, all);
    } else if let Some((minute, end)) = whole(tokens, end, 10, 59) {
        push_with_half(tokens, clock(minute), end, all);
    }
}

/// "in ten minutes", "ten minutes from now".
fn relative(tokens: &Tokens, start: usize, context: &Context, all: &mut Vec<Ending>) {
    let Some(now) = context.local_now else { return };
    let from = start + usize::from(tokens.norm(start) == "in");
    for (ms, end) in durations(tokens, from) {
        let end = match (tokens.norm(end), tokens.norm(end + 1)) {
            ("from", "now") => end + 2,
            _ if from > start => end,
            _ => continue,
        };
        let minutes = i64::try_from(ms / 60_000).unwrap_or(0);
        if let Ok(then) = now.checked_add(jiff::Span::new().minutes(minutes)) {
            let (Ok(hour), Ok(minute)) = (u8::try_from(then.hour()), u8::try_from(then.minute()))
            else {
                continue;
            };
            all.push((Clock { hour, minute }.value(), end));
        }
    }
}

/// Times that begin at a token.
pub(crate) fn times(tokens: &Tokens, start: usize, context: &Context) -> Vec<Ending> {
    let mut all = Vec::new();
    match tokens.norm(start) {
        "noon" | "midday" => all.push((Clock { hour: 12, minute: 0 }.value(), start + 1)),
        "midnight" => all.push((Clock { hour: 0, minute: 0 }.value(), start + 1)),
        "twelve" if tokens.norm(start + 1) == "noon" => {
            all.push((Clock { hour: 12, minute: 0 }.value(), start + 2));
        }
        word => {
            if let Some(clock) = clock_digits(word) {
                push_with_half(tokens, clock, start + 1, &mut all);
                if tokens.norm(start + 1) == "hours" {
                    all.push((clock.value(), start + 2));
                }
            }
        }
    }
    counted(tokens, start, &mut all);
    spoken(tokens, start, &mut all);
    relative(tokens, start, context, &mut all);
    all
}
