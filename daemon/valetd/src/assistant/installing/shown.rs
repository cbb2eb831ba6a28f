//! What is shown of a package, and of how a change of what is installed ended.
//!
//! Must not change anything.

use super::super::Assistant;
use crate::{installation::Contents, skills::Skill, trust::Vouched};
use valet_bus::{Dict, access::Right, convert, convert::owned};
use valet_core::{capability::CapabilitySet, intent::SkillId};
use valet_package::{Manifest, settings::SettingSchema};
use valet_understanding::{SkillSource, Understander};

/// Most sentences that are shown to collide with those of others.
const MAX_COLLISIONS: usize = 20;

pub(in crate::assistant) fn texts(all: &CapabilitySet) -> Vec<String> {
    all.iter().map(ToString::to_string).collect()
}

impl Assistant {
    /// All that a person wants to know of a package before it is installed.
    pub(super) fn show_contents(&mut self, contents: &Contents) -> Dict {
        let Contents { manifest: packed, sentences, signers, vouched } = contents;
        let manifest = &packed.manifest;
        let (trusted, why) = match vouched {
            Ok(Vouched::By { .. }) => (true, String::new()),
            Ok(Vouched::Nobody(why)) => (false, why.clone()),
            Err(refusal) => (false, refusal.to_string()),
        };
        let class = valet_trust::class_of(packed);
        let mut facts = Dict::from([
            ("id".to_owned(), owned(manifest.id.as_str())),
            ("version".to_owned(), owned(manifest.version.as_str())),
            ("counter".to_owned(), owned(manifest.counter)),
            ("name".to_owned(), owned(manifest.display_name(&self.config.language))),
            ("license".to_owned(), owned(manifest.license.as_str())),
            ("class".to_owned(), owned(class.name())),
            ("manifest-sha256".to_owned(), owned(packed.sha256().to_vec())),
            ("bytes".to_owned(), owned(packed.files.iter().map(|file| file.bytes).sum::<u64>())),
            ("signers".to_owned(), owned(signers.clone())),
            ("trusted".to_owned(), owned(trusted)),
            ("installable".to_owned(), owned(vouched.is_ok())),
            ("why".to_owned(), owned(why)),
            ("requests".to_owned(), owned(texts(&manifest.capabilities))),
            ("settings".to_owned(), owned(settings(manifest))),
        ]);
        self.show_change_of(manifest, packed.sha256(), &mut facts);
        let collisions = sentences
            .get(&self.config.language)
            .map(|sentences| self.collisions(&SkillSource { manifest, sentences }))
            .unwrap_or_default();
        facts.insert("collisions".to_owned(), owned(collisions));
        facts
    }

    /// What it would change of what is here.
    fn show_change_of(&self, manifest: &Manifest, sha256: [u8; 32], facts: &mut Dict) {
        let here = self.skills.by_id.get(&manifest.id);
        let before = here.map(|skill| skill.granted.clone()).unwrap_or_default();
        let asked = &manifest.capabilities;
        let asked_before =
            here.map(|skill| skill.manifest.capabilities.clone()).unwrap_or_default();
        let same =
            here.and_then(Skill::version).is_some_and(|version| version.manifest_sha256 == sha256);
        let direction = match (here, self.is_older(manifest)) {
            _ if same => "same",
            (_, Ok(true) | Err(_)) => "downgrade",
            (Some(_), Ok(false)) => "update",
            (None, Ok(false)) => "new",
        };
        let needs = asked.only(|one| self.right_to_grant(one) == Right::GrantSecurity);
        facts.insert("direction".to_owned(), owned(direction));
        facts.insert(
            "new-requests".to_owned(),
            owned(texts(&asked.only(|one| !asked_before.includes(one)))),
        );
        facts.insert(
            "gone-requests".to_owned(),
            owned(texts(&asked_before.only(|one| !asked.includes(one)))),
        );
        facts.insert("granted".to_owned(), owned(texts(&asked.only(|one| before.includes(one)))));
        facts.insert("security".to_owned(), owned(texts(&needs)));
        if let Some(skill) = here {
            facts.insert("installed-version".to_owned(), owned(skill.manifest.version.as_str()));
            facts.insert("installed-counter".to_owned(), owned(skill.manifest.counter));
        }
    }

    /// Sentences of a newcomer that something else here takes for its own, and the reverse.
    fn collisions(&mut self, newcomer: &SkillSource<'_>) -> Vec<Dict> {
        let language = self.config.language.clone();
        let vocabulary = self.vocabularies.together();
        let alone = match Understander::build(&language, &[*newcomer], &vocabulary) {
            Ok(alone) => alone,
            Err(error) => {
                return vec![Dict::from([("text".to_owned(), owned(error.to_string()))])];
            }
        };
        let found = self.understander.collisions(&alone, MAX_COLLISIONS);
        let shown = found.into_iter().map(|collision| {
            let with = collision.with.map_or_else(|| "dialogue".to_owned(), |id| id.to_string());
            Dict::from([
                ("text".to_owned(), owned(collision.text)),
                ("intent".to_owned(), owned(collision.intent.to_string())),
                ("with".to_owned(), owned(with)),
            ])
        });
        shown.collect()
    }

    /// How a change ended: what is here now.
    pub(super) fn outcome_of(&self, id: &SkillId) -> Dict {
        let Some(skill) = self.skills.by_id.get(id) else {
            return Dict::from([("id".to_owned(), owned(id.as_str()))]);
        };
        let asked = &skill.manifest.capabilities;
        let missing = asked.only(|one| !skill.granted.includes(one));
        Dict::from([
            ("id".to_owned(), owned(id.as_str())),
            ("version".to_owned(), owned(skill.manifest.version.as_str())),
            ("counter".to_owned(), owned(skill.manifest.counter)),
            ("state".to_owned(), owned(skill.status.name())),
            ("granted".to_owned(), owned(texts(&effective(skill)))),
            ("missing".to_owned(), owned(texts(&missing))),
        ])
    }
}

/// What a skill may touch: of what it was granted, what it asks for, and of what it asks for, what it was granted.
pub(in crate::assistant) fn effective(skill: &Skill) -> CapabilitySet {
    let asked = &skill.manifest.capabilities;
    let granted = skill.granted.only(|one| asked.includes(one));
    granted.with(asked.iter().filter(|one| skill.granted.includes(one)).cloned())
}

/// The settings of a manifest, each with what it takes and its default.
fn settings(manifest: &Manifest) -> Dict {
    let shown = manifest.settings.iter().map(|(name, schema)| {
        let description = match schema {
            SettingSchema::Choice { description, .. }
            | SettingSchema::Boolean { description, .. }
            | SettingSchema::Number { description, .. }
            | SettingSchema::Text { description, .. } => description.as_str(),
        };
        let facts = Dict::from([
            ("takes".to_owned(), owned(schema.expected())),
            ("default".to_owned(), convert::value(&schema.default_value())),
            ("description".to_owned(), owned(description)),
        ]);
        (name.clone(), owned(facts))
    });
    shown.collect()
}
