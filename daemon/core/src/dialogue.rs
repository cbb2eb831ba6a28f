//! The dialogue: sessions and turns as a pure state machine. Events go in, effects come out;
//! the same events at the same times give the same effects, so a log replays it.
//!
//! Must not read a clock, wait, or touch the world. Words of success come from `reply`.

mod answer;
mod begin;
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

    fn skill_name(&self, id: &SkillId) -> String {
        self.rules.skills.skill_name(id).to_owned()
    }
}

/// A whole-cabin microphone speaks for the driver.
fn speaker(zone: Zone) -> Zone {
    if zone == Zone::All { Zone::DRIVER } else { zone }
}

/// The kind of slot a choice fills: its labels are what is expected.
const CHOICE_KIND: EntityKind = EntityKind::Text;

#[cfg(test)]
mod tests;
