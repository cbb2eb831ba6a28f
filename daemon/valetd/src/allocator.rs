//! How freed memory goes back to the system.
//!
//! Must set its thresholds before anything else, while there is one thread.

/// From which size on a block is mapped by itself, and goes back as soon as it is freed; bytes.
#[cfg(target_env = "gnu")]
const MAPPED: (&str, i32, i32) = ("MALLOC_MMAP_THRESHOLD_", libc::M_MMAP_THRESHOLD, 1 << 20);
/// How much may lie free at the end of the heap, bytes.
#[cfg(target_env = "gnu")]
const TRIMMED: (&str, i32, i32) = ("MALLOC_TRIM_THRESHOLD_", libc::M_TRIM_THRESHOLD, 256 << 10);

/// Pins the thresholds of glibc's allocator, where the environment does not set them. It would
/// raise them each time a large block is freed, and after a training keep some 20 MiB for good,
/// in holes between what lives on.
#[cfg(target_env = "gnu")]
#[allow(unsafe_code)]
pub(crate) fn pin_thresholds() {
    for (variable, parameter, bytes) in [MAPPED, TRIMMED] {
        if std::env::var_os(variable).is_none() {
            // SAFETY: it only sets a number in the allocator, and nothing else runs yet. Where it
            // is refused more memory is used, and nothing else.
            unsafe { libc::mallopt(parameter, bytes) };
        }
    }
}

/// Gives back what lies free between what lives on, of all threads: after a training some 20 MiB, which glibc would keep for
/// threads that are gone. Takes a few milliseconds, in which others may wait for memory.
#[cfg(target_env = "gnu")]
#[allow(unsafe_code)]
pub(crate) fn give_back() {
    // SAFETY: it only looks for free pages, under the allocator's own locks.
    unsafe { libc::malloc_trim(0) };
}

/// Other allocators give back what they like.
#[cfg(not(target_env = "gnu"))]
pub(crate) fn give_back() {}

/// Other allocators than glibc's are left as they are.
#[cfg(not(target_env = "gnu"))]
pub(crate) fn pin_thresholds() {}
