//! Instants at which a test ends the daemon as a cut of the power would. A build without the feature
//! `fail-points`, which is every one but that of those tests, has nothing of it.
//!
//! Must not do anything else: what a daemon does must not depend on whether it can be ended here.

/// An instant with a name: `FAILPOINTS=<name>=return` in the environment ends the daemon there,
/// `<name>=2*off->return` when it is there for the third time.
#[cfg(feature = "fail-points")]
macro_rules! instant {
    ($name:literal) => {
        fail::fail_point!($name, |_| $crate::instant::end())
    };
}

/// Nothing.
#[cfg(not(feature = "fail-points"))]
macro_rules! instant {
    ($name:literal) => {};
}

/// Reads from the environment where to end.
#[cfg(feature = "fail-points")]
pub(crate) fn set_up() -> fail::FailScenario<'static> {
    fail::FailScenario::setup()
}

/// Ends this process at once: nothing is flushed, nothing is dropped.
#[cfg(feature = "fail-points")]
pub(crate) fn end() -> ! {
    use rustix::process::{Signal, getpid, kill_process};
    let _ = kill_process(getpid(), Signal::KILL);
    std::process::abort()
}
