//! Looks for the store of another skill behind its own keys.
//!
//! Must not be shipped.

use valet_hostile_guests::hostile;
use valet_skill_sdk::prelude::*;

hostile!(|_| {
    let tries = [
        "../org.valetd.timers/list",
        "\norg.valetd.timers\nlist",
        "org.valetd.timers\nlist",
        "\0",
        "",
        "a\nb",
    ];
    let through = tries.iter().filter(|key| store::write(key, b"x").is_ok()).count();
    let found = tries.iter().filter(|key| matches!(store::read(key), Ok(Some(_)))).count();
    Ok(Outcome::answer(format!("through {through} found {found}")))
});
