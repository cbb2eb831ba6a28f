//! Products with matrices in the block formats of GGUF files, executed as they are: the weights
//! keep their own integers and scales, and the inputs are quantized to int8 in blocks of 32.
//!
//! Matrices come packed, the same for all processors; whoever holds the bytes, in memory or mapped from a
//! file, lends them. Must not requantize a weight, nor allocate per call.

mod format;
mod half;
mod pack;
mod part;
mod product;
mod rows;

pub(crate) use half::half;
pub(crate) use part::{Groups, Inputs, Kind, MAX_PARTS, Part};

pub use format::BlockFormat;
pub use rows::BlockRows;

use crate::error::KernelError;
use crate::lanes::LANES;

/// Names how [`BlockFormat::pack`] lays out matrices; files of the same name may be shared by
/// all processors.
pub const BLOCK_LAYOUT: &str = "blocks-panel16-group4";

/// A matrix of `inputs` × `outputs` weights as [`BlockFormat::pack`] lays it out.
#[derive(Debug, Clone, Copy)]
pub struct BlockMatrix<'a> {
    format: BlockFormat,
    inputs: usize,
    outputs: usize,
    bytes: &'a [u8],
}

impl<'a> BlockMatrix<'a> {
    /// A matrix over packed bytes, at any alignment.
    ///
    /// # Errors
    /// [`KernelError::Shape`] when there are other than [`BlockFormat::packed_bytes`] of them, or
    /// the format has no rows of so many inputs.
    pub fn new(
        format: BlockFormat,
        inputs: usize,
        outputs: usize,
        bytes: &'a [u8],
    ) -> Result<Self, KernelError> {
        let expected = format.packed_bytes(inputs, outputs)?;
        if bytes.len() != expected {
            let (expected, found) = (vec![expected], vec![bytes.len()]);
            return Err(KernelError::Shape { what: "packed matrix", expected, found });
        }
        Ok(Self { format, inputs, outputs, bytes })
    }

    /// The format of its weights.
    #[must_use]
    pub fn format(&self) -> BlockFormat {
        self.format
    }

    /// Values in a row that it is multiplied with.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Values in a row that comes out.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Panels of sixteen channels.
    pub(crate) fn panels(&self) -> usize {
        self.outputs.div_ceil(LANES)
    }
}
