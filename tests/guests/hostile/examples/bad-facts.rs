//! Returns numbers that are none, under names that are none.
//!
//! Must not be shipped.

use valet_hostile_guests::hostile;
use valet_skill_sdk::prelude::*;

hostile!(|_| Ok(Outcome::done().with("Not A Name", f64::NAN)));
