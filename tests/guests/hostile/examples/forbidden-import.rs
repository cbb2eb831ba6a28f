//! Opens a file as any program would.
//!
//! Must not be shipped.

use valet_hostile_guests::hostile;
use valet_skill_sdk::prelude::*;

hostile!(|_| {
    let stolen = std::fs::read("/etc/passwd").map_or(0, |bytes| bytes.len());
    Ok(Outcome::answer(stolen.to_string()))
});
