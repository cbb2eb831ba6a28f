//! Whether a value fits a signal, and how the signal holds it.
//!
//! Must not change what is meant: only the type, and only where nothing is lost.

use valet_core::signal::{SignalInfo, SignalType, SignalValue};

/// The value in the signal's own type, within its bounds.
#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
pub(super) fn fit(value: SignalValue, info: &SignalInfo) -> Result<SignalValue, String> {
    if info.is_array {
        return fit_array(value, info);
    }
    let value = match (info.data_type, value) {
        (SignalType::Float, SignalValue::Integer(v)) => SignalValue::Float(v as f64),
        (SignalType::Integer, SignalValue::Float(v)) if v.fract() == 0.0 && v.abs() < 9e15 => {
            SignalValue::Integer(v as i64)
        }
        (SignalType::Boolean, v @ SignalValue::Boolean(_))
        | (SignalType::Integer, v @ SignalValue::Integer(_))
        | (SignalType::Float, v @ SignalValue::Float(_))
        | (SignalType::Text, v @ SignalValue::Text(_)) => v,
        (_, v) => return Err(format!("{v} is of another type")),
    };
    if let Some(number) = value.as_number() {
        fit_number(number, info)?;
    }
    if let SignalValue::Text(text) = &value {
        fit_text(text, info)?;
    }
    Ok(value)
}

#[allow(clippy::cast_precision_loss)]
fn fit_array(value: SignalValue, info: &SignalInfo) -> Result<SignalValue, String> {
    match (info.data_type, &value) {
        (SignalType::Boolean, SignalValue::Booleans(_)) => {}
        (SignalType::Integer, SignalValue::Integers(all)) => {
            all.iter().try_for_each(|v| fit_number(*v as f64, info))?;
        }
        (SignalType::Float, SignalValue::Floats(all)) => {
            all.iter().try_for_each(|v| fit_number(*v, info))?;
        }
        (SignalType::Text, SignalValue::Texts(all)) => {
            all.iter().try_for_each(|v| fit_text(v, info))?;
        }
        _ => return Err(format!("{value} is of another type")),
    }
    Ok(value)
}

fn fit_number(number: f64, info: &SignalInfo) -> Result<(), String> {
    let fits = number.is_finite()
        && info.min.is_none_or(|min| number >= min)
        && info.max.is_none_or(|max| number <= max);
    if fits {
        return Ok(());
    }
    let bound = |b: Option<f64>| b.map_or_else(|| "any".to_owned(), |b| b.to_string());
    Err(format!("{number} is not between {} and {}", bound(info.min), bound(info.max)))
}

fn fit_text(text: &str, info: &SignalInfo) -> Result<(), String> {
    if info.allowed.is_empty() || info.allowed.iter().any(|a| a == text) {
        Ok(())
    } else {
        Err(format!("{text} is not one of {}", info.allowed.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use valet_core::signal::SignalKind;

    fn info(data_type: SignalType) -> SignalInfo {
        SignalInfo {
            kind: SignalKind::Actuator,
            data_type,
            is_array: false,
            unit: String::new(),
            min: Some(0.0),
            max: Some(100.0),
            allowed: vec!["ON".into()],
            momentary: Vec::new(),
        }
    }

    #[test]
    fn numbers_take_the_type_of_the_signal_where_nothing_is_lost() {
        let integer = info(SignalType::Integer);
        assert_eq!(fit(SignalValue::Float(21.0), &integer), Ok(SignalValue::Integer(21)));
        assert!(fit(SignalValue::Float(21.5), &integer).is_err());
        let float = info(SignalType::Float);
        assert_eq!(fit(SignalValue::Integer(21), &float), Ok(SignalValue::Float(21.0)));
        assert!(fit(SignalValue::Boolean(true), &float).is_err());
    }

    #[test]
    fn what_is_out_of_bounds_does_not_fit() {
        let float = info(SignalType::Float);
        for bad in [f64::NAN, f64::INFINITY, -0.1, 100.1] {
            assert!(fit(SignalValue::Float(bad), &float).is_err(), "{bad}");
        }
        let text = info(SignalType::Text);
        assert!(fit(SignalValue::Text("ON".into()), &text).is_ok());
        assert!(fit(SignalValue::Text("on".into()), &text).is_err());
    }
}
