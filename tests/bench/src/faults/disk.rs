//! The disk that holds the daemon's state: full, read-only, hanging.
//!
//! Must not trust an answer: what was acknowledged is looked for after a kill.

use super::{
    account::Account,
    health,
    machine::{Machine, must, program},
};
use anyhow::Context as _;
use std::{
    fs::File,
    io::{ErrorKind, Write as _},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// After all is mended, until all is well.
pub(super) const WELL_AGAIN: Duration = Duration::from_secs(20);
/// A package that is installed already, in another version.
pub(super) const PACKAGES: [&str; 2] = ["/opt/valet/media-2.valet", "/opt/valet/media-3.valet"];

/// Full to the last byte.
pub(super) async fn full(m: &Machine, hold: Duration, account: &mut Account) -> anyhow::Result<()> {
    let filler = m.disk.join("filler");
    let file = filler.clone();
    tokio::task::spawn_blocking(move || fill(&file)).await?.context("the disk is not full")?;
    let said = during(m, "alpha", hold, account).await;
    std::fs::remove_file(&filler)?;
    after(m, "alpha", said?, account).await
}

fn fill(path: &Path) -> std::io::Result<()> {
    let mut file = File::create(path)?;
    for size in [1 << 20, 1 << 12, 1] {
        let block = vec![7; size];
        loop {
            match file.write_all(&block) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => break,
                Err(error) => return Err(error),
            }
        }
        // What the system has only promised to write may still free blocks.
        match file.sync_all() {
            Err(error) if error.kind() != ErrorKind::StorageFull => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// Read-only, as the kernel makes it when it finds a fault on it: files that are open for writing are no obstacle.
pub(super) async fn read_only(
    m: &Machine,
    hold: Duration,
    account: &mut Account,
) -> anyhow::Result<()> {
    let disk = m.disk.display().to_string();
    if m.is_container {
        // That would be every disk of the kernel; so each file is made one that nobody may change.
        must(&["chattr", "-R", "+i", &disk]).await?;
    } else {
        std::fs::write("/proc/sysrq-trigger", "u")?;
        let until = Instant::now() + Duration::from_secs(5);
        while !is_read_only(&m.disk)? {
            anyhow::ensure!(Instant::now() < until, "{disk} does not get read-only");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    let said = during(m, "bravo", hold, account).await;
    let mend: &[&str] = match m.is_container {
        true => &["chattr", "-R", "-i", &disk],
        false => &["mount", "-o", "remount,rw", &disk],
    };
    must(mend).await?;
    after(m, "bravo", said?, account).await
}

fn is_read_only(disk: &Path) -> anyhow::Result<bool> {
    let mounts = std::fs::read_to_string("/proc/self/mounts")?;
    let wanted = disk.display().to_string();
    let line = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let found = line.into_iter().find(|fields| fields.get(1) == Some(&wanted.as_str()));
    let options = found.and_then(|fields| fields.get(3).map(ToString::to_string));
    let options = options.with_context(|| format!("{wanted} is not mounted"))?;
    Ok(options.split(',').any(|option| option == "ro"))
}

/// Whatever is written waits, as on flash memory that tidies up.
pub(super) async fn hangs(
    m: &Machine,
    hold: Duration,
    account: &mut Account,
) -> anyhow::Result<()> {
    let disk = m.disk.display().to_string();
    must(&["fsfreeze", "-f", &disk]).await?;
    let began = Instant::now();
    let locked = m.outcome("are the doors locked").await;
    let timer = m.outcome("set a timer called charlie for twenty hours").await;
    tokio::time::sleep(hold.saturating_sub(began.elapsed())).await;
    must(&["fsfreeze", "-u", &disk]).await?;
    account.holds("what needs no disk goes on while it hangs", locked == "answer", locked);
    account.holds("what needs it is no success while it hangs", timer != "action", &timer);
    account.note(format!("a timer: {timer}"));
    well(m, account).await;
    // Whether it was written late is chance, and nobody was told that it was.
    m.outcome("cancel the charlie timer").await;
    Ok(())
}

/// What is said of a timer and of an installation on a disk that takes nothing. Whether the timer was acknowledged.
async fn during(
    m: &Machine,
    name: &'static str,
    hold: Duration,
    account: &mut Account,
) -> anyhow::Result<bool> {
    let began = Instant::now();
    let locked = m.outcome("are the doors locked").await;
    account.holds("what needs no disk goes on", locked == "answer", locked);
    let timer = m.outcome(&format!("set a timer called {name} for twenty hours")).await;
    account.note(format!("a timer: {timer}"));
    let (well, said) = install(m).await?;
    account.holds("nothing is installed on it", !well, &said);
    account.holds("… and that has a name", !well && !said.trim().is_empty(), &said);
    account.note(format!("an installation: {}", said.trim().replace('\n', " | ")));
    let reasons = m.assistant.state_reasons().await.unwrap_or_default();
    account.note(format!("StateReasons: {}", reasons.join("; ")));
    tokio::time::sleep(hold.saturating_sub(began.elapsed())).await;
    Ok(timer == "action")
}

async fn after(
    m: &Machine,
    name: &'static str,
    acknowledged: bool,
    account: &mut Account,
) -> anyhow::Result<()> {
    well(m, account).await;
    let (installed, said) = install(m).await?;
    account.holds("it can be installed again", installed, said.trim());
    m.told(name, acknowledged);
    Ok(())
}

/// After a kill: what was told of timers while the disk was broken has to be so, for it cannot come from memory any more.
pub(super) async fn as_told(m: &Machine, account: &mut Account) {
    for (name, acknowledged) in m.take_told() {
        let left = m.speech(&format!("how much time is left on the {name} timer")).await;
        let there = left.contains(&format!("{name} timer has"));
        let promise =
            "what was acknowledged on a broken disk is there after a kill, and nothing else";
        let found = format!("{name}, acknowledged {acknowledged}: {left}");
        account.holds(promise, there == acknowledged, found);
        m.outcome(&format!("cancel the {name} timer")).await;
    }
}

/// Waits until all is well.
pub(super) async fn well(m: &Machine, account: &mut Account) {
    match health::recovers(m, WELL_AGAIN).await {
        Ok(took) => {
            account.holds("all is well again by itself", true, "");
            account.took(took);
        }
        Err(why) => account.holds("all is well again by itself", false, why),
    }
}

/// Installs the version of a skill that is not here; how that went.
pub(super) async fn install(m: &Machine) -> anyhow::Result<(bool, String)> {
    let package = PathBuf::from(other_package(m).await);
    let package = package.display().to_string();
    program(&installation(&package)).await
}

/// The command that installs a package.
pub(super) fn installation(package: &str) -> [&str; 8] {
    let valetctl = ["valetctl", "--system", "skill", "install", "--yes", "--grant-all"];
    let [a, b, c, d, e, f] = valetctl;
    [a, b, c, d, e, f, "--allow-downgrade", package]
}

/// The package of the version that is not here.
pub(super) async fn other_package(m: &Machine) -> &'static str {
    let skill = valet_bus_tests::installed(&m.bus, "org.valetd.media").await;
    let version = skill.skill_version().await.unwrap_or_default();
    if version.starts_with('2') { PACKAGES[1] } else { PACKAGES[0] }
}
