//! One step of a program as an operation of tract.
//!
//! What a step needs of the map is looked up when the operation is made, so that nothing is
//! missing when it runs. Must not copy weights.

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tract_onnx::prelude::{TDim, TValue, TVec, Tensor, TractResult, TypedFact, TypedOp, tvec};
use tract_onnx::tract_core::internal::{
    DatumExt as _, EvalContext, EvalOp, IntoTValue as _, IntoTensor as _, Op, StaticName,
    ToDim as _, as_op, bail, op_as_typed_op, op_out_of_plan,
};
use valet_kernels::{
    Activation, AttentionScratch, Int8Matrix, Int8Parts, Int8Rows, Int8Table, Kernels, NormWeights,
};

use crate::packed::{PackedModel, Section};
use crate::program::{Matrix, Op as Kind, Step, Table};

/// Room that all steps of a plan work in, one after the other.
#[derive(Debug)]
pub(super) struct Scratch {
    kernels: Kernels,
    rows: Int8Rows,
    attention: AttentionScratch,
}

impl Scratch {
    pub(super) fn new(kernels: Kernels) -> Self {
        Scratch { kernels, rows: Int8Rows::new(kernels), attention: AttentionScratch::default() }
    }
}

/// How many rows a step gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Length(pub TDim);

/// A step with what it works on.
#[derive(Debug, Clone)]
pub(super) struct ProgramOp {
    step: Arc<Step<Section>>,
    model: Arc<PackedModel>,
    scratch: Arc<Mutex<Scratch>>,
    length: Length,
    width: usize,
}

impl PartialEq for ProgramOp {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.step, &other.step)
    }
}

impl Eq for ProgramOp {}

impl ProgramOp {
    /// The operation of a step of a checked program.
    ///
    /// # Errors
    /// When a section is not within the file, or has another length than the step's shape wants.
    pub(super) fn new(
        step: Step<Section>,
        (model, scratch): (&Arc<PackedModel>, &Arc<Mutex<Scratch>>),
        length: Length,
    ) -> TractResult<Self> {
        let width = match &step.op {
            Kind::Embed(table) => {
                weights_of_table(model, table)?;
                table.width
            }
            Kind::Norm { width, weight, bias, .. } => {
                model.numbers::<f32>(*weight, *width)?;
                model.numbers::<f32>(*bias, *width)?;
                *width
            }
            Kind::Linear(matrix) => {
                weights_of_matrix(model, matrix)?;
                damping(model, matrix)?;
                matrix.outputs
            }
            // Its width is that of what it reads, which the facts know.
            Kind::Attend { .. } | Kind::Mean => 0,
        };
        let (model, scratch) = (model.clone(), scratch.clone());
        Ok(ProgramOp { step: Arc::new(step), model, scratch, length, width })
    }

    fn scratch(&self) -> MutexGuard<'_, Scratch> {
        // What a panic left half done is filled anew by whoever takes it next.
        self.scratch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn embed(&self, table: &Table<Section>, inputs: &[TValue]) -> TractResult<Tensor> {
        let (ids, lengths) = (numbers(&inputs[0])?, lengths(&inputs[1])?);
        let table = weights_of_table(&self.model, table)?;
        let mut out = Tensor::zero::<f32>(&[ids.len(), table.width])?;
        let mut view = out.try_as_plain_ram_mut()?;
        let values = view.as_slice_mut::<f32>()?;
        let kernels = self.scratch().kernels;
        for text in texts(&lengths, ids.len())? {
            let rows = text.start * table.width..text.end * table.width;
            kernels.embed(&ids[text], &table, &mut values[rows])?;
        }
        Ok(out)
    }

    fn norm(&self, norm: NormWeights<'_>, mut inputs: TVec<TValue>) -> TractResult<Tensor> {
        let residual = if inputs.len() == 2 { inputs.pop() } else { None };
        let Some(rows) = inputs.pop() else { bail!("a norm of nothing") };
        // The sum before it belongs to this step alone, so this copies nothing.
        let mut rows = rows.into_tensor();
        let residual = residual.as_ref().map(floats).transpose()?;
        let mut view = rows.try_as_plain_ram_mut()?;
        self.scratch().kernels.layer_norm(view.as_slice_mut()?, residual, norm);
        Ok(rows)
    }

    fn linear(&self, matrix: &Matrix<Section>, input: &TValue) -> TractResult<Tensor> {
        let weights = weights_of_matrix(&self.model, matrix)?;
        let damping = damping(&self.model, matrix)?;
        let activation = if matrix.gelu { Activation::Gelu } else { Activation::None };
        let scratch = &mut *self.scratch();
        scratch.rows.quantize(floats(input)?, matrix.inputs, damping);
        let mut out = Tensor::zero::<f32>(&[scratch.rows.count(), matrix.outputs])?;
        let mut view = out.try_as_plain_ram_mut()?;
        scratch.kernels.int8_product(&scratch.rows, &weights, activation, view.as_slice_mut()?);
        Ok(out)
    }

    fn attend(&self, heads: usize, inputs: &[TValue]) -> TractResult<Tensor> {
        let (joined, lengths) = (floats(&inputs[0])?, lengths(&inputs[1])?);
        let rows: usize = lengths.iter().sum();
        if rows == 0 || !joined.len().is_multiple_of(3 * rows) {
            bail!("{} values of attention for {rows} tokens", joined.len());
        }
        let mut out = Tensor::zero::<f32>(&[rows, joined.len() / 3 / rows])?;
        let Scratch { kernels, attention, .. } = &mut *self.scratch();
        let mut view = out.try_as_plain_ram_mut()?;
        kernels.attention(joined, &lengths, heads, attention, view.as_slice_mut()?);
        Ok(out)
    }

    fn mean(&self, inputs: &[TValue]) -> TractResult<Tensor> {
        let (rows, lengths) = (floats(&inputs[0])?, lengths(&inputs[1])?);
        let Some(width) = inputs[0].shape().get(1).copied().filter(|width| *width > 0) else {
            bail!("the mean of rows without a width");
        };
        let mut out = Tensor::zero::<f32>(&[lengths.len(), width])?;
        let mut view = out.try_as_plain_ram_mut()?;
        let means = view.as_slice_mut::<f32>()?;
        let kernels = self.scratch().kernels;
        for (text, mean) in texts(&lengths, rows.len() / width)?.zip(means.chunks_exact_mut(width))
        {
            kernels.mean_of_rows(&rows[text.start * width..text.end * width], mean);
        }
        Ok(out)
    }
}

impl Op for ProgramOp {
    fn name(&self) -> StaticName {
        match self.step.op {
            Kind::Embed(_) => "QuantizedEmbedding",
            Kind::Norm { .. } => "LayerNorm",
            Kind::Linear(_) => "QuantizedLinear",
            Kind::Attend { .. } => "SelfAttention",
            Kind::Mean => "MeanOfRows",
        }
        .into()
    }

    op_as_typed_op!();
}

impl EvalOp for ProgramOp {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let out = match &self.step.op {
            Kind::Embed(table) => self.embed(table, &inputs)?,
            Kind::Norm { width, weight, bias, epsilon } => {
                let norm = NormWeights {
                    weight: self.model.numbers(*weight, *width)?,
                    bias: self.model.numbers(*bias, *width)?,
                    epsilon: *epsilon,
                };
                self.norm(norm, inputs)?
            }
            Kind::Linear(matrix) => self.linear(matrix, &inputs[0])?,
            Kind::Attend { heads } => self.attend(*heads, &inputs)?,
            Kind::Mean => self.mean(&inputs)?,
        };
        Ok(tvec!(out.into_tvalue()))
    }
}

impl TypedOp for ProgramOp {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let width = match self.step.op {
            Kind::Attend { .. } => inputs[0].shape[1].clone() / 3,
            Kind::Mean => inputs[0].shape[1].clone(),
            _ => self.width.to_dim(),
        };
        Ok(tvec!(f32::fact([self.length.0.clone(), width])))
    }

    as_op!();
}

fn weights_of_table<'a>(
    model: &'a PackedModel,
    table: &Table<Section>,
) -> TractResult<Int8Table<'a>> {
    let Table { pieces, positions, width, .. } = *table;
    Ok(Int8Table {
        rows: model.numbers(table.rows, pieces * width)?,
        scales: model.numbers(table.scales, pieces)?,
        positions: model.numbers(table.position_rows, positions * width)?,
        width,
    })
}

fn weights_of_matrix<'a>(
    model: &'a PackedModel,
    matrix: &Matrix<Section>,
) -> TractResult<Int8Matrix<'a>> {
    let Matrix { inputs, outputs, .. } = *matrix;
    let channels = outputs.next_multiple_of(16);
    let Some(starts) = matrix.starts else { bail!("the matrix is not packed") };
    let parts = Int8Parts {
        weights: model.numbers(matrix.weights, channels * inputs.next_multiple_of(16))?,
        starts: model.numbers(starts, channels)?,
        scales: model.numbers(matrix.scales, channels)?,
        bias: model.numbers(matrix.bias, channels)?,
    };
    Ok(Int8Matrix::new(inputs, outputs, parts)?)
}

fn damping<'a>(model: &'a PackedModel, matrix: &Matrix<Section>) -> TractResult<Option<&'a [f32]>> {
    Ok(matrix.damping.map(|damping| model.numbers(damping, matrix.inputs)).transpose()?)
}

fn floats(value: &TValue) -> TractResult<&[f32]> {
    value.try_as_plain_ram()?.as_slice::<f32>()
}

fn numbers(value: &TValue) -> TractResult<&[i64]> {
    value.try_as_plain_ram()?.as_slice::<i64>()
}

fn lengths(value: &TValue) -> TractResult<Vec<usize>> {
    numbers(value)?.iter().map(|length| Ok(usize::try_from(*length)?)).collect()
}

/// The rows of each text.
fn texts(lengths: &[usize], rows: usize) -> TractResult<impl Iterator<Item = Range<usize>>> {
    if lengths.iter().sum::<usize>() != rows || lengths.contains(&0) {
        bail!("texts of {lengths:?} tokens where {rows} tokens are");
    }
    let ends = lengths.iter().scan(0, |end, length| {
        *end += length;
        Some(*end - length..*end)
    });
    Ok(ends.collect::<Vec<_>>().into_iter())
}
