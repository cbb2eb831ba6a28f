//! Offers: a skill announces something that ends in a question, and somebody says yes.
//!
//! Must not do what could not be asked for in words: a yes stands for the intent that the manifest of the
//! skill names, and the policy judges that as it does any other. Where it is not clear which offer a yes
//! belongs to, it belongs to none.

use super::{Dialogue, QUESTION_LIVES, ResultType, Step, turn::CommandState, turn::Turn};
use crate::{
    deadline::Instant,
    intent::{IntentId, SkillId},
    routing::planned_as_given,
    session::TurnId,
    speech::time_to_say,
    understanding::{DialogueAct, Understanding},
};

/// Most offers that wait for a yes; the oldest goes for a new one.
const MOST_OFFERS: usize = 8;

/// Something that was announced and waits for a yes.
#[derive(Debug, Clone)]
struct Offer {
    /// What its announcement is called.
    turn: TurnId,
    /// What a yes asks for.
    intent: IntentId,
    /// When a yes is none any more.
    until: Instant,
    /// When somebody began to say it, where somebody told us.
    sounded: Option<Instant>,
}

/// What was announced and waits for a yes, oldest first.
#[derive(Debug, Default)]
pub(super) struct Offers(Vec<Offer>);

impl Offers {
    /// Whether one waits.
    pub(super) fn are_open(&self) -> bool {
        !self.0.is_empty()
    }

    /// When the next one runs out.
    pub(super) fn next_tick(&self) -> Option<Instant> {
        self.0.iter().map(|offer| offer.until).min()
    }

    /// Drops what ran out.
    pub(super) fn tick(&mut self, now: Instant) {
        self.0.retain(|offer| now < offer.until);
    }

    /// Nobody wants any of it.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Until when an offer waits, to be changed.
    pub(super) fn until(&mut self, turn: TurnId) -> Option<&mut Instant> {
        self.0.iter_mut().find(|offer| offer.turn == turn).map(|offer| &mut offer.until)
    }

    /// Somebody says it aloud.
    pub(super) fn sounds(&mut self, turn: TurnId, now: Instant) {
        if let Some(offer) = self.0.iter_mut().find(|offer| offer.turn == turn) {
            offer.sounded.get_or_insert(now);
        }
    }

    fn keep(&mut self, offer: Offer) {
        if self.0.len() >= MOST_OFFERS {
            self.0.remove(0);
        }
        self.0.push(offer);
    }

    /// The one that a person answers: what was said aloud last; where nobody tells us what is said
    /// aloud, the only one.
    fn take(&mut self, now: Instant) -> Option<Offer> {
        self.tick(now);
        let heard = (0..self.0.len()).filter(|at| self.0[*at].sounded.is_some());
        let last = heard.max_by_key(|at| self.0[*at].sounded);
        let answered = last.or_else(|| (self.0.len() == 1).then_some(0))?;
        Some(self.0.remove(answered))
    }
}

impl Dialogue {
    /// What a yes to this announcement of a skill would ask for: it ends in a question, and the manifest
    /// of the skill says what a yes means.
    #[must_use]
    pub fn offered_by(&self, skill: &SkillId, speech: &str) -> Option<IntentId> {
        let asks = speech.trim_end().ends_with(['?', '？', '؟']);
        if asks { self.rules.skills.yes_of(skill) } else { None }
    }

    /// An announcement that asks goes out.
    pub(super) fn offer(&mut self, cx: &Step, turn: TurnId, intent: IntentId, speech: &str) {
        let until = cx.now.after(time_to_say(speech)).after(QUESTION_LIVES);
        self.offers.keep(Offer { turn, intent, until, sounded: None });
    }

    /// Takes a yes or no to what was announced; gives the turn back where it is none.
    pub(super) fn answer_offer(
        &mut self,
        cx: &mut Step,
        turn: Turn,
        understood: &Understanding,
    ) -> Option<Turn> {
        match understood.act {
            None => {
                // Something else is wanted: what was offered is not done behind one's back.
                if !understood.commands.is_empty() {
                    self.offers.clear();
                }
                return Some(turn);
            }
            Some(DialogueAct::Affirm) => match self.offers.take(cx.now) {
                Some(offer) => self.accepted(cx, turn, offer),
                None => return Some(turn),
            },
            Some(DialogueAct::Deny | DialogueAct::Stop) => match self.offers.take(cx.now) {
                Some(_) => self.say(cx, turn, ResultType::Answer, "cancelled", &[]),
                None => return Some(turn),
            },
            Some(DialogueAct::Repeat | DialogueAct::Help | DialogueAct::Undo) => return Some(turn),
        }
        None
    }

    fn accepted(&mut self, cx: &mut Step, mut turn: Turn, offer: Offer) {
        let speaker = super::speaker(turn.zone);
        let planned = planned_as_given(&self.rules.skills, &offer.intent, &turn.text, speaker);
        let Some(planning) = planned else {
            let name = self.skill_name(offer.intent.skill());
            let values = [("skill", name.as_str())];
            return self.say(cx, turn, ResultType::Error, "skill-failed", &values);
        };
        turn.engine = Some(planning.engine);
        turn.commands.push(CommandState::waiting(planning));
        self.check_then_run(cx, turn);
    }
}
