//! From a template's tree to states and edges.
//!
//! Must not copy a part more often than the orders of a permutation need it.

use super::{Edge, Label, MAX_EDGES, SlotUse, State, Templates};
use crate::{entities::Kind, language::Language, normalise::Tokens};
use std::collections::HashSet;
use valet_package::template::{Node, Rules};

/// One of these words has to be said.
pub(super) type WordGroup = Vec<u32>;

/// What may follow at one point: edges, and whether the sentence may end.
#[derive(Debug, Clone, Default)]
struct Front {
    edges: Vec<Edge>,
    accepts: bool,
}

impl Front {
    fn join(&mut self, other: Self) {
        self.accepts |= other.accepts;
        self.edges.extend(other.edges);
    }
}

pub(super) struct Compiler<'a> {
    all: &'a mut Templates,
    rules: &'a Rules,
    kind: &'a dyn Fn(&str) -> Option<Kind>,
    edges_before: usize,
}

impl<'a> Compiler<'a> {
    pub(super) fn new(
        all: &'a mut Templates,
        rules: &'a Rules,
        kind: &'a dyn Fn(&str) -> Option<Kind>,
    ) -> Self {
        let edges_before = all.edges.len();
        Self { all, rules, kind, edges_before }
    }

    /// Compiles a whole template and gives its first state.
    pub(super) fn compile(&mut self, root: &Node) -> Result<u32, String> {
        let end = self.state(Front { edges: Vec::new(), accepts: true })?;
        let front = self.node(root, end)?;
        self.state(front)
    }

    fn state(&mut self, mut front: Front) -> Result<u32, String> {
        let mut seen = HashSet::new();
        front.edges.retain(|edge| seen.insert(*edge));
        let first = self.all.edges.len();
        self.all.edges.append(&mut front.edges);
        let end = self.all.edges.len();
        if end - self.edges_before > MAX_EDGES {
            return Err(format!(
                "has more than {MAX_EDGES} ways to go on, expected fewer optional parts"
            ));
        }
        #[allow(clippy::cast_possible_truncation)]
        let number = self.all.states.len() as u32;
        #[allow(clippy::cast_possible_truncation)]
        self.all.states.push(State {
            first: first as u32,
            end: end as u32,
            accepts: front.accepts,
        });
        Ok(number)
    }

    fn front_of(&self, state: u32) -> Front {
        let state = self.all.states[state as usize];
        Front {
            edges: self.all.edges[state.first as usize..state.end as usize].to_vec(),
            accepts: state.accepts,
        }
    }

    /// What leads through `node` to the state `next`.
    fn node(&mut self, node: &Node, next: u32) -> Result<Front, String> {
        match node {
            Node::Word(word) => self.word(word, next),
            Node::Slot(name) => {
                let kind =
                    (self.kind)(name).ok_or_else(|| format!("slot {name:?} has no values"))?;
                let slot = self.slot(name, kind);
                Ok(Front {
                    edges: vec![Edge { label: Label::Slot(slot), to: next }],
                    accepts: false,
                })
            }
            Node::Rule(name) => {
                let rules = self.rules;
                let body = rules.body(name).ok_or_else(|| format!("rule {name:?} is not known"))?;
                self.node(body, next)
            }
            Node::Optional(inner) => {
                let mut front = self.node(inner, next)?;
                front.join(self.front_of(next));
                Ok(front)
            }
            Node::Choice(nodes) => {
                let mut front = Front::default();
                for node in nodes {
                    front.join(self.node(node, next)?);
                }
                Ok(front)
            }
            Node::Sequence(nodes) => {
                let Some((first, rest)) = nodes.split_first() else {
                    return Ok(self.front_of(next));
                };
                let mut at = next;
                for node in rest.iter().rev() {
                    let front = self.node(node, at)?;
                    at = self.state(front)?;
                }
                self.node(first, at)
            }
            Node::Permutation(nodes) => self.permutation(nodes, next),
        }
    }

    /// One state for each set of parts that are still to come: 2^n, not n!.
    fn permutation(&mut self, nodes: &[Node], next: u32) -> Result<Front, String> {
        let all = 1_usize << nodes.len();
        let mut states = vec![next];
        for left in 1..all {
            let mut front = Front::default();
            for (index, node) in nodes.iter().enumerate() {
                if left & (1 << index) != 0 {
                    let behind = states[left & !(1 << index)];
                    front.join(self.node(node, behind)?);
                }
            }
            if left == all - 1 {
                return Ok(front);
            }
            states.push(self.state(front)?);
        }
        Ok(self.front_of(next))
    }

    /// A literal may be several tokens ("don't"); a filler may be left out, for speech loses it.
    fn word(&mut self, word: &str, next: u32) -> Result<Front, String> {
        let tokens = Tokens::read(word);
        let mut at = next;
        let mut front = None;
        for token in tokens.list().iter().rev() {
            if let Some(front) = front.take() {
                at = self.state(front)?;
            }
            let number = self.all.word_number(&token.norm);
            let edge = Edge { label: Label::Word(number), to: at };
            let mut this = Front { edges: vec![edge], accepts: false };
            if Language::english().is_filler(&token.norm) {
                this.join(self.front_of(at));
            }
            front = Some(this);
        }
        Ok(front.unwrap_or_else(|| self.front_of(next)))
    }

    fn slot(&mut self, name: &str, kind: Kind) -> u32 {
        let slot = SlotUse { name: name.into(), kind };
        if let Some(number) = self.all.slot_numbers.get(&slot) {
            return *number;
        }
        #[allow(clippy::cast_possible_truncation)]
        let number = self.all.slots.len() as u32;
        self.all.slots.push(slot.clone());
        self.all.slot_numbers.insert(slot, number);
        number
    }

    /// Groups of words of which one each has to be said for the template to match.
    pub(super) fn required(&mut self, node: &Node) -> Vec<WordGroup> {
        match node {
            Node::Word(word) => {
                let tokens = Tokens::read(word);
                let kept = tokens.list().iter().filter(|t| !Language::english().is_filler(&t.norm));
                kept.map(|token| vec![self.all.word_number(&token.norm)]).collect()
            }
            Node::Slot(_) | Node::Optional(_) => Vec::new(),
            Node::Rule(name) => {
                let rules = self.rules;
                rules.body(name).map_or_else(Vec::new, |body| self.required(body))
            }
            Node::Sequence(nodes) | Node::Permutation(nodes) => {
                nodes.iter().flat_map(|node| self.required(node)).collect()
            }
            Node::Choice(nodes) => {
                let mut group = Vec::new();
                for node in nodes {
                    // The longest word of an alternative tells it best from others.
                    match self.required(node).into_iter().min_by_key(Vec::len) {
                        Some(words) => group.extend(words),
                        None => return Vec::new(),
                    }
                }
                group.sort_unstable();
                group.dedup();
                vec![group]
            }
        }
    }
}
