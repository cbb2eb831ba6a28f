//! A voice pipeline on the bus: who listens, what is heard, how far the speaking is.
//!
//! Must not act on a text that may still change, nor on our own voice.

use super::{Assistant, calls, calls::utterance};
use crate::happening::Happening;
use std::{collections::BTreeMap, time::Duration};
use valet_bus::{
    BusError, Dict, ErrorName, Guesses, ROOT, Reply, convert::owned, options::TurnOptions,
};
use valet_core::{
    deadline::Deadline,
    dialogue::{Event, Voiced},
    routing::missing_slot,
    session::{Caller, TurnId},
    understanding::{Request, Understanding},
    zone::Zone,
};
use valet_understanding::{Guess, likeliest, worth_a_look};

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

/// Guesses of a turn's text on the way to the one that was said.
pub(crate) struct Guessing {
    /// What a recogniser heard, best first.
    guesses: Guesses,
    /// What each means, as far as anybody has looked.
    meanings: Vec<Option<Understanding>>,
    /// What they are understood by; its text is one of theirs.
    request: Request,
    /// Until when.
    deadline: Deadline,
}

impl Guessing {
    fn request_of(&self, at: usize) -> Request {
        let text = self.guesses.get(at).map_or_else(String::new, |(text, _)| text.clone());
        Request { text, ..self.request.clone() }
    }

    fn weighed(&self) -> Vec<Guess<'_>> {
        let guesses = self.guesses.iter().zip(&self.meanings);
        guesses.map(|((_, score), m)| Guess { score: *score, meaning: m.as_ref() }).collect()
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
        (zone, language): (Zone, Option<&str>),
        reply: Reply,
    ) {
        let checked =
            utterance(text).and_then(|utterance| self.check_language(language).map(|()| utterance));
        let utterance = match checked {
            Ok(utterance) => utterance,
            Err(error) => return reply.error(&error),
        };
        self.step(Event::Voiced(Voiced::Listening { caller, zone, listening: true }));
        let request = Request {
            text: utterance.as_str().to_owned(),
            language: self.config.language.clone(),
            zone: if zone == Zone::All { Zone::DRIVER } else { zone },
            expected: None,
            local_now: crate::wall::local_now(),
            previous: None,
        };
        let found = match self.script {
            Some(_) => self.understand_at_once(&request),
            None => self.understander.match_templates(&request),
        };
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
        let something = !found.is_empty() && !found.too_many;
        something
            && found.commands.iter().all(|command| {
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

    /// Begins to understand the guesses of a turn: by templates all, by the encoder as few as decide it.
    /// `false` where there is only one.
    pub(super) fn understand_guesses(
        &mut self,
        turn: TurnId,
        request: &Request,
        deadline: Deadline,
    ) -> bool {
        let Some(guesses) = self.voices.guesses.remove(&turn) else { return false };
        let request = request.clone();
        let mut guessing = Guessing { guesses, meanings: Vec::new(), request, deadline };
        guessing.meanings = (0..guessing.guesses.len())
            .map(|at| self.understand_at_once(&guessing.request_of(at)))
            .collect();
        self.weigh_guesses(turn, guessing);
        true
    }

    /// Has the guesses understood that may still be what was said; where there are none, the turn goes
    /// on with the likeliest.
    pub(super) fn weigh_guesses(&mut self, turn: TurnId, mut guessing: Guessing) {
        let open = worth_a_look(&guessing.weighed());
        if open.is_empty() {
            return self.guessed(turn, guessing);
        }
        let requests: Vec<Request> = open.iter().map(|at| guessing.request_of(*at)).collect();
        let understander = self.understander.clone();
        let asked = self.inference.as_ref();
        let Some(pending) = asked.and_then(|i| i.parse(requests.clone(), understander)) else {
            // The encoder has too much to do: templates alone answer, and say so.
            for (at, request) in open.iter().zip(&requests) {
                let found = self.understander.understand_freely(request, Duration::ZERO, None);
                guessing.meanings[*at] = Some(found);
            }
            return self.guessed(turn, guessing);
        };
        let happenings = self.happenings.clone();
        let left = guessing.deadline.left(self.clock.now());
        tokio::spawn(async move {
            // Past the deadline the turn has ended, and nobody listens.
            let Ok(Ok(found)) = tokio::time::timeout(left, pending).await else { return };
            // Each step knows more than the one before, whatever came back.
            let found = found.into_iter().chain(std::iter::repeat_with(Understanding::default));
            for (at, meaning) in open.into_iter().zip(found) {
                guessing.meanings[at] = Some(meaning);
            }
            let _ = happenings.send(Happening::Guessed { turn, guessing: Box::new(guessing) });
        });
    }

    /// A turn goes on with the likeliest of its guesses; the others may serve where a skill cannot do it.
    fn guessed(&mut self, turn: TurnId, guessing: Guessing) {
        let order = likeliest(&guessing.weighed());
        let Guessing { guesses, mut meanings, .. } = guessing;
        let time = |of: fn(&Understanding) -> Duration| meanings.iter().flatten().map(of).sum();
        let (encoder_time, heads_time) = (time(|m| m.encoder_time), time(|m| m.heads_time));
        let mut ordered = order.iter().filter_map(|at| {
            let (text, _) = guesses.get(*at)?;
            Some((text.clone(), meanings.get_mut(*at)?.take().unwrap_or_default()))
        });
        let Some((text, meaning)) = ordered.next() else { return };
        // What the turn took, for all guesses that were looked at.
        let meaning = Understanding { encoder_time, heads_time, ..meaning };
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
