//! Vehicle signals: reading them, asking what they are, requesting target values.
//!
//! Must not interpret outcomes as success; the host words them.

use crate::{Outcome, SkillError, bindings::valet::skill::vehicle_signals as raw};

pub use raw::{ActuationOutcome, SignalError, SignalInfo, SignalValue, Status};

/// Most actuations in one batch.
pub const MAX_BATCH: usize = 32;

/// The current value; `None` when it is not known.
///
/// # Errors
/// [`SignalError`].
pub fn read(path: &str) -> Result<Option<SignalValue>, SignalError> {
    raw::read(path)
}

/// The current value of a boolean; `None` when unknown or of another type.
///
/// # Errors
/// [`SignalError`].
pub fn read_bool(path: &str) -> Result<Option<bool>, SignalError> {
    Ok(match raw::read(path)? {
        Some(SignalValue::Boolean(v)) => Some(v),
        _ => None,
    })
}

/// The current value of a number of any width; `None` when unknown or of another type.
///
/// # Errors
/// [`SignalError`].
pub fn read_number(path: &str) -> Result<Option<f64>, SignalError> {
    Ok(raw::read(path)?.and_then(|value| value.as_number()))
}

/// The current value of a text; `None` when unknown or of another type.
///
/// # Errors
/// [`SignalError`].
pub fn read_text(path: &str) -> Result<Option<String>, SignalError> {
    Ok(match raw::read(path)? {
        Some(SignalValue::Text(v)) => Some(v),
        _ => None,
    })
}

/// What the catalogue says: unit, bounds, allowed texts.
///
/// # Errors
/// [`SignalError`].
pub fn describe(path: &str) -> Result<SignalInfo, SignalError> {
    raw::describe(path)
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
}

impl From<bool> for SignalValue {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}

impl From<i32> for SignalValue {
    fn from(value: i32) -> Self {
        Self::Integer(value.into())
    }
}

impl From<i64> for SignalValue {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<f64> for SignalValue {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<&str> for SignalValue {
    fn from(value: &str) -> Self {
        Self::Text(value.into())
    }
}

impl From<String> for SignalValue {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

/// Target values that are requested together: all are checked before the first is written,
/// and one that is refused or fails skips the rest. A number may be given as an integer or
/// a float; the host takes the signal's own type where nothing is lost.
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct Batch(Vec<raw::Actuation>);

/// What came of a batch.
#[derive(Debug, Clone, Default)]
pub struct Sent {
    /// One for each actuation, in order; empty when the person is asked first.
    pub outcomes: Vec<ActuationOutcome>,
    /// Nothing was written: the host asks the person first and does the rest after a yes.
    /// The skill just returns [`Outcome::done`].
    pub waits_for_yes: bool,
}

impl Sent {
    /// Whether everything is, or is becoming, as asked.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.outcomes
            .iter()
            .all(|o| matches!(o.status, Status::Already | Status::Done | Status::Requested))
    }
}

impl Batch {
    /// An empty batch.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a target value.
    pub fn set(mut self, path: impl Into<String>, value: impl Into<SignalValue>) -> Self {
        self.0.push(raw::Actuation { path: path.into(), value: value.into() });
        self
    }

    /// Adds a target value in place, for loops.
    pub fn push(&mut self, path: impl Into<String>, value: impl Into<SignalValue>) {
        self.0.push(raw::Actuation { path: path.into(), value: value.into() });
    }

    /// Whether nothing was added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many were added.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Requests all of it. That the person is asked first is no error, see [`Sent::waits_for_yes`].
    ///
    /// # Errors
    /// More than [`MAX_BATCH`] actuations.
    pub fn send(self) -> Result<Sent, SkillError> {
        match raw::actuate(&self.0) {
            Ok(outcomes) => Ok(Sent { outcomes, waits_for_yes: false }),
            Err(raw::BatchError::NeedsConfirmation) => {
                Ok(Sent { outcomes: Vec::new(), waits_for_yes: true })
            }
            Err(error @ raw::BatchError::TooMany) => Err(error.into()),
        }
    }

    /// Requests all of it and leaves the words to the host: what most commands end with.
    ///
    /// # Errors
    /// As [`Batch::send`].
    pub fn finish(self) -> Result<Outcome, SkillError> {
        self.send()?;
        Ok(Outcome::done())
    }
}
