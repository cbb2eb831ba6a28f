//! Calls of clients: each becomes an event of the dialogue, or is answered from what is known.
//!
//! Must not answer about a session, request or turn of another user.

use super::{
    ASSISTANT, Assistant,
    rights::Asker,
    waiters::{MAX_REQUESTS, Observer, Waiter},
};
use valet_bus::{
    BusError, Call, Dict, ErrorName, Guesses, Incoming, Reply, access::Right, convert::owned,
    options::TurnOptions, path,
};
use valet_core::{
    deadline::Deadline,
    dialogue::{Agent, Event, Utter},
    session::{Caller, SessionKey, TurnId},
    utterance::{Utterance, UtteranceError},
    zone::Zone,
};

impl Assistant {
    pub(super) fn take_call(&mut self, incoming: Incoming) {
        let Incoming { caller, rights, interactive, call, reply } = incoming;
        match call {
            Call::Ask { text, options } => self.utter(caller, &text, options, Answer::Call(reply)),
            Call::Submit { text, options } => {
                self.utter(caller, &text, options, Answer::Request(reply))
            }
            Call::Say { session, text, mut options } => {
                options.session = Some(session);
                self.utter(caller, &text, options, Answer::Request(reply));
            }
            Call::SetListening { listening, zone, initiator } => {
                self.set_listening(caller, (listening, zone), initiator, reply);
            }
            Call::Partial { text, zone, language } => {
                self.partial(caller, &text, (zone, language.as_deref()), reply);
            }
            Call::Transcript { guesses, options } => {
                self.transcript(caller, guesses, options, reply)
            }
            Call::SpeechStarted { turn } => self.speech_started(caller, &turn, reply),
            Call::SpeechFinished { turn, interrupted } => {
                self.speech_finished(caller, &turn, interrupted, reply);
            }
            Call::Parse { text, options } => self.parse(vec![text], options, reply, true),
            Call::ParseBatch { texts, options } => self.parse(texts, options, reply, false),
            Call::Undo { options } => self.undo(caller, &options, reply),
            Call::Stop { session, zone } => {
                let of_zone = zone.map(|zone| SessionKey::Default { uid: caller.uid, zone });
                self.step(Event::Stop { caller, session: session.or(of_zone) });
                reply.ok(&());
            }
            Call::OpenSession { language, zone, initiator } => {
                self.open_session(caller, (language, zone, initiator), reply)
            }
            Call::SetContext { session, items } => {
                self.for_session(session, &caller, reply, |all| {
                    all.step(Event::Shown { session, items })
                });
            }
            Call::Reset { session } => {
                self.for_session(session, &caller, reply, |all| all.step(Event::Reset(session)));
            }
            Call::Close { session } => {
                self.for_session(session, &caller, reply, |all| all.step(Event::Close(session)));
            }
            Call::Cancel { request } => self.cancel(&caller, &request, reply),
            Call::RegisterAgent { object, capabilities, zone } => {
                self.register_agent(caller, object, capabilities, zone, reply);
            }
            Call::UnregisterAgent { object } => self.unregister_agent(caller, object, reply),
            Call::Observe => {
                self.observers.insert(
                    caller.name,
                    Observer { uid: caller.uid, sees_all: rights.hold(Right::Observe) },
                );
                reply.ok(&());
                self.say_held();
            }
            Call::Unobserve => {
                self.observers.remove(&caller.name);
                reply.ok(&());
            }
            Call::Suggest { language, session, zone } => {
                answer(reply, self.suggest(&caller, language.as_deref(), (session, zone)));
            }
            other => self.take_skills(Asker { caller, rights, interactive }, other, reply),
        }
    }

    /// Calls that change what is installed and what it may touch.
    fn take_skills(&mut self, asker: Asker, call: Call, reply: Reply) {
        match call {
            Call::InspectPackage { package } => self.inspect_package(package.into(), reply),
            Call::InstallSkill { package, terms } => {
                self.install_skill(asker, package.into(), terms, reply);
            }
            Call::RemoveSkill { id } => self.remove_skill(asker, &id, reply),
            Call::RollbackSkill { id } => self.roll_back_skill(asker, &id, reply),
            Call::GrantSkill { id, grants } => self.grant_skill(&asker, &id, &grants, reply),
            Call::RevokeSkill { id, grants } => self.revoke_skill(&asker, &id, &grants, reply),
            other => self.take_control(&asker.caller, other, reply),
        }
    }

    /// Calls that begin no turn and open no session.
    fn take_control(&mut self, caller: &Caller, call: Call, reply: Reply) {
        match call {
            Call::Read { paths } => answer(reply, self.read(&paths)),
            Call::SimulatorSet { path, value } => answer(reply, self.simulator_set(&path, &value)),
            Call::SimulatorSetFault { path, fault } => {
                answer(reply, self.simulator_fault(&path, &fault))
            }
            Call::SimulatorDrive { cycle } => answer(reply, self.simulator_drive(&cycle)),
            Call::SimulatorReset => answer(reply, self.simulator_reset()),
            Call::Trace { turn } => answer(reply, self.trace(caller, &turn)),
            Call::Stats => reply.ok(&self.stats_dict()),
            Call::History { limit } => self.history.show(caller.uid, limit as usize, reply),
            Call::Forget => {
                self.forget(caller);
                self.history.forget(caller.uid, reply);
            }
            Call::SetVocabulary { entity, values, language } => {
                let set = self
                    .check_language(language.as_deref())
                    .and_then(|()| self.set_vocabulary(&caller.name, &entity, values));
                answer(reply, set);
            }
            Call::ClearVocabulary { entity, language } => {
                let cleared = self
                    .check_language(language.as_deref())
                    .and_then(|()| self.clear_vocabulary(&caller.name, &entity));
                answer(reply, cleared);
            }
            Call::EnableSkill { id, enable } => {
                answer(reply, self.enable_skill(caller.uid, &id, enable));
            }
            Call::SetSkillSettings { id, settings } => {
                answer(reply, self.set_skill_settings(&id, &settings))
            }
            Call::VerifyModel { id } => self.verify_model(&id, reply),
            Call::ActivateModel { id, handle_token } => {
                self.activate_model(caller, &id, handle_token, reply);
            }
            Call::RollbackModel { kind } => self.rollback_model(&kind, reply),
            _ => reply.error(&BusError::new(ErrorName::UnknownMethod, "this call is not served")),
        }
    }

    /// A fresh turn's number.
    pub(super) fn new_turn(&mut self) -> TurnId {
        let turn = TurnId(self.next_turn);
        self.next_turn += 1;
        turn
    }

    /// A fresh session's key.
    pub(super) fn new_session(&mut self) -> SessionKey {
        let key = SessionKey::Opened(self.next_session);
        self.next_session += 1;
        key
    }

    pub(super) fn check_language(&self, language: Option<&str>) -> Result<(), BusError> {
        match language {
            Some(language) if !is_variety(language, &self.config.language) => Err(BusError::new(
                ErrorName::UnsupportedLanguage,
                format!("language {language:?} is not served, expected {}", self.config.language),
            )),
            _ => Ok(()),
        }
    }

    fn session_of(&self, caller: &Caller, options: &TurnOptions) -> SessionKey {
        options.session.unwrap_or(SessionKey::Default {
            uid: caller.uid,
            zone: options.zone.unwrap_or(Zone::All),
        })
    }

    fn admit(&self, caller: &Caller, options: &TurnOptions) -> Result<SessionKey, BusError> {
        if self.stopping {
            return Err(BusError::new(ErrorName::NotReady, "the assistant is stopping"));
        }
        self.check_language(options.language.as_deref())?;
        let session = self.session_of(caller, options);
        self.dialogue.admit(&session, caller).map_err(|refused| refusal(&refused))?;
        Ok(session)
    }

    fn utter(&mut self, caller: Caller, text: &str, mut options: TurnOptions, answer: Answer) {
        let alternatives = std::mem::take(&mut options.alternatives);
        if let Some(error) = alternatives.iter().find_map(|text| utterance(text).err()) {
            return answer.reply().error(&error);
        }
        let others = alternatives.into_iter().map(|text| (text, None));
        let guesses = std::iter::once((text.to_owned(), None)).chain(others).collect();
        let heard = Heard { guesses, by_microphone: false };
        self.utter_heard(caller, text, heard, options, answer);
    }

    /// Begins a turn with a text, and what else it may have been.
    pub(super) fn utter_heard(
        &mut self,
        caller: Caller,
        text: &str,
        heard: Heard,
        options: TurnOptions,
        answer: Answer,
    ) {
        let checked =
            utterance(text).and_then(|utterance| Ok((utterance, self.admit(&caller, &options)?)));
        let (utterance, session) = match checked {
            Ok(checked) => checked,
            Err(error) => {
                self.stats.busy += u64::from(error.name == ErrorName::Busy);
                return answer.reply().error(&error);
            }
        };
        let turn = TurnId(self.next_turn);
        let waiter = match self.waiter(turn, &caller, &options, answer) {
            Ok(waiter) => waiter,
            Err((reply, error)) => return reply.error(&error),
        };
        let turn = self.new_turn();
        self.waiters.insert(turn, waiter);
        self.traces.begin(turn, caller.uid);
        let others = heard.guesses.iter().skip(1).map(|(text, _)| text.clone()).collect();
        self.voices.keep_guesses(turn, heard.guesses);
        self.initiators.begin(turn, options.initiator.as_ref(), session);
        self.step(Event::Utter(Box::new(Utter {
            turn,
            session,
            caller,
            utterance,
            // A variety is answered in the language that is served.
            language: options.language.map(|_| self.config.language.clone()),
            zone: options.zone,
            mode: options.mode,
            deadline: Deadline::new(self.clock.now(), options.timeout),
            local_now: crate::wall::local_now(),
            heard: heard.by_microphone,
            others,
        })));
    }

    /// Whoever waits for the turn; a request's object exists, and its path is answered,
    /// before anything is emitted on it.
    fn waiter(
        &mut self,
        turn: TurnId,
        caller: &Caller,
        options: &TurnOptions,
        answer: Answer,
    ) -> Result<Waiter, (Reply, BusError)> {
        let reply = match answer {
            Answer::Call(reply) => return Ok(Waiter::Call(reply)),
            Answer::Request(reply) => reply,
        };
        if self.waiters.requests_of(&caller.name) >= MAX_REQUESTS {
            let why =
                format!("{MAX_REQUESTS} requests of yours are open; wait for one or cancel it");
            return Err((reply, BusError::new(ErrorName::LimitExceeded, why)));
        }
        let token = options.handle_token.clone().unwrap_or_else(|| format!("v{}", turn.0));
        let path = path::request(&caller.name, &token);
        if self.is_open_request(&path) {
            let why = format!("a request with the token {token:?} is open; use another token");
            return Err((reply, BusError::new(ErrorName::AlreadyExists, why)));
        }
        let Ok(object) = zbus_path(&path) else {
            return Err((reply, BusError::invalid("the token makes no object path")));
        };
        let properties = Dict::from([("State".to_owned(), owned("queued"))]);
        self.face.add_object_of(&caller.name, &path, vec![("org.valetd.Request1", properties)]);
        reply.ok(&object);
        Ok(Waiter::Request { path, client: caller.name.clone() })
    }

    /// Whether a request has this path.
    pub(super) fn is_open_request(&self, path: &str) -> bool {
        self.waiters.turn_of(path).is_some()
            || self.selection.is_request(path)
            || self.installations.is_request(path)
    }

    fn undo(&mut self, caller: Caller, options: &TurnOptions, reply: Reply) {
        let session = match self.admit(&caller, options) {
            Ok(session) => session,
            Err(error) => return reply.error(&error),
        };
        let turn = self.new_turn();
        self.traces.begin(turn, caller.uid);
        self.waiters.insert(turn, Waiter::Call(reply));
        let deadline = Deadline::new(self.clock.now(), options.timeout);
        self.step(Event::Undo { turn, session, caller, deadline });
    }

    fn open_session(
        &mut self,
        owner: Caller,
        (language, zone, initiator): (Option<String>, Option<Zone>, Option<String>),
        reply: Reply,
    ) {
        let admitted = self
            .check_language(language.as_deref())
            .and_then(|()| self.dialogue.admit_session(&owner).map_err(|r| refusal(&r)));
        if let Err(error) = admitted {
            return reply.error(&error);
        }
        let key = self.new_session();
        if let Some(initiator) = initiator {
            self.initiators.opened(key, initiator);
        }
        let language = self.config.language.clone();
        let zone = zone.unwrap_or_default();
        let path = path::session(key);
        let properties = Dict::from([
            ("Language".to_owned(), owned(language.as_str())),
            ("Zone".to_owned(), owned(zone.to_string())),
            ("ExpectingReply".to_owned(), owned(false)),
        ]);
        self.face.add_object_of(&owner.name, &path, vec![("org.valetd.Session1", properties)]);
        self.step(Event::Opened { key, owner, language, zone });
        match zbus_path(&path) {
            Ok(object) => reply.ok(&object),
            Err(error) => reply.error(&error),
        }
    }

    /// Drops what is kept about a user's turns: their traces, and what its default
    /// conversations remember.
    fn forget(&mut self, caller: &Caller) {
        self.traces.forget(caller.uid);
        for session in self.dialogue.default_sessions_of(caller.uid) {
            self.step(Event::Reset(session));
        }
    }

    fn for_session(
        &mut self,
        key: SessionKey,
        caller: &Caller,
        reply: Reply,
        act: impl FnOnce(&mut Self),
    ) {
        if !self.dialogue.may_use(&key, caller) {
            let why = "the session is unknown or not yours; open one with OpenSession";
            return reply.error(&BusError::new(ErrorName::UnknownSession, why));
        }
        act(self);
        reply.ok(&());
    }

    fn cancel(&mut self, caller: &Caller, request: &str, reply: Reply) {
        let turn = self.waiters.turn_of(request);
        let installation = self.installations.client_of(request);
        let whose = turn.map(|(_, client)| client).or(installation);
        let whose = whose.or(self.activation_client(request));
        match whose.map(|client| client == caller.name) {
            Some(true) => {
                match turn.map(|(turn, _)| turn) {
                    Some(turn) => self.cancel_turn(turn),
                    None if installation.is_some() => self.cancel_installation(),
                    None => self.cancel_activation(),
                }
                reply.ok(&());
            }
            Some(false) => {
                reply.error(&BusError::new(ErrorName::NotAuthorized, "the request is not yours"));
            }
            None => reply.error(&BusError::new(ErrorName::UnknownTurn, "the request is over")),
        }
    }

    fn register_agent(
        &mut self,
        caller: Caller,
        object: String,
        capabilities: Vec<String>,
        zone: Zone,
        reply: Reply,
    ) {
        if let Err(refused) = self.dialogue.admit_agent() {
            return reply.error(&refusal(&refused));
        }
        self.step(Event::AgentCame(Agent { name: caller.name, object, capabilities, zone }));
        reply.ok(&());
        self.say_held();
    }

    fn unregister_agent(&mut self, caller: Caller, object: String, reply: Reply) {
        if !self.dialogue.agents().any(|a| a.name == caller.name && a.object == object) {
            let object: String = object.chars().take(128).collect();
            return reply.error(&BusError::invalid(format!("you have no agent at {object}")));
        }
        self.step(Event::AgentWent { name: caller.name, object });
        reply.ok(&());
    }

    fn trace(&self, caller: &Caller, turn: &str) -> Result<Dict, BusError> {
        let unknown = || {
            let why = match turn {
                "" => "no turn of yours is among the last ones".to_owned(),
                named => format!("turn {named:?} is not among the last ones of yours"),
            };
            BusError::new(ErrorName::UnknownTurn, why)
        };
        let turn =
            if turn.is_empty() { self.traces.latest_of(caller.uid) } else { TurnId::parse(turn) };
        turn.and_then(|turn| self.traces.dict(turn, caller.uid)).ok_or_else(unknown)
    }

    fn stats_dict(&self) -> Dict {
        let mut dict = self.stats.dict();
        let count = |n: usize| owned(u32::try_from(n).unwrap_or(u32::MAX));
        dict.insert("sessions".into(), count(self.dialogue.session_count()));
        dict.insert("agents".into(), count(self.dialogue.agents().count()));
        dict.insert("uptime-ms".into(), owned(self.clock.now().0 / 1000));
        dict.insert(
            "skills".into(),
            owned(u32::try_from(self.skills.by_id.len()).unwrap_or(u32::MAX)),
        );
        dict.insert(
            "templates".into(),
            owned(u32::try_from(self.understander.template_count()).unwrap_or(u32::MAX)),
        );
        dict.insert("dialog-state".into(), owned(self.dialogue.state().name()));
        dict
    }

    pub(super) fn client_property(&self, name: &str, value: zbus::OwnedVariant) {
        self.face.set_property(valet_bus::ROOT, ASSISTANT, name, value);
    }
}

/// What a text may have been, and where it comes from.
pub(super) struct Heard {
    /// The text and what else a recogniser thought of.
    pub guesses: Guesses,
    /// Whether it may be our own voice.
    pub by_microphone: bool,
}

/// How a turn is answered.
pub(super) enum Answer {
    Call(Reply),
    Request(Reply),
}

impl Answer {
    fn reply(self) -> Reply {
        match self {
            Self::Call(reply) | Self::Request(reply) => reply,
        }
    }
}

/// Whether a language is one that is served or a variety of it: `en-GB` is one of `en`.
fn is_variety(language: &str, served: &str) -> bool {
    let mut asked = language.split(['-', '_']);
    language.len() <= 35
        && served.split('-').all(|part| asked.next().is_some_and(|a| a.eq_ignore_ascii_case(part)))
}

/// A text as an utterance.
pub(super) fn utterance(text: &str) -> Result<Utterance, BusError> {
    Utterance::parse(text).map_err(|error| {
        let name = match error {
            UtteranceError::TooLong { .. } => ErrorName::LimitExceeded,
            UtteranceError::Empty => ErrorName::InvalidArguments,
        };
        BusError::new(name, error.to_string())
    })
}

pub(super) fn answer<T: serde::Serialize + zbus::Type>(reply: Reply, result: Result<T, BusError>) {
    match result {
        Ok(value) => reply.ok(&value),
        Err(error) => reply.error(&error),
    }
}

pub(super) fn zbus_path(path: &str) -> Result<zbus::OwnedObjectPath, BusError> {
    zbus::OwnedObjectPath::try_from(path)
        .map_err(|e| BusError::new(ErrorName::Failed, e.to_string()))
}

pub(super) fn refusal(refused: &valet_core::dialogue::Refused) -> BusError {
    use valet_core::dialogue::Refused as R;
    let name = match refused {
        R::Busy { .. } => ErrorName::Busy,
        R::UnknownSession => ErrorName::UnknownSession,
        R::TooManySessions { .. } | R::TooManyAgents { .. } => ErrorName::LimitExceeded,
    };
    BusError::new(name, refused.to_string())
}

#[cfg(test)]
mod tests {
    use super::is_variety;

    #[test]
    fn a_variety_of_a_language_is_served_and_another_language_is_not() {
        for language in ["en", "en-GB", "EN-us", "en-Latn-GB", "en_GB"] {
            assert!(is_variety(language, "en"), "{language}");
        }
        for language in ["", "e", "eng", "de", "de-en", "e-n"] {
            assert!(!is_variety(language, "en"), "{language}");
        }
        assert!(!is_variety("pt", "pt-BR"), "what is served may be a variety itself");
    }
}
