//! All templates of all skills as one automaton over normalised words.
//!
//! Must not hold expanded sentences: optional parts, choices and orders stay structure. A match
//! is bounded in steps whatever the templates and the text are.

mod compile;
mod index;
mod search;

use crate::{
    entities::{Context, Entities, Kind, Match},
    error::UnderstandingError,
    hash::FastMap,
    normalise::Tokens,
};
use compile::Compiler;
use index::Index;
use std::{cell::RefCell, ops::Range, rc::Rc};
use valet_core::entity::Value;
use valet_package::template::{Node, Rules};

/// Most steps of one search; a text that needs more is not understood by templates.
pub(crate) const MAX_STEPS: usize = 20_000;
/// Most edges that one template may become.
pub(crate) const MAX_EDGES: usize = 50_000;
/// Most edges of all templates together.
pub(crate) const MAX_ALL_EDGES: usize = 4_000_000;

/// A word that no template knows.
const UNKNOWN: u32 = u32::MAX;

/// What leads from one state to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Label {
    /// A normalised word by its number.
    Word(u32),
    /// A slot by its number in [`Templates::slots`].
    Slot(u32),
}

/// A step of the automaton. Targets always have a smaller number than their state, so every
/// path ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Edge {
    label: Label,
    to: u32,
}

/// A state: its edges and whether a sentence may end here.
#[derive(Debug, Clone, Copy)]
struct State {
    first: u32,
    end: u32,
    accepts: bool,
}

/// A slot as templates of one target name it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct SlotUse {
    /// Its name in the manifest.
    pub(crate) name: Name,
    /// What it holds.
    pub(crate) kind: Kind,
}

/// A shared name; the automaton crosses threads.
pub(crate) type Name = std::sync::Arc<str>;

/// One template: where it begins and what it means.
#[derive(Debug, Clone, Copy)]
struct Entry {
    start: u32,
    target: u32,
}

/// The automaton, immutable once all templates are in.
#[derive(Debug, Default)]
pub(crate) struct Templates {
    words: FastMap<Box<str>, u32>,
    states: Vec<State>,
    edges: Vec<Edge>,
    slots: Vec<SlotUse>,
    slot_numbers: FastMap<SlotUse, u32>,
    entries: Vec<Entry>,
    index: Index,
}

/// A slot that a match filled.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FoundSlot {
    pub(crate) name: Name,
    pub(crate) value: Value,
    pub(crate) tokens: Range<usize>,
    /// Whether it took free text.
    pub(crate) is_text: bool,
}

/// A template that covers a text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Found {
    /// What the template means, as it was given to [`Templates::add`].
    pub(crate) target: u32,
    /// Filled slots, from left to right.
    pub(crate) slots: Vec<FoundSlot>,
    /// Literal words that matched.
    pub(crate) literals: u32,
    /// Words that `text` slots took.
    pub(crate) text_tokens: u32,
    /// The tokens it covers, without the ignorable words around it.
    pub(crate) tokens: Range<usize>,
}

impl Found {
    /// Order of matches: more literal words, then fewer words in free text.
    pub(crate) fn score(&self) -> i64 {
        search::score(self.literals, self.text_tokens)
    }
}

impl Templates {
    /// Adds one template that means `target`; `kind` says what each of its slots holds.
    ///
    /// # Errors
    /// What is wrong with it: a slot without a kind, or too many edges.
    pub(crate) fn add(
        &mut self,
        root: &Node,
        rules: &Rules,
        target: u32,
        kind: &dyn Fn(&str) -> Option<Kind>,
    ) -> Result<(), String> {
        let mut compiler = Compiler::new(self, rules, kind);
        let start = compiler.compile(root)?;
        let required = compiler.required(root);
        #[allow(clippy::cast_possible_truncation)]
        let number = self.entries.len() as u32;
        self.entries.push(Entry { start, target });
        self.index.add(number, required);
        if self.edges.len() > MAX_ALL_EDGES {
            return Err(format!("all templates together have more than {MAX_ALL_EDGES} edges"));
        }
        Ok(())
    }

    /// Makes the index; to be called once after the last template.
    pub(crate) fn finish(&mut self) {
        self.index.finish(self.words.len());
        self.slot_numbers = FastMap::default();
    }

    /// How many templates there are.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The best match of each target, best first.
    pub(crate) fn matches(
        &self,
        reading: &Reading<'_>,
        starts: &[usize],
        ends: &[usize],
    ) -> Vec<Found> {
        search::search(self, reading, starts, ends)
    }

    fn word_number(&mut self, word: &str) -> u32 {
        if let Some(number) = self.words.get(word) {
            return *number;
        }
        #[allow(clippy::cast_possible_truncation)]
        let number = self.words.len() as u32;
        self.words.insert(word.into(), number);
        number
    }
}

/// Values by kind and first token.
type FoundValues = FastMap<(Kind, usize), Rc<[Match]>>;

/// One text being matched: its tokens, and the values found so far at each place.
#[derive(Debug)]
pub(crate) struct Reading<'a> {
    pub(crate) tokens: &'a Tokens,
    pub(crate) entities: &'a Entities,
    pub(crate) context: &'a Context,
    values: RefCell<FoundValues>,
}

impl<'a> Reading<'a> {
    pub(crate) fn new(tokens: &'a Tokens, entities: &'a Entities, context: &'a Context) -> Self {
        Self { tokens, entities, context, values: RefCell::default() }
    }

    /// Values of a kind that begin at a token; each is recognised once.
    pub(crate) fn values_at(&self, kind: Kind, start: usize) -> Rc<[Match]> {
        if let Some(known) = self.values.borrow().get(&(kind, start)) {
            return Rc::clone(known);
        }
        let found: Rc<[Match]> =
            self.entities.find_at(kind, self.tokens, start, self.context).into();
        self.values.borrow_mut().insert((kind, start), Rc::clone(&found));
        found
    }
}

/// Names the place of a template that cannot be compiled.
pub(crate) fn refuse(place: String, what: String) -> UnderstandingError {
    UnderstandingError::Template { place, what }
}

#[cfg(test)]
#[path = "templates/tests.rs"]
mod tests;
