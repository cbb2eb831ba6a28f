//! Heads on the sentence encoder: which intent, whether it is ours at all, which slots, how
//! sure. Trained on the device from the skills' sentences, kept in the cache directory.
//!
//! Must not run a model itself, and must not touch a file outside the given cache directory.

mod asking;
mod augment;
pub mod cache;
pub mod carried;
mod crf;
pub mod embeddings;
mod features;
mod intent;
pub mod loan;
mod neighbours;
mod place;
mod projection;
mod scope;
mod stored;
mod tagger;
mod tagging;
mod training;
mod vectors;

use crate::{
    engine::veto::Known,
    entities::{Context, Entities, Kind},
    normalise::Tokens,
    training::{TrainingIntent, TrainingSet},
};
use asking::Questions;
use embeddings::Embeddings;
use features::FeatureSpace;
use intent::{IntentModel, largest};
use loan::{Lender, Loan};
use neighbours::Neighbours;
use place::Place;
use projection::Projection;
use scope::{ScopeModel, Signs};
use std::{
    ops::Range,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};
use tagger::{Tagger, Words};
use valet_core::{
    encoder::{Encoder, EncoderFault, Encoding},
    signal::Class,
    slot::Slot,
    understanding::{Candidate, Engine, MAX_ALTERNATIVES},
};
use vectors::dots;

/// An alternative below this confidence is not worth a question.
const LEAST_CONFIDENCE: f64 = 0.02;
/// A sample less like the utterance (cosine) is not offered as what was perhaps meant.
const LEAST_LIKENESS: f32 = 0.6;
/// A reading with less of the probability is not looked at any closer.
const LEAST_SHARE: f32 = 0.01;
/// What a missing slot that nearly all samples fill takes from the logit of an intent.
const MISSING_SLOT: f32 = 0.8;
/// Words that turn a sentence about an action into something else than a request for it: they
/// count only where a sample of the intent has them. One bit each, in this order.
const POLARITY: &[&str] =
    &["not", "never", "unless", "if", "was", "were", "had", "did", "yesterday", "why", "who"];

/// Those of [`POLARITY`] that turn a question away from the car.
const WORLDLY: [&str; 2] = ["why", "who"];

/// The heads of one training set. Immutable, and cheap to ask.
#[derive(Debug)]
pub struct Heads {
    intents: Vec<TrainingIntent>,
    kinds: Vec<Kind>,
    questions: Questions,
    /// Fingerprint of the encoder whose vectors they are for, and the length of those.
    encoder: String,
    dimensions: usize,
    known: Known,
    learned: Learned,
}

/// All that training finds out.
#[derive(Debug, PartialEq)]
struct Learned {
    texts: Vec<Box<str>>,
    neighbours: Neighbours,
    /// Vectors of sentences that belong to no skill, one behind another.
    foreign: Vec<f32>,
    space: FeatureSpace,
    model: IntentModel,
    scope: ScopeModel,
    projection: Projection,
    taggers: Vec<Option<Arc<Tagger>>>,
    /// Which of [`POLARITY`] the samples of each intent have.
    polarity: Vec<u32>,
    /// Which slots nearly every sample of an intent fills.
    expected: Vec<Expected>,
}

/// The slots that nearly every sample of an intent fills, a bit each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Expected {
    /// Each of these.
    each: u32,
    /// At least one of these.
    any: u32,
}

/// What earlier trainings left.
#[derive(Debug, Clone, Copy, Default)]
pub struct Earlier<'a> {
    /// A directory of ours with embeddings and heads, to be read and written.
    pub cache: Option<&'a Path>,
    /// Heads whose taggers are taken over where they would come out the same. Those of another encoder are not looked at.
    pub heads: Option<&'a Heads>,
}

/// What a training came to.
#[derive(Debug)]
pub struct Training {
    /// The heads.
    pub heads: Heads,
    /// Texts that the encoder was asked for; 0 where the heads were in the cache.
    pub computed: usize,
    /// What of it stands on packages' words. As long as that is owed, nothing of the training is in the cache.
    pub loan: Option<Loan>,
}

/// What the heads make of one utterance.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranked {
    /// Best first, at most 1 + [`MAX_ALTERNATIVES`]; spans are bytes of the tokens' text.
    pub candidates: Vec<Candidate>,
    /// Whether the best one is above the out-of-scope threshold.
    pub accepted: bool,
    /// How sure it is that the utterance is ours and rightly named, 0 to 1.
    pub in_scope: f64,
    /// The nearest sample's text, marks removed; none where an expansion of a template is nearest,
    /// for those are no sentences to be shown.
    pub nearest: Option<String>,
    /// Time the encoder took.
    pub encoder_time: Duration,
    /// Time the heads and taggers took.
    pub heads_time: Duration,
}

impl Heads {
    /// Heads for a training set: from the cache where it holds exactly these, else trained.
    /// `progress` is told texts embedded and texts in all.
    ///
    /// Embeds at most 3000 texts, each once as long as its embedding stays in the cache.
    ///
    /// # Errors
    /// [`EncoderFault`] when a text cannot be embedded. A cache that cannot be read or written
    /// is no error: it costs time at the next start.
    pub fn train(
        set: &TrainingSet,
        entities: &Entities,
        encoder: &mut dyn Encoder,
        earlier: Earlier<'_>,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Self, EncoderFault> {
        let training = Self::train_on_loan(set, entities, encoder, (earlier, None), progress)?;
        if let Some(unwritten) = training.loan {
            // Nobody lent anything, so nobody lied.
            let _ = unwritten.settle(&training.heads);
        }
        Ok(training.heads)
    }

    /// The same, where texts that were never embedded here may be lent by skills' packages. Nothing is written before the
    /// [`Loan`] is settled.
    ///
    /// # Errors
    /// As [`Self::train`]. A package that is refused is no error: its texts are embedded.
    pub fn train_on_loan(
        set: &TrainingSet,
        entities: &Entities,
        encoder: &mut dyn Encoder,
        (earlier, lender): (Earlier<'_>, Option<&mut dyn Lender>),
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Training, EncoderFault> {
        let (fingerprint, dimensions) = (encoder.fingerprint().to_owned(), encoder.dimensions());
        let place = earlier.cache.map(|folder| Place::of(folder, set, &fingerprint));
        let stored =
            place.as_ref().and_then(|place| cache::read(&place.heads_file, &place.of_heads));
        if let Some(heads) =
            stored.and_then(|file| Self::parse(file.payload(), set, (&fingerprint, dimensions)))
        {
            return Ok(Training { heads, computed: 0, loan: None });
        }
        let examples = training::chosen(set);
        let embed = || {
            let mut embeddings = place.as_ref().map_or_else(
                || Embeddings::of_length(dimensions),
                |place| Embeddings::read(Some(&place.texts_file), &place.of_encoder, dimensions),
            );
            let borrowed = match lender {
                Some(lender) => loan::borrow((set, &examples), &mut embeddings, encoder, lender)?,
                None => loan::Borrowed::default(),
            };
            training::embed(&examples, &mut embeddings, encoder, progress)?;
            Ok((embeddings, borrowed))
        };
        let (embedded, known, featured) = training::read(embed, (set, &examples), entities)?;
        let (embeddings, borrowed) = embedded;
        let before = earlier.heads.filter(|heads| heads.encoder == fingerprint);
        let before = before.map(|heads| &heads.learned);
        let of = (&embeddings, dimensions);
        let learned = training::learn((set, &examples), featured, entities, of, before);
        let heads = Self::of(set, (&fingerprint, dimensions), (known, learned));
        let computed = embeddings.computed();
        Ok(Training { heads, computed, loan: Loan::of(borrowed, embeddings, place) })
    }

    fn of(
        set: &TrainingSet,
        (encoder, dimensions): (&str, usize),
        (known, learned): (Known, Learned),
    ) -> Self {
        let (kinds, questions) = (training::kinds_of(set), Questions::of(set));
        let (encoder, intents) = (encoder.to_owned(), set.intents.clone());
        Self { intents, kinds, questions, encoder, dimensions, known, learned }
    }

    /// How many intents they know.
    #[must_use]
    pub fn intents(&self) -> usize {
        self.intents.len()
    }

    /// What the intents' own sentences are like.
    pub(crate) fn known(&self) -> &Known {
        &self.known
    }

    /// Ranks the intents for one command and fills the slots of those worth naming. A question
    /// is only read as an intent of [`Class::Info`], where there is one at all.
    ///
    /// # Errors
    /// [`EncoderFault`] when the encoder cannot run, or is not the one of the training.
    pub fn rank(
        &self,
        tokens: &Tokens,
        context: &Context,
        entities: &Entities,
        encoder: &mut dyn Encoder,
    ) -> Result<Ranked, EncoderFault> {
        let begun = Instant::now();
        let encoding = embeddings::checked(encoder.encode(&tokens.spoken())?, self.dimensions)?;
        let encoder_time = begun.elapsed();
        let ranked = self.rank_encoded(tokens, context, entities, &encoding);
        let heads_time = begun.elapsed().saturating_sub(encoder_time);
        Ok(Ranked { encoder_time, heads_time, ..ranked })
    }

    /// The same for an utterance that was encoded before; its times are zero.
    #[must_use]
    pub fn rank_encoded(
        &self,
        tokens: &Tokens,
        context: &Context,
        entities: &Entities,
        encoding: &Encoding,
    ) -> Ranked {
        let learned = &self.learned;
        let hashes = features::hashes(tokens, &self.kinds, entities, context);
        let sparse = learned.space.vector(&hashes);
        let logits = learned.model.logits(&encoding.sentence, &sparse);
        let (nearest, near) = learned.neighbours.nearest(&encoding.sentence, &logits);
        let foreign = dots(&learned.foreign, &encoding.sentence).into_iter().fold(0.0, f32::max);
        let mut signs = signs_of(&logits, near, foreign, (&learned.space, tokens));
        let asks = self.questions.are_meant(tokens);
        let mut p = learned.model.probabilities(&logits);
        if asks {
            signs.lead = self.questions.lead(&logits);
            p = self.questions.shares(&p);
        }
        let in_scope = learned.scope.probability(&signs);
        let dense = tagger::pool(tokens, encoding, &learned.projection);
        let candidates = self
            .candidates(&p, asks, |intent| self.fill(intent, tokens, (context, entities), &dense));
        let accepted = candidates.first().is_some_and(|best| {
            let acts = self.intents[best.0].class != Class::Info;
            !self.is_turned(best.0, tokens) && learned.scope.accepts(in_scope * best.1, acts)
        });
        let in_scope = f64::from(in_scope);
        let candidates = candidates
            .into_iter()
            .map(|(intent, share, slots)| (intent, in_scope * f64::from(share), slots))
            .enumerate()
            .filter(|(nth, (_, confidence, _))| *nth == 0 || *confidence >= LEAST_CONFIDENCE)
            .map(|(_, (intent, confidence, slots))| Candidate {
                intent: self.intents[intent].id.clone(),
                slots: first_of_each(slots),
                confidence,
                engine: Engine::Encoder,
            })
            .collect();
        Ranked {
            candidates,
            accepted,
            in_scope,
            nearest: nearest
                .filter(|_| near >= LEAST_LIKENESS)
                .and_then(|text| learned.texts.get(text as usize))
                .filter(|text| !text.is_empty())
                .map(|text| text.to_string()),
            encoder_time: Duration::ZERO,
            heads_time: Duration::ZERO,
        }
    }

    /// The likeliest intents with their probabilities and slots, best first. An intent that lacks
    /// a slot which nearly all its samples fill falls behind.
    fn candidates(
        &self,
        p: &[f32],
        asks: bool,
        fill: impl Fn(usize) -> Vec<Slot>,
    ) -> Vec<(usize, f32, Vec<Slot>)> {
        // The best always, another only where it could still be named.
        let mut order = largest(p, 1 + MAX_ALTERNATIVES);
        let named = order.iter().filter(|intent| p[**intent] >= LEAST_SHARE).count();
        order.truncate(named.max(1));
        let mut lost = 0.0;
        let mut found: Vec<(usize, f32, Vec<Slot>)> = Vec::with_capacity(order.len());
        for intent in order.into_iter().filter(|intent| !asks || self.questions.informs(*intent)) {
            let slots = fill(intent);
            let expected = self.learned.expected.get(intent).copied().unwrap_or_default();
            let spec = self.intents[intent].slots.iter().take(32).enumerate();
            let filled = spec
                .filter(|(_, s)| slots.iter().any(|f| f.name == s.name))
                .fold(0u32, |bits, (at, _)| bits | 1 << at);
            let missing = (expected.each & !filled).count_ones()
                + u32::from(expected.any != 0 && expected.any & filled == 0);
            #[allow(clippy::cast_precision_loss)]
            let share = p[intent] * (-MISSING_SLOT * missing as f32).exp();
            lost += p[intent] - share;
            found.push((intent, share, slots));
        }
        // What one reading loses the others win.
        found.iter_mut().for_each(|(_, share, _)| *share /= (1.0 - lost).max(f32::EPSILON));
        found.sort_by(|a, b| b.1.total_cmp(&a.1));
        found
    }

    /// Whether a word turns the sentence against acting ("don't open the window"), or against
    /// asking about this car ("who invented the tyre").
    fn is_turned(&self, intent: usize, tokens: &Tokens) -> bool {
        let known = self.learned.polarity.get(intent).copied().unwrap_or(0);
        let turned = polarity_of(tokens) & !known;
        let asks = self.intents[intent].class == Class::Info;
        turned & if asks { polarity_bits(&WORLDLY) } else { u32::MAX } != 0
    }

    /// The slots of an intent (its number in the training set) in an utterance, left to right.
    /// A span that does not resolve is dropped; a typed value that nothing else claims fills
    /// the only slot of its kind.
    #[must_use]
    pub fn tag(
        &self,
        intent: usize,
        tokens: &Tokens,
        (context, entities): (&Context, &Entities),
        encoding: &Encoding,
    ) -> Vec<Slot> {
        let dense = tagger::pool(tokens, encoding, &self.learned.projection);
        self.fill(intent, tokens, (context, entities), &dense)
    }

    fn fill(
        &self,
        intent: usize,
        tokens: &Tokens,
        (context, entities): (&Context, &Entities),
        dense: &[Vec<f32>],
    ) -> Vec<Slot> {
        let Some(Some(tagger)) = self.learned.taggers.get(intent) else { return Vec::new() };
        let spec = &self.intents[intent];
        let marks = tagger::marks(tokens, spec, entities, context);
        let mut filled: Vec<(Range<usize>, Slot)> = Vec::new();
        for span in tagger.spans(&Words::of(tokens, &marks, dense.to_vec())) {
            let Some(slot) = spec.slots.get(span.slot) else { continue };
            let range = widened(&span.tokens, &marks[span.slot]);
            let value = entities.resolve(slot.kind, tokens.words(range.clone()), context);
            if let Some(value) = value {
                filled.push((range.clone(), slot_of(&slot.name, value, tokens, range)));
            }
        }
        for (number, slot) in spec.slots.iter().enumerate() {
            let alone = spec.slots.iter().filter(|other| other.kind == slot.kind).count() == 1;
            let [only] = marks[number].as_slice() else { continue };
            let taken = |(range, f): &(Range<usize>, Slot)| {
                f.name == slot.name || (range.start < only.end && range.end > only.start)
            };
            if !alone || slot.kind == Kind::Boolean || filled.iter().any(taken) {
                continue;
            }
            let value = entities.resolve(slot.kind, tokens.words(only.clone()), context);
            if let Some(value) = value {
                filled.push((only.clone(), slot_of(&slot.name, value, tokens, only.clone())));
            }
        }
        filled.sort_by_key(|(range, _)| range.start);
        filled.into_iter().map(|(_, slot)| slot).collect()
    }
}

/// The span of the one typed value it touches, else the span itself.
fn widened(span: &Range<usize>, marks: &[Range<usize>]) -> Range<usize> {
    let mut touching = marks.iter().filter(|m| m.start < span.end && m.end > span.start);
    match (touching.next(), touching.next()) {
        (Some(only), None) => only.clone(),
        _ => span.clone(),
    }
}

fn slot_of(
    name: &str,
    value: valet_core::entity::Value,
    tokens: &Tokens,
    range: Range<usize>,
) -> Slot {
    let (start, end) = tokens.span(range.clone());
    Slot { name: name.to_owned(), value, text: tokens.words(range).to_owned(), start, end }
}

fn first_of_each(slots: Vec<Slot>) -> Vec<Slot> {
    let mut kept: Vec<Slot> = Vec::with_capacity(slots.len());
    for slot in slots {
        if kept.iter().all(|k| k.name != slot.name) {
            kept.push(slot);
        }
    }
    kept
}

/// Which of [`POLARITY`] occur, one bit each.
fn polarity_of(tokens: &Tokens) -> u32 {
    tokens.list().iter().fold(0, |bits, token| bits | polarity_bits(&[&*token.norm]))
}

fn polarity_bits(words: &[&str]) -> u32 {
    let bit = |word: &&str| POLARITY.iter().position(|p| p == word).map_or(0, |at| 1u32 << at);
    words.iter().fold(0, |bits, word| bits | bit(word))
}

fn signs_of(
    logits: &[f32],
    near: f32,
    foreign: f32,
    (space, tokens): (&FeatureSpace, &Tokens),
) -> Signs {
    let best = largest(logits, 2);
    let logit = best.first().map_or(0.0, |at| logits[*at]);
    #[allow(clippy::cast_precision_loss)]
    let words = tokens.len() as f32;
    Signs {
        logit,
        lead: best.get(1).map_or(0.0, |at| logit - logits[*at]),
        near,
        foreign,
        coverage: space.coverage(tokens),
        words,
    }
}

#[cfg(test)]
mod loan_tests;
#[cfg(test)]
mod tests;
