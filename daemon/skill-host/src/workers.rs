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

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    stopped: bool,
}

/// A fixed number of threads that take jobs in order.
pub(crate) struct Workers {
    shared: Arc<(Mutex<Queue>, Condvar)>,
    most_waiting: usize,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Workers {
    pub(crate) fn start(threads: usize, most_waiting: usize) -> Result<Self, HostError> {
        let shared = Arc::new((Mutex::new(Queue::default()), Condvar::new()));
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
    pub(crate) fn submit(&self, job: Job) -> Result<(), HostError> {
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

    /// Drops what waits, lets what runs end, and joins the threads.
    pub(crate) fn stop(&self) {
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
            .wait_while(waiting, |q| q.jobs.is_empty() && !q.stopped)
            .unwrap_or_else(PoisonError::into_inner);
        if waiting.stopped {
            return;
        }
        let job = waiting.jobs.pop_front();
        drop(waiting);
        if let Some(job) = job
            && catch_unwind(AssertUnwindSafe(job)).is_err()
        {
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
            .submit(Box::new(move || {
                started.send(()).expect("sent");
                may_go_on.recv().expect("told to go on");
                panic!("as asked");
            }))
            .expect("taken");
        has_started.recv().expect("started");
        let (ran, has_run) = mpsc::channel();
        workers.submit(Box::new(move || ran.send(()).expect("sent"))).expect("one may wait");
        assert_eq!(workers.submit(Box::new(|| {})), Err(HostError::Busy { waiting: 1 }));
        go_on.send(()).expect("sent");
        has_run.recv().expect("ran after the panic");
        workers.stop();
        assert_eq!(workers.submit(Box::new(|| {})), Err(HostError::Stopped));
    }
}
