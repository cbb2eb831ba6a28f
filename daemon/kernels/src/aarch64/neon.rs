//! Plain NEON: four registers of four floats, and int8 products widened to 16 and 32 bits.
//!
//! Must not assume alignment, nor anything beyond ARMv8.0.

use std::arch::aarch64::*;
use std::arch::asm;
use std::ops::Range;

use super::part::Dots;
use crate::blocks::{Inputs, Kind};
use crate::lanes::Lanes;
use crate::machine::{Int8Tile, Machine};

/// ARMv8.0 NEON.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Neon;

/// Sixteen floats in four registers.
#[derive(Clone, Copy)]
pub(crate) struct Four(pub(super) [float32x4_t; 4]);

/// Instructions of NEON.
macro_rules! neon {
    ($($work:tt)*) => {
        // SAFETY: values of this file are made and used only inside the `with_…` functions of
        // `aarch64.rs`; memory is what the caller of the method vouches for.
        unsafe { $($work)* }
    };
}
pub(super) use neon;

/// One instruction on each register of two.
macro_rules! each {
    ($instruction:ident, $a:expr, $b:expr) => {
        neon!(Four([
            $instruction($a.0[0], $b.0[0]),
            $instruction($a.0[1], $b.0[1]),
            $instruction($a.0[2], $b.0[2]),
            $instruction($a.0[3], $b.0[3]),
        ]))
    };
    ($instruction:ident, $a:expr) => {
        neon!(Four([
            $instruction($a.0[0]),
            $instruction($a.0[1]),
            $instruction($a.0[2]),
            $instruction($a.0[3]),
        ]))
    };
}

impl Lanes for Four {
    #[inline(always)]
    fn splat(value: f32) -> Self {
        neon!(Four([vdupq_n_f32(value); 4]))
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        neon!(Four([
            vld1q_f32(from),
            vld1q_f32(from.add(4)),
            vld1q_f32(from.add(8)),
            vld1q_f32(from.add(12)),
        ]))
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        neon! {
            vst1q_f32(to, self.0[0]);
            vst1q_f32(to.add(4), self.0[1]);
            vst1q_f32(to.add(8), self.0[2]);
            vst1q_f32(to.add(12), self.0[3]);
        }
    }

    #[inline(always)]
    unsafe fn load_i8(from: *const i8) -> Self {
        neon! {
            let bytes = vld1q_s8(from);
            let (low, high) = (vmovl_s8(vget_low_s8(bytes)), vmovl_high_s8(bytes));
            Four([
                vcvtq_f32_s32(vmovl_s16(vget_low_s16(low))),
                vcvtq_f32_s32(vmovl_high_s16(low)),
                vcvtq_f32_s32(vmovl_s16(vget_low_s16(high))),
                vcvtq_f32_s32(vmovl_high_s16(high)),
            ])
        }
    }

    #[inline(always)]
    unsafe fn store_i8(self, to: *mut i8) {
        neon! {
            let words = |a, b| vcombine_s16(vmovn_s32(vcvtnq_s32_f32(a)), vmovn_s32(vcvtnq_s32_f32(b)));
            let (low, high) = (words(self.0[0], self.0[1]), words(self.0[2], self.0[3]));
            vst1q_s8(to, vcombine_s8(vmovn_s16(low), vmovn_s16(high)));
        }
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        each!(vaddq_f32, self, other)
    }

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        each!(vsubq_f32, self, other)
    }

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        each!(vmulq_f32, self, other)
    }

    #[inline(always)]
    fn div(self, other: Self) -> Self {
        each!(vdivq_f32, self, other)
    }

    #[inline(always)]
    fn fma(self, factor: Self, summand: Self) -> Self {
        neon!(Four([
            vfmaq_f32(summand.0[0], self.0[0], factor.0[0]),
            vfmaq_f32(summand.0[1], self.0[1], factor.0[1]),
            vfmaq_f32(summand.0[2], self.0[2], factor.0[2]),
            vfmaq_f32(summand.0[3], self.0[3], factor.0[3]),
        ]))
    }

    #[inline(always)]
    fn max(self, other: Self) -> Self {
        each!(vmaxq_f32, self, other)
    }

    #[inline(always)]
    fn min(self, other: Self) -> Self {
        each!(vminq_f32, self, other)
    }

    #[inline(always)]
    fn abs(self) -> Self {
        each!(vabsq_f32, self)
    }

    #[inline(always)]
    fn round(self) -> Self {
        each!(vrndnq_f32, self)
    }

    #[inline(always)]
    fn power_of_two(self) -> Self {
        neon! {
            let power = |n| {
                let exponent = vaddq_s32(vcvtnq_s32_f32(n), vdupq_n_s32(127));
                vreinterpretq_f32_s32(vshlq_n_s32::<23>(exponent))
            };
            Four([power(self.0[0]), power(self.0[1]), power(self.0[2]), power(self.0[3])])
        }
    }

    #[inline(always)]
    fn sum(self) -> f32 {
        neon! {
            let low = vaddq_f32(self.0[0], self.0[2]);
            let high = vaddq_f32(self.0[1], self.0[3]);
            let four = vaddq_f32(low, high);
            let two = vadd_f32(vget_low_f32(four), vget_high_f32(four));
            vget_lane_f32::<0>(two) + vget_lane_f32::<1>(two)
        }
    }

    #[inline(always)]
    fn largest(self) -> f32 {
        neon! {
            let low = vmaxq_f32(self.0[0], self.0[1]);
            vmaxvq_f32(vmaxq_f32(low, vmaxq_f32(self.0[2], self.0[3])))
        }
    }
}

impl Machine for Neon {
    type Lanes = Four;
    type Part = super::part::Quad<Self>;
    const GROUP: usize = 4;
    const TILE: usize = 4;

    /// Four products of one word fit 16 bits (see [`crate::WORD_BOUND`]), so four groups are multiplied before
    /// they are widened.
    #[inline(always)]
    unsafe fn int8_tile<const ROWS: usize>(tile: Int8Tile) -> [Self::Lanes; ROWS] {
        let Int8Tile { rows, stride, weights, groups, start, .. } = tile;
        // Half a panel at a time: eight channels of four rows are what the registers hold.
        let mut sums = [Four(neon!([vdupq_n_f32(0.0); 4])); ROWS];
        for half in 0..2 {
            neon! {
                let mut all = [[vdupq_n_s32(0); 4]; ROWS];
                for four in 0..groups / 4 {
                    let at = weights.add(four * 256 + half * 32);
                    for quad in 0..2 {
                        let weights: [int8x16_t; 4] =
                            std::array::from_fn(|group| vld1q_s8(at.add(group * 64 + quad * 16)));
                        for (row, sum) in all.iter_mut().enumerate() {
                            let from = rows.add(row * stride + four * 16).cast::<i32>();
                            let inputs: [int8x16_t; 4] = std::array::from_fn(|group| {
                                vreinterpretq_s8_s32(vld1q_dup_s32(from.add(group)))
                            });
                            let mut low = vmull_s8(vget_low_s8(weights[0]), vget_low_s8(inputs[0]));
                            let mut high = vmull_high_s8(weights[0], inputs[0]);
                            for group in 1..4 {
                                let (weights, inputs) = (weights[group], inputs[group]);
                                low = vmlal_s8(low, vget_low_s8(weights), vget_low_s8(inputs));
                                high = vmlal_high_s8(high, weights, inputs);
                            }
                            sum[2 * quad] = vpadalq_s16(sum[2 * quad], low);
                            sum[2 * quad + 1] = vpadalq_s16(sum[2 * quad + 1], high);
                        }
                    }
                }
                for (sums, all) in sums.iter_mut().zip(all) {
                    for quad in 0..2 {
                        let channels = half * 2 + quad;
                        let sum = vpaddq_s32(all[2 * quad], all[2 * quad + 1]);
                        let start = vld1q_s32(start.add(channels * 4));
                        sums.0[channels] = vcvtq_f32_s32(vaddq_s32(start, sum));
                    }
                }
            }
        }
        sums
    }

    #[inline(always)]
    unsafe fn int8_limit(rounds: usize) -> (usize, i32) {
        neon! {
            let weights = vdupq_n_s8(3);
            let mut input = vdupq_n_s8(5);
            let mut sums = [vdupq_n_s32(0); 8];
            for _ in 0..rounds {
                for sum in &mut sums {
                    // Seen from here the input may have changed: nothing is computed once for all rounds.
                    asm!("/* {0:v} */", inout(vreg) input, options(nomem, nostack, preserves_flags));
                    let mut pairs = vmull_s8(vget_low_s8(weights), vget_low_s8(input));
                    pairs = vmlal_high_s8(pairs, weights, input);
                    pairs = vmlal_s8(pairs, vget_low_s8(weights), vget_low_s8(input));
                    pairs = vmlal_high_s8(pairs, weights, input);
                    *sum = vpadalq_s16(*sum, pairs);
                }
            }
            let sum = sums.into_iter().fold(vdupq_n_s32(0), |a, b| vaddq_s32(a, b));
            (rounds * sums.len() * 32, vaddvq_s32(sum))
        }
    }
}

impl Dots for Neon {
    /// Products go to 16 bits, as many as fit, before they are widened.
    #[inline(always)]
    unsafe fn row<K: Kind>(weights: &[int8x16_t; 8], twos: Range<usize>, row: Inputs) -> int32x4_t {
        neon! {
            // Two channels each, four sums a channel that are added up at the end.
            let mut wide = [vdupq_n_s32(0); 2];
            let mut words = [vdupq_n_s16(0); 2];
            for group in 2 * twos.start..2 * twos.end {
                let inputs = vld1q_dup_s32(row.values.add(group * 4).cast());
                let (weights, inputs) = (weights[group], vreinterpretq_s8_s32(inputs));
                words[0] = vmlal_s8(words[0], vget_low_s8(weights), vget_low_s8(inputs));
                words[1] = vmlal_high_s8(words[1], weights, inputs);
                if (group + 1) % K::PRODUCTS == 0 || group + 1 == 2 * twos.end {
                    wide[0] = vpadalq_s16(wide[0], words[0]);
                    wide[1] = vpadalq_s16(wide[1], words[1]);
                    words = [vdupq_n_s16(0); 2];
                }
            }
            let sums = vpaddq_s32(wide[0], wide[1]);
            if K::OFFSET == 0 { sums } else { vmlsq_n_s32(sums, vdupq_n_s32(row.sum), K::OFFSET) }
        }
    }
}
