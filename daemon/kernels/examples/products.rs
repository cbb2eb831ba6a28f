//! Runs one product so many times, and nothing else: for counting its instructions, which are the
//! difference between two counts.
//!
//! Must not measure time; `valet-bench products` does.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it is a program")]

use std::process::ExitCode;
use valet_kernels::{
    Activation, BlockFormat, BlockMatrix, BlockRows, Int8Matrix, Int8Parts, Int8Rows, KernelError,
    Kernels,
};

const USAGE: &str = "products KERNELS FORMAT INPUTS OUTPUTS ROWS TIMES
  KERNELS  scalar, avx2, neon, … or auto
  FORMAT   F16, Q8_0, Q4_0, Q4_1, Q4_K, Q6_K, or int8 (a scale a channel)";

/// What is asked for.
struct Request {
    kernels: Kernels,
    format: Option<BlockFormat>,
    inputs: usize,
    outputs: usize,
    rows: usize,
    times: usize,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some(request) = parsed(&arguments) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match run(&request) {
        Ok(sum) => {
            println!("{sum}");
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

fn parsed(arguments: &[String]) -> Option<Request> {
    let [kernels, format, numbers @ ..] = arguments else { return None };
    let numbers: Vec<usize> = numbers.iter().filter_map(|number| number.parse().ok()).collect();
    let [inputs, outputs, rows, times] = numbers[..] else { return None };
    let known = BlockFormat::ALL.into_iter().find(|known| known.name() == format);
    if known.is_none() && format != "int8" {
        return None;
    }
    let kernels = Kernels::named(kernels).ok()?;
    Some(Request { kernels, format: known, inputs, outputs, rows, times })
}

/// The sum of what came out, so that nothing is left out.
fn run(request: &Request) -> Result<f32, KernelError> {
    let Request { kernels, format, inputs, outputs, rows, times } = *request;
    let values: Vec<f32> = (0..rows * inputs).map(|at| (at % 17) as f32 - 8.0).collect();
    let mut out = vec![0.0; rows * outputs];
    if let Some(format) = format {
        // Bytes below 64 make small scales of any two of them.
        let source: Vec<u8> =
            (0..format.source_bytes(inputs, outputs)?).map(|at| (at % 59) as u8).collect();
        let packed = format.pack(&source, inputs, outputs)?;
        let matrix = BlockMatrix::new(format, inputs, outputs, &packed)?;
        let mut taken = BlockRows::new();
        taken.fill(kernels, &values, inputs, format);
        for _ in 0..times {
            kernels.block_product(&taken, &matrix, &mut out);
        }
    } else {
        let weights: Vec<i8> = (0..inputs * outputs).map(|at| (at % 63) as i8 - 31).collect();
        let packed = kernels.pack_int8(&weights, inputs, outputs)?;
        let floats = vec![0.5; outputs.next_multiple_of(16)];
        let parts = Int8Parts {
            weights: &packed.weights,
            starts: &packed.starts,
            scales: &floats,
            bias: &floats,
        };
        let matrix = Int8Matrix::new(inputs, outputs, parts)?;
        let mut taken = Int8Rows::new(kernels);
        taken.quantize(&values, inputs, None);
        for _ in 0..times {
            kernels.int8_product(&taken, &matrix, Activation::None, &mut out);
        }
    }
    Ok(out.iter().sum())
}
