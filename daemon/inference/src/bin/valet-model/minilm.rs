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

/// Channels of the hidden rows that are ten to twenty times as large as the rest in
/// every text, and what they are divided by before they are quantized (their weights are
/// multiplied by it), so that they do not take the other channels' precision. Found by
/// evaluating the model on a dozen sentences; powers of two, so nothing is rounded.
const LOUD_CHANNELS: [(usize, f32); 4] = [(63, 2.0), (99, 4.0), (127, 2.0), (223, 2.0)];

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
    let mut export = Export { weights, storage, graph: GraphWriter::default() };
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
        let words =
            self.weights.tensor("embeddings.word_embeddings.weight", &[VOCABULARY, HIDDEN])?;
        let words = self.word_rows(&words, &ids);
        let positions = self.positions()?;
        let start = self.graph.integers("first_position", &[0]);
        let length = self.graph.node("Shape", "length", &[&ids], &[]);
        let positions = self.graph.node("Slice", "positions", &[&positions, &start, &length], &[]);
        let sum = self.graph.node("Add", "embeddings", &[&words, &positions], &[]);
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
                let scales = self.graph.floats("word_scales", &[words.shape[0], 1], &scales);
                let rows = self.graph.node("Gather", "word_rows", &[&table, ids], &axis);
                let rows = self.float_of("word_rows_f32", &rows);
                let scales = self.graph.node("Gather", "word_row_scales", &[&scales, ids], &axis);
                self.graph.node("Mul", "words", &[&rows, &scales], &[])
            }
        }
    }

    fn positions(&mut self) -> Result<String, RecipeError> {
        let table =
            self.weights.tensor("embeddings.position_embeddings.weight", &[POSITIONS, HIDDEN])?;
        let types = self.weights.tensor("embeddings.token_type_embeddings.weight", &[2, HIDDEN])?;
        let values: Vec<f32> = table
            .values
            .chunks_exact(HIDDEN)
            .take(TOKEN_LIMIT)
            .flat_map(|row| row.iter().zip(&types.values).map(|(a, b)| a + b))
            .collect();
        Ok(self.graph.floats("position_table", &[TOKEN_LIMIT, HIDDEN], &values))
    }

    fn layer(&mut self, layer: usize, hidden: &str) -> Result<String, RecipeError> {
        let name = format!("encoder.layer.{layer}");
        let attended = self.attention(&name, hidden)?;
        let sum =
            self.graph.node("Add", &format!("{name}.attention.sum"), &[&attended, hidden], &[]);
        let hidden = self.normalisation(&format!("{name}.attention.output.LayerNorm"), &sum)?;
        let input = self.hidden_input(&format!("{name}.intermediate"), &hidden);
        let inner = self.linear(&format!("{name}.intermediate.dense"), &input, [HIDDEN, INNER])?;
        let active = self.gelu(&format!("{name}.gelu"), &inner);
        let input = self.matrix_input(&format!("{name}.output"), &active);
        let outer = self.linear(&format!("{name}.output.dense"), &input, [INNER, HIDDEN])?;
        let sum = self.graph.node("Add", &format!("{name}.sum"), &[&outer, &hidden], &[]);
        self.normalisation(&format!("{name}.output.LayerNorm"), &sum)
    }

    fn attention(&mut self, name: &str, hidden: &str) -> Result<String, RecipeError> {
        let own = format!("{name}.attention.self");
        let input = self.hidden_input(&own, hidden);
        let joined = self.joined(&own, &input)?;
        let shape =
            self.graph.integers(&format!("{own}.head_shape"), &[0, 3, HEADS as i64, HEAD as i64]);
        let split = self.graph.node("Reshape", &format!("{own}.split"), &[&joined, &shape], &[]);
        let parts = self.graph.node(
            "Transpose",
            &format!("{own}.parts"),
            &[&split],
            &[Attribute::Ints("perm", &[1, 2, 0, 3])],
        );
        let [query, key, value] = [0, 1, 2].map(|part| {
            let place = self.graph.integer(&format!("{own}.place_{part}"), part);
            self.graph.node(
                "Gather",
                &format!("{own}.part_{part}"),
                &[&parts, &place],
                &[Attribute::Int("axis", 0)],
            )
        });
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
        let rows = self.graph.integers(&format!("{own}.row_shape"), &[0, HIDDEN as i64]);
        let mixed = self.graph.node("Reshape", &format!("{own}.rows"), &[&mixed, &rows], &[]);
        let output = format!("{name}.attention.output");
        let input = self.matrix_input(&output, &mixed);
        self.linear(&format!("{output}.dense"), &input, [HIDDEN, HIDDEN])
    }

    /// Queries, keys and values by one matrix: fewer nodes, and the input is packed once.
    fn joined(&mut self, own: &str, input: &MatrixInput) -> Result<String, RecipeError> {
        let mut weight = Tensor {
            shape: vec![3 * HIDDEN, HIDDEN],
            values: Vec::with_capacity(3 * HIDDEN * HIDDEN),
        };
        let mut bias = Vec::with_capacity(3 * HIDDEN);
        let query_scale = 1.0 / (HEAD as f32).sqrt();
        for (part, factor) in [("query", query_scale), ("key", 1.0), ("value", 1.0)] {
            let name = format!("{own}.{part}");
            let part = self.weights.tensor(&format!("{name}.weight"), &[HIDDEN, HIDDEN])?;
            weight.values.extend(part.values.iter().map(|value| value * factor));
            let part = self.weights.tensor(&format!("{name}.bias"), &[HIDDEN])?;
            bias.extend(part.values.iter().map(|value| value * factor));
        }
        Ok(self.matrix(&format!("{own}.joined"), input, &weight, &bias))
    }

    fn normalisation(&mut self, name: &str, input: &str) -> Result<String, RecipeError> {
        let weight = self.weights.tensor(&format!("{name}.weight"), &[HIDDEN])?;
        let bias = self.weights.tensor(&format!("{name}.bias"), &[HIDDEN])?;
        let weight = self.graph.floats(&format!("{name}.weight"), &[HIDDEN], &weight.values);
        let bias = self.graph.floats(&format!("{name}.bias"), &[HIDDEN], &bias.values);
        Ok(self.graph.node(
            "LayerNormalization",
            name,
            &[input, &weight, &bias],
            &[Attribute::Int("axis", -1), Attribute::Float("epsilon", EPSILON)],
        ))
    }

    /// x/2 * (1 + erf(x / sqrt 2)), the exact form the model was trained with.
    fn gelu(&mut self, name: &str, input: &str) -> String {
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

    /// [`Self::matrix_input`] for hidden rows, whose loud channels are damped.
    fn hidden_input(&mut self, name: &str, hidden: &str) -> MatrixInput {
        if self.storage == Storage::F32 {
            return self.matrix_input(name, hidden);
        }
        let inverse: Vec<f32> = damping().iter().map(|factor| 1.0 / factor).collect();
        let inverse = self.graph.floats(&format!("{name}.damping"), &[HIDDEN], &inverse);
        let damped = self.graph.node("Mul", &format!("{name}.damped"), &[hidden, &inverse], &[]);
        MatrixInput { damped: true, ..self.matrix_input(name, &damped) }
    }

    /// What the matrices that read `input` share: its quantized form and scale.
    fn matrix_input(&mut self, name: &str, input: &str) -> MatrixInput {
        if self.storage == Storage::F32 {
            return MatrixInput { rows: input.to_owned(), scale: None, damped: false };
        }
        let absolute = self.graph.node("Abs", &format!("{name}.absolute"), &[input], &[]);
        let largest = self.graph.node(
            "ReduceMax",
            &format!("{name}.largest"),
            &[&absolute],
            &[Attribute::Ints("axes", &[-1]), Attribute::Int("keepdims", 1)],
        );
        let steps = self.graph.floats(&format!("{name}.steps"), &[], &[1.0 / 127.0]);
        let scale = self.graph.node("Mul", &format!("{name}.scale"), &[&largest, &steps], &[]);
        let floor = self.graph.floats(&format!("{name}.floor"), &[], &[SMALLEST_SCALE]);
        let scale = self.graph.node("Max", &format!("{name}.safe_scale"), &[&scale, &floor], &[]);
        let quotient = self.graph.node("Div", &format!("{name}.quotient"), &[input, &scale], &[]);
        let rounded = self.graph.node("Round", &format!("{name}.rounded"), &[&quotient], &[]);
        let rows = self.graph.node(
            "Cast",
            &format!("{name}.int8"),
            &[&rounded],
            &[Attribute::Int("to", DataType::Int8 as i64)],
        );
        MatrixInput { rows, scale: Some(scale), damped: false }
    }

    /// The published matrix and bias `name` applied to the rows of `input`.
    fn linear(
        &mut self,
        name: &str,
        input: &MatrixInput,
        [width, outputs]: [usize; 2],
    ) -> Result<String, RecipeError> {
        let weight = self.weights.tensor(&format!("{name}.weight"), &[outputs, width])?;
        let bias = self.weights.tensor(&format!("{name}.bias"), &[outputs])?;
        Ok(self.matrix(name, input, &weight, &bias.values))
    }

    /// `input * weight^T + bias`.
    fn matrix(&mut self, name: &str, input: &MatrixInput, weight: &Tensor, bias: &[f32]) -> String {
        let outputs = bias.len();
        let bias = self.graph.floats(&format!("{name}.bias"), &[outputs], bias);
        let mut matrix = transposed(weight);
        if input.damped {
            for (row, factor) in matrix.values.chunks_exact_mut(outputs).zip(damping()) {
                row.iter_mut().for_each(|value| *value *= factor);
            }
        }
        let product = match &input.scale {
            None => {
                let matrix =
                    self.graph.floats(&format!("{name}.weight"), &matrix.shape, &matrix.values);
                self.graph.node("MatMul", &format!("{name}.product"), &[&input.rows, &matrix], &[])
            }
            Some(scale) => {
                let (values, scales) = quantize_columns(&matrix);
                let matrix = self.graph.int8s(&format!("{name}.weight"), &matrix.shape, &values);
                let scales = self.graph.floats(&format!("{name}.scales"), &[outputs], &scales);
                let sums = self.graph.node(
                    "MatMulInteger",
                    &format!("{name}.sums"),
                    &[&input.rows, &matrix],
                    &[],
                );
                let sums = self.float_of(&format!("{name}.sums_f32"), &sums);
                let sums =
                    self.graph.node("Mul", &format!("{name}.by_token"), &[&sums, scale], &[]);
                self.graph.node("Mul", &format!("{name}.product"), &[&sums, &scales], &[])
            }
        };
        self.graph.node("Add", name, &[&product, &bias], &[])
    }

    fn float_of(&mut self, name: &str, input: &str) -> String {
        self.graph.node("Cast", name, &[input], &[Attribute::Int("to", DataType::Float as i64)])
    }
}

struct MatrixInput {
    rows: String,
    /// The scale of each row where `rows` are quantized.
    scale: Option<String>,
    /// Whether the loud channels were divided.
    damped: bool,
}

fn damping() -> [f32; HIDDEN] {
    let mut factors = [1.0; HIDDEN];
    for (channel, factor) in LOUD_CHANNELS {
        factors[channel] = factor;
    }
    factors
}

fn transposed(matrix: &Tensor) -> Tensor {
    let (rows, columns) = (matrix.shape[0], matrix.shape[1]);
    let values = (0..columns)
        .flat_map(|column| (0..rows).map(move |row| row * columns + column))
        .map(|index| matrix.values[index])
        .collect();
    Tensor { shape: vec![columns, rows], values }
}
