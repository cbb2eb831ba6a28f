//! Sentences of one skill that another skill, or the dialogue itself, would take for its own.
//!
//! Must not judge: whoever is about to install the skill reads what is found.

use super::Understander;
use valet_core::{intent::IntentId, understanding::Request, zone::Zone};

/// Most sentences of each side that are looked at.
const MAX_LOOKED_AT: usize = 4000;

/// A sentence that is understood in two ways.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collision {
    /// What a person says.
    pub text: String,
    /// What the skill that is looked at makes of it.
    pub intent: IntentId,
    /// What another skill makes of it; `None` where the dialogue takes it, as it does "stop".
    pub with: Option<IntentId>,
}

impl Understander {
    /// Collisions of a skill's own understander with this one, at most `most`: its sentences that something else here
    /// matches, and sentences of others that its templates match. A former version of it here is passed over.
    #[must_use]
    pub fn collisions(&self, newcomer: &Self, most: usize) -> Vec<Collision> {
        let theirs = newcomer.said().filter_map(|(text, intent)| {
            let with = match self.claimed(text)? {
                Claim::Dialogue => None,
                Claim::Skill(other) if other.skill() == intent.skill() => return None,
                Claim::Skill(other) => Some(other),
            };
            Some(Collision { text: text.to_owned(), intent: intent.clone(), with })
        });
        let ours = self.said().filter_map(|(text, intent)| match newcomer.claimed(text)? {
            Claim::Skill(its) if its.skill() != intent.skill() => {
                Some(Collision { text: text.to_owned(), intent: its, with: Some(intent.clone()) })
            }
            _ => None,
        });
        let mut found: Vec<Collision> = Vec::new();
        for collision in theirs.chain(ours) {
            if found.len() == most {
                break;
            }
            if !found.iter().any(|known| known.text == collision.text) {
                found.push(collision);
            }
        }
        found
    }

    /// What people say for the intents here.
    fn said(&self) -> impl Iterator<Item = (&str, &IntentId)> {
        let training = &self.model.training;
        let examples = training.examples.iter().take(MAX_LOOKED_AT);
        examples.map(|example| (example.text.as_str(), &training.intents[example.intent].id))
    }

    /// Who takes a text for its own by its templates alone.
    fn claimed(&self, text: &str) -> Option<Claim> {
        let found = self.match_templates(&Request {
            text: text.to_owned(),
            language: String::new(),
            zone: Zone::DRIVER,
            expected: None,
            local_now: None,
            previous: None,
        })?;
        if found.act.is_some() {
            return Some(Claim::Dialogue);
        }
        Some(Claim::Skill(found.commands.into_iter().next()?.best.intent))
    }
}

enum Claim {
    Dialogue,
    Skill(IntentId),
}
