//! One turn of a skill: what the guest may use up, what it did, and its clock.
//!
//! Must not outlive the turn: a fresh one is made for each.

use crate::{
    grant::Granter,
    limits::{
        MAX_ACTIONS, MAX_ANNOUNCEMENTS, MAX_HANDLES, MAX_LISTS, MAX_LOG_LINES, MAX_OUTPUT_BYTES,
        MAX_WRITES, PEERS_TIME, StoreLimits,
    },
    rate::{Buckets, Rated},
    stats::Used,
    world::World,
};
use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use valet_core::{
    intent::SkillId,
    outcome::{Action, ActionStatus, Planned, Target},
    signal::{Class, SignalValue},
};
use valet_package::folder::Asset;

/// Time for host calls and scheduling on top of what the guest and the world may take.
const SLACK: Duration = Duration::from_secs(1);

/// Why a running guest was stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Its own time is over.
    OwnTime,
    /// All in all it takes too long.
    WallTime,
    /// Somebody stopped the turn.
    Cancelled,
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OwnTime => "took longer than it may",
            Self::WallTime => "took longer than a turn may, waits included",
            Self::Cancelled => "was stopped",
        })
    }
}

impl std::error::Error for Stop {}

/// A guest that used up what a turn has of something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UsedUp(pub(crate) &'static str);

impl fmt::Display for UsedUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "used up its {} of a turn", self.0)
    }
}

impl std::error::Error for UsedUp {}

/// A rehearsal is through: what comes next cannot be known without doing it. No fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RehearsalEnds;

impl fmt::Display for RehearsalEnds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("went as far as it can without effect")
    }
}

impl std::error::Error for RehearsalEnds {}

/// Tells a guest's own time from the time the world takes.
#[derive(Debug)]
pub(crate) struct TurnClock {
    started: Instant,
    outside: Duration,
    own_limit: Duration,
    wall_limit: Duration,
    cancelled: Arc<AtomicBool>,
}

impl TurnClock {
    pub(crate) fn start(
        own_limit: Duration,
        observe: Duration,
        cancelled: Arc<AtomicBool>,
    ) -> Self {
        let wall_limit =
            own_limit.saturating_add(observe).saturating_add(PEERS_TIME).saturating_add(SLACK);
        Self { started: Instant::now(), outside: Duration::ZERO, own_limit, wall_limit, cancelled }
    }

    /// The guest's own time so far.
    pub(crate) fn own(&self) -> Duration {
        self.started.elapsed().saturating_sub(self.outside)
    }

    /// Whether the guest may go on.
    pub(crate) fn check(&self) -> Result<(), Stop> {
        if self.cancelled.load(Ordering::Relaxed) {
            return Err(Stop::Cancelled);
        }
        if self.own() > self.own_limit {
            return Err(Stop::OwnTime);
        }
        if self.started.elapsed() > self.wall_limit {
            return Err(Stop::WallTime);
        }
        Ok(())
    }

    /// How long a call may take that is the guest's own time: three quarters of what is left, so that
    /// the guest can still say that nothing came.
    pub(crate) fn left_for_a_wait(&self) -> Duration {
        self.own_limit.saturating_sub(self.own()) / 4 * 3
    }

    fn give_back(&mut self, waited: Duration) {
        self.outside += waited;
    }
}

/// What a turn may still use.
#[derive(Debug)]
pub(crate) struct Allowance {
    pub(crate) writes: u32,
    pub(crate) announcements: u32,
    pub(crate) lists: u32,
    pub(crate) log_lines: u32,
    pub(crate) handles: u32,
    pub(crate) observe: Duration,
    pub(crate) peers: Duration,
}

impl Allowance {
    fn new(observe: Duration) -> Self {
        Self {
            writes: MAX_WRITES,
            announcements: MAX_ANNOUNCEMENTS,
            lists: MAX_LISTS,
            log_lines: MAX_LOG_LINES,
            handles: MAX_HANDLES,
            observe,
            peers: PEERS_TIME,
        }
    }
}

/// What a turn may do to the world.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scope {
    /// Highest class it may actuate; `Info` = none.
    pub(crate) ceiling: Class,
    /// Whether it may set and cancel alarms: a question may not.
    pub(crate) alarms: bool,
}

/// The state of a store: one guest, one turn.
pub(crate) struct Turn {
    pub(crate) skill: SkillId,
    pub(crate) granter: Arc<Granter>,
    pub(crate) world: World,
    pub(crate) assets: Arc<BTreeMap<String, Asset>>,
    pub(crate) scope: Scope,
    pub(crate) confirmed: Option<Vec<Planned>>,
    /// Set where the guest only goes through a command: nothing it does has an effect, and
    /// this is what would have been written by then.
    pub(crate) rehearsal: Option<Vec<Planned>>,
    pub(crate) actions: Vec<Action>,
    pub(crate) needs_confirmation: Option<(Vec<Planned>, String)>,
    pub(crate) observed: Duration,
    pub(crate) allowance: Allowance,
    pub(crate) limits: StoreLimits,
    pub(crate) clock: TurnClock,
    host_calls: u64,
    buckets: Arc<Mutex<Buckets>>,
    output: Vec<u8>,
}

/// What a turn works with.
pub(crate) struct TurnParts {
    pub(crate) skill: SkillId,
    pub(crate) granter: Arc<Granter>,
    pub(crate) world: World,
    pub(crate) assets: Arc<BTreeMap<String, Asset>>,
    pub(crate) memory_limit: usize,
    pub(crate) rehearsal: Option<Vec<Planned>>,
    pub(crate) buckets: Arc<Mutex<Buckets>>,
}

impl Turn {
    pub(crate) fn start(
        parts: TurnParts,
        scope: Scope,
        confirmed: Option<Vec<Planned>>,
        observe: Duration,
        clock: TurnClock,
    ) -> Self {
        Self {
            skill: parts.skill,
            granter: parts.granter,
            world: parts.world,
            assets: parts.assets,
            scope,
            confirmed,
            rehearsal: parts.rehearsal,
            actions: Vec::new(),
            needs_confirmation: None,
            observed: Duration::ZERO,
            allowance: Allowance::new(observe),
            limits: StoreLimits::new(parts.memory_limit),
            clock,
            host_calls: 0,
            buckets: parts.buckets,
            output: Vec::new(),
        }
    }

    /// Time that was spent on the world's behalf, not the guest's.
    pub(crate) fn give_back(&mut self, waited: Duration) {
        self.clock.give_back(waited);
    }

    /// Every call of the host begins here: it is counted, and only made where the guest may go on.
    pub(crate) fn host_call(&mut self) -> Result<(), Stop> {
        self.host_calls += 1;
        self.clock.check()
    }

    /// What it used up.
    pub(crate) fn used(&self, own: Duration) -> Used {
        Used { own, memory: self.limits.peak_bytes(), host_calls: self.host_calls }
    }

    /// Takes one of a turn's writes to disk.
    pub(crate) fn take_write(&mut self) -> Result<(), wasmtime::Error> {
        take(&mut self.allowance.writes, "writes")
    }

    pub(crate) fn take_announcement(&mut self) -> Result<(), wasmtime::Error> {
        take(&mut self.allowance.announcements, "announcements")
    }

    /// Takes one of a turn's lists of values.
    pub(crate) fn take_list(&mut self) -> Result<(), wasmtime::Error> {
        take(&mut self.allowance.lists, "lists of values")
    }

    /// Takes one of what the skill may do in a minute; of a rehearsal only what it really does.
    pub(crate) fn take_rated(&self, rated: Rated) -> bool {
        if self.rehearses() && !matches!(rated, Rated::HttpFetch | Rated::DbusCall) {
            return true;
        }
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        buckets.take(rated, Instant::now())
    }

    /// Whether one more action may be kept.
    pub(crate) fn has_room_for_action(&self) -> bool {
        self.actions.len() < MAX_ACTIONS
    }

    /// Time that was spent to see an effect.
    pub(crate) fn waited_for_the_world(&mut self, waited: Duration) {
        self.allowance.observe = self.allowance.observe.saturating_sub(waited);
        self.observed += waited;
        self.give_back(waited);
    }

    /// Ends a rehearsal where the next thing would have an effect: it is kept as left out.
    pub(crate) fn end_rehearsal_before(&mut self, target: Target) -> Result<(), wasmtime::Error> {
        if !self.rehearses() {
            return Ok(());
        }
        self.keep_action(target, ActionStatus::Skipped, (None, None), None);
        Err(wasmtime::Error::new(RehearsalEnds))
    }

    /// Keeps that something outside of the vehicle was refused, as far as there is room.
    pub(crate) fn deny(&mut self, target: Target) {
        let why = match self.scope.ceiling {
            Class::Info => "A question changes nothing.",
            _ => "This skill is not allowed to do that.",
        };
        if self.has_room_for_action() {
            self.keep_action(target, ActionStatus::Denied, (None, None), Some(why.to_owned()));
        }
    }

    /// Keeps what was asked of something outside of the vehicle, and what was seen of it.
    pub(crate) fn keep_action(
        &mut self,
        target: Target,
        status: ActionStatus,
        (requested, observed): (Option<SignalValue>, Option<SignalValue>),
        why: Option<String>,
    ) {
        self.actions.push(Action {
            target,
            requested,
            previous: None,
            observed,
            status,
            why,
            companion: false,
        });
    }

    pub(crate) fn take_handle(&mut self) -> Result<(), wasmtime::Error> {
        take(&mut self.allowance.handles, "handles")
    }

    pub(crate) fn return_handle(&mut self) {
        self.allowance.handles = MAX_HANDLES.min(self.allowance.handles + 1);
    }

    /// Whether nothing that the guest does has an effect.
    pub(crate) fn rehearses(&self) -> bool {
        self.rehearsal.is_some()
    }

    /// Records what was done other than actuating, such as `alarm:pasta`.
    pub(crate) fn record(&mut self, target: String) {
        self.keep_action(Target::Other(target), ActionStatus::Done, (None, None), None);
    }

    /// Keeps what the guest prints, as far as there is room.
    pub(crate) fn print(&mut self, bytes: &[u8]) {
        let room = MAX_OUTPUT_BYTES.saturating_sub(self.output.len());
        self.output.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// What the guest printed, without control characters.
    pub(crate) fn printed(&self) -> Option<String> {
        let text = String::from_utf8_lossy(&self.output);
        let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let clean = clean.trim();
        (!clean.is_empty()).then(|| clean.to_owned())
    }
}

fn take(left: &mut u32, what: &'static str) -> Result<(), wasmtime::Error> {
    *left = left.checked_sub(1).ok_or_else(|| wasmtime::Error::new(UsedUp(what)))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_given_back_is_not_the_guests() {
        let cancelled = Arc::new(AtomicBool::new(false));
        let mut clock = TurnClock::start(Duration::ZERO, Duration::MAX, Arc::clone(&cancelled));
        clock.give_back(Duration::from_secs(3600));
        assert_eq!(clock.own(), Duration::ZERO);
        assert_eq!(clock.check(), Ok(()));
        cancelled.store(true, Ordering::Relaxed);
        assert_eq!(clock.check(), Err(Stop::Cancelled));
    }
}
