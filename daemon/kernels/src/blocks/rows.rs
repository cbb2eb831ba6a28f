//! Rows of floats, quantized for products with blocks: each 32 values to int8 with a scale of
//! their own, once, however many matrices read them.
//!
//! Must not know the matrices, nor differ between processors.

use super::format::{BLOCK, BlockFormat};
use crate::choice::Kernels;
use crate::lanes::{LANES, Lanes};
use crate::machine::{Job, Machine};
use crate::rows::at;

/// 32 values of a row: `value ≈ quantized * scale`, `scale = largest / 127`.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub(crate) struct RowBlock {
    /// Within ±127.
    pub values: [i8; BLOCK],
    /// What one of them is worth.
    pub scale: f32,
    /// Their sum times the scale.
    pub weighted: f32,
    /// Their sum.
    pub sum: i32,
    /// The sums of the first and of the last sixteen.
    pub halves: [i16; 2],
}

/// A block of zeros.
const ZEROS: RowBlock =
    RowBlock { values: [0; BLOCK], scale: 0.0, weighted: 0.0, sum: 0, halves: [0; 2] };

/// Rows as products with blocks take them.
///
/// Keep one and fill it again: it holds on to its memory.
#[derive(Debug, Default)]
pub struct BlockRows {
    blocks: Vec<RowBlock>,
    floats: Vec<f32>,
    count: usize,
    width: usize,
}

impl BlockRows {
    /// No rows.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes `rows.len() / width` rows for matrices of a format: as they are for F16, quantized for
    /// the others (for any of them; a width that is no multiple of 32 is filled up with zeros). 32
    /// values of which none reaches 1e-30 become zeros. What is not finite gives no promised values.
    ///
    /// # Panics
    /// When `rows` is no multiple of `width`, or `width` is 0.
    pub fn fill(&mut self, kernels: Kernels, rows: &[f32], width: usize, format: BlockFormat) {
        assert!(width > 0 && rows.len().is_multiple_of(width), "rows of {width} values");
        (self.count, self.width) = (rows.len() / width, width);
        self.blocks.clear();
        self.floats.clear();
        if format == BlockFormat::F16 {
            self.floats.extend_from_slice(rows);
        } else {
            self.blocks.resize(self.count * width.div_ceil(BLOCK), ZEROS);
            kernels.run(Quantize { rows, width, blocks: &mut self.blocks });
        }
    }

    /// Number of rows.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// Values in a row.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// What a value became, for tests and for looking at it.
    ///
    /// # Panics
    /// When there is no such value.
    #[must_use]
    pub fn value(&self, row: usize, column: usize) -> f32 {
        assert!(row < self.count && column < self.width, "row {row}, column {column}");
        match self.floats.get(row * self.width + column) {
            Some(value) => *value,
            None => {
                let block = &self.blocks[row * self.width.div_ceil(BLOCK) + column / BLOCK];
                f32::from(block.values[column % BLOCK]) * block.scale
            }
        }
    }

    /// The quantized blocks, row by row; none if the rows were taken as they are.
    pub(crate) fn blocks(&self) -> &[RowBlock] {
        &self.blocks
    }

    /// The values, row by row; none if they were quantized.
    pub(crate) fn floats(&self) -> &[f32] {
        &self.floats
    }
}

struct Quantize<'a> {
    rows: &'a [f32],
    width: usize,
    blocks: &'a mut [RowBlock],
}

impl Job for Quantize<'_> {
    type Output = ();

    #[inline(always)]
    fn run<M: Machine>(self) {
        let in_a_row = self.width.div_ceil(BLOCK);
        let rows = self.rows.chunks_exact(self.width);
        for (row, blocks) in rows.zip(self.blocks.chunks_exact_mut(in_a_row)) {
            for (values, block) in row.chunks(BLOCK).zip(blocks) {
                quantize::<M::Lanes>(values, block);
            }
        }
    }
}

/// Quantizes up to 32 values into a block of zeros.
#[inline(always)]
fn quantize<V: Lanes>(values: &[f32], block: &mut RowBlock) {
    let low: V = at(values, 0);
    let high: V = if values.len() > LANES { at(values, LANES) } else { V::splat(0.0) };
    let largest = low.abs().max(high.abs()).largest();
    // Below this, 127 / largest could overflow; such values say nothing.
    if largest < 1e-30 {
        return;
    }
    let factor = V::splat(127.0 / largest);
    // SAFETY: the block has room for twice sixteen bytes.
    unsafe {
        low.mul(factor).store_i8(block.values.as_mut_ptr());
        high.mul(factor).store_i8(block.values.as_mut_ptr().add(LANES));
    }
    block.scale = largest * (1.0 / 127.0);
    let (first, last) = block.values.split_at(LANES);
    block.halves = [first, last].map(|half| half.iter().copied().map(i16::from).sum());
    block.sum = block.halves.into_iter().map(i32::from).sum();
    block.weighted = block.sum as f32 * block.scale;
}
