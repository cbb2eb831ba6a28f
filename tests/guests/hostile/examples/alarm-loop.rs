//! Sets an alarm and never ends when it rings.
//!
//! Must not be shipped.

use valet_hostile_guests::hostile;
use valet_skill_sdk::prelude::*;

hostile!(
    |_| {
        alarms::set("trap", clock::now().utc_ms, "")?;
        Ok(Outcome::done())
    },
    |_| loop {
        std::hint::black_box(());
    }
);
