//! Products of quantized rows with int8 matrices that have a scale per output channel.
//!
//! Matrices come packed for one instruction set (see [`Machine`]); whoever holds the bytes, in
//! memory or mapped from a file, lends them. Must not allocate per call.

mod product;
mod words;

use crate::choice::Kernels;
use crate::error::KernelError;
use crate::lanes::LANES;
use crate::machine::{Job, Machine, RowForm};
use crate::rows::padded;

pub use words::{WORD_BOUND, fullest_word};

/// What is applied to a product before it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Activation {
    /// Nothing.
    None,
    /// The exact GELU.
    Gelu,
}

/// A matrix of `inputs` × `outputs` int8 weights as [`Kernels::pack_int8`] lays them out, with
/// scales and bias. All parts have `outputs` rounded up to sixteen, zeros at the end.
#[derive(Debug, Clone, Copy)]
pub struct Int8Matrix<'a> {
    inputs: usize,
    outputs: usize,
    parts: Int8Parts<'a>,
}

/// The memory of a matrix.
#[derive(Debug, Clone, Copy)]
pub struct Int8Parts<'a> {
    /// The weights, panel by panel; bounded as [`WORD_BOUND`] says.
    pub weights: &'a [i8],
    /// What the sums of each channel begin with.
    pub starts: &'a [i32],
    /// What an integer of each channel is worth, besides the row's own scale.
    pub scales: &'a [f32],
    /// Added to each channel.
    pub bias: &'a [f32],
}

/// Weights and starts, packed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackedInt8 {
    /// For [`Int8Parts::weights`].
    pub weights: Vec<i8>,
    /// For [`Int8Parts::starts`].
    pub starts: Vec<i32>,
}

impl<'a> Int8Matrix<'a> {
    /// A matrix over packed parts.
    ///
    /// # Errors
    /// [`KernelError::Shape`] when a part has another length than the shape wants.
    pub fn new(inputs: usize, outputs: usize, parts: Int8Parts<'a>) -> Result<Self, KernelError> {
        let channels = outputs.checked_next_multiple_of(LANES).unwrap_or(usize::MAX);
        let weights = channels.saturating_mul(padded(inputs));
        let expected = [weights, channels, channels, channels];
        let Int8Parts { weights, starts, scales, bias } = parts;
        let found = [weights.len(), starts.len(), scales.len(), bias.len()];
        if inputs == 0 || outputs == 0 || inputs > MAX_INPUTS || expected != found {
            return Err(KernelError::Shape {
                what: "int8 matrix",
                expected: expected.into(),
                found: found.into(),
            });
        }
        Ok(Self { inputs, outputs, parts })
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
}

/// Most inputs: sums of so many products of ±127 fit 32 bits, also where 128 is added to one factor.
pub const MAX_INPUTS: usize = 1 << 16;

impl Kernels {
    /// Lays out a matrix of `outputs` rows of `inputs` weights (one row a channel) for these kernels.
    ///
    /// # Errors
    /// [`KernelError::Shape`] when there are not `inputs * outputs` weights, or more than
    /// [`MAX_INPUTS`] inputs; [`KernelError::Weights`] when some of a word are past [`WORD_BOUND`] together.
    pub fn pack_int8(
        self,
        weights: &[i8],
        inputs: usize,
        outputs: usize,
    ) -> Result<PackedInt8, KernelError> {
        let expected = inputs.saturating_mul(outputs);
        if weights.len() != expected || inputs == 0 || inputs > MAX_INPUTS {
            let (expected, found) = (vec![expected], vec![weights.len()]);
            return Err(KernelError::Shape { what: "int8 weights", expected, found });
        }
        for (channel, row) in weights.chunks_exact(inputs).enumerate() {
            let (input, sum) = fullest_word(row);
            if sum > WORD_BOUND.into() {
                return Err(KernelError::Weights { channel, input });
            }
        }
        let (channels, group) = (outputs.next_multiple_of(LANES), self.int8_group());
        let mut packed = vec![0; channels * padded(inputs)];
        let mut starts = vec![0; channels];
        for (channel, row) in weights.chunks_exact(inputs).enumerate() {
            let panel = channel / LANES * LANES * padded(inputs);
            for (input, weight) in row.iter().enumerate() {
                let in_panel = (input / group * LANES + channel % LANES) * group + input % group;
                packed[panel + in_panel] = *weight;
            }
            if self.row_form() == RowForm::ShiftedBytes {
                starts[channel] = -128 * row.iter().copied().map(i32::from).sum::<i32>();
            }
        }
        Ok(PackedInt8 { weights: packed, starts })
    }
}

impl Kernels {
    /// Multiplies and adds int8 values in registers, `rounds` times over all chains that hide each other's latency, and
    /// gives how many products that were. What the processor needs for them is the limit that a product of matrices
    /// can be held against.
    #[must_use]
    pub fn int8_limit(self, rounds: usize) -> usize {
        let (products, sum) = self.run(Limit { rounds });
        std::hint::black_box(sum);
        products
    }
}

struct Limit {
    rounds: usize,
}

impl Job for Limit {
    type Output = (usize, i32);

    #[inline(always)]
    fn run<M: Machine>(self) -> (usize, i32) {
        // SAFETY: this runs where `M` was found.
        unsafe { M::int8_limit(self.rounds) }
    }
}
