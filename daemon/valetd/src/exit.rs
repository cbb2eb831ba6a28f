//! Exit codes: one a reason, so that a unit file and a person can tell them apart.
//!
//! Must not print; `main` does, once.

/// Why the daemon ends. The numbers are part of the interface and never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Asked to stop, `--check-config` found nothing, or `--embed` wrote its file.
    Done = 0,
    /// Something that should not happen.
    Internal = 1,
    // 2: the command line is wrong; the parser ends with it by itself.
    /// The configuration, policy, words or script are wrong, or `--check-config` found a skill to be, or `--embed`
    /// a skill or a model.
    Config = 3,
    /// The bus cannot be reached, or refuses us the name.
    Bus = 4,
    /// Another daemon has the name.
    NameTaken = 5,
    /// The bus went away while we ran.
    BusLost = 6,
    /// The state is open in another process.
    State = 7,
}

/// A fault that ends the daemon.
#[derive(Debug)]
pub(crate) struct Fatal {
    /// Which code.
    pub exit: Exit,
    /// What happened and what to do.
    pub error: anyhow::Error,
}

impl Fatal {
    /// A fault with a code.
    pub(crate) fn new(exit: Exit, error: impl Into<anyhow::Error>) -> Self {
        Self { exit, error: error.into() }
    }
}
