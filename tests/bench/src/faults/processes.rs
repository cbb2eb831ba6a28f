//! Processes that end by no will of their own, and a daemon without descriptors.
//!
//! Must not start anything again: systemd does.

use super::{
    account::Account,
    disk::{as_told, install, installation, other_package, well},
    machine::{self, Machine, must},
};
use anyhow::Context as _;
use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};
use std::time::{Duration, Instant};

/// The program that is killed at work.
pub(super) const COMPILER: &str = "valet-skillc";
/// What is compiled: a file of the cache is called by its hash.
const COMPONENT: &str = "/usr/share/valetd/skills/org.valetd.media/skill.wasm";
/// From the command to the compiler at work.
const BEGINS: Duration = Duration::from_secs(20);

/// `kill -9`.
pub(super) async fn killed(m: &Machine, account: &mut Account) -> anyhow::Result<()> {
    let timer = m.outcome("set a timer called delta for twenty hours").await;
    account.holds("a timer can be set", timer == "action", timer);
    m.kill().await?;
    let left = m.speech("how much time is left on the delta timer").await;
    account.holds("its timers are there after a kill", left.contains("delta timer has"), left);
    well(m, account).await;
    as_told(m, account).await;
    m.outcome("cancel the delta timer").await;
    Ok(())
}

/// `kill -9` of the compiler at work, or of the daemon meanwhile.
pub(super) async fn while_installing(
    m: &Machine,
    whom: &str,
    account: &mut Account,
) -> anyhow::Result<()> {
    // Its code of before would do; the cache may go at any time.
    let cached = m.disk.join("cache/aot").display().to_string();
    let forget = format!("rm -f {cached}/$(sha256sum <{COMPONENT} | cut -c 1-64)-*");
    must(&["sh", "-c", &forget]).await?;
    let package = other_package(m).await;
    let installing = tokio::spawn(async move { machine::program(&installation(package)).await });
    let compiler = machine::process(COMPILER, BEGINS).await.context("nothing is compiled")?;
    if whom == COMPILER {
        kill_process(compiler, Signal::KILL)?;
    } else {
        m.kill().await?;
    }
    let (well_installed, said) = installing.await??;
    account.holds("an installation that is cut off is told so", !well_installed, said.trim());
    account.note(said.trim().replace('\n', " | "));
    well(m, account).await;
    let skill = valet_bus_tests::installed(&m.bus, "org.valetd.media").await;
    let state = skill.state().await.unwrap_or_default();
    account.holds("the skill is there in one version or the other", state == "ready", state);
    let (installed, said) = install(m).await?;
    account.holds("it can be installed again", installed, said.trim());
    Ok(())
}

/// As many descriptors as it has open now, and not one more.
pub(super) async fn no_descriptors(
    m: &Machine,
    hold: Duration,
    account: &mut Account,
) -> anyhow::Result<()> {
    let pid = m.pid().await?;
    let before = limit(pid, open_descriptors(pid)?)?;
    let began = Instant::now();
    let known = m.outcome("set the temperature to 22 degrees").await;
    let free = m.outcome("brr, the steering wheel is ice cold").await;
    let timer = m.outcome("set a timer called echo for twenty hours").await;
    account.holds("templates are understood without descriptors", known == "action", known);
    account.holds("free speech is understood without descriptors", free == "action", free);
    let (installed, said) = install(m).await?;
    account.holds("nothing is installed without descriptors", !installed, said.trim());
    account.note(format!("a timer: {timer}; {}", said.trim().replace('\n', " | ")));
    tokio::time::sleep(hold.saturating_sub(began.elapsed())).await;
    // A call that brings a descriptor for which there is no room costs it its connection: then systemd has started it anew.
    if m.pid().await? == pid {
        limit(pid, before)?;
    } else {
        account.note("it was started anew");
    }
    well(m, account).await;
    let left = m.speech("how much time is left on the echo timer").await;
    let there = left.contains("echo timer has");
    account.holds("the timer is there if that was said", there == (timer == "action"), left);
    m.outcome("cancel the echo timer").await;
    Ok(())
}

fn open_descriptors(pid: Pid) -> anyhow::Result<u64> {
    let folder = format!("/proc/{}/fd", pid.as_raw_nonzero());
    Ok(std::fs::read_dir(&folder).context(folder)?.count() as u64)
}

/// Sets how many descriptors a process may have, and gives how many it might before.
fn limit(pid: Pid, most: u64) -> anyhow::Result<u64> {
    let file = format!("/proc/{}/limits", pid.as_raw_nonzero());
    let limits = std::fs::read_to_string(&file).context(file)?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let maximum = line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok());
    let wanted = Rlimit { current: Some(most), maximum };
    prlimit(Some(pid), Resource::Nofile, wanted)?.current.context("there was no limit")
}
