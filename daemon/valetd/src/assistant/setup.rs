//! What the task is made from: the host with what skills may be given, what is installed, the understanding, the rules.
//!
//! Must not keep anything; the task does.

use super::Installations;
use crate::{
    audit::{Audit, Deed},
    config::Config,
    happening::Happening,
    installation::{Folders, find_again},
    paths::Paths,
    skills::{SkillStatus, Skills},
    state::{Kept, State, Told},
    trust::Trust,
    wall::SystemClock,
    world::World,
};
use std::sync::{Arc, RwLock};
use tokio::sync::mpsc::UnboundedSender;
use valet_core::{
    dialogue::Rules,
    intent::SkillId,
    policy::Policy,
    ports::{Announcer, StoreError},
    reply::HostWords,
};
use valet_skill_host::{CodeSource, HostConfig, Outside, Services, SkillHost};
use valet_understanding::{SkillSource, Understander, UnderstandingError, Vocabulary};

/// Hands a skill's speech to the task.
struct Announcements(UnboundedSender<Happening>);

impl Announcer for Announcements {
    fn announce(&self, skill: &SkillId, speech: &str) {
        let said = Happening::Announce { skill: skill.clone(), speech: speech.to_owned() };
        // The daemon is stopping when nobody listens.
        let _ = self.0.send(said);
    }
}

/// What is installed, swept of what was not put in place to the end; and what a person should know of it.
pub(super) fn installations(
    paths: &Paths,
    config: &Config,
    (state, kept): (&State, Kept),
) -> (Installations, Option<String>) {
    let folders = Folders::below(&paths.state);
    let trust = Trust {
        folders: paths.trust.clone(),
        owners: paths.trust_owners.clone(),
        developer_mode: config.developer_mode,
    };
    // Without the rows nobody knows what to keep.
    let found = match kept {
        Kept::OnDisk => sweep_or_find(&folders, &trust, state).unwrap_or_else(|error| {
            log::error!("what is installed cannot be read: {error}");
            Vec::new()
        }),
        Kept::InMemory => Vec::new(),
    };
    (Installations::new(folders, trust), say_found(&found))
}

/// Sweeps packages that no row tells of; where the rows begin anew, writes them by the packages and says whose they are.
fn sweep_or_find(
    folders: &Folders,
    trust: &Trust,
    state: &State,
) -> Result<Vec<SkillId>, StoreError> {
    if !state.knows_packages()? {
        return find_again(folders, trust, state);
    }
    folders.sweep(&state.installed()?);
    Ok(Vec::new())
}

/// Opens the audit log, and enters that the daemon begins; and why there is none.
pub(super) fn start_audit(paths: &Paths, safe_mode: bool) -> (Audit, Option<String>) {
    let (mut audit, no_audit) = Audit::start(&paths.audit);
    audit.enter(None, Deed::Started { version: env!("CARGO_PKG_VERSION"), safe_mode });
    (audit, no_audit)
}

fn say_found(skills: &[SkillId]) -> Option<String> {
    if skills.is_empty() {
        return None;
    }
    let names: Vec<&str> = skills.iter().map(SkillId::as_str).collect();
    Some(format!(
        "installed skills were found again by their packages and may touch nothing until they are granted it anew (`valetctl skill grant`): {}",
        names.join(", ")
    ))
}

/// Has the task told when alarms change, and when the state cannot be opened again or is.
pub(super) fn tell_of_state(state: &State, happenings: &UnboundedSender<Happening>) {
    let tell = |happening: fn() -> Happening| -> Told {
        let happenings = happenings.clone();
        Arc::new(move || {
            // The daemon is stopping when nobody listens.
            let _ = happenings.send(happening());
        })
    };
    state.on_alarms_changed(tell(|| Happening::AlarmsChanged));
    state.on_turned(tell(|| Happening::StateTurned));
}

/// What skills may be given.
pub(super) fn services(
    world: &World,
    state: &Arc<State>,
    policy: &Arc<RwLock<Arc<Policy>>>,
    happenings: &UnboundedSender<Happening>,
    outside: Outside,
) -> Services {
    Services {
        vehicle: world.vehicle.clone(),
        store: state.clone(),
        alarms: state.clone(),
        clock: Arc::new(SystemClock),
        announcer: Arc::new(Announcements(happenings.clone())),
        outside,
        policy: policy.clone(),
    }
}

/// Starts the skill host within the bounds of the configuration.
pub(super) fn start_host(
    paths: &Paths,
    config: &Config,
    services: Services,
) -> anyhow::Result<Arc<SkillHost>> {
    let code = CodeSource { cache: paths.cache.clone(), compiler: paths.skillc.clone() };
    let mut host_config = HostConfig::new(code);
    host_config.max_memory_bytes = config.skill_memory_bytes;
    host_config.max_turn_ms = config.skill_turn_ms;
    host_config.rates = config.outside.rates;
    Ok(Arc::new(SkillHost::new(host_config, services)?))
}

/// The rules of the dialogue as skills, policy and configuration stand now.
pub(super) fn rules(
    skills: &Skills,
    policy: &Arc<Policy>,
    words: &Arc<HostWords>,
    world: &World,
    config: &Config,
) -> Rules {
    Rules {
        skills: Arc::new(skills.table(&config.language)),
        policy: policy.clone(),
        words: words.clone(),
        describe: world.describe(),
        language: config.language.clone(),
        confirm_by_voice: config.confirm_by_voice.clone(),
    }
}

/// Builds the understanding of all skills that are ready. A skill whose sentences cannot be
/// compiled is marked as failed, and the others are understood without it.
///
/// # Errors
/// When even the skills that can be compiled one by one cannot be understood together.
pub(super) fn build_understander(
    config: &Config,
    skills: &mut Skills,
    vocabulary: &Vocabulary,
) -> anyhow::Result<Understander> {
    let build = |skills: &Skills, only: Option<&SkillId>| {
        let sources: Vec<SkillSource<'_>> = skills
            .ready()
            .filter(|(id, ..)| only.is_none_or(|only| *id == only))
            .map(|(_, skill, sentences)| SkillSource { manifest: &skill.manifest, sentences })
            .collect();
        let understander = Understander::build(&config.language, &sources, vocabulary)?;
        let understander = understander.yielding(skills.installed());
        Ok::<_, UnderstandingError>(understander.woken_by(config.wake_words.clone()))
    };
    let first = match build(skills, None) {
        Ok(understander) => return Ok(understander),
        Err(first) => first,
    };
    log::error!("the sentences cannot be compiled, looking for the skill: {first}");
    let ids: Vec<SkillId> = skills.ready().map(|(id, ..)| id.clone()).collect();
    for id in ids {
        if let Err(why) = build(skills, Some(&id))
            && let Some(skill) = skills.by_id.get_mut(&id)
        {
            skill.status = SkillStatus::Failed(why.to_string());
        }
    }
    Ok(build(skills, None)?)
}
