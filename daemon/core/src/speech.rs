//! What is said: the pieces in which a voice can begin with it, how long it takes, and whether words that
//! were heard are these.
//!
//! Must not change a letter: the pieces together are the whole.

use std::time::Duration;

/// Most letters of a speech and of what was heard that are compared.
const MOST_LETTERS: usize = 400;
/// Most sentences of a speech that are compared, by themselves and together: a skill that speaks in a thousand of
/// one letter must not make hearing it dear.
const MOST_SENTENCES: usize = 12;
/// Letters that an echo begins with, too.
const ALIKE_AT_FIRST: usize = 3;
/// Slowest that a voice is expected to be, letters a second.
const LETTERS_A_SECOND: u64 = 8;
/// What a voice may need before it begins.
const BEFORE_IT_BEGINS: Duration = Duration::from_secs(2);

/// The sentences of a text, each with the blanks behind it.
///
/// A sentence ends with `.`, `!`, `?` or `…` and the quotes and brackets that close behind it, where a
/// blank follows and what comes then does not go on in small letters: "at 5 p.m. tomorrow" is one.
pub fn sentences(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (sentence, behind) = rest.split_at(end_of_sentence(rest));
        rest = behind;
        Some(sentence)
    })
}

/// One past the last byte of the first sentence and the blanks behind it.
fn end_of_sentence(text: &str) -> usize {
    let mut ended = false;
    for (at, c) in text.char_indices() {
        ended = match c {
            '.' | '!' | '?' | '…' => true,
            '"' | '\'' | ')' | '”' | '’' | '»' => ended,
            _ if c.is_whitespace() && ended => {
                let behind = &text[at..];
                let next = behind.trim_start();
                if !next.starts_with(char::is_lowercase) {
                    return text.len() - next.len();
                }
                false
            }
            _ => false,
        };
    }
    text.len()
}

/// The longest that it takes to say a text.
#[must_use]
pub fn time_to_say(text: &str) -> Duration {
    let letters = text.chars().count() as u64;
    BEFORE_IT_BEGINS + Duration::from_millis(letters * 1000 / LETTERS_A_SECOND)
}

/// Whether what was heard is what was said, or whole sentences of it, as a recogniser would write them
/// down: it begins alike, has the same digits, and of the letters of both at least 17 in 20 are the same, in
/// the same order. An answer that takes up words of a question is none, nor is a command with another number.
#[must_use]
pub fn is_echo(heard: &str, said: &str) -> bool {
    let heard = letters(heard);
    if heard.is_empty() {
        return false;
    }
    let sentences: Vec<Vec<char>> = sentences(said).take(MOST_SENTENCES).map(letters).collect();
    (0..sentences.len()).any(|from| {
        let mut part = Vec::new();
        sentences[from..].iter().any(|sentence| {
            part.extend_from_slice(sentence);
            part.len() <= MOST_LETTERS && are_alike(&heard, &part)
        })
    })
}

fn are_alike(heard: &[char], said: &[char]) -> bool {
    let longer = heard.len().max(said.len());
    let enough = |letters: usize| letters * 20 >= longer * 17;
    let digits =
        |text: &[char]| text.iter().copied().filter(char::is_ascii_digit).collect::<Vec<_>>();
    let begins = |text: &[char]| text.iter().copied().take(ALIKE_AT_FIRST).collect::<Vec<_>>();
    // The cheapest first: the shorter one cannot share more than it has.
    enough(heard.len().min(said.len()))
        && begins(heard) == begins(said)
        && digits(heard) == digits(said)
        && enough(common(heard, said))
}

/// How many letters two texts share in the same order: the longest common subsequence.
fn common(one: &[char], other: &[char]) -> usize {
    let mut row = vec![0_usize; other.len() + 1];
    for letter in one {
        let mut diagonal = 0;
        for (at, against) in other.iter().enumerate() {
            let above = row[at + 1];
            row[at + 1] = if letter == against { diagonal + 1 } else { above.max(row[at]) };
            diagonal = above;
        }
    }
    row[other.len()]
}

/// The letters and digits of a text, small, without blanks and signs.
fn letters(text: &str) -> Vec<char> {
    let letters = text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase);
    letters.take(MOST_LETTERS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_voice_can_begin_with_the_first_sentence() {
        for (text, expected) in [
            ("", &[][..]),
            ("Done", &["Done"]),
            ("It's 21.5 degrees.", &["It's 21.5 degrees."]),
            (
                "Opened.  The driver's \"left.\" Now?",
                &["Opened.  ", "The driver's \"left.\" ", "Now?"],
            ),
            ("At 5 p.m. tomorrow. Fine!", &["At 5 p.m. tomorrow. ", "Fine!"]),
            ("Wait… 3 minutes. ", &["Wait… ", "3 minutes. "]),
            ("Hübsch! Ödön kommt.", &["Hübsch! ", "Ödön kommt."]),
        ] {
            let pieces: Vec<&str> = sentences(text).collect();
            assert_eq!(pieces, expected);
            assert_eq!(pieces.concat(), text);
        }
    }

    #[test]
    fn our_own_words_are_known_again_and_an_answer_is_none_of_them() {
        let said = "The driver's side is set to 22 degrees. Should I open the driver's window?";
        for echo in [
            said,
            "the drivers side is set to 22 degrees",
            "the driver side is set to 22 degrees",
            "the drivers sight is set to 22 degrees",
            "should i open the drivers window",
        ] {
            assert!(is_echo(echo, said), "{echo}");
        }
        for answer in [
            "",
            "yes",
            "open the driver's window",
            "the driver's window",
            "no the other window",
            "is set to",
            "open the window of the passenger",
            "set it to 23 degrees",
            "set the driver's side to 22 degrees",
            "the drivers side is set to 23 degrees",
        ] {
            assert!(!is_echo(answer, said), "{answer}");
        }
        assert!(is_echo("done", "Done."));
        assert!(!is_echo("done", "All done."));
    }
}
