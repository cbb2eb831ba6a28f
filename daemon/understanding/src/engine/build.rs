//! Building an understander from the installed skills' manifests and sentences.
//!
//! Must not read a file; the sentences are already checked.

use super::{Model, Together, Understander};
use crate::{
    dialogue::DialogueWords,
    entities::{Entities, Kind, Vocabulary},
    error::UnderstandingError,
    hash::FastMap,
    language::Language,
    normalise::Tokens,
    share::shared_out_after,
    templates::{self, Templates},
    training::{self, TrainingExample, TrainingIntent, TrainingSet, TrainingSlot},
};
use std::{ops::Range, sync::Arc};
use valet_core::intent::IntentId;
use valet_package::{manifest::Manifest, sample::Sample, sentences::Sentences, template::Rules};

/// Most intents of all skills together.
pub(crate) const MAX_ALL_INTENTS: usize = 4096;

/// One skill as the understander sees it.
#[derive(Debug, Clone, Copy)]
pub struct SkillSource<'a> {
    /// Which intents and slots it has.
    pub manifest: &'a Manifest,
    /// What people say for them, in the understander's language.
    pub sentences: &'a Sentences,
}

impl Understander {
    /// Builds an understander for one language. `vocabulary` adds values to listed entities of
    /// that name in every skill.
    ///
    /// # Errors
    /// [`UnderstandingError`]: a language without data, a template that cannot be compiled, or a
    /// bound that all skills together go past.
    pub fn build(
        language: &str,
        skills: &[SkillSource<'_>],
        vocabulary: &Vocabulary,
    ) -> Result<Self, UnderstandingError> {
        Language::check(language)?;
        let mut entities = Entities::default();
        for skill in skills {
            entities.add_skill(&skill.manifest.id, &skill.sentences.entities, vocabulary)?;
        }
        let mut intents = Vec::new();
        let mut parts = Vec::new();
        for skill in skills {
            let rules = Rules::parse(&skill.sentences.rules).map_err(|(name, e)| {
                templates::refuse(format!("{} rules.{name}", skill.manifest.id), e.to_string())
            })?;
            let first = intents.len();
            intents.extend(describe(skill, &entities)?);
            parts.push(Part { skill, rules, own: first..intents.len() });
        }
        let got = intents.len();
        if got > MAX_ALL_INTENTS {
            let what = "intents".to_owned();
            return Err(UnderstandingError::TooMany { what, got, limit: MAX_ALL_INTENTS });
        }
        let compile = || compile_all(&parts, &intents);
        let ((templates, mut together), examples) =
            shared_out_after(compile, parts.len(), |part| {
                let Part { skill, rules, own } = &parts[part];
                training::examples(skill, rules, (&intents[own.clone()], own.start), &entities)
            })?;
        let examples: Vec<TrainingExample> = examples.into_iter().flatten().collect();
        for example in &examples {
            let slots = &intents[example.intent].slots;
            let names = example.spans.iter().map(|span| slots[span.slot].name.as_str());
            pair(&mut together[example.intent], &names.collect::<Vec<_>>());
        }
        let by_id: FastMap<IntentId, usize> =
            intents.iter().enumerate().map(|(index, intent)| (intent.id.clone(), index)).collect();
        let fingerprint = training::fingerprint(language, skills, vocabulary);
        let model = Model {
            by_id,
            entities,
            templates,
            together,
            suggestions: suggestions(skills),
            examples: said(skills),
            training: TrainingSet { intents: intents.clone(), examples, fingerprint },
            intents,
        };
        Ok(Self {
            model: Arc::new(model),
            heads: None,
            before: None,
            yielding: Arc::default(),
            words: DialogueWords::english(),
            wake_words: Arc::default(),
        })
    }
}

/// A skill, its rules, and which of all intents are its own.
struct Part<'a> {
    skill: &'a SkillSource<'a>,
    rules: Rules,
    own: Range<usize>,
}

/// Compiles the templates of all intents; which slots each fills together.
fn compile_all(
    parts: &[Part<'_>],
    intents: &[TrainingIntent],
) -> Result<(Templates, Vec<Together>), UnderstandingError> {
    let mut templates = Templates::default();
    let mut together = Vec::with_capacity(intents.len());
    for Part { skill, rules, own } in parts {
        for number in own.clone() {
            together.push(compile(skill, rules, &intents[number], number, &mut templates)?);
        }
    }
    templates.finish();
    Ok((templates, together))
}

/// The intents of a skill with the kinds of their slots.
fn describe(
    skill: &SkillSource<'_>,
    entities: &Entities,
) -> Result<Vec<TrainingIntent>, UnderstandingError> {
    let id = &skill.manifest.id;
    let mut all = Vec::new();
    for (name, spec) in &skill.manifest.intents {
        let place = || format!("{id} intents.{name}");
        let mut slots = Vec::new();
        for (slot, spec) in &spec.slots {
            let kind = entities.kind(id, &spec.entity).ok_or_else(|| {
                templates::refuse(place(), format!("slot {slot:?} wants an entity without values"))
            })?;
            slots.push(TrainingSlot { name: slot.clone(), entity: spec.entity.clone(), kind });
        }
        let intent = IntentId::new(id.clone(), name)
            .map_err(|e| templates::refuse(place(), e.to_string()))?;
        all.push(TrainingIntent {
            id: intent,
            class: spec.class,
            description: spec.description.clone(),
            slots,
        });
    }
    Ok(all)
}

/// Compiles the templates of an intent; which slots they fill together.
fn compile(
    skill: &SkillSource<'_>,
    rules: &Rules,
    intent: &TrainingIntent,
    number: usize,
    templates: &mut Templates,
) -> Result<Together, UnderstandingError> {
    let mut together = Together::new();
    let Some(sentences) = skill.sentences.intents.get(intent.id.name()) else {
        return Ok(together);
    };
    let kind = |name: &str| -> Option<Kind> {
        intent.slots.iter().find(|slot| slot.name == name).map(|slot| slot.kind)
    };
    let names = || intent.slots.iter().map(|slot| slot.name.as_str());
    for (index, text) in sentences.templates.iter().enumerate() {
        #[allow(clippy::cast_possible_truncation)]
        rules
            .template(text, names())
            .map_err(|e| e.to_string())
            .and_then(|template| {
                let names: Vec<&str> = template.slots.iter().map(|(name, _)| &**name).collect();
                pair(&mut together, &names);
                templates.add(&template.root, rules, number as u32, &kind)
            })
            .map_err(|what| {
                templates::refuse(format!("{} templates[{index}] {text:?}", intent.id), what)
            })?;
    }
    Ok(together)
}

/// Notes that slots stand in one sentence.
fn pair(together: &mut Together, names: &[&str]) {
    for (index, one) in names.iter().enumerate() {
        for other in names.iter().skip(index + 1).filter(|other| *other != one) {
            together.insert(((*one).to_owned(), (*other).to_owned()));
            together.insert(((*other).to_owned(), (*one).to_owned()));
        }
    }
}

/// What the authors suggest, one of each skill in turn, each intent before any a second time.
fn suggestions(skills: &[SkillSource<'_>]) -> Vec<String> {
    let mut queues: Vec<Vec<&String>> = Vec::new();
    for skill in skills {
        let lines: Vec<&Vec<String>> =
            skill.sentences.intents.values().map(|intent| &intent.suggest).collect();
        let longest = lines.iter().map(|lines| lines.len()).max().unwrap_or(0);
        let queue = (0..longest).flat_map(|at| lines.iter().filter_map(move |all| all.get(at)));
        queues.push(queue.collect());
    }
    let longest = queues.iter().map(Vec::len).max().unwrap_or(0);
    let turns = (0..longest).flat_map(|at| queues.iter().filter_map(move |queue| queue.get(at)));
    turns.map(|text| (*text).clone()).collect()
}

/// All sentences that may be offered as the nearest thing one could have said.
fn said(skills: &[SkillSource<'_>]) -> Vec<(String, Vec<Box<str>>)> {
    let mut all = Vec::new();
    for intent in skills.iter().flat_map(|skill| skill.sentences.intents.values()) {
        let samples = intent.samples.iter().filter_map(|text| Sample::parse(text).ok());
        for text in intent.suggest.iter().cloned().chain(samples.map(|sample| sample.text)) {
            let words = Tokens::read(&text).list().iter().map(|token| token.norm.clone()).collect();
            all.push((text, words));
        }
    }
    all
}
