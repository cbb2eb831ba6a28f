//! Calendar dates: "tomorrow", "next monday", "the 3rd of may".
//!
//! Must not guess what day it is: without a clock only full dates are known.

use super::{
    Context, Ending,
    duration::durations,
    number::{cardinal, ordinal},
};
use crate::normalise::Tokens;
use jiff::{Span, civil::Date, civil::Weekday};
use valet_core::entity::Value;

fn month(word: &str) -> Option<i8> {
    Some(match word {
        "january" | "jan" => 1,
        "february" | "feb" => 2,
        "march" | "mar" => 3,
        "april" | "apr" => 4,
        "may" => 5,
        "june" | "jun" => 6,
        "july" | "jul" => 7,
        "august" | "aug" => 8,
        "september" | "sep" | "sept" => 9,
        "october" | "oct" => 10,
        "november" | "nov" => 11,
        "december" | "dec" => 12,
        _ => return None,
    })
}

fn weekday(word: &str) -> Option<Weekday> {
    Some(match word {
        "monday" | "mondays" | "mon" => Weekday::Monday,
        "tuesday" | "tuesdays" | "tue" => Weekday::Tuesday,
        "wednesday" | "wednesdays" | "wed" => Weekday::Wednesday,
        "thursday" | "thursdays" | "thu" => Weekday::Thursday,
        "friday" | "fridays" | "fri" => Weekday::Friday,
        "saturday" | "saturdays" | "sat" => Weekday::Saturday,
        "sunday" | "sundays" | "sun" => Weekday::Sunday,
        _ => return None,
    })
}

fn value(date: Date) -> Value {
    Value::Date(date.to_string())
}

fn later(date: Date, days: i64) -> Option<Date> {
    date.checked_add(Span::new().try_days(days).ok()?).ok()
}

/// The next such weekday after today; "next" means the one of the week after this.
fn coming(today: Date, day: Weekday, next: bool) -> Option<Date> {
    let ahead = i64::from(day.since(today.weekday()));
    if next {
        let to_monday = 7 - i64::from(today.weekday().to_monday_zero_offset());
        return later(today, to_monday + i64::from(day.to_monday_zero_offset()));
    }
    later(today, if ahead == 0 { 7 } else { ahead })
}

/// Words that name a day from today on.
fn by_word(tokens: &Tokens, start: usize, today: Date, all: &mut Vec<Ending>) {
    let at = start + usize::from(matches!(tokens.norm(start), "on" | "the" | "this"));
    let words = (tokens.norm(at), tokens.norm(at + 1), tokens.norm(at + 2));
    let found = match words {
        ("day", "after", "tomorrow") => later(today, 2).map(|date| (date, at + 3)),
        ("today" | "tonight", ..) => Some((today, at + 1)),
        ("tomorrow", "morning" | "afternoon" | "evening" | "night", _) => {
            all.extend(later(today, 1).map(|date| (value(date), at + 2)));
            later(today, 1).map(|date| (date, at + 1))
        }
        ("tomorrow", ..) => later(today, 1).map(|date| (date, at + 1)),
        ("yesterday", ..) => later(today, -1).map(|date| (date, at + 1)),
        ("next", "week", _) => later(today, 7).map(|date| (date, at + 2)),
        ("next", day, _) => weekday(day).and_then(|day| Some((coming(today, day, true)?, at + 2))),
        (day, ..) => weekday(day).and_then(|day| Some((coming(today, day, false)?, at + 1))),
    };
    all.extend(found.map(|(date, end)| (value(date), end)));
    let from = start + usize::from(tokens.norm(start) == "in");
    for (ms, end) in durations(tokens, from) {
        let now = tokens.norm(end) == "from" && matches!(tokens.norm(end + 1), "now" | "today");
        let days = i64::try_from(ms / 86_400_000).unwrap_or(0);
        if days > 0 && (from > start || now) {
            all.extend(later(today, days).map(|date| (value(date), end + 2 * usize::from(now))));
        }
    }
}

/// A day of the month as ordinal or number.
fn day_of_month(tokens: &Tokens, at: usize) -> Option<(i8, usize, bool)> {
    let at = at + usize::from(tokens.norm(at) == "the");
    let (day, end, spoken) = match ordinal(tokens, at) {
        Some((day, end)) => (day, end, true),
        None => {
            let (day, end) = cardinal(tokens, at)?;
            #[allow(clippy::cast_possible_truncation)]
            (day as i64, end, false)
        }
    };
    (1..=31).contains(&day).then(|| i8::try_from(day).ok())?.map(|day| (day, end, spoken))
}

/// A year behind a date, else the year in which it comes next.
fn with_year(
    tokens: &Tokens,
    at: usize,
    (month, day): (i8, i8),
    today: Option<Date>,
    all: &mut Vec<Ending>,
) {
    if let Ok(year) = tokens.norm(at).parse::<i16>()
        && (1900..=2200).contains(&year)
        && let Ok(date) = Date::new(year, month, day)
    {
        all.push((value(date), at + 1));
    }
    let Some(today) = today else { return };
    // The 29th of February may be up to eight years away.
    let next = (0..=8)
        .filter_map(|ahead| Date::new(today.year().checked_add(ahead)?, month, day).ok())
        .find(|date| *date >= today);
    all.extend(next.map(|date| (value(date), at)));
}

/// Dates that begin at a token.
pub(crate) fn dates(tokens: &Tokens, start: usize, context: &Context) -> Vec<Ending> {
    let today = context.local_now.map(|now| now.date());
    let mut all = Vec::new();
    if let Some(today) = today {
        by_word(tokens, start, today, &mut all);
    }
    let first = start + usize::from(tokens.norm(start) == "on");
    if let Some(month) = month(tokens.norm(first)) {
        if let Some((day, end, _)) = day_of_month(tokens, first + 1) {
            with_year(tokens, end, (month, day), today, &mut all);
        }
    } else if let Some((day, end, spoken)) = day_of_month(tokens, first) {
        let of = end + usize::from(tokens.norm(end) == "of");
        if let Some(month) = month(tokens.norm(of)) {
            with_year(tokens, of + 1, (month, day), today, &mut all);
        } else if spoken && let Some(today) = today {
            all.extend(next_day_of_month(today, day).map(|date| (value(date), end)));
        }
    }
    let iso = (tokens.norm(first), tokens.norm(first + 1), tokens.norm(first + 2));
    if iso.0.len() == 4
        && let (Ok(year), Ok(month), Ok(day)) = (iso.0.parse(), iso.1.parse(), iso.2.parse())
        && let Ok(date) = Date::new(year, month, day)
    {
        all.push((value(date), first + 3));
    }
    all
}

/// "the 15th": the next one from today on.
fn next_day_of_month(today: Date, day: i8) -> Option<Date> {
    let mut first = today.first_of_month();
    for _ in 0..12 {
        if let Ok(date) = Date::new(first.year(), first.month(), day)
            && date >= today
        {
            return Some(date);
        }
        first = first.checked_add(Span::new().months(1)).ok()?;
    }
    None
}
