//! Names of skills and intents, checked once where they enter.
//!
//! Must not know which skills are installed.

use crate::{entity::EntityKind, signal::Class};
use std::{collections::BTreeMap, fmt, sync::Arc};

/// Longest skill id in bytes (the longest D-Bus name).
pub const MAX_SKILL_ID_BYTES: usize = 255;
/// Longest intent or slot name in bytes.
pub const MAX_NAME_BYTES: usize = 64;

/// A name that breaks the rules.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Not a reverse-DNS id.
    #[error(
        "skill id {got:?} is not valid, expected reverse DNS of [a-z0-9-] elements joined by dots, at least two, at most {MAX_SKILL_ID_BYTES} bytes"
    )]
    SkillId {
        /// What came (cut).
        got: String,
    },
    /// Not a lower-case dashed name.
    #[error(
        "name {got:?} is not valid, expected [a-z0-9] words joined by dashes, at most {MAX_NAME_BYTES} bytes"
    )]
    Name {
        /// What came (cut).
        got: String,
    },
    /// Not `skill/intent`.
    #[error("intent {got:?} is not valid, expected <skill id>/<verb-object>")]
    Intent {
        /// What came (cut).
        got: String,
    },
}

fn cut(text: &str) -> String {
    text.chars().take(80).collect()
}

/// Whether `text` is a lower-case dashed name as intents, slots and settings use.
#[must_use]
pub fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= MAX_NAME_BYTES
        && text.split('-').all(|word| {
            !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        })
}

/// Checks a lower-case dashed name.
///
/// # Errors
/// [`NameError::Name`].
pub fn check_name(text: &str) -> Result<(), NameError> {
    if is_name(text) { Ok(()) } else { Err(NameError::Name { got: cut(text) }) }
}

/// A skill's id in reverse DNS, such as `org.valetd.climate`. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SkillId(Arc<str>);

impl SkillId {
    /// Parses and checks an id.
    ///
    /// # Errors
    /// [`NameError::SkillId`].
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let elements_fine = text.split('.').all(|element| {
            !element.is_empty()
                && !element.starts_with('-')
                && !element.ends_with('-')
                && element
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        });
        if text.len() <= MAX_SKILL_ID_BYTES && text.contains('.') && elements_fine {
            Ok(Self(text.into()))
        } else {
            Err(NameError::SkillId { got: cut(text) })
        }
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SkillId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An intent of a skill, written `<skill id>/<verb-object>`. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IntentId {
    skill: SkillId,
    name: Arc<str>,
}

impl IntentId {
    /// Joins a skill and an intent's name.
    ///
    /// # Errors
    /// [`NameError::Name`] when `name` is not a lower-case dashed name.
    pub fn new(skill: SkillId, name: &str) -> Result<Self, NameError> {
        check_name(name)?;
        Ok(Self { skill, name: name.into() })
    }

    /// Parses `<skill id>/<verb-object>`.
    ///
    /// # Errors
    /// [`NameError`].
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let (skill, name) =
            text.split_once('/').ok_or_else(|| NameError::Intent { got: cut(text) })?;
        Self::new(SkillId::parse(skill)?, name)
    }

    /// The skill.
    #[must_use]
    pub fn skill(&self) -> &SkillId {
        &self.skill
    }

    /// The verb-object name within the skill.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for IntentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.skill, self.name)
    }
}

/// A text for people, by language tag.
pub type Words = BTreeMap<String, String>;

/// One intent of a skill, as its manifest declares it.
#[derive(Debug, Clone, PartialEq)]
pub struct IntentSpec {
    /// For people.
    pub description: String,
    /// `info` = a question: the host lets it change nothing.
    pub class: Class,
    /// Slots by name.
    pub slots: BTreeMap<String, SlotSpec>,
}

/// One slot of an intent.
#[derive(Debug, Clone, PartialEq)]
pub struct SlotSpec {
    /// What it holds.
    pub entity: EntityKind,
    /// Whether the host asks for it before it invokes.
    pub required: bool,
    /// What stands in when nothing was said.
    pub default: Option<SlotDefault>,
    /// The question by language.
    pub ask: Words,
}

/// What stands in for a slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SlotDefault {
    /// The zone of who speaks (zone slots only).
    Speaker,
    /// A fixed value, in the notation of a listed entity's canonical value or a zone.
    Fixed(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_round_trip_and_bad_ones_are_refused() {
        let id = IntentId::parse("org.valetd.climate/set-temperature").expect("an intent");
        assert_eq!(id.to_string(), "org.valetd.climate/set-temperature");
        for bad in [
            "climate/set",
            "org.Valetd.x/set",
            "org..x/set",
            "org.x/Set",
            "org.x/",
            "org.x/a--b",
            "org.-x/a",
        ] {
            assert!(IntentId::parse(bad).is_err(), "{bad:?}");
        }
    }
}
