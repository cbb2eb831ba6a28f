//! Jumps of the wall clock: a board without a battery learns the time after it started, and what was to ring by then
//! rings at once.
//!
//! Must not poll: the kernel says when the clock was set.

use rustix::{
    io::Errno,
    time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
        timerfd_settime,
    },
};
use std::{io, os::fd::OwnedFd};

/// So far ahead that it never comes, seconds since the epoch.
const NEVER_S: i64 = i64::MAX / 1_000_000_000;

/// Begins a thread that sleeps until the clock is set, and calls then, each time, until nobody listens (`false`).
///
/// # Errors
/// What the kernel says: then jumps go unnoticed.
pub(crate) fn watch(jumped: impl Fn() -> bool + Send + 'static) -> io::Result<()> {
    let timer = timerfd_create(TimerfdClockId::Realtime, TimerfdFlags::CLOEXEC)?;
    arm(&timer)?;
    let sleep = move || {
        loop {
            match rustix::io::read(&timer, &mut [0; 8]) {
                Err(Errno::INTR) => {}
                // That its time came cannot be, but it is set anew all the same.
                Err(Errno::CANCELED) | Ok(_) if arm(&timer).is_ok() && jumped() => {}
                _ => return,
            }
        }
    };
    std::thread::Builder::new().name("clock".into()).spawn(sleep).map(drop)
}

fn arm(timer: &OwnedFd) -> io::Result<()> {
    let flags = TimerfdTimerFlags::ABSTIME | TimerfdTimerFlags::CANCEL_ON_SET;
    let never = Timespec { tv_sec: NEVER_S, tv_nsec: 0 };
    let none = Timespec { tv_sec: 0, tv_nsec: 0 };
    timerfd_settime(timer, flags, &Itimerspec { it_interval: none, it_value: never })?;
    Ok(())
}
