//! A running daemon for the benches: its own bus, the shipped skills, the real encoder.
//!
//! Must not measure anything.

use anyhow::Context as _;
use futures_util::StreamExt as _;
use std::time::Duration;
use valet_bus::{Dict, proxies::AssistantProxy};
use valet_testkit::{Daemon, DaemonBuilder, PrivateBus, models};
use zbus::Connection;

/// How long the encoder may take to serve, a first training included.
const ENCODER_LIMIT: Duration = Duration::from_secs(180);

/// A daemon, its bus and one client.
pub(crate) struct Live {
    pub(crate) daemon: Daemon,
    pub(crate) connection: Connection,
    pub(crate) assistant: AssistantProxy<'static>,
    // Ends with this value, after the daemon.
    _bus: PrivateBus,
}

/// Options of a call, none.
pub(crate) fn none<'a>() -> valet_bus::proxies::Options<'a> {
    valet_bus::proxies::Options::new()
}

/// A runtime as small clients have it.
pub(crate) fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}

/// A daemon on a bus that is ready; with the encoder, or with templates alone.
pub(crate) async fn start(bus: PrivateBus, encoder: bool) -> anyhow::Result<Live> {
    let builder = DaemonBuilder::new(&bus);
    let builder = if encoder { builder.config("").models(models()?) } else { builder };
    let daemon = builder.start().await?;
    let connection = bus.connect().await?;
    let assistant = AssistantProxy::new(&connection).await?;
    let live = Live { daemon, connection, assistant, _bus: bus };
    if encoder {
        live.encoder_serves().await?;
    }
    Ok(live)
}

impl Live {
    /// Waits until the encoder serves.
    pub(crate) async fn encoder_serves(&self) -> anyhow::Result<()> {
        let mut changes = self.assistant.receive_models_changed().await;
        let settled = async {
            loop {
                let models = self.assistant.models().await?;
                let encoder = models.get("encoder").cloned().unwrap_or_default();
                match valet_testkit::text(&encoder, "state") {
                    "ready" => return anyhow::Ok(()),
                    "failed" | "unloaded" => {
                        anyhow::bail!(
                            "the encoder does not serve: {}",
                            valet_testkit::text(&encoder, "why")
                        )
                    }
                    _ => {}
                }
                changes.next().await.context("the daemon left the bus")?;
            }
        };
        tokio::time::timeout(ENCODER_LIMIT, settled)
            .await
            .context("the encoder does not come up")?
    }

    /// Asks and takes the result.
    pub(crate) async fn ask(&self, text: &str) -> anyhow::Result<Dict> {
        Ok(self.assistant.ask(text, none()).await?)
    }

    /// An empty call through the same bus into the same process.
    pub(crate) async fn echo(&self) -> anyhow::Result<()> {
        self.connection
            .call_method(
                Some(valet_bus::BUS_NAME),
                valet_bus::ROOT,
                Some("org.freedesktop.DBus.Peer"),
                "Ping",
                &(),
            )
            .await?;
        Ok(())
    }

    fn proc(&self, file: &str) -> anyhow::Result<String> {
        let path = format!("/proc/{}/{file}", self.daemon.process().pid());
        std::fs::read_to_string(&path).with_context(|| path)
    }

    /// A line of its `smaps_rollup`, such as `Pss:`, KiB.
    pub(crate) fn rollup_kib(&self, line: &str) -> anyhow::Result<f64> {
        status_number(&self.proc("smaps_rollup")?, line).with_context(|| format!("no {line}"))
    }

    /// Resident memory, KiB.
    pub(crate) fn resident_kib(&self) -> anyhow::Result<f64> {
        status_number(&self.proc("status")?, "VmRSS:").context("no VmRSS")
    }

    /// Open files.
    pub(crate) fn descriptors(&self) -> anyhow::Result<usize> {
        let folder = format!("/proc/{}/fd", self.daemon.process().pid());
        Ok(std::fs::read_dir(&folder).with_context(|| folder)?.count())
    }

    /// Processor time so far, user and system, ms (in ticks of 10 ms).
    pub(crate) fn cpu_ms(&self) -> anyhow::Result<f64> {
        let stat = self.proc("stat")?;
        let after_name = stat.rsplit_once(')').context("no name in stat")?.1;
        let ticks: Vec<f64> =
            after_name.split_whitespace().skip(11).take(2).filter_map(|t| t.parse().ok()).collect();
        Ok(ticks.iter().sum::<f64>() * 10.0)
    }

    /// How often any of its threads was woken so far.
    pub(crate) fn wake_ups(&self) -> anyhow::Result<f64> {
        let tasks = format!("/proc/{}/task", self.daemon.process().pid());
        let mut sum = 0.0;
        for task in std::fs::read_dir(&tasks)? {
            let status = std::fs::read_to_string(task?.path().join("status"))?;
            sum += status_number(&status, "voluntary_ctxt_switches:").unwrap_or(0.0);
        }
        Ok(sum)
    }
}

fn status_number(status: &str, key: &str) -> Option<f64> {
    let line = status.lines().find(|line| line.starts_with(key))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
