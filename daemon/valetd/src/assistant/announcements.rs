//! What is said that nobody asked for: to every agent and observer, or kept for the first that
//! comes.
//!
//! Must not keep more than a few, nor for long: a timer that rang yesterday is no news.

use super::{ASSISTANT, Assistant};
use std::{collections::VecDeque, time::Duration};
use tokio::time::Instant;
use valet_bus::{ROOT, convert::owned};
use valet_core::{
    dialogue::{Event, Voiced},
    intent::SkillId,
};

/// Most announcements that are kept; the oldest goes for a new one.
const MAX_HELD: usize = 16;
/// How long one is kept.
const HELD_FOR: Duration = Duration::from_secs(12 * 3600);
/// What comes later than that is said with its delay.
const LATE: Duration = Duration::from_secs(30);

/// What a skill said while nobody was there.
#[derive(Debug)]
struct Announcement {
    at: Instant,
    skill: SkillId,
    speech: String,
}

/// Announcements that found nobody, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Held(VecDeque<Announcement>);

impl Held {
    fn keep(&mut self, at: Instant, skill: SkillId, speech: String) {
        if self.0.len() == MAX_HELD {
            self.0.pop_front();
            log::warn!("more than {MAX_HELD} announcements found nobody, the oldest is dropped");
        }
        self.0.push_back(Announcement { at, skill, speech });
    }

    /// All that are still worth saying, with how late they are.
    fn take(&mut self, now: Instant) -> Vec<(SkillId, String, Duration)> {
        let all = std::mem::take(&mut self.0).into_iter();
        let late = all.map(|a| (a.skill, a.speech, now.saturating_duration_since(a.at)));
        late.filter(|(_, _, late)| *late <= HELD_FOR).collect()
    }
}

impl Assistant {
    /// Says something that nobody asked for: to agents and observers. What a skill says while
    /// there are none is kept for the first one; what belongs to a turn is not, for it is of no
    /// use to whoever comes later.
    pub(super) fn announce(&mut self, skill: Option<&SkillId>, speech: &str) {
        if self.say_to_all(skill, speech, Duration::ZERO) {
            return;
        }
        match skill {
            Some(skill) => {
                log::info!(
                    "an announcement of {skill} is kept: no agent is there, nobody observes"
                );
                self.held.keep(Instant::now(), skill.clone(), speech.to_owned());
            }
            None => log::warn!("an announcement found nobody: no agent is there, nobody observes"),
        }
    }

    /// An agent or observer came: it hears what found nobody.
    pub(super) fn say_held(&mut self) {
        for (skill, speech, late) in self.held.take(Instant::now()) {
            let words = if late < LATE {
                speech
            } else {
                let words = &self.dialogue.rules().words;
                let ms = u64::try_from(late.as_millis()).unwrap_or(u64::MAX);
                words.say("held", &[("ago", &words.duration(ms)), ("speech", &speech)])
            };
            self.say_to_all(Some(&skill), &words, late);
        }
    }

    /// Whether anybody was there to hear it.
    fn say_to_all(&mut self, skill: Option<&SkillId>, speech: &str, late: Duration) -> bool {
        let mut details = self.agent_options(None);
        let turn = self.new_turn();
        details.insert("turn".into(), owned(turn.to_string()));
        if let Some(skill) = skill {
            details.insert("skill".into(), owned(skill.as_str()));
        }
        if !late.is_zero() {
            let ms = u64::try_from(late.as_millis()).unwrap_or(u64::MAX);
            details.insert("late-ms".into(), owned(ms));
        }
        // What comes late is told; it is too late to ask about it.
        let offer =
            skill.filter(|_| late < LATE).and_then(|skill| self.dialogue.offered_by(skill, speech));
        details.insert("expects-reply".into(), owned(offer.is_some()));
        let mut clients: Vec<String> =
            self.dialogue.agents().map(|agent| agent.name.clone()).collect();
        clients.extend(self.observers.keys().cloned());
        clients.sort_unstable();
        clients.dedup();
        for client in &clients {
            self.face.emit_to(client, ROOT, (ASSISTANT, "Announced"), &(speech, details.clone()));
        }
        if !clients.is_empty() {
            let speech = speech.to_owned();
            self.step(Event::Voiced(Voiced::Announced { turn, speech, offer }));
        }
        !clients.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_found_nobody_is_kept_within_bounds_and_told_once_with_its_delay() {
        let skill = SkillId::parse("org.example.timers").expect("an id");
        let start = Instant::now();
        let mut held = Held::default();
        for n in 0..=MAX_HELD {
            held.keep(start, skill.clone(), format!("{n}"));
        }
        let late = Duration::from_secs(90);
        let told = held.take(start + late);
        assert_eq!(told.len(), MAX_HELD, "the oldest went");
        assert_eq!(told[0], (skill.clone(), "1".to_owned(), late));
        assert!(held.take(start + late).is_empty(), "told once");
        held.keep(start, skill, "stale".to_owned());
        assert!(held.take(start + HELD_FOR + late).is_empty(), "too old to be news");
    }
}
