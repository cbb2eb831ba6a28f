//! A trie over normalised words: the phrases of a table, found from a token on.
//!
//! Must not know what the phrases mean.

use crate::{hash::FastMap, normalise::Tokens};

/// Phrases and what each stands for. The first phrase added wins over a later equal one.
#[derive(Debug)]
pub(crate) struct PhraseTrie<V> {
    nodes: Vec<Node<V>>,
}

#[derive(Debug)]
struct Node<V> {
    next: FastMap<Box<str>, u32>,
    value: Option<V>,
}

impl<V> Default for PhraseTrie<V> {
    fn default() -> Self {
        Self { nodes: vec![Node { next: FastMap::default(), value: None }] }
    }
}

impl<V: Clone> PhraseTrie<V> {
    /// Adds a phrase of at least one word.
    pub(crate) fn add<'w>(&mut self, words: impl IntoIterator<Item = &'w str>, value: V) {
        let mut at = 0_usize;
        for word in words {
            at = match self.nodes[at].next.get(word) {
                Some(next) => *next as usize,
                None => {
                    let new = self.nodes.len();
                    #[allow(clippy::cast_possible_truncation)]
                    self.nodes[at].next.insert(word.into(), new as u32);
                    self.nodes.push(Node { next: FastMap::default(), value: None });
                    new
                }
            };
        }
        if at != 0 && self.nodes[at].value.is_none() {
            self.nodes[at].value = Some(value);
        }
    }

    /// The words that phrases begin with, each once.
    pub(crate) fn first_words(&self) -> impl Iterator<Item = &str> {
        self.nodes[0].next.keys().map(|word| &**word)
    }

    /// All phrases that begin at a token: the value and the token behind, shortest first.
    pub(crate) fn endings(&self, tokens: &Tokens, start: usize) -> Vec<(V, usize)> {
        let mut found = Vec::new();
        let mut at = 0_usize;
        for (index, token) in tokens.list().iter().enumerate().skip(start) {
            let Some(next) = self.nodes[at].next.get(&token.norm) else { break };
            at = *next as usize;
            if let Some(value) = &self.nodes[at].value {
                found.push((value.clone(), index + 1));
            }
        }
        found
    }

    /// The longest phrase that begins at a token.
    pub(crate) fn longest(&self, tokens: &Tokens, start: usize) -> Option<(V, usize)> {
        self.endings(tokens, start).pop()
    }
}
