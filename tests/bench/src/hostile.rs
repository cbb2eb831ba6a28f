//! `hostile`: a well-behaved skill's turns alone, while each hostile guest runs beside it in the same daemon, and in the
//! second after, in which the skills are learned without those that fell out.
//!
//! Must not mix the three: many quick turns would hide the few slow ones.

use crate::{
    figures::{Report, quantile},
    live::{block_on, none},
};
use clap::Args;
use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};
use valet_bus::proxies::AssistantProxy;
use valet_hostile_skills::{Attack, loadable};

/// What people ask of the well-behaved one.
const ASKED: &str = "are the doors locked";
/// Turns that count at most.
const MOST_TURNS: usize = 4000;

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
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<Report> {
    block_on(measure(arguments))
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
