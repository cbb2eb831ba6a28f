//! What turns changed: kept for "undo", and awaited where it was only requested.
//!
//! Must not claim that something changed which was not observed or requested.

use super::{Dialogue, Effect, MAX_TURNS, Step, turn::Turn};
use crate::{
    intent::SkillId,
    outcome::{Action, ActionStatus, Target},
    session::{Change, Changes, SessionKey, TurnId},
    signal::{SignalPath, SignalValue},
};

impl Dialogue {
    /// Notes what undo can take back, and watches what was only requested.
    pub(super) fn remember_changes(
        &mut self,
        cx: &mut Step,
        (turn, key): (TurnId, SessionKey),
        skill: &SkillId,
        actions: &[Action],
    ) {
        self.await_requested(cx, key, actions);
        let Some(session) = self.sessions.get_mut(&key) else { return };
        if !actions.iter().any(is_change) {
            return;
        }
        if session.changes.turn != Some(turn) {
            session.changes = Changes { turn: Some(turn), ..Changes::default() };
        }
        // What goes along comes before what it goes with.
        let mut along = Vec::new();
        for action in actions {
            if action.companion {
                along.extend(change(skill, action));
                continue;
            }
            match change(skill, action) {
                // Where the one stays as it is, so does the other.
                None if is_change(action) => {
                    session.changes.lasting = true;
                    along.clear();
                }
                reversible => {
                    session.changes.reversible.append(&mut along);
                    session.changes.reversible.extend(reversible);
                }
            }
        }
        session.changes.reversible.append(&mut along);
    }

    /// Watches what was only requested. A wish takes the place of an earlier one for the same
    /// signal, whoever had it.
    pub(super) fn await_requested(&mut self, cx: &mut Step, key: SessionKey, actions: &[Action]) {
        for action in actions {
            let (Target::Signal(path), Some(value)) = (&action.target, &action.requested) else {
                continue;
            };
            match action.status {
                ActionStatus::Requested => {
                    self.awaited.insert(path.clone(), value.clone());
                    let what = self.rules.words.signal_name(path);
                    cx.effects.push(Effect::Watch {
                        session: key,
                        path: path.clone(),
                        value: value.clone(),
                        not_reached_speech: self.rules.words.say("not-reached", &[("what", &what)]),
                    });
                }
                ActionStatus::Done | ActionStatus::Already => drop(self.awaited.remove(path)),
                _ => {}
            }
        }
    }

    /// Whether a value was still waited for; a later wish for the same signal takes its place.
    pub(super) fn ends_wait(&mut self, path: &SignalPath, value: &SignalValue) -> bool {
        let awaited = self.awaited.get(path) == Some(value);
        if awaited {
            self.awaited.remove(path);
        }
        awaited
    }

    /// A turn ends while a skill acts for it: what the skill did until it stops is still to come.
    pub(super) fn expect_late(&mut self, turn: &Turn, index: usize) {
        if self.late.len() >= MAX_TURNS {
            self.late.pop_first();
        }
        let skill = turn.commands[index].planning.intent.skill().clone();
        self.late.insert(turn.id, (turn.session, skill));
    }

    /// What a skill did for a turn that has ended.
    pub(super) fn came_late(&mut self, cx: &mut Step, turn: TurnId, actions: &[Action]) {
        if let Some((session, skill)) = self.late.remove(&turn) {
            self.remember_changes(cx, (turn, session), &skill, actions);
        }
    }
}

fn is_change(action: &Action) -> bool {
    matches!(action.status, ActionStatus::Done | ActionStatus::Requested)
}

/// The change that takes an action back; none where nothing changed, or nobody knows what was before.
fn change(skill: &SkillId, action: &Action) -> Option<Change> {
    let (Target::Signal(path), Some(previous)) = (&action.target, &action.previous) else {
        return None;
    };
    is_change(action).then(|| Change {
        skill: skill.clone(),
        path: path.clone(),
        previous: previous.clone(),
        companion: action.companion,
    })
}
