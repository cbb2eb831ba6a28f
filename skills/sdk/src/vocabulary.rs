//! Values of the skill's own listed entities that it knows only at run time, such as names of devices.
//!
//! Must not be used for what stands in the sentences already.

use crate::bindings::valet::skill::vocabulary as raw;

pub use raw::{Entry, VocabularyError};

/// A value that is said as it is.
#[must_use]
pub fn entry(value: impl Into<String>) -> Entry {
    Entry { value: value.into(), synonyms: Vec::new() }
}

/// Takes these values of a listed entity in the place of those that were set before: at most 256 of 128
/// bytes. They hold as long as the skill is loaded.
///
/// # Errors
/// [`VocabularyError`].
pub fn set(entity: &str, values: &[Entry]) -> Result<(), VocabularyError> {
    raw::set(entity, values)
}
