//! A few threads that wait for work by spinning, for products too short to wake a thread for.
//!
//! Off unless somebody makes one with two threads or more. Must not allocate or lock per call, and
//! not spin longer than [`SPIN`] when there is nothing to do.

use std::any::Any;
use std::cell::UnsafeCell;
use std::hint::spin_loop;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle, park, yield_now};
use std::time::{Duration, Instant};

/// How long a thread spins before it sleeps: longer than what lies between two products of a
/// token, shorter than anybody would notice on a battery.
pub const SPIN: Duration = Duration::from_micros(200);

/// Turns of a waiting loop between two looks at the clock.
const TURNS: usize = 64;

/// Threads that share one piece of work at a time. Dropped, they end.
#[derive(Debug)]
pub struct Pool {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
}

/// The work at hand, for the number of each thread.
type Work = *const (dyn Fn(usize) + Sync);

struct Shared {
    /// One more for each piece of work.
    turn: AtomicUsize,
    /// Valid from the turn on until `left` is zero.
    work: UnsafeCell<Option<Work>>,
    /// Workers that have not finished it.
    left: AtomicUsize,
    stop: AtomicBool,
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

// SAFETY: `work` is written only by the owner of the pool while no worker looks at it: before the turn is
// published, after all have finished the last one. What it points to may be shared.
unsafe impl Sync for Shared {}
// SAFETY: as above.
unsafe impl Send for Shared {}

impl std::fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Shared").field("turn", &self.turn).finish_non_exhaustive()
    }
}

impl Pool {
    /// The calling thread and `threads - 1` others; none for 0 and 1.
    ///
    /// # Errors
    /// When the system starts no more threads; those that were started end.
    pub fn new(threads: usize) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            turn: AtomicUsize::new(0),
            work: UnsafeCell::new(None),
            left: AtomicUsize::new(0),
            stop: AtomicBool::new(false),
            panic: Mutex::new(None),
        });
        let mut pool = Self { shared, workers: Vec::new() };
        for number in 1..threads {
            let shared = Arc::clone(&pool.shared);
            let worker = Builder::new()
                .name(format!("kernels-{number}"))
                .spawn(move || shared.serve(number))?;
            pool.workers.push(worker);
        }
        Ok(pool)
    }

    /// Threads that share the work, the caller's among them.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.workers.len() + 1
    }

    /// Calls `work` once for each number below [`Self::threads`], each on a thread of its own, and
    /// returns when all have returned.
    ///
    /// # Panics
    /// When one of them panics, with the same payload, after all have ended.
    pub fn run(&mut self, work: &(dyn Fn(usize) + Sync)) {
        let shared = &*self.shared;
        // SAFETY: only the lifetime changes. The workers use it until `left` is zero, and this
        // waits for that, also when its own part panics.
        let lasting = unsafe {
            std::mem::transmute::<&(dyn Fn(usize) + Sync), &'static (dyn Fn(usize) + Sync)>(work)
        };
        // SAFETY: no worker looks at it before the turn below.
        unsafe { *shared.work.get() = Some(lasting) };
        shared.left.store(self.workers.len(), Ordering::Relaxed);
        shared.turn.fetch_add(1, Ordering::Release);
        for worker in &self.workers {
            worker.thread().unpark();
        }
        let own = catch_unwind(AssertUnwindSafe(|| work(0)));
        wait(|| shared.left.load(Ordering::Acquire) == 0, yield_now);
        let theirs = shared.panic.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(payload) = own.err().or(theirs) {
            resume_unwind(payload);
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        self.shared.turn.fetch_add(1, Ordering::Release);
        for worker in self.workers.drain(..) {
            worker.thread().unpark();
            // A worker catches the panics of its work, so it has none to tell.
            let _ended = worker.join();
        }
    }
}

impl Shared {
    /// What a worker does.
    fn serve(&self, number: usize) {
        let mut seen = 0;
        loop {
            wait(|| self.turn.load(Ordering::Acquire) != seen, park);
            if self.stop.load(Ordering::Acquire) {
                return;
            }
            seen = self.turn.load(Ordering::Acquire);
            // SAFETY: written before this turn, and left alone until this worker has finished.
            if let Some(work) = unsafe { *self.work.get() } {
                // SAFETY: `run` waits until this worker has finished.
                let work = unsafe { &*work };
                if let Err(payload) = catch_unwind(AssertUnwindSafe(|| work(number))) {
                    self.panic
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .get_or_insert(payload);
                }
            }
            self.left.fetch_sub(1, Ordering::Release);
        }
    }
}

/// Spins until something is so; after [`SPIN`] rests between two looks.
fn wait(so: impl Fn() -> bool, rest: impl Fn()) {
    let mut begun = None;
    loop {
        for _ in 0..TURNS {
            if so() {
                return;
            }
            spin_loop();
        }
        if begun.get_or_insert_with(Instant::now).elapsed() >= SPIN {
            rest();
        }
    }
}
