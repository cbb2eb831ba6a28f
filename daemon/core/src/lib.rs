//! The words and rules of Valet: what an utterance, an intent, a turn, a policy is,
//! and how a dialogue goes on. Everything meets here, so everything here is pure.
//!
//! Must not: read a clock, open anything, await, spawn, or name zbus, wasmtime,
//! tract or tokio. Time comes in as [`deadline::Instant`] values; effects go out as data.

pub mod capability;
pub mod contract;
pub mod deadline;
pub mod dialogue;
pub mod encoder;
pub mod entity;
pub mod intent;
pub mod outcome;
pub mod policy;
pub mod ports;
pub mod rates;
pub mod reply;
pub mod routing;
pub mod session;
pub mod signal;
pub mod slot;
pub mod speech;
pub mod understanding;
pub mod utterance;
pub mod wanted;
pub mod zone;
