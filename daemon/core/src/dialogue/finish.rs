//! The end of a turn: its result is composed, the session remembers, the next one begins.
//!
//! Must not find words of success by itself; they come with the settled commands.

use super::{
    Dialogue, Effect, FinishCode, ResultType, Step, TurnResult,
    turn::{CommandState, Planning, Stage, Turn},
};
use crate::{
    dialogue::CommandStatus,
    routing::{Route, route},
    understanding::{MAX_SAID, Previous, Understanding},
};

impl Dialogue {
    /// Composes the result of a turn whose commands have settled.
    pub(super) fn finish_commands(&mut self, cx: &mut Step, turn: Turn) {
        let leading = turn
            .commands
            .iter()
            .filter(|c| c.status != CommandStatus::Skipped)
            .min_by_key(|c| c.kind);
        let (kind, code) =
            leading.map_or((ResultType::NotUnderstood, "no-intent"), |c| (c.kind, c.code));
        let mut speech: Vec<String> = turn
            .commands
            .iter()
            .filter(|c| !c.speech.is_empty())
            .map(|c| c.speech.clone())
            .collect();
        if turn.commands.iter().any(|c| c.status == CommandStatus::Skipped) {
            speech.push(self.rules.words.say("skipped", &[]));
        }
        let mut result = self.result(cx, &turn, kind, speech.join(" "), code);
        result.display = turn.commands.iter().flat_map(|c| c.display.clone()).collect();
        if let Some(session) = self.sessions.get_mut(&turn.session)
            && let Some(last) = turn.commands.iter().rev().find(|c| c.status == CommandStatus::Done)
        {
            let Planning { intent, slots, text, .. } = last.planning.clone();
            let mut said = vec![text];
            if let Some(before) = session.previous.take()
                && before.intent.skill() == intent.skill()
            {
                said.extend(before.said);
                said.truncate(MAX_SAID);
            }
            session.previous = Some(Previous { intent, slots, said });
        }
        self.finish(cx, &turn, result);
    }

    pub(super) fn finish_parse(
        &mut self,
        cx: &mut Step,
        mut turn: Turn,
        understanding: &Understanding,
    ) {
        for command in &understanding.commands {
            if let Route::Plan(planning) =
                route(&self.rules.skills, command, &turn.text, super::speaker(turn.zone))
            {
                turn.commands.push(CommandState::waiting(planning));
            }
        }
        let kind =
            if turn.commands.is_empty() { ResultType::NotUnderstood } else { ResultType::Answer };
        let result = self.result(cx, &turn, kind, String::new(), "");
        self.finish(cx, &turn, result);
    }

    pub(super) fn not_understood(
        &mut self,
        cx: &mut Step,
        turn: Turn,
        understanding: &Understanding,
    ) {
        let words = &self.rules.words;
        let speech = match &understanding.nearest {
            _ if understanding.encoder_missing => words.say("no-encoder", &[]),
            Some(example) => words.say("nearest", &[("example", example)]),
            None => words.say("not-understood", &[]),
        };
        self.finish_words(cx, turn, ResultType::NotUnderstood, speech, "no-intent");
    }

    /// Ends a turn with a sentence of the host.
    pub(super) fn say(
        &mut self,
        cx: &mut Step,
        turn: Turn,
        kind: ResultType,
        key: &'static str,
        values: &[(&str, &str)],
    ) {
        let speech = self.rules.words.say(key, values);
        let code = if kind == ResultType::Answer { "" } else { key };
        self.finish_words(cx, turn, kind, speech, code);
    }

    /// Ends a turn with words.
    pub(super) fn finish_words(
        &mut self,
        cx: &mut Step,
        turn: Turn,
        kind: ResultType,
        speech: String,
        code: &'static str,
    ) {
        let result = self.result(cx, &turn, kind, speech, code);
        self.finish(cx, &turn, result);
    }

    pub(super) fn cancel(&mut self, cx: &mut Step, mut turn: Turn) {
        self.release(cx, &turn);
        self.silence_turn(cx, turn.id);
        self.skip_rest(&mut turn);
        let mut result = self.result(cx, &turn, ResultType::Answer, String::new(), "cancelled");
        result.finish = FinishCode::Cancelled;
        cx.effects.push(Effect::Finish(Box::new(result)));
    }

    pub(super) fn time_out(&mut self, cx: &mut Step, mut turn: Turn) {
        self.release(cx, &turn);
        self.skip_rest(&mut turn);
        let speech = self.rules.words.say("timeout", &[]);
        let result = self.result(cx, &turn, ResultType::Error, speech, "timeout");
        self.finish(cx, &turn, result);
    }

    /// Takes a turn back from whoever works on it.
    fn release(&mut self, cx: &mut Step, turn: &Turn) {
        match &turn.stage {
            Stage::Acting(index) => {
                cx.effects.push(Effect::CancelInvoke { turn: turn.id });
                self.expect_late(turn, *index);
            }
            Stage::Checking(_) | Stage::Restoring { .. } => {
                cx.effects.push(Effect::CancelInvoke { turn: turn.id });
            }
            Stage::AskingAgent { agent, .. } => {
                cx.effects.push(Effect::CancelAgent { turn: turn.id, agent: agent.clone() });
            }
            Stage::Understanding => {}
        }
    }

    pub(super) fn result(
        &self,
        cx: &Step,
        turn: &Turn,
        kind: ResultType,
        speech: String,
        code: &'static str,
    ) -> TurnResult {
        let speech = match speech.strip_prefix(&turn.said) {
            Some(_) => speech,
            // What was said cannot be taken back.
            None if speech.is_empty() => turn.said.clone(),
            None => format!("{} {speech}", turn.said),
        };
        let mut timing = turn.timing.clone();
        timing.push((
            "total",
            u64::try_from(cx.now.since(turn.began).as_micros()).unwrap_or(u64::MAX),
        ));
        TurnResult {
            turn: turn.id,
            session: turn.session,
            caller: turn.caller.clone(),
            finish: FinishCode::Result,
            text: turn.text.clone(),
            kind,
            speech,
            said: turn.said.len(),
            display: Vec::new(),
            language: turn.language.clone(),
            expects_reply: false,
            intents: turn.commands.iter().map(CommandState::result).collect(),
            actions: turn
                .commands
                .iter()
                .enumerate()
                .flat_map(|(index, c)| {
                    c.invoked
                        .iter()
                        .flat_map(move |i| i.actions.iter().map(move |a| (index, a.clone())))
                })
                .collect(),
            engine: turn.engine,
            code,
            timing,
        }
    }

    /// The end of every turn: the session remembers, the next one begins.
    pub(super) fn finish(&mut self, cx: &mut Step, turn: &Turn, result: TurnResult) {
        if let Some(session) = self.sessions.get_mut(&turn.session) {
            session.used = cx.now;
            if !result.speech.is_empty() {
                session.last_speech = Some(result.speech.clone());
            }
        }
        self.told(cx, (result.turn, result.session, &result.caller), &result.speech);
        cx.effects.push(Effect::Finish(Box::new(result)));
        self.next_in_queue(cx, turn.session);
    }
}
