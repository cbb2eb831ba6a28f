//! What voice pipelines say over Wyoming: each text becomes a turn of its conversation, as a call on
//! the bus does.
//!
//! Must not trust a conversation's name with anything but the conversation: it belongs to the user and
//! the kind of socket that it came by.

use super::{Assistant, calls, parsing::Texts};
use crate::wyoming::{Heard, Sockets, Wanted};
use std::collections::{BTreeMap, HashMap};
use tokio::sync::{mpsc::Receiver, oneshot};
use valet_bus::{BusError, ErrorName, options::DEFAULT_TIMEOUT};
use valet_core::{
    deadline::Deadline,
    dialogue::{Event, FinishCode, Mode, ResultType, TurnResult, Utter},
    intent::IntentId,
    session::{Caller, SessionKey, TurnId},
    slot::Slot,
    understanding::{Candidate, Command, Engine, Understanding},
    utterance::Utterance,
};
use valet_voice::{Answer, Context, Said, Structured, from_json};

/// Most conversations of one user and kind of socket that are remembered; the one that rested longest
/// is forgotten for a new one.
const MAX_CONVERSATIONS: usize = 64;

/// The sockets, and what is kept of pipelines between a text and its answer, and between two texts.
#[derive(Debug, Default)]
pub(crate) struct Pipelines {
    sockets: Sockets,
    /// Conversations by who leads them and what they call them.
    conversations: BTreeMap<(Caller, String), SessionKey>,
    /// Who waits for a turn.
    waiting: HashMap<TurnId, oneshot::Sender<Answer>>,
    /// What turns mean whose text nobody has to understand.
    given: HashMap<TurnId, Understanding>,
}

impl Pipelines {
    /// Why what is configured is not all open.
    pub(super) fn reasons(&self) -> &[String] {
        self.sockets.reasons()
    }

    /// Closes the sockets: whoever waits is told by the end of the connection.
    pub(super) fn close(&mut self) {
        self.sockets = Sockets::default();
    }

    /// A session ended.
    pub(super) fn closed(&mut self, key: SessionKey) {
        self.conversations.retain(|_, open| *open != key);
    }

    /// What a turn means, where a pipeline said so.
    pub(super) fn given(&mut self, turn: TurnId) -> Option<Understanding> {
        self.given.remove(&turn)
    }

    /// A turn is over; a connection that is gone takes no answer.
    pub(super) fn finished(&mut self, result: &TurnResult) {
        self.given.remove(&result.turn);
        if let Some(reply) = self.waiting.remove(&result.turn) {
            answer(reply, outcome(result));
        }
    }

    fn conversations_of(&self, caller: &Caller) -> Vec<SessionKey> {
        let own = self.conversations.iter().filter(|((whose, _), _)| whose == caller);
        own.map(|(_, key)| *key).collect()
    }
}

impl Assistant {
    /// Opens the sockets; what they hear comes out of the receiver.
    pub(crate) fn open_sockets(&mut self) -> Receiver<Heard> {
        let (config, language) = (&self.config.wyoming, &self.config.language);
        let heard;
        (self.pipelines.sockets, heard) =
            Sockets::open(config, language, self.paths.runtime.as_deref());
        heard
    }

    pub(super) fn take_heard(&mut self, heard: Heard) {
        let Heard { program, uid, wanted, reply } = heard;
        let caller = Caller { uid, name: format!("wyoming-{}", program.name()) };
        let taken = match wanted {
            Wanted::Handle(said) => self.heard_text(caller, said),
            Wanted::Act(intent) => self.heard_intent(caller, &intent),
            Wanted::Recognize(said) => return self.recognize(said, reply),
        };
        match taken {
            Ok((utter, given)) => self.begin_heard(utter, given, reply),
            Err(error) => {
                self.stats.busy += u64::from(error.name == ErrorName::Busy);
                answer(reply, refused(&error));
            }
        }
    }

    fn heard_text(
        &mut self,
        caller: Caller,
        said: Said,
    ) -> Result<(Utter, Option<Understanding>), BusError> {
        let utterance = calls::utterance(&said.text)?;
        self.check_language(said.language.as_deref())?;
        Ok((self.utter_in(caller, utterance, &said.context)?, None))
    }

    /// An intent that was recognised elsewhere: there is nothing to understand.
    fn heard_intent(
        &mut self,
        caller: Caller,
        intent: &Structured,
    ) -> Result<(Utter, Option<Understanding>), BusError> {
        let command = self.command_of(intent)?;
        let utterance = calls::utterance(&intent.name)?;
        let utter = self.utter_in(caller, utterance, &intent.context)?;
        let given = Understanding { commands: vec![command], ..Understanding::default() };
        Ok((utter, Some(given)))
    }

    fn command_of(&self, intent: &Structured) -> Result<Command, BusError> {
        let id = IntentId::parse(&intent.name).map_err(|e| BusError::invalid(e.to_string()))?;
        let skills = &self.dialogue.rules().skills;
        let spec = skills.intent(&id).ok_or_else(|| {
            BusError::invalid(format!(
                "intent {id} is unknown, expected one of a skill that is ready"
            ))
        })?;
        let mut slots = Vec::new();
        for (name, value) in &intent.entities {
            let unknown = || {
                let known: Vec<&str> = spec.slots.keys().map(String::as_str).collect();
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                let name: String = name.chars().take(64).collect();
                BusError::invalid(format!("{id} has no slot {name:?}, expected {known}"))
            };
            let slot = spec.slots.get(name).ok_or_else(unknown)?;
            let value = from_json(&slot.entity, value)
                .map_err(|expected| BusError::invalid(format!("slot {name} expects {expected}")))?;
            slots.push(Slot::implied(name, value));
        }
        let end = u32::try_from(intent.name.len()).unwrap_or(u32::MAX);
        let best = Candidate { intent: id, slots, confidence: 1.0, engine: Engine::Given };
        Ok(Command { best, alternatives: Vec::new(), start: 0, end })
    }

    fn utter_in(
        &mut self,
        caller: Caller,
        utterance: Utterance,
        context: &Context,
    ) -> Result<Utter, BusError> {
        if self.stopping {
            return Err(BusError::new(ErrorName::NotReady, "the assistant is stopping"));
        }
        let zone = self.config.wyoming.zone_of(context.satellite.as_deref());
        let session = match &context.conversation {
            Some(name) => self.conversation(&caller, name)?,
            None => SessionKey::Default { uid: caller.uid, zone },
        };
        self.dialogue.admit(&session, &caller).map_err(|refused| calls::refusal(&refused))?;
        Ok(Utter {
            turn: self.new_turn(),
            session,
            caller,
            utterance,
            language: None,
            zone: Some(zone),
            mode: Mode::Act,
            deadline: Deadline::new(self.clock.now(), DEFAULT_TIMEOUT),
            local_now: crate::wall::local_now(),
            // Pipelines of this kind say nothing of their voice, and their rooms are not ours to know.
            heard: false,
            others: Vec::new(),
        })
    }

    /// The session of a conversation, opened where it is new.
    fn conversation(&mut self, caller: &Caller, name: &str) -> Result<SessionKey, BusError> {
        let place = (caller.clone(), name.to_owned());
        if let Some(key) = self.pipelines.conversations.get(&place) {
            return Ok(*key);
        }
        let own = self.pipelines.conversations_of(caller);
        if own.len() >= MAX_CONVERSATIONS {
            let resting = own.into_iter().filter(|key| !self.dialogue.is_busy(key));
            let oldest = resting.min_by_key(|key| self.dialogue.session(key).map(|s| s.used));
            let busy = || {
                let why = format!(
                    "{MAX_CONVERSATIONS} conversations have a turn running, expected fewer; try again in a moment"
                );
                BusError::new(ErrorName::Busy, why)
            };
            self.step(Event::Close(oldest.ok_or_else(busy)?));
        }
        self.dialogue.admit_one_more().map_err(|refused| calls::refusal(&refused))?;
        let key = self.new_session();
        let (owner, language) = (caller.clone(), self.config.language.clone());
        self.step(Event::Opened { key, owner, language, zone: Default::default() });
        self.pipelines.conversations.insert(place, key);
        Ok(key)
    }

    fn begin_heard(
        &mut self,
        utter: Utter,
        given: Option<Understanding>,
        reply: oneshot::Sender<Answer>,
    ) {
        let turn = utter.turn;
        self.pipelines.waiting.insert(turn, reply);
        self.traces.begin(turn, utter.caller.uid);
        if let Some(given) = given {
            self.pipelines.given.insert(turn, given);
        }
        self.step(Event::Utter(Box::new(utter)));
    }

    /// What a text means; nothing is done and no conversation knows of it.
    fn recognize(&mut self, said: Said, reply: oneshot::Sender<Answer>) {
        let checked = calls::utterance(&said.text)
            .and_then(|_| self.check_language(said.language.as_deref()));
        if let Err(error) = checked {
            return answer(reply, refused(&error));
        }
        let zone = self.config.wyoming.zone_of(said.context.satellite.as_deref());
        let words = std::sync::Arc::clone(&self.words);
        let texts = Texts { texts: vec![said.text], zone, templates: true };
        self.understand_texts(texts, DEFAULT_TIMEOUT, move |found| {
            let meant = found.map(|mut all| all.pop().unwrap_or_default().commands);
            answer(
                reply,
                match meant {
                    Ok(commands) if commands.is_empty() => {
                        Answer::NotRecognized { text: words.say("not-understood", &[]) }
                    }
                    Ok(commands) => Answer::Recognized { commands },
                    Err(error) => refused(&error),
                },
            );
        });
    }
}

/// What a pipeline is told of a turn.
fn outcome(result: &TurnResult) -> Answer {
    let text = result.speech.clone();
    match (result.finish, result.kind) {
        (FinishCode::Cancelled, _) => {
            Answer::Error { text: "the turn was stopped".into(), code: "canceled".into() }
        }
        (_, ResultType::Action | ResultType::Answer | ResultType::Question) => {
            Answer::Handled { text }
        }
        (_, ResultType::Refusal | ResultType::Error | ResultType::NotUnderstood) => {
            Answer::NotHandled { text }
        }
    }
}

fn refused(error: &BusError) -> Answer {
    let code = error.name.as_str().rsplit('.').next().unwrap_or_default().to_owned();
    Answer::Error { text: error.message.clone(), code }
}

/// The connection is gone where nobody takes it.
fn answer(reply: oneshot::Sender<Answer>, with: Answer) {
    let _ = reply.send(with);
}
