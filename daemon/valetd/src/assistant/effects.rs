//! Effects of the dialogue, carried out: to the inference thread, the skill host, the bus.
//!
//! Must not decide; the dialogue has decided.

use super::{
    ASSISTANT, Assistant,
    waiters::{STOPPING, Waiter},
};
use crate::{happening::Happening, inference::Asked, logging::message_id, skills};
use std::time::Duration;
use valet_bus::{BusError, Dict, ErrorName, ROOT, convert, convert::owned, path};
use valet_core::{
    deadline::Deadline,
    dialogue::{AgentAnswer, Call, Effect, Event, FinishCode, TurnResult},
    intent::SkillId,
    outcome::{ActionStatus, Invoked, Planned, SkillFault},
    session::{SessionKey, TurnId},
    signal::{SignalPath, SignalValue},
    speech::sentences,
    understanding::{Request, Understanding},
};
use valet_skill_host::{Invocation, TurnHandle};

/// The interface of a request.
pub(super) const REQUEST: &str = "org.valetd.Request1";
/// Most watches for values that were only requested.
const MAX_WATCHES: usize = 32;

/// A turn that a skill works on.
pub(crate) struct Running {
    pub(super) handle: TurnHandle,
    skill: SkillId,
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
            Happening::Guessed { turn, guessing } => self.weigh_guesses(turn, *guessing),
            Happening::Checked { turn, index, invoked } => self.checked(turn, index, invoked),
            Happening::Invoked { turn, index, invoked } => self.invoked(turn, index, invoked),
            Happening::Restored { turn, invoked } => self.restored(turn, *invoked),
            Happening::Encoder { generation, news } => self.take_encoder_news(generation, news),
            Happening::Preparing(step) => self.take_step(step),
            Happening::Inspected { files, reply } => self.inspected(&files, reply),
            Happening::Settled { build } => self.settled(build),
            Happening::Rebuilt { build, understander } => self.rebuilt(build, understander),
            Happening::Contents { contents, reply } => self.package_inspected(contents, reply),
            Happening::Installing(step) => self.take_install_step(step),
            Happening::Decided { result, refused, then } => {
                if let Some((uid, right)) = refused {
                    self.not_authorized(uid, right.name());
                }
                then(self, result);
            }
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
            Happening::Woken { skill } => self.woken(&skill),
            Happening::Received { skill, invoked } => self.received(skill, &invoked),
            Happening::Named { skill, entity, values } => self.named(skill, entity, values),
            Happening::AlarmsChanged => self.schedule_alarms(),
            Happening::StateTurned => self.state_turned(),
            Happening::Rung { skill, name } => self.rung(&skill, &name),
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
            Effect::Said { turn, words } => self.say_on(turn, &words),
            Effect::Silence { turn, zone, speaker } => self.silence(turn, zone, speaker),
            Effect::OpenMicrophone { turn, speaker } => self.open_microphone(turn, &speaker),
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
                self.initiators.closed(key);
                self.pipelines.closed(key);
                self.face.remove_object(&path::session(key));
            }
            Effect::Announce { speech, .. } => self.announce(None, &speech),
        }
    }

    pub(super) fn note(&mut self, turn: TurnId, what: String) {
        self.traces.note(turn, self.clock.now().0, what);
    }

    fn understand(&mut self, turn: TurnId, request: Box<Request>, deadline: Deadline) {
        self.note(turn, "understanding".into());
        if let Some(given) = self.pipelines.given(turn) {
            return self.understood(turn, Box::new(given));
        }
        if self.understand_guesses(turn, &request, deadline) {
            return;
        }
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
        self.understood_as(turn, (None, Vec::new()), understanding);
    }

    /// A turn's text is understood; it may be another one than it began with, and may have been others.
    pub(super) fn understood_as(
        &mut self,
        turn: TurnId,
        (text, others): (Option<String>, Vec<(String, Understanding)>),
        understanding: Box<Understanding>,
    ) {
        self.note(turn, "understood".into());
        self.traces.understood(turn, &understanding);
        let suggestions = match understanding.act {
            Some(valet_core::understanding::DialogueAct::Help) => self.understander.suggestions(4),
            _ => Vec::new(),
        };
        let snapshot = self.snapshot();
        self.step(Event::Understood { turn, text, others, understanding, snapshot, suggestions });
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
        if let Some(initiator) = self.initiators.of(turn) {
            details.insert("initiator".into(), owned(initiator));
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
        self.initiators.finished(result.turn);
        let rest: Vec<&str> =
            sentences(result.speech.get(result.said..).unwrap_or_default()).collect();
        let how_many = u32::try_from(rest.len()).unwrap_or(u32::MAX);
        let first = self.voices.next_piece(result.turn, how_many);
        self.voices.finished(result.turn);
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
                    for (seq, piece) in (first..).zip(&rest) {
                        self.face.emit_to(&client, &path, (REQUEST, "Chunk"), &(seq, piece));
                    }
                    self.face.emit_to(&client, &path, (REQUEST, "Finished"), &(0_u32, &view));
                }
                self.face.remove_object(&path);
            }
            // A voice pipeline, or the client left meanwhile.
            None => self.pipelines.finished(&result),
        }
        for client in self.observers_of(result.session) {
            let body = (result.turn.to_string(), &view);
            self.face.emit_to(&client, ROOT, (ASSISTANT, "TurnFinished"), &body);
        }
        if !cancelled {
            self.speak(&result, first, &rest);
        }
        self.books.turn(result);
    }

    /// Tells whoever waits for something that is no turn how it ended.
    pub(super) fn tell_end(&self, waiter: Waiter, outcome: Result<Dict, BusError>) {
        match (waiter, outcome) {
            (Waiter::Call(reply), Ok(_)) => reply.ok(&()),
            (Waiter::Call(reply), Err(error)) => reply.error(&error),
            (Waiter::Request { path, client }, Ok(result)) => {
                self.end_request(&client, &path, 0, result);
            }
            (Waiter::Request { path, client }, Err(error)) => {
                let fault = Dict::from([
                    ("error".to_owned(), owned(error.name.as_str())),
                    ("message".to_owned(), owned(error.message)),
                ]);
                self.end_request(&client, &path, 2, fault);
            }
        }
    }

    pub(super) fn end_request(&self, client: &str, path: &str, code: u32, result: Dict) {
        self.face.set_property(path, REQUEST, "State", owned("finished"));
        self.face.emit_to(client, path, (REQUEST, "Finished"), &(code, result));
        self.face.remove_object(path);
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

pub(super) fn nothing_done(fault: SkillFault) -> Invoked {
    Invoked {
        result: Err(fault),
        actions: Vec::new(),
        needs_confirmation: None,
        guest_time: Duration::ZERO,
        observe_time: Duration::ZERO,
    }
}
