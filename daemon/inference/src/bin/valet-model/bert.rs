//! The graph of a BERT-like sentence encoder for one text of any length.
//!
//! `input_ids` (int64, `[S]`) goes in; `sentence` (float, `[D]`, the mean of the last
//! layer's rows, not normalised) and `tokens` (float, `[S, D]`, the rows of the token layer)
//! come out. One text at a time needs no attention mask and no token types: the row of
//! token type 0 is added to the positions here, and 1/sqrt(head) is folded into the queries.
//!
//! Must not read or write files, and must give the same bytes on every machine: only
//! IEEE additions, products, divisions and roundings are used.

mod plain;
mod quantized;

use tract_onnx::pb::tensor_proto::DataType;

use crate::config::BertConfig;
use crate::error::{RecipeError, weights_fault};
use crate::functions;
use crate::graph::{Attribute, GraphWriter};
use crate::safetensors::{Tensor, Weights};

/// How the big matrices are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Storage {
    /// 32-bit floats and standard operators.
    F32,
    /// Symmetric int8 and operators of our own: matrices per output channel, the embedding per
    /// row; the input of a matrix is quantized as the graph runs, with one scale a token.
    Int8,
}

/// What a graph is made of.
#[derive(Clone, Copy)]
pub(crate) struct Model<'a> {
    /// The published tensors.
    pub(crate) weights: &'a Weights<'a>,
    /// Their shape.
    pub(crate) config: &'a BertConfig,
    /// The model's id, which the graph's name begins with.
    pub(crate) id: &'a str,
    /// Positions that are kept: the token limit the model was trained with.
    pub(crate) token_limit: usize,
    /// Layers below the rows that `tokens` gives.
    pub(crate) token_layer: usize,
    /// Channels of the hidden rows that are far larger than the rest in every text, and what
    /// they are divided by before they are quantized (their weights are multiplied by it), so
    /// that they do not take the other channels' precision. Powers of two round nothing.
    pub(crate) loud: &'a [(usize, f32)],
}

struct Export<'a> {
    model: Model<'a>,
    storage: Storage,
    graph: GraphWriter,
}

/// Writes the graph for these weights.
pub(crate) fn export(model: Model<'_>, storage: Storage) -> Result<Vec<u8>, RecipeError> {
    check(&model)?;
    let mut export = Export { model, storage, graph: GraphWriter::default() };
    let mut hidden = export.embeddings()?;
    for layer in 0..model.config.layers {
        hidden = export.layer(layer, &hidden)?;
        if layer + 1 == model.token_layer {
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
    let width = model.config.hidden as i64;
    graph.output("sentence", DataType::Float, &[Some(width)]);
    graph.output("tokens", DataType::Float, &[None, Some(width)]);
    Ok(match storage {
        Storage::F32 => graph.encode(&format!("{}-f32", model.id), Vec::new()),
        Storage::Int8 => graph.encode(&format!("{}-int8", model.id), functions::all()),
    })
}

fn check(model: &Model<'_>) -> Result<(), RecipeError> {
    let config = model.config;
    if model.token_limit > config.positions {
        return Err(weights_fault(format!(
            "the manifest allows {} tokens where the model has {} positions",
            model.token_limit, config.positions
        )));
    }
    if !(1..=config.layers).contains(&model.token_layer) {
        return Err(weights_fault(format!(
            "the manifest takes token vectors from layer {} where the model has {}",
            model.token_layer, config.layers
        )));
    }
    if let Some((channel, _)) = model.loud.iter().find(|(channel, _)| *channel >= config.hidden) {
        return Err(weights_fault(format!(
            "channel {channel} is to be damped where rows have {}",
            config.hidden
        )));
    }
    Ok(())
}

impl Export<'_> {
    fn embeddings(&mut self) -> Result<String, RecipeError> {
        let Model { weights, config, .. } = self.model;
        let ids = self.graph.input("input_ids", DataType::Int64, &[None]);
        let words =
            weights.tensor("embeddings.word_embeddings.weight", &[config.pieces, config.hidden])?;
        let positions = self.positions()?;
        let sum = match self.storage {
            Storage::F32 => self.plain_embedding(&words, &ids, &positions),
            Storage::Int8 => self.quantized_embedding(&words, &ids, &positions),
        };
        self.normalisation("embeddings.LayerNorm", &sum)
    }

    fn positions(&self) -> Result<Tensor, RecipeError> {
        let Model { weights, config, token_limit, .. } = self.model;
        let width = config.hidden;
        let table =
            weights.tensor("embeddings.position_embeddings.weight", &[config.positions, width])?;
        let types = weights
            .tensor("embeddings.token_type_embeddings.weight", &[config.token_types, width])?;
        let values = table
            .values
            .chunks_exact(width)
            .take(token_limit)
            .flat_map(|row| row.iter().zip(&types.values).map(|(a, b)| a + b))
            .collect();
        Ok(Tensor { shape: vec![token_limit, width], values })
    }

    fn layer(&mut self, layer: usize, hidden: &str) -> Result<String, RecipeError> {
        let BertConfig { hidden: width, inner, .. } = *self.model.config;
        let name = format!("encoder.layer.{layer}");
        let attended = self.attention(&name, hidden)?;
        let sum =
            self.graph.node("Add", &format!("{name}.attention.sum"), &[&attended, hidden], &[]);
        let hidden = self.normalisation(&format!("{name}.attention.output.LayerNorm"), &sum)?;
        let dense = format!("{name}.intermediate.dense");
        let raised = self.linear(&dense, &hidden, [width, inner], Input::Hidden)?;
        let gelu = format!("{name}.gelu");
        let active = match self.storage {
            Storage::F32 => self.plain_gelu(&gelu, &raised),
            Storage::Int8 => self.graph.own_node(functions::GELU, &gelu, &[&raised], &[]),
        };
        let dense = format!("{name}.output.dense");
        let outer = self.linear(&dense, &active, [inner, width], Input::Other)?;
        let sum = self.graph.node("Add", &format!("{name}.sum"), &[&outer, &hidden], &[]);
        self.normalisation(&format!("{name}.output.LayerNorm"), &sum)
    }

    fn attention(&mut self, name: &str, hidden: &str) -> Result<String, RecipeError> {
        let BertConfig { hidden: width, heads, .. } = *self.model.config;
        let own = format!("{name}.attention.self");
        let (weight, bias) = self.joined(&own)?;
        let joined = self.matrix(&format!("{own}.joined"), hidden, (&weight, &bias), Input::Hidden);
        let mixed = match self.storage {
            Storage::F32 => self.plain_attention(&own, &joined),
            Storage::Int8 => self.graph.own_node(
                functions::SELF_ATTENTION,
                &format!("{own}.rows"),
                &[&joined],
                &[Attribute::Int(functions::HEADS, heads as i64)],
            ),
        };
        let dense = format!("{name}.attention.output.dense");
        self.linear(&dense, &mixed, [width, width], Input::Other)
    }

    /// Queries, keys and values as one matrix: fewer nodes, and the input is packed once.
    fn joined(&self, own: &str) -> Result<(Tensor, Vec<f32>), RecipeError> {
        let width = self.model.config.hidden;
        let mut weight =
            Tensor { shape: vec![3 * width, width], values: Vec::with_capacity(3 * width * width) };
        let mut bias = Vec::with_capacity(3 * width);
        let query_scale = 1.0 / (self.model.config.head() as f32).sqrt();
        for (part, factor) in [("query", query_scale), ("key", 1.0), ("value", 1.0)] {
            let name = format!("{own}.{part}");
            let part = self.model.weights.tensor(&format!("{name}.weight"), &[width, width])?;
            weight.values.extend(part.values.iter().map(|value| value * factor));
            let part = self.model.weights.tensor(&format!("{name}.bias"), &[width])?;
            bias.extend(part.values.iter().map(|value| value * factor));
        }
        Ok((weight, bias))
    }

    fn normalisation(&mut self, name: &str, input: &str) -> Result<String, RecipeError> {
        let BertConfig { hidden, epsilon, .. } = *self.model.config;
        let weight = self.model.weights.tensor(&format!("{name}.weight"), &[hidden])?;
        let bias = self.model.weights.tensor(&format!("{name}.bias"), &[hidden])?;
        let weight = self.graph.floats(&format!("{name}.weight"), &[hidden], &weight.values);
        let bias = self.graph.floats(&format!("{name}.bias"), &[hidden], &bias.values);
        Ok(self.graph.node(
            "LayerNormalization",
            name,
            &[input, &weight, &bias],
            &[Attribute::Int("axis", -1), Attribute::Float("epsilon", epsilon)],
        ))
    }

    /// The published matrix and bias `name` applied to the rows of `input`.
    fn linear(
        &mut self,
        name: &str,
        input: &str,
        [width, outputs]: [usize; 2],
        kind: Input,
    ) -> Result<String, RecipeError> {
        let weight = self.model.weights.tensor(&format!("{name}.weight"), &[outputs, width])?;
        let bias = self.model.weights.tensor(&format!("{name}.bias"), &[outputs])?;
        Ok(self.matrix(name, input, (&weight, &bias.values), kind))
    }

    /// `input * weight^T + bias`.
    fn matrix(
        &mut self,
        name: &str,
        input: &str,
        (weight, bias): (&Tensor, &[f32]),
        kind: Input,
    ) -> String {
        match self.storage {
            Storage::F32 => self.plain_matrix(name, input, &transposed(weight), bias),
            Storage::Int8 => {
                let factors = self.factors(kind, weight.shape[1]);
                self.quantized_matrix(name, input, (transposed(weight), bias), &factors)
            }
        }
    }

    /// What each channel of an input is divided by before it is quantized.
    fn factors(&self, kind: Input, width: usize) -> Vec<f32> {
        let mut factors = vec![1.0; width];
        if kind == Input::Hidden {
            for (channel, factor) in self.model.loud {
                factors[*channel] = *factor;
            }
        }
        factors
    }
}

/// What a matrix reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Input {
    /// Hidden rows, whose loud channels are damped.
    Hidden,
    /// Anything else.
    Other,
}

fn transposed(matrix: &Tensor) -> Tensor {
    let (rows, columns) = (matrix.shape[0], matrix.shape[1]);
    let values = (0..columns)
        .flat_map(|column| (0..rows).map(move |row| row * columns + column))
        .map(|index| matrix.values[index])
        .collect();
    Tensor { shape: vec![columns, rows], values }
}
