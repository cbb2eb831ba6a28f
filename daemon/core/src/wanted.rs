//! What a device has to say to count as being as asked, where what it says are words: a state message
//! on a topic, a property of a peer.
//!
//! Must not know where the words come from.

/// Most texts of which one is wanted.
pub const MAX_WANTED: usize = 16;

/// Which words count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The member of a JSON object that says it; `None` where the whole message does.
    pub member: Option<String>,
    /// One of these; of none of them nobody knows what counts.
    pub any_of: Vec<String>,
}

impl Wanted {
    /// Whether a text is one of those wanted. Numbers are compared as numbers: `120` is `120.0`.
    #[must_use]
    pub fn is(&self, text: &str) -> bool {
        let number = |text: &str| text.trim().parse::<f64>().ok().filter(|n| n.is_finite());
        self.any_of.iter().any(|wanted| {
            wanted == text || number(wanted).zip(number(text)).is_some_and(|(a, b)| a == b)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_exact_and_numbers_are_numbers() {
        let wanted = |all: &[&str]| Wanted {
            member: None,
            any_of: all.iter().map(|text| (*text).to_owned()).collect(),
        };
        assert!(wanted(&["ON"]).is("ON"));
        assert!(wanted(&["opening", "open"]).is("open"));
        assert!(wanted(&["120"]).is("120.0"));
        assert!(!wanted(&["ON"]).is("on"));
        assert!(!wanted(&["ON"]).is("ON "));
        assert!(!wanted(&["1"]).is("10"));
        assert!(!wanted(&["nan"]).is("NaN"), "no number is nobody's equal");
        assert!(!wanted(&[]).is(""), "nothing is known to be wanted");
    }
}
