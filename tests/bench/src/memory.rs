//! `memory`: resident memory with encoder and six skills, after many turns, and when nobody speaks; and what it costs who speaks
//! first after that.

use crate::{
    figures::{Report, quantile},
    live::{Live, block_on, start},
};
use clap::Args;
use std::time::{Duration, Instant};
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

/// What no template knows.
const FREE: [&str; 4] = [
    "my grandma cannot hear the radio",
    "i fancy some music now",
    "we're baking in this thing",
    "my fingers are numb from this cold wheel",
];
/// Longer than the daemon waits before it gives back what only work needs.
const QUIET: Duration = Duration::from_secs(35);
/// How often nobody speaks.
const RESTS: usize = 3;

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
    at_rest(&live, &mut report).await?;
    Ok(report)
}

/// Memory when nobody has spoken for a while, and of the free sentences after that the first beside the others.
async fn at_rest(live: &Live, report: &mut Report) -> anyhow::Result<()> {
    let (mut first, mut others) = (Vec::new(), Vec::new());
    let mut memory = [0.0; 3];
    for _ in 0..RESTS {
        tokio::time::sleep(QUIET).await;
        let [idle, own] = ["Pss:", "Pss_Anon:"].map(|which| live.rollup_kib(which));
        memory[..2].copy_from_slice(&[idle? / 1024.0, own? / 1024.0]);
        for (number, text) in FREE.iter().enumerate() {
            let begun = Instant::now();
            live.ask(text).await?;
            let times = if number == 0 { &mut first } else { &mut others };
            times.push(begun.elapsed().as_secs_f64() * 1000.0);
        }
        memory[2] = live.rollup_kib("Pss:")? / 1024.0;
    }
    let how = format!("PSS, {} s after the last word", QUIET.as_secs());
    report.add("memory.idle", memory[0], "MiB", how.as_str());
    report.add("memory.idle.anonymous", memory[1], "MiB", how);
    report.add("memory.working", memory[2], "MiB", "PSS after free speech");
    let how = format!("median of {RESTS} free sentences, each the first after a rest");
    report.add("memory.first-after-rest", quantile(&mut first, 0.5), "ms", how);
    report.add("memory.others", quantile(&mut others, 0.5), "ms", "median of those that follow");
    Ok(())
}
