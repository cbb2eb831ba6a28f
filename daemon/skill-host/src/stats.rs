//! Counters of one skill and the state they lead to.
//!
//! Must not forget a quarantine by itself; somebody loads or releases the skill.

use std::{collections::VecDeque, time::Duration};
use valet_core::outcome::SkillFault;

/// Faults in a row that quarantine a skill.
pub const FAULTS_TO_QUARANTINE: u32 = 3;
/// Of its last 16 turns, those that quarantine it though others went well between them.
const FAULTS_OF_RECENT: u32 = 6;
/// Turns whose times are kept.
const KEPT_TIMES: usize = 128;

/// Whether a skill takes turns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SkillState {
    /// It does.
    Ready,
    /// It broke its contract too often.
    Quarantined {
        /// The last fault.
        why: String,
    },
}

/// What a skill has used so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkillStats {
    /// Turns that ran, alarms included.
    pub turns: u64,
    /// Turns that ended in a fault.
    pub faults: u64,
    /// Those of the faults by which it broke its contract.
    pub breaches: u64,
    /// How often a call was refused because there had been too many in a minute.
    pub limited: u64,
    /// Calls of the host, of all turns.
    pub host_calls: u64,
    /// Own time of a turn, median of the last ones, µs.
    pub guest_p50_us: u64,
    /// The same, 95th percentile.
    pub guest_p95_us: u64,
    /// Most memory of a turn, bytes.
    pub memory_peak_bytes: usize,
    /// Whether it takes turns.
    pub state: SkillState,
}

/// What one turn used up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Used {
    /// Its own time.
    pub(crate) own: Duration,
    /// Most memory, bytes.
    pub(crate) memory: usize,
    /// Calls of the host.
    pub(crate) host_calls: u64,
}

/// Counts.
#[derive(Debug)]
pub(crate) struct Counters {
    turns: u64,
    faults: u64,
    breaches: u64,
    host_calls: u64,
    in_a_row: u32,
    /// Its last turns, the last in the lowest bit: whether it broke its contract.
    recent: u16,
    times: VecDeque<Duration>,
    memory_peak: usize,
    state: SkillState,
}

impl Counters {
    pub(crate) fn new() -> Self {
        Self {
            turns: 0,
            faults: 0,
            breaches: 0,
            host_calls: 0,
            in_a_row: 0,
            recent: 0,
            times: VecDeque::with_capacity(KEPT_TIMES),
            memory_peak: 0,
            state: SkillState::Ready,
        }
    }

    pub(crate) fn state(&self) -> &SkillState {
        &self.state
    }

    /// Counts a turn; whether it put the skill into quarantine. A time-out is held against
    /// a skill only when it `had_its_time`.
    pub(crate) fn count(
        &mut self,
        fault: Option<&SkillFault>,
        had_its_time: bool,
        used: Used,
    ) -> bool {
        self.turns += 1;
        self.host_calls += used.host_calls;
        if self.times.len() == KEPT_TIMES {
            self.times.pop_front();
        }
        self.times.push_back(used.own);
        self.memory_peak = self.memory_peak.max(used.memory);
        match fault {
            None => {
                self.in_a_row = 0;
                self.recent <<= 1;
            }
            // Stopped by somebody else: says nothing about the skill.
            Some(SkillFault::Unavailable { .. }) => {}
            // It kept to the contract in saying so: no step towards quarantine.
            Some(SkillFault::Reported { .. }) => self.faults += 1,
            Some(SkillFault::Timeout { .. }) if !had_its_time => self.faults += 1,
            Some(fault) => {
                self.faults += 1;
                self.breaches += 1;
                self.in_a_row += 1;
                self.recent = self.recent << 1 | 1;
                let often = self.in_a_row >= FAULTS_TO_QUARANTINE
                    || self.recent.count_ones() >= FAULTS_OF_RECENT;
                if often && self.state == SkillState::Ready {
                    self.state = SkillState::Quarantined { why: fault.to_string() };
                    return true;
                }
            }
        }
        false
    }

    pub(crate) fn release(&mut self) {
        (self.in_a_row, self.recent) = (0, 0);
        self.state = SkillState::Ready;
    }

    /// What was counted, with how often a call was too much.
    pub(crate) fn stats(&self, limited: u64) -> SkillStats {
        let mut times: Vec<Duration> = self.times.iter().copied().collect();
        // Selecting, not sorting: this is asked after every turn.
        let mut at = |percent: usize| {
            let i = times.len() * percent / 100;
            let nth = (i < times.len()).then(|| *times.select_nth_unstable(i).1);
            nth.map_or(0, |t| u64::try_from(t.as_micros()).unwrap_or(u64::MAX))
        };
        SkillStats {
            turns: self.turns,
            faults: self.faults,
            breaches: self.breaches,
            limited,
            host_calls: self.host_calls,
            guest_p50_us: at(50),
            guest_p95_us: at(95),
            memory_peak_bytes: self.memory_peak,
            state: self.state.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use valet_core::intent::SkillId;

    fn trap() -> SkillFault {
        let skill = SkillId::parse("org.example.x").expect("an id");
        SkillFault::Trap { skill, why: "unreachable".into() }
    }

    #[test]
    fn three_faults_in_a_row_quarantine_and_a_good_turn_forgives() {
        let mut counters = Counters::new();
        let used = |memory| Used { own: Duration::from_micros(7), memory, host_calls: 2 };
        assert!(!counters.count(Some(&trap()), true, used(1)));
        assert!(!counters.count(Some(&trap()), true, used(1)));
        assert!(!counters.count(None, true, used(9)));
        assert!(!counters.count(Some(&trap()), true, used(1)));
        assert!(!counters.count(Some(&trap()), true, used(1)));
        assert!(counters.count(Some(&trap()), true, used(1)));
        let stats = counters.stats(0);
        assert_eq!((stats.turns, stats.faults, stats.memory_peak_bytes), (6, 5, 9));
        assert_eq!(stats.host_calls, 12);
        assert_eq!((stats.guest_p50_us, stats.guest_p95_us), (7, 7));
        assert!(matches!(stats.state, SkillState::Quarantined { .. }));
        counters.release();
        assert_eq!(counters.state(), &SkillState::Ready);
    }

    #[test]
    fn a_skill_that_breaks_in_every_other_turn_is_quarantined_and_one_that_rarely_does_is_not() {
        let used = Used { own: Duration::ZERO, memory: 0, host_calls: 0 };
        let mut often = Counters::new();
        let last =
            (0..20).find(|turn| often.count((turn % 2 == 0).then(trap).as_ref(), true, used));
        assert_eq!(last, Some(2 * (FAULTS_OF_RECENT - 1)));
        let mut rarely = Counters::new();
        for turn in 0..200 {
            assert!(!rarely.count((turn % 4 == 0).then(trap).as_ref(), true, used), "turn {turn}");
        }
    }
}
