//! What the heads are trained from: the skills' samples, and a few expansions of their templates.
//!
//! Must not train anything.

use crate::{
    engine::SkillSource,
    entities::{Entities, Kind, Vocabulary},
    expand::{self, Piece},
    random::Random,
};
use sha2::{Digest, Sha256};
use std::collections::HashSet;
use valet_core::{entity::EntityKind, intent::IntentId, signal::Class};
use valet_package::{
    sample::Sample,
    sentences::Sentences,
    template::{Rules, Template},
};

/// Most random expansions of templates, an intent.
pub const MAX_TEMPLATE_EXAMPLES: usize = 40;

/// All examples of all intents.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainingSet {
    /// The intents, in the order of skills and names.
    pub intents: Vec<TrainingIntent>,
    /// The examples, grouped by intent.
    pub examples: Vec<TrainingExample>,
    /// SHA-256 of all that the examples and entities were made from.
    pub fingerprint: [u8; 32],
}

/// An intent to be recognised.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainingIntent {
    /// Its name.
    pub id: IntentId,
    /// `Class::Info` = a question.
    pub class: Class,
    /// For people; also what the intent is about.
    pub description: String,
    /// Its slots.
    pub slots: Vec<TrainingSlot>,
}

/// A slot of an intent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrainingSlot {
    /// Its name.
    pub name: String,
    /// What it holds, as the manifest says it.
    pub entity: EntityKind,
    /// The same as a table of this understander.
    pub kind: Kind,
}

/// One sentence of an intent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrainingExample {
    /// Index into [`TrainingSet::intents`].
    pub intent: usize,
    /// What a person says.
    pub text: String,
    /// What in it fills which slot.
    pub spans: Vec<TrainingSpan>,
    /// Where it comes from.
    pub origin: Origin,
}

/// A span of an example.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrainingSpan {
    /// Index into the intent's slots.
    pub slot: usize,
    /// First byte in the text.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

/// Where an example comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Free speech that an author wrote.
    Sample,
    /// A random expansion of a template.
    Template,
}

/// Examples of one skill, whose intents are those from `first` on: all its samples, and random
/// expansions of its templates.
pub(crate) fn examples(
    skill: &SkillSource<'_>,
    rules: &Rules,
    (intents, first): (&[TrainingIntent], usize),
    entities: &Entities,
) -> Vec<TrainingExample> {
    let mut all = Vec::new();
    for (own, intent) in intents.iter().enumerate() {
        let number = first + own;
        let Some(sentences) = skill.sentences.intents.get(intent.id.name()) else { continue };
        let mut seen = HashSet::new();
        for text in &sentences.samples {
            let Ok(sample) = Sample::parse(text) else { continue };
            if seen.insert(sample.text.clone()) {
                all.push(from_sample(number, intent, sample));
            }
        }
        // The same expansions whatever other skills there are: what was embedded once stays good
        // when one of them comes or goes.
        let mut dice = Random::new(own as u64);
        let names = intent.slots.iter().map(|slot| slot.name.as_str());
        let templates: Vec<Template> = sentences
            .templates
            .iter()
            .filter_map(|text| rules.template(text, names.clone()).ok())
            .collect();
        let rounds = MAX_TEMPLATE_EXAMPLES.checked_div(templates.len()).unwrap_or(0).clamp(1, 4);
        let turns = (0..rounds).flat_map(|_| &templates).take(MAX_TEMPLATE_EXAMPLES);
        for template in turns {
            let mut pieces = Vec::new();
            expand::random(&template.root, rules, &mut dice, &mut pieces);
            if let Some(example) = from_pieces(number, intent, &pieces, entities, &mut dice)
                && seen.insert(example.text.clone())
            {
                all.push(example);
            }
        }
    }
    all
}

#[allow(clippy::cast_possible_truncation)]
fn from_sample(number: usize, intent: &TrainingIntent, sample: Sample) -> TrainingExample {
    let place = |name: &str| intent.slots.iter().position(|slot| slot.name == name);
    let spans = sample
        .spans
        .iter()
        .filter_map(|span| {
            Some(TrainingSpan {
                slot: place(&span.slot)?,
                start: span.start as u32,
                end: span.end as u32,
            })
        })
        .collect();
    TrainingExample { intent: number, text: sample.text, spans, origin: Origin::Sample }
}

/// Words that stand for free text in an expansion, so that a tagger sees some.
const FREE_TEXT: &[&str] = &[
    "berlin",
    "the nearest bakery",
    "baker street 12",
    "the main station",
    "radio paradise",
    "the beatles",
    "anna's house",
    "golden gate bridge",
];

#[allow(clippy::cast_possible_truncation)]
fn from_pieces(
    number: usize,
    intent: &TrainingIntent,
    pieces: &[Piece],
    entities: &Entities,
    dice: &mut Random,
) -> Option<TrainingExample> {
    let mut text = String::new();
    let mut spans = Vec::new();
    for piece in pieces {
        if !text.is_empty() {
            text.push(' ');
        }
        let start = text.len() as u32;
        match piece {
            Piece::Word(word) => text.push_str(word),
            Piece::Slot(name) => {
                let slot = intent.slots.iter().position(|slot| slot.name == *name)?;
                let examples = entities.examples(intent.slots[slot].kind);
                if examples.is_empty() {
                    text.push_str(FREE_TEXT[dice.below(FREE_TEXT.len())]);
                } else {
                    text.push_str(&examples[dice.below(examples.len())]);
                }
                spans.push(TrainingSpan { slot, start, end: text.len() as u32 });
            }
        }
    }
    let origin = Origin::Template;
    (!text.is_empty()).then_some(TrainingExample { intent: number, text, spans, origin })
}

/// SHA-256 of the language, the intents and all sentences and values, and of the built-in data
/// that normalisation and entities are made of.
pub(crate) fn fingerprint(
    language: &str,
    skills: &[SkillSource<'_>],
    vocabulary: &Vocabulary,
) -> [u8; 32] {
    let mut hash = Sha256::new();
    for data in [
        include_str!("../data/en/words.toml"),
        include_str!("../data/en/entities.toml"),
        crate::dialogue::ENGLISH,
        language,
        &format!("{vocabulary:?}"),
    ] {
        hash.update((data.len() as u64).to_le_bytes());
        hash.update(data);
    }
    for skill in skills {
        // The replies and the version change nothing that is understood.
        let Sentences { rules, entities, intents, replies: _ } = skill.sentences;
        let text = format!(
            "{:?}",
            (&skill.manifest.id, &skill.manifest.intents, rules, entities, intents)
        );
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text);
    }
    hash.finalize().into()
}
