//! `sentences/<lang>.toml`: what people say for each intent, and what is said back.
//!
//! Must not compile or match anything; `valet-understanding` does.

use crate::{
    error::PackageError,
    manifest::{IntentSpec, Manifest},
    sample::Sample,
    strict,
    template::Rules,
};
use serde::Deserialize;
use std::collections::BTreeMap;
use valet_core::{entity::EntityKind, intent::is_name, outcome::ActionStatus};

/// Largest sentences file, bytes.
pub const MAX_SENTENCES_BYTES: usize = 256 * 1024;
/// Longest template, sample, rule, synonym or reply, bytes.
pub const MAX_SENTENCE_BYTES: usize = 512;
/// Most templates of an intent.
pub const MAX_TEMPLATES: usize = 200;
/// Most samples of an intent.
pub const MAX_SAMPLES: usize = 500;
/// Most rules in a file.
pub const MAX_RULES: usize = 200;
/// Most values of a listed entity.
pub const MAX_ENTITY_VALUES: usize = 2000;

/// The sentences of one skill in one language.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sentences {
    /// Rules by name, used in templates as `<name>`.
    #[serde(default)]
    pub rules: BTreeMap<String, String>,
    /// Listed entities by name.
    #[serde(default)]
    pub entities: BTreeMap<String, ListedEntity>,
    /// What people say, by intent.
    #[serde(default)]
    pub intents: BTreeMap<String, IntentSentences>,
    /// What is said back, by intent and then by outcome (`done`, `already`, `requested`, …).
    #[serde(default)]
    pub replies: BTreeMap<String, BTreeMap<String, String>>,
}

/// An entity defined by its values.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListedEntity {
    /// Synonyms by canonical value; the canonical value itself is one too.
    pub values: BTreeMap<String, Vec<String>>,
}

/// What people say for one intent.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IntentSentences {
    /// Exact sentences in hassil's notation.
    #[serde(default)]
    pub templates: Vec<String>,
    /// Free speech with the spans of slots marked: `{slot: words}`.
    #[serde(default)]
    pub samples: Vec<String>,
    /// What "what can I say?" offers for this intent, as a person would say it.
    #[serde(default)]
    pub suggest: Vec<String>,
}

impl Sentences {
    /// Parses and checks one file against its skill's manifest.
    ///
    /// # Errors
    /// [`PackageError`].
    pub fn parse(file: &str, text: &str, manifest: &Manifest) -> Result<Self, PackageError> {
        let sentences: Self = strict::parse(file, text, MAX_SENTENCES_BYTES)?;
        sentences.check(manifest).map_err(|what| PackageError::invalid(file, what))?;
        Ok(sentences)
    }

    fn check(&self, manifest: &Manifest) -> Result<(), String> {
        if self.rules.len() > MAX_RULES {
            return Err(format!("{} rules, expected at most {MAX_RULES}", self.rules.len()));
        }
        for (name, rule) in &self.rules {
            check_sentence(&format!("rules.{name}"), rule)?;
        }
        for (name, entity) in &self.entities {
            check_entity(name, entity)?;
        }
        let rules = Rules::parse(&self.rules).map_err(|(name, e)| format!("rules.{name}, {e}"))?;
        for (name, intent) in &self.intents {
            let Some(spec) = manifest.intents.get(name) else {
                let near = strict::nearest(name, manifest.intents.keys().map(String::as_str));
                let hint = near.map(|n| format!(", did you mean {n:?}?")).unwrap_or_default();
                return Err(format!("intents.{name} is not an intent of the manifest{hint}"));
            };
            check_intent(name, intent)?;
            check_notation(name, intent, spec, &rules)?;
        }
        self.check_replies(manifest)?;
        self.check_listed_entities_exist(manifest)
    }

    fn check_replies(&self, manifest: &Manifest) -> Result<(), String> {
        for (intent, replies) in &self.replies {
            if !manifest.intents.contains_key(intent) {
                return Err(format!("replies.{intent} is not an intent of the manifest"));
            }
            for (outcome, reply) in replies {
                if ActionStatus::ALL.iter().all(|status| status.name() != outcome) {
                    return Err(format!(
                        "replies.{intent}.{outcome} is no outcome, expected done, already, requested, not-reached, skipped, out-of-range, no-provider, failed or denied"
                    ));
                }
                check_sentence(&format!("replies.{intent}.{outcome}"), reply)?;
            }
        }
        Ok(())
    }

    /// Every listed entity that a slot names must have values in this language.
    fn check_listed_entities_exist(&self, manifest: &Manifest) -> Result<(), String> {
        for (intent, spec) in &manifest.intents {
            for (slot, spec) in &spec.slots {
                if let EntityKind::Listed(entity) = &spec.entity
                    && !self.entities.contains_key(entity)
                {
                    return Err(format!(
                        "intents.{intent}.slots.{slot} wants the entity {entity:?}, which is neither built in nor listed under [entities]"
                    ));
                }
            }
        }
        Ok(())
    }

    /// The reply of an intent for an outcome.
    #[must_use]
    pub fn reply(&self, intent: &str, status: ActionStatus) -> Option<&str> {
        self.replies.get(intent)?.get(status.name()).map(String::as_str)
    }
}

fn check_entity(name: &str, entity: &ListedEntity) -> Result<(), String> {
    if !is_name(name) {
        return Err(format!(
            "entity {name:?} is no name, expected [a-z0-9] words joined by dashes"
        ));
    }
    if !matches!(EntityKind::from_name(name), EntityKind::Listed(_)) {
        return Err(format!("entity {name:?} is built in and cannot be listed"));
    }
    if entity.values.is_empty() || entity.values.len() > MAX_ENTITY_VALUES {
        return Err(format!(
            "entity {name} has {} values, expected 1 to {MAX_ENTITY_VALUES}",
            entity.values.len()
        ));
    }
    for (value, synonyms) in &entity.values {
        check_sentence(&format!("entities.{name}"), value)?;
        for synonym in synonyms {
            check_sentence(&format!("entities.{name}.{value}"), synonym)?;
        }
    }
    Ok(())
}

fn check_intent(name: &str, intent: &IntentSentences) -> Result<(), String> {
    for (kind, lines, most) in [
        ("templates", &intent.templates, MAX_TEMPLATES),
        ("samples", &intent.samples, MAX_SAMPLES),
        ("suggest", &intent.suggest, MAX_TEMPLATES),
    ] {
        if lines.len() > most {
            return Err(format!(
                "intents.{name} has {} {kind}, expected at most {most}",
                lines.len()
            ));
        }
        for line in lines {
            check_sentence(&format!("intents.{name}.{kind}"), line)?;
        }
    }
    Ok(())
}

/// Every template and sample parses and names only rules and slots that exist.
fn check_notation(
    name: &str,
    intent: &IntentSentences,
    spec: &IntentSpec,
    rules: &Rules,
) -> Result<(), String> {
    let slots = || spec.slots.keys().map(String::as_str);
    for (index, text) in intent.templates.iter().enumerate() {
        rules
            .template(text, slots())
            .map_err(|e| format!("intents.{name}.templates[{index}] {text:?}, {e}"))?;
    }
    for (index, text) in intent.samples.iter().enumerate() {
        let place = format!("intents.{name}.samples[{index}] {text:?}");
        let sample = Sample::parse(text).map_err(|e| format!("{place}, {e}"))?;
        for span in &sample.spans {
            if !spec.slots.contains_key(&span.slot) {
                let near = strict::nearest(&span.slot, slots());
                let hint = near.map(|n| format!(", did you mean {n:?}?")).unwrap_or_default();
                return Err(format!(
                    "{place}, character {}: slot {:?} is not known{hint}",
                    span.column, span.slot
                ));
            }
        }
    }
    Ok(())
}

fn check_sentence(place: &str, text: &str) -> Result<(), String> {
    if text.trim().is_empty() || text.len() > MAX_SENTENCE_BYTES {
        return Err(format!(
            "{place} has an empty or too long text, expected 1 to {MAX_SENTENCE_BYTES} bytes"
        ));
    }
    if text.chars().any(char::is_control) {
        return Err(format!("{place} has control characters"));
    }
    Ok(())
}
