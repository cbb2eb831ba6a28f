//! Keeps a number from one turn to the next, and looks for what another turn left in memory that is fresh to this one.
//!
//! Must not be shipped.
#![allow(unsafe_code, reason = "memory that nobody has written yet is read as it is")]

use valet_hostile_guests::hostile;
use valet_skill_sdk::prelude::*;

use std::sync::atomic::{AtomicU32, Ordering};

static TURNS: AtomicU32 = AtomicU32::new(0);
/// Fresh memory that is read and then written, pages of 64 KiB: more than stays mapped between two guests.
const PAGES: usize = 32;
const PAGE_BYTES: usize = 64 << 10;

/// Bytes that were not zero in memory that was just grown; all of them are something afterwards.
#[cfg(target_arch = "wasm32")]
fn left_over() -> usize {
    let first = core::arch::wasm32::memory_grow(0, PAGES) * PAGE_BYTES;
    // SAFETY: these pages were just added to the memory, and nothing else knows them.
    let fresh = unsafe { std::slice::from_raw_parts_mut(first as *mut u8, PAGES * PAGE_BYTES) };
    let left = fresh.iter().filter(|byte| **byte != 0).count();
    fresh.fill(0x5a);
    std::hint::black_box(fresh);
    left
}

#[cfg(not(target_arch = "wasm32"))]
fn left_over() -> usize {
    0
}

hostile!(|_| {
    let turn = TURNS.fetch_add(1, Ordering::Relaxed) + 1;
    Ok(Outcome::answer(format!("turn {turn}, {} bytes left over", left_over())))
});
