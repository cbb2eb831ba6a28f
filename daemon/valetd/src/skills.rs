//! The skills of the image and those that were installed: reading them, loading them into the host, and what the
//! other rooms need to know of them.
//!
//! Must not trust a folder for being there: a skill that cannot be read or loaded, or that nobody vouches for any more, is
//! reported with its reason, and the others go on.

use crate::{
    carried_code::with_code,
    installation::Folders,
    state::{
        State,
        rows::{Installed, Version},
    },
    trust::Trusted,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};
use valet_core::{
    capability::CapabilitySet,
    entity::Value,
    intent::SkillId,
    ports::StoreError,
    routing::{SkillEntry, SkillTable},
};
use valet_package::{Manifest, Sentences, SkillFolder, carried::Carried, unpacked::Unpacked};
use valet_skill_host::{HostError, SkillHost};

/// Most skills that are loaded.
pub(crate) const MAX_SKILLS: usize = 64;

/// Where a skill stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SkillStatus {
    /// It takes turns.
    Ready,
    /// A person disabled it.
    Disabled,
    /// It could not be read or loaded.
    Failed(String),
    /// It broke its contract too often.
    Quarantined(String),
}

impl SkillStatus {
    /// The word on the bus.
    #[must_use]
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Disabled => "disabled",
            Self::Failed(_) => "failed",
            Self::Quarantined(_) => "quarantined",
        }
    }
}

/// Where a skill comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// It is part of the image.
    Image,
    /// It was installed.
    Installed {
        /// Which versions there are; the current one runs, or the one before where `why` says that the current one cannot.
        versions: Installed,
        /// Why the current one does not run.
        instead: Option<String>,
    },
}

/// One skill.
#[derive(Debug, Clone)]
pub(crate) struct Skill {
    /// Its manifest.
    pub manifest: Manifest,
    /// Its sentences in the daemon's language, where it has some.
    pub sentences: Option<Sentences>,
    /// Of its component.
    pub wasm_sha256: [u8; 32],
    /// Where it lies.
    pub folder: PathBuf,
    /// Embeddings that it carries, by the fingerprint of their encoder.
    pub embeddings: BTreeMap<String, Carried>,
    /// Where it stands.
    pub status: SkillStatus,
    /// Where it comes from.
    pub origin: Origin,
    /// What it may touch, as far as it asks for it.
    pub granted: CapabilitySet,
    /// Why a newer version of it went back to this one.
    pub went_back: Option<String>,
}

impl Skill {
    /// The version that runs; `None` for one of the image.
    #[must_use]
    pub(crate) fn version(&self) -> Option<&Version> {
        match &self.origin {
            Origin::Image => None,
            Origin::Installed { versions, instead: None } => Some(&versions.current),
            Origin::Installed { versions, .. } => versions.previous.as_ref(),
        }
    }
}

/// All skills by id.
#[derive(Debug, Clone, Default)]
pub(crate) struct Skills {
    /// The skills that could be read.
    pub by_id: BTreeMap<SkillId, Skill>,
    /// Those of the image, also where an installed one stands before them.
    pub of_image: BTreeMap<SkillId, OfImage>,
    /// Folders and versions that could not be used, with the reason.
    pub unreadable: Vec<String>,
}

/// A skill of the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OfImage {
    /// Where it lies.
    pub folder: PathBuf,
    /// Its release number.
    pub counter: u64,
    /// Of its component.
    pub wasm_sha256: [u8; 32],
}

/// From where skills are read.
pub(crate) struct Sources<'a> {
    /// Folders with skills of the image.
    pub image: &'a [PathBuf],
    /// Those that were installed.
    pub installed: &'a Folders,
    /// Whom to trust; `Err` with the reason where that cannot be known.
    pub trusted: &'a Result<Trusted, StoreError>,
    /// What was noted of each skill.
    pub state: &'a State,
    /// The language whose sentences count.
    pub language: &'a str,
}

/// The folders below the image's skill folders, sorted, each once.
fn skill_folders(folders: &[PathBuf]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in folders {
        let Ok(entries) = folder.read_dir() else { continue };
        found.extend(entries.filter_map(Result::ok).map(|e| e.path()).filter(|p| p.is_dir()));
    }
    found.sort();
    found.truncate(MAX_SKILLS);
    found
}

impl Sources<'_> {
    /// A skill of the image: as its author's folder, or as a package that was unpacked there. The image vouches for both; for
    /// code that a package carries a key has to.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub(crate) fn read_of_image(&self, folder: &Path) -> Result<Found, String> {
        let text = |error: valet_package::PackageError| error.to_string();
        let (read, damage) = if Unpacked::lies_in(folder) {
            let read = Unpacked::read_as_it_is(folder).map_err(text)?;
            let trusted = self.trusted.as_ref().map_err(|error| error.to_string());
            let counts = trusted.and_then(|trusted| {
                let vouched = trusted.judge_installed(&read.manifest, &read.signatures);
                vouched.map(|vouched| vouched.code_counts()).map_err(|error| error.to_string())
            });
            with_code(read, folder, counts)
        } else {
            (SkillFolder::read(folder).map_err(text)?, None)
        };
        Ok(Found { read, folder: folder.to_owned(), damage })
    }

    /// A version that is installed: whole, unchanged, and still trusted.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub(crate) fn read_version(&self, id: &SkillId, version: &Version) -> Result<Found, String> {
        let trusted = self.trusted.as_ref().map_err(|error| error.to_string())?;
        let folder = self.installed.of(id, version);
        let read = Unpacked::read(&folder, &version.manifest_sha256).map_err(|e| e.to_string())?;
        let vouched = trusted.judge_installed(&read.manifest, &read.signatures);
        let vouched = vouched.map_err(|e| e.to_string())?;
        if read.skill.manifest.id != *id {
            return Err(format!("it is {}", read.skill.manifest.id));
        }
        let (read, damage) = with_code(read, &folder, Ok(vouched.code_counts()));
        Ok(Found { read, folder, damage })
    }

    /// An installed skill: its current version, else the one before.
    fn read_installed(
        &self,
        id: &SkillId,
        versions: &Installed,
    ) -> Result<(Found, Origin), String> {
        let with =
            |found, instead| (found, Origin::Installed { versions: versions.clone(), instead });
        let why = match self.read_version(id, &versions.current) {
            Ok(found) => return Ok(with(found, None)),
            Err(why) => format!("version with counter {}: {why}", versions.current.counter),
        };
        match versions.previous.as_ref().map(|previous| self.read_version(id, previous)) {
            Some(Ok(found)) => Ok(with(found, Some(why))),
            Some(Err(other)) => Err(format!("{why}; the one before: {other}")),
            None => Err(why),
        }
    }

    /// What a skill may touch: of the image all that it asks for unless something else was said.
    fn granted(&self, id: &SkillId, of_image: bool, declared: &CapabilitySet) -> CapabilitySet {
        match self.state.grants(id) {
            Ok(Some(granted)) => granted,
            Ok(None) if of_image => declared.clone(),
            Ok(None) => CapabilitySet::default(),
            Err(error) => {
                log::error!("the grants of {id} cannot be read, it gets none: {error}");
                CapabilitySet::default()
            }
        }
    }

    /// What is shown of a skill that was read.
    pub(crate) fn skill(&self, found: &Found, origin: Origin) -> Skill {
        let Found { read, folder, .. } = found;
        let id = &read.manifest.id;
        let of_image = origin == Origin::Image;
        Skill {
            manifest: read.manifest.clone(),
            sentences: read.sentences.get(self.language).cloned(),
            wasm_sha256: read.wasm_sha256,
            folder: folder.clone(),
            embeddings: read.embeddings.clone(),
            // A state that cannot be read disables nothing: the person would not know why.
            status: if self.state.is_disabled(id).unwrap_or(false) {
                SkillStatus::Disabled
            } else {
                SkillStatus::Ready
            },
            origin,
            granted: self.granted(id, of_image, &read.manifest.capabilities),
            went_back: None,
        }
    }
}

/// Which skills run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    /// Those of the image and those that were installed.
    All,
    /// Nothing that somebody installed.
    OfTheImage,
}

/// A skill that was read.
pub(crate) struct Found {
    /// As the host loads it.
    pub read: SkillFolder,
    /// Where it lies.
    pub folder: PathBuf,
    /// What is wrong with the code that it carries.
    pub damage: Option<String>,
}

/// Why a skill cannot be loaded: what the host says, and what is wrong with the code that it carries.
pub(crate) fn unfit(error: &HostError, damage: Option<&str>) -> String {
    match damage {
        Some(damage) => format!("{error}; the code that it carries is damaged: {damage}"),
        None => error.to_string(),
    }
}

impl Skills {
    /// Reads skills and loads those that are not disabled into the host, where there is one. One that is installed
    /// counts before the image's of the same id.
    pub(crate) fn load(sources: &Sources<'_>, host: Option<&SkillHost>, which: Which) -> Self {
        let mut skills = Self::default();
        let installed = match which {
            Which::All => sources.state.installed().unwrap_or_else(|error| {
                skills.unreadable.push(format!("what is installed cannot be read: {error}"));
                BTreeMap::new()
            }),
            Which::OfTheImage => BTreeMap::new(),
        };
        for (id, versions) in &installed {
            match sources.read_installed(id, versions) {
                Ok((found, origin)) => {
                    skills.take(found, origin, sources, host);
                    skills.fall_back(id, sources, host);
                }
                Err(why) => skills.unreadable.push(format!("{id}: {why}")),
            }
        }
        for folder in skill_folders(sources.image) {
            match sources.read_of_image(&folder) {
                Err(why) => skills.unreadable.push(why),
                Ok(found) => skills.take_of_image(found, sources, host),
            }
        }
        skills
    }

    fn take_of_image(&mut self, found: Found, sources: &Sources<'_>, host: Option<&SkillHost>) {
        let Found { read, folder, .. } = &found;
        let id = read.manifest.id.clone();
        if self.of_image.contains_key(&id) {
            self.unreadable.push(format!("{}: the skill {id} is there twice", folder.display()));
            return;
        }
        let (counter, wasm_sha256) = (read.manifest.counter, read.wasm_sha256);
        let of_image = OfImage { folder: folder.clone(), counter, wasm_sha256 };
        self.of_image.insert(id.clone(), of_image);
        // One that is installed counts before it.
        if !self.by_id.contains_key(&id) {
            self.take(found, Origin::Image, sources, host);
        }
    }

    fn take(
        &mut self,
        found: Found,
        origin: Origin,
        sources: &Sources<'_>,
        host: Option<&SkillHost>,
    ) {
        let mut skill = sources.skill(&found, origin);
        let damage = found.damage;
        if skill.status == SkillStatus::Ready
            && let Some(host) = host
        {
            match host.prepare(found.read, skill.granted.clone()) {
                Ok(prepared) => {
                    host.adopt(prepared);
                }
                Err(error) => {
                    // What ran before may be what nobody vouches for any more.
                    host.unload(&skill.manifest.id);
                    skill.status = SkillStatus::Failed(unfit(&error, damage.as_deref()));
                }
            }
        }
        self.by_id.insert(skill.manifest.id.clone(), skill);
    }

    /// Where the current version of a skill cannot be loaded, the one before runs, if it can.
    fn fall_back(&mut self, id: &SkillId, sources: &Sources<'_>, host: Option<&SkillHost>) {
        let Some(failed) = self.by_id.get(id).cloned() else { return };
        let (SkillStatus::Failed(why), Origin::Installed { versions, instead: None }) =
            (&failed.status, &failed.origin)
        else {
            return;
        };
        let Some(previous) = &versions.previous else { return };
        let Ok(found) = sources.read_version(id, previous) else { return };
        let instead = Some(format!("version with counter {}: {why}", versions.current.counter));
        let origin = Origin::Installed { versions: versions.clone(), instead };
        self.take(found, origin, sources, host);
        if self.by_id.get(id).is_some_and(|skill| skill.status != SkillStatus::Ready) {
            self.by_id.insert(id.clone(), failed);
        }
    }

    /// Skills that take turns and can be understood.
    pub(crate) fn ready(&self) -> impl Iterator<Item = (&SkillId, &Skill, &Sentences)> {
        self.by_id.iter().filter_map(|(id, skill)| match (&skill.status, &skill.sentences) {
            (SkillStatus::Ready, Some(sentences)) => Some((id, skill, sentences)),
            _ => None,
        })
    }

    /// Those that were installed: what people say to the image's is never taken for them.
    #[must_use]
    pub(crate) fn installed(&self) -> BTreeSet<SkillId> {
        let all = self.by_id.iter();
        all.filter(|(_, skill)| skill.origin != Origin::Image).map(|(id, _)| id.clone()).collect()
    }

    /// What the dialogue needs to know.
    #[must_use]
    pub(crate) fn table(&self, language: &str) -> SkillTable {
        let mut table = SkillTable::default();
        for (id, skill, sentences) in self.ready() {
            table.insert(
                id.clone(),
                SkillEntry {
                    name: skill.manifest.display_name(language).to_owned(),
                    intents: skill.manifest.intents.clone(),
                    replies: sentences.replies.clone(),
                    yes: skill.manifest.yes.clone(),
                },
            );
        }
        table
    }

    /// Whether one is loaded that nobody vouches for.
    #[must_use]
    pub(crate) fn tainted(&self) -> bool {
        let runs = |skill: &&Skill| skill.status == SkillStatus::Ready;
        self.by_id
            .values()
            .filter(runs)
            .any(|skill| skill.version().is_some_and(|version| version.signer.is_none()))
    }

    /// Why the daemon is degraded by its skills.
    #[must_use]
    pub(crate) fn reasons(&self) -> Vec<String> {
        let failed =
            self.by_id.iter().filter_map(|(id, skill)| match (&skill.status, &skill.origin) {
                (SkillStatus::Failed(why) | SkillStatus::Quarantined(why), _) => {
                    Some(format!("skill {id}: {why}"))
                }
                (_, Origin::Installed { instead: Some(why), .. }) => {
                    Some(format!("skill {id}: {why}; the version before runs"))
                }
                _ => None,
            });
        self.unreadable.iter().map(|why| format!("skill: {why}")).chain(failed).collect()
    }
}

/// A skill's settings: what was set, else the defaults. A stored value that no longer fits
/// the schema counts as not set.
#[must_use]
pub(crate) fn settings(manifest: &Manifest, state: &State) -> Vec<(String, Value)> {
    let stored = state.settings(&manifest.id).unwrap_or_else(|error| {
        log::warn!("settings of {} cannot be read, defaults are used: {error}", manifest.id);
        BTreeMap::new()
    });
    manifest
        .settings
        .iter()
        .map(|(name, schema)| {
            let set = stored.get(name).filter(|value| schema.check(name, value).is_ok());
            (name.clone(), set.cloned().unwrap_or_else(|| schema.default_value()))
        })
        .collect()
}
