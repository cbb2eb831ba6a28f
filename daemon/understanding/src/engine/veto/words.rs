//! The words of the vetoes, read once from the data that is built in.
//!
//! Must not know a skill.

use crate::{edges, entities::PhraseTrie, normalise::Tokens};
use serde::Deserialize;
use std::{ops::Range, sync::OnceLock};

pub(super) const ENGLISH: &str = include_str!("../../../data/en/vetoes.toml");
/// Most words of an ending that makes a question polite.
const MAX_ENDING: usize = 3;
/// Words between a trigger and what it is about that say nothing of it.
const ARTICLES: [&str; 8] = ["the", "a", "an", "my", "our", "your", "any", "really"];

/// Phrases as normal words.
#[derive(Debug, Deserialize)]
#[serde(from = "Vec<String>")]
pub(super) struct Phrases(PhraseTrie<()>);

impl From<Vec<String>> for Phrases {
    fn from(lines: Vec<String>) -> Self {
        let mut trie = PhraseTrie::default();
        for line in lines {
            let tokens = Tokens::read(&line);
            trie.add(tokens.list().iter().map(|token| &*token.norm), ());
        }
        Self(trie)
    }
}

impl Phrases {
    /// The token behind the longest phrase that begins at one.
    pub(super) fn end(&self, tokens: &Tokens, at: usize) -> Option<usize> {
        self.0.longest(tokens, at).map(|(_, end)| end)
    }
}

/// What turns a sentence, each list as the data file explains it.
#[derive(Debug, Deserialize)]
pub(super) struct Words {
    polite: Phrases,
    polite_ends: Phrases,
    polite_words: Vec<String>,
    pub(super) negations: Phrases,
    pardons: Phrases,
    pub(super) softeners: Phrases,
    pub(super) conditions: Phrases,
    pub(super) later: Phrases,
    pub(super) people: Phrases,
    pub(super) pronouns: Phrases,
    pub(super) past: Phrases,
    pub(super) bare_past: Phrases,
    pub(super) already: Phrases,
    pub(super) bids: Phrases,
    pub(super) plans: Phrases,
    pub(super) reports: Phrases,
    pub(super) own_words: Phrases,
    pub(super) copulas: Phrases,
    pub(super) states: Phrases,
    pub(super) excess: Phrases,
    pub(super) verbs: Phrases,
}

impl Words {
    /// English.
    pub(super) fn english() -> &'static Self {
        static WORDS: OnceLock<Words> = OnceLock::new();
        // Built in and read by a test: it cannot fail in a build that passed its tests.
        WORDS.get_or_init(|| toml::from_str(ENGLISH).expect("the built-in vetoes are well formed"))
    }

    /// Which tokens stand in a courtesy or an idiom.
    pub(super) fn pardoned(&self, tokens: &Tokens) -> Vec<bool> {
        let mut pardoned = vec![false; tokens.len()];
        for at in 0..tokens.len() {
            if let Some(end) = self.pardons.end(tokens, at) {
                pardoned[at..end].fill(true);
            }
        }
        pardoned
    }

    /// A trigger with the two words behind it, articles left out.
    pub(super) fn behind(&self, tokens: &Tokens, at: usize, end: usize) -> String {
        let mut said = tokens.norms(at..end);
        let rest = tokens.list().get(end..).unwrap_or_default();
        let words = rest.iter().map(|t| &*t.norm).filter(|word| !ARTICLES.contains(word));
        for word in words.chain(["$"]).take(2) {
            said.push(' ');
            said.push_str(if word == "want" { "need" } else { word });
        }
        said
    }

    /// What is in which state: the word before the form of "be", and the state.
    pub(super) fn stated(&self, tokens: &Tokens, copula: usize, state: usize) -> String {
        let subject = copula.checked_sub(1).map_or("", |before| tokens.norm(before));
        format!("{subject} = {}", tokens.norm(state))
    }

    /// Everything of an intent's own sentence that makes a veto harmless there.
    pub(super) fn said_in(&self, tokens: &Tokens) -> Vec<String> {
        let mut all = Vec::new();
        for at in 0..tokens.len() {
            for list in [&self.negations, &self.conditions] {
                all.extend(list.end(tokens, at).map(|end| self.behind(tokens, at, end)));
            }
            all.extend(self.conditions.end(tokens, at).map(|end| tokens.norms(at..end)));
            for list in [&self.past, &self.bare_past, &self.reports] {
                let follows = at > 0 && list.end(tokens, at).is_some();
                all.extend(follows.then(|| tokens.norms(at - 1..at + 1)));
            }
            all.extend(self.plans.end(tokens, at).map(|end| tokens.norms(at..end + 1)));
            if self.copulas.end(tokens, at).is_some() && !self.bids.any(tokens, 0..at) {
                let states = (at + 1..tokens.len().min(at + 1 + super::STATE_WITHIN))
                    .filter(|next| self.states.end(tokens, *next) == Some(tokens.len()));
                all.extend(states.map(|next| self.stated(tokens, at, next)));
            }
        }
        all
    }

    /// The last stretch of the text, between pauses, that begins with a verb of commands.
    pub(super) fn imperative(&self, tokens: &Tokens) -> Option<Range<usize>> {
        let pause = |at: &usize| *at == 0 || tokens.list()[*at].break_before;
        let begins: Vec<usize> = (0..tokens.len())
            .flat_map(|at| match tokens.norm(at) {
                _ if pause(&at) => edges::starts(tokens, &(at..tokens.len())),
                "so" | "and" => vec![at + 1],
                _ => Vec::new(),
            })
            .collect();
        let from = begins.into_iter().rfind(|at| self.verbs.end(tokens, *at).is_some())?;
        let to = (from + 1..tokens.len()).find(pause).unwrap_or(tokens.len());
        Some(from..to)
    }

    fn is_polite(&self, tokens: &Tokens) -> bool {
        let all = 0..tokens.len();
        let begins = edges::starts(tokens, &all).into_iter();
        let ends = |length| {
            let at = tokens.len().checked_sub(length);
            at.is_some_and(|at| self.polite_ends.end(tokens, at) == Some(tokens.len()))
        };
        let said =
            |word: &str| self.polite_words.iter().any(|polite| word.eq_ignore_ascii_case(polite));
        begins.into_iter().any(|at| self.polite.end(tokens, at).is_some())
            || (1..=MAX_ENDING).any(ends)
            || tokens.text().split(|c: char| !c.is_alphanumeric()).any(said)
    }
}

/// Whether a question mark ends the text, and it is no polite form of a request.
pub(crate) fn asks(tokens: &Tokens) -> bool {
    tokens.ends_asking() && !Words::english().is_polite(tokens)
}
