//! Writes an ONNX graph node by node. The same calls always give the same bytes.
//!
//! Must not know which model it writes.

use prost::Message;
use tract_onnx::pb;
use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::tensor_proto::DataType;

/// The version of the standard operators that graphs and functions are written in.
pub(crate) const OPSET: i64 = 17;
/// The first version of the format that knows functions.
const IR_VERSION: i64 = 8;
/// The domain of the operators that are ours.
pub(crate) const DOMAIN: &str = "org.valetd";
/// The version of those operators.
pub(crate) const DOMAIN_VERSION: i64 = 1;

/// An attribute of a node.
pub(crate) enum Attribute<'a> {
    /// One integer.
    Int(&'a str, i64),
    /// A list of integers.
    Ints(&'a str, &'a [i64]),
    /// One float.
    Float(&'a str, f32),
    /// The integer that the caller of a function gives: its own name, then the caller's.
    IntOfCaller(&'a str, &'a str),
    /// A tensor that holds one integer and has no axes. Unlike [`Attribute::Int`] it says 0 too,
    /// which this format leaves out and some readers then miss.
    Scalar(&'a str, i64),
}

/// A graph that grows; values are named after the node that makes them.
#[derive(Default)]
pub(crate) struct GraphWriter {
    graph: pb::GraphProto,
}

fn typed_value(name: &str, kind: DataType, shape: &[Option<i64>]) -> pb::ValueInfoProto {
    use pb::tensor_shape_proto::dimension::Value;
    let dim = shape
        .iter()
        .map(|length| pb::tensor_shape_proto::Dimension {
            value: Some(match length {
                Some(length) => Value::DimValue(*length),
                None => Value::DimParam("S".to_owned()),
            }),
            ..Default::default()
        })
        .collect();
    pb::ValueInfoProto {
        name: name.to_owned(),
        r#type: Some(pb::TypeProto {
            value: Some(pb::type_proto::Value::TensorType(pb::type_proto::Tensor {
                elem_type: kind as i32,
                shape: Some(pb::TensorShapeProto { dim }),
            })),
            ..Default::default()
        }),
        ..Default::default()
    }
}

impl GraphWriter {
    /// Declares an input; `None` is the symbolic length `S`.
    pub(crate) fn input(&mut self, name: &str, kind: DataType, shape: &[Option<i64>]) -> String {
        self.graph.input.push(typed_value(name, kind, shape));
        name.to_owned()
    }

    /// Declares that the value `name` leaves the graph.
    pub(crate) fn output(&mut self, name: &str, kind: DataType, shape: &[Option<i64>]) {
        self.graph.output.push(typed_value(name, kind, shape));
    }

    fn constant(&mut self, name: &str, kind: DataType, shape: &[usize], raw: Vec<u8>) -> String {
        self.graph.initializer.push(pb::TensorProto {
            name: name.to_owned(),
            data_type: kind as i32,
            dims: shape.iter().map(|length| *length as i64).collect(),
            raw_data: raw,
            ..Default::default()
        });
        name.to_owned()
    }

    /// A constant of floats.
    pub(crate) fn floats(&mut self, name: &str, shape: &[usize], values: &[f32]) -> String {
        let raw = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constant(name, DataType::Float, shape, raw)
    }

    /// A constant of bytes.
    pub(crate) fn int8s(&mut self, name: &str, shape: &[usize], values: &[i8]) -> String {
        let raw = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constant(name, DataType::Int8, shape, raw)
    }

    /// A constant list of integers.
    pub(crate) fn integers(&mut self, name: &str, values: &[i64]) -> String {
        let raw = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constant(name, DataType::Int64, &[values.len()], raw)
    }

    /// A constant integer without axes.
    pub(crate) fn integer(&mut self, name: &str, value: i64) -> String {
        self.constant(name, DataType::Int64, &[], value.to_le_bytes().to_vec())
    }

    /// A node with one output, which gets the node's name.
    pub(crate) fn node(
        &mut self,
        op: &str,
        name: &str,
        inputs: &[&str],
        attributes: &[Attribute<'_>],
    ) -> String {
        self.graph.node.push(node_proto(op, name, inputs, attributes));
        name.to_owned()
    }

    /// [`Self::node`] of an operator that is ours.
    pub(crate) fn own_node(
        &mut self,
        op: &str,
        name: &str,
        inputs: &[&str],
        attributes: &[Attribute<'_>],
    ) -> String {
        let node = node_proto(op, name, inputs, attributes);
        self.graph.node.push(pb::NodeProto { domain: DOMAIN.to_owned(), ..node });
        name.to_owned()
    }

    /// The finished file; `functions` say what operators of ours mean.
    pub(crate) fn encode(mut self, name: &str, functions: Vec<pb::FunctionProto>) -> Vec<u8> {
        self.graph.name = name.to_owned();
        let mut opset_import = vec![opset("", OPSET)];
        if !functions.is_empty() {
            opset_import.push(opset(DOMAIN, DOMAIN_VERSION));
        }
        pb::ModelProto {
            ir_version: IR_VERSION,
            producer_name: "valet-model".to_owned(),
            opset_import,
            graph: Some(self.graph),
            functions,
            ..Default::default()
        }
        .encode_to_vec()
    }
}

/// One set of operators that a file or a function uses.
pub(crate) fn opset(domain: &str, version: i64) -> pb::OperatorSetIdProto {
    pb::OperatorSetIdProto { domain: domain.to_owned(), version }
}

/// A standard node with one output, which gets the node's name.
pub(crate) fn node_proto(
    op: &str,
    name: &str,
    inputs: &[&str],
    attributes: &[Attribute<'_>],
) -> pb::NodeProto {
    pb::NodeProto {
        op_type: op.to_owned(),
        name: name.to_owned(),
        input: inputs.iter().map(|input| (*input).to_owned()).collect(),
        output: vec![name.to_owned()],
        attribute: attributes.iter().map(attribute_proto).collect(),
        ..Default::default()
    }
}

fn attribute_proto(attribute: &Attribute<'_>) -> pb::AttributeProto {
    let named = |name: &str, kind: AttributeType| pb::AttributeProto {
        name: name.to_owned(),
        r#type: kind as i32,
        ..Default::default()
    };
    match attribute {
        Attribute::Int(name, value) => {
            pb::AttributeProto { i: *value, ..named(name, AttributeType::Int) }
        }
        Attribute::Ints(name, values) => {
            pb::AttributeProto { ints: values.to_vec(), ..named(name, AttributeType::Ints) }
        }
        Attribute::Float(name, value) => {
            pb::AttributeProto { f: *value, ..named(name, AttributeType::Float) }
        }
        Attribute::IntOfCaller(name, theirs) => pb::AttributeProto {
            ref_attr_name: (*theirs).to_owned(),
            ..named(name, AttributeType::Int)
        },
        Attribute::Scalar(name, value) => pb::AttributeProto {
            t: Some(pb::TensorProto {
                data_type: DataType::Int64 as i32,
                raw_data: value.to_le_bytes().to_vec(),
                ..Default::default()
            }),
            ..named(name, AttributeType::Tensor)
        },
    }
}
