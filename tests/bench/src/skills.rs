//! `skills`: every utterance of the skills' own tests, understood by all skills together.
//!
//! Must not act: what a skill would do with it is the skill tests' question.

use crate::{
    figures::{Report, percent},
    models::ModelArguments,
};
use anyhow::Context as _;
use clap::Args;
use std::{collections::BTreeMap, path::{Path, PathBuf}};
use valet_core::{signal::Class, understanding::Candidate, zone::Zone};
use valet_package::{Manifest, Sentences, folder::read_bounded, tests_file::{MAX_TESTS_BYTES, SkillTest, TestsFile}, sentences::MAX_SENTENCES_BYTES, manifest::MAX_MANIFEST_BYTES};
use valet_understanding::{entities::Context, heads::{Heads, lab}, normalise::Tokens};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The folder of the skills' folders.
    #[arg(long, default_value = "skills")]
    skills: PathBuf,
    /// Keep embeddings and heads in this folder.
    #[arg(long)]
    cache: Option<PathBuf>,
    /// List what went wrong.
    #[arg(long)]
    failures: bool,
    #[command(flatten)]
    models: ModelArguments,
}

pub(crate) struct Source { pub(crate) manifest: Manifest, pub(crate) sentences: Sentences, pub(crate) tests: TestsFile }

fn text(path: &Path, most: usize) -> anyhow::Result<String> {
    Ok(String::from_utf8(read_bounded(path, most as u64)?)?)
}

pub(crate) fn read_sources(folder: &Path) -> anyhow::Result<Vec<Source>> {
    let mut all = Vec::new();
    let mut names: Vec<PathBuf> = std::fs::read_dir(folder).with_context(|| folder.display().to_string())?.map(|e| e.map(|e| e.path())).collect::<Result<_, _>>()?;
    names.sort();
    for path in names {
        if !path.join("skill.toml").exists() { continue; }
        let manifest = Manifest::parse("skill.toml", &text(&path.join("skill.toml"), MAX_MANIFEST_BYTES)?).with_context(|| path.display().to_string())?;
        let sentences = Sentences::parse("en.toml", &text(&path.join("sentences/en.toml"), MAX_SENTENCES_BYTES)?, &manifest).with_context(|| path.display().to_string())?;
        let tests = if path.join("tests.toml").exists() { TestsFile::parse("tests.toml", &text(&path.join("tests.toml"), MAX_TESTS_BYTES)?, &manifest).with_context(|| path.display().to_string())? } else { TestsFile::default() };
        all.push(Source { manifest, sentences, tests });
    }
    Ok(all)
}

#[derive(Default)]
struct Row { positive: usize, right: usize, wrong: usize, negative: usize, wrong_neg: usize, slots: usize, slots_right: usize, top: usize, top_neg: usize }

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<Report> {
    let sources = read_sources(&arguments.skills)?;
    let pairs: Vec<(Manifest, Sentences)> = sources.iter().map(|s| (s.manifest.clone(), s.sentences.clone())).collect();
    let (entities, set) = lab::set_of(&pairs);
    let mut encoder = arguments.models.encoder()?;
    let begun = std::time::Instant::now();
    let mut embedded = begun;
    let heads = Heads::train(&set, &entities, encoder.as_mut(), arguments.cache.as_deref(), &mut |_, _| embedded = std::time::Instant::now())?;
    let mut report = Report::default();
    report.say(format!("{} intents {} samples; learning {:.2} s", set.intents.len(), set.examples.len(), embedded.elapsed().as_secs_f64()));
    let classes: BTreeMap<String, Class> = set.intents.iter().map(|i| (i.id.to_string(), i.class)).collect();
    let mut rows: BTreeMap<String, Row> = BTreeMap::new();
    for source in &sources {
        let skill = source.manifest.id.to_string();
        for test in &source.tests.tests {
            let row = rows.entry(skill.clone()).or_default();
            let zone = test.zone.as_deref().and_then(|z| Zone::parse(z).ok()).unwrap_or(Zone::DRIVER);
            let context = Context { speaker: zone, ..Context::default() };
            let tokens = Tokens::read(&test.text);
            let ranked = heads.rank(&tokens, &context, &entities, encoder.as_mut())?;
            let best = ranked.candidates.first();
            let named = best.map(|c| c.intent.to_string()).unwrap_or_default();
            let acts = classes.get(&named).is_some_and(|c| *c != Class::Info);
            if test.intent.is_empty() {
                row.negative += 1;
                let bad = ranked.accepted && acts && named.starts_with(&format!("{skill}/"));
                row.wrong_neg += usize::from(bad);
                row.top_neg += usize::from(ranked.accepted);
                if ranked.accepted && arguments.failures {
                    report.say(format!("{} {:<60} {named} {:.2} near {:?}", if acts { "NEG-ACT " } else { "NEG-info" }, test.text, ranked.in_scope, ranked.nearest));
                }
                continue;
            }
            let wanted = format!("{skill}/{}", test.intent);
            row.positive += 1;
            row.top += usize::from(named == wanted);
            let right = ranked.accepted && named == wanted;
            row.right += usize::from(right);
            let wrong = ranked.accepted && named != wanted && acts;
            row.wrong += usize::from(wrong);
            if !right && arguments.failures {
                report.say(format!("{} {:<60} wanted {wanted} got {named} {:.2} near {:?}", if wrong { "WRONG   " } else if named == wanted { "rejected" } else { "miss    " }, test.text, ranked.in_scope, ranked.nearest));
            }
            if right {
                row.slots += 1;
                let ok = best.is_some_and(|b| slots_right(test, b));
                row.slots_right += usize::from(ok);
                if !ok && arguments.failures { report.say(format!("SLOTS    {:<60} {} wanted {:?} got {:?}", test.text, test.intent, test.slots, best.map(|b| b.slots.iter().map(|s| (s.name.as_str(), s.value.to_string())).collect::<Vec<_>>()))); }
            }
        }
    }
    let mut t = Row::default();
    for (k, r) in &rows {
        report.say(format!("{k:<26} pos {} top {} right {} wrong {} | neg {} accepted {} acts {} | slots {}/{}", r.positive, r.top, r.right, r.wrong, r.negative, r.top_neg, r.wrong_neg, r.slots_right, r.slots));
        t.positive += r.positive; t.right += r.right; t.wrong += r.wrong; t.negative += r.negative; t.wrong_neg += r.wrong_neg; t.slots += r.slots; t.slots_right += r.slots_right; t.top += r.top; t.top_neg += r.top_neg;
    }
    report.add("top", percent(t.top, t.positive), "%", "");
    report.add("right", percent(t.right, t.positive), "%", "");
    report.add("wrong", percent(t.wrong + t.wrong_neg, t.positive + t.negative), "%", "");
    report.add("neg accepted", percent(t.top_neg, t.negative), "%", "");
    report.add("slots", percent(t.slots_right, t.slots), "%", "");
    Ok(report)
}

fn slots_right(test: &SkillTest, best: &Candidate) -> bool {
    test.slots.iter().all(|(name, wanted)| best.slots.iter().any(|s| &s.name == name && same(&s.value.to_string(), wanted)))
}

fn same(got: &str, wanted: &toml::Value) -> bool {
    let w = match wanted { toml::Value::String(s) => s.clone(), other => other.to_string() };
    if got == w { return true; }
    let number = |t: &str| t.trim_end_matches(" ms").parse::<f64>().ok();
    matches!((number(got), number(&w)), (Some(a), Some(b)) if (a - b).abs() < 1e-6)
}
