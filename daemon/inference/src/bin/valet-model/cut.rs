//! Cuts the rows of the word embedding to those of fewer pieces.
//!
//! Must change nothing else: a text whose pieces are all kept has the same vectors as before.

use std::collections::BTreeMap;

use valet_inference::Vocabulary;

use crate::config::BertConfig;
use crate::error::{RecipeError, weights_fault};
use crate::safetensors::{self, Tensor, Weights};

const WORDS: &str = "embeddings.word_embeddings.weight";
/// Tensors that a sentence encoder has no use for.
const UNUSED: &str = "pooler.";

/// What is published of a model, and what is left of it after a cut.
pub(crate) struct Published {
    /// The safetensors file.
    pub(crate) weights: Vec<u8>,
    /// Its `config.json`.
    pub(crate) config: Vec<u8>,
    /// Its word pieces, one a line.
    pub(crate) vocabulary: Vec<u8>,
}

impl Published {
    /// The same model with the rows of `pieces` only, in their order.
    pub(crate) fn cut(&self, pieces: &[u8]) -> Result<Published, RecipeError> {
        // Both are held to what a vocabulary must be before lines are compared.
        Vocabulary::parse(pieces)?;
        Vocabulary::parse(&self.vocabulary)?;
        let places: BTreeMap<&[u8], usize> = lines(&self.vocabulary).zip(0..).collect();
        let kept = (1..)
            .zip(lines(pieces))
            .map(|(number, piece)| {
                places.get(piece).copied().ok_or_else(|| {
                    let piece = String::from_utf8_lossy(piece);
                    weights_fault(format!(
                        "line {number} of the pieces, {piece:?}, is no piece of the model"
                    ))
                })
            })
            .collect::<Result<Vec<usize>, _>>()?;
        let config = BertConfig::parse(&self.config)?;
        Ok(Published {
            weights: cut_weights(&Weights::parse(&self.weights)?, &config, &kept)?,
            config: with_pieces(&self.config, kept.len())?,
            vocabulary: pieces.to_vec(),
        })
    }
}

fn lines(vocabulary: &[u8]) -> impl Iterator<Item = &[u8]> {
    vocabulary.strip_suffix(b"\n").unwrap_or(vocabulary).split(|byte| *byte == b'\n')
}

fn cut_weights(
    weights: &Weights<'_>,
    config: &BertConfig,
    kept: &[usize],
) -> Result<Vec<u8>, RecipeError> {
    let width = config.hidden;
    let words = weights.tensor(WORDS, &[config.pieces, width])?;
    let row = |place: &usize| words.values.get(place * width..(place + 1) * width);
    let rows = kept.iter().map(row).collect::<Option<Vec<_>>>();
    let rows = rows.ok_or_else(|| {
        weights_fault(format!("the vocabulary has more pieces than the model's {}", config.pieces))
    })?;
    let cut = Tensor { shape: vec![kept.len(), width], values: rows.concat() };
    let mut tensors = BTreeMap::from([(WORDS.to_owned(), cut)]);
    for (name, shape) in weights.floats() {
        if name != WORDS && !name.starts_with(UNUSED) {
            tensors.insert(name.to_owned(), weights.tensor(name, shape)?);
        }
    }
    safetensors::written(&tensors)
}

fn with_pieces(config: &[u8], count: usize) -> Result<Vec<u8>, RecipeError> {
    let fault = |error: serde_json::Error| weights_fault(format!("config.json: {error}"));
    let mut config: BTreeMap<String, serde_json::Value> =
        serde_json::from_slice(config).map_err(fault)?;
    config.insert("vocab_size".to_owned(), count.into());
    let mut text = serde_json::to_vec_pretty(&config).map_err(fault)?;
    text.push(b'\n');
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = r#"{"model_type":"bert","hidden_act":"gelu","hidden_size":2,
        "intermediate_size":4,"layer_norm_eps":1e-12,"max_position_embeddings":4,
        "num_attention_heads":1,"num_hidden_layers":1,"type_vocab_size":2,"vocab_size":5}"#;

    fn published() -> Published {
        let row = |number: u8| [f32::from(number), -f32::from(number)];
        let words = Tensor { shape: vec![5, 2], values: (0..5).flat_map(row).collect() };
        let other = Tensor { shape: vec![1], values: vec![7.0] };
        let tensors = BTreeMap::from([
            (WORDS.to_owned(), words),
            ("pooler.dense.bias".to_owned(), other.clone()),
            ("embeddings.LayerNorm.bias".to_owned(), other),
        ]);
        Published {
            weights: safetensors::written(&tensors).unwrap(),
            config: CONFIG.as_bytes().to_vec(),
            vocabulary: b"[UNK]\n[CLS]\n[SEP]\nfan\n##s\n".to_vec(),
        }
    }

    #[test]
    fn rows_follow_their_pieces_and_the_rest_stays() {
        let cut = published().cut(b"[SEP]\n[UNK]\n[CLS]\n##s\n").unwrap();
        let weights = Weights::parse(&cut.weights).unwrap();
        let words = weights.tensor(WORDS, &[4, 2]).unwrap();
        assert_eq!(words.values, [2.0, -2.0, 0.0, 0.0, 1.0, -1.0, 4.0, -4.0]);
        assert_eq!(weights.tensor("embeddings.LayerNorm.bias", &[1]).unwrap().values, [7.0]);
        assert!(weights.tensor("pooler.dense.bias", &[1]).is_err());
        assert_eq!(BertConfig::parse(&cut.config).unwrap().pieces, 4);
    }

    #[test]
    fn a_piece_that_the_model_lacks_and_a_vocabulary_without_special_ones_are_refused() {
        let said = |pieces: &[u8]| published().cut(pieces).err().unwrap().to_string();
        assert!(said(b"[UNK]\n[CLS]\n[SEP]\nbull\n").contains("line 4"));
        assert!(said(b"fan\n").contains("[UNK]"));
    }
}
