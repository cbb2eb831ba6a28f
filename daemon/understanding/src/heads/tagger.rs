//! Which words fill which slot: one tagger an intent, so that a new skill never retrains an
//! old one.
//!
//! Must not resolve values; `Entities` does. What it does not know it leaves untagged.

use super::{
    cache::{self, Key, Writer},
    crf::{Field, Labelled, Position, Shape},
    features::word,
    projection::{COMPONENTS, Projection},
    vectors::hash_of,
};
use crate::{
    entities::{Context, Entities, Kind},
    normalise::Tokens,
    training::{TrainingIntent, TrainingSpan},
};
use std::{collections::HashMap, ops::Range};
use valet_core::encoder::Encoding;

/// Most words of a sentence that are tagged; those behind are left out.
pub(crate) const MAX_WORDS: usize = 128;
/// A feature whose weights all stay below this is forgotten after training.
const FORGOTTEN: f32 = 0.02;
/// Scale of the 32 numbers against the features.
const DENSE_SCALE: f32 = 0.5;

/// One sentence for a tagger.
#[derive(Debug, Clone, Default)]
pub(crate) struct Words {
    /// Hashes of features, a list a word.
    features: Vec<Vec<u64>>,
    /// The 32 numbers of each word; empty where no vector is known.
    dense: Vec<Vec<f32>>,
}

/// A span that a tagger found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Span {
    /// Which slot of the intent.
    pub(crate) slot: usize,
    /// Which tokens.
    pub(crate) tokens: Range<usize>,
}

/// The tagger of one intent.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Tagger {
    /// What it was trained on.
    pub(crate) of: Key,
    /// Hashes of the features, ascending; the place is the feature's number.
    pub(crate) features: Vec<u64>,
    /// The field: label 0 is "no slot", then begin and inside of each slot.
    pub(crate) field: Field,
}

/// What is known of values in a sentence: for each slot, which tokens begin and continue one.
pub(crate) type Marks = Vec<Vec<Range<usize>>>;

/// Values of each slot's kind in a sentence; none for free text.
pub(crate) fn marks(
    tokens: &Tokens,
    intent: &TrainingIntent,
    entities: &Entities,
    context: &Context,
) -> Marks {
    let found = |kind: Kind| match kind {
        Kind::Text => Vec::new(),
        kind => entities.find_all(kind, tokens, context).into_iter().map(|m| m.tokens).collect(),
    };
    intent.slots.iter().map(|slot| found(slot.kind)).collect()
}

impl Words {
    /// Describes a sentence; `dense` has one row a token or is empty.
    pub(crate) fn of(tokens: &Tokens, marks: &Marks, dense: Vec<Vec<f32>>) -> Self {
        let words: Vec<&str> =
            tokens.list().iter().take(MAX_WORDS).map(|t| word(&t.norm)).collect();
        let features = (0..words.len()).map(|at| features_at(&words, at, marks)).collect();
        Self { features, dense }
    }

    fn positions(&self, number: impl Fn(u64) -> Option<u32>) -> Vec<Position> {
        self.features
            .iter()
            .enumerate()
            .map(|(at, hashes)| Position {
                features: hashes.iter().filter_map(|hash| number(*hash)).collect(),
                dense: self.dense.get(at).cloned().unwrap_or_default(),
            })
            .collect()
    }
}

fn features_at(words: &[&str], at: usize, marks: &Marks) -> Vec<u64> {
    let neighbour = |offset: isize| -> &str {
        at.checked_add_signed(offset).map_or("^", |i| words.get(i).copied().unwrap_or("$"))
    };
    let here = neighbour(0);
    let letters: Vec<char> = here.chars().collect();
    let head: String = letters.iter().take(3).collect();
    let tail: String = letters.iter().rev().take(3).rev().collect();
    let mut all = vec![
        hash_of(&["bias"]),
        hash_of(&["w", here]),
        hash_of(&["w-1", neighbour(-1)]),
        hash_of(&["w-2", neighbour(-2)]),
        hash_of(&["w+1", neighbour(1)]),
        hash_of(&["w+2", neighbour(2)]),
        hash_of(&["w-1w", neighbour(-1), here]),
        hash_of(&["ww+1", here, neighbour(1)]),
        hash_of(&["w-2w-1", neighbour(-2), neighbour(-1)]),
        hash_of(&["w+1w+2", neighbour(1), neighbour(2)]),
        hash_of(&["head", &head]),
        hash_of(&["tail", &tail]),
        hash_of(&["shape", shape_of(here)]),
        hash_of(&["first", words.first().copied().unwrap_or("")]),
    ];
    for (slot, ranges) in marks.iter().enumerate() {
        let slot = slot.to_string();
        for (name, offset) in [("m-1", -1isize), ("m", 0), ("m+1", 1)] {
            let Some(i) = at.checked_add_signed(offset) else { continue };
            if let Some(range) = ranges.iter().find(|range| range.contains(&i)) {
                all.push(hash_of(&[name, &slot, if range.start == i { "b" } else { "i" }]));
            }
        }
    }
    all
}

fn shape_of(word: &str) -> &'static str {
    if word.bytes().all(|b| b.is_ascii_digit()) {
        "digits"
    } else if word.bytes().any(|b| b.is_ascii_digit()) {
        "mixed"
    } else if word.len() <= 2 {
        "short"
    } else {
        "word"
    }
}

/// Token vectors of the encoder, pooled to our words and brought down to 32 numbers.
pub(crate) fn pool(tokens: &Tokens, encoding: &Encoding, projection: &Projection) -> Vec<Vec<f32>> {
    let n = projection.dimensions;
    let pooled = |start: u32, end: u32| {
        let mut sum = vec![0.0f32; n];
        let mut count = 0.0f32;
        for (token, row) in
            encoding.tokens.iter().zip(encoding.token_vectors.chunks_exact(n.max(1)))
        {
            if token.start < end && token.end > start {
                super::vectors::add_scaled(&mut sum, row, 1.0);
                count += 1.0;
            }
        }
        if count == 0.0 {
            return vec![0.0; COMPONENTS];
        }
        sum.iter_mut().for_each(|v| *v /= count);
        super::vectors::make_finite(&mut sum);
        projection.apply(&sum).iter().map(|v| v * DENSE_SCALE).collect()
    };
    tokens.list().iter().take(MAX_WORDS).map(|t| pooled(t.start, t.end)).collect()
}

/// The label of each token: spans in bytes, as labels of the field.
pub(crate) fn labels_of(tokens: &Tokens, spans: &[TrainingSpan]) -> Vec<usize> {
    let mut labels = Vec::new();
    let mut open: Option<(usize, u32)> = None;
    for token in tokens.list().iter().take(MAX_WORDS) {
        let over = spans.iter().find(|s| token.start < s.end && token.end > s.start);
        labels.push(match over {
            None => 0,
            Some(span) if open == Some((span.slot, span.start)) => 2 + 2 * span.slot,
            Some(span) => 1 + 2 * span.slot,
        });
        open = over.map(|span| (span.slot, span.start));
    }
    labels
}

/// Inside follows begin or inside of the same slot, and nothing else.
fn may_follow(before: Option<usize>, label: usize) -> bool {
    let inside = label != 0 && label.is_multiple_of(2);
    !inside || matches!(before, Some(b) if b == label || b + 1 == label)
}

impl Tagger {
    /// What says all that training depends on: equal keys, equal taggers.
    pub(crate) fn key_of(sentences: &[(Words, Vec<usize>)], slots: usize) -> Key {
        let mut all = Writer::default();
        all.count(slots);
        for (words, labels) in sentences {
            words.features.iter().for_each(|hashes| all.u64s(hashes));
            words.dense.iter().for_each(|numbers| all.f32s(numbers));
            labels.iter().for_each(|label| all.count(*label));
        }
        cache::key_of(&[&all.into_bytes()])
    }

    /// Trains the tagger of an intent with `slots` slots.
    pub(crate) fn train(of: Key, sentences: &[(Words, Vec<usize>)], slots: usize) -> Self {
        let mut features: Vec<u64> = sentences
            .iter()
            .flat_map(|(words, _)| words.features.iter().flatten().copied())
            .collect();
        features.sort_unstable();
        features.dedup();
        let index: HashMap<u64, u32> = features.iter().copied().zip(0u32..).collect();
        let shape = Shape { labels: 1 + 2 * slots, features: features.len(), dense: COMPONENTS };
        let labelled: Vec<Labelled> = sentences
            .iter()
            .map(|(words, labels)| Labelled {
                positions: words.positions(|hash| index.get(&hash).copied()),
                labels: labels.clone(),
            })
            .filter(|sentence| !sentence.positions.is_empty())
            .collect();
        let field = Field::train(&labelled, shape, &may_follow);
        Self { of, features, field }.without_idle_features()
    }

    /// Forgets features that ended up with next to no weight: most of them, and all the memory.
    fn without_idle_features(self) -> Self {
        let n = self.field.shape.labels;
        let (sparse, rest) = self.field.weights.split_at(self.features.len() * n);
        let kept: Vec<(u64, &[f32])> = self
            .features
            .iter()
            .copied()
            .zip(sparse.chunks_exact(n))
            .filter(|(_, row)| row.iter().any(|w| w.abs() >= FORGOTTEN))
            .collect();
        let mut weights: Vec<f32> = kept.iter().flat_map(|(_, row)| row.iter().copied()).collect();
        weights.extend_from_slice(rest);
        let shape = Shape { features: kept.len(), ..self.field.shape };
        let features = kept.into_iter().map(|(hash, _)| hash).collect();
        Self { of: self.of, features, field: Field { shape, weights } }
    }

    /// The spans of slots in a sentence, from left to right.
    pub(crate) fn spans(&self, words: &Words) -> Vec<Span> {
        let number = |hash: u64| {
            self.features.binary_search(&hash).ok().and_then(|at| u32::try_from(at).ok())
        };
        let labels = self.field.labels(&words.positions(number), &may_follow);
        let mut spans: Vec<Span> = Vec::new();
        for (at, label) in labels.into_iter().enumerate() {
            if label == 0 {
                continue;
            }
            let slot = (label - 1) / 2;
            match spans.last_mut() {
                Some(last) if label % 2 == 0 && last.slot == slot && last.tokens.end == at => {
                    last.tokens.end = at + 1;
                }
                _ => spans.push(Span { slot, tokens: at..at + 1 }),
            }
        }
        spans
    }
}
