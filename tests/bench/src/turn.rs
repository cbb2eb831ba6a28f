//! `turn`: whole turns over D-Bus beside an empty echo in the same run.
//!
//! Must not compare figures of different runs: every round does each kind once.

use crate::{
    figures::{Report, quantile},
    live::{Live, block_on, none, start},
};
use anyhow::Context as _;
use clap::Args;
use std::time::{Duration, Instant};
use valet_bus::proxies::{AssistantProxy, SimulatorProxy};
use valet_testkit::{DaemonBuilder, PrivateBus, dicts, text};
use zbus::Variant;

/// A question that a template knows.
const READ: &str = "are the doors locked";
/// A question that no template knows.
const FREE: &str = "any chance i forgot to shut the boot";
/// The window that takes three seconds.
const WINDOW: &str = "Vehicle.Cabin.Door.Row1.DriverSide.Window.Position";

/// What to measure.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Rounds; each does an echo and a turn of each kind.
    #[arg(long, default_value_t = 300)]
    rounds: usize,
    /// Turns with the slow actuator.
    #[arg(long, default_value_t = 20)]
    slow: usize,
    /// Run on dbus-broker instead of dbus-daemon.
    #[arg(long)]
    broker: bool,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<Report> {
    block_on(measure(arguments))
}

async fn measure(arguments: &Arguments) -> anyhow::Result<Report> {
    let bus =
        if arguments.broker { PrivateBus::broker().await? } else { PrivateBus::session().await? };
    let live = start(bus, true).await?;
    let mut report = Report::default();
    fast_turns(&live, arguments.rounds, &mut report).await?;
    cpu_of_a_turn(&live, arguments.rounds * 3, &mut report).await?;
    slow_turns(&live, arguments.slow, &mut report).await?;
    drop(live);
    match instructions_of_a_turn().await {
        Ok(count) => {
            let how =
                "user instructions of the daemon by valgrind: 220 turns less 20, divided by 200";
            report.add("turn.template_read.instructions", count, "", how);
        }
        Err(why) => report.say(format!("instructions of a turn are not counted: {why:#}")),
    }
    Ok(report)
}

/// Counts with valgrind, for the counters of the processor are hidden on many machines.
async fn instructions_of_a_turn() -> anyhow::Result<f64> {
    let (few, many) = (instructions_of(20).await?, instructions_of(220).await?);
    Ok((many - few) / 200.0)
}

async fn instructions_of(turns: usize) -> anyhow::Result<f64> {
    let bus = PrivateBus::session().await?;
    let valgrind = [
        "/usr/bin/valgrind",
        "--tool=callgrind",
        "--callgrind-out-file=/dev/null",
        "--smc-check=all",
    ];
    let daemon = DaemonBuilder::new(&bus).under(&valgrind).launch().await?;
    tokio::time::timeout(Duration::from_secs(90), daemon.process().line("ready on"))
        .await
        .context("valetd is not ready under valgrind")??;
    let connection = bus.connect().await?;
    let assistant = AssistantProxy::new(&connection).await?;
    for _ in 0..turns {
        let result = assistant.ask(READ, none()).await?;
        expect(&result, "engine", "template")?;
    }
    daemon.terminate(Duration::from_secs(30)).await?;
    let output = daemon.output();
    let line = output.lines().find(|l| l.contains("refs:")).context("valgrind counted nothing")?;
    let number = line.rsplit(':').next().unwrap_or_default().replace(',', "");
    Ok(number.trim().parse()?)
}

/// Times one call, ms.
async fn timed<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<(f64, T)> {
    let begun = Instant::now();
    let value = work.await?;
    Ok((begun.elapsed().as_secs_f64() * 1000.0, value))
}

async fn fast_turns(live: &Live, rounds: usize, report: &mut Report) -> anyhow::Result<()> {
    let (mut echo, mut read, mut act, mut free, mut encoder) =
        (vec![], vec![], vec![], vec![], vec![]);
    for round in 0..rounds + 20 {
        let degrees = 20 + round % 3;
        let (e, ()) = timed(live.echo()).await?;
        let (r, answer) = timed(live.ask(READ)).await?;
        let (a, acted) =
            timed(live.ask(&format!("set the temperature to {degrees} degrees"))).await?;
        let (f, freely) = timed(live.ask(FREE)).await?;
        expect(&answer, "engine", "template")?;
        expect(&answer, "type", "answer")?;
        expect(&acted, "type", "action")?;
        // The first rounds fill caches that every later turn finds full.
        if round >= 20 {
            echo.push(e);
            read.push(r);
            act.push(a);
            free.push(f);
            encoder.push(stage_ms(&freely, "encoder"));
        }
    }
    let n = format!("{rounds} rounds, each kind once a round, one client, dbus round trip");
    let base = quantile(&mut echo, 0.5);
    report.add("turn.echo.p50", base, "ms", format!("Peer.Ping of the daemon; {n}"));
    for (name, times) in [("template_read", &mut read), ("template_act", &mut act)] {
        let median = quantile(times, 0.5);
        report.add(&format!("turn.{name}.p50"), median, "ms", n.as_str());
        report.add(&format!("turn.{name}.p95"), quantile(times, 0.95), "ms", n.as_str());
        report.add(
            &format!("turn.{name}.vs_echo"),
            median / base,
            "x",
            "ratio of the medians above",
        );
    }
    let (whole, model) = (quantile(&mut free, 0.5), quantile(&mut encoder, 0.5));
    report.add("turn.encoder.p50", whole, "ms", n.as_str());
    report.add(
        "turn.encoder.model.p50",
        model,
        "ms",
        "time in the encoder, from the result's timing",
    );
    let mut rest: Vec<f64> =
        free.iter().zip(&encoder).map(|(whole, model)| whole - model).collect();
    let how = "whole turn less its encoder time, round by round";
    report.add("turn.encoder.beside_model.p50", quantile(&mut rest, 0.5), "ms", how);
    Ok(())
}

async fn cpu_of_a_turn(live: &Live, turns: usize, report: &mut Report) -> anyhow::Result<()> {
    let before = live.cpu_ms()?;
    for _ in 0..turns {
        live.ask(READ).await?;
    }
    #[allow(clippy::cast_precision_loss, reason = "a count of turns")]
    let each = (live.cpu_ms()? - before) / turns as f64;
    report.add(
        "turn.template_read.cpu",
        each,
        "ms",
        format!("user and system time of the daemon over {turns} turns"),
    );
    Ok(())
}

async fn slow_turns(live: &Live, turns: usize, report: &mut Report) -> anyhow::Result<()> {
    let simulator = SimulatorProxy::new(&live.connection).await?;
    let mut first_words = Vec::new();
    for _ in 0..turns {
        simulator.set(WINDOW, &Variant::from(0_i64), none()).await?;
        let (time, result) = timed(live.ask("open my window")).await?;
        expect(&result, "type", "action")?;
        let moving = dicts(&result, "actions").iter().any(|a| text(a, "status") == "requested");
        anyhow::ensure!(moving, "the window was expected to be on its way");
        first_words.push(time);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let n = format!(
        "{turns} turns with a window that takes seconds; the wait for it is at most 250 ms"
    );
    report.add(
        "turn.slow_actuator.first_words.p50",
        quantile(&mut first_words, 0.5),
        "ms",
        n.as_str(),
    );
    report.add(
        "turn.slow_actuator.first_words.p95",
        quantile(&mut first_words, 0.95),
        "ms",
        n.as_str(),
    );
    Ok(())
}

fn expect(result: &valet_bus::Dict, key: &str, wanted: &str) -> anyhow::Result<()> {
    let got = text(result, key);
    anyhow::ensure!(
        got == wanted,
        "{key} is {got:?}, expected {wanted:?}: {}",
        text(result, "speech")
    );
    Ok(())
}

/// A stage of the result's timing, ms.
#[allow(clippy::cast_precision_loss, reason = "microseconds of a turn")]
/// Milliseconds that a result says a stage took; 0 where it was left out.
pub(crate) fn stage_ms(result: &valet_bus::Dict, stage: &str) -> f64 {
    result
        .get("timing")
        .and_then(|v| std::collections::BTreeMap::<String, u64>::try_from(v.clone()).ok())
        .and_then(|timing| timing.get(stage).copied())
        .map_or(0.0, |us| us as f64 / 1000.0)
}
