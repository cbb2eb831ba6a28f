//! Runs into a trap at each turn.
//!
//! Must not be shipped.

use valet_hostile_guests::hostile;

hostile!(|_| std::process::abort());
