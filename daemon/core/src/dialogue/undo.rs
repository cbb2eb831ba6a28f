//! Undo: putting back what the last turn changed, as far as the policy still allows it.
//!
//! Must not invent an old value: what was not known before is not put back.

use super::{
    Dialogue, Effect, Pending, ResultType, Step,
    turn::{Stage, Turn},
};
use crate::{
    deadline::Deadline,
    outcome::{Action, ActionStatus},
    reply::ReplyContext,
    session::{Caller, Change, SessionKey, TurnId},
};

impl Dialogue {
    /// Puts back what the last turn of this session changed. While a question is open that turn
    /// is the one that asked; where it has changed nothing yet, to undo it is to leave it.
    pub(super) fn undo(&mut self, cx: &mut Step, mut turn: Turn, pending: Option<Pending>) {
        let Some(session) = self.sessions.get_mut(&turn.session) else {
            return self.say(cx, turn, ResultType::Answer, "nothing-to-undo", &[]);
        };
        if pending.is_some_and(|pending| session.changes.turn != Some(pending.turn)) {
            return self.say(cx, turn, ResultType::Answer, "cancelled", &[]);
        }
        let changes = std::mem::take(&mut session.changes);
        if changes.reversible.is_empty() {
            return match changes.lasting {
                true => self.say(cx, turn, ResultType::Refusal, "cannot-undo", &[]),
                false => self.say(cx, turn, ResultType::Answer, "nothing-to-undo", &[]),
            };
        }
        let reversed: Vec<Change> = changes.reversible.into_iter().rev().collect();
        cx.effects.push(Effect::TurnChanged {
            turn: turn.id,
            session: turn.session,
            state: "acting",
        });
        cx.effects.push(Effect::Restore {
            turn: turn.id,
            changes: reversed,
            deadline: turn.deadline,
        });
        turn.stage = Stage::Restoring { lasting: changes.lasting };
        self.turns.insert(turn.id, turn);
    }

    /// "Undo", as a call.
    pub(super) fn undo_call(
        &mut self,
        cx: &mut Step,
        id: TurnId,
        session: SessionKey,
        caller: Caller,
        deadline: Deadline,
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
            stage: Stage::Restoring { lasting: false },
            commands: Vec::new(),
            planned: Vec::new(),
            engine: None,
            said: String::new(),
            others: std::collections::VecDeque::new(),
            cannot: None,
            timing: Vec::new(),
        };
        let pending = self.take_pending(cx, &turn).and_then(Result::ok);
        self.undo(cx, turn, pending);
    }

    /// The world was put back as far as it could be. What went along is no reason to say that
    /// it failed, and every reason not to say that all of it is as it was.
    pub(super) fn restored(&mut self, cx: &mut Step, turn: Turn, actions: Vec<Action>) {
        self.await_requested(cx, turn.session, &actions);
        let lasting = matches!(turn.stage, Stage::Restoring { lasting: true });
        let (along, mains): (Vec<Action>, Vec<Action>) =
            actions.iter().cloned().partition(|action| action.companion);
        let partly = lasting || along.iter().any(|action| !action.status.is_success());
        let told = if mains.is_empty() { &along } else { &mains };
        let status = told.iter().map(|a| a.status).max().unwrap_or(ActionStatus::Failed);
        let context = ReplyContext {
            words: &self.rules.words,
            slots: &[],
            facts: &[],
            actions: told,
            describe: &self.rules.describe,
        };
        let (kind, code, speech) = match status {
            ActionStatus::Done | ActionStatus::Already => {
                let key = if partly { "undone-partly" } else { "undone" };
                (ResultType::Action, "", self.rules.words.say(key, &[]))
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
