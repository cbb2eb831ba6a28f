//! AVX2: two registers of eight floats, and int8 products by `vpmaddubsw`.
//!
//! That instruction takes unsigned bytes on one side, as `vpdpbusd` does (see `avx512.rs`), and saturates
//! where the sum of two products leaves 16 bits: words of weights are bounded so that it never does, and
//! so that four such sums can be added before they are widened.
//! Must not assume alignment.

mod part;

use std::arch::asm;
use std::arch::x86_64::*;

use crate::lanes::Lanes;
use crate::machine::{Int8Tile, Machine, RowForm, STEP};

/// AVX2 with FMA and F16C.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Avx2;

/// Sixteen floats in two registers.
#[derive(Clone, Copy)]
pub(crate) struct Two(__m256, __m256);

/// Instructions of AVX2, FMA and F16C.
macro_rules! avx2 {
    ($($work:tt)*) => {
        // SAFETY: values of this file are made and used only inside `with_avx2` or `with_avx512_vnni`;
        // memory is what the caller of the method vouches for.
        unsafe { $($work)* }
    };
}

pub(super) use avx2;

const NEAREST: i32 = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;

impl Lanes for Two {
    #[inline(always)]
    fn splat(value: f32) -> Self {
        avx2!(Two(_mm256_set1_ps(value), _mm256_set1_ps(value)))
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        avx2!(Two(_mm256_loadu_ps(from), _mm256_loadu_ps(from.add(8))))
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        avx2! {
            _mm256_storeu_ps(to, self.0);
            _mm256_storeu_ps(to.add(8), self.1);
        }
    }

    #[inline(always)]
    unsafe fn load_i8(from: *const i8) -> Self {
        avx2!(Two(
            _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(from.cast()))),
            _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(from.add(8).cast()))),
        ))
    }

    #[inline(always)]
    unsafe fn store_i8(self, to: *mut i8) {
        avx2! {
            let words = _mm256_packs_epi32(_mm256_cvtps_epi32(self.0), _mm256_cvtps_epi32(self.1));
            // The pack works in halves: 0-3 8-11 | 4-7 12-15.
            let words = _mm256_permute4x64_epi64::<0b11_01_10_00>(words);
            let low = _mm256_castsi256_si128(words);
            let high = _mm256_extracti128_si256::<1>(words);
            _mm_storeu_si128(to.cast(), _mm_packs_epi16(low, high));
        }
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        avx2!(Two(_mm256_add_ps(self.0, other.0), _mm256_add_ps(self.1, other.1)))
    }

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        avx2!(Two(_mm256_sub_ps(self.0, other.0), _mm256_sub_ps(self.1, other.1)))
    }

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        avx2!(Two(_mm256_mul_ps(self.0, other.0), _mm256_mul_ps(self.1, other.1)))
    }

    #[inline(always)]
    fn div(self, other: Self) -> Self {
        avx2!(Two(_mm256_div_ps(self.0, other.0), _mm256_div_ps(self.1, other.1)))
    }

    #[inline(always)]
    fn fma(self, factor: Self, summand: Self) -> Self {
        avx2!(Two(
            _mm256_fmadd_ps(self.0, factor.0, summand.0),
            _mm256_fmadd_ps(self.1, factor.1, summand.1),
        ))
    }

    #[inline(always)]
    fn max(self, other: Self) -> Self {
        avx2!(Two(_mm256_max_ps(self.0, other.0), _mm256_max_ps(self.1, other.1)))
    }

    #[inline(always)]
    fn min(self, other: Self) -> Self {
        avx2!(Two(_mm256_min_ps(self.0, other.0), _mm256_min_ps(self.1, other.1)))
    }

    #[inline(always)]
    fn abs(self) -> Self {
        avx2! {
            let sign = _mm256_set1_ps(-0.0);
            Two(_mm256_andnot_ps(sign, self.0), _mm256_andnot_ps(sign, self.1))
        }
    }

    #[inline(always)]
    fn round(self) -> Self {
        avx2!(Two(_mm256_round_ps::<NEAREST>(self.0), _mm256_round_ps::<NEAREST>(self.1)))
    }

    #[inline(always)]
    fn power_of_two(self) -> Self {
        avx2! {
            let bias = _mm256_set1_epi32(127);
            let power = |n| {
                let exponent = _mm256_add_epi32(_mm256_cvtps_epi32(n), bias);
                _mm256_castsi256_ps(_mm256_slli_epi32::<23>(exponent))
            };
            Two(power(self.0), power(self.1))
        }
    }

    #[inline(always)]
    fn sum(self) -> f32 {
        avx2! {
            let eight = _mm256_add_ps(self.0, self.1);
            let high = _mm256_extractf128_ps::<1>(eight);
            let four = _mm_add_ps(_mm256_castps256_ps128(eight), high);
            let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)))
        }
    }

    #[inline(always)]
    fn largest(self) -> f32 {
        avx2! {
            let eight = _mm256_max_ps(self.0, self.1);
            let high = _mm256_extractf128_ps::<1>(eight);
            let four = _mm_max_ps(_mm256_castps256_ps128(eight), high);
            let two = _mm_max_ps(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)))
        }
    }
}

impl Machine for Avx2 {
    type Lanes = Two;
    type Part = part::Eight;
    const GROUP: usize = 4;
    // Two sums and two words of each row are twelve of the sixteen registers.
    const TILE: usize = 3;
    const FORM: RowForm = RowForm::ShiftedBytes;

    #[inline(always)]
    unsafe fn int8_tile<const ROWS: usize>(tile: Int8Tile) -> [Self::Lanes; ROWS] {
        let start = tile.start;
        avx2! {
            let low = _mm256_loadu_si256(start.cast());
            let high = _mm256_loadu_si256(start.add(8).cast());
            let mut all = [[low, high]; ROWS];
            // Two loops, for a branch less in each of their steps.
            if tile.pace > 64 { steps::<ROWS, 4>(&tile, &mut all) } else { steps::<ROWS, 1>(&tile, &mut all) }
            let mut sums = [Two(_mm256_setzero_ps(), _mm256_setzero_ps()); ROWS];
            for (sum, [low, high]) in sums.iter_mut().zip(all) {
                *sum = Two(_mm256_cvtepi32_ps(low), _mm256_cvtepi32_ps(high));
            }
            sums
        }
    }

    #[inline(always)]
    unsafe fn int8_limit(rounds: usize) -> (usize, i32) {
        avx2! {
            let (ones, weights) = (_mm256_set1_epi16(1), _mm256_set1_epi8(3));
            let mut input = _mm256_set1_epi8(5);
            let mut sums = [_mm256_setzero_si256(); 8];
            for _ in 0..rounds {
                for sum in &mut sums {
                    let mut word = _mm256_maddubs_epi16(input, weights);
                    for _ in 1..4 {
                        input = opaque(input);
                        word = opaque(_mm256_add_epi16(word, _mm256_maddubs_epi16(input, weights)));
                    }
                    *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(word, ones));
                }
            }
            let sum = sums.into_iter().fold(_mm256_setzero_si256(), |a, b| _mm256_add_epi32(a, b));
            (rounds * sums.len() * 128, _mm256_extract_epi32::<0>(sum))
        }
    }
}

/// Multiplies all of a tile, and asks for so many lines of the next panel at each step.
#[inline(always)]
unsafe fn steps<const ROWS: usize, const LINES: usize>(
    tile: &Int8Tile,
    sums: &mut [[__m256i; 2]; ROWS],
) {
    avx2! {
        for step in 0..tile.groups / 4 {
            for line in 0..LINES {
                let ahead = tile.ahead.wrapping_add(step * tile.pace + line * 64);
                _mm_prefetch::<_MM_HINT_T0>(ahead);
            }
            let (rows, weights) = (tile.rows.add(step * 16), tile.weights.add(step * STEP));
            multiply(sums, rows, tile.stride, weights);
        }
    }
}

/// Adds the products of sixteen inputs of up to three rows to the rows' sums.
///
/// In assembler, for its order: both products of a row before both additions keep all four pipes of a Zen 3 busy, and
/// there is no register to spare. Compilers order it by dependence and spill, and give up a sixth of the speed.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn multiply<const ROWS: usize>(
    sums: &mut [[__m256i; 2]; ROWS],
    rows: *const u8,
    stride: usize,
    weights: *const i8,
) {
    /// Each row is its number, its place, its words and its sums.
    macro_rules! step {
        ($($row:literal $at:literal $low:ident $high:ident $low_sum:ident $high_sum:ident),*) => {
            asm!(
                "vmovdqu {low}, [{weights}]",
                "vmovdqu {high}, [{weights} + 32]",
                $(
                    concat!("vpbroadcastd {", stringify!($high), "}, [{rows}", $at, "]"),
                    concat!("vpmaddubsw {", stringify!($low), "}, {", stringify!($high), "}, {low}"),
                    concat!("vpmaddubsw {", stringify!($high), "}, {", stringify!($high), "}, {high}"),
                )*
                step!(@group "4" "64" $($at $low $high),*),
                step!(@group "8" "128" $($at $low $high),*),
                step!(@group "12" "192" $($at $low $high),*),
                $(
                    concat!("vpmaddwd {", stringify!($low), "}, {", stringify!($low), "}, [{ones}]"),
                    concat!("vpmaddwd {", stringify!($high), "}, {", stringify!($high), "}, [{ones}]"),
                )*
                $(
                    concat!("vpaddd {", stringify!($low_sum), "}, {", stringify!($low_sum), "}, {", stringify!($low), "}"),
                    concat!("vpaddd {", stringify!($high_sum), "}, {", stringify!($high_sum), "}, {", stringify!($high), "}"),
                )*
                rows = in(reg) rows,
                stride = in(reg) stride,
                weights = in(reg) weights,
                ones = in(reg) &raw const ONES.0,
                low = out(ymm_reg) _,
                high = out(ymm_reg) _,
                input = out(ymm_reg) _,
                product = out(ymm_reg) _,
                $(
                    $low = out(ymm_reg) _,
                    $high = out(ymm_reg) _,
                    $low_sum = inout(ymm_reg) sums[$row][0],
                    $high_sum = inout(ymm_reg) sums[$row][1],
                )*
                options(pure, readonly, nostack, preserves_flags),
            )
        };
        (@group $input:literal $weights:literal $($at:literal $low:ident $high:ident),*) => {
            concat!(
                "vmovdqu {low}, [{weights} + ", $weights, "]\n",
                "vmovdqu {high}, [{weights} + 32 + ", $weights, "]\n",
                $(
                    "vpbroadcastd {input}, [{rows} + ", $input, $at, "]\n",
                    "vpmaddubsw {product}, {input}, {low}\n",
                    "vpmaddubsw {input}, {input}, {high}\n",
                    "vpaddw {", stringify!($low), "}, {", stringify!($low), "}, {product}\n",
                    "vpaddw {", stringify!($high), "}, {", stringify!($high), "}, {input}\n",
                )*
            )
        };
    }
    // SAFETY: the caller has AVX2, and vouches for the rows and for one step of weights.
    unsafe {
        match ROWS {
            1 => step!(0 " /* {stride} */" l0 h0 s0 t0),
            2 => step!(0 "" l0 h0 s0 t0, 1 " + {stride}" l1 h1 s1 t1),
            _ => {
                step!(0 "" l0 h0 s0 t0, 1 " + {stride}" l1 h1 s1 t1, 2 " + {stride} * 2" l2 h2 s2 t2)
            }
        }
    }
}

/// What widens words to pairs of them.
static ONES: Ones = Ones([1; 16]);

/// On no two lines of the cache.
#[repr(align(32))]
struct Ones([i16; 16]);

/// The same value, which the compiler cannot know: nothing made of it is computed once for all rounds.
#[inline]
#[target_feature(enable = "avx2")]
fn opaque(mut value: __m256i) -> __m256i {
    // SAFETY: it does nothing.
    unsafe { asm!("/* {0} */", inout(ymm_reg) value, options(nomem, nostack, preserves_flags)) };
    value
}
