//! The vehicle, the policy and the words: what is made once and read by all.
//!
//! Must not go on with half of it: a policy that does not parse stops the daemon.

use crate::{
    cli::VehicleKind,
    config::{Config, toml_files},
    paths::Paths,
};
use anyhow::Context as _;
use std::sync::Arc;
use valet_core::{
    policy::{Policy, PolicyFile, Snapshot},
    ports::Vehicle,
    reply::{Describe, HostWords},
};
use valet_devices::{Catalogue, MonotonicClock, NoVehicle, Simulator};
use valet_package::{folder::read_bounded, strict};

/// Largest policy file, bytes.
const MAX_POLICY_BYTES: usize = 256 * 1024;

/// The shipped policy, used where no policy folder holds a file.
const SHIPPED_POLICY: [(&str, &str); 2] = [
    ("10-classes.toml", include_str!("../../core/policy/10-classes.toml")),
    ("20-rules.toml", include_str!("../../core/policy/20-rules.toml")),
];

/// The host's words by language.
const WORDS: [(&str, &str); 1] = [("en", include_str!("../../core/words/en.toml"))];

/// The vehicle, and the simulator behind it where it is simulated.
#[derive(Clone)]
pub(crate) struct World {
    /// What skills act on.
    pub vehicle: Arc<dyn Vehicle>,
    /// The simulator, to be set and faulted over the bus.
    pub simulator: Option<Arc<Simulator>>,
}

impl World {
    /// Makes the vehicle that is configured.
    ///
    /// # Errors
    /// A catalogue or overlay that does not parse.
    pub(crate) fn open(config: &Config) -> anyhow::Result<Self> {
        let mut catalogue = Catalogue::builtin()?;
        if let Some(overlay) = &config.vehicle_overlay {
            catalogue = catalogue.with_overlay_file(overlay)?;
        }
        Ok(match config.vehicle {
            VehicleKind::Simulated => {
                let simulator =
                    Arc::new(Simulator::new(catalogue, Arc::new(MonotonicClock::start())));
                Self { vehicle: simulator.clone(), simulator: Some(simulator) }
            }
            VehicleKind::None => {
                Self { vehicle: Arc::new(NoVehicle::new(catalogue)), simulator: None }
            }
        })
    }

    /// The catalogue as the dialogue wants it.
    #[must_use]
    pub(crate) fn describe(&self) -> Describe {
        let vehicle = self.vehicle.clone();
        Arc::new(move |path| vehicle.describe(path))
    }

    /// The signals a policy looks at, read now. What cannot be read stays unknown.
    #[must_use]
    pub(crate) fn snapshot(&self, policy: &Policy) -> Snapshot {
        let known = policy.needed_signals().iter().filter_map(|path| {
            let value = self.vehicle.read(path).ok().flatten()?;
            Some((path.clone(), value))
        });
        Snapshot(known.collect())
    }
}

/// Reads the policy: the files of the policy folders, else the shipped ones.
///
/// # Errors
/// The first file that is wrong.
pub(crate) fn read_policy(paths: &Paths) -> anyhow::Result<Policy> {
    let mut files: Vec<(String, PolicyFile)> = Vec::new();
    for folder in &paths.policy {
        for path in toml_files(folder)? {
            let name = path.display().to_string();
            let bytes = read_bounded(&path, MAX_POLICY_BYTES as u64)?;
            let text = String::from_utf8(bytes).with_context(|| format!("{name} is not UTF-8"))?;
            files.push((name.clone(), strict::parse(&name, &text, MAX_POLICY_BYTES)?));
        }
    }
    if files.is_empty() {
        for (name, text) in SHIPPED_POLICY {
            files.push((name.to_owned(), strict::parse(name, text, MAX_POLICY_BYTES)?));
        }
    }
    Ok(Policy::build(files)?)
}

/// The host's words in a language.
///
/// # Errors
/// A language without words, or a hole in them.
pub(crate) fn read_words(language: &str) -> anyhow::Result<HostWords> {
    let known: Vec<&str> = WORDS.iter().map(|(l, _)| *l).collect();
    let (_, text) = WORDS.iter().find(|(l, _)| *l == language).with_context(|| {
        format!("language {language:?} has no words, expected {}", known.join(", "))
    })?;
    let words: HostWords = strict::parse(language, text, MAX_POLICY_BYTES)?;
    words.check()?;
    Ok(words)
}
