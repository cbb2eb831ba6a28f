//! What differs between how a step should go and how it went.
//!
//! Must not forgive: a key that is missing differs from one that is expected.

use super::script::{Expectation, Values, Worth, json};
use crate::{
    turn::short_intent,
    value::{items, plain, text},
};
use serde_json::Value;

/// Numbers of signals are compared this exactly.
const EXACT: f64 = 1e-3;

/// One thing that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Difference {
    /// Which.
    pub(super) what: String,
    /// How it should be.
    pub(super) expected: String,
    /// How it is.
    pub(super) came: String,
}

impl Difference {
    pub(super) fn new(
        what: impl Into<String>,
        expected: impl Into<String>,
        came: impl Into<String>,
    ) -> Self {
        Self { what: what.into(), expected: expected.into(), came: came.into() }
    }
}

/// Compares a result.
pub(super) fn result(expected: &Expectation, result: &Value) -> Vec<Difference> {
    let mut differences = Vec::new();
    let mut same = |what: &str, expected: &str, came: &str| {
        if expected != came {
            let shown =
                |text: &str| if text.is_empty() { "none".to_owned() } else { text.to_owned() };
            differences.push(Difference::new(what, shown(expected), shown(came)));
        }
    };
    same("type", &expected.kind, text(result, "type"));
    if let Some(intents) = &expected.intents {
        let came: Vec<&str> =
            items(result, "intents").iter().map(|i| short_intent(text(i, "intent"))).collect();
        let wanted: Vec<&str> = intents.iter().map(|i| short_intent(i)).collect();
        same("intents", &wanted.join(", "), &came.join(", "));
    }
    if let Some(engine) = expected.engine.name() {
        same("engine", engine, text(result, "engine"));
    }
    if let Some(code) = &expected.code {
        same("code", code, text(result, "code"));
    }
    if let Some(words) = &expected.speech
        && !text(result, "speech").to_lowercase().contains(&words.to_lowercase())
    {
        differences.push(Difference::new(
            "speech",
            format!("“… {words} …”"),
            format!("“{}”", text(result, "speech")),
        ));
    }
    differences
}

/// Compares signals.
pub(super) fn signals(expected: &Values, observed: &Value) -> Vec<Difference> {
    expected
        .iter()
        .filter(|(path, worth)| {
            !observed.get(path.as_str()).is_some_and(|value| same(worth, value))
        })
        .map(|(path, worth)| {
            let came = observed.get(path.as_str()).map_or_else(|| "no value".to_owned(), plain);
            Difference::new(path.as_str(), plain(&json(worth)), came)
        })
        .collect()
}

fn same(worth: &Worth, value: &Value) -> bool {
    match (json(worth).as_f64(), value.as_f64()) {
        (Some(wanted), Some(came)) => (wanted - came).abs() < EXACT,
        _ => json(worth) == *value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn expectation(text: &str) -> Expectation {
        valet_package::strict::parse("x", text, 1000).expect("an expectation")
    }

    #[test]
    fn every_kind_of_difference_is_found() {
        let expected = expectation(
            "type = \"action\"\nintents = [\"climate/set-fan\"]\nengine = \"encoder\"\ncode = \"\"\nspeech = \"Fan\"",
        );
        let fine = json!({
            "type": "action", "engine": "encoder", "speech": "the fan runs",
            "intents": [{ "intent": "org.valetd.climate/set-fan" }],
        });
        assert_eq!(result(&expected, &fine), []);
        let wrong = json!({
            "type": "refusal", "engine": "template", "speech": "no", "code": "policy",
            "intents": [{ "intent": "org.valetd.climate/set-ac" }],
        });
        let what: Vec<String> = result(&expected, &wrong).into_iter().map(|d| d.what).collect();
        assert_eq!(what, ["type", "intents", "engine", "code", "speech"]);
    }

    #[test]
    fn a_signal_without_a_value_differs_and_numbers_are_numbers() {
        let expected =
            expectation("type = \"action\"\nsignals = { A = 22, B = true, C = \"ON\" }").signals;
        assert_eq!(signals(&expected, &json!({ "A": 22.0, "B": true, "C": "ON" })), []);
        assert_eq!(signals(&expected, &json!({ "A": 22.1, "B": false })).len(), 3);
    }
}
