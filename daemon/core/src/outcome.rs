//! What became of things: of an actuation, of an invocation of a skill.
//!
//! Statuses are composed from observation only. No guest and no model makes one.

use crate::{
    entity::Value,
    intent::SkillId,
    signal::{SignalPath, SignalValue},
};
use std::time::Duration;

/// How an action ended. Words that claim success are rendered from this alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ActionStatus {
    /// The requested value was already there; nothing was written.
    Already,
    /// The requested value was observed after the request.
    Done,
    /// Requested; the value has not been observed yet.
    Requested,
    /// Left out because an earlier one was refused or failed.
    Skipped,
    /// The value never came.
    NotReached,
    /// Outside of what the catalogue allows.
    OutOfRange,
    /// Nobody provides the signal.
    NoProvider,
    /// The device said no or broke.
    Failed,
    /// Not granted, or against the policy.
    Denied,
}

impl ActionStatus {
    /// All of them, the best first.
    pub const ALL: [Self; 9] = [
        Self::Already,
        Self::Done,
        Self::Requested,
        Self::Skipped,
        Self::NotReached,
        Self::OutOfRange,
        Self::NoProvider,
        Self::Failed,
        Self::Denied,
    ];

    /// The word on the bus and in reply keys.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Already => "already",
            Self::Done => "done",
            Self::Requested => "requested",
            Self::Skipped => "skipped",
            Self::NotReached => "not-reached",
            Self::OutOfRange => "out-of-range",
            Self::NoProvider => "no-provider",
            Self::Failed => "failed",
            Self::Denied => "denied",
        }
    }

    /// Whether the world is, or is becoming, as asked.
    #[must_use]
    pub fn is_success(self) -> bool {
        matches!(self, Self::Already | Self::Done | Self::Requested)
    }
}

/// What an action was about.
#[derive(Debug, Clone, PartialEq)]
pub enum Target {
    /// A vehicle signal.
    Signal(SignalPath),
    /// A topic of the broker that was published to.
    Topic(String),
    /// A method of a peer on D-Bus that was called.
    Peer {
        /// Its well-known name.
        name: String,
        /// The interface.
        interface: String,
        /// The method.
        member: String,
    },
    /// A server that was asked to change something.
    Server {
        /// The method, such as `POST`.
        method: &'static str,
        /// Scheme, host and port.
        origin: String,
    },
    /// Something else the host did for the skill, such as `alarm:pasta` or `store:home`.
    Other(String),
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Signal(path) => write!(f, "{path}"),
            Self::Topic(topic) => write!(f, "mqtt:{topic}"),
            Self::Peer { name, interface, member } => {
                write!(f, "dbus:{name} {interface}.{member}")
            }
            Self::Server { method, origin } => write!(f, "http:{method} {origin}"),
            Self::Other(name) => f.write_str(name),
        }
    }
}

/// One change that was asked of the world, and what was seen of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Action {
    /// What it was about.
    pub target: Target,
    /// The value asked for; none for an action that has no value.
    pub requested: Option<SignalValue>,
    /// The value before, where it was known: what undo goes back to.
    pub previous: Option<SignalValue>,
    /// The last value seen.
    pub observed: Option<SignalValue>,
    /// How it ended so far.
    pub status: ActionStatus,
    /// Why, in words for a person, when it is not a success.
    pub why: Option<String>,
    /// Whether the policy added it to go with another one (the fan with the defroster).
    pub companion: bool,
}

/// A typed fact a guest hands to its reply template.
#[derive(Debug, Clone, PartialEq)]
pub struct Fact {
    /// Placeholder in the template.
    pub name: String,
    /// Its value; the host renders it.
    pub value: Value,
}

/// One thing to choose from.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// What comes back when it is chosen.
    pub id: String,
    /// What a person reads or hears.
    pub label: String,
}

/// A guest's free speech for a question of the person.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Answer {
    /// Spoken.
    pub speech: String,
    /// Shown: title, text, attribution and the like, plain key and value.
    pub display: Vec<(String, String)>,
}

/// What a guest says about its turn.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It asked the world for something; the host looks at the actions and finds the words.
    Done {
        /// Values for the reply template.
        facts: Vec<Fact>,
    },
    /// An answer; no claim about the world having changed.
    Answer(Answer),
    /// A slot only the guest can know it needs.
    NeedsSlot {
        /// The slot.
        slot: String,
        /// The question.
        speech: String,
    },
    /// One of a few things.
    Choose {
        /// The slot the choice fills.
        slot: String,
        /// The question.
        speech: String,
        /// 2 to 10 choices.
        choices: Vec<Choice>,
    },
    /// The guest wants a yes before it acts.
    Confirm {
        /// The question.
        speech: String,
    },
    /// It cannot do this.
    CannotDo {
        /// The reason in words.
        speech: String,
    },
}

/// How a skill broke its contract. It ends the turn, never the daemon.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SkillFault {
    /// Took longer than it may.
    #[error("the skill {skill} took longer than {limit_ms} ms")]
    Timeout {
        /// Which.
        skill: SkillId,
        /// What it may take, ms of its own time.
        limit_ms: u64,
    },
    /// Trapped: a panic, an illegal access, too much memory, too deep a stack.
    #[error("the skill {skill} trapped: {why}")]
    Trap {
        /// Which.
        skill: SkillId,
        /// The trap's name.
        why: String,
    },
    /// Returned a value outside of the contract.
    #[error("the skill {skill} returned {what}, which the contract does not allow")]
    BadReturn {
        /// Which.
        skill: SkillId,
        /// What was wrong.
        what: String,
    },
    /// Said so itself.
    #[error("the skill {skill} reports an error: {why}")]
    Reported {
        /// Which.
        skill: SkillId,
        /// In its words, cut.
        why: String,
    },
    /// Not loaded, disabled or quarantined.
    #[error("the skill {skill} is not available: {why}")]
    Unavailable {
        /// Which.
        skill: SkillId,
        /// Its state.
        why: String,
    },
}

/// An actuation the policy wants confirmed first; nothing of its batch was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// What would be written.
    pub path: SignalPath,
    /// To what.
    pub value: SignalValue,
}

/// Everything that came of one invocation of a skill.
#[derive(Debug, Clone, PartialEq)]
pub struct Invoked {
    /// What the guest said, or how it broke.
    pub result: Result<Outcome, SkillFault>,
    /// What was asked of the world, in order, as far as it was observed.
    pub actions: Vec<Action>,
    /// Set when a batch of actuations waits for a yes: what it would do, and why it is asked.
    pub needs_confirmation: Option<(Vec<Planned>, String)>,
    /// Time the guest ran, without its waits for the world.
    pub guest_time: Duration,
    /// Time spent waiting for observed values.
    pub observe_time: Duration,
}
