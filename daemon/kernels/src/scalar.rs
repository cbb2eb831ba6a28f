//! The truth: every operation in plain Rust, for processors without kernels of their own and
//! for the tests that hold the other kernels against it.
//!
//! Must not be clever: what is written here is what the others must give, to the last bit.

mod part;

use crate::lanes::{LANES, Lanes};
use crate::machine::{Int8Tile, Machine};

/// Plain Rust.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scalar;

/// Applies a function to the lanes of two.
fn each(a: [f32; LANES], b: [f32; LANES], f: impl Fn(f32, f32) -> f32) -> [f32; LANES] {
    std::array::from_fn(|lane| f(a[lane], b[lane]))
}

impl Lanes for [f32; LANES] {
    fn splat(value: f32) -> Self {
        [value; LANES]
    }

    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller vouches for sixteen floats; an array of them needs no more alignment.
        unsafe { from.cast::<Self>().read_unaligned() }
    }

    unsafe fn store(self, to: *mut f32) {
        // SAFETY: as above.
        unsafe { to.cast::<Self>().write_unaligned(self) }
    }

    unsafe fn load_i8(from: *const i8) -> Self {
        // SAFETY: the caller vouches for sixteen bytes.
        unsafe { from.cast::<[i8; LANES]>().read_unaligned() }.map(f32::from)
    }

    unsafe fn store_i8(self, to: *mut i8) {
        let bytes = self.map(|value| value.round_ties_even() as i8);
        // SAFETY: the caller vouches for sixteen bytes.
        unsafe { to.cast::<[i8; LANES]>().write_unaligned(bytes) }
    }

    fn add(self, other: Self) -> Self {
        each(self, other, |a, b| a + b)
    }

    fn sub(self, other: Self) -> Self {
        each(self, other, |a, b| a - b)
    }

    fn mul(self, other: Self) -> Self {
        each(self, other, |a, b| a * b)
    }

    fn div(self, other: Self) -> Self {
        each(self, other, |a, b| a / b)
    }

    fn fma(self, factor: Self, summand: Self) -> Self {
        std::array::from_fn(|lane| self[lane].mul_add(factor[lane], summand[lane]))
    }

    fn max(self, other: Self) -> Self {
        each(self, other, f32::max)
    }

    fn min(self, other: Self) -> Self {
        each(self, other, f32::min)
    }

    fn abs(self) -> Self {
        self.map(f32::abs)
    }

    fn round(self) -> Self {
        self.map(f32::round_ties_even)
    }

    fn power_of_two(self) -> Self {
        self.map(|n| f32::from_bits(((n as i32 + 127) as u32) << 23))
    }

    fn sum(self) -> f32 {
        let mut lanes = self;
        for apart in [8, 4, 2, 1] {
            for lane in 0..apart {
                lanes[lane] += lanes[lane + apart];
            }
        }
        lanes[0]
    }

    fn largest(self) -> f32 {
        self.into_iter().fold(f32::NEG_INFINITY, f32::max)
    }
}

impl Machine for Scalar {
    type Lanes = [f32; LANES];
    type Part = Self;
    const GROUP: usize = 4;
    const TILE: usize = 4;

    unsafe fn int8_tile<const ROWS: usize>(tile: Int8Tile) -> [Self::Lanes; ROWS] {
        let Int8Tile { rows, stride, weights, groups, start, .. } = tile;
        // SAFETY: the caller vouches for sixteen integers.
        let start = unsafe { start.cast::<[i32; LANES]>().read_unaligned() };
        let mut all = [start; ROWS];
        for group in 0..groups {
            for (row, sums) in all.iter_mut().enumerate() {
                // SAFETY: the caller vouches for `ROWS` rows and one panel of `groups` groups.
                let (inputs, weights) = unsafe {
                    (
                        rows.add(row * stride + group * 4).cast::<[i8; 4]>().read(),
                        weights.add(group * 64).cast::<[[i8; 4]; LANES]>().read(),
                    )
                };
                for (sum, weights) in sums.iter_mut().zip(weights) {
                    for (input, weight) in inputs.into_iter().zip(weights) {
                        *sum += i32::from(input) * i32::from(weight);
                    }
                }
            }
        }
        all.map(|sums| sums.map(|sum| sum as f32))
    }

    unsafe fn int8_limit(rounds: usize) -> (usize, i32) {
        let (weights, mut input) = (std::hint::black_box([3i8; LANES]), 5i8);
        let mut sums = [0i32; LANES];
        for _ in 0..rounds {
            input = std::hint::black_box(input);
            for (sum, weight) in sums.iter_mut().zip(weights) {
                *sum = sum.wrapping_add(i32::from(input) * i32::from(weight));
            }
        }
        (rounds * LANES, sums.into_iter().fold(0, i32::wrapping_add))
    }
}
