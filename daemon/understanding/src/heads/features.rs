//! Words as features of an intent: words, pairs of words, stretches of four letters, classes of
//! words that want the same done, and the kinds of values that occur, weighted by how rare they
//! are (TF-IDF).
//!
//! Must not see vectors of the encoder.

use super::vectors::hash_of;
use crate::{
    entities::{Context, Entities, Kind},
    language::Language,
    normalise::Tokens,
};
use std::collections::HashMap;

/// Most features that are kept; the rarest beyond it are not.
pub(crate) const MAX_FEATURES: usize = 60_000;
/// Length of a stretch of letters.
const GRAM: usize = 4;
/// What stands for a token of digits.
const DIGITS: &str = "0";

/// One sparse vector: feature and weight, in ascending order of the feature.
pub(crate) type Sparse = Vec<(u32, f32)>;

/// The features that occur in the samples, and their weights.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct FeatureSpace {
    /// Hash of a feature's name to its number.
    pub(crate) index: HashMap<u64, u32>,
    /// Inverse document frequency of each feature.
    pub(crate) rarity: Vec<f32>,
}

/// The hashes of all features of a text, each once, ascending.
pub(crate) fn hashes(
    tokens: &Tokens,
    kinds: &[Kind],
    entities: &Entities,
    context: &Context,
) -> Vec<u64> {
    let words: Vec<&str> = tokens.list().iter().map(|t| word(&t.norm)).collect();
    let mut all = Vec::with_capacity(words.len() * 8);
    let language = Language::english();
    let (mut before, mut class_before) = ("^", "^");
    for word in &words {
        all.push(hash_of(&["w", word]));
        all.push(hash_of(&["p", before, word]));
        add_grams(word, &mut all);
        let class = language.class_of(word);
        if let Some(class) = class {
            all.push(hash_of(&["v", class]));
        }
        let like = class.unwrap_or(word);
        if like != *word || class_before != before {
            all.push(hash_of(&["q", class_before, like]));
        }
        (before, class_before) = (word, like);
    }
    all.push(hash_of(&["p", before, "$"]));
    let occurring = entities.occurring(kinds, tokens, context);
    all.extend(occurring.map(|kind| hash_of(&["k", &format!("{kind:?}")])));
    all.sort_unstable();
    all.dedup();
    all
}

/// The word itself, or one mark for all numbers in digits.
pub(crate) fn word(norm: &str) -> &str {
    let digits = norm.bytes().any(|b| b.is_ascii_digit())
        && norm.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b',' | b':'));
    if digits { DIGITS } else { norm }
}

fn add_grams(word: &str, all: &mut Vec<u64>) {
    let letters: Vec<char> = std::iter::once('#').chain(word.chars()).chain(['#']).collect();
    if letters.len() <= GRAM {
        return;
    }
    for gram in letters.windows(GRAM) {
        let gram: String = gram.iter().collect();
        all.push(hash_of(&["c", &gram]));
    }
}

impl FeatureSpace {
    /// Counts the features of all samples.
    pub(crate) fn of(samples: &[&[u64]]) -> Self {
        let mut counts: HashMap<u64, u32> = HashMap::new();
        for hash in samples.iter().copied().flatten() {
            *counts.entry(*hash).or_default() += 1;
        }
        let mut order: Vec<(u64, u32)> = counts.into_iter().collect();
        // Most frequent first, then by hash: the same order on every machine.
        order.sort_unstable_by_key(|(hash, count)| (std::cmp::Reverse(*count), *hash));
        order.truncate(MAX_FEATURES);
        let mut space = Self::default();
        for (number, (hash, count)) in (0u32..).zip(order) {
            space.index.insert(hash, number);
            #[allow(clippy::cast_precision_loss)]
            let rarity = ((1.0 + samples.len() as f32) / (1.0 + count as f32)).ln() + 1.0;
            space.rarity.push(rarity);
        }
        space
    }

    /// The weighted features of a text, scaled to length one.
    pub(crate) fn vector(&self, hashes: &[u64]) -> Sparse {
        let mut known: Sparse = hashes
            .iter()
            .filter_map(|hash| self.index.get(hash))
            .filter_map(|number| Some((*number, *self.rarity.get(*number as usize)?)))
            .collect();
        let length = known.iter().map(|(_, w)| w * w).sum::<f32>().sqrt();
        for (_, weight) in &mut known {
            *weight /= length;
        }
        known.sort_unstable_by_key(|(number, _)| *number);
        known
    }

    /// The share of a text's words that occur in the samples, 0 to 1; 1 for a text without words.
    pub(crate) fn coverage(&self, tokens: &Tokens) -> f32 {
        let list = tokens.list();
        if list.is_empty() {
            return 1.0;
        }
        let known = list
            .iter()
            .filter(|t| self.index.contains_key(&hash_of(&["w", word(&t.norm)])))
            .count();
        #[allow(clippy::cast_precision_loss)]
        let share = known as f32 / list.len() as f32;
        share
    }
}
