//! The beginning of a turn: somebody says something, it waits for the turn before or is handed to the engines, and what
//! they found decides how the turn goes on.
//!
//! Must not invoke a skill; `run` does.

use super::{
    Dialogue, Effect, FORGET_AFTER, Pending, Question, ResultType, Step, Utter, speaker,
    turn::{Stage, Turn, Waiting},
};
use crate::{
    dialogue::Mode,
    entity::EntityKind,
    session::{Session, SessionKey},
    understanding::{DialogueAct, Expected, Request, Understanding},
    zone::Zone,
};
use std::collections::VecDeque;

impl Dialogue {
    /// Something was said: what sounds ends, unless it is our own voice that was heard.
    pub(super) fn said(&mut self, cx: &mut Step, utter: Box<Utter>) {
        if self.is_own_voice(cx.now, &utter) {
            let turn = Waiting::Utter(utter).never_begun(cx.now, &self.rules.language);
            let (kind, nothing) = (ResultType::NotUnderstood, String::new());
            let result = self.result(cx, &turn, kind, nothing, "own-speech");
            cx.effects.push(Effect::Finish(Box::new(result)));
            return;
        }
        self.speak_over(cx, &utter);
        self.begin_or_wait(cx, Waiting::Utter(utter));
    }

    pub(super) fn begin_or_wait(&mut self, cx: &mut Step, waiting: Waiting) {
        let key = waiting.session();
        if self.turns.values().any(|turn| turn.session == key) {
            self.queues.entry(key).or_default().push_back(waiting);
            return;
        }
        match waiting {
            Waiting::Utter(utter) => self.utter(cx, *utter),
            Waiting::Undo { turn, session, caller, deadline } => {
                self.undo_call(cx, turn, session, caller, deadline);
            }
        }
    }

    fn utter(&mut self, cx: &mut Step, utter: Utter) {
        let language = self.rules.language.clone();
        let key = utter.session;
        let session = self.sessions.entry(key).or_insert_with(|| {
            let zone = match key {
                SessionKey::Default { zone, .. } => zone,
                SessionKey::Opened(_) => Zone::All,
            };
            Session::new(None, language, zone, cx.now)
        });
        if cx.now.since(session.used) > FORGET_AFTER {
            if session.pending.is_some() {
                cx.effects.push(Effect::Expecting { session: key, expecting: false });
            }
            session.forget();
        }
        session.used = cx.now;
        let zone = utter.zone.unwrap_or(session.zone);
        let language = utter.language.unwrap_or_else(|| session.language.clone());
        let request = Request {
            text: utter.utterance.as_str().to_owned(),
            language: language.clone(),
            zone: speaker(zone),
            expected: session.pending.as_ref().and_then(|p| expected(p, &session.shown)),
            local_now: utter.local_now,
            previous: session.previous.clone(),
        };
        let turn = Turn {
            id: utter.turn,
            session: key,
            caller: utter.caller,
            language,
            zone,
            mode: utter.mode,
            deadline: utter.deadline,
            began: cx.now,
            text: request.text.clone(),
            stage: Stage::Understanding,
            commands: Vec::new(),
            planned: Vec::new(),
            engine: None,
            said: String::new(),
            others: VecDeque::new(),
            cannot: None,
            timing: Vec::new(),
        };
        if turn.deadline.is_over(cx.now) {
            // It waited behind another one for longer than its caller does.
            return self.time_out(cx, turn);
        }
        cx.effects.push(Effect::TurnChanged {
            turn: turn.id,
            session: key,
            state: "understanding",
        });
        cx.effects.push(Effect::Understand {
            turn: turn.id,
            request: Box::new(request),
            deadline: turn.deadline,
        });
        self.turns.insert(turn.id, turn);
    }

    pub(super) fn understood(
        &mut self,
        cx: &mut Step,
        mut turn: Turn,
        understanding: Understanding,
        suggestions: &[String],
    ) {
        for (stage, time) in [
            ("template", understanding.template_time),
            ("encoder", understanding.encoder_time),
            ("heads", understanding.heads_time),
        ] {
            turn.timing.push((stage, u64::try_from(time.as_micros()).unwrap_or(u64::MAX)));
        }
        turn.engine = understanding.commands.first().map(|command| command.best.engine);
        if turn.mode == Mode::Parse {
            return self.finish_parse(cx, turn, &understanding);
        }
        let pending = self.take_pending(cx, &turn);
        if pending.is_none() {
            match self.answer_offer(cx, turn, &understanding) {
                Some(same) => turn = same,
                None => return,
            }
        }
        match (understanding.act, pending) {
            (Some(DialogueAct::Affirm), Some(Ok(pending))) => {
                self.affirmed(cx, turn, pending);
            }
            (Some(DialogueAct::Deny | DialogueAct::Stop), Some(Ok(_))) => {
                self.say(cx, turn, ResultType::Answer, "cancelled", &[]);
            }
            (Some(DialogueAct::Affirm), Some(Err(()))) => {
                self.say(cx, turn, ResultType::Refusal, "expired", &[]);
            }
            (Some(DialogueAct::Affirm | DialogueAct::Deny), None | Some(Err(()))) => {
                self.say(cx, turn, ResultType::NotUnderstood, "nothing-to-confirm", &[]);
            }
            (Some(act), pending) => {
                self.act(cx, turn, act, pending.and_then(Result::ok), suggestions);
            }
            (None, pending) => {
                let pending = pending.and_then(Result::ok);
                self.commands_or_answer(cx, turn, understanding, pending);
            }
        }
    }

    fn act(
        &mut self,
        cx: &mut Step,
        turn: Turn,
        act: DialogueAct,
        pending: Option<Pending>,
        suggestions: &[String],
    ) {
        if act == DialogueAct::Undo {
            return self.undo(cx, turn, pending);
        }
        // The others leave an open question open.
        if let Some(pending) = pending {
            self.put_pending(cx, &turn, pending);
        }
        match act {
            DialogueAct::Repeat => {
                let last = self.sessions.get(&turn.session).and_then(|s| s.last_speech.clone());
                match last {
                    Some(speech) => self.finish_words(cx, turn, ResultType::Answer, speech, ""),
                    None => self.say(cx, turn, ResultType::Answer, "nothing-to-repeat", &[]),
                }
            }
            DialogueAct::Help => {
                let examples = suggestions.join("; ");
                self.say(cx, turn, ResultType::Answer, "help", &[("examples", &examples)]);
            }
            DialogueAct::Stop | DialogueAct::Affirm | DialogueAct::Deny | DialogueAct::Undo => {
                self.say(cx, turn, ResultType::Answer, "stopped", &[]);
            }
        }
    }
}

/// What the engines should expect while a question is open. A slot of words may be answered
/// by what the screen shows, as in "the second one".
fn expected(pending: &Pending, shown: &[(String, String)]) -> Option<Expected> {
    match &pending.question {
        Question::Slot(expected)
            if expected.choices.is_empty() && expected.entity == EntityKind::Text =>
        {
            Some(Expected { choices: shown.to_vec(), ..expected.clone() })
        }
        Question::Slot(expected)
        | Question::Choice(expected)
        | Question::Reading { expected, .. } => Some(expected.clone()),
        Question::Confirm { .. } => None,
    }
}
