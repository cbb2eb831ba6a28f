//! Folds a spoken or written name to the key under which the index has it.
//!
//! Must fold as the recipe does (`recipe/fold.py`); the test holds both to the same examples.

/// Letters with marks, by what they fold to. Upper case was lowered before.
const LETTERS: [(&str, &str); 24] = [
    ("àáâãäåāăąǎǟǡǻȁȃȧạảấầẩẫậắằẳẵặḁ", "a"),
    ("çćĉċč", "c"),
    ("ďḍḏđð", "d"),
    ("èéêëēĕėęěȅȇȩẹẻẽếềểễệə", "e"),
    ("ĝğġģǧǵḡ", "g"),
    ("ĥȟħḥḩḫ", "h"),
    ("ìíîïĩīĭįıǐȉȋỉị", "i"),
    ("ĵǰ", "j"),
    ("ķǩḱḳḵĸ", "k"),
    ("ĺļľłḷḻ", "l"),
    ("ḿṁṃ", "m"),
    ("ñńņňǹŋṅṇṉ", "n"),
    ("òóôõöøōŏőơǒǫǭȍȏȫȭȯȱọỏốồổỗộớờởỡợ", "o"),
    ("ṕṗ", "p"),
    ("ŕŗřȑȓṛṟ", "r"),
    ("śŝşšșṣ", "s"),
    ("ţťțṭṯŧ", "t"),
    ("ùúûüũūŭůűųưǔǖǘǚǜȕȗụủứừửữự", "u"),
    ("ŵẁẃẅ", "w"),
    ("ẋẍ", "x"),
    ("ýÿŷȳẏỳỵỷỹ", "y"),
    ("źżžẑẓẕ", "z"),
    ("æ", "ae"),
    ("œ", "oe"),
];

/// Longest text that is folded, bytes; what is longer is no name.
pub(crate) const MAX_NAME_BYTES: usize = 200;

/// Lower-case words of ASCII letters and digits, parted by one space.
pub(crate) fn fold(name: &str) -> String {
    let mut plain = String::new();
    for letter in name.chars().flat_map(char::to_lowercase).take(MAX_NAME_BYTES) {
        push_plain(letter, &mut plain);
    }
    let words: Vec<&str> = plain
        .split_whitespace()
        .map(|word| match word {
            "st" => "saint",
            "mt" => "mount",
            "ft" => "fort",
            other => other,
        })
        .collect();
    words.join(" ")
}

fn push_plain(letter: char, plain: &mut String) {
    match letter {
        'a'..='z' | '0'..='9' => plain.push(letter),
        '\'' | '’' | 'ʻ' | 'ʼ' | '`' | '´' | '‘' | 'ʿ' | 'ʾ' | '.' | '\u{300}'..='\u{36f}' =>
            {}
        'ß' => plain.push_str("ss"),
        'þ' => plain.push_str("th"),
        '&' => plain.push_str(" and "),
        other => match LETTERS.iter().find(|(letters, _)| letters.contains(other)) {
            Some((_, to)) => plain.push_str(to),
            None if other.is_alphabetic() => plain.push(other),
            None => plain.push(' '),
        },
    }
}

/// Whether two keys differ by at most `most` letters put in, left out or changed.
pub(crate) fn is_near(a: &str, b: &str, most: usize) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len().abs_diff(b.len()) > most {
        return false;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut corner = i;
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
        let mut left = i + 1;
        for (cell, y) in row.iter_mut().skip(1).zip(b) {
            let best = (corner + usize::from(x != y)).min(left + 1).min(*cell + 1);
            corner = core::mem::replace(cell, best);
            left = best;
        }
        if row.iter().all(|cost| *cost > most) {
            return false;
        }
    }
    row.last().is_some_and(|cost| *cost <= most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fold_as_the_recipe_folds_them() {
        for line in include_str!("../recipe/fold_examples.txt").lines() {
            let (name, key) = line.split_once('\t').expect("a name and its key");
            assert_eq!(fold(name), key, "{name}");
        }
    }

    #[test]
    fn a_slip_of_a_letter_is_near() {
        assert!(is_near("helsinki", "helsinky", 1));
        assert!(is_near("mannerheimintie", "manerheimintie", 1));
        assert!(is_near("stockholm", "stokholm", 1));
        assert!(!is_near("turku", "porvoo", 2));
        assert!(!is_near("rome", "rom", 0));
    }
}
