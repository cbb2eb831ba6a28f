//! Panics with a text that is meant for a terminal.
//!
//! Must not be shipped.

use valet_hostile_guests::hostile;

hostile!(|_| panic!("\u{1b}[2J\u{7}owned"));
