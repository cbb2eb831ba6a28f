//! Which question a text asks: the commands of a skill say what it is about, too.
//!
//! Must not answer with an intent that acts.

use super::intent::largest;
use crate::{
    dialogue::DialogueWords,
    normalise::Tokens,
    training::{TrainingIntent, TrainingSet},
};
use valet_core::signal::Class;

/// Which intents ask, and which skill each is of.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Questions {
    informs: Vec<bool>,
    skill: Vec<usize>,
}

impl Questions {
    /// Those of a training set.
    pub(crate) fn of(set: &TrainingSet) -> Self {
        let same = |a: &TrainingIntent, b: &TrainingIntent| a.id.skill() == b.id.skill();
        let first = |intent| set.intents.iter().position(|other| same(intent, other));
        Self {
            informs: set.intents.iter().map(|intent| intent.class == Class::Info).collect(),
            skill: set.intents.iter().map(|intent| first(intent).unwrap_or(0)).collect(),
        }
    }

    /// Whether an intent asks.
    pub(crate) fn informs(&self, intent: usize) -> bool {
        self.informs.get(intent).copied().unwrap_or(false)
    }

    /// Whether a text is to be read as a question: it is one, and there is something to ask.
    pub(crate) fn are_meant(&self, tokens: &Tokens) -> bool {
        self.informs.contains(&true) && DialogueWords::english().is_question(tokens)
    }

    /// The probabilities of the intents, a question being asked. "Is the rear defroster on" lies
    /// next to the samples of switching it, so what a skill's commands have falls to its
    /// questions, each as likely as it was among them. What acts has none left, and what a skill
    /// without questions had is lost: then nothing is meant that could be answered.
    pub(crate) fn shares(&self, p: &[f32]) -> Vec<f32> {
        let mut all = vec![0.0f32; p.len()];
        let mut asking = vec![0.0f32; p.len()];
        for (intent, p) in p.iter().enumerate() {
            all[self.skill[intent]] += p;
            asking[self.skill[intent]] += if self.informs[intent] { *p } else { 0.0 };
        }
        let share = |(intent, p): (usize, &f32)| {
            let skill = self.skill[intent];
            let falls = self.informs[intent] && asking[skill] > 0.0;
            if falls { p / asking[skill] * all[skill] } else { 0.0 }
        };
        p.iter().enumerate().map(share).collect()
    }

    /// How far the best logit is above the best one of another skill: which intent of its own
    /// skill comes next says nothing of what a question is about.
    pub(crate) fn lead(&self, logits: &[f32]) -> f32 {
        let Some(best) = largest(logits, 1).first().copied() else { return 0.0 };
        let others = logits.iter().enumerate().filter(|(i, _)| self.skill[*i] != self.skill[best]);
        let next = others.map(|(_, logit)| *logit).fold(f32::NEG_INFINITY, f32::max);
        if next.is_finite() { logits[best] - next } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn questions() -> Questions {
        Questions { informs: vec![false, true, true, false], skill: vec![0, 0, 0, 3] }
    }

    #[test]
    fn what_a_skill_acts_on_is_what_its_questions_are_about() {
        let shares = questions().shares(&[0.6, 0.1, 0.1, 0.2]);
        assert!(shares[0] == 0.0 && shares[3] == 0.0, "{shares:?}");
        assert!((shares[1] - 0.4).abs() < 1e-6 && (shares[2] - 0.4).abs() < 1e-6, "{shares:?}");
    }

    #[test]
    fn a_skill_without_questions_answers_nothing() {
        let shares = questions().shares(&[0.0, 0.0, 0.0, 1.0]);
        assert!(shares.iter().all(|share| *share == 0.0), "{shares:?}");
    }

    #[test]
    fn the_lead_is_over_other_skills() {
        assert!((questions().lead(&[5.0, 4.5, 1.0, 2.0]) - 3.0).abs() < 1e-6);
        assert!(questions().lead(&[]).abs() < 1e-6);
    }
}
