//! Strict TOML: one way to turn foreign text into a typed value, with file, line and the
//! nearest known key in the error.
//!
//! Must not guess: a key that is not known is an error, never a warning.

use crate::error::PackageError;
use serde::de::DeserializeOwned;

/// Parses `text` of at most `limit` bytes into a type that denies unknown fields.
///
/// # Errors
/// [`PackageError::TooLarge`] before parsing, [`PackageError::Parse`] with the line.
pub fn parse<T: DeserializeOwned>(file: &str, text: &str, limit: usize) -> Result<T, PackageError> {
    if text.len() > limit {
        return Err(PackageError::TooLarge {
            file: file.to_owned(),
            bytes: text.len() as u64,
            limit: limit as u64,
        });
    }
    toml::from_str(text).map_err(|error| {
        let offset = error.span().map_or(0, |span| span.start.min(text.len()));
        PackageError::Parse {
            file: file.to_owned(),
            line: line_of(text, offset),
            message: with_nearest_key(error.message()),
        }
    })
}

/// The line of a byte offset, from 1.
fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes()[..offset].iter().filter(|b| **b == b'\n').count() + 1
}

/// serde says ``unknown field `x`, expected one of `a`, `b` ``: adds the nearest of them.
fn with_nearest_key(message: &str) -> String {
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let first_line = message.lines().next().unwrap_or(message);
    if !message.starts_with("unknown field") || quoted.len() < 2 {
        return first_line.to_owned();
    }
    match nearest(quoted[0], quoted[1..].iter().copied()) {
        Some(near) => {
            format!(
                "unknown key `{}`, did you mean `{near}`? (known: {})",
                quoted[0],
                quoted[1..].join(", ")
            )
        }
        None => format!("unknown key `{}` (known: {})", quoted[0], quoted[1..].join(", ")),
    }
}

/// The candidate nearest to `word`, where one is near enough to be a slip of the fingers.
pub fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .map(|candidate| (strsim::jaro_winkler(word, candidate), candidate))
        .filter(|(score, _)| *score >= 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Sample {
        memory: String,
        turn: u32,
    }

    #[test]
    fn an_unknown_key_is_refused_with_line_and_nearest_key() {
        let error =
            parse::<Sample>("a.toml", "memory = \"1\"\ntrun = 3\n", 100).expect_err("unknown key");
        let PackageError::Parse { line, message, .. } = &error else { panic!("{error}") };
        assert_eq!(*line, 2);
        assert!(message.contains("did you mean `turn`?"), "{message}");
    }

    #[test]
    fn too_large_a_file_is_refused_unparsed() {
        assert!(matches!(
            parse::<Sample>("a.toml", &"#".repeat(101), 100),
            Err(PackageError::TooLarge { bytes: 101, limit: 100, .. })
        ));
    }
}
