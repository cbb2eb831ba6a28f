//! From the text of a template to its tree: brackets, and words glued together from brackets.
//!
//! Must not know which slots and rules there are.

use super::{MAX_DEPTH, MAX_GLUED, MAX_PERMUTED, Node, NotationError, Template};

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

/// Parses a whole text.
pub(super) fn parse(text: &str) -> Result<Template, NotationError> {
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
    Ok(Template { root, slots: parser.slots, rules: parser.rules })
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
