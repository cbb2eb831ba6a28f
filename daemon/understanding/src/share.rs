//! Work shared out between this thread and one more.
//!
//! Must not let what comes out depend on which thread did what.

use std::{
    convert::Infallible,
    sync::atomic::{AtomicUsize, Ordering},
};

/// Does some tasks, each with its number, on this thread and one more; where there is no other thread to be had, on this
/// alone. What comes out, in the order of the numbers, is the same.
pub(crate) fn shared_out<T: Send>(tasks: usize, task: impl Fn(usize) -> T + Sync) -> Vec<T> {
    match shared_out_after(|| Ok::<_, Infallible>(()), tasks, task) {
        Ok(((), done)) => done,
    }
}

/// The same where this thread does something else first; when that fails no more tasks are begun.
pub(crate) fn shared_out_after<R, E, T: Send>(
    first: impl FnOnce() -> Result<R, E>,
    tasks: usize,
    task: impl Fn(usize) -> T + Sync,
) -> Result<(R, Vec<T>), E> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= tasks {
                return done;
            }
            done.push((number, task(number)));
        }
    };
    let (first, mut done) = std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("learning".into()).spawn_scoped(scope, work);
        let first = first();
        if first.is_err() {
            next.store(tasks, Ordering::Relaxed);
        }
        let mut done = work();
        match thread.map(std::thread::ScopedJoinHandle::join) {
            Ok(Ok(others)) => done.extend(others),
            Ok(Err(panic)) => std::panic::resume_unwind(panic),
            Err(_) => {}
        }
        (first, done)
    });
    done.sort_unstable_by_key(|(number, _)| *number);
    Ok((first?, done.into_iter().map(|(_, result)| result).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_order_whatever_comes_first() {
        let squares = |tasks: usize| (0..tasks).map(|n| n * n).collect::<Vec<usize>>();
        for tasks in [0, 1, 2, 1000] {
            assert_eq!(shared_out(tasks, |n| n * n), squares(tasks));
            let first = || Ok::<_, ()>("first");
            assert_eq!(shared_out_after(first, tasks, |n| n * n), Ok(("first", squares(tasks))));
        }
    }

    #[test]
    fn where_what_comes_first_fails_no_more_tasks_are_begun() {
        // The other thread stays in its first task until this has failed.
        let (gate, passed) = std::sync::mpsc::channel::<()>();
        let passed = std::sync::Mutex::new(passed);
        let first = move || {
            drop(gate);
            Err::<(), _>("fails")
        };
        let done = AtomicUsize::new(0);
        let task = |_| {
            let _ = passed.lock().expect("unpoisoned").recv();
            done.fetch_add(1, Ordering::Relaxed);
        };
        assert_eq!(shared_out_after(first, 1_000_000, task), Err("fails"));
        assert!(done.load(Ordering::Relaxed) < 1_000_000);
    }
}
