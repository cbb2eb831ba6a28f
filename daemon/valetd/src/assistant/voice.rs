//! A voice pipeline on the bus: who listens, what is heard, how far the speaking is.
//!
//! Must not act on a text that may still change, nor on our own voice.

use super::{Assistant, calls, calls::utterance};
use crate::happening::Happening;
use std::collections::BTreeMap;
use valet_bus::{
    BusError, Dict, ErrorName, Guesses, ROOT, Reply,
    convert::owned,
    options::{ParseOptions, TurnOptions},
};
use valet_core::{
    deadline::Deadline,
    dialogue::{Event, Voiced},
    routing::missing_slot,
    session::{Caller, TurnId},
    understanding::{Request, Understanding},
    zone::Zone,
};
use valet_understanding::{Guess, likeliest};

/// The interface of a voice pipeline.
pub(super) const VOICE: &str = "org.valetd.Voice1";

/// What is kept for voice pipelines.
#[derive(Debug, Default)]
pub(crate) struct Voices {
    /// Several guesses of what a turn's text is.
    guesses: BTreeMap<TurnId, Guesses>,
    /// How many pieces of a turn's speech went out.
    pieces: BTreeMap<TurnId, u32>,
}

impl Voices {
    /// A turn has guesses besides its text.
    pub(super) fn keep_guesses(&mut self, turn: TurnId, guesses: Guesses) {
        if guesses.len() > 1 {
            self.guesses.insert(turn, guesses);
        }
    }

    /// A turn is over.
    pub(super) fn finished(&mut self, turn: TurnId) {
        self.guesses.remove(&turn);
        self.pieces.remove(&turn);
    }

    /// The number of the next pieces of a turn's speech.
    pub(super) fn next_piece(&mut self, turn: TurnId, how_many: u32) -> u32 {
        let next = self.pieces.entry(turn).or_default();
        let first = *next;
        *next = first.saturating_add(how_many);
        first
    }
}

impl Assistant {
    pub(super) fn set_listening(
        &mut self,
        caller: Caller,
        (listening, zone): (bool, Zone),
        initiator: Option<String>,
        reply: Reply,
    ) {
        if let (true, Some(initiator)) = (listening, initiator) {
            self.initiators.listens(&caller.name, zone, initiator);
        }
        self.step(Event::Voiced(Voiced::Listening { caller, zone, listening }));
        reply.ok(&());
    }

    /// What a text that may still change means so far: by templates, and without a trace.
    pub(super) fn partial(
        &mut self,
        caller: Caller,
        text: &str,
        options: &ParseOptions,
        reply: Reply,
    ) {
        let checked = utterance(text).and_then(|utterance| {
            self.check_language(options.turn.language.as_deref()).map(|()| utterance)
        });
        let utterance = match checked {
            Ok(utterance) => utterance,
            Err(error) => return reply.error(&error),
        };
        let zone = options.turn.zone.unwrap_or_default();
        self.step(Event::Voiced(Voiced::Listening { caller, zone, listening: true }));
        let found = self.understander.match_templates(&Request {
            text: utterance.as_str().to_owned(),
            language: self.config.language.clone(),
            zone: if zone == Zone::All { Zone::DRIVER } else { zone },
            expected: None,
            local_now: crate::wall::local_now(),
            previous: None,
        });
        let complete = found.as_ref().is_some_and(|found| self.lacks_nothing(found));
        let commands = found.unwrap_or_default().commands;
        let intents: Vec<String> = commands.iter().map(|c| c.best.intent.to_string()).collect();
        reply.ok(&Dict::from([
            ("complete".to_owned(), owned(complete)),
            ("intents".to_owned(), owned(intents)),
        ]));
    }

    /// Whether what was understood can be done without asking for more.
    fn lacks_nothing(&self, found: &Understanding) -> bool {
        let skills = &self.dialogue.rules().skills;
        found.commands.iter().all(|command| {
            let spec = skills.intent(&command.best.intent);
            spec.is_some_and(|spec| missing_slot(spec, &command.best.slots).is_none())
        })
    }

    pub(super) fn transcript(
        &mut self,
        caller: Caller,
        guesses: Guesses,
        mut options: TurnOptions,
        reply: Reply,
    ) {
        if let Some(error) = guesses.iter().find_map(|(guess, _)| utterance(guess).err()) {
            return reply.error(&error);
        }
        let (whose, zone) = (caller.clone(), options.zone.unwrap_or_default());
        if options.initiator.is_none() {
            options.initiator = self.initiators.of_microphone(&whose.name, zone).cloned();
        }
        // What was heard ends the listening to it.
        self.step(Event::Voiced(Voiced::Listening { caller: whose, zone, listening: false }));
        self.hear(caller, guesses, options, reply);
    }

    pub(super) fn speech_started(&mut self, caller: Caller, turn: &str, reply: Reply) {
        self.about_speech(caller, turn, reply, |caller, turn| Voiced::SpeechStarted {
            caller,
            turn,
        });
    }

    pub(super) fn speech_finished(
        &mut self,
        caller: Caller,
        turn: &str,
        interrupted: bool,
        reply: Reply,
    ) {
        self.about_speech(caller, turn, reply, |caller, turn| Voiced::SpeechFinished {
            caller,
            turn,
            interrupted,
        });
    }

    fn about_speech(
        &mut self,
        caller: Caller,
        turn: &str,
        reply: Reply,
        voiced: impl FnOnce(Caller, TurnId) -> Voiced,
    ) {
        let known = TurnId::parse(turn).filter(|turn| self.dialogue.may_voice(*turn, &caller));
        let Some(known) = known else {
            let turn: String = turn.chars().take(32).collect();
            let why = format!("turn {turn:?} says nothing now, or not to you");
            return reply.error(&BusError::new(ErrorName::UnknownTurn, why));
        };
        // The answer leaves before what follows from it.
        reply.ok(&());
        self.step(Event::Voiced(voiced(caller, known)));
    }

    /// Understands all guesses of a turn and goes on with the one that was said. `false` where there is
    /// only one.
    pub(super) fn understand_guesses(
        &mut self,
        turn: TurnId,
        request: &Request,
        deadline: Deadline,
    ) -> bool {
        let Some(guesses) = self.voices.guesses.remove(&turn) else { return false };
        let requests: Vec<Request> = guesses
            .iter()
            .map(|(text, _)| Request { text: text.clone(), ..request.clone() })
            .collect();
        let known: Vec<Option<Understanding>> =
            requests.iter().map(|request| self.understand_at_once(request)).collect();
        // What the recogniser thinks likeliest and a template knows is it: no encoder is asked.
        if known.first().is_some_and(|first| first.as_ref().is_some_and(|u| !u.is_empty())) {
            let all = known.into_iter().map(Option::unwrap_or_default).collect();
            self.guessed(turn, guesses, all);
            return true;
        }
        let open: Vec<Request> = requests
            .iter()
            .zip(&known)
            .filter(|(_, known)| known.is_none())
            .map(|(request, _)| request.clone())
            .collect();
        if open.is_empty() {
            self.guessed(turn, guesses, known.into_iter().flatten().collect());
            return true;
        }
        let understander = self.understander.clone();
        let Some(pending) = self.inference.as_ref().and_then(|i| i.parse(open, understander))
        else {
            // The encoder has too much to do: templates alone answer.
            let free = |request| {
                let nothing = std::time::Duration::ZERO;
                self.understander.understand_freely(request, nothing, None)
            };
            let all = requests.iter().zip(known);
            let all = all.map(|(request, known)| known.unwrap_or_else(|| free(request))).collect();
            self.guessed(turn, guesses, all);
            return true;
        };
        let (happenings, left) = (self.happenings.clone(), deadline.left(self.clock.now()));
        tokio::spawn(async move {
            // Past the deadline the turn has ended, and nobody listens.
            if let Ok(Ok(found)) = tokio::time::timeout(left, pending).await {
                let mut found = found.into_iter();
                let meanings = known
                    .into_iter()
                    .map(|known| known.unwrap_or_else(|| found.next().unwrap_or_default()));
                let meanings = meanings.collect();
                let _ = happenings.send(Happening::Guessed { turn, guesses, meanings });
            }
        });
        true
    }

    /// All guesses of a turn are understood.
    pub(super) fn guessed(
        &mut self,
        turn: TurnId,
        guesses: Guesses,
        mut meanings: Vec<Understanding>,
    ) {
        let weighed: Vec<Guess<'_>> = guesses
            .iter()
            .zip(&meanings)
            .map(|((_, score), meaning)| Guess { score: *score, meaning })
            .collect();
        let order = likeliest(&weighed);
        let mut ordered = order.iter().filter_map(|at| {
            let (text, _) = guesses.get(*at)?;
            Some((text.clone(), std::mem::take(meanings.get_mut(*at)?)))
        });
        let Some((text, meaning)) = ordered.next() else { return };
        let others = ordered.filter(|(_, meaning)| !meaning.is_empty()).collect();
        let said = order.first().map_or(0, |at| at + 1);
        self.note(turn, format!("guess {said} of {} was said", guesses.len()));
        self.understood_as(turn, (Some(text), others), Box::new(meaning));
    }

    /// Words of a turn that stand while it goes on: to whoever waits for it, and to who speaks.
    pub(super) fn say_on(&mut self, turn: TurnId, words: &str) {
        let seq = self.voices.next_piece(turn, 1);
        if let Some((path, client)) = self.waiters.request(turn) {
            self.face.emit_to(client, path, (super::effects::REQUEST, "Chunk"), &(seq, words));
        }
        let zone = self
            .dialogue
            .session_of_turn(turn)
            .and_then(|(session, _)| self.dialogue.session(&session).map(|session| session.zone));
        self.speak_piece(turn, zone.unwrap_or_default(), (seq, words), None);
    }

    /// Ends what is being said.
    pub(super) fn silence(&self, turn: TurnId, zone: Zone, speaker: Option<Caller>) {
        let agent = self.dialogue.agent("speak", zone);
        if let Some(agent) = agent {
            // In the order of what it was told to say.
            let body = (turn.to_string(),);
            self.face.tell_agent((&agent.name, &agent.object), "Cancel", &body);
        }
        let told = agent.map(|agent| agent.name.as_str());
        if let Some(speaker) = speaker.filter(|speaker| told != Some(speaker.name.as_str())) {
            let body = (turn.to_string(), self.agent_options(Some(zone)));
            self.face.emit_to(&speaker.name, ROOT, (VOICE, "StopSpeaking"), &body);
        }
    }

    pub(super) fn open_microphone(&self, turn: TurnId, speaker: &Caller) {
        let body = (turn.to_string(), Dict::new());
        self.face.emit_to(&speaker.name, ROOT, (VOICE, "OpenMicrophone"), &body);
    }

    fn hear(&mut self, caller: Caller, guesses: Guesses, options: TurnOptions, reply: Reply) {
        let text = guesses.first().map(|(text, _)| text.clone()).unwrap_or_default();
        let heard = calls::Heard { guesses, by_microphone: true };
        self.utter_heard(caller, &text, heard, options, calls::Answer::Request(reply));
    }
}
