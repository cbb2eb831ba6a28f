//! What no template knows: the heads asked about a whole utterance and about its parts.
//!
//! Must not let a reading pass that a veto turned down.

use super::{Understander, veto};
use crate::{
    entities::Context,
    heads::{Heads, Ranked},
    normalise::Tokens,
};
use valet_core::{
    encoder::{Encoder, EncoderFault},
    entity::Value,
    intent::IntentId,
    signal::Class,
    slot::Slot,
    understanding::{Candidate, Command, Engine, MAX_ALTERNATIVES, Understanding},
};

/// One request while the heads are asked about it.
pub(super) struct Asking<'a> {
    pub(super) all: &'a Understander,
    pub(super) heads: &'a Heads,
    pub(super) encoder: &'a mut dyn Encoder,
    pub(super) context: &'a Context,
    pub(super) failed: bool,
    /// Whether something was about an action and no request for it.
    pub(super) turned: bool,
}

impl Asking<'_> {
    pub(super) fn understand(&mut self, tokens: &Tokens, understood: &mut Understanding) {
        if let Some(commands) = self.without_taken_back(tokens, understood) {
            understood.commands = commands;
            return;
        }
        let whole = self.rank(tokens, 0, understood);
        let nearest = whole.as_ref().and_then(|(_, nearest)| nearest.clone());
        let whole = whole.and_then(|(command, _)| command);
        let parts = self.parts(tokens, whole.as_ref(), understood);
        let mut commands = match (parts, whole) {
            (Some(parts), _) => parts,
            (None, Some(command)) => vec![command],
            (None, None) => {
                understood.nearest = nearest.filter(|_| !self.turned);
                Vec::new()
            }
        };
        for command in &mut commands {
            self.doubt(tokens, command);
        }
        understood.commands = commands;
    }

    /// Lowers how sure a reading is that acts and is unlike all sentences of its intent.
    pub(super) fn doubt(&self, tokens: &Tokens, command: &mut Command) {
        let best = &mut command.best;
        let said = tokens.text().get(command.start as usize..command.end as usize);
        if best.engine == Engine::Encoder
            && let (Some(intent), Some(said)) = (self.acting(&best.intent), said)
        {
            let known = self.heads.known();
            best.confidence = known.doubted(intent, &Tokens::read(said), best.confidence);
        }
    }

    /// What the heads make of a text of its own; `shift` is where it stands in the utterance.
    pub(super) fn rank(
        &mut self,
        tokens: &Tokens,
        shift: u32,
        understood: &mut Understanding,
    ) -> Option<(Option<Command>, Option<String>)> {
        let ranked = match self.ask(tokens) {
            Ok(ranked) => ranked,
            Err(fault) => {
                log::warn!("{fault}");
                self.failed = true;
                return None;
            }
        };
        understood.encoder_time += ranked.encoder_time;
        understood.heads_time += ranked.heads_time;
        let nearest = ranked.nearest.clone();
        let command = self.command(tokens, ranked, shift);
        Some((command.filter(|command| !drops_a_minus(tokens, shift, command)), nearest))
    }

    pub(super) fn ask(&mut self, tokens: &Tokens) -> Result<Ranked, EncoderFault> {
        self.heads.rank(tokens, self.context, &self.all.model.entities, &mut *self.encoder)
    }

    /// The accepted reading as a command, unless the text is no request for it.
    pub(super) fn command(
        &mut self,
        tokens: &Tokens,
        ranked: Ranked,
        shift: u32,
    ) -> Option<Command> {
        if !ranked.accepted {
            return None;
        }
        let mut candidates = ranked.candidates;
        if self.is_no_request(tokens, candidates.first()?) {
            self.turned = true;
            return None;
        }
        candidates.retain(|candidate| !self.is_no_request(tokens, candidate));
        for slot in candidates.iter_mut().flat_map(|candidate| &mut candidate.slots) {
            slot.start += shift;
            slot.end += shift;
        }
        let (start, end) = tokens.span(0..tokens.len());
        let mut candidates = candidates.into_iter();
        let best = candidates.next()?;
        let alternatives = candidates.take(MAX_ALTERNATIVES).collect();
        Some(Command { best, alternatives, start: start + shift, end: end + shift })
    }

    /// The number of an intent that acts.
    pub(super) fn acting(&self, intent: &IntentId) -> Option<usize> {
        let index = *self.all.model.by_id.get(intent)?;
        (self.all.model.intents[index].class != Class::Info).then_some(index)
    }

    pub(super) fn is_no_request(&self, tokens: &Tokens, candidate: &Candidate) -> bool {
        let Some(intent) = self.acting(&candidate.intent) else { return false };
        let model = &self.all.model;
        let reading = veto::Reading {
            tokens,
            context: self.context,
            entities: &model.entities,
            known: self.heads.known(),
            intent,
            spec: &model.intents[intent],
            slots: &candidate.slots,
        };
        reading.is_no_request()
    }
}

/// Whether a number of the command lost the "minus" that stands before it: then it says the
/// contrary of what was meant.
fn drops_a_minus(tokens: &Tokens, shift: u32, command: &Command) -> bool {
    let is_amount = |value: &Value| {
        matches!(
            value,
            Value::Number(v) | Value::Percentage(v) | Value::Temperature(v) | Value::Distance(v)
                | Value::Speed(v) if *v >= 0.0
        ) || matches!(value, Value::Duration(_))
    };
    let lost = |slot: &Slot| {
        is_amount(&slot.value)
            && tokens.list().windows(2).any(|pair| {
                matches!(&*pair[0].norm, "minus" | "negative")
                    && pair[1].start + shift == slot.start
            })
    };
    command.best.slots.iter().any(lost)
}
