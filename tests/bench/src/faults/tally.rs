//! What came of every request: by which name it was answered, and how far past its deadline.
//!
//! Must not leave out a request for what was broken while it ran.

use super::{presence::Presence, yardstick::Yardstick};
use crate::figures::Report;
use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// How far past its deadline an answer may come.
const GRACE: Duration = Duration::from_millis(50);
/// The bus is told that somebody left a moment before we are.
const NEWS: Duration = Duration::from_millis(100);

/// One request that was answered, or that nobody waits for any more.
#[derive(Debug, Clone)]
pub(super) struct Request {
    /// What was asked.
    pub what: String,
    /// When.
    pub at: Instant,
    /// Until the answer.
    pub took: Duration,
    /// How long it might take.
    pub deadline: Duration,
    /// The answer's type and code, or the error's name.
    pub outcome: String,
}

impl Request {
    fn late_by(&self) -> Duration {
        self.took.saturating_sub(self.deadline)
    }
}

#[derive(Default)]
struct Inner {
    /// What is broken now.
    fault: &'static str,
    outcomes: BTreeMap<(&'static str, String), u64>,
    requests: u64,
    late: Vec<(&'static str, Request)>,
}

/// All requests.
#[derive(Default)]
pub(super) struct Tally(Mutex<Inner>);

impl Tally {
    fn inner(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on this is broken; `well` is nothing.
    pub(super) fn now(&self, fault: &'static str) {
        self.inner().fault = fault;
    }

    /// Counts one.
    pub(super) fn count(&self, request: Request) {
        let mut inner = self.inner();
        inner.requests += 1;
        let fault = inner.fault;
        *inner.outcomes.entry((fault, request.outcome.clone())).or_default() += 1;
        if request.late_by() > GRACE {
            eprintln!(
                "faults: late: {fault}: {:?} took {} ms of {}: {}",
                request.what,
                request.took.as_millis(),
                request.deadline.as_millis(),
                request.outcome
            );
            inner.late.push((fault, request));
        }
    }

    /// The figures. What was late is told apart by whether there was a daemon, and whether the machine stood still.
    pub(super) fn report(&self, presence: &Presence, yardstick: &Yardstick, report: &mut Report) {
        let inner = self.inner();
        let how = "of all clients together";
        report.add("faults.requests", inner.requests as f64, "requests", how);
        let (mut kept, mut stood_still, mut late) = (Vec::new(), Vec::new(), Vec::new());
        for (_, request) in &inner.late {
            let until = request.at + request.took;
            let from = request.at.checked_sub(NEWS).unwrap_or(request.at);
            let excused = yardstick.stood_still(request.at, until);
            let of = if !presence.outages(from, until).is_empty() {
                &mut kept
            } else if request.late_by() <= GRACE + excused {
                &mut stood_still
            } else {
                &mut late
            };
            of.push(request.late_by());
        }
        let mut add = |name: &str, of: &[Duration], how: &str| {
            let worst = of.iter().max().copied().unwrap_or_default();
            report.add(name, of.len() as f64, "requests", how);
            let name = format!("{name}.worst");
            report.add(&name, worst.as_secs_f64() * 1000.0, "ms", "past the deadline, of these");
        };
        add("faults.late", &late, "answered more than 50 ms past the deadline, or never");
        let how = "the same, by no more than the machine itself stood still meanwhile";
        add("faults.late.machine-stood-still", &stood_still, how);
        let how = "the same, kept by the bus while there was no daemon";
        add("faults.late.no-daemon", &kept, how);
        let longest = yardstick.longest().as_secs_f64() * 1000.0;
        let how = "the longest that a thread which only sleeps, as nice as the daemon, woke late";
        report.add("faults.machine-stood-still", longest, "ms", how);
        let by_bus: u64 = inner
            .outcomes
            .iter()
            .filter(|((_, outcome), _)| is_the_bus(outcome))
            .map(|(_, count)| count)
            .sum();
        let how = "answered by the bus, for the daemon was killed or did not come up";
        report.add("faults.answered-by-the-bus", by_bus as f64, "requests", how);
        for ((fault, outcome), count) in &inner.outcomes {
            let how = "by what was broken and by the answer";
            report.add(
                &format!("faults.outcome.{fault}.{outcome}"),
                *count as f64,
                "requests",
                how,
            );
        }
    }
}

/// Errors that the bus gives where there is no daemon to.
fn is_the_bus(outcome: &str) -> bool {
    matches!(outcome, "NoReply" | "ServiceUnknown" | "NameHasNoOwner" | "TimedOut" | "left")
        || outcome.starts_with("Spawn")
}
