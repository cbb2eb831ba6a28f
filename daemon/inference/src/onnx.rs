//! Reads the ONNX file of an encoder into a program: only the operations that the recipe writes,
//! each checked for what it must have.
//!
//! The file's own operations (`org.valetd`) are defined in it as functions of standard ones, for
//! other runtimes; here their names are enough. Foreign bytes: must not trust a length, a name or
//! an order, and must not keep the file.

mod initial;
mod reading;

pub(crate) use initial::Array;

use prost::Message;
use prost::bytes::Bytes;
use tract_onnx::pb::{GraphProto, ModelProto};

use crate::program::Program;

/// The graph of a file.
///
/// # Errors
/// Words that say what is no ONNX.
pub(crate) fn decode(bytes: Vec<u8>) -> Result<GraphProto, String> {
    // From `Bytes`: decoding a slice makes and frees a copy of each tensor, after which the C library
    // puts what stays between the holes.
    let model = ModelProto::decode(Bytes::from(bytes))
        .map_err(|error| format!("it is no ONNX file: {error}"))?;
    model.graph.ok_or_else(|| "the ONNX file holds no graph".to_owned())
}

/// The program of a graph.
///
/// # Errors
/// Words that name the node or the tensor, with what was expected and what came.
pub(crate) fn program(graph: &GraphProto) -> Result<Program<Array<'_>>, String> {
    reading::Reading::new(graph)?.program()
}
