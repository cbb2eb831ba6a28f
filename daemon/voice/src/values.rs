//! Values of slots as JSON and back, in the units of the D-Bus face.
//!
//! Must not guess: a value that comes from outside has the type that its slot's kind has, or is refused.

use serde_json::Value as Json;
use valet_core::{
    entity::{EntityKind, Value},
    zone::Zone,
};

/// Longest text of a value, bytes.
const MAX_TEXT_BYTES: usize = 1024;
/// Longest duration, ms: ten years.
const MAX_DURATION_MS: u64 = 10 * 365 * 24 * 3_600_000;
/// Largest whole number that is exact as a float.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

/// A value as JSON: whole numbers without a fraction, a duration in milliseconds, a zone by its name.
#[must_use]
pub fn to_json(value: &Value) -> Json {
    match value {
        Value::Number(v)
        | Value::Percentage(v)
        | Value::Temperature(v)
        | Value::Distance(v)
        | Value::Speed(v) => number(*v),
        Value::Ordinal(v) => Json::from(*v),
        Value::Duration(v) => Json::from(*v),
        Value::Time(v) | Value::Date(v) | Value::Colour(v) | Value::Text(v) => {
            Json::from(v.as_str())
        }
        Value::Zone(v) => Json::from(v.to_string()),
        Value::Boolean(v) => Json::from(*v),
    }
}

#[allow(clippy::cast_possible_truncation)] // whole and within what is exact
fn number(v: f64) -> Json {
    if v.fract() == 0.0 && v.abs() <= MAX_EXACT { Json::from(v as i64) } else { Json::from(v) }
}

/// The value of a slot of this kind.
///
/// # Errors
/// What was expected.
pub fn from_json(kind: &EntityKind, json: &Json) -> Result<Value, String> {
    let found = match kind {
        EntityKind::Number => json.as_f64().map(Value::Number),
        EntityKind::Ordinal => json.as_i64().filter(|v| *v != 0).map(Value::Ordinal),
        EntityKind::Percentage => {
            json.as_f64().filter(|v| (0.0..=100.0).contains(v)).map(Value::Percentage)
        }
        EntityKind::Temperature => json.as_f64().map(Value::Temperature),
        EntityKind::Duration => {
            json.as_u64().filter(|ms| *ms <= MAX_DURATION_MS).map(Value::Duration)
        }
        EntityKind::Distance => json.as_f64().filter(|v| *v >= 0.0).map(Value::Distance),
        EntityKind::Speed => json.as_f64().filter(|v| *v >= 0.0).map(Value::Speed),
        EntityKind::Time => text(json).filter(|v| is_time(v)).map(Value::Time),
        EntityKind::Date => text(json).filter(|v| is_date(v)).map(Value::Date),
        EntityKind::Colour => text(json).filter(|v| is_colour(v)).map(Value::Colour),
        EntityKind::Zone => text(json).and_then(|v| Zone::parse(&v).ok()).map(Value::Zone),
        EntityKind::Boolean => json.as_bool().map(Value::Boolean),
        EntityKind::Text | EntityKind::Listed(_) => text(json).map(Value::Text),
    };
    found.ok_or_else(|| expected(kind))
}

fn expected(kind: &EntityKind) -> String {
    match kind {
        EntityKind::Number | EntityKind::Temperature => "a number".to_owned(),
        EntityKind::Ordinal => "a whole number that is not 0".to_owned(),
        EntityKind::Percentage => "a number from 0 to 100".to_owned(),
        EntityKind::Duration => {
            format!("a whole number of milliseconds from 0 to {MAX_DURATION_MS}")
        }
        EntityKind::Distance | EntityKind::Speed => "a number from 0".to_owned(),
        EntityKind::Time => "a time as HH:MM or HH:MM:SS".to_owned(),
        EntityKind::Date => "a date as YYYY-MM-DD".to_owned(),
        EntityKind::Colour => "a colour as #rrggbb".to_owned(),
        EntityKind::Zone => {
            "a zone: all, row<N>, row<N>-driver, row<N>-middle or row<N>-passenger".to_owned()
        }
        EntityKind::Boolean => "true or false".to_owned(),
        EntityKind::Text | EntityKind::Listed(_) => {
            format!("a text of 1 to {MAX_TEXT_BYTES} bytes without control characters")
        }
    }
}

fn text(json: &Json) -> Option<String> {
    let fits = |text: &&str| {
        (1..=MAX_TEXT_BYTES).contains(&text.len()) && !text.chars().any(char::is_control)
    };
    json.as_str().filter(fits).map(str::to_owned)
}

/// `HH:MM` or `HH:MM:SS`.
fn is_time(text: &str) -> bool {
    matches!(text.len(), 5 | 8) && text.parse::<jiff::civil::Time>().is_ok()
}

/// `YYYY-MM-DD`.
fn is_date(text: &str) -> bool {
    text.parse::<jiff::civil::Date>().is_ok_and(|date| date.to_string() == text)
}

fn is_colour(text: &str) -> bool {
    text.strip_prefix('#')
        .is_some_and(|rgb| rgb.len() == 6 && rgb.bytes().all(|b| b.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_value_comes_back_as_it_went() {
        let kinds = [
            (EntityKind::Number, Value::Number(2.5)),
            (EntityKind::Ordinal, Value::Ordinal(-1)),
            (EntityKind::Percentage, Value::Percentage(100.0)),
            (EntityKind::Temperature, Value::Temperature(-3.5)),
            (EntityKind::Duration, Value::Duration(300_000)),
            (EntityKind::Time, Value::Time("07:30".into())),
            (EntityKind::Date, Value::Date("2028-02-29".into())),
            (EntityKind::Distance, Value::Distance(1500.0)),
            (EntityKind::Speed, Value::Speed(130.0)),
            (EntityKind::Colour, Value::Colour("#00ff7f".into())),
            (EntityKind::Zone, Value::Zone(Zone::DRIVER)),
            (EntityKind::Boolean, Value::Boolean(false)),
            (EntityKind::Text, Value::Text("the blue one".into())),
            (EntityKind::Listed("device".into()), Value::Text("lamp".into())),
        ];
        for (kind, value) in kinds {
            assert_eq!(from_json(&kind, &to_json(&value)), Ok(value));
        }
        assert_eq!(to_json(&Value::Percentage(40.0)).to_string(), "40");
    }

    #[test]
    fn a_value_of_another_kind_is_refused() {
        let long = "x".repeat(MAX_TEXT_BYTES + 1);
        for (kind, wrong) in [
            (EntityKind::Number, json!("3")),
            (EntityKind::Ordinal, json!(0)),
            (EntityKind::Percentage, json!(100.5)),
            (EntityKind::Duration, json!(-5)),
            (EntityKind::Duration, json!(u64::MAX)),
            (EntityKind::Time, json!("24:00")),
            (EntityKind::Time, json!("7:30")),
            (EntityKind::Date, json!("2027-02-29")),
            (EntityKind::Date, json!("2027-13-01")),
            (EntityKind::Colour, json!("red")),
            (EntityKind::Zone, json!("trunk")),
            (EntityKind::Boolean, json!("on")),
            (EntityKind::Text, json!("a\u{7}b")),
            (EntityKind::Text, json!("")),
            (EntityKind::Text, json!(long)),
            (EntityKind::Text, Json::Null),
        ] {
            assert_eq!(from_json(&kind, &wrong), Err(expected(&kind)), "{kind:?}");
        }
    }
}
