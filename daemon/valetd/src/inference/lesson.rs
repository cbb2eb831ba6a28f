//! What heads are trained for: the skills as they are understood, and the embeddings that their folders carry.
//!
//! Must not believe what is carried: it is lent to the training, which finds out whether it is true.

use crate::{logging::message_id, skills::Skills};
use std::{
    collections::BTreeMap,
    hash::{BuildHasher as _, RandomState},
    path::PathBuf,
    sync::Arc,
};
use valet_core::intent::SkillId;
use valet_package::carried::Carried;
use valet_understanding::{
    Understander,
    heads::{carried::Refusal, loan::Lender},
};

/// The folder of each skill, and the files in it by the fingerprint of their encoder.
type Files = BTreeMap<SkillId, (PathBuf, BTreeMap<String, Carried>)>;

/// What heads are trained for. Clones share everything.
#[derive(Debug, Clone)]
pub(crate) struct Lesson {
    understander: Understander,
    files: Arc<Files>,
}

impl Lesson {
    /// For an understander of these skills, as far as they take turns.
    #[must_use]
    pub(crate) fn of(understander: Understander, skills: &Skills) -> Self {
        let files = skills
            .ready()
            .filter(|(_, skill, _)| !skill.embeddings.is_empty())
            .map(|(id, skill, _)| (id.clone(), (skill.folder.clone(), skill.embeddings.clone())));
        Self { understander, files: Arc::new(files.collect()) }
    }

    /// The same, with nothing that packages say.
    #[must_use]
    pub(crate) fn alone(understander: Understander) -> Self {
        Self { understander, files: Arc::default() }
    }

    /// Who is to understand.
    #[must_use]
    pub(crate) fn understander(&self) -> &Understander {
        &self.understander
    }

    /// What its training may borrow.
    pub(super) fn packages(&self) -> Packages<'_> {
        Packages(&self.files)
    }
}

/// The folders of the skills, as somebody who lends.
pub(super) struct Packages<'a>(&'a Files);

impl Lender for Packages<'_> {
    fn carried(&mut self, skill: &SkillId, fingerprint: &str) -> Option<Vec<u8>> {
        let (folder, files) = self.0.get(skill)?;
        let file = files.get(fingerprint)?;
        file.read(folder).inspect_err(|why| say_unused(skill, &why.to_string())).ok()
    }

    fn chance(&mut self) -> u64 {
        // Its keys come from the system's randomness, and what it gives is not foreseen without them.
        RandomState::new().hash_one(0)
    }

    fn refused(&mut self, skill: &SkillId, why: &Refusal) {
        say_unused(skill, &why.to_string());
    }
}

/// Says that a skill's embeddings are not used.
fn say_unused(skill: &SkillId, why: &str) {
    log::warn!(
        MESSAGE_ID = message_id::SKILL, VALET_SKILL = skill.as_str();
        "the embeddings that {skill} carries are not used, its sentences are computed here: {why}"
    );
}
