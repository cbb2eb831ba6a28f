//! `faults`: a fault a minute, to a daemon that many clients ask all the time. It keeps its name on the bus, answers each
//! request by its deadline, says what it cannot do, and is well again when the fault is gone.
//!
//! Breaks the machine it runs on: `scripts/fault-test` boots one for it. Must not run where nobody said so.
#![allow(
    clippy::print_stderr,
    reason = "long work shows how far it is; the report is standard output's"
)]

mod account;
mod clock;
mod disk;
mod health;
mod machine;
mod models;
mod presence;
mod processes;
mod talk;
mod tally;
mod vehicle;
mod yardstick;

use crate::{figures::Report, live::block_on};
use account::Account;
use clap::Args;
use machine::Machine;
use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};
use tally::Tally;
use yardstick::Yardstick;

/// A disk that hangs longer than this is one that is gone.
const HANG: Duration = Duration::from_secs(10);
/// A first start compiles the skills and trains heads for them, which takes an emulated processor its time.
const FIRST_WELL: Duration = Duration::from_secs(900);
/// What the tally counts under while nothing is broken.
const WELL: &str = "none";

const KINDS: [&str; 15] = [
    "disk-full",
    "disk-read-only",
    "disk-hangs",
    "vehicle-no-provider",
    "vehicle-stuck",
    "vehicle-slow",
    "model-gone",
    "model-spoilt",
    "clock-forward",
    "clock-back",
    "clock-midnight",
    "killed",
    "compiler-killed",
    "killed-while-installing",
    "no-descriptors",
];

/// What to do.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// How long, minutes.
    #[arg(long, default_value_t = 60)]
    minutes: u64,
    /// From one fault to the next, seconds; it lasts a third to a half of that.
    #[arg(long, default_value_t = 60)]
    every: u64,
    /// The order of the faults, and how long they last.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only these kinds, with commas between them.
    #[arg(long, value_delimiter = ',', value_parser = KINDS)]
    only: Vec<String>,
    /// Where the disk with the daemon's state and cache is mounted.
    #[arg(long, default_value = "/data")]
    disk: PathBuf,
    /// This machine is a container: its kernel is somebody else's, so that the clock is not set.
    #[arg(long)]
    container: bool,
    /// This machine is there for it: its disk is filled, its clock set, its processes killed.
    #[arg(long)]
    break_this_machine: bool,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<Report> {
    anyhow::ensure!(
        arguments.break_this_machine,
        "this fills the disk, sets the clock and kills processes: scripts/fault-test boots a machine for it, \
         and tells it so with --break-this-machine"
    );
    block_on(measure(arguments))
}

/// What became of the faults of a kind.
#[derive(Debug, Default)]
struct Suffered {
    times: usize,
    looked_at: usize,
    broken: usize,
    recovery: Duration,
}

async fn measure(arguments: &Arguments) -> anyhow::Result<Report> {
    let machine = Machine::take(&arguments.disk, arguments.container).await?;
    let started = health::recovers(&machine, FIRST_WELL).await;
    let started = started.map_err(|why| anyhow::anyhow!("it does not come up: {why}"))?;
    eprintln!("faults: up after {:.1} s", started.as_secs_f64());
    let nice = rustix::process::getpriority_process(Some(machine.pid().await?))?;
    let yardstick = Yardstick::begin(nice)?;
    let tally = Arc::new(Tally::default());
    tally.now(WELL);
    let begun = Instant::now();
    talk::begin(&machine.presence, &tally).await?;
    let mut report = Report::default();
    let mut chance = Chance(arguments.seed);
    let mut deck = Vec::new();
    let mut suffered: BTreeMap<&'static str, Suffered> = BTreeMap::new();
    for number in 0..arguments.minutes * 60 / arguments.every.max(1) {
        let at = begun + Duration::from_secs(number * arguments.every);
        tokio::time::sleep_until(at.into()).await;
        if deck.is_empty() {
            deck = chance.shuffled(arguments);
        }
        let Some(kind) = deck.pop() else { break };
        let third = arguments.every * 1000 / 3;
        let hold = Duration::from_millis(third + chance.next() % (third / 2).max(1));
        let account = one(&machine, &tally, kind, hold).await;
        tell(number, kind, &account, &mut report);
        let so_far = suffered.entry(kind).or_default();
        so_far.times += 1;
        so_far.looked_at += account.looked_at;
        so_far.broken += account.broken.len();
        so_far.recovery = so_far.recovery.max(account.recovery);
    }
    let end = begun + Duration::from_secs(arguments.minutes * 60);
    tokio::time::sleep_until(end.into()).await;
    add_name(&machine, begun, &mut report);
    add_suffered(&suffered, &mut report);
    tally.report(&machine.presence, &yardstick, &mut report);
    Ok(report)
}

/// One fault from its beginning to when all is well.
async fn one(m: &Machine, tally: &Tally, kind: &'static str, hold: Duration) -> Account {
    tally.now(kind);
    let mut account = Account::default();
    let a = &mut account;
    let suffered = match kind {
        "disk-full" => disk::full(m, hold, a).await,
        "disk-read-only" => disk::read_only(m, hold, a).await,
        "disk-hangs" => disk::hangs(m, hold.min(HANG), a).await,
        "vehicle-no-provider" => vehicle::broken(m, "no-provider", hold, a).await,
        "vehicle-stuck" => vehicle::broken(m, "stuck", hold, a).await,
        "vehicle-slow" => vehicle::broken(m, "slow", hold, a).await,
        "model-gone" => models::gone(m, hold, a).await,
        "model-spoilt" => models::spoilt(m, hold, a).await,
        "clock-forward" => clock::forward(m, hold, a).await,
        "clock-back" => clock::back(m, hold, a).await,
        "clock-midnight" => clock::midnight(m, a).await,
        "compiler-killed" => processes::while_installing(m, processes::COMPILER, a).await,
        "killed-while-installing" => processes::while_installing(m, "valetd", a).await,
        "no-descriptors" => processes::no_descriptors(m, hold, a).await,
        _ => processes::killed(m, a).await,
    };
    account.holds(
        "the fault can be made and mended",
        suffered.is_ok(),
        suffered.err().map(|why| format!("{why:#}")).unwrap_or_default(),
    );
    tally.now(WELL);
    account
}

/// To who watches, and into the report what was not as promised.
fn tell(number: u64, kind: &str, account: &Account, report: &mut Report) {
    let Account { looked_at, broken, notes, recovery } = account;
    eprintln!(
        "faults: {number} {kind}: {} of {looked_at} promises kept, well again after {:.1} s{}",
        looked_at - broken.len(),
        recovery.as_secs_f64(),
        notes.iter().map(|note| format!("; {note}")).collect::<String>()
    );
    for why in broken {
        eprintln!("faults: BROKEN {number} {kind}: {why}");
        report.say(format!("{number} {kind}: {why}"));
    }
}

/// How much of the time the name had an owner.
fn add_name(machine: &Machine, begun: Instant, report: &mut Report) {
    let now = Instant::now();
    let outages = machine.presence.outages(begun, now);
    let gone: Duration = outages.iter().sum();
    let share = 100.0 - 100.0 * gone.as_secs_f64() / now.duration_since(begun).as_secs_f64();
    let how = format!("of {:.0} s, by NameOwnerChanged", now.duration_since(begun).as_secs_f64());
    report.add("faults.name-on-the-bus", share, "%", how);
    report.add("faults.outages", outages.len() as f64, "times", "without an owner of the name");
    let longest = outages.iter().max().copied().unwrap_or_default();
    report.add("faults.outages.longest", longest.as_secs_f64() * 1000.0, "ms", "of these");
}

fn add_suffered(suffered: &BTreeMap<&'static str, Suffered>, report: &mut Report) {
    let sum = |of: fn(&Suffered) -> usize| suffered.values().map(of).sum::<usize>() as f64;
    report.add("faults.faults", sum(|s| s.times), "times", "one after the other");
    report.add(
        "faults.promises",
        sum(|s| s.looked_at),
        "times",
        "looked at during and after faults",
    );
    report.add("faults.promises.broken", sum(|s| s.broken), "times", "of these");
    for (kind, one) in suffered {
        report.add(&format!("faults.kind.{kind}"), one.times as f64, "times", "of this kind");
        let how = "the longest from its end until all was well";
        let recovery = one.recovery.as_secs_f64();
        report.add(&format!("faults.kind.{kind}.recovery"), recovery, "s", how);
    }
}

/// The same numbers for the same seed (SplitMix64).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Each kind that is wanted once, in any order.
    fn shuffled(&mut self, arguments: &Arguments) -> Vec<&'static str> {
        let wanted = |kind: &&str| {
            let possible = !arguments.container || !kind.starts_with("clock");
            let named = arguments.only.iter().any(|only| only == kind);
            possible && (arguments.only.is_empty() || named)
        };
        let mut kinds: Vec<&'static str> = KINDS.into_iter().filter(wanted).collect();
        kinds.sort_by_cached_key(|_| self.next());
        kinds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_comes_once_and_the_same_seed_gives_the_same_order() {
        let arguments = |seed| Arguments {
            minutes: 60,
            every: 60,
            seed,
            only: Vec::new(),
            disk: PathBuf::new(),
            container: false,
            break_this_machine: true,
        };
        let order = |seed| Chance(seed).shuffled(&arguments(seed));
        assert_eq!(order(1), order(1));
        assert_ne!(order(1), order(2));
        let mut kinds = order(3);
        kinds.sort_unstable();
        kinds.dedup();
        assert_eq!(kinds.len(), KINDS.len());
    }

    #[test]
    fn nothing_is_broken_where_nobody_said_so() {
        let arguments = Arguments {
            minutes: 1,
            every: 60,
            seed: 1,
            only: Vec::new(),
            disk: PathBuf::new(),
            container: false,
            break_this_machine: false,
        };
        assert!(run(&arguments).is_err_and(|why| why.to_string().contains("--break-this-machine")));
    }
}
