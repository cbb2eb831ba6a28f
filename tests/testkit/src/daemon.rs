//! The real daemon, started on a private bus with folders of its own.

use crate::{KitError, LIMIT, PrivateBus, Watched, places};
use rustix::process::Signal;
use std::{
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
    sync::Arc,
    time::Duration,
};
use tempfile::TempDir;
use tokio::{net::UnixDatagram, sync::watch, task::JoinHandle};
use valet_bus::proxies::{AssistantProxy, DiagnosticsProxy, SimulatorProxy, VehicleProxy};
use zbus::{Connection, proxy::CacheProperties};

/// Which skills a daemon gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Skills {
    /// The six that are shipped.
    Shipped,
    /// None.
    None,
    /// What lies in a folder.
    Folder(PathBuf),
}

/// Where a daemon keeps what can be made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cache {
    /// In a folder below the target folder, with others of the name.
    Shared(&'static str),
    /// In a folder of its own.
    Own,
}

/// How a daemon is to be started.
#[derive(Debug, Clone)]
pub struct DaemonBuilder {
    address: String,
    system: bool,
    script: Option<String>,
    config: String,
    skills: Skills,
    models: Option<PathBuf>,
    trust: Option<PathBuf>,
    state: Option<PathBuf>,
    program: &'static str,
    ends_at: Option<String>,
    vehicle: &'static str,
    cache: Cache,
    notify: bool,
    sealed: bool,
    under: Vec<String>,
}

/// A daemon that is ready, or was.
pub struct Daemon {
    builder: DaemonBuilder,
    home: Arc<TempDir>,
    process: Watched,
    notified: watch::Receiver<Vec<String>>,
    listener: JoinHandle<()>,
}

impl DaemonBuilder {
    /// A daemon with the shipped skills and a simulated vehicle, on the bus as a session daemon,
    /// understanding by templates alone.
    #[must_use]
    pub fn new(bus: &PrivateBus) -> Self {
        Self {
            address: bus.address(),
            system: false,
            script: None,
            config: "[understanding]\nencoder = false\n".to_owned(),
            skills: Skills::Shipped,
            models: None,
            trust: None,
            state: None,
            program: "valetd",
            ends_at: None,
            vehicle: "simulated",
            cache: Cache::Shared("testkit-cache"),
            notify: true,
            sealed: false,
            under: Vec::new(),
        }
    }

    /// As on a system bus: rights come from the configuration.
    #[must_use]
    pub fn system(mut self) -> Self {
        self.system = true;
        self
    }

    /// What each utterance means, as `--understanding FILE` takes it.
    #[must_use]
    pub fn script(mut self, script: &str) -> Self {
        self.script = Some(script.to_owned());
        self
    }

    /// The configuration file; the one before is dropped.
    #[must_use]
    pub fn config(mut self, text: &str) -> Self {
        self.config = text.to_owned();
        self
    }

    /// Which skills.
    #[must_use]
    pub fn skills(mut self, skills: Skills) -> Self {
        self.skills = skills;
        self
    }

    /// Without the compiler of skills.
    #[must_use]
    pub fn sealed(mut self) -> Self {
        self.sealed = true;
        self.own_cache()
    }

    /// Another folder for its state than one of its own.
    #[must_use]
    pub fn state(mut self, folder: PathBuf) -> Self {
        self.state = Some(folder);
        self
    }

    /// A folder of models, for a daemon whose configuration loads an encoder; without it, an
    /// empty folder.
    #[must_use]
    pub fn models(mut self, folder: PathBuf) -> Self {
        self.models = Some(folder);
        self
    }

    /// A folder with the keys of whom it trusts; without it, an empty one.
    #[must_use]
    pub fn trust(mut self, folder: PathBuf) -> Self {
        self.trust = Some(folder);
        self
    }

    /// The build that can be ended at an instant; it ends where `FAILPOINTS` says, as by a cut of the power.
    #[must_use]
    pub fn ends_at(mut self, fail_points: &str) -> Self {
        self.program = "valetd-fail-points";
        self.ends_at = Some(fail_points.to_owned());
        self
    }

    /// The usual build, which nothing ends.
    #[must_use]
    pub fn ends_nowhere(mut self) -> Self {
        self.program = "valetd";
        self.ends_at = None;
        self
    }

    /// No vehicle at all.
    #[must_use]
    pub fn no_vehicle(mut self) -> Self {
        self.vehicle = "none";
        self
    }

    /// A cache that no other test shares, so that everything is compiled and learned anew.
    #[must_use]
    pub fn own_cache(mut self) -> Self {
        self.cache = Cache::Own;
        self
    }

    /// A cache that only tests which name it share: for those whose skills or models would push
    /// what others have learned out of theirs.
    #[must_use]
    pub fn shared_cache(mut self, name: &'static str) -> Self {
        self.cache = Cache::Shared(name);
        self
    }

    /// Run by another program, such as one that counts instructions: its name and arguments.
    #[must_use]
    pub fn under(mut self, program: &[&str]) -> Self {
        self.under = program.iter().map(|part| (*part).to_owned()).collect();
        self
    }

    /// Without a service manager: no `NOTIFY_SOCKET`.
    #[must_use]
    pub fn without_notify(mut self) -> Self {
        self.notify = false;
        self
    }

    /// Starts it and waits until it says that it is ready.
    ///
    /// # Errors
    /// [`KitError::Ended`] with what it printed when it ends instead.
    pub async fn start(self) -> Result<Daemon, KitError> {
        let daemon = self.launch().await?;
        daemon.ready().await?;
        Ok(daemon)
    }

    /// Starts it without waiting.
    ///
    /// # Errors
    /// [`KitError`].
    pub async fn launch(self) -> Result<Daemon, KitError> {
        let home = tempfile::Builder::new()
            .prefix("valet-home-")
            .tempdir()
            .map_err(|e| KitError::file(&std::env::temp_dir(), e))?;
        self.launch_in(Arc::new(home)).await
    }

    async fn launch_in(self, home: Arc<TempDir>) -> Result<Daemon, KitError> {
        let root = home.path();
        for folder in ["config", "data", "state", "cache", "models", "no-skills"] {
            let folder = root.join(folder);
            std::fs::create_dir_all(&folder).map_err(|e| KitError::file(&folder, e))?;
        }
        write(&root.join("valetd.toml"), &self.config)?;
        let mut command = self.command(root)?;
        if let Some(script) = &self.script {
            let file = root.join("script.toml");
            write(&file, script)?;
            command.arg("--understanding").arg(file);
        }
        let socket = root.join("notify");
        // A daemon that was killed left it behind.
        let _ = std::fs::remove_file(&socket);
        let listening = UnixDatagram::bind(&socket).map_err(|e| KitError::file(&socket, e))?;
        if self.notify {
            command.env("NOTIFY_SOCKET", &socket);
        }
        let (to, notified) = watch::channel(Vec::new());
        let listener = tokio::spawn(listen(listening, to));
        let process = Watched::spawn(&mut command)?;
        Ok(Daemon { builder: self, home, process, notified, listener })
    }

    fn command(&self, root: &Path) -> Result<Command, KitError> {
        let skills = match &self.skills {
            Skills::Shipped => places::shipped_skills()?,
            Skills::None => root.join("no-skills"),
            Skills::Folder(folder) => folder.clone(),
        };
        let cache = match self.cache {
            Cache::Own => root.join("cache"),
            Cache::Shared(name) => places::target()?.join("tmp").join(name),
        };
        std::fs::create_dir_all(&cache).map_err(|e| KitError::file(&cache, e))?;
        let program = places::built(self.program)?;
        let mut command = match self.under.split_first() {
            None => Command::new(program),
            Some((first, rest)) => {
                let mut command = Command::new(first);
                command.args(rest).arg(program);
                command
            }
        };
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", root)
            .env("DBUS_SESSION_BUS_ADDRESS", &self.address)
            .env("DBUS_SYSTEM_BUS_ADDRESS", &self.address)
            .env("XDG_CONFIG_HOME", root.join("config"))
            .env("XDG_DATA_HOME", root.join("data"))
            .env("XDG_STATE_HOME", root.join("state"))
            .env("XDG_CACHE_HOME", root.join("cache"))
            .env("XDG_RUNTIME_DIR", root)
            .env("RUNTIME_DIRECTORY", root.join("valetd"))
            .arg(if self.system { "--system" } else { "--session" })
            .args(["--vehicle", self.vehicle])
            .arg("--config")
            .arg(root.join("valetd.toml"))
            .arg("--skills")
            .arg(skills)
            .arg("--models")
            .arg(self.models.clone().unwrap_or_else(|| root.join("models")))
            .arg("--trust")
            .arg(self.trust.clone().unwrap_or_else(|| root.join("no-trust")))
            .arg("--skillc")
            .arg(if self.sealed { "none".into() } else { places::skillc()? })
            .arg("--cache")
            .arg(cache)
            .arg("--state")
            .arg(self.state.clone().unwrap_or_else(|| root.join("state")));
        if let Some(fail_points) = &self.ends_at {
            command.env("FAILPOINTS", fail_points);
        }
        Ok(command)
    }
}

fn write(file: &Path, text: &str) -> Result<(), KitError> {
    std::fs::write(file, text).map_err(|e| KitError::file(file, e))
}

/// Takes what the daemon tells a service manager, a datagram an entry.
async fn listen(socket: UnixDatagram, to: watch::Sender<Vec<String>>) {
    let mut buffer = vec![0_u8; 4096];
    while let Ok(length) = socket.recv(&mut buffer).await {
        let said = String::from_utf8_lossy(&buffer[..length]).into_owned();
        to.send_modify(|all| all.push(said));
    }
}

impl Daemon {
    /// Waits until it has said that it is ready.
    ///
    /// # Errors
    /// [`KitError::Ended`], [`KitError::TooLate`].
    pub async fn ready(&self) -> Result<(), KitError> {
        if !self.builder.notify {
            self.process.line("ready on").await?;
            return Ok(());
        }
        self.told("READY=1", 1).await
    }

    /// Waits until it has told its service manager something so many times.
    ///
    /// # Errors
    /// [`KitError::Ended`], [`KitError::TooLate`].
    pub async fn told(&self, what: &str, times: usize) -> Result<(), KitError> {
        let mut notified = self.notified.clone();
        let count = |all: &Vec<String>| {
            all.iter().filter(|said| said.lines().any(|line| line == what)).count()
        };
        tokio::select! {
            told = tokio::time::timeout(LIMIT, notified.wait_for(|all| count(all) >= times)) => match told {
                Ok(Ok(_)) => Ok(()),
                _ => Err(KitError::TooLate { what: format!("{what}; it printed:\n{}", self.output()), limit_ms: LIMIT.as_millis() }),
            },
            ended = self.process.exited(LIMIT) => {
                ended?;
                Err(self.process.ended())
            }
        }
    }

    /// What it has told its service manager, in order.
    #[must_use]
    pub fn notifications(&self) -> Vec<String> {
        self.notified.borrow().clone()
    }

    /// What it has printed.
    #[must_use]
    pub fn output(&self) -> String {
        self.process.output()
    }

    /// The process.
    #[must_use]
    pub fn process(&self) -> &Watched {
        &self.process
    }

    /// Its folder of the state database.
    #[must_use]
    pub fn state_folder(&self) -> PathBuf {
        self.builder.state.clone().unwrap_or_else(|| self.home.path().join("state"))
    }

    /// Its folder of what can be made again, where it has one of its own.
    #[must_use]
    pub fn cache_folder(&self) -> PathBuf {
        self.home.path().join("cache")
    }

    /// The file of its socket for voice pipelines that want this done with texts: `handle` or `intent`.
    #[must_use]
    pub fn wyoming(&self, program: &str) -> PathBuf {
        self.home.path().join(format!("valetd/wyoming-{program}.sock"))
    }

    /// Its configuration file, to be changed before a reload.
    #[must_use]
    pub fn config_file(&self) -> PathBuf {
        self.home.path().join("valetd.toml")
    }

    /// Kills it as a power cut would, and waits until it is gone.
    ///
    /// # Errors
    /// [`KitError::TooLate`].
    pub async fn kill(&self) -> Result<ExitStatus, KitError> {
        self.process.signal(Signal::KILL);
        self.process.exited(LIMIT).await
    }

    /// Asks it to stop and waits at most `limit`.
    ///
    /// # Errors
    /// [`KitError::TooLate`].
    pub async fn terminate(&self, limit: Duration) -> Result<ExitStatus, KitError> {
        self.process.signal(Signal::TERM);
        self.process.exited(limit).await
    }

    /// Asks it to read its configuration, policy and skills again.
    pub fn hangup(&self) {
        self.process.signal(Signal::HUP);
    }

    /// Starts it again with the same folders; the one before is killed where it still runs.
    ///
    /// # Errors
    /// [`KitError`].
    pub async fn restart(self) -> Result<Self, KitError> {
        self.kill().await?;
        self.again(|builder| builder).await
    }

    /// Starts one that has ended once more, in the same folders, as the test wants it now.
    ///
    /// # Errors
    /// [`KitError`].
    pub async fn again(
        self,
        change: impl FnOnce(DaemonBuilder) -> DaemonBuilder,
    ) -> Result<Self, KitError> {
        let daemon = self.launched_again(change).await?;
        daemon.ready().await?;
        Ok(daemon)
    }

    /// The same without waiting for it: it may end before it is ready.
    ///
    /// # Errors
    /// [`KitError`].
    pub async fn launched_again(
        self,
        change: impl FnOnce(DaemonBuilder) -> DaemonBuilder,
    ) -> Result<Self, KitError> {
        let (builder, home) = (change(self.builder.clone()), self.home.clone());
        drop(self);
        builder.launch_in(home).await
    }

    /// Waits for its end by itself.
    ///
    /// # Errors
    /// [`KitError::TooLate`].
    pub async fn exited(&self, limit: Duration) -> Result<ExitStatus, KitError> {
        self.process.exited(limit).await
    }

    /// The assistant, as a client sees it.
    ///
    /// # Errors
    /// [`KitError::Bus`].
    pub async fn assistant(connection: &Connection) -> Result<AssistantProxy<'static>, KitError> {
        Ok(AssistantProxy::builder(connection)
            .cache_properties(CacheProperties::No)
            .build()
            .await?)
    }

    /// The vehicle.
    ///
    /// # Errors
    /// [`KitError::Bus`].
    pub async fn vehicle(connection: &Connection) -> Result<VehicleProxy<'static>, KitError> {
        Ok(VehicleProxy::new(connection).await?)
    }

    /// The simulator.
    ///
    /// # Errors
    /// [`KitError::Bus`].
    pub async fn simulator(connection: &Connection) -> Result<SimulatorProxy<'static>, KitError> {
        Ok(SimulatorProxy::new(connection).await?)
    }

    /// Diagnostics.
    ///
    /// # Errors
    /// [`KitError::Bus`].
    pub async fn diagnostics(
        connection: &Connection,
    ) -> Result<DiagnosticsProxy<'static>, KitError> {
        Ok(DiagnosticsProxy::new(connection).await?)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.listener.abort();
    }
}
