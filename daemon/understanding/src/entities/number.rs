//! Cardinal and ordinal numbers, in digits and in English words.
//!
//! Must not know units.

use super::Ending;
use crate::normalise::Tokens;
use valet_core::entity::Value;

/// Largest number that is taken from words, so that nothing overflows.
const MOST: f64 = 1e12;

fn small(word: &str) -> Option<f64> {
    const WORDS: [&str; 20] = [
        "zero",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
        "thirteen",
        "fourteen",
        "fifteen",
        "sixteen",
        "seventeen",
        "eighteen",
        "nineteen",
    ];
    position(&WORDS, word)
}

fn tens(word: &str) -> Option<f64> {
    const WORDS: [&str; 8] =
        ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
    if word == "fourty" {
        return Some(40.0);
    }
    position(&WORDS, word).map(|index| (index + 2.0) * 10.0)
}

#[allow(clippy::cast_precision_loss)]
fn position(words: &[&str], word: &str) -> Option<f64> {
    words.iter().position(|known| *known == word).map(|index| index as f64)
}

fn scale(word: &str) -> Option<f64> {
    match word {
        "thousand" => Some(1e3),
        "million" => Some(1e6),
        _ => None,
    }
}

/// A number in digits: `22`, `-3`, `2.5`. Not a time (`7:30`), not an ordinal (`3rd`).
pub(crate) fn digits(word: &str) -> Option<f64> {
    let first = word.strip_prefix('-').unwrap_or(word).bytes().next()?;
    if !first.is_ascii_digit() || word.len() > 18 {
        return None;
    }
    word.parse().ok()
}

fn sign_fraction(word: &str) -> Option<f64> {
    match word {
        "½" => Some(0.5),
        "¼" => Some(0.25),
        "¾" => Some(0.75),
        _ => {
            let (part, all) = word.split_once('/')?;
            let (part, all) = (part.parse::<u32>().ok()?, all.parse::<u32>().ok()?);
            (part < all).then(|| f64::from(part) / f64::from(all))
        }
    }
}

/// Where the words of a cardinal stand: what may follow what.
#[derive(Clone, Copy, PartialEq)]
enum Last {
    Nothing,
    Unit,
    Tens,
    Hundred,
    Scale,
}

/// A whole cardinal in words or digits ("a hundred and twenty", "2 thousand"): value and end.
pub(crate) fn cardinal(tokens: &Tokens, start: usize) -> Option<(f64, usize)> {
    let mut at = start;
    let (mut total, mut current) = (0.0, 0.0);
    let mut last = Last::Nothing;
    loop {
        let word = tokens.norm(at);
        let first = last == Last::Nothing;
        if first && matches!(word, "a" | "an") {
            match tokens.norm(at + 1) {
                "hundred" | "thousand" | "million" => current = 1.0,
                "dozen" => return Some((12.0, at + 2)),
                "couple" => return Some((2.0, at + 2 + usize::from(tokens.norm(at + 2) == "of"))),
                _ => return None,
            }
            last = Last::Unit;
        } else if let Some(value) = first.then(|| digits(word)).flatten() {
            let next = tokens.norm(at + 1);
            if next != "hundred" && scale(next).is_none() {
                return Some((value, at + 1));
            }
            (current, last) = (value, Last::Unit);
        } else if let Some(value) = small(word)
            && (!matches!(last, Last::Unit | Last::Tens)
                || last == Last::Tens && (1.0..10.0).contains(&value))
        {
            current += value;
            last = Last::Unit;
        } else if let Some(value) = tens(word)
            && !matches!(last, Last::Unit | Last::Tens)
        {
            current += value;
            last = Last::Tens;
        } else if word == "hundred" && current > 0.0 && current < 100.0 {
            current *= 100.0;
            last = Last::Hundred;
        } else if let Some(factor) = scale(word)
            && current > 0.0
            && (total == 0.0 || factor < total)
        {
            total += current * factor;
            current = 0.0;
            last = Last::Scale;
        } else if word == "and"
            && matches!(last, Last::Hundred | Last::Scale)
            && (small(tokens.norm(at + 1)).is_some() || tens(tokens.norm(at + 1)).is_some())
        {
            // The word behind decides; it is known to be taken.
        } else {
            break;
        }
        at += 1;
    }
    let value = total + current;
    (last != Last::Nothing && value < MOST).then_some((value, at))
}

/// "point five", "point two five" after a whole number.
fn decimals(tokens: &Tokens, start: usize) -> Option<(f64, usize)> {
    if tokens.norm(start) != "point" {
        return None;
    }
    let (mut value, mut place, mut at) = (0.0, 0.1, start + 1);
    while at < start + 7 {
        let word = tokens.norm(at);
        let digit = if word == "oh" { Some(0.0) } else { small(word).or_else(|| digits(word)) };
        match digit {
            Some(digit) if (0.0..10.0).contains(&digit) && digit.fract() == 0.0 => {
                value += digit * place;
                place /= 10.0;
                at += 1;
            }
            _ => break,
        }
    }
    (at > start + 1).then_some((value, at))
}

/// "and a half", "and three quarters", "½" after a number or unit: the fraction and the end.
pub(crate) fn and_fraction(tokens: &Tokens, start: usize) -> Option<(f64, usize)> {
    if let Some(value) = sign_fraction(tokens.norm(start)) {
        return Some((value, start + 1));
    }
    if tokens.norm(start) != "and" {
        return None;
    }
    fraction(tokens, start + 1)
}

/// "half", "a half", "a quarter", "three quarters", "a third", "two thirds".
pub(crate) fn fraction(tokens: &Tokens, start: usize) -> Option<(f64, usize)> {
    if let Some(value) = sign_fraction(tokens.norm(start)) {
        return Some((value, start + 1));
    }
    let (part, count, at) = match tokens.norm(start) {
        "half" | "quarter" => (tokens.norm(start), 1.0, start),
        "a" | "an" | "one" => (tokens.norm(start + 1), 1.0, start + 1),
        "two" | "2" => (tokens.norm(start + 1), 2.0, start + 1),
        "three" | "3" => (tokens.norm(start + 1), 3.0, start + 1),
        _ => return None,
    };
    let many = count > 1.0;
    let value = match part {
        "half" if !many => 0.5,
        "quarter" => count / 4.0,
        "quarters" if many => count / 4.0,
        "third" if !many => 1.0 / 3.0,
        "thirds" if many && count < 3.0 => count / 3.0,
        _ => return None,
    };
    Some((value, at + 1))
}

/// Numbers that begin at a token, longest first: with and without its "and a half".
pub(crate) fn numbers(tokens: &Tokens, start: usize) -> Vec<(f64, usize)> {
    let negative = matches!(tokens.norm(start), "minus" | "negative");
    let first = start + usize::from(negative);
    let sign = if negative { -1.0 } else { 1.0 };
    let mut all = Vec::new();
    if let Some((value, end)) = fraction(tokens, first) {
        all.push((sign * value, end));
    }
    if let Some((whole, end)) = cardinal(tokens, first) {
        let away = if whole < 0.0 { -1.0 } else { 1.0 };
        if let Some((part, end)) = decimals(tokens, end) {
            all.push((sign * round(whole + away * part), end));
        } else if let Some((part, end)) = and_fraction(tokens, end) {
            all.push((sign * (whole + away * part), end));
        }
        all.push((sign * whole, end));
    } else if let Some((part, end)) = decimals(tokens, first) {
        all.push((sign * round(part), end));
    }
    all.sort_by_key(|(_, end)| std::cmp::Reverse(*end));
    all
}

/// Six places are more than anyone says.
fn round(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

fn ordinal_word(word: &str) -> Option<i64> {
    const WORDS: [&str; 19] = [
        "first",
        "second",
        "third",
        "fourth",
        "fifth",
        "sixth",
        "seventh",
        "eighth",
        "ninth",
        "tenth",
        "eleventh",
        "twelfth",
        "thirteenth",
        "fourteenth",
        "fifteenth",
        "sixteenth",
        "seventeenth",
        "eighteenth",
        "nineteenth",
    ];
    const TENS: [&str; 8] = [
        "twentieth",
        "thirtieth",
        "fortieth",
        "fiftieth",
        "sixtieth",
        "seventieth",
        "eightieth",
        "ninetieth",
    ];
    let place = |words: &[&str]| words.iter().position(|known| *known == word);
    if let Some(index) = place(&WORDS) {
        return i64::try_from(index + 1).ok();
    }
    if let Some(index) = place(&TENS) {
        return i64::try_from((index + 2) * 10).ok();
    }
    let digits = ["st", "nd", "rd", "th"].iter().find_map(|ending| word.strip_suffix(ending))?;
    if digits.len() > 6 { None } else { digits.parse().ok().filter(|value| *value > 0) }
}

/// A bare ordinal without "the" and "one": value and end.
pub(crate) fn ordinal(tokens: &Tokens, start: usize) -> Option<(i64, usize)> {
    if let Some(value) = ordinal_word(tokens.norm(start)) {
        return Some((value, start + 1));
    }
    let ten = tens(tokens.norm(start))?;
    let unit = ordinal_word(tokens.norm(start + 1)).filter(|unit| *unit < 10)?;
    #[allow(clippy::cast_possible_truncation)]
    Some((ten as i64 + unit, start + 2))
}

/// "the second one", "last", "number three", "the 2nd".
pub(crate) fn ordinals(tokens: &Tokens, start: usize) -> Vec<Ending> {
    let first = start + usize::from(tokens.norm(start) == "the");
    let found = match tokens.norm(first) {
        "last" => Some((-1, first + 1)),
        "number" | "option" | "choice" => cardinal(tokens, first + 1).and_then(|(value, end)| {
            #[allow(clippy::cast_possible_truncation)]
            (value.fract() == 0.0 && (1.0..1e6).contains(&value)).then_some((value as i64, end))
        }),
        _ => ordinal(tokens, first),
    };
    let Some((value, end)) = found else { return Vec::new() };
    let mut all = vec![(Value::Ordinal(value), end)];
    if matches!(tokens.norm(end), "one" | "option" | "choice") {
        all.push((Value::Ordinal(value), end + 1));
    }
    all
}
