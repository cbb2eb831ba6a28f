//! What turns a sentence about an action into something else than a request to act now: a
//! denial, a condition, another time, a report, a plan, a statement, a question mark. The
//! encoder hears what a sentence is about and is deaf to all of these.
//!
//! Must not choose an intent, and must not weigh on what only answers.

mod doubt;
mod reword;
mod words;

pub(crate) use doubt::Known;
pub(super) use reword::Rewording;
pub(crate) use words::asks;

use crate::{
    edges,
    entities::{Context, Entities, Kind},
    normalise::Tokens,
    training::TrainingIntent,
};
use std::ops::Range;
use valet_core::slot::Slot;
use words::{Phrases, Words};

/// Most words between a form of "be" and the state it tells.
const STATE_WITHIN: usize = 4;
/// Most words between a denial and what softens it.
const SOFTENED_WITHIN: usize = 4;
/// Most words from the beginning to the verb of a report.
const REPORT_WITHIN: usize = 6;
/// Most words between "will" and its verb.
const PLAN_WITHIN: usize = 3;
/// Most words between "when" and a value that the intent takes from the clause.
const VALUE_WITHIN: usize = 5;

/// An acting intent that was read out of a text, and what its own sentences are like.
pub(super) struct Reading<'a> {
    pub(super) tokens: &'a Tokens,
    pub(super) context: &'a Context,
    pub(super) entities: &'a Entities,
    pub(super) known: &'a Known,
    pub(super) intent: usize,
    pub(super) spec: &'a TrainingIntent,
    pub(super) slots: &'a [Slot],
}

impl Reading<'_> {
    /// Whether the text is no request to act now, whatever it is about.
    pub(super) fn is_no_request(&self) -> bool {
        let words = Words::english();
        let all = 0..self.tokens.len();
        let pardoned = words.pardoned(self.tokens);
        // "The boot is still open, close it": the rest says only why.
        let told = words
            .imperative(self.tokens)
            .filter(|told| self.known.has_verb(self.intent, self.tokens.norm(told.start)))
            .unwrap_or(all);
        self.denies(words, &told, &pardoned)
            || self.depends(words, &pardoned)
            || self.waits(words)
            || self.reports(words, &told)
            || self.plans(words, &told)
            || self.states(words, &told)
            || self.quotes(words, &told)
    }

    /// "Don't open it": a denial that no sample of the intent has. Outside of the command only
    /// what must not be done counts ("don't close it, open it").
    fn denies(&self, words: &Words, told: &Range<usize>, pardoned: &[bool]) -> bool {
        (0..self.tokens.len()).filter(|at| !pardoned[*at]).any(|at| {
            let Some(end) = words.negations.end(self.tokens, at) else { return false };
            let counts = told.contains(&at) || words.verbs.end(self.tokens, end).is_some();
            let softened = words.softeners.any(self.tokens, end..end + SOFTENED_WITHIN);
            counts
                && !softened
                && !self.known.says(self.intent, &words.behind(self.tokens, at, end))
        })
    }

    /// "If it rains": a condition that is neither a courtesy nor a value of the intent.
    fn depends(&self, words: &Words, pardoned: &[bool]) -> bool {
        let says = |what: &str| self.known.says(self.intent, what);
        (0..self.tokens.len()).filter(|at| !pardoned[*at]).any(|at| {
            let Some(end) = words.conditions.end(self.tokens, at) else { return false };
            let takes = says(&self.tokens.norms(at..end)) && self.fills(end..end + VALUE_WITHIN);
            !takes && !says(&words.behind(self.tokens, at, end))
        })
    }

    /// "Tomorrow", "in ten minutes": another time, where the intent has no slot for one.
    fn waits(&self, words: &Words) -> bool {
        let timed = |kind| matches!(kind, Kind::Date | Kind::Time | Kind::Duration);
        if self.spec.slots.iter().any(|slot| timed(slot.kind)) {
            return false;
        }
        let tokens = self.tokens;
        let found = |kind, at| self.entities.find_at(kind, tokens, at, self.context).into_iter();
        let is_clock = |text: &str| text.contains(':') || matches!(text, "am" | "pm" | "oclock");
        (0..tokens.len()).any(|at| {
            if let Some(end) = words.later.end(tokens, at) {
                return !self.fills(at..end);
            }
            let after = matches!(tokens.norm(at), "in" | "after");
            let after = after && found(Kind::Duration, at + 1).next().is_some();
            let on_the_clock = tokens.norm(at) == "at"
                && found(Kind::Time, at + 1)
                    .any(|time| time.tokens.into_iter().any(|t| is_clock(tokens.norm(t))));
            after || on_the_clock
        })
    }

    /// "I opened it": what was done.
    fn reports(&self, words: &Words, told: &Range<usize>) -> bool {
        let (tokens, from) = (self.tokens, self.meant_from(told));
        if words.people.end(tokens, from).is_none() {
            return false;
        }
        (from + 1..told.end.min(from + REPORT_WITHIN)).any(|at| {
            let done = words.past.end(tokens, at).is_some()
                || (words.bare_past.end(tokens, at).is_some()
                    && [&words.pronouns, &words.already]
                        .iter()
                        .any(|before| before.end(tokens, at - 1).is_some()));
            done && !words.bids.any(tokens, from..at)
                && !self.known.says(self.intent, &tokens.norms(at - 1..at + 1))
        })
    }

    /// "We should open it", "he is going to open it"; what "you" will do is a request.
    fn plans(&self, words: &Words, told: &Range<usize>) -> bool {
        let (tokens, from) = (self.tokens, self.meant_from(told));
        words.pronouns.end(tokens, from).is_some()
            && tokens.norm(from) != "you"
            && (from + 1..told.end.min(from + REPORT_WITHIN)).any(|at| {
                let Some(end) = words.plans.end(tokens, at) else { return false };
                let planned = words.verbs.any(tokens, end..end + PLAN_WITHIN);
                planned && !self.known.says(self.intent, &tokens.norms(at..end + 1))
            })
    }

    /// "The boot is open", "it is twenty degrees": how things are, unless it is a complaint.
    fn states(&self, words: &Words, told: &Range<usize>) -> bool {
        let (tokens, from) = (self.tokens, self.meant_from(told));
        if words.excess.any(tokens, from..told.end) || words.verbs.end(tokens, from).is_some() {
            return false;
        }
        let is_state = |at: usize| words.states.end(tokens, at).is_some();
        let is_number =
            |at| !self.entities.find_at(Kind::Number, tokens, at, self.context).is_empty();
        (from + 1..told.end).any(|at| {
            words.copulas.end(tokens, at).is_some()
                && !matches!(tokens.norm(at - 1), "that" | "which")
                && !words.bids.any(tokens, from..at)
                && (is_number(at + 1)
                    || (at + 1..told.end.min(at + 1 + STATE_WITHIN))
                        .take_while(|next| {
                            is_state(*next) || words.verbs.end(tokens, *next).is_none()
                        })
                        .any(|next| {
                            is_state(next)
                                && !self.known.says(self.intent, &words.stated(tokens, at, next))
                        }))
        })
    }

    /// "My mother says …": the words of somebody else.
    fn quotes(&self, words: &Words, told: &Range<usize>) -> bool {
        told.clone().skip(1).any(|at| {
            words.reports.end(self.tokens, at).is_some()
                && words.own_words.end(self.tokens, at - 1).is_none()
                && !self.known.says(self.intent, &self.tokens.norms(at - 1..at + 1))
        })
    }

    /// Where the meaning begins, behind all courtesies.
    fn meant_from(&self, range: &Range<usize>) -> usize {
        edges::starts(self.tokens, range).into_iter().max().unwrap_or(range.start)
    }

    /// Whether a slot takes one of these tokens.
    fn fills(&self, range: Range<usize>) -> bool {
        let (start, end) = self.tokens.span(range.start..range.end.min(self.tokens.len()));
        self.slots.iter().any(|slot| slot.start < end && start < slot.end)
    }
}

impl Phrases {
    /// Whether a phrase begins at one of these tokens.
    fn any(&self, tokens: &Tokens, range: Range<usize>) -> bool {
        range.take_while(|at| *at < tokens.len()).any(|at| self.end(tokens, at).is_some())
    }
}

#[cfg(test)]
#[path = "veto/tests.rs"]
mod tests;
