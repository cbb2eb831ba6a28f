//! From samples to taggers: one an intent, from its examples and their variants.
//!
//! Must not look at another intent's examples for a tagger: a new skill changes no other.

use super::{
    augment::{self, Pool, Variant},
    cache::Key,
    embeddings::Embeddings,
    projection::{COMPONENTS, Projection},
    tagger::{self, Tagger, Words},
};
use crate::{
    entities::{Context, Entities},
    normalise::Tokens,
    training::{Origin, TrainingExample, TrainingSet},
};
use std::{collections::HashMap, sync::Arc};
use valet_core::encoder::Encoding;

/// A projection serves until there are this many times the examples that it was found on.
const GROWN: usize = 2;

/// What taggers are made from: one for each intent that has slots and examples.
pub(crate) struct Tagging<'a> {
    set: &'a TrainingSet,
    examples: &'a [&'a TrainingExample],
    entities: &'a Entities,
    embeddings: &'a Embeddings,
    pool: Pool<'a>,
    projection: Projection,
    known: HashMap<Key, &'a Arc<Tagger>>,
}

impl<'a> Tagging<'a> {
    /// `before` is what there was until now: the projection stays until there are [`GROWN`] times as many examples, and
    /// a tagger where it was trained on the very same.
    pub(crate) fn of(
        (set, examples): (&'a TrainingSet, &'a [&'a TrainingExample]),
        (entities, embeddings): (&'a Entities, &'a Embeddings),
        dimensions: usize,
        before: Option<(&Projection, &'a [Option<Arc<Tagger>>])>,
    ) -> Self {
        let (projection, known) = before.unzip();
        let projection = projection
            .filter(|before| examples.len() <= GROWN * before.examples)
            .cloned()
            .unwrap_or_else(|| projection_of(examples, embeddings, dimensions));
        let known = known.unwrap_or_default().iter().flatten();
        let known = known.map(|tagger| (tagger.of, tagger)).collect();
        let pool = Pool::of(&set.examples);
        Self { set, examples, entities, embeddings, pool, projection, known }
    }

    /// The tagger of an intent, by its number.
    pub(crate) fn tagger(&self, number: usize) -> Option<Arc<Tagger>> {
        let slots = self.set.intents[number].slots.len();
        let mut sentences = Vec::new();
        for example in self.examples.iter().filter(|e| e.intent == number && slots > 0) {
            self.add_sentences(example, &mut sentences);
        }
        if sentences.is_empty() {
            return None;
        }
        let key = Tagger::key_of(&sentences, slots);
        let known = self.known.get(&key).map(|tagger| Arc::clone(tagger));
        Some(known.unwrap_or_else(|| Arc::new(Tagger::train(key, &sentences, slots))))
    }

    /// What all taggers stand on.
    pub(crate) fn into_projection(self) -> Projection {
        self.projection
    }

    /// One example and its variants as sentences for the tagger. In every second of them the known values are hidden, so
    /// that it learns from the words around a slot too.
    fn add_sentences(&self, example: &TrainingExample, sentences: &mut Vec<(Words, Vec<usize>)>) {
        let intent = &self.set.intents[example.intent];
        let tokens = Tokens::read(&example.text);
        let Some(encoding) = self.embeddings.encoding(&example.text) else { return };
        let dense = tagger::pool(&tokens, &encoding, &self.projection);
        let context = Context::default();
        let mut add = |tokens: &Tokens, dense: Vec<Vec<f32>>, labels: Vec<usize>| {
            let hidden = sentences.len() % 2 == 1;
            let marks = if hidden {
                Vec::new()
            } else {
                tagger::marks(tokens, intent, self.entities, &context)
            };
            sentences.push((Words::of(tokens, &marks, dense), labels));
        };
        // An expansion of a template was given its values at random already.
        let variants = match example.origin {
            Origin::Sample => augment::variants(example, intent, &self.pool, self.entities),
            Origin::Template => Vec::new(),
        };
        for variant in variants {
            let new = Tokens::read(&variant.text);
            let borrowed = borrow_vectors(&new, &variant, &tokens, &dense);
            let labels = tagger::labels_of(&new, &variant.spans);
            add(&new, borrowed, labels);
        }
        let labels = tagger::labels_of(&tokens, &example.spans);
        add(&tokens, dense, labels);
    }
}

/// The directions of the token vectors that vary most.
fn projection_of(
    examples: &[&TrainingExample],
    embeddings: &Embeddings,
    dimensions: usize,
) -> Projection {
    // A few hundred texts say enough, and all of them would take tens of megabytes.
    let stride = examples.len().div_ceil(400).max(1);
    let some: Vec<Encoding> =
        examples.iter().step_by(stride).filter_map(|e| embeddings.encoding(&e.text)).collect();
    let rows: Vec<&[f32]> =
        some.iter().flat_map(|e| e.token_vectors.chunks_exact(dimensions.max(1))).collect();
    Projection { examples: examples.len(), ..Projection::of(&rows, dimensions) }
}

/// Vectors for a variant without running the encoder: words that stayed keep theirs, words of a
/// swapped value take those of the value that stood there (a middle layer says more of the
/// place in the sentence than of the word).
fn borrow_vectors(
    new: &Tokens,
    variant: &Variant,
    old: &Tokens,
    dense: &[Vec<f32>],
) -> Vec<Vec<f32>> {
    let at_byte = |byte: i64| {
        let found = old.list().iter().position(|t| byte < i64::from(t.end));
        found.and_then(|at| dense.get(at)).cloned().unwrap_or_else(|| vec![0.0; COMPONENTS])
    };
    let source = |start: u32| {
        let mut shift = 0i64;
        for (now, before) in variant.spans.iter().zip(&variant.from) {
            if start < now.start {
                break;
            }
            if start < now.end {
                let share = f64::from(start - now.start) / f64::from((now.end - now.start).max(1));
                #[allow(clippy::cast_possible_truncation)]
                let offset = (share * f64::from(before.end - before.start)) as i64;
                return i64::from(before.start) + offset;
            }
            shift = i64::from(before.end) - i64::from(now.end);
        }
        i64::from(start) + shift
    };
    new.list().iter().take(tagger::MAX_WORDS).map(|t| at_byte(source(t.start))).collect()
}
