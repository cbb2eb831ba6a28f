//! Why a test could not be set up.

/// A fault of the setting, not of what is tested.
#[derive(Debug, thiserror::Error)]
pub enum KitError {
    /// A program that is not there.
    #[error("{what} is not at {path}; {how}")]
    Missing {
        /// What.
        what: &'static str,
        /// Where it was looked for.
        path: String,
        /// How to get it.
        how: &'static str,
    },
    /// A program that could not be started.
    #[error("{program} cannot be started: {why}")]
    Start {
        /// Which.
        program: String,
        /// Why.
        why: String,
    },
    /// A program that ended instead of becoming ready.
    #[error("{program} ended with {status} before it was ready:\n{output}")]
    Ended {
        /// Which.
        program: String,
        /// Its exit status.
        status: String,
        /// What it printed.
        output: String,
    },
    /// Something that did not happen in time.
    #[error("{what} did not happen within {limit_ms} ms")]
    TooLate {
        /// What.
        what: String,
        /// The limit.
        limit_ms: u128,
    },
    /// A file or socket.
    #[error("{path}: {why}")]
    File {
        /// Which.
        path: String,
        /// Why.
        why: String,
    },
    /// The bus.
    #[error("the private bus: {0}")]
    Bus(#[from] zbus::Error),
    /// Something only the superuser may do.
    #[error("{what} needs the superuser")]
    NeedsRoot {
        /// What.
        what: &'static str,
    },
}

impl KitError {
    pub(crate) fn file(path: &std::path::Path, error: impl ToString) -> Self {
        Self::File { path: path.display().to_string(), why: error.to_string() }
    }
}
