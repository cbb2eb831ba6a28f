//! The parts of `valet-skillc` that tests try by themselves: its walls.
//!
//! Must not hold anything of compiling; the program does.

pub mod walls;
