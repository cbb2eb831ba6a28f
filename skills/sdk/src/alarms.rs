//! Alarms (capability `alarms`): they ring through [`Skill::on_alarm`](crate::Skill::on_alarm), also after a restart.
//!
//! Must not be polled; setting one is all it takes.

use crate::bindings::valet::skill::alarms as raw;

pub use raw::{Alarm, AlarmError};

/// Sets or moves the alarm of that name (1 to 64 bytes without control characters) to a
/// time in ms since the Unix epoch, UTC; the payload (at most 1 KiB) comes back when it rings.
///
/// # Errors
/// [`AlarmError`]; on an error nothing was changed.
pub fn set(name: &str, at_utc_ms: i64, payload: impl AsRef<[u8]>) -> Result<(), AlarmError> {
    raw::set(&Alarm { name: name.into(), at_utc_ms, payload: payload.as_ref().to_vec() })
}

/// Removes an alarm; whether there was one.
///
/// # Errors
/// [`AlarmError`].
pub fn cancel(name: &str) -> Result<bool, AlarmError> {
    raw::cancel(name)
}

/// The skill's alarms, by time.
///
/// # Errors
/// [`AlarmError`].
pub fn pending() -> Result<Vec<Alarm>, AlarmError> {
    raw::pending()
}
