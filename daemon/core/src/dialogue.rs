//! The dialogue: sessions and turns as a pure state machine. Events go in, effects come out;
//! the same events at the same times give the same effects, so a log replays it.
//!
//! Must not read a clock, wait, or touch the world. Words of success come from `reply`.

mod answer;
mod changes;
mod check;
mod event;
mod finish;
mod lifetime;
mod offer;
mod run;
mod turn;
mod undo;
mod voice;

pub use event::{
    Agent, AgentAnswer, AgentQuestion, Call, CommandStatus, DialogState, Effect, Event, FinishCode,
    IntentResult, Mode, ResultType, TurnResult, Utter, Voiced,
};
pub use turn::{CommandState, Pending, Planning, Question};

use crate::{
    deadline::Instant,
    entity::EntityKind,
    intent::SkillId,
    policy::{Policy, Snapshot},
    reply::{Describe, HostWords},
    routing::SkillTable,
    session::{
        Caller, EXPIRE_AFTER, FORGET_AFTER, MAX_SESSIONS, MAX_SESSIONS_PER_CALLER, MAX_SHOWN,
        Session, SessionKey, TurnId,
    },
    signal::{Class, SignalPath, SignalValue},
    understanding::{DialogueAct, Expected, Request, Understanding},
    zone::Zone,
};
use offer::Offers;
use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};
use turn::{Stage, Turn, Waiting};
use voice::Voice;

/// How long a question to the person lives.
pub const QUESTION_LIVES: Duration = Duration::from_secs(15);
/// How long an agent may take.
pub const AGENT_LIMIT: Duration = Duration::from_secs(15);
/// Most turns that wait behind the running one of a session.
pub const MAX_QUEUED: usize = 4;
/// Most turns at once, running and waiting.
pub const MAX_TURNS: usize = 128;
/// Most agents.
pub const MAX_AGENTS: usize = 32;

/// Why an utterance was not taken; the caller gets a named error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Too many turns.
    #[error("too many turns are waiting, expected at most {limit}; try again in a moment")]
    Busy {
        /// The bound.
        limit: usize,
    },
    /// No such session, or not the caller's.
    #[error("the session is unknown or not yours; open one with OpenSession")]
    UnknownSession,
    /// Too many sessions.
    #[error("too many sessions are open, expected at most {limit}; close one first")]
    TooManySessions {
        /// The bound.
        limit: usize,
    },
    /// Too many agents.
    #[error("too many agents are registered, expected at most {limit}")]
    TooManyAgents {
        /// The bound.
        limit: usize,
    },
}

/// What does not change while a dialogue runs, or is swapped as a whole.
#[derive(Clone)]
pub struct Rules {
    /// The intents of the skills that are ready.
    pub skills: Arc<SkillTable>,
    /// The policy.
    pub policy: Arc<Policy>,
    /// The host's words.
    pub words: Arc<HostWords>,
    /// The catalogue.
    pub describe: Describe,
    /// Language of sessions that name none.
    pub language: String,
    /// Classes whose confirmation may be asked in the dialogue where no agent is registered.
    pub confirm_by_voice: Vec<Class>,
}

/// One event being taken: when, what the policy sees, what is to be done.
struct Step {
    now: Instant,
    /// Empty where the event brings none: everything unknown, so nothing is allowed by it.
    snapshot: Snapshot,
    effects: Vec<Effect>,
}

/// All sessions and turns.
pub struct Dialogue {
    rules: Rules,
    sessions: BTreeMap<SessionKey, Session>,
    turns: BTreeMap<TurnId, Turn>,
    /// What waits for its session's running turn.
    queues: BTreeMap<SessionKey, VecDeque<Waiting>>,
    agents: Vec<Agent>,
    /// Turns that ended while a skill acted for them: what it did still comes.
    late: BTreeMap<TurnId, (SessionKey, SkillId)>,
    /// The value last requested of each signal that has not been seen there yet.
    awaited: BTreeMap<SignalPath, SignalValue>,
    voice: Voice,
    /// What skills announced and asked.
    offers: Offers,
    state: DialogState,
    nonce: u64,
}

impl Dialogue {
    /// A dialogue in which nobody has said anything.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        Self {
            rules,
            sessions: BTreeMap::new(),
            turns: BTreeMap::new(),
            queues: BTreeMap::new(),
            agents: Vec::new(),
            late: BTreeMap::new(),
            awaited: BTreeMap::new(),
            voice: Voice::default(),
            offers: Offers::default(),
            state: DialogState::Idle,
            nonce: 0,
        }
    }

    /// Takes new rules: skills or policy changed. Running turns go on under the new ones.
    pub fn replace_rules(&mut self, rules: Rules) {
        self.rules = rules;
    }

    /// The rules in force.
    #[must_use]
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// What a screen shows now.
    #[must_use]
    pub fn state(&self) -> DialogState {
        self.state
    }

    /// The session of a key, where it exists.
    #[must_use]
    pub fn session(&self, key: &SessionKey) -> Option<&Session> {
        self.sessions.get(key)
    }

    /// Whether a caller may use a session: its default ones by user, opened ones by their owner.
    #[must_use]
    pub fn may_use(&self, key: &SessionKey, caller: &Caller) -> bool {
        match key {
            SessionKey::Default { uid, .. } => *uid == caller.uid,
            SessionKey::Opened(_) => {
                self.sessions.get(key).is_some_and(|s| s.owner.as_ref() == Some(caller))
            }
        }
    }

    /// Whether a turn would be taken now; asked before an [`Event::Utter`] or [`Event::Undo`].
    ///
    /// # Errors
    /// [`Refused`].
    pub fn admit(&self, key: &SessionKey, caller: &Caller) -> Result<(), Refused> {
        if !self.may_use(key, caller) {
            return Err(Refused::UnknownSession);
        }
        let waiting: usize = self.queues.values().map(VecDeque::len).sum();
        if self.turns.len() + waiting >= MAX_TURNS {
            return Err(Refused::Busy { limit: MAX_TURNS });
        }
        if self.queues.get(key).is_some_and(|queue| queue.len() >= MAX_QUEUED) {
            return Err(Refused::Busy { limit: MAX_QUEUED });
        }
        if !self.sessions.contains_key(key) && self.sessions.len() >= MAX_SESSIONS {
            return Err(Refused::TooManySessions { limit: MAX_SESSIONS });
        }
        Ok(())
    }

    /// Whether a caller may open one more session.
    ///
    /// # Errors
    /// [`Refused::TooManySessions`].
    pub fn admit_session(&self, caller: &Caller) -> Result<(), Refused> {
        let own = self.sessions.values().filter(|s| s.owner.as_ref() == Some(caller)).count();
        if own >= MAX_SESSIONS_PER_CALLER {
            return Err(Refused::TooManySessions { limit: MAX_SESSIONS_PER_CALLER });
        }
        self.admit_one_more()
    }

    /// Whether one more session may be opened at all, whoever opens it.
    ///
    /// # Errors
    /// [`Refused::TooManySessions`].
    pub fn admit_one_more(&self) -> Result<(), Refused> {
        if self.sessions.len() >= MAX_SESSIONS {
            return Err(Refused::TooManySessions { limit: MAX_SESSIONS });
        }
        Ok(())
    }

    /// Whether a turn of a session runs or waits.
    #[must_use]
    pub fn is_busy(&self, key: &SessionKey) -> bool {
        self.queues.contains_key(key) || self.turns.values().any(|turn| turn.session == *key)
    }

    /// Whether one more agent may register.
    ///
    /// # Errors
    /// [`Refused::TooManyAgents`].
    pub fn admit_agent(&self) -> Result<(), Refused> {
        if self.agents.len() >= MAX_AGENTS {
            return Err(Refused::TooManyAgents { limit: MAX_AGENTS });
        }
        Ok(())
    }

    /// The latest agent with a capability for a zone; one for `all` serves every zone.
    #[must_use]
    pub fn agent(&self, capability: &str, zone: Zone) -> Option<&Agent> {
        self.agents.iter().rev().find(|agent| {
            (agent.zone == zone || agent.zone == Zone::All)
                && agent.capabilities.iter().any(|c| c == capability)
        })
    }

    /// The default sessions of a user, of all zones.
    #[must_use]
    pub fn default_sessions_of(&self, user: u32) -> Vec<SessionKey> {
        let own =
            |key: &&SessionKey| matches!(key, SessionKey::Default { uid, .. } if *uid == user);
        self.sessions.keys().filter(own).copied().collect()
    }

    /// How many sessions there are.
    #[must_use]
    pub fn session_count(&self) -> usize {
        self.sessions.len()
    }

    /// The zone of a turn that runs: who speaks.
    #[must_use]
    pub fn zone_of_turn(&self, id: TurnId) -> Option<Zone> {
        self.turns.get(&id).map(|turn| speaker(turn.zone))
    }

    /// All agents, the latest last.
    pub fn agents(&self) -> impl Iterator<Item = &Agent> {
        self.agents.iter()
    }

    /// The session and the caller of a turn that runs or waits.
    #[must_use]
    pub fn session_of_turn(&self, id: TurnId) -> Option<(SessionKey, Caller)> {
        let running = self.turns.get(&id).map(|turn| (turn.session, turn.caller.clone()));
        running.or_else(|| {
            let mut waiting = self.queues.values().flatten();
            let found = waiting.find(|waiting| waiting.turn_and_caller().0 == id)?;
            Some((found.session(), found.turn_and_caller().1.clone()))
        })
    }

    /// Takes one event at `now` and says what is to be done.
    pub fn step(&mut self, now: Instant, event: Event) -> Vec<Effect> {
        let mut step = Step { now, snapshot: Snapshot::default(), effects: Vec::new() };
        let cx = &mut step;
        match event {
            Event::Utter(utter) => self.said(cx, utter),
            Event::Understood { turn, text, others, understanding, snapshot, suggestions } => {
                cx.snapshot = snapshot;
                if let Some(turn) = self.take_turn(turn, |s| matches!(s, Stage::Understanding)) {
                    self.understood(cx, turn.heard_as(text, others), *understanding, &suggestions);
                }
            }
            Event::Checked { turn, index, invoked } => {
                let checking = |s: &Stage| matches!(s, Stage::Checking(at) if *at == index);
                if let Some(turn) = self.take_turn(turn, checking) {
                    self.checked(cx, turn, index, *invoked);
                }
            }
            Event::Invoked { turn: id, index, invoked, snapshot } => {
                cx.snapshot = snapshot;
                let acting = |s: &Stage| matches!(s, Stage::Acting(at) if *at == index);
                match self.take_turn(id, acting) {
                    Some(turn) => self.invoked(cx, turn, index, *invoked),
                    None => self.came_late(cx, id, &invoked.actions),
                }
            }
            Event::AgentAnswered { turn, answer, snapshot } => {
                cx.snapshot = snapshot;
                let asking = |s: &Stage| matches!(s, Stage::AskingAgent { .. });
                if let Some(turn) = self.take_turn(turn, asking) {
                    self.agent_answered(cx, turn, answer);
                }
            }
            Event::Undo { turn, session, caller, deadline } => {
                let undo = Waiting::Undo { turn, session, caller, deadline };
                self.begin_or_wait(cx, undo);
            }
            Event::Restored { turn, actions } => {
                if let Some(turn) = self.take_turn(turn, |s| matches!(s, Stage::Restoring { .. })) {
                    self.restored(cx, turn, actions);
                }
            }
            Event::Stop { caller, session } => self.stop(cx, &caller, session),
            Event::Voiced(voiced) => self.voiced(cx, voiced),
            Event::Opened { key, owner, language, zone } => {
                self.sessions.insert(key, Session::new(Some(owner), language, zone, now));
            }
            Event::Shown { session, items } => {
                if let Some(session) = self.sessions.get_mut(&session) {
                    session.shown = items.into_iter().take(MAX_SHOWN).collect();
                }
            }
            Event::Reset(key) => self.reset(cx, key),
            Event::Close(key) => self.close(cx, key),
            Event::NameLost(name) => self.name_lost(cx, &name),
            Event::AgentCame(agent) => {
                self.agent_went(&agent.name, &agent.object);
                self.agents.push(agent);
            }
            Event::AgentWent { name, object } => self.agent_went(&name, &object),
            Event::Watched { session, path, value, reached, not_reached_speech } => {
                if self.ends_wait(&path, &value) && !reached {
                    self.not_reached(cx, session, &path, not_reached_speech);
                }
            }
            Event::Tick => self.tick(cx),
        }
        self.show_state(cx);
        step.effects
    }

    /// When the next [`Event::Tick`] is due; `None` when nothing can run out.
    #[must_use]
    pub fn next_tick(&self) -> Option<Instant> {
        let turns = self.turns.values().map(|turn| match &turn.stage {
            Stage::AskingAgent { until, .. } => *until,
            _ => turn.deadline.at(),
        });
        // A session whose turn runs cannot run out, or this would be due for ever.
        let idle =
            self.sessions.iter().filter(|(key, _)| self.turns.values().all(|t| t.session != **key));
        let sessions = idle.map(|(key, session)| match (&session.pending, key) {
            (Some(pending), _) => pending.until,
            (None, SessionKey::Default { .. }) => session.used.after(FORGET_AFTER),
            (None, SessionKey::Opened(_)) => session.used.after(EXPIRE_AFTER),
        });
        turns.chain(sessions).chain(self.voice.next_tick()).chain(self.offers.next_tick()).min()
    }

    fn show_state(&mut self, cx: &mut Step) {
        let state = if !self.turns.is_empty() {
            DialogState::Thinking
        } else if let Some(state) = self.voice.state(cx.now) {
            state
        } else if self.offers.are_open() || self.sessions.values().any(|s| s.pending.is_some()) {
            DialogState::Expecting
        } else {
            DialogState::Idle
        };
        if state != self.state {
            self.state = state;
            cx.effects.push(Effect::DialogState(state));
        }
    }

    /// Takes a turn out, if it is at the stage that the event belongs to; else the event is stale.
    fn take_turn(&mut self, id: TurnId, fits: impl Fn(&Stage) -> bool) -> Option<Turn> {
        if self.turns.get(&id).is_some_and(|turn| fits(&turn.stage)) {
            self.turns.remove(&id)
        } else {
            None
        }
    }

    /// Something was said: what sounds ends, unless it is our own voice that was heard.
    fn said(&mut self, cx: &mut Step, utter: Box<Utter>) {
        if self.is_own_voice(cx.now, &utter) {
            let turn = Waiting::Utter(utter).never_begun(cx.now, &self.rules.language);
            let (kind, nothing) = (ResultType::NotUnderstood, String::new());
            let result = self.result(cx, &turn, kind, nothing, "own-speech");
            cx.effects.push(Effect::Finish(Box::new(result)));
            return;
        }
        self.speak_over(cx, &utter);
        self.begin_or_wait(cx, Waiting::Utter(utter));
    }

    fn begin_or_wait(&mut self, cx: &mut Step, waiting: Waiting) {
        let key = waiting.session();
        if self.turns.values().any(|turn| turn.session == key) {
            self.queues.entry(key).or_default().push_back(waiting);
            return;
        }
        match waiting {
            Waiting::Utter(utter) => self.utter(cx, *utter),
            Waiting::Undo { turn, session, caller, deadline } => {
                self.undo_call(cx, turn, session, caller, deadline);
            }
        }
    }

    fn utter(&mut self, cx: &mut Step, utter: Utter) {
        let language = self.rules.language.clone();
        let key = utter.session;
        let session = self.sessions.entry(key).or_insert_with(|| {
            let zone = match key {
                SessionKey::Default { zone, .. } => zone,
                SessionKey::Opened(_) => Zone::All,
            };
            Session::new(None, language, zone, cx.now)
        });
        if cx.now.since(session.used) > FORGET_AFTER {
            if session.pending.is_some() {
                cx.effects.push(Effect::Expecting { session: key, expecting: false });
            }
            session.forget();
        }
        session.used = cx.now;
        let zone = utter.zone.unwrap_or(session.zone);
        let language = utter.language.unwrap_or_else(|| session.language.clone());
        let request = Request {
            text: utter.utterance.as_str().to_owned(),
            language: language.clone(),
            zone: speaker(zone),
            expected: session.pending.as_ref().and_then(|p| expected(p, &session.shown)),
            local_now: utter.local_now,
            previous: session.previous.clone(),
        };
        let turn = Turn {
            id: utter.turn,
            session: key,
            caller: utter.caller,
            language,
            zone,
            mode: utter.mode,
            deadline: utter.deadline,
            began: cx.now,
            text: request.text.clone(),
            stage: Stage::Understanding,
            commands: Vec::new(),
            planned: Vec::new(),
            engine: None,
            said: String::new(),
            others: VecDeque::new(),
            cannot: None,
            timing: Vec::new(),
        };
        if turn.deadline.is_over(cx.now) {
            // It waited behind another one for longer than its caller does.
            return self.time_out(cx, turn);
        }
        cx.effects.push(Effect::TurnChanged {
            turn: turn.id,
            session: key,
            state: "understanding",
        });
        cx.effects.push(Effect::Understand {
            turn: turn.id,
            request: Box::new(request),
            deadline: turn.deadline,
        });
        self.turns.insert(turn.id, turn);
    }

    fn understood(
        &mut self,
        cx: &mut Step,
        mut turn: Turn,
        understanding: Understanding,
        suggestions: &[String],
    ) {
        for (stage, time) in [
            ("template", understanding.template_time),
            ("encoder", understanding.encoder_time),
            ("heads", understanding.heads_time),
        ] {
            turn.timing.push((stage, u64::try_from(time.as_micros()).unwrap_or(u64::MAX)));
        }
        turn.engine = understanding.commands.first().map(|command| command.best.engine);
        if turn.mode == Mode::Parse {
            return self.finish_parse(cx, turn, &understanding);
        }
        let pending = self.take_pending(cx, &turn);
        if pending.is_none() {
            match self.answer_offer(cx, turn, understanding.act) {
                Some(same) => turn = same,
                None => return,
            }
        }
        match (understanding.act, pending) {
            (Some(DialogueAct::Affirm), Some(Ok(pending))) => {
                self.affirmed(cx, turn, pending);
            }
            (Some(DialogueAct::Deny | DialogueAct::Stop), Some(Ok(_))) => {
                self.say(cx, turn, ResultType::Answer, "cancelled", &[]);
            }
            (Some(DialogueAct::Affirm), Some(Err(()))) => {
                self.say(cx, turn, ResultType::Refusal, "expired", &[]);
            }
            (Some(DialogueAct::Affirm | DialogueAct::Deny), None | Some(Err(()))) => {
                self.say(cx, turn, ResultType::NotUnderstood, "nothing-to-confirm", &[]);
            }
            (Some(act), pending) => {
                self.act(cx, turn, act, pending.and_then(Result::ok), suggestions);
            }
            (None, pending) => {
                let pending = pending.and_then(Result::ok);
                self.commands_or_answer(cx, turn, understanding, pending);
            }
        }
    }

    fn act(
        &mut self,
        cx: &mut Step,
        turn: Turn,
        act: DialogueAct,
        pending: Option<Pending>,
        suggestions: &[String],
    ) {
        if act == DialogueAct::Undo {
            return self.undo(cx, turn, pending);
        }
        // The others leave an open question open.
        if let Some(pending) = pending {
            self.put_pending(cx, &turn, pending);
        }
        match act {
            DialogueAct::Repeat => {
                let last = self.sessions.get(&turn.session).and_then(|s| s.last_speech.clone());
                match last {
                    Some(speech) => self.finish_words(cx, turn, ResultType::Answer, speech, ""),
                    None => self.say(cx, turn, ResultType::Answer, "nothing-to-repeat", &[]),
                }
            }
            DialogueAct::Help => {
                let examples = suggestions.join("; ");
                self.say(cx, turn, ResultType::Answer, "help", &[("examples", &examples)]);
            }
            DialogueAct::Stop | DialogueAct::Affirm | DialogueAct::Deny | DialogueAct::Undo => {
                self.say(cx, turn, ResultType::Answer, "stopped", &[]);
            }
        }
    }

    fn skill_name(&self, id: &SkillId) -> String {
        self.rules.skills.skill_name(id).to_owned()
    }
}

/// A whole-cabin microphone speaks for the driver.
fn speaker(zone: Zone) -> Zone {
    if zone == Zone::All { Zone::DRIVER } else { zone }
}

/// What the engines should expect while a question is open. A slot of words may be answered
/// by what the screen shows, as in "the second one".
fn expected(pending: &Pending, shown: &[(String, String)]) -> Option<Expected> {
    match &pending.question {
        Question::Slot(expected)
            if expected.choices.is_empty() && expected.entity == EntityKind::Text =>
        {
            Some(Expected { choices: shown.to_vec(), ..expected.clone() })
        }
        Question::Slot(expected)
        | Question::Choice(expected)
        | Question::Reading { expected, .. } => Some(expected.clone()),
        Question::Confirm { .. } => None,
    }
}

/// The kind of slot a choice fills: its labels are what is expected.
const CHOICE_KIND: EntityKind = EntityKind::Text;

#[cfg(test)]
mod tests;
