//! The parts of the int8 graph: operators of our own, each one node.
//!
//! Must not say what an operator means; `functions` does.

use super::Export;
use crate::functions::{QUANTIZED_EMBEDDING, QUANTIZED_LINEAR};
use crate::int8::{quantize_columns, quantize_rows};
use crate::safetensors::Tensor;

impl Export<'_> {
    /// The rows of the pieces `ids` with those of their positions.
    pub(super) fn quantized_embedding(
        &mut self,
        words: &Tensor,
        ids: &str,
        positions: &Tensor,
    ) -> String {
        let (values, scales) = quantize_rows(words);
        let table = self.graph.int8s("word_table", &words.shape, &values);
        let scales = self.graph.floats("word_scales", &[words.shape[0]], &scales);
        let positions = self.graph.floats("position_table", &positions.shape, &positions.values);
        let inputs = [ids, &table, &scales, &positions];
        self.graph.own_node(QUANTIZED_EMBEDDING, "embeddings", &inputs, &[])
    }

    /// `input * matrix + bias`, where `input` is divided by `factors` before it is quantized.
    pub(super) fn quantized_matrix(
        &mut self,
        name: &str,
        input: &str,
        (mut matrix, bias): (Tensor, &[f32]),
        factors: &[f32],
    ) -> String {
        let (width, outputs) = (factors.len(), bias.len());
        for (row, factor) in matrix.values.chunks_exact_mut(outputs).zip(factors) {
            row.iter_mut().for_each(|value| *value *= factor);
        }
        let inverse: Vec<f32> = factors.iter().map(|factor| 1.0 / factor).collect();
        let damping = self.graph.floats(&format!("{name}.damping"), &[width], &inverse);
        let (values, scales) = quantize_columns(&matrix);
        let weight = self.graph.int8s(&format!("{name}.weight"), &matrix.shape, &values);
        let scales = self.graph.floats(&format!("{name}.scales"), &[outputs], &scales);
        let bias = self.graph.floats(&format!("{name}.bias"), &[outputs], bias);
        let inputs = [input, &damping, &weight, &scales, &bias];
        self.graph.own_node(QUANTIZED_LINEAR, name, &inputs, &[])
    }
}
