//! Hands the host a text that claims to be 1 GiB long.
//!
//! Must not be shipped.
#![allow(unsafe_code, clippy::undocumented_unsafe_blocks)]

use valet_hostile_guests::hostile;
use valet_skill_sdk::prelude::*;

hostile!(|_| {
    let text = String::from("Vehicle.Speed");
    let lie = unsafe { std::slice::from_raw_parts(text.as_ptr(), 1 << 30) };
    let lie = unsafe { std::str::from_utf8_unchecked(lie) };
    Ok(Outcome::answer(format!("{:?}", signals::read(lie))))
});
