//! A line as a recogniser's words: so far, or all of them with other guesses and scores.
//!
//! Must not correct anything: what is wrong is said.

use crate::CtlError;

/// What a line says was heard.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Heard {
    /// An empty line.
    Nothing,
    /// `~ words so far`.
    Partial(String),
    /// `words`, or guesses with a score each or with none: `0.6: words | 0.3: other words`.
    Transcript(Vec<String>, Vec<f64>),
}

impl Heard {
    /// Reads a line.
    ///
    /// # Errors
    /// [`CtlError::Usage`] where some guesses have a score and others have none.
    pub(super) fn parse(line: &str) -> Result<Self, CtlError> {
        let line = line.trim();
        if line.is_empty() {
            return Ok(Self::Nothing);
        }
        if let Some(so_far) = line.strip_prefix('~') {
            return Ok(Self::Partial(so_far.trim().to_owned()));
        }
        let (mut guesses, mut scores) = (Vec::new(), Vec::new());
        for part in line.split('|') {
            let scored = part.split_once(':').and_then(|(score, words)| {
                let score = score.trim().parse::<f64>().ok()?;
                Some((score, words))
            });
            let words = scored.map_or(part, |(_, words)| words);
            scores.extend(scored.map(|(score, _)| score));
            guesses.push(words.trim().to_owned());
        }
        if !scores.is_empty() && scores.len() != guesses.len() {
            return Err(CtlError::Usage {
                message: format!(
                    "{} of {} guesses have a score, expected all or none: `0.6: one | 0.3: another`",
                    scores.len(),
                    guesses.len()
                ),
            });
        }
        Ok(Self::Transcript(guesses, scores))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_words_so_far_or_guesses() {
        let transcript = |guesses: &[&str], scores: &[f64]| {
            let guesses = guesses.iter().map(|guess| (*guess).to_owned()).collect();
            Heard::Transcript(guesses, scores.to_vec())
        };
        for (line, heard) in [
            ("  ", Heard::Nothing),
            ("~ set the", Heard::Partial("set the".into())),
            ("set a timer", transcript(&["set a timer"], &[])),
            ("wake me at 7:30", transcript(&["wake me at 7:30"], &[])),
            ("a | b", transcript(&["a", "b"], &[])),
            ("0.6: at 7:30 | .3: b", transcript(&["at 7:30", "b"], &[0.6, 0.3])),
        ] {
            assert_eq!(Heard::parse(line).ok(), Some(heard), "{line}");
        }
        assert!(matches!(Heard::parse("0.6: a | b"), Err(CtlError::Usage { .. })));
    }
}
