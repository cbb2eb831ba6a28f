//! One person talking: the real dialogue, its effects carried out at once.
//!
//! Must not answer for the person, and must not act but through the skill host.

use crate::house::{House, Templates};
use std::{collections::VecDeque, sync::mpsc, time::Duration};
use valet_core::{
    deadline::{Deadline, Instant},
    dialogue::{Call, Dialogue, Effect, Event, Mode, TurnResult, Utter},
    intent::SkillId,
    outcome::{Action, Invoked, Outcome, Planned, SkillFault},
    policy::Snapshot,
    ports::{Clock as _, Vehicle as _},
    session::{Caller, Change, SessionKey, TurnId},
    signal::{SignalPath, SignalValue},
    understanding::Understanding,
    utterance::Utterance,
    zone::Zone,
};
use valet_skill_host::{Done, HostError, Invocation, Ring, SkillHost, TurnHandle};

/// The daemon's own limits: of a turn, of waiting for observed values, of waiting for a value
/// that was requested.
const TURN_LIMIT: Duration = Duration::from_secs(5);
const OBSERVE: Duration = Duration::from_millis(250);
const NOT_REACHED_AFTER: Duration = Duration::from_secs(20);
/// What the dialogue's clock moves by with every event.
const STEP: Duration = Duration::from_millis(1);

/// What came of one utterance.
#[derive(Debug, Clone)]
pub struct Heard {
    /// What was understood; nothing for a turn that never came so far.
    pub understanding: Understanding,
    /// How the turn ended.
    pub result: TurnResult,
    /// What was asked of the skills.
    pub calls: Vec<Call>,
    /// How skills broke their contract.
    pub faults: Vec<SkillFault>,
    /// Requested values that never came.
    pub not_reached: Vec<SignalPath>,
}

impl Heard {
    /// Whether the dialogue waits for an answer of this kind: `confirm`, `ambiguous`, `missing-slot`, `choose`.
    #[must_use]
    pub fn asks(&self, code: &str) -> bool {
        self.result.expects_reply && self.result.code == code
    }
}

/// A conversation in the default session of one zone.
pub struct Conversation<'a> {
    house: &'a mut House,
    templates: Templates,
    dialogue: Dialogue,
    zone: Zone,
    now: Instant,
    turns: u64,
}

/// What a turn leaves behind while its effects are carried out.
#[derive(Default)]
struct Open {
    events: VecDeque<Event>,
    understanding: Understanding,
    result: Option<TurnResult>,
    calls: Vec<Call>,
    faults: Vec<SkillFault>,
    watched: Vec<(SignalPath, SignalValue)>,
}

impl<'a> Conversation<'a> {
    /// Begins one with a car, a desk and a dialogue that nobody has touched.
    pub fn begin(house: &'a mut House, templates: Templates, zone: Zone) -> Self {
        house.car.renew();
        house.desk.clear();
        let dialogue = Dialogue::new(house.rules.clone());
        Self { house, templates, dialogue, zone, now: Instant(0), turns: 0 }
    }

    /// The house around it.
    #[must_use]
    pub fn house(&self) -> &House {
        self.house
    }

    /// Says something and waits until the turn is over. `None` when the dialogue left it
    /// without a result, which it never may.
    pub fn say(&mut self, text: &str) -> Option<Heard> {
        self.turns += 1;
        let turn = TurnId(self.turns);
        let utter = Utter {
            turn,
            session: SessionKey::Default { uid: 1000, zone: self.zone },
            caller: Caller { uid: 1000, name: ":1.1".to_owned() },
            utterance: Utterance::parse(text).ok()?,
            language: None,
            zone: Some(self.zone),
            mode: Mode::Act,
            deadline: Deadline::new(self.now, TURN_LIMIT),
            local_now: Some(self.house.desk.local_now()),
            heard: false,
            others: Vec::new(),
        };
        let mut open = Open::default();
        open.events.push_back(Event::Utter(Box::new(utter)));
        while let Some(event) = open.events.pop_front() {
            self.now = self.now.after(STEP);
            for effect in self.dialogue.step(self.now, event) {
                self.carry_out(&mut open, effect);
            }
        }
        let not_reached = self.wait_for(std::mem::take(&mut open.watched));
        Some(Heard {
            understanding: open.understanding,
            result: open.result?,
            calls: open.calls,
            faults: open.faults,
            not_reached,
        })
    }

    /// Lets time pass, and rings what is due; what skills announced.
    pub fn pass(&mut self, time: Duration) -> Vec<String> {
        self.now = self.now.after(time);
        self.house.car.pass(time);
        self.house.desk.pass(time);
        self.dialogue.step(self.now, Event::Tick);
        let now = self.house.desk.now().utc_ms;
        for (skill, alarm) in self.house.desk.take_due() {
            let ring = Ring {
                settings: self.house.settings(&skill),
                skill,
                name: alarm.name,
                payload: alarm.payload,
                late_ms: u64::try_from(now - alarm.at_utc_ms).unwrap_or(0),
                language: "en".to_owned(),
                budget: TURN_LIMIT,
            };
            let (done, invoked) = mpsc::channel();
            let sent = self.house.host.ring(ring, Box::new(move |i| drop(done.send(i))));
            if sent.is_ok() {
                // A ring that never comes back shows as an announcement that is missing.
                let _ = invoked.recv();
            }
        }
        self.house.desk.take_announced()
    }

    fn snapshot(&self) -> Snapshot {
        let known = self.house.rules.policy.needed_signals().iter().filter_map(|path| {
            let value = self.house.car.read(path).ok().flatten()?;
            Some((path.clone(), value))
        });
        Snapshot(known.collect())
    }

    fn carry_out(&mut self, open: &mut Open, effect: Effect) {
        match effect {
            Effect::Understand { turn, request, .. } => {
                let understanding = self.house.understand(&request, self.templates);
                open.understanding = understanding.clone();
                open.events.push_back(Event::Understood {
                    turn,
                    text: None,
                    others: Vec::new(),
                    understanding: Box::new(understanding),
                    snapshot: self.snapshot(),
                    suggestions: self.house.suggestions(),
                });
            }
            Effect::Check { turn, index, call, assumed, deadline } => {
                let invoked = self.rehearse(*call, assumed, deadline.left(self.now));
                let invoked = Box::new(invoked);
                open.events.push_back(Event::Checked { turn, index, invoked });
            }
            Effect::Invoke { turn, index, call, deadline } => {
                let invoked = self.invoke((*call).clone(), deadline.left(self.now));
                open.calls.push(*call);
                open.faults.extend(invoked.result.clone().err());
                let (invoked, snapshot) = (Box::new(invoked), self.snapshot());
                open.events.push_back(Event::Invoked { turn, index, invoked, snapshot });
            }
            Effect::Restore { turn, changes, .. } => {
                let actions = self.restore(changes);
                open.events.push_back(Event::Restored { turn, actions });
            }
            Effect::Watch { path, value, .. } => open.watched.push((path, value)),
            Effect::Finish(result) => open.result = Some(*result),
            // No agent is registered, nothing is cancelled, and nobody observes.
            Effect::CancelInvoke { .. }
            | Effect::AskAgent { .. }
            | Effect::CancelAgent { .. }
            | Effect::Said { .. }
            | Effect::Silence { .. }
            | Effect::OpenMicrophone { .. }
            | Effect::TurnChanged { .. }
            | Effect::DialogState(_)
            | Effect::Expecting { .. }
            | Effect::SessionClosed(_)
            | Effect::Announce { .. } => {}
        }
    }

    fn invoke(&self, call: Call, budget: Duration) -> Invoked {
        let invocation = self.invocation(call, budget);
        self.with_host(invocation, |host, invocation, done| host.invoke(invocation, done))
    }

    fn rehearse(&self, call: Call, assumed: Vec<Planned>, budget: Duration) -> Invoked {
        let invocation = self.invocation(call, budget);
        self.with_host(invocation, |host, invocation, done| {
            host.rehearse(invocation, assumed, done)
        })
    }

    fn with_host(
        &self,
        invocation: Invocation,
        send: impl FnOnce(&SkillHost, Invocation, Done) -> Result<TurnHandle, HostError>,
    ) -> Invoked {
        let skill = invocation.skill.clone();
        let (done, invoked) = mpsc::channel();
        let sent = send(&self.house.host, invocation, Box::new(move |i| drop(done.send(i))));
        let came = sent.map_err(|e| e.to_string());
        let came = came.and_then(|_| invoked.recv().map_err(|e| e.to_string()));
        came.unwrap_or_else(|why| nothing_done(Err(SkillFault::Unavailable { skill, why })))
    }

    fn invocation(&self, call: Call, budget: Duration) -> Invocation {
        let skill = call.intent.skill().clone();
        Invocation {
            settings: self.house.settings(&skill),
            skill,
            intent: call.intent.name().to_owned(),
            class: call.class,
            slots: call.slots,
            speaker: call.speaker,
            language: call.language,
            text: Some(call.text),
            confirmed: call.confirmed,
            guest_confirmed: call.guest_confirmed,
            budget,
            observe: OBSERVE,
        }
    }

    /// Puts values back, one skill after the other.
    fn restore(&self, changes: Vec<Change>) -> Vec<Action> {
        let mut batches: Vec<(SkillId, Vec<Planned>, Vec<Planned>)> = Vec::new();
        for change in changes {
            if batches.last().is_none_or(|(skill, ..)| *skill != change.skill) {
                batches.push((change.skill, Vec::new(), Vec::new()));
            }
            if let Some((_, values, along)) = batches.last_mut() {
                let list = if change.companion { along } else { values };
                list.push(Planned { path: change.path, value: change.previous });
            }
        }
        let mut actions = Vec::new();
        for (skill, values, along) in batches {
            let (done, invoked) = mpsc::channel();
            let done = Box::new(move |i| drop(done.send(i)));
            if self.house.host.restore(skill, values, along, OBSERVE, done).is_ok()
                && let Ok(invoked) = invoked.recv()
            {
                actions.extend(invoked.actions);
            }
        }
        actions
    }

    fn wait_for(&self, watched: Vec<(SignalPath, SignalValue)>) -> Vec<SignalPath> {
        let came = |(path, value): &(SignalPath, SignalValue)| {
            let seen = self.house.car.wait_until(path, value, NOT_REACHED_AFTER).ok().flatten();
            seen.is_some_and(|seen| value.matches(&seen))
        };
        watched.into_iter().filter(|one| !came(one)).map(|(path, _)| path).collect()
    }
}

fn nothing_done(result: Result<Outcome, SkillFault>) -> Invoked {
    Invoked {
        result,
        actions: Vec::new(),
        needs_confirmation: None,
        guest_time: Duration::ZERO,
        observe_time: Duration::ZERO,
    }
}
