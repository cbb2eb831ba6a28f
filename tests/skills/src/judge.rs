//! One test of a skill, said in a conversation of its own, and what was right about it.
//!
//! Must not be kind: what is neither wanted nor listed is wrong.

use crate::{
    conversation::{Conversation, Heard},
    error::BenchError,
    house::{House, Templates, request},
};
use std::collections::BTreeMap;
use valet_core::{
    dialogue::CommandStatus,
    entity::Value,
    intent::IntentId,
    ports::Vehicle as _,
    signal::{Class, SignalPath, SignalType, SignalValue},
    slot::Slot,
    understanding::Understanding,
    zone::Zone,
};
use valet_package::tests_file::SkillTest;

/// Most questions that a test answers.
const MOST_ANSWERS: usize = 4;
/// How exact a written number must be.
const EXACT: f64 = 1e-5;

/// Whether it was understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// The wanted intent and slots; or rightly nothing of this skill.
    Right,
    /// The wanted intent; a listed slot is missing or other.
    WrongSlots,
    /// The wanted intent was offered as one of two or three readings.
    Asked,
    /// Nothing, or a question that was not asked.
    Missed,
    /// A command that was not wanted; for a sentence that must not match, any intent of the skill.
    WrongCommand,
    /// Rightly none of this skill, but a command of another one that has no template for it.
    Elsewhere,
}

/// What became of one test.
#[derive(Debug, Clone)]
pub struct Judged {
    /// Whose test it is.
    pub skill: String,
    /// The test.
    pub test: SkillTest,
    /// Whether templates know the sentence.
    pub is_template: bool,
    /// Whether it was understood.
    pub meaning: Meaning,
    /// What the world got and should not have, or the other way round.
    pub wrong_effects: Vec<String>,
    /// Whether something was done, or would be, that was not wanted.
    pub wrong_action: bool,
    /// What was understood.
    pub got: String,
    /// What was said, and answered in between.
    pub speech: Vec<String>,
}

impl Judged {
    /// Whether the sentence must not match.
    #[must_use]
    pub fn is_negative(&self) -> bool {
        self.test.intent.is_empty()
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_right(&self) -> bool {
        self.meaning == Meaning::Right && self.wrong_effects.is_empty() && !self.wrong_action
    }

    /// One line for a table of failures.
    #[must_use]
    pub fn line(&self) -> String {
        let wanted = if self.is_negative() { "nothing" } else { &self.test.intent };
        let slots: Vec<String> =
            self.test.slots.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let wrong = if self.wrong_effects.is_empty() {
            String::new()
        } else {
            format!("\n    {}", self.wrong_effects.join("\n    "))
        };
        format!(
            "{:?} {:?}{}\n    wanted {} {wanted} [{}]\n    got {}{wrong}\n    said {:?}",
            self.meaning,
            self.test.text,
            if self.is_template { " (template)" } else { "" },
            self.skill,
            slots.join(" "),
            self.got,
            self.speech.join(" / "),
        )
    }
}

/// Runs every test of every skill.
///
/// # Errors
/// [`BenchError::Test`] for a test that cannot be carried out.
pub fn judge_all(house: &mut House, templates: Templates) -> Result<Vec<Judged>, BenchError> {
    let tests: Vec<(String, SkillTest)> = house
        .skills
        .iter()
        .flat_map(|s| s.tests.tests.iter().map(|t| (s.manifest.id.as_str().to_owned(), t.clone())))
        .collect();
    tests.into_iter().map(|(skill, test)| judge(house, templates, skill, test)).collect()
}

fn judge(
    house: &mut House,
    templates: Templates,
    skill: String,
    test: SkillTest,
) -> Result<Judged, BenchError> {
    let refuse = |why: String| BenchError::Test { text: test.text.clone(), why };
    let zone = test.zone.as_deref().map_or(Ok(Zone::DRIVER), Zone::parse);
    let zone = zone.map_err(|e| refuse(e.to_string()))?;
    let wanted = (!test.intent.is_empty()).then(|| format!("{skill}/{}", test.intent));
    let known = house.match_templates(&request(&test.text, zone));
    let known = known.filter(|understood| !understood.commands.is_empty());
    let mut talk = Conversation::begin(house, templates, zone);
    for (path, value) in &test.before {
        let (path, value) = signal(&talk, path, value).map_err(&refuse)?;
        talk.house().car.simulator().set(&path, &value).map_err(|e| refuse(e.to_string()))?;
    }
    let mut speech = Vec::new();
    let first = talk.say(&test.text).ok_or_else(|| refuse("it came to no end".into()))?;
    speech.push(first.result.speech.clone());
    let mut wrong_effects = complaints(&first);
    let mut last = first.clone();
    for _ in 0..MOST_ANSWERS {
        let Some(answer) = answer_to(&last, wanted.as_deref(), &talk) else { break };
        let Some(heard) = talk.say(&answer) else { break };
        speech.extend([format!("<{answer}>"), heard.result.speech.clone()]);
        wrong_effects.extend(complaints(&heard));
        last = heard;
    }
    let written = talk.house().car.take_written();
    let mut wrong_action = false;
    let meaning = match &wanted {
        Some(wanted) => {
            let before = wrong_effects.len();
            wrong_effects.extend(compare(&talk, &test, &written).map_err(&refuse)?);
            wrong_action |= wrong_effects[before..].iter().any(|w| w.starts_with(UNLISTED));
            meaning(&first, wanted, &test)
        }
        None => left_alone(&first, &skill, known.as_ref(), &talk),
    };
    let acts = first.calls.iter().any(|call| call.class != Class::Info);
    wrong_action |= acts && matches!(meaning, Meaning::WrongCommand | Meaning::Elsewhere);
    Ok(Judged {
        skill,
        is_template: known.is_some(),
        meaning,
        wrong_effects,
        wrong_action,
        got: describe(&first),
        speech,
        test,
    })
}

const UNLISTED: &str = "not listed: ";

/// The yes of a confirmation; the wanted one of several readings. What a test leaves open
/// otherwise stays open.
fn answer_to(heard: &Heard, wanted: Option<&str>, talk: &Conversation<'_>) -> Option<String> {
    if heard.asks("confirm") {
        return Some("yes".to_owned());
    }
    let wanted = IntentId::parse(wanted.filter(|_| heard.asks("ambiguous"))?).ok()?;
    let offered = heard.understanding.commands.iter().any(|command| {
        std::iter::once(&command.best).chain(&command.alternatives).any(|c| c.intent == wanted)
    });
    let spec = talk.house().rules.skills.intent(&wanted)?;
    offered.then(|| spec.description.to_lowercase())
}

fn complaints(heard: &Heard) -> Vec<String> {
    let faults = heard.faults.iter().map(ToString::to_string);
    faults.chain(heard.not_reached.iter().map(|path| format!("never came: {path}"))).collect()
}

fn is_command(talk: &Conversation<'_>, intent: &IntentId) -> bool {
    talk.house().class(intent) != Some(Class::Info)
}

fn meaning(heard: &Heard, wanted: &str, test: &SkillTest) -> Meaning {
    let is_wanted = |intent: &IntentId| intent.to_string() == wanted;
    let readings = &heard.understanding.commands;
    if heard.asks("ambiguous") {
        let mut all = readings.iter().flat_map(|c| std::iter::once(&c.best).chain(&c.alternatives));
        return if all.any(|c| is_wanted(&c.intent)) { Meaning::Asked } else { Meaning::Missed };
    }
    let intents = &heard.result.intents;
    if intents.iter().any(|i| !is_wanted(&i.intent) && i.status != CommandStatus::Skipped) {
        let harmless = heard.calls.iter().all(|call| call.class == Class::Info);
        return if harmless { Meaning::Missed } else { Meaning::WrongCommand };
    }
    match intents.first() {
        None => Meaning::Missed,
        Some(_) if slots_right(test, intents.iter().map(|i| i.slots.as_slice())) => Meaning::Right,
        Some(_) => Meaning::WrongSlots,
    }
}

/// A sentence that this skill must leave alone. Another one may take it as a question, or as
/// a command where its templates know the sentence.
fn left_alone(
    heard: &Heard,
    skill: &str,
    known: Option<&Understanding>,
    talk: &Conversation<'_>,
) -> Meaning {
    let mut commands = heard.understanding.commands.iter().map(|c| &c.best.intent);
    if commands.clone().any(|intent| intent.skill().as_str() == skill) {
        return Meaning::WrongCommand;
    }
    let meant = |intent: &IntentId| {
        !is_command(talk, intent)
            || known.is_some_and(|k| k.commands.iter().any(|c| c.best.intent == *intent))
    };
    if heard.asks("ambiguous") || commands.all(meant) { Meaning::Right } else { Meaning::Elsewhere }
}

/// Whether one of the commands has all slots that the test lists.
fn slots_right<'s>(test: &SkillTest, mut commands: impl Iterator<Item = &'s [Slot]>) -> bool {
    commands.any(|slots| {
        test.slots.iter().all(|(name, wanted)| {
            slots.iter().any(|slot| slot.name == *name && is_value(&slot.value, wanted))
        })
    })
}

/// Whether a value is the one that a test names; durations are in milliseconds.
#[allow(clippy::cast_precision_loss)]
fn is_value(got: &Value, wanted: &toml::Value) -> bool {
    let number = match wanted {
        toml::Value::Integer(n) => Some(*n as f64),
        toml::Value::Float(n) => Some(*n),
        _ => None,
    };
    match (got, number, wanted) {
        (Value::Number(v) | Value::Percentage(v) | Value::Temperature(v), Some(n), _)
        | (Value::Distance(v) | Value::Speed(v), Some(n), _) => (v - n).abs() < EXACT,
        (Value::Ordinal(v), Some(n), _) => (*v as f64 - n).abs() < EXACT,
        (Value::Duration(ms), Some(n), _) => (*ms as f64 - n).abs() < EXACT,
        (Value::Boolean(v), _, toml::Value::Boolean(w)) => v == w,
        (got, _, toml::Value::String(text)) => got.to_string().eq_ignore_ascii_case(text),
        _ => false,
    }
}

fn compare(
    talk: &Conversation<'_>,
    test: &SkillTest,
    written: &[(SignalPath, SignalValue)],
) -> Result<Vec<String>, String> {
    let mut listed = BTreeMap::new();
    for (path, value) in &test.effects {
        let (path, value) = signal(talk, path, value)?;
        listed.insert(path, value);
    }
    let mut wrong: Vec<String> = written
        .iter()
        .filter(|(path, value)| !listed.get(path).is_some_and(|wanted| is_same(wanted, value)))
        .map(|(path, value)| format!("{UNLISTED}{path} = {value}"))
        .collect();
    let missing = |(path, wanted): &(&SignalPath, &SignalValue)| {
        !written.iter().any(|(p, value)| p == *path && is_same(wanted, value))
    };
    wrong.extend(
        listed.iter().filter(missing).map(|(path, value)| format!("not written: {path} = {value}")),
    );
    Ok(wrong)
}

fn is_same(wanted: &SignalValue, written: &SignalValue) -> bool {
    match (wanted.as_number(), written.as_number()) {
        (Some(wanted), Some(written)) => (wanted - written).abs() < EXACT,
        _ => wanted == written,
    }
}

/// A signal of a test, its value of the type that the catalogue says.
#[allow(clippy::cast_precision_loss)]
fn signal(
    talk: &Conversation<'_>,
    path: &str,
    value: &toml::Value,
) -> Result<(SignalPath, SignalValue), String> {
    let path = SignalPath::parse(path).map_err(|e| e.to_string())?;
    let info = talk.house().car.describe(&path).ok_or_else(|| format!("{path} is unknown"))?;
    let strings = |all: &[toml::Value]| {
        all.iter().map(|one| one.as_str().map(str::to_owned)).collect::<Option<Vec<String>>>()
    };
    let value = match (info.data_type, value) {
        (SignalType::Boolean, toml::Value::Boolean(v)) => Some(SignalValue::Boolean(*v)),
        (SignalType::Integer, toml::Value::Integer(v)) => Some(SignalValue::Integer(*v)),
        (SignalType::Float, toml::Value::Integer(v)) => Some(SignalValue::Float(*v as f64)),
        (SignalType::Float, toml::Value::Float(v)) => Some(SignalValue::Float(*v)),
        (SignalType::Text, toml::Value::String(v)) => Some(SignalValue::Text(v.clone())),
        (SignalType::Text, toml::Value::Array(all)) => strings(all).map(SignalValue::Texts),
        _ => None,
    };
    let value = value.ok_or_else(|| format!("{path} does not hold such a value"))?;
    Ok((path, value))
}

fn describe(heard: &Heard) -> String {
    if let Some(act) = heard.understanding.act {
        return format!("act {}", act.name());
    }
    let commands = heard.understanding.commands.iter().map(|command| {
        let best = &command.best;
        let slots: Vec<String> =
            best.slots.iter().map(|s| format!("{}={}", s.name, s.value)).collect();
        format!("{} {:.2} [{}]", best.intent, best.confidence, slots.join(" "))
    });
    let commands: Vec<String> = commands.collect();
    if commands.is_empty() { "nothing".to_owned() } else { commands.join(" + ") }
}
