//! Looks for files outside of its assets.
//!
//! Must not be shipped.

use valet_hostile_guests::hostile;
use valet_skill_sdk::prelude::*;

hostile!(|_| {
    let tries = [
        "../skill.toml",
        "/etc/passwd",
        "..",
        ".",
        "",
        "assets/../../skill.toml",
        "..\\skill.toml",
        "a\0b",
        "skill.wasm",
        "%2e%2e/skill.toml",
    ];
    let through = tries.iter().filter(|name| assets::read_at(name, 0, 64).is_ok()).count();
    let through = through + tries.iter().filter(|name| assets::size(name).is_ok()).count();
    Ok(Outcome::answer(format!("through {through}")))
});
