//! `encoder`: milliseconds at a few lengths beside other runtimes, load time, memory.
//!
//! Must not go through the memory of earlier runs. The runtimes take turns, run by run, so that what
//! else the machine does meets all of them.

use crate::{
    clock::cpu_seconds,
    figures::{Report, quantile},
    models::ModelArguments,
    peer::{self, Peer, Took},
};
use anyhow::{Context as _, bail};
use clap::Args;
use std::{path::PathBuf, process::Command, time::Instant};
use valet_core::encoder::Encoder as _;
use valet_inference::{FileRole, ModelManifest, SentenceEncoder, hex_sha256};

/// Tokens of the texts, the two special ones among them.
const LENGTHS: [usize; 3] = [8, 16, 32];
/// Rounds that only warm caches.
const WARM: usize = 3;
/// Most rounds that count of tract's own kernels.
const MAX_TRACT_RUNS: usize = 10;
/// The numbers of `[CLS]`, `warm` and `[SEP]` in the vocabulary of BERT, for peers that take numbers.
const PIECES: [u32; 3] = [101, 4010, 102];

/// What to measure.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    models: ModelArguments,
    /// Runs of each length and runtime.
    #[arg(long, default_value_t = 100)]
    runs: usize,
    /// Measure only our own.
    #[arg(long)]
    alone: bool,
}

/// Something that encodes texts of a length.
enum Runtime {
    Ours(SentenceEncoder),
    Tract(SentenceEncoder),
    Onnx(Peer),
}

impl Runtime {
    fn name(&self) -> &'static str {
        match self {
            Runtime::Ours(_) => "ours",
            Runtime::Tract(_) => "tract",
            Runtime::Onnx(_) => "onnxruntime",
        }
    }

    /// Rounds that it takes part in: tract's own int8 products are so slow on some processors (AVX2) that
    /// all rounds would take minutes.
    fn rounds(&self, runs: usize) -> usize {
        if matches!(self, Runtime::Tract(_)) { runs.min(MAX_TRACT_RUNS) } else { runs }
    }

    fn run(&mut self, tokens: usize) -> anyhow::Result<Took> {
        match self {
            Runtime::Ours(encoder) | Runtime::Tract(encoder) => {
                let text = vec!["warm"; tokens - 2].join(" ");
                let (begun, cpu) = (Instant::now(), cpu_seconds());
                let encoding = encoder.encode(&text)?;
                let took = Took { wall: begun.elapsed().as_secs_f64(), cpu: cpu_seconds() - cpu };
                if encoding.tokens.len() + 2 != tokens {
                    bail!("{} tokens where {tokens} are measured", encoding.tokens.len() + 2);
                }
                Ok(took)
            }
            Runtime::Onnx(peer) => {
                let mut ids = vec![PIECES[1]; tokens];
                (ids[0], ids[tokens - 1]) = (PIECES[0], PIECES[2]);
                peer.run(&serde_json::to_string(&ids)?)
            }
        }
    }
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<Report> {
    if arguments.models.memo.is_some() {
        bail!("--memo would measure a table, not the encoder");
    }
    let mut report = Report::default();
    let mut runtimes = vec![Runtime::Ours(load(&arguments.models, &mut report)?)];
    if !arguments.alone && !arguments.models.f32 {
        match stock_tract(&arguments.models) {
            Ok(encoder) => runtimes.push(Runtime::Tract(encoder)),
            Err(why) => report.say(format!("tract alone is left out: {why:#}")),
        }
        match onnxruntime(&arguments.models) {
            Ok(peer) => {
                report.say(format!("onnxruntime is {}", peer.name));
                runtimes.push(Runtime::Onnx(peer));
            }
            Err(why) => report.say(format!("onnxruntime is left out: {why:#}")),
        }
    }
    for tokens in LENGTHS {
        measure(&mut runtimes, tokens, arguments.runs, &mut report)?;
    }
    Ok(report)
}

/// Loads the encoder and says what that took; twice where it is packed, for the first may pack it.
fn load(models: &ModelArguments, report: &mut Report) -> anyhow::Result<SentenceEncoder> {
    if models.packed.is_some() {
        drop(models.load()?);
    }
    let before = resident_kib()?;
    let begun = Instant::now();
    let encoder = models.load()?;
    let ms = begun.elapsed().as_secs_f64() * 1e3;
    let grown = resident_kib()?.saturating_sub(before);
    report.add(
        "encoder.load",
        ms,
        "ms",
        "from the packed file where --packed names a folder, and one run",
    );
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    report.add(
        "encoder.resident",
        mib(grown << 10),
        "MiB",
        "growth of VmRSS by loading, mapped pages among it",
    );
    report.add("encoder.mapped", mib(encoder.mapped_bytes()), "MiB", "the packed file");
    report.add(
        "encoder.own",
        mib(encoder.memory_bytes()),
        "MiB",
        "vocabulary, room of a full batch, weights not mapped",
    );
    Ok(encoder)
}

fn measure(
    runtimes: &mut [Runtime],
    tokens: usize,
    runs: usize,
    report: &mut Report,
) -> anyhow::Result<()> {
    let mut took: Vec<Vec<Took>> = vec![Vec::with_capacity(runs); runtimes.len()];
    for round in 0..runs + WARM {
        for (runtime, took) in runtimes.iter_mut().zip(&mut took) {
            if round >= runtime.rounds(runs) + WARM {
                continue;
            }
            let one = runtime.run(tokens).with_context(|| runtime.name().to_owned())?;
            // The first rounds warm caches.
            if round >= WARM {
                took.push(one);
            }
        }
    }
    for (runtime, took) in runtimes.iter().zip(&took) {
        let name = format!("encoder.tokens_{tokens}.{}", runtime.name());
        let mut wall: Vec<f64> = took.iter().map(|took| took.wall * 1e3).collect();
        let how = format!("wall, {} runs, the runtimes in turn", wall.len());
        report.add(&format!("{name}.p50"), quantile(&mut wall, 0.5), "ms", how);
        report.add(&format!("{name}.best"), quantile(&mut wall, 0.0), "ms", "wall, best run");
    }
    let ours = &took[0];
    for (runtime, theirs) in runtimes.iter().zip(&took).skip(1) {
        let ratio = |of: fn(&Took) -> f64| {
            let mut pairs: Vec<f64> = ours.iter().zip(theirs).map(|(a, b)| of(b) / of(a)).collect();
            quantile(&mut pairs, 0.5)
        };
        let name = format!("encoder.tokens_{tokens}.{}_to_ours", runtime.name());
        report.add(
            &format!("{name}.wall"),
            ratio(|took| took.wall),
            "x",
            "median of the ratio, pair by pair",
        );
        report.add(
            &format!("{name}.cpu"),
            ratio(|took| took.cpu),
            "x",
            "the same of processor time",
        );
    }
    Ok(())
}

/// The same int8 graph in standard operators, on tract's own kernels.
fn stock_tract(models: &ModelArguments) -> anyhow::Result<SentenceEncoder> {
    let (mut manifest, folder) = models.manifest()?;
    let graph = folder.join(&manifest.file(FileRole::GraphInt8)?.name);
    let work = peer::folder();
    std::fs::create_dir_all(&work)?;
    let plain = work.join("encoder-int8-inlined.onnx");
    let tool = std::env::current_exe()?.with_file_name("valet-model");
    let made = Command::new(&tool).arg("inline").args([&graph, &plain]).output();
    let made = made.with_context(|| format!("{} does not start", tool.display()))?;
    if !made.status.success() {
        bail!("{}", String::from_utf8_lossy(&made.stderr).trim());
    }
    let bytes = std::fs::read(&plain)?;
    for file in manifest.files.iter_mut().filter(|file| file.role == FileRole::GraphF32) {
        (file.name, file.size) = ("encoder-int8-inlined.onnx".to_owned(), bytes.len() as u64);
        file.sha256 = hex_sha256(&bytes);
    }
    let vocabulary = &manifest.file(FileRole::Vocabulary)?.name;
    std::fs::copy(folder.join(vocabulary), work.join(vocabulary))?;
    Ok(SentenceEncoder::open_f32(&manifest, &work)?)
}

fn onnxruntime(models: &ModelArguments) -> anyhow::Result<Peer> {
    let (manifest, folder): (ModelManifest, PathBuf) = models.manifest()?;
    let graph = folder.join(&manifest.file(FileRole::GraphF32)?.name);
    Peer::start("encoder_onnxruntime.py", &[&graph, &peer::folder()])
}

fn resident_kib() -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    match line.and_then(|line| line.split_whitespace().next()).and_then(|n| n.parse().ok()) {
        Some(kib) => Ok(kib),
        None => bail!("/proc/self/status has no VmRSS"),
    }
}
