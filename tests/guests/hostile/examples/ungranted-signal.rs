//! Reads and describes signals that nobody granted it.
//!
//! Must not be shipped.

use valet_hostile_guests::hostile;
use valet_skill_sdk::prelude::*;

hostile!(|_| {
    let lock = "Vehicle.Cabin.Door.Row1.DriverSide.IsLocked";
    let tries = [
        signals::read(lock).is_ok(),
        signals::describe(lock).is_ok(),
        signals::read("Vehicle.Speed").is_ok(),
        location::current().is_ok(),
    ];
    Ok(Outcome::answer(format!("{tries:?}")))
});
