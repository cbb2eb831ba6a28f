//! A test of a skill, and whether a result over the bus is what it wants.
//!
//! Must not look into the daemon: a client sees no more than this.

use anyhow::Context as _;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};
use valet_bus::Dict;
use valet_package::{
    Manifest,
    folder::read_bounded,
    manifest::MAX_MANIFEST_BYTES,
    tests_file::{MAX_TESTS_BYTES, TestsFile},
};
use valet_testkit::{dicts, text};
use zbus::{OwnedVariant, Variant};

/// How exact a number must be.
const EXACT: f64 = 1e-5;

/// One utterance of a skill's tests that means something, each text once.
#[derive(Debug)]
pub(super) struct Test {
    pub(super) text: String,
    pub(super) zone: String,
    pub(super) before: Vec<(String, Variant<'static>)>,
    intent: String,
    slots: BTreeMap<String, toml::Value>,
    effects: BTreeMap<String, toml::Value>,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Intent, slots and all that was written are those of the test.
    Right,
    /// Something was done that was not asked for.
    WrongEffect(String),
    /// It was not understood, asked back, or answered something else: nothing was done.
    Nothing(String),
}

/// The tests of all skills in a folder, by skill and in the order of their files.
pub(super) fn tests_of(skills: &Path) -> anyhow::Result<Vec<Test>> {
    let mut folders: Vec<_> =
        skills.read_dir().with_context(|| skills.display().to_string())?.flatten().collect();
    folders.sort_by_key(std::fs::DirEntry::file_name);
    let (mut all, mut seen) = (Vec::new(), BTreeSet::new());
    for folder in folders.iter().map(std::fs::DirEntry::path) {
        let (manifest, tests) = (folder.join("skill.toml"), folder.join("tests.toml"));
        if !manifest.exists() || !tests.exists() {
            continue;
        }
        let read = |file: &Path, most: usize| {
            anyhow::Ok(String::from_utf8(read_bounded(file, most as u64)?)?)
        };
        let manifest = Manifest::parse("skill.toml", &read(&manifest, MAX_MANIFEST_BYTES)?)?;
        let tests = TestsFile::parse("tests.toml", &read(&tests, MAX_TESTS_BYTES)?, &manifest)?;
        for test in tests.tests.into_iter().filter(|test| !test.intent.is_empty()) {
            if !seen.insert(test.text.clone()) {
                continue;
            }
            all.push(Test {
                text: test.text,
                zone: test.zone.unwrap_or_else(|| "row1-driver".into()),
                before: test.before.iter().map(|(path, v)| (path.clone(), variant(v))).collect(),
                intent: format!("{}/{}", manifest.id, test.intent),
                slots: test.slots,
                effects: test.effects,
            });
        }
    }
    Ok(all)
}

fn variant(value: &toml::Value) -> Variant<'static> {
    match value {
        toml::Value::Integer(v) => Variant::from(*v),
        toml::Value::Float(v) => Variant::from(*v),
        toml::Value::Boolean(v) => Variant::from(*v),
        toml::Value::Array(all) => Variant::from(
            all.iter().filter_map(|v| v.as_str().map(str::to_owned)).collect::<Vec<_>>(),
        ),
        other => Variant::from(other.as_str().unwrap_or_default().to_owned()),
    }
}

/// What a result's actions asked of the vehicle and got, or have there already.
pub(super) fn written(result: &Dict) -> Vec<(String, OwnedVariant, bool)> {
    dicts(result, "actions")
        .into_iter()
        .filter_map(|action| {
            let status = text(&action, "status").to_owned();
            let new = ["done", "requested", "not-reached"].contains(&status.as_str());
            let value = action.get("requested")?.clone();
            (new || status == "already").then(|| (text(&action, "target").to_owned(), value, new))
        })
        .collect()
}

/// Judges a test by its first result and all that was written until its end.
pub(super) fn judge(
    test: &Test,
    first: &Dict,
    written: &[(String, OwnedVariant, bool)],
) -> Outcome {
    let intents = dicts(first, "intents");
    let named: Vec<&str> = intents.iter().map(|intent| text(intent, "intent")).collect();
    let others = named.iter().filter(|intent| **intent != test.intent).count();
    let listed = |path: &str, value: &Variant<'_>| {
        test.effects.get(path).is_some_and(|wanted| is_same(wanted, value))
    };
    let stray = written.iter().find(|(path, value, new)| *new && !listed(path, value));
    let missing = test.effects.iter().find(|(path, wanted)| {
        !written.iter().any(|(p, value, _)| p == *path && is_same(wanted, value))
    });
    let slots = intents.iter().any(|intent| slots_right(test, intent));
    let said = format!("{named:?} {:?}", text(first, "speech"));
    if let Some((path, ..)) = stray {
        return Outcome::WrongEffect(format!("{path}; {said}"));
    }
    if others == 0 && slots && missing.is_none() && !named.is_empty() {
        return Outcome::Right;
    }
    match text(first, "type") {
        "action" => Outcome::WrongEffect(said),
        _ => Outcome::Nothing(said),
    }
}

fn slots_right(test: &Test, intent: &Dict) -> bool {
    let slots = dicts(intent, "slots");
    test.slots.iter().all(|(name, wanted)| {
        slots.iter().any(|slot| {
            text(slot, "name") == name
                && slot.get("value").is_some_and(|value| is_same(wanted, value))
        })
    })
}

#[allow(clippy::cast_precision_loss, reason = "numbers of tests are small")]
fn is_same(wanted: &toml::Value, got: &Variant<'_>) -> bool {
    let got_number = match got {
        Variant::F64(v) => Some(*v),
        Variant::I64(v) => Some(*v as f64),
        Variant::U64(v) => Some(*v as f64),
        _ => None,
    };
    let wanted_number = wanted.as_float().or(wanted.as_integer().map(|n| n as f64));
    match (wanted, got) {
        (toml::Value::Boolean(wanted), Variant::Bool(got)) => wanted == got,
        (toml::Value::String(wanted), Variant::Str(got)) => wanted.eq_ignore_ascii_case(got),
        (toml::Value::Array(_), _) => variant(wanted) == *got,
        _ => wanted_number.zip(got_number).is_some_and(|(a, b)| (a - b).abs() < EXACT),
    }
}
