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

/// The shipped policy. A file of the image's folder stands in the place of the one of its name.
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

/// Reads the policy: the shipped files, each of which a file of the same name in the image's folder
/// stands in for; then every other file of the folders, which adds to them and overrides the rules
/// and classes that it names. So no file takes away more than what it names itself.
///
/// # Errors
/// The first file that is wrong.
pub(crate) fn read_policy(paths: &Paths) -> anyhow::Result<Policy> {
    let mut files: Vec<(String, PolicyFile)> = Vec::new();
    for (name, text) in SHIPPED_POLICY {
        files.push((name.to_owned(), strict::parse(name, text, MAX_POLICY_BYTES)?));
    }
    for (number, folder) in paths.policy.iter().enumerate() {
        for path in toml_files(folder)? {
            let name = path.display().to_string();
            let bytes = read_bounded(&path, MAX_POLICY_BYTES as u64)?;
            let text = String::from_utf8(bytes).with_context(|| format!("{name} is not UTF-8"))?;
            let file = strict::parse(&name, &text, MAX_POLICY_BYTES)?;
            let shipped = (number == 0)
                .then(|| files.iter().position(|(known, _)| path.ends_with(known.as_str())))
                .flatten();
            match shipped {
                Some(at) => {
                    log::info!("policy: {name} stands in for the shipped {}", files[at].0);
                    files[at] = (name, file);
                }
                None => {
                    log::info!("policy: {name} adds to the shipped one");
                    files.push((name, file));
                }
            }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;
    use clap::Parser as _;
    use valet_core::signal::{Class, SignalPath, SignalValue};

    #[test]
    fn a_policy_file_takes_away_no_more_than_what_it_names() {
        let (image, own) =
            (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let class = |path: &str| format!("[[class]]\nsignal = \"{path}\"\nclass = \"comfort\"\n");
        let mut paths = Paths::of(&Cli::parse_from(["valetd", "--session"]));
        paths.policy = vec![image.path().to_owned(), own.path().to_owned()];
        let class_of = |path: &str| {
            let policy = read_policy(&paths).expect("a policy");
            policy.class_of(&SignalPath::parse(path).expect("a path"))
        };
        let lock = "Vehicle.Cabin.Door.Row1.DriverSide.IsLocked";
        for (folder, name, path) in [
            (&image, "50-image.toml", "Vehicle.Image"),
            // Even one that is called as a shipped one, for it lies in another folder than those.
            (&own, "10-classes.toml", "Vehicle.Own"),
        ] {
            std::fs::write(folder.path().join(name), class(path)).expect("written");
            assert_eq!(class_of(path), Some(Class::Comfort), "{name} adds");
            assert_eq!(class_of(lock), Some(Class::Security), "{name} leaves the rest alone");
        }
        std::fs::write(own.path().join("60-own.toml"), class(lock)).expect("written");
        assert_eq!(class_of(lock), Some(Class::Comfort), "an exact path overrides");
        std::fs::remove_file(own.path().join("60-own.toml")).expect("removed");
        let verdict = || {
            let path = |text: &str| SignalPath::parse(text).expect("a path");
            let fast = (path("Vehicle.Speed"), SignalValue::Float(130.0));
            let policy = read_policy(&paths).expect("a policy");
            let open = SignalValue::Text("OPEN".to_owned());
            let roof = path("Vehicle.Cabin.Sunroof.Switch");
            policy.check_actuation(&roof, &open, &Snapshot([fast].into())).name()
        };
        assert_eq!(verdict(), "refuse");
        std::fs::write(image.path().join("20-rules.toml"), class("Vehicle.Rules"))
            .expect("written");
        assert_ne!(verdict(), "refuse", "the image's file of that name stands in for the shipped");
    }
}
