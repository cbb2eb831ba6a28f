//! Verdicts on the dialogue, driven with plain events and a clock that the test moves.
//! Policy and words are the shipped ones; only the skill is made up.
//!
//! Must not sleep, and must not look inside the dialogue: events in, effects out.
#![allow(clippy::unwrap_used)]

mod commands;
mod offers;
mod properties;
mod questions;
mod sessions;
mod voice;

use super::*;
use crate::signal::SignalPath;
use crate::{
    deadline::Deadline,
    entity::Value,
    intent::{IntentId, IntentSpec, SlotDefault, SlotSpec},
    outcome::{Action, ActionStatus, Answer, Invoked, Outcome, Planned, SkillFault, Target},
    policy::PolicyFile,
    routing::SkillEntry,
    signal::SignalValue,
    slot::Slot,
    understanding::{Candidate, Command, DialogueAct, Engine, Understanding},
    utterance::Utterance,
};

const SKILL: &str = "org.example.car";
pub(super) const TURN_LIMIT: Duration = Duration::from_secs(5);
pub(super) const BOOT: &str = "Vehicle.Body.Trunk.Rear.IsOpen";

fn slot_spec(entity: EntityKind, required: bool, ask: Option<&str>) -> SlotSpec {
    let ask = ask.map(|words| ("en".to_owned(), words.to_owned())).into_iter().collect();
    SlotSpec { entity, required, default: None, ask }
}

/// `(name, class, slots)` as a manifest says it.
fn spec(description: &str, class: Class, slots: Vec<(&str, SlotSpec)>) -> IntentSpec {
    let slots = slots.into_iter().map(|(name, slot)| (name.to_owned(), slot)).collect();
    IntentSpec { description: description.to_owned(), class, slots }
}

fn table() -> SkillTable {
    let mut zone = slot_spec(EntityKind::Zone, false, None);
    zone.default = Some(SlotDefault::Speaker);
    let temperature =
        slot_spec(EntityKind::Temperature, true, Some("What temperature would you like?"));
    let intents = [
        (
            "set-heat",
            spec(
                "Set the heat",
                Class::Comfort,
                vec![("temperature", temperature), ("zone", zone)],
            ),
        ),
        (
            "play",
            spec(
                "Play music",
                Class::Comfort,
                vec![("title", slot_spec(EntityKind::Text, false, None))],
            ),
        ),
        ("pause", spec("Pause the music", Class::Comfort, vec![])),
        ("open-boot", spec("Open the boot", Class::Body, vec![])),
        ("unlock", spec("Unlock the doors", Class::Security, vec![])),
        ("query", spec("Ask something", Class::Info, vec![])),
        ("steer", spec("Steer", Class::Driving, vec![])),
    ];
    let intents = intents.into_iter().map(|(name, spec)| (name.to_owned(), spec)).collect();
    let replies = [
        ("set-heat", "done", "{zone} is set to {observed}."),
        ("open-boot", "requested", "Opening the boot."),
    ]
    .into_iter()
    .map(|(intent, outcome, text)| {
        (intent.to_owned(), [(outcome.to_owned(), text.to_owned())].into_iter().collect())
    })
    .collect();
    let mut table = SkillTable::default();
    let id = SkillId::parse(SKILL).unwrap();
    let yes = Some("pause".to_owned());
    table.insert(id, SkillEntry { name: "The car".into(), intents, replies, yes });
    table
}

pub(super) fn rules() -> Rules {
    let files = [
        ("10-classes.toml", include_str!("../../policy/10-classes.toml")),
        ("20-rules.toml", include_str!("../../policy/20-rules.toml")),
    ];
    let files = files
        .into_iter()
        .map(|(name, text)| (name.to_owned(), toml::from_str::<PolicyFile>(text).unwrap()))
        .collect();
    Rules {
        skills: Arc::new(table()),
        policy: Arc::new(Policy::build(files).unwrap()),
        words: Arc::new(toml::from_str(include_str!("../../words/en.toml")).unwrap()),
        describe: Arc::new(|_| None),
        language: "en".to_owned(),
        confirm_by_voice: vec![Class::Comfort, Class::Body],
    }
}

pub(super) fn intent(name: &str) -> IntentId {
    IntentId::new(SkillId::parse(SKILL).unwrap(), name).unwrap()
}

pub(super) fn caller(uid: u32, name: &str) -> Caller {
    Caller { uid, name: name.to_owned() }
}

pub(super) fn anna() -> Caller {
    caller(1000, ":1.7")
}

pub(super) fn home() -> SessionKey {
    SessionKey::Default { uid: 1000, zone: Zone::DRIVER }
}

pub(super) fn speed(kmh: f64) -> Snapshot {
    let path = SignalPath::parse("Vehicle.Speed").unwrap();
    Snapshot([(path, SignalValue::Float(kmh))].into_iter().collect())
}

fn candidate(name: &str, slots: Vec<Slot>, confidence: f64, engine: Engine) -> Candidate {
    Candidate { intent: intent(name), slots, confidence, engine }
}

pub(super) fn command(name: &str, slots: Vec<Slot>) -> Command {
    let best = candidate(name, slots, 0.9, Engine::Template);
    Command { best, alternatives: Vec::new(), start: 0, end: 4 }
}

/// A command that the encoder cannot tell from another one.
pub(super) fn unclear(name: &str, other: &str) -> Command {
    let best = candidate(name, Vec::new(), 0.50, Engine::Encoder);
    let alternatives = vec![candidate(other, Vec::new(), 0.45, Engine::Encoder)];
    Command { best, alternatives, start: 0, end: 4 }
}

pub(super) fn commands(commands: Vec<Command>) -> Understanding {
    Understanding { commands, ..Understanding::default() }
}

pub(super) fn one(name: &str) -> Understanding {
    commands(vec![command(name, Vec::new())])
}

pub(super) fn act(act: DialogueAct) -> Understanding {
    Understanding { act: Some(act), ..Understanding::default() }
}

pub(super) fn reply(slot: &str, value: Value) -> Understanding {
    Understanding { answer: Some(Slot::implied(slot, value)), ..Understanding::default() }
}

pub(super) fn warm() -> Slot {
    Slot::implied("temperature", Value::Temperature(22.0))
}

pub(super) fn action(path: &str, status: ActionStatus, before: i64, wanted: i64) -> Action {
    let seen = matches!(status, ActionStatus::Done | ActionStatus::Already);
    Action {
        target: Target::Signal(SignalPath::parse(path).unwrap()),
        requested: Some(SignalValue::Integer(wanted)),
        previous: Some(SignalValue::Integer(before)),
        observed: Some(SignalValue::Integer(if seen { wanted } else { before })),
        status,
        why: None,
        companion: false,
    }
}

pub(super) fn invoked(result: Result<Outcome, SkillFault>, actions: Vec<Action>) -> Invoked {
    Invoked {
        result,
        actions,
        needs_confirmation: None,
        guest_time: Duration::from_millis(1),
        observe_time: Duration::from_millis(2),
    }
}

pub(super) fn did(actions: Vec<Action>) -> Invoked {
    invoked(Ok(Outcome::Done { facts: Vec::new() }), actions)
}

/// The host came back with "ask first"; nothing was written.
pub(super) fn needs_yes() -> Invoked {
    let path = SignalPath::parse(BOOT).unwrap();
    let planned = vec![Planned { path, value: SignalValue::Boolean(true) }];
    let needs_confirmation = Some((planned, "The car is moving.".to_owned()));
    Invoked { needs_confirmation, ..did(Vec::new()) }
}

pub(super) fn answers(speech: &str) -> Invoked {
    let answer = Answer { speech: speech.to_owned(), display: Vec::new() };
    invoked(Ok(Outcome::Answer(answer)), Vec::new())
}

/// A dialogue, a clock, and a log of all that went in.
pub(super) struct Talk {
    pub(super) dialogue: Dialogue,
    pub(super) now: Instant,
    pub(super) snapshot: Snapshot,
    pub(super) log: Vec<(Instant, Event)>,
    /// What a skill says, at once, when it only goes through a command; none = it never says.
    pub(super) checked: Option<fn(&Call) -> Invoked>,
    turns: u64,
}

impl Talk {
    /// The car stands.
    pub(super) fn new() -> Self {
        Self {
            dialogue: Dialogue::new(rules()),
            now: Instant(1_000_000),
            snapshot: speed(0.0),
            log: Vec::new(),
            checked: Some(|_| did(Vec::new())),
            turns: 0,
        }
    }

    pub(super) fn step(&mut self, event: Event) -> Vec<Effect> {
        self.log.push((self.now, event.clone()));
        let mut effects = self.dialogue.step(self.now, event);
        while let Some((turn, index, call)) = check(&effects) {
            let Some(checked) = self.checked else { break };
            let invoked = Box::new(checked(call));
            effects.retain(|effect| !matches!(effect, Effect::Check { .. }));
            let event = Event::Checked { turn, index, invoked };
            self.log.push((self.now, event.clone()));
            effects.extend(self.dialogue.step(self.now, event));
        }
        effects
    }

    pub(super) fn wait(&mut self, time: Duration) {
        self.now = self.now.after(time);
    }

    pub(super) fn next_turn(&mut self) -> TurnId {
        self.turns += 1;
        TurnId(self.turns)
    }

    pub(super) fn utter_in(&mut self, session: SessionKey, who: Caller) -> (TurnId, Vec<Effect>) {
        let turn = self.next_turn();
        let effects = self.step(Event::Utter(Box::new(Utter {
            turn,
            session,
            caller: who,
            utterance: Utterance::parse("words words").unwrap(),
            language: None,
            zone: None,
            mode: Mode::Act,
            deadline: Deadline::new(self.now, TURN_LIMIT),
            local_now: None,
            heard: false,
            others: Vec::new(),
        })));
        (turn, effects)
    }

    pub(super) fn utter(&mut self) -> TurnId {
        self.utter_in(home(), anna()).0
    }

    pub(super) fn understood(&mut self, turn: TurnId, understanding: Understanding) -> Vec<Effect> {
        let snapshot = self.snapshot.clone();
        let understanding = Box::new(understanding);
        let suggestions = vec!["open the boot".to_owned()];
        self.step(Event::Understood {
            turn,
            text: None,
            others: Vec::new(),
            understanding,
            snapshot,
            suggestions,
        })
    }

    /// Says something in the default session that is understood like this.
    pub(super) fn hears(&mut self, understanding: Understanding) -> (TurnId, Vec<Effect>) {
        let turn = self.utter();
        (turn, self.understood(turn, understanding))
    }

    pub(super) fn comes(&mut self, turn: TurnId, index: usize, invoked: Invoked) -> Vec<Effect> {
        let snapshot = self.snapshot.clone();
        self.step(Event::Invoked { turn, index, invoked: Box::new(invoked), snapshot })
    }

    pub(super) fn agent_says(&mut self, turn: TurnId, answer: AgentAnswer) -> Vec<Effect> {
        let snapshot = self.snapshot.clone();
        self.step(Event::AgentAnswered { turn, answer, snapshot })
    }

    pub(super) fn undo_call(&mut self) -> (TurnId, Vec<Effect>) {
        let turn = self.next_turn();
        let deadline = Deadline::new(self.now, TURN_LIMIT);
        (turn, self.step(Event::Undo { turn, session: home(), caller: anna(), deadline }))
    }

    pub(super) fn agent(&mut self, capability: &str) {
        self.step(Event::AgentCame(Agent {
            name: ":1.9".into(),
            object: "/agent".into(),
            capabilities: vec![capability.to_owned()],
            zone: Zone::All,
        }));
    }
}

pub(super) fn calls(effects: &[Effect]) -> Vec<(usize, &Call)> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Invoke { index, call, .. } => Some((*index, call.as_ref())),
            _ => None,
        })
        .collect()
}

/// The command that is to be checked.
pub(super) fn check(effects: &[Effect]) -> Option<(TurnId, usize, &Call)> {
    effects.iter().find_map(|effect| match effect {
        Effect::Check { turn, index, call, .. } => Some((*turn, *index, call.as_ref())),
        _ => None,
    })
}

/// The one command that is to be run.
#[track_caller]
pub(super) fn call(effects: &[Effect]) -> (usize, &Call) {
    let calls = calls(effects);
    assert_eq!(calls.len(), 1, "expected one Invoke in {effects:#?}");
    calls[0]
}

pub(super) fn results(effects: &[Effect]) -> Vec<&TurnResult> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Finish(result) => Some(result.as_ref()),
            _ => None,
        })
        .collect()
}

/// The result of the one turn that ended; then nothing more is to be run.
#[track_caller]
pub(super) fn end(effects: &[Effect]) -> &TurnResult {
    let results = results(effects);
    assert_eq!(results.len(), 1, "expected one Finish in {effects:#?}");
    assert!(calls(effects).is_empty(), "a turn that ended runs nothing: {effects:#?}");
    results[0]
}

pub(super) fn statuses(result: &TurnResult) -> Vec<&'static str> {
    result.intents.iter().map(|intent| intent.status.name()).collect()
}

pub(super) fn understands(effects: &[Effect]) -> Vec<TurnId> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Understand { turn, .. } => Some(*turn),
            _ => None,
        })
        .collect()
}
