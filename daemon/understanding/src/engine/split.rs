//! Several commands in one sentence: split at connectors where each part is understood.
//!
//! Must not lose a part: a split is taken only when every part means something.

use super::{Asking, Part, Understander, reference::prefer};
use crate::{
    entities::{Context, Kind},
    normalise::Tokens,
    templates::{Found, FoundSlot, Reading},
};
use std::{collections::HashSet, ops::Range};
use valet_core::understanding::{Command, MAX_COMMANDS, Understanding};

/// Most connectors that are tried; a sentence with more is not split.
const MAX_CONNECTORS: usize = 32;
/// Most words of a value that stand before the connector in it.
const MAX_VALUE_BEFORE: usize = 6;
/// Longest right part that may borrow the verb of the left one, tokens.
const MAX_BORROWING: usize = 8;
/// Most words borrowed from the left part.
const MAX_BORROWED: usize = 4;
/// Most times the encoder is asked about parts of one utterance.
const MAX_ASKED: usize = 8;

/// What each part needs where the sentence was understood as one command.
const LEAST_PART_CONFIDENCE: f64 = 0.5;
/// How much less sure than the whole each part may be.
const MOST_LOST_BY_SPLITTING: f64 = 0.3;
/// What a part that acts needs in a sentence that begins as a question.
const LEAST_IN_A_QUESTION: f64 = 0.8;

/// Tokens of a connector; empty for a pause.
type Connector = Range<usize>;

impl Understander {
    fn connectors(&self, tokens: &Tokens) -> Vec<Connector> {
        let mut all = Vec::new();
        let mut at = 1;
        while at < tokens.len() {
            match self.words.connector_at(tokens, at) {
                Some(end) if end < tokens.len() => {
                    if !self.is_in_a_value(tokens, &(at..end)) {
                        all.push(at..end);
                    }
                    at = end.max(at + 1);
                }
                _ => at += 1,
            }
        }
        if all.len() > MAX_CONNECTORS { Vec::new() } else { all }
    }

    /// "One and a half", "a hundred and twenty": the connector is part of what is said.
    fn is_in_a_value(&self, tokens: &Tokens, connector: &Connector) -> bool {
        let context = Context::default();
        let from = connector.start.saturating_sub(MAX_VALUE_BEFORE);
        !connector.is_empty()
            && (from..connector.start).any(|start| {
                [Kind::Number, Kind::Duration].into_iter().any(|kind| {
                    let values = self.model.entities.find_at(kind, tokens, start, &context);
                    values.first().is_some_and(|longest| longest.tokens.end > connector.end)
                })
            })
    }

    /// The parts of an utterance that templates understand wholly; empty otherwise. There may be
    /// more than [`MAX_COMMANDS`], so that none of them is taken for words of another.
    pub(super) fn split(&self, reading: &Reading<'_>) -> Vec<Part> {
        self.split_after(reading, None)
    }

    /// The same, where the first part may lean on one that was said before.
    pub(super) fn split_after(&self, reading: &Reading<'_>, before: Option<&Part>) -> Vec<Part> {
        let tokens = reading.tokens;
        let all = 0..tokens.len();
        let connectors = self.connectors(tokens);
        let whole = self.template(reading, &all);
        let torn = whole
            .as_ref()
            .is_none_or(|(_, found)| connectors.iter().any(|c| in_free_text(found, c)));
        if before.is_some() || torn && !connectors.is_empty() {
            let dead = HashSet::new();
            let mut splitting = Splitting { all: self, reading, connectors: &connectors, dead };
            if let Some(parts) = splitting.rest(0, before) {
                return parts;
            }
        }
        let whole = whole.map(|(command, _)| part(tokens, &all, command));
        whole.into_iter().collect()
    }

    /// One part by itself or leaning on the one before it. A bare "the radio" behind "turn off
    /// the AC" has that verb, whatever it means alone.
    fn single(
        &self,
        reading: &Reading<'_>,
        range: &Range<usize>,
        before: Option<&Part>,
    ) -> Option<Part> {
        let own = || self.template(reading, range).map(|(command, _)| command);
        let Some(before) = before else {
            return own().map(|command| part(reading.tokens, range, command));
        };
        if let Some(mut part) = self.borrowed(reading, range, &before.tokens, Leaning::Freely) {
            let intent = &before.command.best.intent;
            part.command = prefer(part.command, |other| other == intent);
            return Some(part);
        }
        let own = own();
        let alone = own.as_ref().map(|command| command.best.clone());
        let command = self.in_context(reading, range, &before.as_before(), own)?;
        if alone.is_some_and(|alone| alone == command.best) {
            return Some(part(reading.tokens, range, command));
        }
        Some(Part { command, tokens: before.tokens.clone() })
    }

    /// "open the windows" + "the sunroof": the left part's first words and the right part. Free
    /// text may hold an "and" of its own, so right words fill it only beside a value ("and an egg
    /// timer for 4 minutes").
    pub(super) fn borrowed(
        &self,
        reading: &Reading<'_>,
        range: &Range<usize>,
        before: &Tokens,
        leaning: Leaning,
    ) -> Option<Part> {
        if range.len() > MAX_BORROWING {
            return None;
        }
        let right = reading.tokens.picked(range.clone());
        let most = MAX_BORROWED.min(before.len().saturating_sub(1));
        // "turn on the …": a verb keeps its particle.
        let particle = matches!(before.norm(1), "on" | "off" | "up" | "down") && most >= 2;
        for length in std::iter::once(2).filter(|_| particle).chain(1..=most) {
            let tokens = if before.text() == right.text() {
                before.picked(0..length).followed_by(&right)
            } else {
                right.with_words(0..0, before.picked(0..length).list())
            };
            let reading = Reading::new(&tokens, reading.entities, reading.context);
            let Some((mut command, found)) = self.template(&reading, &(0..tokens.len())) else {
                continue;
            };
            let torn = |s: &FoundSlot| s.tokens.start < length && length < s.tokens.end;
            let value = |s: &FoundSlot| s.tokens.start >= length && !s.is_text;
            let valued = found.slots.iter().any(value);
            let clear = valued
                || match leaning {
                    Leaning::Freely => found.text_tokens == 0,
                    Leaning::Instead => true,
                };
            if clear && !found.slots.iter().any(torn) {
                (command.start, command.end) = right.span(0..right.len());
                return Some(Part { command, tokens });
            }
        }
        None
    }
}

fn part(tokens: &Tokens, range: &Range<usize>, command: Command) -> Part {
    Part { command, tokens: tokens.picked(range.clone()) }
}

/// Whether a free-text slot took a connector.
fn in_free_text(found: &Found, connector: &Connector) -> bool {
    let end = connector.end.max(connector.start + 1);
    found.text_tokens > 0
        && found.slots.iter().any(|s| s.tokens.start < end && connector.start < s.tokens.end)
}

/// How a part may lean on the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leaning {
    /// By its verb; free text only beside a value.
    Freely,
    /// In the place of what was taken back, free text too.
    Instead,
}

struct Splitting<'a> {
    all: &'a Understander,
    reading: &'a Reading<'a>,
    connectors: &'a [Connector],
    /// Where it is known that the rest cannot be understood.
    dead: HashSet<usize>,
}

impl Splitting<'_> {
    /// Understands everything from a token on, the part before being known.
    fn rest(&mut self, from: usize, before: Option<&Part>) -> Option<Vec<Part>> {
        let end = self.reading.tokens.len();
        if from >= end || self.dead.contains(&from) {
            return None;
        }
        let connectors = self.connectors;
        for connector in connectors.iter().filter(|connector| connector.start > from) {
            let Some(part) = self.single(&(from..connector.start), before) else { continue };
            if let Some(mut parts) = self.rest(connector.end, Some(&part)) {
                parts.insert(0, part);
                return Some(parts);
            }
        }
        // Nothing more can be split off: the rest is one command.
        let last = before.and_then(|before| self.single(&(from..end), Some(before)));
        if last.is_none() {
            self.dead.insert(from);
        }
        last.map(|part| vec![part])
    }

    fn single(&self, range: &Range<usize>, before: Option<&Part>) -> Option<Part> {
        self.all.single(self.reading, range, before)
    }
}

impl Asking<'_> {
    /// The commands of a sentence with connectors, where templates or heads understand each
    /// part; `None` when it is better taken as a whole.
    pub(super) fn parts(
        &mut self,
        tokens: &Tokens,
        whole: Option<&Command>,
        understood: &mut Understanding,
    ) -> Option<Vec<Command>> {
        let end = tokens.len();
        let connectors = self.all.connectors(tokens);
        let mut parts: Vec<Part> = Vec::new();
        let (mut asked, mut from) = (0, 0);
        for connector in connectors.into_iter().chain(std::iter::once(end..end)) {
            let last = connector.start == end;
            if last && parts.is_empty() {
                return None;
            }
            if connector.start < from + 2 {
                continue;
            }
            asked += 1;
            if asked > MAX_ASKED || parts.len() == MAX_COMMANDS {
                return None;
            }
            let range = from..connector.start;
            if let Some(part) = self.part(tokens, range, parts.last(), understood) {
                parts.push(part);
                from = connector.end;
            }
        }
        let commands: Vec<Command> = parts.into_iter().map(|part| part.command).collect();
        let sure = !self.all.words.is_question(tokens)
            || commands.iter().all(|part| {
                part.best.confidence >= LEAST_IN_A_QUESTION || self.all.informs(&part.best.intent)
            });
        (from == end && sure && splits_well(&commands, whole)).then_some(commands)
    }

    fn part(
        &mut self,
        tokens: &Tokens,
        range: Range<usize>,
        before: Option<&Part>,
        understood: &mut Understanding,
    ) -> Option<Part> {
        let reading = Reading::new(tokens, &self.all.model.entities, self.context);
        if let Some(part) = self.all.single(&reading, &range, before) {
            return Some(part);
        }
        let (start, _) = tokens.span(range.clone());
        let command =
            self.rank(&Tokens::read(tokens.sentence(range.clone())), start, understood)?.0?;
        Some(part(tokens, &range, command))
    }
}

/// Parts of different intents are several commands, parts of one intent only when they are no
/// less clear than the whole; and where the whole means something, each part must be likelier
/// than not ("for another hundred and fifty miles" is one distance).
fn splits_well(parts: &[Command], whole: Option<&Command>) -> bool {
    let (Some(whole), [first, _, ..]) = (whole, parts) else { return parts.len() > 1 };
    let differ = parts.iter().any(|part| part.best.intent != first.best.intent);
    let weakest = parts.iter().map(|part| part.best.confidence).fold(f64::INFINITY, f64::min);
    let least = LEAST_PART_CONFIDENCE.max(whole.best.confidence - MOST_LOST_BY_SPLITTING);
    weakest >= least && (differ || weakest >= whole.best.confidence)
}
