//! Asks the host for the same value without end.
//!
//! Must not be shipped.

use valet_hostile_guests::{LIGHT, hostile};
use valet_skill_sdk::prelude::*;

hostile!(|_| loop {
    let _ = std::hint::black_box(signals::read(LIGHT));
});
