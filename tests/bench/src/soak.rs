//! `soak`: very many mixed requests with hostile clients among them, to one daemon that must not grow, leak a descriptor or
//! end.
//!
//! Must not count a refusal with a name as a fault: whoever floods is refused.
#![allow(
    clippy::print_stderr,
    reason = "long work shows how far it is; the report is standard output's"
)]

use crate::{
    figures::Report,
    live::{Live, block_on, none, start},
};
use anyhow::Context as _;
use clap::Args;
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};
use valet_bus::proxies::{AssistantProxy, Options, VoiceProxy};
use valet_testkit::{PrivateBus, error_name};
use zbus::{Connection, Variant};

/// What people say, one after the other: done, asked back, answered, refused, not understood.
const SAID: [&str; 11] = [
    "set the temperature to 21 degrees",
    "and the passenger side too",
    "are the doors locked",
    "set a timer",
    "five minutes",
    "cancel all timers",
    "turn up the volume",
    "undo that",
    "colourless green ideas sleep furiously",
    "unlock the doors",
    "no",
];
/// What the world takes its time for, said now and then.
const SLOW: &str = "open the driver's window";
/// In so many rounds it is said once.
const SLOW_EVERY: usize = 50;
/// Readings of memory in a run.
const READINGS: usize = 20;
/// A request that takes longer is one that hangs.
const HANGS: Duration = Duration::from_secs(30);

/// What to do.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Requests in all.
    #[arg(long, default_value_t = 1_000_000)]
    requests: usize,
    /// Leave the encoder out; requests are understood by templates.
    #[arg(long)]
    templates_only: bool,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<Report> {
    block_on(measure(arguments))
}

/// What came of the requests, by the name of the error or `fine`.
type Outcomes = BTreeMap<String, u64>;

async fn measure(arguments: &Arguments) -> anyhow::Result<Report> {
    let bus = PrivateBus::session().await?;
    let address = bus.address();
    let live = start(bus, !arguments.templates_only).await?;
    let begun = Instant::now();
    let (mut outcomes, mut readings) = (Outcomes::new(), Vec::new());
    let a_reading = (arguments.requests / READINGS).max(1);
    let mut done = 0;
    // What is kept of a first turn of each kind is no growth.
    done += round(&live, &address, &mut outcomes).await?;
    let mut rounds = 0_usize;
    while done < arguments.requests {
        let until = (done + a_reading).min(arguments.requests);
        while done < until {
            done += round(&live, &address, &mut outcomes).await?;
            rounds += 1;
            if rounds.is_multiple_of(SLOW_EVERY) {
                counted(&mut outcomes, live.assistant.ask(SLOW, none())).await?;
                done += 1;
            }
        }
        readings.push((done as f64, live.resident_kib()?, live.descriptors()? as f64));
        eprintln!(
            "soak: {done} requests, {:.1} MiB, {} descriptors",
            live.resident_kib()? / 1024.0,
            live.descriptors()?
        );
    }
    let mut report = Report::default();
    let how = format!("{done} requests in {:.0} s, one daemon", begun.elapsed().as_secs_f64());
    report.add("soak.requests", done as f64, "requests", how);
    for (name, count) in &outcomes {
        report.add(
            &format!("soak.outcome.{name}"),
            *count as f64,
            "requests",
            "by the name of the answer",
        );
    }
    // The first half is warm-up: pools and caches fill.
    let settled = &readings[readings.len() / 2..];
    let slope = slope(settled.iter().map(|(at, kib, _)| (*at, *kib)));
    let how = "of the second half of the readings of VmRSS, least squares";
    report.add("soak.growth-per-100k", slope * 100_000.0 / 1024.0, "MiB", how);
    let files: Vec<f64> = settled.iter().map(|(.., files)| *files).collect();
    let spread = files.iter().copied().fold(f64::MIN, f64::max)
        - files.iter().copied().fold(f64::MAX, f64::min);
    report.add(
        "soak.descriptors.spread",
        spread,
        "descriptors",
        "most less fewest in the second half",
    );
    Ok(report)
}

/// Some requests of each kind at the same time; how many.
async fn round(live: &Live, address: &str, outcomes: &mut Outcomes) -> anyhow::Result<usize> {
    Ok(polite(live, outcomes).await? + hostile(live, address, outcomes).await?)
}

async fn counted<T>(
    outcomes: &mut Outcomes,
    call: impl Future<Output = zbus::Result<T>>,
) -> anyhow::Result<()> {
    let answer = tokio::time::timeout(HANGS, call).await.context("a request hangs")?;
    let name = match &answer {
        Ok(_) => "fine".to_owned(),
        Err(_) => error_name(&answer).rsplit('.').next().unwrap_or_default().to_owned(),
    };
    *outcomes.entry(name).or_default() += 1;
    Ok(())
}

/// People at four seats, all at once.
async fn polite(live: &Live, outcomes: &mut Outcomes) -> anyhow::Result<usize> {
    let seats = ["row1-driver", "row1-passenger", "row2", "all"];
    let mut count = 0;
    for said in SAID {
        let at =
            |zone: &'static str| -> Options<'static> { [("zone", Variant::from(zone))].into() };
        let asked = seats.map(|zone| live.assistant.ask(said, at(zone)));
        for answer in futures_util::future::join_all(asked).await {
            counted(outcomes, async { answer }).await?;
            count += 1;
        }
    }
    for _ in 0..8 {
        counted(outcomes, live.assistant.parse(SAID[0], none())).await?;
    }
    counted(outcomes, live.assistant.stop(none())).await?;
    Ok(count + 9)
}

/// Clients that flood, lie, open and leave.
async fn hostile(live: &Live, address: &str, outcomes: &mut Outcomes) -> anyhow::Result<usize> {
    let connection = zbus::connection::Builder::address(address).build().await?;
    let assistant = AssistantProxy::new(&connection).await?;
    let voice = VoiceProxy::new(&connection).await?;
    let partials = (0..64).map(|n| {
        let voice = voice.clone();
        async move { voice.partial(&format!("set the temperature to {n}"), none()).await.map(drop) }
    });
    let mut count = 0;
    for answer in futures_util::future::join_all(partials).await {
        counted(outcomes, async { answer }).await?;
        count += 1;
    }
    let long = "x".repeat(5000);
    counted(outcomes, assistant.ask(&long, none())).await?;
    counted(outcomes, assistant.ask("\u{202e}\u{7f}\u{fffe}", none())).await?;
    counted(outcomes, assistant.ask(SAID[0], [("no-such-option", Variant::from(1))].into()))
        .await?;
    counted(outcomes, voice.transcript(&["a b"; 9], &[], none())).await?;
    counted(outcomes, voice.speech_started("t999999", none())).await?;
    let unknown = connection.call_method(
        Some(valet_bus::BUS_NAME),
        valet_bus::ROOT,
        Some("org.valetd.Assistant1"),
        "Explode",
        &("now", 7_u32),
    );
    counted(outcomes, async { unknown.await.map(drop) }).await?;
    for _ in 0..3 {
        counted(outcomes, assistant.open_session(none())).await?;
    }
    counted(outcomes, assistant.submit("set a timer for one hour", none())).await?;
    counted(outcomes, live.assistant.ask("cancel all timers", none())).await?;
    // It leaves with all that open.
    leave(connection).await;
    Ok(count + 11)
}

async fn leave(connection: Connection) {
    // What is still on the way is lost with it, as is meant.
    let _ = connection.close().await;
}

/// Of a line through points, by least squares.
fn slope(points: impl Iterator<Item = (f64, f64)> + Clone) -> f64 {
    let count = points.clone().count().max(1) as f64;
    let (sum_x, sum_y) = points.clone().fold((0.0, 0.0), |(x, y), (px, py)| (x + px, y + py));
    let (mean_x, mean_y) = (sum_x / count, sum_y / count);
    let (above, below) = points.fold((0.0, 0.0), |(a, b), (x, y)| {
        (a + (x - mean_x) * (y - mean_y), b + (x - mean_x).powi(2))
    });
    if below == 0.0 { 0.0 } else { above / below }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slope_is_that_of_the_line() {
        let points = [(0.0, 1.0), (1.0, 3.0), (2.0, 5.0)];
        assert!((slope(points.into_iter()) - 2.0).abs() < 1e-12);
        assert!(slope([(1.0, 7.0)].into_iter()).abs() < 1e-12);
    }
}
