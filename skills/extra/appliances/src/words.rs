//! Words: of a name, of a list, of how long ago something was.
//!
//! Must not word a success; the replies do, by what was observed.

use crate::device::Sort;

/// What says nothing about which device is meant.
const FILLING: [&str; 15] = [
    "the", "a", "an", "my", "our", "all", "every", "each", "in", "of", "at", "on", "and", "both",
    "to",
];
const LAMPS: [&str; 4] = ["light", "lamp", "bulb", "lighting"];
const COVERS: [&str; 9] =
    ["blind", "shade", "shutter", "curtain", "drape", "cover", "roller", "awning", "venetian"];

/// The words of a name, small and in the singular.
pub(crate) fn words(name: &str) -> Vec<String> {
    let lower = name.to_lowercase();
    let parts = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    parts.filter(|word| !FILLING.contains(word)).map(|word| singular(word).to_owned()).collect()
}

fn singular(word: &str) -> &str {
    match word.strip_suffix('s') {
        Some(one) if one.len() > 2 && !one.ends_with('s') => one,
        _ => word,
    }
}

/// Whether a word means any lamp.
pub(crate) fn is_lamp(word: &str) -> bool {
    LAMPS.contains(&word)
}

/// Whether a word means any cover of a window.
pub(crate) fn is_cover(word: &str) -> bool {
    COVERS.contains(&word)
}

/// Whether more than one is meant.
pub(crate) fn is_several(said: &str) -> bool {
    said.to_lowercase().split_whitespace().any(|word| {
        ["all", "every", "both", "lighting"].contains(&word) || (singular(word) != word)
    })
}

/// A list as people say it, at most so many of them.
pub(crate) fn list(names: &[&str], most: usize) -> String {
    let mut shown: Vec<String> = names.iter().take(most).map(|name| (*name).to_owned()).collect();
    if names.len() > most {
        shown.push(format!("{} more", names.len() - most));
    }
    match shown.split_last() {
        None => String::new(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}

/// A name with its article.
pub(crate) fn the(name: &str) -> String {
    let first = name.split_whitespace().next().unwrap_or_default().to_lowercase();
    if ["the", "my", "our"].contains(&first.as_str()) || is_given(name) {
        name.to_owned()
    } else {
        format!("the {name}")
    }
}

/// Whether a name is one that somebody was given, such as a robot: "Rosie".
fn is_given(name: &str) -> bool {
    let words = words(name);
    let [word] = words.as_slice() else { return false };
    let common = is_lamp(word) || is_cover(word) || Sort::of(&words).is_some();
    name.starts_with(char::is_uppercase) && !common
}

/// "is" and "has", or "are" and "have", as a name wants it.
pub(crate) fn verbs(name: &str) -> (&'static str, &'static str) {
    let last = name.split_whitespace().next_back().unwrap_or_default().to_lowercase();
    if singular(&last) == last { ("is", "has") } else { ("are", "have") }
}

/// The same at the beginning of a sentence.
pub(crate) fn the_first(name: &str) -> String {
    let mut text = the(name);
    if let Some(first) = text.get_mut(0..1) {
        first.make_ascii_uppercase();
    }
    text
}

/// A length of time, roughly.
pub(crate) fn minutes(minutes: u64) -> String {
    let one = |count: u64, unit: &str| {
        if count == 1 { format!("1 {unit}") } else { format!("{count} {unit}s") }
    };
    match (minutes / 60, minutes % 60) {
        (0, minutes) => one(minutes, "minute"),
        (hours, 0) => one(hours, "hour"),
        (hours, minutes) if hours < 24 => {
            format!("{} and {}", one(hours, "hour"), one(minutes, "minute"))
        }
        (hours, _) => one(hours / 24, "day"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_by_their_words() {
        assert_eq!(words("All the Lights in the Kitchen"), ["light", "kitchen"]);
        assert_eq!(words("Glass-cabinet"), ["glass", "cabinet"]);
        assert!(is_several("lights") && is_several("every lamp") && !is_several("lamp"));
        assert!(!is_several("glass"));
    }

    #[test]
    fn lists_and_times_are_said_as_people_say_them() {
        assert_eq!(list(&["a", "b", "c"], 5), "a, b and c");
        assert_eq!(list(&["a", "b", "c", "d"], 2), "a, b and 2 more");
        assert_eq!(list(&[], 2), "");
        assert_eq!(minutes(1), "1 minute");
        assert_eq!(minutes(75), "1 hour and 15 minutes");
        assert_eq!(minutes(120), "2 hours");
        assert_eq!(minutes(60 * 24 * 3 + 5), "3 days");
        assert_eq!((the("my lamp"), the_first("lamp")), ("my lamp".into(), "The lamp".into()));
        assert_eq!((the("Rosie"), the("Oven")), ("Rosie".into(), "the Oven".into()));
        assert_eq!(
            (verbs("kitchen spots").0, verbs("Glass").0, verbs("lamp").1),
            ("are", "is", "has")
        );
    }
}
