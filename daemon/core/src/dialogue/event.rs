//! What goes into a dialogue and what comes out of it, as plain data.
//!
//! Must not hold behaviour; a log of these replays a dialogue.

use crate::{
    deadline::Deadline,
    intent::IntentId,
    outcome::{Action, Invoked, Planned},
    policy::Snapshot,
    session::{Caller, Change, SessionKey, TurnId},
    signal::{Class, SignalPath, SignalValue},
    slot::Slot,
    understanding::{Engine, Request, Understanding},
    utterance::Utterance,
    zone::Zone,
};

/// What a turn may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Understand and act.
    #[default]
    Act,
    /// Understand only.
    Parse,
}

/// A new utterance of a session.
#[derive(Debug, Clone)]
pub struct Utter {
    /// The turn it begins; numbers never repeat.
    pub turn: TurnId,
    /// In which conversation.
    pub session: SessionKey,
    /// Who called.
    pub caller: Caller,
    /// The text.
    pub utterance: Utterance,
    /// Language, where the call names one.
    pub language: Option<String>,
    /// Who speaks, where the call names it.
    pub zone: Option<Zone>,
    /// Act or only understand.
    pub mode: Mode,
    /// When it must have answered.
    pub deadline: Deadline,
    /// Local date and time of day, where the clock is known.
    pub local_now: Option<(i16, u8, u8, u8, u8)>,
    /// Whether a microphone heard it: then it may be our own voice.
    pub heard: bool,
    /// What else a recogniser thought of; only to know our own voice by.
    pub others: Vec<String>,
}

/// A client that answers for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// Its unique bus name.
    pub name: String,
    /// Its object.
    pub object: String,
    /// What it can do: `confirm`, `choose`, `ask-slot`, `request-pin`, `speak`, `show`.
    pub capabilities: Vec<String>,
    /// For whom.
    pub zone: Zone,
}

/// What an agent is asked.
#[derive(Debug, Clone, PartialEq)]
pub enum AgentQuestion {
    /// Yes or no.
    Confirm {
        /// What would be done.
        planned: Vec<Planned>,
    },
    /// One of a few; (id, label).
    Choose {
        /// The choices.
        choices: Vec<(String, String)>,
    },
    /// A value for a slot, in words.
    AskSlot {
        /// The slot.
        slot: String,
        /// The entity it holds, as the manifest writes it.
        entity: String,
    },
}

/// What an agent said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AgentAnswer {
    /// To `Confirm`.
    Confirmed(bool),
    /// To `Choose` (an id) and `AskSlot` (words).
    Text(String),
    /// It failed, vanished or took too long.
    None,
}

/// Something that happened.
#[derive(Debug, Clone)]
pub enum Event {
    /// Somebody said something.
    Utter(Box<Utter>),
    /// The engines are through with a turn's text.
    Understood {
        /// Which turn.
        turn: TurnId,
        /// Which of several guesses its text is; none = the one it began with.
        text: Option<String>,
        /// What else may have been said, the likeliest first, and what that means: for a skill that
        /// cannot do what was understood.
        others: Vec<(String, Understanding)>,
        /// What they found.
        understanding: Box<Understanding>,
        /// The signals that the policy looks at, read just now.
        snapshot: Snapshot,
        /// What one can say, for "what can I say?".
        suggestions: Vec<String>,
    },
    /// A skill went through a command without acting.
    Checked {
        /// Which turn.
        turn: TurnId,
        /// Which of its commands.
        index: usize,
        /// What it would do, and what would be refused.
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
        /// The signals that the policy looks at, read just now.
        snapshot: Snapshot,
    },
    /// An agent answered.
    AgentAnswered {
        /// Which turn.
        turn: TurnId,
        /// What it said.
        answer: AgentAnswer,
        /// The signals that the policy looks at, read just now.
        snapshot: Snapshot,
    },
    /// "Undo", as a call.
    Undo {
        /// The turn it begins.
        turn: TurnId,
        /// In which conversation.
        session: SessionKey,
        /// Who called.
        caller: Caller,
        /// When it must have answered.
        deadline: Deadline,
    },
    /// The world was put back as far as it could be.
    Restored {
        /// Which turn.
        turn: TurnId,
        /// What came of it.
        actions: Vec<Action>,
    },
    /// "Never mind": ends running turns and questions of a session, or of all the caller's.
    Stop {
        /// Who called.
        caller: Caller,
        /// Which session; none = all of that user.
        session: Option<SessionKey>,
    },
    /// Something about microphones and voices.
    Voiced(Voiced),
    /// A caller opened a session.
    Opened {
        /// Its key.
        key: SessionKey,
        /// Who.
        owner: Caller,
        /// Its language.
        language: String,
        /// Its zone.
        zone: Zone,
    },
    /// What the screen shows now: (id, label) of what can be chosen. Replaces the list before.
    Shown {
        /// In which session.
        session: SessionKey,
        /// At most [`MAX_SHOWN`](crate::session::MAX_SHOWN).
        items: Vec<(String, String)>,
    },
    /// Forget what was said in a session.
    Reset(SessionKey),
    /// End a session.
    Close(SessionKey),
    /// A client left the bus.
    NameLost(String),
    /// An agent came; it replaces one of the same name and object.
    AgentCame(Agent),
    /// An agent went.
    AgentWent {
        /// Its unique bus name.
        name: String,
        /// Its object.
        object: String,
    },
    /// A requested value was waited for after the turn.
    Watched {
        /// In which conversation it was requested.
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
    /// Time has passed.
    Tick,
}

/// What happens to microphones and voices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Voiced {
    /// A microphone was opened for us, or closed.
    Listening {
        /// Who says so.
        caller: Caller,
        /// Where it hears.
        zone: Zone,
        /// Whether it is open.
        listening: bool,
    },
    /// Something that nobody asked for is said to everybody.
    Announced {
        /// What it is called when it sounds; a number as turns have.
        turn: TurnId,
        /// What.
        speech: String,
        /// What a yes to it asks for; none = it asks nothing.
        /// [`Dialogue::offered_by`](super::Dialogue::offered_by) says.
        offer: Option<IntentId>,
    },
    /// A pipeline began to speak. Asked before: [`Dialogue::may_voice`](super::Dialogue::may_voice).
    SpeechStarted {
        /// Who.
        caller: Caller,
        /// Whose words.
        turn: TurnId,
    },
    /// A pipeline ended speaking. Asked before: [`Dialogue::may_voice`](super::Dialogue::may_voice).
    SpeechFinished {
        /// Who.
        caller: Caller,
        /// Whose words.
        turn: TurnId,
        /// Whether it was cut off.
        interrupted: bool,
    },
}

/// A skill to be invoked.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// Which intent.
    pub intent: IntentId,
    /// Its class in the manifest.
    pub class: Class,
    /// Slots, with defaults filled in.
    pub slots: Vec<Slot>,
    /// Who speaks.
    pub speaker: Zone,
    /// Language.
    pub language: String,
    /// The command's words.
    pub text: String,
    /// Set after a yes: the only batch of actuations that needs no further one.
    pub confirmed: Option<Vec<Planned>>,
    /// Set after a yes to what the guest itself asked.
    pub guest_confirmed: bool,
}

/// Something to be done.
#[derive(Debug, Clone)]
pub enum Effect {
    /// Understand a text.
    Understand {
        /// For which turn.
        turn: TurnId,
        /// What.
        request: Box<Request>,
        /// Until when.
        deadline: Deadline,
    },
    /// Let a skill go through a command without acting: what it wants of the world is judged,
    /// as if the commands before had been done, and nothing is written.
    Check {
        /// For which turn.
        turn: TurnId,
        /// Which of its commands.
        index: usize,
        /// What.
        call: Box<Call>,
        /// What the commands before would have written by then.
        assumed: Vec<Planned>,
        /// Until when.
        deadline: Deadline,
    },
    /// Invoke a skill.
    Invoke {
        /// For which turn.
        turn: TurnId,
        /// Which of its commands.
        index: usize,
        /// What.
        call: Box<Call>,
        /// Until when.
        deadline: Deadline,
    },
    /// End a running skill, whether it checks or acts.
    CancelInvoke {
        /// Of which turn.
        turn: TurnId,
    },
    /// Put signals back.
    Restore {
        /// For which turn.
        turn: TurnId,
        /// What.
        changes: Vec<Change>,
        /// Until when.
        deadline: Deadline,
    },
    /// Ask an agent.
    AskAgent {
        /// For which turn.
        turn: TurnId,
        /// Whom.
        agent: Agent,
        /// The words.
        speech: String,
        /// What.
        question: AgentQuestion,
    },
    /// Tell an agent that the question is void.
    CancelAgent {
        /// Of which turn.
        turn: TurnId,
        /// Whom.
        agent: Agent,
    },
    /// Some words of a turn stand while it goes on; its result begins with them.
    Said {
        /// Of which turn.
        turn: TurnId,
        /// What comes next.
        words: String,
    },
    /// What is being said is to end at once.
    Silence {
        /// Whose words.
        turn: TurnId,
        /// Where.
        zone: Zone,
        /// Who said that it sounds, where somebody did.
        speaker: Option<Caller>,
    },
    /// Something was asked and has been read out: the person is to be listened to.
    OpenMicrophone {
        /// Whose question.
        turn: TurnId,
        /// Who read it out.
        speaker: Caller,
    },
    /// A turn came along.
    TurnChanged {
        /// Which.
        turn: TurnId,
        /// Whose.
        session: SessionKey,
        /// `understanding`, `acting`, `waiting`.
        state: &'static str,
    },
    /// A turn is over. The last effect of a turn.
    Finish(Box<TurnResult>),
    /// The dialogue's state for the screen changed.
    DialogState(DialogState),
    /// A session's `ExpectingReply` changed.
    Expecting {
        /// Which session.
        session: SessionKey,
        /// Whether a question is open.
        expecting: bool,
    },
    /// Wait for a value that was requested, and say so if it never comes.
    Watch {
        /// In which conversation.
        session: SessionKey,
        /// Which signal.
        path: SignalPath,
        /// Which value.
        value: SignalValue,
        /// What is said if it does not come.
        not_reached_speech: String,
    },
    /// A session ended.
    SessionClosed(SessionKey),
    /// Say something to the agents of a session's zone, outside of a turn.
    Announce {
        /// For whom.
        zone: Zone,
        /// What.
        speech: String,
    },
}

/// What a screen shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DialogState {
    /// Nothing goes on.
    #[default]
    Idle,
    /// A microphone is open.
    Listening,
    /// A question is open.
    Expecting,
    /// A turn runs.
    Thinking,
    /// Something is being said.
    Speaking,
}

impl DialogState {
    /// The word on the bus.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Listening => "listening",
            Self::Expecting => "expecting",
            Self::Thinking => "thinking",
            Self::Speaking => "speaking",
        }
    }
}

/// The kind of a result. With several commands it is the first of this order that applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ResultType {
    /// The person is asked something.
    Question,
    /// Policy or permission said no.
    Refusal,
    /// Something failed.
    Error,
    /// The world was asked for something.
    Action,
    /// A question was answered.
    Answer,
    /// Nothing was understood.
    NotUnderstood,
}

impl ResultType {
    /// The word on the bus.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Question => "question",
            Self::Refusal => "refusal",
            Self::Error => "error",
            Self::Action => "action",
            Self::Answer => "answer",
            Self::NotUnderstood => "not-understood",
        }
    }
}

/// How a command of a turn ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CommandStatus {
    /// It did what it should, or answered.
    Done,
    /// It did not.
    Failed,
    /// It waits for an answer.
    Waiting,
    /// It was left out.
    Skipped,
    /// It was refused.
    Refused,
}

impl CommandStatus {
    /// The word on the bus.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Waiting => "waiting",
            Self::Skipped => "skipped",
            Self::Refused => "refused",
        }
    }
}

/// A command in a result.
#[derive(Debug, Clone, PartialEq)]
pub struct IntentResult {
    /// Which intent.
    pub intent: IntentId,
    /// Its slots, defaults included.
    pub slots: Vec<Slot>,
    /// 0 to 1.
    pub confidence: f64,
    /// Who understood it.
    pub engine: Engine,
    /// First byte in the utterance.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
    /// How it ended.
    pub status: CommandStatus,
}

/// How a turn ended for who asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FinishCode {
    /// There is a result.
    Result,
    /// It was cancelled.
    Cancelled,
}

/// Everything a turn ends with.
#[derive(Debug, Clone)]
pub struct TurnResult {
    /// Which turn.
    pub turn: TurnId,
    /// In which conversation.
    pub session: SessionKey,
    /// Who called.
    pub caller: Caller,
    /// How it ended.
    pub finish: FinishCode,
    /// What was said, as far as it was understood; never for a log.
    pub text: String,
    /// The kind.
    pub kind: ResultType,
    /// What is said.
    pub speech: String,
    /// How many bytes of it went out already, as [`Effect::Said`].
    pub said: usize,
    /// What is shown.
    pub display: Vec<(String, String)>,
    /// Language of the words.
    pub language: String,
    /// Whether a question is open.
    pub expects_reply: bool,
    /// The commands.
    pub intents: Vec<IntentResult>,
    /// What was asked of the world: command index and action.
    pub actions: Vec<(usize, Action)>,
    /// Who understood it, or `skill` when nobody had to.
    pub engine: Option<Engine>,
    /// Why it is not simply done; empty otherwise.
    pub code: &'static str,
    /// Microseconds by stage.
    pub timing: Vec<(&'static str, u64)>,
}
