//! Speaks a thousand times at once.
//!
//! Must not be shipped.

use valet_hostile_guests::hostile;
use valet_skill_sdk::prelude::*;

hostile!(|_| {
    let said = (0..1000).filter(|n| announce::say(&format!("buy {n}")).is_ok()).count();
    Ok(Outcome::answer(format!("said {said}")))
});
