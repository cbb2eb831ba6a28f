//! `valetctl skill test`: what a skill promises in `tests.toml`, said to the real understanding and done by the real host in
//! a simulated car; each test in a conversation of its own.
//!
//! Must not be kind: what is neither wanted nor listed is wrong.

use super::{build, private::Private};
use crate::{
    CtlError, Verdict,
    args::TrialArgs,
    link::Link,
    package::refused,
    screen::{Screen, Style},
    trace,
    value::{self, items, plain, text},
};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};
use valet_bus::proxies::Options;
use valet_package::{
    source::Source,
    tests_file::{SkillTest, TestsFile},
};
use zbus::{OwnedObjectPath, Variant};

/// Most questions that a test answers.
const MOST_ANSWERS: usize = 4;
/// How exact a written number must be.
const EXACT: f64 = 1e-5;
/// Texts of one `ParseBatch`.
const TEXTS_AT_ONCE: usize = 500;

/// What became of one test.
pub(super) struct Tried {
    pub(super) text: String,
    pub(super) intent: String,
    /// What is wrong; empty when nothing is.
    pub(super) wrong: Vec<String>,
    /// The turn it was said in, for its trace.
    pub(super) turn: String,
    /// What was said.
    pub(super) speech: String,
}

/// What became of all of them.
pub(super) struct Outcome {
    pub(super) tried: Vec<Tried>,
    /// Sentences that must be understood, and those of them whose intent free speech alone finds; `None` without an encoder.
    free: Option<(usize, usize)>,
    /// Sentences that must be understood and match no template.
    beside_templates: usize,
    untested: Vec<String>,
}

impl Outcome {
    pub(super) fn is_right(&self) -> bool {
        self.tried.iter().all(|one| one.wrong.is_empty())
    }
}

/// A skill that is tried, in a folder that a daemon reads.
pub(super) struct Bench {
    /// As the author works on it.
    pub(super) folder: PathBuf,
    place: tempfile::TempDir,
}

impl Bench {
    /// A bench for a skill, with others beside it.
    ///
    /// # Errors
    /// [`CtlError::File`], [`CtlError::Package`].
    pub(super) fn new(folder: &Path, others: &[PathBuf]) -> Result<Self, CtlError> {
        let place = tempfile::tempdir().map_err(|e| unwritten(&std::env::temp_dir(), &e))?;
        for other in others {
            let source = Source::read(other).map_err(|error| refused(other, &error))?;
            lay_out(other, &place.path().join(source.manifest.id.as_str()))?;
        }
        Ok(Self { folder: folder.to_owned(), place })
    }

    /// Where the daemon reads.
    pub(super) fn skills(&self) -> &Path {
        self.place.path()
    }

    /// Puts the skill there as it stands now.
    ///
    /// # Errors
    /// [`CtlError::Package`] for one that breaks a rule; [`CtlError::Build`], [`CtlError::File`].
    pub(super) fn lay(&self) -> Result<Source, CtlError> {
        let source = Source::read(&self.folder).map_err(|error| refused(&self.folder, &error))?;
        lay_out(&self.folder, &self.place.path().join(source.manifest.id.as_str()))?;
        Ok(source)
    }
}

/// Copies what a daemon reads of a skill.
fn lay_out(from: &Path, to: &Path) -> Result<(), CtlError> {
    let beside = to.with_extension("new");
    // Left over from one that was stopped.
    let _ = fs::remove_dir_all(&beside);
    for part in ["skill.toml", "skill.wasm", "sentences", "assets"] {
        let source = from.join(part);
        if source.exists() {
            copy(&source, &beside.join(part)).map_err(|e| unwritten(&source, &e))?;
        }
    }
    let _ = fs::remove_dir_all(to);
    fs::rename(&beside, to).map_err(|e| unwritten(to, &e))
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    if !from.is_dir() {
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent)?;
        }
        return fs::copy(from, to).map(|_| ());
    }
    fs::create_dir_all(to)?;
    for entry in from.read_dir()? {
        let entry = entry?;
        copy(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}

fn unwritten(path: &Path, error: &std::io::Error) -> CtlError {
    CtlError::File { path: path.display().to_string(), verb: "written", why: error.to_string() }
}

/// Builds where there is nothing built, tries all tests, and reports.
///
/// # Errors
/// As [`Bench::lay`]; [`CtlError::Private`]; the calls'; the terminal's.
pub(super) async fn run(screen: &mut Screen, arguments: &TrialArgs) -> Result<Verdict, CtlError> {
    if !arguments.folder.join("skill.wasm").exists() {
        build::build(&arguments.folder)?;
    }
    let bench = Bench::new(&arguments.folder, &arguments.with)?;
    let source = bench.lay()?;
    let private = Private::start(bench.skills(), arguments.models.as_deref()).await?;
    let outcome = try_all(&private, &source).await?;
    report(screen, &outcome, &source)?;
    let document = document(&outcome, &source, private.encoder);
    screen.document(&document)?;
    Ok(if outcome.is_right() { Verdict::Fine } else { Verdict::NotFine })
}

/// Tries all tests of a skill.
///
/// # Errors
/// The calls'.
pub(super) async fn try_all(private: &Private, source: &Source) -> Result<Outcome, CtlError> {
    let (link, id) = (&private.link, source.manifest.id.as_str());
    check_loaded(link, id).await?;
    let TestsFile { tests } = &source.tests;
    let mut tried = Vec::with_capacity(tests.len());
    for test in tests {
        tried.push(try_one(link, id, test).await?);
    }
    let positive: Vec<&SkillTest> = tests.iter().filter(|test| !test.intent.is_empty()).collect();
    let with = intents(link, &positive, true).await?;
    let beside_templates = with.iter().filter(|(_, engine)| engine != "template").count();
    let free = if private.encoder {
        let without = intents(link, &positive, false).await?;
        let right = positive
            .iter()
            .zip(&without)
            .filter(|(test, (intent, _))| *intent == format!("{id}/{}", test.intent));
        Some((right.count(), positive.len()))
    } else {
        None
    };
    let tested: BTreeSet<&str> = tests.iter().map(|test| test.intent.as_str()).collect();
    let untested = source.manifest.intents.keys().filter(|name| !tested.contains(name.as_str()));
    Ok(Outcome { tried, free, beside_templates, untested: untested.cloned().collect() })
}

/// A skill that does not load fails before any of its tests.
async fn check_loaded(link: &Link, id: &str) -> Result<(), CtlError> {
    let skills = crate::skills::all(link).await?;
    let skill = skills.into_values().find(|skill| text(skill, "Id") == id);
    match skill {
        Some(skill) if text(&skill, "State") == "ready" => Ok(()),
        Some(skill) => Err(CtlError::Package {
            file: id.to_owned(),
            why: text(&skill, "LastError").to_owned(),
        }),
        None => {
            let assistant = link.assistant().await?;
            let why = assistant.state_reasons().await.map_err(|e| link.error(e))?.join("; ");
            Err(CtlError::Package { file: id.to_owned(), why })
        }
    }
}

/// The first intent of each sentence, and which engine found it; both empty where nothing was understood.
async fn intents(
    link: &Link,
    tests: &[&SkillTest],
    templates: bool,
) -> Result<Vec<(String, String)>, CtlError> {
    let assistant = link.assistant().await?;
    let mut all = Vec::with_capacity(tests.len());
    for some in tests.chunks(TEXTS_AT_ONCE) {
        let texts: Vec<&str> = some.iter().map(|test| test.text.as_str()).collect();
        let options = Options::from([("templates", Variant::from(templates))]);
        let parsed = assistant.parse_batch(&texts, options).await.map_err(|e| link.error(e))?;
        all.extend(parsed.iter().map(|commands| {
            let first = commands.first().map(value::object).unwrap_or_default();
            (text(&first, "intent").to_owned(), text(&first, "engine").to_owned())
        }));
    }
    Ok(all)
}

async fn try_one(link: &Link, id: &str, test: &SkillTest) -> Result<Tried, CtlError> {
    let wrong = |e| link.error(e);
    let simulator = link.simulator().await?;
    simulator.reset(Options::new()).await.map_err(wrong)?;
    for (path, value) in &test.before {
        let value = value::variant(&json!(value)).ok_or_else(|| CtlError::Usage {
            message: format!("{:?}: before {path}: expected a basic value", test.text),
        })?;
        simulator.set(path, &value, Options::new()).await.map_err(wrong)?;
    }
    let assistant = link.assistant().await?;
    let zone = test.zone.as_deref().unwrap_or("row1-driver");
    let opened = assistant.open_session(Options::from([("zone", Variant::from(zone))])).await;
    let session = opened.map_err(wrong)?;
    let first = say(link, &session, &test.text).await?;
    let mut turns = vec![first];
    while turns.len() <= MOST_ANSWERS && turns.last().is_some_and(|t| text(t, "code") == "confirm")
    {
        turns.push(say(link, &session, "yes").await?);
    }
    link.session(&session).await?.close(Options::new()).await.map_err(wrong)?;
    let mut faults = judge(id, test, &turns[0]);
    faults.extend(compare(test, &turns));
    Ok(Tried {
        text: test.text.clone(),
        intent: test.intent.clone(),
        wrong: faults,
        turn: text(&turns[0], "turn").to_owned(),
        speech: turns.iter().map(|turn| text(turn, "speech")).collect::<Vec<_>>().join(" / "),
    })
}

async fn say(link: &Link, session: &OwnedObjectPath, words: &str) -> Result<Value, CtlError> {
    let options = Options::from([("session", Variant::from(session.clone()))]);
    let result = link.assistant().await?.ask(words, options).await;
    result.map(|result| value::object(&result)).map_err(|e| link.error(e))
}

/// What is wrong with what was understood.
fn judge(id: &str, test: &SkillTest, turn: &Value) -> Vec<String> {
    let intents = items(turn, "intents");
    let found: Vec<&str> = intents.iter().map(|intent| text(intent, "intent")).collect();
    if test.intent.is_empty() {
        let ours = found.iter().find(|intent| intent.starts_with(&format!("{id}/")));
        return ours.map(|intent| format!("is {intent}, and must not match")).into_iter().collect();
    }
    let wanted = format!("{id}/{}", test.intent);
    if text(turn, "code") == "ambiguous" {
        return vec![format!("is asked back ({}), expected {wanted}", text(turn, "speech"))];
    }
    if found.first() != Some(&wanted.as_str()) {
        let found = if found.is_empty() { "nothing".to_owned() } else { found.join(" + ") };
        return vec![format!("is {found}, expected {wanted}")];
    }
    // What it says of a car without players or a broker is no fault; what it breaks is.
    if text(turn, "code") == "skill-failed" {
        return vec![format!("{wanted} is right, and the skill failed: {}", text(turn, "speech"))];
    }
    let slots = intents.iter().flat_map(|intent| items(intent, "slots"));
    let slots: BTreeMap<&str, &Value> =
        slots.map(|slot| (text(slot, "name"), slot.get("value").unwrap_or(&Value::Null))).collect();
    let mut wrong = Vec::new();
    for (name, expected) in &test.slots {
        let expected = json!(expected);
        match slots.get(name.as_str()) {
            Some(got) if is_same(&expected, got) => {}
            Some(got) => {
                wrong.push(format!("{name} is {}, expected {}", plain(got), plain(&expected)))
            }
            None => wrong.push(format!("{name} is not filled, expected {}", plain(&expected))),
        }
    }
    wrong
}

/// What was written and is not listed, and what is listed and was not written.
fn compare(test: &SkillTest, turns: &[Value]) -> Vec<String> {
    let written: Vec<(&str, &Value)> = turns
        .iter()
        .flat_map(|turn| items(turn, "actions"))
        .filter(|action| matches!(text(action, "status"), "done" | "requested" | "not-reached"))
        .map(|action| (text(action, "target"), action.get("requested").unwrap_or(&Value::Null)))
        .collect();
    let listed: BTreeMap<&str, Value> =
        test.effects.iter().map(|(path, value)| (path.as_str(), json!(value))).collect();
    let unlisted = written
        .iter()
        .filter(|(path, value)| !listed.get(path).is_some_and(|wanted| is_same(wanted, value)))
        .map(|(path, value)| format!("{path} = {} was written, and is not listed", plain(value)));
    let missing = listed.iter().filter(|(path, wanted)| {
        !written.iter().any(|(written, value)| written == *path && is_same(wanted, value))
    });
    let missing = missing.map(|(path, value)| format!("{path} = {} was not written", plain(value)));
    unlisted.chain(missing).collect()
}

/// Whether a value is the one that a test names.
fn is_same(wanted: &Value, got: &Value) -> bool {
    match (wanted.as_f64(), got.as_f64(), wanted.as_str(), got.as_str()) {
        (Some(wanted), Some(got), ..) => (wanted - got).abs() < EXACT,
        (.., Some(wanted), Some(got)) => wanted.eq_ignore_ascii_case(got),
        _ => wanted == got,
    }
}

/// Prints the tests that failed, and the sums.
///
/// # Errors
/// The terminal's.
pub(super) fn report(
    screen: &mut Screen,
    outcome: &Outcome,
    source: &Source,
) -> Result<(), CtlError> {
    for one in outcome.tried.iter().filter(|one| !one.wrong.is_empty()) {
        screen.line(format!("{} {:?}", screen.paint(Style::Bad, "✗"), one.text))?;
        for wrong in &one.wrong {
            screen.line(format!("    {wrong}"))?;
        }
        screen.line(screen.paint(Style::Dim, format!("    said: {}", one.speech)))?;
    }
    let right = outcome.tried.iter().filter(|one| one.wrong.is_empty()).count();
    let style = if outcome.is_right() { Style::Good } else { Style::Bad };
    let words = format!("{right} of {} tests are right", outcome.tried.len());
    screen.line(screen.paint(style, words))?;
    let positive = source.tests.tests.iter().filter(|test| !test.intent.is_empty()).count();
    screen.line(format!(
        "  {} of {positive} sentences match no template",
        outcome.beside_templates
    ))?;
    screen.line(match outcome.free {
        Some((right, of)) => format!("  {right} of {of} intents are found by free speech alone"),
        None => "  no encoder is here, so only templates are understood; see --models".to_owned(),
    })?;
    if !outcome.untested.is_empty() {
        let words = format!("  without a test: {}", outcome.untested.join(", "));
        screen.line(screen.paint(Style::Warn, words))?;
    }
    Ok(())
}

fn document(outcome: &Outcome, source: &Source, encoder: bool) -> Value {
    let failed: Vec<Value> = outcome
        .tried
        .iter()
        .filter(|one| !one.wrong.is_empty())
        .map(|one| json!({ "text": one.text, "intent": one.intent, "wrong": one.wrong, "speech": one.speech }))
        .collect();
    json!({
        "id": source.manifest.id.as_str(), "tests": outcome.tried.len(), "failed": failed,
        "beside-templates": outcome.beside_templates, "encoder": encoder,
        "free": outcome.free.map(|(right, of)| json!({ "right": right, "of": of })),
        "untested": outcome.untested,
    })
}

/// Prints how the turn of a test that failed went.
///
/// # Errors
/// The call's; the terminal's.
pub(super) async fn show_trace(
    private: &Private,
    screen: &mut Screen,
    one: &Tried,
) -> Result<(), CtlError> {
    trace::run(&private.link, screen, Some(&one.turn), None).await.map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn test(effects: &str, slots: &str) -> SkillTest {
        let text = format!(
            "[[test]]\ntext = \"x\"\nintent = \"set-light\"\neffects = {{ {effects} }}\nslots = {{ {slots} }}\n"
        );
        let manifest =
            include_str!("../../template/skill.toml.txt").replace("@ID@", "org.example.x");
        let manifest = valet_package::Manifest::parse("skill.toml", &manifest).expect("a manifest");
        TestsFile::parse("tests.toml", &text, &manifest).expect("tests").tests.remove(0)
    }

    fn turn(intent: &str, action: (&str, Value, &str)) -> Value {
        json!({
            "intents": [{ "intent": intent, "slots": [{ "name": "state", "value": "on" }] }],
            "actions": [{ "target": action.0, "requested": action.1, "status": action.2 }],
        })
    }

    #[test]
    fn only_what_is_listed_may_be_written_and_all_of_it_must() {
        let wanted = test("\"Vehicle.A\" = 1", "");
        let right = turn("", ("Vehicle.A", json!(1.0), "done"));
        assert_eq!(compare(&wanted, &[right]), Vec::<String>::new());
        for (action, wrong) in [
            (("Vehicle.A", json!(2), "done"), 2),
            (("Vehicle.B", json!(1), "requested"), 2),
            (("Vehicle.A", json!(1), "refused"), 1),
        ] {
            assert_eq!(compare(&wanted, &[turn("", action)]).len(), wrong);
        }
    }

    #[test]
    fn intent_and_slots_must_be_those_of_the_test() {
        let (id, none) = ("org.example.x", ("Vehicle.A", json!(1), "done"));
        let right = turn("org.example.x/set-light", none.clone());
        assert_eq!(judge(id, &test("", "state = \"on\""), &right), Vec::<String>::new());
        assert_eq!(judge(id, &test("", "state = \"off\""), &right).len(), 1);
        let other = turn("org.example.y/set-light", none);
        assert!(judge(id, &test("", ""), &other)[0].contains("expected org.example.x/set-light"));
        let mut negative = test("", "");
        negative.intent.clear();
        assert_eq!(judge(id, &negative, &right).len(), 1);
        assert_eq!(judge(id, &negative, &other).len(), 0, "another skill may take it");
    }
}
