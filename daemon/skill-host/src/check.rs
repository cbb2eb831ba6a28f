//! Checks everything a guest returns before the daemon sees it.
//!
//! Must not repair: a value outside of the contract is a fault of the skill.

use crate::{
    bindings::valet::skill::types as wit,
    convert::value_from_wit,
    limits::{MAX_FACTS, MAX_KEY_BYTES, MAX_SPEECH_BYTES, MAX_TEXT_BYTES},
};
use std::collections::BTreeSet;
use valet_core::{
    entity::Value,
    intent::is_name,
    outcome::{Answer, Choice, Fact, Outcome},
};
use valet_package::manifest::IntentSpec;

/// Longest words of a guest kept in a fault, characters.
const MAX_REPORT_CHARS: usize = 200;

/// What was wrong with a returned value.
type Wrong = String;

/// An outcome within the contract. Slots that are asked for must be slots of the intent.
pub(crate) fn outcome(outcome: wit::Outcome, intent: &IntentSpec) -> Result<Outcome, Wrong> {
    Ok(match outcome {
        wit::Outcome::Done(facts) => Outcome::Done { facts: check_facts(facts)? },
        wit::Outcome::Answer(answer) => Outcome::Answer(check_answer(answer)?),
        wit::Outcome::NeedsSlot(needed) => Outcome::NeedsSlot {
            slot: check_slot(needed.slot, intent)?,
            speech: speech(needed.speech)?,
        },
        wit::Outcome::Choose(choose) => Outcome::Choose {
            slot: check_slot(choose.slot, intent)?,
            speech: speech(choose.speech)?,
            choices: check_choices(choose.choices)?,
        },
        wit::Outcome::Confirm(question) => Outcome::Confirm { speech: speech(question)? },
        wit::Outcome::CannotDo(reason) => Outcome::CannotDo { speech: speech(reason)? },
    })
}

/// A skill's own words about its error, cut and without control characters.
pub(crate) fn report(error: wit::SkillError) -> String {
    let (what, words) = match error {
        wit::SkillError::UnknownIntent => return "the intent is unknown to it".into(),
        wit::SkillError::BadSlot(words) => ("bad slot: ", words),
        wit::SkillError::Internal(words) => ("", words),
    };
    let words = words.chars().take(MAX_REPORT_CHARS);
    what.chars().chain(words.map(|c| if c.is_control() { ' ' } else { c })).collect()
}

/// Text within `most` bytes that can be shown and spoken as it is.
pub(crate) fn text(text: String, most: usize, what: &str) -> Result<String, Wrong> {
    if text.len() > most {
        return Err(format!("{what} of {} bytes, expected at most {most}", text.len()));
    }
    if text.chars().any(char::is_control) {
        return Err(format!("{what} with control characters"));
    }
    Ok(text)
}

/// Speech: some words, within [`MAX_SPEECH_BYTES`].
pub(crate) fn speech(words: String) -> Result<String, Wrong> {
    if words.trim().is_empty() {
        return Err("empty speech".into());
    }
    text(words, MAX_SPEECH_BYTES, "speech")
}

fn check_slot(slot: String, intent: &IntentSpec) -> Result<String, Wrong> {
    if intent.slots.contains_key(&slot) {
        Ok(slot)
    } else {
        Err("a slot that the intent does not have".into())
    }
}

fn check_facts(facts: Vec<wit::Fact>) -> Result<Vec<Fact>, Wrong> {
    if facts.len() > MAX_FACTS {
        return Err(format!("{} facts, expected at most {MAX_FACTS}", facts.len()));
    }
    let mut names = BTreeSet::new();
    facts
        .into_iter()
        .map(|fact| {
            if !is_name(&fact.name) || !names.insert(fact.name.clone()) {
                return Err("a fact whose name is not valid or comes twice".into());
            }
            let value = value_from_wit(fact.value).ok_or("a zone that no vehicle has")?;
            Ok(Fact { name: fact.name, value: check_value(value)? })
        })
        .collect()
}

fn check_value(value: Value) -> Result<Value, Wrong> {
    let fits = match &value {
        Value::Number(v)
        | Value::Percentage(v)
        | Value::Temperature(v)
        | Value::Distance(v)
        | Value::Speed(v) => v.is_finite(),
        Value::Time(v) => fits_shape(v, "##:##") || fits_shape(v, "##:##:##"),
        Value::Date(v) => fits_shape(v, "####-##-##"),
        Value::Colour(v) => {
            v.len() == 7 && v.starts_with('#') && v.bytes().skip(1).all(|b| b.is_ascii_hexdigit())
        }
        Value::Text(v) => v.len() <= MAX_TEXT_BYTES && !v.chars().any(char::is_control),
        Value::Ordinal(_) | Value::Duration(_) | Value::Zone(_) | Value::Boolean(_) => true,
    };
    if fits { Ok(value) } else { Err("a fact whose value is not valid".into()) }
}

/// `#` stands for a digit.
fn fits_shape(text: &str, shape: &str) -> bool {
    text.len() == shape.len()
        && text.bytes().zip(shape.bytes()).all(|(t, s)| match s {
            b'#' => t.is_ascii_digit(),
            s => t == s,
        })
}

fn check_answer(answer: wit::Answer) -> Result<Answer, Wrong> {
    if answer.display.len() > MAX_FACTS {
        return Err(format!(
            "{} shown entries, expected at most {MAX_FACTS}",
            answer.display.len()
        ));
    }
    let display = answer
        .display
        .into_iter()
        .map(|(key, value)| {
            if !is_name(&key) {
                return Err("a shown entry whose key is not valid".to_owned());
            }
            Ok((key, text(value, MAX_TEXT_BYTES, "a shown entry")?))
        })
        .collect::<Result<_, _>>()?;
    Ok(Answer { speech: speech(answer.speech)?, display })
}

fn check_choices(choices: Vec<wit::Choice>) -> Result<Vec<Choice>, Wrong> {
    if !(2..=10).contains(&choices.len()) {
        return Err(format!("{} choices, expected 2 to 10", choices.len()));
    }
    let mut ids = BTreeSet::new();
    choices
        .into_iter()
        .map(|choice| {
            if choice.id.is_empty() || !ids.insert(choice.id.clone()) {
                return Err("a choice whose id is empty or comes twice".to_owned());
            }
            if choice.label.trim().is_empty() {
                return Err("a choice without a label".to_owned());
            }
            Ok(Choice {
                id: text(choice.id, MAX_KEY_BYTES, "a choice's id")?,
                label: text(choice.label, MAX_TEXT_BYTES, "a choice's label")?,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fact(name: &str, value: wit::Value) -> wit::Fact {
        wit::Fact { name: name.into(), value }
    }

    #[test]
    fn facts_within_the_contract_pass() {
        let facts = vec![
            fact("time", wit::Value::Time("07:30".into())),
            fact("zone", wit::Value::Zone(wit::Zone::Row(2))),
            fact("colour", wit::Value::Colour("#00ff7F".into())),
        ];
        assert_eq!(check_facts(facts).map(|f| f.len()), Ok(3));
    }

    #[test]
    fn facts_outside_of_the_contract_are_refused() {
        for bad in [
            fact("Bad Name", wit::Value::Boolean(true)),
            fact("n", wit::Value::Number(f64::NAN)),
            fact("t", wit::Value::Time("7:30".into())),
            fact("d", wit::Value::Date("2026-1-1".into())),
            fact("c", wit::Value::Colour("#00ff7g".into())),
            fact("z", wit::Value::Zone(wit::Zone::Row(9))),
            fact("x", wit::Value::Text("a\u{7}".into())),
        ] {
            assert!(check_facts(vec![bad.clone()]).is_err(), "{bad:?}");
        }
        let twice = vec![fact("n", wit::Value::Number(1.0)), fact("n", wit::Value::Number(2.0))];
        assert!(check_facts(twice).is_err());
    }

    #[test]
    fn a_report_is_cut_and_clean() {
        let words = report(wit::SkillError::Internal("a\nb".repeat(200)));
        assert_eq!(words.chars().count(), MAX_REPORT_CHARS);
        assert!(!words.chars().any(char::is_control));
    }
}
