//! How long a thread wants the processor for at a time, and how it gives it away.
//!
//! Must not fail where the kernel has its own mind: what is asked for is a wish.

use std::time::Duration;

/// Asks for slices of this length, 0.1 to 100 ms, for this thread. From Linux 6.12 on whoever wakes and wants a shorter slice
/// than the thread that runs goes first, in all each gets its share as before, and who yields gives away at most a slice.
/// Older kernels take no notice.
#[allow(unsafe_code)]
pub(crate) fn ask_for(slice: Duration) {
    // SAFETY: plain numbers, of which any may be zero.
    let mut wanted: libc::sched_attr = unsafe { std::mem::zeroed() };
    wanted.size = u32::try_from(size_of::<libc::sched_attr>()).unwrap_or_default();
    wanted.sched_flags = KEEP_POLICY;
    // The kernel would set it to zero.
    wanted.sched_nice = rustix::process::nice(0).unwrap_or(0);
    wanted.sched_runtime = u64::try_from(slice.as_nanos()).unwrap_or_default();
    // SAFETY: the kernel reads `size` bytes of a structure that is that large.
    unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const wanted, 0) };
}

/// Lets whoever waits for the processor of this thread have it. Kernels that preempt at ticks only let a guest that computes go
/// on for up to ten milliseconds while somebody's turn waits.
pub(crate) fn give_way() {
    std::thread::yield_now();
}

/// Whatever policy the thread has stays.
const KEEP_POLICY: u64 = 0x08;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_stays_as_nice_as_it_is() {
        let nice = std::thread::spawn(|| {
            rustix::process::nice(3).expect("nicer");
            ask_for(Duration::from_micros(200));
            rustix::process::nice(0).expect("known")
        });
        assert_eq!(nice.join().expect("no panic"), rustix::process::nice(0).expect("known") + 3);
    }
}
