//! Why an understander could not be built or a script not be read.
//!
//! Must not carry what was not understood: unclear speech is a value, not a fault.

/// A fault of this crate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnderstandingError {
    /// No data for the language.
    #[error("language {language:?} is not known, expected one of en")]
    Language {
        /// What came.
        language: String,
    },
    /// A template of a skill cannot be compiled.
    #[error("{place}: {what}")]
    Template {
        /// Skill, intent and number of the template.
        place: String,
        /// What is wrong with it.
        what: String,
    },
    /// More than the bound of something.
    #[error("{what} are {got}, expected at most {limit}")]
    TooMany {
        /// What there is too much of.
        what: String,
        /// How many came.
        got: usize,
        /// How many may be.
        limit: usize,
    },
    /// A script that does not parse.
    #[error("{file}: {what}")]
    Script {
        /// The file as the caller named it.
        file: String,
        /// What was expected and what came.
        what: String,
    },
    /// Training or caching the heads failed.
    #[error("the heads cannot be used: {why}")]
    Heads {
        /// What went wrong.
        why: String,
    },
}
