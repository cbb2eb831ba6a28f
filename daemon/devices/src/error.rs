//! What can go wrong with the data and the controls of this room.
//!
//! Must not hold errors of a vehicle at work; those are `valet_core::ports::VehicleError`.

use std::path::PathBuf;

/// A fault of a catalogue, an overlay or a control of the simulator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// A line of a catalogue or overlay is wrong.
    #[error("{file}:{line}: {why}")]
    Data {
        /// The file's name.
        file: String,
        /// Counted from 1.
        line: usize,
        /// What was expected and what came.
        why: String,
    },
    /// The connection to the broker cannot be set up.
    #[error("the MQTT broker cannot be connected to: {why}")]
    Broker {
        /// Why.
        why: String,
    },
    /// Peers cannot be called at all.
    #[error("peers on D-Bus cannot be called: {why}")]
    Peers {
        /// Why.
        why: String,
    },
    /// A file could not be read.
    #[error("{}: {why}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// A pattern that no signal matches.
    #[error("no signal matches {pattern:?}")]
    NoMatch {
        /// What came (cut).
        pattern: String,
    },
    /// A fault that does not exist.
    #[error("fault {got:?} is unknown, expected none, no-provider, stuck or slow")]
    UnknownFault {
        /// What came (cut).
        got: String,
    },
    /// A driving cycle that does not exist.
    #[error("driving cycle {got:?} is unknown, expected {expected}")]
    UnknownCycle {
        /// What came (cut).
        got: String,
        /// The names there are.
        expected: String,
    },
    /// More listeners than fit.
    #[error("there are already {limit} listeners")]
    TooManyListeners {
        /// How many fit.
        limit: usize,
    },
}

/// The first characters of what came, for a message.
pub(crate) fn cut(text: &str) -> String {
    text.chars().take(80).collect()
}
