//! Values of the bus as JSON and back. Everything this program prints goes through here, so
//! text and `--json` cannot disagree.
//!
//! Must not lose a value: what JSON cannot hold becomes a text.

use serde_json::{Number, Value};
use valet_bus::Dict;
use zbus::Variant;

/// A value as JSON.
pub(crate) fn json(variant: &Variant<'_>) -> Value {
    match variant {
        Variant::Bool(v) => Value::Bool(*v),
        Variant::U8(v) => Value::from(*v),
        Variant::I16(v) => Value::from(*v),
        Variant::U16(v) => Value::from(*v),
        Variant::I32(v) => Value::from(*v),
        Variant::U32(v) => Value::from(*v),
        Variant::I64(v) => Value::from(*v),
        Variant::U64(v) => Value::from(*v),
        Variant::F64(v) => {
            Number::from_f64(*v).map_or_else(|| Value::from(v.to_string()), Value::Number)
        }
        Variant::Str(v) => Value::from(v.as_str()),
        Variant::ObjectPath(v) => Value::from(v.as_str()),
        Variant::Signature(v) => Value::from(v.to_string()),
        Variant::Variant(inner) => json(inner),
        Variant::Array(items) => Value::Array(items.iter().map(json).collect()),
        Variant::Dict(entries) => {
            Value::Object(entries.iter().map(|(k, v)| (key(k), json(v))).collect())
        }
        Variant::Structure(fields) => Value::Array(fields.fields().iter().map(json).collect()),
        Variant::Fd(_) => Value::from("file descriptor"),
    }
}

fn key(key: &Variant<'_>) -> String {
    match json(key) {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

/// A dictionary as JSON.
pub(crate) fn object(dict: &Dict) -> Value {
    Value::Object(dict.iter().map(|(k, v)| (k.clone(), json(v))).collect())
}

/// A list of dictionaries as JSON.
pub(crate) fn objects(dicts: &[Dict]) -> Value {
    Value::Array(dicts.iter().map(object).collect())
}

/// JSON as a value of the bus: basic values and lists of one basic type; `None` for the rest.
pub(crate) fn variant(value: &Value) -> Option<Variant<'static>> {
    Some(match value {
        Value::Bool(v) => Variant::from(*v),
        Value::Number(v) => match v.as_i64() {
            Some(whole) => Variant::from(whole),
            None => Variant::from(v.as_f64()?),
        },
        Value::String(v) => Variant::from(v.clone()),
        Value::Array(items) => list(items)?,
        Value::Null | Value::Object(_) => return None,
    })
}

fn list(items: &[Value]) -> Option<Variant<'static>> {
    if let Some(all) = items.iter().map(Value::as_bool).collect::<Option<Vec<_>>>()
        && !all.is_empty()
    {
        return Some(Variant::from(all));
    }
    if let Some(all) = items.iter().map(Value::as_i64).collect::<Option<Vec<_>>>()
        && !all.is_empty()
    {
        return Some(Variant::from(all));
    }
    if let Some(all) = items.iter().map(Value::as_f64).collect::<Option<Vec<_>>>()
        && !all.is_empty()
    {
        return Some(Variant::from(all));
    }
    let texts =
        items.iter().map(|item| item.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()?;
    Some(Variant::from(texts))
}

/// A word of the command line as JSON: JSON where it is some, else the text itself.
pub(crate) fn read(word: &str) -> Value {
    match serde_json::from_str::<Value>(word) {
        Ok(value @ (Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_))) => {
            value
        }
        _ => Value::from(word),
    }
}

/// A value for people: texts without quotes, floats short.
pub(crate) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) if number.is_f64() => {
            let rounded = (number.as_f64().unwrap_or_default() * 1000.0).round() / 1000.0;
            rounded.to_string()
        }
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        Value::Null => "–".to_owned(),
        other => other.to_string(),
    }
}

/// A text of an object, empty where it has none.
pub(crate) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// A list of an object, empty where it has none.
pub(crate) fn items<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// A number of an object, 0 where it has none.
pub(crate) fn number(value: &Value, key: &str) -> f64 {
    value.get(key).and_then(Value::as_f64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_the_values_they_look_like() {
        assert_eq!(read("true"), Value::Bool(true));
        assert_eq!(read("21.5"), Value::from(21.5));
        assert_eq!(read("-3"), Value::from(-3));
        assert_eq!(read("OPEN"), Value::from("OPEN"));
        assert_eq!(read("\"7\""), Value::from("7"));
        assert_eq!(read("null"), Value::from("null"));
    }

    #[test]
    fn values_survive_the_way_to_the_bus_and_back() {
        for word in ["true", "21.5", "-3", "OPEN", "[\"a\",\"b\"]", "[1,2]", "[1.5,2]", "[]"] {
            let value = read(word);
            let there = variant(&value).expect("a value of the bus");
            let back = json(&there);
            assert_eq!(plain(&back), plain(&value), "{word}");
        }
        assert!(variant(&serde_json::json!({"a": 1})).is_none());
        assert!(variant(&serde_json::json!([1, "a"])).is_none());
    }
}
