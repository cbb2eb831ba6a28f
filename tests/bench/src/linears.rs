//! `linears`: the int8 products of the encoder alone, against what the processor can multiply at most.
//!
//! Must not measure anything around the products: the rows are quantized before. Both are measured in turn.

use crate::{
    clock::cpu_seconds,
    figures::{Report, quantile},
};
use clap::Args;
use valet_kernels::{Activation, Int8Matrix, Int8Parts, Int8Rows, Kernels, PackedInt8};

/// Inputs and outputs of the four matrices of a layer of all-MiniLM-L6-v2.
const SHAPES: [(usize, usize); 4] = [(384, 1152), (384, 384), (384, 1536), (1536, 384)];
/// Its layers.
const LAYERS: usize = 6;
/// Rows that are multiplied together: tokens of a text.
const ROWS: [usize; 4] = [8, 16, 32, 128];
/// Rounds of the limit in one measurement: a fraction of a millisecond.
const LIMIT_ROUNDS: usize = 10_000;

/// What to measure.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Which kernels.
    #[arg(long, default_value = "auto")]
    kernels: String,
    /// Measurements of each figure.
    #[arg(long, default_value_t = 100)]
    runs: usize,
}

/// A matrix with what goes with it; the values do not matter for the time.
struct Matrix {
    inputs: usize,
    outputs: usize,
    packed: PackedInt8,
    scales: Vec<f32>,
}

impl Matrix {
    fn new(kernels: Kernels, (inputs, outputs): (usize, usize)) -> anyhow::Result<Self> {
        let weights: Vec<i8> = (0..inputs * outputs).map(|at| (at * 31 % 63) as i8 - 31).collect();
        let packed = kernels.pack_int8(&weights, inputs, outputs)?;
        Ok(Matrix { inputs, outputs, packed, scales: vec![0.01; outputs.next_multiple_of(16)] })
    }

    fn borrowed(&self) -> anyhow::Result<Int8Matrix<'_>> {
        let parts = Int8Parts {
            weights: &self.packed.weights,
            starts: &self.packed.starts,
            scales: &self.scales,
            bias: &self.scales,
        };
        Ok(Int8Matrix::new(self.inputs, self.outputs, parts)?)
    }
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<Report> {
    let kernels = Kernels::named(&arguments.kernels)?;
    let shapes = (0..LAYERS).flat_map(|_| SHAPES);
    let matrices =
        shapes.map(|shape| Matrix::new(kernels, shape)).collect::<Result<Vec<_>, _>>()?;
    let products: usize = matrices.iter().map(|matrix| matrix.inputs * matrix.outputs).sum();
    let mut report = Report::default();
    report.say(format!("the kernels are {}", kernels.name()));
    for count in ROWS {
        let (mut limits, mut linears) = (vec![], vec![]);
        for _ in 0..arguments.runs {
            limits.push(limit_rate(kernels));
            linears.push(
                (products * count) as f64 / linears_seconds(kernels, &matrices, count)? / 1e9,
            );
        }
        let mut shares: Vec<f64> =
            linears.iter().zip(&limits).map(|(a, b)| 100.0 * a / b).collect();
        let name = format!("linears.rows_{count}");
        let how = format!(
            "10^9 multiply-adds a second of the processor, {} runs, median",
            arguments.runs
        );
        report.add(&format!("{name}.limit"), quantile(&mut limits, 0.5), "GMAC/s", how.as_str());
        report.add(&format!("{name}.rate"), quantile(&mut linears, 0.5), "GMAC/s", how);
        report.add(
            &format!("{name}.share"),
            quantile(&mut shares, 0.5),
            "%",
            "of the limit, median of the pairs",
        );
    }
    Ok(report)
}

fn limit_rate(kernels: Kernels) -> f64 {
    let begun = cpu_seconds();
    let products = kernels.int8_limit(LIMIT_ROUNDS);
    products as f64 / (cpu_seconds() - begun) / 1e9
}

fn linears_seconds(kernels: Kernels, matrices: &[Matrix], count: usize) -> anyhow::Result<f64> {
    let rows = |width: usize| {
        let values: Vec<f32> = (0..count * width).map(|at| (at % 97) as f32 / 50.0 - 1.0).collect();
        let mut rows = Int8Rows::new(kernels);
        rows.quantize(&values, width, None);
        rows
    };
    let (narrow, wide) = (rows(384), rows(1536));
    let mut out = vec![0.0; count * 1536];
    let begun = cpu_seconds();
    for matrix in matrices {
        let rows = if matrix.inputs == 384 { &narrow } else { &wide };
        let out = &mut out[..count * matrix.outputs];
        kernels.int8_product(rows, &matrix.borrowed()?, Activation::None, out);
    }
    Ok(cpu_seconds() - begun)
}
