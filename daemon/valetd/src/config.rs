//! The configuration: TOML files and drop-ins, each checked by itself, later ones over
//! earlier ones. An unknown key is refused with file, line and the nearest known key.
//!
//! Must not have an effect; it is read whole, or the daemon does not start.

mod outside;
mod wyoming;

pub(crate) use outside::OutsideConfig;
pub(crate) use wyoming::WyomingConfig;

use crate::{cli::VehicleKind, paths::Paths};
use serde::Deserialize;
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use valet_bus::access::{AccessRules, Holders, Right};
use valet_core::signal::Class;
use valet_kernels::Kernels;
use valet_package::{PackageError, folder::read_bounded, strict};
use valet_understanding::WakeWords;

/// Largest configuration file, bytes.
const MAX_CONFIG_BYTES: usize = 64 * 1024;
/// Most drop-ins of a folder.
const MAX_DROPINS: usize = 64;

/// The configuration in force.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Config {
    /// Language of turns that name none.
    pub language: String,
    /// Longest wait for an observed value in a turn.
    pub observe: Duration,
    /// Longest wait after the turn before "not reached" is said.
    pub not_reached_after: Duration,
    /// Classes that may be confirmed by voice where no agent is registered.
    pub confirm_by_voice: Vec<Class>,
    /// Which vehicle.
    pub vehicle: VehicleKind,
    /// Overlay over the vehicle's catalogue.
    pub vehicle_overlay: Option<PathBuf>,
    /// Whether the encoder is loaded.
    pub encoder: bool,
    /// What wakes the assistant here, besides the words that are known.
    pub wake_words: Arc<WakeWords>,
    /// Name of the kernels that run models, or `auto` for the fastest that the processor runs.
    pub kernels: String,
    /// Threads that run a model's products, the inference thread among them.
    pub model_threads: usize,
    /// Most memory that a model may take besides what is mapped, bytes; none = what it needs.
    pub model_memory_bytes: Option<u64>,
    /// Most memory of a skill, bytes.
    pub skill_memory_bytes: u64,
    /// Longest own time of a skill's turn, ms.
    pub skill_turn_ms: u64,
    /// What lies outside of the vehicle.
    pub outside: OutsideConfig,
    /// Voice pipelines that speak Wyoming.
    pub wyoming: WyomingConfig,
    /// Whether skills may be installed that nobody vouches for.
    pub developer_mode: bool,
    /// How long turns are kept; none = not at all.
    pub history: Option<Duration>,
    /// After how many crashes within a minute the daemon starts without what was installed; none = never.
    pub safe_mode_after: Option<usize>,
    /// Who may do what on the system bus.
    pub access: AccessRules,
    /// Least level that is logged.
    pub log_level: log::LevelFilter,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            language: "en".to_owned(),
            observe: Duration::from_millis(250),
            not_reached_after: Duration::from_secs(20),
            confirm_by_voice: vec![Class::Body, Class::Security],
            vehicle: VehicleKind::Simulated,
            vehicle_overlay: None,
            encoder: true,
            wake_words: Arc::default(),
            kernels: Kernels::AUTO.to_owned(),
            model_threads: 1,
            model_memory_bytes: None,
            skill_memory_bytes: 64 << 20,
            skill_turn_ms: 2000,
            outside: OutsideConfig::default(),
            wyoming: WyomingConfig::default(),
            developer_mode: false,
            history: None,
            safe_mode_after: Some(3),
            access: AccessRules::default(),
            log_level: log::LevelFilter::Info,
        }
    }
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
struct File {
    dialogue: Dialogue,
    vehicle: Vehicle,
    understanding: Understanding,
    skills: Skills,
    network: outside::Network,
    mqtt: outside::Mqtt,
    peers: outside::Peers,
    wyoming: wyoming::Wyoming,
    access: Access,
    privacy: Privacy,
    recovery: Recovery,
    log: Log,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
struct Dialogue {
    language: Option<String>,
    observe_ms: Option<u64>,
    not_reached_after_ms: Option<u64>,
    confirm_by_voice: Option<Vec<Class>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
struct Vehicle {
    kind: Option<VehicleKind>,
    overlay: Option<PathBuf>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
struct Understanding {
    encoder: Option<bool>,
    wake_words: Option<Vec<String>>,
    kernels: Option<String>,
    threads: Option<u64>,
    max_memory_mib: Option<u64>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
struct Skills {
    max_memory_mib: Option<u64>,
    max_turn_ms: Option<u64>,
    developer_mode: Option<bool>,
    per_minute: outside::PerMinute,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
struct Recovery {
    safe_mode_after: Option<u64>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
struct Privacy {
    history_days: Option<u64>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
struct Access {
    ask: Option<Who>,
    control: Option<Who>,
    observe: Option<Who>,
    manage_models: Option<Who>,
    install_trusted: Option<Who>,
    install_untrusted: Option<Who>,
    downgrade: Option<Who>,
    grant: Option<Who>,
    grant_security: Option<Who>,
    remove: Option<Who>,
}

impl Access {
    fn rights(self) -> [(Right, Option<Who>); 10] {
        [
            (Right::Ask, self.ask),
            (Right::Control, self.control),
            (Right::Observe, self.observe),
            (Right::ManageModels, self.manage_models),
            (Right::InstallTrusted, self.install_trusted),
            (Right::InstallUntrusted, self.install_untrusted),
            (Right::Downgrade, self.downgrade),
            (Right::Grant, self.grant),
            (Right::GrantSecurity, self.grant_security),
            (Right::Remove, self.remove),
        ]
    }
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
struct Who {
    users: Vec<String>,
    groups: Vec<String>,
    everybody: bool,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
struct Log {
    level: Option<Level>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum Level {
    Error,
    Warning,
    Info,
    Debug,
}

impl Config {
    /// Reads all files there are.
    ///
    /// # Errors
    /// The first file that is wrong; a file named with `--config` that is not there.
    pub(crate) fn read(paths: &Paths, must_exist: bool) -> Result<Self, PackageError> {
        let mut config = Self::default();
        for file in &paths.config_files {
            if must_exist || file.exists() {
                config.merge_file(file)?;
            }
        }
        for folder in &paths.config_dropins {
            for file in toml_files(folder)? {
                config.merge_file(&file)?;
            }
        }
        Ok(config)
    }

    fn merge_file(&mut self, path: &Path) -> Result<(), PackageError> {
        let name = path.display().to_string();
        let bytes = read_bounded(path, MAX_CONFIG_BYTES as u64)?;
        let text = String::from_utf8(bytes).map_err(|e| PackageError::Invalid {
            file: name.clone(),
            what: format!("is not UTF-8: {e}"),
        })?;
        self.merge_text(&name, &text)
    }

    /// Takes over what a file of that name says.
    ///
    /// # Errors
    /// [`PackageError`] with the line or the key: a file past its bound, an unknown key, a value
    /// out of bounds, a user or group that this system does not have.
    pub(crate) fn merge_text(&mut self, name: &str, text: &str) -> Result<(), PackageError> {
        let file = strict::parse(name, text, MAX_CONFIG_BYTES)?;
        self.merge(file).map_err(|what| PackageError::Invalid { file: name.to_owned(), what })
    }

    fn merge(&mut self, file: File) -> Result<(), String> {
        let File {
            dialogue,
            vehicle,
            understanding,
            skills,
            network,
            mqtt,
            peers,
            wyoming,
            access,
            privacy,
            recovery,
            log,
        } = file;
        replace(&mut self.language, dialogue.language);
        if let Some(ms) = dialogue.observe_ms {
            self.observe = within("dialogue.observe-ms", ms, 0, 2000).map(Duration::from_millis)?;
        }
        if let Some(ms) = dialogue.not_reached_after_ms {
            let ms = within("dialogue.not-reached-after-ms", ms, 500, 120_000)?;
            self.not_reached_after = Duration::from_millis(ms);
        }
        replace(&mut self.confirm_by_voice, dialogue.confirm_by_voice);
        replace(&mut self.vehicle, vehicle.kind);
        if vehicle.overlay.is_some() {
            self.vehicle_overlay = vehicle.overlay;
        }
        self.merge_understanding(understanding)?;
        if let Some(mib) = skills.max_memory_mib {
            self.skill_memory_bytes = within("skills.max-memory-mib", mib, 1, 256)? << 20;
        }
        if let Some(ms) = skills.max_turn_ms {
            self.skill_turn_ms = within("skills.max-turn-ms", ms, 10, 10_000)?;
        }
        replace(&mut self.developer_mode, skills.developer_mode);
        if let Some(days) = privacy.history_days {
            let days = within("privacy.history-days", days, 0, 30)?;
            self.history = (days > 0).then(|| Duration::from_secs(days * 86_400));
        }
        if let Some(crashes) = recovery.safe_mode_after {
            let crashes = within("recovery.safe-mode-after", crashes, 0, 20)?;
            self.safe_mode_after = usize::try_from(crashes).ok().filter(|most| *most > 0);
        }
        self.outside.merge(network, mqtt, peers, skills.per_minute)?;
        self.wyoming.merge(wyoming)?;
        for (right, who) in access.rights() {
            if let Some(who) = who {
                self.access.give(right, resolve(&who)?);
            }
        }
        if let Some(level) = log.level {
            self.log_level = match level {
                Level::Error => log::LevelFilter::Error,
                Level::Warning => log::LevelFilter::Warn,
                Level::Info => log::LevelFilter::Info,
                Level::Debug => log::LevelFilter::Debug,
            };
        }
        Ok(())
    }

    fn merge_understanding(&mut self, understanding: Understanding) -> Result<(), String> {
        replace(&mut self.encoder, understanding.encoder);
        if let Some(phrases) = understanding.wake_words {
            let parsed = WakeWords::parse(&phrases);
            let parsed = parsed.map_err(|why| format!("understanding.wake-words has {why}"))?;
            self.wake_words = Arc::new(parsed);
        }
        if let Some(kernels) = understanding.kernels {
            self.kernels = known_kernels(kernels)?;
        }
        if let Some(threads) = understanding.threads {
            let threads = within("understanding.threads", threads, 1, 4)?;
            self.model_threads = usize::try_from(threads).map_err(|e| e.to_string())?;
        }
        if let Some(mib) = understanding.max_memory_mib {
            let mib = within("understanding.max-memory-mib", mib, 1, 16_384)?;
            self.model_memory_bytes = Some(mib << 20);
        }
        Ok(())
    }
}

fn replace<T>(value: &mut T, with: Option<T>) {
    if let Some(with) = with {
        *value = with;
    }
}

/// A name of kernels of some processor; whether this one runs them is seen when a model is opened.
fn known_kernels(name: String) -> Result<String, String> {
    if name == Kernels::AUTO || Kernels::NAMES.contains(&name.as_str()) {
        return Ok(name);
    }
    let known = Kernels::NAMES.join(", ");
    Err(format!("understanding.kernels is {name:?}, expected {}, {known}", Kernels::AUTO))
}

fn within(key: &str, value: u64, min: u64, max: u64) -> Result<u64, String> {
    if (min..=max).contains(&value) {
        Ok(value)
    } else {
        Err(format!("{key} is {value}, expected {min} to {max}"))
    }
}

/// The `.toml` files of a folder by name; no folder = none.
///
/// # Errors
/// A folder that cannot be read, or too many files.
pub(crate) fn toml_files(folder: &Path) -> Result<Vec<PathBuf>, PackageError> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let unreadable =
        |why: String| PackageError::Unreadable { file: folder.display().to_string(), why };
    let mut files = Vec::new();
    for entry in folder.read_dir().map_err(|e| unreadable(e.to_string()))? {
        let path = entry.map_err(|e| unreadable(e.to_string()))?.path();
        if path.extension().is_some_and(|e| e == "toml") {
            files.push(path);
        }
    }
    if files.len() > MAX_DROPINS {
        return Err(unreadable(format!("{} files, expected at most {MAX_DROPINS}", files.len())));
    }
    files.sort();
    Ok(files)
}

/// Names of users and groups as numbers. A name that nobody has gives nobody a right and is an error.
fn resolve(who: &Who) -> Result<Holders, String> {
    let mut holders = Holders { everybody: who.everybody, ..Holders::default() };
    for (names, file, ids) in [
        (&who.users, "/etc/passwd", &mut holders.uids),
        (&who.groups, "/etc/group", &mut holders.gids),
    ] {
        resolve_names(names, Path::new(file), ids)?;
    }
    Ok(holders)
}

fn resolve_names(names: &[String], file: &Path, ids: &mut BTreeSet<u32>) -> Result<(), String> {
    if names.is_empty() {
        return Ok(());
    }
    let table = std::fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))?;
    for name in names {
        let id = name.parse().ok().or_else(|| {
            table.lines().find_map(|line| {
                let mut fields = line.split(':');
                (fields.next() == Some(name)).then(|| fields.nth(1)?.parse().ok()).flatten()
            })
        });
        match id {
            Some(id) => ids.insert(id),
            None => return Err(format!("{name:?} does not stand in {}", file.display())),
        };
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config, String> {
        let mut config = Config::default();
        config.merge_text("valetd.toml", text).map_err(|e| e.to_string())?;
        Ok(config)
    }

    #[test]
    fn an_unknown_key_names_line_and_nearest_key() {
        let error = parse("[dialogue]\nobserve_ms = 3\n").expect_err("unknown key");
        assert!(
            error.contains("valetd.toml:2") && error.contains("did you mean `observe-ms`?"),
            "{error}"
        );
    }

    #[test]
    fn nobody_is_let_out_by_default() {
        let nothing = OutsideConfig::default();
        assert!(!nothing.http && nothing.broker.is_none());
        assert_eq!(parse("").expect("fine").outside, nothing);
        let text = "[network]\nhttp = true\nprivate-hosts = [\"bridge.lan\"]\n[skills.per-minute]\nhttp-fetches = 5\n";
        let outside = parse(text).expect("fine").outside;
        assert!(outside.http && outside.private_hosts.contains("bridge.lan"));
        assert_eq!((outside.rates.http_fetches, outside.rates.alarms), (5, nothing.rates.alarms));
    }

    #[test]
    fn values_out_of_bounds_and_unknown_names_are_refused() {
        assert!(parse("[dialogue]\nobserve-ms = 99999\n").is_err());
        assert!(parse("[access]\nask = { users = [\"no-such-user-here\"] }\n").is_err());
        let error = parse("[understanding]\nkernels = \"avx3\"\n").expect_err("no such kernels");
        assert!(error.contains("avx3") && error.contains("dotprod"), "{error}");
        assert!(parse("[understanding]\nkernels = \"i8mm\"\nmax-memory-mib = 0\n").is_err());
        assert!(parse("[understanding]\nthreads = 5\n").is_err());
        assert!(parse("[understanding]\nwake-words = [\"\"]\n").is_err());
        for bad in [
            "[network]\nprivate-hosts = [\"192.168.0.1\"]\n",
            "[network]\nloopback-hosts = [\"Hub\"]\n",
            "[network]\nproxy = \"http://x\"\n",
            "[skills.per-minute]\nmqtt-commands = 100001\n",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        for right in Right::ALL {
            let name = right.name();
            let config = parse(&format!("[access]\n{name} = {{ users = [\"7\"] }}\n")).expect(name);
            let given = config.access.rights_of(7, &[]);
            for other in Right::ALL {
                assert_eq!(given.hold(other), other == right, "{name} gives {}", other.name());
            }
        }
    }
}
