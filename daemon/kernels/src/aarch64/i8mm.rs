//! NEON with int8 matrix multiplication: `smmla` multiplies two rows of eight bytes with two
//! channels of eight.
//!
//! Must not be entered on a core without it (`i8mm`).

use std::arch::aarch64::*;
use std::arch::asm;
use std::ops::Range;

use super::dotprod::Dotprod;
use super::neon::{Four, neon};
use super::part::Dots;
use crate::blocks::{Inputs, Kind};
use crate::machine::{Int8Tile, Machine, RowForm};

/// NEON with dot products and int8 matrix multiplication.
#[derive(Debug, Clone, Copy)]
pub(crate) struct I8mm;

/// `sum += [[r0·c0, r0·c1], [r1·c0, r1·c1]]` of two rows and two channels of eight bytes.
macro_rules! smmla {
    ($sum:expr, $rows:expr, $channels:expr) => {
        asm!(
            "smmla {sum:v}.4s, {rows:v}.16b, {channels:v}.16b",
            sum = inout(vreg) $sum,
            rows = in(vreg) $rows,
            channels = in(vreg) $channels,
            options(pure, nomem, nostack, preserves_flags),
        )
    };
}

/// Pairs of rows that a tile may have.
const PAIRS: usize = 2;

impl Machine for I8mm {
    type Lanes = Four;
    type Part = super::part::Quad<Self>;
    const GROUP: usize = 8;
    const TILE: usize = 2 * PAIRS;
    const FORM: RowForm = RowForm::Pairs;

    #[inline(always)]
    unsafe fn int8_tile<const ROWS: usize>(tile: Int8Tile) -> [Self::Lanes; ROWS] {
        let Int8Tile { rows, stride, weights, groups, start, .. } = tile;
        neon! {
            let mut all = [[vdupq_n_s32(0); 8]; PAIRS];
            let pairs = ROWS.div_ceil(2);
            for group in 0..groups {
                let at = weights.add(group * 128);
                let inputs: [int8x16_t; PAIRS] = std::array::from_fn(|pair| {
                    vld1q_s8(rows.add(pair.min(pairs - 1) * stride + group * 16).cast())
                });
                for two in 0..8 {
                    let channels = vld1q_s8(at.add(two * 16));
                    for pair in 0..pairs {
                        smmla!(all[pair][two], inputs[pair], channels);
                    }
                }
            }
            let mut sums = [Four([vdupq_n_f32(0.0); 4]); ROWS];
            for (row, sums) in sums.iter_mut().enumerate() {
                for (quad, to) in sums.0.iter_mut().enumerate() {
                    let left = vreinterpretq_s64_s32(all[row / 2][2 * quad]);
                    let right = vreinterpretq_s64_s32(all[row / 2][2 * quad + 1]);
                    let sum = if row % 2 == 0 { vzip1q_s64(left, right) } else { vzip2q_s64(left, right) };
                    let start = vld1q_s32(start.add(4 * quad));
                    *to = vcvtq_f32_s32(vaddq_s32(start, vreinterpretq_s32_s64(sum)));
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
                    smmla!(*sum, input, weights);
                }
            }
            let sum = sums.into_iter().fold(vdupq_n_s32(0), |a, b| vaddq_s32(a, b));
            (rounds * sums.len() * 32, vaddvq_s32(sum))
        }
    }
}

impl Dots for I8mm {
    /// By dot products: half of a matrix multiplication would be wasted.
    #[inline(always)]
    unsafe fn row<K: Kind>(weights: &[int8x16_t; 8], twos: Range<usize>, row: Inputs) -> int32x4_t {
        // SAFETY: as this method's; whoever has i8mm has dot products.
        unsafe { Dotprod::row::<K>(weights, twos, row) }
    }

    #[inline(always)]
    unsafe fn two_rows<K: Kind>(
        weights: &[int8x16_t; 8],
        twos: Range<usize>,
        rows: [Inputs; 2],
    ) -> [int32x4_t; 2] {
        neon! {
            let offset = vcombine_s32(vdup_n_s32(rows[0].sum), vdup_n_s32(rows[1].sum));
            let offset = vmulq_n_s32(offset, -K::OFFSET);
            // Of channels 0 and 1, and of 2 and 3: [row 0, row 0, row 1, row 1].
            let mut sums = [offset, offset];
            for (two, weights) in weights.as_chunks::<2>().0.iter().enumerate() {
                if twos.contains(&two) {
                    let inputs = vcombine_s8(
                        vld1_s8(rows[0].values.add(two * 8)),
                        vld1_s8(rows[1].values.add(two * 8)),
                    );
                    // Two groups of four inputs become one of eight.
                    let low = vreinterpretq_s32_s8(weights[0]);
                    let high = vreinterpretq_s32_s8(weights[1]);
                    smmla!(sums[0], inputs, vzip1q_s32(low, high));
                    smmla!(sums[1], inputs, vzip2q_s32(low, high));
                }
            }
            let (left, right) = (vreinterpretq_s64_s32(sums[0]), vreinterpretq_s64_s32(sums[1]));
            [
                vreinterpretq_s32_s64(vzip1q_s64(left, right)),
                vreinterpretq_s32_s64(vzip2q_s64(left, right)),
            ]
        }
    }
}
