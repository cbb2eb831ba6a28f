//! Templates: exact sentences in hassil's notation, parsed into a tree.
//!
//! Must not match anything; `valet-understanding` compiles the tree. The tree keeps structure
//! (optional, choice, permutation), it never holds expanded sentences.

use crate::strict;
use std::collections::{BTreeMap, BTreeSet};

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
        let mut parser = Parser {
            chars: text.chars().collect(),
            at: 0,
            depth: 0,
            slots: Vec::new(),
            rules: Vec::new(),
        };
        let body = parser.sequence()?;
        if let Some(c) = parser.peek() {
            return Err(parser.refuse(format!("{c:?} closes nothing")));
        }
        let root = body.join()?.node;
        if root == Node::Sequence(Vec::new()) {
            return Err(NotationError::new(1, "is empty, expected words"));
        }
        Ok(Self { root, slots: parser.slots, rules: parser.rules })
    }
}

/// A part with what is needed to glue it to its neighbours.
struct Item {
    node: Node,
    column: usize,
    /// White space stands between the part before and this one.
    spaced: bool,
    /// White space stands inside, at its end or beginning.
    starts_spaced: bool,
    ends_spaced: bool,
    /// All spellings, where it is literal text with few of them.
    spellings: Option<Vec<String>>,
}

/// A sequence as it was read.
struct Body {
    items: Vec<Item>,
    trailing_space: bool,
}

struct Joined {
    node: Node,
    starts_spaced: bool,
    ends_spaced: bool,
    spellings: Option<Vec<String>>,
}

struct Parser {
    chars: Vec<char>,
    at: usize,
    depth: usize,
    slots: Vec<(String, usize)>,
    rules: Vec<(String, usize)>,
}

impl Parser {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn refuse(&self, what: impl Into<String>) -> NotationError {
        NotationError::new(self.at + 1, what)
    }

    /// Reads parts up to a character that ends the sequence.
    fn sequence(&mut self) -> Result<Body, NotationError> {
        let mut items = Vec::new();
        let mut spaced = false;
        while let Some(c) = self.peek() {
            let column = self.at + 1;
            let (node, starts_spaced, ends_spaced, spellings) = match c {
                c if c.is_whitespace() => {
                    spaced = true;
                    self.at += 1;
                    continue;
                }
                ']' | ')' | '|' | ';' => break,
                '>' | '}' => return Err(self.refuse(format!("{c:?} closes nothing"))),
                '[' | '(' => {
                    let group = self.group(c)?;
                    (group.node, group.starts_spaced, group.ends_spaced, group.spellings)
                }
                '<' => {
                    let name = self.name('>', "rule")?;
                    self.rules.push((name.clone(), column));
                    (Node::Rule(name), false, false, None)
                }
                '{' => {
                    let name = self.name('}', "slot")?;
                    self.slots.push((name.clone(), column));
                    (Node::Slot(name), false, false, None)
                }
                _ => {
                    let word = self.word()?;
                    (Node::Word(word.clone()), false, false, Some(vec![word]))
                }
            };
            items.push(Item { node, column, spaced, starts_spaced, ends_spaced, spellings });
            spaced = false;
        }
        Ok(Body { items, trailing_space: spaced })
    }

    fn word(&mut self) -> Result<String, NotationError> {
        let mut word = String::new();
        while let Some(c) = self.peek() {
            match c {
                '\\' => {
                    self.at += 1;
                    let escaped = self.peek().ok_or_else(|| {
                        self.refuse("a backslash ends the text, expected a character behind it")
                    })?;
                    word.push(escaped);
                }
                c if c.is_whitespace() || "[](){}<>|;".contains(c) => break,
                c => word.push(c),
            }
            self.at += 1;
        }
        Ok(word)
    }

    /// `<name>` or `{name}`.
    fn name(&mut self, close: char, what: &str) -> Result<String, NotationError> {
        let opened = self.at + 1;
        self.at += 1;
        let mut name = String::new();
        loop {
            match self.peek() {
                Some(c) if c == close => break,
                Some(c) if c.is_alphanumeric() || c == '-' || c == '_' => name.push(c),
                Some(c) => {
                    return Err(self.refuse(format!(
                        "{c:?} in the name of a {what}, expected [a-z0-9-] and then {close:?}"
                    )));
                }
                None => {
                    return Err(NotationError::new(
                        opened,
                        format!("the {what} is not closed, expected {close:?}"),
                    ));
                }
            }
            self.at += 1;
        }
        self.at += 1;
        if name.is_empty() {
            return Err(NotationError::new(opened, format!("the {what} has no name")));
        }
        Ok(name)
    }

    /// `[…]` or `(…)`.
    fn group(&mut self, open: char) -> Result<Joined, NotationError> {
        let opened = self.at + 1;
        if self.depth == MAX_DEPTH {
            return Err(self.refuse(format!("brackets are nested deeper than {MAX_DEPTH}")));
        }
        self.depth += 1;
        self.at += 1;
        let close = if open == '[' { ']' } else { ')' };
        let mut parts = Vec::new();
        let mut separator = None;
        loop {
            parts.push(self.sequence()?.join()?);
            match self.peek() {
                Some(c) if c == close => break,
                Some(c @ ('|' | ';')) if separator.is_none_or(|s| s == c) => separator = Some(c),
                Some('|' | ';') => {
                    return Err(
                        self.refuse("'|' and ';' in the same brackets, expected one of them")
                    );
                }
                Some(c) => return Err(self.refuse(format!("{c:?} came, expected {close:?}"))),
                None => {
                    return Err(NotationError::new(
                        opened,
                        format!("{open:?} is not closed, expected {close:?}"),
                    ));
                }
            }
            self.at += 1;
        }
        self.at += 1;
        self.depth -= 1;
        let whole = if separator == Some(';') { permute(parts, opened)? } else { choose(parts) };
        Ok(if open == '[' { optional(whole) } else { whole })
    }
}

fn choose(mut parts: Vec<Joined>) -> Joined {
    if parts.len() == 1 {
        return parts.remove(0);
    }
    Joined {
        starts_spaced: parts.iter().all(|part| part.starts_spaced),
        ends_spaced: parts.iter().all(|part| part.ends_spaced),
        spellings: parts
            .iter()
            .map(|part| part.spellings.as_deref())
            .collect::<Option<Vec<_>>>()
            .map(|all| all.concat())
            .filter(|all| all.len() <= MAX_GLUED),
        node: Node::Choice(parts.into_iter().map(|part| part.node).collect()),
    }
}

fn permute(parts: Vec<Joined>, column: usize) -> Result<Joined, NotationError> {
    if parts.len() > MAX_PERMUTED {
        return Err(NotationError::new(
            column,
            format!("a permutation of {} parts, expected at most {MAX_PERMUTED}", parts.len()),
        ));
    }
    Ok(Joined {
        node: Node::Permutation(parts.into_iter().map(|part| part.node).collect()),
        starts_spaced: false,
        ends_spaced: false,
        spellings: None,
    })
}

fn optional(inner: Joined) -> Joined {
    Joined {
        spellings: inner.spellings.map(|mut all| {
            all.push(String::new());
            all
        }),
        node: match inner.node {
            already @ Node::Optional(_) => already,
            node => Node::Optional(Box::new(node)),
        },
        ..inner
    }
}

impl Body {
    /// Glues parts that touch and makes one node.
    fn join(self) -> Result<Joined, NotationError> {
        let starts_spaced = self.items.first().is_some_and(|i| i.spaced || i.starts_spaced);
        let ends_spaced = self.trailing_space || self.items.last().is_some_and(|i| i.ends_spaced);
        let spellings = self.spellings();
        let mut nodes = Vec::new();
        let mut run: Vec<Item> = Vec::new();
        for item in self.items {
            let glued = run.last().is_some_and(|before| {
                let apart = item.spaced || item.starts_spaced || before.ends_spaced;
                // Literal brackets with spaces inside still glue: their spellings know the spaces.
                !item.spaced
                    && (!apart || (item.spellings.is_some() && before.spellings.is_some()))
                    && !sign_beside_slot(before, &item)
            });
            if !glued {
                flush(&mut run, &mut nodes)?;
            }
            run.push(item);
        }
        flush(&mut run, &mut nodes)?;
        let node = match nodes.len() {
            1 => nodes.remove(0),
            _ => Node::Sequence(nodes),
        };
        Ok(Joined { node, starts_spaced, ends_spaced, spellings })
    }

    /// All spellings of the sequence with its inner spaces, where they are few.
    fn spellings(&self) -> Option<Vec<String>> {
        let mut all = vec![String::new()];
        for item in &self.items {
            let gap = if item.spaced { " " } else { "" };
            all = product(&all, gap, item.spellings.as_ref()?)?;
        }
        if self.trailing_space {
            all.iter_mut().for_each(|one| one.push(' '));
        }
        Some(all)
    }
}

fn product(left: &[String], gap: &str, right: &[String]) -> Option<Vec<String>> {
    (left.len() * right.len() <= MAX_GLUED).then(|| {
        left.iter().flat_map(|a| right.iter().map(move |b| format!("{a}{gap}{b}"))).collect()
    })
}

/// `{temperature}°`, `{level}%`: a sign that touches a slot is a word of its own.
fn sign_beside_slot(before: &Item, after: &Item) -> bool {
    let sign = |item: &Item, first: bool| {
        item.spellings.as_ref().is_some_and(|all| {
            all.iter().all(|one| {
                let c = if first { one.chars().next() } else { one.chars().next_back() };
                c.is_none_or(|c| !c.is_alphanumeric() && c != '\'')
            })
        })
    };
    let slot = |item: &Item| matches!(item.node, Node::Slot(_));
    (slot(before) && sign(after, true)) || (slot(after) && sign(before, false))
}

/// Turns a run of touching parts into one node.
fn flush(run: &mut Vec<Item>, nodes: &mut Vec<Node>) -> Result<(), NotationError> {
    let mut items = std::mem::take(run).into_iter();
    let Some(first) = items.next() else { return Ok(()) };
    let mut rest = items.peekable();
    if rest.peek().is_none() {
        nodes.push(first.node);
        return Ok(());
    }
    let mut all = first.spellings;
    for item in rest {
        let (Some(left), Some(right)) = (&all, &item.spellings) else {
            return Err(NotationError::new(
                item.column,
                "touches what stands before it; only literal text can be glued, expected a space between",
            ));
        };
        all = product(left, "", right);
        if all.is_none() {
            return Err(NotationError::new(
                item.column,
                format!("the glued word has more than {MAX_GLUED} spellings"),
            ));
        }
    }
    let mut spellings: Vec<Node> = Vec::new();
    for one in all.unwrap_or_default() {
        let mut words: Vec<Node> =
            one.split_whitespace().map(|word| Node::Word(word.to_owned())).collect();
        let node = if words.len() == 1 { words.remove(0) } else { Node::Sequence(words) };
        if !spellings.contains(&node) {
            spellings.push(node);
        }
    }
    nodes.push(Node::Choice(spellings));
    Ok(())
}

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

#[cfg(test)]
#[path = "template_tests.rs"]
mod tests;
