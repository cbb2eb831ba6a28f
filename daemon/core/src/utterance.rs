//! An utterance: the one text a person said or typed, bounded and clean.
//!
//! Must not understand anything; that is `valet-understanding`'s.

use std::fmt;

/// Longest accepted utterance in bytes of UTF-8.
pub const MAX_UTTERANCE_BYTES: usize = 4096;

/// Why a text is not an utterance.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UtteranceError {
    /// Nothing but white space and control characters.
    #[error("the text is empty, expected at least one printable character")]
    Empty,
    /// More than [`MAX_UTTERANCE_BYTES`].
    #[error("the text has {bytes} bytes, expected at most {MAX_UTTERANCE_BYTES}")]
    TooLong {
        /// Length that came, bytes.
        bytes: usize,
    },
}

/// A text of 1 to [`MAX_UTTERANCE_BYTES`] bytes with no control characters in it.
///
/// Offsets of slots point into exactly this text. Control characters become spaces of
/// the same number of bytes, so offsets also hold for what the client sent.
#[derive(Clone, PartialEq, Eq)]
pub struct Utterance(String);

impl Utterance {
    /// Takes a client's text: checks the length first, then replaces control characters.
    ///
    /// # Errors
    /// [`UtteranceError::TooLong`], [`UtteranceError::Empty`].
    pub fn parse(text: &str) -> Result<Self, UtteranceError> {
        if text.len() > MAX_UTTERANCE_BYTES {
            return Err(UtteranceError::TooLong { bytes: text.len() });
        }
        let mut clean = String::with_capacity(text.len());
        for c in text.chars() {
            if c.is_control() {
                clean.extend(std::iter::repeat_n(' ', c.len_utf8()));
            } else {
                clean.push(c);
            }
        }
        if clean.trim().is_empty() {
            return Err(UtteranceError::Empty);
        }
        Ok(Self(clean))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Prints the length only: an utterance is private, and `{:?}` ends up in logs.
impl fmt::Debug for Utterance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Utterance({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_become_spaces_of_the_same_length() {
        let u = Utterance::parse("set\tit\u{85}now").expect("printable text");
        assert_eq!(u.as_str(), "set it  now");
    }

    #[test]
    fn too_long_and_empty_texts_are_refused() {
        assert_eq!(Utterance::parse(" \n "), Err(UtteranceError::Empty));
        let long = "a".repeat(MAX_UTTERANCE_BYTES + 1);
        assert_eq!(Utterance::parse(&long), Err(UtteranceError::TooLong { bytes: 4097 }));
    }

    #[test]
    fn debug_never_shows_the_text() {
        let u = Utterance::parse("call my lawyer").expect("printable text");
        assert!(!format!("{u:?}").contains("lawyer"));
    }
}
