//! What was understood of an utterance: ranked candidates for each command in it, or an
//! act of the dialogue itself.
//!
//! Must not decide what to do about it; that is `routing`'s and `dialogue`'s.

use crate::{entity::EntityKind, intent::IntentId, slot::Slot, zone::Zone};
use std::time::Duration;

/// Most commands in one utterance.
pub const MAX_COMMANDS: usize = 8;
/// Most commands whose words are kept for what "it" may stand for.
pub const MAX_SAID: usize = 3;
/// Most alternatives kept for a command.
pub const MAX_ALTERNATIVES: usize = 4;

/// Which engine found a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Engine {
    /// A template that someone wrote down.
    Template,
    /// The encoder's heads.
    Encoder,
    /// A script given on the command line.
    Scripted,
    /// Nobody: a client gave an intent as it is.
    Given,
}

impl Engine {
    /// The word on the bus.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Template => "template",
            Self::Encoder => "encoder",
            Self::Scripted => "scripted",
            Self::Given => "given",
        }
    }
}

/// One reading of a stretch of text.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// The intent.
    pub intent: IntentId,
    /// Slots as they stood in the text; defaults are not filled in here.
    pub slots: Vec<Slot>,
    /// Calibrated, 0 to 1.
    pub confidence: f64,
    /// Who found it.
    pub engine: Engine,
}

/// One command of an utterance.
#[derive(Debug, Clone, PartialEq)]
pub struct Command {
    /// The best reading.
    pub best: Candidate,
    /// Others, best first, at most [`MAX_ALTERNATIVES`].
    pub alternatives: Vec<Candidate>,
    /// First byte of the command in the utterance.
    pub start: u32,
    /// One past its last byte.
    pub end: u32,
}

/// What a person says to the dialogue itself rather than to a skill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DialogueAct {
    /// "yes", "go ahead".
    Affirm,
    /// "no", "don't".
    Deny,
    /// "never mind", "stop", "cancel that".
    Stop,
    /// "undo that".
    Undo,
    /// "say that again".
    Repeat,
    /// "what can I say?"
    Help,
}

impl DialogueAct {
    /// The act's name in sentence files and traces.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Affirm => "affirm",
            Self::Deny => "deny",
            Self::Stop => "stop",
            Self::Undo => "undo",
            Self::Repeat => "repeat",
            Self::Help => "help",
        }
    }
}

/// What the dialogue waits for, so that "five minutes" is heard as an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Expected {
    /// The intent being completed.
    pub intent: IntentId,
    /// The slot asked for.
    pub slot: String,
    /// What it holds.
    pub entity: EntityKind,
    /// Labels to choose from, where a choice was offered: (id, label).
    pub choices: Vec<(String, String)>,
}

/// A request to understand one utterance.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// The text (already checked as an utterance).
    pub text: String,
    /// BCP 47 primary tag, such as `en`.
    pub language: String,
    /// Who speaks.
    pub zone: Zone,
    /// A slot that was just asked for.
    pub expected: Option<Expected>,
    /// The device's local date and time of day (year, month, day, hour, minute), for
    /// "tomorrow" and "in ten minutes"; `None` while the clock is not known.
    pub local_now: Option<(i16, u8, u8, u8, u8)>,
    /// The command before, for "and the passenger side too", "a bit more" and "close it".
    pub previous: Option<Previous>,
}

/// The command before a request.
#[derive(Debug, Clone, PartialEq)]
pub struct Previous {
    /// Its intent.
    pub intent: IntentId,
    /// Its slots, defaults included.
    pub slots: Vec<Slot>,
    /// Its words and then those of the commands of the same skill before it, the last first, at
    /// most [`MAX_SAID`]: what "it" may stand for.
    pub said: Vec<String>,
}

/// The result of understanding.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Understanding {
    /// An act of the dialogue; then there are no commands.
    pub act: Option<DialogueAct>,
    /// A value for the expected slot; then there are no commands.
    pub answer: Option<Slot>,
    /// The commands, in the order they were said, at most [`MAX_COMMANDS`].
    pub commands: Vec<Command>,
    /// Whether it holds more commands than [`MAX_COMMANDS`]; then none of them is given.
    pub too_many: bool,
    /// When nothing was understood: the nearest example of something that would have been.
    pub nearest: Option<String>,
    /// Time the templates took.
    pub template_time: Duration,
    /// Time the encoder took; zero when it was not asked.
    pub encoder_time: Duration,
    /// Time the heads and taggers took.
    pub heads_time: Duration,
    /// Whether the encoder was wanted but not there.
    pub encoder_missing: bool,
}

impl Understanding {
    /// Whether nothing at all was understood.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let said = self.act.is_some() || self.answer.is_some() || self.too_many;
        !said && self.commands.is_empty()
    }
}
