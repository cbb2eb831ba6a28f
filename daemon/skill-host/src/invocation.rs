//! What the daemon hands to the host and gets back: configuration, commands, alarms, handles.
//!
//! Must not run anything.

use crate::code::CodeSource;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use valet_core::{
    dialogue::MAX_TURNS,
    entity::Value,
    intent::SkillId,
    outcome::{Invoked, Planned},
    rates::Rates,
    signal::Class,
    slot::Slot,
    zone::Zone,
};

/// How the host is set up.
#[derive(Debug, Clone)]
pub struct HostConfig {
    /// Where code comes from.
    pub code: CodeSource,
    /// Threads that run guests for whoever speaks; what nobody waits for has one of its own.
    pub threads: usize,
    /// Turns that may wait for a thread.
    pub most_waiting: usize,
    /// Most memory of a skill, whatever it asks for, bytes.
    pub max_memory_bytes: u64,
    /// Longest own time of a turn, whatever a skill asks for, ms.
    pub max_turn_ms: u64,
    /// How often a skill may reach beyond its sandbox.
    pub rates: Rates,
}

impl HostConfig {
    /// Two threads, as many turns waiting as a dialogue has, 64 MiB and 2 s at most.
    #[must_use]
    pub fn new(code: CodeSource) -> Self {
        Self {
            code,
            threads: 2,
            most_waiting: MAX_TURNS,
            max_memory_bytes: 64 << 20,
            max_turn_ms: 2000,
            rates: Rates::default(),
        }
    }
}

/// How a skill was loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadReport {
    /// Which.
    pub skill: SkillId,
    /// Whether it was compiled; else the code came from the cache.
    pub compiled: bool,
    /// Size of the code, bytes.
    pub code_bytes: usize,
    /// How long it took.
    pub took: Duration,
}

/// One command for a skill.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// Which skill.
    pub skill: SkillId,
    /// The intent's name in its manifest.
    pub intent: String,
    /// The class the dialogue took the intent for; the manifest's own still caps it.
    pub class: Class,
    /// Filled slots.
    pub slots: Vec<Slot>,
    /// The skill's settings, defaults filled in.
    pub settings: Vec<(String, Value)>,
    /// Who speaks.
    pub speaker: Zone,
    /// BCP 47.
    pub language: String,
    /// The utterance; it reaches the guest only with the capability.
    pub text: Option<String>,
    /// Exactly what the person said yes to, from an earlier [`Invoked::needs_confirmation`].
    pub confirmed: Option<Vec<Planned>>,
    /// The person said yes to what the guest asked with `confirm`.
    pub guest_confirmed: bool,
    /// What is left of the turn's deadline when it is queued; waiting counts.
    pub budget: Duration,
    /// Time to wait for observed values, over all batches of the turn.
    pub observe: Duration,
}

/// An alarm that rings.
#[derive(Debug, Clone)]
pub struct Ring {
    /// Whose.
    pub skill: SkillId,
    /// The name the skill gave it.
    pub name: String,
    /// What the skill stored with it.
    pub payload: Vec<u8>,
    /// How late it rings, ms.
    pub late_ms: u64,
    /// BCP 47.
    pub language: String,
    /// The skill's settings, defaults filled in.
    pub settings: Vec<(String, Value)>,
    /// How long it may take.
    pub budget: Duration,
}

/// A message on a topic that wakes a skill.
#[derive(Debug, Clone)]
pub struct Received {
    /// Whose.
    pub skill: SkillId,
    /// The topic.
    pub topic: String,
    /// What it says.
    pub payload: Vec<u8>,
    /// Whether the broker had kept it from before.
    pub retained: bool,
    /// BCP 47.
    pub language: String,
    /// The skill's settings, defaults filled in.
    pub settings: Vec<(String, Value)>,
    /// How long it may take.
    pub budget: Duration,
}

/// A queued or running turn; dropping it does nothing.
#[derive(Debug, Clone)]
pub struct TurnHandle(Arc<AtomicBool>);

impl TurnHandle {
    pub(crate) fn new() -> Self {
        Self(Arc::default())
    }

    /// Set once the turn is to stop.
    pub(crate) fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0)
    }

    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Stops the guest at its next epoch tick. Its [`Invoked`] still comes, with the actions
    /// so far and [`SkillFault::Unavailable`](valet_core::outcome::SkillFault::Unavailable) unless it had ended already.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Takes what came of a turn, once, on a skill thread. When the host stops before the turn
/// began it is dropped without being called.
pub type Done = Box<dyn FnOnce(Invoked) + Send>;
