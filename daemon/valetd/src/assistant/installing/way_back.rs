//! The way back: to the version before, to the image's, or to none; as somebody wishes, or because a new version broke its
//! contract in its first turns.
//!
//! Must not leave the version that runs before the other one can run and its row is on disk.

use super::super::{Assistant, rights::Asker, waiters::Waiter};
use super::{Step, conflict, not_kept};
use crate::{
    audit::Deed,
    installation,
    logging::message_id,
    skills::{Found, Origin, SkillStatus, Sources},
    state::rows::Installed,
};
use valet_bus::{BusError, ErrorName, Reply, access::Right, path};
use valet_core::intent::SkillId;
use valet_package::SkillFolder;
use valet_skill_host::{Prepared, SkillStats};

/// Turns in which a new version has to show that it works.
const TRIAL_TURNS: u64 = 10;
/// Breaches of its contract in those turns by which it has not.
const TRIAL_BREACHES: u64 = 3;

/// To where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// The version before, which becomes the current one; the current one becomes the one before.
    Previous,
    /// The same, and the current one goes: it does not work.
    PreviousOnly,
    /// What the image has; what was installed goes, with its data where the image has none.
    Image,
}

/// Another version that can run.
pub(crate) struct Back {
    id: SkillId,
    wanted: Wanted,
    /// Why nobody had to ask for it.
    why: Option<String>,
    /// `None` where there is none: then the skill goes.
    found: Option<(Found, Prepared)>,
}

impl Assistant {
    pub(in crate::assistant) fn roll_back_skill(&mut self, asker: Asker, id: &str, reply: Reply) {
        let wanted = Wanted::Previous;
        self.ask_way_back(asker, id, (Right::Downgrade, wanted), reply);
    }

    pub(in crate::assistant) fn remove_skill(&mut self, asker: Asker, id: &str, reply: Reply) {
        self.ask_way_back(asker, id, (Right::Remove, Wanted::Image), reply);
    }

    fn ask_way_back(
        &mut self,
        asker: Asker,
        id: &str,
        (right, wanted): (Right, Wanted),
        reply: Reply,
    ) {
        let id = match self.installed_or_known(id) {
            Ok(id) => id,
            Err(error) => return reply.error(&error),
        };
        let uid = asker.caller.uid;
        self.with_rights(&asker, &[right], move |all, allowed| {
            let begun = allowed.and_then(|()| all.admit_change());
            let begun = begun.and_then(|()| all.check_way_back(&id, &wanted));
            match begun {
                Ok(()) => {
                    all.begin_change(Some(id.clone()), Some(Waiter::Call(reply)), Some(uid));
                    all.begin_way_back(id, wanted, None);
                }
                Err(error) => reply.error(&error),
            }
        });
    }

    /// A skill that is here, or one that is installed and cannot be used.
    fn installed_or_known(&self, id: &str) -> Result<SkillId, BusError> {
        let installed = self.state.installed().map_err(|e| not_kept(&e))?;
        match SkillId::parse(id).ok().filter(|id| installed.contains_key(id)) {
            Some(id) => Ok(id),
            None => self.known_skill(id),
        }
    }

    fn check_way_back(&self, id: &SkillId, wanted: &Wanted) -> Result<(), BusError> {
        let installed = self.state.installed().map_err(|e| not_kept(&e))?;
        let Some(installed) = installed.get(id) else {
            let why = format!("{id} is part of the image; it can be disabled, not removed");
            return Err(conflict(why));
        };
        let of_image = || self.skills.of_image.contains_key(id);
        match wanted {
            Wanted::Previous if self.safe_mode => self.admit_installed(),
            Wanted::Previous if installed.previous.is_none() && of_image() => {
                let why = format!(
                    "no other version of {id} was installed; Remove goes back to the image's"
                );
                Err(conflict(why))
            }
            Wanted::Previous if installed.previous.is_none() => {
                Err(conflict(format!("no other version of {id} was installed before")))
            }
            _ => Ok(()),
        }
    }

    fn begin_way_back(&mut self, id: SkillId, wanted: Wanted, why: Option<String>) {
        let trusted = self.installations.trust.read(&self.state);
        let installed = self.state.installed().unwrap_or_default();
        let previous = installed.get(&id).and_then(|one| one.previous.clone());
        let (workshop, state) = (self.workshop(), self.state.clone());
        let (image, of_image) = (self.paths.skills.clone(), self.skills.of_image.get(&id).cloned());
        self.in_background(move || {
            let sources = Sources {
                image: &image,
                installed: &workshop.folders,
                trusted: &trusted,
                state: &state,
                language: &workshop.language,
            };
            let found = match (&wanted, previous) {
                (Wanted::Image, _) => {
                    of_image.map(|image| sources.read_of_image(&image.folder)).transpose()
                }
                (_, Some(previous)) => sources.read_version(&id, &previous).map(Some),
                (_, None) => Err("there is no other version".to_owned()),
            };
            let prepared =
                found.map_err(|why| BusError::new(ErrorName::SkillFailed, why)).and_then(|found| {
                    let Some(mut found) = found else { return Ok(None) };
                    let granted = sources.skill(&found, Origin::Image).granted;
                    let code = found.read.code.take();
                    let for_host = SkillFolder { code, ..found.read.clone() };
                    let prepared = workshop.host.prepare(for_host, granted);
                    let unfit = |e| installation::unfit(&e, found.damage.as_deref());
                    let prepared = prepared.map_err(unfit)?;
                    Ok(Some((found, prepared)))
                });
            instant!("back.ready");
            Ok(Step::Back(Box::new(Back { id, wanted, why, found: prepared? })))
        });
    }

    /// Another version can run: its row makes it count, then it does.
    pub(super) fn put_back(&mut self, back: Back) {
        let Back { id, wanted, why, found } = back;
        let installed = match self.state.installed() {
            Ok(mut installed) => installed.remove(&id),
            Err(error) => return self.end_change(Err(not_kept(&error))),
        };
        let next = installed.and_then(|Installed { current, previous }| {
            let mut back_to = previous?;
            back_to.on_trial = false;
            match wanted {
                Wanted::Previous => Some(Installed { current: back_to, previous: Some(current) }),
                Wanted::PreviousOnly => Some(Installed { current: back_to, previous: None }),
                Wanted::Image => None,
            }
        });
        instant!("back.begin");
        let noted = match &next {
            Some(next) => self.state.set_installed(&id, next, None),
            None => self.state.remove_installed(&id, found.is_some()),
        };
        if let Err(error) = noted {
            return self.end_change(Err(not_kept(&error)));
        }
        instant!("back.noted");
        match found {
            Some((found, prepared)) => self.take_back(&found, prepared, (next.clone(), why)),
            None => {
                self.host.unload(&id);
                instant!("back.unloaded");
                self.skills.by_id.remove(&id);
                self.face.remove_object(&path::skill(id.as_str()));
                log::info!(MESSAGE_ID = message_id::SKILL, VALET_SKILL = id.as_str(); "the skill is removed");
                self.audit_change(Deed::Removed { skill: id.to_string() });
            }
        }
        self.skills.unreadable.retain(|why| !why.starts_with(&format!("{id}: ")));
        instant!("back.adopted");
        self.installations.folders.sweep_skill(&id, next.as_ref());
        instant!("back.swept");
        self.forget_code();
        self.skills_changed_unasked();
        self.learn(&id);
    }

    fn take_back(
        &mut self,
        found: &Found,
        prepared: Prepared,
        (next, why): (Option<Installed>, Option<String>),
    ) {
        let id = &found.read.manifest.id;
        let origin = match next {
            Some(versions) => Origin::Installed { versions, instead: None },
            None => Origin::Image,
        };
        let trusted = self.installations.trust.read(&self.state);
        let mut skill = self.sources(&trusted).skill(found, origin);
        skill.went_back = why.clone();
        let version = skill.manifest.version.clone();
        self.audit_change(Deed::WentBack { skill: id.to_string(), version, why });
        log::info!(
            MESSAGE_ID = message_id::SKILL, VALET_SKILL = id.as_str();
            "went back to version {}", skill.manifest.version
        );
        if skill.status == SkillStatus::Ready {
            self.host.adopt(prepared);
        }
        self.put_skill(skill);
    }

    /// After a turn of a version on trial: it has shown that it works, or it goes back, which is said.
    pub(in crate::assistant) fn judge_trial(&mut self, id: &SkillId, stats: &SkillStats) -> bool {
        let on_trial = self.skills.by_id.get(id).is_some_and(|skill| {
            matches!(&skill.origin, Origin::Installed { versions, instead: None } if versions.current.on_trial)
        });
        if !on_trial {
            return false;
        }
        if stats.breaches >= TRIAL_BREACHES {
            let why = match &stats.state {
                valet_skill_host::SkillState::Quarantined { why } => why.clone(),
                valet_skill_host::SkillState::Ready => format!("{TRIAL_BREACHES} faults"),
            };
            let why = format!("{why} (within its first {TRIAL_TURNS} turns)");
            log::error!(MESSAGE_ID = message_id::SKILL, VALET_SKILL = id.as_str(); "the new version goes back: {why}");
            self.set_trial(id, false, false);
            self.installations.to_go_back.push_back((id.clone(), why));
            self.next_way_back();
            return true;
        }
        if stats.turns >= TRIAL_TURNS {
            self.set_trial(id, false, true);
        }
        false
    }

    /// Notes whether a version is on trial, on disk where it has passed.
    fn set_trial(&mut self, id: &SkillId, on_trial: bool, keep: bool) {
        let Some(skill) = self.skills.by_id.get_mut(id) else { return };
        let Origin::Installed { versions, .. } = &mut skill.origin else { return };
        versions.current.on_trial = on_trial;
        if !keep {
            return;
        }
        instant!("trial.passed");
        if let Err(error) = self.state.set_installed(id, versions, None) {
            log::warn!("{id} is tried again after the next start: {error}");
        }
    }

    /// The next version that is to go back, where nothing else is under way.
    pub(super) fn next_way_back(&mut self) {
        if self.installations.under_way.is_some() || self.stopping {
            return;
        }
        let Some((id, why)) = self.installations.to_go_back.pop_front() else { return };
        let installed = self.state.installed().unwrap_or_default();
        let wanted = match installed.get(&id).map(|installed| &installed.previous) {
            Some(Some(_)) => Wanted::PreviousOnly,
            Some(None) if self.skills.of_image.contains_key(&id) => Wanted::Image,
            // It was removed meanwhile, or there is nothing to go back to: the host's quarantine holds.
            _ => return self.next_way_back(),
        };
        self.begin_change(Some(id.clone()), None, None);
        self.begin_way_back(id, wanted, Some(why));
    }
}
