//! 64-bit ARM: plain NEON (Cortex-A53, A72), dot products (A55, A76), and int8 matrix
//! multiplication (i8mm: newer cores).
//!
//! Must not be entered without the features; `choice.rs` sees to it. Rust 1.95 has no stable
//! intrinsics for the last two, so their one instruction each is written in assembler.

mod dotprod;
mod i8mm;
mod neon;
mod part;

use dotprod::Dotprod;
use i8mm::I8mm;
use neon::Neon;

use crate::machine::Job;

/// # Safety
/// The processor has NEON.
#[target_feature(enable = "neon")]
pub(crate) unsafe fn with_neon<J: Job>(job: J) -> J::Output {
    job.run::<Neon>()
}

/// # Safety
/// The processor has NEON with dot products.
#[target_feature(enable = "neon,dotprod")]
pub(crate) unsafe fn with_dotprod<J: Job>(job: J) -> J::Output {
    job.run::<Dotprod>()
}

/// # Safety
/// The processor has NEON with dot products and int8 matrix multiplication.
#[target_feature(enable = "neon,dotprod,i8mm")]
pub(crate) unsafe fn with_i8mm<J: Job>(job: J) -> J::Output {
    job.run::<I8mm>()
}
