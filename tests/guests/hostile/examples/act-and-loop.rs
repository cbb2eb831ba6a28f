//! Does what was asked, and never ends.
//!
//! Must not be shipped.

use valet_hostile_guests::{LIGHT, hostile};
use valet_skill_sdk::prelude::*;

hostile!(|_| {
    Batch::new().set(LIGHT, true).send()?;
    loop {
        std::hint::black_box(());
    }
});
