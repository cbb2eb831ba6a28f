//! The weights of a step, as the kernels take them, out of the map.
//!
//! Must not copy them.

use tract_onnx::prelude::TractResult;
use tract_onnx::tract_core::internal::bail;
use valet_kernels::{Int8Matrix, Int8Parts, Int8Table, NormWeights};

use crate::packed::{PackedModel, Section};
use crate::program::{Matrix, Op, Table};

/// Looks up all that a step needs.
///
/// # Errors
/// When a section is not within the file, or has another length than the step's shape wants.
pub(super) fn check(model: &PackedModel, op: &Op<Section>) -> TractResult<()> {
    match op {
        Op::Embed(of) => table(model, of).map(drop),
        Op::Norm { .. } => norm(model, op).map(drop),
        Op::Linear(of) => matrix(model, of).and(damping(model, of)).map(drop),
        Op::Attend { .. } | Op::Mean => Ok(()),
    }
}

pub(super) fn table<'a>(
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

pub(super) fn norm<'a>(model: &'a PackedModel, op: &Op<Section>) -> TractResult<NormWeights<'a>> {
    let Op::Norm { width, weight, bias, epsilon } = op else { bail!("no norm") };
    Ok(NormWeights {
        weight: model.numbers(*weight, *width)?,
        bias: model.numbers(*bias, *width)?,
        epsilon: *epsilon,
    })
}

pub(super) fn matrix<'a>(
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

pub(super) fn damping<'a>(
    model: &'a PackedModel,
    matrix: &Matrix<Section>,
) -> TractResult<Option<&'a [f32]>> {
    Ok(matrix.damping.map(|damping| model.numbers(damping, matrix.inputs)).transpose()?)
}
