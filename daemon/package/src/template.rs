//! Templates: exact sentences in hassil's notation, parsed into a tree.
//!
//! Must not match anything; `valet-understanding` compiles the tree. The tree keeps structure
//! (optional, choice, permutation), it never holds expanded sentences.

mod parser;
mod rules;

pub use rules::Rules;

/// Deepest nesting of brackets in one text.
pub const MAX_DEPTH: usize = 16;
/// Deepest nesting once rules stand where they are used.
pub const MAX_RULE_DEPTH: usize = 64;
/// Most parts of a permutation: four have 24 orders.
pub const MAX_PERMUTED: usize = 4;
/// Largest template once rules stand where they are used, in words and slots over all orders
/// of its permutations.
pub const MAX_WEIGHT: u64 = 4096;
/// Most spellings of one word that is glued together from brackets, as in `window[s]`.
pub const MAX_GLUED: usize = 64;

/// Where and why a template or sample breaks the notation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("character {column}: {what}")]
pub struct NotationError {
    /// Character in the text, from 1.
    pub column: usize,
    /// What was expected and what came.
    pub what: String,
}

impl NotationError {
    pub(crate) fn new(column: usize, what: impl Into<String>) -> Self {
        Self { column, what: what.into() }
    }
}

/// A part of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// Literal text without white space.
    Word(String),
    /// One after the other.
    Sequence(Vec<Node>),
    /// May be left out.
    Optional(Box<Node>),
    /// One of them.
    Choice(Vec<Node>),
    /// All of them in any order; at most [`MAX_PERMUTED`].
    Permutation(Vec<Node>),
    /// A rule by name.
    Rule(String),
    /// A slot by name.
    Slot(String),
}

/// A parsed template, or a rule's body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// The whole of it.
    pub root: Node,
    /// Slots it names itself, with the character where each stands (from 1).
    pub slots: Vec<(String, usize)>,
    /// Rules it names, likewise.
    pub rules: Vec<(String, usize)>,
}

impl Template {
    /// Parses a text. Takes time linear in its length.
    ///
    /// # Errors
    /// [`NotationError`] with the character at which the notation breaks.
    pub fn parse(text: &str) -> Result<Self, NotationError> {
        parser::parse(text)
    }
}

#[cfg(test)]
mod tests;
