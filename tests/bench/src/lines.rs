//! JSON lines `{text, intent, slots: [{name, value, start, end}], oos}`; offsets are characters.
//!
//! Must not guess: a line that does not parse is an error with its number.

use anyhow::Context as _;
use serde::Deserialize;
use std::path::Path;

/// One labelled utterance.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Line {
    pub(crate) text: String,
    pub(crate) intent: String,
    #[serde(default)]
    pub(crate) slots: Vec<Span>,
    #[serde(default)]
    pub(crate) oos: bool,
}

/// One labelled span.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Span {
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Line {
    /// A span in bytes of the text; `None` when it lies outside.
    pub(crate) fn bytes(&self, span: &Span) -> Option<(u32, u32)> {
        let byte = |at: usize| {
            self.text
                .char_indices()
                .map(|(byte, _)| byte)
                .chain([self.text.len()])
                .nth(at)
                .and_then(|byte| u32::try_from(byte).ok())
        };
        Some((byte(span.start)?, byte(span.end)?)).filter(|(start, end)| start < end)
    }
}

/// Reads all lines of a file.
pub(crate) fn read(path: &Path) -> anyhow::Result<Vec<Line>> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    text.lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(nth, line)| {
            serde_json::from_str(line)
                .with_context(|| format!("{} line {}", path.display(), nth + 1))
        })
        .collect()
}
