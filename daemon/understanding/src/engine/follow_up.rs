//! "And the passenger side too", "again", "a bit more": the command before with another value.
//!
//! Must not invent a value: only what was said, or the other of two, replaces what was there.

use super::Understander;
use crate::{
    dialogue::{FollowUp, Meaning},
    edges,
    entities::Kind,
    normalise::Tokens,
    templates::{Found, Reading},
    training::TrainingIntent,
};
use std::ops::Range;
use valet_core::{
    entity::Value,
    intent::IntentId,
    slot::Slot,
    understanding::{Candidate, Command, Engine},
};

impl Understander {
    /// What a range of tokens makes of the command before.
    pub(super) fn follow_up(
        &self,
        reading: &Reading<'_>,
        range: &Range<usize>,
        intent: &IntentId,
        slots: &[Slot],
    ) -> Option<Command> {
        let spec = &self.model.intents[*self.model.by_id.get(intent)?];
        let tokens = reading.tokens;
        let (starts, ends) = (edges::starts(tokens, range), edges::ends(tokens, range));
        let all = self.words.follow_ups.matches(reading, &starts, &ends);
        let changed = all.into_iter().find_map(|found| {
            let Meaning::FollowUp(how) = self.words.meanings.get(found.target as usize)? else {
                return None;
            };
            match how {
                FollowUp::Replace => self.replaced(reading, spec, slots, &found),
                FollowUp::Again => Some(carried(slots)),
                FollowUp::More => self.turned(reading, spec, slots, "more"),
                FollowUp::Less => self.turned(reading, spec, slots, "less"),
            }
        })?;
        let (start, end) = tokens.span(range.clone());
        let best = Candidate {
            intent: intent.clone(),
            slots: changed,
            confidence: 1.0,
            engine: Engine::Template,
        };
        Some(Command { best, alternatives: Vec::new(), start, end })
    }

    /// The slot whose kind the value is of gets it; slots that were filled before go first.
    fn replaced(
        &self,
        reading: &Reading<'_>,
        spec: &TrainingIntent,
        slots: &[Slot],
        found: &Found,
    ) -> Option<Vec<Slot>> {
        let range = found.slots.first()?.tokens.clone();
        let tokens = reading.tokens;
        let filled = |name: &str| slots.iter().any(|slot| slot.name == name);
        let mut order: Vec<_> = spec.slots.iter().filter(|slot| slot.kind != Kind::Text).collect();
        order.sort_by_key(|slot| !filled(&slot.name));
        let part = tokens.picked(range.clone());
        let entities = &self.model.entities;
        let (slot, value) = order.into_iter().find_map(|slot| {
            Some((slot, entities.resolve_exactly(slot.kind, &part, reading.context)?))
        })?;
        let (start, end) = tokens.span(range.clone());
        let text = tokens.words(range).to_owned();
        let mut changed = carried(slots);
        changed.retain(|other| other.name != slot.name);
        changed.push(Slot { name: slot.name.clone(), value, text, start, end });
        Some(changed)
    }

    /// A step further or back. Only for commands that a listed slot gives a direction, for "more"
    /// after "set it to 22" means nothing: "more" is the same again and "less" the other of two
    /// values; without a direction before, the one that the word itself names.
    fn turned(
        &self,
        reading: &Reading<'_>,
        spec: &TrainingIntent,
        slots: &[Slot],
        word: &str,
    ) -> Option<Vec<Slot>> {
        let entities = &self.model.entities;
        let listed = || spec.slots.iter().filter(|slot| matches!(slot.kind, Kind::Listed(_)));
        let mut changed = carried(slots);
        for slot in listed() {
            let values = entities.canonical_values(slot.kind);
            let old = changed.iter_mut().find(|other| other.name == slot.name);
            if let Some(Slot { value: Value::Text(now), .. }) = old
                && let [a, b] = values.as_slice()
            {
                if word == "less" {
                    let other = if now == a { b } else { a };
                    (*other).clone_into(now);
                }
                return Some(changed);
            }
        }
        let said = Tokens::read(word);
        listed().find_map(|slot| {
            let value = entities.exactly(slot.kind, &said, 0..said.len(), reading.context)?;
            let mut changed = carried(slots);
            changed.retain(|other| other.name != slot.name);
            changed.push(Slot::implied(&slot.name, value));
            Some(changed)
        })
    }
}

/// Slots of an earlier turn: their words do not stand in this text.
fn carried(slots: &[Slot]) -> Vec<Slot> {
    slots.iter().map(|slot| Slot::implied(&slot.name, slot.value.clone())).collect()
}
