//! Samples: free speech with the spans of slots marked, `{slot: words}`.
//!
//! Must not resolve the words to values; `valet-understanding` does.

use crate::template::NotationError;

/// A marked span of a sample.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleSpan {
    /// The slot's name.
    pub slot: String,
    /// First byte in [`Sample::text`].
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
    /// Character of the mark in what the author wrote, from 1.
    pub column: usize,
}

/// A sample without its marks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// What a person says.
    pub text: String,
    /// What in it fills which slot, from left to right, without overlap.
    pub spans: Vec<SampleSpan>,
}

impl Sample {
    /// Parses a text. A backslash takes the next character as it is.
    ///
    /// # Errors
    /// [`NotationError`] with the character at which the notation breaks.
    pub fn parse(text: &str) -> Result<Self, NotationError> {
        let mut sample = Self { text: String::with_capacity(text.len()), spans: Vec::new() };
        let mut chars = text.chars().enumerate();
        let mut open: Option<SampleSpan> = None;
        while let Some((index, c)) = chars.next() {
            let column = index + 1;
            match c {
                '\\' => match chars.next() {
                    Some((_, escaped)) => sample.text.push(escaped),
                    None => {
                        let what = "a backslash ends the text, expected a character behind it";
                        return Err(NotationError::new(column, what));
                    }
                },
                '{' if open.is_some() => {
                    return Err(NotationError::new(
                        column,
                        "a mark within a mark, expected '}' first",
                    ));
                }
                '{' => open = Some(begin(&mut chars, column, sample.text.len())?),
                '}' => {
                    let Some(mut span) = open.take() else {
                        return Err(NotationError::new(column, "'}' closes nothing"));
                    };
                    span.end = trim_end(&sample.text, span.start);
                    if span.end == span.start {
                        return Err(NotationError::new(
                            column,
                            "the mark is empty, expected {slot: words}",
                        ));
                    }
                    sample.spans.push(span);
                }
                c => {
                    // White space behind the colon does not belong to the words.
                    let leading = open.as_ref().is_some_and(|span| span.start == sample.text.len());
                    if !(leading && c.is_whitespace()) {
                        sample.text.push(c);
                    }
                }
            }
        }
        match open {
            Some(span) => {
                Err(NotationError::new(span.column, "the mark is not closed, expected '}'"))
            }
            None => Ok(sample),
        }
    }
}

/// Reads `slot:` behind the opening brace.
fn begin(
    chars: &mut impl Iterator<Item = (usize, char)>,
    column: usize,
    start: usize,
) -> Result<SampleSpan, NotationError> {
    let mut slot = String::new();
    for (index, c) in chars {
        match c {
            ':' if slot.is_empty() => break,
            ':' => return Ok(SampleSpan { slot, start, end: start, column }),
            c if c.is_ascii_alphanumeric() || c == '-' || c == '_' => slot.push(c),
            c => {
                let what = format!("{c:?} in the name of a slot, expected {{slot: words}}");
                return Err(NotationError::new(index + 1, what));
            }
        }
    }
    Err(NotationError::new(column, "the mark has no name and colon, expected {slot: words}"))
}

fn trim_end(text: &str, start: usize) -> usize {
    start + text[start..].trim_end().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_become_spans_of_the_plain_text() {
        let sample = Sample::parse("get it to {temperature: twenty two} for {zone:my wife } now")
            .expect("a sample");
        assert_eq!(sample.text, "get it to twenty two for my wife  now");
        let spans: Vec<(&str, &str)> = sample
            .spans
            .iter()
            .map(|span| (span.slot.as_str(), &sample.text[span.start..span.end]))
            .collect();
        assert_eq!(spans, [("temperature", "twenty two"), ("zone", "my wife")]);
    }

    #[test]
    fn bad_marks_are_refused_with_their_character() {
        for (text, column) in [
            ("set {temperature}", 17),
            ("set {temperature: 22", 5),
            ("set {: 22}", 5),
            ("set {a: }", 9),
            ("set {a: {b: 1}}", 9),
            ("set a}", 6),
            ("set \\", 5),
            ("{", 1),
        ] {
            let error = Sample::parse(text).expect_err(text);
            assert_eq!(error.column, column, "{text}: {error}");
        }
    }
}
