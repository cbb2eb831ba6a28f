//! A colour that no list knows: what the sentence wanted a light to look like.
//!
//! Must not guess which colour was meant.

use valet_skill_sdk::prelude::*;

/// Words behind a light that say nothing of its look.
const PLAIN: &[&str] = &[
    "please",
    "now",
    "again",
    "then",
    "the",
    "a",
    "an",
    "to",
    "in",
    "on",
    "off",
    "for",
    "me",
    "us",
    "here",
    "there",
    "inside",
    "too",
    "also",
    "tonight",
    "today",
    "thanks",
    "at",
    "of",
    "is",
    "be",
    "light",
    "lights",
    "lighting",
    "colour",
    "color",
    "brightness",
    "would",
    "could",
    "can",
    "you",
    "it",
    "so",
    "that",
    "i",
    "we",
    "car",
    "cabin",
    "my",
    "our",
    "just",
    "only",
    "bit",
    "little",
];
/// Verbs that give a light its look.
const GIVING: &[&str] = &["make", "set", "turn", "change", "put", "paint", "switch", "have"];
/// What stands before a look that stands before its light: "give me chartreuse ambient light".
const WANTING: &[&str] = &["me", "us", "some", "a", "an", "want", "like", "love", "have"];

/// The look that was said where a light has none that is known: no state, colour, brightness.
pub(crate) fn unknown_look(call: &Call) -> Option<String> {
    let is_lit_in_colours = matches!(call.text("light"), Some("ambient-light" | "reading-light"));
    let is_known =
        ["state", "change", "percent", "colour"].iter().any(|slot| call.value(slot).is_some());
    if !is_lit_in_colours || is_known {
        return None;
    }
    look_in(call.utterance()?, call.words("light")?, call.words("zone").unwrap_or_default())
}

/// The look beside a light in a sentence that is about nothing else.
fn look_in(sentence: &str, light: &str, zone: &str) -> Option<String> {
    let words = words_of(sentence);
    if words.iter().any(|word| word == "and" || word == "then") {
        return None;
    }
    let (light, zone) = (words_of(light), words_of(zone));
    if light.is_empty() {
        return None;
    }
    let at = words.windows(light.len()).position(|some| some == light)?;
    let (before, behind) = (&words[..at], &words[at + light.len()..]);
    let says = |word: &&String| !PLAIN.contains(&word.as_str()) && !zone.contains(word);
    let is_given = before.iter().any(|word| GIVING.contains(&word.as_str()))
        || behind.first().is_some_and(|word| word == "to" || word == "in");
    let look: Vec<&str> = behind.iter().filter(says).map(String::as_str).collect();
    if is_given && !look.is_empty() {
        return Some(look.join(" "));
    }
    match before {
        [.., wanting, look] if WANTING.contains(&wanting.as_str()) && says(&look) => {
            Some(look.clone())
        }
        _ => None,
    }
}

fn words_of(text: &str) -> Vec<String> {
    text.split(|c: char| c.is_whitespace() || c == ',')
        .map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase())
        .filter(|word| !word.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::look_in;

    #[test]
    fn a_colour_nobody_knows_is_found_beside_its_light() {
        for (sentence, look) in [
            ("Make the ambient light chartreuse, please", Some("chartreuse")),
            ("set the ambient light to burnt sienna", Some("burnt sienna")),
            ("ambient light in #ff0000 in the back", Some("ff0000")),
            ("give me some chartreuse ambient light", Some("chartreuse")),
            ("some ambient light please", None),
            ("I'd like ambient light in the back", None),
            ("ambient light", None),
            ("turn the ambient light on", None),
            ("ambient light and open the boot", None),
        ] {
            assert_eq!(
                look_in(sentence, "ambient light", "the back").as_deref(),
                look,
                "{sentence}"
            );
        }
    }
}
