//! From samples to heads: embed, fold, calibrate, train, tag.
//!
//! Must not read or write files; what is kept between trainings comes in as `Embeddings`.

use super::{
    Expected, Learned,
    asking::Questions,
    embeddings::Embeddings,
    features::{self, FeatureSpace, Sparse},
    intent::{IntentModel, Pace, Point, calibrate, largest},
    neighbours::Neighbours,
    scope::{Case, ScopeModel, Signs},
    tagger::Tagger,
    tagging::Tagging,
    vectors::{kernels, softmax},
};
use crate::{
    engine::veto::Known,
    entities::{Context, Entities, Kind},
    normalise::Tokens,
    share::{shared_out, shared_out_after},
    training::{Origin, TrainingExample, TrainingSet},
};
use std::sync::Arc;
use valet_core::encoder::{Encoder, EncoderFault};
use valet_kernels::LinearInput;

/// Most texts that are embedded for one training.
pub(crate) const MAX_EMBEDDED: usize = 3000;
/// Texts that go to the encoder together: progress is told, and a stop is heard, between them.
const EMBEDDED_AT_ONCE: usize = 64;
/// Most expansions of templates that are embedded of an intent. With the shipped skills that stays
/// below [`MAX_EMBEDDED`], so that which ones are chosen does not depend on the other skills.
const MAX_EXPANSIONS: usize = 8;
/// Parts the samples are held out in.
const FOLDS: usize = 3;
/// How much an expansion of a template counts against a sample that someone said.
const TEMPLATE_WEIGHT: f32 = 0.5;
/// A foreign sentence this near to a sample is none: some skill is about it.
const TOO_NEAR: f32 = 0.85;
/// The share of an intent's examples that fill a slot it is expected to have.
const EXPECTED: f32 = 0.85;
/// Sentences that belong to no skill, one a line.
const OUT_OF_DOMAIN: &str = include_str!("out_of_domain.txt");

/// One embedded example.
struct Prepared<'a> {
    example: &'a TrainingExample,
    sentence: &'a [f32],
    tokens: Tokens,
    hashes: Vec<u64>,
}

/// A sentence as the heads of a fold that never saw it see it.
struct HeldOut {
    logits: Vec<f32>,
    signs: Signs,
    /// Whether it is a question.
    asks: bool,
    /// The right intent; none for a foreign sentence (a number no intent has).
    intent: usize,
}

/// What training works on.
struct Ground<'a> {
    intents: usize,
    questions: Questions,
    dimensions: usize,
    prepared: Vec<Prepared<'a>>,
    foreign: Vec<Prepared<'a>>,
    /// For each of `prepared`, and for each of `foreign`, the cosine to the nearest (other) foreign sentence.
    near_foreign: [Vec<f32>; 2],
}

/// The examples worth embedding: every sample, then a few expansions in turn over the intents, up
/// to the bound. Equal texts of an intent count once.
pub(crate) fn chosen(set: &TrainingSet) -> Vec<&TrainingExample> {
    let limit = MAX_EMBEDDED - OUT_OF_DOMAIN.lines().count();
    let mut turn: Vec<(bool, usize, &TrainingExample)> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    let mut counts = [vec![0usize; set.intents.len()], vec![0usize; set.intents.len()]];
    for example in set.examples.iter().filter(|e| e.intent < set.intents.len()) {
        if seen.insert((example.intent, example.text.to_lowercase())) {
            let is_expansion = example.origin == Origin::Template;
            let count = &mut counts[usize::from(is_expansion)][example.intent];
            *count += 1;
            if !is_expansion || *count <= MAX_EXPANSIONS {
                turn.push((is_expansion, *count, example));
            }
        }
    }
    turn.sort_by_key(|(is_expansion, nth, _)| (*is_expansion, *nth));
    turn.into_iter().take(limit).map(|(.., example)| example).collect()
}

/// The sentences that belong to no skill.
pub(crate) fn of_no_skill() -> impl Iterator<Item = &'static str> {
    OUT_OF_DOMAIN.lines()
}

/// The texts of some examples, then the sentences that belong to no skill.
fn texts_of<'a>(examples: &[&'a TrainingExample]) -> Vec<&'a str> {
    examples.iter().map(|example| example.text.as_str()).chain(OUT_OF_DOMAIN.lines()).collect()
}

/// Embeds what training needs, telling how far it has come.
///
/// # Errors
/// The encoder's fault.
pub(crate) fn embed(
    examples: &[&TrainingExample],
    embeddings: &mut Embeddings,
    encoder: &mut dyn Encoder,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<(), EncoderFault> {
    let texts = texts_of(examples);
    let mut done = 0;
    for some in texts.chunks(EMBEDDED_AT_ONCE) {
        embeddings.add_all(some, encoder)?;
        done += some.len();
        progress(done, texts.len());
    }
    Ok(())
}

/// What an example may be shown as: only an author's own words.
fn shown(example: &TrainingExample) -> Box<str> {
    match example.origin {
        Origin::Sample => example.text.as_str().into(),
        Origin::Template => "".into(),
    }
}

/// A text as features.
pub(crate) struct Featured {
    tokens: Tokens,
    hashes: Vec<u64>,
}

/// What is read on the way to [`learn`].
enum Reading {
    Known(Known),
    Text(Featured),
}

/// Reads all texts, which needs no vectors, on another thread, while this one does what comes first and then helps. Gives what
/// came of that, what is known of the intents' sentences, and each example and each sentence of no skill as features.
///
/// # Errors
/// That of what comes first.
pub(crate) fn read<R, E>(
    first: impl FnOnce() -> Result<R, E>,
    (set, examples): (&TrainingSet, &[&TrainingExample]),
    entities: &Entities,
) -> Result<(R, Known, Vec<Featured>), E> {
    let kinds = kinds_of(set);
    let texts = texts_of(examples);
    let (first, readings) = shared_out_after(first, 1 + texts.len(), |part| match part {
        0 => Reading::Known(Known::of(&set.examples)),
        text => Reading::Text(Featured::of(texts[text - 1], &kinds, entities)),
    })?;
    let (mut known, mut featured) = (Known::default(), Vec::with_capacity(texts.len()));
    for reading in readings {
        match reading {
            Reading::Known(all) => known = all,
            Reading::Text(text) => featured.push(text),
        }
    }
    Ok((first, known, featured))
}

/// Trains everything, except what stands in `before` just as it would come out. The texts were read and embedded before.
pub(crate) fn learn(
    (set, examples): (&TrainingSet, &[&TrainingExample]),
    featured: Vec<Featured>,
    entities: &Entities,
    (embeddings, dimensions): (&Embeddings, usize),
    before: Option<&Learned>,
) -> Learned {
    let foreign: Vec<TrainingExample> = of_no_skill().map(foreigner).collect();
    let all = examples.iter().copied().chain(&foreign).zip(featured);
    let mut prepared: Vec<Option<Prepared<'_>>> =
        all.map(|(example, text)| prepare(example, text, embeddings)).collect();
    let foreign = prepared.split_off(examples.len());
    let mut ground = Ground {
        intents: set.intents.len(),
        questions: Questions::of(set),
        dimensions,
        prepared: prepared.into_iter().flatten().collect(),
        foreign: foreign.into_iter().flatten().collect(),
        near_foreign: [Vec::new(), Vec::new()],
    };
    ground.drop_claimed_foreigners();
    let before = before.map(|before| (&before.projection, before.taggers.as_slice()));
    let tagging = Tagging::of((set, examples), (entities, embeddings), dimensions, before);
    let parts = shared_out(1 + FOLDS + set.intents.len(), |part| match part {
        0 => Part::Model(Box::new(ground.train(&ground.all(), Pace::TO_SERVE))),
        fold if fold <= FOLDS => Part::Fold(ground.hold_out(fold - 1)),
        intent => Part::Tagger(tagging.tagger(intent - 1 - FOLDS)),
    });
    let (mut folds, mut taggers) = (Vec::new(), Vec::new());
    let (mut space, mut model) = (FeatureSpace::default(), IntentModel::default());
    for part in parts {
        match part {
            Part::Model(trained) => (space, model) = *trained,
            Part::Fold(held_out) => folds.push(held_out),
            Part::Tagger(tagger) => taggers.push(tagger),
        }
    }
    let (temperature, scope) = ground.calibrate(folds);
    model.temperature = temperature;
    let mut polarity = vec![0u32; set.intents.len()];
    for p in &ground.prepared {
        polarity[p.example.intent] |= super::polarity_of(&p.tokens);
    }
    Learned {
        neighbours: ground.neighbours(&ground.all()),
        texts: ground.prepared.iter().map(|p| shown(p.example)).collect(),
        foreign: rows_of(&ground.foreign),
        space,
        model,
        scope,
        projection: tagging.into_projection(),
        taggers,
        polarity,
        expected: expected(set),
    }
}

/// What is learned independently of all else.
enum Part {
    Model(Box<(FeatureSpace, IntentModel)>),
    Fold([Vec<HeldOut>; 2]),
    Tagger(Option<Arc<Tagger>>),
}

/// A sentence of no skill.
fn foreigner(line: &str) -> TrainingExample {
    let (intent, spans) = (usize::MAX, Vec::new());
    TrainingExample { intent, text: line.to_owned(), spans, origin: Origin::Sample }
}

/// The slots that at least [`EXPECTED`] of an intent's examples fill. Where none of them alone
/// is, it may be one of several ("warmer", "by two degrees"); a place says nothing of what is
/// wanted there.
#[allow(clippy::cast_precision_loss)]
fn expected(set: &TrainingSet) -> Vec<Expected> {
    let of_intent = |number: usize| {
        let filled: Vec<u32> = set
            .examples
            .iter()
            .filter(|e| e.intent == number)
            .map(|e| e.spans.iter().filter(|s| s.slot < 32).fold(0, |bits, s| bits | 1 << s.slot))
            .collect();
        let is_usual = |of: u32| {
            let count = filled.iter().filter(|bits| *bits & of != 0).count();
            count > 0 && count as f32 >= EXPECTED * filled.len() as f32
        };
        let bits = |fits: &dyn Fn(usize) -> bool| {
            let slots = 0..set.intents[number].slots.len().min(32);
            slots.filter(|slot| fits(*slot)).fold(0u32, |bits, slot| bits | 1 << slot)
        };
        let each = bits(&|slot| is_usual(1 << slot));
        let some = bits(&|slot| set.intents[number].slots[slot].kind != Kind::Zone);
        let any = if each == 0 && is_usual(some) { some } else { 0 };
        Expected { each, any }
    };
    (0..set.intents.len()).map(of_intent).collect()
}

/// The kinds of values that some intent has a slot for, free text left out.
pub(crate) fn kinds_of(set: &TrainingSet) -> Vec<Kind> {
    let slots = set.intents.iter().flat_map(|intent| &intent.slots);
    let mut kinds: Vec<Kind> = slots.map(|slot| slot.kind).filter(|k| *k != Kind::Text).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

impl Featured {
    fn of(text: &str, kinds: &[Kind], entities: &Entities) -> Self {
        let tokens = Tokens::read(text);
        let hashes = features::hashes(&tokens, kinds, entities, &Context::default());
        Self { tokens, hashes }
    }
}

fn prepare<'a>(
    example: &'a TrainingExample,
    Featured { tokens, hashes }: Featured,
    embeddings: &'a Embeddings,
) -> Option<Prepared<'a>> {
    Some(Prepared { example, sentence: embeddings.sentence(&example.text)?, tokens, hashes })
}

/// The cosines of each of some sentences with each of the rows that lie one behind another, all of length one.
fn cosines(sentences: &[&[f32]], rows: &[f32]) -> Vec<Vec<f32>> {
    /// Sentences of a task, and rows that stay in the nearest cache while all of them meet these.
    const SENTENCES: usize = 64;
    const ROWS: usize = 16;
    let width = sentences.first().map_or(0, |sentence| sentence.len()).max(1);
    let chunks: Vec<&[&[f32]]> = sentences.chunks(SENTENCES).collect();
    let of_chunk = |number: usize| {
        let mut all = vec![vec![0.0; rows.len() / width]; chunks[number].len()];
        for (block, rows) in rows.chunks(ROWS * width).enumerate() {
            for (sentence, cosines) in chunks[number].iter().zip(&mut all) {
                let here = &mut cosines[block * ROWS..][..rows.len() / width];
                kernels().dots(rows, sentence, here);
            }
        }
        all
    };
    shared_out(chunks.len(), of_chunk).into_iter().flatten().collect()
}

/// Sentence vectors, one behind another.
fn rows_of(prepared: &[Prepared<'_>]) -> Vec<f32> {
    prepared.iter().flat_map(|p| p.sentence.iter().copied()).collect()
}

impl Ground<'_> {
    /// Takes out foreign sentences that lie next to a sample, and sees how near the others are to all.
    fn drop_claimed_foreigners(&mut self) {
        let all: Vec<&[f32]> =
            self.prepared.iter().chain(&self.foreign).map(|p| p.sentence).collect();
        let cosines = cosines(&all, &rows_of(&self.foreign));
        let (own, others) = cosines.split_at(self.prepared.len());
        let stays: Vec<bool> = (0..self.foreign.len())
            .map(|foreigner| own.iter().all(|cosines| cosines[foreigner] < TOO_NEAR))
            .collect();
        let nearest = |cosines: &[f32], itself| {
            let near = cosines.iter().zip(&stays).enumerate();
            near.filter(|(at, (_, stays))| **stays && Some(*at) != itself)
                .fold(0.0f32, |most, (_, (cosine, _))| most.max(*cosine))
        };
        let others = others.iter().enumerate().filter(|(at, _)| stays[*at]);
        self.near_foreign = [
            own.iter().map(|cosines| nearest(cosines, None)).collect(),
            others.map(|(at, cosines)| nearest(cosines, Some(at))).collect(),
        ];
        let mut stays = stays.iter();
        self.foreign.retain(|_| stays.next() == Some(&true));
    }

    fn neighbours(&self, members: &[usize]) -> Neighbours {
        let mut neighbours = Neighbours::new(self.intents);
        for at in members {
            let p = &self.prepared[*at];
            neighbours.add(p.example.intent, *at, p.sentence);
        }
        neighbours
    }

    fn train(&self, members: &[usize], pace: Pace) -> (FeatureSpace, IntentModel) {
        let hashes: Vec<&[u64]> =
            members.iter().map(|at| self.prepared[*at].hashes.as_slice()).collect();
        let space = FeatureSpace::of(&hashes);
        let sparse: Vec<Sparse> = hashes.iter().map(|h| space.vector(h)).collect();
        let balance = self.balance(members);
        let points: Vec<Point<'_>> = members
            .iter()
            .zip(&sparse)
            .map(|(at, sparse)| {
                let p = &self.prepared[*at];
                let origin =
                    if p.example.origin == Origin::Template { TEMPLATE_WEIGHT } else { 1.0 };
                Point {
                    dense: p.sentence,
                    sparse,
                    intent: p.example.intent,
                    weight: origin * balance[p.example.intent],
                }
            })
            .collect();
        let model =
            IntentModel::train(&points, self.intents, (self.dimensions, space.columns()), pace);
        (space, model)
    }

    /// Intents with few samples count more a sample, within bounds.
    #[allow(clippy::cast_precision_loss)]
    fn balance(&self, members: &[usize]) -> Vec<f32> {
        let mut counts = vec![0.0f32; self.intents];
        for at in members {
            counts[self.prepared[*at].example.intent] += 1.0;
        }
        let mean = members.len() as f32 / self.intents.max(1) as f32;
        counts.iter().map(|c| (mean / c.max(1.0)).sqrt().clamp(0.6, 1.6)).collect()
    }

    /// The numbers of all samples.
    fn all(&self) -> Vec<usize> {
        (0..self.prepared.len()).collect()
    }

    /// What heads that never saw a fold make of its samples, and of the sentences of no skill.
    fn hold_out(&self, fold: usize) -> [Vec<HeldOut>; 2] {
        let folds = self.folds();
        let (outside, inside): (Vec<usize>, Vec<usize>) =
            (0..self.prepared.len()).partition(|at| folds[*at] == Some(fold));
        if outside.is_empty() || inside.is_empty() {
            return [Vec::new(), Vec::new()];
        }
        let (space, model) = self.train(&inside, Pace::TO_JUDGE);
        let neighbours = self.neighbours(&inside);
        let [own, others] = &self.near_foreign;
        let own = outside.iter().map(|at| (&self.prepared[*at], own[*at]));
        let all: Vec<(&Prepared<'_>, f32)> =
            own.chain(self.foreign.iter().zip(others.iter().copied())).collect();
        let words: Vec<Sparse> = all.iter().map(|(p, _)| space.vector(&p.hashes)).collect();
        let inputs = all.iter().zip(&words);
        let inputs: Vec<LinearInput<'_>> =
            inputs.map(|((p, _), sparse)| LinearInput { dense: p.sentence, sparse }).collect();
        let held_out = |((p, near_foreign), logits): (&(&Prepared<'_>, f32), Vec<f32>)| {
            let near = neighbours.nearest(p.sentence, &logits).1;
            let mut signs = super::signs_of(&logits, near, *near_foreign, (&space, &p.tokens));
            let asks = self.questions.are_meant(&p.tokens);
            if asks {
                signs.lead = self.questions.lead(&logits);
            }
            HeldOut { logits, signs, asks, intent: p.example.intent }
        };
        let mut own: Vec<HeldOut> =
            all.iter().zip(model.logits_of(&inputs)).map(held_out).collect();
        let others = own.split_off(outside.len());
        [own, others]
    }

    /// The temperature of the logits, and the judge of scope, from what was held out.
    fn calibrate(&self, folds: Vec<[Vec<HeldOut>; 2]>) -> (f32, ScopeModel) {
        let (mut ours, mut foreign): (Vec<HeldOut>, Vec<HeldOut>) = (Vec::new(), Vec::new());
        for [own, others] in folds {
            ours.extend(own);
            foreign.extend(others);
        }
        let known: Vec<(&[f32], usize)> =
            ours.iter().map(|h| (h.logits.as_slice(), h.intent)).collect();
        let temperature = calibrate(&known);
        let case = |h: &HeldOut| self.case(h, temperature);
        let (ours, foreign): (Vec<Case>, Vec<Case>) =
            (ours.iter().filter_map(case).collect(), foreign.iter().filter_map(case).collect());
        (temperature, ScopeModel::train(&ours, &foreign))
    }

    fn case(&self, held_out: &HeldOut, temperature: f32) -> Option<Case> {
        let mut p: Vec<f32> = held_out.logits.iter().map(|l| l / temperature).collect();
        softmax(&mut p);
        if held_out.asks {
            p = self.questions.shares(&p);
        }
        let best = *largest(&p, 1).first()?;
        Some(Case {
            signs: held_out.signs,
            share: p[best],
            right: best == held_out.intent,
            acts: !held_out.asks && !self.questions.informs(best),
        })
    }

    /// The fold of each sample; expansions of templates are never held out, for they are not
    /// what people say freely.
    fn folds(&self) -> Vec<Option<usize>> {
        let mut counts = vec![0usize; self.intents];
        let fold = |p: &Prepared<'_>| {
            (p.example.origin == Origin::Sample).then(|| {
                counts[p.example.intent] += 1;
                (counts[p.example.intent] + p.example.intent) % FOLDS
            })
        };
        self.prepared.iter().map(fold).collect()
    }
}
