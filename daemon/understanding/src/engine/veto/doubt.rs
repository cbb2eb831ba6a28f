//! What an intent's own sentences are like, and how sure a reading is that is unlike them.
//!
//! Must not refuse anything: what is in doubt is asked about.

use super::words::Words;
use crate::{
    edges, hash::FastMap, language::Language, normalise::Tokens, training::TrainingExample,
};
use std::hash::{BuildHasher, BuildHasherDefault};

/// A reading that acts is asked about below this confidence; see the routing of commands.
const SURE: f64 = valet_core::routing::SURE_TO_ACT;
/// What is left of the confidence of a reading in doubt.
const IN_DOUBT: f64 = SURE - 0.05;
/// A verb that no sentence of the intent has is taken all the same from here on.
const SURE_OF_A_VERB: f64 = 0.75;
/// And so is the name of a thing without a verb.
const SURE_OF_A_NAME: f64 = 0.9;
/// Most words that count as a mere name of a thing.
const MOST_BARE: usize = 2;

/// What the sentences of each intent say, as hashes.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// By intent and hash: what makes a veto harmless.
    turns: FastMap<(usize, u64), ()>,
    /// By intent and hash: words, verbs that want the same as one.
    words: FastMap<(usize, u64), ()>,
}

impl Known {
    /// From the examples of all intents.
    pub(crate) fn of(examples: &[TrainingExample]) -> Self {
        let words = Words::english();
        let mut known = Self::default();
        for example in examples {
            let tokens = Tokens::read(&example.text);
            for said in words.said_in(&tokens) {
                known.turns.insert((example.intent, hash(&said)), ());
            }
            for (at, token) in tokens.list().iter().enumerate() {
                // "The alarm is still active" is no activating: only verbs stand for each other.
                let is_verb = words.verbs.end(&tokens, at) == Some(at + 1);
                let word = if is_verb { like(&token.norm) } else { &token.norm };
                known.words.insert((example.intent, hash(word)), ());
            }
        }
        known
    }

    /// Whether a sentence of the intent has this.
    pub(super) fn says(&self, intent: usize, what: &str) -> bool {
        self.turns.contains_key(&(intent, hash(what)))
    }

    /// Whether a sentence of the intent has this verb, or one that wants the same.
    pub(super) fn has_verb(&self, intent: usize, verb: &str) -> bool {
        self.words.contains_key(&(intent, hash(like(verb))))
    }

    /// How sure an acting reading still is: not where a verb stands first that no sentence of
    /// the intent has ("stop the window" is near to closing it), and not where there is nothing
    /// but a thing's name.
    pub(crate) fn doubted(&self, intent: usize, tokens: &Tokens, confidence: f64) -> f64 {
        let words = Words::english();
        let all = 0..tokens.len();
        let from = edges::starts(tokens, &all).into_iter().max().unwrap_or(0);
        let to = edges::ends(tokens, &all).into_iter().min().unwrap_or(tokens.len());
        let is_verb = |at: usize| words.verbs.end(tokens, at).is_some();
        let strange = is_verb(from) && !self.has_verb(intent, tokens.norm(from));
        let meant: Vec<usize> = (from..to)
            .filter(|at| !matches!(tokens.norm(*at), "the" | "a" | "an" | "my" | "to" | "that"))
            .collect();
        let says_what =
            |at: &usize| is_verb(*at) || Language::english().class_of(tokens.norm(*at)).is_some();
        let bare = meant.len() <= MOST_BARE && !meant.iter().any(says_what);
        let doubtful =
            strange && confidence < SURE_OF_A_VERB || bare && confidence < SURE_OF_A_NAME;
        if doubtful { confidence.min(IN_DOUBT) } else { confidence }
    }
}

/// The class of a word, else the word.
fn like(word: &str) -> &str {
    Language::english().class_of(word).unwrap_or(word)
}

fn hash(text: &str) -> u64 {
    BuildHasherDefault::<crate::hash::FastHasher>::default().hash_one(text)
}
