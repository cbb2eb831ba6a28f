//! The skill host with real guests in the real sandbox. Simulated is the car alone.

mod actuation;
mod faults;
mod grants;
mod kept;
mod loading;
mod outdoors;
mod outside;
mod world;
