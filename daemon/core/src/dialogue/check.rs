//! Several commands in one utterance: all of them are judged before the first one acts.
//!
//! Must not act. What a command would do is asked of its own skill, which is run without
//! effect; the policy judges it again when the command's turn comes.

use super::{
    CommandStatus, Dialogue, Effect, Step,
    run::call,
    turn::{CommandState, Stage, Turn},
};
use crate::{
    outcome::{ActionStatus, Invoked, Planned, Target},
    routing::missing_slot,
    signal::Class,
};

impl Dialogue {
    /// Has the next command checked, from index `from` on; after the last one they run.
    pub(super) fn check_next(&mut self, cx: &mut Step, mut turn: Turn, from: usize) {
        let acting = turn.commands.iter().filter(|c| self.is_checkable(c)).count();
        let next = (from..turn.commands.len()).find(|i| self.is_checkable(&turn.commands[*i]));
        let Some(index) = next.filter(|_| acting > 1) else {
            return self.run_next(cx, turn);
        };
        cx.effects.push(Effect::Check {
            turn: turn.id,
            index,
            call: Box::new(call(&turn, turn.commands[index].planning.clone())),
            assumed: turn.planned.clone(),
            deadline: turn.deadline,
        });
        turn.stage = Stage::Checking(index);
        self.turns.insert(turn.id, turn);
    }

    /// Whether a command may change something and has all that its skill needs.
    fn is_checkable(&self, command: &CommandState) -> bool {
        let planning = &command.planning;
        let complete = self
            .rules
            .skills
            .intent(&planning.intent)
            .is_some_and(|spec| missing_slot(spec, &planning.slots).is_none());
        complete && command.status == CommandStatus::Waiting && planning.class > Class::Info
    }

    /// Takes what a command would do. What the policy refuses counts here, and what could not be
    /// judged because its skill broke: whatever else goes wrong is told when the command runs.
    pub(super) fn checked(
        &mut self,
        cx: &mut Step,
        mut turn: Turn,
        index: usize,
        mut invoked: Invoked,
    ) {
        if invoked.result.is_err() {
            return self.broken(cx, turn, index);
        }
        if invoked.actions.iter().any(|action| action.status == ActionStatus::Denied) {
            // Nothing was written: what is said is about the refusal alone.
            invoked.actions.retain(|action| action.status == ActionStatus::Denied);
            turn.commands[index].invoked = Some(invoked);
            let (status, speech) = self.describe_actions(&turn.commands[index], &[]);
            self.settle_action(&mut turn, index, status, speech);
            self.skip_rest(&mut turn);
            return self.finish_commands(cx, turn);
        }
        let (asked, _) = invoked.needs_confirmation.unwrap_or_default();
        turn.planned.extend(invoked.actions.into_iter().filter_map(|action| {
            match (action.target, action.requested) {
                (Target::Signal(path), Some(value)) => Some(Planned { path, value }),
                _ => None,
            }
        }));
        turn.planned.extend(asked);
        self.check_next(cx, turn, index + 1);
    }
}
