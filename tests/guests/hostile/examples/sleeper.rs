//! Sleeps through its turn.
//!
//! Must not be shipped.

use valet_hostile_guests::hostile;
use valet_skill_sdk::prelude::*;

hostile!(|_| {
    std::thread::sleep(std::time::Duration::from_secs(3600));
    Ok(Outcome::answer("awake"))
});
