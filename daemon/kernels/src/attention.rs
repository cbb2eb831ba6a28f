//! Self-attention over rows of joined queries, keys and values.
//!
//! Every output value is one chain of fused multiply-adds in the order of its inputs, whatever
//! the tile, so that all processors agree. Must not look from one text into another.

use crate::choice::Kernels;
use crate::elements::softmax;
use crate::lanes::{LANES, Lanes};
use crate::machine::{Job, Machine};
use crate::norm::put;
use crate::rows::at;

/// Room that attention works in; keep one and hand it in again.
#[derive(Debug, Default)]
pub struct AttentionScratch {
    /// The keys of one head, a column a row: `[head width, texts' rows rounded up to 16]`.
    keys: Vec<f32>,
    /// Scores, then shares, of a tile of rows: `[rows, rows of the text rounded up to 16]`.
    shares: Vec<f32>,
}

/// Rows that are attended together.
const TILE: usize = 4;

impl Kernels {
    /// Attention within each text (Vaswani and others 2017). `joined` has a row `[q | k | v]` of `3 * width` values a
    /// token, the queries already scaled; `lengths` says how many rows each text has, in order. Writes a row of
    /// `width` values a token: for each of `heads` heads, the values weighted by softmax(q kᵀ).
    ///
    /// # Panics
    /// When the lengths do not add up to the rows, `heads` does not divide the width, or `out` has
    /// not a third of the values of `joined`.
    pub fn attention(
        self,
        joined: &[f32],
        lengths: &[usize],
        heads: usize,
        scratch: &mut AttentionScratch,
        out: &mut [f32],
    ) {
        let rows: usize = lengths.iter().sum();
        assert!(rows > 0 && joined.len().is_multiple_of(3 * rows), "whole rows of three parts");
        let width = joined.len() / 3 / rows;
        assert!(heads > 0 && width.is_multiple_of(heads), "heads of equal width");
        assert_eq!(out.len(), rows * width, "room for a row a token");
        let mut first = 0;
        for length in lengths {
            let joined = &joined[first * 3 * width..][..length * 3 * width];
            let out = &mut out[first * width..][..length * width];
            first += length;
            self.run(Attention { joined, heads, length: *length, scratch, out });
        }
    }
}

/// One text.
struct Attention<'a> {
    joined: &'a [f32],
    heads: usize,
    length: usize,
    scratch: &'a mut AttentionScratch,
    out: &'a mut [f32],
}

impl Job for Attention<'_> {
    type Output = ();

    #[inline(always)]
    fn run<M: Machine>(self) {
        let Self { joined, heads, length, scratch, out } = self;
        if length == 0 {
            return;
        }
        let width = out.len() / length;
        let (head_width, columns) = (width / heads, length.next_multiple_of(LANES));
        scratch.keys.clear();
        scratch.keys.resize(head_width * columns, 0.0);
        scratch.shares.clear();
        scratch.shares.resize(TILE * columns, 0.0);
        for head in 0..heads {
            let at = head * head_width;
            for (token, row) in joined.chunks_exact(3 * width).enumerate() {
                for (place, key) in row[width + at..][..head_width].iter().enumerate() {
                    scratch.keys[place * columns + token] = *key;
                }
            }
            for first in (0..length).step_by(TILE) {
                let rows = TILE.min(length - first);
                let queries =
                    Matrix { values: &joined[first * 3 * width + at..], stride: 3 * width };
                let keys = Matrix { values: &scratch.keys, stride: columns };
                let shares = &mut scratch.shares;
                product::<M::Lanes>(queries, keys, [rows, head_width, columns], shares, columns);
                for row in shares.chunks_exact_mut(columns).take(rows) {
                    softmax::<M::Lanes>(&mut row[..length]);
                }
                let shares = Matrix { values: shares, stride: columns };
                let values = Matrix { values: &joined[2 * width + at..], stride: 3 * width };
                let out = &mut out[first * width + at..];
                product::<M::Lanes>(shares, values, [rows, length, head_width], out, width);
            }
        }
    }
}

/// Rows of floats that lie `stride` apart.
#[derive(Clone, Copy)]
struct Matrix<'a> {
    values: &'a [f32],
    stride: usize,
}

/// `out = a · b` of `[rows, inner, columns]`; at most [`TILE`] rows.
#[inline(always)]
fn product<V: Lanes>(
    a: Matrix<'_>,
    b: Matrix<'_>,
    [rows, inner, columns]: [usize; 3],
    out: &mut [f32],
    stride: usize,
) {
    for column in (0..columns).step_by(LANES) {
        let there = LANES.min(columns - column);
        let mut sums = [V::splat(0.0); TILE];
        for step in 0..inner {
            let from = step * b.stride + column;
            let factors: V = at(&b.values[..b.values.len().min(from + there)], from);
            for (row, sum) in sums.iter_mut().enumerate() {
                // A tile of fewer rows takes its last one again and leaves it out below.
                let row = row.min(rows - 1);
                *sum = V::splat(a.values[row * a.stride + step]).fma(factors, *sum);
            }
        }
        for (row, sum) in sums.iter().enumerate().take(rows) {
            let from = row * stride + column;
            put(&mut out[from..from + there], 0, *sum);
        }
    }
}
