//! Effects on the world: the catalogue of vehicle signals and a vehicle to try things on; and what lies
//! outside of the vehicle, each a feature: servers over HTTP, a broker over MQTT, peers on D-Bus.
//!
//! Must not decide whether something is allowed (policy and grants do, before a call comes
//! here; but which addresses a name may lead to is judged where it is connected to), must not name wasm,
//! and names types of D-Bus in `peers` only.

mod behaviour;
mod catalogue;
mod clock;
mod cycle;
mod error;
#[cfg(feature = "http")]
pub mod http;
mod motion;
#[cfg(feature = "mqtt")]
pub mod mqtt;
mod none;
mod overlay;
#[cfg(feature = "dbus-peers")]
pub mod peers;
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
