//! What stands in a row of the database: an alarm, a setting.
//!
//! Must not trust a row: one that was not written like this counts as not there.

use valet_core::{entity::Value, ports::Alarm};

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
    }

    #[test]
    fn rows_that_were_not_written_like_this_count_as_not_there() {
        assert_eq!(read_alarm("tea", &[0; 7]), None);
        for bad in
            [&b""[..], b"x1", b"byes", b"n", b"nNaN", b"ninf", b"n1e999", b"t\xff", "é".as_bytes()]
        {
            assert_eq!(read_value(bad), None, "{bad:?}");
        }
    }
}
