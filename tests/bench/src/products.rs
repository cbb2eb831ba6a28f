//! `products`: the matrices of SmolLM2-135M in the block formats of its file, times one row and times
//! 128, against what memory gives and beside llama.cpp's kernels.
//!
//! What is compared takes turns, run by run. Must not measure anything around the products: no
//! attention, no graph; the rows' quantization is part of a product.

use crate::{
    clock::cpu_seconds,
    figures::{Report, quantile},
    peer::Peer,
};
use clap::Args;
use valet_kernels::{BlockFormat, BlockMatrix, BlockRows, Kernels};

/// Inputs and outputs of the matrices of a layer, and whether its rows are new: q, k and v read the
/// same, so do gate and up.
const LAYER: [(usize, usize, bool); 7] = [
    (576, 576, true),
    (576, 192, false),
    (576, 192, false),
    (576, 576, true),
    (576, 1536, true),
    (576, 1536, false),
    (1536, 576, true),
];
const LAYERS: usize = 30;
/// The head, shared with the embedding: one more matrix for each token that is made.
const HEAD: (usize, usize, bool) = (576, 49152, true);
/// Rows of a prompt that are multiplied together.
const PROMPT: usize = 128;
/// How far memory may be asked for before it is read; the best of them is the limit,
const AHEAD: [usize; 4] = [0, 1024, 4096, 8192];
/// found out in so many rounds beforehand.
const TRIALS: usize = 7;

/// What to measure.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Which kernels.
    #[arg(long, default_value = "auto")]
    kernels: String,
    /// The format of the layers' matrices; the model's own is Q4_1.
    #[arg(long, default_value = "Q4_1")]
    format: String,
    /// Runs with one row; with 128 there are a quarter as many.
    #[arg(long, default_value_t = 60)]
    runs: usize,
    /// Measure only our own.
    #[arg(long)]
    alone: bool,
}

/// A packed matrix; the values do not matter for the time.
struct Matrix {
    format: BlockFormat,
    inputs: usize,
    outputs: usize,
    fresh: bool,
    bytes: Vec<u8>,
}

impl Matrix {
    fn new(
        format: BlockFormat,
        (inputs, outputs, fresh): (usize, usize, bool),
    ) -> anyhow::Result<Self> {
        // Blocks of 256 do not divide 576.
        let inputs = inputs.next_multiple_of(format.block_width());
        let source: Vec<u8> =
            (0..format.source_bytes(inputs, outputs)?).map(|at| (at % 59) as u8).collect();
        let bytes = format.pack(&source, inputs, outputs)?;
        Ok(Matrix { format, inputs, outputs, fresh, bytes })
    }
}

/// All matrices, and room for the rows.
struct Model {
    kernels: Kernels,
    matrices: Vec<Matrix>,
    values: Vec<f32>,
    rows: BlockRows,
    out: Vec<f32>,
}

impl Model {
    fn new(kernels: Kernels, format: BlockFormat, head: bool) -> anyhow::Result<Self> {
        let layers = (0..LAYERS).flat_map(|_| LAYER).map(|shape| Matrix::new(format, shape));
        let head = head.then(|| Matrix::new(BlockFormat::Q8_0, HEAD));
        let matrices = layers.chain(head).collect::<Result<Vec<_>, _>>()?;
        let values = (0..PROMPT * 1536).map(|at| (at * 37 % 101) as f32 / 25.0 - 2.0).collect();
        let widest = matrices.iter().map(|matrix| matrix.outputs).max().unwrap_or(0);
        let out = vec![0.0; widest.max(1536 * PROMPT)];
        Ok(Model { kernels, matrices, values, rows: BlockRows::new(), out })
    }

    fn bytes(&self) -> usize {
        self.matrices.iter().map(|matrix| matrix.bytes.len()).sum()
    }

    fn weights(&self) -> usize {
        self.matrices.iter().map(|matrix| matrix.inputs * matrix.outputs).sum()
    }

    /// Seconds of the processor for all products with so many rows.
    fn seconds(&mut self, count: usize) -> anyhow::Result<f64> {
        let begun = cpu_seconds();
        for Matrix { format, inputs, outputs, fresh, bytes } in &self.matrices {
            if *fresh {
                self.rows.fill(self.kernels, &self.values[..count * inputs], *inputs, *format);
            }
            let matrix = BlockMatrix::new(*format, *inputs, *outputs, bytes)?;
            self.kernels.block_product(&self.rows, &matrix, &mut self.out[..count * outputs]);
        }
        Ok(cpu_seconds() - begun)
    }

    /// Bytes a second that reading the same memory gives.
    fn memory(&self, ahead: usize) -> f64 {
        let begun = cpu_seconds();
        for matrix in &self.matrices {
            std::hint::black_box(self.kernels.memory_limit(&matrix.bytes, ahead));
        }
        self.bytes() as f64 / (cpu_seconds() - begun)
    }

    /// The distance that memory is read the fastest with.
    fn best_ahead(&self) -> usize {
        let mut rates = AHEAD.map(|ahead| (Vec::with_capacity(TRIALS), ahead));
        for _ in 0..TRIALS {
            for (rates, ahead) in &mut rates {
                rates.push(self.memory(*ahead));
            }
        }
        let medians = rates.map(|(mut rates, ahead)| (quantile(&mut rates, 0.5), ahead));
        medians.into_iter().max_by(|a, b| a.0.total_cmp(&b.0)).map_or(0, |(_, ahead)| ahead)
    }
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<Report> {
    let kernels = Kernels::named(&arguments.kernels)?;
    let format = BlockFormat::ALL.into_iter().find(|known| known.name() == arguments.format);
    let Some(format) = format else {
        anyhow::bail!("there is no format {:?}", arguments.format);
    };
    let mut report = Report::default();
    report.say(format!("the kernels are {}", kernels.name()));
    one_row(&mut report, arguments, Model::new(kernels, format, true)?)?;
    many_rows(&mut report, arguments, Model::new(kernels, format, false)?)?;
    Ok(report)
}

/// Matrix × vector, in turns with a read of the same memory.
fn one_row(report: &mut Report, arguments: &Arguments, mut model: Model) -> anyhow::Result<()> {
    let bytes = model.bytes() as f64;
    let ahead = model.best_ahead();
    let (mut memory, mut rates, mut shares) = (vec![], vec![], vec![]);
    for _ in 0..arguments.runs {
        let limit = model.memory(ahead);
        let rate = bytes / model.seconds(1)?;
        memory.push(limit / 1e9);
        rates.push(rate / 1e9);
        shares.push(100.0 * rate / limit);
    }
    let how = format!(
        "{:.0} MB of {} and a head of Q8_0, seconds of the processor, median of {}",
        bytes / 1e6,
        arguments.format,
        arguments.runs
    );
    let read = format!("a read of the same, asked for {ahead} bytes ahead");
    report.add("products.vector.memory", quantile(&mut memory, 0.5), "GB/s", read);
    report.add("products.vector.rate", quantile(&mut rates, 0.5), "GB/s", how);
    let (name, tokens) = ("products.vector.tokens", quantile(&mut rates, 0.5) * 1e9 / bytes);
    report.add(name, tokens, "tok/s", "the products of a token alone");
    report.add("products.vector.share", quantile(&mut shares, 0.5), "%", "median of the pairs");
    Ok(())
}

/// Matrix × matrix, in turns with llama.cpp's kernels.
fn many_rows(report: &mut Report, arguments: &Arguments, mut model: Model) -> anyhow::Result<()> {
    let operations = 2.0 * (model.weights() * PROMPT) as f64;
    let mut peer = if arguments.alone { None } else { started(report) };
    let (mut rates, mut others, mut ratios) = (vec![], vec![], vec![]);
    for _ in 0..arguments.runs.div_ceil(4) {
        let seconds = model.seconds(PROMPT)?;
        rates.push(operations / seconds / 1e9);
        if let Some(peer) = &mut peer {
            let took = peer.run(&PROMPT.to_string())?;
            others.push(operations / took.cpu / 1e9);
            ratios.push(took.cpu / seconds);
        }
    }
    let how = format!(
        "{} with {PROMPT} rows, seconds of the processor, median of {}",
        arguments.format,
        rates.len()
    );
    report.add("products.matrix.rate", quantile(&mut rates, 0.5), "GOP/s", how);
    if let Some(peer) = peer {
        let how = format!("{}, Q4_0 repacked, the same shapes", peer.name);
        report.add("products.matrix.llama_cpp", quantile(&mut others, 0.5), "GOP/s", how);
        let how = "times as fast, median of the pairs";
        report.add("products.matrix.ratio", quantile(&mut ratios, 0.5), "×", how);
    }
    Ok(())
}

fn started(report: &mut Report) -> Option<Peer> {
    match Peer::start("ggml_products.py", &[]) {
        Ok(peer) => Some(peer),
        Err(why) => {
            report.say(format!("llama.cpp does not run beside: {why:#}"));
            None
        }
    }
}
