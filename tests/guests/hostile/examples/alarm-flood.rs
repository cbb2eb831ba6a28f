//! Sets a thousand alarms.
//!
//! Must not be shipped.

use valet_hostile_guests::hostile;
use valet_skill_sdk::prelude::*;

hostile!(|_| {
    let set =
        (0..1000).filter(|n| alarms::set(&format!("alarm-{n}"), i64::MAX, "").is_ok()).count();
    Ok(Outcome::answer(format!("set {set}")))
});
