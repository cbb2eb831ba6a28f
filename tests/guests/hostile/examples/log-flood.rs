//! Writes lines to the log and to its output without end.
//!
//! Must not be shipped.
#![allow(clippy::print_stderr, clippy::print_stdout)]

use valet_hostile_guests::hostile;
use valet_skill_sdk::prelude::*;

hostile!(|_| loop {
    log::info("flood");
    eprintln!("{}", "x".repeat(4000));
    println!("{}", "y".repeat(4000));
});
