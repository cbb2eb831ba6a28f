//! The skills of the image: reading their folders, loading them into the host, and what the
//! other rooms need to know of them.
//!
//! Must not trust a folder for being there: a skill that cannot be read or loaded is
//! reported with its reason, and the others go on.

use crate::state::State;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};
use valet_core::{
    entity::Value,
    intent::SkillId,
    routing::{SkillEntry, SkillTable},
};
use valet_package::{Manifest, Sentences, SkillFolder};
use valet_skill_host::SkillHost;

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

/// One skill of the image.
#[derive(Debug, Clone)]
pub(crate) struct Skill {
    /// Its manifest.
    pub manifest: Manifest,
    /// Its sentences in the daemon's language, where it has some.
    pub sentences: Option<Sentences>,
    /// Where it lies.
    pub folder: PathBuf,
    /// Where it stands.
    pub status: SkillStatus,
}

/// All skills by id.
#[derive(Debug, Clone, Default)]
pub(crate) struct Skills {
    /// The skills that could be read.
    pub by_id: BTreeMap<SkillId, Skill>,
    /// Folders that could not be read, with the reason.
    pub unreadable: Vec<String>,
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

impl Skills {
    /// Reads all skills and loads those that are not disabled into the host, where there is one.
    pub(crate) fn load(
        folders: &[PathBuf],
        language: &str,
        state: &State,
        host: Option<&SkillHost>,
    ) -> Self {
        let mut skills = Self::default();
        for folder in skill_folders(folders) {
            match SkillFolder::read(&folder) {
                Err(error) => skills.unreadable.push(error.to_string()),
                Ok(read) => skills.take(read, &folder, language, state, host),
            }
        }
        skills
    }

    fn take(
        &mut self,
        read: SkillFolder,
        folder: &Path,
        language: &str,
        state: &State,
        host: Option<&SkillHost>,
    ) {
        let id = read.manifest.id.clone();
        if self.by_id.contains_key(&id) {
            self.unreadable.push(format!("{}: the skill {id} is there twice", folder.display()));
            return;
        }
        let mut skill = Skill {
            manifest: read.manifest.clone(),
            sentences: read.sentences.get(language).cloned(),
            folder: folder.to_owned(),
            status: SkillStatus::Ready,
        };
        // A state that cannot be read disables nothing: the person would not know why.
        if state.is_disabled(&id).unwrap_or(false) {
            skill.status = SkillStatus::Disabled;
        } else if let Some(host) = host
            && let Err(error) = host.load(read)
        {
            skill.status = SkillStatus::Failed(error.to_string());
        }
        self.by_id.insert(id, skill);
    }

    /// Skills that take turns and can be understood.
    pub(crate) fn ready(&self) -> impl Iterator<Item = (&SkillId, &Skill, &Sentences)> {
        self.by_id.iter().filter_map(|(id, skill)| match (&skill.status, &skill.sentences) {
            (SkillStatus::Ready, Some(sentences)) => Some((id, skill, sentences)),
            _ => None,
        })
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
                },
            );
        }
        table
    }

    /// Why the daemon is degraded by its skills.
    #[must_use]
    pub(crate) fn reasons(&self) -> Vec<String> {
        let failed = self.by_id.iter().filter_map(|(id, skill)| match &skill.status {
            SkillStatus::Failed(why) | SkillStatus::Quarantined(why) => {
                Some(format!("skill {id}: {why}"))
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
