//! Replaces each call of a function that an ONNX file defines by the function's nodes, for
//! runtimes that know no functions.
//!
//! Must not know which functions those are, and must end on any file: what is nested too
//! deep or grows past the bound is refused.

use std::collections::BTreeMap;

use prost::Message;
use tract_onnx::pb;

use crate::error::{RecipeError, weights_fault};

/// Functions inside functions inside functions.
const MAX_DEPTH: usize = 8;
/// Most nodes and calls that are looked at.
const MAX_VISITS: usize = 100_000;

type Functions = BTreeMap<(String, String), pb::FunctionProto>;

/// The same graph in plain nodes.
pub(crate) fn inline(file: &[u8]) -> Result<Vec<u8>, RecipeError> {
    let mut model = pb::ModelProto::decode(file)
        .map_err(|error| weights_fault(format!("the file is not ONNX: {error}")))?;
    let functions: Functions = std::mem::take(&mut model.functions)
        .into_iter()
        .map(|function| ((function.domain().to_owned(), function.name().to_owned()), function))
        .collect();
    model.opset_import.retain(|set| !functions.keys().any(|(domain, _)| *domain == set.domain));
    let Some(graph) = &mut model.graph else {
        return Err(weights_fault("the file has no graph"));
    };
    let mut expansion = Expansion { functions: &functions, visits: 0, nodes: Vec::new() };
    for node in std::mem::take(&mut graph.node) {
        expansion.add(node, MAX_DEPTH)?;
    }
    graph.node = expansion.nodes;
    Ok(model.encode_to_vec())
}

struct Expansion<'a> {
    functions: &'a Functions,
    visits: usize,
    nodes: Vec<pb::NodeProto>,
}

impl Expansion<'_> {
    fn add(&mut self, node: pb::NodeProto, depth: usize) -> Result<(), RecipeError> {
        self.visits += 1;
        if self.visits > MAX_VISITS {
            return Err(weights_fault(format!("the graph grows past {MAX_VISITS} nodes")));
        }
        let functions = self.functions;
        let Some(function) = functions.get(&(node.domain.clone(), node.op_type.clone())) else {
            self.nodes.push(node);
            return Ok(());
        };
        let Some(depth) = depth.checked_sub(1) else {
            return Err(weights_fault(format!("functions call each other {MAX_DEPTH} deep")));
        };
        let call = Call::new(&node, function)?;
        for inner in &function.node {
            self.add(call.instance(inner), depth)?;
        }
        Ok(())
    }
}

/// One node that calls a function.
struct Call<'a> {
    /// What is put before the names of the function's own values.
    name: String,
    /// The caller's values by the function's names for them.
    values: BTreeMap<&'a str, &'a str>,
    attributes: &'a [pb::AttributeProto],
}

impl<'a> Call<'a> {
    fn new(node: &'a pb::NodeProto, function: &'a pb::FunctionProto) -> Result<Self, RecipeError> {
        if node.input.len() > function.input.len() || node.output.len() > function.output.len() {
            return Err(weights_fault(format!(
                "{} gives {} values and takes {} where {} expects {} and {}",
                node.name,
                node.input.len(),
                node.output.len(),
                function.name(),
                function.input.len(),
                function.output.len()
            )));
        }
        // An input that the caller leaves out has the empty name, as everywhere in ONNX.
        let given = node.input.iter().map(String::as_str).chain(std::iter::repeat(""));
        let inputs = function.input.iter().map(String::as_str).zip(given);
        let taken = node.output.iter().map(String::as_str);
        let outputs = function.output.iter().map(String::as_str).zip(taken);
        let unnamed = node.output.first().cloned().unwrap_or_default();
        Ok(Call {
            name: if node.name.is_empty() { unnamed } else { node.name.clone() },
            values: inputs.chain(outputs).collect(),
            attributes: &node.attribute,
        })
    }

    fn value(&self, inner: &str) -> String {
        match self.values.get(inner) {
            Some(given) => (*given).to_owned(),
            None if inner.is_empty() => String::new(),
            None => format!("{}/{inner}", self.name),
        }
    }

    /// The function's node `inner` for this call.
    fn instance(&self, inner: &pb::NodeProto) -> pb::NodeProto {
        let attribute = inner.attribute.iter().filter_map(|attribute| {
            if attribute.ref_attr_name.is_empty() {
                return Some(attribute.clone());
            }
            // One that the caller does not give is left to the operator's default.
            let given = self.attributes.iter().find(|own| own.name == attribute.ref_attr_name)?;
            Some(pb::AttributeProto { name: attribute.name.clone(), ..given.clone() })
        });
        pb::NodeProto {
            name: format!("{}/{}", self.name, inner.name),
            input: inner.input.iter().map(|value| self.value(value)).collect(),
            output: inner.output.iter().map(|value| self.value(value)).collect(),
            attribute: attribute.collect(),
            ..inner.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions;
    use crate::graph::{Attribute, DOMAIN, GraphWriter};
    use proptest::prelude::*;

    fn attention(functions: Vec<pb::FunctionProto>) -> Vec<u8> {
        let mut graph = GraphWriter::default();
        graph.own_node(
            functions::SELF_ATTENTION,
            "mixed",
            &["joined"],
            &[Attribute::Int(functions::HEADS, 12)],
        );
        graph.encode("test", functions)
    }

    #[test]
    fn a_call_becomes_the_functions_nodes_between_the_callers_values() {
        let inlined = inline(&attention(functions::all())).unwrap();
        let model = pb::ModelProto::decode(inlined.as_slice()).unwrap();
        assert!(model.functions.is_empty());
        assert_eq!(model.opset_import.len(), 1);
        let nodes = model.graph.unwrap().node;
        assert!(nodes.iter().all(|node| node.domain.is_empty()));
        let heads = &nodes[0].attribute[0];
        assert_eq!((heads.name.as_str(), heads.i), ("value_int", 12));
        assert!(heads.ref_attr_name.is_empty());
        assert!(nodes.iter().any(|node| node.input.iter().any(|input| input == "joined")));
        assert_eq!(nodes.last().unwrap().output, ["mixed"]);
        assert!(nodes[0].output[0].starts_with("mixed/"));
    }

    #[test]
    fn a_function_that_calls_itself_is_refused() {
        let mut functions = functions::all();
        for function in &mut functions {
            for node in &mut function.node {
                node.domain = DOMAIN.to_owned();
                node.op_type = functions::SELF_ATTENTION.to_owned();
                node.input.truncate(1);
            }
        }
        let said = inline(&attention(functions)).unwrap_err().to_string();
        assert!(said.contains("deep"), "{said}");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = inline(&bytes);
        }
    }
}
