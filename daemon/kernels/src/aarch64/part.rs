//! Products of blocks with NEON: four channels in a register, whichever way the integers go.
//!
//! Must not differ between the kinds of NEON but in [`Dots`].

use std::arch::aarch64::*;
use std::arch::asm;
use std::ops::Range;

use super::neon::neon;
use crate::blocks::{Groups, Inputs, Kind, MAX_PARTS, Part};

/// Four channels in one register.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Quad<D>(std::marker::PhantomData<D>);

/// How one kind of NEON sums up products with the groups of `twos`, as [`Part::dots`].
pub(crate) trait Dots: Copy {
    /// Of one row.
    ///
    /// # Safety
    /// As there.
    unsafe fn row<K: Kind>(weights: &[int8x16_t; 8], twos: Range<usize>, row: Inputs) -> int32x4_t;

    /// Of two rows.
    ///
    /// # Safety
    /// As there.
    #[inline(always)]
    unsafe fn two_rows<K: Kind>(
        weights: &[int8x16_t; 8],
        twos: Range<usize>,
        [first, second]: [Inputs; 2],
    ) -> [int32x4_t; 2] {
        // SAFETY: as this method's.
        unsafe {
            [Self::row::<K>(weights, twos.clone(), first), Self::row::<K>(weights, twos, second)]
        }
    }
}

impl<D: Dots> Part for Quad<D> {
    const CHANNELS: usize = 4;
    const ROWS: usize = 4;
    const PARTS: usize = 2;
    type Floats = float32x4_t;
    type Sums = int32x4_t;
    type Bytes = int8x16_t;

    /// In assembler: the intrinsic wants a type that is not stable yet.
    #[inline(always)]
    unsafe fn halves(from: *const u8) -> float32x4_t {
        neon! {
            let halves = vld1_u16(from.cast());
            let floats: float32x4_t;
            asm!(
                "fcvtl {floats:v}.4s, {halves:v}.4h",
                floats = lateout(vreg) floats,
                halves = in(vreg) halves,
                options(pure, nomem, nostack, preserves_flags),
            );
            floats
        }
    }

    #[inline(always)]
    unsafe fn scales(from: *const u8) -> float32x4_t {
        neon! {
            let four = vreinterpret_s8_u32(vdup_n_u32(from.cast::<u32>().read_unaligned()));
            vcvtq_f32_s32(vmovl_s16(vget_low_s16(vmovl_s8(four))))
        }
    }

    #[inline(always)]
    unsafe fn bytes(from: *const u8) -> int8x16_t {
        neon!(vld1q_s8(from.cast()))
    }

    #[inline(always)]
    unsafe fn store(value: float32x4_t, to: *mut f32) {
        neon!(vst1q_f32(to, value))
    }

    #[inline(always)]
    unsafe fn nibbles(bytes: int8x16_t) -> [int8x16_t; 2] {
        neon! {
            let bytes = vreinterpretq_u8_s8(bytes);
            let (low, high) = (vandq_u8(bytes, vdupq_n_u8(15)), vshrq_n_u8::<4>(bytes));
            [vreinterpretq_s8_u8(low), vreinterpretq_s8_u8(high)]
        }
    }

    #[inline(always)]
    unsafe fn six<const PLACE: usize>(low: int8x16_t, bytes: int8x16_t) -> int8x16_t {
        neon! {
            let shifted = match PLACE {
                0 => vshlq_n_s8::<4>(bytes),
                1 => vshlq_n_s8::<2>(bytes),
                2 => bytes,
                _ => vshrq_n_s8::<2>(bytes),
            };
            vorrq_s8(low, vandq_s8(shifted, vdupq_n_s8(0x30)))
        }
    }

    /// Part by part: there are registers enough for all its weights.
    #[inline(always)]
    unsafe fn dots<K: Kind, G: Groups<Self>, const ROWS: usize>(
        weights: G,
        twos: Range<usize>,
        parts: usize,
        rows: [Inputs; ROWS],
    ) -> [[int32x4_t; MAX_PARTS]; ROWS] {
        neon! {
            let mut sums = [[vdupq_n_s32(0); MAX_PARTS]; ROWS];
            for part in 0..parts {
                let mut groups = [vdupq_n_s8(0); 8];
                for (two, groups) in groups.as_chunks_mut::<2>().0.iter_mut().enumerate() {
                    if twos.contains(&two) {
                        *groups = weights.two(part, two);
                    }
                }
                let (pairs, last) = sums.as_chunks_mut::<2>();
                for (place, [first, second]) in pairs.iter_mut().enumerate() {
                    let rows = [rows[2 * place], rows[2 * place + 1]];
                    [first[part], second[part]] = D::two_rows::<K>(&groups, twos.clone(), rows);
                }
                for sums in last {
                    sums[part] = D::row::<K>(&groups, twos.clone(), rows[ROWS - 1]);
                }
            }
            sums
        }
    }

    #[inline(always)]
    unsafe fn float(sums: int32x4_t) -> float32x4_t {
        neon!(vcvtq_f32_s32(sums))
    }

    #[inline(always)]
    unsafe fn splat(value: f32) -> float32x4_t {
        neon!(vdupq_n_f32(value))
    }

    #[inline(always)]
    unsafe fn add(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        neon!(vaddq_f32(a, b))
    }

    #[inline(always)]
    unsafe fn mul(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        neon!(vmulq_f32(a, b))
    }

    #[inline(always)]
    unsafe fn fma(a: float32x4_t, b: float32x4_t, c: float32x4_t) -> float32x4_t {
        neon!(vfmaq_f32(c, a, b))
    }
}
