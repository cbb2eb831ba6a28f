//! Products of blocks in plain Rust: all sixteen channels at once.
//!
//! Must not be clever, as `scalar.rs` says.

use std::ops::Range;

use super::Scalar;
use crate::blocks::{Groups, Inputs, Kind, MAX_PARTS, Part, half};
use crate::lanes::LANES;

impl Part for Scalar {
    const CHANNELS: usize = LANES;
    const ROWS: usize = 2;
    const PARTS: usize = 1;
    type Floats = [f32; LANES];
    type Sums = [i32; LANES];
    type Bytes = [[i8; 4]; LANES];

    unsafe fn halves(from: *const u8) -> Self::Floats {
        // SAFETY: the caller vouches for sixteen half floats.
        let halves = unsafe { from.cast::<[[u8; 2]; LANES]>().read() };
        halves.map(|bytes| half(u16::from_le_bytes(bytes)))
    }

    unsafe fn scales(from: *const u8) -> Self::Floats {
        // SAFETY: the caller vouches for sixteen bytes.
        unsafe { from.cast::<[i8; LANES]>().read() }.map(f32::from)
    }

    unsafe fn bytes(from: *const u8) -> Self::Bytes {
        // SAFETY: the caller vouches for 64 bytes.
        unsafe { from.cast::<Self::Bytes>().read() }
    }

    unsafe fn store(value: Self::Floats, to: *mut f32) {
        // SAFETY: the caller vouches for room for sixteen floats.
        unsafe { to.cast::<Self::Floats>().write_unaligned(value) }
    }

    unsafe fn nibbles(bytes: Self::Bytes) -> [Self::Bytes; 2] {
        [
            bytes.map(|four| four.map(|byte| byte & 15)),
            bytes.map(|four| four.map(|byte| byte >> 4 & 15)),
        ]
    }

    unsafe fn six<const PLACE: usize>(low: Self::Bytes, bytes: Self::Bytes) -> Self::Bytes {
        let mut weights = low;
        for (weight, byte) in weights.as_flattened_mut().iter_mut().zip(bytes.as_flattened()) {
            *weight |= (byte >> (2 * PLACE) & 3) << 4;
        }
        weights
    }

    unsafe fn dots<K: Kind, G: Groups<Self>, const ROWS: usize>(
        weights: G,
        twos: Range<usize>,
        _parts: usize,
        rows: [Inputs; ROWS],
    ) -> [[Self::Sums; MAX_PARTS]; ROWS] {
        rows.map(|row| {
            let mut sums = [-K::OFFSET * row.sum; LANES];
            for two in twos.clone() {
                // SAFETY: the caller vouches for the weights and for eight inputs each.
                let (weights, inputs) = unsafe {
                    (weights.two(0, two), row.values.add(two * 8).cast::<[[i8; 4]; 2]>().read())
                };
                for (weights, inputs) in weights.into_iter().zip(inputs) {
                    for (sum, weights) in sums.iter_mut().zip(weights) {
                        for (input, weight) in inputs.into_iter().zip(weights) {
                            *sum += i32::from(input) * i32::from(weight);
                        }
                    }
                }
            }
            [sums, [0; LANES], [0; LANES], [0; LANES]]
        })
    }

    unsafe fn float(sums: Self::Sums) -> Self::Floats {
        sums.map(|sum| sum as f32)
    }

    unsafe fn splat(value: f32) -> Self::Floats {
        [value; LANES]
    }

    unsafe fn add(a: Self::Floats, b: Self::Floats) -> Self::Floats {
        std::array::from_fn(|lane| a[lane] + b[lane])
    }

    unsafe fn mul(a: Self::Floats, b: Self::Floats) -> Self::Floats {
        std::array::from_fn(|lane| a[lane] * b[lane])
    }

    unsafe fn fma(a: Self::Floats, b: Self::Floats, c: Self::Floats) -> Self::Floats {
        std::array::from_fn(|lane| a[lane].mul_add(b[lane], c[lane]))
    }
}
