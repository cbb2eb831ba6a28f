//! Reading the player's signals: what cannot be read is not known.
//!
//! Must not turn a missing value into one.

use valet_skill_sdk::prelude::*;

/// The current text; `None` when it is not known or cannot be read.
pub(crate) fn text(path: &str) -> Option<String> {
    signals::read_text(path).ok().flatten()
}

/// The current number; `None` when it is not known or cannot be read.
pub(crate) fn number(path: &str) -> Option<f64> {
    signals::read_number(path).ok().flatten()
}
