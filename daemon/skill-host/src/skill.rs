//! A loaded skill and one run of it: a fresh store, a call, a checked result.
//!
//! Must not keep anything of a guest from one turn to the next.

use crate::{
    bindings::{Skill, SkillPre, valet::skill::types as wit},
    check,
    grant::Granter,
    limits::{HOSTCALL_FUEL, TooMuch},
    rate::Buckets,
    slices,
    stats::{Counters, SkillState},
    ticker::{Met, Ticker},
    turn::{RehearsalEnds, Scope, Stop, Turn, TurnClock, TurnParts, UsedUp},
    world::World,
};
use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, PoisonError, atomic::AtomicBool},
    time::Duration,
};
use valet_core::{
    outcome::{Invoked, Outcome, Planned, SkillFault},
    signal::Class,
};
use valet_package::{
    folder::Asset,
    manifest::{IntentSpec, Manifest},
};
use wasmtime::{Store, Trap, UpdateDeadline};

/// Longest reason kept in a fault, characters.
const MAX_WHY_CHARS: usize = 200;

/// What a fault says of a turn that somebody stopped.
const STOPPED: &str = "the turn was stopped";

/// A skill that can run.
pub(crate) struct Loaded {
    pub(crate) manifest: Manifest,
    pub(crate) pre: SkillPre<Turn>,
    pub(crate) granter: Arc<Granter>,
    pub(crate) assets: Arc<BTreeMap<String, Asset>>,
    pub(crate) memory_limit: usize,
    pub(crate) turn_limit: Duration,
    pub(crate) counters: Mutex<Counters>,
    pub(crate) buckets: Arc<Mutex<Buckets>>,
}

/// What a run is about, besides the call itself.
pub(crate) struct Run {
    pub(crate) scope: Scope,
    pub(crate) confirmed: Option<Vec<Planned>>,
    /// Set where nothing may have an effect: what would have been written before.
    pub(crate) rehearsal: Option<Vec<Planned>>,
    pub(crate) budget: Duration,
    pub(crate) observe: Duration,
    pub(crate) cancelled: Arc<AtomicBool>,
}

type Called<T> = wasmtime::Result<Result<T, wit::SkillError>>;

impl Loaded {
    /// Invokes `handle`.
    pub(crate) fn handle(
        &self,
        world: World,
        ticker: &Ticker,
        run: Run,
        invocation: &wit::Invocation,
    ) -> Invoked {
        let Some(intent) = self.manifest.intents.get(&invocation.intent) else {
            let why = format!("it has no intent {}", invocation.intent);
            return faulted(SkillFault::Unavailable { skill: self.manifest.id.clone(), why });
        };
        self.run(
            world,
            ticker,
            run,
            |skill, store| skill.call_handle(store, invocation),
            |returned| check::outcome(returned, intent),
        )
    }

    /// Invokes `on-alarm`.
    pub(crate) fn ring(
        &self,
        world: World,
        ticker: &Ticker,
        run: Run,
        alarm: &wit::Ringing,
    ) -> Invoked {
        self.run(
            world,
            ticker,
            run,
            |skill, store| skill.call_on_alarm(store, alarm),
            |()| Ok(Outcome::Done { facts: Vec::new() }),
        )
    }

    /// Invokes `on-message`.
    pub(crate) fn receive(
        &self,
        world: World,
        ticker: &Ticker,
        run: Run,
        message: &wit::Received,
    ) -> Invoked {
        self.run(
            world,
            ticker,
            run,
            |skill, store| skill.call_on_message(store, message),
            |()| Ok(Outcome::Done { facts: Vec::new() }),
        )
    }

    fn run<T>(
        &self,
        world: World,
        ticker: &Ticker,
        run: Run,
        call: impl FnOnce(&Skill, &mut Store<Turn>) -> Called<T>,
        accept: impl FnOnce(T) -> Result<Outcome, String>,
    ) -> Invoked {
        if let SkillState::Quarantined { why } = self.lock_counters().state() {
            let (skill, why) = (self.manifest.id.clone(), format!("it is quarantined: {why}"));
            return faulted(SkillFault::Unavailable { skill, why });
        }
        let own_limit = run.budget.min(self.turn_limit);
        let clock = TurnClock::start(own_limit, run.observe, run.cancelled);
        let turn = Turn::start(
            self.parts(world, run.rehearsal),
            run.scope,
            run.confirmed,
            run.observe,
            clock,
        );
        let mut store = self.store(turn, ticker.met());
        let called = {
            let _ticking = ticker.run();
            // A host call that panics unwinds through the guest to here.
            catch_unwind(AssertUnwindSafe(|| {
                store.data().clock.check()?;
                let skill = self.pre.instantiate(&mut store)?;
                call(&skill, &mut store)
            }))
        };
        let own = store.data().clock.own();
        let turn = store.into_data();
        let result = self.judge(called, own_limit, accept);
        self.finish(turn, result, own, own_limit >= self.turn_limit)
    }

    fn parts(&self, world: World, rehearsal: Option<Vec<Planned>>) -> TurnParts {
        TurnParts {
            skill: self.manifest.id.clone(),
            granter: Arc::clone(&self.granter),
            world,
            assets: Arc::clone(&self.assets),
            memory_limit: self.memory_limit,
            rehearsal,
            buckets: Arc::clone(&self.buckets),
        }
    }

    fn store(&self, turn: Turn, met: Met) -> Store<Turn> {
        let mut store = Store::new(self.pre.engine(), turn);
        store.limiter(|turn| &mut turn.limits);
        store.set_hostcall_fuel(HOSTCALL_FUEL);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(move |context| {
            met.say();
            context.data().clock.check()?;
            slices::give_way();
            Ok(UpdateDeadline::Continue(1))
        });
        store
    }

    fn judge<T>(
        &self,
        called: std::thread::Result<Called<T>>,
        own_limit: Duration,
        accept: impl FnOnce(T) -> Result<Outcome, String>,
    ) -> Result<Outcome, SkillFault> {
        let skill = || self.manifest.id.clone();
        match called {
            Err(_) => Err(SkillFault::Trap { skill: skill(), why: "the host panicked".into() }),
            Ok(Err(error)) if error.is::<RehearsalEnds>() => {
                Ok(Outcome::Done { facts: Vec::new() })
            }
            Ok(Err(error)) => Err(self.fault(&error, own_limit)),
            Ok(Ok(Err(error))) => {
                Err(SkillFault::Reported { skill: skill(), why: check::report(error) })
            }
            Ok(Ok(Ok(returned))) => {
                accept(returned).map_err(|what| SkillFault::BadReturn { skill: skill(), what })
            }
        }
    }

    fn fault(&self, error: &wasmtime::Error, own_limit: Duration) -> SkillFault {
        let skill = self.manifest.id.clone();
        match error.downcast_ref::<Stop>() {
            Some(Stop::OwnTime | Stop::WallTime) => {
                let limit_ms = u64::try_from(own_limit.as_millis()).unwrap_or(u64::MAX);
                return SkillFault::Timeout { skill, limit_ms };
            }
            Some(Stop::Cancelled) => {
                return SkillFault::Unavailable { skill, why: STOPPED.into() };
            }
            None => {}
        }
        let why = if let Some(trap) = error.downcast_ref::<Trap>() {
            trap.to_string()
        } else if let Some(limit) = error.downcast_ref::<TooMuch>() {
            limit.to_string()
        } else if let Some(used_up) = error.downcast_ref::<UsedUp>() {
            used_up.to_string()
        } else {
            error.root_cause().to_string()
        };
        let why = why.chars().map(|c| if c.is_control() { ' ' } else { c });
        SkillFault::Trap { skill, why: why.take(MAX_WHY_CHARS).collect() }
    }

    fn finish(
        &self,
        turn: Turn,
        result: Result<Outcome, SkillFault>,
        own: Duration,
        had_its_time: bool,
    ) -> Invoked {
        if let Some(printed) = turn.printed() {
            log::debug!(target: "skill", "{} printed: {printed}", self.manifest.id);
        }
        let used = turn.used(own);
        // A rehearsal is no turn, but a fault in it is one.
        let counts = result.is_err() || !turn.rehearses();
        let quarantined =
            counts && self.lock_counters().count(result.as_ref().err(), had_its_time, used);
        if let Err(fault) = &result {
            log::warn!("{fault}");
        }
        if quarantined {
            log::error!("the skill {} is quarantined after repeated faults", self.manifest.id);
        }
        Invoked {
            result,
            actions: turn.actions,
            needs_confirmation: turn.needs_confirmation,
            guest_time: own,
            observe_time: turn.observed,
        }
    }

    pub(crate) fn lock_counters(&self) -> std::sync::MutexGuard<'_, Counters> {
        self.counters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What an intent of that class may do.
    pub(crate) fn scope_of(intent: Option<&IntentSpec>, class: Class) -> Scope {
        // The manifest's class holds even if a caller passes a higher one.
        let ceiling = intent.map_or(Class::Info, |i| i.class).min(class);
        Scope { ceiling, alarms: ceiling > Class::Info }
    }
}

/// An invocation that never ran.
pub(crate) fn faulted(fault: SkillFault) -> Invoked {
    Invoked {
        result: Err(fault),
        actions: Vec::new(),
        needs_confirmation: None,
        guest_time: Duration::ZERO,
        observe_time: Duration::ZERO,
    }
}
