//! The time of the processor that a thread takes: what else the machine runs does not count.
//!
//! Must not be used for anything that waits.

use rustix::time::{ClockId, clock_gettime};

/// Seconds of the processor that this thread has taken so far.
pub(crate) fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
