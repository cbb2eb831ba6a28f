//! Replies: the words for what happened, rendered from observed outcomes only.
//!
//! Must not decide what happened, and must not take a claim of success from a guest:
//! a guest's own words are used for answers, questions and refusals alone.

mod naming;

use crate::{
    entity::Value,
    outcome::{Action, ActionStatus, Fact, Target},
    signal::{SignalInfo, SignalPath, SignalValue},
    slot::Slot,
    zone::{Side, Zone},
};
pub use naming::SignalWords;
use serde::Deserialize;
use std::{collections::BTreeMap, sync::Arc};

/// Looks a signal up in the catalogue; pure, for the catalogue never changes.
pub type Describe = Arc<dyn Fn(&SignalPath) -> Option<SignalInfo> + Send + Sync>;

/// The host's own words in one language (`words/<lang>.toml`).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostWords {
    /// By outcome, for intents whose skill has no reply for it.
    pub outcome: BTreeMap<String, String>,
    /// Sentences of the dialogue itself, by name.
    pub dialogue: BTreeMap<String, String>,
    /// Names of zones, by their notation on the bus.
    pub zones: BTreeMap<String, String>,
    /// Words for values: `on`, `off`, `degrees`, `percent`, …
    pub values: BTreeMap<String, String>,
    /// Names of signals; of several that fit the first.
    #[serde(default)]
    pub signals: Vec<SignalWords>,
}

/// The fact with which a skill says in which unit this answer tells temperatures: `fahrenheit`,
/// else Celsius. It changes how a value is said, never which.
pub const TEMPERATURE_UNIT: &str = "temperature-unit";

/// Keys that every language file must have, so that nothing is ever answered with a hole.
const DIALOGUE_KEYS: [&str; 33] = [
    "yes",
    "no",
    "held",
    "too-many",
    "not-understood",
    "nearest",
    "nothing-to-undo",
    "undone",
    "nothing-to-repeat",
    "stopped",
    "cancelled",
    "confirm",
    "confirm-again",
    "expired",
    "help",
    "no-encoder",
    "skill-failed",
    "timeout",
    "skipped",
    "not-reached",
    "nothing-happened",
    "missing-slot",
    "did-you-mean",
    "changed-meanwhile",
    "nothing-to-confirm",
    "or",
    "and",
    "cannot-undo",
    "undone-partly",
    "needs-companion",
    "set-signal",
    "of-place",
    "plan",
];

/// A language file with a hole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the words have no entry [{table}] {key}")]
pub struct MissingWords {
    /// Table.
    pub table: &'static str,
    /// Key.
    pub key: String,
}

impl HostWords {
    /// Checks that every word the host needs is there.
    ///
    /// # Errors
    /// [`MissingWords`] names the first hole.
    pub fn check(&self) -> Result<(), MissingWords> {
        let missing = |table, key: &str| MissingWords { table, key: key.to_owned() };
        for key in DIALOGUE_KEYS {
            self.dialogue.get(key).ok_or_else(|| missing("dialogue", key))?;
        }
        for status in ActionStatus::ALL {
            self.outcome.get(status.name()).ok_or_else(|| missing("outcome", status.name()))?;
        }
        Ok(())
    }

    /// A sentence of the dialogue with its placeholders filled.
    #[must_use]
    pub fn say(&self, key: &str, values: &[(&str, &str)]) -> String {
        let mut text = self.dialogue.get(key).cloned().unwrap_or_default();
        for (name, value) in values {
            text = text.replace(&format!("{{{name}}}"), value);
        }
        capitalise(&text)
    }

    fn value_word<'a>(&'a self, key: &'a str) -> &'a str {
        self.values.get(key).map_or(key, String::as_str)
    }

    /// A zone's name.
    #[must_use]
    pub fn zone(&self, zone: Zone) -> String {
        let key = zone.to_string();
        if let Some(words) = self.zones.get(&key) {
            return words.clone();
        }
        match zone {
            Zone::Row(row) | Zone::Seat(row, Side::Middle) => format!("row {row}"),
            Zone::Seat(row, Side::Driver) => format!("row {row} driver's side"),
            Zone::Seat(row, Side::Passenger) => format!("row {row} passenger side"),
            Zone::All => key,
        }
    }

    /// A slot's or a fact's value as a person says it.
    #[must_use]
    pub fn value(&self, value: &Value) -> String {
        match value {
            Value::Number(v) => number(*v),
            Value::Percentage(v) => format!("{} {}", number(*v), self.value_word("percent")),
            Value::Temperature(v) => format!("{} {}", number(*v), self.value_word("degrees")),
            Value::Distance(v) if *v >= 1000.0 => {
                format!("{} {}", number(round_to(*v / 1000.0, 1)), self.value_word("kilometres"))
            }
            Value::Distance(v) => format!("{} {}", number(v.round()), self.value_word("metres")),
            Value::Speed(v) => format!("{} {}", number(v.round()), self.value_word("km/h")),
            Value::Duration(ms) => self.duration(*ms),
            Value::Zone(zone) => self.zone(*zone),
            Value::Boolean(true) => self.value_word("on").to_owned(),
            Value::Boolean(false) => self.value_word("off").to_owned(),
            Value::Ordinal(v) => v.to_string(),
            Value::Time(v) | Value::Date(v) | Value::Colour(v) | Value::Text(v) => v.clone(),
        }
    }

    /// A temperature in whole degrees Fahrenheit, from degrees Celsius.
    #[must_use]
    pub fn fahrenheit(&self, celsius: f64) -> String {
        let degrees = (celsius * 1.8 + 32.0).round();
        format!("{} {}", number(degrees), self.value_word("degrees Fahrenheit"))
    }

    /// A length of time, to the second.
    #[must_use]
    pub fn duration(&self, ms: u64) -> String {
        let seconds = (ms + 500) / 1000;
        let parts =
            [("hour", seconds / 3600), ("minute", seconds / 60 % 60), ("second", seconds % 60)];
        let said: Vec<String> = parts
            .iter()
            .filter(|(_, amount)| *amount > 0)
            .map(|(unit, amount)| {
                let unit = if *amount == 1 { (*unit).to_owned() } else { format!("{unit}s") };
                format!("{amount} {}", self.value_word(&unit))
            })
            .collect();
        if said.is_empty() { format!("0 {}", self.value_word("seconds")) } else { said.join(" ") }
    }

    /// A signal's value as a person says it, with the unit of the catalogue.
    #[must_use]
    pub fn signal(&self, value: &SignalValue, info: Option<&SignalInfo>) -> String {
        let unit = info.map_or("", |info| info.unit.as_str());
        match value {
            SignalValue::Boolean(on) => self.value_word(if *on { "on" } else { "off" }).to_owned(),
            SignalValue::Text(text) => self.value_word(&text.to_lowercase()).replace('_', " "),
            other => match other.as_number() {
                Some(v) => {
                    let said = number(round_to(v, 1));
                    match unit {
                        "" => said,
                        "Celsius" => format!("{said} {}", self.value_word("degrees")),
                        unit => format!("{said} {}", self.value_word(unit)),
                    }
                }
                None => other.to_string(),
            },
        }
    }
}

#[allow(clippy::cast_possible_truncation)]
fn round_to(v: f64, digits: i32) -> f64 {
    let scale = 10f64.powi(digits);
    (v * scale).round() / scale
}

/// A number without a needless fraction.
fn number(v: f64) -> String {
    format!("{}", round_to(v, 2))
}

/// The first letter in upper case.
#[must_use]
pub fn capitalise(text: &str) -> String {
    let text = text.trim();
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// The status of a whole command: the worst of what was asked for, companions aside.
/// A guest that says `done` and asked the world for nothing has done nothing.
#[must_use]
pub fn overall(actions: &[Action]) -> ActionStatus {
    actions
        .iter()
        .filter(|action| !action.companion || !action.status.is_success())
        .map(|action| action.status)
        .max()
        .unwrap_or(ActionStatus::Failed)
}

/// What a reply template may name.
pub struct ReplyContext<'a> {
    /// The host's words.
    pub words: &'a HostWords,
    /// The command's slots.
    pub slots: &'a [Slot],
    /// The guest's facts.
    pub facts: &'a [Fact],
    /// What was asked of the world.
    pub actions: &'a [Action],
    /// The catalogue.
    pub describe: &'a Describe,
}

impl ReplyContext<'_> {
    /// What the world said comes first: a guest's fact cannot stand in for it.
    fn placeholder(&self, name: &str) -> Option<String> {
        match name {
            "observed" => self.signal(|a| a.observed.as_ref()),
            "requested" => self.signal(|a| a.requested.as_ref()),
            "previous" => self.signal(|a| a.previous.as_ref()),
            "least" => self.bound(|info| info.min),
            "most" => self.bound(|info| info.max),
            "why" => self.actions.iter().find_map(|a| a.why.clone()),
            _ => {
                let fact = self.facts.iter().find(|fact| fact.name == name).map(|f| &f.value);
                let slot = || self.slots.iter().find(|slot| slot.name == name).map(|s| &s.value);
                fact.or_else(slot).map(|value| self.value(value))
            }
        }
    }

    /// A value of the first action that is no companion.
    fn signal(&self, pick: fn(&Action) -> Option<&SignalValue>) -> Option<String> {
        let action = self.actions.iter().find(|action| !action.companion)?;
        let value = pick(action)?;
        let info = match &action.target {
            Target::Signal(path) => (self.describe)(path),
            _ => None,
        };
        let celsius = info.as_ref().filter(|i| i.unit == "Celsius").and(value.as_number());
        Some(match celsius {
            Some(celsius) if self.in_fahrenheit() => self.words.fahrenheit(celsius),
            _ => self.words.signal(value, info.as_ref()),
        })
    }

    /// A bound of the first signal that was asked for more or less than it can do.
    fn bound(&self, pick: fn(&SignalInfo) -> Option<f64>) -> Option<String> {
        let beyond = self.actions.iter().find(|a| a.status == ActionStatus::OutOfRange)?;
        let Target::Signal(path) = &beyond.target else { return None };
        let info = (self.describe)(path)?;
        let bound = pick(&info)?;
        Some(match info.unit.as_str() {
            "Celsius" if self.in_fahrenheit() => self.words.fahrenheit(bound),
            _ => self.words.signal(&SignalValue::Float(bound), Some(&info)),
        })
    }

    fn value(&self, value: &Value) -> String {
        match value {
            Value::Temperature(celsius) if self.in_fahrenheit() => self.words.fahrenheit(*celsius),
            other => self.words.value(other),
        }
    }

    fn in_fahrenheit(&self) -> bool {
        let fahrenheit = Value::Text("fahrenheit".to_owned());
        self.facts.iter().any(|fact| fact.name == TEMPERATURE_UNIT && fact.value == fahrenheit)
    }

    /// Renders a template: `{name}`, `{name|fallback}`, and `[…]` that is left out when a
    /// placeholder inside has no value. A hole outside of brackets gives `None`.
    #[must_use]
    pub fn render(&self, template: &str) -> Option<String> {
        let mut out = String::new();
        let mut rest = template;
        while let Some(at) = rest.find(['{', '[']) {
            out.push_str(&rest[..at]);
            let open_bracket = rest.as_bytes()[at] == b'[';
            let close = if open_bracket { ']' } else { '}' };
            let Some(end) = rest[at..].find(close).map(|offset| at + offset) else {
                out.push_str(&rest[at..]);
                return Some(out);
            };
            let inside = &rest[at + 1..end];
            if open_bracket {
                // Brackets do not nest, so this recursion is one deep.
                out.push_str(&self.render(inside).unwrap_or_default());
            } else {
                let (name, fallback) = match inside.split_once('|') {
                    Some((name, fallback)) => (name, Some(fallback)),
                    None => (inside, None),
                };
                out.push_str(&self.placeholder(name).or_else(|| fallback.map(str::to_owned))?);
            }
            rest = &rest[end + 1..];
        }
        out.push_str(rest);
        Some(out)
    }

    /// The sentence for a command that asked the world for something.
    #[must_use]
    pub fn sentence(&self, skill_reply: Option<&str>, status: ActionStatus) -> String {
        let rendered = skill_reply.and_then(|template| self.render(template));
        let generic = || {
            let why = self.placeholder("why");
            match why {
                // The policy and the device say best why they said no.
                Some(why) if !status.is_success() => why,
                _ => self
                    .words
                    .outcome
                    .get(status.name())
                    .and_then(|template| self.render(template))
                    .unwrap_or_else(|| self.words.say("nothing-happened", &[])),
            }
        };
        let from_why =
            matches!(status, ActionStatus::Denied).then(|| self.placeholder("why")).flatten();
        capitalise(&from_why.or(rendered).unwrap_or_else(generic))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn words() -> HostWords {
        toml::from_str(include_str!("../words/en.toml")).expect("the words parse")
    }

    fn action(status: ActionStatus, observed: f64) -> Action {
        Action {
            target: Target::Signal(SignalPath::parse("Vehicle.T").expect("a path")),
            requested: Some(SignalValue::Float(22.0)),
            previous: None,
            observed: Some(SignalValue::Float(observed)),
            status,
            why: None,
            companion: false,
        }
    }

    fn describe() -> Describe {
        Arc::new(|_| {
            Some(SignalInfo {
                kind: crate::signal::SignalKind::Actuator,
                data_type: crate::signal::SignalType::Float,
                is_array: false,
                unit: "Celsius".into(),
                min: None,
                max: None,
                allowed: vec![],
                momentary: vec![],
            })
        })
    }

    #[test]
    fn english_words_have_no_hole() {
        words().check().expect("complete");
    }

    #[test]
    fn a_reply_is_rendered_from_what_was_observed() {
        let words = words();
        let describe = describe();
        let actions = [action(ActionStatus::Done, 21.499_999)];
        let slots = [Slot::implied("zone", Value::Zone(Zone::DRIVER))];
        let context = ReplyContext {
            words: &words,
            slots: &slots,
            facts: &[],
            actions: &actions,
            describe: &describe,
        };
        let said = context.sentence(
            Some("{zone|The cabin} is set to {observed}[ until {time}]."),
            ActionStatus::Done,
        );
        assert_eq!(said, "The driver's side is set to 21.5 degrees.");
    }

    #[test]
    fn a_guests_fact_chooses_the_unit_but_never_the_value() {
        let words = words();
        let describe = describe();
        let actions = [action(ActionStatus::Done, 21.1)];
        let fact = |name: &str, value: &str| Fact {
            name: name.to_owned(),
            value: Value::Text(value.to_owned()),
        };
        let facts = [fact(TEMPERATURE_UNIT, "fahrenheit"), fact("observed", "99 degrees")];
        let context = ReplyContext {
            words: &words,
            slots: &[Slot::implied("wanted", Value::Temperature(20.0))],
            facts: &facts,
            actions: &actions,
            describe: &describe,
        };
        let said = context.sentence(Some("{observed}, not {wanted}."), ActionStatus::Done);
        assert_eq!(said, "70 degrees Fahrenheit, not 68 degrees Fahrenheit.");
    }

    #[test]
    fn what_is_beyond_a_signals_bounds_is_told_with_them() {
        let words = words();
        let bounded: Describe = Arc::new(|path| {
            Some(SignalInfo { min: Some(16.0), max: Some(30.0), ..describe()(path)? })
        });
        let actions = [action(ActionStatus::OutOfRange, 1.0)];
        let (slots, facts) = (&[], &[]);
        let context =
            ReplyContext { words: &words, slots, facts, actions: &actions, describe: &bounded };
        assert_eq!(
            context.sentence(None, ActionStatus::OutOfRange),
            "That is outside of what it can do: it goes from 16 degrees to 30 degrees."
        );
        let unknown = describe();
        let context = ReplyContext { describe: &unknown, ..context };
        assert_eq!(
            context.sentence(None, ActionStatus::OutOfRange),
            "That is outside of what it can do."
        );
    }

    #[test]
    fn done_without_any_action_is_a_failure() {
        assert_eq!(overall(&[]), ActionStatus::Failed);
        assert_eq!(
            overall(&[action(ActionStatus::Already, 1.0), action(ActionStatus::Done, 1.0)]),
            ActionStatus::Done
        );
        assert_eq!(
            overall(&[action(ActionStatus::Done, 1.0), action(ActionStatus::Denied, 1.0)]),
            ActionStatus::Denied
        );
    }

    #[test]
    fn durations_are_said_in_their_two_largest_units() {
        let words = words();
        assert_eq!(words.duration(5_400_000), "1 hour 30 minutes");
        assert_eq!(words.duration(61_000), "1 minute 1 second");
        assert_eq!(words.duration(4_830_000), "1 hour 20 minutes 30 seconds");
        assert_eq!(words.duration(0), "0 seconds");
    }
}
