//! Whether a value fits a signal, and what would.
//!
//! Must not know what a signal does.

use valet_core::signal::{MAX_VALUE_LEN, SignalInfo, SignalType, SignalValue};

/// Whole numbers up to here are exact in a double.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

/// The value as the signal holds it: of its type, within its bounds. A whole float fits an
/// integer signal and an integer a float signal, for both travel through loosely typed clients.
pub(crate) fn fit(info: &SignalInfo, value: &SignalValue) -> Result<SignalValue, String> {
    use SignalValue as V;
    let fitted = match (info.data_type, info.is_array, value) {
        (SignalType::Boolean, false, V::Boolean(_)) | (SignalType::Text, false, V::Text(_)) => {
            Some(value.clone())
        }
        (SignalType::Integer, false, V::Integer(_) | V::Float(_)) => {
            value.as_number().and_then(whole).map(V::Integer)
        }
        (SignalType::Float, false, V::Integer(_) | V::Float(_)) => {
            value.as_number().filter(|n| n.is_finite()).map(V::Float)
        }
        (SignalType::Boolean, true, V::Booleans(_)) | (SignalType::Text, true, V::Texts(_)) => {
            Some(value.clone())
        }
        (SignalType::Integer, true, V::Integers(_)) => Some(value.clone()),
        (SignalType::Float, true, V::Floats(v)) if v.iter().all(|n| n.is_finite()) => {
            Some(value.clone())
        }
        _ => None,
    };
    fitted.filter(|value| within(info, value)).ok_or_else(|| expected(info))
}

/// The whole number a float stands for.
#[allow(clippy::cast_possible_truncation)]
pub(crate) fn whole(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && number.abs() <= MAX_EXACT).then_some(number as i64)
}

#[allow(clippy::cast_precision_loss)]
fn within(info: &SignalInfo, value: &SignalValue) -> bool {
    use SignalValue as V;
    let number_fits =
        |n: f64| info.min.is_none_or(|min| n >= min) && info.max.is_none_or(|max| n <= max);
    let text_fits = |text: &String| {
        text.len() <= MAX_VALUE_LEN
            && (info.allowed.is_empty() || info.allowed.iter().any(|allowed| allowed == text))
    };
    match value {
        V::Boolean(_) => true,
        V::Integer(n) => number_fits(*n as f64),
        V::Float(n) => number_fits(*n),
        V::Text(text) => text_fits(text),
        V::Booleans(list) => list.len() <= MAX_VALUE_LEN,
        V::Integers(list) => {
            list.len() <= MAX_VALUE_LEN && list.iter().all(|n| number_fits(*n as f64))
        }
        V::Floats(list) => list.len() <= MAX_VALUE_LEN && list.iter().all(|n| number_fits(*n)),
        V::Texts(list) => list.len() <= MAX_VALUE_LEN && list.iter().all(text_fits),
    }
}

/// What fits a signal, in words.
pub(crate) fn expected(info: &SignalInfo) -> String {
    let one = match info.data_type {
        SignalType::Boolean => "true or false".to_owned(),
        SignalType::Text if info.allowed.is_empty() => {
            format!("a text of at most {MAX_VALUE_LEN} bytes")
        }
        SignalType::Text => format!("one of {}", info.allowed.join(", ")),
        SignalType::Integer => format!("a whole number{}", bounds(info)),
        SignalType::Float => format!("a number{}", bounds(info)),
    };
    if info.is_array { format!("a list, each {one}") } else { one }
}

fn bounds(info: &SignalInfo) -> String {
    let unit = if info.unit.is_empty() { String::new() } else { format!(" {}", info.unit) };
    match (info.min, info.max) {
        (Some(min), Some(max)) => format!(" from {min} to {max}{unit}"),
        (Some(min), None) => format!(" of at least {min}{unit}"),
        (None, Some(max)) => format!(" of at most {max}{unit}"),
        (None, None) if info.unit.is_empty() => String::new(),
        (None, None) => format!(" in {}", info.unit),
    }
}
