//! What a skill says about its turn.
//!
//! Must not word success: after an actuation the host looks at what was observed and
//! renders the skill's `replies`; free speech is for answers, questions and refusals.

use crate::{
    Outcome, Value,
    bindings::valet::skill::types::{Answer, Choice, Choose, Fact, NeedsSlot},
    zone::Zone,
};

impl Outcome {
    /// The skill asked the world for something; the host finds the words.
    #[must_use]
    pub fn done() -> Self {
        Self::Done(Vec::new())
    }

    /// Adds a fact for the reply template; only [`Outcome::done`] takes facts, at most 16.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        if let Self::Done(facts) = &mut self {
            facts.push(Fact { name: name.into(), value: value.into() });
        }
        self
    }

    /// Speech that answers a question, at most 2 KiB; it must not claim a change.
    #[must_use]
    pub fn answer(speech: impl Into<String>) -> Self {
        Self::Answer(Answer { speech: speech.into(), display: Vec::new() })
    }

    /// Adds something to show beside an answer; only [`Outcome::answer`] takes it.
    #[must_use]
    pub fn show(mut self, key: &str, value: impl Into<String>) -> Self {
        if let Self::Answer(answer) = &mut self {
            answer.display.push((key.into(), value.into()));
        }
        self
    }

    /// It cannot be done; why, in words for the person.
    #[must_use]
    pub fn cannot_do(speech: impl Into<String>) -> Self {
        Self::CannotDo(speech.into())
    }

    /// Asks for a slot that only the skill can know it needs.
    #[must_use]
    pub fn ask_slot(slot: &str, speech: impl Into<String>) -> Self {
        Self::NeedsSlot(NeedsSlot { slot: slot.into(), speech: speech.into() })
    }

    /// Offers 2 to 10 choices, `(id, label)`; the id comes back as the slot's text.
    #[must_use]
    pub fn choose<I, L>(
        slot: &str,
        speech: impl Into<String>,
        choices: impl IntoIterator<Item = (I, L)>,
    ) -> Self
    where
        I: Into<String>,
        L: Into<String>,
    {
        let choices = choices
            .into_iter()
            .map(|(id, label)| Choice { id: id.into(), label: label.into() })
            .collect();
        Self::Choose(Choose { slot: slot.into(), speech: speech.into(), choices })
    }

    /// Asks for a yes first; the same call comes back with [`Call::confirmed`](crate::Call::confirmed).
    #[must_use]
    pub fn confirm(speech: impl Into<String>) -> Self {
        Self::Confirm(speech.into())
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Number(value)
    }
}

impl From<i32> for Value {
    fn from(value: i32) -> Self {
        Self::Number(value.into())
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}

impl From<Zone> for Value {
    fn from(value: Zone) -> Self {
        Self::Zone(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.into())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}
