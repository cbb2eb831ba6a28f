//! "And the passenger side too", "again", "a bit more": the command before with another value.
//!
//! Must not invent a value: only what was said, or the other of two, replaces what was there.

use super::{Before, Understander, split::Leaning};
use crate::{
    dialogue::{FollowUp, Meaning},
    edges,
    entities::{Kind, may_surround},
    normalise::Tokens,
    templates::{Found, Reading},
    training::{TrainingIntent, TrainingSlot},
};
use std::ops::Range;
use valet_core::{
    entity::Value,
    intent::IntentId,
    slot::Slot,
    understanding::{Candidate, Command, Engine},
};

const SECOND_MS: u64 = 1000;
const MINUTE_MS: u64 = 60 * SECOND_MS;
const HOUR_MS: u64 = 60 * MINUTE_MS;

impl Understander {
    /// What a range of tokens makes of the command before.
    pub(super) fn follow_up(
        &self,
        reading: &Reading<'_>,
        range: &Range<usize>,
        before: &Before<'_>,
    ) -> Option<Command> {
        let spec = &self.model.intents[*self.model.by_id.get(before.intent)?];
        let tokens = reading.tokens;
        let (starts, ends) = (edges::starts(tokens, range), edges::ends(tokens, range));
        let all = self.words.follow_ups.matches(reading, &starts, &ends);
        all.into_iter().find_map(|found| {
            let Meaning::FollowUp(how) = self.words.meanings.get(found.target as usize)? else {
                return None;
            };
            let changed = match how {
                FollowUp::Replace => return self.other_value(reading, spec, before, &found, range),
                FollowUp::Again => Some(carried(before.slots)),
                FollowUp::More => self.turned(reading, spec, before.slots, "more"),
                FollowUp::Less => self.turned(reading, spec, before.slots, "less"),
            };
            Some(command(before.intent, changed?, tokens.span(range.clone())))
        })
    }

    /// "The passenger side" in the command before; "the sunroof" behind its verb.
    fn other_value(
        &self,
        reading: &Reading<'_>,
        spec: &TrainingIntent,
        before: &Before<'_>,
        found: &Found,
        range: &Range<usize>,
    ) -> Option<Command> {
        let value = found.slots.first()?.tokens.clone();
        let span = reading.tokens.span(range.clone());
        if let Some(changed) = self.with_values(reading, spec, before.slots, &value) {
            return Some(command(before.intent, changed, span));
        }
        let part = self.borrowed(reading, &value, before.tokens, Leaning::Freely)?;
        Some(Command { start: span.0, end: span.1, ..part.command })
    }

    /// The command before with the values that a range of tokens consists of; `None` when it
    /// holds anything else. What was filled before and never goes with a new value is left out.
    pub(super) fn with_values(
        &self,
        reading: &Reading<'_>,
        spec: &TrainingIntent,
        slots: &[Slot],
        range: &Range<usize>,
    ) -> Option<Vec<Slot>> {
        let filled = |name: &str| slots.iter().any(|slot| slot.name == name);
        let mut free: Vec<&TrainingSlot> =
            spec.slots.iter().filter(|slot| slot.kind != Kind::Text).collect();
        free.sort_by_key(|slot| !filled(&slot.name));
        let mut said: Vec<Slot> = Vec::new();
        let mut at = range.start;
        while at < range.end {
            let Some((index, value, end)) = longest(reading, &free, slots, at, range.end) else {
                if !may_surround(reading.tokens.norm(at)) {
                    return None;
                }
                at += 1;
                continue;
            };
            let (from, to) = reading.tokens.span(at..end);
            let text = reading.tokens.words(at..end).to_owned();
            let name = free.remove(index).name.clone();
            said.push(Slot { name, value, text, start: from, end: to });
            at = end;
        }
        if said.is_empty() {
            return None;
        }
        let fits = |old: &Slot| {
            said.iter().all(|new| {
                new.name != old.name
                    && (filled(&new.name) || self.go_together(spec, &old.name, &new.name))
            })
        };
        let mut changed: Vec<Slot> = carried(slots).into_iter().filter(fits).collect();
        changed.append(&mut said);
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

/// The longest value of a free slot that begins at a token: which slot, the value, its end.
fn longest(
    reading: &Reading<'_>,
    free: &[&TrainingSlot],
    slots: &[Slot],
    at: usize,
    end: usize,
) -> Option<(usize, Value, usize)> {
    let mut best: Option<(usize, Value, usize)> = None;
    for (index, slot) in free.iter().enumerate() {
        let values = reading.values_at(slot.kind, at);
        let found = values.iter().find(|found| found.tokens.end <= end);
        let found = found.map(|found| (found.value.clone(), found.tokens.end));
        let old = slots.iter().find(|old| old.name == slot.name).map(|old| &old.value);
        let found = found.or_else(|| same_unit(reading, old?, at, end));
        if let Some((value, to)) = found
            && best.as_ref().is_none_or(|(.., longest)| to > *longest)
        {
            best = Some((index, value, to));
        }
    }
    best
}

/// A bare number where a length of time stood before: in the unit of that one.
fn same_unit(reading: &Reading<'_>, old: &Value, at: usize, end: usize) -> Option<(Value, usize)> {
    let Value::Duration(old) = old else { return None };
    let (unit, _) = largest_unit(*old)?;
    let found = reading.values_at(Kind::Number, at);
    let found = found.iter().find(|found| found.tokens.end <= end)?;
    let Value::Number(count) = found.value else { return None };
    if !(0.0..1e6).contains(&count) {
        return None;
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
    let value = Value::Duration((count * unit as f64).round() as u64);
    Some((value, found.tokens.end))
}

/// The largest unit that a length of time has whole ones of: ms and its name.
pub(super) fn largest_unit(ms: u64) -> Option<(u64, &'static str)> {
    [(HOUR_MS, "hours"), (MINUTE_MS, "minutes"), (SECOND_MS, "seconds")]
        .into_iter()
        .find(|(unit, _)| ms >= *unit && ms.is_multiple_of(*unit))
}

fn command(intent: &IntentId, slots: Vec<Slot>, (start, end): (u32, u32)) -> Command {
    let intent = intent.clone();
    let best = Candidate { intent, slots, confidence: 1.0, engine: Engine::Template };
    Command { best, alternatives: Vec::new(), start, end }
}

/// Slots of an earlier turn: their words do not stand in this text.
fn carried(slots: &[Slot]) -> Vec<Slot> {
    slots.iter().map(|slot| Slot::implied(&slot.name, slot.value.clone())).collect()
}
