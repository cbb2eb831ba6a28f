//! The words of a language that normalisation needs, read once from the data that is built in.
//!
//! Must not hold sentences of a skill; those come with the skill.

use crate::{error::UnderstandingError, hash::FastMap};
use serde::Deserialize;
use std::{collections::BTreeMap, sync::OnceLock};

const ENGLISH: &str = include_str!("../data/en/words.toml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    hesitations: Vec<String>,
    courtesies: Vec<String>,
    wake_words: Vec<String>,
    leading: Vec<String>,
    trailing: Vec<String>,
    answer_leading: Vec<String>,
    answer_trailing: Vec<String>,
    is_words: Vec<String>,
    contractions: BTreeMap<String, String>,
    alike: BTreeMap<String, Vec<String>>,
    spelling: BTreeMap<String, String>,
    classes: BTreeMap<String, Vec<String>>,
}

/// The tables of one language.
#[derive(Debug)]
pub(crate) struct Language {
    hesitations: FastMap<Box<str>, ()>,
    courtesies: FastMap<Box<str>, ()>,
    is_words: FastMap<Box<str>, ()>,
    contractions: FastMap<Box<str>, Vec<Box<str>>>,
    spelling: FastMap<Box<str>, Box<str>>,
    classes: FastMap<Box<str>, Box<str>>,
    alike: FastMap<Box<str>, Vec<Box<str>>>,
    /// Phrases that wake assistants.
    pub(crate) wake_words: Vec<Vec<Box<str>>>,
    /// Phrases that may stand before a command, each as normal words.
    pub(crate) leading: Vec<Vec<Box<str>>>,
    /// Phrases that may stand behind a command.
    pub(crate) trailing: Vec<Vec<Box<str>>>,
    /// Phrases that may stand before a bare answer.
    pub(crate) answer_leading: Vec<Vec<Box<str>>>,
    /// Phrases that may stand behind a bare answer.
    pub(crate) answer_trailing: Vec<Vec<Box<str>>>,
}

impl Language {
    /// English.
    pub(crate) fn english() -> &'static Self {
        static TABLES: OnceLock<Language> = OnceLock::new();
        TABLES.get_or_init(|| {
            // The data is part of the binary and a test reads it, so it can only fail to parse
            // in a build that no test has passed.
            Self::read(toml::from_str(ENGLISH).expect("the built-in word tables are well formed"))
        })
    }

    /// Checks that there is data for a language.
    pub(crate) fn check(tag: &str) -> Result<(), UnderstandingError> {
        if tag == "en" {
            Ok(())
        } else {
            Err(UnderstandingError::Language { language: tag.chars().take(32).collect() })
        }
    }

    fn read(raw: Raw) -> Self {
        let set = |words: Vec<String>| words.into_iter().map(|word| (word.into(), ())).collect();
        Self {
            hesitations: set(raw.hesitations),
            courtesies: set(raw.courtesies),
            is_words: set(raw.is_words),
            contractions: raw
                .contractions
                .into_iter()
                .map(|(k, v)| (k.into(), split(&v)))
                .collect(),
            spelling: raw.spelling.into_iter().map(|(k, v)| (k.into(), v.into())).collect(),
            classes: raw
                .classes
                .into_iter()
                .flat_map(|(class, words)| words.into_iter().map(move |word| (word, class.clone())))
                .map(|(word, class)| (word.into(), class.into()))
                .collect(),
            alike: raw
                .alike
                .into_iter()
                .map(|(word, others)| (word.into(), others.into_iter().map(Into::into).collect()))
                .collect(),
            wake_words: phrases(&raw.wake_words),
            leading: phrases(&raw.leading),
            trailing: phrases(&raw.trailing),
            answer_leading: phrases(&raw.answer_leading),
            answer_trailing: phrases(&raw.answer_trailing),
        }
    }

    /// Whether a word carries no meaning wherever it stands.
    pub(crate) fn is_filler(&self, word: &str) -> bool {
        self.is_hesitation(word) || self.courtesies.contains_key(word)
    }

    /// Whether a word is nothing but the sound of thinking.
    pub(crate) fn is_hesitation(&self, word: &str) -> bool {
        self.hesitations.contains_key(word)
    }

    pub(crate) fn means_is(&self, stem: &str) -> bool {
        self.is_words.contains_key(stem)
    }

    pub(crate) fn contraction(&self, word: &str) -> Option<&[Box<str>]> {
        self.contractions.get(word).map(Vec::as_slice)
    }

    /// What a word wants done, where many words want the same ("raise", "boost": "up").
    pub(crate) fn class_of(&self, word: &str) -> Option<&str> {
        self.classes.get(word).map(|class| &**class)
    }

    /// Other words that sound like this one.
    pub(crate) fn alike(&self, word: &str) -> &[Box<str>] {
        self.alike.get(word).map_or(&[], Vec::as_slice)
    }

    /// The one spelling of a word.
    pub(crate) fn spelling<'a>(&'a self, word: &'a str) -> &'a str {
        self.spelling.get(word).map_or(word, |known| known)
    }
}

fn split(text: &str) -> Vec<Box<str>> {
    text.split_whitespace().map(Box::from).collect()
}

/// Longest first, so that "right now" is taken before "now".
fn phrases(lines: &[String]) -> Vec<Vec<Box<str>>> {
    let mut all: Vec<Vec<Box<str>>> = lines.iter().map(|line| split(line)).collect();
    all.sort_by_key(|phrase| std::cmp::Reverse(phrase.len()));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_word_wants_two_things_done() {
        let raw: Raw = toml::from_str(ENGLISH).expect("well formed");
        let mut seen = BTreeMap::new();
        for (class, words) in &raw.classes {
            for word in words {
                assert_eq!(seen.insert(word, class), None, "{word}");
                assert_eq!(Language::english().spelling(word), word, "not a normal word");
            }
        }
    }
}
