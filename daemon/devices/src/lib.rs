//! Effects on the world: the catalogue of vehicle signals and a vehicle to try things on.
//!
//! Must not decide whether something is allowed (policy and grants do, before a call comes
//! here), and must not name D-Bus types or wasm.

mod behaviour;
mod catalogue;
mod clock;
mod cycle;
mod error;
mod motion;
mod none;
mod overlay;
mod playlist;
mod simulator;
mod values;
mod world;

pub use catalogue::{Catalogue, MAX_CATALOGUE_BYTES, MAX_SIGNALS};
pub use clock::{Changes, ManualClock, MonotonicClock, SimulationClock};
pub use error::DeviceError;
pub use none::NoVehicle;
pub use overlay::MAX_OVERLAY_BYTES;
pub use simulator::{Change, Fault, MAX_LISTENERS, Simulator};
