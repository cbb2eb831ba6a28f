//! Why a package was refused: always the file, where it can be told the line, and what was expected.

use crate::archive::ArchiveError;
use crate::signature::SignatureError;

/// A package that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PackageError {
    /// TOML that does not parse, a wrong type, an unknown key.
    #[error("{file}:{line}: {message}")]
    Parse {
        /// The file as the caller named it.
        file: String,
        /// Line, from 1.
        line: usize,
        /// What was expected and what came, with the nearest known key where one is near.
        message: String,
    },
    /// Parses, but breaks a rule.
    #[error("{file}: {what}")]
    Invalid {
        /// The file as the caller named it.
        file: String,
        /// Which rule, what came.
        what: String,
    },
    /// Larger than allowed.
    #[error("{file}: {bytes} bytes, expected at most {limit}")]
    TooLarge {
        /// The file.
        file: String,
        /// What it has.
        bytes: u64,
        /// What it may have.
        limit: u64,
    },
    /// The container is not as packages are.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// A signature is not as it should be.
    #[error("{file}: {why}")]
    Signature {
        /// The signature's file.
        file: String,
        /// What is wrong with it.
        why: SignatureError,
    },
    /// Another file than the order of a package wants.
    #[error("expected {expected} next, found {found}; pack again with `valetctl skill pack`")]
    Order {
        /// What should have come.
        expected: String,
        /// What came.
        found: String,
    },
    /// A file is not the one that the manifest lists.
    #[error("{file}: its {what} is not that of the signed manifest; fetch the package again")]
    Changed {
        /// Within the package.
        file: String,
        /// Its length or its hash.
        what: &'static str,
    },
    /// Could not be read.
    #[error("{file}: cannot be read: {why}")]
    Unreadable {
        /// The file.
        file: String,
        /// The system's reason.
        why: String,
    },
}

impl PackageError {
    /// A broken rule in `file`.
    pub(crate) fn invalid(file: &str, what: impl Into<String>) -> Self {
        Self::Invalid { file: file.to_owned(), what: what.into() }
    }
}
