//! Vehicle signals: paths, values, kinds, classes. Names follow COVESA VSS.
//!
//! Must not reach a vehicle; `ports::Vehicle` does.

use std::{fmt, sync::Arc};

/// Longest signal path in bytes.
pub const MAX_PATH_BYTES: usize = 256;
/// Longest text or array value in bytes or elements.
pub const MAX_VALUE_LEN: usize = 1024;

/// A signal's dotted path, such as `Vehicle.Cabin.HVAC.IsAirConditioningActive`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SignalPath(Arc<str>);

/// A text that is no signal path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "signal path {got:?} is not valid, expected [A-Za-z0-9_] elements joined by dots, at most {MAX_PATH_BYTES} bytes"
)]
pub struct SignalPathError {
    /// What came (cut).
    pub got: String,
}

impl SignalPath {
    /// Parses and checks a path. It need not exist in any catalogue.
    ///
    /// # Errors
    /// [`SignalPathError`].
    pub fn parse(text: &str) -> Result<Self, SignalPathError> {
        let fine = text.len() <= MAX_PATH_BYTES
            && text.split('.').all(|element| {
                !element.is_empty()
                    && element.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
            });
        if fine {
            Ok(Self(text.into()))
        } else {
            Err(SignalPathError { got: text.chars().take(80).collect() })
        }
    }

    /// The path as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SignalPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A signal's value. VSS integers of all widths are `Integer`, float and double `Float`.
#[derive(Debug, Clone, PartialEq)]
pub enum SignalValue {
    /// `boolean`.
    Boolean(bool),
    /// `int8` … `uint32` (64-bit unsigned values above `i64::MAX` do not occur in VSS).
    Integer(i64),
    /// `float`, `double`.
    Float(f64),
    /// `string`.
    Text(String),
    /// `boolean[]`.
    Booleans(Vec<bool>),
    /// `int8[]` … `uint32[]`.
    Integers(Vec<i64>),
    /// `float[]`, `double[]`.
    Floats(Vec<f64>),
    /// `string[]`.
    Texts(Vec<String>),
}

impl SignalValue {
    /// The value as a number, where it is one.
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Self::Integer(v) => Some(*v as f64),
            Self::Float(v) => Some(*v),
            _ => None,
        }
    }

    /// Whether an observed value counts as this requested one. Numbers that travelled through
    /// a `float` signal count as what they were: a few steps of that type, and no more (of 60
    /// degrees of latitude that is three metres).
    #[must_use]
    pub fn matches(&self, observed: &Self) -> bool {
        match (self, observed) {
            (Self::Integer(a), Self::Integer(b)) => a == b,
            (Self::Floats(a), Self::Floats(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_close(*a, *b))
            }
            _ => match (self.as_number(), observed.as_number()) {
                (Some(a), Some(b)) => is_close(a, b),
                _ => self == observed,
            },
        }
    }
}

/// Steps of a `float` by which two numbers may differ and still be the same one.
const FLOAT_STEPS: f64 = 4.0;

fn is_close(a: f64, b: f64) -> bool {
    (a - b).abs() <= FLOAT_STEPS * f64::from(f32::EPSILON) * a.abs().max(b.abs()).max(1.0)
}

impl fmt::Display for SignalValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean(v) => write!(f, "{v}"),
            Self::Integer(v) => write!(f, "{v}"),
            Self::Float(v) => write!(f, "{v}"),
            Self::Text(v) => f.write_str(v),
            Self::Booleans(v) => write!(f, "{v:?}"),
            Self::Integers(v) => write!(f, "{v:?}"),
            Self::Floats(v) => write!(f, "{v:?}"),
            Self::Texts(v) => write!(f, "{v:?}"),
        }
    }
}

/// What a signal is in the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignalKind {
    /// Read only, changes.
    Sensor,
    /// Can be written a target value.
    Actuator,
    /// Read only, fixed.
    Attribute,
}

/// A signal's data type (scalar part) in VSS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignalType {
    /// `boolean`.
    Boolean,
    /// Any integer width; the bounds are in [`SignalInfo`].
    Integer,
    /// `float`, `double`.
    Float,
    /// `string`.
    Text,
}

/// A catalogue entry.
#[derive(Debug, Clone, PartialEq)]
pub struct SignalInfo {
    /// Sensor, actuator or attribute.
    pub kind: SignalKind,
    /// Scalar type.
    pub data_type: SignalType,
    /// Whether values are arrays of that type.
    pub is_array: bool,
    /// Unit as VSS writes it (`Celsius`, `percent`, `km/h`, …); empty = none.
    pub unit: String,
    /// Lowest allowed value, also from the width of an integer type.
    pub min: Option<f64>,
    /// Highest allowed value.
    pub max: Option<f64>,
    /// The only texts allowed; empty = any.
    pub allowed: Vec<String>,
    /// Texts that tell to do something and do not last, such as a skip to the next track:
    /// never "already so", and nothing to go back to.
    pub momentary: Vec<String>,
}

impl SignalInfo {
    /// Whether a value of this signal does not last.
    #[must_use]
    pub fn is_momentary(&self, value: &SignalValue) -> bool {
        matches!(value, SignalValue::Text(text) if self.momentary.contains(text))
    }
}

/// How much harm a signal or action can do, ascending; what the policy keys on.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// Reading, answering.
    Info,
    /// Climate, seats, media, light inside.
    Comfort,
    /// Windows, doors, boot, wipers, mirrors, light outside.
    Body,
    /// Locks, alarm.
    Security,
    /// Anything that drives, steers or brakes: never actuated by an assistant.
    Driving,
}

impl Class {
    /// The name as policies and manifests write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Comfort => "comfort",
            Self::Body => "body",
            Self::Security => "security",
            Self::Driving => "driving",
        }
    }
}

#[cfg(test)]
#[allow(clippy::cast_possible_truncation)]
mod tests {
    use super::*;

    #[test]
    fn an_observed_float_close_to_the_target_counts_as_reached() {
        assert!(SignalValue::Float(21.5).matches(&SignalValue::Float(21.500_000_4)));
        assert!(SignalValue::Integer(30).matches(&SignalValue::Float(30.0)));
        assert!(!SignalValue::Integer(30).matches(&SignalValue::Integer(29)));
        assert!(!SignalValue::Boolean(true).matches(&SignalValue::Integer(1)));
    }

    #[test]
    fn every_number_matches_itself_behind_a_float_signal() {
        for number in [60.169_9, 24.938_4, -0.1, 16.3, 1e-9, 0.0, 123_456.789, -1e12] {
            let seen = SignalValue::Float(f64::from(number as f32));
            assert!(SignalValue::Float(number).matches(&seen), "{number}");
            assert!(
                SignalValue::Floats(vec![number])
                    .matches(&SignalValue::Floats(vec![f64::from(number as f32)]))
            );
        }
    }

    #[test]
    fn places_some_metres_apart_are_not_the_same() {
        let helsinki = SignalValue::Float(60.169_9);
        assert!(!helsinki.matches(&SignalValue::Float(60.170_0)), "eleven metres north");
        assert!(!helsinki.matches(&SignalValue::Float(60.205_5)), "Espoo");
        assert!(!SignalValue::Integer(5000).matches(&SignalValue::Integer(5001)));
        assert!(!SignalValue::Float(f64::NAN).matches(&SignalValue::Float(f64::NAN)));
    }

    #[test]
    fn paths_with_odd_characters_are_refused() {
        assert!(SignalPath::parse("Vehicle.Speed").is_ok());
        for bad in ["", ".", "Vehicle..Speed", "Vehicle.*", "Vehicle/Speed", "Vehicle.Spéed"] {
            assert!(SignalPath::parse(bad).is_err(), "{bad:?}");
        }
    }
}
