//! Questions to the person and their answers: a missing slot, a choice, a confirmation.
//!
//! Must not invoke anything before it was answered; an answer that comes too late, from
//! somebody else, or after the situation changed is void.

use super::{
    AGENT_LIMIT, AgentAnswer, CHOICE_KIND, CommandStatus, Dialogue, Effect, Pending,
    QUESTION_LIVES, Question, ResultType, Step,
    run::{choice_value, set_slot},
    turn::{Planning, Stage, Turn},
};
use crate::{
    deadline::Deadline,
    entity::Value,
    outcome::Planned,
    session::SessionKey,
    slot::Slot,
    understanding::{Expected, MAX_COMMANDS, Understanding},
};

/// Most times that a question is asked again because nothing fitted it.
const MOST_ASKED_AGAIN: u8 = 2;

impl Dialogue {
    /// Takes the open question of the turn's session: `None` = there is none,
    /// `Err` = it ran out or was asked of somebody else.
    pub(super) fn take_pending(
        &mut self,
        cx: &mut Step,
        turn: &Turn,
    ) -> Option<Result<Pending, ()>> {
        let pending = self.sessions.get_mut(&turn.session)?.pending.take()?;
        cx.effects.push(Effect::Expecting { session: turn.session, expecting: false });
        let same = match turn.session {
            SessionKey::Default { .. } => pending.asked.uid == turn.caller.uid,
            SessionKey::Opened(_) => pending.asked == turn.caller,
        };
        Some(if same && cx.now < pending.until { Ok(pending) } else { Err(()) })
    }

    pub(super) fn put_pending(&mut self, cx: &mut Step, turn: &Turn, pending: Pending) {
        if let Some(session) = self.sessions.get_mut(&turn.session) {
            session.pending = Some(pending);
            cx.effects.push(Effect::Expecting { session: turn.session, expecting: true });
        }
    }

    /// Neither an act nor a plain yes: an answer to the question, or new commands.
    pub(super) fn commands_or_answer(
        &mut self,
        cx: &mut Step,
        turn: Turn,
        understanding: Understanding,
        pending: Option<Pending>,
    ) {
        if understanding.too_many {
            let most = MAX_COMMANDS.to_string();
            let most = [("most", most.as_str())];
            return self.say(cx, turn, ResultType::Refusal, "too-many", &most);
        }
        match (understanding.answer.clone(), pending) {
            (Some(answer), Some(pending)) => {
                self.answered(cx, turn, pending, answer);
            }
            (None, Some(pending)) if understanding.commands.is_empty() => {
                self.ask_again(cx, turn, pending);
            }
            // New commands drop the question: what was suspended is not done behind one's back.
            _ => self.begin_commands(cx, turn, &understanding),
        }
    }

    /// Nothing fitted: the same question once more.
    fn ask_again(&mut self, cx: &mut Step, mut turn: Turn, pending: Pending) {
        let moving = self.rules.policy.driving_state(&cx.snapshot).is_moving();
        if matches!(pending.question, Question::Confirm { .. })
            && moving != pending.driving.is_moving()
        {
            return self.say(cx, turn, ResultType::Refusal, "changed-meanwhile", &[]);
        }
        if pending.asked_again == MOST_ASKED_AGAIN {
            return self.say(cx, turn, ResultType::Refusal, "cancelled", &[]);
        }
        let asked_again = pending.asked_again + 1;
        let session = turn.session;
        let speech = match &pending.question {
            Question::Confirm { speech, .. } => {
                self.rules.words.say("confirm-again", &[("question", speech)])
            }
            Question::Slot(_) | Question::Choice(_) | Question::Reading { .. } => {
                pending.speech.clone()
            }
        };
        let first = turn.resume(pending.commands);
        self.ask_person(cx, turn, first, pending.question, speech);
        let pending = self.sessions.get_mut(&session).and_then(|s| s.pending.as_mut());
        if let Some(pending) = pending {
            pending.asked_again = asked_again;
        }
    }

    fn slot_question(&self, expected: &Expected) -> String {
        let asked = self
            .rules
            .skills
            .intent(&expected.intent)
            .and_then(|spec| spec.slots.get(&expected.slot))
            .and_then(|slot| {
                slot.ask.get(&self.rules.language).or_else(|| slot.ask.get("en")).cloned()
            });
        asked.unwrap_or_else(|| {
            self.rules.words.say("missing-slot", &[("slot", &expected.slot.replace('-', " "))])
        })
    }

    fn did_you_mean(&self, expected: &Expected) -> String {
        let or = format!(" {} ", self.rules.words.dialogue.get("or").map_or("or", String::as_str));
        let labels: Vec<&str> = expected.choices.iter().map(|(_, label)| label.as_str()).collect();
        self.rules.words.say("did-you-mean", &[("choices", &labels.join(&or))])
    }

    /// A value came for the open question.
    fn answered(&mut self, cx: &mut Step, mut turn: Turn, pending: Pending, answer: Slot) {
        let mut commands = pending.commands;
        match pending.question {
            Question::Reading { open: (at, readings), later, .. } => {
                let chosen = match &answer.value {
                    Value::Text(id) => id.parse().ok().and_then(|i: usize| readings.get(i)),
                    _ => None,
                };
                let (Some(reading), Some(command)) = (chosen, commands.get_mut(at)) else {
                    return self.say(cx, turn, ResultType::NotUnderstood, "not-understood", &[]);
                };
                *command = reading.clone();
                if !later.is_empty() {
                    let first = turn.resume(commands);
                    return self.ask_reading(cx, turn, first, later);
                }
            }
            Question::Slot(_) | Question::Choice(_) | Question::Confirm { .. } => {
                if let Some(first) = commands.first_mut() {
                    set_slot(first, answer);
                }
            }
        }
        turn.resume(commands);
        self.check_then_run(cx, turn);
    }

    /// The person said yes.
    pub(super) fn affirmed(&mut self, cx: &mut Step, mut turn: Turn, pending: Pending) {
        if let Question::Reading { expected, .. } = &pending.question
            && let [(id, label)] = expected.choices.as_slice()
        {
            // "Did you mean …?" with one reading: yes chooses it.
            let only = Slot {
                text: label.clone(),
                ..Slot::implied(&expected.slot, Value::Text(id.clone()))
            };
            return self.answered(cx, turn, pending, only);
        }
        let Question::Confirm { planned, .. } = &pending.question else {
            return self.ask_again(cx, turn, pending);
        };
        if self.rules.policy.driving_state(&cx.snapshot).is_moving() != pending.driving.is_moving()
        {
            return self.say(cx, turn, ResultType::Refusal, "changed-meanwhile", &[]);
        }
        let mut commands = pending.commands;
        if let Some(first) = commands.first_mut() {
            confirm(first, planned.clone());
        }
        turn.resume(commands);
        self.check_then_run(cx, turn);
    }

    pub(super) fn ask_slot(
        &mut self,
        cx: &mut Step,
        turn: Turn,
        index: usize,
        slot: &str,
        speech: Option<String>,
    ) {
        let intent = turn.commands[index].planning.intent.clone();
        let entity = self
            .rules
            .skills
            .intent(&intent)
            .and_then(|spec| spec.slots.get(slot))
            .map(|slot| slot.entity.clone());
        let Some(entity) = entity else {
            // A guest that asks for a slot it does not have broke its contract.
            return self.broken(cx, turn, index);
        };
        let expected = Expected { intent, slot: slot.to_owned(), entity, choices: Vec::new() };
        let speech = speech.unwrap_or_else(|| self.slot_question(&expected));
        self.ask(cx, turn, index, Question::Slot(expected), speech);
    }

    pub(super) fn ask_choice(
        &mut self,
        cx: &mut Step,
        turn: Turn,
        index: usize,
        (slot, speech, choices): (String, String, Vec<(String, String)>),
    ) {
        let intent = turn.commands[index].planning.intent.clone();
        let known = self.rules.skills.intent(&intent).is_some_and(|s| s.slots.contains_key(&slot));
        if !known {
            return self.broken(cx, turn, index);
        }
        let expected = Expected { intent, slot, entity: CHOICE_KIND, choices };
        self.ask(cx, turn, index, Question::Choice(expected), speech);
    }

    /// Which of several readings was meant, of the first command that is unclear; the indices
    /// count from `first`, the first command that waits.
    pub(super) fn ask_reading(
        &mut self,
        cx: &mut Step,
        turn: Turn,
        first: usize,
        mut unclear: Vec<(usize, Vec<Planning>)>,
    ) {
        let (at, readings) = unclear.remove(0);
        let choices: Vec<(String, String)> = readings
            .iter()
            .enumerate()
            .filter_map(|(index, reading)| {
                let spec = self.rules.skills.intent(&reading.intent)?;
                Some((index.to_string(), spec.description.to_lowercase()))
            })
            .collect();
        let expected = Expected {
            intent: turn.commands[first + at].planning.intent.clone(),
            slot: "reading".to_owned(),
            entity: CHOICE_KIND,
            choices,
        };
        let speech = self.did_you_mean(&expected);
        let question = Question::Reading { expected, open: (at, readings), later: unclear };
        self.ask(cx, turn, first, question, speech);
    }

    pub(super) fn ask_confirmation(
        &mut self,
        cx: &mut Step,
        mut turn: Turn,
        index: usize,
        planned: Option<Vec<Planned>>,
        why: &str,
    ) {
        let class = turn.commands[index].planning.class;
        let has_agent = self.agent("confirm", turn.zone).is_some();
        if !has_agent && !self.rules.confirm_by_voice.contains(&class) {
            let speech = why.to_owned();
            self.fail(&mut turn, index, ResultType::Refusal, "needs-confirmation", speech);
            return self.finish_commands(cx, turn);
        }
        let speech = match &planned {
            Some(planned) => {
                let what = self.rules.words.plan(planned, &self.rules.describe);
                self.rules.words.say("confirm", &[("why", why), ("what", &what)])
            }
            None => why.to_owned(),
        };
        let question = Question::Confirm { planned, speech: speech.clone() };
        self.ask(cx, turn, index, question, speech);
    }

    pub(super) fn broken(&mut self, cx: &mut Step, mut turn: Turn, index: usize) {
        let name = self.skill_name(turn.commands[index].planning.intent.skill());
        let speech = self.rules.words.say("skill-failed", &[("skill", &name)]);
        self.fail(&mut turn, index, ResultType::Error, "skill-failed", speech);
        self.finish_commands(cx, turn);
    }

    /// Asks an agent where one is registered, else the person in the dialogue.
    fn ask(
        &mut self,
        cx: &mut Step,
        mut turn: Turn,
        index: usize,
        question: Question,
        speech: String,
    ) {
        let (capability, asked) = Self::agent_question(&question);
        let Some(agent) = self.agent(capability, turn.zone).cloned() else {
            return self.ask_person(cx, turn, index, question, speech);
        };
        cx.effects.push(Effect::TurnChanged {
            turn: turn.id,
            session: turn.session,
            state: "waiting",
        });
        cx.effects.push(Effect::AskAgent {
            turn: turn.id,
            agent: agent.clone(),
            speech,
            question: asked,
        });
        turn.commands[index].status = CommandStatus::Waiting;
        turn.stage = Stage::AskingAgent {
            index,
            agent,
            question: Box::new(question),
            left: turn.deadline.left(cx.now),
            until: cx.now.after(AGENT_LIMIT),
            driving: self.rules.policy.driving_state(&cx.snapshot),
        };
        self.turns.insert(turn.id, turn);
    }

    /// Ends the turn with a question; the commands from `index` on are suspended.
    fn ask_person(
        &mut self,
        cx: &mut Step,
        mut turn: Turn,
        index: usize,
        question: Question,
        speech: String,
    ) {
        let command = &mut turn.commands[index];
        command.status = CommandStatus::Waiting;
        let code = match &question {
            Question::Slot(_) => "missing-slot",
            Question::Choice(_) => "choose",
            Question::Reading { .. } => "ambiguous",
            Question::Confirm { .. } => "confirm",
        };
        self.nonce += 1;
        let pending = Pending {
            turn: turn.id,
            commands: turn.commands[index..].iter().map(|c| c.planning.clone()).collect(),
            asked: turn.caller.clone(),
            until: cx.now.after(QUESTION_LIVES),
            driving: self.rules.policy.driving_state(&cx.snapshot),
            nonce: self.nonce,
            question,
            speech: speech.clone(),
            asked_again: 0,
        };
        self.put_pending(cx, &turn, pending);
        let earlier: Vec<String> = turn.commands[..index]
            .iter()
            .filter(|c| !c.speech.is_empty())
            .map(|c| c.speech.clone())
            .chain(std::iter::once(speech))
            .collect();
        let mut result = self.result(cx, &turn, ResultType::Question, earlier.join(" "), code);
        result.expects_reply = true;
        self.finish(cx, &turn, result);
    }

    /// An agent answered, or did not.
    pub(super) fn agent_answered(&mut self, cx: &mut Step, mut turn: Turn, answer: AgentAnswer) {
        let Stage::AskingAgent { index, question, left, driving, .. } = turn.stage.clone() else {
            self.turns.insert(turn.id, turn);
            return;
        };
        // A person's thinking does not count: the turn goes on with the time it had left.
        turn.deadline = Deadline::new(cx.now, left);
        match (*question, answer) {
            (Question::Confirm { planned, .. }, AgentAnswer::Confirmed(true)) => {
                let now = self.rules.policy.driving_state(&cx.snapshot);
                if now.is_moving() != driving.is_moving() {
                    return self.void(cx, turn, index);
                }
                confirm(&mut turn.commands[index].planning, planned);
            }
            (Question::Choice(expected) | Question::Slot(expected), AgentAnswer::Text(text))
                if !text.is_empty() =>
            {
                let chosen = expected.choices.is_empty()
                    || expected.choices.iter().any(|(id, _)| *id == text);
                if !chosen {
                    return self.not_answered(cx, turn, index);
                }
                // A typed slot in words is understood as a reply of the person would be.
                if expected.choices.is_empty() && expected.entity != CHOICE_KIND {
                    return self.understand_answer(cx, turn, expected, text);
                }
                let slot = Slot::implied(&expected.slot, choice_value(&text));
                set_slot(&mut turn.commands[index].planning, slot);
            }
            (Question::Reading { open: (at, readings), later, .. }, AgentAnswer::Text(text)) => {
                match text.parse::<usize>().ok().and_then(|i| readings.get(i).cloned()) {
                    Some(reading) => turn.commands[index + at].planning = reading,
                    None => return self.not_answered(cx, turn, index),
                }
                if !later.is_empty() {
                    return self.ask_reading(cx, turn, index, later);
                }
            }
            _ => return self.not_answered(cx, turn, index),
        }
        self.check_then_run(cx, turn);
    }

    /// Gives the words an agent brought for a slot to the engines; the turn goes on as if
    /// the person had answered in the dialogue.
    fn understand_answer(
        &mut self,
        cx: &mut Step,
        mut turn: Turn,
        expected: Expected,
        text: String,
    ) {
        let request = crate::understanding::Request {
            text: text.chars().take(512).collect(),
            language: turn.language.clone(),
            zone: super::speaker(turn.zone),
            expected: Some(expected.clone()),
            local_now: None,
            previous: None,
        };
        let index =
            turn.commands.iter().position(|c| c.status == CommandStatus::Waiting).unwrap_or(0);
        let pending = Pending {
            turn: turn.id,
            commands: turn.commands[index..].iter().map(|c| c.planning.clone()).collect(),
            asked: turn.caller.clone(),
            until: turn.deadline.at(),
            driving: crate::policy::DrivingState::Standing,
            nonce: self.nonce,
            speech: self.slot_question(&expected),
            asked_again: 0,
            question: Question::Slot(expected),
        };
        self.put_pending(cx, &turn, pending);
        turn.stage = Stage::Understanding;
        cx.effects.push(Effect::Understand {
            turn: turn.id,
            request: Box::new(request),
            deadline: turn.deadline,
        });
        self.turns.insert(turn.id, turn);
    }

    /// The situation changed between the question and the yes.
    fn void(&mut self, cx: &mut Step, mut turn: Turn, index: usize) {
        let speech = self.rules.words.say("changed-meanwhile", &[]);
        self.fail(&mut turn, index, ResultType::Refusal, "changed-meanwhile", speech);
        self.finish_commands(cx, turn);
    }

    fn not_answered(&mut self, cx: &mut Step, mut turn: Turn, index: usize) {
        let speech = self.rules.words.say("cancelled", &[]);
        self.fail(&mut turn, index, ResultType::Refusal, "not-confirmed", speech);
        self.finish_commands(cx, turn);
    }
}

/// Marks a command as confirmed: by the host for exactly this batch, or for the guest's question.
fn confirm(planning: &mut Planning, planned: Option<Vec<Planned>>) {
    match planned {
        Some(planned) => planning.confirmed = Some(planned),
        None => planning.guest_confirmed = true,
    }
}
