//! Why a bench could not be put together or a test could not be run.
//!
//! Must not be used for what a skill does wrong: that is a verdict.

use std::path::PathBuf;
use valet_skill_host::HostError;

/// Something is missing or broken around the skills.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// Something is not built or not up to date.
    #[error("{what} is missing or older than its source ({path}); `make test` builds it")]
    NotBuilt {
        /// What.
        what: &'static str,
        /// Where it should be.
        path: PathBuf,
    },
    /// A file is wrong.
    #[error("{file}: {why}")]
    File {
        /// Which.
        file: String,
        /// Why.
        why: String,
    },
    /// A skill cannot be loaded.
    #[error(transparent)]
    Host(#[from] HostError),
    /// A test cannot be carried out as it is written.
    #[error("test {text:?}: {why}")]
    Test {
        /// Its utterance.
        text: String,
        /// Why.
        why: String,
    },
}

impl BenchError {
    /// A file that is wrong.
    pub(crate) fn file(file: impl ToString, why: impl ToString) -> Self {
        Self::File { file: file.to_string(), why: why.to_string() }
    }
}
