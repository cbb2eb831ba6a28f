//! What skills keep and hear of the daemon, in memory: store, alarms, wall clock, announcements.
//! The bounds are those of the daemon's own state.
//!
//! Must not outlive a test: `clear` gives every test an empty desk at the same minute.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use valet_core::{
    intent::SkillId,
    ports::{Alarm, Alarms, Announcer, Clock, Store, StoreError, WallClock},
};

/// Tuesday 2 June 2026, 10:00 local time, three hours east of UTC.
const TEN_IN_THE_MORNING: WallClock =
    WallClock { utc_ms: 1_780_383_600_000, offset_min: 180, trusted: true };
const DAY: (i16, u8, u8) = (2026, 6, 2);

/// The desk of one test.
#[derive(Default)]
pub struct Desk(Mutex<Papers>);

#[derive(Default)]
struct Papers {
    passed: Duration,
    store: BTreeMap<(SkillId, String), Vec<u8>>,
    alarms: BTreeMap<(SkillId, String), Alarm>,
    announced: Vec<String>,
}

impl Desk {
    fn papers(&self) -> MutexGuard<'_, Papers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets everything; it is ten in the morning again.
    pub fn clear(&self) {
        *self.papers() = Papers::default();
    }

    /// Lets time pass, at most to the end of the day.
    pub fn pass(&self, time: Duration) {
        self.papers().passed += time;
    }

    /// Takes what was announced since the last call.
    #[must_use]
    pub fn take_announced(&self) -> Vec<String> {
        std::mem::take(&mut self.papers().announced)
    }

    /// The alarms that are due, earliest first; they are taken off the desk.
    #[must_use]
    pub fn take_due(&self) -> Vec<(SkillId, Alarm)> {
        let now = self.now().utc_ms;
        let mut papers = self.papers();
        let mut due: Vec<(SkillId, Alarm)> = papers
            .alarms
            .iter()
            .filter(|(_, alarm)| alarm.at_utc_ms <= now)
            .map(|((skill, _), alarm)| (skill.clone(), alarm.clone()))
            .collect();
        due.sort_by_key(|(_, alarm)| alarm.at_utc_ms);
        for (skill, alarm) in &due {
            papers.alarms.remove(&(skill.clone(), alarm.name.clone()));
        }
        due
    }

    /// All alarms of all skills.
    #[must_use]
    pub fn alarms(&self) -> Vec<Alarm> {
        self.papers().alarms.values().cloned().collect()
    }

    /// Local date and time of day, as requests carry it.
    #[must_use]
    pub fn local_now(&self) -> (i16, u8, u8, u8, u8) {
        let minutes = 10 * 60 + self.papers().passed.as_secs() / 60;
        let small = |value: u64| u8::try_from(value).unwrap_or(u8::MAX);
        (DAY.0, DAY.1, DAY.2, small(minutes / 60), small(minutes % 60))
    }
}

impl Store for Desk {
    fn read(&self, skill: &SkillId, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.papers().store.get(&(skill.clone(), key.to_owned())).cloned())
    }

    fn write(
        &self,
        skill: &SkillId,
        key: &str,
        value: Option<&[u8]>,
        limit: u64,
    ) -> Result<(), StoreError> {
        let mut papers = self.papers();
        let place = (skill.clone(), key.to_owned());
        let Some(value) = value else {
            papers.store.remove(&place);
            return Ok(());
        };
        let others = papers.store.iter().filter(|(at, _)| at.0 == *skill && **at != place);
        let held: usize = others.map(|((_, key), value)| key.len() + value.len()).sum();
        let bytes = (held + key.len() + value.len()) as u64;
        if bytes > limit {
            return Err(StoreError::Full { skill: skill.clone(), bytes, limit });
        }
        papers.store.insert(place, value.to_vec());
        Ok(())
    }

    fn keys(&self, skill: &SkillId, prefix: &str, most: usize) -> Result<Vec<String>, StoreError> {
        let papers = self.papers();
        let keys = papers.store.keys().filter(|(of, key)| of == skill && key.starts_with(prefix));
        Ok(keys.take(most).map(|(_, key)| key.clone()).collect())
    }
}

impl Alarms for Desk {
    fn set(&self, skill: &SkillId, alarm: Alarm, limit: u32) -> Result<(), StoreError> {
        let mut papers = self.papers();
        let place = (skill.clone(), alarm.name.clone());
        let held = papers.alarms.keys().filter(|at| at.0 == *skill && **at != place).count() as u64;
        if held >= u64::from(limit) {
            let limit = u64::from(limit);
            return Err(StoreError::Full { skill: skill.clone(), bytes: held + 1, limit });
        }
        papers.alarms.insert(place, alarm);
        Ok(())
    }

    fn cancel(&self, skill: &SkillId, name: &str) -> Result<bool, StoreError> {
        Ok(self.papers().alarms.remove(&(skill.clone(), name.to_owned())).is_some())
    }

    fn list(&self, skill: &SkillId) -> Result<Vec<Alarm>, StoreError> {
        let papers = self.papers();
        let own = papers.alarms.iter().filter(|((of, _), _)| of == skill);
        let mut alarms: Vec<Alarm> = own.map(|(_, alarm)| alarm.clone()).collect();
        alarms.sort_by_key(|alarm| alarm.at_utc_ms);
        Ok(alarms)
    }
}

impl Clock for Desk {
    fn now(&self) -> WallClock {
        let passed = i64::try_from(self.papers().passed.as_millis()).unwrap_or(i64::MAX);
        let utc_ms = TEN_IN_THE_MORNING.utc_ms.saturating_add(passed);
        WallClock { utc_ms, ..TEN_IN_THE_MORNING }
    }
}

impl Announcer for Desk {
    fn announce(&self, _skill: &SkillId, speech: &str) {
        self.papers().announced.push(speech.to_owned());
    }
}
