//! Fills its store, and writes on without end.
//!
//! Must not be shipped.

use valet_hostile_guests::hostile;
use valet_skill_sdk::prelude::*;

hostile!(|_| {
    let mut n = 0_u64;
    loop {
        n += 1;
        let _ = store::write(&format!("key-{n}"), &[7; 512]);
    }
});
