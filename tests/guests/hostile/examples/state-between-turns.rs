//! Keeps a number from one turn to the next.
//!
//! Must not be shipped.

use valet_hostile_guests::hostile;
use valet_skill_sdk::prelude::*;

use std::sync::atomic::{AtomicU32, Ordering};

static TURNS: AtomicU32 = AtomicU32::new(0);

hostile!(|_| Ok(Outcome::answer(format!("turn {}", TURNS.fetch_add(1, Ordering::Relaxed) + 1))));
