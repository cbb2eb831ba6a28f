//! `encoder`: milliseconds at a few lengths, load time, memory.
//!
//! Must not go through the memory of earlier runs.

use crate::{
    figures::{Report, quantile},
    models::ModelArguments,
};
use anyhow::bail;
use clap::Args;
use std::time::Instant;
use valet_core::encoder::Encoder;

/// Runs of each length.
const RUNS: usize = 60;

/// What to measure.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    models: ModelArguments,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<Report> {
    if arguments.models.memo.is_some() {
        bail!("--memo would measure a table, not the encoder");
    }
    let mut report = Report::default();
    let before = resident_kib()?;
    let begun = Instant::now();
    let mut encoder = arguments.models.load()?;
    report.add(
        "encoder.load",
        ms(begun),
        "ms",
        "verify, parse, optimise and one run, files in cache",
    );
    for words in [6usize, 14, 30] {
        let text = vec!["warm"; words].join(" ");
        let tokens = encoder.encode(&text)?.tokens.len() + 2;
        let mut times: Vec<f64> = Vec::with_capacity(RUNS);
        for _ in 0..RUNS {
            let begun = Instant::now();
            encoder.encode(&text)?;
            times.push(ms(begun));
        }
        let name = format!("encoder.tokens_{tokens}");
        report.add(
            &format!("{name}.p50"),
            quantile(&mut times, 0.5),
            "ms",
            format!("wall, {RUNS} runs"),
        );
        report.add(&format!("{name}.best"), quantile(&mut times, 0.0), "ms", "wall, best run");
    }
    let grown = resident_kib()?.saturating_sub(before);
    #[allow(clippy::cast_precision_loss)]
    report.add(
        "encoder.memory",
        grown as f64 / 1024.0,
        "MiB",
        "growth of VmRSS by loading and running",
    );
    Ok(report)
}

fn ms(begun: Instant) -> f64 {
    begun.elapsed().as_secs_f64() * 1e3
}

fn resident_kib() -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    match line.and_then(|line| line.split_whitespace().next()).and_then(|n| n.parse().ok()) {
        Some(kib) => Ok(kib),
        None => bail!("/proc/self/status has no VmRSS"),
    }
}
