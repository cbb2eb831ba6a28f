//! Verdicts on the tokenizer: what it cuts texts into, and what holds of any text.

use proptest::prelude::*;

use super::*;

/// `[UNK]` 0, `[CLS]` 1, `[SEP]` 2, then pieces.
const LINES: &str = "[UNK]\n[CLS]\n[SEP]\nset\nfan\n##s\n!\nfen\n##ster\noff\n##ne\n中\n##!\n";

fn vocabulary() -> Vocabulary {
    Vocabulary::parse(LINES.as_bytes()).unwrap()
}

fn cut(text: &str) -> (Vec<u32>, Vec<&str>) {
    let tokens = vocabulary().tokenize(text, 32);
    let parts =
        tokens.spans.iter().map(|span| &text[span.start as usize..span.end as usize]).collect();
    (tokens.ids, parts)
}

#[test]
fn words_are_cut_into_their_longest_pieces() {
    assert_eq!(cut("Set FANS!"), (vec![1, 3, 4, 5, 6, 2], vec!["Set", "FAN", "S", "!"]));
}

#[test]
fn accents_go_and_spans_keep_the_original_bytes() {
    assert_eq!(cut("Öffne"), (vec![1, 9, 10, 2], vec!["Öff", "ne"]));
    assert_eq!(cut("O\u{308}ffne"), (vec![1, 9, 10, 2], vec!["O\u{308}ff", "ne"]));
    assert_eq!(cut("fa\u{200d}n"), (vec![1, 4, 2], vec!["fa\u{200d}n"]));
}

#[test]
fn ideographs_stand_alone() {
    assert_eq!(cut("set中fan"), (vec![1, 3, 11, 4, 2], vec!["set", "中", "fan"]));
}

#[test]
fn a_word_with_an_unknown_part_is_unknown_as_a_whole() {
    assert_eq!(cut("setx fan"), (vec![1, 0, 4, 2], vec!["setx", "fan"]));
    let long = "set".repeat(34);
    assert_eq!(cut(&long).0, [1, 0, 2]);
}

#[test]
fn a_special_token_written_in_a_text_stays_text() {
    assert!(!cut("[SEP] [CLS]").0[1..].iter().rev().skip(1).any(|id| [1, 2].contains(id)));
}

#[test]
fn what_is_past_the_limit_is_left_off() {
    let vocabulary = vocabulary();
    for (limit, ids) in [
        (0, vec![1, 2]),
        (2, vec![1, 2]),
        (3, vec![1, 3, 2]),
        (4, vec![1, 3, 4, 2]),
        (5, vec![1, 3, 4, 5, 2]),
        (6, vec![1, 3, 4, 5, 6, 2]),
    ] {
        let tokens = vocabulary.tokenize("set fans!", limit);
        assert_eq!(tokens.ids, ids);
        assert_eq!(tokens.spans.len() + 2, tokens.ids.len());
    }
}

#[test]
fn a_damaged_vocabulary_is_refused_with_the_line() {
    let why = |lines: &str| Vocabulary::parse(lines.as_bytes()).unwrap_err().to_string();
    assert!(why("[UNK]\n[CLS]\n").contains("[SEP] is missing"));
    assert!(why("").contains("line 1"));
    assert!(why("[UNK]\n\n[CLS]\n[SEP]\n").contains("line 2"));
    assert!(why("[UNK]\n[CLS]\n[SEP]\na\na\n").contains("line 5 repeats line 4"));
    assert!(why(&format!("[UNK]\n{}\n", "x".repeat(257))).contains("line 2 has 257 bytes"));
    assert!(Vocabulary::parse(b"[UNK]\n\xff\n").unwrap_err().to_string().contains("UTF-8"));
    let large = vec![b'a'; MAX_VOCABULARY_BYTES + 1];
    assert!(Vocabulary::parse(&large).is_err());
}

proptest! {
    #[test]
    fn spans_are_in_order_inside_the_text_and_on_letters(text in any::<String>(), limit in 0usize..40) {
        let tokens = vocabulary().tokenize(&text, limit);
        prop_assert!(tokens.ids.len() <= limit.max(2));
        prop_assert_eq!(tokens.spans.len() + 2, tokens.ids.len());
        prop_assert_eq!((tokens.ids[0], tokens.ids[tokens.ids.len() - 1]), (1, 2));
        let mut before = 0;
        for span in &tokens.spans {
            let (start, end) = (span.start as usize, span.end as usize);
            prop_assert!(before <= start && start < end && end <= text.len());
            prop_assert!(text.is_char_boundary(start) && text.is_char_boundary(end));
            before = start;
        }
    }

    #[test]
    fn case_and_surrounding_space_change_nothing(words in "[a-z !]{0,20}") {
        let vocabulary = vocabulary();
        let upper = format!("  {}\t", words.to_uppercase());
        prop_assert_eq!(vocabulary.tokenize(&words, 64).ids, vocabulary.tokenize(&upper, 64).ids);
    }

    #[test]
    fn no_bytes_make_the_vocabulary_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(vocabulary) = Vocabulary::parse(&bytes) {
            let _ = vocabulary.tokenize("set the fan", 16);
        }
    }
}
