//! A few directions that say most of what token vectors say (principal components), so that a
//! tagger works on 32 numbers a word and not on hundreds.
//!
//! Must not see labels: one projection serves the taggers of all skills.

use super::vectors::{add_scaled, dot, normalise};
use crate::random::Random;

/// Directions kept.
pub(crate) const COMPONENTS: usize = 32;
/// Most token vectors looked at.
const MAX_ROWS: usize = 3000;
/// Rounds of the subspace iteration; the leading directions settle long before.
const ROUNDS: usize = 12;
/// Seed of the first guess.
const SEED: u64 = 0x0b5e_55ed;

/// The mean and the leading directions of token vectors.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Projection {
    /// Examples there were when it was found.
    pub(crate) examples: usize,
    /// Length of a token vector.
    pub(crate) dimensions: usize,
    /// The mean token vector.
    pub(crate) mean: Vec<f32>,
    /// [`COMPONENTS`] rows of length `dimensions`, each scaled by the spread along it.
    pub(crate) rows: Vec<f32>,
}

impl Projection {
    /// Finds the directions by subspace iteration over at most [`MAX_ROWS`] evenly chosen rows.
    pub(crate) fn of(rows: &[&[f32]], dimensions: usize) -> Self {
        if rows.is_empty() || dimensions == 0 {
            return Self { dimensions, mean: vec![0.0; dimensions], ..Self::default() };
        }
        let stride = rows.len().div_ceil(MAX_ROWS);
        let chosen: Vec<&[f32]> = rows.iter().step_by(stride).copied().collect();
        #[allow(clippy::cast_precision_loss)]
        let share = 1.0 / chosen.len() as f32;
        let mut mean = vec![0.0; dimensions];
        for row in &chosen {
            add_scaled(&mut mean, row, share);
        }
        let covariance = covariance(&chosen, &mean, share);
        let mut basis = iterate(&covariance, dimensions);
        for row in basis.chunks_exact_mut(dimensions) {
            let spread = spread_along(&covariance, row).sqrt().max(1e-6);
            row.iter_mut().for_each(|v| *v /= spread);
        }
        Self { examples: 0, dimensions, mean, rows: basis }
    }

    /// The [`COMPONENTS`] coordinates of a token vector, each of unit spread over the samples.
    pub(crate) fn apply(&self, vector: &[f32]) -> Vec<f32> {
        let centred: Vec<f32> = vector.iter().zip(&self.mean).map(|(v, m)| v - m).collect();
        let mut out: Vec<f32> =
            self.rows.chunks_exact(self.dimensions.max(1)).map(|row| dot(row, &centred)).collect();
        out.resize(COMPONENTS, 0.0);
        out
    }
}

fn covariance(rows: &[&[f32]], mean: &[f32], share: f32) -> Vec<f32> {
    let n = mean.len();
    let mut covariance = vec![0.0; n * n];
    let mut centred = vec![0.0; n];
    for row in rows {
        for ((c, v), m) in centred.iter_mut().zip(*row).zip(mean) {
            *c = v - m;
        }
        for (at, line) in centred.iter().zip(covariance.chunks_exact_mut(n)) {
            add_scaled(line, &centred, at * share);
        }
    }
    covariance
}

fn times(covariance: &[f32], vector: &[f32]) -> Vec<f32> {
    covariance.chunks_exact(vector.len()).map(|line| dot(line, vector)).collect()
}

fn spread_along(covariance: &[f32], row: &[f32]) -> f32 {
    dot(&times(covariance, row), row)
}

fn iterate(covariance: &[f32], n: usize) -> Vec<f32> {
    let count = COMPONENTS.min(n);
    let mut random = Random::new(SEED);
    #[allow(clippy::cast_precision_loss)]
    let mut basis: Vec<Vec<f32>> = (0..count)
        .map(|_| (0..n).map(|_| random.below(2001) as f32 / 1000.0 - 1.0).collect())
        .collect();
    for _ in 0..ROUNDS {
        for row in &mut basis {
            *row = times(covariance, row);
        }
        make_orthonormal(&mut basis);
    }
    basis.concat()
}

/// Gram and Schmidt; a direction that vanishes stays zero.
fn make_orthonormal(basis: &mut [Vec<f32>]) {
    for at in 0..basis.len() {
        let (before, rest) = basis.split_at_mut(at);
        let Some(row) = rest.first_mut() else { continue };
        normalise(row);
        for other in before.iter() {
            let along = dot(row, other);
            add_scaled(row, other, -along);
        }
        if dot(row, row) < 1e-8 {
            row.fill(0.0);
        }
        normalise(row);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_direction_of_most_spread_comes_first_with_unit_spread() {
        let rows: Vec<Vec<f32>> = (0..100u8)
            .map(|i| {
                let t = (f32::from(i) - 49.5) / 10.0;
                vec![1.0, 3.0 * t, 0.1 * (f32::from(i % 7) - 3.0)]
            })
            .collect();
        let rows: Vec<&[f32]> = rows.iter().map(Vec::as_slice).collect();
        let projection = Projection::of(&rows, 3);
        let spread: f32 =
            rows.iter().map(|row| projection.apply(row)[0].powi(2)).sum::<f32>() / 100.0;
        assert!((spread - 1.0).abs() < 0.01, "unit spread, got {spread}");
        let low = projection.apply(rows[0])[0];
        let high = projection.apply(rows[99])[0];
        assert!(low * high < 0.0 && low.abs() > 1.5, "ends lie apart: {low} {high}");
    }

    #[test]
    fn no_rows_and_constant_rows_stay_finite() {
        assert_eq!(Projection::of(&[], 4).apply(&[1.0; 4]), vec![0.0; COMPONENTS]);
        let row = [2.0f32; 4];
        let out = Projection::of(&[&row, &row], 4).apply(&row);
        assert!(out.iter().all(|v| v.is_finite()));
    }
}
