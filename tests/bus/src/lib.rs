//! The scene most bus tests play in: a private bus, the real daemon on it, one client.
//!
//! Must not hold expectations; those stand in the tests.

mod packages;

pub use packages::{Release, Shop, install, install_with, installed};

use futures_util::StreamExt as _;
use std::path::Path;
use tempfile::TempDir;
use valet_bus::{Dict, proxies::AssistantProxy};
use valet_testkit::{Daemon, DaemonBuilder, KitError, PrivateBus, within};
use zbus::{Connection, Variant};

/// A user that has no right of its own anywhere.
pub const STRANGER: u32 = 65534;

/// Everybody may ask; only the daemon's own user may do more.
pub const ASK_FOR_ALL: &str =
    "[understanding]\nencoder = false\n[access]\nask = { everybody = true }\n";

/// A private bus, a daemon on it, a client.
pub struct Scene {
    /// The bus.
    pub bus: PrivateBus,
    /// The daemon.
    pub daemon: Daemon,
    /// A client of the daemon's own user.
    pub client: Connection,
    /// What that client calls.
    pub assistant: AssistantProxy<'static>,
}

impl Scene {
    /// Sets it with the shipped skills, templates and a simulated vehicle.
    ///
    /// # Panics
    /// When it cannot be set; the test says why.
    pub async fn set() -> Self {
        Self::with(|builder| builder).await
    }

    /// Sets it with a daemon as the test wants it.
    ///
    /// # Panics
    /// When it cannot be set; the test says why.
    pub async fn with(change: impl FnOnce(DaemonBuilder) -> DaemonBuilder) -> Self {
        match Self::try_with(change).await {
            Ok(scene) => scene,
            Err(error) => panic!("the scene cannot be set: {error}"),
        }
    }

    async fn try_with(
        change: impl FnOnce(DaemonBuilder) -> DaemonBuilder,
    ) -> Result<Self, KitError> {
        let bus = PrivateBus::session().await?;
        let daemon = change(DaemonBuilder::new(&bus)).start().await?;
        let client = bus.connect().await?;
        let assistant = Daemon::assistant(&client).await?;
        Ok(Self { bus, daemon, client, assistant })
    }

    /// Another client of the daemon's user.
    ///
    /// # Panics
    /// When the bus does not take it.
    pub async fn another(&self) -> (Connection, AssistantProxy<'static>) {
        let client = self.bus.connect().await.unwrap_or_else(|error| panic!("{error}"));
        let assistant = Daemon::assistant(&client).await.unwrap_or_else(|error| panic!("{error}"));
        (client, assistant)
    }

    /// A client of [`STRANGER`]; `None`, said aloud, where this process may not make one.
    ///
    /// # Panics
    /// When the bus does not take it.
    pub async fn stranger(&self) -> Option<(Connection, AssistantProxy<'static>)> {
        let client = stranger(&self.bus).await?;
        let assistant = Daemon::assistant(&client).await.unwrap_or_else(|error| panic!("{error}"));
        Some((client, assistant))
    }

    /// Asks as the driver and gives the result.
    ///
    /// # Panics
    /// When the call fails.
    pub async fn ask(&self, text: &str) -> Dict {
        ask(&self.assistant, text).await
    }

    /// The value of a signal.
    ///
    /// # Panics
    /// When it cannot be read.
    pub async fn signal(&self, path: &str) -> Option<Variant<'static>> {
        let vehicle = Daemon::vehicle(&self.client).await.unwrap_or_else(|error| panic!("{error}"));
        let mut values = within("a read", vehicle.read(&[path], valet_testkit::none()))
            .await
            .unwrap_or_else(|error| panic!("{error}"));
        values.remove(path).map(Variant::from)
    }

    /// Starts a driving cycle.
    ///
    /// # Panics
    /// When the simulator refuses.
    pub async fn drive(&self, cycle: &str) {
        let simulator =
            Daemon::simulator(&self.client).await.unwrap_or_else(|error| panic!("{error}"));
        simulator
            .drive(cycle, valet_testkit::none())
            .await
            .unwrap_or_else(|error| panic!("{error}"));
    }
}

/// A client of [`STRANGER`]; `None`, said aloud, where this process may not make one.
///
/// # Panics
/// When the bus does not take it.
#[allow(clippy::print_stderr)]
pub async fn stranger(bus: &PrivateBus) -> Option<Connection> {
    match bus.connect_as(STRANGER).await {
        Ok(client) => Some(client),
        Err(KitError::NeedsRoot { what }) => {
            eprintln!("not tested here: {what} needs the superuser");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

/// Options that say the driver speaks.
#[must_use]
pub fn driver() -> valet_bus::proxies::Options<'static> {
    [("zone", Variant::from("row1-driver"))].into()
}

/// Asks as the driver and gives the result.
///
/// # Panics
/// When the call fails.
pub async fn ask(assistant: &AssistantProxy<'_>, text: &str) -> Dict {
    match within(text, assistant.ask(text, driver())).await {
        Ok(result) => result,
        Err(error) => panic!("{text:?} failed: {error}"),
    }
}

/// The test guest `probe` as a skill folder, with sentences so that it counts as a skill.
///
/// # Panics
/// When it is not built.
pub fn probe() -> TempDir {
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let guest = valet_testkit::guests().unwrap_or_else(|error| panic!("{error}")).join("probe");
    let skill = folder.path().join("org.example.probe");
    copy(&guest, &skill);
    let sentences = skill.join("sentences");
    std::fs::create_dir_all(&sentences).unwrap_or_else(|error| panic!("{error}"));
    std::fs::write(
        sentences.join("en.toml"),
        "[intents.nothing]\ntemplates = [\"do nothing at all\"]\n",
    )
    .unwrap_or_else(|error| panic!("{error}"));
    folder
}

/// The test guest `outdoors`, which reaches outside of the vehicle, as a folder of skills.
///
/// # Panics
/// When it is not built.
#[must_use]
pub fn outdoors() -> TempDir {
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let guests = valet_testkit::guests().unwrap_or_else(|error| panic!("{error}"));
    copy(&guests.join("outdoors"), &folder.path().join("org.example.outdoors"));
    folder
}

/// The test guest `probe` with sentences enough for heads, and few enough to train in a moment.
///
/// # Panics
/// When it is not built.
#[must_use]
pub fn small_skills() -> TempDir {
    let folder = probe();
    let file = folder.path().join("org.example.probe/sentences/en.toml");
    std::fs::write(&file, include_str!("../data/small.en.toml"))
        .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    folder
}

/// A folder with copies of the shipped model under these ids: what the daemon reads of it.
///
/// # Panics
/// When it was not fetched.
#[must_use]
pub fn models(ids: &[&str]) -> TempDir {
    let shipped = "all-minilm-l6-v2";
    let from = valet_testkit::models().unwrap_or_else(|error| panic!("{error}")).join(shipped);
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let manifest = from.join(format!("{shipped}.toml"));
    let manifest = std::fs::read_to_string(&manifest)
        .unwrap_or_else(|error| panic!("{}: {error}", manifest.display()));
    for id in ids {
        let to = folder.path().join(id);
        std::fs::create_dir(&to).unwrap_or_else(|error| panic!("{}: {error}", to.display()));
        let own = manifest.replacen(&format!("id = {shipped:?}"), &format!("id = {id:?}"), 1);
        std::fs::write(to.join(format!("{id}.toml")), own).unwrap_or_else(|e| panic!("{e}"));
        for file in ["vocab.txt", "encoder-int8.onnx"] {
            copy_whole(&from.join(file), &to.join(file))
                .unwrap_or_else(|error| panic!("{file}: {error}"));
        }
    }
    folder
}

/// Copies a file with its time, so that what was packed from another copy counts for this one.
fn copy_whole(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::copy(from, to)?;
    let modified = from.metadata()?.modified()?;
    std::fs::OpenOptions::new().write(true).open(to)?.set_modified(modified)
}

/// Waits until an encoder serves, and gives its id.
///
/// # Panics
/// When it comes to be known that none will.
pub async fn encoder_that_serves(client: &Connection) -> String {
    let cached = AssistantProxy::new(client).await.unwrap_or_else(|error| panic!("{error}"));
    let mut changes = cached.receive_models_changed().await;
    let assistant = Daemon::assistant(client).await.unwrap_or_else(|error| panic!("{error}"));
    within("an encoder that serves", async {
        loop {
            // Read after the stream was there, so that no change is missed.
            let models = assistant.models().await.unwrap_or_else(|error| panic!("{error}"));
            let encoder = models.get("encoder").cloned().unwrap_or_default();
            match valet_testkit::text(&encoder, "state") {
                "ready" => return valet_testkit::text(&encoder, "name").to_owned(),
                "loading" => drop(changes.next().await),
                _ => panic!("no encoder will serve: {models:?}"),
            }
        }
    })
    .await
}

pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap_or_else(|error| panic!("{}: {error}", to.display()));
    let entries = from.read_dir().unwrap_or_else(|error| panic!("{}: {error}", from.display()));
    for entry in entries.flatten() {
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            copy(&source, &target);
        } else {
            std::fs::copy(&source, &target)
                .unwrap_or_else(|error| panic!("{}: {error}", source.display()));
        }
    }
}
