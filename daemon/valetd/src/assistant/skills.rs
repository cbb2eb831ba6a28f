//! Skills and what follows from them: objects on the bus, the understanding, heads.

use super::{
    ASSISTANT, Assistant,
    installing::{effective, texts},
    voice::VOICE,
};
use crate::{
    audit::Deed,
    logging::message_id,
    skills::{self, Skill, SkillStatus},
};
use std::sync::Arc;
use valet_bus::{BusError, Dict, ErrorName, ROOT, convert, convert::owned, path};
use valet_core::{entity::Value, intent::SkillId, ports::StoreError};
use valet_skill_host::{SkillState, SkillStats};
use zbus::OwnedVariant;

const SKILL: &str = "org.valetd.Skill1";

impl Assistant {
    /// Serves the root object, one object a skill and one a model.
    pub(super) fn serve_objects(&self) {
        let version = env!("CARGO_PKG_VERSION");
        let root = Dict::from([
            ("Version".into(), owned(version)),
            ("State".into(), owned("starting")),
            ("StateReasons".into(), owned(Vec::<String>::new())),
            ("DialogState".into(), owned("idle")),
            ("Languages".into(), owned(vec![self.config.language.clone()])),
            ("Models".into(), self.models_property()),
            ("CloudPolicy".into(), owned("off")),
            ("Tainted".into(), owned(self.skills.tainted())),
        ]);
        let privacy = Dict::from([
            ("CloudPolicy".into(), owned("off")),
            ("StoreHistory".into(), owned(self.history.is_kept())),
        ]);
        let mut interfaces = vec![
            (ASSISTANT, root),
            ("org.valetd.Skills1", Dict::new()),
            ("org.valetd.Models1", Dict::new()),
            (VOICE, Dict::new()),
            ("org.valetd.Vehicle1", Dict::new()),
            ("org.valetd.Diagnostics1", Dict::new()),
            ("org.valetd.Privacy1", privacy),
        ];
        if self.world.simulator.is_some() {
            interfaces.push(("org.valetd.Simulator1", Dict::new()));
        }
        self.face.add_object(ROOT, interfaces);
        self.skills.by_id.values().for_each(|skill| self.serve_skill(skill));
        self.serve_models();
    }

    pub(super) fn serve_skill(&self, skill: &Skill) {
        let path = path::skill(skill.manifest.id.as_str());
        self.face.add_object(&path, vec![(SKILL, self.skill_properties(skill))]);
    }

    fn skill_properties(&self, skill: &Skill) -> Dict {
        let manifest = &skill.manifest;
        let intents: Vec<String> =
            manifest.intents.keys().map(|name| format!("{}/{name}", manifest.id)).collect();
        let why = match &skill.status {
            SkillStatus::Failed(why) | SkillStatus::Quarantined(why) => why.clone(),
            _ => skill.went_back.as_ref().map_or_else(String::new, |why| {
                format!("a newer version went back to this one: {why}")
            }),
        };
        let signer = match skill.version() {
            None => "image",
            Some(version) => version.signer.as_deref().unwrap_or_default(),
        };
        Dict::from([
            ("Id".into(), owned(manifest.id.as_str())),
            ("Name".into(), owned(manifest.display_name(&self.config.language))),
            ("Version".into(), owned(manifest.version.as_str())),
            ("State".into(), owned(skill.status.name())),
            ("Counter".into(), owned(manifest.counter)),
            ("Requested".into(), owned(texts(&manifest.capabilities))),
            ("Granted".into(), owned(texts(&effective(skill)))),
            ("Signer".into(), owned(signer)),
            ("Intents".into(), owned(intents)),
            ("LastError".into(), owned(why)),
            ("Stats".into(), self.skill_stats(&manifest.id)),
            ("Settings".into(), self.settings_property(skill)),
        ])
    }

    fn skill_stats(&self, id: &SkillId) -> OwnedVariant {
        owned(self.host.stats(id).map_or_else(|_| Dict::new(), |stats| stats_dict(&stats)))
    }

    fn settings_property(&self, skill: &Skill) -> OwnedVariant {
        let settings = skills::settings(&skill.manifest, &self.state);
        let dict: Dict =
            settings.iter().map(|(name, value)| (name.clone(), convert::value(value))).collect();
        owned(dict)
    }

    /// After a turn: the skill's counts, and whether it was put into quarantine.
    pub(super) fn skill_ran(&mut self, id: &SkillId) {
        let Ok(stats) = self.host.stats(id) else { return };
        let path = path::skill(id.as_str());
        self.face.set_quietly(&path, SKILL, "Stats", owned(stats_dict(&stats)));
        if self.judge_trial(id, &stats) {
            return;
        }
        if let SkillState::Quarantined { why, .. } = &stats.state
            && let Some(skill) = self.skills.by_id.get_mut(id)
            && skill.status == SkillStatus::Ready
        {
            log::error!(MESSAGE_ID = message_id::SKILL, VALET_SKILL = id.as_str(); "the skill is quarantined: {why}");
            skill.status = SkillStatus::Quarantined(why.clone());
            self.skill_fell_out(id);
        }
    }

    pub(super) fn known_skill(&self, id: &str) -> Result<SkillId, BusError> {
        let unknown =
            || BusError::new(ErrorName::UnknownSkill, format!("no skill {id:?} is there"));
        let id = SkillId::parse(id).map_err(|_| unknown())?;
        if self.skills.by_id.contains_key(&id) { Ok(id) } else { Err(unknown()) }
    }

    pub(super) fn enable_skill(
        &mut self,
        uid: u32,
        id: &str,
        enable: bool,
    ) -> Result<(), BusError> {
        let id = self.known_skill(id)?;
        instant!("switch.begin");
        self.state.set_disabled(&id, !enable).map_err(state_failed)?;
        instant!("switch.noted");
        let status = if enable {
            match self.read_and_load(&id) {
                Ok(()) => SkillStatus::Ready,
                Err(why) => SkillStatus::Failed(why),
            }
        } else {
            self.host.unload(&id);
            SkillStatus::Disabled
        };
        let Some(skill) = self.skills.by_id.get_mut(&id) else { return Ok(()) };
        skill.status = status;
        log::info!(MESSAGE_ID = message_id::SKILL, VALET_SKILL = id.as_str(); "the skill is {}", skill.status.name());
        self.audit.enter(Some(uid), Deed::Switched { skill: id.to_string(), on: enable });
        self.skills_changed();
        match &self.skills.by_id[&id].status {
            SkillStatus::Failed(why) => Err(BusError::new(ErrorName::SkillFailed, why.as_str())),
            _ => Ok(()),
        }
    }

    pub(super) fn show_skill(&self, id: &SkillId) {
        let Some(skill) = self.skills.by_id.get(id) else { return };
        let path = path::skill(id.as_str());
        for (name, value) in self.skill_properties(skill) {
            match name.as_str() {
                "Stats" => self.face.set_quietly(&path, SKILL, &name, value),
                _ => self.face.set_property(&path, SKILL, &name, value),
            }
        }
    }

    pub(super) fn set_skill_settings(&mut self, id: &str, settings: &Dict) -> Result<(), BusError> {
        let id = self.known_skill(id)?;
        let skill = &self.skills.by_id[&id];
        let mut checked: Vec<(String, Value)> = Vec::new();
        for (name, variant) in settings {
            let Some(schema) = skill.manifest.settings.get(name) else {
                let known: Vec<&str> = skill.manifest.settings.keys().map(String::as_str).collect();
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                let name: String = name.chars().take(64).collect();
                return Err(BusError::invalid(format!(
                    "{id} has no setting {name:?}, expected {known}"
                )));
            };
            let value = convert::setting_from(variant).ok_or_else(|| {
                BusError::invalid(format!("setting {name} takes {}", schema.expected()))
            })?;
            schema.check(name, &value).map_err(|e| BusError::invalid(e.to_string()))?;
            checked.push((name.clone(), value));
        }
        instant!("settings.begin");
        self.state.set_settings(&id, &checked).map_err(state_failed)?;
        instant!("settings.noted");
        let shown = self.settings_property(&self.skills.by_id[&id]);
        self.face.set_property(&path::skill(id.as_str()), SKILL, "Settings", shown);
        Ok(())
    }

    /// Reads configuration, policy, skills and manifests of models again. What is wrong leaves the old in force.
    ///
    /// # Errors
    /// What is wrong.
    pub(super) fn reload(&mut self) -> anyhow::Result<()> {
        let config = crate::config::Config::read(&self.paths, false)?;
        let policy = Arc::new(crate::world::read_policy(&self.paths)?);
        log::set_max_level(config.log_level);
        // The language, the vehicle and what lies outside of it are the daemon's identity; they change with a restart.
        self.config = crate::config::Config {
            language: self.config.language.clone(),
            vehicle: self.config.vehicle,
            vehicle_overlay: self.config.vehicle_overlay.clone(),
            outside: self.config.outside.clone(),
            history: self.config.history,
            // Sockets stay open for who is connected; where satellites are is read anew.
            ..config
        };
        *self.shared_policy.write().unwrap_or_else(std::sync::PoisonError::into_inner) =
            policy.clone();
        self.policy = policy;
        let before: Vec<SkillId> = self.skills.by_id.keys().cloned().collect();
        self.installations.in_developer_mode(self.config.developer_mode);
        self.load_skills();
        for gone in before.iter().filter(|id| !self.skills.by_id.contains_key(*id)) {
            self.host.unload(gone);
            self.face.remove_object(&path::skill(gone.as_str()));
        }
        for (id, skill) in &self.skills.by_id {
            if !before.contains(id) {
                self.serve_skill(skill);
            }
        }
        self.reload_models();
        self.skills_changed();
        Ok(())
    }
}

fn state_failed(error: StoreError) -> BusError {
    BusError::new(ErrorName::Failed, error.to_string())
}

fn stats_dict(stats: &SkillStats) -> Dict {
    Dict::from([
        ("turns".to_owned(), owned(stats.turns)),
        ("faults".to_owned(), owned(stats.faults)),
        ("breaches".to_owned(), owned(stats.breaches)),
        ("limited".to_owned(), owned(stats.limited)),
        ("host-calls".to_owned(), owned(stats.host_calls)),
        ("guest-p50-us".to_owned(), owned(stats.guest_p50_us)),
        ("guest-p95-us".to_owned(), owned(stats.guest_p95_us)),
        ("memory-peak-bytes".to_owned(), owned(stats.memory_peak_bytes as u64)),
    ])
}
