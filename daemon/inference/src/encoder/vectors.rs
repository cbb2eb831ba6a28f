//! From what a plan gives to what the house calls an encoding.
//!
//! Must not let a wrong shape or a vector without a length through.

use tract_onnx::prelude::{DatumType, TValue};
use valet_core::encoder::Encoding;

use crate::wordpiece::Tokenization;

/// The floats of an output, which must have this shape.
///
/// # Errors
/// Words with what came.
pub(super) fn values<'a>(output: &'a TValue, shape: &[usize]) -> Result<&'a [f32], String> {
    if output.datum_type() != DatumType::F32 || output.shape() != shape {
        return Err(format!(
            "an output is {:?} {:?} where F32 {shape:?} is expected",
            output.datum_type(),
            output.shape()
        ));
    }
    output
        .try_as_plain_ram()
        .and_then(|plain| plain.as_slice::<f32>())
        .map_err(|error| format!("{error:#}"))
}

/// A text with the row that stands for it and the rows of its tokens, those of `[CLS]` and `[SEP]` among them.
///
/// # Errors
/// When the row cannot be made one long.
pub(super) fn encoding(
    text: Tokenization,
    sentence: &[f32],
    tokens: &[f32],
) -> Result<Encoding, String> {
    let width = sentence.len();
    // The rows of [CLS] and [SEP] belong to no word.
    let token_vectors = tokens[width..tokens.len() - width].to_vec();
    Ok(Encoding { sentence: normalised(sentence)?, tokens: text.spans, token_vectors })
}

fn normalised(vector: &[f32]) -> Result<Vec<f32>, String> {
    let norm = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    if norm > 0.0 && norm.is_finite() {
        Ok(vector.iter().map(|value| value / norm).collect())
    } else {
        Err(format!("the sentence vector has length {norm}"))
    }
}
