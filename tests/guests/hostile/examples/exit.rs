//! Leaves as a program does.
//!
//! Must not be shipped.
#![allow(clippy::exit)]

use valet_hostile_guests::hostile;

hostile!(|_| std::process::exit(0));
