//! Who listens and what is being said aloud: speech ends when a person speaks, words of our own that a
//! microphone hears are known again, and the microphone is asked for after a question only.
//!
//! Must not decide what is said. Of a pipeline that says nothing of its voice nothing is assumed but that
//! what it was handed may be said for as long as that would take.

use super::{DialogState, Dialogue, Effect, QUESTION_LIVES, Step, Utter, Voiced};
use crate::{
    deadline::Instant,
    intent::IntentId,
    session::{Caller, SessionKey, TurnId},
    speech::{is_echo, time_to_say},
    zone::Zone,
};
use std::{collections::BTreeMap, time::Duration};

/// How long after a speech its words may still come back through a microphone.
const HEARD_BACK_FOR: Duration = Duration::from_secs(2);
/// How long a microphone counts as open when nobody says more of it.
const LISTENING_LIVES: Duration = Duration::from_secs(30);
/// Longest that a question is kept open by being read out.
const READ_OUT_LIMIT: Duration = Duration::from_secs(60);
/// Most speeches of one user that are known; the oldest goes.
const MOST_SPEECHES_OF_ONE: usize = 16;
/// Most speeches of all users.
const MOST_SPEECHES: usize = 256;
/// Most microphones that count as open.
const MOST_LISTENING: usize = 1024;

/// How far a speech is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Stage {
    /// It was handed over; nobody said that it began.
    Told {
        /// Until when it may sound, where nobody says so.
        until: Instant,
    },
    /// It sounds.
    Sounding {
        /// Who said so.
        by: Caller,
        /// When it counts as over.
        until: Instant,
    },
    /// It ended; only what sounded can be heard back.
    Over {
        /// When.
        at: Instant,
        /// Whether somebody said that it sounded.
        sounded: bool,
    },
}

/// Something said aloud.
#[derive(Debug, Clone)]
struct Speech {
    turn: TurnId,
    /// The conversation it belongs to; none = it was announced.
    session: Option<SessionKey>,
    /// Of whom it is; none = of everybody.
    owner: Option<Caller>,
    zone: Zone,
    text: String,
    stage: Stage,
    /// When the question in it would have run out had nobody read it out.
    told: Instant,
}

impl Speech {
    /// Whether it may sound now.
    fn is_going_on(&self, now: Instant) -> bool {
        match &self.stage {
            Stage::Told { until } | Stage::Sounding { until, .. } => now < *until,
            Stage::Over { .. } => false,
        }
    }

    /// Whether there is anything to be known of it yet.
    fn is_known(&self, now: Instant) -> bool {
        let waits = matches!(self.stage, Stage::Told { .. });
        waits && now < self.told.after(READ_OUT_LIMIT)
            || self.is_going_on(now)
            || self.is_audible(now)
    }

    fn sounds(&self) -> bool {
        matches!(self.stage, Stage::Sounding { .. })
    }

    fn user(&self) -> Option<u32> {
        self.owner.as_ref().map(|owner| owner.uid)
    }

    /// Whether a microphone may hear it now.
    fn is_audible(&self, now: Instant) -> bool {
        match &self.stage {
            Stage::Told { .. } => false,
            Stage::Sounding { until, .. } => now < until.after(HEARD_BACK_FOR),
            Stage::Over { at, sounded } => *sounded && now < at.after(HEARD_BACK_FOR),
        }
    }
}

/// Microphones and speeches.
#[derive(Debug, Default)]
pub(super) struct Voice {
    /// Open microphones by client and zone, until when.
    listening: BTreeMap<(Caller, Zone), Instant>,
    speeches: Vec<Speech>,
}

/// Whether two places share one.
fn overlap(one: Zone, other: Zone) -> bool {
    one == other || one == Zone::All || other == Zone::All
}

impl Voice {
    /// What a screen shows of it.
    pub(super) fn state(&self, now: Instant) -> Option<DialogState> {
        if self.listening.values().any(|until| now < *until) {
            return Some(DialogState::Listening);
        }
        let sounds = |s: &&Speech| s.sounds() && s.is_going_on(now);
        self.speeches.iter().find(sounds).map(|_| DialogState::Speaking)
    }

    /// When that may change by itself.
    pub(super) fn next_tick(&self) -> Option<Instant> {
        let sounding = self.speeches.iter().filter_map(|s| match &s.stage {
            Stage::Sounding { until, .. } => Some(*until),
            _ => None,
        });
        self.listening.values().copied().chain(sounding).min()
    }

    /// Drops what ran out.
    pub(super) fn tick(&mut self, now: Instant) {
        self.listening.retain(|_, until| now < *until);
        for speech in &mut self.speeches {
            if let Stage::Sounding { until, .. } = speech.stage
                && now >= until
            {
                speech.stage = Stage::Over { at: until, sounded: true };
            }
        }
        self.speeches.retain(|speech| speech.is_known(now));
    }

    /// A client left the bus: nothing of it listens or sounds.
    pub(super) fn client_left(&mut self, now: Instant, name: &str) {
        self.listening.retain(|(caller, _), _| caller.name != name);
        for speech in &mut self.speeches {
            if matches!(&speech.stage, Stage::Sounding { by, .. } if by.name == name) {
                speech.stage = Stage::Over { at: now, sounded: true };
            }
        }
    }

    /// Keeps a speech, or the words that came to one. Of too many the user's own go first, and what
    /// sounds goes last.
    fn keep(&mut self, now: Instant, speech: Speech) {
        if let Some(begun) = self.speeches.iter_mut().find(|s| s.turn == speech.turn) {
            let until = now.after(time_to_say(&speech.text));
            match &mut begun.stage {
                Stage::Told { until: known } | Stage::Sounding { until: known, .. } => {
                    *known = until
                }
                Stage::Over { .. } => {}
            }
            (begun.text, begun.told) = (speech.text, now);
            return;
        }
        let user = speech.user();
        let own = self.speeches.iter().filter(|s| s.user() == user).count();
        if own >= MOST_SPEECHES_OF_ONE || self.speeches.len() >= MOST_SPEECHES {
            let of = |wanted: &dyn Fn(&Speech) -> bool| self.speeches.iter().position(wanted);
            let oldest = of(&|s: &Speech| s.user() == user && !s.sounds())
                .or_else(|| of(&|s: &Speech| s.user() == user))
                .or_else(|| of(&|s: &Speech| !s.sounds()));
            match oldest {
                Some(at) => drop(self.speeches.remove(at)),
                None => return,
            }
        }
        self.speeches.push(speech);
    }

    /// Ends what sounds, or is about to, of these.
    fn silence(&mut self, cx: &mut Step, which: impl Fn(&Speech) -> bool) {
        for speech in &mut self.speeches {
            if speech.is_going_on(cx.now) && which(speech) {
                let sounded_for = match &speech.stage {
                    Stage::Sounding { by, .. } => Some(by.clone()),
                    _ => None,
                };
                speech.stage = Stage::Over { at: cx.now, sounded: sounded_for.is_some() };
                let (turn, zone) = (speech.turn, speech.zone);
                cx.effects.push(Effect::Silence { turn, zone, speaker: sounded_for });
            }
        }
    }
}

impl Dialogue {
    /// Whether a caller may say how the speech of a turn goes on: once it sounds, who said so; before
    /// that whoever it was said to, which of an announcement is everybody, and the agent that speaks there.
    #[must_use]
    pub fn may_voice(&self, turn: TurnId, caller: &Caller) -> bool {
        let Some(speech) = self.voice.speeches.iter().find(|s| s.turn == turn) else {
            return false;
        };
        if let Stage::Sounding { by, .. } = &speech.stage {
            return by == caller;
        }
        let speaks = self.agent("speak", speech.zone).is_some_and(|a| a.name == caller.name);
        speaks || speech.user().is_none_or(|uid| uid == caller.uid)
    }

    /// Takes what happened to microphones and voices.
    pub(super) fn voiced(&mut self, cx: &mut Step, voiced: Voiced) {
        match voiced {
            Voiced::Listening { caller, zone, listening } => {
                self.listening(cx, caller, zone, listening);
            }
            Voiced::Announced { turn, speech, offer } => self.announced(cx, turn, speech, offer),
            Voiced::SpeechStarted { caller, turn } => self.speech_started(cx, caller, turn),
            Voiced::SpeechFinished { caller, turn, interrupted } => {
                self.speech_finished(cx, caller, turn, interrupted);
            }
        }
    }

    /// Words of a turn go out: all that were said of it by now.
    pub(super) fn told(
        &mut self,
        cx: &Step,
        (turn, session, owner): (TurnId, SessionKey, &Caller),
        words: &str,
    ) {
        if words.is_empty() {
            return;
        }
        let speech = Speech {
            turn,
            session: Some(session),
            owner: Some(owner.clone()),
            zone: self.sessions.get(&session).map_or(Zone::All, |session| session.zone),
            text: words.to_owned(),
            stage: Stage::Told { until: cx.now.after(time_to_say(words)) },
            told: cx.now,
        };
        self.voice.keep(cx.now, speech);
    }

    /// A turn is cancelled: what was said of it already ends.
    pub(super) fn silence_turn(&mut self, cx: &mut Step, turn: TurnId) {
        self.voice.silence(cx, |speech| speech.turn == turn);
    }

    /// Something that nobody asked for is said.
    fn announced(&mut self, cx: &Step, turn: TurnId, text: String, offer: Option<IntentId>) {
        if let Some(intent) = offer {
            self.offer(cx, turn, intent, &text);
        }
        let stage = Stage::Told { until: cx.now.after(time_to_say(&text)) };
        let (zone, told) = (Zone::All, cx.now);
        let speech = Speech { turn, session: None, owner: None, zone, text, stage, told };
        self.voice.keep(cx.now, speech);
    }

    fn listening(&mut self, cx: &Step, caller: Caller, zone: Zone, listening: bool) {
        let place = (caller, zone);
        if !listening {
            let (caller, zone) = place;
            self.voice.listening.retain(|(whose, at), _| *whose != caller || !overlap(*at, zone));
        } else if self.voice.listening.len() < MOST_LISTENING
            || self.voice.listening.contains_key(&place)
        {
            self.voice.listening.insert(place, cx.now.after(LISTENING_LIVES));
        }
    }

    fn speech_started(&mut self, cx: &Step, caller: Caller, turn: TurnId) {
        let Some(speech) = self.voice.speeches.iter_mut().find(|s| s.turn == turn) else { return };
        if !matches!(speech.stage, Stage::Told { .. }) {
            return;
        }
        let until = cx.now.after(time_to_say(&speech.text));
        speech.stage = Stage::Sounding { by: caller, until };
        let (session, told) = (speech.session, speech.told);
        let until = until.after(QUESTION_LIVES).min(told.after(READ_OUT_LIMIT));
        self.offers.sounds(turn, cx.now);
        if let Some(open_until) = self.question_of(turn, session) {
            *open_until = until.max(*open_until);
        }
    }

    /// The last word of a speech: from now on a question in it is waited for.
    fn speech_finished(&mut self, cx: &mut Step, caller: Caller, turn: TurnId, interrupted: bool) {
        let Some(speech) = self.voice.speeches.iter_mut().find(|s| s.turn == turn) else { return };
        if matches!(speech.stage, Stage::Over { .. }) {
            return;
        }
        speech.stage = Stage::Over { at: cx.now, sounded: true };
        let (session, told) = (speech.session, speech.told);
        self.offers.sounds(turn, cx.now);
        let Some(open_until) = self.question_of(turn, session) else { return };
        *open_until = cx.now.after(QUESTION_LIVES).min(told.after(READ_OUT_LIMIT));
        if !interrupted {
            cx.effects.push(Effect::OpenMicrophone { turn, speaker: caller });
        }
    }

    /// Until when the question is open that a turn asked, or an announcement.
    fn question_of(&mut self, turn: TurnId, session: Option<SessionKey>) -> Option<&mut Instant> {
        let Some(session) = session else { return self.offers.until(turn) };
        let pending = self.sessions.get_mut(&session)?.pending.as_mut();
        pending.filter(|pending| pending.turn == turn).map(|pending| &mut pending.until)
    }

    /// Somebody said something: what sounds there ends.
    pub(super) fn speak_over(&mut self, cx: &mut Step, utter: &Utter) {
        let zone = utter.zone.unwrap_or_default();
        let (session, heard) = (utter.session, utter.heard);
        self.voice.silence(cx, |speech| {
            speech.session == Some(session) || heard && overlap(speech.zone, zone)
        });
    }

    /// Whether a microphone heard our own voice.
    pub(super) fn is_own_voice(&self, now: Instant, utter: &Utter) -> bool {
        let zone = utter.zone.unwrap_or_default();
        let others = &utter.others;
        let heard =
            || std::iter::once(utter.utterance.as_str()).chain(others.iter().map(String::as_str));
        utter.heard
            && self.voice.speeches.iter().any(|speech| {
                speech.is_audible(now)
                    && overlap(speech.zone, zone)
                    && heard().any(|text| is_echo(text, &speech.text))
            })
    }

    /// "Stop": what is said to this caller ends, in one conversation or in all of them.
    pub(super) fn hush(&mut self, cx: &mut Step, caller: &Caller, session: Option<SessionKey>) {
        if session.is_some_and(|key| !self.may_use(&key, caller)) {
            return;
        }
        self.voice.silence(cx, |speech| match (session, &speech.owner) {
            (Some(key), _) => speech.session == Some(key),
            (None, Some(owner)) => owner.uid == caller.uid,
            (None, None) => true,
        });
    }
}
