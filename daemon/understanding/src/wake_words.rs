//! What wakes the assistant and may be left in front of what was said: the words that are known, and those
//! of an integrator.
//!
//! Must not decide whether anything woke it: a pipeline did that.

use crate::{
    language::Language,
    normalise::{Token, Tokens},
};

/// Most phrases of an integrator.
const MAX_WAKE_WORDS: usize = 16;
/// Most words of one.
const MAX_WORDS: usize = 5;
/// Most bytes of one.
const MAX_BYTES: usize = 64;

/// Phrases that wake the assistant, besides those that are known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WakeWords(Vec<Vec<Box<str>>>);

impl WakeWords {
    /// Reads phrases as people write them.
    ///
    /// # Errors
    /// What is wrong and what was expected: too many, one without a word, one that is too long.
    pub fn parse(phrases: &[String]) -> Result<Self, String> {
        if phrases.len() > MAX_WAKE_WORDS {
            return Err(format!("{} phrases, expected at most {MAX_WAKE_WORDS}", phrases.len()));
        }
        let words = |phrase: &String| {
            let tokens = Tokens::read(phrase);
            let fits = phrase.len() <= MAX_BYTES && (1..=MAX_WORDS).contains(&tokens.len());
            if !fits {
                let cut: String = phrase.chars().take(MAX_BYTES).collect();
                return Err(format!(
                    "{cut:?}, expected 1 to {MAX_WORDS} words of at most {MAX_BYTES} bytes together"
                ));
            }
            Ok(tokens.list().iter().map(|token| token.norm.clone()).collect())
        };
        phrases.iter().map(words).collect::<Result<_, _>>().map(Self)
    }

    /// How many of these words woke the assistant: never all of them.
    pub(crate) fn in_front(&self, list: &[Token]) -> usize {
        let begins = |phrase: &&Vec<Box<str>>| {
            phrase.len() < list.len() && phrase.iter().zip(list).all(|(word, t)| *word == t.norm)
        };
        let known = &Language::english().wake_words;
        known.iter().chain(&self.0).filter(begins).map(Vec::len).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_of_ones_own_are_left_out_in_front_and_nowhere_else() {
        let own = WakeWords::parse(&["Hey, Öhrchen".into(), "ship".into()]).expect("phrases");
        for (text, normal) in [
            ("hey öhrchen open it", "open it"),
            ("Ship, open it", "open it"),
            ("hey valet open it", "open it"),
            ("open the ship", "open the ship"),
            ("ship", "ship"),
        ] {
            assert_eq!(Tokens::heard(text, &own).normal_text(), normal, "{text}");
        }
        assert_eq!(
            Tokens::heard("ship open it", &WakeWords::default()).normal_text(),
            "ship open it"
        );
    }

    #[test]
    fn what_is_no_phrase_is_refused_with_what_was_expected() {
        for bad in ["", "!?", "one two three four five six", &"a".repeat(65)] {
            let refused = WakeWords::parse(&[bad.to_owned()]).expect_err(bad);
            assert!(refused.contains("expected 1 to 5 words"), "{refused}");
        }
        assert!(WakeWords::parse(&vec!["a".to_owned(); 17]).is_err());
    }
}
