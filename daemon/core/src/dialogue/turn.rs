//! A running turn and the commands in it.
//!
//! Must not decide anything; it is what `dialogue` remembers between two events.

use super::event::{Agent, CommandStatus, IntentResult, Mode, ResultType, Utter};
use crate::{
    deadline::{Deadline, Instant},
    intent::IntentId,
    outcome::{Invoked, Planned},
    policy::DrivingState,
    session::{Caller, SessionKey, TurnId},
    signal::Class,
    slot::Slot,
    understanding::{Engine, Expected, Understanding},
    zone::Zone,
};
use std::{collections::VecDeque, time::Duration};

/// A command that was understood, on its way to a skill.
#[derive(Debug, Clone, PartialEq)]
pub struct Planning {
    /// Which intent.
    pub intent: IntentId,
    /// Its class.
    pub class: Class,
    /// Slots, defaults included.
    pub slots: Vec<Slot>,
    /// 0 to 1.
    pub confidence: f64,
    /// Who understood it.
    pub engine: Engine,
    /// First byte in its utterance.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
    /// Its words.
    pub text: String,
    /// What a person said yes to.
    pub confirmed: Option<Vec<Planned>>,
    /// Whether a person said yes to the guest's own question.
    pub guest_confirmed: bool,
}

/// How far a command is.
#[derive(Debug, Clone)]
pub struct CommandState {
    /// What it is.
    pub planning: Planning,
    /// Where it stands.
    pub status: CommandStatus,
    /// What came of it, once it ran.
    pub invoked: Option<Invoked>,
    /// The kind of result it gives.
    pub kind: ResultType,
    /// What is said about it.
    pub speech: String,
    /// What is shown.
    pub display: Vec<(String, String)>,
    /// Why it is not simply done.
    pub code: &'static str,
}

impl CommandState {
    /// A command that has not run.
    pub(super) fn waiting(planning: Planning) -> Self {
        Self {
            planning,
            status: CommandStatus::Waiting,
            invoked: None,
            kind: ResultType::Answer,
            speech: String::new(),
            display: Vec::new(),
            code: "",
        }
    }

    /// The command as a result shows it.
    pub(super) fn result(&self) -> IntentResult {
        let p = &self.planning;
        IntentResult {
            intent: p.intent.clone(),
            slots: p.slots.clone(),
            confidence: p.confidence,
            engine: p.engine,
            start: p.start,
            end: p.end,
            status: self.status,
        }
    }
}

/// What a turn does now.
#[derive(Debug, Clone)]
pub(super) enum Stage {
    /// The engines have it.
    Understanding,
    /// A skill goes through the command of this index to see what the policy says of it.
    Checking(usize),
    /// A skill has the command of this index.
    Acting(usize),
    /// Signals are being put back.
    Restoring {
        /// Whether something else was changed that cannot be put back.
        lasting: bool,
    },
    /// An agent has the question of the command of this index; the clock of the turn stands.
    AskingAgent {
        /// Which command.
        index: usize,
        /// Whom.
        agent: Agent,
        /// What is asked.
        question: Box<Question>,
        /// What was left of the turn's time.
        left: Duration,
        /// When the question is void.
        until: Instant,
        /// The driving state when it was asked: a confirmation is void when it changes.
        driving: DrivingState,
    },
}

/// A turn that waits for the running one of its session.
#[derive(Debug, Clone)]
pub(super) enum Waiting {
    /// Something said.
    Utter(Box<Utter>),
    /// "Undo", as a call.
    Undo { turn: TurnId, session: SessionKey, caller: Caller, deadline: Deadline },
}

impl Waiting {
    pub(super) fn session(&self) -> SessionKey {
        match self {
            Self::Utter(utter) => utter.session,
            Self::Undo { session, .. } => *session,
        }
    }

    /// The turn it will be, and who called.
    pub(super) fn turn_and_caller(&self) -> (TurnId, &Caller) {
        match self {
            Self::Utter(utter) => (utter.turn, &utter.caller),
            Self::Undo { turn, caller, .. } => (*turn, caller),
        }
    }

    /// The turn it would have been, for a result that says it was cancelled.
    pub(super) fn never_begun(self, now: Instant, language: &str) -> Turn {
        let (id, session, caller, deadline, mode, named) = match self {
            Self::Utter(u) => (u.turn, u.session, u.caller, u.deadline, u.mode, u.language),
            Self::Undo { turn, session, caller, deadline } => {
                (turn, session, caller, deadline, Mode::Act, None)
            }
        };
        Turn {
            id,
            session,
            caller,
            language: named.unwrap_or_else(|| language.to_owned()),
            zone: Zone::All,
            mode,
            deadline,
            began: now,
            text: String::new(),
            stage: Stage::Understanding,
            commands: Vec::new(),
            planned: Vec::new(),
            engine: None,
            said: String::new(),
            others: VecDeque::new(),
            cannot: None,
            timing: Vec::new(),
        }
    }
}

/// A running turn.
#[derive(Debug, Clone)]
pub(super) struct Turn {
    pub(super) id: TurnId,
    pub(super) session: SessionKey,
    pub(super) caller: Caller,
    pub(super) language: String,
    pub(super) zone: Zone,
    pub(super) mode: Mode,
    pub(super) deadline: Deadline,
    pub(super) began: Instant,
    pub(super) text: String,
    pub(super) stage: Stage,
    pub(super) commands: Vec<CommandState>,
    /// What the commands that were checked so far would write.
    pub(super) planned: Vec<Planned>,
    pub(super) engine: Option<Engine>,
    /// Words that went out before the end.
    pub(super) said: String,
    /// What else may have been said, the likeliest first.
    pub(super) others: VecDeque<(String, Understanding)>,
    /// What a skill said when it could not do what was understood first.
    pub(super) cannot: Option<String>,
    pub(super) timing: Vec<(&'static str, u64)>,
}

impl Turn {
    /// The same turn, of which another text was said than it began with, where one is given, and
    /// what else it may have been.
    pub(super) fn heard_as(
        self,
        text: Option<String>,
        others: Vec<(String, Understanding)>,
    ) -> Self {
        Self { text: text.unwrap_or(self.text), others: others.into(), ..self }
    }

    /// What else may have been said that wants the same of the same skill, with other words in it.
    pub(super) fn next_guess(&mut self) -> Option<(String, Understanding)> {
        let [only] = &self.commands[..] else { return None };
        let acted = only.invoked.as_ref().is_some_and(|invoked| !invoked.actions.is_empty());
        // A yes was for what was asked about, and what came with it were guesses of the yes.
        let asked = only.planning.confirmed.is_some() || only.planning.guest_confirmed;
        if acted || asked {
            return None;
        }
        while let Some((text, meant)) = self.others.pop_front() {
            if let [command] = &meant.commands[..]
                && command.best.intent == only.planning.intent
                && command.best.slots != only.planning.slots
            {
                return Some((text, meant));
            }
        }
        None
    }

    /// Puts these commands in the place of those that wait, behind the settled ones; the
    /// index of the first.
    pub(super) fn resume(&mut self, commands: Vec<Planning>) -> usize {
        self.commands.retain(|c| c.status != CommandStatus::Waiting);
        let first = self.commands.len();
        self.commands.extend(commands.into_iter().map(CommandState::waiting));
        self.engine = self.commands.get(first).map(|c| c.planning.engine).or(self.engine);
        first
    }
}

/// A question to the person.
#[derive(Debug, Clone, PartialEq)]
pub enum Question {
    /// A slot's value.
    Slot(Expected),
    /// One of a few; the choice fills a slot.
    Choice(Expected),
    /// Which of several readings was meant, before any command of the utterance acts.
    Reading {
        /// The choices to be heard.
        expected: Expected,
        /// Which of the suspended commands, and its readings, best first.
        open: (usize, Vec<Planning>),
        /// Further commands with several readings, asked about one after the other.
        later: Vec<(usize, Vec<Planning>)>,
    },
    /// Yes or no before it acts.
    Confirm {
        /// What would be done; none when the guest asks.
        planned: Option<Vec<Planned>>,
        /// The words, to ask again.
        speech: String,
    },
}

/// What a session waits for between two turns.
#[derive(Debug, Clone, PartialEq)]
pub struct Pending {
    /// Which turn asked.
    pub turn: TurnId,
    /// The question.
    pub question: Question,
    /// Its words, to ask again.
    pub speech: String,
    /// How many times it was asked again because nothing fitted it.
    pub asked_again: u8,
    /// The suspended commands; the first one is what the question is about.
    pub commands: Vec<Planning>,
    /// Who was asked; only that user (in an opened session: that client) may say yes.
    pub asked: Caller,
    /// When it is void.
    pub until: Instant,
    /// The driving state when it was asked: a confirmation is void when it changes.
    pub driving: DrivingState,
    /// Distinguishes this question from every other one.
    pub nonce: u64,
}
