//! What can stop the recipe.

use std::path::PathBuf;

use valet_inference::InferenceError;

/// A fault of the recipe or of what it was given.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecipeError {
    /// The command line is not one of the known ones.
    #[error(
        "expected `valet-model export MANIFEST SOURCE_FOLDER OUT_FOLDER`, `valet-model verify MANIFEST FOLDER` or `valet-model inline GRAPH OUT`"
    )]
    Usage,
    /// The published weights are not those the recipe knows.
    #[error("the weights are not usable: {why}")]
    Weights {
        /// What is wrong.
        why: String,
    },
    /// A manifest or file that fails its checks.
    #[error(transparent)]
    Model(#[from] InferenceError),
    /// A file cannot be written.
    #[error("cannot write {}: {why}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        why: String,
    },
    /// The recipe gave other bytes than the manifest names.
    #[error(
        "{name} came out as {found_size} bytes with sha-256 {found} where the manifest says {expected_size} bytes with {expected}"
    )]
    NotReproduced {
        /// The file.
        name: String,
        /// Bytes by the manifest.
        expected_size: u64,
        /// Hex SHA-256 by the manifest.
        expected: String,
        /// Bytes made.
        found_size: u64,
        /// Hex SHA-256 of the bytes made.
        found: String,
    },
    /// The manifest lacks what this recipe needs.
    #[error("the manifest names no {what}")]
    Missing {
        /// What was looked for.
        what: &'static str,
    },
}

pub(crate) fn weights_fault(why: impl Into<String>) -> RecipeError {
    RecipeError::Weights { why: why.into() }
}
