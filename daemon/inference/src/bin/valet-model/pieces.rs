//! Chooses the word pieces that a smaller vocabulary keeps.
//!
//! Must keep what any text of the languages can be cut into: no letter becomes unknown. Must
//! give the same choice on every machine: integers only.

use std::collections::BTreeSet;

use crate::error::{RecipeError, weights_fault};

/// Special pieces that a BERT tokenizer or its training names.
const SPECIAL: [&str; 5] = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
const CONTINUATION: &str = "##";
/// What one occurrence in the texts is worth.
const OCCURRENCE: u64 = 1000;
/// A piece that no text has is worth this much divided by its place in the vocabulary, which is
/// ordered by how common pieces are: at the top as much as a dozen occurrences.
const COMMON: u64 = 3_000_000;
/// Keeps the very first places from being worth more than they are.
const COMMON_AFTER: u64 = 200;

/// How many times each piece occurs.
pub(crate) struct Need<'a> {
    /// In texts that must be cut as before.
    pub(crate) kept: &'a [u64],
    /// In texts that say what is common.
    pub(crate) counted: &'a [u64],
}

/// The numbers of the `count` pieces to keep, in the order of `vocabulary`.
pub(crate) fn choose(
    vocabulary: &[&str],
    need: &Need<'_>,
    count: usize,
) -> Result<Vec<usize>, RecipeError> {
    let must = |place: usize| {
        let piece = vocabulary[place];
        SPECIAL.contains(&piece) || is_letter(piece) || need.kept[place] > 0
    };
    let mut chosen: BTreeSet<usize> = (0..vocabulary.len()).filter(|place| must(*place)).collect();
    if chosen.len() > count {
        return Err(weights_fault(format!(
            "letters and the sentences to keep need {} pieces where {count} are asked for",
            chosen.len()
        )));
    }
    let words = (0..vocabulary.len()).filter(|place| is_latin(vocabulary[*place]));
    let mut ranked: Vec<(u64, usize)> = (0..)
        .zip(words)
        .filter(|(_, place)| !chosen.contains(place))
        .map(|(rank, place)| {
            (need.counted[place] * OCCURRENCE + COMMON / (rank + COMMON_AFTER), place)
        })
        .collect();
    ranked.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    let room = count - chosen.len();
    chosen.extend(ranked.into_iter().take(room).map(|(_, place)| place));
    Ok(chosen.into_iter().collect())
}

fn bare(piece: &str) -> &str {
    piece.strip_prefix(CONTINUATION).filter(|rest| !rest.is_empty()).unwrap_or(piece)
}

/// Of the scripts that Latin text is written with, its marks included.
fn latin(character: char) -> bool {
    // Latin with its extensions; general punctuation; degree and pound are within the first.
    matches!(character, '\0'..'\u{250}' | '\u{2010}'..='\u{2027}' | '€')
}

/// One letter, digit or mark, at the beginning of a word or within.
fn is_letter(piece: &str) -> bool {
    let mut characters = bare(piece).chars();
    characters.next().is_some_and(latin) && characters.next().is_none()
}

fn is_latin(piece: &str) -> bool {
    let special = piece.len() > 2 && piece.starts_with('[') && piece.ends_with(']');
    !special && bare(piece).chars().all(latin)
}

#[cfg(test)]
mod tests {
    use super::*;

    const VOCABULARY: [&str; 12] = [
        "[PAD]",
        "[unused0]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "a",
        "##a",
        "я",
        "the",
        "fan",
        "##fare",
        "бык",
    ];

    fn chosen(count: usize, kept: &[usize], counted: &[usize]) -> Vec<&'static str> {
        let mut need = [[0; 12]; 2];
        kept.iter().for_each(|place| need[0][*place] += 1);
        counted.iter().for_each(|place| need[1][*place] += 100);
        let need = Need { kept: &need[0], counted: &need[1] };
        let places = choose(&VOCABULARY, &need, count).unwrap();
        places.into_iter().map(|place| VOCABULARY[place]).collect()
    }

    #[test]
    fn special_pieces_and_letters_stay_and_other_scripts_go() {
        assert_eq!(chosen(6, &[], &[]), ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "##a"]);
        assert_eq!(chosen(99, &[], &[]).len(), 9);
        assert!(!chosen(99, &[], &[]).contains(&"[unused0]"));
    }

    #[test]
    fn sentences_to_keep_come_before_common_pieces_and_those_before_rare_ones() {
        assert!(chosen(7, &[10], &[9]).contains(&"##fare"));
        assert!(chosen(7, &[], &[9]).contains(&"fan"));
        assert!(chosen(7, &[], &[]).contains(&"the"));
    }

    #[test]
    fn fewer_pieces_than_must_stay_are_refused() {
        let need = Need { kept: &[1; 12], counted: &[0; 12] };
        let said = choose(&VOCABULARY, &need, 8).unwrap_err().to_string();
        assert!(said.contains("12 pieces where 8"), "{said}");
    }
}
