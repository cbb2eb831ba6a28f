//! NEON with dot products: `sdot` multiplies four bytes of four channels and adds them up.
//!
//! Must not be entered on a core without them (`asimddp`).

use std::arch::aarch64::*;
use std::arch::asm;
use std::ops::Range;

use super::neon::{Four, neon};
use super::part::Dots;
use crate::blocks::{Inputs, Kind};
use crate::machine::{Int8Tile, Machine};

/// NEON with dot products.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dotprod;

/// `sum += weights · inputs[LANE]`: four bytes of each of four channels with the same four inputs.
macro_rules! sdot {
    ($sum:expr, $weights:expr, $inputs:expr, $lane:literal) => {
        asm!(
            concat!("sdot {sum:v}.4s, {weights:v}.16b, {inputs:v}.4b[", $lane, "]"),
            sum = inout(vreg) $sum,
            weights = in(vreg) $weights,
            inputs = in(vreg) $inputs,
            options(pure, nomem, nostack, preserves_flags),
        )
    };
}

impl Machine for Dotprod {
    type Lanes = Four;
    type Part = super::part::Quad<Self>;
    const GROUP: usize = 4;
    const TILE: usize = 4;

    #[inline(always)]
    unsafe fn int8_tile<const ROWS: usize>(tile: Int8Tile) -> [Self::Lanes; ROWS] {
        let Int8Tile { rows, stride, weights, groups, start, .. } = tile;
        neon! {
            let start: [int32x4_t; 4] = std::array::from_fn(|quad| vld1q_s32(start.add(4 * quad)));
            let mut all = [start; ROWS];
            // Sixteen inputs of a row fill a register: four groups.
            for four in 0..groups / 4 {
                let inputs: [int8x16_t; ROWS] =
                    std::array::from_fn(|row| vld1q_s8(rows.add(row * stride + four * 16).cast()));
                let at = weights.add(four * 256);
                macro_rules! group {
                    ($lane:literal) => {
                        for quad in 0..4 {
                            let weights = vld1q_s8(at.add($lane * 64 + quad * 16));
                            for row in 0..ROWS {
                                sdot!(all[row][quad], weights, inputs[row], $lane);
                            }
                        }
                    };
                }
                group!(0);
                group!(1);
                group!(2);
                group!(3);
            }
            let mut sums = [Four([vdupq_n_f32(0.0); 4]); ROWS];
            for (sum, integers) in sums.iter_mut().zip(all) {
                for (sum, integers) in sum.0.iter_mut().zip(integers) {
                    *sum = vcvtq_f32_s32(integers);
                }
            }
            sums
        }
    }

    #[inline(always)]
    unsafe fn int8_limit(rounds: usize) -> (usize, i32) {
        neon! {
            let (input, weights) = (vdupq_n_s8(5), vdupq_n_s8(3));
            let mut sums = [vdupq_n_s32(0); 16];
            for _ in 0..rounds {
                for sum in &mut sums {
                    sdot!(*sum, weights, input, 0);
                }
            }
            let sum = sums.into_iter().fold(vdupq_n_s32(0), |a, b| vaddq_s32(a, b));
            (rounds * sums.len() * 16, vaddvq_s32(sum))
        }
    }
}

impl Dots for Dotprod {
    #[inline(always)]
    unsafe fn row<K: Kind>(weights: &[int8x16_t; 8], twos: Range<usize>, row: Inputs) -> int32x4_t {
        neon! {
            let zero = vdupq_n_s32(0);
            let start = vdupq_n_s32(row.sum);
            let mut sum = if K::OFFSET == 0 { zero } else { vmulq_n_s32(start, -K::OFFSET) };
            // Sixteen inputs fill a register: four groups.
            for (four, weights) in weights.as_chunks::<4>().0.iter().enumerate() {
                if twos.contains(&(2 * four)) {
                    let inputs = vld1q_s8(row.values.add(four * 16));
                    sdot!(sum, weights[0], inputs, 0);
                    sdot!(sum, weights[1], inputs, 1);
                    sdot!(sum, weights[2], inputs, 2);
                    sdot!(sum, weights[3], inputs, 3);
                }
            }
            sum
        }
    }
}
