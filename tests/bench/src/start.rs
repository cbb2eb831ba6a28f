//! `start`: from exec to ready, and until the encoder serves, with warm caches.
//!
//! Must not count the first start: it compiles the skills and trains the heads.

use crate::{
    figures::{Report, quantile},
    live::{block_on, start},
};
use clap::Args;
use std::time::Instant;
use valet_testkit::{DaemonBuilder, PrivateBus, models};

/// What to measure.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Starts that count.
    #[arg(long, default_value_t = 15)]
    starts: usize,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<Report> {
    block_on(measure(arguments.starts))
}

async fn measure(starts: usize) -> anyhow::Result<Report> {
    drop(start(PrivateBus::session().await?, true).await?);
    let (mut ready, mut serves) = (vec![], vec![]);
    for _ in 0..starts {
        let bus = PrivateBus::session().await?;
        let builder = DaemonBuilder::new(&bus).config("").models(models()?);
        let begun = Instant::now();
        let daemon = builder.start().await?;
        ready.push(begun.elapsed().as_secs_f64() * 1000.0);
        daemon.process().line("serves").await?;
        serves.push(begun.elapsed().as_secs_f64() * 1000.0);
    }
    let how =
        format!("{starts} starts with warm caches, fork and exec to READY=1 on the notify socket");
    let mut report = Report::default();
    report.add("start.ready.p50", quantile(&mut ready, 0.5), "ms", how.as_str());
    report.add("start.ready.min", quantile(&mut ready, 0.0), "ms", how.as_str());
    let how =
        format!("{starts} starts with warm caches, until the log says that the encoder serves");
    report.add("start.encoder.p50", quantile(&mut serves, 0.5), "ms", how);
    Ok(report)
}
