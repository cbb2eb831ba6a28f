//! Products of blocks with AVX-512: all sixteen channels by `vpdpbusd`, which takes unsigned weights
//! and adds four products to 32 bits.
//!
//! Must not assume alignment.

use std::arch::x86_64::*;
use std::ops::Range;

use super::avx512;
use crate::blocks::{Groups, Inputs, Kind, MAX_PARTS, Part};

/// Sixteen channels in one register.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sixteen;

impl Part for Sixteen {
    const CHANNELS: usize = 16;
    const ROWS: usize = 8;
    const PARTS: usize = 1;
    type Floats = __m512;
    type Sums = __m512i;
    type Bytes = __m512i;

    #[inline(always)]
    unsafe fn halves(from: *const u8) -> __m512 {
        avx512!(_mm512_cvtph_ps(_mm256_loadu_si256(from.cast())))
    }

    #[inline(always)]
    unsafe fn scales(from: *const u8) -> __m512 {
        avx512!(_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(from.cast()))))
    }

    #[inline(always)]
    unsafe fn bytes(from: *const u8) -> __m512i {
        avx512!(_mm512_loadu_si512(from.cast()))
    }

    #[inline(always)]
    unsafe fn store(value: __m512, to: *mut f32) {
        avx512!(_mm512_storeu_ps(to, value))
    }

    #[inline(always)]
    unsafe fn prefetch(from: *const u8) {
        avx512!(_mm_prefetch::<_MM_HINT_T0>(from.cast()))
    }

    #[inline(always)]
    unsafe fn nibbles(bytes: __m512i) -> [__m512i; 2] {
        avx512! {
            let low = _mm512_set1_epi8(15);
            [_mm512_and_si512(bytes, low), _mm512_and_si512(_mm512_srli_epi16::<4>(bytes), low)]
        }
    }

    /// There are shifts of words only; the mask takes off what came from the neighbour.
    #[inline(always)]
    unsafe fn six<const PLACE: usize>(low: __m512i, bytes: __m512i) -> __m512i {
        avx512! {
            let shifted = match PLACE {
                0 => _mm512_slli_epi16::<4>(bytes),
                1 => _mm512_slli_epi16::<2>(bytes),
                2 => bytes,
                _ => _mm512_srli_epi16::<2>(bytes),
            };
            _mm512_or_si512(low, _mm512_and_si512(shifted, _mm512_set1_epi8(0x30)))
        }
    }

    #[inline(always)]
    unsafe fn dots<K: Kind, G: Groups<Self>, const ROWS: usize>(
        weights: G,
        twos: Range<usize>,
        _parts: usize,
        rows: [Inputs; ROWS],
    ) -> [[__m512i; MAX_PARTS]; ROWS] {
        avx512! {
            // 128 is added to signed weights by turning their highest bit.
            let offset = if K::SIGNED { K::OFFSET + 128 } else { K::OFFSET };
            let turn = _mm512_set1_epi8(i8::MIN);
            let mut sums = [[_mm512_setzero_si512(); MAX_PARTS]; ROWS];
            // Two chains a row: an instruction waits for the one before it.
            let mut odd = [_mm512_setzero_si512(); ROWS];
            for (row, sums) in rows.iter().zip(&mut sums) {
                let offset = _mm512_set1_epi32(-offset);
                sums[0] = _mm512_mullo_epi32(_mm512_set1_epi32(row.sum), offset);
            }
            for two in twos {
                let mut groups = weights.two(0, two);
                if K::SIGNED {
                    groups = [_mm512_xor_si512(groups[0], turn), _mm512_xor_si512(groups[1], turn)];
                }
                for ((row, sums), odd) in rows.iter().zip(&mut sums).zip(&mut odd) {
                    let inputs = row.values.add(two * 8).cast::<i32>();
                    let first = _mm512_set1_epi32(inputs.read_unaligned());
                    let second = _mm512_set1_epi32(inputs.add(1).read_unaligned());
                    sums[0] = _mm512_dpbusd_epi32(sums[0], groups[0], first);
                    *odd = _mm512_dpbusd_epi32(*odd, groups[1], second);
                }
            }
            for (sums, odd) in sums.iter_mut().zip(odd) {
                sums[0] = _mm512_add_epi32(sums[0], odd);
            }
            sums
        }
    }

    #[inline(always)]
    unsafe fn float(sums: __m512i) -> __m512 {
        avx512!(_mm512_cvtepi32_ps(sums))
    }

    #[inline(always)]
    unsafe fn splat(value: f32) -> __m512 {
        avx512!(_mm512_set1_ps(value))
    }

    #[inline(always)]
    unsafe fn add(a: __m512, b: __m512) -> __m512 {
        avx512!(_mm512_add_ps(a, b))
    }

    #[inline(always)]
    unsafe fn mul(a: __m512, b: __m512) -> __m512 {
        avx512!(_mm512_mul_ps(a, b))
    }

    #[inline(always)]
    unsafe fn fma(a: __m512, b: __m512, c: __m512) -> __m512 {
        avx512!(_mm512_fmadd_ps(a, b, c))
    }
}
