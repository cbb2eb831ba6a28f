//! "Twenty two, no wait, twenty three": what a person takes back in the same breath.
//!
//! Must not carry out what was taken back.

use super::{Asking, Part, Understander, split::Leaning};
use crate::{
    dialogue::Correction,
    entities::{Context, Kind, may_surround},
    normalise::Tokens,
    templates::Reading,
};
use std::ops::Range;
use valet_core::understanding::{Command, Understanding};

/// Most times that one utterance is corrected.
const MAX_CORRECTIONS: usize = 4;
/// Kinds of values of which one may take the other's place, the longest to say first.
const REPLACEABLE: &[Kind] = &[
    Kind::Duration,
    Kind::Temperature,
    Kind::Percentage,
    Kind::Time,
    Kind::Date,
    Kind::Zone,
    Kind::Number,
    Kind::Colour,
    Kind::Boolean,
];

impl Understander {
    /// The commands of an utterance in which something is taken back; `None` where nothing is.
    pub(super) fn corrected(&self, reading: &Reading<'_>, depth: usize) -> Option<Vec<Part>> {
        let tokens = reading.tokens;
        let (marker, how) = self.words.correction_in(tokens)?;
        if depth == MAX_CORRECTIONS || self.is_said_whole(reading, &marker) {
            return None;
        }
        let left = tokens.picked(0..marker.start);
        let left = Reading::new(&left, reading.entities, reading.context);
        let mut parts = match self.corrected(&left, depth + 1) {
            Some(parts) => parts,
            None => self.split(&left),
        };
        let right = tokens.picked(marker.end..tokens.len());
        let right = Reading::new(&right, reading.entities, reading.context);
        let Some(last) = parts.pop() else {
            // What was taken back is not known; only what is surely a correction is one.
            let instead = (how == Correction::Sure).then(|| self.split(&right))?;
            return (!instead.is_empty()).then_some(instead);
        };
        let mut instead = match self.instead(&right, &last) {
            Some(part) => vec![part],
            None => self.split_after(&right, Some(&last)),
        };
        if instead.is_empty() && how == Correction::Sure {
            let all = 0..right.tokens.len();
            instead.extend(self.borrowed(&right, &all, &last.tokens, Leaning::Instead));
        }
        if instead.is_empty() {
            return None;
        }
        parts.append(&mut instead);
        Some(parts)
    }

    /// Whether one template takes the marker for words of its own.
    fn is_said_whole(&self, reading: &Reading<'_>, marker: &Range<usize>) -> bool {
        let whole = self.template(reading, &(0..reading.tokens.len()));
        whole.is_some_and(|(_, found)| {
            let took = |s: &crate::templates::FoundSlot| {
                s.tokens.start < marker.end && marker.start < s.tokens.end
            };
            found.text_tokens == 0 || !found.slots.iter().any(took)
        })
    }

    /// The corrected command with the values that were said instead.
    fn instead(&self, right: &Reading<'_>, last: &Part) -> Option<Part> {
        let best = &last.command.best;
        let spec = &self.model.intents[*self.model.by_id.get(&best.intent)?];
        let all = 0..right.tokens.len();
        let slots = self.with_values(right, spec, &best.slots, &all)?;
        let mut command = last.command.clone();
        (_, command.end) = right.tokens.span(all);
        command.best.slots = slots;
        command.alternatives.clear();
        Some(Part { command, tokens: last.tokens.clone() })
    }
}

/// Where the value that was taken back begins, and where the one meant instead begins: what
/// stands between is not meant.
fn taken_back(all: &Understander, tokens: &Tokens, context: &Context) -> Option<Range<usize>> {
    let (marker, _) = all.words.correction_in(tokens)?;
    let entities = &all.model.entities;
    let mut first = marker.end;
    loop {
        for kind in REPLACEABLE {
            let new = entities.find_at(*kind, tokens, first, context);
            let old = (0..marker.start).find(|start| {
                let found = entities.find_at(*kind, tokens, *start, context);
                found.iter().any(|found| found.tokens.end == marker.start)
            });
            if let (false, Some(old)) = (new.is_empty(), old) {
                return Some(old..first);
            }
        }
        if first + 1 >= tokens.len() || !may_surround(tokens.norm(first)) {
            return None;
        }
        first += 1;
    }
}

impl Asking<'_> {
    /// What the heads make of an utterance without the value that was taken back in it.
    pub(super) fn without_taken_back(
        &mut self,
        tokens: &Tokens,
        understood: &mut Understanding,
    ) -> Option<Vec<Command>> {
        let cut = taken_back(self.all, tokens, self.context)?;
        let (from, _) = tokens.span(cut.start..cut.start + 1);
        let (to, _) = tokens.span(cut.end..cut.end + 1);
        let text = tokens.text();
        let (kept, rest) = (text.get(..from as usize)?, text.get(to as usize..)?);
        let (command, _) = self.rank(&Tokens::read(&[kept, rest].concat()), 0, understood)?;
        let mut command = command?;
        let there = |at: &mut u32, edge: u32| *at += if *at > edge { to - from } else { 0 };
        let start_there = |at: &mut u32| *at += if *at >= from { to - from } else { 0 };
        start_there(&mut command.start);
        there(&mut command.end, from);
        let alternatives = &mut command.alternatives;
        for slot in
            std::iter::once(&mut command.best).chain(alternatives).flat_map(|c| &mut c.slots)
        {
            if slot.start < slot.end {
                start_there(&mut slot.start);
                there(&mut slot.end, from);
                text.get(slot.start as usize..slot.end as usize)?.clone_into(&mut slot.text);
            }
        }
        Some(vec![command])
    }
}
