//! The shape of a BERT-like encoder, as the `config.json` beside its weights says it.
//!
//! Must refuse what the exporter cannot write: another activation, another kind of position,
//! lengths past the bounds. The tensors are held against it when they are read.

use serde::Deserialize;

use crate::error::{RecipeError, weights_fault};

const MAX_LAYERS: usize = 64;
const MAX_HIDDEN: usize = 4096;
const MAX_INNER: usize = 16384;
const MAX_PIECES: usize = 1 << 18;
const MAX_POSITIONS: usize = 8192;

/// What `config.json` has to say; other keys are for other programs.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct BertConfig {
    model_type: String,
    hidden_act: String,
    #[serde(default = "absolute")]
    position_embedding_type: String,
    /// Layers.
    #[serde(rename = "num_hidden_layers")]
    pub(crate) layers: usize,
    /// Length of a hidden row.
    #[serde(rename = "hidden_size")]
    pub(crate) hidden: usize,
    /// Attention heads; they divide `hidden`.
    #[serde(rename = "num_attention_heads")]
    pub(crate) heads: usize,
    /// Length of the row between the two matrices of a layer.
    #[serde(rename = "intermediate_size")]
    pub(crate) inner: usize,
    /// Word pieces.
    #[serde(rename = "vocab_size")]
    pub(crate) pieces: usize,
    /// Rows of the table of positions.
    #[serde(rename = "max_position_embeddings")]
    pub(crate) positions: usize,
    /// Rows of the table of token types; only the first is used.
    #[serde(rename = "type_vocab_size")]
    pub(crate) token_types: usize,
    /// What keeps a normalisation from dividing by zero.
    #[serde(rename = "layer_norm_eps")]
    pub(crate) epsilon: f32,
    /// The layer whose rows are the token vectors, where weights made here say it.
    #[serde(default)]
    pub(crate) token_layer: Option<usize>,
}

fn absolute() -> String {
    "absolute".to_owned()
}

impl BertConfig {
    /// Parses a `config.json` and checks every number.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, RecipeError> {
        let config: BertConfig = serde_json::from_slice(bytes)
            .map_err(|error| weights_fault(format!("config.json: {error}")))?;
        config.check()?;
        Ok(config)
    }

    /// Length of one head's part of a row.
    pub(crate) fn head(&self) -> usize {
        self.hidden / self.heads
    }

    fn check(&self) -> Result<(), RecipeError> {
        for (key, found, expected) in [
            ("model_type", &self.model_type, "bert"),
            ("hidden_act", &self.hidden_act, "gelu"),
            ("position_embedding_type", &self.position_embedding_type, "absolute"),
        ] {
            if found != expected {
                return Err(weights_fault(format!(
                    "config.json: {key} is {found:?} where {expected:?} is expected"
                )));
            }
        }
        for (key, found, most) in [
            ("num_hidden_layers", self.layers, MAX_LAYERS),
            ("hidden_size", self.hidden, MAX_HIDDEN),
            ("num_attention_heads", self.heads, self.hidden),
            ("intermediate_size", self.inner, MAX_INNER),
            ("vocab_size", self.pieces, MAX_PIECES),
            ("max_position_embeddings", self.positions, MAX_POSITIONS),
            ("type_vocab_size", self.token_types, 16),
        ] {
            if !(1..=most).contains(&found) {
                return Err(weights_fault(format!(
                    "config.json: {key} is {found}, not within 1..={most}"
                )));
            }
        }
        if !self.hidden.is_multiple_of(self.heads) {
            return Err(weights_fault(format!(
                "config.json: {} heads do not divide rows of {}",
                self.heads, self.hidden
            )));
        }
        if !(self.epsilon > 0.0 && self.epsilon < 1.0) {
            return Err(weights_fault(format!(
                "config.json: layer_norm_eps is {}, not between 0 and 1",
                self.epsilon
            )));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLISHED: &str = r#"{"model_type":"bert","hidden_act":"gelu","hidden_size":384,
        "intermediate_size":1536,"layer_norm_eps":1e-12,"max_position_embeddings":512,
        "num_attention_heads":12,"num_hidden_layers":6,"type_vocab_size":2,"vocab_size":30522,
        "use_cache":true}"#;

    #[test]
    fn the_published_shape_is_read() {
        let config = BertConfig::parse(PUBLISHED.as_bytes()).unwrap();
        assert_eq!((config.layers, config.hidden, config.head()), (6, 384, 32));
    }

    #[test]
    fn a_shape_that_cannot_be_written_is_refused_by_key() {
        for (from, to, key) in [
            ("\"bert\"", "\"gpt2\"", "model_type"),
            ("\"gelu\"", "\"relu\"", "hidden_act"),
            ("_size\":384", "_size\":0", "hidden_size"),
            ("heads\":12", "heads\":7", "heads"),
            ("heads\":12", "heads\":0", "num_attention_heads"),
            ("layers\":6", "layers\":65", "num_hidden_layers"),
            ("30522", "99999999", "vocab_size"),
            ("1e-12", "0", "layer_norm_eps"),
            ("1e-12", "-1", "layer_norm_eps"),
            ("\"use_cache\":true", "\"position_embedding_type\":\"relative_key\"", "position"),
            ("\"vocab_size\"", "\"words\"", "vocab_size"),
        ] {
            assert!(PUBLISHED.contains(from), "{from}");
            let said = BertConfig::parse(PUBLISHED.replacen(from, to, 1).as_bytes())
                .unwrap_err()
                .to_string();
            assert!(said.contains(key), "{to}: {said}");
        }
    }
}
