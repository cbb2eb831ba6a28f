//! What one can say now: what answers the open question of a conversation, else what the skills
//! that are ready suggest.
//!
//! Must not show one user the question of another.

use super::Assistant;
use valet_bus::{BusError, ErrorName};
use valet_core::{
    dialogue::Question,
    session::{Caller, SessionKey},
    zone::Zone,
};

/// Most suggestions.
const MOST: usize = 12;

impl Assistant {
    /// Suggestions for a conversation of the caller: an opened one, else the default one of a zone.
    ///
    /// # Errors
    /// `UnsupportedLanguage`, `UnknownSession`.
    pub(super) fn suggest(
        &self,
        caller: &Caller,
        language: Option<&str>,
        (session, zone): (Option<SessionKey>, Option<Zone>),
    ) -> Result<Vec<String>, BusError> {
        self.check_language(language)?;
        let of_zone = SessionKey::Default { uid: caller.uid, zone: zone.unwrap_or(Zone::All) };
        let key = session.unwrap_or(of_zone);
        if !self.dialogue.may_use(&key, caller) {
            let why = "the session is unknown or not yours; open one with OpenSession";
            return Err(BusError::new(ErrorName::UnknownSession, why));
        }
        let pending = self.dialogue.session(&key).and_then(|session| session.pending.as_ref());
        let answers = pending.map(|pending| self.answers_to(&pending.question)).unwrap_or_default();
        Ok(if answers.is_empty() { self.understander.suggestions(MOST) } else { answers })
    }

    /// What is taken as an answer; nothing where any value of a kind is.
    fn answers_to(&self, question: &Question) -> Vec<String> {
        match question {
            Question::Confirm { .. } => {
                ["yes", "no"].map(|key| self.words.say(key, &[])).into_iter().collect()
            }
            Question::Slot(expected)
            | Question::Choice(expected)
            | Question::Reading { expected, .. } => {
                expected.choices.iter().take(MOST).map(|(_, label)| label.clone()).collect()
            }
        }
    }
}
