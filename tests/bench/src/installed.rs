//! The skills' folders of the source tree as one understander with trained heads.
//!
//! Must not read a component: what a skill would do is not asked here.

use crate::models::ModelArguments;
use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};
use valet_core::{
    encoder::Encoder,
    intent::IntentId,
    routing::is_clear,
    signal::Class,
    understanding::{Command, Request, Understanding},
    zone::Zone,
};
use valet_package::{
    Manifest, Sentences,
    folder::read_bounded,
    manifest::MAX_MANIFEST_BYTES,
    sentences::MAX_SENTENCES_BYTES,
    tests_file::{MAX_TESTS_BYTES, TestsFile},
};
use valet_understanding::{
    SkillSource, Understander, Vocabulary,
    entities::Context as EntityContext,
    heads::{Earlier, Heads},
    normalise::Tokens,
};

/// Whether templates may answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Templates {
    /// They answer first, as in the daemon.
    On,
    /// Everything goes through the encoder (the heads still learn from expansions).
    Off,
}

/// Which skills, and how they are understood.
#[derive(Debug, Clone, Args)]
pub(crate) struct SkillArguments {
    /// The folder that holds the skills' folders.
    #[arg(long, default_value = "skills")]
    pub(crate) skills: PathBuf,
    /// Whether templates answer first.
    #[arg(long, value_enum, default_value_t = Templates::Off)]
    pub(crate) templates: Templates,
    /// Keep embeddings and heads in this folder.
    #[arg(long)]
    pub(crate) cache: Option<PathBuf>,
    /// List what went wrong.
    #[arg(long)]
    pub(crate) failures: bool,
    #[command(flatten)]
    pub(crate) models: ModelArguments,
}

/// One skill's files.
pub(crate) struct Source {
    pub(crate) manifest: Manifest,
    pub(crate) sentences: Sentences,
    pub(crate) tests: TestsFile,
}

/// All skills, understood together.
pub(crate) struct Installed {
    pub(crate) sources: Vec<Source>,
    /// Answers as the arguments say.
    pub(crate) understander: Understander,
    /// With templates, whatever the arguments say.
    pub(crate) with_templates: Understander,
    heads: Arc<Heads>,
    encoder: Box<dyn Encoder>,
    /// Seconds of embedding and of learning.
    pub(crate) training_s: (f64, f64),
}

impl Installed {
    pub(crate) fn new(arguments: &SkillArguments) -> anyhow::Result<Self> {
        let sources = read_sources(&arguments.skills)?;
        let with_templates = understander(&sources, Templates::On)?;
        let mut encoder = arguments.models.encoder()?;
        let begun = Instant::now();
        let mut embedded = begun;
        let heads = Heads::train(
            with_templates.training_set(),
            with_templates.entities(),
            encoder.as_mut(),
            Earlier { cache: arguments.cache.as_deref(), heads: None },
            &mut |_, _| embedded = Instant::now(),
        )?;
        let training_s = ((embedded - begun).as_secs_f64(), embedded.elapsed().as_secs_f64());
        let heads = Arc::new(heads);
        let understander =
            understander(&sources, arguments.templates)?.with_heads(Arc::clone(&heads));
        Ok(Self { sources, understander, with_templates, heads, encoder, training_s })
    }

    /// Seconds of learning where the last skill comes to the others, whose heads are there: what an installation waits for
    /// when its sentences were embedded before.
    pub(crate) fn one_more(&mut self) -> anyhow::Result<f64> {
        let cache = tempfile::tempdir()?;
        let mut train =
            |sources: &[Source], heads: Option<&Heads>| -> anyhow::Result<(Heads, f64)> {
                let understander = understander(sources, Templates::On)?;
                let mut embedded = Instant::now();
                let earlier = Earlier { cache: Some(cache.path()), heads };
                let (set, entities) = (understander.training_set(), understander.entities());
                let progress = &mut |_, _| embedded = Instant::now();
                let heads = Heads::train(set, entities, self.encoder.as_mut(), earlier, progress)?;
                Ok((heads, embedded.elapsed().as_secs_f64()))
            };
        let all_but_one = self.sources.len().saturating_sub(1);
        let (heads, _) = train(&self.sources[..all_but_one], None)?;
        Ok(train(&self.sources, Some(&heads))?.1)
    }

    /// Understands one utterance said in a zone.
    pub(crate) fn understand(&mut self, text: &str, zone: Zone) -> Understanding {
        self.understander.understand(&request(text, zone), Some(self.encoder.as_mut()))
    }

    /// What the heads alone make of a text, accepted or not: for the list of failures.
    pub(crate) fn nearly(&mut self, text: &str) -> String {
        let tokens = Tokens::read(text);
        let (context, entities) = (EntityContext::default(), self.understander.entities());
        match self.heads.rank(&tokens, &context, entities, self.encoder.as_mut()) {
            Ok(ranked) => {
                let shown: Vec<String> = ranked
                    .candidates
                    .iter()
                    .take(3)
                    .map(|c| format!("{} {:.2}", c.intent, c.confidence))
                    .collect();
                format!("in scope {:.2}: {}", ranked.in_scope, shown.join(", "))
            }
            Err(why) => why.to_string(),
        }
    }

    /// Whether the daemon would ask first what was meant.
    pub(crate) fn would_ask(&self, command: &Command) -> bool {
        let acts = self.class(&command.best.intent) != Some(Class::Info);
        !is_clear(command, acts)
    }

    /// The class of an intent.
    pub(crate) fn class(&self, intent: &IntentId) -> Option<Class> {
        let source = self.sources.iter().find(|s| s.manifest.id == *intent.skill())?;
        source.manifest.intents.get(intent.name()).map(|spec| spec.class)
    }
}

/// A request without a past.
pub(crate) fn request(text: &str, zone: Zone) -> Request {
    Request {
        text: text.to_owned(),
        language: "en".to_owned(),
        zone,
        expected: None,
        local_now: Some((2025, 6, 2, 10, 0)),
        previous: None,
    }
}

fn understander(sources: &[Source], templates: Templates) -> anyhow::Result<Understander> {
    let mut sentences: Vec<Sentences> = sources.iter().map(|s| s.sentences.clone()).collect();
    if templates == Templates::Off {
        let intents = sentences.iter_mut().flat_map(|s| s.intents.values_mut());
        intents.for_each(|intent| intent.templates.clear());
    }
    let skills: Vec<SkillSource<'_>> = sources
        .iter()
        .zip(&sentences)
        .map(|(source, sentences)| SkillSource { manifest: &source.manifest, sentences })
        .collect();
    Ok(Understander::build("en", &skills, &Vocabulary::new())?)
}

fn read_sources(folder: &Path) -> anyhow::Result<Vec<Source>> {
    let mut folders: Vec<PathBuf> = std::fs::read_dir(folder)
        .and_then(|entries| entries.map(|entry| entry.map(|e| e.path())).collect())
        .with_context(|| folder.display().to_string())?;
    folders.retain(|folder| folder.join("skill.toml").is_file());
    folders.sort();
    if folders.is_empty() {
        bail!("{} has no folder with a skill.toml", folder.display());
    }
    folders.iter().map(|folder| read_source(folder)).collect()
}

fn read_source(folder: &Path) -> anyhow::Result<Source> {
    let read = |name: &str, most: usize| -> anyhow::Result<(String, String)> {
        let path = folder.join(name);
        let text = String::from_utf8(read_bounded(&path, most as u64)?)?;
        Ok((path.display().to_string(), text))
    };
    let (file, text) = read("skill.toml", MAX_MANIFEST_BYTES)?;
    let manifest = Manifest::parse(&file, &text)?;
    let (file, text) = read("sentences/en.toml", MAX_SENTENCES_BYTES)?;
    let sentences = Sentences::parse(&file, &text, &manifest)?;
    let (file, text) = read("tests.toml", MAX_TESTS_BYTES)?;
    let tests = TestsFile::parse(&file, &text, &manifest)?;
    Ok(Source { manifest, sentences, tests })
}
