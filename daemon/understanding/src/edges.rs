//! Words at the edges of an utterance that carry no meaning: where the meaning may begin and end.
//!
//! Must not cut anything off for good: these are only further places to try.

use crate::{language::Language, normalise::Tokens};
use std::ops::Range;

/// Most places tried at each edge.
const MAX_PLACES: usize = 8;

/// Where a command may begin (first token first), leaving aside "could you", "hey", ….
pub(crate) fn starts(tokens: &Tokens, range: &Range<usize>) -> Vec<usize> {
    forward(tokens, range, &Language::english().leading)
}

/// Behind which token a command may end (last token first).
pub(crate) fn ends(tokens: &Tokens, range: &Range<usize>) -> Vec<usize> {
    backward(tokens, range, &Language::english().trailing)
}

/// Where a bare answer may begin.
pub(crate) fn answer_starts(tokens: &Tokens, range: &Range<usize>) -> Vec<usize> {
    let mut all = forward(tokens, range, &Language::english().answer_leading);
    for start in starts(tokens, range) {
        if !all.contains(&start) {
            all.push(start);
        }
    }
    all
}

/// Behind which token a bare answer may end.
pub(crate) fn answer_ends(tokens: &Tokens, range: &Range<usize>) -> Vec<usize> {
    let mut all = backward(tokens, range, &Language::english().answer_trailing);
    for end in ends(tokens, range) {
        if !all.contains(&end) {
            all.push(end);
        }
    }
    all
}

fn says(tokens: &Tokens, at: usize, phrase: &[Box<str>]) -> bool {
    phrase.iter().enumerate().all(|(index, word)| tokens.norm(at + index) == &**word)
}

fn forward(tokens: &Tokens, range: &Range<usize>, phrases: &[Vec<Box<str>>]) -> Vec<usize> {
    let mut all = vec![range.start];
    let mut next = 0;
    while let Some(at) = all.get(next).copied() {
        next += 1;
        for phrase in phrases {
            let behind = at + phrase.len();
            // Something has to be left.
            if behind < range.end
                && all.len() < MAX_PLACES
                && says(tokens, at, phrase)
                && !all.contains(&behind)
            {
                all.push(behind);
            }
        }
    }
    all
}

fn backward(tokens: &Tokens, range: &Range<usize>, phrases: &[Vec<Box<str>>]) -> Vec<usize> {
    let mut all = vec![range.end];
    let mut next = 0;
    while let Some(end) = all.get(next).copied() {
        next += 1;
        for phrase in phrases {
            let Some(before) = end.checked_sub(phrase.len()) else { continue };
            if before > range.start
                && all.len() < MAX_PLACES
                && says(tokens, before, phrase)
                && !all.contains(&before)
            {
                all.push(before);
            }
        }
    }
    all
}
