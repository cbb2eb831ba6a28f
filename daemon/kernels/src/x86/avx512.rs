//! AVX-512 with VNNI: one register of sixteen floats, and int8 products by `vpdpbusd`.
//!
//! `vpdpbusd` takes unsigned bytes on one side: 128 is added to the inputs, and the sums begin with
//! what that adds, taken off. Must not assume alignment.

mod part;

use std::arch::asm;
use std::arch::x86_64::*;

use crate::lanes::Lanes;
use crate::machine::{Int8Tile, Machine, RowForm};

/// AVX-512 F, BW, VL, DQ and VNNI.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Avx512Vnni;

/// Sixteen floats in one register.
#[derive(Clone, Copy)]
pub(crate) struct One(__m512);

/// Instructions of AVX-512.
macro_rules! avx512 {
    ($($work:tt)*) => {
        // SAFETY: values of this file are made and used only inside `with_avx512_vnni`; memory is what
        // the caller of the method vouches for.
        unsafe { $($work)* }
    };
}

pub(super) use avx512;

const NEAREST: i32 = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;

impl Lanes for One {
    #[inline(always)]
    fn splat(value: f32) -> Self {
        avx512!(One(_mm512_set1_ps(value)))
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        avx512!(One(_mm512_loadu_ps(from)))
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        avx512!(_mm512_storeu_ps(to, self.0))
    }

    #[inline(always)]
    unsafe fn load_i8(from: *const i8) -> Self {
        avx512!(One(_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(from.cast())))))
    }

    #[inline(always)]
    unsafe fn store_i8(self, to: *mut i8) {
        avx512! {
            let bytes = _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(self.0));
            _mm_storeu_si128(to.cast(), bytes);
        }
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        avx512!(One(_mm512_add_ps(self.0, other.0)))
    }

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        avx512!(One(_mm512_sub_ps(self.0, other.0)))
    }

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        avx512!(One(_mm512_mul_ps(self.0, other.0)))
    }

    #[inline(always)]
    fn div(self, other: Self) -> Self {
        avx512!(One(_mm512_div_ps(self.0, other.0)))
    }

    #[inline(always)]
    fn fma(self, factor: Self, summand: Self) -> Self {
        avx512!(One(_mm512_fmadd_ps(self.0, factor.0, summand.0)))
    }

    #[inline(always)]
    fn max(self, other: Self) -> Self {
        avx512!(One(_mm512_max_ps(self.0, other.0)))
    }

    #[inline(always)]
    fn min(self, other: Self) -> Self {
        avx512!(One(_mm512_min_ps(self.0, other.0)))
    }

    #[inline(always)]
    fn abs(self) -> Self {
        avx512!(One(_mm512_abs_ps(self.0)))
    }

    #[inline(always)]
    fn round(self) -> Self {
        avx512!(One(_mm512_roundscale_ps::<NEAREST>(self.0)))
    }

    #[inline(always)]
    fn power_of_two(self) -> Self {
        avx512! {
            let exponent = _mm512_add_epi32(_mm512_cvtps_epi32(self.0), _mm512_set1_epi32(127));
            One(_mm512_castsi512_ps(_mm512_slli_epi32::<23>(exponent)))
        }
    }

    #[inline(always)]
    fn sum(self) -> f32 {
        avx512! {
            let low = _mm512_castps512_ps256(self.0);
            let eight = _mm256_add_ps(low, _mm512_extractf32x8_ps::<1>(self.0));
            let high = _mm256_extractf128_ps::<1>(eight);
            let four = _mm_add_ps(_mm256_castps256_ps128(eight), high);
            let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)))
        }
    }

    #[inline(always)]
    fn largest(self) -> f32 {
        avx512!(_mm512_reduce_max_ps(self.0))
    }
}

impl Machine for Avx512Vnni {
    type Lanes = One;
    type Part = part::Sixteen;
    const GROUP: usize = 4;
    // Twelve chains of `vpdpbusd` hide its latency of five also where two start each cycle.
    const TILE: usize = 12;
    const FORM: RowForm = RowForm::ShiftedBytes;

    #[inline(always)]
    unsafe fn int8_tile<const ROWS: usize>(tile: Int8Tile) -> [Self::Lanes; ROWS] {
        let Int8Tile { rows, stride, weights, groups, start, .. } = tile;
        avx512! {
            let mut all = [_mm512_loadu_si512(start.cast()); ROWS];
            for group in 0..groups {
                let weights = _mm512_loadu_si512(weights.add(group * 64).cast());
                _mm_prefetch::<_MM_HINT_T0>(tile.ahead.wrapping_add(group * tile.pace / 4));
                for (row, sum) in all.iter_mut().enumerate() {
                    let input = rows.add(row * stride + group * 4).cast::<i32>().read_unaligned();
                    *sum = _mm512_dpbusd_epi32(*sum, _mm512_set1_epi32(input), weights);
                }
            }
            let mut sums = [One(_mm512_setzero_ps()); ROWS];
            for (sum, integers) in sums.iter_mut().zip(all) {
                *sum = One(_mm512_cvtepi32_ps(integers));
            }
            sums
        }
    }

    #[inline(always)]
    unsafe fn int8_limit(rounds: usize) -> (usize, i32) {
        avx512! {
            let (input, weights) = (_mm512_set1_epi8(5), _mm512_set1_epi8(3));
            let mut sums = [_mm512_setzero_si512(); 12];
            for _ in 0..rounds {
                for sum in &mut sums {
                    *sum = opaque(_mm512_dpbusd_epi32(*sum, input, weights));
                }
            }
            let sum = sums.into_iter().fold(_mm512_setzero_si512(), |a, b| _mm512_add_epi32(a, b));
            (rounds * sums.len() * 64, _mm512_reduce_add_epi32(sum))
        }
    }
}

/// The same value, which the compiler cannot know: rounds are not folded into one.
#[inline]
#[target_feature(enable = "avx512f")]
fn opaque(mut value: __m512i) -> __m512i {
    // SAFETY: it does nothing.
    unsafe { asm!("/* {0} */", inout(zmm_reg) value, options(nomem, nostack, preserves_flags)) };
    value
}
