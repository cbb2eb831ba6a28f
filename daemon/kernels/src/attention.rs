//! Self-attention over rows of joined queries, keys and values.
//!
//! Every output value is one chain of fused multiply-adds in the order of its inputs, whatever
//! the tile, so that all processors agree. Must not look from one text into another.

use crate::choice::Kernels;
use crate::elements::softmax;
use crate::lanes::{LANES, Lanes, load_some};
use crate::machine::{Job, Machine};
use crate::norm::put;

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
            let keys = Matrix { values: &joined[width + at..], stride: 3 * width };
            transpose(keys, [length, head_width], &mut scratch.keys, columns);
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

/// Rows that are turned into columns together: single floats would cost a store each.
const TOGETHER: usize = 4;

/// Turns `[rows, columns]` floats of a matrix into columns that lie `stride` apart.
#[inline(always)]
fn transpose(from: Matrix<'_>, [rows, columns]: [usize; 2], to: &mut [f32], stride: usize) {
    let row = |row: usize| &from.values[row * from.stride..][..columns];
    for first in (0..rows - rows % TOGETHER).step_by(TOGETHER) {
        let rows: [&[f32]; TOGETHER] = std::array::from_fn(|place| row(first + place));
        for (column, to) in to.chunks_exact_mut(stride).take(columns).enumerate() {
            to[first..first + TOGETHER].copy_from_slice(&rows.map(|row| row[column]));
        }
    }
    for row_left in rows - rows % TOGETHER..rows {
        for (to, value) in to.chunks_exact_mut(stride).zip(row(row_left)) {
            to[row_left] = *value;
        }
    }
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
    macro_rules! of {
        ($($count:literal)*) => {
            match rows {
                $($count => product_of::<V, $count>(a, b, [inner, columns], out, stride),)*
                _ => unreachable!("a tile has 1 to {TILE} rows"),
            }
        };
    }
    of!(1 2 3 4);
}

#[inline(always)]
fn product_of<V: Lanes, const ROWS: usize>(
    a: Matrix<'_>,
    b: Matrix<'_>,
    [inner, columns]: [usize; 2],
    out: &mut [f32],
    stride: usize,
) {
    let a_rows: [_; ROWS] = std::array::from_fn(|row| a.values[row * a.stride..][..inner].as_ptr());
    for column in (0..columns).step_by(LANES) {
        let there = LANES.min(columns - column);
        // The last row of `b` has them, and so has each before it.
        assert!((inner - 1) * b.stride + column + there <= b.values.len(), "{inner} whole rows");
        let mut sums = [V::splat(0.0); ROWS];
        for step in 0..inner {
            // SAFETY: `there` floats are there, as was just seen; and each row of `a` has `inner`.
            unsafe {
                let from = b.values.as_ptr().add(step * b.stride + column);
                let factors: V =
                    if there == LANES { V::load(from) } else { load_some(from, there, 0.0) };
                for (sum, row) in sums.iter_mut().zip(a_rows) {
                    *sum = V::splat(*row.add(step)).fma(factors, *sum);
                }
            }
        }
        for (row, sum) in sums.iter().enumerate() {
            let from = row * stride + column;
            put(&mut out[from..from + there], 0, *sum);
        }
    }
}
