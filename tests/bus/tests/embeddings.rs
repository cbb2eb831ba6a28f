//! Packages that carry what an encoder says of their sentences: made by the real daemon's program, lent to the real
//! training, proved afterwards, and not believed where they lie.
#![allow(clippy::unwrap_used, missing_docs)]

use sha2::{Digest as _, Sha256};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};
use tempfile::TempDir;
use valet_bus::{Dict, proxies::SkillsProxy};
use valet_bus_tests::{Release, Scene, Shop, install, models};
use valet_testkit::{Daemon, Packed, Skills, built, none, text, until, within};

const LAMP: &str = "org.example.lamp";
const MODEL: &str = "encoder";
/// Intents of the lamp.
const INTENTS: usize = 38;
/// Sentences that are computed before a file is used.
const CHECKED: u64 = 8;
/// What seals a file: a mark, what it is of, a length, a hash.
const SEAL_BYTES: usize = 8 + 32 + 8 + 32;
/// Where a sentence's first number lies behind the first byte of its entry: two counts and a name.
const FIRST_NUMBER: usize = 4 + 32 + 4;

/// Free speech of three intents, more of it than is checked.
fn sentences() -> String {
    let rooms = ["kitchen", "hall", "cellar", "attic", "garden", "office", "bath", "garage"];
    let ways = [
        ("place", "could you tell me where the lamp of the {} stands"),
        ("count", "how often was the lamp in the {} asked for"),
        ("nothing", "leave the lamp in the {} as it is"),
    ];
    let intent = |(intent, way): &(&str, &str)| {
        let samples: Vec<String> =
            rooms.iter().map(|room| format!("{:?}", way.replace("{}", room))).collect();
        format!("[intents.{intent}]\nsamples = [{}]\n", samples.join(", "))
    };
    ways.iter().map(intent).collect()
}

/// The lamp, whose sentences are free speech.
fn lamp() -> TempDir {
    let folder = Release::of(1).folder();
    fs::write(folder.path().join("sentences/en.toml"), sentences()).unwrap();
    folder
}

/// What `valetctl skill embed` makes in a skill's folder: the file, and how many sentences it says are in it.
fn embed(skill: &Path, models: &Path) -> (PathBuf, u64) {
    let cache = built("valetctl").unwrap().ancestors().nth(2).unwrap().join("tmp/author/cache");
    let output = Command::new(built("valetctl").unwrap())
        .args(["--json", "skill", "embed"])
        .arg(skill)
        .arg("--models")
        .arg(models)
        .env("XDG_CACHE_HOME", cache)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let made: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let file = PathBuf::from(made["file"].as_str().unwrap());
    assert_eq!(fs::metadata(&file).unwrap().len(), made["bytes"].as_u64().unwrap());
    (file, made["sentences"].as_u64().unwrap())
}

/// Changes the last bit of a number of some sentences, and seals the file as it was.
fn lie(file: &Path, about: impl Fn(u32) -> bool) {
    let mut bytes = fs::read(file).unwrap();
    let number =
        |bytes: &[u8], at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    let (count, mut at) = (number(&bytes, SEAL_BYTES), SEAL_BYTES + 4);
    for sentence in 0..count {
        if about(sentence) {
            bytes[at + FIRST_NUMBER] ^= 1;
        }
        // Name, vector, tokens, their scales, their rows.
        at += FIRST_NUMBER + 4 * number(&bytes, at + FIRST_NUMBER - 4) as usize;
        at += 4 + 8 * number(&bytes, at) as usize;
        at += 4 + 4 * number(&bytes, at) as usize;
        at += 4 + number(&bytes, at) as usize;
    }
    assert_eq!(at, bytes.len(), "the form is as it is described here");
    let hash = Sha256::digest(&bytes[SEAL_BYTES..]);
    bytes[SEAL_BYTES - 32..SEAL_BYTES].copy_from_slice(&hash);
    fs::write(file, bytes).unwrap();
}

/// A device without skills whose encoder serves, and that trusts a shop.
struct Device {
    scene: Scene,
    shop: Shop,
    _models: TempDir,
}

impl Device {
    /// With the kernels of this name.
    async fn set(kernels: &str) -> Self {
        let (shop, models) = (Shop::open(), models(&[MODEL]));
        let (folder, config) = (models.path().to_owned(), config(kernels));
        let scene = Scene::with(|builder| {
            let builder = builder.config(&config).models(folder).skills(Skills::None).own_cache();
            shop.trusted_by(builder)
        });
        let device = Self { scene: scene.await, shop, _models: models };
        device.serves(1).await;
        device
    }

    fn daemon(&self) -> &Daemon {
        &self.scene.daemon
    }

    /// Waits until heads were taken up so many times.
    async fn serves(&self, times: usize) {
        self.daemon().process().nth_line(" serves: ", times).await.unwrap();
    }

    /// Installs a skill's folder and waits until free speech knows it.
    async fn learns(&self, folder: &Path) {
        let packed = self.shop.author.sign(&Packed::of(folder).unwrap());
        let skills = SkillsProxy::new(&self.scene.client).await.unwrap();
        let mut ready = skills.receive_skills_ready().await.unwrap();
        let (code, result) = install(&self.scene.client, &packed, &["location:*"]).await.unwrap();
        assert_eq!(code, 0, "{result:?}");
        let knows = |said: valet_bus::proxies::SkillsReady| {
            said.args().unwrap().skills.contains(&LAMP.to_owned()).then_some(())
        };
        until("SkillsReady with the lamp", &mut ready, knows).await;
    }

    /// `sentences` of the statistics.
    async fn sentences(&self) -> BTreeMap<String, u64> {
        let diagnostics = Daemon::diagnostics(&self.scene.client).await.unwrap();
        let stats: Dict = within("Stats", diagnostics.stats(none())).await.unwrap();
        stats["sentences"].clone().try_into().unwrap()
    }

    /// Free speech that no template and no sample has, as it ought to be understood.
    async fn understands(&self) {
        let place = self.scene.ask("tell me please where the lamp of the kitchen is").await;
        assert_eq!((text(&place, "type"), text(&place, "engine")), ("answer", "encoder"));
        let intents = valet_testkit::dicts(&place, "intents");
        assert_eq!(text(&intents[0], "intent"), format!("{LAMP}/place"), "{place:?}");
    }

    /// What it keeps of its training with the lamp, once it does.
    async fn kept(&self) -> [Option<Vec<u8>>; 2] {
        let line = format!("what was learned of {INTENTS} intents is kept");
        self.daemon().process().line(&line).await.unwrap();
        let folder = self.daemon().cache_folder().join("understanding").join(MODEL);
        ["embeddings.bin", "heads.bin"].map(|file| fs::read(folder.join(file)).ok())
    }
}

fn config(kernels: &str) -> String {
    format!("[understanding]\nencoder = true\nkernels = \"{kernels}\"\n")
}

/// What a device keeps that was lent nothing.
async fn kept_without_a_loan() -> [Option<Vec<u8>>; 2] {
    let device = Device::set("auto").await;
    device.learns(lamp().path()).await;
    device.serves(2).await;
    device.understands().await;
    let kept = device.kept().await;
    assert!(kept.iter().all(Option::is_some));
    kept
}

#[tokio::test]
async fn what_a_package_carries_is_lent_until_it_was_computed_and_is_never_missed() {
    let (folder, encoder) = (lamp(), models(&[MODEL]));
    let (file, all) = embed(folder.path(), encoder.path());
    let again = fs::read(&file).unwrap();
    embed(folder.path(), encoder.path());
    assert_eq!(fs::read(&file).unwrap(), again, "the same bytes each time");
    // Other kernels than those of the desk, where it has better ones: both say the same.
    let mut device = Device::set("scalar").await;
    device.learns(folder.path()).await;
    let sentences = device.sentences().await;
    assert_eq!((sentences["computed"], sentences["lent"]), (CHECKED, all - CHECKED));
    device.understands().await;
    device.daemon().process().line("was computed here and is the same").await.unwrap();
    assert_eq!(device.sentences().await["owed"], 0);
    assert_eq!(device.kept().await, kept_without_a_loan().await, "as if nobody had lent anything");
    device.scene.daemon = device.scene.daemon.restart().await.unwrap();
    device.serves(1).await;
    let sentences = device.sentences().await;
    assert_eq!((sentences["computed"], sentences["lent"]), (0, 0), "it was kept");
    device.understands().await;
}

#[tokio::test]
async fn a_package_whose_vectors_lie_is_installed_said_and_not_believed() {
    let honest = kept_without_a_loan().await;
    let encoder = models(&[MODEL]);
    for everywhere in [true, false] {
        let folder = lamp();
        let (file, all) = embed(folder.path(), encoder.path());
        lie(&file, |nth| everywhere || nth == 3);
        let device = Device::set("auto").await;
        device.learns(folder.path()).await;
        let output = device.daemon().process();
        let warned = output.line(&format!("the embeddings that {LAMP} carries")).await.unwrap();
        assert!(warned.starts_with("WARN"), "{warned}");
        // One lie among many may be among those that are computed at once, or is found later; then it is learned again.
        let wrong = if everywhere { "for 8 of 8 texts" } else { "for 1 of 8 texts" };
        let is_refused = warned.contains("are not used") && warned.contains(wrong);
        let is_late = !everywhere && warned.contains("say other numbers than the encoder");
        assert!(is_refused || is_late, "{warned}");
        device.serves(if is_refused { 2 } else { 3 }).await;
        let sentences = device.sentences().await;
        let computed = if is_refused { all } else { 0 };
        assert_eq!((sentences["computed"], sentences["lent"]), (computed, 0));
        device.understands().await;
        assert_eq!(device.kept().await, honest, "not a bit of the lie is left");
    }
}

#[tokio::test]
async fn a_file_that_was_exchanged_on_the_disk_is_not_used() {
    let (folder, encoder) = (lamp(), models(&[MODEL]));
    let (_, all) = embed(folder.path(), encoder.path());
    let mut device = Device::set("auto").await;
    device.learns(folder.path()).await;
    device.daemon().process().line("was computed here and is the same").await.unwrap();
    device.daemon().kill().await.unwrap();
    let version = device.daemon().state_folder().join("skills").join(LAMP);
    let version = version.read_dir().unwrap().next().unwrap().unwrap().path();
    let carried = version.join("embeddings").read_dir().unwrap().next().unwrap().unwrap().path();
    // Sealed and true but for one number, and not what the package's manifest lists.
    lie(&carried, |nth| nth == 0);
    fs::remove_dir_all(device.daemon().cache_folder().join("understanding")).unwrap();
    device.scene.daemon = device.scene.daemon.again(|builder| builder).await.unwrap();
    device.serves(1).await;
    let warned = device.daemon().process().line("are not used").await.unwrap();
    assert!(warned.contains("its hash is not that of the signed manifest"), "{warned}");
    assert!(device.sentences().await["computed"] > all);
    device.understands().await;
}
