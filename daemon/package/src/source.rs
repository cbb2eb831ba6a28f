//! A skill's folder as its author works in it: `skill.toml`, `sentences/`, `tests.toml`, `assets/`, and a component,
//! embeddings and code where they were made.
//!
//! Must not build or run anything.

use std::collections::BTreeMap;
use std::path::Path;

use valet_core::intent::SkillId;

use crate::archive;
use crate::carried::{Carried, Kind};
use crate::error::PackageError;
use crate::folder::{read_asset_names, read_manifest, read_sentences, read_text};
use crate::manifest::Manifest;
use crate::sentences::Sentences;
use crate::tests_file::{MAX_TESTS_BYTES, TestsFile};

/// A folder that breaks no rule.
#[derive(Debug, Clone)]
pub struct Source {
    /// What the skill is and may.
    pub manifest: Manifest,
    /// What people say, by language.
    pub sentences: BTreeMap<String, Sentences>,
    /// What it promises; empty where there is no `tests.toml`.
    pub tests: TestsFile,
    /// Whether `skill.wasm` is there.
    pub built: bool,
    /// Embeddings of its sentences, by the fingerprint of the encoder that they are of.
    pub embeddings: BTreeMap<String, Carried>,
    /// Code of its component, by the id of the engine that it is for.
    pub code: BTreeMap<String, Carried>,
}

impl Source {
    /// Reads and checks a folder.
    ///
    /// # Errors
    /// [`PackageError`]: the first rule that is broken.
    pub fn read(folder: &Path) -> Result<Self, PackageError> {
        let (manifest, _) = read_manifest(&folder.join("skill.toml"))?;
        let sentences = read_sentences(&folder.join("sentences"), &manifest)?;
        let tests = folder.join("tests.toml");
        let tests = if tests.exists() {
            let text = read_text(&tests, MAX_TESTS_BYTES as u64)?;
            TestsFile::parse(&tests.display().to_string(), &text, &manifest)?
        } else {
            TestsFile::default()
        };
        for name in read_asset_names(&folder.join("assets"))? {
            archive::check_name(&format!("assets/{name}")).map_err(|why| {
                PackageError::invalid(
                    &folder.join("assets").display().to_string(),
                    format!("{name:?}: {why}"),
                )
            })?;
        }
        let built = folder.join("skill.wasm").exists();
        let [embeddings, code] = [Kind::Embeddings.find(folder)?, Kind::Code.find(folder)?];
        Ok(Self { manifest, sentences, tests, built, embeddings, code })
    }

    /// What is allowed and nevertheless hardly meant: sentences, questions and tests that are missing.
    #[must_use]
    pub fn remarks(&self) -> Vec<String> {
        let mut remarks = Vec::new();
        if self.sentences.is_empty() {
            remarks.push("there are no sentences, so nobody can say anything to it".to_owned());
        }
        for (language, sentences) in &self.sentences {
            for name in self.manifest.intents.keys() {
                let said = sentences.intents.get(name);
                if said.is_none_or(|said| said.templates.is_empty() && said.samples.is_empty()) {
                    remarks.push(format!("sentences/{language}.toml: {name} has no sentence"));
                } else if said.is_some_and(|said| said.samples.is_empty()) {
                    remarks.push(format!(
                        "sentences/{language}.toml: {name} has templates only; samples of free speech teach more"
                    ));
                }
            }
            self.remark_questions(language, &mut remarks);
        }
        for name in self.manifest.intents.keys() {
            if !self.tests.tests.iter().any(|test| test.intent == *name) {
                remarks.push(format!("tests.toml: {name} has no test"));
            }
        }
        if !self.tests.tests.iter().any(|test| test.intent.is_empty()) {
            remarks.push("tests.toml: no test says what must not match (intent = \"\")".to_owned());
        }
        remarks
    }

    /// Slots that are asked for in some language, and not in this one.
    fn remark_questions(&self, language: &str, remarks: &mut Vec<String>) {
        for (name, intent) in &self.manifest.intents {
            for (slot, spec) in &intent.slots {
                if spec.required && !spec.ask.contains_key(language) {
                    remarks.push(format!("skill.toml: {name} asks for {slot} in no {language:?}"));
                }
            }
        }
    }
}

/// Whether a text may be the id of a skill.
///
/// # Errors
/// What was expected and what came.
pub fn check_id(text: &str) -> Result<(), String> {
    SkillId::parse(text).map(|_| ()).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn skill(name: &str) -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../skills").join(name)
    }

    #[test]
    fn the_skills_of_this_house_break_no_rule_and_leave_nothing_to_remark() {
        for name in ["body", "climate", "media", "navigation", "timers", "vehicle"] {
            let source = Source::read(&skill(name)).expect(name);
            assert_eq!(source.remarks(), Vec::<String>::new(), "{name}");
        }
    }

    #[test]
    fn what_is_missing_is_remarked() {
        let folder = tempfile::tempdir().expect("a folder");
        let manifest = std::fs::read_to_string(skill("climate").join("skill.toml")).expect("there");
        std::fs::write(folder.path().join("skill.toml"), manifest).expect("written");
        let source = Source::read(folder.path()).expect("a folder");
        let remarks = source.remarks();
        assert!(remarks[0].contains("no sentences"), "{remarks:?}");
        assert!(remarks.iter().any(|remark| remark.contains("set-temperature has no test")));
        std::fs::create_dir(folder.path().join("assets")).expect("a folder");
        std::fs::write(folder.path().join("assets/a b"), "").expect("written");
        assert!(Source::read(folder.path()).is_err_and(|why| why.to_string().contains("a b")));
        std::fs::remove_file(folder.path().join("assets/a b")).expect("removed");
        std::fs::create_dir(folder.path().join("embeddings")).expect("a folder");
        std::fs::write(folder.path().join("embeddings/mine.bin"), "").expect("written");
        let refused = Source::read(folder.path()).expect_err("no fingerprint").to_string();
        assert!(refused.contains("mine.bin") && refused.contains("64 digits"), "{refused}");
    }
}
