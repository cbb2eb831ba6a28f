//! Plain arithmetic on slices of `f32`, hashing and shuffling.
//!
//! Must not know what the numbers mean, nor give another result on another machine's threads.

use crate::random::Random;
use std::sync::OnceLock;
use valet_kernels::Kernels;

/// The fastest kernels of this processor; all give the same bits.
pub(crate) fn kernels() -> Kernels {
    static BEST: OnceLock<Kernels> = OnceLock::new();
    *BEST.get_or_init(Kernels::best)
}

/// Lanes summed side by side: enough vector registers that additions need not wait for one another.
const LANES: usize = 32;

/// The inner product of the common prefix of two vectors.
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0f32; LANES];
    let (a_whole, a_rest) = a.as_chunks::<LANES>();
    let (b_whole, b_rest) = b.as_chunks::<LANES>();
    for (x, y) in a_whole.iter().zip(b_whole) {
        for ((lane, x), y) in lanes.iter_mut().zip(x).zip(y) {
            *lane += x * y;
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(x, y)| x * y).sum();
    sum(&lanes) + rest
}

/// The inner product of a vector with each of the rows that lie one behind another.
pub(crate) fn dots(rows: &[f32], vector: &[f32]) -> Vec<f32> {
    let mut all = vec![0.0; rows.len().checked_div(vector.len()).unwrap_or(0)];
    kernels().dots(&rows[..all.len() * vector.len()], vector, &mut all);
    all
}

/// The sum of all lanes, halved again and again.
fn sum(lanes: &[f32; LANES]) -> f32 {
    let mut lanes = *lanes;
    let mut width = LANES / 2;
    while width > 0 {
        for at in 0..width {
            lanes[at] += lanes[at + width];
        }
        width /= 2;
    }
    lanes[0]
}

/// Adds `by * x` to `to`.
pub(crate) fn add_scaled(to: &mut [f32], x: &[f32], by: f32) {
    for (to, x) in to.iter_mut().zip(x) {
        *to += by * x;
    }
}

/// Scales a vector to length one; a zero vector stays as it is.
pub(crate) fn normalise(x: &mut [f32]) {
    let length = dot(x, x).sqrt();
    if length > 1e-12 {
        for value in x {
            *value /= length;
        }
    }
}

/// Turns logits into probabilities in place.
pub(crate) fn softmax(x: &mut [f32]) {
    kernels().softmax(x);
}

/// `1 / (1 + exp(-x))`.
pub(crate) fn logistic(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

/// Replaces what is not finite by zero: an encoder's fault must not spread into the heads.
pub(crate) fn make_finite(x: &mut [f32]) {
    for value in x {
        if !value.is_finite() {
            *value = 0.0;
        }
    }
}

/// FNV-1a over the parts of a feature's name, with a mark between them.
pub(crate) fn hash_of(parts: &[&str]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325u64;
    for part in parts {
        for byte in part.bytes().chain([0xff]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    hash
}

/// Shuffles in place (Fisher and Yates).
pub(crate) fn shuffle<T>(items: &mut [T], random: &mut Random) {
    for at in (1..items.len()).rev() {
        items.swap(at, random.below(at + 1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_and_rest_give_the_plain_inner_product() {
        let a: Vec<f32> = (0..19u8).map(f32::from).collect();
        let plain: f32 = a.iter().map(|x| x * x).sum();
        assert!((dot(&a, &a) - plain).abs() < 1e-3);
    }

    #[test]
    fn shuffling_is_the_same_every_time_and_loses_nothing() {
        let (mut a, mut b): (Vec<u32>, Vec<u32>) = ((0..50).collect(), (0..50).collect());
        shuffle(&mut a, &mut Random::new(7));
        shuffle(&mut b, &mut Random::new(7));
        assert_eq!(a, b);
        assert_ne!(a, (0..50).collect::<Vec<u32>>());
        a.sort_unstable();
        assert_eq!(a, (0..50).collect::<Vec<u32>>());
    }
}
