//! Calls itself without end.
//!
//! Must not be shipped.
#![allow(unconditional_recursion)]

use valet_hostile_guests::hostile;
use valet_skill_sdk::prelude::*;

fn deeper(depth: u64) -> u64 {
    let frame = std::hint::black_box([depth; 64]);
    deeper(depth + 1) + frame[7]
}

hostile!(|_| Ok(Outcome::answer(deeper(0).to_string())));
