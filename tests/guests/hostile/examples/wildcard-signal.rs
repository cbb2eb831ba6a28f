//! Uses patterns, upper case and blanks where a path is due.
//!
//! Must not be shipped.

use valet_hostile_guests::hostile;
use valet_skill_sdk::prelude::*;

hostile!(|_| {
    let tries = [
        "Vehicle.**",
        "*",
        "",
        "Vehicle.Cabin.Light.*",
        " Vehicle.Cabin.Light.IsDomeOn",
        "vehicle.cabin.light.isdomeon",
        "Vehicle.Cabin.Light.IsDomeOn\0",
        "Vehicle..Cabin",
    ];
    let through = tries.iter().filter(|path| matches!(signals::read(path), Ok(Some(_)))).count();
    Ok(Outcome::answer(format!("through {through}")))
});
