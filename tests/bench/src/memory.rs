//! `memory`: resident memory with encoder and six skills, and after many turns.

use crate::{
    figures::Report,
    live::{block_on, start},
};
use clap::Args;
use valet_testkit::PrivateBus;

/// Sayings that together touch all six skills.
const SAYINGS: [&str; 8] = [
    "set the temperature to 21 degrees",
    "are the doors locked",
    "how far is it to the city centre",
    "what is my range",
    "turn up the volume",
    "how long is left on my timer",
    "set the temperature to 22 degrees",
    "what is the temperature outside",
];

/// What to measure.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Turns between the two readings.
    #[arg(long, default_value_t = 10_000)]
    turns: usize,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<Report> {
    block_on(measure(arguments.turns))
}

async fn measure(turns: usize) -> anyhow::Result<Report> {
    let live = start(PrivateBus::session().await?, true).await?;
    for saying in SAYINGS {
        live.ask(saying).await?;
    }
    let before = live.resident_kib()? / 1024.0;
    for turn in 0..turns {
        live.ask(SAYINGS[turn % SAYINGS.len()]).await?;
    }
    let after = live.resident_kib()? / 1024.0;
    let mut report = Report::default();
    let how = "VmRSS with the encoder, six skills and one turn of each saying";
    report.add("memory.resident", before, "MiB", how);
    report.add(
        "memory.growth",
        after - before,
        "MiB",
        format!("VmRSS after {turns} more turns, less before"),
    );
    Ok(report)
}
