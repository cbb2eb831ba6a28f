//! `hostile`: a well-behaved skill's turns alone, and while each hostile guest runs beside it in the same daemon.
//!
//! Must not count turns after the hostile ones are through.

use crate::{
    figures::{Report, quantile},
    live::{block_on, none},
};
use clap::Args;
use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Instant,
};
use valet_bus::proxies::AssistantProxy;
use valet_hostile_skills::{Attack, loadable};

/// What people ask of the well-behaved one.
const ASKED: &str = "are the doors locked";
/// Turns that count at most.
const MOST_TURNS: usize = 4000;

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
        let mut beside = beside?;
        let (alone, count) = (quantile(&mut alone, 0.99), beside.len());
        let beside = quantile(&mut beside, 0.99);
        over = over.max(beside - (2.0 * alone + 2.0));
        let how = format!("p99 of {count} turns over D-Bus beside it; alone {alone:.2} ms");
        report.add(&format!("hostile.{guest}.p99"), beside, "ms", how);
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
