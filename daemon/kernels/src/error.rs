//! What can be wrong with what a kernel is given.
//!
//! Must not hold what a caller can only do by mistake in code: those are panics, documented.

/// A fault of a matrix, a format or a choice.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KernelError {
    /// A part has another length than its shape wants.
    #[error("the {what} has parts of {found:?} values where {expected:?} are expected")]
    Shape {
        /// Which thing.
        what: &'static str,
        /// Lengths by the shape.
        expected: Vec<usize>,
        /// Lengths found.
        found: Vec<usize>,
    },
    /// Weights that are too large together.
    #[error(
        "the weights of channel {channel} for the inputs from {input} to {} are larger together than {} in one word; \
         choose the channel's scale so that they fit",
        input + 15,
        crate::WORD_BOUND
    )]
    Weights {
        /// Output channel.
        channel: usize,
        /// The first of the sixteen inputs.
        input: usize,
    },
    /// Kernels that this processor does not have, or that do not exist.
    #[error("the kernels {name:?} do not run on this processor; it runs {known}")]
    Unknown {
        /// The name asked for.
        name: String,
        /// Those that run, with commas.
        known: String,
    },
}
