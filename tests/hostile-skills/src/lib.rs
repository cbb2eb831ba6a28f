//! Hostile skills in the real daemon: each guest is a component of its own, beside the shipped skills.
//!
//! Must not hold verdicts; those stand in `tests/`, one a guest.

use std::path::{Path, PathBuf};
use valet_bus::{
    Dict, path,
    proxies::{AssistantProxy, Options, SkillProxy},
};
use valet_bus_tests::{Shop, install};
use valet_testkit::{Daemon, DaemonBuilder, Packed, PrivateBus, built, text, within};
use zbus::{Connection, Variant, proxy::CacheProperties};

/// The id of a guest.
#[must_use]
pub fn id_of(name: &str) -> String {
    format!("org.example.hostile.{name}")
}

/// A daemon with the shipped skills and one or more guests.
pub struct Attack {
    /// The client.
    pub client: Connection,
    /// What it calls.
    pub assistant: AssistantProxy<'static>,
    /// The daemon.
    pub daemon: Daemon,
    name: String,
    shop: Shop,
    refusals: std::sync::Mutex<Vec<String>>,
    bus: PrivateBus,
}

/// All that a guest asks for.
const GRANTS: [&str; 7] = [
    "vehicle-read:Vehicle.Cabin.Light.**",
    "vehicle-actuate:Vehicle.Cabin.Light.**",
    "vehicle-actuate:Vehicle.Cabin.Door.*.*.Window.**",
    "store:4096",
    "alarms:2",
    "announce:*",
    "location:*",
];

impl Attack {
    /// One guest: "do your worst" commands it, "tell me your worst" asks it.
    ///
    /// # Panics
    /// When it is not built, or the daemon does not come up.
    pub async fn by(name: &str) -> Self {
        let attack = Self::with(name).await;
        attack.install(name, ["do your worst", "tell me your worst"]).await;
        attack
    }

    /// All of these in one daemon: "do <name>" commands, and "tell <name>" asks one.
    ///
    /// # Panics
    /// As [`Attack::by`].
    pub async fn by_all(names: &[&str]) -> Self {
        let attack = Self::with("").await;
        for name in names {
            let words = name.replace('-', " ");
            attack.install(name, [&format!("do {words}"), &format!("tell {words}")]).await;
        }
        attack
    }

    /// So many copies of one guest, so that there are more turns than quarantine leaves to one: "do your worst copy a"
    /// commands the first.
    ///
    /// # Panics
    /// As [`Attack::by`].
    pub async fn by_copies(name: &str, copies: &[char]) -> Self {
        let attack = Self::with(name).await;
        for copy in copies {
            let words =
                [format!("do your worst copy {copy}"), format!("tell your worst copy {copy}")];
            let id = format!("{}-{copy}", id_of(name));
            attack.install_as(&id, name, [&words[0], &words[1]]).await;
        }
        attack
    }

    /// Installs a guest as any stranger's skill, signed by somebody who is trusted, with all that it asks for.
    async fn install(&self, name: &str, words: [&str; 2]) {
        self.install_as(&id_of(name), name, words).await;
    }

    async fn install_as(&self, id: &str, name: &str, words: [&str; 2]) {
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        lay_out(folder.path(), (id, name), words);
        let packed = Packed::of(folder.path()).unwrap_or_else(|error| panic!("{error}"));
        let ended = install(&self.client, &self.shop.author.sign(&packed), &GRANTS).await;
        let (code, result) = ended.unwrap_or_else(|error| panic!("{error}"));
        let why = if code == 0 { "" } else { text(&result, "message") };
        self.refusals
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .push(why.to_owned());
    }

    /// Why the last guest was not installed; empty where it was.
    #[must_use]
    pub fn refusal(&self) -> String {
        let refusals = self.refusals.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        refusals.last().cloned().unwrap_or_default()
    }

    async fn with(name: &str) -> Self {
        let fine = |error: valet_testkit::KitError| -> ! { panic!("{error}") };
        let bus = PrivateBus::session().await.unwrap_or_else(|error| fine(error));
        let shop = Shop::open();
        let builder = DaemonBuilder::new(&bus).shared_cache("testkit-cache-hostile");
        let daemon = shop.trusted_by(builder).start().await.unwrap_or_else(|error| fine(error));
        let client = bus.connect().await.unwrap_or_else(|error| fine(error));
        let assistant = Daemon::assistant(&client).await.unwrap_or_else(|error| fine(error));
        let (name, refusals) = (name.to_owned(), std::sync::Mutex::default());
        Self { client, assistant, daemon, name, shop, refusals, bus }
    }

    /// Another client of the daemon.
    ///
    /// # Panics
    /// When the bus does not take it.
    pub async fn another(&self) -> AssistantProxy<'static> {
        let client = self.bus.connect().await.unwrap_or_else(|error| panic!("{error}"));
        Daemon::assistant(&client).await.unwrap_or_else(|error| panic!("{error}"))
    }

    /// Says something as the driver.
    ///
    /// # Panics
    /// When the call fails.
    pub async fn say(&self, words: &str) -> Dict {
        let driver: Options<'_> = [("zone", Variant::from("row1-driver"))].into();
        let said = within(words, self.assistant.ask(words, driver)).await;
        said.unwrap_or_else(|error| panic!("{words:?}: {error}"))
    }

    /// Commands the guest.
    pub async fn command(&self) -> Dict {
        self.say("do your worst").await
    }

    /// Asks the guest something.
    pub async fn question(&self) -> Dict {
        self.say("tell me your worst").await
    }

    /// The guest as an object on the bus.
    ///
    /// # Panics
    /// When the bus fails.
    pub async fn skill(&self) -> SkillProxy<'static> {
        SkillProxy::builder(&self.client)
            .path(path::skill(&id_of(&self.name)))
            .cache_properties(CacheProperties::No)
            .build()
            .await
            .unwrap_or_else(|error| panic!("{error}"))
    }

    /// The value of a signal, as text.
    ///
    /// # Panics
    /// When it cannot be read.
    pub async fn signal(&self, path: &str) -> String {
        let vehicle = Daemon::vehicle(&self.client).await.unwrap_or_else(|error| panic!("{error}"));
        let values = vehicle.read(&[path], valet_testkit::none()).await;
        let values = values.unwrap_or_else(|error| panic!("{error}"));
        values.get(path).map(valet_bus::proxies::plain).unwrap_or_default()
    }

    /// The others work as if the guest were not there.
    ///
    /// # Panics
    /// When they do not.
    pub async fn others_are_well(&self) {
        let reset = Daemon::simulator(&self.client).await;
        let reset = reset.unwrap_or_else(|error| panic!("{error}"));
        reset.reset(valet_testkit::none()).await.unwrap_or_else(|error| panic!("{error}"));
        let result = self.say("set the temperature to 22 degrees").await;
        assert_eq!(text(&result, "type"), "action", "{result:?}");
        assert_eq!(text(&result, "speech"), "The driver's side is set to 22 degrees.");
        assert!(self.daemon.process().exit_status().is_none(), "{}", self.daemon.output());
    }

    /// The daemon's own memory, KiB.
    ///
    /// # Panics
    /// When the system does not say.
    #[must_use]
    pub fn memory_kib(&self) -> u64 {
        let file = format!("/proc/{}/status", self.daemon.process().pid());
        let status = std::fs::read_to_string(&file).unwrap_or_else(|e| panic!("{file}: {e}"));
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        number.unwrap_or_else(|| panic!("{file} has no VmRSS"))
    }
}

/// Lays out a guest as a skill: what it says it is, and what one says to it.
fn lay_out(folder: &Path, (id, name): (&str, &str), [command, question]: [&str; 2]) {
    let manifest = include_str!("../data/skill.toml").replace("@ID@", id);
    let mut sentences = format!(
        "[intents.worst]\ntemplates = [{command:?}]\n[intents.tell]\ntemplates = [{question:?}]\n\
         [replies.worst]\ndone = \"It is done.\"\n"
    );
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("data/{name}.toml"));
    if let Ok(more) = std::fs::read_to_string(own) {
        sentences = more;
    }
    let write = |file: &str, bytes: &[u8]| {
        std::fs::write(folder.join(file), bytes).unwrap_or_else(|error| panic!("{file}: {error}"));
    };
    std::fs::create_dir_all(folder.join("sentences")).unwrap_or_else(|error| panic!("{error}"));
    std::fs::create_dir_all(folder.join("assets")).unwrap_or_else(|error| panic!("{error}"));
    write("skill.toml", manifest.as_bytes());
    write("sentences/en.toml", sentences.as_bytes());
    write("assets/words.txt", b"one\n");
    write("skill.wasm", &guest(name));
}

/// The component of a guest.
fn guest(name: &str) -> Vec<u8> {
    // What no compiler makes, `wrap` made of a module in text.
    let module = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("modules/{name}.wasm"));
    if let Ok(component) = std::fs::read(&module) {
        return component;
    }
    let file = guests().join(format!("{name}.wasm"));
    std::fs::read(&file).unwrap_or_else(|error| {
        panic!("{}: {error}; build the guests first: `make skills`", file.display())
    })
}

/// The names of the guests that a compiler made and the host loads.
///
/// # Panics
/// When they are not built.
#[must_use]
pub fn loadable() -> Vec<String> {
    const REFUSED: [&str; 3] = ["forbidden-import", "sleeper", "sockets"];
    let folder = guests();
    let entries = folder.read_dir().unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut names: Vec<String> = entries
        .filter_map(|entry| {
            entry.ok()?.file_name().to_str()?.strip_suffix(".wasm").map(str::to_owned)
        })
        .filter(|name| !REFUSED.contains(&name.as_str()) && !name.starts_with("shadows"))
        .collect();
    names.sort();
    names
}

fn guests() -> PathBuf {
    let program = built("valetd").unwrap_or_else(|error| panic!("{error}"));
    program.ancestors().nth(2).map(|target| target.join("hostile")).unwrap_or_default()
}
