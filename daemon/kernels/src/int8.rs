//! Products of quantized rows with int8 matrices that have a scale per output channel.
//!
//! Matrices come packed for one instruction set (see [`Machine`]); whoever holds the bytes, in
//! memory or mapped from a file, lends them. Must not allocate per call.

use std::ops::Range;

use crate::choice::Kernels;
use crate::error::KernelError;
use crate::lanes::{LANES, Lanes, gelu};
use crate::machine::{Job, Machine, RowForm, Sums};
use crate::out::{Out, share};
use crate::pool::Pool;
use crate::rows::{Int8Rows, padded};

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
    /// The weights, panel by panel; bounded as [`PAIR_BOUND`] says.
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

/// Most that the sizes of two neighbouring weights of a channel (inputs 2i and 2i + 1) may be together.
///
/// Twice 255 times it fits 16 bits: four products of unsigned bytes can be added up there, which `vpmaddubsw`
/// and an addition do before anything is widened. A scale that is chosen for pairs costs about one and a
/// half bits of the eight; encoders do not notice (see `docs/performance.md`).
pub const PAIR_BOUND: u8 = 64;

impl Kernels {
    /// Lays out a matrix of `outputs` rows of `inputs` weights (one row a channel) for these kernels.
    ///
    /// # Errors
    /// [`KernelError::Shape`] when there are not `inputs * outputs` weights, or more than
    /// [`MAX_INPUTS`] inputs; [`KernelError::Weights`] when two of them are past [`PAIR_BOUND`].
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
            let size = |pair: &[i8]| pair.iter().map(|w| u16::from(w.unsigned_abs())).sum::<u16>();
            if let Some(pair) = row.chunks(2).position(|pair| size(pair) > PAIR_BOUND.into()) {
                return Err(KernelError::Weights { channel, input: 2 * pair });
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

    /// `out[row][channel] = activation(rows · matrix + bias)`; `out` holds whole rows of all channels.
    ///
    /// # Panics
    /// When rows, matrix and `out` do not fit together, or the rows were made for other kernels.
    pub fn int8_product(
        self,
        rows: &Int8Rows,
        matrix: &Int8Matrix<'_>,
        activation: Activation,
        out: &mut [f32],
    ) {
        let product = Product::new((self, rows), matrix, activation, out);
        self.run(Panels { product: &product, panels: 0..product.panels() });
    }

    /// The same, the panels shared among the threads of a pool.
    ///
    /// # Panics
    /// As [`Self::int8_product`].
    pub fn int8_product_on(
        self,
        pool: &mut Pool,
        rows: &Int8Rows,
        matrix: &Int8Matrix<'_>,
        activation: Activation,
        out: &mut [f32],
    ) {
        let product = Product::new((self, rows), matrix, activation, out);
        let threads = pool.threads();
        pool.run(&|thread| {
            let panels = share(product.panels(), thread, threads);
            self.run(Panels { product: &product, panels });
        });
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

/// A product whose parts fit together.
struct Product<'a> {
    rows: &'a Int8Rows,
    matrix: &'a Int8Matrix<'a>,
    activation: Activation,
    out: Out<'a>,
}

impl<'a> Product<'a> {
    /// # Panics
    /// As [`Kernels::int8_product`] says.
    fn new(
        (kernels, rows): (Kernels, &'a Int8Rows),
        matrix: &'a Int8Matrix<'a>,
        activation: Activation,
        out: &'a mut [f32],
    ) -> Self {
        assert!(
            rows.kernels() == kernels && rows.width() == matrix.inputs,
            "rows do not fit the matrix"
        );
        Self { rows, matrix, activation, out: Out::new(out, rows.count(), matrix.outputs) }
    }

    fn panels(&self) -> usize {
        self.matrix.outputs.div_ceil(LANES)
    }
}

/// Some panels of a product.
struct Panels<'a> {
    product: &'a Product<'a>,
    panels: Range<usize>,
}

/// Most rows of any machine's tile.
const MAX_TILE: usize = 12;

impl Job for Panels<'_> {
    type Output = ();

    #[inline(always)]
    fn run<M: Machine>(self) {
        let Self { product, panels } = self;
        let panel_bytes = LANES * padded(product.matrix.inputs);
        let mut sums = [[0i32; LANES]; MAX_TILE];
        for panel in panels {
            let weights = &product.matrix.parts.weights[panel * panel_bytes..][..panel_bytes];
            let mut first = 0;
            while first < product.rows.count() {
                let rows = tile_rows::<M>(product.rows.count() - first);
                product.tile::<M>(panel, weights, (first, rows), &mut sums);
                for (row, sums) in sums.iter().enumerate().take(rows) {
                    product.finish::<M::Lanes>(panel, first + row, sums);
                }
                first += rows;
            }
        }
    }
}

/// Rows of the next tile: as few tiles as can be, of nearly the same size; whole pairs where
/// rows are pairs.
#[inline(always)]
fn tile_rows<M: Machine>(left: usize) -> usize {
    let rows = left.div_ceil(left.div_ceil(M::TILE));
    if M::FORM == RowForm::Pairs { rows.next_multiple_of(2).min(left) } else { rows }
}

impl Product<'_> {
    #[inline(always)]
    fn tile<M: Machine>(
        &self,
        panel: usize,
        weights: &[i8],
        (first, rows): (usize, usize),
        sums: &mut [[i32; LANES]; MAX_TILE],
    ) {
        let start = self.matrix.parts.starts[panel * LANES..][..LANES].as_ptr();
        // Each tile asks for its share of the next panel: a burst would be more than a core can wait for.
        let done = weights.len() * first / self.rows.count();
        let ahead = weights.as_ptr_range().end.wrapping_add(done);
        let pace = 128 * rows / self.rows.count();
        let sums = Sums { start, out: sums.as_mut_ptr().cast(), ahead, pace };
        let groups = padded(self.matrix.inputs) / M::GROUP;
        let (values, stride, weights) =
            (self.rows.tile(first), self.rows.stride(), weights.as_ptr());
        macro_rules! of {
            ($($count:literal)*) => {
                match rows {
                    // SAFETY: this runs where `M` was found; the rows are in its form with their
                    // padding, `weights` is one whole panel, and `sums` has room for the largest tile.
                    $($count if $count <= M::TILE => unsafe {
                        M::int8_tile::<$count>(values, stride, weights, groups, sums);
                    },)*
                    _ => unreachable!("a tile has 1 to {} rows", M::TILE),
                }
            };
        }
        of!(1 2 3 4 5 6 7 8 9 10 11 12);
    }

    /// Scales, adds the bias, applies the activation and writes sixteen channels of a row.
    #[inline(always)]
    fn finish<V: Lanes>(&self, panel: usize, row: usize, sums: &[i32; LANES]) {
        let channel = panel * LANES;
        let Int8Parts { scales, bias, .. } = self.matrix.parts;
        // SAFETY: each slice holds sixteen.
        let (sums, scales, bias) = unsafe {
            (
                V::load_i32(sums.as_ptr()),
                V::load(scales[channel..][..LANES].as_ptr()),
                V::load(bias[channel..][..LANES].as_ptr()),
            )
        };
        let value = sums.fma(scales.mul(V::splat(self.rows.scales()[row])), bias);
        let value = match self.activation {
            Activation::None => value,
            Activation::Gelu => gelu(value),
        };
        let mut lanes = [0.0; LANES];
        // SAFETY: room for sixteen; and `share` gives each panel to one thread.
        unsafe {
            value.store(lanes.as_mut_ptr());
            self.out.write(panel, row, &lanes);
        }
    }
}
