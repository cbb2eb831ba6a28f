//! A skill like any other, whose sentences are those of the dialogue itself.
//!
//! Must not be shipped.

use valet_hostile_guests::hostile;
use valet_skill_sdk::prelude::*;

hostile!(|_| Ok(Outcome::answer("mine")));
