//! What our operators mean, in standard ones: each as an ONNX function inside the file, so
//! that a runtime that has no kernels for them still runs it and gives the same vectors.
//!
//! Must stay the truth that `valet-inference` is held against: an operator changes here first,
//! and then its version in the file too.

use tract_onnx::pb;
use tract_onnx::pb::tensor_proto::DataType;

use crate::graph::{Attribute, DOMAIN, OPSET, node_proto, opset};

/// Rows of an int8 table with a scale a row, plus a row of positions: `(ids int64 [S],
/// table int8 [V, D], scales f32 [V], positions f32 [P, D]) -> f32 [S, D]`, S at most P.
pub(crate) const QUANTIZED_EMBEDDING: &str = "QuantizedEmbedding";
/// `(x f32 [S, K], damping f32 [K], weight int8 [K, N], scales f32 [N], bias f32 [N]) -> f32 [S, N]`:
/// x times damping is quantized to int8 a row (scale largest / 127, half to even), multiplied as
/// integers, and scaled by row and by channel; then the bias.
pub(crate) const QUANTIZED_LINEAR: &str = "QuantizedLinear";
/// `(joined f32 [S, 3 D]; heads) -> f32 [S, D]`: queries (scaled already), keys and values side by
/// side, each by head; all rows attend to all.
pub(crate) const SELF_ATTENTION: &str = "SelfAttention";
/// `x/2 * (1 + erf(x / sqrt 2))`.
pub(crate) const GELU: &str = "Gelu";

/// The number of heads, an attribute of [`SELF_ATTENTION`].
pub(crate) const HEADS: &str = "heads";

/// Keeps a row of zeros from being divided by zero.
const SMALLEST_SCALE: f32 = 1e-12;

/// All of them, in the order of their names above.
pub(crate) fn all() -> Vec<pb::FunctionProto> {
    vec![quantized_embedding(), quantized_linear(), self_attention(), gelu()]
}

/// A function that grows; a value is named after the node that makes it.
struct Body {
    nodes: Vec<pb::NodeProto>,
}

impl Body {
    fn node(&mut self, op: &str, name: &str, inputs: &[&str], attributes: &[Attribute<'_>]) {
        self.nodes.push(node_proto(op, name, inputs, attributes));
    }

    fn float(&mut self, name: &str, value: f32) {
        self.node("Constant", name, &[], &[Attribute::Float("value_float", value)]);
    }

    fn integer(&mut self, name: &str, value: i64) {
        self.node("Constant", name, &[], &[Attribute::Scalar("value", value)]);
    }

    fn integers(&mut self, name: &str, values: &[i64]) {
        self.node("Constant", name, &[], &[Attribute::Ints("value_ints", values)]);
    }

    fn cast(&mut self, name: &str, input: &str, kind: DataType) {
        self.node("Cast", name, &[input], &[Attribute::Int("to", kind as i64)]);
    }

    /// The last node gives the function's one output.
    fn function(self, name: &str, inputs: &[&str], attributes: &[&str]) -> pb::FunctionProto {
        let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        pb::FunctionProto {
            name: Some(name.to_owned()),
            domain: Some(DOMAIN.to_owned()),
            input: owned(inputs),
            output: self.nodes.last().map(|node| node.output.clone()).unwrap_or_default(),
            attribute: owned(attributes),
            opset_import: vec![opset("", OPSET)],
            node: self.nodes,
            ..Default::default()
        }
    }
}

fn quantized_embedding() -> pb::FunctionProto {
    let mut body = Body { nodes: Vec::new() };
    let rows = [Attribute::Int("axis", 0)];
    body.node("Gather", "row", &["table", "ids"], &rows);
    body.cast("row_f32", "row", DataType::Float);
    body.node("Gather", "scale", &["scales", "ids"], &rows);
    body.integers("last_axis", &[-1]);
    body.node("Unsqueeze", "scale_column", &["scale", "last_axis"], &[]);
    body.node("Mul", "word", &["row_f32", "scale_column"], &[]);
    body.integers("first", &[0]);
    body.node("Shape", "length", &["ids"], &[]);
    body.node("Slice", "position", &["positions", "first", "length"], &[]);
    body.node("Add", "sum", &["word", "position"], &[]);
    body.function(QUANTIZED_EMBEDDING, &["ids", "table", "scales", "positions"], &[])
}

fn quantized_linear() -> pb::FunctionProto {
    let mut body = Body { nodes: Vec::new() };
    body.node("Mul", "damped", &["x", "damping"], &[]);
    body.node("Abs", "absolute", &["damped"], &[]);
    body.node(
        "ReduceMax",
        "largest",
        &["absolute"],
        &[Attribute::Ints("axes", &[-1]), Attribute::Int("keepdims", 1)],
    );
    body.float("steps", 127.0);
    body.node("Div", "step", &["largest", "steps"], &[]);
    body.float("smallest", SMALLEST_SCALE);
    body.node("Max", "row_scale", &["step", "smallest"], &[]);
    body.node("Div", "quotient", &["damped", "row_scale"], &[]);
    body.node("Round", "rounded", &["quotient"], &[]);
    body.cast("quantized", "rounded", DataType::Int8);
    body.node("MatMulInteger", "sums", &["quantized", "weight"], &[]);
    body.cast("sums_f32", "sums", DataType::Float);
    body.node("Mul", "by_row", &["sums_f32", "row_scale"], &[]);
    body.node("Mul", "product", &["by_row", "scales"], &[]);
    body.node("Add", "y", &["product", "bias"], &[]);
    body.function(QUANTIZED_LINEAR, &["x", "damping", "weight", "scales", "bias"], &[])
}

fn self_attention() -> pb::FunctionProto {
    let mut body = Body { nodes: Vec::new() };
    body.node("Constant", "head_count", &[], &[Attribute::IntOfCaller("value_int", HEADS)]);
    body.integers("one_axis", &[1]);
    body.node("Reshape", "head_axis", &["head_count", "one_axis"], &[]);
    body.integers("rows_and_three", &[0, 3]);
    body.integers("rest", &[-1]);
    body.node(
        "Concat",
        "split_shape",
        &["rows_and_three", "head_axis", "rest"],
        &[Attribute::Int("axis", 0)],
    );
    body.node("Reshape", "split", &["joined", "split_shape"], &[]);
    body.node("Transpose", "parts", &["split"], &[Attribute::Ints("perm", &[1, 2, 0, 3])]);
    for (place, name) in ["query", "key", "value"].into_iter().enumerate() {
        let index = format!("{name}_place");
        body.integer(&index, place as i64);
        body.node("Gather", name, &["parts", &index], &[Attribute::Int("axis", 0)]);
    }
    body.node("Transpose", "key_columns", &["key"], &[Attribute::Ints("perm", &[0, 2, 1])]);
    body.node("MatMul", "scores", &["query", "key_columns"], &[]);
    body.node("Softmax", "shares", &["scores"], &[Attribute::Int("axis", -1)]);
    body.node("MatMul", "mixed", &["shares", "value"], &[]);
    body.node("Transpose", "by_token", &["mixed"], &[Attribute::Ints("perm", &[1, 0, 2])]);
    body.integers("row_shape", &[0, -1]);
    body.node("Reshape", "rows", &["by_token", "row_shape"], &[]);
    body.function(SELF_ATTENTION, &["joined"], &[HEADS])
}

fn gelu() -> pb::FunctionProto {
    let mut body = Body { nodes: Vec::new() };
    body.float("inverse_root", std::f32::consts::FRAC_1_SQRT_2);
    body.node("Mul", "scaled", &["x", "inverse_root"], &[]);
    body.node("Erf", "erf", &["scaled"], &[]);
    body.float("one", 1.0);
    body.node("Add", "raised", &["erf", "one"], &[]);
    body.float("half", 0.5);
    body.node("Mul", "halved", &["x", "half"], &[]);
    body.node("Mul", "y", &["halved", "raised"], &[]);
    body.function(GELU, &["x"], &[])
}
