//! Lengths of time and choices in words.
//!
//! Must not know what they are the length of.

const UNITS: [(u64, &str); 4] =
    [(86_400_000, "day"), (3_600_000, "hour"), (60_000, "minute"), (1_000, "second")];

/// "1 hour and 20 minutes": the two largest parts, rounded to seconds; "less than a second".
pub(crate) fn length(ms: u64) -> String {
    let parts = parts(ms);
    let spoken: Vec<String> = parts
        .iter()
        .take(2)
        .map(|(count, unit)| format!("{count} {unit}{}", if *count == 1 { "" } else { "s" }))
        .collect();
    if spoken.is_empty() { "less than a second".into() } else { spoken.join(" and ") }
}

/// "5 minute", "1 hour 30 minute": as it stands before a noun.
pub(crate) fn length_adjective(ms: u64) -> String {
    let parts: Vec<String> =
        parts(ms).iter().map(|(count, unit)| format!("{count} {unit}")).collect();
    if parts.is_empty() { "0 second".into() } else { parts.join(" ") }
}

/// The same form of what was said: "five minutes" as "5 minute".
pub(crate) fn plain_length(said: &str) -> String {
    let words: Vec<String> = said
        .split([' ', '-'])
        .filter(|word| !word.is_empty() && *word != "and")
        .map(|word| match small_number(word) {
            Some(number) => number.to_string(),
            None => word.strip_suffix('s').unwrap_or(word).to_owned(),
        })
        .collect();
    let mut joined: Vec<String> = Vec::new();
    for word in words {
        // "twenty" "five" are one number.
        let tens = joined
            .last()
            .and_then(|last| last.parse::<u64>().ok())
            .filter(|n| *n >= 20 && n % 10 == 0);
        match (tens, word.parse::<u64>()) {
            (Some(tens), Ok(unit)) if unit < 10 => {
                joined.pop();
                joined.push((tens + unit).to_string());
            }
            _ => joined.push(word),
        }
    }
    joined.join(" ")
}

/// "a", "a or b", "a, b or c".
pub(crate) fn either<'a>(labels: impl Iterator<Item = &'a String>) -> String {
    let labels: Vec<&str> = labels.map(String::as_str).collect();
    match labels.as_slice() {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [rest @ .., last] => format!("{} or {last}", rest.join(", ")),
    }
}

fn parts(ms: u64) -> Vec<(u64, &'static str)> {
    let mut rest = ms.saturating_add(500) / 1_000 * 1_000;
    let mut found = Vec::new();
    for (size, unit) in UNITS {
        if rest >= size {
            found.push((rest / size, unit));
            rest %= size;
        }
    }
    found
}

fn small_number(word: &str) -> Option<usize> {
    const ONES: [&str; 20] = [
        "zero",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
        "thirteen",
        "fourteen",
        "fifteen",
        "sixteen",
        "seventeen",
        "eighteen",
        "nineteen",
    ];
    const TENS: [&str; 4] = ["twenty", "thirty", "forty", "fifty"];
    ONES.iter()
        .position(|one| *one == word)
        .or_else(|| TENS.iter().position(|ten| *ten == word).map(|place| 20 + 10 * place))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_said_in_two_parts() {
        for (ms, said) in [
            (300_000, "5 minutes"),
            (61_000, "1 minute and 1 second"),
            (5_400_000, "1 hour and 30 minutes"),
            (90_061_000, "1 day and 1 hour"),
            (400, "less than a second"),
            (59_600, "1 minute"),
        ] {
            assert_eq!(length(ms), said);
        }
    }

    #[test]
    fn choices_read_well() {
        assert_eq!(either(["a", "b", "c"].map(String::from).iter()), "a, b or c");
        assert_eq!(either([String::from("a")].iter()), "a");
    }

    #[test]
    fn spoken_lengths_have_the_form_of_kept_ones() {
        assert_eq!(plain_length("five minutes"), length_adjective(300_000));
        assert_eq!(plain_length("twenty five minute"), length_adjective(1_500_000));
        assert_eq!(plain_length("1 hour and thirty minutes"), length_adjective(5_400_000));
        assert_ne!(plain_length("pasta"), length_adjective(300_000));
    }
}
