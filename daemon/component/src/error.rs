//! Why a component is refused.

use valet_core::contract::{API, API_SECTION, EXPORTS, ImportRefusal, MAX_COMPONENT_BYTES};

/// A component that no skill may be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ComponentError {
    /// More bytes than a component may have.
    #[error("the component has {bytes} bytes, expected at most {MAX_COMPONENT_BYTES}")]
    TooLarge {
        /// What it has.
        bytes: usize,
    },
    /// No component at all.
    #[error("it is no wasm component; build it for wasm32-wasip2")]
    NotComponent,
    /// Begins like one, and is none further on.
    #[error("the component is broken at byte {offset}: {why}; build it again")]
    Broken {
        /// Where, in bytes from its start.
        offset: usize,
        /// What was expected there.
        why: String,
    },
    /// Components in components in components.
    #[error("the component is nested deeper than {limit} at byte {offset}")]
    TooDeep {
        /// Where, in bytes from its start.
        offset: usize,
        /// How deep it may be.
        limit: usize,
    },
    /// More of something than is ever needed.
    #[error("the component has {count} {what}, expected at most {limit}")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// How many came, or as many as were counted.
        count: usize,
        /// How many there may be.
        limit: usize,
    },
    /// Does not say which version of the contract it is for.
    #[error("the component has no section {API_SECTION}; build it with the SDK's export_skill!")]
    NoVersion,
    /// Says it more than once.
    #[error(
        "the component has the section {API_SECTION} more than once; it may hold one skill only"
    )]
    TwoVersions,
    /// For another version of the contract.
    #[error(
        "the component is for valet:skill {got:?}, expected {API:?}; use the SDK of that version"
    )]
    Version {
        /// What it says (cut).
        got: String,
    },
    /// Runs code when it is instantiated, before anybody asked it anything.
    #[error(
        "the component has start-up code ({what} at byte {offset}), and a skill runs when it is asked only; leave it out"
    )]
    StartsUp {
        /// What starts it.
        what: &'static str,
        /// Where, in bytes from its start.
        offset: usize,
    },
    /// Imports what this skill may not.
    #[error("the component {0}")]
    Import(#[from] ImportRefusal),
    /// Lacks a function that every skill has.
    #[error("the component does not export {name}, expected {}", EXPORTS.join(", "))]
    MissingExport {
        /// Which.
        name: &'static str,
    },
}

/// As much of a foreign text as an error quotes.
pub(crate) fn cut(text: &str) -> String {
    text.chars().take(80).collect()
}
