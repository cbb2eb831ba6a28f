//! Listed entities: values with synonyms, found exactly or by the nearest spelling.
//!
//! Must not take a near spelling for a value when two values are equally near.

use super::{Ending, PhraseTrie};
use crate::normalise::Tokens;
use std::collections::{HashMap, HashSet};
use valet_core::entity::Value;

/// Shortest folded phrase that a slip is forgiven in, characters.
const MIN_FUZZY: usize = 4;
/// Shortest beginning of a phrase that stands for it, characters.
const MIN_BEGINNING: usize = 3;

/// One listed entity.
#[derive(Debug, Default)]
pub(crate) struct Listed {
    exact: PhraseTrie<u32>,
    values: Vec<String>,
    /// Phrases without spaces and plural endings.
    folded: HashMap<String, u32>,
    phrases: Vec<String>,
    seen: HashSet<String>,
}

impl Listed {
    /// Adds a value; it is a phrase itself.
    pub(crate) fn add(&mut self, value: &str, synonyms: &[String]) {
        #[allow(clippy::cast_possible_truncation)]
        let index = self.values.len() as u32;
        self.values.push(value.to_owned());
        for phrase in std::iter::once(value).chain(synonyms.iter().map(String::as_str)) {
            // A canonical value may be a name such as `front-left`: its dashes are spaces in speech.
            let tokens = Tokens::read(phrase);
            if tokens.is_empty() {
                continue;
            }
            self.exact.add(tokens.list().iter().map(|token| &*token.norm), index);
            self.folded.entry(fold(&tokens)).or_insert(index);
            let said = tokens.normal_text();
            if self.seen.insert(said) {
                self.phrases.push(phrase.replace('-', " "));
            }
        }
    }

    /// How many phrases there are.
    pub(crate) fn len(&self) -> usize {
        self.phrases.len()
    }

    /// All phrases as they were written.
    pub(crate) fn phrases(&self) -> &[String] {
        &self.phrases
    }

    /// The canonical values in the order they were added.
    pub(crate) fn canonical_values(&self) -> Vec<&str> {
        self.values.iter().map(String::as_str).collect()
    }

    fn value(&self, index: u32) -> Option<String> {
        self.values.get(index as usize).cloned()
    }

    /// The words that phrases begin with, each once.
    pub(crate) fn first_words(&self) -> impl Iterator<Item = &str> {
        self.exact.first_words()
    }

    /// Phrases that begin at a token.
    pub(crate) fn endings(&self, tokens: &Tokens, start: usize) -> Vec<Ending> {
        self.exact
            .endings(tokens, start)
            .into_iter()
            .filter_map(|(index, end)| Some((Value::Text(self.value(index)?), end)))
            .collect()
    }

    /// The value of all phrases that begin with these tokens, where it is only one.
    pub(crate) fn begun(&self, tokens: &Tokens) -> Option<String> {
        let said = fold(tokens);
        if said.chars().count() < MIN_BEGINNING {
            return None;
        }
        let begun = self.folded.iter().filter(|(phrase, _)| phrase.starts_with(&said));
        let mut values: Vec<u32> = begun.map(|(_, index)| *index).collect();
        values.sort_unstable();
        values.dedup();
        if let [only] = values.as_slice() { self.value(*only) } else { None }
    }

    /// The value whose phrase is nearest to all tokens, within what a slip of the tongue, the
    /// fingers or the recogniser makes: spaces, plurals, one letter in five, at most three.
    pub(crate) fn nearest(&self, tokens: &Tokens) -> Option<String> {
        let said = fold(tokens);
        if let Some(index) = self.folded.get(&said) {
            return self.value(*index);
        }
        let length = said.chars().count();
        if length < MIN_FUZZY {
            return None;
        }
        let most = (length / 5).clamp(1, 3);
        let mut best: Option<(usize, u32)> = None;
        let mut tied = false;
        for (phrase, index) in &self.folded {
            let other = phrase.chars().count();
            if other < MIN_FUZZY || other.abs_diff(length) > most {
                continue;
            }
            let distance = strsim::osa_distance(&said, phrase);
            match best {
                _ if distance > most => {}
                Some((nearest, value)) if distance == nearest => tied |= value != *index,
                Some((nearest, _)) if distance > nearest => {}
                _ => {
                    best = Some((distance, *index));
                    tied = false;
                }
            }
        }
        best.filter(|_| !tied).and_then(|(_, index)| self.value(index))
    }
}

/// Normal forms without spaces, each without its plural ending.
fn fold(tokens: &Tokens) -> String {
    let mut folded = String::new();
    for token in tokens.list() {
        let word: &str = &token.norm;
        let singular = match word.strip_suffix('s') {
            Some(stem) if stem.len() >= 3 && !stem.ends_with('s') => stem,
            _ => word,
        };
        folded.push_str(singular);
    }
    folded
}
