//! The skill threads: a crew for whoever speaks, and one thread for what nobody waits for, each with a bounded queue.
//!
//! Must not know what a job is; a job that panics costs the job, never the thread.

use crate::{error::HostError, slices};
use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

/// Stack of a skill thread, bytes: the guest's and as much again for the host's calls.
const STACK_BYTES: usize = 2 << 20;
/// Threads for what nobody waits for.
const UNASKED_THREADS: usize = 1;
/// How much less they ask of the processor than whoever speaks.
const UNASKED_NICE: i32 = 10;

/// The slice of the processor that skill threads ask for. Since Linux 6.18.2 who yields gives away as much as a slice, of which
/// the usual ones are several milliseconds: beside a busy thread a guest would have a third of the processor, not half.
const SLICE: Duration = Duration::from_micros(200);

type Job = Box<dyn FnOnce() + Send>;

/// Who waits for a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waits {
    /// Somebody who spoke.
    Somebody,
    /// Nobody: an alarm rings, a message came.
    Nobody,
}

/// The threads, and what waits for them.
pub(crate) struct Workers {
    asked: Crew,
    unasked: Crew,
}

impl Workers {
    /// Threads in all where `asked` of them are for whoever speaks: guests that may run at once.
    pub(crate) fn threads(asked: usize) -> usize {
        asked + UNASKED_THREADS
    }

    /// Starts so many threads for whoever speaks, and those for what nobody waits for. So many jobs of each sort may wait.
    pub(crate) fn start(asked: usize, most_waiting: usize) -> Result<Self, HostError> {
        Ok(Self {
            asked: Crew::start("skill", asked, most_waiting, || slices::ask_for(SLICE))?,
            unasked: Crew::start("unasked", UNASKED_THREADS, most_waiting, || {
                // Where it is refused all are equals.
                let _ = rustix::process::nice(UNASKED_NICE);
                slices::ask_for(SLICE);
            })?,
        })
    }

    /// Queues a job.
    ///
    /// # Errors
    /// [`HostError::Busy`] when the queue is full, [`HostError::Stopped`].
    pub(crate) fn submit(&self, waits: Waits, job: Job) -> Result<(), HostError> {
        match waits {
            Waits::Somebody => self.asked.submit(job),
            Waits::Nobody => self.unasked.submit(job),
        }
    }

    /// Drops what waits, lets what runs end, and joins the threads.
    pub(crate) fn stop(&self) {
        self.asked.stop();
        self.unasked.stop();
    }
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    stopped: bool,
}

/// A fixed number of threads that take jobs in order.
struct Crew {
    shared: Arc<(Mutex<Queue>, Condvar)>,
    most_waiting: usize,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Crew {
    /// Starts so many threads; each does `first` before its first job.
    fn start(
        name: &str,
        threads: usize,
        most_waiting: usize,
        first: fn(),
    ) -> Result<Self, HostError> {
        let shared = Arc::new((Mutex::new(Queue::default()), Condvar::new()));
        let mut handles = Vec::with_capacity(threads);
        for i in 0..threads {
            let theirs = Arc::clone(&shared);
            let handle = thread::Builder::new()
                .name(format!("{name}-{i}"))
                .stack_size(STACK_BYTES)
                .spawn(move || {
                    first();
                    work(&theirs);
                })
                .map_err(|e| HostError::Engine { why: e.to_string() })?;
            handles.push(handle);
        }
        Ok(Self { shared, most_waiting, threads: Mutex::new(handles) })
    }

    fn submit(&self, job: Job) -> Result<(), HostError> {
        let (queue, changed) = &*self.shared;
        let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.stopped {
            return Err(HostError::Stopped);
        }
        if queue.jobs.len() >= self.most_waiting {
            return Err(HostError::Busy { waiting: queue.jobs.len() });
        }
        queue.jobs.push_back(job);
        // Let go first, or the thread that wakes runs into the lock.
        drop(queue);
        changed.notify_one();
        Ok(())
    }

    fn stop(&self) {
        let (queue, changed) = &*self.shared;
        let dropped = {
            let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
            queue.stopped = true;
            std::mem::take(&mut queue.jobs)
        };
        changed.notify_all();
        drop(dropped);
        let threads =
            std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            // A job may be what drops the last owner; a thread cannot wait for itself.
            if thread.thread().id() != thread::current().id() && thread.join().is_err() {
                log::error!("a skill thread ended by a panic");
            }
        }
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.stop();
    }
}

fn work(shared: &(Mutex<Queue>, Condvar)) {
    let (queue, changed) = shared;
    loop {
        let waiting = queue.lock().unwrap_or_else(PoisonError::into_inner);
        let mut waiting = changed
            .wait_while(waiting, |q| q.jobs.is_empty() && !q.stopped)
            .unwrap_or_else(PoisonError::into_inner);
        if waiting.stopped {
            return;
        }
        let Some(job) = waiting.jobs.pop_front() else { continue };
        drop(waiting);
        if catch_unwind(AssertUnwindSafe(job)).is_err() {
            log::error!("a job of a skill thread panicked");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn a_full_queue_is_busy_and_a_panic_costs_no_thread() {
        let workers = Workers::start(1, 1).expect("threads");
        let (started, has_started) = mpsc::channel();
        let (go_on, may_go_on) = mpsc::channel::<()>();
        workers
            .submit(
                Waits::Somebody,
                Box::new(move || {
                    started.send(()).expect("sent");
                    may_go_on.recv().expect("told to go on");
                    panic!("as asked");
                }),
            )
            .expect("taken");
        has_started.recv().expect("started");
        let (ran, has_run) = mpsc::channel();
        workers
            .submit(Waits::Somebody, Box::new(move || ran.send(()).expect("sent")))
            .expect("one may wait");
        assert_eq!(
            workers.submit(Waits::Somebody, Box::new(|| {})),
            Err(HostError::Busy { waiting: 1 })
        );
        go_on.send(()).expect("sent");
        has_run.recv().expect("ran after the panic");
        workers.stop();
        assert_eq!(workers.submit(Waits::Somebody, Box::new(|| {})), Err(HostError::Stopped));
    }

    #[test]
    fn what_nobody_waits_for_leaves_the_others_to_who_speaks() {
        let workers = Workers::start(1, 8).expect("threads");
        let (started, has_started) = mpsc::channel();
        let mut held = Vec::new();
        for _ in 0..3 {
            let (go_on, may_go_on) = mpsc::channel::<()>();
            let started = started.clone();
            let job = move || {
                started.send(()).expect("sent");
                may_go_on.recv().expect("told to go on");
            };
            workers.submit(Waits::Nobody, Box::new(job)).expect("taken");
            held.push(go_on);
        }
        has_started.recv().expect("one of them started");
        let (ran, has_run) = mpsc::channel();
        let job = move || ran.send(()).expect("sent");
        workers.submit(Waits::Somebody, Box::new(job)).expect("taken");
        has_run.recv().expect("it ran beside the one");
        assert!(has_started.try_recv().is_err(), "no other of them did");
        for go_on in held {
            go_on.send(()).expect("sent");
        }
        has_started.recv().expect("the second");
        has_started.recv().expect("and the third");
    }
}
