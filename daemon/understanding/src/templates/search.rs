//! The search: all ways through the automaton at once, from left to right, keeping the best way
//! to each state at each place. Takes steps in the product of states and words, never more.
//!
//! Must not backtrack.

use super::{Found, FoundSlot, Label, MAX_STEPS, Reading, Templates, UNKNOWN};
use crate::entities::Kind;
use valet_core::entity::Value;

/// The best way found to a state at a place.
#[derive(Debug, Clone, Copy)]
struct Way {
    state: u32,
    score: i64,
    /// Token and number of the way before; `None` at the start.
    before: Option<(u32, u32)>,
    /// The slot that was filled, and which of its values at the token before.
    slot: Option<(u32, u32)>,
    origin: u32,
}

/// More literal words first, then fewer words in free text, then fewer words elsewhere.
pub(super) fn score(literals: u32, text_tokens: u32) -> i64 {
    i64::from(literals) * 4096 - i64::from(text_tokens)
}

/// The index of a value that stands for free text.
const FREE: u32 = u32::MAX;

struct Search<'a> {
    all: &'a Templates,
    reading: &'a Reading<'a>,
    words: Vec<u32>,
    steps: usize,
    /// Ways by token, used again for every template.
    ways: Vec<Vec<Way>>,
    used: Vec<usize>,
    limit: usize,
}

/// The best match of each target, best first; empty when the steps ran out.
pub(super) fn search(
    all: &Templates,
    reading: &Reading<'_>,
    starts: &[usize],
    ends: &[usize],
) -> Vec<Found> {
    let (Some(first), Some(limit)) = (starts.iter().min(), ends.iter().max()) else {
        return Vec::new();
    };
    let list = reading.tokens.list();
    let words: Vec<u32> = list
        .iter()
        .enumerate()
        .map(|(index, token)| {
            if index < *first || index >= *limit {
                UNKNOWN
            } else {
                all.words.get(&token.norm).copied().unwrap_or(UNKNOWN)
            }
        })
        .collect();
    let candidates = all.index.candidates(&words);
    let mut search = Search {
        all,
        reading,
        words,
        steps: 0,
        ways: vec![Vec::new(); list.len() + 1],
        used: Vec::new(),
        limit: *limit,
    };
    let mut found: Vec<Found> = Vec::new();
    for number in candidates {
        let entry = all.entries[number as usize];
        let Some(this) = search.template(entry.start, entry.target, starts, ends) else {
            if search.steps > MAX_STEPS {
                return Vec::new();
            }
            continue;
        };
        match found.iter_mut().find(|other| other.target == this.target) {
            Some(other) if other.score() >= this.score() => {}
            Some(other) => *other = this,
            None => found.push(this),
        }
    }
    found.sort_by_key(|found| std::cmp::Reverse(found.score()));
    found
}

impl Search<'_> {
    /// The best way through one template.
    fn template(
        &mut self,
        start: u32,
        target: u32,
        starts: &[usize],
        ends: &[usize],
    ) -> Option<Found> {
        for place in self.used.drain(..) {
            self.ways[place].clear();
        }
        for place in starts {
            #[allow(clippy::cast_possible_truncation)]
            let way =
                Way { state: start, score: 0, before: None, slot: None, origin: *place as u32 };
            self.reach(*place, way);
        }
        for place in 0..self.limit {
            let mut number = 0;
            while number < self.ways[place].len() {
                self.leave(place, number);
                number += 1;
                if self.steps > MAX_STEPS {
                    return None;
                }
            }
        }
        let mut best: Option<(i64, usize, usize)> = None;
        for end in ends {
            for (number, way) in self.ways[*end].iter().enumerate() {
                // At equal score the match that leaves fewer words aside wins.
                let accepts = self.all.states[way.state as usize].accepts && way.before.is_some();
                let covered = *end as i64 - i64::from(way.origin);
                let rank = way.score * 1024 + covered;
                if accepts && best.is_none_or(|(score, ..)| rank > score) {
                    best = Some((rank, *end, number));
                }
            }
        }
        best.map(|(_, end, number)| self.trace(target, end, number))
    }

    fn reach(&mut self, place: usize, way: Way) {
        let ways = &mut self.ways[place];
        if ways.is_empty() {
            self.used.push(place);
        }
        match ways.iter_mut().find(|other| other.state == way.state) {
            Some(other) if other.score >= way.score => {}
            Some(other) => *other = way,
            None => ways.push(way),
        }
    }

    /// Follows all edges of one way.
    #[allow(clippy::cast_possible_truncation)]
    fn leave(&mut self, place: usize, number: usize) {
        let way = self.ways[place][number];
        let state = self.all.states[way.state as usize];
        let before = Some((place as u32, number as u32));
        for index in state.first..state.end {
            self.steps += 1;
            let edge = self.all.edges[index as usize];
            let next = Way { state: edge.to, before, slot: None, ..way };
            match edge.label {
                Label::Word(word) => {
                    if self.words[place] == word {
                        self.reach(place + 1, Way { score: way.score + score(1, 0), ..next });
                    }
                }
                Label::Slot(slot) => self.fill(place, slot, next),
            }
        }
    }

    #[allow(clippy::cast_possible_truncation)]
    fn fill(&mut self, place: usize, slot: u32, next: Way) {
        let kind = self.all.slots[slot as usize].kind;
        if kind == Kind::Text {
            for end in place + 1..=self.limit {
                self.steps += 1;
                let taken = (end - place) as u32;
                let score = next.score - i64::from(taken);
                self.reach(end, Way { slot: Some((slot, FREE)), score, ..next });
            }
            return;
        }
        let values = self.reading.values_at(kind, place);
        for (number, value) in values.iter().enumerate() {
            self.steps += 1;
            if value.tokens.end <= self.limit {
                self.reach(value.tokens.end, Way { slot: Some((slot, number as u32)), ..next });
            }
        }
    }

    /// Walks a way back and collects what it filled.
    fn trace(&self, target: u32, end: usize, number: usize) -> Found {
        let (mut place, mut number) = (end, number);
        let mut slots = Vec::new();
        let (mut literals, mut text_tokens) = (0, 0);
        loop {
            let way = self.ways[place][number];
            let Some((before, before_number)) = way.before else { break };
            let from = before as usize;
            match way.slot {
                None => literals += 1,
                Some((slot, value)) => {
                    let used = &self.all.slots[slot as usize];
                    let value = if value == FREE {
                        #[allow(clippy::cast_possible_truncation)]
                        {
                            text_tokens += (place - from) as u32;
                        }
                        Value::Text(self.reading.tokens.words(from..place).to_owned())
                    } else {
                        self.reading.values_at(used.kind, from)[value as usize].value.clone()
                    };
                    slots.push(FoundSlot {
                        name: used.name.clone(),
                        value,
                        tokens: from..place,
                        is_text: used.kind == Kind::Text,
                    });
                }
            }
            (place, number) = (from, before_number as usize);
        }
        slots.reverse();
        // A slot that a template names twice keeps what was said first.
        let mut index = 1;
        while index < slots.len() {
            let (before, this): (&[FoundSlot], _) = (&slots[..index], &slots[index]);
            if before.iter().any(|slot| slot.name == this.name) {
                slots.remove(index);
            } else {
                index += 1;
            }
        }
        Found { target, slots, literals, text_tokens, tokens: place..end }
    }
}
