//! What can stop the recipe.

use std::path::PathBuf;

use valet_inference::InferenceError;

/// What the command line may say.
pub(crate) const USAGE: &str = "\
valet-model export MANIFEST SOURCE OUT
    write the files that the manifest names into the folder OUT, from the unpacked package SOURCE
valet-model verify MANIFEST FOLDER
    hold the files of a folder against their manifest
valet-model pieces VOCABULARY COUNT OUT KEEP... [-- TEXT...]
    choose COUNT word pieces: all that the files and folders KEEP need, then what is common in TEXT
valet-model prune BASE SOURCE PIECES ID OUT
    make the model ID of the manifest BASE with these pieces only: OUT/ID.toml, OUT/cache/ID/
valet-model quantize BASE WEIGHTS ID OUT
valet-model distil BASE WEIGHTS ID OUT
    make the model ID of weights of your own, a folder of model.safetensors, config.json, vocab.txt;
    licence, languages and limits are taken from the manifest BASE
valet-model cut BASE SOURCE PIECES OUT
    write such a folder with the rows of these pieces only
valet-model inline GRAPH OUT
    write an ONNX file without functions, for runtimes that know none";

/// A fault of the recipe or of what it was given.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecipeError {
    /// The command line is not one of the known ones.
    #[error("the command line is not one of these:\n{USAGE}")]
    Usage,
    /// An argument is not UTF-8.
    #[error("expected arguments that are UTF-8")]
    NotText,
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
