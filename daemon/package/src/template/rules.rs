//! The rules of a file of sentences: what may stand in templates by name, and how large a
//! template becomes with them.
//!
//! Must not expand anything.

use super::{MAX_RULE_DEPTH, MAX_WEIGHT, Node, NotationError, Template};
use crate::strict;
use std::collections::{BTreeMap, BTreeSet};

/// The rules of a file: parsed, known to be free of recursion and small enough to stand where
/// they are used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    bodies: BTreeMap<String, Rule>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    body: Template,
    weight: u64,
    depth: usize,
    slots: BTreeSet<String>,
}

impl Rules {
    /// Parses all rules and resolves what they name among each other.
    ///
    /// # Errors
    /// The rule's name and [`NotationError`]: bad notation, an unknown rule, recursion, or a rule
    /// that is too large or too deep.
    pub fn parse(texts: &BTreeMap<String, String>) -> Result<Self, (String, NotationError)> {
        let mut bodies = BTreeMap::new();
        for (name, text) in texts {
            bodies.insert(name.as_str(), Template::parse(text).map_err(|e| (name.clone(), e))?);
        }
        let mut rules = Self::default();
        // Each pass takes the rules whose own rules are all known: what is left over names itself.
        let mut left: Vec<&str> = bodies.keys().copied().collect();
        while !left.is_empty() {
            let before = left.len();
            let mut waiting = Vec::new();
            for name in left {
                let body = &bodies[name];
                for (used, column) in &body.rules {
                    if !bodies.contains_key(used.as_str()) {
                        let e = unknown("rule", used, *column, bodies.keys().copied());
                        return Err((name.to_owned(), e));
                    }
                }
                if body.rules.iter().all(|(used, _)| rules.bodies.contains_key(used)) {
                    let rule = rules.measure(body).map_err(|e| (name.to_owned(), e))?;
                    rules.bodies.insert(name.to_owned(), rule);
                } else {
                    waiting.push(name);
                }
            }
            if waiting.len() == before {
                let name = waiting[0];
                let column = bodies[name].rules.first().map_or(1, |(_, column)| *column);
                let e =
                    NotationError::new(column, "the rule uses itself, directly or through others");
                return Err((name.to_owned(), e));
            }
            left = waiting;
        }
        Ok(rules)
    }

    /// The body of a rule.
    #[must_use]
    pub fn body(&self, name: &str) -> Option<&Node> {
        self.bodies.get(name).map(|rule| &rule.body.root)
    }

    /// Parses a template that may use these rules and the slots of one intent.
    ///
    /// # Errors
    /// [`NotationError`]: also for an unknown rule or slot (with the nearest known one), and for a
    /// template that is too large or that any words at all would match.
    pub fn template<'s>(
        &self,
        text: &str,
        slots: impl Iterator<Item = &'s str> + Clone,
    ) -> Result<Template, NotationError> {
        let template = Template::parse(text)?;
        for (used, column) in &template.rules {
            let Some(rule) = self.bodies.get(used) else {
                return Err(unknown("rule", used, *column, self.bodies.keys().map(String::as_str)));
            };
            for slot in &rule.slots {
                if !slots.clone().any(|known| known == slot) {
                    let e = unknown("slot", slot, *column, slots);
                    return Err(NotationError::new(*column, format!("rule <{used}>: {}", e.what)));
                }
            }
        }
        for (used, column) in &template.slots {
            if !slots.clone().any(|known| known == used) {
                return Err(unknown("slot", used, *column, slots));
            }
        }
        self.measure(&template)?;
        if self.can_be_empty(&template.root) {
            return Err(NotationError::new(
                1,
                "everything in it can be left out, expected a word or slot that must be said",
            ));
        }
        Ok(template)
    }

    fn measure(&self, body: &Template) -> Result<Rule, NotationError> {
        let weight = self.weight(&body.root);
        if weight > MAX_WEIGHT {
            return Err(NotationError::new(
                1,
                format!(
                    "is too large with its rules and orders: {weight} words and slots, expected at most {MAX_WEIGHT}"
                ),
            ));
        }
        let depth = self.depth(&body.root);
        if depth > MAX_RULE_DEPTH {
            return Err(NotationError::new(
                1,
                format!("is nested {depth} deep with its rules, expected at most {MAX_RULE_DEPTH}"),
            ));
        }
        let mut slots: BTreeSet<String> = body.slots.iter().map(|(name, _)| name.clone()).collect();
        for (used, _) in &body.rules {
            slots.extend(self.bodies.get(used).into_iter().flat_map(|rule| rule.slots.clone()));
        }
        Ok(Rule { body: body.clone(), weight, depth, slots })
    }

    /// Words and slots over all orders, saturating.
    fn weight(&self, node: &Node) -> u64 {
        let sum = |nodes: &[Node]| {
            nodes.iter().fold(1_u64, |all, node| all.saturating_add(self.weight(node)))
        };
        match node {
            Node::Word(_) | Node::Slot(_) => 1,
            Node::Optional(inner) => self.weight(inner).saturating_add(1),
            Node::Sequence(nodes) | Node::Choice(nodes) => sum(nodes),
            Node::Permutation(nodes) => {
                let orders: u64 = (1..=nodes.len() as u64).product();
                sum(nodes).saturating_mul(orders)
            }
            Node::Rule(name) => self.bodies.get(name).map_or(1, |rule| rule.weight),
        }
    }

    fn depth(&self, node: &Node) -> usize {
        match node {
            Node::Word(_) | Node::Slot(_) => 0,
            Node::Optional(inner) => 1 + self.depth(inner),
            Node::Sequence(nodes) | Node::Choice(nodes) | Node::Permutation(nodes) => {
                1 + nodes.iter().map(|node| self.depth(node)).max().unwrap_or(0)
            }
            Node::Rule(name) => 1 + self.bodies.get(name).map_or(0, |rule| rule.depth),
        }
    }

    fn can_be_empty(&self, node: &Node) -> bool {
        match node {
            Node::Word(word) => word.is_empty(),
            Node::Slot(_) => false,
            Node::Optional(_) => true,
            Node::Sequence(nodes) | Node::Permutation(nodes) => {
                nodes.iter().all(|node| self.can_be_empty(node))
            }
            Node::Choice(nodes) => nodes.iter().any(|node| self.can_be_empty(node)),
            Node::Rule(name) => self.body(name).is_none_or(|body| self.can_be_empty(body)),
        }
    }
}

fn unknown<'a>(
    what: &str,
    name: &str,
    column: usize,
    known: impl Iterator<Item = &'a str>,
) -> NotationError {
    let hint = strict::nearest(name, known).map(|near| format!(", did you mean {near:?}?"));
    NotationError::new(column, format!("{what} {name:?} is not known{}", hint.unwrap_or_default()))
}
