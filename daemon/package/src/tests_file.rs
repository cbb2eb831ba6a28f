//! `tests.toml`: what a skill promises to understand and to do, as its author tests it.
//!
//! Must not run anything; the skill tests do.

use crate::{error::PackageError, manifest::Manifest, strict};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Largest tests file, bytes.
pub const MAX_TESTS_BYTES: usize = 512 * 1024;

/// The tests of one skill.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TestsFile {
    /// One entry an utterance.
    #[serde(default, rename = "test")]
    pub tests: Vec<SkillTest>,
}

/// One utterance and what must come of it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SkillTest {
    /// What is said.
    pub text: String,
    /// In which language.
    #[serde(default = "english")]
    pub language: String,
    /// The intent's name within the skill; the empty text = no intent of this skill may match.
    pub intent: String,
    /// Who speaks, in the notation of the bus.
    #[serde(default)]
    pub zone: Option<String>,
    /// Slots that must be filled with these values; others may be filled too.
    #[serde(default)]
    pub slots: BTreeMap<String, toml::Value>,
    /// Signals set before.
    #[serde(default)]
    pub before: BTreeMap<String, toml::Value>,
    /// Target values that must have been written; any other actuation fails the test.
    #[serde(default)]
    pub effects: BTreeMap<String, toml::Value>,
}

fn english() -> String {
    "en".to_owned()
}

impl TestsFile {
    /// Parses and checks a tests file against its skill's manifest.
    ///
    /// # Errors
    /// [`PackageError`].
    pub fn parse(file: &str, text: &str, manifest: &Manifest) -> Result<Self, PackageError> {
        let tests: Self = strict::parse(file, text, MAX_TESTS_BYTES)?;
        for test in &tests.tests {
            let bad =
                |what: String| PackageError::invalid(file, format!("test {:?}: {what}", test.text));
            if test.intent.is_empty() {
                if !test.effects.is_empty() {
                    return Err(bad("must not match, so it cannot have effects".into()));
                }
                continue;
            }
            let Some(intent) = manifest.intents.get(&test.intent) else {
                return Err(bad(format!("intent {:?} is not one of the manifest", test.intent)));
            };
            if let Some(slot) = test.slots.keys().find(|slot| !intent.slots.contains_key(*slot)) {
                return Err(bad(format!("slot {slot:?} is not one of {}", test.intent)));
            }
        }
        Ok(tests)
    }
}
