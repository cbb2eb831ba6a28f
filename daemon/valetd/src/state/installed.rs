//! Which skills are installed and which version was there before, what each skill may touch, how new it ever was, and
//! what is known of the time and of revocations: rows that change together, so that an installation is on disk whole or
//! not at all.
//!
//! Must not know whether a version's folder is there.

use super::{
    ALARMS, DISABLED, FLOORS, GRANTS, INSTALLED, SETTINGS, STORE, State, TRUST, key,
    rows::{self, Installed},
};
use std::collections::BTreeMap;
use valet_core::{capability::CapabilitySet, intent::SkillId, ports::StoreError};

const LATEST_SEEN: &str = "latest-time-seen-ms";
const LIST_SERIAL: &str = "revocation-list-serial";
const PACKAGES_KNOWN: &str = "packages-known";

impl State {
    /// All installed skills. A row that makes no sense is not given.
    ///
    /// # Errors
    /// [`StoreError::Failed`].
    pub(crate) fn installed(&self) -> Result<BTreeMap<SkillId, Installed>, StoreError> {
        let rows = self.rows(INSTALLED, "")?;
        let known = rows.into_iter().filter_map(|(id, bytes)| {
            Some((SkillId::parse(&id).ok()?, rows::read_installed(&bytes)?))
        });
        Ok(known.collect())
    }

    /// Notes which versions of a skill are installed, and what it may touch, where that changes. The
    /// skill's floor rises to the version's counter.
    ///
    /// # Errors
    /// [`StoreError::Failed`]; then all is as before.
    pub(crate) fn set_installed(
        &self,
        skill: &SkillId,
        installed: &Installed,
        grants: Option<&CapabilitySet>,
    ) -> Result<(), StoreError> {
        let floor = self.floor(skill)?.max(installed.current.counter);
        self.change(|tables| {
            tables.put(INSTALLED, skill.as_str(), &rows::write_installed(installed))?;
            tables.put(FLOORS, skill.as_str(), &floor.to_le_bytes())?;
            if let Some(grants) = grants {
                tables.put(GRANTS, skill.as_str(), &rows::write_grants(grants))?;
            }
            Ok(())
        })
    }

    /// Notes that a skill is installed no more; without `keeping` its grants, settings, alarms and store go too. How new it
    /// was stays known.
    ///
    /// # Errors
    /// [`StoreError::Failed`]; then all is as before.
    pub(crate) fn remove_installed(
        &self,
        skill: &SkillId,
        keeping: bool,
    ) -> Result<(), StoreError> {
        let of_skill = key(skill, "");
        self.change(|tables| {
            tables.drop(INSTALLED, skill.as_str())?;
            tables.drop(GRANTS, skill.as_str())?;
            if !keeping {
                tables.drop(DISABLED, skill.as_str())?;
                for table in [SETTINGS, ALARMS, STORE] {
                    tables.drop_all(table, &of_skill)?;
                }
            }
            Ok(())
        })?;
        self.alarms_changed();
        Ok(())
    }

    /// What a skill may touch; `None` where nothing was ever said.
    ///
    /// # Errors
    /// [`StoreError::Failed`].
    pub(crate) fn grants(&self, skill: &SkillId) -> Result<Option<CapabilitySet>, StoreError> {
        Ok(self.read_one(GRANTS, skill.as_str())?.map(|bytes| rows::read_grants(&bytes)))
    }

    /// Notes what a skill may touch.
    ///
    /// # Errors
    /// [`StoreError::Failed`].
    pub(crate) fn set_grants(
        &self,
        skill: &SkillId,
        grants: &CapabilitySet,
    ) -> Result<(), StoreError> {
        self.change(|tables| tables.put(GRANTS, skill.as_str(), &rows::write_grants(grants)))
    }

    /// The highest counter of a skill that was ever installed here; 0 for none.
    ///
    /// # Errors
    /// [`StoreError::Failed`].
    pub(crate) fn floor(&self, skill: &SkillId) -> Result<u64, StoreError> {
        self.number(FLOORS, skill.as_str())
    }

    /// The latest trusted time that was seen here (UTC, ms), and the serial of the newest list of what is revoked.
    ///
    /// # Errors
    /// [`StoreError::Failed`].
    pub(crate) fn seen(&self) -> Result<(u64, u64), StoreError> {
        Ok((self.number(TRUST, LATEST_SEEN)?, self.number(TRUST, LIST_SERIAL)?))
    }

    /// Notes a later time and a newer list; neither ever goes back.
    ///
    /// # Errors
    /// [`StoreError::Failed`].
    pub(crate) fn see(&self, utc_ms: u64, serial: u64) -> Result<(), StoreError> {
        let (latest, newest) = self.seen()?;
        if utc_ms <= latest && serial <= newest {
            return Ok(());
        }
        self.change(|tables| {
            tables.put(TRUST, LATEST_SEEN, &latest.max(utc_ms).to_le_bytes())?;
            tables.put(TRUST, LIST_SERIAL, &newest.max(serial).to_le_bytes())
        })
    }

    /// Whether the rows tell of all packages that lie here. In a state that begins anew they do not: until somebody has
    /// looked, no package may be swept away for having no row.
    ///
    /// # Errors
    /// [`StoreError::Failed`].
    pub(crate) fn knows_packages(&self) -> Result<bool, StoreError> {
        Ok(self.number(TRUST, PACKAGES_KNOWN)? == 1)
    }

    /// Notes that they do.
    ///
    /// # Errors
    /// [`StoreError::Failed`].
    pub(crate) fn note_packages_known(&self) -> Result<(), StoreError> {
        self.change(|tables| tables.put(TRUST, PACKAGES_KNOWN, &1_u64.to_le_bytes()))
    }

    fn number(&self, table: super::Bytes, name: &str) -> Result<u64, StoreError> {
        let bytes = self.read_one(table, name)?.and_then(|bytes| bytes.try_into().ok());
        Ok(bytes.map_or(0, u64::from_le_bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::rows::Version;
    use valet_core::{
        capability::Capability,
        entity::Value,
        ports::{Alarm, Alarms as _, Store as _},
    };

    fn version(counter: u64) -> Version {
        Version { counter, manifest_sha256: [7; 32], signer: Some("00FF".into()), on_trial: true }
    }

    fn id(text: &str) -> SkillId {
        SkillId::parse(text).expect("an id")
    }

    #[test]
    fn what_is_installed_is_there_after_reopening_and_its_floor_never_sinks() {
        let folder = tempfile::tempdir().expect("a folder");
        let state = State::open(folder.path()).expect("opens").state;
        let lamp = id("org.example.lamp");
        let grants = CapabilitySet::new(vec![Capability::parse("store:64").expect("valid")]);
        let newer = Installed { current: version(9), previous: Some(version(8)) };
        state.set_installed(&lamp, &newer, Some(&grants)).expect("written");
        let older = Installed { current: version(8), previous: Some(version(9)) };
        state.set_installed(&lamp, &older, None).expect("written");
        state.see(50, 3).expect("written");
        state.see(40, 4).expect("written");
        drop(state);
        let again = State::open(folder.path()).expect("opens").state;
        assert_eq!(again.installed().expect("reads"), [(lamp.clone(), older)].into());
        assert_eq!(again.grants(&lamp).expect("reads"), Some(grants));
        assert_eq!(again.floor(&lamp).expect("reads"), 9);
        assert_eq!(again.seen().expect("reads"), (50, 4));
    }

    #[test]
    fn a_removed_skill_leaves_nothing_but_its_floor_and_another_one_keeps_all() {
        let state = State::in_memory_only().expect("memory");
        let (lamp, lamps) = (id("org.example.lamp"), id("org.example.lamps"));
        for skill in [&lamp, &lamps] {
            let installed = Installed { current: version(3), previous: None };
            state
                .set_installed(skill, &installed, Some(&CapabilitySet::default()))
                .expect("written");
            state.write(skill, "k", Some(b"v"), 64).expect("written");
            let alarm = Alarm { name: "tea".into(), at_utc_ms: 5, payload: Vec::new() };
            state.set(skill, alarm, 1).expect("set");
            state.set_settings(skill, &[("a".into(), Value::Boolean(true))]).expect("set");
        }
        state.remove_installed(&lamp, false).expect("removed");
        assert_eq!(state.installed().expect("reads").len(), 1);
        assert_eq!(state.read(&lamp, "k").expect("reads"), None);
        assert!(state.list(&lamp).expect("reads").is_empty());
        assert!(state.settings(&lamp).expect("reads").is_empty());
        assert_eq!(state.grants(&lamp).expect("reads"), None);
        assert_eq!(state.floor(&lamp).expect("reads"), 3);
        assert_eq!(state.read(&lamps, "k").expect("reads"), Some(b"v".to_vec()));
        assert_eq!(state.list(&lamps).expect("reads").len(), 1);
        state.remove_installed(&lamps, true).expect("removed");
        assert_eq!(state.read(&lamps, "k").expect("reads"), Some(b"v".to_vec()), "kept");
    }
}
