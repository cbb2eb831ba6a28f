//! Putting values back: undo, one skill after the other, under the grants of who changed them.
//!
//! Must not choose what is put back; the dialogue has.

use super::{Assistant, effects::nothing_done};
use crate::happening::Happening;
use std::collections::VecDeque;
use valet_core::{
    dialogue::Event,
    intent::SkillId,
    outcome::{Action, ActionStatus, Invoked, Planned, SkillFault, Target},
    session::{Change, TurnId},
};

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
    /// Puts values back, one skill at a time: the grants of who changed them hold.
    pub(super) fn restore(&mut self, turn: TurnId, changes: Vec<Change>) {
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

    pub(super) fn restored(&mut self, turn: TurnId, invoked: Invoked) {
        if let Some(restoring) = self.restoring.get_mut(&turn) {
            restoring.actions.extend(invoked.actions);
            if let Some((planned, why)) = invoked.needs_confirmation {
                // "Undo" is no yes to something that has to be asked first.
                restoring.actions.extend(planned.into_iter().map(|p| not_put_back(p, &why)));
            }
        }
        self.restore_next(turn);
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
