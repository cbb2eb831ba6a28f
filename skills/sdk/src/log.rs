//! Lines for the integrator's log: at most 16 a turn, 512 bytes each.
//!
//! Must not carry the utterance.

use crate::bindings::valet::skill::log as raw;

/// A line for whoever develops the skill.
pub fn debug(line: &str) {
    raw::write(raw::Level::Debug, line);
}

/// A line worth keeping.
pub fn info(line: &str) {
    raw::write(raw::Level::Info, line);
}

/// Something is not as it should be.
pub fn warning(line: &str) {
    raw::write(raw::Level::Warning, line);
}
