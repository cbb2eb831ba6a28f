//! The graph of all-MiniLM-L6-v2 for one text of any length.
//!
//! `input_ids` (int64, `[S]`) goes in; `sentence` (float, `[384]`, the mean of the last
//! layer's rows, not normalised) and `tokens` (float, `[S, 384]`, the rows of layer 4)
//! come out. One text at a time needs no attention mask and no token types: the row of
//! token type 0 is added to the positions here, and 1/sqrt(head) is folded into the queries.
//!
//! Must not read or write files, and must give the same bytes on every machine: only
//! IEEE additions, products, divisions and roundings are used.

use tract_onnx::pb::tensor_proto::DataType;

use crate::error::RecipeError;
use crate::graph::{Attribute, GraphWriter};
use crate::int8::{quantize_columns, quantize_rows};
use crate::safetensors::{Tensor, Weights};

const HIDDEN: usize = 384;
const HEADS: usize = 12;
const HEAD: usize = HIDDEN / HEADS;
const INNER: usize = 1536;
const LAYERS: usize = 6;
const VOCABULARY: usize = 30522;
const POSITIONS: usize = 512;
/// Positions that are kept: the token limit the model was trained with.
const TOKEN_LIMIT: usize = 256;
/// Layers below the rows that `tokens` gives.
const TOKEN_LAYER: usize = 4;
const EPSILON: f32 = 1e-12;
/// Keeps a row of zeros from being divided by zero.
const SMALLEST_SCALE: f32 = 1e-12;

/// How the big matrices are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Storage {
    /// 32-bit floats.
    F32,
    /// Symmetric int8: matrices per output channel, the embedding per row; the input
    /// of a matrix is quantized as the graph runs, with one scale a token.
    Int8,
}

struct Export<'a> {
    weights: &'a Weights<'a>,
    storage: Storage,
    graph: GraphWriter,
}

/// Writes the graph for these weights.
pub(crate) fn export(weights: &Weights<'_>, storage: Storage) -> Result<Vec<u8>, RecipeError> {
    let mut export = Export {
        weights,
        storage,
        graph: GraphWriter::default(),
    };
    let mut hidden = export.embeddings()?;
    for layer in 0..LAYERS {
        hidden = export.layer(layer, &hidden)?;
        if layer + 1 == TOKEN_LAYER {
            export.graph.node("Identity", "tokens", &[&hidden], &[]);
        }
    }
    let mut graph = export.graph;
    graph.node(
        "ReduceMean",
        "sentence",
        &[&hidden],
        &[Attribute::Ints("axes", &[0]), Attribute::Int("keepdims", 0)],
    );
    let width = HIDDEN as i64;
    graph.output("sentence", DataType::Float, &[Some(width)]);
    graph.output("tokens", DataType::Float, &[None, Some(width)]);
    Ok(graph.encode(match storage {
        Storage::F32 => "all-minilm-l6-v2-f32",
        Storage::Int8 => "all-minilm-l6-v2-int8",
    }))
}

impl Export<'_> {
    fn embeddings(&mut self) -> Result<String, RecipeError> {
        let ids = self.graph.input("input_ids", DataType::Int64, &[None]);
        let words = self.weights.tensor(
            "embeddings.word_embeddings.weight",
            &[VOCABULARY, HIDDEN],
        )?;
        let words = self.word_rows(&words, &ids);
        let positions = self.positions()?;
        let start = self.graph.integers("first_position", &[0]);
        let length = self.graph.node("Shape", "length", &[&ids], &[]);
        let positions = self
            .graph
            .node("Slice", "positions", &[&positions, &start, &length], &[]);
        let sum = self
            .graph
            .node("Add", "embeddings", &[&words, &positions], &[]);
        self.normalisation("embeddings.LayerNorm", &sum)
    }

    fn word_rows(&mut self, words: &Tensor, ids: &str) -> String {
        let axis = [Attribute::Int("axis", 0)];
        match self.storage {
            Storage::F32 => {
                let table = self.graph.floats("word_table", &words.shape, &words.values);
                self.graph.node("Gather", "words", &[&table, ids], &axis)
            }
            Storage::Int8 => {
                let (values, scales) = quantize_rows(words);
                let table = self.graph.int8s("word_table", &words.shape, &values);
                let scales = self
                    .graph
                    .floats("word_scales", &[words.shape[0], 1], &scales);
                let rows = self
                    .graph
                    .node("Gather", "word_rows", &[&table, ids], &axis);
                let rows = self.to_float("word_rows_f32", &rows);
                let scales = self
                    .graph
                    .node("Gather", "word_row_scales", &[&scales, ids], &axis);
                self.graph.node("Mul", "words", &[&rows, &scales], &[])
            }
        }
    }

    fn positions(&mut self) -> Result<String, RecipeError> {
        let table = self.weights.tensor(
            "embeddings.position_embeddings.weight",
            &[POSITIONS, HIDDEN],
        )?;
        let types = self
            .weights
            .tensor("embeddings.token_type_embeddings.weight", &[2, HIDDEN])?;
        let values: Vec<f32> = table
            .values
            .chunks_exact(HIDDEN)
            .take(TOKEN_LIMIT)
            .flat_map(|row| row.iter().zip(&types.values).map(|(a, b)| a + b))
            .collect();
        Ok(self
            .graph
            .floats("position_table", &[TOKEN_LIMIT, HIDDEN], &values))
    }

    fn layer(&mut self, layer: usize, hidden: &str) -> Result<String, RecipeError> {
        let name = format!("encoder.layer.{layer}");
        let attended = self.attention(&name, hidden)?;
        let sum = self.graph.node(
            "Add",
            &format!("{name}.attention.sum"),
            &[&attended, hidden],
            &[],
        );
        let hidden = self.normalisation(&format!("{name}.attention.output.LayerNorm"), &sum)?;
        let input = self.matrix_input(&format!("{name}.intermediate"), &hidden);
        let inner = self.linear(&format!("{name}.intermediate.dense"), &input, [HIDDEN, INNER], 1.0)?;
        let active = self.gelu(&format!("{name}.gelu"), &inner);
        let input = self.matrix_input(&format!("{name}.output"), &active);
        let outer = self.linear(&format!("{name}.output.dense"), &input, [INNER, HIDDEN], 1.0)?;
        let sum = self.graph.node("Add", &format!("{name}.sum"), &[&outer, &hidden], &[]);
        self.normalisation(&format!("{name}.output.LayerNorm"), &sum)
    }

    fn attention(&mut self, name: &str, hidden: &str) -> Result<String, RecipeError> {
        let own = format!("{name}.attention.self");
        let input = self.matrix_input(&own, hidden);
        let query_scale = 1.0 / (HEAD as f32).sqrt();
        let square = [HIDDEN, HIDDEN];
        let query = self.linear(&format!("{own}.query"), &input, square, query_scale)?;
        let key = self.linear(&format!("{own}.key"), &input, square, 1.0)?;
        let value = self.linear(&format!("{own}.value"), &input, square, 1.0)?;
        let query = self.heads(&query, &[1, 0, 2]);
        let key = self.heads(&key, &[1, 2, 0]);
        let value = self.heads(&value, &[1, 0, 2]);
        let scores = self
            .graph
            .node("MatMul", &format!("{own}.scores"), &[&query, &key], &[]);
        let shares = self.graph.node(
            "Softmax",
            &format!("{own}.shares"),
            &[&scores],
            &[Attribute::Int("axis", -1)],
        );
        let mixed = self
            .graph
            .node("MatMul", &format!("{own}.mixed"), &[&shares, &value], &[]);
        let mixed = self.graph.node(
            "Transpose",
            &format!("{own}.by_token"),
            &[&mixed],
            &[Attribute::Ints("perm", &[1, 0, 2])],
        );
        let rows = self
            .graph
            .integers(&format!("{own}.row_shape"), &[0, HIDDEN as i64]);
        let mixed = self
            .graph
            .node("Reshape", &format!("{own}.rows"), &[&mixed, &rows], &[]);
        let output = format!("{name}.attention.output");
        let input = self.matrix_input(&output, &mixed);
        self.linear(&format!("{output}.dense"), &input, square, 1.0)
    }

    fn heads(&mut self, rows: &str, order: &[i64]) -> String {
        let shape = self.graph.integers(
            &format!("{rows}.head_shape"),
            &[0, HEADS as i64, HEAD as i64],
        );
        let split = self
            .graph
            .node("Reshape", &format!("{rows}.split"), &[rows, &shape], &[]);
        self.graph.node(
            "Transpose",
            &format!("{rows}.heads"),
            &[&split],
            &[Attribute::Ints("perm", order)],
        )
    }

    fn normalisation(&mut self, name: &str, input: &str) -> Result<String, RecipeError> {
        let weight = self.weights.tensor(&format!("{name}.weight"), &[HIDDEN])?;
        let bias = self.weights.tensor(&format!("{name}.bias"), &[HIDDEN])?;
        let weight = self
            .graph
            .floats(&format!("{name}.weight"), &[HIDDEN], &weight.values);
        let bias = self
            .graph
            .floats(&format!("{name}.bias"), &[HIDDEN], &bias.values);
        Ok(self.graph.node(
            "LayerNormalization",
            name,
            &[input, &weight, &bias],
            &[Attribute::Int("axis", -1), Attribute::Float("epsilon", EPSILON)],
        ))
    }

    /// x/2 * (1 + erf(x / sqrt 2)), the exact form the model was trained with.
    fn gelu(&mut self, name: &str, input: &str) -> String {
        let root = self
            .graph
            .floats(&format!("{name}.inverse_root"), &[], &[std::f32::consts::FRAC_1_SQRT_2]);
        let one = self.graph.floats(&format!("{name}.one"), &[], &[1.0]);
        let half = self.graph.floats(&format!("{name}.half"), &[], &[0.5]);
        let scaled = self
            .graph
            .node("Mul", &format!("{name}.scaled"), &[input, &root], &[]);
        let erf = self
            .graph
            .node("Erf", &format!("{name}.erf"), &[&scaled], &[]);
        let raised = self
            .graph
            .node("Add", &format!("{name}.raised"), &[&erf, &one], &[]);
        let halved = self
            .graph
            .node("Mul", &format!("{name}.halved"), &[input, &half], &[]);
        self.graph.node("Mul", name, &[&halved, &raised], &[])
    }

    /// What the matrices that read `input` share: its quantized form and scale.
    fn matrix_input(&mut self, name: &str, input: &str) -> MatrixInput {
        if self.storage == Storage::F32 {
            return MatrixInput {
                rows: input.to_owned(),
                scale: None,
            };
        }
        let absolute = self
            .graph
            .node("Abs", &format!("{name}.absolute"), &[input], &[]);
        let largest = self.graph.node(
            "ReduceMax",
            &format!("{name}.largest"),
            &[&absolute],
            &[Attribute::Ints("axes", &[-1]), Attribute::Int("keepdims", 1)],
        );
        let steps = self
            .graph
            .floats(&format!("{name}.steps"), &[], &[1.0 / 127.0]);
        let scale = self
            .graph
            .node("Mul", &format!("{name}.scale"), &[&largest, &steps], &[]);
        let floor = self.graph.floats(&format!("{name}.floor"), &[], &[SMALLEST_SCALE]);
        let scale = self.graph.node("Max", &format!("{name}.safe_scale"), &[&scale, &floor], &[]);
        let quotient = self
            .graph
            .node("Div", &format!("{name}.quotient"), &[input, &scale], &[]);
        let rounded = self
            .graph
            .node("Round", &format!("{name}.rounded"), &[&quotient], &[]);
        let rows = self.graph.node(
            "Cast",
            &format!("{name}.int8"),
            &[&rounded],
            &[Attribute::Int("to", DataType::Int8 as i64)],
        );
        MatrixInput {
            rows,
            scale: Some(scale),
        }
    }

    /// `input * weight^T + bias`, both multiplied by `factor`.
    fn linear(
        &mut self,
        name: &str,
        input: &MatrixInput,
        [width, outputs]: [usize; 2],
        factor: f32,
    ) -> Result<String, RecipeError> {
        let weight = self
            .weights
            .tensor(&format!("{name}.weight"), &[outputs, width])?;
        let bias = self.weights.tensor(&format!("{name}.bias"), &[outputs])?;
        let bias: Vec<f32> = bias.values.iter().map(|value| value * factor).collect();
        let bias = self.graph.floats(&format!("{name}.bias"), &[outputs], &bias);
        let matrix = transposed(&weight, factor);
        let product = match &input.scale {
            None => {
                let matrix =
                    self.graph
                        .floats(&format!("{name}.weight"), &matrix.shape, &matrix.values);
                self.graph.node(
                    "MatMul",
                    &format!("{name}.product"),
                    &[&input.rows, &matrix],
                    &[],
                )
            }
            Some(scale) => {
                let (values, scales) = quantize_columns(&matrix);
                let matrix = self
                    .graph
                    .int8s(&format!("{name}.weight"), &matrix.shape, &values);
                let scales = self
                    .graph
                    .floats(&format!("{name}.scales"), &[outputs], &scales);
                let sums = self.graph.node(
                    "MatMulInteger",
                    &format!("{name}.sums"),
                    &[&input.rows, &matrix],
                    &[],
                );
                let sums = self.to_float(&format!("{name}.sums_f32"), &sums);
                let sums =
                    self.graph
                        .node("Mul", &format!("{name}.by_token"), &[&sums, scale], &[]);
                self.graph
                    .node("Mul", &format!("{name}.product"), &[&sums, &scales], &[])
            }
        };
        Ok(self.graph.node("Add", name, &[&product, &bias], &[]))
    }

    fn to_float(&mut self, name: &str, input: &str) -> String {
        self.graph.node(
            "Cast",
            name,
            &[input],
            &[Attribute::Int("to", DataType::Float as i64)],
        )
    }
}

struct MatrixInput {
    rows: String,
    scale: Option<String>,
}

fn transposed(matrix: &Tensor, factor: f32) -> Tensor {
    let (rows, columns) = (matrix.shape[0], matrix.shape[1]);
    let values = (0..columns)
        .flat_map(|column| (0..rows).map(move |row| row * columns + column))
        .map(|index| matrix.values[index] * factor)
        .collect();
    Tensor {
        shape: vec![columns, rows],
        values,
    }
}
