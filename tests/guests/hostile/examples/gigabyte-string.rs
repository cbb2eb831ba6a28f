//! Answers with a text that claims to be 1 GiB long.
//!
//! Must not be shipped.
#![allow(unsafe_code, clippy::undocumented_unsafe_blocks, clippy::mem_forget)]

use valet_hostile_guests::hostile;
use valet_skill_sdk::prelude::*;

// The length is a lie: the bytes behind it are not this guest's.
fn lie() -> String {
    let text = String::from("short");
    let pointer = text.as_ptr().cast_mut();
    std::mem::forget(text);
    unsafe { String::from_raw_parts(pointer, 1 << 30, 1 << 30) }
}

hostile!(|_| Ok(Outcome::answer(lie())));
