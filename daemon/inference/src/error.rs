//! What can go wrong with a model, in words that say what was expected and what came.
//!
//! Must not hold a runtime's own error types: they would leak tract into every caller.

use std::path::PathBuf;

/// A fault of a model file, its manifest or the runtime.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InferenceError {
    /// The manifest is not what the schema allows.
    #[error("the model manifest is not valid: {why}")]
    Manifest {
        /// What is wrong, with the line where the parser knows it.
        why: String,
    },
    /// A file cannot be opened or read.
    #[error("cannot read {}: {why}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        why: String,
    },
    /// A file is longer or shorter than its manifest says.
    #[error("{} has {found} bytes where the manifest says {expected}", path.display())]
    WrongSize {
        /// The file.
        path: PathBuf,
        /// Bytes by the manifest.
        expected: u64,
        /// Bytes found.
        found: u64,
    },
    /// A file has the right length and other content.
    #[error("{} has sha-256 {found} where the manifest says {expected}", path.display())]
    WrongHash {
        /// The file.
        path: PathBuf,
        /// Hex SHA-256 by the manifest.
        expected: String,
        /// Hex SHA-256 found.
        found: String,
    },
    /// A vocabulary that the tokenizer cannot use.
    #[error("the vocabulary is not usable: {why}")]
    Vocabulary {
        /// What is wrong, with the line where there is one.
        why: String,
    },
    /// A graph that is not the ONNX file of this encoder.
    #[error("the graph is not usable: {why}")]
    Graph {
        /// What is wrong.
        why: String,
    },
    /// A model wants more memory than it may take.
    #[error(
        "the model needs {needed} bytes of its own where {limit} are allowed; \
         raise the limit in the configuration, or choose a smaller model"
    )]
    Memory {
        /// Bytes that it would take, besides what is mapped.
        needed: u64,
        /// Bytes that it may take.
        limit: u64,
    },
}
