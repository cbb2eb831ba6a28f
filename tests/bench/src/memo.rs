//! Encodings of earlier runs, so that work on the heads need not wait for the encoder.
//!
//! Must not be used where the encoder's time is measured.

use anyhow::Context as _;
use std::{
    collections::HashMap,
    fs::{File, OpenOptions},
    io::{BufRead, BufReader, Write},
    path::Path,
};
use valet_core::encoder::{Encoder, EncoderFault, Encoding, TokenSpan};

/// An encoder that remembers. One line a text: a JSON array of text, sentence vector, spans and
/// token vectors in steps of a 64th.
pub(crate) struct Memo<E> {
    inner: E,
    known: HashMap<String, Encoding>,
    file: File,
}

impl<E: Encoder> Memo<E> {
    /// Opens or makes a file; lines of another encoder are left alone.
    pub(crate) fn open(path: &Path, inner: E) -> anyhow::Result<Self> {
        let mut known = HashMap::new();
        if let Ok(file) = File::open(path) {
            for line in BufReader::new(file).lines() {
                let (of, text, sentence, spans, rows): Line =
                    serde_json::from_str(&line?).with_context(|| path.display().to_string())?;
                if of == inner.fingerprint() {
                    known.insert(text, restored(sentence, &spans, &rows));
                }
            }
        }
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self { inner, known, file })
    }
}

type Line = (String, String, Vec<f32>, Vec<(u32, u32)>, Vec<i16>);

fn restored(sentence: Vec<f32>, spans: &[(u32, u32)], rows: &[i16]) -> Encoding {
    Encoding {
        sentence,
        tokens: spans.iter().map(|(start, end)| TokenSpan { start: *start, end: *end }).collect(),
        token_vectors: rows.iter().map(|v| f32::from(*v) / 64.0).collect(),
    }
}

impl<E: Encoder> Encoder for Memo<E> {
    fn fingerprint(&self) -> &str {
        self.inner.fingerprint()
    }

    fn dimensions(&self) -> usize {
        self.inner.dimensions()
    }

    #[allow(clippy::cast_possible_truncation)]
    fn encode(&mut self, text: &str) -> Result<Encoding, EncoderFault> {
        if let Some(known) = self.known.get(text) {
            return Ok(known.clone());
        }
        let encoding = self.inner.encode(text)?;
        let spans: Vec<(u32, u32)> = encoding.tokens.iter().map(|t| (t.start, t.end)).collect();
        let rows: Vec<i16> =
            encoding.token_vectors.iter().map(|v| (v * 64.0).round() as i16).collect();
        let line = (self.inner.fingerprint(), text, &encoding.sentence, &spans, &rows);
        let fault = |why: &dyn std::fmt::Display| EncoderFault { why: why.to_string() };
        let line = serde_json::to_string(&line).map_err(|why| fault(&why))?;
        writeln!(self.file, "{line}").map_err(|why| fault(&why))?;
        let restored = restored(encoding.sentence, &spans, &rows);
        self.known.insert(text.to_owned(), restored.clone());
        Ok(restored)
    }
}
