//! A linear-chain conditional random field: which label each word of a sentence has, given
//! sparse features and a few numbers a word.
//!
//! Must not know what the labels mean, except that some may not follow others.

use super::vectors::{add_scaled, dot, shuffle};
use crate::random::Random;

/// Passes over the sentences.
const EPOCHS: usize = 18;
/// AdaGrad's step.
const STEP: f32 = 0.25;
/// Strength of the L2 penalty, a pass.
const PENALTY: f32 = 0.004;
/// Seed of the order in which sentences are seen.
const SEED: u64 = 0x7a66_e4ed;

/// One word of a sentence.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Position {
    /// Numbers of the features that hold here.
    pub(crate) features: Vec<u32>,
    /// The numbers; shorter than the field's means none are known.
    pub(crate) dense: Vec<f32>,
}

/// One labelled sentence.
#[derive(Debug, Clone)]
pub(crate) struct Labelled {
    /// The words.
    pub(crate) positions: Vec<Position>,
    /// A label each.
    pub(crate) labels: Vec<usize>,
}

/// Sizes of a field.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Labels.
    pub(crate) labels: usize,
    /// Sparse features.
    pub(crate) features: usize,
    /// Numbers a word.
    pub(crate) dense: usize,
}

impl Shape {
    /// Number of weights of a field of this shape.
    pub(crate) fn weights(self) -> usize {
        self.labels * (self.features + self.dense + self.labels + 1)
    }

    fn dense_at(self) -> usize {
        self.features * self.labels
    }

    fn step_at(self) -> usize {
        self.dense_at() + self.dense * self.labels
    }

    fn start_at(self) -> usize {
        self.step_at() + self.labels * self.labels
    }
}

/// A trained field. Weights lie in one row: features, numbers, steps, starts.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Field {
    /// Sizes.
    pub(crate) shape: Shape,
    /// [`Shape::weights`] of them.
    pub(crate) weights: Vec<f32>,
}

/// Whether a label may follow another (`None`: may begin a sentence).
pub(crate) type Allowed<'a> = &'a dyn Fn(Option<usize>, usize) -> bool;

/// Sums of a forward and backward pass.
struct Pass {
    /// Probability of each label at each word.
    single: Vec<f32>,
    /// Expected count of each step, over the sentence.
    steps: Vec<f32>,
}

impl Field {
    /// Trains by stochastic gradient with AdaGrad steps; deterministic.
    pub(crate) fn train(sentences: &[Labelled], shape: Shape, allowed: Allowed<'_>) -> Self {
        let mut field = Self { shape, weights: vec![0.0; shape.weights()] };
        let mut squares = vec![1.0f32; shape.weights()];
        let mut order: Vec<usize> = (0..sentences.len()).collect();
        let mut random = Random::new(SEED);
        for _ in 0..EPOCHS {
            shuffle(&mut order, &mut random);
            for at in &order {
                field.learn(&sentences[*at], &mut squares, allowed);
            }
            field.weights.iter_mut().for_each(|w| *w *= 1.0 - PENALTY);
        }
        field
    }

    fn learn(&mut self, sentence: &Labelled, squares: &mut [f32], allowed: Allowed<'_>) {
        let n = self.shape.labels;
        let scores = self.scores(&sentence.positions);
        let mut pass = self.pass(&scores, allowed);
        for (at, position) in sentence.positions.iter().enumerate() {
            let change = &mut pass.single[at * n..(at + 1) * n];
            change.iter_mut().for_each(|p| *p = -*p);
            change[sentence.labels[at]] += 1.0;
            for feature in &position.features {
                self.shift(*feature as usize * n, change, 1.0, squares);
            }
            for (d, value) in position.dense.iter().enumerate() {
                self.shift(self.shape.dense_at() + d * n, change, *value, squares);
            }
            if at == 0 {
                self.shift(self.shape.start_at(), change, 1.0, squares);
            }
        }
        pass.steps.iter_mut().for_each(|p| *p = -*p);
        for pair in sentence.labels.windows(2) {
            pass.steps[pair[0] * n + pair[1]] += 1.0;
        }
        self.shift(self.shape.step_at(), &pass.steps, 1.0, squares);
    }

    /// Steps along `by` times `change`, from the weight numbered `at` on.
    fn shift(&mut self, at: usize, change: &[f32], by: f32, squares: &mut [f32]) {
        let weights = self.weights[at..at + change.len()].iter_mut();
        for ((w, s), c) in weights.zip(&mut squares[at..at + change.len()]).zip(change) {
            let c = c * by;
            *s += c * c;
            *w += STEP * c / s.sqrt();
        }
    }

    /// The score of each label at each word, from features alone.
    fn scores(&self, positions: &[Position]) -> Vec<f32> {
        let n = self.shape.labels;
        let mut scores = vec![0.0; positions.len() * n];
        for (position, row) in positions.iter().zip(scores.chunks_exact_mut(n)) {
            for feature in &position.features {
                let at = *feature as usize * n;
                add_scaled(row, &self.weights[at..at + n], 1.0);
            }
            for (d, value) in position.dense.iter().take(self.shape.dense).enumerate() {
                let at = self.shape.dense_at() + d * n;
                add_scaled(row, &self.weights[at..at + n], *value);
            }
        }
        if let Some(row) = scores.get_mut(..n) {
            let at = self.shape.start_at();
            add_scaled(row, &self.weights[at..at + n], 1.0);
        }
        scores
    }

    /// Potentials of steps; what is not allowed has none.
    fn step_potentials(&self, allowed: Allowed<'_>) -> Vec<f32> {
        let n = self.shape.labels;
        let at = self.shape.step_at();
        (0..n * n)
            .map(|i| if allowed(Some(i / n), i % n) { self.weights[at + i].exp() } else { 0.0 })
            .collect()
    }

    fn pass(&self, scores: &[f32], allowed: Allowed<'_>) -> Pass {
        let n = self.shape.labels;
        let steps = self.step_potentials(allowed);
        // Transposed, so that a sum over what went before is one inner product.
        let back: Vec<f32> = (0..n * n).map(|i| steps[(i % n) * n + i / n]).collect();
        let local = potentials(scores, n, allowed);
        let words = local.len() / n;
        let mut forward = local.clone();
        scale(&mut forward[..n]);
        for at in 1..words {
            let (before, rest) = forward.split_at_mut(at * n);
            let before = &before[(at - 1) * n..];
            for (value, column) in rest[..n].iter_mut().zip(back.chunks_exact(n)) {
                *value *= dot(before, column);
            }
            scale(&mut rest[..n]);
        }
        let mut single = forward.clone();
        let mut expected = vec![0.0; n * n];
        let mut behind = vec![1.0; n];
        for at in (0..words).rev() {
            let row = &mut single[at * n..(at + 1) * n];
            row.iter_mut().zip(&behind).for_each(|(f, b)| *f *= b);
            scale(row);
            if at == 0 {
                break;
            }
            let ahead: Vec<f32> =
                local[at * n..(at + 1) * n].iter().zip(&behind).map(|(l, b)| l * b).collect();
            add_expected(&forward[(at - 1) * n..at * n], &steps, &ahead, &mut expected);
            behind = steps.chunks_exact(n).map(|row| dot(row, &ahead)).collect();
            scale(&mut behind);
        }
        Pass { single, steps: expected }
    }

    /// The best labels (Viterbi); one a word.
    pub(crate) fn labels(&self, positions: &[Position], allowed: Allowed<'_>) -> Vec<usize> {
        let n = self.shape.labels;
        if positions.is_empty() || n == 0 {
            return Vec::new();
        }
        let scores = self.scores(positions);
        let step = |from: usize, to: usize| {
            if allowed(Some(from), to) {
                self.weights[self.shape.step_at() + from * n + to]
            } else {
                f32::NEG_INFINITY
            }
        };
        let mut best: Vec<f32> = (0..n)
            .map(|to| if allowed(None, to) { scores[to] } else { f32::NEG_INFINITY })
            .collect();
        let mut from = Vec::with_capacity(positions.len() * n);
        for row in scores.chunks_exact(n).skip(1) {
            let mut next = Vec::with_capacity(n);
            for (to, score) in row.iter().enumerate() {
                let (back, value) = (0..n)
                    .map(|f| (f, best[f] + step(f, to)))
                    .fold((0, f32::NEG_INFINITY), |a, b| if b.1 > a.1 { b } else { a });
                from.push(back);
                next.push(value + score);
            }
            best = next;
        }
        trace_back(&best, &from, n)
    }
}

fn trace_back(best: &[f32], from: &[usize], n: usize) -> Vec<usize> {
    let last = (0..n).fold(0, |a, b| if best[b] > best[a] { b } else { a });
    let mut labels = vec![last];
    for row in from.chunks_exact(n).rev() {
        let at = labels[labels.len() - 1];
        labels.push(row[at]);
    }
    labels.reverse();
    labels
}

fn add_expected(before: &[f32], steps: &[f32], ahead: &[f32], expected: &mut [f32]) {
    let n = before.len();
    let mut joint: Vec<f32> = (0..n * n).map(|i| before[i / n] * steps[i] * ahead[i % n]).collect();
    scale(&mut joint);
    add_scaled(expected, &joint, 1.0);
}

/// Exponentials of scores, word by word relative to the largest, so that none overflows.
fn potentials(scores: &[f32], n: usize, allowed: Allowed<'_>) -> Vec<f32> {
    let mut local = scores.to_vec();
    for row in local.chunks_exact_mut(n) {
        let most = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        row.iter_mut().for_each(|v| *v = (*v - most).exp().max(1e-20));
    }
    if let Some(row) = local.get_mut(..n) {
        for (to, value) in row.iter_mut().enumerate() {
            if !allowed(None, to) {
                *value = 0.0;
            }
        }
    }
    local
}

fn scale(row: &mut [f32]) {
    let sum: f32 = row.iter().sum();
    if sum > 0.0 {
        row.iter_mut().for_each(|v| *v /= sum);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn anything(_: Option<usize>, _: usize) -> bool {
        true
    }

    fn sentence(features: &[u32], labels: &[usize]) -> Labelled {
        let positions =
            features.iter().map(|f| Position { features: vec![*f], dense: Vec::new() }).collect();
        Labelled { positions, labels: labels.to_vec() }
    }

    #[test]
    fn labels_of_the_sentences_are_learnt() {
        let shape = Shape { labels: 3, features: 4, dense: 0 };
        let sentences = [sentence(&[0, 1, 2], &[0, 1, 2]), sentence(&[0, 3], &[0, 0])];
        let field = Field::train(&sentences, shape, &anything);
        for s in &sentences {
            assert_eq!(field.labels(&s.positions, &anything), s.labels);
        }
    }

    #[test]
    fn a_step_that_is_not_allowed_is_never_taken() {
        let shape = Shape { labels: 3, features: 1, dense: 0 };
        let allowed = |from: Option<usize>, to: usize| to != 2 || matches!(from, Some(1 | 2));
        let mut field = Field { shape, weights: vec![0.0; shape.weights()] };
        field.weights[2] = 5.0;
        let labels = field.labels(&sentence(&[0, 0, 0], &[]).positions, &allowed);
        let mut before = None;
        for label in labels {
            assert!(allowed(before, label), "{before:?} -> {label}");
            before = Some(label);
        }
    }

    #[test]
    fn long_sentences_stay_finite() {
        let shape = Shape { labels: 3, features: 2, dense: 1 };
        let mut long = sentence(&[1; 400], &[0; 400]);
        long.positions.iter_mut().for_each(|p| p.dense = vec![30.0]);
        let field = Field::train(&[long], shape, &anything);
        assert!(field.weights.iter().all(|w| w.is_finite()));
    }
}
