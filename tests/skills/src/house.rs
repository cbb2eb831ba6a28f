//! The shipped skills, put together as the daemon does: understood together, loaded into the
//! real host, under the shipped policy and words.
//!
//! Must not build anything: what is missing is named, with who builds it.

use crate::{Car, Desk, error::BenchError};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, RwLock},
};
use valet_core::{
    dialogue::Rules,
    entity::Value,
    intent::{IntentId, SkillId},
    policy::{Policy, PolicyFile},
    ports::Vehicle,
    reply::{Describe, HostWords},
    routing::{SkillEntry, SkillTable},
    signal::Class,
    understanding::{Request, Understanding},
    zone::Zone,
};
use valet_devices::Catalogue;
use valet_inference::{EncoderOptions, ModelManifest, SentenceEncoder};
use valet_package::{
    Manifest, Sentences, SkillFolder,
    folder::read_bounded,
    strict,
    tests_file::{MAX_TESTS_BYTES, TestsFile},
};
use valet_skill_host::{CodeSource, HostConfig, Outside, Services, SkillHost};
use valet_understanding::{
    SkillSource, Understander, Vocabulary,
    heads::{Earlier, Heads},
    training::Origin,
};

const MODEL: &str = "all-minilm-l6-v2";
const MAX_FILE_BYTES: usize = 256 * 1024;
const POLICY: [&str; 2] = ["10-classes.toml", "20-rules.toml"];
/// Classes that the daemon confirms in the dialogue unless it is configured otherwise.
const CONFIRM_BY_VOICE: [Class; 2] = [Class::Body, Class::Security];

/// Whether templates may answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Templates {
    /// They answer first, as in the daemon.
    On,
    /// Everything goes through the encoder; the heads are the same.
    Off,
}

/// One shipped skill and its tests.
pub struct Shipped {
    /// Its manifest.
    pub manifest: Manifest,
    /// What it promises.
    pub tests: TestsFile,
    sentences: Sentences,
}

/// Everything but the conversation.
pub struct House {
    /// All skills, by id.
    pub skills: Vec<Shipped>,
    /// What they act on.
    pub car: Arc<Car>,
    /// What they keep.
    pub desk: Arc<Desk>,
    /// What the dialogue goes by.
    pub rules: Rules,
    pub(crate) host: SkillHost,
    with_templates: Understander,
    without_templates: Understander,
    encoder: SentenceEncoder,
}

impl House {
    /// Puts the house together from the source tree `root` and what was built in `target`.
    ///
    /// # Errors
    /// [`BenchError`].
    pub fn open(root: &Path, target: &Path) -> Result<Self, BenchError> {
        let cache = target.join("skills-tests");
        fs::create_dir_all(&cache).map_err(|e| BenchError::file(cache.display(), e))?;
        let catalogue = Catalogue::builtin().map_err(|e| BenchError::file("catalogue", e))?;
        let (car, desk) = (Arc::new(Car::new(catalogue)), Arc::new(Desk::default()));
        let policy = Arc::new(read_policy(&root.join("daemon/core/policy"))?);
        let host = start_host(target, &cache, (&car, &desk), &policy)?;
        let mut skills = Vec::new();
        for folder in skill_folders(&target.join("skills"))? {
            let read = SkillFolder::read(&folder).map_err(|e| BenchError::file("", e))?;
            skills.push(shipped(root, &folder, &read)?);
            host.load(read)?;
        }
        let with_templates = understander(&skills, Templates::On)?;
        let mut encoder = load_encoder(&root.join("models"))?;
        let heads = Heads::train(
            with_templates.training_set(),
            with_templates.entities(),
            &mut encoder,
            Earlier { cache: Some(&cache), heads: None },
            &mut |_, _| {},
        )
        .map_err(|e| BenchError::file("heads", e))?;
        let heads = Arc::new(heads);
        let rules = rules(root, &skills, policy, car.clone())?;
        Ok(Self {
            without_templates: understander(&skills, Templates::Off)?.with_heads(heads.clone()),
            with_templates: with_templates.with_heads(heads),
            skills,
            car,
            desk,
            rules,
            host,
            encoder,
        })
    }

    /// Understands a request as the daemon would.
    pub fn understand(&mut self, request: &Request, templates: Templates) -> Understanding {
        let understander = match templates {
            Templates::On => &self.with_templates,
            Templates::Off => &self.without_templates,
        };
        understander.understand(request, Some(&mut self.encoder))
    }

    /// What templates alone make of a request.
    #[must_use]
    pub fn match_templates(&self, request: &Request) -> Option<Understanding> {
        self.with_templates.match_templates(request)
    }

    /// Expansions of templates that another intent takes as well or instead: the text, whose it
    /// is, and who takes it.
    #[must_use]
    pub fn collisions(&self) -> Vec<(String, IntentId, IntentId)> {
        let set = self.with_templates.training_set();
        let mut found = Vec::new();
        for example in set.examples.iter().filter(|e| e.origin == Origin::Template) {
            let Some(owner) = set.intents.get(example.intent) else { continue };
            let understood = self.match_templates(&request(&example.text, Zone::DRIVER));
            let commands = understood.map_or_else(Vec::new, |understood| understood.commands);
            let takers =
                commands.iter().flat_map(|c| std::iter::once(&c.best).chain(&c.alternatives));
            let other = takers.map(|candidate| &candidate.intent).find(|id| **id != owner.id);
            if let Some(other) = other {
                found.push((example.text.clone(), owner.id.clone(), other.clone()));
            }
        }
        found
    }

    /// What one can say, for "what can I say?".
    #[must_use]
    pub fn suggestions(&self) -> Vec<String> {
        self.with_templates.suggestions(4)
    }

    /// The class of an intent.
    #[must_use]
    pub fn class(&self, intent: &IntentId) -> Option<Class> {
        self.rules.skills.intent(intent).map(|spec| spec.class)
    }

    /// A skill's settings, all at their defaults.
    #[must_use]
    pub fn settings(&self, skill: &SkillId) -> Vec<(String, Value)> {
        let skill = self.skills.iter().find(|s| s.manifest.id == *skill);
        skill.map_or_else(Vec::new, |skill| {
            let settings = skill.manifest.settings.iter();
            settings.map(|(name, schema)| (name.clone(), schema.default_value())).collect()
        })
    }
}

/// A request without a past.
pub(crate) fn request(text: &str, zone: Zone) -> Request {
    Request {
        text: text.to_owned(),
        language: "en".to_owned(),
        zone,
        expected: None,
        local_now: None,
        previous: None,
    }
}

fn start_host(
    target: &Path,
    cache: &Path,
    (car, desk): (&Arc<Car>, &Arc<Desk>),
    policy: &Arc<Policy>,
) -> Result<SkillHost, BenchError> {
    let compiler = target.join("debug/valet-skillc");
    if !compiler.is_file() {
        return Err(BenchError::NotBuilt { what: "the skill compiler", path: compiler });
    }
    let services = Services {
        vehicle: car.clone(),
        store: desk.clone(),
        alarms: desk.clone(),
        clock: desk.clone(),
        announcer: desk.clone(),
        outside: Outside::default(),
        policy: Arc::new(RwLock::new(policy.clone())),
    };
    let code = CodeSource { cache: cache.to_owned(), compiler: Some(compiler) };
    Ok(SkillHost::new(HostConfig::new(code), services)?)
}

fn skill_folders(folder: &Path) -> Result<Vec<PathBuf>, BenchError> {
    let missing = || BenchError::NotBuilt { what: "the skills", path: folder.to_owned() };
    let entries = folder.read_dir().map_err(|_| missing())?;
    let mut found: Vec<PathBuf> = entries.filter_map(Result::ok).map(|e| e.path()).collect();
    found.retain(|path| path.is_dir());
    found.sort();
    if found.is_empty() { Err(missing()) } else { Ok(found) }
}

/// The tests of a skill, from its source, whose manifest and sentences are those that were built.
fn shipped(root: &Path, built: &Path, read: &SkillFolder) -> Result<Shipped, BenchError> {
    let manifest = read.manifest.clone();
    let name = manifest.id.as_str().rsplit('.').next().unwrap_or_default();
    let source = root.join("skills").join(name);
    for file in ["skill.toml", "sentences/en.toml"] {
        let same = fs::read(source.join(file)).ok() == fs::read(built.join(file)).ok();
        if !same {
            return Err(BenchError::NotBuilt { what: "a skill", path: built.join(file) });
        }
    }
    let file = source.join("tests.toml");
    let label = file.display().to_string();
    let text = read_text(&file, MAX_TESTS_BYTES)?;
    let tests =
        TestsFile::parse(&label, &text, &manifest).map_err(|e| BenchError::file(label, e))?;
    let sentences = read.sentences.get("en").cloned();
    let sentences = sentences.ok_or_else(|| BenchError::file(built.display(), "no English"))?;
    Ok(Shipped { manifest, tests, sentences })
}

fn understander(skills: &[Shipped], templates: Templates) -> Result<Understander, BenchError> {
    let mut sentences: Vec<Sentences> = skills.iter().map(|s| s.sentences.clone()).collect();
    if templates == Templates::Off {
        let intents = sentences.iter_mut().flat_map(|s| s.intents.values_mut());
        intents.for_each(|intent| intent.templates.clear());
    }
    let sources: Vec<SkillSource<'_>> = skills
        .iter()
        .zip(&sentences)
        .map(|(skill, sentences)| SkillSource { manifest: &skill.manifest, sentences })
        .collect();
    Understander::build("en", &sources, &Vocabulary::new())
        .map_err(|e| BenchError::file("sentences", e))
}

fn load_encoder(models: &Path) -> Result<SentenceEncoder, BenchError> {
    let folder = models.join("cache").join(MODEL);
    if !folder.is_dir() {
        return Err(BenchError::NotBuilt { what: "the encoder model", path: folder });
    }
    let file = models.join(format!("{MODEL}.toml"));
    let manifest = ModelManifest::read(&file).map_err(|e| BenchError::file(file.display(), e))?;
    SentenceEncoder::open(&manifest, &folder, &EncoderOptions::default())
        .map_err(|e| BenchError::file(folder.display(), e))
}

fn read_text(path: &Path, limit: usize) -> Result<String, BenchError> {
    let bytes =
        read_bounded(path, limit as u64).map_err(|e| BenchError::file(path.display(), e))?;
    String::from_utf8(bytes).map_err(|e| BenchError::file(path.display(), e))
}

fn read_policy(folder: &Path) -> Result<Policy, BenchError> {
    let mut files: Vec<(String, PolicyFile)> = Vec::new();
    for name in POLICY {
        let text = read_text(&folder.join(name), MAX_FILE_BYTES)?;
        let file = strict::parse(name, &text, MAX_FILE_BYTES);
        files.push((name.to_owned(), file.map_err(|e| BenchError::file(name, e))?));
    }
    Policy::build(files).map_err(|e| BenchError::file("policy", e))
}

fn rules(
    root: &Path,
    skills: &[Shipped],
    policy: Arc<Policy>,
    car: Arc<Car>,
) -> Result<Rules, BenchError> {
    let words = read_text(&root.join("daemon/core/words/en.toml"), MAX_FILE_BYTES)?;
    let words: HostWords =
        strict::parse("words", &words, MAX_FILE_BYTES).map_err(|e| BenchError::file("words", e))?;
    let mut table = SkillTable::default();
    for skill in skills {
        table.insert(
            skill.manifest.id.clone(),
            SkillEntry {
                name: skill.manifest.display_name("en").to_owned(),
                intents: skill.manifest.intents.clone(),
                replies: skill.sentences.replies.clone(),
                yes: skill.manifest.yes.clone(),
            },
        );
    }
    let describe: Describe = Arc::new(move |path| car.describe(path));
    Ok(Rules {
        skills: Arc::new(table),
        policy,
        words: Arc::new(words),
        describe,
        language: "en".to_owned(),
        confirm_by_voice: CONFIRM_BY_VOICE.to_vec(),
    })
}
