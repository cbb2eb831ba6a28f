//! Waits for what it reads to change between two calls of the host, to act on what is not so any more.
//!
//! Must not be shipped.

use valet_hostile_guests::{LIGHT, hostile};
use valet_skill_sdk::prelude::*;

hostile!(|_| {
    let before = signals::read_bool(LIGHT)?;
    let sent = Batch::new().set(LIGHT, true).send()?;
    // A second one after the first: what holds for the first holds for it, too.
    let again = Batch::new().set("Vehicle.Cabin.Door.Row1.DriverSide.IsLocked", false).send()?;
    Ok(Outcome::done()
        .with("before", f64::from(u8::from(before == Some(true))))
        .with("sent", sent.outcomes.len() as f64)
        .with("again", again.outcomes.len() as f64))
});
