//! Models on the board's own CPU: the sentence encoder, its tokenizer, and the
//! verified files they come from. The only crate that names tract.
//!
//! Must not: know intents, skills or the bus; open a network connection; parse a
//! model file whose size and SHA-256 were not checked against its manifest.

mod encoder;
mod error;
mod manifest;
mod verified;
mod wordpiece;

pub use encoder::{Precision, SentenceEncoder};
pub use error::InferenceError;
pub use manifest::{
    EncoderShape, FileRole, ModelFile, ModelKind, ModelManifest, ModelSource, SourceMember,
};
pub use verified::{hex_sha256, read_verified};
pub use wordpiece::{MAX_VOCABULARY_BYTES, Tokenization, Vocabulary};
