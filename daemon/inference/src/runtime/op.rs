//! A chain of steps as an operation of tract.
//!
//! What the steps need of the map is looked up when the operation is made, so that nothing is
//! missing when it runs. Must not copy weights.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tract_onnx::prelude::{TDim, TValue, TVec, Tensor, TractResult, TypedFact, TypedOp, tvec};
use tract_onnx::tract_core::internal::{
    DatumExt as _, EvalContext, EvalOp, IntoTValue as _, Op, StaticName, ToDim as _, as_op, bail,
    op_as_typed_op, op_out_of_plan,
};

use super::chain::{Chain, Input};
use super::scratch::Scratch;
use super::weights;
use crate::packed::{PackedModel, Section};
use crate::program::Op as Kind;

/// A chain with what it works on. Its inputs are the chain's own, and then the lengths of the texts.
#[derive(Debug, Clone)]
pub(super) struct ChainOp {
    chain: Arc<Chain>,
    model: Arc<PackedModel>,
    scratch: Arc<Mutex<Scratch>>,
    /// Rows and width of what it gives.
    shape: [TDim; 2],
}

impl PartialEq for ChainOp {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.chain, &other.chain)
    }
}

impl Eq for ChainOp {}

impl ChainOp {
    /// The operation of a chain of a checked program, which gives so many rows.
    ///
    /// # Errors
    /// When a section is not within the file, or has another length than its step's shape wants.
    pub(super) fn new(
        chain: Chain,
        model: &Arc<PackedModel>,
        scratch: &Arc<Mutex<Scratch>>,
        rows: TDim,
        width: usize,
    ) -> TractResult<Self> {
        for link in &chain.links {
            weights::check(model, &link.step.op)?;
        }
        let (model, scratch) = (model.clone(), scratch.clone());
        Ok(ChainOp { chain: Arc::new(chain), model, scratch, shape: [rows, width.to_dim()] })
    }

    fn scratch(&self) -> MutexGuard<'_, Scratch> {
        // What a panic left half done is filled anew by whoever takes it next.
        self.scratch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<Tensor> {
        let Some((lengths, outer)) = inputs.split_last() else { bail!("a chain without inputs") };
        let lengths = lengths_of(lengths)?;
        let rows: usize = lengths.iter().sum();
        if rows == 0 || lengths.contains(&0) {
            bail!("texts of {lengths:?} tokens, expected at least one token each");
        }
        let mut scratch = self.scratch();
        for link in &self.chain.links {
            let mut given = link.inputs.iter().map(|input| match input {
                Input::Previous => None,
                Input::Outer(index) => outer.get(*index),
            });
            let (first, second) = (given.next().flatten(), given.next().flatten());
            self.step(&link.step.op, [first, second], &lengths, &mut scratch)?;
        }
        let rows = if self.chain.gives_texts() { lengths.len() } else { rows };
        let values = scratch.rows();
        Tensor::from_shape(&[rows, values.len() / rows], values)
    }
}

impl ChainOp {
    /// One step, on the rows of the step before it or on what is given from outside of the chain.
    fn step(
        &self,
        op: &Kind<Section>,
        [first, second]: [Option<&TValue>; 2],
        lengths: &[usize],
        scratch: &mut Scratch,
    ) -> TractResult<()> {
        if let Kind::Embed(table) = op {
            let Some(ids) = first else { bail!("an embedding of nothing") };
            let table = weights::table(&self.model, table)?;
            return Ok(scratch.embed(numbers(ids)?, lengths, &table)?);
        }
        let given = first.map(floats).transpose()?;
        if let Kind::Linear(matrix) = op {
            let weights = weights::matrix(&self.model, matrix)?;
            let damping = weights::damping(&self.model, matrix)?;
            scratch.linear(given, &weights, damping, matrix.gelu);
            return Ok(());
        }
        if let Some(rows) = given {
            scratch.take(rows);
        }
        match op {
            Kind::Embed(_) | Kind::Linear(_) => {}
            Kind::Norm { .. } => {
                let residual = second.map(floats).transpose()?;
                scratch.norm(weights::norm(&self.model, op)?, residual);
            }
            Kind::Attend { heads } => scratch.attend(lengths, *heads),
            Kind::Mean => scratch.mean(lengths),
        }
        Ok(())
    }
}

impl Op for ChainOp {
    fn name(&self) -> StaticName {
        "Chain".into()
    }

    fn info(&self) -> TractResult<Vec<String>> {
        Ok(self.chain.links.iter().map(|link| link.step.name.clone()).collect())
    }

    op_as_typed_op!();
}

impl EvalOp for ChainOp {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        Ok(tvec!(self.run(&inputs)?.into_tvalue()))
    }
}

impl TypedOp for ChainOp {
    fn output_facts(&self, _: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        Ok(tvec!(f32::fact(self.shape.clone())))
    }

    as_op!();
}

fn floats(value: &TValue) -> TractResult<&[f32]> {
    value.try_as_plain_ram()?.as_slice::<f32>()
}

fn numbers(value: &TValue) -> TractResult<&[i64]> {
    value.try_as_plain_ram()?.as_slice::<i64>()
}

fn lengths_of(value: &TValue) -> TractResult<Vec<usize>> {
    numbers(value)?.iter().map(|length| Ok(usize::try_from(*length)?)).collect()
}
