//! The script of a tour: strict TOML, read and checked before the first step.

use crate::CtlError;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use valet_package::strict;

/// Largest script, bytes.
const MAX_BYTES: usize = 256 << 10;
/// Most steps.
const MAX_STEPS: usize = 200;

/// Signals by path.
pub(super) type Values = BTreeMap<String, Worth>;

/// A value of a signal as a script writes it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub(super) enum Worth {
    /// `true`.
    Boolean(bool),
    /// `3`.
    Integer(i64),
    /// `21.5`.
    Float(f64),
    /// `"OPEN"`.
    Text(String),
}

/// A worth as JSON.
pub(super) fn json(worth: &Worth) -> Value {
    match worth {
        Worth::Boolean(v) => Value::from(*v),
        Worth::Integer(v) => Value::from(*v),
        Worth::Float(v) => Value::from(*v),
        Worth::Text(v) => Value::from(v.as_str()),
    }
}

/// A tour.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Script {
    /// Shown first.
    #[serde(default)]
    pub(super) title: String,
    /// Who speaks unless a step says otherwise.
    #[serde(default = "driver")]
    pub(super) zone: String,
    /// How the vehicle is before the first step.
    #[serde(default)]
    pub(super) start: Situation,
    /// How it is left.
    #[serde(default)]
    pub(super) finish: Situation,
    /// What is said, in order.
    pub(super) step: Vec<Step>,
}

fn driver() -> String {
    "row1-driver".to_owned()
}

/// What the simulated vehicle is brought to.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Situation {
    /// A driving cycle.
    pub(super) drive: Option<String>,
    /// Current values.
    #[serde(default)]
    pub(super) signals: Values,
    /// Faults by path or pattern.
    #[serde(default)]
    pub(super) faults: BTreeMap<String, String>,
}

/// One utterance.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Step {
    /// What is said.
    pub(super) say: String,
    /// Why this step is there.
    pub(super) why: String,
    /// Who says it.
    pub(super) zone: Option<String>,
    /// What happens to the vehicle just before.
    #[serde(default)]
    pub(super) before: Situation,
    /// How it should go.
    pub(super) expect: Expectation,
}

/// How a step should go. What is absent is not looked at.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Expectation {
    /// The result's `type`.
    #[serde(rename = "type")]
    pub(super) kind: String,
    /// The result's intents, in order; those of Valet's own skills without `org.valetd.`.
    pub(super) intents: Option<Vec<String>>,
    /// Who understood it.
    #[serde(default)]
    pub(super) engine: EngineClass,
    /// The result's `code`; empty = none.
    pub(super) code: Option<String>,
    /// Words that must be in the speech, whatever their case.
    pub(super) speech: Option<String>,
    /// Signals afterwards.
    #[serde(default)]
    pub(super) signals: Values,
}

/// Who is expected to understand a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum EngineClass {
    /// A fixed sentence.
    Template,
    /// The encoder.
    Encoder,
    /// Whoever.
    #[default]
    Any,
}

impl EngineClass {
    /// As a result writes it; `None` for any.
    pub(super) fn name(self) -> Option<&'static str> {
        match self {
            Self::Template => Some("template"),
            Self::Encoder => Some("encoder"),
            Self::Any => None,
        }
    }
}

impl Script {
    /// Reads and checks a script; `file` is how errors name it.
    ///
    /// # Errors
    /// [`CtlError::Script`] with the line.
    pub(super) fn parse(file: &str, text: &str) -> Result<Self, CtlError> {
        let script: Self = strict::parse(file, text, MAX_BYTES)
            .map_err(|error| CtlError::Script { message: error.to_string() })?;
        let bad = |message: String| Err(CtlError::Script { message: format!("{file}: {message}") });
        if script.step.is_empty() || script.step.len() > MAX_STEPS {
            return bad(format!("{} steps, expected 1 to {MAX_STEPS}", script.step.len()));
        }
        const KINDS: [&str; 6] =
            ["question", "refusal", "error", "action", "answer", "not-understood"];
        for step in &script.step {
            if !KINDS.contains(&step.expect.kind.as_str()) {
                return bad(format!(
                    "step {:?}: type is {:?}, expected {}",
                    step.say,
                    step.expect.kind,
                    KINDS.join(", ")
                ));
            }
        }
        Ok(script)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::BUILT_IN, *};

    #[test]
    fn the_tour_that_is_shipped_covers_what_it_promises() {
        let script = Script::parse("tour.en.toml", BUILT_IN).expect("the script parses");
        assert!((18..=24).contains(&script.step.len()), "{} steps", script.step.len());
        let kinds = |kind: &str| script.step.iter().filter(|s| s.expect.kind == kind).count();
        assert!(
            kinds("question") >= 2 && kinds("answer") >= 1,
            "a missing slot, a confirmation, a question"
        );
        assert!(kinds("refusal") >= 1 && kinds("not-understood") >= 1);
        let encoder =
            script.step.iter().filter(|s| s.expect.engine == EngineClass::Encoder).count();
        assert!(encoder >= 6, "{encoder} steps for the encoder");
        assert!(
            script.step.iter().any(|s| s.expect.intents.as_ref().is_some_and(|i| i.len() == 2))
        );
        assert!(script.step.iter().any(|s| s.before.drive.is_some()));
    }

    #[test]
    fn a_script_that_breaks_a_rule_is_refused_with_its_line() {
        for (text, part) in [
            (
                "[[step]]\nsay = \"a\"\nwhy = \"b\"\nexpect = { type = \"act\" }",
                "expected question",
            ),
            (
                "[[step]]\nsay = \"a\"\nwhy = \"b\"\nexpects = { type = \"action\" }",
                "unknown key `expects`",
            ),
            ("step = []", "0 steps"),
        ] {
            let error = Script::parse("x.toml", text).expect_err("breaks a rule").to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
