//! How recognisers write down what is said, by rule: the same text and number give the same words.
//!
//! Must not change what is meant: whoever reads the words would do the same.

/// One way to change a text.
pub(super) struct Rule {
    pub(super) name: &'static str,
    pub(super) what: &'static str,
    /// The text and a number that chooses.
    pub(super) change: fn(&str, u64) -> String,
}

/// All of them; the first one changes nothing.
pub(super) const RULES: &[Rule] = &[
    Rule { name: "clean", what: "as the tests are written", change: |text, _| text.to_owned() },
    Rule {
        name: "plain",
        what: "small letters, no signs, numbers as words",
        change: |text, _| plain(text),
    },
    Rule { name: "fillers", what: "plain, with uh, um, please, like somewhere", change: fillers },
    Rule { name: "wake-word", what: "plain, the wake word left in front", change: wake_word },
    Rule {
        name: "small-errors",
        what: "plain, one word in twenty written as another that sounds alike",
        change: small_errors,
    },
    Rule { name: "all", what: "fillers, wake word and small errors together", change: all },
    Rule {
        name: "errors-everywhere",
        what: "plain, every word that may be written as another that sounds alike",
        change: errors_everywhere,
    },
];

const UNITS: [&str; 20] = [
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
const TENS: [&str; 8] =
    ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
const FILLERS: [&str; 6] = ["uh", "um", "please", "er", "hmm", "uhm"];
const WAKE_WORDS: [&str; 5] = ["hey valet", "okay valet", "hey jarvis", "okay nabu", "hey mycroft"];
/// Words that recognisers take for one another, and what is meant stays clear.
const ALIKE: [(&str, &str); 13] = [
    ("to", "two"),
    ("two", "to"),
    ("for", "four"),
    ("four", "for"),
    ("the", "a"),
    ("set", "said"),
    ("off", "of"),
    ("driver's", "drivers"),
    ("passenger's", "passengers"),
    ("by", "buy"),
    ("turn", "turned"),
    ("open", "opened"),
    ("close", "closed"),
];
/// Of how many of those words one is taken for another, by itself and in the set of everything: that makes about one
/// wrong word in twenty, as small recognisers write.
const ONE_IN: u64 = 6;

/// A whole number below a million in words.
fn in_words(n: u64) -> String {
    match n {
        0..20 => UNITS[n as usize].to_owned(),
        20..100 => {
            let tens = TENS[(n / 10 - 2) as usize];
            if n.is_multiple_of(10) {
                tens.to_owned()
            } else {
                format!("{tens} {}", UNITS[(n % 10) as usize])
            }
        }
        100..1000 => rest_behind(format!("{} hundred", in_words(n / 100)), " and ", n % 100),
        _ => rest_behind(format!("{} thousand", in_words(n / 1000)), " ", n % 1000),
    }
}

fn rest_behind(words: String, link: &str, rest: u64) -> String {
    if rest == 0 { words } else { format!("{words}{link}{}", in_words(rest)) }
}

/// A word of digits as it is said: 21.5, 7:30, 20th stays.
fn number(word: &str) -> Option<String> {
    if let Some((hour, minute)) = word.split_once(':') {
        let (hour, minute) = (hour.parse().ok()?, minute.parse::<u64>().ok()?);
        let minute = match minute {
            0 => "o'clock".to_owned(),
            1..10 => format!("oh {}", in_words(minute)),
            _ => in_words(minute),
        };
        return Some(format!("{} {minute}", in_words(hour)));
    }
    if let Some((whole, part)) = word.split_once('.') {
        let digits: Option<Vec<&str>> =
            part.chars().map(|c| Some(UNITS[c.to_digit(10)? as usize])).collect();
        return Some(format!("{} point {}", in_words(whole.parse().ok()?), digits?.join(" ")));
    }
    word.parse().ok().filter(|n| *n < 1_000_000).map(in_words)
}

/// Small letters, no signs but apostrophes within words, numbers as words.
fn plain(text: &str) -> String {
    let text =
        text.to_lowercase().replace('%', " percent").replace('°', " degrees ").replace('-', " ");
    let words = text.split_whitespace().filter_map(|word| {
        let word = word.trim_matches(|c: char| !c.is_alphanumeric());
        (!word.is_empty()).then(|| number(word).unwrap_or_else(|| word.replace([',', ';'], "")))
    });
    words.collect::<Vec<_>>().join(" ")
}

/// A number that looks random and is not: splitmix64.
fn mixed(seed: u64) -> u64 {
    let z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn pick<'a, T: ?Sized>(all: &[&'a T], seed: u64) -> &'a T {
    all[(mixed(seed) % all.len() as u64) as usize]
}

fn fillers(text: &str, seed: u64) -> String {
    let plain = plain(text);
    let mut words: Vec<&str> = plain.split(' ').collect();
    let at = (mixed(seed ^ 1) % (words.len() as u64 + 1)) as usize;
    words.insert(at, pick(&FILLERS, seed ^ 2));
    words.insert(0, pick(&FILLERS[..2], seed ^ 3));
    words.join(" ")
}

fn wake_word(text: &str, seed: u64) -> String {
    format!("{} {}", pick(&WAKE_WORDS, seed ^ 4), plain(text))
}

/// Some words written as another that sounds alike: one in so many of those that may be.
fn errors(text: &str, seed: u64, one_in: u64) -> String {
    let plain = plain(text);
    let word = |(at, word): (usize, &str)| {
        let other = ALIKE.iter().find(|(from, _)| *from == word).map(|(_, to)| *to);
        let wrong = mixed(seed ^ (at as u64) << 32 ^ 5).is_multiple_of(one_in);
        other.filter(|_| wrong).unwrap_or(word).to_owned()
    };
    plain.split(' ').enumerate().map(word).collect::<Vec<_>>().join(" ")
}

fn small_errors(text: &str, seed: u64) -> String {
    errors(text, seed, ONE_IN)
}

fn errors_everywhere(text: &str, seed: u64) -> String {
    errors(text, seed, 1)
}

fn all(text: &str, seed: u64) -> String {
    wake_word(&fillers(&small_errors(text, seed), seed), seed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_written_as_a_recogniser_does() {
        for (text, expected) in [
            ("Set it to 21.5 degrees, please!", "set it to twenty one point five degrees please"),
            ("Wake me at 7:30", "wake me at seven thirty"),
            ("Open my window 40%.", "open my window forty percent"),
            ("go 120 km", "go one hundred and twenty km"),
        ] {
            assert_eq!(plain(text), expected);
        }
        assert_eq!(in_words(1999), "one thousand nine hundred and ninety nine");
        let text = "set the temperature to 22 degrees";
        for rule in RULES {
            assert_eq!((rule.change)(text, 7), (rule.change)(text, 7), "{}", rule.name);
        }
    }
}
