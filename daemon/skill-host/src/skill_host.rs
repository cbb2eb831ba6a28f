//! [`SkillHost`]: loads skills, queues their turns on threads of its own, and hands back
//! what came of each.
//!
//! Must not talk to a person, a bus or a file of the daemon; must not load anything whose
//! origin nobody checked.

use crate::{
    actuate::{Performed, Terms, Wish, outline, perform},
    bindings::{SkillPre, valet::skill::types as wit},
    code::Wanted,
    contract,
    convert::{settings_to_wit, slots_to_wit, zone_to_wit},
    engine,
    error::HostError,
    grant::{ActuateGrant, Granter},
    host, imports,
    invocation::{Done, HostConfig, Invocation, LoadReport, Received, Ring, TurnHandle},
    rate::Buckets,
    skill::{Loaded, Run, faulted},
    stats::{Counters, SkillStats},
    ticker::Ticker,
    turn::{Scope, Turn},
    workers::{Waits, Workers},
    world::{Services, World},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError, RwLock, atomic::AtomicBool},
    time::{Duration, Instant},
};
use valet_core::{
    capability::CapabilitySet,
    contract::{API, API_SECTION},
    intent::SkillId,
    outcome::{Action, Invoked, Outcome, Planned, SkillFault},
    signal::Class,
};
use valet_package::{Sentences, SkillFolder};
use wasmtime::{Engine, component::Linker};

struct Shared {
    engine: Engine,
    world: World,
    ticker: Ticker,
    skills: RwLock<BTreeMap<SkillId, Arc<Loaded>>>,
    running: Mutex<Vec<TurnHandle>>,
}

/// A skill that is ready to run and does not take turns yet.
pub struct Prepared {
    loaded: Arc<Loaded>,
    report: LoadReport,
}

/// The host.
pub struct SkillHost {
    config: HostConfig,
    linker: Linker<Turn>,
    shared: Arc<Shared>,
    workers: Workers,
}

impl SkillHost {
    /// Starts the engine and the threads; no skill is loaded yet.
    ///
    /// # Errors
    /// [`HostError::Engine`].
    pub fn new(config: HostConfig, services: Services) -> Result<Self, HostError> {
        let threads = config.threads.max(1);
        let engine = engine::engine_for(Workers::threads(threads))?;
        let linker = host::link(&engine)?;
        let ticker = Ticker::start(&engine)?;
        let workers = Workers::start(threads, config.most_waiting)?;
        let shared = Arc::new(Shared {
            engine,
            world: World::new(services),
            ticker,
            skills: RwLock::default(),
            running: Mutex::default(),
        });
        Ok(Self { config, linker, shared, workers })
    }

    /// Loads a skill and grants it what it declares, in place of the one of the same id; turns that run go on with the old
    /// one. Blocks while it compiles.
    ///
    /// # Errors
    /// As [`SkillHost::prepare`]; a skill of that id that was loaded before stays.
    pub fn load(&self, folder: SkillFolder) -> Result<LoadReport, HostError> {
        let granted = folder.manifest.capabilities.clone();
        Ok(self.adopt(self.prepare(folder, granted)?))
    }

    /// Gets a skill ready to run beside the one of the same id; what is granted and not declared stays without effect.
    /// Blocks while it compiles.
    ///
    /// # Errors
    /// [`HostError::Contract`], [`HostError::Import`], [`HostError::Compile`], [`HostError::Sealed`].
    pub fn prepare(
        &self,
        folder: SkillFolder,
        granted: CapabilitySet,
    ) -> Result<Prepared, HostError> {
        let started = Instant::now();
        let skill = folder.manifest.id.clone();
        let misfit = |why: String| HostError::Contract { skill: skill.clone(), why };
        is_spoken(contract::api_version(&folder.wasm)).map_err(misfit)?;
        let (engine, declared) = (&self.shared.engine, folder.manifest.capabilities.kinds());
        let carried = folder.code.as_deref();
        let wanted = Wanted { skill: &skill, wasm: &folder.wasm, declared: &declared, carried };
        let code = self.config.code.ready(engine, &wanted, &folder.wasm_sha256)?;
        imports::judge(&code.component, engine, &declared)
            .map_err(|refusal| HostError::Import { skill: skill.clone(), refusal })?;
        let pre = self
            .linker
            .instantiate_pre(&code.component)
            .and_then(SkillPre::new)
            .map_err(|e| misfit(format!("{e:#}")))?;
        let loaded = Arc::new(self.loaded(folder, pre, granted));
        let (compiled, code_bytes) = (code.compiled, code.bytes);
        let report = LoadReport { skill, compiled, code_bytes, took: started.elapsed() };
        Ok(Prepared { loaded, report })
    }

    /// Lets a skill that was got ready take turns from now on.
    pub fn adopt(&self, prepared: Prepared) -> LoadReport {
        let Prepared { loaded, report } = prepared;
        let mut skills = self.shared.skills.write().unwrap_or_else(PoisonError::into_inner);
        skills.insert(report.skill.clone(), loaded);
        report
    }

    /// Removes the code of all components but those with these hashes from the cache, where it can be made again.
    pub fn forget_code(&self, kept: &BTreeSet<[u8; 32]>) {
        self.config.code.forget_others(kept);
    }

    fn loaded(&self, folder: SkillFolder, pre: SkillPre<Turn>, granted: CapabilitySet) -> Loaded {
        let manifest = folder.manifest;
        let memory = manifest.limits.memory_bytes.min(self.config.max_memory_bytes);
        let turn_ms = manifest.limits.turn_ms.min(self.config.max_turn_ms);
        let granter = Granter::new(manifest.id.clone(), manifest.capabilities.clone(), granted);
        let granter = granter.with_entities(entities_of(&folder.sentences));
        Loaded {
            pre,
            granter: Arc::new(granter),
            assets: Arc::new(folder.assets),
            memory_limit: usize::try_from(memory).unwrap_or(usize::MAX),
            turn_limit: Duration::from_millis(turn_ms),
            counters: Mutex::new(Counters::new()),
            buckets: Arc::new(Mutex::new(Buckets::new(&self.config.rates, Instant::now()))),
            manifest,
        }
    }

    /// Forgets a skill; a turn that runs ends undisturbed. Whether there was one.
    pub fn unload(&self, skill: &SkillId) -> bool {
        let mut skills = self.shared.skills.write().unwrap_or_else(PoisonError::into_inner);
        skills.remove(skill).is_some()
    }

    /// Replaces what a skill is granted, from its next call into the world on.
    ///
    /// # Errors
    /// [`HostError::NotLoaded`].
    pub fn grant(&self, skill: &SkillId, granted: CapabilitySet) -> Result<(), HostError> {
        self.shared.skill(skill)?.granter.grant(granted);
        Ok(())
    }

    /// Lets a quarantined skill take turns again.
    ///
    /// # Errors
    /// [`HostError::NotLoaded`].
    pub fn release(&self, skill: &SkillId) -> Result<(), HostError> {
        self.shared.skill(skill)?.lock_counters().release();
        Ok(())
    }

    /// What a skill has used so far, and whether it is quarantined.
    ///
    /// # Errors
    /// [`HostError::NotLoaded`].
    pub fn stats(&self, skill: &SkillId) -> Result<SkillStats, HostError> {
        let loaded = self.shared.skill(skill)?;
        let limited = loaded.buckets.lock().unwrap_or_else(PoisonError::into_inner).limited();
        Ok(loaded.lock_counters().stats(limited))
    }

    /// Queues a command. `done` gets what came of it, also when the skill is not there.
    ///
    /// # Errors
    /// [`HostError::Busy`], [`HostError::Stopped`]; then `done` was dropped uncalled.
    pub fn invoke(&self, invocation: Invocation, done: Done) -> Result<TurnHandle, HostError> {
        self.submit(Waits::Somebody, done, move |shared, cancelled, waited| {
            let budget = invocation.budget.saturating_sub(waited);
            shared.invoke(Invocation { budget, ..invocation }, None, cancelled)
        })
    }

    /// Queues a command to be gone through without effect: what it would write is judged as
    /// if `assumed` were written, nothing is written, stored, set or announced. The actions of
    /// its [`Invoked`] are `skipped` where they would have been tried.
    ///
    /// # Errors
    /// As [`SkillHost::invoke`].
    pub fn rehearse(
        &self,
        invocation: Invocation,
        assumed: Vec<Planned>,
        done: Done,
    ) -> Result<TurnHandle, HostError> {
        self.submit(Waits::Somebody, done, move |shared, cancelled, waited| {
            let budget = invocation.budget.saturating_sub(waited);
            let invocation = Invocation { budget, observe: Duration::ZERO, ..invocation };
            shared.invoke(invocation, Some(assumed), cancelled)
        })
    }

    /// Queues an alarm that rings, as [`SkillHost::invoke`]. It may set alarms and announce,
    /// but actuate nothing.
    ///
    /// # Errors
    /// As [`SkillHost::invoke`].
    pub fn ring(&self, ring: Ring, done: Done) -> Result<TurnHandle, HostError> {
        self.submit(Waits::Nobody, done, move |shared, cancelled, _| shared.ring(&ring, cancelled))
    }

    /// Queues a message that wakes a skill, as [`SkillHost::invoke`]. It may set values of its entities,
    /// use its store and announce, but change nothing in the world.
    ///
    /// # Errors
    /// As [`SkillHost::invoke`].
    pub fn receive(&self, received: Received, done: Done) -> Result<TurnHandle, HostError> {
        self.submit(Waits::Nobody, done, move |shared, cancelled, _| {
            shared.receive(received, cancelled)
        })
    }

    /// Queues writing values back ("undo") on behalf of the skill that changed them: its
    /// grants and the policy hold as they do for the skill itself. `along` is what went along
    /// with them then: each is put back by itself, or stays.
    ///
    /// # Errors
    /// As [`SkillHost::invoke`].
    pub fn restore(
        &self,
        skill: SkillId,
        values: Vec<Planned>,
        along: Vec<Planned>,
        observe: Duration,
        done: Done,
    ) -> Result<TurnHandle, HostError> {
        self.submit(Waits::Somebody, done, move |shared, _, _| {
            shared.restore(&skill, values, along, observe)
        })
    }

    /// Stops what runs, drops what waits, and ends the threads.
    pub fn stop(&self) {
        for turn in self.shared.lock_running().iter() {
            turn.cancel();
        }
        self.workers.stop();
    }

    fn submit(
        &self,
        waits: Waits,
        done: Done,
        work: impl FnOnce(&Shared, Arc<AtomicBool>, Duration) -> Invoked + Send + 'static,
    ) -> Result<TurnHandle, HostError> {
        let handle = TurnHandle::new();
        let (shared, theirs) = (Arc::clone(&self.shared), handle.clone());
        let submitted = Instant::now();
        self.workers.submit(
            waits,
            Box::new(move || {
                shared.lock_running().push(theirs.clone());
                let invoked = work(&shared, theirs.flag(), submitted.elapsed());
                shared.lock_running().retain(|turn| !turn.is(&theirs));
                done(invoked);
            }),
        )?;
        Ok(handle)
    }
}

impl Drop for SkillHost {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    fn lock_running(&self) -> std::sync::MutexGuard<'_, Vec<TurnHandle>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn skill(&self, id: &SkillId) -> Result<Arc<Loaded>, HostError> {
        let skills = self.skills.read().unwrap_or_else(PoisonError::into_inner);
        skills.get(id).cloned().ok_or_else(|| HostError::NotLoaded { skill: id.clone() })
    }

    fn skill_or_fault(&self, id: &SkillId) -> Result<Arc<Loaded>, SkillFault> {
        self.skill(id)
            .map_err(|e| SkillFault::Unavailable { skill: id.clone(), why: e.to_string() })
    }

    fn invoke(
        &self,
        invocation: Invocation,
        rehearsal: Option<Vec<Planned>>,
        cancelled: Arc<AtomicBool>,
    ) -> Invoked {
        let loaded = match self.skill_or_fault(&invocation.skill) {
            Ok(loaded) => loaded,
            Err(fault) => return faulted(fault),
        };
        let call = wit::Invocation {
            slots: slots_to_wit(&invocation.slots),
            settings: settings_to_wit(&invocation.settings),
            speaker: zone_to_wit(invocation.speaker),
            language: invocation.language,
            text: loaded.granter.utterance_text().and(invocation.text),
            confirmed: invocation.guest_confirmed,
            intent: invocation.intent,
        };
        let run = Run {
            scope: Loaded::scope_of(loaded.manifest.intents.get(&call.intent), invocation.class),
            confirmed: invocation.confirmed,
            rehearsal,
            budget: invocation.budget,
            observe: invocation.observe,
            cancelled,
        };
        loaded.handle(self.world.clone(), &self.ticker, run, &call)
    }

    fn ring(&self, ring: &Ring, cancelled: Arc<AtomicBool>) -> Invoked {
        let loaded = match self.skill_or_fault(&ring.skill) {
            Ok(loaded) => loaded,
            Err(fault) => return faulted(fault),
        };
        let alarm = wit::Ringing {
            name: ring.name.clone(),
            payload: ring.payload.clone(),
            late_ms: ring.late_ms,
            language: ring.language.clone(),
            settings: settings_to_wit(&ring.settings),
        };
        let run = Run {
            scope: Scope { ceiling: Class::Info, alarms: true },
            confirmed: None,
            rehearsal: None,
            budget: ring.budget,
            observe: Duration::ZERO,
            cancelled,
        };
        loaded.ring(self.world.clone(), &self.ticker, run, &alarm)
    }

    fn receive(&self, received: Received, cancelled: Arc<AtomicBool>) -> Invoked {
        let loaded = match self.skill_or_fault(&received.skill) {
            Ok(loaded) => loaded,
            Err(fault) => return faulted(fault),
        };
        let message = wit::Received {
            topic: received.topic,
            payload: received.payload,
            retained: received.retained,
            language: received.language,
            settings: settings_to_wit(&received.settings),
        };
        let run = Run {
            scope: Scope { ceiling: Class::Info, alarms: false },
            confirmed: None,
            rehearsal: None,
            budget: received.budget,
            observe: Duration::ZERO,
            cancelled,
        };
        loaded.receive(self.world.clone(), &self.ticker, run, &message)
    }

    fn restore(
        &self,
        skill: &SkillId,
        values: Vec<Planned>,
        along: Vec<Planned>,
        observe: Duration,
    ) -> Invoked {
        let loaded = match self.skill_or_fault(skill) {
            Ok(loaded) => loaded,
            Err(fault) => return faulted(fault),
        };
        let ceiling =
            loaded.manifest.intents.values().map(|i| i.class).max().unwrap_or(Class::Info);
        let terms = |observe| Terms { ceiling, confirmed: None, observe, rehearsal: None };
        let granted = |p: &Planned| loaded.granter.actuate(p.path.clone());
        // What the policy wrote along with a signal may go back with it.
        let main = values.iter().find_map(granted);
        let along: Vec<Wish> = along
            .into_iter()
            .map(|p| match &main {
                Some(main) => wish(Some(main.companion(p.path.clone())), p),
                None => wish(granted(&p), p),
            })
            .collect();
        let wishes = values.into_iter().map(|p| wish(granted(&p), p)).collect();
        let mut invoked = faulted(SkillFault::BadReturn {
            skill: skill.clone(),
            what: "more values to restore than a batch holds".into(),
        });
        match perform(&self.world, wishes, &terms(observe)) {
            Performed::TooMany => return invoked,
            Performed::AskFirst { planned, why } => {
                invoked.needs_confirmation = Some((planned, why));
            }
            Performed::Acted { actions, waited } => {
                invoked.actions = actions;
                invoked.observe_time = waited;
            }
        }
        // Where a signal stayed as it is, so does what went along with it.
        let went = invoked.actions.iter().all(|action| action.status.is_success());
        if went && invoked.needs_confirmation.is_none() {
            self.restore_along(along, &terms, observe, &mut invoked);
        }
        invoked.result = Ok(Outcome::Done { facts: Vec::new() });
        invoked
    }

    /// Puts back one by one what went along; one that may not go back stays.
    fn restore_along<'t>(
        &self,
        along: Vec<Wish>,
        terms: &impl Fn(Duration) -> Terms<'t>,
        observe: Duration,
        invoked: &mut Invoked,
    ) {
        for one in along {
            let outline = Action { companion: true, ..outline(&one) };
            let left = observe.saturating_sub(invoked.observe_time);
            match perform(&self.world, vec![one], &terms(left)) {
                Performed::Acted { actions, waited } => {
                    invoked.observe_time += waited;
                    let along = actions.into_iter().map(|a| Action { companion: true, ..a });
                    invoked.actions.extend(along);
                }
                // "Undo" is no yes to what has to be asked first.
                Performed::AskFirst { .. } | Performed::TooMany => invoked.actions.push(outline),
            }
        }
    }
}

/// The listed entities of a skill in all its languages.
fn entities_of(sentences: &BTreeMap<String, Sentences>) -> BTreeSet<String> {
    sentences.values().flat_map(|one| one.entities.keys().cloned()).collect()
}

/// Whether this host speaks the version of the contract that a component is for.
fn is_spoken(version: Option<&str>) -> Result<(), String> {
    match version {
        Some(API) => Ok(()),
        Some(other) => {
            let other: String = other.chars().take(20).collect();
            Err(format!("it is for valet:skill {other:?}, expected {API}"))
        }
        None => Err(format!("it is no component with a section {API_SECTION}")),
    }
}

fn wish(grant: Option<ActuateGrant>, planned: Planned) -> Wish {
    Wish { path: Ok(planned.path), grant, value: planned.value }
}
