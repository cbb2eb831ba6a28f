//! A filled slot: a name of the manifest, its value and where in the text it stood.

use crate::entity::Value;

/// One filled slot.
#[derive(Debug, Clone, PartialEq)]
pub struct Slot {
    /// The slot's name in the manifest.
    pub name: String,
    /// What it resolved to.
    pub value: Value,
    /// The words it came from; empty for a default.
    pub text: String,
    /// First byte in the utterance.
    pub start: u32,
    /// One past the last byte; `start == end` when it did not stand in the text.
    pub end: u32,
}

impl Slot {
    /// A slot that no words filled: a default or a value carried over from an earlier turn.
    #[must_use]
    pub fn implied(name: &str, value: Value) -> Self {
        Self { name: name.to_owned(), value, text: String::new(), start: 0, end: 0 }
    }
}
