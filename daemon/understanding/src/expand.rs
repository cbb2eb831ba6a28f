//! Sentences that a template stands for: all of a small one, a few at random of any.
//!
//! Must not be used to match: templates are matched as structure.

use crate::random::Random;
use valet_package::template::{Node, Rules};

/// All expansions in words; `None` when there are more than `most` or a slot is among them.
pub(crate) fn all(node: &Node, rules: &Rules, most: usize) -> Option<Vec<String>> {
    let mut found = match node {
        Node::Word(word) => vec![word.clone()],
        Node::Slot(_) => return None,
        Node::Rule(name) => all(rules.body(name)?, rules, most)?,
        Node::Optional(inner) => {
            let mut inner = all(inner, rules, most)?;
            inner.push(String::new());
            inner
        }
        Node::Choice(nodes) => {
            let mut found = Vec::new();
            for node in nodes {
                found.extend(all(node, rules, most)?);
                if found.len() > most {
                    return None;
                }
            }
            found
        }
        Node::Sequence(nodes) => in_order(nodes.iter(), rules, most)?,
        Node::Permutation(nodes) => {
            let mut found = Vec::new();
            for order in orders(nodes.len()) {
                found.extend(in_order(order.iter().map(|index| &nodes[*index]), rules, most)?);
            }
            found
        }
    };
    found.sort_unstable();
    found.dedup();
    (found.len() <= most).then_some(found)
}

fn in_order<'n>(
    nodes: impl Iterator<Item = &'n Node>,
    rules: &Rules,
    most: usize,
) -> Option<Vec<String>> {
    let mut found = vec![String::new()];
    for node in nodes {
        let next = all(node, rules, most)?;
        if found.len() * next.len() > most {
            return None;
        }
        found = found
            .iter()
            .flat_map(|left| next.iter().map(move |right| joined(left, right)))
            .collect();
    }
    Some(found)
}

fn joined(left: &str, right: &str) -> String {
    match (left.is_empty(), right.is_empty()) {
        (true, _) => right.to_owned(),
        (_, true) => left.to_owned(),
        _ => format!("{left} {right}"),
    }
}

/// All orders of `count` things (at most four of them, so at most 24 orders).
pub(crate) fn orders(count: usize) -> Vec<Vec<usize>> {
    let mut all: Vec<Vec<usize>> = vec![Vec::new()];
    for next in 0..count {
        all = all
            .into_iter()
            .flat_map(|order| {
                (0..=order.len()).map(move |place| {
                    let mut longer = order.clone();
                    longer.insert(place, next);
                    longer
                })
            })
            .collect();
    }
    all
}

/// A piece of a random expansion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    /// A literal word.
    Word(String),
    /// A slot to be filled.
    Slot(String),
}

/// One expansion at random, optional parts being said half of the time.
pub(crate) fn random(node: &Node, rules: &Rules, dice: &mut Random, to: &mut Vec<Piece>) {
    match node {
        Node::Word(word) => to.push(Piece::Word(word.clone())),
        Node::Slot(name) => to.push(Piece::Slot(name.clone())),
        Node::Rule(name) => {
            if let Some(body) = rules.body(name) {
                random(body, rules, dice, to);
            }
        }
        Node::Optional(inner) => {
            if dice.below(2) == 0 {
                random(inner, rules, dice, to);
            }
        }
        Node::Choice(nodes) => {
            if !nodes.is_empty() {
                random(&nodes[dice.below(nodes.len())], rules, dice, to);
            }
        }
        Node::Sequence(nodes) => nodes.iter().for_each(|node| random(node, rules, dice, to)),
        Node::Permutation(nodes) => {
            let mut left: Vec<&Node> = nodes.iter().collect();
            while !left.is_empty() {
                let node = left.swap_remove(dice.below(left.len()));
                random(node, rules, dice, to);
            }
        }
    }
}
