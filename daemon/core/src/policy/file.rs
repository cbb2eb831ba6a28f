//! Policy files as they are written; unknown keys are refused. `daemon/core/policy/*.toml`
//! shows each of them.
//!
//! Must not judge anything.

use super::{
    ClassDefault, Companion, MAX_PARTS, MAX_WHY_BYTES, Need, Pattern, Rule, WHY_MOVING, Wanted,
    condition::{Condition, value_of},
};
use crate::signal::{Class, SignalPath};
use serde::Deserialize;

/// Highest speed a rule may name, km/h.
const MAX_SPEED_KMH: f64 = 400.0;

/// How strict a rule is, ascending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Strictness {
    /// Go on.
    Allow,
    /// Ask first.
    Confirm,
    /// No.
    Refuse,
}

/// A value in a rule.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum RuleValue {
    /// On or off.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A number.
    Float(f64),
    /// A text.
    Text(String),
}

/// One policy file.
#[derive(Debug, Clone, PartialEq, Deserialize, Default)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PolicyFile {
    /// When the vehicle counts as moving.
    pub driving_state: Option<DrivingStateTable>,
    /// Classes of signals.
    #[serde(default)]
    pub class: Vec<ClassTable>,
    /// What holds for a class where no rule says otherwise.
    #[serde(default)]
    pub class_default: Vec<ClassDefaultTable>,
    /// Rules.
    #[serde(default)]
    pub rule: Vec<RuleTable>,
}

/// `[driving-state]`.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct DrivingStateTable {
    /// It moves above this speed, km/h, 0 to 10.
    pub moving_above: f64,
}

/// `[[class]]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassTable {
    /// A path or pattern.
    pub signal: String,
    /// Its class.
    pub class: Class,
}

/// `[[class-default]]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ClassDefaultTable {
    /// Which class.
    pub class: Class,
    /// For a write on which no rule names a verdict.
    pub verdict: Option<Strictness>,
    /// For a write while moving on which no rule names `while-moving`.
    pub while_moving: Option<Strictness>,
    /// For every intent of the class.
    pub intents: Option<Strictness>,
    /// For every intent of the class while moving.
    pub intents_while_moving: Option<Strictness>,
    /// Words for a person.
    pub why: Option<String>,
}

/// `[[rule]]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RuleTable {
    /// A name of its own; a later rule of that name replaces this one.
    pub name: String,
    /// A path or pattern.
    pub signal: String,
    /// Only for such target values; any without.
    pub when: Option<ConditionTable>,
    /// At any time.
    pub verdict: Option<Strictness>,
    /// While the vehicle moves.
    pub while_moving: Option<Strictness>,
    /// Refused above this speed, km/h.
    pub max_speed: Option<f64>,
    /// What must be so.
    #[serde(default)]
    pub needs: Vec<NeedTable>,
    /// What is written along.
    #[serde(default)]
    pub companions: Vec<CompanionTable>,
    /// Words for a person when it is refused or asked.
    pub why: String,
}

/// A condition on a value; all of what is named must hold.
#[derive(Debug, Clone, PartialEq, Deserialize, Default)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ConditionTable {
    /// Equals.
    pub is: Option<RuleValue>,
    /// Differs.
    pub is_not: Option<RuleValue>,
    /// Is one of these.
    pub one_of: Option<Vec<RuleValue>>,
    /// Not below.
    pub at_least: Option<f64>,
    /// Not above.
    pub at_most: Option<f64>,
    /// Above.
    pub above: Option<f64>,
    /// Below.
    pub below: Option<f64>,
}

/// A precondition of a rule.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct NeedTable {
    /// A whole path.
    pub signal: String,
    /// What must hold of its current value.
    pub holds: ConditionTable,
    /// What an unknown value means; refused without.
    pub unknown: Option<Strictness>,
    /// Words for a person when it does not hold.
    pub why: String,
}

/// A companion of a rule.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CompanionTable {
    /// A whole path.
    pub signal: String,
    /// Gets this value.
    pub is: Option<RuleValue>,
    /// Gets this value where it is below, or unknown.
    pub at_least: Option<RuleValue>,
}

impl ClassDefault {
    /// Checks a class's defaults.
    pub(super) fn new(table: ClassDefaultTable) -> Result<Self, String> {
        if let Some(why) = &table.why {
            check_words(why)?;
        }
        let or_allow = |strictness: Option<Strictness>| strictness.unwrap_or(Strictness::Allow);
        Ok(Self {
            verdict: or_allow(table.verdict),
            while_moving: or_allow(table.while_moving),
            intents: or_allow(table.intents),
            intents_while_moving: or_allow(table.intents_while_moving),
            why: table.why.unwrap_or_else(|| WHY_MOVING.to_owned()),
        })
    }
}

impl Rule {
    /// Checks a rule.
    pub(super) fn new(table: RuleTable) -> Result<Self, String> {
        crate::intent::check_name(&table.name).map_err(|e| e.to_string())?;
        check_words(&table.why)?;
        let max_speed = table.max_speed;
        if max_speed.is_some_and(|speed| !(0.0..=MAX_SPEED_KMH).contains(&speed)) {
            return Err(format!("max-speed came, expected 0 to {MAX_SPEED_KMH} km/h"));
        }
        if table.needs.len().max(table.companions.len()) > MAX_PARTS {
            return Err(format!("expected at most {MAX_PARTS} needs and companions"));
        }
        let says_something = table.verdict.is_some()
            || table.while_moving.is_some()
            || max_speed.is_some()
            || !table.needs.is_empty()
            || !table.companions.is_empty();
        if !says_something {
            return Err("the rule says nothing, expected a verdict, a bound, needs or companions"
                .to_owned());
        }
        Ok(Self {
            name: table.name,
            pattern: Pattern::new(&table.signal)?,
            when: table.when.map(Condition::new).transpose()?,
            verdict: table.verdict,
            while_moving: table.while_moving,
            max_speed,
            needs: table.needs.into_iter().map(need_of).collect::<Result<_, _>>()?,
            companions: table.companions.into_iter().map(companion_of).collect::<Result<_, _>>()?,
            why: table.why,
        })
    }
}

fn need_of(table: NeedTable) -> Result<Need, String> {
    check_words(&table.why)?;
    let unknown_is_fine = match table.unknown {
        None | Some(Strictness::Refuse) => false,
        Some(Strictness::Allow) => true,
        Some(Strictness::Confirm) => {
            return Err("unknown = \"confirm\" came, expected allow or refuse".to_owned());
        }
    };
    Ok(Need {
        signal: whole_path(&table.signal)?,
        holds: Condition::new(table.holds)?,
        unknown_is_fine,
        why: table.why,
    })
}

fn companion_of(table: CompanionTable) -> Result<Companion, String> {
    let wanted = match (table.is, table.at_least) {
        (Some(value), None) => Wanted::Is(value_of(value)?),
        (None, Some(value)) => {
            let value = value_of(value)?;
            if value.as_number().is_none() {
                return Err(format!("at-least = {value} came, expected a number"));
            }
            Wanted::AtLeast(value)
        }
        _ => return Err("a companion has is or at-least, expected one of them".to_owned()),
    };
    Ok(Companion { signal: whole_path(&table.signal)?, wanted })
}

fn whole_path(text: &str) -> Result<SignalPath, String> {
    SignalPath::parse(text).map_err(|e| e.to_string())
}

fn check_words(why: &str) -> Result<(), String> {
    if why.trim().is_empty() || why.len() > MAX_WHY_BYTES || why.chars().any(char::is_control) {
        return Err(format!(
            "the words came empty, too long or with control characters, expected 1 to {MAX_WHY_BYTES} bytes"
        ));
    }
    Ok(())
}
