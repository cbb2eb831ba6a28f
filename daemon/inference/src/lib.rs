//! Models on the board's own CPU: the sentence encoder, its tokenizer, and the
//! verified files they come from. The only crate that names tract.
//!
//! A model's own files are read once, checked, and packed for the kernels at hand; after that
//! the packed file is mapped. Must not: know intents, skills or the bus; open a network connection;
//! parse a model file whose size and SHA-256 were not checked against its manifest.

mod encoder;
mod error;
mod guard;
mod inspection;
mod manifest;
mod onnx;
mod pack;
mod packed;
mod program;
mod runtime;
mod verified;
mod wordpiece;

pub use encoder::{EncoderOptions, SentenceEncoder};
pub use error::InferenceError;
pub use inspection::inspect_file;
pub use manifest::{
    EncoderShape, FileRole, LoudChannel, ModelFile, ModelKind, ModelManifest, ModelRecipe,
    ModelSource, RecipeName, SourceMember,
};
pub use pack::Packing;
pub use valet_kernels::{KernelError, Kernels, WORD_BOUND, fullest_word};
pub use verified::{hex_sha256, read_verified};
pub use wordpiece::{MAX_VOCABULARY_BYTES, Tokenization, Vocabulary};
