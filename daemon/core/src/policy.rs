//! The policy of the device: which signals an assistant may write at all, when, and what has
//! to go with it. Rules are data; this room only weighs them.
//!
//! Must not read files or signals: it is given both, and judges the same way every time.
//! Everything it does not know counts against the request.
//!
//! How rules combine:
//! - The class of a signal comes from the most specific pattern that matches it (most
//!   literal elements, then most `*`); of equals the later one, so that an integrator's
//!   file overrides the shipped one. A signal without a class is never written, one of class
//!   `driving` neither, whatever the data says.
//! - All rules that apply to a path and value count, and the strictest verdict wins. A rule
//!   that names `verdict` or `while-moving` replaces the class's default for that key. A
//!   later rule of the same name replaces an earlier one.
//! - Companions are written along with what was asked. They are not weighed by rules
//!   themselves, so they never bring companions of their own; each has to have a class below
//!   `driving`, or the policy is not built.

mod condition;
mod file;

use crate::{
    capability::{is_path_pattern, path_matches},
    signal::{Class, SignalPath, SignalValue},
};
use condition::Condition;
pub use file::{
    ClassDefaultTable, ClassTable, CompanionTable, ConditionTable, DrivingStateTable, NeedTable,
    PolicyFile, RuleTable, RuleValue, Strictness,
};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

/// Most policy files.
pub const MAX_FILES: usize = 64;
/// Most classes, and most rules, of all files together.
pub const MAX_ENTRIES: usize = 2000;
/// Most needs or companions of one rule.
pub const MAX_PARTS: usize = 16;
/// Longest words for a person, in bytes.
pub const MAX_WHY_BYTES: usize = 300;

const SPEED: &str = "Vehicle.Speed";
const DEFAULT_MOVING_ABOVE_KMH: f64 = 3.0;
const WHY_UNLISTED: &str = "I am not allowed to change that.";
const WHY_DRIVING: &str = "Driving stays with you.";
const WHY_MOVING: &str = "The car is moving.";
const WHY_UNKNOWN_SPEED: &str = "I do not know how fast the car is going.";

/// A policy that cannot be built; nothing of it holds then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// An entry is wrong.
    #[error("{file}: {entry}: {why}")]
    Entry {
        /// The file's name.
        file: String,
        /// Which entry.
        entry: String,
        /// What was expected and what came.
        why: String,
    },
    /// More than fits.
    #[error("{what}: {came} came, expected at most {most}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many came.
        came: usize,
        /// How many fit.
        most: usize,
    },
}

/// Current values by path, as far as they are known.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Snapshot(pub BTreeMap<SignalPath, SignalValue>);

impl Snapshot {
    /// The value of a signal; none when it is not known.
    #[must_use]
    pub fn value(&self, path: &SignalPath) -> Option<&SignalValue> {
        self.0.get(path)
    }

    /// The same with other values laid over; a later one of a path wins.
    #[must_use]
    pub fn with<'v>(
        &self,
        values: impl IntoIterator<Item = (&'v SignalPath, &'v SignalValue)>,
    ) -> Self {
        let mut laid = self.clone();
        laid.0.extend(values.into_iter().map(|(path, value)| (path.clone(), value.clone())));
        laid
    }
}

/// Whether the vehicle moves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum DrivingState {
    /// It stands.
    Standing,
    /// It moves, or nobody knows.
    Moving {
        /// How fast, km/h, without a sign; none when it is not known.
        speed_kmh: Option<f64>,
    },
}

impl DrivingState {
    /// Whether it moves, or may.
    #[must_use]
    pub fn is_moving(self) -> bool {
        matches!(self, Self::Moving { .. })
    }
}

/// What the policy says.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// Go on, and write these along.
    Allow {
        /// In the order to be written, before what was asked.
        companions: Vec<(SignalPath, SignalValue)>,
    },
    /// Ask first.
    Confirm {
        /// Why it is asked, for a person.
        why: String,
        /// As with [`Verdict::Allow`], once confirmed.
        companions: Vec<(SignalPath, SignalValue)>,
    },
    /// No.
    Refuse {
        /// The result's code: `policy`.
        code: &'static str,
        /// Why, for a person.
        why: String,
    },
}

impl Verdict {
    /// The word in traces.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Allow { .. } => "allow",
            Self::Confirm { .. } => "confirm",
            Self::Refuse { .. } => "refuse",
        }
    }

    /// The stricter of two, with the companions of both.
    fn and(self, other: Self) -> Self {
        use Verdict::{Allow, Confirm, Refuse};
        match (self, other) {
            (refused @ Refuse { .. }, _) | (_, refused @ Refuse { .. }) => refused,
            (Allow { companions: a }, Allow { companions: b }) => {
                Allow { companions: joined(a, b) }
            }
            (
                Confirm { why, companions: a },
                Allow { companions: b } | Confirm { companions: b, .. },
            )
            | (Allow { companions: a }, Confirm { why, companions: b }) => {
                Confirm { why, companions: joined(a, b) }
            }
        }
    }

    fn refuse(why: &str) -> Self {
        Self::Refuse { code: "policy", why: why.to_owned() }
    }
}

#[derive(Debug, Clone)]
struct Pattern {
    text: String,
    /// What stands before the first star.
    prefix: usize,
    /// Literal elements, then single stars.
    specificity: (usize, usize),
}

impl Pattern {
    fn new(text: &str) -> Result<Self, String> {
        if !is_path_pattern(text) {
            let got: String = text.chars().take(80).collect();
            return Err(format!("{got:?} came, expected a signal path, * or ** as elements"));
        }
        let stars = text.split('.').filter(|element| *element == "*").count();
        let literals = text.split('.').filter(|element| !element.starts_with('*')).count();
        let prefix = text.find('*').map_or(text.len(), |star| star.saturating_sub(1));
        Ok(Self { text: text.to_owned(), prefix, specificity: (literals, stars) })
    }

    fn matches(&self, path: &SignalPath) -> bool {
        path.as_str().starts_with(&self.text[..self.prefix])
            && path_matches(&self.text, path.as_str())
    }
}

#[derive(Debug, Clone)]
struct Need {
    signal: SignalPath,
    holds: Condition,
    unknown_is_fine: bool,
    why: String,
}

#[derive(Debug, Clone)]
enum Wanted {
    Is(SignalValue),
    AtLeast(SignalValue),
}

#[derive(Debug, Clone)]
struct Companion {
    signal: SignalPath,
    wanted: Wanted,
}

#[derive(Debug, Clone)]
struct Rule {
    name: String,
    pattern: Pattern,
    when: Option<Condition>,
    verdict: Option<Strictness>,
    while_moving: Option<Strictness>,
    max_speed: Option<f64>,
    needs: Vec<Need>,
    companions: Vec<Companion>,
    why: String,
}

#[derive(Debug, Clone)]
struct ClassDefault {
    verdict: Strictness,
    while_moving: Strictness,
    intents: Strictness,
    intents_while_moving: Strictness,
    why: String,
}

impl Default for ClassDefault {
    fn default() -> Self {
        let allow = Strictness::Allow;
        Self {
            verdict: allow,
            while_moving: allow,
            intents: allow,
            intents_while_moving: allow,
            why: WHY_MOVING.to_owned(),
        }
    }
}

/// The whole policy, checked.
#[derive(Debug, Clone)]
pub struct Policy {
    speed: SignalPath,
    moving_above_kmh: f64,
    classes: Vec<(Pattern, Class)>,
    defaults: BTreeMap<Class, ClassDefault>,
    rules: Vec<Rule>,
    needed: Vec<SignalPath>,
}

impl Policy {
    /// Checks and joins policy files in the order given; the name of each is for messages.
    ///
    /// # Errors
    /// [`PolicyError`]; one wrong entry fails the whole policy.
    pub fn build(files: Vec<(String, PolicyFile)>) -> Result<Self, PolicyError> {
        bound("policy files", files.len(), MAX_FILES)?;
        let total = |count: fn(&PolicyFile) -> usize| files.iter().map(|(_, f)| count(f)).sum();
        bound("classes", total(|file| file.class.len()), MAX_ENTRIES)?;
        bound("rules", total(|file| file.rule.len()), MAX_ENTRIES)?;
        let speed = SignalPath::parse(SPEED).expect("the constant is a valid path");
        let mut policy = Self {
            speed,
            moving_above_kmh: DEFAULT_MOVING_ABOVE_KMH,
            classes: Vec::new(),
            defaults: BTreeMap::new(),
            rules: Vec::new(),
            needed: Vec::new(),
        };
        for (name, file) in files {
            policy.add(&name, file)?;
        }
        // Equals keep their order turned round: of those the later one is found first.
        policy.classes.reverse();
        policy.classes.sort_by_key(|(pattern, _)| Reverse(pattern.specificity));
        policy.check_companions()?;
        policy.needed = policy.signals_of_rules();
        Ok(policy)
    }

    /// What a snapshot must hold for every judgement, sorted.
    #[must_use]
    pub fn needed_signals(&self) -> &[SignalPath] {
        &self.needed
    }

    /// The class of a signal; none means that it is never written.
    #[must_use]
    pub fn class_of(&self, path: &SignalPath) -> Option<Class> {
        let found = self.classes.iter().find(|(pattern, _)| pattern.matches(path));
        found.map(|(_, class)| *class)
    }

    /// Whether the vehicle moves; an unknown speed counts as moving.
    #[must_use]
    pub fn driving_state(&self, snapshot: &Snapshot) -> DrivingState {
        let speed = snapshot.value(&self.speed).and_then(SignalValue::as_number);
        match speed.filter(|speed| speed.is_finite()).map(f64::abs) {
            Some(speed) if speed <= self.moving_above_kmh => DrivingState::Standing,
            speed_kmh => DrivingState::Moving { speed_kmh },
        }
    }

    /// Judges a whole intent before a skill is asked, by its class alone. Coarse: what
    /// depends on the signal and its value is left to [`Policy::check_actuation`].
    #[must_use]
    pub fn check_class(&self, class: Class, snapshot: &Snapshot) -> Verdict {
        if class == Class::Driving {
            return Verdict::refuse(WHY_DRIVING);
        }
        let default = self.defaults.get(&class).cloned().unwrap_or_default();
        let strictness = match self.driving_state(snapshot) {
            DrivingState::Standing => default.intents,
            DrivingState::Moving { .. } => default.intents.max(default.intents_while_moving),
        };
        match strictness {
            Strictness::Allow => Verdict::Allow { companions: Vec::new() },
            Strictness::Confirm => Verdict::Confirm { why: default.why, companions: Vec::new() },
            Strictness::Refuse => Verdict::refuse(&default.why),
        }
    }

    /// Judges one write of a target value. What is requested but within no class, or cannot
    /// be judged for lack of a value, is refused.
    #[must_use]
    pub fn check_actuation(
        &self,
        path: &SignalPath,
        value: &SignalValue,
        snapshot: &Snapshot,
    ) -> Verdict {
        let class = match self.class_of(path) {
            None => return Verdict::refuse(WHY_UNLISTED),
            Some(Class::Driving) => return Verdict::refuse(WHY_DRIVING),
            Some(class) => class,
        };
        let default = self.defaults.get(&class).cloned().unwrap_or_default();
        let rules: Vec<&Rule> = self
            .rules
            .iter()
            .filter(|rule| rule.pattern.matches(path))
            .filter(|rule| rule.when.as_ref().is_none_or(|when| when.holds(value)))
            .collect();
        let state = self.driving_state(snapshot);
        let by_rules = rules.iter().map(|rule| weigh(rule, state, snapshot));
        let verdict_named = rules.iter().any(|rule| rule.verdict.is_some());
        let moving_named = rules.iter().any(|rule| rule.while_moving.is_some());
        let mut strictest = (Strictness::Allow, "");
        if !verdict_named {
            strictest = (default.verdict, default.why.as_str());
        }
        if !moving_named && matches!(state, DrivingState::Moving { .. }) {
            strictest = stricter(strictest, (default.while_moving, default.why.as_str()));
        }
        let (strictness, why) = by_rules.fold(strictest, stricter);
        match strictness {
            Strictness::Refuse => Verdict::refuse(why),
            Strictness::Confirm => Verdict::Confirm {
                why: why.to_owned(),
                companions: companions_of(&rules, snapshot),
            },
            Strictness::Allow => Verdict::Allow { companions: companions_of(&rules, snapshot) },
        }
    }

    /// Judges one write while things are under way: it has to be fine both now and once
    /// everything is where it is going, and whatever either needs goes along.
    #[must_use]
    pub fn check_under_way(
        &self,
        path: &SignalPath,
        value: &SignalValue,
        now: &Snapshot,
        then: &Snapshot,
    ) -> Verdict {
        self.check_actuation(path, value, now).and(self.check_actuation(path, value, then))
    }

    fn add(&mut self, file: &str, tables: PolicyFile) -> Result<(), PolicyError> {
        let wrong = |entry: &str, why: String| PolicyError::Entry {
            file: file.to_owned(),
            entry: entry.chars().take(80).collect(),
            why,
        };
        if let Some(state) = tables.driving_state {
            if !(0.0..=10.0).contains(&state.moving_above) {
                let why = format!("{} km/h came, expected 0 to 10", state.moving_above);
                return Err(wrong("moving-above", why));
            }
            self.moving_above_kmh = state.moving_above;
        }
        for table in tables.class {
            let pattern = Pattern::new(&table.signal).map_err(|why| wrong(&table.signal, why))?;
            self.classes.push((pattern, table.class));
        }
        for table in tables.class_default {
            let class = table.class;
            let default = ClassDefault::new(table).map_err(|why| wrong(class.name(), why))?;
            self.defaults.insert(class, default);
        }
        for table in tables.rule {
            let name = table.name.clone();
            let rule = Rule::new(table).map_err(|why| wrong(&name, why))?;
            self.rules.retain(|earlier| earlier.name != name);
            self.rules.push(rule);
        }
        Ok(())
    }

    fn check_companions(&self) -> Result<(), PolicyError> {
        for rule in &self.rules {
            for companion in &rule.companions {
                let writable = self.class_of(&companion.signal).is_some_and(|c| c < Class::Driving);
                if !writable || rule.pattern.matches(&companion.signal) {
                    return Err(PolicyError::Entry {
                        file: "policy".to_owned(),
                        entry: rule.name.clone(),
                        why: format!(
                            "companion {} came, expected another signal that has a class below driving",
                            companion.signal
                        ),
                    });
                }
            }
        }
        Ok(())
    }

    fn signals_of_rules(&self) -> Vec<SignalPath> {
        let of_rules = self.rules.iter().flat_map(|rule| {
            let needs = rule.needs.iter().map(|need| &need.signal);
            needs.chain(rule.companions.iter().map(|companion| &companion.signal))
        });
        let all: BTreeSet<&SignalPath> = of_rules.chain([&self.speed]).collect();
        all.into_iter().cloned().collect()
    }
}

fn bound(what: &'static str, came: usize, most: usize) -> Result<(), PolicyError> {
    if came > most { Err(PolicyError::TooMany { what, came, most }) } else { Ok(()) }
}

/// How strict one rule is now, and the words for it.
fn weigh<'r>(rule: &'r Rule, state: DrivingState, snapshot: &Snapshot) -> (Strictness, &'r str) {
    let mut strictest = (rule.verdict.unwrap_or(Strictness::Allow), rule.why.as_str());
    if let DrivingState::Moving { speed_kmh } = state {
        let while_moving = rule.while_moving.unwrap_or(Strictness::Allow);
        strictest = stricter(strictest, (while_moving, &rule.why));
        // An unknown speed may be any speed.
        let too_fast = rule.max_speed.is_some_and(|max| speed_kmh.is_none_or(|s| s > max));
        if too_fast {
            let why = speed_kmh.map_or(WHY_UNKNOWN_SPEED, |_| &rule.why);
            strictest = stricter(strictest, (Strictness::Refuse, why));
        }
    }
    let failed = rule.needs.iter().find(|need| match snapshot.value(&need.signal) {
        Some(value) => !need.holds.holds(value),
        None => !need.unknown_is_fine,
    });
    match failed {
        Some(need) => stricter(strictest, (Strictness::Refuse, &need.why)),
        None => strictest,
    }
}

/// Two lists of companions; of a signal in both, what the first one says.
fn joined(
    mut first: Vec<(SignalPath, SignalValue)>,
    second: Vec<(SignalPath, SignalValue)>,
) -> Vec<(SignalPath, SignalValue)> {
    for one in second {
        if !first.iter().any(|(path, _)| *path == one.0) {
            first.push(one);
        }
    }
    first
}

/// The stricter of two; of equals the first that has something to say.
fn stricter<'w>(a: (Strictness, &'w str), b: (Strictness, &'w str)) -> (Strictness, &'w str) {
    if b.0 > a.0 { b } else { a }
}

/// What is not yet as the rules want it; one value a signal, of several the highest or last.
fn companions_of(rules: &[&Rule], snapshot: &Snapshot) -> Vec<(SignalPath, SignalValue)> {
    let mut wanted: Vec<(SignalPath, SignalValue)> = Vec::new();
    for companion in rules.iter().flat_map(|rule| &rule.companions) {
        let current = snapshot.value(&companion.signal);
        let (value, is_so) = match &companion.wanted {
            Wanted::Is(value) => (value, current.is_some_and(|now| value.matches(now))),
            Wanted::AtLeast(value) => (value, current.is_some_and(|now| not_below(now, value))),
        };
        if is_so {
            continue;
        }
        match wanted.iter_mut().find(|(signal, _)| *signal == companion.signal) {
            Some((_, earlier)) => {
                let keep =
                    matches!(companion.wanted, Wanted::AtLeast(_)) && not_below(earlier, value);
                if !keep {
                    *earlier = value.clone();
                }
            }
            None => wanted.push((companion.signal.clone(), value.clone())),
        }
    }
    wanted
}

fn not_below(value: &SignalValue, bound: &SignalValue) -> bool {
    value.as_number().zip(bound.as_number()).is_some_and(|(value, bound)| value >= bound)
}
