//! The machine that is broken and mended: its daemon, its disk, its clock, what it says of its own accord.
//!
//! Must not run anywhere but in a machine that is there for it; whoever calls has been told so.

use super::{presence::Presence, talk};
use anyhow::Context as _;
use futures_util::StreamExt as _;
use rustix::{
    process::{Pid, Signal, kill_process},
    time::{ClockId, Timespec, clock_gettime, clock_settime},
};
use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use valet_bus::{
    Dict,
    proxies::{AssistantProxy, ModelsProxy, SimulatorProxy},
};
use valet_testkit::{Daemon, none, text};
use zbus::{Connection, fdo::DBusProxy, names::BusName};

/// What a probe may take; the daemon is asked for no more.
const PROBE: Duration = Duration::from_secs(5);
/// Between two looks at something that nobody tells.
const LOOK: Duration = Duration::from_millis(20);

/// What a daemon said that nobody had asked for, and when.
type Heard = Arc<Mutex<Vec<(Instant, String)>>>;

/// Handles of everything that is broken.
pub(super) struct Machine {
    pub(super) bus: Connection,
    pub(super) assistant: AssistantProxy<'static>,
    pub(super) simulator: SimulatorProxy<'static>,
    pub(super) models: ModelsProxy<'static>,
    pub(super) presence: Arc<Presence>,
    /// What is mounted where the daemon's state lies.
    pub(super) disk: PathBuf,
    /// Whether its kernel is somebody else's, too.
    pub(super) is_container: bool,
    heard: Heard,
    /// Timers that were set on a broken disk, and whether that was acknowledged.
    told: Mutex<Vec<(&'static str, bool)>>,
    /// The clock's time when the monotonic one said this.
    true_time: (Timespec, Instant),
}

impl Machine {
    /// Takes the system bus of this machine.
    pub(super) async fn take(disk: &Path, is_container: bool) -> anyhow::Result<Self> {
        let bus = Connection::system().await.context("the system bus")?;
        let presence = Presence::watch(&bus).await?;
        let assistant = Daemon::assistant(&bus).await?;
        let heard = Heard::default();
        tokio::spawn(listen(assistant.clone(), Arc::clone(&presence), Arc::clone(&heard)));
        Ok(Self {
            simulator: Daemon::simulator(&bus).await?,
            models: ModelsProxy::new(&bus).await?,
            assistant,
            bus,
            presence,
            disk: disk.to_owned(),
            is_container,
            heard,
            told: Mutex::default(),
            true_time: (clock_gettime(ClockId::Realtime), Instant::now()),
        })
    }

    /// Asks in a conversation that no other client is in.
    pub(super) async fn ask(&self, said: &str) -> zbus::Result<Dict> {
        self.assistant.ask(said, talk::options("all", PROBE)).await
    }

    /// What is answered in words, faults included.
    pub(super) async fn speech(&self, said: &str) -> String {
        match self.ask(said).await {
            Ok(result) => text(&result, "speech").to_owned(),
            Err(error) => error.to_string(),
        }
    }

    /// Type and code of an answer, or the name of the error.
    pub(super) async fn outcome(&self, said: &str) -> String {
        match self.ask(said).await {
            Ok(result) => talk::outcome(&result),
            error => valet_testkit::error_name(&error),
        }
    }

    /// The daemon's process.
    pub(super) async fn pid(&self) -> anyhow::Result<Pid> {
        let bus = DBusProxy::new(&self.bus).await?;
        let name = BusName::try_from(valet_bus::BUS_NAME)?;
        let pid = i32::try_from(bus.get_connection_unix_process_id(name).await?)?;
        Pid::from_raw(pid).context("a process has a number")
    }

    /// Ends the daemon by no will of its own, and waits until another one is there.
    pub(super) async fn kill(&self) -> anyhow::Result<()> {
        let pid = self.pid().await?;
        let mut owner = self.presence.owner();
        let before = owner.borrow_and_update().clone();
        kill_process(pid, Signal::KILL)?;
        let back = owner.wait_for(|now| now.is_some() && *now != before);
        tokio::time::timeout(Duration::from_secs(30), back)
            .await
            .context("systemd does not start it again within 30 s")??;
        Ok(())
    }

    /// As `systemctl reload` does.
    pub(super) async fn reload(&self) -> anyhow::Result<()> {
        Ok(kill_process(self.pid().await?, Signal::HUP)?)
    }

    /// Notes what was said of a timer that was set on a broken disk.
    pub(super) fn told(&self, name: &'static str, acknowledged: bool) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.retain(|(before, _)| *before != name);
        told.push((name, acknowledged));
    }

    /// All that was noted so.
    pub(super) fn take_told(&self) -> Vec<(&'static str, bool)> {
        std::mem::take(&mut self.told.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits until it said something with these words since then; how long that took.
    pub(super) async fn hears(
        &self,
        words: &str,
        since: Instant,
        limit: Duration,
    ) -> Option<Duration> {
        let until = Instant::now() + limit;
        loop {
            let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let found =
                heard.iter().find(|(at, said)| *at >= since && said.to_lowercase().contains(words));
            if let Some((at, _)) = found {
                return Some(at.duration_since(since));
            }
            if Instant::now() >= until {
                return None;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// What the clock would say if nobody had set it, seconds since the epoch.
    pub(super) fn true_seconds(&self) -> f64 {
        let (time, at) = self.true_time;
        time.tv_sec as f64 + time.tv_nsec as f64 / 1e9 + at.elapsed().as_secs_f64()
    }

    /// Sets the clock that far off the truth.
    #[allow(clippy::cast_possible_truncation)]
    pub(super) fn set_clock(&self, off_s: f64) -> anyhow::Result<()> {
        let time = self.true_seconds() + off_s;
        let tv_sec = time.floor() as i64;
        let tv_nsec = ((time - time.floor()) * 1e9) as i64;
        Ok(clock_settime(ClockId::Realtime, Timespec { tv_sec, tv_nsec })?)
    }
}

/// Notes what is announced, also by a daemon that comes after this one.
async fn listen(assistant: AssistantProxy<'static>, presence: Arc<Presence>, heard: Heard) {
    let Ok(mut announced) = assistant.receive_announced().await else { return };
    let mut owner = presence.owner();
    owner.mark_changed();
    loop {
        tokio::select! {
            changed = owner.changed() => {
                if changed.is_err() {
                    return;
                }
                if owner.borrow_and_update().is_some() {
                    // One that is on its way out again is followed by the next.
                    let _ = assistant.observe(none()).await;
                }
            }
            said = announced.next() => {
                let Some(said) = said else { return };
                if let Ok(told) = said.args() {
                    let line = (Instant::now(), told.text.clone());
                    heard.lock().unwrap_or_else(PoisonError::into_inner).push(line);
                }
            }
        }
    }
}

/// Runs a program to its end without holding up anybody, and gives what it said; whether it succeeded.
pub(super) async fn program(words: &[&str]) -> anyhow::Result<(bool, String)> {
    let owned: Vec<String> = words.iter().map(ToString::to_string).collect();
    let run = move || {
        let output = Command::new(&owned[0]).args(&owned[1..]).env("NO_COLOR", "1").output();
        let output = output.with_context(|| owned.join(" "))?;
        let mut said = String::from_utf8_lossy(&output.stdout).into_owned();
        said.push_str(&String::from_utf8_lossy(&output.stderr));
        Ok((output.status.success(), said))
    };
    tokio::task::spawn_blocking(run).await?
}

/// The same for what has to succeed.
pub(super) async fn must(words: &[&str]) -> anyhow::Result<String> {
    let (well, said) = program(words).await?;
    anyhow::ensure!(well, "{}: {}", words.join(" "), said.trim());
    Ok(said)
}

/// A process of that name, as soon as there is one.
pub(super) async fn process(name: &str, limit: Duration) -> Option<Pid> {
    let until = Instant::now() + limit;
    while Instant::now() < until {
        if let Some(pid) = find(name) {
            return Some(pid);
        }
        // A compiler may live for a tenth of a second only.
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    None
}

fn find(name: &str) -> Option<Pid> {
    std::fs::read_dir("/proc").ok()?.flatten().find_map(|entry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let found = std::fs::read_to_string(entry.path().join("comm")).ok()?;
        (found.trim_end() == name).then(|| Pid::from_raw(pid))?
    })
}
