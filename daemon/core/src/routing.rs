//! Routing: from what was understood to what is planned. Pure rules, no effects.
//!
//! Must not run anything; `dialogue` does with the decision what it says.

use crate::{
    dialogue::Planning,
    entity::{EntityKind, Value},
    intent::{IntentId, IntentSpec, SkillId, SlotDefault},
    signal::Class,
    slot::Slot,
    understanding::{Candidate, Command, Engine},
    zone::Zone,
};
use std::collections::BTreeMap;

/// An encoder reading whose runner-up is nearer than this is asked about.
pub const AMBIGUITY_MARGIN: f64 = 0.12;
/// An encoder reading that acts is asked about below this confidence.
pub const SURE_TO_ACT: f64 = 0.45;

/// The intents of the skills that are ready, with what their manifests say.
#[derive(Debug, Clone, Default)]
pub struct SkillTable {
    skills: BTreeMap<SkillId, SkillEntry>,
}

/// One skill in the table.
#[derive(Debug, Clone)]
pub struct SkillEntry {
    /// Name for people.
    pub name: String,
    /// Intents by name.
    pub intents: BTreeMap<String, IntentSpec>,
    /// Replies by intent and outcome, in the table's language.
    pub replies: BTreeMap<String, BTreeMap<String, String>>,
    /// The intent that a yes asks for when the skill announced a question.
    pub yes: Option<String>,
}

impl SkillTable {
    /// Adds or replaces a skill.
    pub fn insert(&mut self, id: SkillId, entry: SkillEntry) {
        self.skills.insert(id, entry);
    }

    /// What the manifest says of an intent.
    #[must_use]
    pub fn intent(&self, id: &IntentId) -> Option<&IntentSpec> {
        self.skills.get(id.skill())?.intents.get(id.name())
    }

    /// The skill's reply template for an outcome.
    #[must_use]
    pub fn reply(&self, id: &IntentId, outcome: &str) -> Option<&str> {
        self.skills.get(id.skill())?.replies.get(id.name())?.get(outcome).map(String::as_str)
    }

    /// What a yes to a question that the skill announced asks for.
    #[must_use]
    pub fn yes_of(&self, id: &SkillId) -> Option<IntentId> {
        let name = self.skills.get(id)?.yes.as_deref()?;
        IntentId::new(id.clone(), name).ok()
    }

    /// The skill's name for people, else its id.
    #[must_use]
    pub fn skill_name<'a>(&'a self, id: &'a SkillId) -> &'a str {
        self.skills.get(id).map_or(id.as_str(), |entry| entry.name.as_str())
    }
}

/// What to do with one understood command.
#[derive(Debug, Clone, PartialEq)]
pub enum Route {
    /// Plan it.
    Plan(Planning),
    /// One to three readings: too close to choose by machine, or the best is not sure enough to act.
    Ambiguous(Vec<Planning>),
    /// Its skill is gone.
    Gone(IntentId),
}

/// Routes one command. `speaker` fills zone slots that default to who speaks.
#[must_use]
pub fn route(table: &SkillTable, command: &Command, text: &str, speaker: Zone) -> Route {
    let span = (command.start, command.end);
    let plan = |candidate: &Candidate| plan(table, candidate, span, text, speaker);
    let Some(best) = plan(&command.best) else {
        return Route::Gone(command.best.intent.clone());
    };
    if !is_clear(command, best.class != Class::Info) {
        let close: Vec<Planning> = close(command).take(2).filter_map(plan).collect();
        return Route::Ambiguous(std::iter::once(best).chain(close).collect());
    }
    Route::Plan(best)
}

/// Whether a command can be planned without asking what was meant: what a template found always,
/// an encoder reading where no other intent is near and, if it `acts`, it is sure enough.
#[must_use]
pub fn is_clear(command: &Command, acts: bool) -> bool {
    command.best.engine != Engine::Encoder
        || !(acts && command.best.confidence < SURE_TO_ACT) && close(command).next().is_none()
}

/// Other intents that are nearly as likely as the best.
fn close(command: &Command) -> impl Iterator<Item = &Candidate> {
    let best = &command.best;
    command.alternatives.iter().filter(|other| {
        other.intent != best.intent && best.confidence - other.confidence < AMBIGUITY_MARGIN
    })
}

fn plan(
    table: &SkillTable,
    candidate: &Candidate,
    (start, end): (u32, u32),
    text: &str,
    speaker: Zone,
) -> Option<Planning> {
    let spec = table.intent(&candidate.intent)?;
    // A slot that the manifest does not know never reaches a skill.
    let known = candidate.slots.iter().filter(|slot| spec.slots.contains_key(&slot.name));
    let mut slots: Vec<Slot> = known.cloned().collect();
    fill_defaults(spec, &mut slots, speaker);
    Some(Planning {
        intent: candidate.intent.clone(),
        class: spec.class,
        slots,
        confidence: candidate.confidence,
        engine: candidate.engine,
        start,
        end,
        text: text.get(start as usize..end as usize).unwrap_or(text).to_owned(),
        confirmed: None,
        guest_confirmed: false,
    })
}

/// Plans an intent that nobody had to understand; `text` is what was said for it. `None` = its skill is gone.
#[must_use]
pub fn planned_as_given(
    table: &SkillTable,
    intent: &IntentId,
    text: &str,
    speaker: Zone,
) -> Option<Planning> {
    let engine = Engine::Given;
    let given = Candidate { intent: intent.clone(), slots: Vec::new(), confidence: 1.0, engine };
    let end = u32::try_from(text.len()).unwrap_or(u32::MAX);
    plan(table, &given, (0, end), text, speaker)
}

/// Adds what the manifest says stands in for slots that nothing was said about.
pub fn fill_defaults(spec: &IntentSpec, slots: &mut Vec<Slot>, speaker: Zone) {
    for (name, slot) in &spec.slots {
        if slots.iter().any(|s| s.name == *name) {
            continue;
        }
        let value = match &slot.default {
            Some(SlotDefault::Speaker) => Value::Zone(speaker),
            Some(SlotDefault::Fixed(text)) => match fixed_value(&slot.entity, text) {
                Some(value) => value,
                None => continue,
            },
            None => continue,
        };
        slots.push(Slot::implied(name, value));
    }
}

/// A manifest's fixed default as a value of the slot's kind.
fn fixed_value(kind: &EntityKind, text: &str) -> Option<Value> {
    Some(match kind {
        EntityKind::Zone => Value::Zone(Zone::parse(text).ok()?),
        EntityKind::Number => Value::Number(text.parse().ok()?),
        EntityKind::Percentage => Value::Percentage(text.parse().ok()?),
        EntityKind::Temperature => Value::Temperature(text.parse().ok()?),
        EntityKind::Distance => Value::Distance(text.parse().ok()?),
        EntityKind::Speed => Value::Speed(text.parse().ok()?),
        EntityKind::Ordinal => Value::Ordinal(text.parse().ok()?),
        EntityKind::Duration => Value::Duration(text.parse().ok()?),
        EntityKind::Boolean => Value::Boolean(text.parse().ok()?),
        EntityKind::Time => Value::Time(text.to_owned()),
        EntityKind::Date => Value::Date(text.to_owned()),
        EntityKind::Colour => Value::Colour(text.to_owned()),
        EntityKind::Text | EntityKind::Listed(_) => Value::Text(text.to_owned()),
    })
}

/// The first required slot that nothing fills.
#[must_use]
pub fn missing_slot<'a>(spec: &'a IntentSpec, slots: &[Slot]) -> Option<&'a str> {
    spec.slots
        .iter()
        .find(|(name, slot)| slot.required && !slots.iter().any(|s| s.name == **name))
        .map(|(name, _)| name.as_str())
}
