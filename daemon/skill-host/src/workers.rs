//! The skill threads and their one bounded queue.
//!
//! Must not know what a job is; a job that panics costs the job, never the thread.

use crate::error::HostError;
use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread::{self, JoinHandle},
};

/// Stack of a skill thread, bytes: the guest's and as much again for the host's calls.
const STACK_BYTES: usize = 2 << 20;

type Job = Box<dyn FnOnce() + Send>;

/// Who waits for a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waits {
    /// Somebody who spoke.
    Somebody,
    /// Nobody: an alarm rings, a message came.
    Nobody,
}

#[derive(Default)]
struct Queue {
    asked: VecDeque<Job>,
    unasked: VecDeque<Job>,
    /// Jobs that nobody waits for and that run now; never on the last thread, where there is another.
    unasked_running: usize,
    most_unasked: usize,
    stopped: bool,
}

impl Queue {
    fn of(&mut self, waits: Waits) -> &mut VecDeque<Job> {
        match waits {
            Waits::Somebody => &mut self.asked,
            Waits::Nobody => &mut self.unasked,
        }
    }

    fn may_begin(&self) -> bool {
        !self.asked.is_empty()
            || (!self.unasked.is_empty() && self.unasked_running < self.most_unasked)
    }

    /// The next job, and who waits for it.
    fn next(&mut self) -> Option<(Job, Waits)> {
        if let Some(job) = self.asked.pop_front() {
            return Some((job, Waits::Somebody));
        }
        if self.unasked_running == self.most_unasked {
            return None;
        }
        let job = self.unasked.pop_front()?;
        self.unasked_running += 1;
        Some((job, Waits::Nobody))
    }
}

/// A fixed number of threads that take jobs in order, those that somebody waits for first.
pub(crate) struct Workers {
    shared: Arc<(Mutex<Queue>, Condvar)>,
    most_waiting: usize,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Workers {
    pub(crate) fn start(threads: usize, most_waiting: usize) -> Result<Self, HostError> {
        let most_unasked = threads.saturating_sub(1).max(1);
        let queue = Queue { most_unasked, ..Queue::default() };
        let shared = Arc::new((Mutex::new(queue), Condvar::new()));
        let mut handles = Vec::with_capacity(threads);
        for i in 0..threads {
            let theirs = Arc::clone(&shared);
            let handle = thread::Builder::new()
                .name(format!("skill-{i}"))
                .stack_size(STACK_BYTES)
                .spawn(move || work(&theirs))
                .map_err(|e| HostError::Engine { why: e.to_string() })?;
            handles.push(handle);
        }
        Ok(Self { shared, most_waiting, threads: Mutex::new(handles) })
    }

    /// Queues a job.
    ///
    /// # Errors
    /// [`HostError::Busy`] when the queue is full, [`HostError::Stopped`].
    pub(crate) fn submit(&self, waits: Waits, job: Job) -> Result<(), HostError> {
        let (queue, changed) = &*self.shared;
        let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.stopped {
            return Err(HostError::Stopped);
        }
        let jobs = queue.of(waits);
        if jobs.len() >= self.most_waiting {
            return Err(HostError::Busy { waiting: jobs.len() });
        }
        jobs.push_back(job);
        // Let go first, or the thread that wakes runs into the lock.
        drop(queue);
        changed.notify_one();
        Ok(())
    }

    /// Drops what waits, lets what runs end, and joins the threads.
    pub(crate) fn stop(&self) {
        let (queue, changed) = &*self.shared;
        let dropped = {
            let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
            queue.stopped = true;
            (std::mem::take(&mut queue.asked), std::mem::take(&mut queue.unasked))
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

impl Drop for Workers {
    fn drop(&mut self) {
        self.stop();
    }
}

fn work(shared: &(Mutex<Queue>, Condvar)) {
    let (queue, changed) = shared;
    loop {
        let waiting = queue.lock().unwrap_or_else(PoisonError::into_inner);
        let mut waiting = changed
            .wait_while(waiting, |q| !q.may_begin() && !q.stopped)
            .unwrap_or_else(PoisonError::into_inner);
        if waiting.stopped {
            return;
        }
        let next = waiting.next();
        drop(waiting);
        let Some((job, waits)) = next else { continue };
        if catch_unwind(AssertUnwindSafe(job)).is_err() {
            log::error!("a job of a skill thread panicked");
        }
        if waits == Waits::Nobody {
            queue.lock().unwrap_or_else(PoisonError::into_inner).unasked_running -= 1;
            changed.notify_one();
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
    fn what_nobody_waits_for_leaves_a_thread_to_who_speaks() {
        let workers = Workers::start(2, 8).expect("threads");
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
