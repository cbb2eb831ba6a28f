//! What holds of any sequence of events, however odd: nothing panics, every turn that was
//! taken ends exactly once, and nothing runs behind an end.

use super::*;
use crate::outcome::Choice;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// An event to be made; turns and indices are taken modulo what there is.
#[derive(Debug, Clone)]
enum Move {
    Utter { session: u8, who: u8, parse: bool },
    Understood { turn: u8, kind: u8 },
    Checked { turn: u8, index: u8, kind: u8 },
    Invoked { turn: u8, index: u8, kind: u8 },
    Agent { turn: u8, kind: u8 },
    Restored { turn: u8 },
    Undo { session: u8 },
    Stop { session: Option<u8> },
    Open { session: u8 },
    Close { session: u8 },
    Reset { session: u8 },
    NameLost { who: u8 },
    AgentComes { capability: u8 },
    AgentGoes,
    Announced,
    Speed { moving: bool },
    Wait { ms: u16 },
    Tick,
}

fn any_move() -> impl Strategy<Value = Move> {
    let session = 0u8..4;
    prop_oneof![
        6 => (session.clone(), 0u8..2, prop::bool::weighted(0.1))
            .prop_map(|(session, who, parse)| Move::Utter { session, who, parse }),
        8 => (any::<u8>(), any::<u8>()).prop_map(|(turn, kind)| Move::Understood { turn, kind }),
        6 => (any::<u8>(), 0u8..3, any::<u8>())
            .prop_map(|(turn, index, kind)| Move::Checked { turn, index, kind }),
        8 => (any::<u8>(), 0u8..3, any::<u8>())
            .prop_map(|(turn, index, kind)| Move::Invoked { turn, index, kind }),
        3 => (any::<u8>(), any::<u8>()).prop_map(|(turn, kind)| Move::Agent { turn, kind }),
        1 => any::<u8>().prop_map(|turn| Move::Restored { turn }),
        1 => session.clone().prop_map(|session| Move::Undo { session }),
        1 => prop::option::of(session.clone()).prop_map(|session| Move::Stop { session }),
        1 => session.clone().prop_map(|session| Move::Open { session }),
        1 => session.clone().prop_map(|session| Move::Close { session }),
        1 => session.prop_map(|session| Move::Reset { session }),
        1 => (0u8..2).prop_map(|who| Move::NameLost { who }),
        1 => (0u8..3).prop_map(|capability| Move::AgentComes { capability }),
        1 => Just(Move::AgentGoes),
        1 => Just(Move::Announced),
        1 => any::<bool>().prop_map(|moving| Move::Speed { moving }),
        2 => any::<u16>().prop_map(|ms| Move::Wait { ms }),
        1 => Just(Move::Tick),
    ]
}

fn who(number: u8) -> Caller {
    if number == 0 { anna() } else { caller(1001, ":1.8") }
}

fn key(number: u8) -> SessionKey {
    match number {
        0 => home(),
        1 => SessionKey::Default { uid: 1001, zone: Zone::All },
        other => SessionKey::Opened(u64::from(other)),
    }
}

fn understanding(kind: u8) -> Understanding {
    let acts = [
        DialogueAct::Affirm,
        DialogueAct::Deny,
        DialogueAct::Stop,
        DialogueAct::Undo,
        DialogueAct::Repeat,
        DialogueAct::Help,
    ];
    match kind % 16 {
        n @ 0..6 => act(acts[usize::from(n)]),
        6 => one("set-heat"),
        7 => one("open-boot"),
        8 => commands(vec![
            command("play", vec![]),
            command("set-heat", vec![]),
            command("pause", vec![]),
        ]),
        9 => commands(vec![unclear("play", "pause"), unclear("pause", "query")]),
        10 => commands(vec![command("play", vec![]), command("steer", vec![])]),
        11 => one("gone-away"),
        12 => reply("temperature", Value::Temperature(21.0)),
        13 => reply("reading", Value::Text("1".into())),
        14 => reply("title", Value::Text("a".into())),
        _ => Understanding::default(),
    }
}

fn outcome(kind: u8) -> Invoked {
    let done = |status| did(vec![action(BOOT, status, 0, 1)]);
    let skill = SkillId::parse(SKILL).unwrap();
    let speech = "Which?".to_owned();
    match kind % 12 {
        0 => done(ActionStatus::Done),
        1 => done(ActionStatus::Requested),
        2 => done(ActionStatus::Denied),
        3 => done(ActionStatus::Failed),
        4 => did(Vec::new()),
        5 => answers("Yes."),
        6 => needs_yes(),
        7 => invoked(Ok(Outcome::Confirm { speech }), Vec::new()),
        8 => invoked(Ok(Outcome::NeedsSlot { slot: "title".into(), speech }), Vec::new()),
        9 => {
            let choices = ["a", "b"].map(|id| Choice { id: id.into(), label: id.into() }).into();
            invoked(Ok(Outcome::Choose { slot: "title".into(), speech, choices }), Vec::new())
        }
        10 => invoked(Ok(Outcome::CannotDo { speech }), Vec::new()),
        _ => invoked(Err(SkillFault::Timeout { skill, limit_ms: 1 }), Vec::new()),
    }
}

fn agent_answer(kind: u8) -> AgentAnswer {
    match kind % 5 {
        0 => AgentAnswer::Confirmed(true),
        1 => AgentAnswer::Confirmed(false),
        2 => AgentAnswer::Text("1".into()),
        3 => AgentAnswer::Text("a".into()),
        _ => AgentAnswer::None,
    }
}

/// What was seen from outside of the dialogue.
#[derive(Default)]
struct Seen {
    taken: BTreeMap<TurnId, SessionKey>,
    ended: BTreeSet<TurnId>,
    running: BTreeMap<SessionKey, TurnId>,
    with_skill: BTreeSet<TurnId>,
}

impl Seen {
    fn begins(&mut self, turn: TurnId) -> Result<(), TestCaseError> {
        prop_assert!(!self.ended.contains(&turn), "{turn} goes on behind its end");
        let session = self.taken[&turn];
        let running = *self.running.entry(session).or_insert(turn);
        prop_assert_eq!(running, turn, "two turns run in {:?}", session);
        Ok(())
    }

    fn take(&mut self, effects: &[Effect]) -> Result<(), TestCaseError> {
        for effect in effects {
            match effect {
                Effect::Understand { turn, .. } | Effect::Restore { turn, .. } => {
                    self.begins(*turn)?;
                }
                Effect::Invoke { turn, .. } | Effect::Check { turn, .. } => {
                    self.begins(*turn)?;
                    prop_assert!(self.with_skill.insert(*turn), "{turn} runs two commands at once");
                }
                Effect::AskAgent { turn, .. } => self.begins(*turn)?,
                Effect::CancelInvoke { turn } => {
                    self.with_skill.remove(turn);
                }
                Effect::Finish(result) => {
                    prop_assert!(self.taken.contains_key(&result.turn));
                    prop_assert!(self.ended.insert(result.turn), "{} ends twice", result.turn);
                    prop_assert!(!self.with_skill.contains(&result.turn), "a skill still has it");
                    self.running.retain(|_, turn| *turn != result.turn);
                }
                _ => {}
            }
        }
        Ok(())
    }
}

fn turn_of(seen: &Seen, pick: u8) -> Option<TurnId> {
    // Mostly a running one, so that dialogues get somewhere; sometimes any, also ended ones.
    let running: Vec<TurnId> = seen.running.values().copied().collect();
    let all: Vec<TurnId> = seen.taken.keys().copied().collect();
    let from = if pick.is_multiple_of(8) || running.is_empty() { all } else { running };
    if from.is_empty() { None } else { Some(from[usize::from(pick) % from.len()]) }
}

/// A turn that is admitted as the bus would admit it.
fn begin(talk: &mut Talk, seen: &mut Seen, number: u8, caller: &Caller) -> Option<TurnId> {
    let session = key(number);
    talk.dialogue.admit(&session, caller).ok()?;
    let turn = talk.next_turn();
    seen.taken.insert(turn, session);
    Some(turn)
}

fn utter(talk: &mut Talk, seen: &mut Seen, number: u8, speaker: u8, parse: bool) -> Option<Event> {
    let caller = who(speaker);
    let turn = begin(talk, seen, number, &caller)?;
    Some(Event::Utter(Box::new(Utter {
        turn,
        session: key(number),
        caller,
        utterance: Utterance::parse("words words").unwrap(),
        language: None,
        zone: None,
        mode: if parse { Mode::Parse } else { Mode::Act },
        deadline: Deadline::new(talk.now, TURN_LIMIT),
        local_now: None,
        heard: false,
        others: Vec::new(),
    })))
}

/// The event of a move; none where it only moves the world, or names what there is not.
fn event(talk: &mut Talk, seen: &mut Seen, made: &Move) -> Option<Event> {
    let snapshot = talk.snapshot.clone();
    Some(match *made {
        Move::Utter { session, who, parse } => return utter(talk, seen, session, who, parse),
        Move::Understood { turn, kind } => {
            let turn = turn_of(seen, turn)?;
            let understanding = Box::new(understanding(kind));
            Event::Understood {
                turn,
                text: None,
                others: Vec::new(),
                understanding,
                snapshot,
                suggestions: Vec::new(),
            }
        }
        Move::Checked { turn, index, kind } => {
            let (turn, index) = (turn_of(seen, turn)?, usize::from(index));
            Event::Checked { turn, index, invoked: Box::new(outcome(kind)) }
        }
        Move::Invoked { turn, index, kind } => {
            let (turn, index) = (turn_of(seen, turn)?, usize::from(index));
            Event::Invoked { turn, index, invoked: Box::new(outcome(kind)), snapshot }
        }
        Move::Agent { turn, kind } => {
            let turn = turn_of(seen, turn)?;
            Event::AgentAnswered { turn, answer: agent_answer(kind), snapshot }
        }
        Move::Restored { turn } => {
            let turn = turn_of(seen, turn)?;
            Event::Restored { turn, actions: vec![action(BOOT, ActionStatus::Done, 1, 0)] }
        }
        Move::Undo { session } => {
            let (caller, deadline) = (who(0), Deadline::new(talk.now, TURN_LIMIT));
            let turn = begin(talk, seen, session, &caller)?;
            Event::Undo { turn, session: key(session), caller, deadline }
        }
        Move::Stop { session } => Event::Stop { caller: who(0), session: session.map(key) },
        Move::Open { session } => {
            let key = SessionKey::Opened(u64::from(session));
            if talk.dialogue.session(&key).is_some() {
                return None;
            }
            Event::Opened { key, owner: who(0), language: "en".into(), zone: Zone::DRIVER }
        }
        Move::Close { session } => Event::Close(key(session)),
        Move::Reset { session } => Event::Reset(key(session)),
        Move::NameLost { who: number } => Event::NameLost(who(number).name),
        Move::AgentGoes => Event::AgentWent { name: ":1.9".into(), object: "/agent".into() },
        Move::Announced => Event::Voiced(Voiced::Announced {
            turn: TurnId(u64::MAX),
            speech: "Shall I?".into(),
            offer: Some(intent("pause")),
        }),
        Move::Tick => Event::Tick,
        Move::AgentComes { .. } | Move::Speed { .. } | Move::Wait { .. } => {
            move_the_world(talk, made);
            return None;
        }
    })
}

fn move_the_world(talk: &mut Talk, made: &Move) {
    match *made {
        Move::AgentComes { capability } => {
            talk.agent(["confirm", "choose", "ask-slot"][usize::from(capability)]);
        }
        Move::Speed { moving } => talk.snapshot = speed(if moving { 60.0 } else { 0.0 }),
        Move::Wait { ms } => talk.wait(Duration::from_millis(u64::from(ms) / 4)),
        _ => {}
    }
}

proptest! {
    #[test]
    fn every_turn_ends_once_and_nothing_runs_behind_its_end(
        moves in prop::collection::vec(any_move(), 1..120)
    ) {
        let mut talk = Talk::new();
        talk.checked = None;
        let mut seen = Seen::default();
        let mut all = Vec::new();
        for made in &moves {
            let Some(event) = event(&mut talk, &mut seen, made) else { continue };
            let with_skill = match &event {
                Event::Invoked { turn, .. } | Event::Checked { turn, .. } => Some(*turn),
                _ => None,
            };
            let effects = talk.step(event);
            // An answer of the skill that the dialogue took hands the command back.
            if let Some(turn) = with_skill && !effects.is_empty() {
                seen.with_skill.remove(&turn);
            }
            seen.take(&effects)?;
            all.push(format!("{effects:?}"));
        }
        // The clock alone ends what is left, and is never due twice for the same thing.
        for _ in 0..200 {
            let Some(due) = talk.dialogue.next_tick() else { break };
            talk.now = talk.now.max(due);
            let effects = talk.step(Event::Tick);
            seen.take(&effects)?;
            all.push(format!("{effects:?}"));
            let next = talk.dialogue.next_tick();
            prop_assert!(next.is_none_or(|next| next > talk.now), "due for ever at {next:?}");
        }
        prop_assert!(talk.dialogue.next_tick().is_none());
        prop_assert_eq!(seen.ended.len(), seen.taken.len());
        prop_assert!(seen.running.is_empty());
        prop_assert_eq!(talk.dialogue.state(), DialogState::Idle);

        let mut replayed = Dialogue::new(rules());
        let again: Vec<String> = talk
            .log
            .iter()
            .map(|(now, event)| (event, replayed.step(*now, event.clone())))
            .filter(|(event, _)| !matches!(event, Event::AgentCame(_)))
            .map(|(_, effects)| format!("{effects:?}"))
            .collect();
        prop_assert_eq!(again, all);
    }
}
