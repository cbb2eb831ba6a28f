//! Words as features of an intent: words, pairs of words, stretches of four letters, classes of
//! words that want the same done, and the kinds of values that occur, weighted by how rare they
//! are (TF-IDF).
//!
//! Must not see vectors of the encoder.

use super::vectors::hash_of;
use crate::{
    entities::{Context, Entities, Kind},
    hash::FastMap,
    language::Language,
    normalise::Tokens,
};

/// Most features that are kept; the rarest beyond it are not.
pub(crate) const MAX_FEATURES: usize = 60_000;
/// Length of a stretch of letters.
const GRAM: usize = 4;
/// Rarities that there are: of what all samples have, and more than what one of all that fit into memory has.
const RARITIES: std::ops::RangeInclusive<f32> = 1.0..=64.0;
/// What stands for a token of digits.
const DIGITS: &str = "0";

/// One sparse vector: column and weight, in ascending order of the column.
pub(crate) type Sparse = Vec<(u32, f32)>;

/// The features that occur in the samples. Those that occur in the same samples share a column: from one to the other only
/// their rarity differs, so what is learned of one is in proportion what is learned of all (a word's letters, its pairs with
/// words that only stand beside it, whatever one sample alone has). Of the 12,000 features of the shipped skills half as many
/// columns are left, and nothing is lost.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct FeatureSpace {
    /// By the hash of its name.
    index: FastMap<u64, Feature>,
    columns: usize,
}

/// One feature.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Feature {
    column: u32,
    /// Inverse document frequency.
    rarity: f32,
    /// Its rarity of the length of all in its column, which is what the column's weight stands for.
    share: f32,
}

/// Features on the way to their columns. Those that were in the same samples are in one set: all begin in the first, and each
/// sample parts those that it has from those that it has not.
struct Counted {
    numbers: FastMap<u64, usize>,
    all: Vec<InSamples>,
    /// For each set the last sample that parted it, and the set of those that it has.
    sets: Vec<(u32, usize)>,
}

/// One feature, and the samples that have it.
struct InSamples {
    hash: u64,
    count: u32,
    set: usize,
}

impl Default for Counted {
    fn default() -> Self {
        Self { numbers: FastMap::default(), all: Vec::new(), sets: vec![(u32::MAX, 0)] }
    }
}

impl Counted {
    /// A sample has a feature. Samples come one after another, and each says a feature once.
    fn add(&mut self, hash: u64, sample: u32) {
        let next = self.all.len();
        let number = *self.numbers.entry(hash).or_insert(next);
        if number == next {
            self.all.push(InSamples { hash, count: 0, set: 0 });
        }
        let feature = &mut self.all[number];
        feature.count += 1;
        if self.sets[feature.set].0 != sample {
            self.sets[feature.set] = (sample, self.sets.len());
            self.sets.push((u32::MAX, 0));
        }
        feature.set = self.sets[feature.set].1;
    }
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
        let mut counted = Counted::default();
        for (number, sample) in (0u32..).zip(samples) {
            sample.iter().for_each(|hash| counted.add(*hash, number));
        }
        let mut order = counted.all;
        // Most frequent first, then by hash: the same order on every machine.
        order.sort_unstable_by_key(|feature| (std::cmp::Reverse(feature.count), feature.hash));
        order.truncate(MAX_FEATURES);
        let (mut columns, mut next) = (vec![None; counted.sets.len()], 0u32);
        let features = order.into_iter().map(|feature| {
            let column = *columns[feature.set].get_or_insert_with(|| {
                next += 1;
                next - 1
            });
            #[allow(clippy::cast_precision_loss)]
            let rarity = ((1.0 + samples.len() as f32) / (1.0 + feature.count as f32)).ln() + 1.0;
            (feature.hash, column, rarity)
        });
        Self::with(features.collect())
    }

    /// The space of features, each with its hash, its column and its rarity.
    fn with(mut features: Vec<(u64, u32, f32)>) -> Self {
        // Sums are taken in one order.
        features.sort_unstable_by_key(|(hash, column, _)| (*column, *hash));
        let mut space = Self::default();
        for column in features.chunk_by(|a, b| a.1 == b.1) {
            let length = column.iter().map(|(.., rarity)| rarity * rarity).sum::<f32>().sqrt();
            space.columns += 1;
            space.index.extend(column.iter().map(|(hash, column, rarity)| {
                (*hash, Feature { column: *column, rarity: *rarity, share: rarity / length })
            }));
        }
        space
    }

    /// All features, each with its hash, its column and its rarity, in the order of columns, then hashes.
    pub(crate) fn parts(&self) -> Vec<(u64, u32, f32)> {
        let mut all: Vec<_> =
            self.index.iter().map(|(hash, f)| (*hash, f.column, f.rarity)).collect();
        all.sort_unstable_by_key(|(hash, column, _)| (*column, *hash));
        all
    }

    /// The space of what [`Self::parts`] gave; `None` where it cannot have.
    pub(crate) fn of_parts(features: Vec<(u64, u32, f32)>) -> Option<Self> {
        let follows = |a: &(u64, u32, f32), b: &(u64, u32, f32)| {
            (b.1 == a.1 && b.0 > a.0) || b.1.checked_sub(a.1) == Some(1)
        };
        let fits = features.len() <= MAX_FEATURES
            && features.first().is_none_or(|first| first.1 == 0)
            && features.is_sorted_by(follows)
            && features.iter().all(|(.., rarity)| RARITIES.contains(rarity));
        let count = features.len();
        let space = fits.then(|| Self::with(features))?;
        (space.index.len() == count).then_some(space)
    }

    /// Number of columns.
    pub(crate) fn columns(&self) -> usize {
        self.columns
    }

    /// The weighted features of a text, scaled to length one.
    pub(crate) fn vector(&self, hashes: &[u64]) -> Sparse {
        let known: Vec<&Feature> = hashes.iter().filter_map(|hash| self.index.get(hash)).collect();
        let length = known.iter().map(|f| f.rarity * f.rarity).sum::<f32>().sqrt();
        let mut parts: Sparse =
            known.iter().map(|f| (f.column, f.rarity * f.share / length)).collect();
        parts.sort_by_key(|(column, _)| *column);
        parts
            .chunk_by(|a, b| a.0 == b.0)
            .map(|of| (of[0].0, of.iter().map(|(_, weight)| weight).sum()))
            .collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLES: [&[u64]; 4] = [&[1, 2, 3, 9], &[1, 2, 3, 4], &[4, 5, 6], &[5, 6, 7, 8]];

    /// The weight of each feature without columns.
    fn plain(hashes: &[u64]) -> Vec<f32> {
        let rarity = |hash: u64| {
            let count = SAMPLES.iter().filter(|sample| sample.contains(&hash)).count();
            let known = if count == 0 { 0.0 } else { 1.0 };
            #[allow(clippy::cast_precision_loss)]
            let rarity = (5.0f32 / (1.0 + count as f32)).ln() + 1.0;
            rarity * known
        };
        let all = (1..10).map(|hash| if hashes.contains(&hash) { rarity(hash) } else { 0.0 });
        let all: Vec<f32> = all.collect();
        let length = all.iter().map(|weight| weight * weight).sum::<f32>().sqrt();
        all.into_iter().map(|weight| weight / length).collect()
    }

    #[test]
    fn sentences_are_as_alike_in_columns_as_they_are_in_features() {
        let space = FeatureSpace::of(&SAMPLES);
        assert_eq!(space.columns(), 5, "1 2 3; 4; 5 6; 7 8; 9");
        let dense = |hashes: &[u64]| {
            let mut all = [0.0f32; 5];
            space.vector(hashes).iter().for_each(|(column, by)| all[*column as usize] += by);
            all
        };
        // What is learned of a sentence is a sum of samples, each by its likeness to it.
        for asked in [&[1, 2, 3, 9][..], &[1, 3], &[2, 4, 7], &[6, 20], &[5, 6, 7, 8]] {
            for sample in SAMPLES {
                let likeness =
                    |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
                let (here, there) = (
                    likeness(&dense(asked), &dense(sample)),
                    likeness(&plain(asked), &plain(sample)),
                );
                assert!((here - there).abs() < 1e-6, "{asked:?} {sample:?}: {here} and {there}");
            }
        }
    }

    #[test]
    fn a_space_comes_back_from_its_parts_and_from_no_others() {
        let space = FeatureSpace::of(&SAMPLES);
        let parts = space.parts();
        assert_eq!(FeatureSpace::of_parts(parts.clone()), Some(space));
        assert_eq!(FeatureSpace::of_parts(Vec::new()), Some(FeatureSpace::default()));
        let change = |at: usize, to: (u64, u32, f32)| {
            let mut parts = parts.clone();
            parts[at] = to;
            FeatureSpace::of_parts(parts)
        };
        let (hash, column, rarity) = parts[1];
        assert_eq!(change(1, parts[0]), None, "twice the same");
        assert_eq!(change(1, (hash, column + 2, rarity)), None, "a column without features");
        for rarity in [0.0, 1e-30, 1e30] {
            assert_eq!(change(1, (hash, column, rarity)), None, "no rarity");
        }
        assert_eq!(change(0, (parts[0].0, 1, rarity)), None, "no first column");
    }
}
