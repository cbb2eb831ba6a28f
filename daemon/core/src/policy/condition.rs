//! Conditions on one value, as rules write them.
//!
//! Must not know where the value comes from.

use super::file::{ConditionTable, RuleValue};
use crate::signal::{MAX_VALUE_LEN, SignalValue};

/// Most texts or numbers to choose from.
const MAX_CHOICES: usize = 64;

/// What must hold of a value, all of it.
#[derive(Debug, Clone)]
pub(super) struct Condition(Vec<Test>);

#[derive(Debug, Clone)]
enum Test {
    Is(SignalValue),
    IsNot(SignalValue),
    OneOf(Vec<SignalValue>),
    AtLeast(f64),
    AtMost(f64),
    Above(f64),
    Below(f64),
}

impl Condition {
    /// Checks a condition: at least one test, finite numbers.
    pub(super) fn new(table: ConditionTable) -> Result<Self, String> {
        let mut tests: Vec<Test> = [
            table.at_least.map(Test::AtLeast),
            table.at_most.map(Test::AtMost),
            table.above.map(Test::Above),
            table.below.map(Test::Below),
        ]
        .into_iter()
        .flatten()
        .collect();
        let bounds = [table.at_least, table.at_most, table.above, table.below];
        if let Some(number) = bounds.into_iter().flatten().find(|number| !number.is_finite()) {
            return Err(format!("{number} came, expected a finite number"));
        }
        if let Some(value) = table.is {
            tests.push(Test::Is(value_of(value)?));
        }
        if let Some(value) = table.is_not {
            tests.push(Test::IsNot(value_of(value)?));
        }
        if let Some(choices) = table.one_of {
            if choices.is_empty() || choices.len() > MAX_CHOICES {
                let came = choices.len();
                return Err(format!("one-of has {came} values, expected 1 to {MAX_CHOICES}"));
            }
            let choices = choices.into_iter().map(value_of).collect::<Result<_, _>>()?;
            tests.push(Test::OneOf(choices));
        }
        if tests.is_empty() {
            let all = "is, is-not, one-of, at-least, at-most, above, below";
            return Err(format!("an empty condition came, expected one of {all}"));
        }
        Ok(Self(tests))
    }

    /// Whether it holds; a bound never holds of what is no number.
    pub(super) fn holds(&self, value: &SignalValue) -> bool {
        let number = value.as_number();
        self.0.iter().all(|test| match test {
            Test::Is(wanted) => wanted.matches(value),
            Test::IsNot(unwanted) => !unwanted.matches(value),
            Test::OneOf(choices) => choices.iter().any(|choice| choice.matches(value)),
            Test::AtLeast(bound) => number.is_some_and(|n| n >= *bound),
            Test::AtMost(bound) => number.is_some_and(|n| n <= *bound),
            Test::Above(bound) => number.is_some_and(|n| n > *bound),
            Test::Below(bound) => number.is_some_and(|n| n < *bound),
        })
    }
}

/// A value of a rule as a signal's value.
pub(super) fn value_of(value: RuleValue) -> Result<SignalValue, String> {
    match value {
        RuleValue::Boolean(v) => Ok(SignalValue::Boolean(v)),
        RuleValue::Integer(v) => Ok(SignalValue::Integer(v)),
        RuleValue::Float(v) if v.is_finite() => Ok(SignalValue::Float(v)),
        RuleValue::Text(v) if v.len() <= MAX_VALUE_LEN => Ok(SignalValue::Text(v)),
        RuleValue::Float(v) => Err(format!("{v} came, expected a finite number")),
        RuleValue::Text(v) => {
            Err(format!("a text of {} bytes came, expected at most {MAX_VALUE_LEN}", v.len()))
        }
    }
}
