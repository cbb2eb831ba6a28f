//! Reading signals for an answer: what cannot be read is not known.
//!
//! Must not turn a missing value into a number.

use valet_skill_sdk::prelude::*;

/// The current number; `None` when it is not known or cannot be read.
pub(crate) fn number(path: &str) -> Option<f64> {
    signals::read_number(path).ok().flatten()
}

/// Whether a signal is known to be true.
pub(crate) fn is_true(path: &str) -> bool {
    flag(path) == Some(true)
}

/// The current boolean; `None` when it is not known or cannot be read.
pub(crate) fn flag(path: &str) -> Option<bool> {
    signals::read_bool(path).ok().flatten()
}

/// The current text; `None` when it is not known or cannot be read.
pub(crate) fn text(path: &str) -> Option<String> {
    signals::read_text(path).ok().flatten()
}

/// The answer in words, or that the car does not tell.
pub(crate) fn answer(speech: Option<String>, what: &str) -> Outcome {
    Outcome::answer(speech.unwrap_or_else(|| ["The car does not tell me ", what, " now."].concat()))
}
