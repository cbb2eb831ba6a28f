//! Running the commands of a turn, one after the other, and composing its result.
//!
//! Must not ask the person anything by itself: questions are `answer`'s.

use super::{
    Call, CommandStatus, Dialogue, Effect, FinishCode, Question, ResultType, Step, TurnResult,
    event::AgentQuestion,
    turn::{CommandState, Planning, Stage, Turn},
};
use crate::{
    entity::Value,
    outcome::{Action, ActionStatus, Answer, Invoked, Outcome, Target},
    policy::Verdict,
    reply::{ReplyContext, overall},
    routing::{Route, missing_slot, route},
    session::Change,
    understanding::Understanding,
};

impl Dialogue {
    /// Plans the commands of a fresh utterance and begins with the first.
    pub(super) fn begin_commands(
        &mut self,
        cx: &mut Step,
        mut turn: Turn,
        understanding: &Understanding,
    ) {
        let mut planned = Vec::new();
        let mut unclear = Vec::new();
        for command in &understanding.commands {
            match route(&self.rules.skills, command, &turn.text, super::speaker(turn.zone)) {
                Route::Plan(planning) => planned.push(planning),
                Route::Ambiguous(readings) => {
                    planned.extend(readings.first().cloned());
                    unclear.push((planned.len() - 1, readings));
                }
                Route::Gone(intent) => {
                    let name = self.skill_name(intent.skill());
                    return self.say(
                        cx,
                        turn,
                        ResultType::Error,
                        "skill-failed",
                        &[("skill", &name)],
                    );
                }
            }
        }
        if planned.is_empty() {
            return self.not_understood(cx, turn, understanding);
        }
        let first = turn.resume(planned);
        // Which reading was meant is asked before anything acts.
        if !unclear.is_empty() {
            return self.ask_reading(cx, turn, first, unclear);
        }
        self.check_then_run(cx, turn);
    }

    /// All commands are checked against the policy before the first acts.
    pub(super) fn check_then_run(&mut self, cx: &mut Step, mut turn: Turn) {
        let mut refused = false;
        for command in &mut turn.commands {
            if command.status != CommandStatus::Waiting {
                continue;
            }
            if let Verdict::Refuse { why, .. } =
                self.rules.policy.check_class(command.planning.class, &cx.snapshot)
            {
                command.status = CommandStatus::Refused;
                command.kind = ResultType::Refusal;
                command.code = "policy";
                command.speech = why;
                refused = true;
            }
        }
        if refused {
            self.skip_rest(&mut turn);
            return self.finish_commands(cx, turn);
        }
        self.run_next(cx, turn);
    }

    /// Invokes the next command that waits, asks for what it lacks, or ends the turn.
    pub(super) fn run_next(&mut self, cx: &mut Step, mut turn: Turn) {
        let Some(index) = turn.commands.iter().position(|c| c.status == CommandStatus::Waiting)
        else {
            return self.finish_commands(cx, turn);
        };
        let planning = turn.commands[index].planning.clone();
        let Some(spec) = self.rules.skills.intent(&planning.intent) else {
            let speech = self
                .rules
                .words
                .say("skill-failed", &[("skill", &self.skill_name(planning.intent.skill()))]);
            self.fail(&mut turn, index, ResultType::Error, "skill-gone", speech);
            return self.finish_commands(cx, turn);
        };
        if let Some(slot) = missing_slot(spec, &planning.slots) {
            let slot = slot.to_owned();
            return self.ask_slot(cx, turn, index, &slot, None);
        }
        cx.effects.push(Effect::TurnChanged {
            turn: turn.id,
            session: turn.session,
            state: "acting",
        });
        cx.effects.push(Effect::Invoke {
            turn: turn.id,
            index,
            call: Box::new(Call {
                intent: planning.intent,
                class: planning.class,
                slots: planning.slots,
                speaker: super::speaker(turn.zone),
                language: turn.language.clone(),
                text: planning.text,
                confirmed: planning.confirmed,
                guest_confirmed: planning.guest_confirmed,
            }),
            deadline: turn.deadline,
        });
        turn.stage = Stage::Acting(index);
        self.turns.insert(turn.id, turn);
    }

    /// Takes what came of a command.
    pub(super) fn invoked(
        &mut self,
        cx: &mut Step,
        mut turn: Turn,
        index: usize,
        invoked: Invoked,
    ) {
        add_time(&mut turn, "guest", invoked.guest_time);
        add_time(&mut turn, "observe", invoked.observe_time);
        self.remember_changes(cx, &turn, index, &invoked.actions);
        if let (Ok(_), Some((planned, why))) = (&invoked.result, &invoked.needs_confirmation) {
            let (planned, why) = (planned.clone(), why.clone());
            // What an earlier batch of the same invocation did is told with the question.
            turn.commands[index].invoked = Some(invoked);
            return self.ask_confirmation(cx, turn, index, Some(planned), &why);
        }
        let outcome = match &invoked.result {
            Ok(outcome) => outcome.clone(),
            Err(_) => {
                let name = self.skill_name(turn.commands[index].planning.intent.skill());
                let speech = self.rules.words.say("skill-failed", &[("skill", &name)]);
                turn.commands[index].invoked = Some(invoked);
                self.fail(&mut turn, index, ResultType::Error, "skill-failed", speech);
                return self.finish_commands(cx, turn);
            }
        };
        turn.commands[index].invoked = Some(invoked);
        match outcome {
            Outcome::NeedsSlot { slot, speech } => {
                self.ask_slot(cx, turn, index, &slot, Some(speech))
            }
            Outcome::Choose { slot, speech, choices } => {
                let choices = choices.into_iter().map(|c| (c.id, c.label)).collect();
                self.ask_choice(cx, turn, index, (slot, speech, choices))
            }
            Outcome::Confirm { speech } => self.ask_confirmation(cx, turn, index, None, &speech),
            Outcome::Done { facts } => {
                let (status, speech) = self.describe_actions(&turn.commands[index], &facts);
                self.settle_action(&mut turn, index, status, speech);
                self.go_on(cx, turn, index)
            }
            Outcome::Answer(answer) => {
                self.settle_answer(&mut turn, index, answer);
                self.go_on(cx, turn, index)
            }
            Outcome::CannotDo { speech } => {
                self.fail(&mut turn, index, ResultType::Error, "cannot-do", speech);
                self.finish_commands(cx, turn)
            }
        }
    }

    /// After a command settled: the next one, unless this one stops the rest.
    fn go_on(&mut self, cx: &mut Step, mut turn: Turn, index: usize) {
        if turn.commands[index].status == CommandStatus::Done {
            self.run_next(cx, turn);
        } else {
            self.skip_rest(&mut turn);
            self.finish_commands(cx, turn);
        }
    }

    fn describe_actions(
        &self,
        command: &CommandState,
        facts: &[crate::outcome::Fact],
    ) -> (ActionStatus, String) {
        let actions = command.invoked.as_ref().map_or(&[][..], |i| i.actions.as_slice());
        let status = overall(actions);
        let context = ReplyContext {
            words: &self.rules.words,
            slots: &command.planning.slots,
            facts,
            actions,
            describe: &self.rules.describe,
        };
        let reply = self.rules.skills.reply(&command.planning.intent, status.name());
        if actions.is_empty() {
            return (status, self.rules.words.say("nothing-happened", &[]));
        }
        (status, context.sentence(reply, status))
    }

    fn settle_action(&self, turn: &mut Turn, index: usize, status: ActionStatus, speech: String) {
        let (kind, code) = match status {
            ActionStatus::Already | ActionStatus::Done => (ResultType::Action, ""),
            ActionStatus::Requested => (ResultType::Action, "requested"),
            ActionStatus::Denied => (ResultType::Refusal, "policy"),
            other => (ResultType::Error, other.name()),
        };
        let command = &mut turn.commands[index];
        command.kind = kind;
        command.code = code;
        command.speech = speech;
        command.status = match kind {
            ResultType::Action => CommandStatus::Done,
            ResultType::Refusal => CommandStatus::Refused,
            _ => CommandStatus::Failed,
        };
    }

    fn settle_answer(&self, turn: &mut Turn, index: usize, answer: Answer) {
        let command = &mut turn.commands[index];
        // An answer after an actuation must not hide what became of it.
        let acted = command.invoked.as_ref().is_some_and(|i| !i.actions.is_empty());
        if acted {
            let (status, speech) = self.describe_actions(command, &[]);
            return self.settle_action(turn, index, status, speech);
        }
        command.kind = ResultType::Answer;
        command.status = CommandStatus::Done;
        command.speech = answer.speech;
        command.display = answer.display;
    }

    /// Marks a command failed and the ones behind it skipped.
    pub(super) fn fail(
        &self,
        turn: &mut Turn,
        index: usize,
        kind: ResultType,
        code: &'static str,
        speech: String,
    ) {
        let command = &mut turn.commands[index];
        command.status = if kind == ResultType::Refusal {
            CommandStatus::Refused
        } else {
            CommandStatus::Failed
        };
        command.kind = kind;
        command.code = code;
        command.speech = speech;
        self.skip_rest(turn);
    }

    pub(super) fn skip_rest(&self, turn: &mut Turn) {
        for command in turn.commands.iter_mut().filter(|c| c.status == CommandStatus::Waiting) {
            command.status = CommandStatus::Skipped;
            command.kind = ResultType::Answer;
        }
    }

    /// Notes what undo can take back, and watches what was only requested.
    fn remember_changes(&mut self, cx: &mut Step, turn: &Turn, index: usize, actions: &[Action]) {
        let first_change =
            !turn.commands.iter().any(|c| c.invoked.as_ref().is_some_and(|i| changed(&i.actions)));
        let Some(session) = self.sessions.get_mut(&turn.session) else { return };
        if changed(actions) && first_change {
            session.changes.clear();
        }
        for action in actions {
            let Target::Signal(path) = &action.target else { continue };
            if matches!(action.status, ActionStatus::Done | ActionStatus::Requested)
                && let Some(previous) = &action.previous
            {
                session.changes.push(Change {
                    skill: turn.commands[index].planning.intent.skill().clone(),
                    path: path.clone(),
                    previous: previous.clone(),
                });
            }
            if action.status == ActionStatus::Requested
                && let Some(value) = &action.requested
            {
                cx.effects.push(Effect::Watch {
                    session: turn.session,
                    path: path.clone(),
                    value: value.clone(),
                    not_reached_speech: not_reached(&self.rules.words, path.as_str()),
                });
            }
        }
    }

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
            session.previous = Some((last.planning.intent.clone(), last.planning.slots.clone()));
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

    fn not_understood(&mut self, cx: &mut Step, turn: Turn, understanding: &Understanding) {
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
    fn release(&self, cx: &mut Step, turn: &Turn) {
        match &turn.stage {
            Stage::Acting(_) | Stage::Restoring => {
                cx.effects.push(Effect::CancelInvoke { turn: turn.id })
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
            kind,
            speech,
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
        cx.effects.push(Effect::Finish(Box::new(result)));
        self.next_in_queue(cx, turn.session);
    }

    /// What an agent is asked for a question.
    pub(super) fn agent_question(question: &Question) -> (&'static str, AgentQuestion) {
        match question {
            Question::Slot(e) => ("ask-slot", AgentQuestion::AskSlot { slot: e.slot.clone() }),
            Question::Choice(e) | Question::Reading { expected: e, .. } => {
                ("choose", AgentQuestion::Choose { choices: e.choices.clone() })
            }
            Question::Confirm { planned, .. } => {
                ("confirm", AgentQuestion::Confirm { planned: planned.clone().unwrap_or_default() })
            }
        }
    }
}

fn changed(actions: &[Action]) -> bool {
    actions.iter().any(|a| matches!(a.status, ActionStatus::Done | ActionStatus::Requested))
}

fn add_time(turn: &mut Turn, stage: &'static str, time: std::time::Duration) {
    let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    match turn.timing.iter_mut().find(|(name, _)| *name == stage) {
        Some((_, sum)) => *sum += micros,
        None => turn.timing.push((stage, micros)),
    }
}

/// What is said when a requested value never came: the signal's last two names, in words.
fn not_reached(words: &crate::reply::HostWords, path: &str) -> String {
    let mut names: Vec<&str> = path.rsplit('.').take(2).collect();
    names.reverse();
    let mut spoken = String::new();
    for c in names.join(" ").chars() {
        if c.is_ascii_uppercase() && !spoken.is_empty() && !spoken.ends_with(' ') {
            spoken.push(' ');
        }
        spoken.push(c.to_ascii_lowercase());
    }
    words.say("not-reached", &[("what", &format!("the {spoken}"))])
}

/// Replaces or adds a slot.
pub(super) fn set_slot(planning: &mut Planning, slot: crate::slot::Slot) {
    planning.slots.retain(|s| s.name != slot.name);
    planning.slots.push(slot);
}

/// A choice's id as a slot's value.
pub(super) fn choice_value(id: &str) -> Value {
    Value::Text(id.to_owned())
}
