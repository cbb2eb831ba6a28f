//! The state database: alarms, skills' stores, settings, which skills are installed, what they may
//! touch and which are disabled, which models were chosen.
//!
//! What a call says is written is on disk. A file that cannot be read is set aside, never
//! deleted, and said aloud; the daemon comes up all the same.

pub(crate) mod choices;
mod held;
pub(crate) mod history;
pub(crate) mod installed;
mod open;
pub(crate) mod rows;

pub(crate) use open::{Kept, Opened};

use held::Held;
use redb::{ReadableTable as _, TableDefinition};
use std::{collections::BTreeMap, sync::Arc};
use valet_core::{
    entity::Value,
    intent::SkillId,
    ports::{Alarm, Alarms, Store, StoreError},
};

type Bytes = TableDefinition<'static, &'static str, &'static [u8]>;

const STORE: Bytes = TableDefinition::new("store");
const ALARMS: Bytes = TableDefinition::new("alarms");
const SETTINGS: Bytes = TableDefinition::new("settings");
const DISABLED: Bytes = TableDefinition::new("disabled");
const MODELS: Bytes = TableDefinition::new("models");
const INSTALLED: Bytes = TableDefinition::new("installed");
const GRANTS: Bytes = TableDefinition::new("grants");
const FLOORS: Bytes = TableDefinition::new("floors");
const TRUST: Bytes = TableDefinition::new("trust");
const HISTORY: Bytes = TableDefinition::new("history");

const TABLES: [Bytes; 10] =
    [STORE, ALARMS, SETTINGS, DISABLED, MODELS, INSTALLED, GRANTS, FLOORS, TRUST, HISTORY];

/// Between whose a row is and the rest of its key; neither may hold it.
const SEPARATOR: char = '\n';

/// Somebody who is told that something changed, and looks for himself.
pub(crate) type Told = Arc<dyn Fn() + Send + Sync>;

/// The database.
pub(crate) struct State {
    database: Held,
    alarms_changed: std::sync::OnceLock<Told>,
}

fn failed(error: impl ToString) -> StoreError {
    StoreError::Failed { why: error.to_string() }
}

/// The tables of one change.
struct Tables<'t>(&'t redb::WriteTransaction);

impl Tables<'_> {
    fn put(&mut self, table: Bytes, key: &str, value: &[u8]) -> Result<(), StoreError> {
        let mut table = self.0.open_table(table).map_err(failed)?;
        table.insert(key, value).map_err(failed)?;
        Ok(())
    }

    fn get(&mut self, table: Bytes, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let table = self.0.open_table(table).map_err(failed)?;
        let found = table.get(key).map_err(failed)?;
        Ok(found.map(|value| value.value().to_vec()))
    }

    /// Whether there was one.
    fn drop(&mut self, table: Bytes, key: &str) -> Result<bool, StoreError> {
        let mut table = self.0.open_table(table).map_err(failed)?;
        Ok(table.remove(key).map_err(failed)?.is_some())
    }

    /// Drops all whose keys begin like this.
    fn drop_all(&mut self, table: Bytes, prefix: &str) -> Result<(), StoreError> {
        let mut table = self.0.open_table(table).map_err(failed)?;
        table.retain(|key, _| !key.starts_with(prefix)).map_err(failed)
    }
}

fn key(skill: &SkillId, name: &str) -> String {
    key_of(skill.as_str(), name)
}

fn key_of(whose: &str, name: &str) -> String {
    format!("{whose}{SEPARATOR}{name}")
}

impl State {
    /// Sets who is told when alarms change; only the first call counts.
    pub(crate) fn on_alarms_changed(&self, changed: Told) {
        let _ = self.alarms_changed.set(changed);
    }

    /// Sets who is told when the file cannot be opened again after a fault of its disk, and when it can; only the first call
    /// counts.
    pub(crate) fn on_turned(&self, turned: Told) {
        self.database.on_turned(turned);
    }

    /// Why the file cannot be opened again after a fault of its disk, for a person. None on a disk that is only full: what
    /// cannot be written is refused then, and the file stays open.
    #[must_use]
    pub(crate) fn fault(&self) -> Option<String> {
        self.database.fault()
    }

    /// Tries to open the file again, where it is not open; may wait for its disk.
    pub(crate) fn mend(&self) {
        self.database.mend();
    }

    fn read_one(&self, table: Bytes, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.database.read(|read| {
            let found = read.open_table(table)?.get(key)?;
            Ok(found.map(|value| value.value().to_vec()))
        })
    }

    fn rows(&self, table: Bytes, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        self.database.read(|read| {
            let mut rows = Vec::new();
            for row in read.open_table(table)?.range(prefix..)? {
                let (key, value) = row?;
                let Some(name) = key.value().strip_prefix(prefix) else { break };
                rows.push((name.to_owned(), value.value().to_vec()));
            }
            Ok(rows)
        })
    }

    /// Changes rows together: all of them are on disk when this returns, or none.
    fn change(
        &self,
        rows: impl FnOnce(&mut Tables<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.database.change(|database| {
            instant!("state.begin");
            let write = database.begin_write().map_err(failed)?;
            rows(&mut Tables(&write))?;
            instant!("state.commit");
            write.commit().map_err(failed)?;
            instant!("state.committed");
            Ok(())
        })
    }

    fn alarms_changed(&self) {
        if let Some(changed) = self.alarms_changed.get() {
            changed();
        }
    }

    /// The settings of a skill that were set.
    ///
    /// # Errors
    /// [`StoreError::Failed`].
    pub(crate) fn settings(&self, skill: &SkillId) -> Result<BTreeMap<String, Value>, StoreError> {
        let rows = self.rows(SETTINGS, &key(skill, ""))?;
        Ok(rows
            .into_iter()
            .filter_map(|(name, bytes)| Some((name, rows::read_value(&bytes)?)))
            .collect())
    }

    /// Sets settings of a skill; all or none.
    ///
    /// # Errors
    /// [`StoreError::Failed`].
    pub(crate) fn set_settings(
        &self,
        skill: &SkillId,
        settings: &[(String, Value)],
    ) -> Result<(), StoreError> {
        self.change(|tables| {
            settings.iter().try_for_each(|(name, value)| {
                tables.put(SETTINGS, &key(skill, name), &rows::write_value(value))
            })
        })
    }

    /// Whether a person disabled a skill.
    ///
    /// # Errors
    /// [`StoreError::Failed`].
    pub(crate) fn is_disabled(&self, skill: &SkillId) -> Result<bool, StoreError> {
        Ok(self.read_one(DISABLED, skill.as_str())?.is_some())
    }

    /// Notes whether a skill is disabled.
    ///
    /// # Errors
    /// [`StoreError::Failed`].
    pub(crate) fn set_disabled(&self, skill: &SkillId, disabled: bool) -> Result<(), StoreError> {
        self.change(|tables| {
            if disabled {
                return tables.put(DISABLED, skill.as_str(), &[1]);
            }
            tables.drop(DISABLED, skill.as_str()).map(|_| ())
        })
    }

    /// Takes out an alarm that rang, unless its skill has set it anew to something else meanwhile.
    ///
    /// # Errors
    /// [`StoreError::Failed`].
    pub(crate) fn rung(&self, skill: &SkillId, alarm: &Alarm) -> Result<(), StoreError> {
        let (key, as_it_rang) = (key(skill, &alarm.name), rows::write_alarm(alarm));
        self.change(|tables| {
            if tables.get(ALARMS, &key)?.is_some_and(|now| now == as_it_rang) {
                tables.drop(ALARMS, &key)?;
            }
            Ok(())
        })
    }

    /// All alarms of all skills by time.
    ///
    /// # Errors
    /// [`StoreError::Failed`].
    pub(crate) fn all_alarms(&self) -> Result<Vec<(SkillId, Alarm)>, StoreError> {
        let mut alarms: Vec<(SkillId, Alarm)> = self
            .rows(ALARMS, "")?
            .into_iter()
            .filter_map(|(key, bytes)| {
                let (skill, name) = key.split_once(SEPARATOR)?;
                Some((SkillId::parse(skill).ok()?, rows::read_alarm(name, &bytes)?))
            })
            .collect();
        alarms.sort_by_key(|(_, alarm)| alarm.at_utc_ms);
        Ok(alarms)
    }
}

impl Store for State {
    fn read(&self, skill: &SkillId, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.read_one(STORE, &key(skill, name))
    }

    fn write(
        &self,
        skill: &SkillId,
        name: &str,
        value: Option<&[u8]>,
        limit: u64,
    ) -> Result<(), StoreError> {
        if let Some(value) = value {
            let rows = self.rows(STORE, &key(skill, ""))?;
            let others: usize =
                rows.iter().filter(|(n, _)| n != name).map(|(n, v)| n.len() + v.len()).sum();
            let bytes = (others + name.len() + value.len()) as u64;
            if bytes > limit {
                return Err(StoreError::Full { skill: skill.clone(), bytes, limit });
            }
        }
        self.change(|tables| match value {
            Some(value) => tables.put(STORE, &key(skill, name), value),
            None => tables.drop(STORE, &key(skill, name)).map(|_| ()),
        })
    }

    fn keys(&self, skill: &SkillId, prefix: &str, most: usize) -> Result<Vec<String>, StoreError> {
        let rows = self.rows(STORE, &key(skill, prefix))?;
        Ok(rows.into_iter().take(most).map(|(rest, _)| format!("{prefix}{rest}")).collect())
    }
}

impl Alarms for State {
    fn set(&self, skill: &SkillId, alarm: Alarm, limit: u32) -> Result<(), StoreError> {
        let others = self.list(skill)?.iter().filter(|a| a.name != alarm.name).count();
        if others as u64 >= u64::from(limit) {
            return Err(StoreError::Full {
                skill: skill.clone(),
                bytes: others as u64 + 1,
                limit: u64::from(limit),
            });
        }
        let bytes = rows::write_alarm(&alarm);
        self.change(|tables| tables.put(ALARMS, &key(skill, &alarm.name), &bytes))?;
        self.alarms_changed();
        Ok(())
    }

    fn cancel(&self, skill: &SkillId, name: &str) -> Result<bool, StoreError> {
        let mut was_there = false;
        self.change(|tables| {
            was_there = tables.drop(ALARMS, &key(skill, name))?;
            Ok(())
        })?;
        if was_there {
            self.alarms_changed();
        }
        Ok(was_there)
    }

    fn list(&self, skill: &SkillId) -> Result<Vec<Alarm>, StoreError> {
        let rows = self.rows(ALARMS, &key(skill, ""))?;
        let mut alarms: Vec<Alarm> =
            rows.into_iter().filter_map(|(name, bytes)| rows::read_alarm(&name, &bytes)).collect();
        alarms.sort_by_key(|alarm| alarm.at_utc_ms);
        Ok(alarms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn skill() -> SkillId {
        SkillId::parse("org.example.a").expect("an id")
    }

    #[test]
    fn an_alarm_that_was_set_anew_while_it_rang_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let state = State::open(folder.path()).expect("opens").state;
        let alarm = |at_utc_ms| Alarm { name: "pasta".into(), at_utc_ms, payload: vec![1] };
        state.set(&skill(), alarm(5), 1).expect("one fits");
        state.set(&skill(), alarm(9), 1).expect("in its place");
        state.rung(&skill(), &alarm(5)).expect("nothing to take out");
        assert_eq!(state.list(&skill()).expect("a list"), [alarm(9)]);
        state.rung(&skill(), &alarm(9)).expect("taken out");
        assert_eq!(state.list(&skill()).expect("a list"), []);
    }

    #[test]
    fn what_was_written_is_there_after_reopening() {
        let folder = tempfile::tempdir().expect("a folder");
        let opened = State::open(folder.path()).expect("opens");
        assert!(opened.reason.is_none());
        let alarm = Alarm { name: "pasta".into(), at_utc_ms: 5, payload: vec![1, 2] };
        opened.state.set(&skill(), alarm.clone(), 1).expect("one fits");
        opened
            .state
            .set_settings(&skill(), &[("home".into(), Value::Text("60.1,24.9".into()))])
            .expect("set");
        drop(opened);
        let again = State::open(folder.path()).expect("opens").state;
        assert_eq!(again.all_alarms().expect("reads"), [(skill(), alarm)]);
        assert_eq!(
            again.settings(&skill()).expect("reads")["home"],
            Value::Text("60.1,24.9".into())
        );
    }

    #[test]
    fn a_state_in_memory_reads_as_empty_before_the_first_write() {
        let state = State::in_memory_only().expect("memory");
        assert!(state.all_alarms().expect("reads").is_empty());
        assert!(state.settings(&skill()).expect("reads").is_empty());
        assert!(!state.is_disabled(&skill()).expect("reads"));
    }

    #[test]
    fn a_skill_cannot_write_past_its_share_or_read_another_ones() {
        let folder = tempfile::tempdir().expect("a folder");
        let state = State::open(folder.path()).expect("opens").state;
        let other = SkillId::parse("org.example.ab").expect("an id");
        state.write(&skill(), "k", Some(&[0; 10]), 16).expect("fits");
        assert!(matches!(
            state.write(&skill(), "l", Some(&[0; 10]), 16),
            Err(StoreError::Full { .. })
        ));
        assert_eq!(state.read(&other, "k").expect("reads"), None);
        assert_eq!(state.keys(&skill(), "", 9).expect("reads"), ["k"]);
    }
}
