//! Running the commands of a turn, one after the other, and composing its result.
//!
//! Must not ask the person anything by itself: questions are `answer`'s.

use super::{
    Call, CommandStatus, Dialogue, Effect, Question, ResultType, Step,
    event::AgentQuestion,
    turn::{CommandState, Planning, Stage, Turn},
};
use crate::{
    entity::Value,
    outcome::{Action, ActionStatus, Answer, Invoked, Outcome},
    policy::Verdict,
    reply::{ReplyContext, overall},
    routing::{Route, missing_slot, route},
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
        turn.planned.clear();
        self.check_next(cx, turn, 0);
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
            call: Box::new(call(&turn, planning)),
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
        let skill = turn.commands[index].planning.intent.skill().clone();
        self.remember_changes(cx, (turn.id, turn.session), &skill, &invoked.actions);
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
            Outcome::CannotDo { speech } => self.cannot_do(cx, turn, index, speech),
        }
    }

    /// A skill cannot do what was understood: where a recogniser heard something else, too, that is the same
    /// request with other words in it, that is tried. What was said of the first is said when the last cannot be
    /// done either.
    fn cannot_do(&mut self, cx: &mut Step, mut turn: Turn, index: usize, speech: String) {
        let first = turn.cannot.take().unwrap_or(speech);
        if let Some((text, meant)) = turn.next_guess() {
            turn.cannot = Some(first);
            turn.text = text;
            turn.commands.clear();
            return self.begin_commands(cx, turn, &meant);
        }
        self.fail(&mut turn, index, ResultType::Error, "cannot-do", first);
        self.finish_commands(cx, turn);
    }

    /// Lets the words of a settled command out while others wait: a voice can begin with them.
    fn say_on(&mut self, cx: &mut Step, turn: &mut Turn, index: usize) {
        let others_wait = turn.commands.iter().any(|c| c.status == CommandStatus::Waiting);
        let words = &turn.commands[index].speech;
        if !others_wait || words.is_empty() {
            return;
        }
        let blank = if turn.said.is_empty() { "" } else { " " };
        let words = format!("{blank}{words}");
        turn.said.push_str(&words);
        self.told(cx, (turn.id, turn.session, &turn.caller), &turn.said);
        cx.effects.push(Effect::Said { turn: turn.id, words });
    }

    /// After a command settled: the next one, unless this one stops the rest.
    fn go_on(&mut self, cx: &mut Step, mut turn: Turn, index: usize) {
        if turn.commands[index].status == CommandStatus::Done {
            self.say_on(cx, &mut turn, index);
            self.run_next(cx, turn);
        } else {
            self.skip_rest(&mut turn);
            self.finish_commands(cx, turn);
        }
    }

    pub(super) fn describe_actions(
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
        let is_mains = |a: &&Action| a.status == status && !a.companion;
        let failed = actions.iter().find(|a| a.status == status && a.companion);
        match failed.filter(|_| !status.is_success() && !actions.iter().any(|a| is_mains(&a))) {
            // The skill's words are about what it asked for, not about what has to go with it.
            Some(companion) => {
                let what = self.rules.words.target(&companion.target);
                (status, self.rules.words.say("needs-companion", &[("what", &what)]))
            }
            None => (status, context.sentence(reply, status)),
        }
    }

    pub(super) fn settle_action(
        &self,
        turn: &mut Turn,
        index: usize,
        status: ActionStatus,
        speech: String,
    ) {
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

    /// What an agent is asked for a question.
    pub(super) fn agent_question(question: &Question) -> (&'static str, AgentQuestion) {
        match question {
            Question::Slot(e) => {
                let (slot, entity) = (e.slot.clone(), e.entity.name().to_owned());
                ("ask-slot", AgentQuestion::AskSlot { slot, entity })
            }
            Question::Choice(e) | Question::Reading { expected: e, .. } => {
                ("choose", AgentQuestion::Choose { choices: e.choices.clone() })
            }
            Question::Confirm { planned, .. } => {
                ("confirm", AgentQuestion::Confirm { planned: planned.clone().unwrap_or_default() })
            }
        }
    }
}

fn add_time(turn: &mut Turn, stage: &'static str, time: std::time::Duration) {
    let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    match turn.timing.iter_mut().find(|(name, _)| *name == stage) {
        Some((_, sum)) => *sum += micros,
        None => turn.timing.push((stage, micros)),
    }
}

/// A command as the skill host takes it.
pub(super) fn call(turn: &Turn, planning: Planning) -> Call {
    Call {
        intent: planning.intent,
        class: planning.class,
        slots: planning.slots,
        speaker: super::speaker(turn.zone),
        language: turn.language.clone(),
        text: planning.text,
        confirmed: planning.confirmed,
        guest_confirmed: planning.guest_confirmed,
    }
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
