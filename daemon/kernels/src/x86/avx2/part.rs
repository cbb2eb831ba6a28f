//! Products of blocks with AVX2: eight channels by `vpmaddubsw`, which takes unsigned weights and
//! adds products in pairs to 16 bits.
//!
//! Must not add up more of them than fit, as [`Kind::PRODUCTS`] says.

use std::arch::asm;
use std::arch::x86_64::*;
use std::ops::Range;

use super::avx2;
use crate::blocks::{Groups, Inputs, Kind, MAX_PARTS, Part};

/// Eight channels in one register.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Eight;

impl Part for Eight {
    const CHANNELS: usize = 8;
    // Sums of four rows and two parts, two groups of weights of both, and what is at work fill the
    // sixteen registers.
    const ROWS: usize = 4;
    const PARTS: usize = 2;
    type Floats = __m256;
    type Sums = __m256i;
    type Bytes = __m256i;

    #[inline(always)]
    unsafe fn halves(from: *const u8) -> __m256 {
        avx2!(_mm256_cvtph_ps(_mm_loadu_si128(from.cast())))
    }

    #[inline(always)]
    unsafe fn scales(from: *const u8) -> __m256 {
        avx2!(_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(from.cast()))))
    }

    #[inline(always)]
    unsafe fn bytes(from: *const u8) -> __m256i {
        avx2!(_mm256_loadu_si256(from.cast()))
    }

    #[inline(always)]
    unsafe fn store(value: __m256, to: *mut f32) {
        avx2!(_mm256_storeu_ps(to, value))
    }

    #[inline(always)]
    unsafe fn prefetch(from: *const u8) {
        avx2!(_mm_prefetch::<_MM_HINT_T0>(from.cast()))
    }

    #[inline(always)]
    unsafe fn nibbles(bytes: __m256i) -> [__m256i; 2] {
        avx2! {
            let low = _mm256_set1_epi8(15);
            [_mm256_and_si256(bytes, low), _mm256_and_si256(_mm256_srli_epi16::<4>(bytes), low)]
        }
    }

    /// There are shifts of words only; the mask takes off what came from the neighbour.
    #[inline(always)]
    unsafe fn six<const PLACE: usize>(low: __m256i, bytes: __m256i) -> __m256i {
        avx2! {
            let shifted = match PLACE {
                0 => _mm256_slli_epi16::<4>(bytes),
                1 => _mm256_slli_epi16::<2>(bytes),
                2 => bytes,
                _ => _mm256_srli_epi16::<2>(bytes),
            };
            _mm256_or_si256(low, _mm256_and_si256(shifted, _mm256_set1_epi8(0x30)))
        }
    }

    /// Group by group, so that inputs serve both parts and weights all rows while they are at hand.
    #[inline(always)]
    unsafe fn dots<K: Kind, G: Groups<Self>, const ROWS: usize>(
        weights: G,
        twos: Range<usize>,
        parts: usize,
        rows: [Inputs; ROWS],
    ) -> [[__m256i; MAX_PARTS]; ROWS] {
        avx2! {
            let zero = _mm256_setzero_si256();
            let (mut sums, mut words) = ([[zero; MAX_PARTS]; ROWS], [[zero; MAX_PARTS]; ROWS]);
            for two in twos.start..unknown(twos.end) {
                let (mut even, mut odd) = ([zero; MAX_PARTS], [zero; MAX_PARTS]);
                for (part, (even, odd)) in even.iter_mut().zip(&mut odd).enumerate().take(parts) {
                    [*even, *odd] = weights.two(part, two);
                }
                accumulate::<K, ROWS>(&even, parts, &rows, two * 8, &mut words);
                if K::PRODUCTS == 2 {
                    widen(&mut words, &mut sums, parts);
                }
                accumulate::<K, ROWS>(&odd, parts, &rows, two * 8 + 4, &mut words);
                if K::PRODUCTS < 16 {
                    widen(&mut words, &mut sums, parts);
                }
            }
            if K::PRODUCTS == 16 {
                widen(&mut words, &mut sums, parts);
            }
            if K::OFFSET != 0 {
                for (row, sums) in rows.iter().zip(&mut sums) {
                    let offset = _mm256_set1_epi32(-K::OFFSET);
                    let offset = _mm256_mullo_epi32(_mm256_set1_epi32(row.sum), offset);
                    for sums in sums.iter_mut().take(parts) {
                        *sums = _mm256_add_epi32(*sums, offset);
                    }
                }
            }
            sums
        }
    }

    #[inline(always)]
    unsafe fn float(sums: __m256i) -> __m256 {
        avx2!(_mm256_cvtepi32_ps(sums))
    }

    #[inline(always)]
    unsafe fn splat(value: f32) -> __m256 {
        avx2!(_mm256_set1_ps(value))
    }

    #[inline(always)]
    unsafe fn add(a: __m256, b: __m256) -> __m256 {
        avx2!(_mm256_add_ps(a, b))
    }

    #[inline(always)]
    unsafe fn mul(a: __m256, b: __m256) -> __m256 {
        avx2!(_mm256_mul_ps(a, b))
    }

    #[inline(always)]
    unsafe fn fma(a: __m256, b: __m256, c: __m256) -> __m256 {
        avx2!(_mm256_fmadd_ps(a, b, c))
    }
}

/// The same number, but not known to the compiler: else it unrolls the loop, turns it row by row, and
/// has to put the weights aside in memory.
#[inline(always)]
fn unknown(mut number: usize) -> usize {
    // SAFETY: there are no instructions.
    unsafe { asm!("/* {0} */", inout(reg) number, options(pure, nomem, nostack, preserves_flags)) };
    number
}

/// Adds the products of a group, of the inputs from a place on, to the sums of 16 bits.
#[inline(always)]
unsafe fn accumulate<K: Kind, const ROWS: usize>(
    weights: &[__m256i; MAX_PARTS],
    parts: usize,
    rows: &[Inputs; ROWS],
    place: usize,
    words: &mut [[__m256i; MAX_PARTS]; ROWS],
) {
    avx2! {
        for (row, words) in rows.iter().zip(words) {
            let inputs = row.values.add(place).cast::<i32>().read_unaligned();
            let inputs = _mm256_set1_epi32(inputs);
            for (words, weights) in words.iter_mut().zip(weights).take(parts) {
                *words = _mm256_add_epi16(*words, products::<K>(*weights, inputs));
            }
        }
    }
}

/// Adds sums of 16 bits to those of 32, and begins them anew.
#[inline(always)]
unsafe fn widen<const ROWS: usize>(
    words: &mut [[__m256i; MAX_PARTS]; ROWS],
    sums: &mut [[__m256i; MAX_PARTS]; ROWS],
    parts: usize,
) {
    avx2! {
        for (words, sums) in words.iter_mut().zip(sums) {
            for (words, sums) in words.iter_mut().zip(sums).take(parts) {
                *sums = _mm256_add_epi32(*sums, _mm256_madd_epi16(*words, _mm256_set1_epi16(1)));
                *words = _mm256_setzero_si256();
            }
        }
    }
}

/// Products of four inputs, added up in pairs.
#[inline(always)]
unsafe fn products<K: Kind>(weights: __m256i, inputs: __m256i) -> __m256i {
    avx2! {
        if K::SIGNED {
            // The weights' signs go to the inputs; |-128| is 128, unsigned.
            _mm256_maddubs_epi16(_mm256_abs_epi8(weights), _mm256_sign_epi8(inputs, weights))
        } else {
            _mm256_maddubs_epi16(weights, inputs)
        }
    }
}
