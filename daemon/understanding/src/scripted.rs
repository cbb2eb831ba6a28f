//! A scripted understander: what each text means is written in a file. For tests of what comes
//! behind understanding, chosen on the command line.
//!
//! Must not guess: a text that is not in the script is not understood.

use crate::{error::UnderstandingError, normalise::Tokens};
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};
use valet_core::{
    entity::{EntityKind, Value},
    intent::IntentId,
    slot::Slot,
    understanding::{
        Candidate, Command, DialogueAct, Engine, MAX_COMMANDS, Request, Understanding,
    },
    zone::Zone,
};

/// Largest script, bytes.
pub const MAX_SCRIPT_BYTES: usize = 1 << 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawScript {
    #[serde(default)]
    say: Vec<RawSay>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSay {
    text: String,
    intent: Option<String>,
    #[serde(default)]
    slots: BTreeMap<String, RawSlot>,
    #[serde(default = "certain")]
    confidence: f64,
    act: Option<String>,
    /// The text answers what was asked, with this value.
    answer: Option<RawSlot>,
    /// Further commands of the same text.
    #[serde(default)]
    then: Vec<RawCommand>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCommand {
    intent: String,
    #[serde(default)]
    slots: BTreeMap<String, RawSlot>,
    #[serde(default = "certain")]
    confidence: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSlot {
    entity: String,
    value: toml::Value,
}

fn certain() -> f64 {
    1.0
}

/// A checked script.
#[derive(Debug, Clone, Default)]
pub struct Script {
    says: HashMap<String, Meaning>,
}

#[derive(Debug, Clone)]
enum Meaning {
    Act(DialogueAct),
    Answer(Value),
    Commands(Vec<Candidate>),
}

impl Script {
    /// Parses and checks a script. `file` is how errors name it.
    ///
    /// # Errors
    /// [`UnderstandingError::Script`]: too large, an unknown key, a text twice, an entry that
    /// says not exactly one of intent, act and answer, a value that is not of its entity.
    pub fn parse(file: &str, text: &str) -> Result<Self, UnderstandingError> {
        let bad = |what: String| UnderstandingError::Script { file: file.to_owned(), what };
        let raw: RawScript = valet_package::strict::parse(file, text, MAX_SCRIPT_BYTES)
            .map_err(|e| bad(e.to_string()))?;
        let mut script = Self::default();
        for say in raw.say {
            let said = Tokens::read(&say.text).normal_text();
            let place = format!("say {:?}", say.text);
            let meaning = read_meaning(say).map_err(|what| bad(format!("{place}: {what}")))?;
            if script.says.insert(said, meaning).is_some() {
                return Err(bad(format!("{place}: is there twice")));
            }
        }
        Ok(script)
    }

    /// What the script says of a request's text; nothing for any other text.
    #[must_use]
    pub fn understand(&self, request: &Request) -> Understanding {
        let mut understood = Understanding::default();
        let end = u32::try_from(request.text.len()).unwrap_or(u32::MAX);
        match self.says.get(&Tokens::read(&request.text).normal_text()) {
            None => {}
            Some(Meaning::Act(act)) => understood.act = Some(*act),
            Some(Meaning::Answer(value)) => {
                understood.answer = request.expected.as_ref().map(|expected| Slot {
                    name: expected.slot.clone(),
                    value: value.clone(),
                    text: request.text.clone(),
                    start: 0,
                    end,
                });
            }
            Some(Meaning::Commands(candidates)) => {
                let command = |best: &Candidate| Command {
                    best: best.clone(),
                    alternatives: Vec::new(),
                    start: 0,
                    end,
                };
                understood.commands = candidates.iter().map(command).collect();
            }
        }
        understood
    }
}

fn read_meaning(say: RawSay) -> Result<Meaning, String> {
    match (say.intent, say.act, say.answer) {
        (Some(intent), None, None) => {
            let first = RawCommand { intent, slots: say.slots, confidence: say.confidence };
            let all: Vec<Candidate> = std::iter::once(first)
                .chain(say.then)
                .map(read_command)
                .collect::<Result<_, _>>()?;
            if all.len() > MAX_COMMANDS {
                return Err(format!("{} commands, expected at most {MAX_COMMANDS}", all.len()));
            }
            Ok(Meaning::Commands(all))
        }
        (None, Some(act), None) if say.slots.is_empty() && say.then.is_empty() => {
            read_act(&act).map(Meaning::Act)
        }
        (None, None, Some(answer)) if say.slots.is_empty() && say.then.is_empty() => {
            read_value(&answer).map(Meaning::Answer)
        }
        _ => Err("expected exactly one of intent (with slots), act or answer".into()),
    }
}

fn read_act(name: &str) -> Result<DialogueAct, String> {
    use DialogueAct as A;
    [A::Affirm, A::Deny, A::Stop, A::Undo, A::Repeat, A::Help]
        .into_iter()
        .find(|act| act.name() == name)
        .ok_or_else(|| {
            format!("act {name:?} came, expected affirm, deny, stop, undo, repeat or help")
        })
}

fn read_command(raw: RawCommand) -> Result<Candidate, String> {
    if !(0.0..=1.0).contains(&raw.confidence) {
        return Err(format!("confidence is {}, expected 0 to 1", raw.confidence));
    }
    let slots = raw
        .slots
        .iter()
        .map(|(name, slot)| {
            let value = read_value(slot).map_err(|what| format!("slots.{name}: {what}"))?;
            Ok(Slot::implied(name, value))
        })
        .collect::<Result<_, String>>()?;
    let intent = IntentId::parse(&raw.intent).map_err(|e| e.to_string())?;
    Ok(Candidate { intent, slots, confidence: raw.confidence, engine: Engine::Scripted })
}

/// A value in the units of the bus: durations in milliseconds, zones as the bus writes them.
fn read_value(slot: &RawSlot) -> Result<Value, String> {
    let kind = EntityKind::from_name(&slot.entity);
    let wrong = || format!("{} is no value of {:?}", slot.value, slot.entity);
    let number = || match &slot.value {
        #[allow(clippy::cast_precision_loss)]
        toml::Value::Integer(value) => Ok(*value as f64),
        toml::Value::Float(value) if value.is_finite() => Ok(*value),
        _ => Err(wrong()),
    };
    let whole = || slot.value.as_integer().ok_or_else(wrong);
    let text = || slot.value.as_str().map(str::to_owned).ok_or_else(wrong);
    Ok(match kind {
        EntityKind::Number => Value::Number(number()?),
        EntityKind::Ordinal => Value::Ordinal(whole()?),
        EntityKind::Percentage => Value::Percentage(number()?),
        EntityKind::Temperature => Value::Temperature(number()?),
        EntityKind::Duration => Value::Duration(u64::try_from(whole()?).map_err(|_| wrong())?),
        EntityKind::Time => Value::Time(text()?),
        EntityKind::Date => Value::Date(text()?),
        EntityKind::Distance => Value::Distance(number()?),
        EntityKind::Speed => Value::Speed(number()?),
        EntityKind::Colour => Value::Colour(text()?),
        EntityKind::Zone => Value::Zone(Zone::parse(&text()?).map_err(|e| e.to_string())?),
        EntityKind::Boolean => Value::Boolean(slot.value.as_bool().ok_or_else(wrong)?),
        EntityKind::Text | EntityKind::Listed(_) => Value::Text(text()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRIPT: &str = r#"
[[say]]
text = "make it warm"
intent = "org.example.climate/set-temperature"
slots.temperature = { entity = "temperature", value = 24 }
[[say]]
text = "yes"
act = "affirm"
"#;

    fn request(text: &str) -> Request {
        Request {
            text: text.to_owned(),
            language: "en".to_owned(),
            zone: Zone::DRIVER,
            expected: None,
            local_now: None,
            previous: None,
        }
    }

    #[test]
    fn a_scripted_text_means_what_the_script_says() {
        let script = Script::parse("s.toml", SCRIPT).expect("a script");
        let understood = script.understand(&request("Make it warm!"));
        let best = &understood.commands[0].best;
        assert_eq!(best.intent.name(), "set-temperature");
        assert_eq!(best.slots[0].value, Value::Temperature(24.0));
        assert_eq!(script.understand(&request("yes")).act, Some(DialogueAct::Affirm));
        assert!(script.understand(&request("make it cold")).is_empty());
    }

    #[test]
    fn a_script_that_breaks_a_rule_is_refused() {
        for (from, to) in [
            ("act = \"affirm\"", "act = \"nod\""),
            ("act = \"affirm\"", ""),
            ("act = \"affirm\"", "act = \"affirm\"\nintent = \"org.example.x/y\""),
            ("value = 24", "value = \"warm\""),
            ("org.example.climate/", ""),
            ("text = \"yes\"", "text = \"make it warm\""),
            ("[[say]]\ntext = \"yes\"", "[[says]]\ntext = \"yes\""),
        ] {
            let text = SCRIPT.replace(from, to);
            assert!(Script::parse("s.toml", &text).is_err(), "{from} -> {to}");
        }
    }
}
