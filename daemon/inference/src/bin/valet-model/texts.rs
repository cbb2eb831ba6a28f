//! Texts to choose word pieces by: JSON lines with a `text`, or plain lines.
//!
//! Must not keep more than the counts of the pieces that occur.

use std::path::{Path, PathBuf};

use valet_inference::Vocabulary;

use crate::error::{RecipeError, weights_fault};
use crate::files;

/// Kinds of files that are read from a folder.
const ENDINGS: [&str; 3] = ["jsonl", "toml", "txt"];
/// Longest line that is looked at, in pieces.
const MAX_LINE_PIECES: usize = 4096;

/// How often each piece of `vocabulary` occurs in the files and folders `paths`.
pub(crate) fn count(vocabulary: &Vocabulary, paths: &[&Path]) -> Result<Vec<u64>, RecipeError> {
    let mut counts = vec![0; vocabulary.piece_count()];
    for path in paths {
        let mut found: Vec<PathBuf> = Vec::new();
        files::below(path, &ENDINGS, &mut found)?;
        for file in &found {
            let bytes = files::read(file)?;
            let lines = file.extension().is_some_and(|end| end == "jsonl");
            add(vocabulary, &bytes, lines, &mut counts)
                .map_err(|why| weights_fault(format!("{}: {why}", file.display())))?;
        }
    }
    Ok(counts)
}

fn add(
    vocabulary: &Vocabulary,
    bytes: &[u8],
    json: bool,
    counts: &mut [u64],
) -> Result<(), String> {
    #[derive(serde::Deserialize)]
    struct Labelled {
        text: String,
    }
    let text = str::from_utf8(bytes).map_err(|error| format!("not UTF-8: {error}"))?;
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        let tokens = if json {
            let labelled: Labelled = serde_json::from_str(line)
                .map_err(|error| format!("line {number}: expected {{\"text\": …}}: {error}"))?;
            vocabulary.tokenize(&labelled.text, MAX_LINE_PIECES)
        } else {
            vocabulary.tokenize(line, MAX_LINE_PIECES)
        };
        for id in tokens.ids {
            counts[id as usize] += 1;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_labelled_lines_are_counted_and_others_named() {
        let vocabulary = Vocabulary::parse(b"[UNK]\n[CLS]\n[SEP]\nfan\n##s\n").unwrap();
        let mut counts = vec![0; 5];
        add(&vocabulary, b"fan fans\n\n", false, &mut counts).unwrap();
        add(&vocabulary, br#"{"text":"fan","intent":"x"}"#, true, &mut counts).unwrap();
        assert_eq!(counts, [0, 2, 2, 3, 1]);
        let why = add(&vocabulary, b"{\"text\":\"fan\"}\nfan", true, &mut counts).unwrap_err();
        assert!(why.contains("line 2"), "{why}");
        assert!(add(&vocabulary, b"\xff", false, &mut counts).is_err());
    }
}
