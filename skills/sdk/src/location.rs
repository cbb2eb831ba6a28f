//! Where the vehicle is (capability `location`).

use crate::bindings::valet::skill::location as raw;

pub use raw::{LocationError, Position};

/// The vehicle's position, degrees, WGS 84.
///
/// # Errors
/// [`LocationError`].
pub fn current() -> Result<Position, LocationError> {
    raw::current()
}
