//! Runs skills: wasm components with deadlines, memory limits, a fresh store a turn, and
//! grants that are types. The runtime of wasmtime only; compiling is `valet-skillc`'s.
//!
//! Must not hold a compiler, reach the world but through `valet_core::ports`, or let a
//! fault of a skill be more than the end of its turn.

mod actuate;
mod bindings;
mod check;
pub mod code;
pub mod contract;
mod convert;
pub mod engine;
pub mod error;
mod grant;
mod host;
mod imports;
mod invocation;
mod limits;
mod rate;
mod skill;
mod skill_host;
mod slices;
mod stats;
mod ticker;
mod turn;
mod workers;
mod world;

pub use code::CodeSource;
pub use error::HostError;
pub use invocation::{Done, HostConfig, Invocation, LoadReport, Received, Ring, TurnHandle};
pub use skill_host::{Prepared, SkillHost};
pub use stats::{FAULTS_TO_QUARANTINE, SkillState, SkillStats};
pub use world::{Outside, Services};
