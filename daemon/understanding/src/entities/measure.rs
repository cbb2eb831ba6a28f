//! Numbers with a unit: percentages, temperatures, distances and speeds.
//!
//! Must not guess a unit that changes the meaning: a bare number is a temperature, a percentage
//! or a speed, but never a distance.

use super::{Ending, named, number::and_fraction, number::numbers};
use crate::normalise::Tokens;
use valet_core::entity::Value;

/// Above this a temperature without a scale is meant in Fahrenheit.
const FAHRENHEIT_ABOVE: f64 = 45.0;
const METRES_PER_MILE: f64 = 1609.344;
const KM_PER_MILE: f64 = 1.609_344;

/// Rounded to `places` of ten, so that 72 °F is 22.2 and not 22.2222.
fn round(value: f64, factor: f64) -> f64 {
    (value * factor).round() / factor
}

/// "thirty percent", "half way", "all the way", "30".
pub(crate) fn percentages(tokens: &Tokens, start: usize) -> Vec<Ending> {
    let mut all: Vec<Ending> = named::percentage_words(tokens, start)
        .into_iter()
        .map(|(value, end)| (Value::Percentage(value), end))
        .collect();
    for (value, end) in numbers(tokens, start) {
        if !(0.0..=100.0).contains(&value) {
            continue;
        }
        let unit = match (tokens.norm(end), tokens.norm(end + 1)) {
            ("%" | "percent" | "pct", _) => 1,
            ("per", "cent") => 2,
            _ => 0,
        };
        // "half" alone is of the whole; "half a percent" is not what anyone asks a window for.
        let value =
            if unit == 0 && value.fract() != 0.0 && value < 1.0 { value * 100.0 } else { value };
        all.push((Value::Percentage(round(value, 10.0)), end + unit));
        if unit > 0 {
            all.push((Value::Percentage(round(value, 10.0)), end));
        }
    }
    all
}

/// Celsius or Fahrenheit, where it is said.
fn temperature_scale(word: &str) -> Option<bool> {
    match word {
        "celsius" | "centigrade" | "c" | "°c" => Some(false),
        "fahrenheit" | "f" | "°f" => Some(true),
        _ => None,
    }
}

fn celsius(value: f64, fahrenheit: Option<bool>) -> f64 {
    if fahrenheit.unwrap_or(value > FAHRENHEIT_ABOVE) {
        round((value - 32.0) * 5.0 / 9.0, 10.0)
    } else {
        round(value, 100.0)
    }
}

/// "twenty two and a half degrees", "72 °F", "five below zero", "22".
pub(crate) fn temperatures(tokens: &Tokens, start: usize) -> Vec<Ending> {
    let mut all = Vec::new();
    for (value, end) in numbers(tokens, start) {
        if !(-100.0..=500.0).contains(&value) {
            continue;
        }
        let mut shorter = vec![(value, end)];
        let mut value = value;
        let mut at = end;
        if matches!(tokens.norm(at), "degree" | "degrees" | "°" | "deg") {
            at += 1;
            shorter.push((value, at));
            if let Some((part, end)) = and_fraction(tokens, at) {
                value += part;
                at = end;
                shorter.push((value, at));
            }
        }
        let scale = temperature_scale(tokens.norm(at));
        at += usize::from(scale.is_some());
        if tokens.norm(at) == "below" && matches!(tokens.norm(at + 1), "zero" | "freezing") {
            all.push((Value::Temperature(-celsius(value, Some(false)).abs()), at + 2));
        }
        all.push((Value::Temperature(celsius(value, scale)), at));
        // What stands behind may belong to the sentence and not to the value.
        for (value, end) in shorter {
            if end < at {
                all.push((Value::Temperature(celsius(value, None)), end));
            }
        }
    }
    all
}

/// Metres of a unit of length; speech says both singular and plural.
fn metres(word: &str) -> Option<f64> {
    Some(match word {
        "m" | "metre" | "metres" => 1.0,
        "km" | "kms" | "kilometre" | "kilometres" | "k" => 1000.0,
        "cm" | "centimetre" | "centimetres" => 0.01,
        "mile" | "miles" | "mi" => METRES_PER_MILE,
        "foot" | "feet" | "ft" => 0.3048,
        "yard" | "yards" | "yd" => 0.9144,
        _ => return None,
    })
}

/// A number with a unit, also "a mile", "half a mile", "a mile and a half": amount in the unit's
/// base and end.
fn amounts(tokens: &Tokens, start: usize, unit: fn(&str) -> Option<f64>) -> Vec<(f64, usize)> {
    let mut all = Vec::new();
    let mut push = |count: f64, at: usize| {
        if let Some(factor) = unit(tokens.norm(at)) {
            if let Some((part, end)) = and_fraction(tokens, at + 1) {
                all.push(((count + part) * factor, end));
            }
            all.push((count * factor, at + 1));
        }
    };
    if matches!(tokens.norm(start), "a" | "an") {
        push(1.0, start + 1);
    }
    for (count, end) in numbers(tokens, start) {
        if count < 0.0 {
            continue;
        }
        push(count, end);
        // "half a mile", "a quarter of a mile".
        let of = end + usize::from(tokens.norm(end) == "of");
        if matches!(tokens.norm(of), "a" | "an") {
            push(count, of + 1);
        }
    }
    all
}

/// "2 kilometres", "half a mile".
pub(crate) fn distances(tokens: &Tokens, start: usize) -> Vec<Ending> {
    amounts(tokens, start, metres)
        .into_iter()
        .map(|(value, end)| (Value::Distance(round(value, 1000.0)), end))
        .collect()
}

/// Factor to km/h and number of tokens of a unit of speed at a token.
fn speed_unit(tokens: &Tokens, at: usize) -> Option<(f64, usize)> {
    match tokens.norm(at) {
        "kmh" | "kph" => return Some((1.0, 1)),
        "mph" => return Some((KM_PER_MILE, 1)),
        "knots" | "knot" => return Some((1.852, 1)),
        "ms" => return Some((3.6, 1)),
        _ => {}
    }
    let per = matches!(tokens.norm(at + 1), "per" | "an" | "a");
    match (tokens.norm(at), tokens.norm(at + 2)) {
        ("kilometre" | "kilometres" | "km" | "kms" | "k", "hour" | "h") if per => Some((1.0, 3)),
        ("mile" | "miles", "hour" | "h") if per => Some((KM_PER_MILE, 3)),
        ("metre" | "metres" | "m", "second" | "s") if per => Some((3.6, 3)),
        _ => None,
    }
}

/// "50 mph", "a hundred kilometres an hour", "120".
pub(crate) fn speeds(tokens: &Tokens, start: usize) -> Vec<Ending> {
    let mut all = Vec::new();
    for (value, end) in numbers(tokens, start) {
        if !(0.0..=1000.0).contains(&value) {
            continue;
        }
        if let Some((factor, length)) = speed_unit(tokens, end) {
            all.push((Value::Speed(round(value * factor, 100.0)), end + length));
        }
        all.push((Value::Speed(value), end));
    }
    all
}
