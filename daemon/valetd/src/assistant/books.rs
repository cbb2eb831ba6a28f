//! What is written down once the answer is on its way: the log line, the counts, the trace of
//! a turn, and the statistics of the skill that ran.
//!
//! Must not hold anything that an answer needs.

use super::Assistant;
use crate::{audit::Deed, logging::message_id};
use valet_core::{
    dialogue::{ResultType, TurnResult},
    intent::SkillId,
    outcome::{ActionStatus, Target},
    signal::{Class, SignalValue},
};

/// What is still to be written down.
#[derive(Default)]
pub(crate) struct Books {
    results: Vec<TurnResult>,
    ran: Vec<SkillId>,
}

impl Books {
    /// A turn that ended.
    pub(super) fn turn(&mut self, result: TurnResult) {
        self.results.push(result);
    }

    /// A skill that ran.
    pub(super) fn skill(&mut self, skill: SkillId) {
        self.ran.push(skill);
    }

    /// Whether nothing waits.
    pub(super) fn are_kept(&self) -> bool {
        self.results.is_empty() && self.ran.is_empty()
    }
}

impl Assistant {
    /// Writes down what waits; nothing else is taken before that, so whoever asks finds it.
    pub(super) fn keep_books(&mut self) {
        let Books { results, ran } = std::mem::take(&mut self.books);
        for mut result in results {
            log_turn(&result);
            self.stats.count(&result);
            self.audit_turn(&result);
            self.history.remember(&result);
            // Nothing else keeps what was said.
            result.text.clear();
            self.traces.finish(result);
        }
        for skill in ran {
            self.skill_ran(&skill);
        }
    }
}

impl Assistant {
    /// Enters what a turn asked of signals that matter, and what it was refused.
    fn audit_turn(&mut self, result: &TurnResult) {
        let uid = Some(result.caller.uid);
        for (command, action) in &result.actions {
            let class = match &action.target {
                Target::Signal(path) => self.policy.class_of(path),
                _ => None,
            };
            let (turn, target) = (result.turn.to_string(), action.target.to_string());
            let skill = result.intents.get(*command).map(|i| i.intent.skill().to_string());
            let skill = skill.unwrap_or_default();
            if action.status == ActionStatus::Denied {
                let why = action.why.clone().unwrap_or_else(|| "not granted".to_owned());
                self.audit.enter(uid, Deed::Refused { turn, skill, target, why });
                continue;
            }
            let Some(class) = class.filter(|class| *class >= Class::Body) else { continue };
            let text = |value: &Option<SignalValue>| value.as_ref().map(ToString::to_string);
            let deed = Deed::Actuated {
                turn,
                skill,
                signal: target,
                class: class.name(),
                from: text(&action.previous),
                to: text(&action.requested),
                seen: text(&action.observed),
                status: action.status.name(),
            };
            self.audit.enter(uid, deed);
        }
    }
}

/// One line a turn, with the journal's fields; never the text.
fn log_turn(result: &TurnResult) {
    let intent = result.intents.first().map_or_else(String::new, |i| i.intent.to_string());
    let skill = result.intents.first().map_or("", |i| i.intent.skill().as_str());
    let total = result.timing.iter().find(|(s, _)| *s == "total").map_or(0, |(_, us)| *us);
    let level = if result.kind == ResultType::Error { log::Level::Warn } else { log::Level::Info };
    log::log!(
        level,
        MESSAGE_ID = message_id::TURN,
        VALET_TURN = result.turn.to_string().as_str(),
        VALET_SKILL = skill,
        VALET_INTENT = intent.as_str(),
        VALET_STATUS = result.kind.name();
        "turn in {}.{:03} ms", total / 1000, total % 1000
    );
}
