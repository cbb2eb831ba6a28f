//! Node after node of an ONNX graph to steps of a program.
//!
//! What runs as one is joined here: a sum into the norm behind it, a GELU into the matrix before
//! it. Must refuse what it does not know by name.

use std::collections::HashMap;

use tract_onnx::pb::{GraphProto, NodeProto};

use super::initial::{Array, Tensors};
use crate::program::{MAX_STEPS, Matrix, Op, Program, Step, Table, Value};

/// The domain of operations that the recipe defines.
const OURS: &str = "org.valetd";

/// What a name of the graph stands for.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Named {
    Value(Value),
    /// A sum that a norm must follow.
    Sum(Value, Value),
}

/// A graph as it is read.
pub(super) struct Reading<'a> {
    graph: &'a GraphProto,
    tensors: Tensors<'a>,
    names: HashMap<&'a str, Named>,
    /// How many nodes and outputs read a name.
    readers: HashMap<&'a str, usize>,
    steps: Vec<Step<Array<'a>>>,
}

impl<'a> Reading<'a> {
    pub(super) fn new(graph: &'a GraphProto) -> Result<Self, String> {
        if graph.node.len() > MAX_STEPS {
            return Err(format!("{} nodes where at most {MAX_STEPS} are read", graph.node.len()));
        }
        let [ids] = graph.input.as_slice() else {
            return Err(format!("{} inputs where one is expected", graph.input.len()));
        };
        let mut readers = HashMap::new();
        let read = graph.node.iter().flat_map(|node| &node.input).map(String::as_str);
        for name in read.chain(graph.output.iter().map(|output| output.name.as_str())) {
            *readers.entry(name).or_insert(0) += 1;
        }
        Ok(Reading {
            graph,
            tensors: Tensors::new(graph)?,
            names: HashMap::from([(ids.name.as_str(), Named::Value(Value::Ids))]),
            readers,
            steps: Vec::new(),
        })
    }

    pub(super) fn program(mut self) -> Result<Program<Array<'a>>, String> {
        let graph = self.graph;
        for node in &graph.node {
            let named = self
                .node(node)
                .map_err(|why| format!("the node {:?} ({}): {why}", node.name, node.op_type))?;
            let [output] = node.output.as_slice() else {
                return Err(format!("the node {:?} has not one output", node.name));
            };
            if self.names.insert(output, named).is_some() {
                return Err(format!("the value {output:?} is made twice"));
            }
        }
        let [sentence, tokens] = ["sentence", "tokens"].map(|name| {
            let is_output = graph.output.iter().any(|output| output.name == name);
            if is_output { self.value(name) } else { Err(format!("no output {name:?}")) }
        });
        Ok(Program { sentence: sentence?, tokens: tokens?, steps: self.steps })
    }

    fn node(&mut self, node: &'a NodeProto) -> Result<Named, String> {
        let inputs: Vec<&'a str> = node.input.iter().map(String::as_str).collect();
        match (node.domain.as_str(), node.op_type.as_str(), inputs.as_slice()) {
            (OURS, "QuantizedEmbedding", [ids, table, scales, positions]) => {
                let op = self.table(table, scales, positions)?;
                self.step(node, &[ids], op)
            }
            (OURS, "QuantizedLinear", [rows, damping, weight, scales, bias]) => {
                let op = self.matrix(damping, weight, [scales, bias])?;
                self.step(node, &[rows], op)
            }
            (OURS, "SelfAttention", [joined]) => {
                let heads = usize::try_from(integer(node, "heads")?)
                    .map_err(|_| "a negative number of heads".to_owned())?;
                self.step(node, &[joined], Op::Attend { heads })
            }
            (OURS, "Gelu", [rows]) => self.gelu(rows),
            ("", "Add", [a, b]) => Ok(Named::Sum(self.value(a)?, self.value(b)?)),
            ("", "LayerNormalization", [rows, weight, bias]) => {
                self.norm(node, rows, [weight, bias])
            }
            ("", "Identity", [rows]) => Ok(Named::Value(self.value(rows)?)),
            ("", "ReduceMean", [rows]) => {
                if integers(node, "axes") != [0] || integer(node, "keepdims")? != 0 {
                    return Err("it is not the mean of the rows (axes [0], keepdims 0)".to_owned());
                }
                self.step(node, &[rows], Op::Mean)
            }
            (domain, ..) => Err(format!(
                "no such operation of {} inputs is known in the domain {domain:?}; the files that valet-model writes are read",
                inputs.len()
            )),
        }
    }

    fn step(
        &mut self,
        node: &NodeProto,
        inputs: &[&str],
        op: Op<Array<'a>>,
    ) -> Result<Named, String> {
        let inputs = inputs.iter().map(|input| self.value(input)).collect::<Result<_, _>>()?;
        Ok(self.push(Step { name: node.name.clone(), inputs, op }))
    }

    fn push(&mut self, step: Step<Array<'a>>) -> Named {
        self.steps.push(step);
        Named::Value(Value::Step(self.steps.len() - 1))
    }

    fn value(&self, name: &str) -> Result<Value, String> {
        match self.names.get(name) {
            Some(Named::Value(value)) => Ok(*value),
            Some(Named::Sum(..)) => {
                Err(format!("the sum {name:?} is not followed by a norm alone"))
            }
            None => Err(format!("the value {name:?} is made by no node before")),
        }
    }

    fn table(&self, table: &str, scales: &str, positions: &str) -> Result<Op<Array<'a>>, String> {
        let ([pieces, width], [count, _]) = (self.pair(table)?, self.pair(positions)?);
        Ok(Op::Embed(Table {
            pieces,
            positions: count,
            width,
            rows: self.tensors.int8s(table, &[pieces, width])?,
            scales: self.tensors.floats(scales, &[pieces])?,
            position_rows: self.tensors.floats(positions, &[count, width])?,
        }))
    }

    fn matrix(
        &self,
        damping: &str,
        weight: &str,
        [scales, bias]: [&str; 2],
    ) -> Result<Op<Array<'a>>, String> {
        let [inputs, outputs] = self.pair(weight)?;
        let damping = self.tensors.floats(damping, &[inputs])?;
        let damps = damping.f32s().iter().any(|factor| *factor != 1.0);
        Ok(Op::Linear(Matrix {
            inputs,
            outputs,
            damping: damps.then_some(damping),
            weights: self.tensors.int8s(weight, &[inputs, outputs])?,
            starts: None,
            scales: self.tensors.floats(scales, &[outputs])?,
            bias: self.tensors.floats(bias, &[outputs])?,
            gelu: false,
        }))
    }

    fn pair(&self, name: &str) -> Result<[usize; 2], String> {
        let shape = self.tensors.shape(name)?;
        shape.try_into().map_err(|shape| {
            format!("the tensor {name:?} has the shape {shape:?}, expected two axes")
        })
    }

    /// GELU goes into the matrix that nothing else reads.
    fn gelu(&mut self, rows: &str) -> Result<Named, String> {
        let value = self.value(rows)?;
        let alone = self.readers.get(rows) == Some(&1);
        let step = match value {
            Value::Step(index) => self.steps.get_mut(index),
            Value::Ids => None,
        };
        match step.map(|step| &mut step.op) {
            Some(Op::Linear(matrix)) if alone && !matrix.gelu => {
                matrix.gelu = true;
                Ok(Named::Value(value))
            }
            _ => Err("it does not follow a matrix alone".to_owned()),
        }
    }

    fn norm(
        &mut self,
        node: &NodeProto,
        rows: &str,
        [weight, bias]: [&str; 2],
    ) -> Result<Named, String> {
        let inputs = match self.names.get(rows) {
            Some(Named::Sum(a, b)) => vec![*a, *b],
            _ => vec![self.value(rows)?],
        };
        let shape = self.tensors.shape(weight)?;
        let op = Op::Norm {
            width: shape.iter().product(),
            weight: self.tensors.floats(weight, &shape)?,
            bias: self.tensors.floats(bias, &shape)?,
            epsilon: float(node, "epsilon").unwrap_or(1e-5),
        };
        if integer(node, "axis").unwrap_or(-1) != -1 {
            return Err("it is not over the last axis".to_owned());
        }
        Ok(self.push(Step { name: node.name.clone(), inputs, op }))
    }
}

fn integer(node: &NodeProto, name: &str) -> Result<i64, String> {
    let found = node.attribute.iter().find(|attribute| attribute.name == name);
    found.map(|attribute| attribute.i).ok_or_else(|| format!("it has no attribute {name:?}"))
}

fn integers<'a>(node: &'a NodeProto, name: &str) -> &'a [i64] {
    let found = node.attribute.iter().find(|attribute| attribute.name == name);
    found.map_or(&[], |attribute| attribute.ints.as_slice())
}

fn float(node: &NodeProto, name: &str) -> Option<f32> {
    node.attribute.iter().find(|attribute| attribute.name == name).map(|attribute| attribute.f)
}
