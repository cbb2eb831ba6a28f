//! Trained heads as bytes and back.
//!
//! Must not trust what it reads: sizes that do not fit the training set give nothing.

use super::{
    Expected, Heads, Learned,
    cache::{Reader, Writer},
    crf::{Field, Shape},
    features::{FeatureSpace, MAX_FEATURES},
    intent::IntentModel,
    neighbours::Neighbours,
    projection::{COMPONENTS, Projection},
    scope::{SIGNS, ScopeModel},
    tagger::Tagger,
    training::MAX_EMBEDDED,
};
use crate::{engine::veto::Known, training::TrainingSet};
use std::sync::Arc;
use valet_kernels::Linear;

/// Most features of one tagger.
const MAX_TAGGER_FEATURES: usize = 200_000;

impl Heads {
    /// Heads for this training set out of the payload of a cache file; `None` where a size in it
    /// does not fit the set, a number is not finite, or bytes are left over. `encoder` is the
    /// encoder's fingerprint, `dimensions` the length of its vectors.
    #[must_use]
    pub fn parse(
        payload: &[u8],
        set: &TrainingSet,
        (encoder, dimensions): (&str, usize),
    ) -> Option<Self> {
        let learned = read(payload, set, dimensions)?;
        Some(Self::of(set, (encoder, dimensions), (Known::of(&set.examples), learned)))
    }

    /// What [`Heads::parse`] reads.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        write(&self.learned)
    }
}

fn write(learned: &Learned) -> Vec<u8> {
    let mut w = Writer::default();
    w.count(learned.texts.len());
    learned.texts.iter().for_each(|text| w.bytes(text.as_bytes()));
    write_neighbours(&mut w, &learned.neighbours);
    w.count(learned.foreign.len());
    learned.foreign.iter().for_each(|v| w.f32(*v));
    let features = learned.space.parts();
    w.u64s(&features.iter().map(|(hash, ..)| *hash).collect::<Vec<u64>>());
    for (_, column, rarity) in features {
        w.u32(column);
        w.f32(rarity);
    }
    learned.model.weights.parts().iter().for_each(|part| w.f32s(part));
    w.f32s(&learned.model.bias);
    w.f32(learned.model.temperature);
    w.f32s(&learned.scope.mean);
    w.f32s(&learned.scope.scale);
    w.f32s(&learned.scope.weights);
    w.f32(learned.scope.bias);
    w.f32(learned.scope.act);
    w.f32(learned.scope.answer);
    w.count(learned.projection.examples);
    w.f32s(&learned.projection.mean);
    w.count(learned.projection.rows.len());
    w.f32s(&learned.projection.rows);
    for tagger in &learned.taggers {
        w.u32(u32::from(tagger.is_some()));
        if let Some(tagger) = tagger {
            w.bytes(&tagger.of);
            w.u64s(&tagger.features);
            w.f32s(&tagger.field.weights);
        }
    }
    learned.polarity.iter().for_each(|bits| w.u32(*bits));
    for expected in &learned.expected {
        w.u32(expected.each);
        w.u32(expected.any);
    }
    w.into_bytes()
}

fn read(bytes: &[u8], set: &TrainingSet, dimensions: usize) -> Option<Learned> {
    let mut r = Reader::new(bytes);
    let intents = set.intents.len();
    let count = r.count().filter(|count| *count <= MAX_EMBEDDED)?;
    let mut texts = Vec::with_capacity(count);
    for _ in 0..count {
        texts.push(r.text()?.into());
    }
    let neighbours = read_neighbours(&mut r, intents, (dimensions, count))?;
    let foreign_numbers = r.count().filter(|n| *n <= MAX_EMBEDDED * dimensions)?;
    if foreign_numbers.checked_rem(dimensions)? != 0 {
        return None;
    }
    let foreign = (0..foreign_numbers).map(|_| r.f32()).collect::<Option<Vec<f32>>>()?;
    let space = read_space(&mut r)?;
    let model = read_model(&mut r, (intents, dimensions), space.columns())?;
    let scope = read_scope(&mut r)?;
    let examples = r.count().filter(|count| *count <= MAX_EMBEDDED)?;
    let mean = r.f32s(dimensions)?;
    let numbers = r.count().filter(|n| *n <= COMPONENTS * dimensions)?;
    let projection = Projection { examples, dimensions, mean, rows: r.f32s(numbers)? };
    let mut taggers = Vec::with_capacity(intents);
    for intent in &set.intents {
        taggers.push(match r.u32()? {
            0 => None,
            1 => Some(Arc::new(read_tagger(&mut r, intent.slots.len())?)),
            _ => return None,
        });
    }
    let mut bits = |count: usize| (0..count).map(|_| r.u32()).collect::<Option<Vec<u32>>>();
    let (polarity, pairs) = (bits(intents)?, bits(2 * intents)?);
    let (pairs, _) = pairs.as_chunks::<2>();
    let expected = pairs.iter().map(|[each, any]| Expected { each: *each, any: *any }).collect();
    let learned = Learned {
        neighbours,
        foreign,
        texts,
        space,
        model,
        scope,
        projection,
        taggers,
        polarity,
        expected,
    };
    r.is_at_end().then_some(learned)
}

fn write_neighbours(w: &mut Writer, neighbours: &Neighbours) {
    for (texts, vectors) in neighbours.of_intent.iter() {
        w.count(texts.len());
        texts.iter().for_each(|text| w.u32(*text));
        w.f32s(vectors);
    }
}

fn read_neighbours(
    r: &mut Reader<'_>,
    intents: usize,
    (dimensions, texts): (usize, usize),
) -> Option<Neighbours> {
    let mut neighbours = Neighbours::new(intents);
    for (own, vectors) in &mut neighbours.of_intent {
        let count = r.count().filter(|count| *count <= texts)?;
        for _ in 0..count {
            own.push(r.u32().filter(|text| (*text as usize) < texts)?);
        }
        *vectors = r.f32s(count.checked_mul(dimensions)?)?;
    }
    Some(neighbours)
}

fn read_space(r: &mut Reader<'_>) -> Option<FeatureSpace> {
    let hashes = r.u64s().filter(|hashes| hashes.len() <= MAX_FEATURES)?;
    let features = hashes.into_iter().map(|hash| Some((hash, r.u32()?, r.f32()?)));
    FeatureSpace::of_parts(features.collect::<Option<_>>()?)
}

fn read_model(
    r: &mut Reader<'_>,
    (intents, dimensions): (usize, usize),
    features: usize,
) -> Option<IntentModel> {
    let width = Linear::zeros(intents, 0, 0).width();
    let dense = r.f32s(width.checked_mul(dimensions)?)?;
    let sparse = r.f32s(width.checked_mul(features)?)?;
    let weights = Linear::of(intents, dimensions, [dense, sparse])?;
    let bias = r.f32s(intents)?;
    let temperature = r.f32().filter(|t| *t > 0.0)?;
    Some(IntentModel { intents, weights, bias, temperature })
}

fn read_scope(r: &mut Reader<'_>) -> Option<ScopeModel> {
    let mut row = || -> Option<[f32; SIGNS]> { r.f32s(SIGNS)?.try_into().ok() };
    let (mean, scale, weights) = (row()?, row()?, row()?);
    Some(ScopeModel { mean, scale, weights, bias: r.f32()?, act: r.f32()?, answer: r.f32()? })
}

fn read_tagger(r: &mut Reader<'_>, slots: usize) -> Option<Tagger> {
    let of = r.bytes()?.try_into().ok()?;
    let features = r.u64s().filter(|f| f.len() <= MAX_TAGGER_FEATURES && f.is_sorted())?;
    let shape = Shape { labels: 1 + 2 * slots, features: features.len(), dense: COMPONENTS };
    let weights = r.f32s(shape.weights())?;
    Some(Tagger { of, features, field: Field { shape, weights } })
}
