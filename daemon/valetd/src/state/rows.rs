//! What stands in a row of the database: an alarm, a setting, the choice of a model.
//!
//! Must not trust a row: one that was not written like this counts as not there.

use valet_core::{entity::Value, ports::Alarm};

/// Longest id of a model in a row, bytes; manifests allow no longer one.
const MAX_MODEL_ID_BYTES: usize = 128;

/// Which model of a kind was chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ModelChoice {
    /// The model that is to serve.
    pub active: String,
    /// The one before, for a rollback.
    pub previous: Option<String>,
}

/// An alarm: when it rings (UTC, ms, little-endian), then its payload.
pub(crate) fn write_alarm(alarm: &Alarm) -> Vec<u8> {
    let mut bytes = alarm.at_utc_ms.to_le_bytes().to_vec();
    bytes.extend_from_slice(&alarm.payload);
    bytes
}

/// Reads what [`write_alarm`] wrote; `None` for fewer than 8 bytes.
pub(crate) fn read_alarm(name: &str, bytes: &[u8]) -> Option<Alarm> {
    let (at, payload) = bytes.split_first_chunk::<8>()?;
    Some(Alarm {
        name: name.to_owned(),
        at_utc_ms: i64::from_le_bytes(*at),
        payload: payload.to_vec(),
    })
}

/// A setting is a boolean, a number or a text: one letter and the value.
pub(crate) fn write_value(value: &Value) -> Vec<u8> {
    match value {
        Value::Boolean(v) => format!("b{v}").into_bytes(),
        Value::Number(v) => format!("n{v}").into_bytes(),
        other => format!("t{other}").into_bytes(),
    }
}

/// Reads what [`write_value`] wrote; `None` for any other letter, for a number that is not
/// finite, and for what is not UTF-8.
pub(crate) fn read_value(bytes: &[u8]) -> Option<Value> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (kind, value) = text.split_at_checked(1)?;
    match kind {
        "b" => value.parse().ok().map(Value::Boolean),
        "n" => value.parse().ok().filter(|v: &f64| v.is_finite()).map(Value::Number),
        "t" => Some(Value::Text(value.to_owned())),
        _ => None,
    }
}

/// A choice of a model: the id of the one that is to serve, a line break, the one before or nothing.
pub(crate) fn write_choice(choice: &ModelChoice) -> Vec<u8> {
    let previous = choice.previous.as_deref().unwrap_or_default();
    format!("{}\n{previous}", choice.active).into_bytes()
}

/// Reads what [`write_choice`] wrote; `None` for what no id of a model can be.
pub(crate) fn read_choice(bytes: &[u8]) -> Option<ModelChoice> {
    let (active, previous) = std::str::from_utf8(bytes).ok()?.split_once('\n')?;
    let fits = |id: &str| id.len() <= MAX_MODEL_ID_BYTES && !id.chars().any(char::is_control);
    if active.is_empty() || !fits(active) || !fits(previous) {
        return None;
    }
    let previous = (!previous.is_empty()).then(|| previous.to_owned());
    Some(ModelChoice { active: active.to_owned(), previous })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_as_they_were_written() {
        let alarm = Alarm { name: "tea".into(), at_utc_ms: -7, payload: vec![0, 255] };
        assert_eq!(read_alarm("tea", &write_alarm(&alarm)), Some(alarm));
        for value in [
            Value::Boolean(true),
            Value::Number(-21.5),
            Value::Number(0.1),
            Value::Text("é".into()),
        ] {
            assert_eq!(read_value(&write_value(&value)), Some(value));
        }
        for previous in [None, Some("old-1.0".to_owned())] {
            let choice = ModelChoice { active: "new".into(), previous };
            assert_eq!(read_choice(&write_choice(&choice)), Some(choice));
        }
    }

    #[test]
    fn rows_that_were_not_written_like_this_count_as_not_there() {
        assert_eq!(read_alarm("tea", &[0; 7]), None);
        for bad in
            [&b""[..], b"x1", b"byes", b"n", b"nNaN", b"ninf", b"n1e999", b"t\xff", "é".as_bytes()]
        {
            assert_eq!(read_value(bad), None, "{bad:?}");
        }
        let long = [b'a'; MAX_MODEL_ID_BYTES + 1];
        for bad in [&b""[..], b"a", b"\na", b"a\nb\nc", b"a\t\n", b"a\n\xff", &long] {
            assert_eq!(read_choice(bad), None, "{bad:?}");
        }
    }
}
