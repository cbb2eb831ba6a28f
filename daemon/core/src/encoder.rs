//! The sentence encoder as the rest of the house sees it.
//!
//! Must not name a model runtime; `valet-inference` implements this.

/// One token of the encoder and where it stood in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenSpan {
    /// First byte of the token in the text.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

/// What the encoder says about one text.
#[derive(Debug, Clone, PartialEq)]
pub struct Encoding {
    /// The sentence vector, L2-normalised, [`Encoder::dimensions`] long.
    pub sentence: Vec<f32>,
    /// The tokens without the special ones, in order.
    pub tokens: Vec<TokenSpan>,
    /// One row a token, from a middle layer (they tag better than the last one):
    /// `tokens.len() * dimensions`, row-major.
    pub token_vectors: Vec<f32>,
}

/// A fault of the encoder; never a reason to stop the daemon.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the encoder failed: {why}")]
pub struct EncoderFault {
    /// What went wrong.
    pub why: String,
}

/// A sentence encoder. One thread owns it and calls it.
pub trait Encoder {
    /// Identity of the weights and the tokenizer (hex SHA-256): what trained heads are keyed by.
    fn fingerprint(&self) -> &str;

    /// Length of a vector.
    fn dimensions(&self) -> usize;

    /// Encodes one text; a text longer than the model takes is cut at its token limit.
    ///
    /// # Errors
    /// [`EncoderFault`] when the model cannot run.
    fn encode(&mut self, text: &str) -> Result<Encoding, EncoderFault>;

    /// Encodes texts, in their order, each as [`Self::encode`] does; an encoder that can run several
    /// at once does so.
    ///
    /// # Errors
    /// [`EncoderFault`] when the model cannot run; then none of them is encoded.
    fn encode_all(&mut self, texts: &[&str]) -> Result<Vec<Encoding>, EncoderFault> {
        texts.iter().map(|text| self.encode(text)).collect()
    }
}
