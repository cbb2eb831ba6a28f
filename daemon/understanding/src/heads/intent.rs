//! Which intent: multinomial logistic regression over the sentence vector and the words.
//!
//! Must not decide whether an utterance is ours at all; that is `scope`'s.

use super::{
    features::Sparse,
    vectors::{add_scaled, dot, shuffle, softmax},
};
use crate::random::Random;

/// Scale of the sentence vector against the regularisation.
const DENSE_SCALE: f32 = 4.0;
/// Scale of the words against the sentence vector.
const SPARSE_SCALE: f32 = 2.0;
/// Passes over the samples.
const EPOCHS: usize = 14;
/// First step; falls linearly to a tenth.
const STEP: f32 = 0.2;
/// Strength of the L2 penalty a sample.
const PENALTY: f32 = 1e-3;
/// Errors below this change nothing: most classes are out of the question after one pass.
const NEGLIGIBLE: f32 = 2e-3;
/// Seed of the order in which samples are seen.
const SEED: u64 = 0x1a7e_57ed;

/// One sample as the classifier sees it.
#[derive(Debug, Clone)]
pub(crate) struct Point<'a> {
    /// The sentence vector.
    pub(crate) dense: &'a [f32],
    /// The words.
    pub(crate) sparse: &'a Sparse,
    /// The intent's number.
    pub(crate) intent: usize,
    /// How much it counts; 1 is usual.
    pub(crate) weight: f32,
}

/// The trained classifier.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct IntentModel {
    /// Number of intents.
    pub(crate) intents: usize,
    /// Length of a sentence vector.
    pub(crate) dimensions: usize,
    /// One row an intent, `dimensions` long.
    pub(crate) dense: Vec<f32>,
    /// One row a feature, `intents` long.
    pub(crate) sparse: Vec<f32>,
    /// One an intent.
    pub(crate) bias: Vec<f32>,
    /// What logits are divided by before they become probabilities.
    pub(crate) temperature: f32,
}

impl IntentModel {
    /// Trains on samples; deterministic.
    pub(crate) fn train(
        points: &[Point<'_>],
        intents: usize,
        dimensions: usize,
        features: usize,
    ) -> Self {
        let mut model = Self {
            intents,
            dimensions,
            dense: vec![0.0; intents * dimensions],
            sparse: vec![0.0; intents * features],
            bias: vec![0.0; intents],
            temperature: 1.0,
        };
        let mut order: Vec<usize> = (0..points.len()).collect();
        let mut random = Random::new(SEED);
        let mut logits = vec![0.0; intents];
        for epoch in 0..EPOCHS {
            shuffle(&mut order, &mut random);
            #[allow(clippy::cast_precision_loss)]
            let step = STEP * (1.0 - 0.9 * epoch as f32 / EPOCHS as f32);
            for at in &order {
                model.learn(&points[*at], step, &mut logits);
            }
            #[allow(clippy::cast_precision_loss)]
            let decay = (1.0 - step * PENALTY).powf(points.len() as f32);
            for weight in model.dense.iter_mut().chain(&mut model.sparse) {
                *weight *= decay;
            }
        }
        model
    }

    fn learn(&mut self, point: &Point<'_>, step: f32, logits: &mut [f32]) {
        self.logits_into(point.dense, point.sparse, logits);
        softmax(logits);
        for (intent, p) in logits.iter_mut().enumerate() {
            let error = *p - f32::from(u8::from(intent == point.intent));
            *p = if error.abs() < NEGLIGIBLE { 0.0 } else { -step * point.weight * error };
        }
        for (intent, change) in logits.iter().enumerate().filter(|(_, change)| **change != 0.0) {
            let row = &mut self.dense[intent * self.dimensions..(intent + 1) * self.dimensions];
            add_scaled(row, point.dense, change * DENSE_SCALE);
            self.bias[intent] += change * 0.1;
        }
        for (feature, weight) in point.sparse {
            let at = *feature as usize * self.intents;
            let row = &mut self.sparse[at..at + self.intents];
            add_scaled(row, logits, weight * SPARSE_SCALE);
        }
    }

    fn logits_into(&self, dense: &[f32], sparse: &Sparse, logits: &mut [f32]) {
        for (intent, logit) in logits.iter_mut().enumerate() {
            let row = &self.dense[intent * self.dimensions..(intent + 1) * self.dimensions];
            *logit = self.bias[intent] + DENSE_SCALE * dot(row, dense);
        }
        for (feature, weight) in sparse {
            let at = *feature as usize * self.intents;
            if let Some(row) = self.sparse.get(at..at + self.intents) {
                add_scaled(logits, row, weight * SPARSE_SCALE);
            }
        }
    }

    /// The logit of each intent.
    pub(crate) fn logits(&self, dense: &[f32], sparse: &Sparse) -> Vec<f32> {
        let mut logits = vec![0.0; self.intents];
        self.logits_into(dense, sparse, &mut logits);
        logits
    }

    /// The calibrated probability of each intent, given that one of them is meant.
    pub(crate) fn probabilities(&self, logits: &[f32]) -> Vec<f32> {
        let mut p: Vec<f32> = logits.iter().map(|l| l / self.temperature).collect();
        softmax(&mut p);
        p
    }
}

/// The temperature with the smallest log loss on held-out logits (a search over a fixed grid).
pub(crate) fn calibrate(held_out: &[(Vec<f32>, usize)]) -> f32 {
    if held_out.is_empty() {
        return 1.0;
    }
    let loss = |temperature: f32| -> f32 {
        held_out
            .iter()
            .map(|(logits, intent)| {
                let mut p: Vec<f32> = logits.iter().map(|l| l / temperature).collect();
                softmax(&mut p);
                -p[*intent].max(1e-7).ln()
            })
            .sum()
    };
    let grid = (0..24u8).map(|i| 0.2 * 1.13f32.powi(i32::from(i)));
    grid.map(|t| (t, loss(t)))
        .min_by(|a, b| a.1.total_cmp(&b.1))
        .map_or(1.0, |(temperature, _)| temperature)
}

/// The numbers of the largest entries, largest first.
pub(crate) fn largest(values: &[f32], most: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*b].total_cmp(&values[*a]).then(a.cmp(b)));
    order.truncate(most);
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(at: usize) -> Vec<f32> {
        (0..4).map(|i| f32::from(u8::from(i == at))).collect()
    }

    #[test]
    fn separable_samples_are_told_apart() {
        let vectors: Vec<Vec<f32>> = (0..3).map(axis).collect();
        let sparse: Vec<Sparse> = (0..3).map(|i| vec![(i, 1.0)]).collect();
        let points: Vec<Point<'_>> = (0..3)
            .map(|i| Point { dense: &vectors[i], sparse: &sparse[i], intent: i, weight: 1.0 })
            .collect();
        let model = IntentModel::train(&points, 3, 4, 3);
        for point in &points {
            let best = largest(&model.logits(point.dense, point.sparse), 1);
            assert_eq!(best, [point.intent]);
        }
    }

    #[test]
    fn training_twice_gives_the_same_weights() {
        let (a, b) = (axis(0), axis(1));
        let none = Sparse::new();
        let points = [
            Point { dense: &a, sparse: &none, intent: 0, weight: 1.0 },
            Point { dense: &b, sparse: &none, intent: 1, weight: 1.0 },
        ];
        assert_eq!(IntentModel::train(&points, 2, 4, 0), IntentModel::train(&points, 2, 4, 0));
    }

    #[test]
    fn overconfident_logits_are_cooled() {
        let right = (vec![6.0, 0.0], 0);
        let wrong = (vec![6.0, 0.0], 1);
        let t = calibrate(&[right.clone(), right, wrong]);
        assert!(t > 2.0, "two of three right is far from certain, got temperature {t}");
    }
}
