//! Undo: putting back what the last turn changed, as far as the policy still allows it.
//!
//! Must not invent an old value: what was not known before is not put back.

use super::{
    Dialogue, Effect, ResultType, Step,
    turn::{Stage, Turn},
};
use crate::{
    outcome::{Action, ActionStatus},
    reply::{ReplyContext, overall},
    session::Change,
};

impl Dialogue {
    /// Puts back what the last turn of this session changed.
    pub(super) fn undo(&mut self, cx: &mut Step, mut turn: Turn) {
        let changes = self
            .sessions
            .get_mut(&turn.session)
            .map(|session| std::mem::take(&mut session.changes))
            .unwrap_or_default();
        if changes.is_empty() {
            return self.say(cx, turn, ResultType::Answer, "nothing-to-undo", &[]);
        }
        let changes: Vec<Change> = changes.into_iter().rev().collect();
        cx.effects.push(Effect::TurnChanged {
            turn: turn.id,
            session: turn.session,
            state: "acting",
        });
        cx.effects.push(Effect::Restore { turn: turn.id, changes, deadline: turn.deadline });
        turn.stage = Stage::Restoring;
        self.turns.insert(turn.id, turn);
    }

    /// "Undo", as a call.
    pub(super) fn undo_call(
        &mut self,
        cx: &mut Step,
        id: crate::session::TurnId,
        session: crate::session::SessionKey,
        caller: crate::session::Caller,
        deadline: crate::deadline::Deadline,
    ) {
        let (language, zone) = self
            .sessions
            .get(&session)
            .map_or((self.rules.language.clone(), crate::zone::Zone::All), |s| {
                (s.language.clone(), s.zone)
            });
        let turn = Turn {
            id,
            session,
            caller,
            language,
            zone,
            mode: super::Mode::Act,
            deadline,
            began: cx.now,
            text: String::new(),
            stage: Stage::Restoring,
            commands: Vec::new(),
            engine: None,
            timing: Vec::new(),
        };
        self.undo(cx, turn);
    }

    /// The world was put back as far as it could be.
    pub(super) fn restored(&mut self, cx: &mut Step, turn: Turn, actions: Vec<Action>) {
        let status = overall(&actions);
        let context = ReplyContext {
            words: &self.rules.words,
            slots: &[],
            facts: &[],
            actions: &actions,
            describe: &self.rules.describe,
        };
        let (kind, code, speech) = match status {
            ActionStatus::Done | ActionStatus::Already => {
                (ResultType::Action, "", self.rules.words.say("undone", &[]))
            }
            ActionStatus::Requested => {
                (ResultType::Action, "requested", context.sentence(None, status))
            }
            ActionStatus::Denied => (ResultType::Refusal, "policy", context.sentence(None, status)),
            other => (ResultType::Error, other.name(), context.sentence(None, status)),
        };
        let mut result = self.result(cx, &turn, kind, speech, code);
        result.actions = actions.into_iter().map(|action| (0, action)).collect();
        self.finish(cx, &turn, result);
    }
}
