//! `idle`: how often a daemon with nothing to do wakes up.

use crate::{
    figures::Report,
    live::{block_on, start},
};
use clap::Args;
use std::time::Duration;
use valet_testkit::PrivateBus;

/// Until the sessions of earlier turns are forgotten and helper threads have ended.
const SETTLE: Duration = Duration::from_secs(40);

/// What to measure.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// How long to watch, seconds.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<Report> {
    block_on(measure(arguments.seconds))
}

async fn measure(seconds: u64) -> anyhow::Result<Report> {
    let live = start(PrivateBus::session().await?, true).await?;
    live.ask("are the doors locked").await?;
    tokio::time::sleep(SETTLE).await;
    let before = live.wake_ups()?;
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let woken = live.wake_ups()? - before;
    let mut report = Report::default();
    #[allow(clippy::cast_precision_loss, reason = "a few seconds")]
    let a_minute = woken * 60.0 / seconds as f64;
    let how = format!(
        "voluntary context switches of all threads over {seconds} s, no client, no watchdog"
    );
    report.add("idle.wake_ups_a_minute", a_minute, "", how);
    Ok(report)
}
