//! The parts of the f32 graph, in standard operators only: the reference.
//!
//! Must round nothing and leave nothing out.

use super::Export;
use crate::config::BertConfig;
use crate::graph::Attribute;
use crate::safetensors::Tensor;

impl Export<'_> {
    /// The rows of the pieces `ids` with those of their positions.
    pub(super) fn plain_embedding(
        &mut self,
        words: &Tensor,
        ids: &str,
        positions: &Tensor,
    ) -> String {
        let table = self.graph.floats("word_table", &words.shape, &words.values);
        let words =
            self.graph.node("Gather", "words", &[&table, ids], &[Attribute::Int("axis", 0)]);
        let positions = self.graph.floats("position_table", &positions.shape, &positions.values);
        let start = self.graph.integers("first_position", &[0]);
        let length = self.graph.node("Shape", "length", &[ids], &[]);
        let positions = self.graph.node("Slice", "positions", &[&positions, &start, &length], &[]);
        self.graph.node("Add", "embeddings", &[&words, &positions], &[])
    }

    /// Rows `[S, 3 D]` of queries, keys and values in, rows `[S, D]` out.
    pub(super) fn plain_attention(&mut self, own: &str, joined: &str) -> String {
        let [query, key, value] = self.heads(own, joined);
        let key = self.graph.node(
            "Transpose",
            &format!("{own}.key_columns"),
            &[&key],
            &[Attribute::Ints("perm", &[0, 2, 1])],
        );
        let scores = self.graph.node("MatMul", &format!("{own}.scores"), &[&query, &key], &[]);
        let shares = self.graph.node(
            "Softmax",
            &format!("{own}.shares"),
            &[&scores],
            &[Attribute::Int("axis", -1)],
        );
        let mixed = self.graph.node("MatMul", &format!("{own}.mixed"), &[&shares, &value], &[]);
        let mixed = self.graph.node(
            "Transpose",
            &format!("{own}.by_token"),
            &[&mixed],
            &[Attribute::Ints("perm", &[1, 0, 2])],
        );
        let width = self.model.config.hidden as i64;
        let rows = self.graph.integers(&format!("{own}.row_shape"), &[0, width]);
        self.graph.node("Reshape", &format!("{own}.rows"), &[&mixed, &rows], &[])
    }

    /// Queries, keys and values, each `[heads, S, head]`.
    fn heads(&mut self, own: &str, joined: &str) -> [String; 3] {
        let config: &BertConfig = self.model.config;
        let shape = [0, 3, config.heads as i64, config.head() as i64];
        let shape = self.graph.integers(&format!("{own}.head_shape"), &shape);
        let split = self.graph.node("Reshape", &format!("{own}.split"), &[joined, &shape], &[]);
        let parts = self.graph.node(
            "Transpose",
            &format!("{own}.parts"),
            &[&split],
            &[Attribute::Ints("perm", &[1, 2, 0, 3])],
        );
        [0, 1, 2].map(|part| {
            let place = self.graph.integer(&format!("{own}.place_{part}"), part);
            self.graph.node(
                "Gather",
                &format!("{own}.part_{part}"),
                &[&parts, &place],
                &[Attribute::Int("axis", 0)],
            )
        })
    }

    /// x/2 * (1 + erf(x / sqrt 2)), the exact form the model was trained with.
    pub(super) fn plain_gelu(&mut self, name: &str, input: &str) -> String {
        let root = self.graph.floats(
            &format!("{name}.inverse_root"),
            &[],
            &[std::f32::consts::FRAC_1_SQRT_2],
        );
        let one = self.graph.floats(&format!("{name}.one"), &[], &[1.0]);
        let half = self.graph.floats(&format!("{name}.half"), &[], &[0.5]);
        let scaled = self.graph.node("Mul", &format!("{name}.scaled"), &[input, &root], &[]);
        let erf = self.graph.node("Erf", &format!("{name}.erf"), &[&scaled], &[]);
        let raised = self.graph.node("Add", &format!("{name}.raised"), &[&erf, &one], &[]);
        let halved = self.graph.node("Mul", &format!("{name}.halved"), &[input, &half], &[]);
        self.graph.node("Mul", name, &[&halved, &raised], &[])
    }

    /// `input * matrix + bias`.
    pub(super) fn plain_matrix(
        &mut self,
        name: &str,
        input: &str,
        matrix: &Tensor,
        bias: &[f32],
    ) -> String {
        let bias = self.graph.floats(&format!("{name}.bias"), &[bias.len()], bias);
        let matrix = self.graph.floats(&format!("{name}.weight"), &matrix.shape, &matrix.values);
        let product = self.graph.node("MatMul", &format!("{name}.product"), &[input, &matrix], &[]);
        self.graph.node("Add", name, &[&product, &bias], &[])
    }
}
