//! What reaches the bus thread from the other threads.

use crate::{
    assistant::{Guessing, InstallStep, Then},
    inference::{EncoderNews, Step},
    installation::Contents,
    models::Inspected,
};
use valet_bus::{BusError, Reply, access::Right};
use valet_core::{
    dialogue::AgentAnswer,
    intent::SkillId,
    outcome::Invoked,
    ports::Spoken,
    session::{SessionKey, TurnId},
    signal::{SignalPath, SignalValue},
    understanding::Understanding,
};
use valet_understanding::Understander;

/// Something that happened elsewhere.
pub(crate) enum Happening {
    /// The encoder is through with a turn.
    Understood {
        /// Which turn.
        turn: TurnId,
        /// What it found.
        understanding: Box<Understanding>,
    },
    /// Some guesses of what a turn's text is are understood.
    Guessed {
        /// Which turn.
        turn: TurnId,
        /// What a recogniser heard, and what of it is understood.
        guessing: Box<Guessing>,
    },
    /// A skill went through a command without acting.
    Checked {
        /// Which turn.
        turn: TurnId,
        /// Which of its commands.
        index: usize,
        /// What it would do.
        invoked: Box<Invoked>,
    },
    /// A skill is through with a command.
    Invoked {
        /// Which turn.
        turn: TurnId,
        /// Which of its commands.
        index: usize,
        /// What came of it.
        invoked: Box<Invoked>,
    },
    /// One skill's signals were put back.
    Restored {
        /// Which turn.
        turn: TurnId,
        /// What came of it.
        invoked: Box<Invoked>,
    },
    /// The inference thread tells of its encoder.
    Encoder {
        /// Of which one: how many were handed over before it.
        generation: u64,
        /// What.
        news: EncoderNews,
    },
    /// A model is being made ready beside the one that serves.
    Preparing(Step),
    /// The files of a model were read.
    Inspected {
        /// What they are.
        files: Vec<Inspected>,
        /// Who asked.
        reply: Reply,
    },
    /// Skills fell out, and time went by in which others might have.
    Settled {
        /// The building that they wait for.
        build: u64,
    },
    /// The understanding was built anew; `None` where the skills cannot be understood together.
    Rebuilt {
        /// Which building.
        build: u64,
        /// The understander.
        understander: Option<Understander>,
    },
    /// A package was looked into.
    Contents {
        /// What is in it.
        contents: Result<Box<Contents>, BusError>,
        /// Who asked.
        reply: Reply,
    },
    /// A skill is being installed, or goes back.
    Installing(InstallStep),
    /// It was decided whether a caller may do something.
    Decided {
        /// Whether.
        result: Result<(), BusError>,
        /// Whose right was missing, and which.
        refused: Option<(u32, Right)>,
        /// What is done then.
        then: Then,
    },
    /// An agent answered.
    Agent {
        /// Which turn.
        turn: TurnId,
        /// What it said.
        answer: Result<AgentAnswer, BusError>,
    },
    /// A value that was requested came, or did not.
    Watched {
        /// In which conversation.
        session: SessionKey,
        /// Which signal.
        path: SignalPath,
        /// Which value.
        value: SignalValue,
        /// Whether it came.
        reached: bool,
        /// What is said if it did not.
        not_reached_speech: String,
    },
    /// A skill speaks first.
    Announce {
        /// Which.
        skill: SkillId,
        /// What.
        speech: String,
    },
    /// Messages came on topics that wake a skill.
    Woken {
        /// Which.
        skill: SkillId,
    },
    /// A skill is through with a message.
    Received {
        /// Which.
        skill: SkillId,
        /// What came of it.
        invoked: Box<Invoked>,
    },
    /// A skill knows values of one of its own listed entities.
    Named {
        /// Which.
        skill: SkillId,
        /// Which entity.
        entity: String,
        /// All of them.
        values: Vec<Spoken>,
    },
    /// Alarms were set or cancelled.
    AlarmsChanged,
    /// The state's file cannot be opened again after a fault of its disk, or is open again.
    StateTurned,
    /// An alarm that rang was taken from the state.
    Rung {
        /// Whose.
        skill: SkillId,
        /// The alarm's name.
        name: String,
    },
    /// A skill is through with an alarm.
    Rang {
        /// Which.
        skill: SkillId,
        /// The alarm's name.
        name: String,
        /// What came of it.
        invoked: Box<Invoked>,
    },
}
