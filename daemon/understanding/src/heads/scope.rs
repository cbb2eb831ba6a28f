//! Whether an utterance is ours at all. The best logit and the nearest sample say most of it;
//! a logistic regression over a handful of such signs, trained on held-out samples and on
//! sentences of no skill, weighs them and gives a threshold.
//!
//! Must not choose the intent, and must not make "anything else" a class: what nobody wrote
//! down has no shape of its own.

use super::vectors::logistic;

/// Signs that are weighed.
pub(crate) const SIGNS: usize = 6;
/// Passes over the held-out cases.
const EPOCHS: usize = 300;
/// Step of the gradient.
const STEP: f32 = 0.5;
/// L2 penalty on the weights.
const PENALTY: f32 = 0.01;
/// The share of held-out samples that stays, however alike the foreign sentences are.
const KEPT_AT_LEAST: f32 = 0.90;
/// The share of foreign sentences that may pass, where that keeps enough samples.
const FOREIGN_AT_MOST: f32 = 0.02;
/// Fewest cases of each sort to calibrate from; with fewer the cosine alone decides.
const FEWEST_CASES: usize = 12;
/// Nearest cosine that is accepted where there is nothing to calibrate from.
const PLAIN_COSINE: f32 = 0.62;

/// What one utterance looks like from the samples.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Signs {
    /// The largest logit.
    pub(crate) logit: f32,
    /// How far it is above the second.
    pub(crate) lead: f32,
    /// Cosine to the nearest sample of the likely intents.
    pub(crate) near: f32,
    /// Cosine to the nearest sentence of no skill.
    pub(crate) foreign: f32,
    /// Share of the words that occur in the samples.
    pub(crate) coverage: f32,
    /// Number of words.
    pub(crate) words: f32,
}

impl Signs {
    fn row(&self) -> [f32; SIGNS] {
        let lead = self.lead.min(6.0);
        [self.logit, lead, self.near, self.foreign, self.coverage, (1.0 + self.words).ln()]
    }
}

/// The calibrated judge.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ScopeModel {
    /// Mean of each sign over the cases.
    pub(crate) mean: [f32; SIGNS],
    /// One over the spread of each sign.
    pub(crate) scale: [f32; SIGNS],
    /// Weight of each sign.
    pub(crate) weights: [f32; SIGNS],
    /// Added to the weighted sum.
    pub(crate) bias: f32,
    /// The probability from which an utterance counts as ours.
    pub(crate) threshold: f32,
}

impl Default for ScopeModel {
    /// Judges by the nearest sample alone.
    fn default() -> Self {
        let mut model = Self {
            mean: [0.0; SIGNS],
            scale: [1.0; SIGNS],
            weights: [0.0; SIGNS],
            bias: -PLAIN_COSINE * 12.0,
            threshold: 0.5,
        };
        model.weights[2] = 12.0;
        model
    }
}

/// A held-out case: its signs, and whether the best intent was the right one.
pub(crate) type Case = (Signs, bool);

impl ScopeModel {
    /// Calibrates from held-out samples (`ours`; a wrongly named one counts as foreign) and
    /// from sentences of no skill.
    pub(crate) fn train(ours: &[Case], foreign: &[Signs]) -> Self {
        if ours.len() < FEWEST_CASES || foreign.len() < FEWEST_CASES {
            return Self::default();
        }
        let rows: Vec<([f32; SIGNS], f32, f32)> = weigh_cases(ours, foreign);
        let mut model = Self { weights: [0.0; SIGNS], bias: 0.0, ..Self::default() };
        model.standardise(&rows);
        model.fit(&rows);
        let passed: Vec<f32> = foreign.iter().map(|s| model.probability(s)).collect();
        let kept: Vec<f32> =
            ours.iter().filter(|(_, right)| *right).map(|(s, _)| model.probability(s)).collect();
        model.threshold = threshold(kept, passed);
        model
    }

    #[allow(clippy::cast_precision_loss)]
    fn standardise(&mut self, rows: &[([f32; SIGNS], f32, f32)]) {
        let count = rows.len() as f32;
        for sign in 0..SIGNS {
            let mean = rows.iter().map(|(row, ..)| row[sign]).sum::<f32>() / count;
            let spread = rows.iter().map(|(row, ..)| (row[sign] - mean).powi(2)).sum::<f32>() / count;
            self.mean[sign] = mean;
            self.scale[sign] = 1.0 / spread.sqrt().max(1e-4);
        }
    }

    fn fit(&mut self, rows: &[([f32; SIGNS], f32, f32)]) {
        let total: f32 = rows.iter().map(|(.., weight)| weight).sum();
        for _ in 0..EPOCHS {
            let mut change = [0.0f32; SIGNS];
            let mut shift = 0.0;
            for (row, wanted, weight) in rows {
                let error = weight / total * (wanted - self.of_row(row));
                shift += error;
                for (sign, c) in change.iter_mut().enumerate() {
                    *c += error * (row[sign] - self.mean[sign]) * self.scale[sign];
                }
            }
            self.bias += 2.0 * STEP * shift;
            for (weight, c) in self.weights.iter_mut().zip(change) {
                *weight += 2.0 * STEP * (c - PENALTY * *weight);
            }
        }
    }

    fn of_row(&self, row: &[f32; SIGNS]) -> f32 {
        let sum: f32 = (0..SIGNS)
            .map(|i| self.weights[i] * (row[i] - self.mean[i]) * self.scale[i])
            .sum();
        logistic(sum + self.bias)
    }

    /// The probability that an utterance with these signs is ours and rightly named.
    pub(crate) fn probability(&self, signs: &Signs) -> f32 {
        self.of_row(&signs.row())
    }

    /// Whether it counts as ours.
    pub(crate) fn accepts(&self, signs: &Signs) -> bool {
        self.probability(signs) >= self.threshold
    }
}

/// Foreign sentences count a third of all together, however few they are.
#[allow(clippy::cast_precision_loss)]
fn weigh_cases(ours: &[Case], foreign: &[Signs]) -> Vec<([f32; SIGNS], f32, f32)> {
    let weight = 0.5 * ours.len() as f32 / foreign.len() as f32;
    let ours = ours.iter().map(|(s, right)| (s.row(), f32::from(u8::from(*right)), 1.0));
    ours.chain(foreign.iter().map(|s| (s.row(), 0.0, weight))).collect()
}

/// The threshold that lets few foreign sentences pass and keeps enough of ours.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn threshold(mut kept: Vec<f32>, mut passed: Vec<f32>) -> f32 {
    if kept.is_empty() {
        return 0.5;
    }
    kept.sort_by(f32::total_cmp);
    passed.sort_by(f32::total_cmp);
    let may_pass = (passed.len() as f32 * FOREIGN_AT_MOST) as usize;
    let strict = passed.len().checked_sub(may_pass + 1).map_or(0.0, |at| passed[at] + 1e-4);
    let loose = kept[(kept.len() as f32 * (1.0 - KEPT_AT_LEAST)) as usize];
    strict.min(loose)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signs(logit: f32, near: f32) -> Signs {
        Signs { logit, near, lead: logit / 2.0, foreign: 1.0 - near, coverage: 0.8, words: 5.0 }
    }

    #[test]
    fn what_lies_far_from_every_sample_is_refused() {
        let ours: Vec<Case> =
            (0..40u8).map(|i| (signs(6.0 + f32::from(i % 5), 0.85), true)).collect();
        let foreign: Vec<Signs> = (0..40u8).map(|i| signs(1.0 + f32::from(i % 3), 0.3)).collect();
        let model = ScopeModel::train(&ours, &foreign);
        assert!(model.accepts(&signs(7.0, 0.8)));
        assert!(!model.accepts(&signs(1.5, 0.35)));
    }

    #[test]
    fn too_few_cases_fall_back_to_the_nearest_sample() {
        let model = ScopeModel::train(&[], &[]);
        assert!(model.accepts(&signs(0.0, 0.9)));
        assert!(!model.accepts(&signs(9.0, 0.3)));
    }
}
