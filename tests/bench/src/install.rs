//! `install`: from a package to a skill that is understood, the start with many of them, what a turn in the sandbox costs,
//! and what is left over after many changes.
//!
//! Must not count what a first use compiles for others.

use crate::{
    figures::{Report, quantile},
    live::{block_on, none},
};
use anyhow::Context as _;
use clap::Args;
use std::{
    collections::BTreeMap,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};
use valet_bus::{
    Dict,
    proxies::{SkillsProxy, plain},
};
use valet_bus_tests::{Release, Shop, install, installed};
use valet_testkit::{Daemon, DaemonBuilder, Packed, PrivateBus, Skills, built, models};
use zbus::Connection;

const LAMP: &str = "org.example.lamp";
/// Sentences of the skill that is installed.
const SENTENCES: usize = 100;
/// Bytes of its package, about.
const PACKAGE_BYTES: usize = 1 << 20;
/// Before each installation: what is learned and computed at leisure after the one before would weigh on
/// it, and nobody installs two skills within milliseconds.
const REST: Duration = Duration::from_secs(1);
/// Skills of the start.
const MANY: usize = 20;

/// What to measure.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Installations that count.
    #[arg(long, default_value_t = 9)]
    installs: usize,
    /// Starts that count, each way.
    #[arg(long, default_value_t = 11)]
    starts: usize,
    /// Rounds of install, update, rollback and remove.
    #[arg(long, default_value_t = 250)]
    rounds: usize,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<Report> {
    block_on(async {
        let mut report = Report::default();
        for carries in [Carries::Kept, Carries::Nothing, Carries::Embeddings] {
            time_of_installing(arguments.installs, carries, &mut report).await?;
        }
        cost_of_a_turn(&mut report).await?;
        start_with_many(arguments.starts, &mut report).await?;
        rounds(arguments.rounds, &mut report).await?;
        Ok(report)
    })
}

/// How the package of an installation is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Carries {
    /// The same sentences each time: the device embeds them at the first and keeps that.
    Kept,
    /// Other sentences each time, which the device embeds.
    Nothing,
    /// Other sentences each time, with what the encoder says of them.
    Embeddings,
}

impl Carries {
    /// How its figures begin.
    fn name(self) -> &'static str {
        match self {
            Self::Kept => "install",
            Self::Nothing => "install.new",
            Self::Embeddings => "install.carried",
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Kept => "embedded at the first of them and kept since",
            Self::Nothing => "others each time, embedded on the device",
            Self::Embeddings => "others each time, their embeddings in the package",
        }
    }
}

/// A release of about a megabyte with many sentences, and the length of its component.
fn large(shop: &Shop, round: usize, carries: Carries) -> anyhow::Result<(Packed, usize)> {
    let folder = Release::of(1).folder();
    let lamp = match carries {
        Carries::Kept => "lamp".to_owned(),
        Carries::Nothing | Carries::Embeddings => format!("{} lamp", word(round)),
    };
    let sentences: String = ["place", "remember", "count", "nothing", "echo"]
        .iter()
        .map(|intent| {
            let samples: Vec<String> = (0..SENTENCES / 5)
                .map(|n| {
                    format!("{:?}", format!("please {intent} the {lamp} in the {} room", word(n)))
                })
                .collect();
            format!("[intents.{intent}]\nsamples = [{}]\n", samples.join(", "))
        })
        .collect();
    std::fs::write(folder.path().join("sentences/en.toml"), sentences)?;
    let component = std::fs::metadata(folder.path().join("skill.wasm"))?.len();
    let component = usize::try_from(component)?;
    let rest: Vec<u8> =
        (0..PACKAGE_BYTES.saturating_sub(component)).map(|n| ((n * 31) >> 3) as u8).collect();
    std::fs::write(folder.path().join("assets/rest.bin"), rest)?;
    if carries == Carries::Embeddings {
        embed(folder.path())?;
    }
    Ok((shop.author.sign(&Packed::of(folder.path())?), component))
}

/// Lets the daemon's program embed a skill's sentences, as its author does.
fn embed(skill: &Path) -> anyhow::Result<()> {
    let output = Command::new(built("valetctl")?)
        .args(["skill", "embed"])
        .arg(skill)
        .arg("--models")
        .arg(models()?)
        .env("XDG_CACHE_HOME", built("valetctl")?.with_file_name("bench-embed"))
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "not embedded: {said}");
    Ok(())
}

/// A word that is no other number's.
fn word(n: usize) -> String {
    let letters = ["ba", "ko", "mi", "ru", "te"];
    [letters[n % 5], letters[n / 5 % 5], letters[n / 25 % 5]].concat()
}

async fn put(client: &Connection, packed: &Packed) -> anyhow::Result<Dict> {
    let (code, result) = install(client, packed, &[]).await?;
    anyhow::ensure!(code == 0, "not installed: {}", valet_testkit::text(&result, "message"));
    Ok(result)
}

async fn time_of_installing(
    installs: usize,
    carries: Carries,
    report: &mut Report,
) -> anyhow::Result<()> {
    let shop = Shop::open();
    let bus = PrivateBus::session().await?;
    let builder = DaemonBuilder::new(&bus).config("").models(models()?);
    let builder = match carries {
        Carries::Kept => builder.shared_cache("bench-install"),
        // What an earlier run embedded would be known.
        Carries::Nothing | Carries::Embeddings => builder.own_cache(),
    };
    let daemon = shop.trusted_by(builder).start().await?;
    daemon.process().line("serves").await?;
    let client = bus.connect().await?;
    let skills = SkillsProxy::new(&client).await?;
    let (mut placed, mut times) = (Vec::new(), Vec::new());
    let (mut computed, mut lent) = (Vec::new(), Vec::new());
    let (mut bytes, mut component) = (0, 0);
    for round in 0..installs {
        tokio::time::sleep(REST).await;
        let (packed, length) = large(&shop, round, carries)?;
        (bytes, component) = (packed.bytes.len(), length);
        let begun = Instant::now();
        // Its object is there once it runs; what is learned after that is free speech.
        let there = async {
            let skill = installed(&client, LAMP).await;
            while skill.state().await.is_err() {
                // Asked without a pause it would take a processor from who installs.
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            begun.elapsed().as_secs_f64() * 1000.0
        };
        let (done, there) = tokio::join!(put(&client, &packed), there);
        done?;
        placed.push(there);
        times.push(begun.elapsed().as_secs_f64() * 1000.0);
        computed.push(sentences(&client, "computed").await?);
        lent.push(sentences(&client, "lent").await?);
        // Its code goes with it, so that it is compiled again.
        skills.remove(LAMP, none()).await?;
    }
    let how = format!(
        "{installs} installs beside six skills, each after a second's rest, from the call until it runs, and until free speech is learned (SkillsReady): package of {} bytes, component of {component} compiled each time, {SENTENCES} sentences, {}",
        bytes,
        carries.words()
    );
    let name = carries.name();
    let mut add = |what: &str, value, unit| {
        report.add(&format!("{name}.{what}"), value, unit, how.as_str());
    };
    add("runs.p50", quantile(&mut placed, 0.5), "ms");
    add("learned.p50", quantile(&mut times, 0.5), "ms");
    add("learned.max", quantile(&mut times, 1.0), "ms");
    add("computed.p50", quantile(&mut computed, 0.5), "texts");
    add("lent.p50", quantile(&mut lent, 0.5), "texts");
    Ok(())
}

/// Sentences of the heads that serve which were computed for them, or lent.
async fn sentences(client: &Connection, which: &str) -> anyhow::Result<f64> {
    let stats = Daemon::diagnostics(client).await?.stats(none()).await?;
    let counts = stats.get("sentences").cloned().context("the daemon counts no sentences")?;
    let counts: BTreeMap<String, u64> = counts.try_into()?;
    Ok(counts.get(which).copied().unwrap_or_default() as f64)
}

async fn cost_of_a_turn(report: &mut Report) -> anyhow::Result<()> {
    const TURNS: usize = 500;
    let shop = Shop::open();
    let bus = PrivateBus::session().await?;
    let builder = DaemonBuilder::new(&bus).skills(Skills::None).shared_cache("bench-install");
    let _daemon = shop.trusted_by(builder).start().await?;
    let client = bus.connect().await?;
    let assistant = Daemon::assistant(&client).await?;
    let reads = Release { says: vec![("place", "read it")], ..Release::of(1) };
    let (code, _) = install(&client, &shop.sells(&reads), &["location:*"]).await?;
    anyhow::ensure!(code == 0, "not installed");
    for _ in 0..TURNS {
        assistant.ask("read it", none()).await?;
    }
    let stats = installed(&client, LAMP).await.stats().await?;
    let p50 = stats.get("guest-p50-us").map(plain).unwrap_or_default().parse().unwrap_or(f64::NAN);
    let how = "p50 of the last 128 of 500 turns: instantiate, call, one call of the host, drop";
    report.add("sandbox.turn.p50", p50, "us", how);
    Ok(())
}

async fn start_with_many(starts: usize, report: &mut Report) -> anyhow::Result<()> {
    let shop = Shop::open();
    let [bus, other] = [PrivateBus::session().await?, PrivateBus::session().await?];
    // Killed again and again it would leave the installed skills out.
    let config = "[understanding]\nencoder = false\n[recovery]\nsafe-mode-after = 0\n";
    let builder = |bus| {
        let builder = DaemonBuilder::new(bus).config(config).skills(Skills::None);
        shop.trusted_by(builder.shared_cache("bench-install"))
    };
    let mut with = builder(&bus).start().await?;
    let mut without = builder(&other).start().await?;
    let client = bus.connect().await?;
    for n in 0..MANY {
        // Names of releases live as long as the program, as those of the tests do.
        let id: &'static str = Box::leak(format!("org.example.lamp{n}").into_boxed_str());
        let said: &'static str =
            Box::leak(format!("where is the {} lamp", word(n)).into_boxed_str());
        let release = Release { id, says: vec![("place", said)], ..Release::of(1) };
        put(&client, &shop.sells(&release)).await?;
    }
    let (mut many, mut none_at_all) = (Vec::new(), Vec::new());
    for _ in 0..starts {
        with.kill().await?;
        let begun = Instant::now();
        with = with.again(|builder| builder).await?;
        many.push(begun.elapsed().as_secs_f64() * 1000.0);
        without.kill().await?;
        let begun = Instant::now();
        without = without.again(|builder| builder).await?;
        none_at_all.push(begun.elapsed().as_secs_f64() * 1000.0);
    }
    let (many, none_at_all) = (quantile(&mut many, 0.5), quantile(&mut none_at_all, 0.5));
    let how = format!(
        "medians of {starts} starts each, in turn, exec to READY=1, warm caches: {many:.1} with {MANY} installed skills, {none_at_all:.1} with none"
    );
    report.add("start.installed", many - none_at_all, "ms", how);
    Ok(())
}

async fn rounds(rounds: usize, report: &mut Report) -> anyhow::Result<()> {
    let shop = Shop::open();
    let bus = PrivateBus::session().await?;
    let builder = DaemonBuilder::new(&bus).shared_cache("bench-install");
    let daemon = shop.trusted_by(builder).start().await?;
    let client = bus.connect().await?;
    let assistant = Daemon::assistant(&client).await?;
    let skills = SkillsProxy::new(&client).await?;
    let [first, second] = [1, 2].map(|counter| shop.sells(&Release::of(counter)));
    let (mut lost, mut before) = (0, (0, 0));
    for round in 0..rounds {
        if round == 10.min(rounds / 2) {
            before = (resident_kib(&daemon)?, descriptors(&daemon)?);
        }
        for step in 0..4 {
            match step {
                0 if round == 0 => drop(put(&client, &first).await?),
                0 => {
                    let older = [("allow-downgrade", zbus::Variant::from(true))].into();
                    valet_bus_tests::install_with(&client, &first, &[], older).await?;
                }
                1 => drop(put(&client, &second).await?),
                2 => skills.rollback(LAMP, none()).await?,
                _ => skills.remove(LAMP, none()).await?,
            }
            let result = assistant.ask("are the doors locked", none()).await?;
            lost += usize::from(valet_testkit::text(&result, "type") != "answer");
        }
    }
    let after = (resident_kib(&daemon)?, descriptors(&daemon)?);
    let left = files(&daemon.state_folder().join("skills"));
    let how =
        format!("{} changes: install, update, rollback, remove, a turn after each", rounds * 4);
    #[allow(clippy::cast_precision_loss)]
    let as_figure = |n: u64| n as f64;
    report.add("cycles.lost-turns", as_figure(lost as u64), "turns", how.as_str());
    report.add("cycles.files-left", as_figure(left as u64), "files", how.as_str());
    report.add(
        "cycles.memory",
        as_figure(after.0) - as_figure(before.0),
        "KiB",
        format!("{how}; resident, against after ten rounds"),
    );
    report.add("cycles.descriptors", as_figure(after.1) - as_figure(before.1), "open", how);
    Ok(())
}

fn files(folder: &Path) -> usize {
    let Ok(entries) = folder.read_dir() else { return 0 };
    entries.filter_map(Result::ok).map(|entry| 1 + files(&entry.path())).sum()
}

fn descriptors(daemon: &Daemon) -> anyhow::Result<u64> {
    let folder = format!("/proc/{}/fd", daemon.process().pid());
    Ok(std::fs::read_dir(folder)?.count() as u64)
}

fn resident_kib(daemon: &Daemon) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", daemon.process().pid()))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    Ok(line.split_whitespace().next().unwrap_or_default().parse()?)
}
