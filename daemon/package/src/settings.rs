//! Settings of a skill: the schema in the manifest and the check of a value against it.
//!
//! Must not keep values; they live with the daemon's state.

use serde::Deserialize;
use valet_core::entity::Value;

/// Longest text of a setting, bytes.
pub const MAX_SETTING_TEXT_BYTES: usize = 512;

/// The type and bounds of one setting.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", deny_unknown_fields)]
pub enum SettingSchema {
    /// One of a few words.
    Choice {
        /// The words.
        choices: Vec<String>,
        /// Value when nothing was set.
        default: String,
        /// For people.
        #[serde(default)]
        description: String,
    },
    /// Yes or no.
    Boolean {
        /// Value when nothing was set.
        default: bool,
        /// For people.
        #[serde(default)]
        description: String,
    },
    /// A number between two bounds.
    Number {
        /// Lowest.
        min: f64,
        /// Highest.
        max: f64,
        /// Value when nothing was set.
        default: f64,
        /// For people.
        #[serde(default)]
        description: String,
    },
    /// A text of at most [`MAX_SETTING_TEXT_BYTES`]; the empty text means "not set".
    Text {
        /// Value when nothing was set.
        #[serde(default)]
        default: String,
        /// For people.
        #[serde(default)]
        description: String,
    },
}

/// A value that a setting does not take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("setting {name} does not take {got}, expected {expected}")]
pub struct SettingError {
    /// Which setting.
    pub name: String,
    /// What came.
    pub got: String,
    /// What it takes.
    pub expected: String,
}

impl SettingSchema {
    /// The value when nothing was set.
    #[must_use]
    pub fn default_value(&self) -> Value {
        match self {
            Self::Choice { default, .. } | Self::Text { default, .. } => {
                Value::Text(default.clone())
            }
            Self::Boolean { default, .. } => Value::Boolean(*default),
            Self::Number { default, .. } => Value::Number(*default),
        }
    }

    /// What the setting takes, in words.
    #[must_use]
    pub fn expected(&self) -> String {
        match self {
            Self::Choice { choices, .. } => format!("one of {}", choices.join(", ")),
            Self::Boolean { .. } => "true or false".to_owned(),
            Self::Number { min, max, .. } => format!("a number from {min} to {max}"),
            Self::Text { .. } => {
                format!(
                    "a text of at most {MAX_SETTING_TEXT_BYTES} bytes without control characters"
                )
            }
        }
    }

    /// Checks a value; a whole number where a number is wanted is fine.
    ///
    /// # Errors
    /// [`SettingError`] says what the setting takes.
    pub fn check(&self, name: &str, value: &Value) -> Result<(), SettingError> {
        let fits = match (self, value) {
            (Self::Choice { choices, .. }, Value::Text(v)) => choices.contains(v),
            (Self::Boolean { .. }, Value::Boolean(_)) => true,
            (Self::Number { min, max, .. }, Value::Number(v)) => (*min..=*max).contains(v),
            (Self::Text { .. }, Value::Text(v)) => {
                v.len() <= MAX_SETTING_TEXT_BYTES && !v.chars().any(char::is_control)
            }
            _ => false,
        };
        if fits {
            return Ok(());
        }
        Err(SettingError {
            name: name.to_owned(),
            got: value.to_string().chars().take(80).collect(),
            expected: self.expected(),
        })
    }
}
