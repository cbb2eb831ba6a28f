//! Alarms: one timer for the next one, none when there is none.
//!
//! An alarm is taken from the state only after its skill has rung it, so that a kill in
//! between rings it again rather than never.

use super::Assistant;
use crate::{happening::Happening, logging::message_id, skills, wall::SystemClock};
use std::time::Duration;
use valet_core::{
    intent::SkillId,
    outcome::Invoked,
    ports::{Alarm, Alarms as _, Clock as _},
};
use valet_skill_host::Ring;

/// How long a skill may take to ring an alarm.
const RING_BUDGET: Duration = Duration::from_secs(2);
/// How soon an alarm that could not be rung is tried again.
const RETRY: Duration = Duration::from_secs(5);
/// Longest wait of the timer: the wall clock may be set while it runs.
const LONGEST_WAIT: Duration = Duration::from_secs(15 * 60);

/// The timer.
#[derive(Debug, Default)]
pub(crate) struct Alarms {
    next: Option<tokio::time::Instant>,
    ringing: Vec<(SkillId, Alarm)>,
}

impl Alarms {
    /// When the timer is due.
    #[must_use]
    pub(crate) fn next_at(&self) -> Option<tokio::time::Instant> {
        self.next
    }
}

/// Milliseconds from one moment to a later one, else 0. A skill may set an alarm at any moment,
/// also at the ends of time.
fn ms_until(moment_utc_ms: i64, from_utc_ms: i64) -> u64 {
    u64::try_from(moment_utc_ms.saturating_sub(from_utc_ms)).unwrap_or(0)
}

/// How long the timer waits for an alarm.
fn wait(at_utc_ms: i64, now_utc_ms: i64) -> Duration {
    Duration::from_millis(ms_until(at_utc_ms, now_utc_ms)).min(LONGEST_WAIT)
}

impl Assistant {
    /// Sets the timer for the next alarm.
    pub(super) fn schedule_alarms(&mut self) {
        let all = match self.state.all_alarms() {
            Ok(all) => all,
            Err(error) => {
                log::error!("alarms cannot be read: {error}");
                self.alarms.next = Some(tokio::time::Instant::now() + RETRY);
                return;
            }
        };
        let now = SystemClock.now().utc_ms;
        let waiting = all.iter().find(|(skill, alarm)| self.is_waiting(skill, &alarm.name));
        self.alarms.next =
            waiting.map(|(_, alarm)| tokio::time::Instant::now() + wait(alarm.at_utc_ms, now));
    }

    /// Whether an alarm is to be rung: one that rings already is not, nor one of a skill that safe mode holds back,
    /// which rings late.
    fn is_waiting(&self, skill: &SkillId, name: &str) -> bool {
        let held_back = self.safe_mode && !self.skills.by_id.contains_key(skill);
        !held_back && self.alarms.ringing.iter().all(|(s, a)| s != skill || a.name != name)
    }

    /// Rings what is due.
    pub(super) fn ring_due(&mut self) {
        let now = SystemClock.now().utc_ms;
        let due: Vec<(SkillId, Alarm)> = self
            .state
            .all_alarms()
            .unwrap_or_default()
            .into_iter()
            .filter(|(skill, alarm)| alarm.at_utc_ms <= now && self.is_waiting(skill, &alarm.name))
            .collect();
        let mut retry = false;
        for (skill, alarm) in due {
            retry |= !self.ring(&skill, &alarm, now);
        }
        self.schedule_alarms();
        if retry {
            self.alarms.next = Some(tokio::time::Instant::now() + RETRY);
        }
    }

    /// Gives an alarm to its skill; whether that was possible.
    fn ring(&mut self, id: &SkillId, alarm: &Alarm, now_ms: i64) -> bool {
        let Some(skill) = self.skills.by_id.get(id) else {
            log::warn!(MESSAGE_ID = message_id::ALARM, VALET_SKILL = id.as_str(); "an alarm of a skill that is gone is dropped");
            self.forget_alarm(id, &alarm.name);
            return true;
        };
        let ring = Ring {
            skill: id.clone(),
            name: alarm.name.clone(),
            payload: alarm.payload.clone(),
            late_ms: ms_until(now_ms, alarm.at_utc_ms),
            language: self.config.language.clone(),
            settings: skills::settings(&skill.manifest, &self.state),
            budget: RING_BUDGET,
        };
        let (happenings, skill, name) = (self.happenings.clone(), id.clone(), alarm.name.clone());
        let done = Box::new(move |invoked: Invoked| {
            let _ = happenings.send(Happening::Rang { skill, name, invoked: Box::new(invoked) });
        });
        let taken = self.host.ring(ring, done).is_ok();
        if taken {
            self.alarms.ringing.push((id.clone(), alarm.clone()));
        }
        taken
    }

    /// A skill is through with an alarm.
    pub(super) fn rang(&mut self, skill: &SkillId, name: &str, invoked: &Invoked) {
        match &invoked.result {
            Ok(_) => {
                log::info!(MESSAGE_ID = message_id::ALARM, VALET_SKILL = skill.as_str(); "an alarm rang")
            }
            Err(fault) => {
                // The person still hears that something was due.
                let words =
                    self.dialogue.rules().words.say("skill-failed", &[("skill", skill.as_str())]);
                log::error!(MESSAGE_ID = message_id::FAULT, VALET_SKILL = skill.as_str(); "an alarm could not ring: {fault}");
                self.announce(Some(skill), &words);
            }
        }
        let mut ringing = self.alarms.ringing.iter();
        let Some(rung) = ringing.find(|(s, a)| s == skill && a.name == name).cloned() else {
            return;
        };
        let (state, happenings) = (self.state.clone(), self.happenings.clone());
        // It waits for the disk, and somebody may speak meanwhile.
        tokio::task::spawn_blocking(move || {
            let (skill, alarm) = rung;
            if let Err(error) = state.rung(&skill, &alarm) {
                log::error!("an alarm of {skill} cannot be removed: {error}");
            }
            // The daemon is stopping when nobody listens.
            let _ = happenings.send(Happening::Rung { skill, name: alarm.name });
        });
    }

    /// An alarm that rang is gone from the state; one of its name may have been set anew.
    pub(super) fn rung(&mut self, skill: &SkillId, name: &str) {
        self.alarms.ringing.retain(|(s, a)| s != skill || a.name != name);
        self.schedule_alarms();
    }

    fn forget_alarm(&self, skill: &SkillId, name: &str) {
        if let Err(error) = self.state.cancel(skill, name) {
            log::error!("an alarm of {skill} cannot be removed: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alarm_at_either_end_of_time_has_a_wait() {
        assert_eq!(wait(i64::MIN, 1_000), Duration::ZERO);
        assert_eq!(wait(i64::MAX, -1_000), LONGEST_WAIT);
        assert_eq!(wait(1_250, 1_000), Duration::from_millis(250));
        assert_eq!(ms_until(1_000, i64::MIN), i64::MAX.unsigned_abs());
    }
}
