//! Effects of the dialogue, carried out: to the inference thread, the skill host, the bus.
//!
//! Must not decide; the dialogue has decided.

use super::{
    ASSISTANT, Assistant,
    waiters::{STOPPING, Waiter},
};
use crate::{happening::Happening, inference::Asked, logging::message_id, skills};
use std::{collections::VecDeque, time::Duration};
use valet_bus::{BusError, Dict, ErrorName, Face, ROOT, convert, convert::owned, path};
use valet_core::{
    deadline::Deadline,
    dialogue::{
        AGENT_LIMIT, Agent, AgentAnswer, AgentQuestion, Call, Effect, Event, FinishCode, TurnResult,
    },
    intent::SkillId,
    outcome::{Action, ActionStatus, Invoked, Planned, SkillFault, Target},
    session::{Change, SessionKey, TurnId},
    signal::{SignalPath, SignalValue},
    understanding::{Request, Understanding},
    zone::Zone,
};
use valet_skill_host::{Invocation, TurnHandle};

/// The interface of a request.
const REQUEST: &str = "org.valetd.Request1";
/// How long an agent's method may take; the dialogue's own limit comes first.
const AGENT_CALL_LIMIT: Duration = Duration::from_secs(16);
/// Most watches for values that were only requested.
const MAX_WATCHES: usize = 32;

/// A turn that a skill works on.
pub(crate) struct Running {
    pub(super) handle: TurnHandle,
    skill: SkillId,
}

/// Signals that are being put back: one skill after the other.
pub(crate) struct Restoring {
    waiting: VecDeque<Batch>,
    actions: Vec<Action>,
}

/// What is put back for one skill, and what went along with that.
struct Batch {
    skill: SkillId,
    values: Vec<Planned>,
    along: Vec<Planned>,
}

impl Assistant {
    /// Steps the dialogue and carries out what it says. An effect that is through at once
    /// makes an event of its own; that one waits until all effects of this one are out, so
    /// that the bus sees them in order.
    pub(super) fn step(&mut self, event: Event) {
        self.events.push_back(event);
        if self.stepping {
            return;
        }
        self.stepping = true;
        while let Some(event) = self.events.pop_front() {
            let now = self.clock.now();
            for effect in self.dialogue.step(now, event) {
                self.carry_out(effect);
            }
        }
        self.stepping = false;
    }

    /// Takes what happened on another thread.
    pub(super) fn take(&mut self, happening: Happening) {
        match happening {
            Happening::Understood { turn, understanding } => self.understood(turn, understanding),
            Happening::Checked { turn, index, invoked } => self.checked(turn, index, invoked),
            Happening::Invoked { turn, index, invoked } => self.invoked(turn, index, invoked),
            Happening::Restored { turn, invoked } => self.restored(turn, *invoked),
            Happening::Encoder(state) => self.take_encoder_state(state),
            Happening::Heads { of, heads } => self.take_heads(of, heads),
            Happening::Agent { turn, answer } => {
                let answer = answer.unwrap_or_else(|error| {
                    log::debug!("an agent did not answer: {error}");
                    AgentAnswer::None
                });
                let snapshot = self.snapshot();
                self.step(Event::AgentAnswered { turn, answer, snapshot });
            }
            Happening::Watched { session, path, value, reached, not_reached_speech } => {
                self.stats.watches -= 1;
                self.step(Event::Watched { session, path, value, reached, not_reached_speech });
            }
            Happening::Announce { skill, speech } => self.announce(Some(&skill), &speech),
            Happening::AlarmsChanged => self.schedule_alarms(),
            Happening::Rang { skill, name, invoked } => {
                self.rang(&skill, &name, &invoked);
                self.books.skill(skill);
            }
        }
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Understand { turn, request, deadline } => {
                self.understand(turn, request, deadline)
            }
            Effect::Check { turn, index, call, assumed, deadline } => {
                self.check(turn, index, *call, assumed, deadline);
            }
            Effect::Invoke { turn, index, call, deadline } => {
                self.invoke(turn, index, *call, deadline)
            }
            Effect::CancelInvoke { turn } => {
                if let Some(running) = self.running.remove(&turn) {
                    running.handle.cancel();
                }
                self.restoring.remove(&turn);
            }
            Effect::Restore { turn, changes, .. } => self.restore(turn, changes),
            Effect::AskAgent { turn, agent, speech, question } => {
                self.ask_agent(turn, agent, speech, question)
            }
            Effect::CancelAgent { turn, agent } => self.cancel_agent(turn, agent),
            Effect::TurnChanged { turn, session, state } => self.turn_changed(turn, session, state),
            Effect::Finish(result) => self.finish(*result),
            Effect::DialogState(state) => self.client_property("DialogState", owned(state.name())),
            Effect::Expecting { session, expecting } => {
                let path = path::session(session);
                self.face.set_property(
                    &path,
                    "org.valetd.Session1",
                    "ExpectingReply",
                    owned(expecting),
                );
            }
            Effect::Watch { session, path, value, not_reached_speech } => {
                self.watch(session, path, value, not_reached_speech);
            }
            Effect::SessionClosed(key) => {
                self.session_initiators.remove(&key);
                self.face.remove_object(&path::session(key));
            }
            Effect::Announce { speech, .. } => self.announce(None, &speech),
        }
    }

    fn note(&mut self, turn: TurnId, what: String) {
        self.traces.note(turn, self.clock.now().0, what);
    }

    fn understand(&mut self, turn: TurnId, request: Box<Request>, deadline: Deadline) {
        self.note(turn, "understanding".into());
        let begun = std::time::Instant::now();
        if let Some(understanding) = self.understand_at_once(&request) {
            return self.understood(turn, Box::new(understanding));
        }
        let template_time = begun.elapsed();
        let left = deadline.left(self.clock.now());
        let taken = self.inference.as_ref().is_some_and(|inference| {
            let (request, understander) = ((*request).clone(), self.understander.clone());
            inference.understand(
                turn,
                Box::new(Asked { request, understander, template_time }),
                left,
            )
        });
        if !taken {
            // The encoder has too much to do: templates alone answer, and say so.
            let understanding = self.understander.understand_freely(&request, template_time, None);
            self.understood(turn, Box::new(understanding));
        }
    }

    fn understood(&mut self, turn: TurnId, understanding: Box<Understanding>) {
        self.note(turn, "understood".into());
        self.traces.understood(turn, &understanding);
        let suggestions = match understanding.act {
            Some(valet_core::understanding::DialogueAct::Help) => self.understander.suggestions(4),
            _ => Vec::new(),
        };
        let snapshot = self.snapshot();
        self.step(Event::Understood { turn, understanding, snapshot, suggestions });
    }

    fn invoke(&mut self, turn: TurnId, index: usize, call: Call, deadline: Deadline) {
        self.note(turn, format!("invoking {}", call.intent));
        let skill = call.intent.skill().clone();
        let invocation = self.invocation(call, deadline);
        let happenings = self.happenings.clone();
        let done = Box::new(move |invoked: Invoked| {
            // The daemon is stopping when nobody listens.
            let _ = happenings.send(Happening::Invoked { turn, index, invoked: Box::new(invoked) });
        });
        match self.host.invoke(invocation, done) {
            Ok(handle) => drop(self.running.insert(turn, Running { handle, skill })),
            Err(error) => {
                let fault = SkillFault::Unavailable { skill, why: error.to_string() };
                self.invoked(turn, index, Box::new(nothing_done(fault)));
            }
        }
    }

    /// Has a command gone through without effect, to see what the policy says of it.
    fn check(
        &mut self,
        turn: TurnId,
        index: usize,
        call: Call,
        assumed: Vec<Planned>,
        deadline: Deadline,
    ) {
        self.note(turn, format!("checking {}", call.intent));
        let skill = call.intent.skill().clone();
        let invocation = self.invocation(call, deadline);
        let happenings = self.happenings.clone();
        let done = Box::new(move |invoked: Invoked| {
            let _ = happenings.send(Happening::Checked { turn, index, invoked: Box::new(invoked) });
        });
        match self.host.rehearse(invocation, assumed, done) {
            Ok(handle) => drop(self.running.insert(turn, Running { handle, skill })),
            Err(error) => {
                let fault = SkillFault::Unavailable { skill, why: error.to_string() };
                self.checked(turn, index, Box::new(nothing_done(fault)));
            }
        }
    }

    fn checked(&mut self, turn: TurnId, index: usize, invoked: Box<Invoked>) {
        self.running.remove(&turn);
        // These end the turn here; everything else is told when the command acts.
        let refused = invoked.actions.iter().any(|a| a.status == ActionStatus::Denied);
        if refused || invoked.result.is_err() {
            self.log_invoked(turn, &invoked);
        }
        self.step(Event::Checked { turn, index, invoked });
    }

    fn invocation(&self, call: Call, deadline: Deadline) -> Invocation {
        let skill = call.intent.skill().clone();
        let settings = self
            .skills
            .by_id
            .get(&skill)
            .map(|s| skills::settings(&s.manifest, &self.state))
            .unwrap_or_default();
        Invocation {
            skill,
            intent: call.intent.name().to_owned(),
            class: call.class,
            slots: call.slots,
            settings,
            speaker: call.speaker,
            language: call.language,
            text: Some(call.text),
            confirmed: call.confirmed,
            guest_confirmed: call.guest_confirmed,
            budget: deadline.left(self.clock.now()),
            observe: self.config.observe,
        }
    }

    fn invoked(&mut self, turn: TurnId, index: usize, invoked: Box<Invoked>) {
        let ran = self.running.remove(&turn);
        self.note(turn, "the skill is through".into());
        self.log_invoked(turn, &invoked);
        let snapshot = self.snapshot();
        self.step(Event::Invoked { turn, index, invoked, snapshot });
        if let Some(running) = ran {
            self.books.skill(running.skill);
        }
    }

    fn log_invoked(&mut self, turn: TurnId, invoked: &Invoked) {
        if let Err(fault) = &invoked.result {
            log::error!(MESSAGE_ID = message_id::FAULT, VALET_TURN = turn.to_string().as_str(); "{fault}");
            self.note(turn, format!("fault: {fault}"));
            self.stats.faults += 1;
        }
        self.traces.judged(turn, invoked);
        for action in &invoked.actions {
            self.note(turn, format!("{} {}", action.target, action.status.name()));
            if action.status == ActionStatus::Denied {
                let target = action.target.to_string();
                let why = action.why.as_deref().unwrap_or("not granted");
                log::info!(
                    MESSAGE_ID = message_id::REFUSAL, VALET_TURN = turn.to_string().as_str();
                    "refused: {target}: {why}"
                );
            }
        }
    }

    /// Puts values back, one skill at a time: the grants of who changed them hold.
    fn restore(&mut self, turn: TurnId, changes: Vec<Change>) {
        let mut waiting: VecDeque<Batch> = VecDeque::new();
        for change in changes {
            if waiting.back().is_none_or(|batch| batch.skill != change.skill) {
                let (values, along) = (Vec::new(), Vec::new());
                waiting.push_back(Batch { skill: change.skill, values, along });
            }
            if let Some(batch) = waiting.back_mut() {
                let list = if change.companion { &mut batch.along } else { &mut batch.values };
                list.push(Planned { path: change.path, value: change.previous });
            }
        }
        self.restoring.insert(turn, Restoring { waiting, actions: Vec::new() });
        self.restore_next(turn);
    }

    fn restore_next(&mut self, turn: TurnId) {
        let Some(restoring) = self.restoring.get_mut(&turn) else { return };
        let Some(Batch { skill, values, along }) = restoring.waiting.pop_front() else {
            let actions = std::mem::take(&mut restoring.actions);
            self.restoring.remove(&turn);
            return self.step(Event::Restored { turn, actions });
        };
        let happenings = self.happenings.clone();
        let done = Box::new(move |invoked: Invoked| {
            let _ = happenings.send(Happening::Restored { turn, invoked: Box::new(invoked) });
        });
        if let Err(error) =
            self.host.restore(skill.clone(), values.clone(), along, self.config.observe, done)
        {
            let why = error.to_string();
            let mut invoked = nothing_done(SkillFault::Unavailable { skill, why: why.clone() });
            invoked.actions =
                values.into_iter().map(|planned| not_put_back(planned, &why)).collect();
            self.restored(turn, invoked);
        }
    }

    fn restored(&mut self, turn: TurnId, invoked: Invoked) {
        if let Some(restoring) = self.restoring.get_mut(&turn) {
            restoring.actions.extend(invoked.actions);
            if let Some((planned, why)) = invoked.needs_confirmation {
                // "Undo" is no yes to something that has to be asked first.
                restoring.actions.extend(planned.into_iter().map(|p| not_put_back(p, &why)));
            }
        }
        self.restore_next(turn);
    }

    fn ask_agent(&mut self, turn: TurnId, agent: Agent, speech: String, question: AgentQuestion) {
        let (face, happenings) = (self.face.clone(), self.happenings.clone());
        let options = self.agent_options(self.dialogue.zone_of_turn(turn));
        tokio::spawn(async move {
            let answer = call_agent(&face, &agent, turn, (&speech, options), question).await;
            let _ = happenings.send(Happening::Agent { turn, answer });
        });
    }

    /// What every method of an agent is told besides its arguments.
    pub(super) fn agent_options(&self, zone: Option<Zone>) -> Dict {
        let mut options =
            Dict::from([("language".to_owned(), owned(self.config.language.as_str()))]);
        options.extend(zone.map(|zone| ("zone".to_owned(), owned(zone.to_string()))));
        options
    }

    fn cancel_agent(&self, turn: TurnId, agent: Agent) {
        let face = self.face.clone();
        tokio::spawn(async move {
            let called = face
                .call_agent::<_, ()>(
                    (&agent.name, &agent.object),
                    "Cancel",
                    &(turn.to_string(),),
                    Duration::from_secs(2),
                )
                .await;
            if let Err(error) = called {
                log::debug!("an agent did not take Cancel: {error}");
            }
        });
    }

    pub(super) fn cancel_turn(&mut self, turn: TurnId) {
        // A turn is cancelled as its session is stopped: what waits behind it is not started
        // behind the person's back.
        if let Some((session, caller)) = self.dialogue.session_of_turn(turn) {
            self.step(Event::Stop { caller, session: Some(session) });
        }
    }

    fn turn_changed(&mut self, turn: TurnId, session: SessionKey, state: &'static str) {
        let name = turn.to_string();
        if let Some((path, client)) = self.waiters.request(turn) {
            self.face.set_property(path, REQUEST, "State", owned(state));
            self.face.emit_to(client, path, (REQUEST, "Progress"), &(state, Dict::new()));
        }
        let details = self.turn_details(turn, session);
        for client in self.observers_of(session) {
            self.face.emit_to(
                &client,
                ROOT,
                (ASSISTANT, "TurnChanged"),
                &(name.as_str(), state, details.clone()),
            );
        }
    }

    /// What an observer is told of a turn besides its state.
    fn turn_details(&self, turn: TurnId, session: SessionKey) -> Dict {
        let mut details = Dict::new();
        if let Ok(object) = zbus::ObjectPath::try_from(path::session(session)) {
            details.insert("session".into(), owned(object));
        }
        if let Some(zone) = self.dialogue.zone_of_turn(turn) {
            details.insert("zone".into(), owned(zone.to_string()));
        }
        if let Some(initiator) = self.initiators.get(&turn) {
            details.insert("initiator".into(), owned(initiator.as_str()));
        }
        details
    }

    /// Who may see a session: observers of its user, and those who may see all.
    fn observers_of(&self, session: SessionKey) -> Vec<String> {
        let uid = match session {
            SessionKey::Default { uid, .. } => Some(uid),
            SessionKey::Opened(_) => self
                .dialogue
                .session(&session)
                .and_then(|s| s.owner.as_ref())
                .map(|owner| owner.uid),
        };
        self.observers
            .iter()
            .filter(|(_, observer)| observer.sees_all || Some(observer.uid) == uid)
            .map(|(name, _)| name.clone())
            .collect()
    }

    fn finish(&mut self, result: TurnResult) {
        self.running.remove(&result.turn);
        self.initiators.remove(&result.turn);
        let view = convert::result(&result);
        let cancelled = result.finish == FinishCode::Cancelled;
        match self.waiters.take(result.turn) {
            Some(Waiter::Call(reply)) if cancelled => {
                reply.error(&BusError::new(ErrorName::Canceled, "the turn was stopped"));
            }
            Some(Waiter::Call(reply)) => reply.ok(&view),
            Some(Waiter::Request { path, client }) => {
                self.face.set_property(&path, REQUEST, "State", owned("finished"));
                if cancelled {
                    let body = (1_u32, convert::View::new());
                    self.face.emit_to(&client, &path, (REQUEST, "Finished"), &body);
                } else {
                    self.send_chunks(&client, &path, &result.speech);
                    self.face.emit_to(&client, &path, (REQUEST, "Finished"), &(0_u32, &view));
                }
                self.face.remove_object(&path);
            }
            // The client left meanwhile.
            None => {}
        }
        for client in self.observers_of(result.session) {
            let body = (result.turn.to_string(), &view);
            self.face.emit_to(&client, ROOT, (ASSISTANT, "TurnFinished"), &body);
        }
        if !cancelled {
            self.speak(&result);
        }
        self.books.turn(result);
    }

    /// The speech in pieces at sentence borders, so that a voice can begin with the first.
    fn send_chunks(&self, client: &str, path: &str, speech: &str) {
        let pieces = speech.split_inclusive(". ").filter(|piece| !piece.is_empty());
        for (seq, piece) in (0_u32..).zip(pieces) {
            self.face.emit_to(client, path, (REQUEST, "Chunk"), &(seq, piece));
        }
    }

    /// Gives a turn's words and display to the agents that speak and show for its zone.
    fn speak(&self, result: &TurnResult) {
        let zone = self.dialogue.session(&result.session).map_or(Zone::All, |session| session.zone);
        let turn = result.turn.to_string();
        if let Some(agent) = self.dialogue.agent("speak", zone)
            && !result.speech.is_empty()
        {
            let mut options = self.agent_options(Some(zone));
            options.insert("last".into(), owned(true));
            let body = (turn.clone(), 0u32, result.speech.clone(), options);
            self.face.tell_agent((&agent.name, &agent.object), "Speak", &body);
        }
        if let Some(agent) = self.dialogue.agent("show", zone)
            && !result.display.is_empty()
        {
            let display: Dict =
                result.display.iter().map(|(k, v)| (k.clone(), owned(v.as_str()))).collect();
            self.face.tell_agent((&agent.name, &agent.object), "Show", &(turn, display));
        }
    }

    /// The daemon stops: an open request ends with the fault that says so.
    pub(super) fn say_stopping(&self, client: &str, path: &str) {
        let fault = BusError::new(ErrorName::Canceled, STOPPING);
        let result = Dict::from([
            ("error".to_owned(), owned(fault.name.as_str())),
            ("message".to_owned(), owned(fault.message.as_str())),
        ]);
        self.face.emit_to(client, path, (REQUEST, "Finished"), &(2_u32, result));
    }

    fn watch(
        &mut self,
        session: SessionKey,
        path: SignalPath,
        value: SignalValue,
        not_reached_speech: String,
    ) {
        if self.stats.watches >= MAX_WATCHES {
            log::warn!("too many requested values are waited for; one is not watched");
            return;
        }
        self.stats.watches += 1;
        let (vehicle, happenings) = (self.world.vehicle.clone(), self.happenings.clone());
        let limit = self.config.not_reached_after;
        tokio::task::spawn_blocking(move || {
            let seen = vehicle.wait_until(&path, &value, limit).ok().flatten();
            let reached = seen.is_some_and(|seen| value.matches(&seen));
            let watched = Happening::Watched { session, path, value, reached, not_reached_speech };
            let _ = happenings.send(watched);
        });
    }
}

fn nothing_done(fault: SkillFault) -> Invoked {
    Invoked {
        result: Err(fault),
        actions: Vec::new(),
        needs_confirmation: None,
        guest_time: Duration::ZERO,
        observe_time: Duration::ZERO,
    }
}

fn not_put_back(planned: Planned, why: &str) -> Action {
    Action {
        target: Target::Signal(planned.path),
        requested: Some(planned.value),
        previous: None,
        observed: None,
        status: ActionStatus::Denied,
        why: Some(why.to_owned()),
        companion: false,
    }
}

async fn call_agent(
    face: &Face,
    agent: &Agent,
    turn: TurnId,
    (speech, mut options): (&str, Dict),
    question: AgentQuestion,
) -> Result<AgentAnswer, BusError> {
    let to = (agent.name.as_str(), agent.object.as_str());
    let turn = turn.to_string();
    match question {
        AgentQuestion::Confirm { planned } => {
            let actions: Vec<Dict> = planned
                .iter()
                .map(|p| {
                    Dict::from([
                        ("target".to_owned(), owned(p.path.as_str())),
                        ("requested".to_owned(), convert::signal(&p.value)),
                    ])
                })
                .collect();
            options.insert("expires-ms".into(), owned(expires_ms()));
            let body = (turn, speech, actions, options);
            face.call_agent(to, "Confirm", &body, AGENT_CALL_LIMIT)
                .await
                .map(AgentAnswer::Confirmed)
        }
        AgentQuestion::Choose { choices } => {
            let choices: Vec<(String, String, Dict)> =
                choices.into_iter().map(|(id, label)| (id, label, Dict::new())).collect();
            let body = (turn, speech, choices, options);
            face.call_agent(to, "Choose", &body, AGENT_CALL_LIMIT).await.map(AgentAnswer::Text)
        }
        AgentQuestion::AskSlot { slot, entity } => {
            options.insert("entity".into(), owned(entity.as_str()));
            let body = (turn, slot, speech, options);
            face.call_agent(to, "AskSlot", &body, AGENT_CALL_LIMIT).await.map(AgentAnswer::Text)
        }
    }
}

/// How long an agent has for its answer, as the bus says it.
fn expires_ms() -> u32 {
    u32::try_from(AGENT_LIMIT.as_millis()).unwrap_or(u32::MAX)
}
