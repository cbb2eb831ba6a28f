//! Several commands in one sentence: split at connectors where each part is understood.
//!
//! Must not lose a part: a split is taken only when every part means something.

use super::{Asking, Part, Understander};
use crate::{
    normalise::Tokens,
    templates::{Found, FoundSlot, Reading},
};
use std::{collections::HashSet, ops::Range};
use valet_core::understanding::{Command, MAX_COMMANDS, Understanding};

/// Most connectors that are tried; a sentence with more is not split.
const MAX_CONNECTORS: usize = 16;
/// Longest right part that may borrow the verb of the left one, tokens.
const MAX_BORROWING: usize = 8;
/// Most words borrowed from the left part.
const MAX_BORROWED: usize = 4;
/// Most times the encoder is asked about parts of one utterance.
const MAX_ASKED: usize = 8;

/// What each part needs where the sentence was understood as one command.
const LEAST_PART_CONFIDENCE: f64 = 0.5;
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
                    all.push(at..end);
                    at = end.max(at + 1);
                }
                _ => at += 1,
            }
        }
        if all.len() > MAX_CONNECTORS { Vec::new() } else { all }
    }

    /// The parts of an utterance that templates understand wholly; empty otherwise.
    pub(super) fn split(&self, reading: &Reading<'_>) -> Vec<Part> {
        let tokens = reading.tokens;
        let all = 0..tokens.len();
        let connectors = self.connectors(tokens);
        let whole = self.template(reading, &all);
        let torn = whole
            .as_ref()
            .is_none_or(|(_, found)| connectors.iter().any(|c| in_free_text(found, c)));
        let borrow = whole.is_none();
        let whole = whole.map(|(command, _)| part(tokens, &all, command));
        if torn && !connectors.is_empty() {
            let mut splitting = Splitting {
                all: self,
                reading,
                connectors: &connectors,
                borrow,
                dead: HashSet::new(),
            };
            if let Some(parts) = splitting.rest(0, None, 0) {
                return parts;
            }
        }
        whole.into_iter().collect()
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

struct Splitting<'a> {
    all: &'a Understander,
    reading: &'a Reading<'a>,
    connectors: &'a [Connector],
    /// Whether a part may lean on the one before it. Free text may hold an "and" of its own, so
    /// only commands that stand alone are split off from it.
    borrow: bool,
    /// Where it is known that the rest cannot be understood.
    dead: HashSet<usize>,
}

impl Splitting<'_> {
    /// Understands everything from a token on, the part before being known.
    fn rest(&mut self, from: usize, before: Option<&Part>, count: usize) -> Option<Vec<Part>> {
        let end = self.reading.tokens.len();
        if count == MAX_COMMANDS || from >= end || self.dead.contains(&from) {
            return None;
        }
        let connectors = self.connectors;
        for connector in connectors.iter().filter(|connector| connector.start > from) {
            let Some(part) = self.single(&(from..connector.start), before) else { continue };
            if let Some(mut parts) = self.rest(connector.end, Some(&part), count + 1) {
                parts.insert(0, part);
                return Some(parts);
            }
        }
        // Nothing more can be split off: the rest is one command.
        let last = (count > 0).then(|| self.single(&(from..end), before)).flatten();
        if last.is_none() {
            self.dead.insert(from);
        }
        last.map(|part| vec![part])
    }

    fn single(&self, range: &Range<usize>, before: Option<&Part>) -> Option<Part> {
        if let Some((command, _)) = self.all.template(self.reading, range) {
            return Some(part(self.reading.tokens, range, command));
        }
        let before = before.filter(|_| self.borrow)?;
        self.borrowed(range, before).or_else(|| {
            let best = &before.command.best;
            let command = self.all.follow_up(self.reading, range, &best.intent, &best.slots)?;
            Some(Part { command, tokens: before.tokens.clone() })
        })
    }

    /// "open the windows" + "the sunroof": the left part's first words and the right part.
    fn borrowed(&self, range: &Range<usize>, before: &Part) -> Option<Part> {
        if range.len() > MAX_BORROWING {
            return None;
        }
        let right = self.reading.tokens.picked(range.clone());
        let most = MAX_BORROWED.min(before.tokens.len().saturating_sub(1));
        // "turn on the …": a verb keeps its particle.
        let particle = matches!(before.tokens.norm(1), "on" | "off" | "up" | "down") && most >= 2;
        for length in std::iter::once(2).filter(|_| particle).chain(1..=most) {
            let tokens = before.tokens.picked(0..length).followed_by(&right);
            let reading = Reading::new(&tokens, self.reading.entities, self.reading.context);
            let Some((mut command, found)) = self.all.template(&reading, &(0..tokens.len())) else {
                continue;
            };
            let torn = |s: &FoundSlot| s.tokens.start < length && length < s.tokens.end;
            if !found.slots.iter().any(torn) && found.text_tokens == 0 {
                (command.start, command.end) = right.span(0..right.len());
                return Some(Part { command, tokens });
            }
        }
        None
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
        let mut commands: Vec<Command> = Vec::new();
        let (mut asked, mut from) = (0, 0);
        for connector in connectors.into_iter().chain(std::iter::once(end..end)) {
            let last = connector.start == end;
            if last && commands.is_empty() {
                return None;
            }
            if connector.start < from + 2 {
                continue;
            }
            asked += 1;
            if asked > MAX_ASKED || commands.len() == MAX_COMMANDS {
                return None;
            }
            if let Some(command) = self.part(tokens, from..connector.start, understood) {
                commands.push(command);
                from = connector.end;
            }
        }
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
        understood: &mut Understanding,
    ) -> Option<Command> {
        let reading = Reading::new(tokens, &self.all.model.entities, self.context);
        if let Some((command, _)) = self.all.template(&reading, &range) {
            return Some(command);
        }
        let (start, _) = tokens.span(range.clone());
        self.rank(&Tokens::read(tokens.words(range)), start, understood)?.0
    }
}

/// Parts of different intents are several commands, parts of one intent only when they are no
/// less clear than the whole; and where the whole means something, each part must be likelier
/// than not ("for another hundred and fifty miles" is one distance).
fn splits_well(parts: &[Command], whole: Option<&Command>) -> bool {
    let (Some(whole), [first, _, ..]) = (whole, parts) else { return parts.len() > 1 };
    let differ = parts.iter().any(|part| part.best.intent != first.best.intent);
    let weakest = parts.iter().map(|part| part.best.confidence).fold(f64::INFINITY, f64::min);
    weakest >= LEAST_PART_CONFIDENCE && (differ || weakest >= whole.best.confidence)
}
