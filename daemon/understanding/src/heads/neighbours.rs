//! The nearest sample of an utterance, among those of the likely intents.
//!
//! Must not decide anything: how near is near enough is `scope`'s.

use super::{intent::largest, vectors::dots};

/// Intents whose samples are looked through.
const NEAR_INTENTS: usize = 8;

/// Sentence vectors of the samples, by intent.
#[derive(Debug, PartialEq)]
pub(crate) struct Neighbours {
    /// Numbers of the texts, and their vectors one behind another.
    pub(crate) of_intent: Vec<(Vec<u32>, Vec<f32>)>,
}

impl Neighbours {
    /// Room for some intents.
    pub(crate) fn new(intents: usize) -> Self {
        Self { of_intent: vec![(Vec::new(), Vec::new()); intents] }
    }

    /// Adds a sample: its intent, the number of its text, its sentence vector.
    pub(crate) fn add(&mut self, intent: usize, text: usize, vector: &[f32]) {
        if let (Some(own), Ok(text)) = (self.of_intent.get_mut(intent), u32::try_from(text)) {
            own.0.push(text);
            own.1.extend_from_slice(vector);
        }
    }

    /// The nearest sample of the likely intents, and its cosine (0 when there is none).
    pub(crate) fn nearest(&self, sentence: &[f32], logits: &[f32]) -> (Option<u32>, f32) {
        let mut best = (None, 0.0);
        for intent in largest(logits, NEAR_INTENTS) {
            let Some((texts, vectors)) = self.of_intent.get(intent) else { continue };
            for (text, cosine) in texts.iter().zip(dots(vectors, sentence)) {
                if best.0.is_none() || cosine > best.1 {
                    best = (Some(*text), cosine);
                }
            }
        }
        best
    }
}
