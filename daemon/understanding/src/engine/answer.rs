//! A person's reply to what the dialogue asked: a bare value, or one of the offered choices.
//!
//! Must not take a new command for an answer.

use super::Understander;
use crate::{
    edges,
    entities::{Context, Kind},
    normalise::Tokens,
    templates::Reading,
    training::TrainingSlot,
};
use std::ops::Range;
use valet_core::{entity::Value, slot::Slot, understanding::Expected};

/// Longest free text that is taken as an answer, tokens.
const MAX_TEXT_ANSWER: usize = 24;

impl Understander {
    /// The whole utterance is the expected value but for words around it.
    pub(super) fn exact_answer(&self, expected: &Expected, reading: &Reading<'_>) -> Option<Slot> {
        let tokens = reading.tokens;
        let kind = self.expected_kind(expected);
        if expected.choices.is_empty() && kind.is_none_or(|kind| kind == Kind::Text) {
            return None;
        }
        let entities = &self.model.entities;
        let exactly = |kind, range: &Range<usize>| {
            entities.exactly(kind, tokens, range.clone(), reading.context)
        };
        ranges(tokens).into_iter().find_map(|range| {
            let value = if expected.choices.is_empty() {
                exactly(kind?, &range)
            } else {
                chosen_by_place(expected, exactly(Kind::Ordinal, &range))
                    .or_else(|| chosen_by_label(expected, tokens, &range))
                    .map(Value::Text)
            };
            Some(slot(expected, tokens, range, value?))
        })
    }

    /// A value of another slot of the command that is being completed: "on the passenger side"
    /// when it was asked for a temperature.
    pub(super) fn other_slot(&self, expected: &Expected, reading: &Reading<'_>) -> Option<Slot> {
        if !expected.choices.is_empty() {
            return None;
        }
        let tokens = reading.tokens;
        let spec = &self.model.intents[*self.model.by_id.get(&expected.intent)?];
        let others = || {
            let other =
                |slot: &&TrainingSlot| slot.name != expected.slot && slot.kind != Kind::Text;
            spec.slots.iter().filter(other)
        };
        ranges(tokens).into_iter().find_map(|range| {
            let (name, value) = others().find_map(|slot| {
                let entities = &self.model.entities;
                let value = entities.exactly(slot.kind, tokens, range.clone(), reading.context)?;
                Some((&slot.name, value))
            })?;
            Some(Slot { name: name.clone(), ..slot(expected, tokens, range, value) })
        })
    }

    /// What is left when it is neither an act nor a command: free text, a choice said in other
    /// words, a listed value said not quite right.
    pub(super) fn lenient_answer(
        &self,
        expected: &Expected,
        reading: &Reading<'_>,
    ) -> Option<Slot> {
        let tokens = reading.tokens;
        let all = 0..tokens.len();
        if !expected.choices.is_empty() {
            let id = nearest_choice(expected, tokens)?;
            return Some(slot(expected, tokens, all, Value::Text(id)));
        }
        match self.expected_kind(expected)? {
            Kind::Text => {
                if tokens.len() > MAX_TEXT_ANSWER || self.words.is_question(tokens) {
                    return None;
                }
                let first = usize::from(matches!(tokens.norm(0), "to" | "at") && tokens.len() > 1);
                let end = edges::ends(tokens, &all).into_iter().min().unwrap_or(all.end);
                let range = first..end.max(first + 1);
                let value = Value::Text(tokens.words(range.clone()).to_owned());
                Some(slot(expected, tokens, range, value))
            }
            kind @ Kind::Listed(_) => ranges(tokens).into_iter().find_map(|range| {
                let part = tokens.picked(range.clone());
                let entities = &self.model.entities;
                let value =
                    entities.nearest(kind, &part).or_else(|| entities.begun(kind, &part))?;
                Some(slot(expected, tokens, range, value))
            }),
            kind => {
                let value = self.model.entities.resolve_exactly(kind, tokens, reading.context)?;
                Some(slot(expected, tokens, all, value))
            }
        }
    }

    /// The only value of the expected kind in an utterance that nothing else was made of.
    pub(super) fn only_value(
        &self,
        expected: &Expected,
        tokens: &Tokens,
        context: &Context,
    ) -> Option<Slot> {
        let kind = self.expected_kind(expected).filter(|kind| *kind != Kind::Text)?;
        if !expected.choices.is_empty() || self.words.is_question(tokens) {
            return None;
        }
        let mut all = self.model.entities.find_all(kind, tokens, context);
        let only = all.pop().filter(|_| all.is_empty())?;
        Some(slot(expected, tokens, only.tokens, only.value))
    }

    fn expected_kind(&self, expected: &Expected) -> Option<Kind> {
        self.model.entities.kind(expected.intent.skill(), &expected.entity)
    }
}

fn slot(expected: &Expected, tokens: &Tokens, range: Range<usize>, value: Value) -> Slot {
    let (start, end) = tokens.span(range.clone());
    let text = tokens.words(range).to_owned();
    Slot { name: expected.slot.clone(), value, text, start, end }
}

/// The tokens without words around an answer, the most first.
fn ranges(tokens: &Tokens) -> Vec<Range<usize>> {
    let all = 0..tokens.len();
    let ends = edges::answer_ends(tokens, &all);
    let mut ranges: Vec<Range<usize>> = edges::answer_starts(tokens, &all)
        .into_iter()
        .flat_map(|start| ends.iter().map(move |end| start..*end))
        .filter(|range| !range.is_empty())
        .collect();
    ranges.sort_by_key(|range| std::cmp::Reverse(range.len()));
    ranges
}

fn chosen_by_place(expected: &Expected, ordinal: Option<Value>) -> Option<String> {
    let Some(Value::Ordinal(place)) = ordinal else { return None };
    let index = match usize::try_from(place) {
        Ok(place) => place.checked_sub(1)?,
        Err(_) => expected.choices.len().checked_sub(1)?,
    };
    expected.choices.get(index).map(|(id, _)| id.clone())
}

fn chosen_by_label(expected: &Expected, tokens: &Tokens, range: &Range<usize>) -> Option<String> {
    let said = tokens.picked(range.clone()).normal_text();
    let chosen =
        expected.choices.iter().find(|(_, label)| Tokens::read(label).normal_text() == said);
    chosen.map(|(id, _)| id.clone())
}

/// The one choice whose label has all the words that were said, or is spelt nearly like them.
fn nearest_choice(expected: &Expected, tokens: &Tokens) -> Option<String> {
    let labels: Vec<(&String, Tokens)> =
        expected.choices.iter().map(|(id, label)| (id, Tokens::read(label))).collect();
    for range in ranges(tokens) {
        let said = tokens.picked(range);
        let mut holding = labels.iter().filter(|(_, label)| {
            said.list().iter().all(|word| label.list().iter().any(|l| l.norm == word.norm))
        });
        if let (Some((id, _)), None) = (holding.next(), holding.next()) {
            return Some((*id).clone());
        }
        let text = said.normal_text().replace(' ', "");
        let most = text.chars().count() / 4;
        let mut near: Vec<(usize, &String)> = labels
            .iter()
            .map(|(id, label)| {
                (strsim::osa_distance(&text, &label.normal_text().replace(' ', "")), *id)
            })
            .filter(|(distance, _)| *distance <= most)
            .collect();
        near.sort_unstable();
        match near.as_slice() {
            [(_, id)] => return Some((*id).clone()),
            [(a, id), (b, _), ..] if a < b => return Some((*id).clone()),
            _ => {}
        }
    }
    None
}
