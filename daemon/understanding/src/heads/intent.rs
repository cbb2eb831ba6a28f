//! Which intent: multinomial logistic regression over the sentence vector and the words.
//!
//! Must not decide whether an utterance is ours at all; that is `scope`'s.

use super::{
    features::Sparse,
    vectors::{kernels, shuffle, softmax},
};
use crate::random::Random;
use valet_kernels::{Linear, LinearInput, LinearRates};

/// How fast is learned what the sentence vector says, and what the words say: the squares of their scales, four and two, for
/// a scaled input learns so much faster, and says so much more.
const RATES: LinearRates = LinearRates { dense: 16.0, sparse: 4.0 };
/// Samples whose products are taken together, and the step after them: a panel of weights stays in the nearest cache for
/// all of them.
const BATCH: usize = 8;
/// Strength of the L2 penalty a sample.
const PENALTY: f32 = 1e-3;
/// Errors below this change nothing: most classes are out of the question after one pass.
const NEGLIGIBLE: f32 = 2e-3;
/// Seed of the order in which samples are seen.
const SEED: u64 = 0x1a7e_57ed;

/// How much is made of the samples.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// Passes over them.
    epochs: usize,
    /// First step; falls linearly to a tenth.
    step: f32,
}

impl Pace {
    /// For a model that serves.
    pub(crate) const TO_SERVE: Self = Self { epochs: 14, step: 0.2 };
    /// For one that only shows how sure such a model may be: fewer, longer steps show the same (what is accepted differs by
    /// a hundredth at most, on the skills' tests and on public sets), in 57 % of the time.
    pub(crate) const TO_JUDGE: Self = Self { epochs: 8, step: 0.3 };
}

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
    /// What the vectors and the words say of each intent.
    pub(crate) weights: Linear,
    /// One an intent.
    pub(crate) bias: Vec<f32>,
    /// What logits are divided by before they become probabilities.
    pub(crate) temperature: f32,
}

impl IntentModel {
    /// Trains on samples, with vectors of so many dimensions and so many columns of words; deterministic.
    pub(crate) fn train(
        points: &[Point<'_>],
        intents: usize,
        (dimensions, columns): (usize, usize),
        pace: Pace,
    ) -> Self {
        let mut model = Self {
            intents,
            weights: Linear::zeros(intents, dimensions, columns),
            bias: vec![0.0; intents],
            temperature: 1.0,
        };
        let mut order: Vec<usize> = (0..points.len()).collect();
        let mut random = Random::new(SEED);
        let mut rows = Vec::new();
        for epoch in 0..pace.epochs {
            shuffle(&mut order, &mut random);
            #[allow(clippy::cast_precision_loss)]
            let step = pace.step * (1.0 - 0.9 * epoch as f32 / pace.epochs as f32);
            for some in order.chunks(BATCH) {
                let points: Vec<&Point<'_>> = some.iter().map(|at| &points[*at]).collect();
                model.learn(&points, step, &mut rows);
            }
            #[allow(clippy::cast_precision_loss)]
            let decay = (1.0 - step * PENALTY).powf(points.len() as f32);
            model.weights.scale(decay);
        }
        model
    }

    /// A step for some samples; `rows` is room for their logits, which become changes.
    fn learn(&mut self, points: &[&Point<'_>], step: f32, rows: &mut Vec<f32>) {
        let width = self.weights.width();
        let inputs: Vec<LinearInput<'_>> = points
            .iter()
            .map(|point| LinearInput { dense: point.dense, sparse: point.sparse })
            .collect();
        // The padding is never written: its changes stay zero.
        rows.resize(points.len() * width, 0.0);
        kernels().linear(&self.weights, &inputs, rows);
        for (point, row) in points.iter().zip(rows.chunks_exact_mut(width)) {
            let row = &mut row[..self.intents];
            row.iter_mut().zip(&self.bias).for_each(|(logit, bias)| *logit += bias);
            softmax(row);
            for (intent, p) in row.iter_mut().enumerate() {
                let error = *p - f32::from(u8::from(intent == point.intent));
                *p = if error.abs() < NEGLIGIBLE { 0.0 } else { -step * point.weight * error };
            }
        }
        kernels().linear_step((&mut self.weights, RATES), &inputs, rows);
        for row in rows.chunks_exact(width) {
            self.bias.iter_mut().zip(row).for_each(|(bias, change)| *bias += change * 0.1);
        }
    }

    /// The logit of each intent.
    pub(crate) fn logits(&self, dense: &[f32], sparse: &Sparse) -> Vec<f32> {
        self.logits_of(&[LinearInput { dense, sparse }]).pop().unwrap_or_default()
    }

    /// The logit of each intent, for each of some inputs: the same as for one, in less time.
    pub(crate) fn logits_of(&self, inputs: &[LinearInput<'_>]) -> Vec<Vec<f32>> {
        let width = self.weights.width();
        let mut rows = vec![0.0; inputs.len() * width];
        for (inputs, rows) in inputs.chunks(BATCH).zip(rows.chunks_mut((BATCH * width).max(1))) {
            kernels().linear(&self.weights, inputs, rows);
        }
        let of_row =
            |row: &[f32]| row.iter().zip(&self.bias).map(|(sum, bias)| sum + bias).collect();
        rows.chunks_exact(width.max(1)).map(of_row).collect()
    }

    /// The calibrated probability of each intent, given that one of them is meant.
    pub(crate) fn probabilities(&self, logits: &[f32]) -> Vec<f32> {
        let mut p: Vec<f32> = logits.iter().map(|l| l / self.temperature).collect();
        softmax(&mut p);
        p
    }
}

/// The temperature with the smallest log loss on held-out logits, of a fixed grid. The loss is convex in the inverse of the
/// temperature, so it falls to one place of the grid and rises from there.
pub(crate) fn calibrate(held_out: &[(&[f32], usize)]) -> f32 {
    if held_out.is_empty() {
        return 1.0;
    }
    let mut p: Vec<f32> = Vec::new();
    let mut loss = |temperature: f32| -> f32 {
        let of = |(logits, intent): &(&[f32], usize)| {
            p.clear();
            p.extend(logits.iter().map(|l| l / temperature));
            softmax(&mut p);
            -p[*intent].max(1e-7).ln()
        };
        held_out.iter().map(of).sum()
    };
    let at = |place: i32| 0.2 * 1.13f32.powi(place);
    let (mut low, mut high) = (0, 23);
    while low < high {
        let middle = i32::midpoint(low, high);
        if loss(at(middle)) <= loss(at(middle + 1)) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    at(low)
}

/// The numbers of the largest entries, largest first; of equal ones the first.
pub(crate) fn largest(values: &[f32], most: usize) -> Vec<usize> {
    let mut best: Vec<usize> = Vec::with_capacity(most + 1);
    for (at, value) in values.iter().enumerate() {
        let not_less = best.iter().rposition(|other| values[*other].total_cmp(value).is_ge());
        let place = not_less.map_or(0, |other| other + 1);
        if place < most {
            best.insert(place, at);
            best.truncate(most);
        }
    }
    best
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
        let model = IntentModel::train(&points, 3, (4, 3), Pace::TO_SERVE);
        for point in &points {
            let best = largest(&model.logits(point.dense, point.sparse), 1);
            assert_eq!(best, [point.intent]);
        }
    }

    #[test]
    fn many_inputs_together_give_what_each_gives_alone() {
        let vectors: Vec<Vec<f32>> = (0..4).map(axis).collect();
        let sparse: Vec<Sparse> = (0..4).map(|i| vec![(i % 3, 0.5)]).collect();
        let points: Vec<Point<'_>> = (0..4)
            .map(|i| Point { dense: &vectors[i], sparse: &sparse[i], intent: i % 3, weight: 1.0 })
            .collect();
        let model = IntentModel::train(&points, 3, (4, 3), Pace::TO_JUDGE);
        let some = || points.iter().cycle().take(2 * BATCH + 3);
        let inputs: Vec<LinearInput<'_>> =
            some().map(|p| LinearInput { dense: p.dense, sparse: p.sparse }).collect();
        let alone: Vec<Vec<f32>> = some().map(|p| model.logits(p.dense, p.sparse)).collect();
        assert_eq!(model.logits_of(&inputs), alone);
    }

    #[test]
    fn training_twice_gives_the_same_weights() {
        let (a, b) = (axis(0), axis(1));
        let none = Sparse::new();
        let points = [
            Point { dense: &a, sparse: &none, intent: 0, weight: 1.0 },
            Point { dense: &b, sparse: &none, intent: 1, weight: 1.0 },
        ];
        let train = || IntentModel::train(&points, 2, (4, 0), Pace::TO_SERVE);
        assert_eq!(train(), train());
    }

    #[test]
    fn the_largest_come_first_and_of_equal_ones_the_first() {
        assert_eq!(largest(&[1.0, 3.0, 2.0, 3.0, -1.0], 3), [1, 3, 2]);
        assert_eq!(largest(&[1.0, 3.0], 5), [1, 0]);
        assert_eq!(largest(&[1.0, 3.0], 0), [0usize; 0]);
        assert_eq!(largest(&[], 2), [0usize; 0]);
    }

    #[test]
    fn overconfident_logits_are_cooled() {
        let (right, wrong) = ((&[6.0, 0.0][..], 0), (&[6.0, 0.0][..], 1));
        let t = calibrate(&[right, right, wrong]);
        assert!(t > 2.0, "two of three right is far from certain, got temperature {t}");
    }
}
