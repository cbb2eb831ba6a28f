//! The daemon is ended, as by a cut of the power, at every instant with a name and each time it comes by there, while skills
//! are installed, updated, taken back, removed and changed. Afterwards it comes up with the old or the new, whole, and
//! with the new where it had said so.
#![allow(clippy::unwrap_used, missing_docs)]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::Mutex,
    time::Duration,
};
use tempfile::TempDir;
use valet_bus::proxies::{AssistantProxy, SkillsProxy};
use valet_bus_tests::{Release, Shop, install, install_with, installed};
use valet_testkit::{Daemon, DaemonBuilder, Packed, PrivateBus, Skills, none, until, within};
use zbus::Connection;

const LAMP: &str = "org.example.lamp";
const PLACE: &str = "where is the lamp";
const COUNT: &str = "count the lamps";
const BREAK: &str = "break the lamp";

/// Every instant in the daemon's sources.
fn instants() -> Vec<String> {
    fn collect(folder: &Path, to: &mut BTreeSet<String>) {
        for entry in folder.read_dir().unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, to);
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let names = text.split("instant!(\"").skip(1).filter_map(|rest| rest.split('"').next());
            to.extend(names.map(str::to_owned));
        }
    }
    let mut all = BTreeSet::new();
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../daemon/valetd/src");
    collect(&sources, &mut all);
    all.into_iter().collect()
}

/// Most times that it is ended at one instant of one operation: enough for each file of a package.
const MOST_TIMES: usize = 6;
/// How long an operation that was acknowledged may take to come by an instant.
const AFTERWARDS: Duration = Duration::from_secs(5);

/// Instants at which something was ended, over all operations.
static MET: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// What is done while the power may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    InstallNew,
    Update,
    /// The version before again, from its package: its folder is there and named by the row.
    BackByPackage,
    Rollback,
    Remove,
    FallBack,
    PassTrial,
    Grant,
    Revoke,
    Disable,
    Enable,
    Settings,
    Inspect,
    Start,
}

/// What stands before it.
impl Operation {
    async fn prepare(self, world: &World) {
        if self == Self::InstallNew {
            return;
        }
        world.put(&world.first, &["store:4096"]).await;
        if matches!(
            self,
            Self::Rollback
                | Self::BackByPackage
                | Self::FallBack
                | Self::PassTrial
                | Self::Remove
                | Self::Start
        ) {
            world.put(&world.second, &[]).await;
        }
        if self == Self::Enable {
            installed(&world.client, LAMP).await.disable(none()).await.unwrap();
        }
    }

    /// Does it; whether it was acknowledged. A daemon that ends meanwhile answers nothing.
    async fn run(
        self,
        client: Connection,
        (first, second): (Packed, Packed),
    ) -> zbus::Result<bool> {
        let skills = SkillsProxy::new(&client).await?;
        let skill = installed(&client, LAMP).await;
        match self {
            Self::InstallNew => return Ok(install(&client, &first, &["store:4096"]).await?.0 == 0),
            Self::Update => return Ok(install(&client, &second, &[]).await?.0 == 0),
            Self::BackByPackage => {
                let older = [("allow-downgrade", zbus::Variant::from(true))].into();
                return Ok(install_with(&client, &first, &[], older).await?.0 == 0);
            }
            Self::Rollback => skills.rollback(LAMP, none()).await?,
            Self::Remove => skills.remove(LAMP, none()).await?,
            Self::FallBack => {
                let mut ready = skills.receive_skills_ready().await?;
                let assistant = Daemon::assistant(&client).await.unwrap();
                for _ in 0..3 {
                    assistant.ask(BREAK, none()).await?;
                }
                until("SkillsReady", &mut ready, Some).await;
            }
            Self::PassTrial => {
                let assistant = Daemon::assistant(&client).await.unwrap();
                for _ in 0..10 {
                    assistant.ask(COUNT, none()).await?;
                }
            }
            Self::Grant => skill.grant(&["location:*"], none()).await?,
            Self::Revoke => skill.revoke(&["store:4096"], none()).await?,
            Self::Disable => skill.disable(none()).await?,
            Self::Enable => skill.enable(none()).await?,
            Self::Settings => {
                let fahrenheit = [("units", zbus::Variant::from("fahrenheit"))].into();
                skill.set_settings(fahrenheit, none()).await?;
            }
            Self::Inspect => {
                let file = second.file().unwrap();
                skills.inspect((&file).into(), none()).await?;
            }
            Self::Start => {}
        }
        Ok(true)
    }

    /// Whether what is there is all of the old or all of the new, and which.
    async fn is_done(self, world: &World) -> bool {
        let skill = installed(&world.client, LAMP).await;
        let version = skill.skill_version().await.unwrap_or_default();
        let knows = async |text: &str| {
            let parsed = world.assistant.parse(text, none()).await.unwrap();
            !parsed.is_empty()
        };
        let (place, count) = (knows(PLACE).await, knows(COUNT).await);
        let granted = skill.granted().await.unwrap_or_default();
        let state = skill.state().await.unwrap_or_default();
        let whole = match version.as_str() {
            "" => !place && !count && state.is_empty(),
            "1.0.0" => (place || state == "disabled") && !count,
            "2.0.0" => place && count,
            _ => false,
        };
        assert!(whole, "{version:?} {place} {count} {state:?}");
        let noted = |wanted: bool, before: &str, after: &str| {
            assert!(version == before || version == after, "{version:?}");
            if wanted { version == after } else { version == before }
        };
        match self {
            Self::InstallNew => {
                assert!(version.is_empty() || granted == ["store:4096"], "{granted:?}");
                noted(true, "", "1.0.0")
            }
            Self::Update => noted(true, "1.0.0", "2.0.0"),
            Self::Rollback | Self::BackByPackage | Self::FallBack => noted(true, "2.0.0", "1.0.0"),
            Self::Remove => noted(true, "2.0.0", ""),
            Self::PassTrial | Self::Start => noted(true, "2.0.0", "2.0.0"),
            Self::Grant => {
                granted == ["store:4096", "location:*"] || refuse(granted == ["store:4096"])
            }
            Self::Revoke => granted.is_empty() || refuse(granted == ["store:4096"]),
            Self::Disable => state == "disabled",
            Self::Enable => state == "ready",
            Self::Settings => {
                let settings = skill.settings().await.unwrap();
                let units = valet_testkit::text(&settings, "units").to_owned();
                units == "fahrenheit" || refuse(units == "celsius")
            }
            Self::Inspect => noted(true, "1.0.0", "1.0.0"),
        }
    }

    /// Whether being ended in the middle of it may leave nothing to see.
    fn shows(self) -> bool {
        !matches!(self, Self::FallBack | Self::PassTrial | Self::Inspect | Self::Start)
    }
}

/// Not done, which has to be all of the old.
fn refuse(old: bool) -> bool {
    assert!(old, "neither the old nor the new");
    false
}

/// A bus, a shop, two releases, and a daemon that is ended again and again.
struct World {
    bus: PrivateBus,
    client: Connection,
    assistant: AssistantProxy<'static>,
    first: Packed,
    second: Packed,
    _shop: Shop,
    state: PathBuf,
    before: TempDir,
}

impl World {
    async fn before(operation: Operation) -> (Self, Daemon) {
        let shop = Shop::open();
        let first = shop.sells(&Release::of(1));
        let second = shop.sells(&Release::of(2).saying("count", COUNT).saying("panic", BREAK));
        let bus = PrivateBus::session().await.unwrap();
        let builder =
            DaemonBuilder::new(&bus).skills(Skills::None).shared_cache("testkit-cache-cuts");
        // Cuts of the power are no crashes; here they cannot be told apart.
        let builder =
            builder.config("[understanding]\nencoder = false\n[recovery]\nsafe-mode-after = 0\n");
        let daemon = shop.trusted_by(builder).start().await.unwrap();
        let client = bus.connect().await.unwrap();
        let assistant = Daemon::assistant(&client).await.unwrap();
        let (state, before) = (daemon.state_folder(), tempfile::tempdir().unwrap());
        let world = Self { bus, client, assistant, first, second, _shop: shop, state, before };
        operation.prepare(&world).await;
        daemon.kill().await.unwrap();
        copy(&world.state, world.before.path());
        (world, daemon)
    }

    async fn put(&self, packed: &Packed, grants: &[&str]) {
        let (code, result) = install(&self.client, packed, grants).await.unwrap();
        assert_eq!(code, 0, "{result:?}");
    }

    /// The state as it was before the operation, and what a cut in an earlier one may have left besides.
    fn restore(&self) {
        fs::remove_dir_all(&self.state).unwrap();
        copy(self.before.path(), &self.state);
        let leftover = self.state.join("skills/.staging/sentences");
        fs::create_dir_all(&leftover).unwrap();
        fs::write(leftover.join("en.toml"), "half").unwrap();
        let orphan = self.state.join("skills").join(LAMP).join("9-00");
        fs::create_dir_all(&orphan).unwrap();
        fs::write(orphan.join("skill.toml"), "half").unwrap();
    }

    /// What lies there is what the rows name: at most two versions, and nothing that is half.
    fn check_folders(&self) {
        let skills = self.state.join("skills");
        let mut all: Vec<PathBuf> = entries(&skills);
        all.retain(|path| !path.ends_with(LAMP));
        assert!(all.is_empty(), "left over: {all:?}");
        let versions = entries(&skills.join(LAMP));
        assert!(versions.len() <= 2, "{versions:?}");
        for version in versions {
            for file in ["skill.toml", "skill.wasm", "sentences/en.toml"] {
                assert!(version.join(file).exists(), "{} lacks {file}", version.display());
            }
        }
    }
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = folder.read_dir() else { return Vec::new() };
    entries.map(|entry| entry.unwrap().path()).collect()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for source in entries(from) {
        let target = to.join(source.file_name().unwrap());
        if source.is_dir() {
            copy(&source, &target);
        } else {
            fs::copy(&source, &target).unwrap();
        }
    }
}

/// Ends the daemon at an instant of an operation; `None` where it never comes by there so often.
async fn cut(
    world: &World,
    daemon: Daemon,
    operation: Operation,
    (instant, time): (&str, usize),
) -> (Daemon, Option<()>) {
    world.restore();
    let point = format!("{instant}={time}*off->return");
    let daemon = daemon.launched_again(|builder| builder.ends_at(&point)).await.unwrap();
    let mut acknowledged = false;
    if daemon.ready().await.is_ok() {
        let packages = (world.first.clone(), world.second.clone());
        let operated = operation.run(world.client.clone(), packages);
        tokio::select! {
            done = within("the operation", operated) => acknowledged = done.unwrap_or(false),
            _ = daemon.exited(Duration::from_secs(60)) => {}
        }
        // What follows an answer comes before the next one.
        if acknowledged {
            let answered = world.assistant.state().await.is_ok();
            let swept = tokio::time::timeout(AFTERWARDS, world.assistant.suggest(none())).await;
            if answered && matches!(swept, Ok(Ok(_))) {
                daemon.kill().await.unwrap();
                return (daemon, None);
            }
        }
    }
    daemon.exited(Duration::from_secs(10)).await.unwrap();
    let daemon = daemon.again(DaemonBuilder::ends_nowhere).await.unwrap();
    world.check_folders();
    let done = operation.is_done(world).await;
    assert!(
        done || !acknowledged || !operation.shows(),
        "{operation:?} was acknowledged and is lost"
    );
    if !done && operation.shows() {
        let packages = (world.first.clone(), world.second.clone());
        let again = within("again", operation.run(world.client.clone(), packages)).await;
        assert!(again.unwrap(), "{operation:?} does not work after a cut at {point}");
        assert!(operation.is_done(world).await, "{operation:?} after a cut at {point}");
    }
    daemon.kill().await.unwrap();
    world.check_folders();
    MET.lock().unwrap().insert(instant.to_owned());
    (daemon, Some(()))
}

/// Ends the daemon at every instant of an operation, each time it comes by there; how often it did.
async fn cut_everywhere(operation: Operation) -> usize {
    let (world, mut daemon) = World::before(operation).await;
    let mut cuts = 0;
    for instant in instants() {
        for time in 0..MOST_TIMES {
            let (next, ended) = cut(&world, daemon, operation, (&instant, time)).await;
            daemon = next;
            if ended.is_none() {
                break;
            }
            cuts += 1;
        }
    }
    drop(world.bus);
    cuts
}

#[tokio::test]
async fn whenever_the_power_goes_the_old_or_the_new_is_there() {
    let mut cuts = 0;
    for operation in [
        Operation::InstallNew,
        Operation::Update,
        Operation::BackByPackage,
        Operation::Rollback,
        Operation::Remove,
        Operation::FallBack,
        Operation::PassTrial,
        Operation::Grant,
        Operation::Revoke,
        Operation::Disable,
        Operation::Enable,
        Operation::Settings,
        Operation::Inspect,
        Operation::Start,
    ] {
        let of_it = cut_everywhere(operation).await;
        println!("{operation:?}: {of_it} cuts");
        cuts += of_it;
    }
    let met = MET.lock().unwrap().clone();
    let never: Vec<String> = instants().into_iter().filter(|one| !met.contains(one)).collect();
    println!("{cuts} cuts at {} instants", met.len());
    assert!(never.is_empty(), "no operation comes by {never:?}");
    assert!(met.len() >= 50, "{}", met.len());
}
