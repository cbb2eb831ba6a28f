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
/// Largest share of wrong readings among all held-out cases, where that refuses few right ones.
const WRONG: f32 = 0.02;
/// Largest share of right readings that act and may be refused to get there.
const LOST_ACTIONS: f32 = 0.14;
/// The same for questions: an answer to something else does no harm, so fewer are refused.
const LOST_ANSWERS: f32 = 0.07;
/// How much all foreign sentences count against all samples.
const FOREIGN_SHARE: f32 = 0.5;
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
    /// The confidence from which an utterance is taken as a request to act.
    pub(crate) act: f32,
    /// The confidence from which it is taken as a question.
    pub(crate) answer: f32,
}

impl Default for ScopeModel {
    /// Judges by the nearest sample alone.
    fn default() -> Self {
        let mut model = Self {
            mean: [0.0; SIGNS],
            scale: [1.0; SIGNS],
            weights: [0.0; SIGNS],
            bias: -PLAIN_COSINE * 12.0,
            act: 0.5,
            answer: 0.5,
        };
        model.weights[2] = 12.0;
        model
    }
}

/// A held-out sample, or a sentence of no skill, as the heads of a fold see it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Case {
    /// What it looks like.
    pub(crate) signs: Signs,
    /// Probability of the best intent, given that one is meant.
    pub(crate) share: f32,
    /// Whether the best intent is the right one; never for a foreign sentence.
    pub(crate) right: bool,
    /// Whether the best intent acts.
    pub(crate) acts: bool,
}

impl ScopeModel {
    /// Calibrates from held-out samples (a wrongly named one counts as foreign) and from
    /// sentences of no skill.
    pub(crate) fn train(ours: &[Case], foreign: &[Case]) -> Self {
        if ours.len() < FEWEST_CASES || foreign.len() < FEWEST_CASES {
            return Self::default();
        }
        let rows: Vec<([f32; SIGNS], f32, f32)> = weigh_cases(ours, foreign);
        let mut model = Self { weights: [0.0; SIGNS], bias: 0.0, ..Self::default() };
        model.standardise(&rows);
        model.fit(&rows);
        let weighed: Vec<(&Case, f32)> =
            ours.iter().chain(foreign).zip(rows.iter().map(|(.., weight)| *weight)).collect();
        let threshold = |acts: bool, lost: f32| {
            let own = weighed.iter().filter(|(case, _)| case.acts == acts);
            let confidence = |case: &Case| model.probability(&case.signs) * case.share;
            threshold(own.map(|(c, weight)| (confidence(c), *weight, c.right)).collect(), lost)
        };
        let (act, answer) = (threshold(true, LOST_ACTIONS), threshold(false, LOST_ANSWERS));
        Self { act, answer, ..model }
    }

    #[allow(clippy::cast_precision_loss)]
    fn standardise(&mut self, rows: &[([f32; SIGNS], f32, f32)]) {
        let count = rows.len() as f32;
        for sign in 0..SIGNS {
            let mean = rows.iter().map(|(row, ..)| row[sign]).sum::<f32>() / count;
            let spread =
                rows.iter().map(|(row, ..)| (row[sign] - mean).powi(2)).sum::<f32>() / count;
            self.mean[sign] = mean;
            self.scale[sign] = 1.0 / spread.sqrt().max(1e-4);
        }
    }

    fn fit(&mut self, rows: &[([f32; SIGNS], f32, f32)]) {
        let total: f32 = rows.iter().map(|(.., weight)| weight).sum();
        let rows: Vec<([f32; SIGNS], f32, f32)> = rows
            .iter()
            .map(|(row, wanted, weight)| (self.standard(row), *wanted, *weight))
            .collect();
        for _ in 0..EPOCHS {
            let mut change = [0.0f32; SIGNS];
            let mut shift = 0.0;
            for (row, wanted, weight) in &rows {
                let error = weight / total * (wanted - self.of_standard(row));
                shift += error;
                change.iter_mut().zip(row).for_each(|(c, sign)| *c += error * sign);
            }
            self.bias += 2.0 * STEP * shift;
            for (weight, c) in self.weights.iter_mut().zip(change) {
                *weight += 2.0 * STEP * (c - PENALTY * *weight);
            }
        }
    }

    /// How far each sign is from its mean, in spreads.
    fn standard(&self, row: &[f32; SIGNS]) -> [f32; SIGNS] {
        std::array::from_fn(|sign| (row[sign] - self.mean[sign]) * self.scale[sign])
    }

    fn of_standard(&self, row: &[f32; SIGNS]) -> f32 {
        let sum: f32 = self.weights.iter().zip(row).map(|(weight, sign)| weight * sign).sum();
        logistic(sum + self.bias)
    }

    /// The probability that an utterance with these signs is ours and rightly named.
    pub(crate) fn probability(&self, signs: &Signs) -> f32 {
        self.of_standard(&self.standard(&signs.row()))
    }

    /// Whether a reading with this confidence is taken.
    pub(crate) fn accepts(&self, confidence: f32, acts: bool) -> bool {
        confidence >= if acts { self.act } else { self.answer }
    }
}

#[allow(clippy::cast_precision_loss)]
fn weigh_cases(ours: &[Case], foreign: &[Case]) -> Vec<([f32; SIGNS], f32, f32)> {
    let weight = FOREIGN_SHARE * ours.len() as f32 / foreign.len() as f32;
    let row = |case: &Case, weight| (case.signs.row(), f32::from(u8::from(case.right)), weight);
    let ours = ours.iter().map(|case| row(case, 1.0));
    ours.chain(foreign.iter().map(|case| row(case, weight))).collect()
}

/// The lowest confidence above which at most the share [`WRONG`] of all cases passes and is
/// wrong, but no higher than what refuses the share `lost` of the right ones. `cases` are
/// (confidence, weight, right).
fn threshold(mut cases: Vec<(f32, f32, bool)>, lost: f32) -> f32 {
    cases.sort_by(|a, b| b.0.total_cmp(&a.0));
    let sum = |right: bool| -> f32 {
        cases.iter().filter(|(.., r)| *r == right).map(|(_, weight, _)| weight).sum()
    };
    let (all_right, all) = (sum(true), sum(true) + sum(false));
    let (mut passed_right, mut passed_wrong) = (0.0, 0.0);
    for (confidence, weight, right) in &cases {
        if *right {
            passed_right += weight;
        } else {
            passed_wrong += weight;
        }
        if passed_wrong > WRONG * all && passed_right >= (1.0 - lost) * all_right {
            return *confidence;
        }
    }
    0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signs(logit: f32, near: f32) -> Signs {
        Signs { logit, near, lead: logit / 2.0, foreign: 1.0 - near, coverage: 0.8, words: 5.0 }
    }

    fn case(logit: f32, near: f32, right: bool) -> Case {
        Case { signs: signs(logit, near), share: 0.9, right, acts: true }
    }

    #[test]
    fn what_lies_far_from_every_sample_is_refused() {
        let ours: Vec<Case> = (0..40u8).map(|i| case(6.0 + f32::from(i % 5), 0.85, true)).collect();
        let foreign: Vec<Case> =
            (0..40u8).map(|i| case(1.0 + f32::from(i % 3), 0.3, false)).collect();
        let model = ScopeModel::train(&ours, &foreign);
        assert!(model.accepts(model.probability(&signs(7.0, 0.8)), true));
        assert!(!model.accepts(model.probability(&signs(1.5, 0.35)), true));
    }

    #[test]
    fn a_wrong_action_is_avoided_where_a_wrong_answer_is_risked() {
        let cases: Vec<(f32, f32, bool)> =
            (0..100u8).map(|i| (f32::from(i) / 100.0, 1.0, i >= 30 && i % 10 != 0)).collect();
        let (strict, loose) = (threshold(cases.clone(), 0.3), threshold(cases, 0.05));
        assert!(strict > loose, "{strict} {loose}");
    }

    #[test]
    fn most_right_readings_stay_however_many_wrong_ones_pass() {
        let cases: Vec<(f32, f32, bool)> =
            (0..100u8).map(|i| (f32::from(i) / 100.0, 1.0, i % 2 == 0)).collect();
        assert!(threshold(cases, 0.1) <= 0.12);
    }

    #[test]
    fn too_few_cases_fall_back_to_the_nearest_sample() {
        let model = ScopeModel::train(&[], &[]);
        assert!(model.accepts(model.probability(&signs(0.0, 0.9)), true));
        assert!(!model.accepts(model.probability(&signs(9.0, 0.3)), true));
    }
}
