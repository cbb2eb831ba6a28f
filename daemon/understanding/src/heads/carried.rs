//! The embeddings that a skill's package carries for one encoder: which texts they are of, the file made of them at a desk,
//! and the file read on a device.
//!
//! Must not be believed: what is read here was said by whoever made the package. `loan` finds out whether it is true.

use super::{
    cache::{self, Key},
    embeddings::Embeddings,
    training,
};
use crate::training::TrainingSet;
use std::collections::BTreeSet;
use valet_core::encoder::{Encoder, EncoderFault};

/// Seals the file. Changes with the layout of what is in it, and whenever an encoder of the same files would say other
/// numbers; not with the recipe of the heads, so that a package stays good.
const FORMAT: &[u8] = b"carried-embeddings-1";
/// Texts that go to the encoder together.
const AT_ONCE: usize = 64;

/// Why carried embeddings are not used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The seal is broken, or that of another encoder or another layout.
    Seal,
    /// The seal is whole, and what it seals is no embeddings of this encoder's dimensions.
    Form {
        /// Length of a vector of this encoder.
        dimensions: usize,
    },
    /// The encoder says otherwise.
    Differs {
        /// Texts that were computed here.
        checked: usize,
        /// Those of which something else came.
        wrong: usize,
    },
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Seal => f.write_str(
                "expected a file that is sealed for this encoder and this version, found another or a damaged one; \
                 its author makes it again with `valetctl skill embed`",
            ),
            Self::Form { dimensions } => write!(
                f,
                "expected vectors of {dimensions} plausible numbers, found something else; \
                 its author makes it again with `valetctl skill embed`"
            ),
            Self::Differs { checked, wrong } => write!(
                f,
                "expected what this encoder says, found other numbers for {wrong} of {checked} texts that were computed here; \
                 do not trust who made it"
            ),
        }
    }
}

/// The key of an encoder's file.
fn key_of(fingerprint: &str) -> Key {
    cache::key_of(&[FORMAT, fingerprint.as_bytes()])
}

/// The texts that training would embed of a skill, where it alone is in the set; each once.
#[must_use]
pub fn texts(set: &TrainingSet) -> BTreeSet<String> {
    training::chosen(set).into_iter().map(|example| example.text.clone()).collect()
}

/// A file with what the encoder says of texts. The same texts and encoder give the same bytes.
///
/// # Errors
/// The encoder's fault.
pub fn make(texts: &BTreeSet<String>, encoder: &mut dyn Encoder) -> Result<Vec<u8>, EncoderFault> {
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let mut all = Embeddings::of_length(encoder.dimensions());
    for some in texts.chunks(AT_ONCE) {
        all.add_all(some, encoder)?;
    }
    Ok(cache::seal(&key_of(encoder.fingerprint()), &all.to_payload()))
}

/// Reads a file for an encoder; of its texts those are kept that `is_wanted` names by their hash.
///
/// # Errors
/// [`Refusal::Seal`], [`Refusal::Form`].
pub fn read(
    file: &[u8],
    (fingerprint, dimensions): (&str, usize),
    is_wanted: &dyn Fn(&Key) -> bool,
) -> Result<Embeddings, Refusal> {
    let payload = cache::unseal(file, &key_of(fingerprint)).ok_or(Refusal::Seal)?;
    Embeddings::parse_some(payload, dimensions, is_wanted)
        .filter(Embeddings::are_plausible)
        .ok_or(Refusal::Form { dimensions })
}
