//! Normalisation of rows: layer norm and RMS norm.
//!
//! Must keep the order of every sum: sixteen running sums over a row, then the tree of
//! [`Lanes::sum`], on every processor.

use crate::choice::Kernels;
use crate::lanes::{LANES, Lanes, store_some};
use crate::machine::{Job, Machine};
use crate::rows::at;

/// What a layer norm applies to each channel.
#[derive(Debug, Clone, Copy)]
pub struct NormWeights<'a> {
    /// Factor of each channel.
    pub weight: &'a [f32],
    /// Added to each channel.
    pub bias: &'a [f32],
    /// Added to the variance.
    pub epsilon: f32,
}

impl Kernels {
    /// Layer norm in place: `(x - mean) / sqrt(variance + epsilon) * weight + bias` of each row
    /// (Ba and others 2016), after `residual` was added to the rows where there is one.
    ///
    /// # Panics
    /// When `rows` is no multiple of the weights' length, or parts differ in length.
    pub fn layer_norm(self, rows: &mut [f32], residual: Option<&[f32]>, norm: NormWeights<'_>) {
        let width = norm.weight.len();
        assert!(width > 0 && rows.len().is_multiple_of(width), "rows of {width} values");
        assert_eq!(norm.bias.len(), width, "a bias a channel");
        assert!(residual.is_none_or(|r| r.len() == rows.len()), "a residual as long as the rows");
        self.run(LayerNorm { rows, residual, norm });
    }

    /// RMS norm in place: `x / sqrt(mean of x² + epsilon) * weight` of each row (Zhang and Sennrich 2019).
    ///
    /// # Panics
    /// When `rows` is no multiple of the weights' length.
    pub fn rms_norm(self, rows: &mut [f32], weight: &[f32], epsilon: f32) {
        assert!(!weight.is_empty() && rows.len().is_multiple_of(weight.len()), "whole rows");
        self.run(RmsNorm { rows, weight, epsilon });
    }
}

struct LayerNorm<'a> {
    rows: &'a mut [f32],
    residual: Option<&'a [f32]>,
    norm: NormWeights<'a>,
}

impl Job for LayerNorm<'_> {
    type Output = ();

    #[inline(always)]
    fn run<M: Machine>(self) {
        let width = self.norm.weight.len();
        for (index, row) in self.rows.chunks_exact_mut(width).enumerate() {
            let mut sum = M::Lanes::splat(0.0);
            let residual = self.residual.map(|all| &all[index * width..][..width]);
            for column in (0..width).step_by(LANES) {
                let mut value = at::<M::Lanes>(row, column);
                if let Some(residual) = residual {
                    value = value.add(at(residual, column));
                    put(row, column, value);
                }
                sum = sum.add(value);
            }
            let mean = M::Lanes::splat(sum.sum() / width as f32);
            let mut squares = M::Lanes::splat(0.0);
            for column in (0..width).step_by(LANES) {
                // What lies past the end must not count.
                let off = within::<M::Lanes>(row, column, mean);
                squares = off.fma(off, squares);
            }
            let deviation = (squares.sum() / width as f32 + self.norm.epsilon).sqrt();
            let factor = M::Lanes::splat(1.0 / deviation);
            for column in (0..width).step_by(LANES) {
                let scaled = at::<M::Lanes>(row, column).sub(mean).mul(factor);
                let value = scaled.fma(at(self.norm.weight, column), at(self.norm.bias, column));
                put(row, column, value);
            }
        }
    }
}

struct RmsNorm<'a> {
    rows: &'a mut [f32],
    weight: &'a [f32],
    epsilon: f32,
}

impl Job for RmsNorm<'_> {
    type Output = ();

    #[inline(always)]
    fn run<M: Machine>(self) {
        let width = self.weight.len();
        for row in self.rows.chunks_exact_mut(width) {
            let mut squares = M::Lanes::splat(0.0);
            for column in (0..width).step_by(LANES) {
                let value = at::<M::Lanes>(row, column);
                squares = value.fma(value, squares);
            }
            let root = (squares.sum() / width as f32 + self.epsilon).sqrt();
            let factor = M::Lanes::splat(1.0 / root);
            for column in (0..width).step_by(LANES) {
                let value = at::<M::Lanes>(row, column).mul(factor).mul(at(self.weight, column));
                put(row, column, value);
            }
        }
    }
}

/// Sixteen values less their mean; zeros past the end.
#[inline(always)]
fn within<V: Lanes>(row: &[f32], column: usize, mean: V) -> V {
    let off = at::<V>(row, column).sub(mean);
    let there = row.len() - column;
    if there >= LANES {
        return off;
    }
    let mut lanes = [0.0; LANES];
    put(&mut lanes[..there], 0, off);
    at(&lanes, 0)
}

/// Writes as many of sixteen values as the slice has from `place` on.
#[inline(always)]
pub(crate) fn put<V: Lanes>(values: &mut [f32], place: usize, value: V) {
    let rest = &mut values[place..];
    if rest.len() >= LANES {
        // SAFETY: room for sixteen.
        unsafe { value.store(rest.as_mut_ptr()) }
    } else {
        // SAFETY: room for as many as there are.
        unsafe { store_some(value, rest.as_mut_ptr(), rest.len()) }
    }
}
