//! Answers with 2 MiB of speech.
//!
//! Must not be shipped.

use valet_hostile_guests::hostile;
use valet_skill_sdk::prelude::*;

hostile!(|_| Ok(Outcome::answer("buy ".repeat(1 << 19))));
