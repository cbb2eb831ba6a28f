//! `hostile`: a well-behaved skill's turns alone, while each hostile guest runs beside it in the same daemon, and in the
//! second after, in which the skills are learned without those that fell out.
//!
//! With `--share`, what a guest that computes keeps of a processor beside a busy thread: giving way must not be giving up.
//!
//! Must not mix the three: many quick turns would hide the few slow ones.

use crate::{
    figures::{Report, quantile},
    live::{block_on, none},
};
use anyhow::Context as _;
use clap::Args;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};
use valet_bus::proxies::AssistantProxy;
use valet_hostile_skills::{Attack, loadable};

/// What people ask of the well-behaved one.
const ASKED: &str = "are the doors locked";
/// Turns that count at most.
const MOST_TURNS: usize = 4000;

/// A guest that computes for some milliseconds, and may do so again and again.
const COMPUTES: &str = "state-between-turns";
/// Rounds alone and beside a busy thread, in turn, and turns of each.
const ROUNDS: usize = 10;
const TURNS_OF_A_ROUND: usize = 20;

/// How long it is looked at what the hostile ones leave behind.
const AFTER: Duration = Duration::from_secs(1);

/// What to measure.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Only these guests.
    #[arg(long)]
    guest: Vec<String>,
    /// Copies of a guest: each has three turns before quarantine.
    #[arg(long, default_value_t = 12)]
    copies: u8,
    /// Instead, the share of one processor that a guest which computes has beside a busy thread.
    #[arg(long)]
    share: bool,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<Report> {
    if arguments.share { block_on(share()) } else { block_on(measure(arguments)) }
}

/// A guest's turns on the one processor where all runs, alone and beside a thread that computes, alternately.
async fn share() -> anyhow::Result<Report> {
    let mut one = CpuSet::new();
    let first = sched_getaffinity(None)?;
    let processor = (0..CpuSet::MAX_CPU).find(|cpu| first.is_set(*cpu));
    one.set(processor.context("no processor is allowed")?);
    // The bus and the daemon inherit it.
    sched_setaffinity(None, &one)?;
    let attack = Attack::by(COMPUTES).await;
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let is_busy = round % 2 == 1;
        let over = Arc::new(AtomicBool::new(false));
        let theirs = Arc::clone(&over);
        let thread =
            is_busy.then(|| thread::spawn(move || while !theirs.load(Ordering::Relaxed) {}));
        for _ in 0..TURNS_OF_A_ROUND {
            let begun = Instant::now();
            let said = attack.command().await;
            // One that starves is stopped, and put in quarantine, where its turns are quick.
            let ended = valet_testkit::text(&said, "type");
            anyhow::ensure!(
                ended == "answer",
                "a turn of {COMPUTES} ended as {ended:?}, expected \"answer\""
            );
            let times = if is_busy { &mut beside } else { &mut alone };
            times.push(begun.elapsed().as_secs_f64() * 1000.0);
        }
        over.store(true, Ordering::Relaxed);
        thread.map(thread::JoinHandle::join);
    }
    let (alone, beside) = (quantile(&mut alone, 0.5), quantile(&mut beside, 0.5));
    let mut report = Report::default();
    let how = format!(
        "medians of turns of {COMPUTES}, all on one processor: {alone:.1} ms alone, {beside:.1} ms beside a busy thread"
    );
    report.add("hostile.share", 100.0 * alone / beside, "%", how);
    Ok(report)
}

async fn measure(arguments: &Arguments) -> anyhow::Result<Report> {
    let guests = if arguments.guest.is_empty() { loadable() } else { arguments.guest.clone() };
    let copies: Vec<char> = (b'a'..=b'z').take(arguments.copies.into()).map(char::from).collect();
    let mut report = Report::default();
    let mut over: f64 = f64::MIN;
    for guest in &guests {
        let attack = Attack::by_copies(guest, &copies).await;
        let asked = attack.another().await;
        let mut alone = turns(&asked, 1000, || false).await?;
        let done = AtomicBool::new(false);
        let hostile = async {
            for _ in 0..3 {
                for copy in &copies {
                    attack.say(&format!("do your worst copy {copy}")).await;
                }
            }
            done.store(true, Ordering::Relaxed);
        };
        let (beside, ()) =
            tokio::join!(turns(&asked, MOST_TURNS, || done.load(Ordering::Relaxed)), hostile);
        let end = Instant::now() + AFTER;
        let after = turns(&asked, MOST_TURNS, || Instant::now() > end).await?;
        let alone = quantile(&mut alone, 0.99);
        for (name, mut times) in [("p99", beside?), ("after.p99", after)] {
            let (slow, count) = (quantile(&mut times, 0.99), times.len());
            over = over.max(slow - (2.0 * alone + 2.0));
            let how = format!("p99 of {count} turns over D-Bus; alone {alone:.2} ms");
            report.add(&format!("hostile.{guest}.{name}"), slow, "ms", how);
        }
    }
    let how = "most by which a p99 beside one is above 2 x alone + 2 ms; below 0 is within";
    report.add("hostile.over", over, "ms", how);
    Ok(report)
}

/// Times of turns, ms, until there are enough or the others are through.
async fn turns(
    assistant: &AssistantProxy<'_>,
    most: usize,
    through: impl Fn() -> bool,
) -> anyhow::Result<Vec<f64>> {
    let mut times = Vec::new();
    while times.len() < most && !through() {
        let begun = Instant::now();
        assistant.ask(ASKED, none()).await?;
        times.push(begun.elapsed().as_secs_f64() * 1000.0);
    }
    Ok(times)
}
