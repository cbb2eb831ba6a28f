//! What the overlay says a signal does; indexes point into the catalogue.
//!
//! Must not hold state.

use std::time::Duration;
use valet_core::signal::SignalValue;

/// A signal's index in its catalogue.
pub(crate) type Index = usize;

/// What one signal does.
#[derive(Debug, Clone, Default)]
pub(crate) struct Behaviour {
    /// Value at the start; unknown without.
    pub(crate) initial: Option<SignalValue>,
    /// Where a ramp heads at the start.
    pub(crate) heads_for: Option<f64>,
    /// Units a second; without, values change at once.
    pub(crate) rate: Option<f64>,
    /// Dead time before anything moves.
    pub(crate) delay: Duration,
    /// The value is derived from another one.
    pub(crate) view: Option<View>,
    /// What is written along.
    pub(crate) drives: Vec<Drive>,
    /// How long the catalogue's momentary texts last.
    pub(crate) momentary_for: Duration,
}

/// A value derived from another signal's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum View {
    /// True while `of` is above `than`.
    Above {
        /// Source.
        of: Index,
        /// Bound, in its unit.
        than: f64,
    },
    /// True while `of` is below `than`.
    Below {
        /// Source.
        of: Index,
        /// Bound, in its unit.
        than: f64,
    },
    /// The same value.
    Same {
        /// Source.
        of: Index,
    },
    /// The number of elements.
    Count {
        /// Source.
        of: Index,
    },
}

impl View {
    /// The signal it is derived from.
    pub(crate) fn source(self) -> Index {
        match self {
            Self::Above { of, .. }
            | Self::Below { of, .. }
            | Self::Same { of }
            | Self::Count { of } => of,
        }
    }
}

/// A write that another write brings along.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Drive {
    /// Only for this value; any without.
    pub(crate) when: Option<SignalValue>,
    /// What is driven.
    pub(crate) signal: Index,
    /// What happens to it.
    pub(crate) act: DriveAct,
}

/// What happens to a driven signal.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum DriveAct {
    /// It gets this target.
    To(SignalValue),
    /// It gets the value that was written.
    Along,
    /// It stays where it is.
    Stop,
}
