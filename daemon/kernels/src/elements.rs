//! What is done value by value, or row by row without a matrix: activations, softmax, rotary
//! positions, embeddings, means.
//!
//! Must keep the order of sums, as `norm.rs` says.

use crate::choice::Kernels;
use crate::error::KernelError;
use crate::lanes::{LANES, Lanes, exp, gelu, load_some, silu};
use crate::machine::{Job, Machine};
use crate::norm::put;
use crate::rows::at;

/// A table of int8 rows with a scale each, and rows that are added by position.
#[derive(Debug, Clone, Copy)]
pub struct Int8Table<'a> {
    /// `scales.len()` rows of `width` values.
    pub rows: &'a [i8],
    /// What a value of each row is worth.
    pub scales: &'a [f32],
    /// Rows of `width` floats, the first for the first position.
    pub positions: &'a [f32],
    /// Values in a row.
    pub width: usize,
}

impl Kernels {
    /// GELU of each value, in place.
    pub fn gelu(self, values: &mut [f32]) {
        self.run(Each { values, function: Function::Gelu });
    }

    /// SiLU, `x / (1 + e^-x)`, of each value, in place.
    pub fn silu(self, values: &mut [f32]) {
        self.run(Each { values, function: Function::Silu });
    }

    /// Softmax of a row, in place. A row without values stays so.
    pub fn softmax(self, row: &mut [f32]) {
        self.run(Softmax { row });
    }

    /// Rotates neighbouring pairs of a row in place (Su and others 2021, the interleaved form): the pair
    /// (2i, 2i+1) by `angles[i]` = (cosine, sine).
    ///
    /// # Panics
    /// When the row has not twice as many values as there are angles.
    pub fn rotate_pairs(self, row: &mut [f32], angles: &[(f32, f32)]) {
        assert_eq!(row.len(), 2 * angles.len(), "an angle a pair");
        for (pair, (cosine, sine)) in row.as_chunks_mut::<2>().0.iter_mut().zip(angles) {
            let [a, b] = *pair;
            pair[0] = a.mul_add(*cosine, -(b * sine));
            pair[1] = a.mul_add(*sine, b * cosine);
        }
    }

    /// The row of each number in `ids`, plus that of its position: `ids.len() * width` values. The
    /// first of `ids` has position 0.
    ///
    /// # Errors
    /// [`KernelError::Shape`] when a number is past the table, there are more than it has
    /// positions, or `out` has another length.
    pub fn embed(
        self,
        ids: &[i64],
        table: &Int8Table<'_>,
        out: &mut [f32],
    ) -> Result<(), KernelError> {
        let Int8Table { rows, scales, positions, width } = *table;
        let count = scales.len();
        let largest = ids.iter().map(|id| usize::try_from(*id).unwrap_or(usize::MAX)).max();
        let fits = largest.is_none_or(|id| id < count)
            && rows.len() == count * width
            && positions.len() >= ids.len() * width
            && out.len() == ids.len() * width
            && width > 0;
        if !fits {
            return Err(KernelError::Shape {
                what: "table of embeddings",
                expected: vec![count, ids.len() * width, ids.len() * width],
                found: vec![largest.unwrap_or(0), positions.len(), out.len()],
            });
        }
        self.run(Embed { ids, table, out });
        Ok(())
    }

    /// The mean of some rows, value by value, in the order of the rows.
    ///
    /// # Panics
    /// When `rows` is empty or no multiple of `mean`'s length.
    pub fn mean_of_rows(self, rows: &[f32], mean: &mut [f32]) {
        let fits = !mean.is_empty() && !rows.is_empty() && rows.len().is_multiple_of(mean.len());
        assert!(fits, "{} values in rows of {}", rows.len(), mean.len());
        self.run(Mean { rows, mean });
    }
}

#[derive(Clone, Copy)]
enum Function {
    Gelu,
    Silu,
}

struct Each<'a> {
    values: &'a mut [f32],
    function: Function,
}

impl Job for Each<'_> {
    type Output = ();

    #[inline(always)]
    fn run<M: Machine>(self) {
        for place in (0..self.values.len()).step_by(LANES) {
            let value = at::<M::Lanes>(self.values, place);
            let value = match self.function {
                Function::Gelu => gelu(value),
                Function::Silu => silu(value),
            };
            put(self.values, place, value);
        }
    }
}

struct Softmax<'a> {
    row: &'a mut [f32],
}

impl Job for Softmax<'_> {
    type Output = ();

    #[inline(always)]
    fn run<M: Machine>(self) {
        softmax::<M::Lanes>(self.row);
    }
}

/// See [`Kernels::softmax`].
#[inline(always)]
pub(crate) fn softmax<V: Lanes>(row: &mut [f32]) {
    let mut largest = V::splat(f32::NEG_INFINITY);
    for place in (0..row.len()).step_by(LANES) {
        largest = largest.max(or_lowest(row, place));
    }
    let largest = V::splat(largest.largest());
    let mut sum = V::splat(0.0);
    for place in (0..row.len()).step_by(LANES) {
        let share = exp(or_lowest::<V>(row, place).sub(largest));
        put(row, place, share);
        // What lies past the end was e^-87; it must not count.
        sum = sum.add(at(row, place));
    }
    let factor = V::splat(1.0 / sum.sum());
    for place in (0..row.len()).step_by(LANES) {
        let share = at::<V>(row, place).mul(factor);
        put(row, place, share);
    }
}

/// Sixteen values; past the end the lowest there is.
#[inline(always)]
fn or_lowest<V: Lanes>(row: &[f32], place: usize) -> V {
    let rest = &row[place..];
    if rest.len() >= LANES {
        return at(row, place);
    }
    // SAFETY: as many are there, and they are fewer than sixteen.
    unsafe { load_some(rest.as_ptr(), rest.len(), f32::MIN) }
}

struct Embed<'a> {
    ids: &'a [i64],
    table: &'a Int8Table<'a>,
    out: &'a mut [f32],
}

impl Job for Embed<'_> {
    type Output = ();

    #[inline(always)]
    fn run<M: Machine>(self) {
        let Int8Table { rows, scales, positions, width } = *self.table;
        let positions = positions.chunks_exact(width);
        let out = self.out.chunks_exact_mut(width);
        for ((id, position), out) in self.ids.iter().zip(positions).zip(out) {
            let id = *id as usize;
            let (row, scale) = (&rows[id * width..][..width], M::Lanes::splat(scales[id]));
            for column in (0..width).step_by(LANES) {
                let value = bytes_at::<M::Lanes>(row, column).fma(scale, at(position, column));
                put(out, column, value);
            }
        }
    }
}

/// Sixteen bytes as floats; zeros past the end.
#[inline(always)]
fn bytes_at<V: Lanes>(row: &[i8], column: usize) -> V {
    let rest = &row[column..];
    if rest.len() >= LANES {
        // SAFETY: sixteen are there.
        return unsafe { V::load_i8(rest.as_ptr()) };
    }
    let mut bytes = [0i8; LANES];
    bytes[..rest.len()].copy_from_slice(rest);
    // SAFETY: `bytes` holds sixteen.
    unsafe { V::load_i8(bytes.as_ptr()) }
}

struct Mean<'a> {
    rows: &'a [f32],
    mean: &'a mut [f32],
}

impl Job for Mean<'_> {
    type Output = ();

    #[inline(always)]
    fn run<M: Machine>(self) {
        let width = self.mean.len();
        let factor = M::Lanes::splat(1.0 / (self.rows.len() / width) as f32);
        for column in (0..width).step_by(LANES) {
            let mut sum = M::Lanes::splat(0.0);
            for row in self.rows.chunks_exact(width) {
                sum = sum.add(at(row, column));
            }
            put(self.mean, column, sum.mul(factor));
        }
    }
}
