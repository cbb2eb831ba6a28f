//! Speaking first (capability `announce`), such as when an alarm rings.
//!
//! Must not be used to answer; that is the outcome's.

use crate::bindings::valet::skill::announce as raw;

pub use raw::AnnounceError;

/// Says something, at most 2 KiB.
///
/// # Errors
/// [`AnnounceError`].
pub fn say(speech: &str) -> Result<(), AnnounceError> {
    raw::say(speech)
}
