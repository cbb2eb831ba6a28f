//! Advances the engine's epoch while a guest runs: often while it computes, seldom while it waits for the world. Sleeps without
//! waking up otherwise.
//!
//! Must not keep the engine alive, and must not decide when a guest has had enough: each
//! turn's clock does.

use crate::{error::HostError, slices};
use std::{
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};
use wasmtime::Engine;

/// How often a running guest is looked at, and gives way: about what another turn may wait for it on its processor.
const TICK: Duration = Duration::from_micros(500);
/// How often it is where none met the tick before: all wait.
const TICK_OF_THE_WAITING: Duration = Duration::from_millis(5);

/// The shortest slice of the processor there is: a tick comes in time also where guests compute on all of them.
const SLICE: Duration = Duration::from_micros(100);

#[derive(Default)]
struct State {
    running: usize,
    /// How many runs began.
    begun: u64,
    stopped: bool,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    /// Whether a guest met the last tick, or began since.
    computes: AtomicBool,
}

/// Where a guest says that it met a tick.
#[derive(Clone)]
pub(crate) struct Met(Arc<Shared>);

impl Met {
    pub(crate) fn say(&self) {
        self.0.computes.store(true, Ordering::Relaxed);
    }
}

/// The ticking thread.
pub(crate) struct Ticker {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// While it lives the epoch advances.
pub(crate) struct Ticking<'t>(&'t Ticker);

impl Ticker {
    pub(crate) fn start(engine: &Engine) -> Result<Self, HostError> {
        let shared = Arc::<Shared>::default();
        let (weak, theirs) = (engine.weak(), Arc::clone(&shared));
        let thread = thread::Builder::new()
            .name("skill-epoch".into())
            .stack_size(64 << 10)
            .spawn(move || {
                slices::ask_for(SLICE);
                let Shared { state, changed, computes } = &*theirs;
                let idle = |s: &mut State| s.running == 0 && !s.stopped;
                loop {
                    let guard = state.lock().unwrap_or_else(PoisonError::into_inner);
                    let guard =
                        changed.wait_while(guard, idle).unwrap_or_else(PoisonError::into_inner);
                    if guard.stopped {
                        return;
                    }
                    if computes.swap(false, Ordering::Relaxed) {
                        drop(guard);
                        thread::sleep(TICK);
                    } else {
                        let begun = guard.begun;
                        let all_wait = |s: &mut State| s.begun == begun && !s.stopped;
                        drop(changed.wait_timeout_while(guard, TICK_OF_THE_WAITING, all_wait));
                    }
                    let Some(engine) = weak.upgrade() else { return };
                    engine.increment_epoch();
                }
            })
            .map_err(|e| HostError::Engine { why: e.to_string() })?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// For the guest of one turn.
    pub(crate) fn met(&self) -> Met {
        Met(Arc::clone(&self.shared))
    }

    /// Ticks until the returned value is dropped.
    pub(crate) fn run(&self) -> Ticking<'_> {
        self.met().say();
        self.change(|s| {
            s.running += 1;
            s.begun = s.begun.wrapping_add(1);
        });
        self.shared.changed.notify_one();
        Ticking(self)
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.shared.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Ticking<'_> {
    fn drop(&mut self) {
        self.0.change(|s| s.running -= 1);
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.change(|s| s.stopped = true);
        self.shared.changed.notify_one();
        if let Some(thread) = self.thread.take() {
            // It only sleeps and counts; it cannot have panicked.
            let _ = thread.join();
        }
    }
}
