//! Advances the engine's epoch while a guest runs, and sleeps without waking up otherwise.
//!
//! Must not keep the engine alive, and must not decide when a guest has had enough: each
//! turn's clock does.

use crate::error::HostError;
use std::{
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};
use wasmtime::Engine;

/// How often a running guest is looked at, and gives way: about what another turn may wait for it on its processor.
const TICK: Duration = Duration::from_micros(500);

#[derive(Default)]
struct State {
    running: usize,
    stopped: bool,
}

/// The ticking thread.
pub(crate) struct Ticker {
    shared: Arc<(Mutex<State>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

/// While it lives the epoch advances.
pub(crate) struct Ticking<'t>(&'t Ticker);

impl Ticker {
    pub(crate) fn start(engine: &Engine) -> Result<Self, HostError> {
        let shared = Arc::new((Mutex::new(State::default()), Condvar::new()));
        let (weak, theirs) = (engine.weak(), Arc::clone(&shared));
        let thread = thread::Builder::new()
            .name("skill-epoch".into())
            .stack_size(64 << 10)
            .spawn(move || {
                let (state, changed) = &*theirs;
                let idle = |s: &mut State| s.running == 0 && !s.stopped;
                loop {
                    let guard = state.lock().unwrap_or_else(PoisonError::into_inner);
                    let guard =
                        changed.wait_while(guard, idle).unwrap_or_else(PoisonError::into_inner);
                    if guard.stopped {
                        return;
                    }
                    drop(guard);
                    thread::sleep(TICK);
                    let Some(engine) = weak.upgrade() else { return };
                    engine.increment_epoch();
                }
            })
            .map_err(|e| HostError::Engine { why: e.to_string() })?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Ticks until the returned value is dropped.
    pub(crate) fn run(&self) -> Ticking<'_> {
        let slept = self.change(|s| {
            s.running += 1;
            s.running == 1
        });
        if slept {
            self.shared.1.notify_one();
        }
        Ticking(self)
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.shared.0.lock().unwrap_or_else(PoisonError::into_inner))
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
        self.shared.1.notify_one();
        if let Some(thread) = self.thread.take() {
            // It only sleeps and counts; it cannot have panicked.
            let _ = thread.join();
        }
    }
}
