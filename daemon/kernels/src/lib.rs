//! Quantized kernels: products of int8 matrices, and what else a small transformer is made of,
//! for the processor at hand.
//!
//! One [`Kernels`] value is chosen at run time and is the only way in. All kernels of all
//! processors give the same bits as the plain Rust in `scalar.rs`: integer sums are exact, and
//! each float is made by the same operations in the same order. Must not name anything else of ours, allocate
//! more than scratch room, start threads unasked, or read files.
//!
//! `unsafe` is allowed here alone of the model crates: vector instructions need pointers and features.
#![allow(unsafe_code, reason = "vector instructions; each block says why it is sound")]

#[cfg(target_arch = "aarch64")]
mod aarch64;
mod attention;
mod blocks;
mod choice;
mod elements;
mod error;
mod int8;
mod lanes;
mod limit;
mod linear;
mod machine;
mod norm;
mod out;
mod pool;
mod rows;
mod scalar;
#[cfg(target_arch = "x86_64")]
mod x86;

pub use attention::AttentionScratch;
pub use blocks::{BLOCK_LAYOUT, BlockFormat, BlockMatrix, BlockRows};
pub use choice::Kernels;
pub use elements::Int8Table;
pub use error::KernelError;
pub use int8::{
    Activation, Int8Matrix, Int8Parts, MAX_INPUTS, PackedInt8, WORD_BOUND, fullest_word,
};
pub use linear::{Linear, LinearInput, LinearRates};
pub use norm::NormWeights;
pub use pool::{Pool, SPIN};
pub use rows::Int8Rows;
